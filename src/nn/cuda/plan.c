/* plan.c - plans for a graph: found by cuDNN's heuristics, saved and loaded as text, run. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cudnn_call.h"
#include "graph.h"

enum { MAX_CONFIGS = 64, KERNEL_ENGINE = 2 /* seen with cuDNN 9.19 */ };

enum tg_status cudnn_failed(struct tg_error *err, cudnnStatus_t status, const char *call,
                            const char *file, int line, const char *func)
{
    char why[256] = "";

    cudnnGetLastErrorString(why, sizeof why);
    return tg_fail_at(err, TG_EDEVICE, file, line, func, "cuDNN: %s: %.200s (%.120s)",
                      cudnnGetErrorString(status), why, call);
}

/* ---- devices ------------------------------------------------------------------------------------ */

enum tg_status device_prop_of_device(struct device_prop *p, struct tg_error *err)
{
    *p = (struct device_prop){0};
    CUDNN(cudnnCreate(&p->handle));
    return TG_OK;
}

static enum tg_status set_description(cudnnBackendAttributeName_t by, cudnnBackendAttributeType_t type, int64_t n,
                                      const void *value, struct device_prop *p, struct tg_error *err)
{
    CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &p->d));
    CUDNN(cudnnBackendSetAttribute(p->d, by, type, n, value));
    CUDNN(cudnnBackendFinalize(p->d));
    return TG_OK;
}

static enum tg_status describe(cudnnBackendAttributeName_t by, cudnnBackendAttributeType_t type, int64_t n,
                               const void *value, struct device_prop *p, struct tg_error *err)
{
    *p = (struct device_prop){0};
    enum tg_status rc = set_description(by, type, n, value, p, err);

    if (rc != TG_OK)
        device_prop_close(p);
    return rc;
}

enum tg_status device_prop_describe(int device, struct device_prop *p, struct tg_error *err)
{
    int32_t id = device;

    return describe(CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &id, p, err);
}

enum tg_status device_prop_of_json(const char *json, size_t n, struct device_prop *p,
                                   struct tg_error *err)
{
    return describe(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, (int64_t)n, json, p, err);
}

void device_prop_close(struct device_prop *p)
{
    if (p->d != NULL)
        cudnnBackendDestroyDescriptor(p->d);
    if (p->handle != NULL)
        cudnnDestroy(p->handle);
    *p = (struct device_prop){0};
}

/* A plan is for this device. */
static cudnnStatus_t plan_for(cudnnBackendDescriptor_t plan, const struct device_prop *prop)
{
    if (prop->handle != NULL)
        return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1,
                                        &prop->handle);
    return cudnnBackendSetAttribute(plan, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP,
                                    CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &prop->d);
}

void conv_plan_close(struct conv_plan *p)
{
    if (p->d != NULL)
        cudnnBackendDestroyDescriptor(p->d);
    p->d = NULL;
}

/* ---- finding ------------------------------------------------------------------------------------ */

/* May it be used? */
static bool engine_allowed(cudnnBackendDescriptor_t engine, int precision)
{
    cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
    int64_t n = 0;
    bool allowed = true;

    if (cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                 CUDNN_NUMERICAL_NOTE_TYPE_COUNT, &n, notes) != CUDNN_STATUS_SUCCESS)
        n = 0;
    for (int64_t i = 0; i < n; i++) {
        allowed = allowed && notes[i] != CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC &&
                  notes[i] != CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION;
        if (precision == PRECISION_F32) /* 10 bits of mantissa are not fp32 */
            allowed = allowed && notes[i] != CUDNN_NUMERICAL_NOTE_TENSOR_CORE &&
                      notes[i] != CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS;
    }
    return allowed;
}

/* The same of a configuration's engine, and its number. */
static bool config_allowed(cudnnBackendDescriptor_t config, int precision, int64_t *number)
{
    cudnnBackendDescriptor_t engine = NULL;
    int64_t n = 0;
    bool allowed = false;

    *number = -1;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine) != CUDNN_STATUS_SUCCESS)
        return false;
    if (cudnnBackendGetAttribute(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                 &n, &engine) == CUDNN_STATUS_SUCCESS) {
        cudnnBackendGetAttribute(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &n, number);
        allowed = engine_allowed(engine, precision);
    }
    cudnnBackendDestroyDescriptor(engine);
    return allowed;
}

/* The plan of a configuration, if it can be had; not being able to is no error. */
static bool try_config(cudnnBackendDescriptor_t config, const struct device_prop *prop,
                       size_t max_workspace, struct conv_plan *p)
{
    int64_t workspace = 0, n = 0;

    p->d = NULL;
    if (cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &p->d) !=
        CUDNN_STATUS_SUCCESS)
        return false;
    if (cudnnBackendSetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                                 CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &config) == CUDNN_STATUS_SUCCESS &&
        plan_for(p->d, prop) == CUDNN_STATUS_SUCCESS &&
        cudnnBackendFinalize(p->d) == CUDNN_STATUS_SUCCESS &&
        cudnnBackendGetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &n,
                                 &workspace) == CUDNN_STATUS_SUCCESS &&
        workspace >= 0 && (size_t)workspace <= max_workspace) {
        p->workspace = (size_t)workspace;
        return true;
    }
    conv_plan_close(p);
    return false;
}

/* Configurations of one mode of the heuristics. */
struct configs {
    cudnnBackendDescriptor_t heur, config[MAX_CONFIGS];
    int64_t n;
};

static void configs_close(struct configs *c)
{
    for (int i = 0; i < MAX_CONFIGS; i++)
        if (c->config[i] != NULL)
            cudnnBackendDestroyDescriptor(c->config[i]);
    if (c->heur != NULL)
        cudnnBackendDestroyDescriptor(c->heur);
    memset(c, 0, sizeof *c);
}

static enum tg_status configs_ask(cudnnBackendDescriptor_t graph, const struct device_prop *prop,
                                  cudnnBackendHeurMode_t mode, struct configs *c, struct tg_error *err)
{
    memset(c, 0, sizeof *c);
    CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, &c->heur));
    CUDNN(cudnnBackendSetAttribute(c->heur, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph));
    CUDNN(cudnnBackendSetAttribute(c->heur, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode));
    if (prop->handle == NULL) /* else the graph knows the device */
        CUDNN(cudnnBackendSetAttribute(c->heur, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                                       CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &prop->d));
    if (cudnnBackendFinalize(c->heur) != CUDNN_STATUS_SUCCESS)
        return TG_OK; /* nothing fits: no configurations */
    for (int i = 0; i < MAX_CONFIGS; i++)
        CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &c->config[i]));
    if (cudnnBackendGetAttribute(c->heur, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                 MAX_CONFIGS, &c->n, c->config) != CUDNN_STATUS_SUCCESS)
        c->n = 0;
    c->n = c->n < MAX_CONFIGS ? c->n : MAX_CONFIGS;
    return TG_OK;
}

enum tg_status conv_plans_of_graph(cudnnBackendDescriptor_t graph, int precision,
                                   const struct device_prop *prop, size_t max_workspace, int n,
                                   struct conv_plan *plans, int *n_found, struct tg_error *err)
{
    static const cudnnBackendHeurMode_t modes[] = {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};

    for (size_t m = 0; m < sizeof modes / sizeof *modes && (m == 0 || *n_found == 0); m++) {
        struct configs c;
        enum tg_status rc = configs_ask(graph, prop, modes[m], &c, err);

        for (int64_t i = 0; rc == TG_OK && i < c.n && *n_found < n; i++) {
            struct conv_plan *p = &plans[*n_found];

            p->kernel = -1;
            *n_found += config_allowed(c.config[i], precision, &p->engine) &&
                        try_config(c.config[i], prop, max_workspace, p);
        }
        configs_close(&c);
        TRY(rc);
    }
    return TG_OK;
}

/* Descriptors of one kernel's plan: engine, choice of the kernel, configuration. */
enum { OF_ENGINE, OF_KNOB, OF_CONFIG, N_OF };

static bool create(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *d)
{
    return cudnnBackendCreateDescriptor(type, d) == CUDNN_STATUS_SUCCESS;
}

static bool set(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                const void *value)
{
    return cudnnBackendSetAttribute(d, name, type, 1, value) == CUDNN_STATUS_SUCCESS;
}

static bool finish(cudnnBackendDescriptor_t d) { return cudnnBackendFinalize(d) == CUDNN_STATUS_SUCCESS; }

/* The kernel's configuration of the graph; false if this device or cuDNN does not have it. */
static bool have_kernel(cudnnBackendDescriptor_t graph, int precision, const struct device_prop *prop,
                        int64_t kernel, cudnnBackendDescriptor_t d[N_OF])
{
    const int64_t number = KERNEL_ENGINE;
    const cudnnBackendKnobType_t knob = CUDNN_KNOB_TYPE_KERNEL_CFG;
    const cudnnBackendAttributeType_t descriptor = CUDNN_TYPE_BACKEND_DESCRIPTOR;

    return create(CUDNN_BACKEND_ENGINE_DESCRIPTOR, &d[OF_ENGINE]) &&
           set(d[OF_ENGINE], CUDNN_ATTR_ENGINE_OPERATION_GRAPH, descriptor, &graph) &&
           set(d[OF_ENGINE], CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, &number) &&
           (prop->handle != NULL || set(d[OF_ENGINE], CUDNN_ATTR_ENGINE_DEVICEPROP, descriptor, &prop->d)) &&
           finish(d[OF_ENGINE]) && engine_allowed(d[OF_ENGINE], precision) &&
           create(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, &d[OF_KNOB]) &&
           set(d[OF_KNOB], CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, &knob) &&
           set(d[OF_KNOB], CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, &kernel) && finish(d[OF_KNOB]) &&
           create(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &d[OF_CONFIG]) &&
           set(d[OF_CONFIG], CUDNN_ATTR_ENGINECFG_ENGINE, descriptor, &d[OF_ENGINE]) &&
           set(d[OF_CONFIG], CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, descriptor, &d[OF_KNOB]) && finish(d[OF_CONFIG]);
}

bool conv_plan_of_kernel(cudnnBackendDescriptor_t graph, int precision, const struct device_prop *prop,
                         size_t max_workspace, int64_t kernel, struct conv_plan *p)
{
    cudnnBackendDescriptor_t d[N_OF] = {NULL};
    bool ok = have_kernel(graph, precision, prop, kernel, d) && try_config(d[OF_CONFIG], prop, max_workspace, p);

    p->engine = KERNEL_ENGINE;
    p->kernel = kernel;
    for (int i = N_OF - 1; i >= 0; i--)
        if (d[i] != NULL)
            cudnnBackendDestroyDescriptor(d[i]);
    return ok;
}

/* ---- text --------------------------------------------------------------------------------------- */

enum tg_status conv_plan_save(const struct conv_plan *p, char **json, struct tg_error *err)
{
    int64_t n = 0, got = 0;

    *json = NULL;
    CUDNN(cudnnBackendGetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                   0, &n, NULL));
    char *text = calloc((size_t)n + 1, 1);

    if (text == NULL)
        return FAIL(err, TG_ENOMEM, "a plan of %lld bytes", (long long)n);
    cudnnStatus_t rc = cudnnBackendGetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION,
                                                CUDNN_TYPE_CHAR, n, &got, text);

    if (rc != CUDNN_STATUS_SUCCESS) {
        free(text);
        return cudnn_failed(err, rc, "the text of a plan", __FILE__, __LINE__, __func__);
    }
    *json = text;
    return TG_OK;
}

static enum tg_status load(const char *json, const struct device_prop *prop, struct conv_plan *p,
                           struct tg_error *err)
{
    int64_t workspace = 0, n = 0;

    CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &p->d));
    CUDNN(plan_for(p->d, prop));
    CUDNN(cudnnBackendSetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                   (int64_t)strlen(json), json));
    CUDNN(cudnnBackendFinalize(p->d));
    CUDNN(cudnnBackendGetAttribute(p->d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1,
                                   &n, &workspace));
    p->workspace = workspace > 0 ? (size_t)workspace : 0;
    p->engine = p->kernel = -1;
    return TG_OK;
}

enum tg_status conv_plan_load(const char *json, const struct device_prop *prop, struct conv_plan *p,
                              struct tg_error *err)
{
    enum tg_status rc;

    p->d = NULL;
    TRY_OUT(load(json, prop, p, err));
    return TG_OK;
out:
    conv_plan_close(p);
    return rc;
}

/* ---- running ------------------------------------------------------------------------------------ */

static enum tg_status fill_pack(cudnnBackendDescriptor_t pack, const struct conv_spec *s,
                                void *const *pointers, void *workspace, struct tg_error *err)
{
    int64_t ids[CONV_TENSORS];
    void *data[CONV_TENSORS];
    int n = conv_spec_tensors(s, ids);

    for (int i = 0; i < n; i++) {
        data[i] = pointers[ids[i]];
        assert(data[i] != NULL);
    }
    CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, ids));
    CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n,
                                   data));
    CUDNN(cudnnBackendSetAttribute(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
                                   &workspace));
    CUDNN(cudnnBackendFinalize(pack));
    return TG_OK;
}

enum tg_status conv_plan_run(const struct conv_plan *p, const struct conv_spec *s,
                             cudnnHandle_t handle, void *const *pointers, void *workspace,
                             struct tg_error *err)
{
    cudnnBackendDescriptor_t pack = NULL;
    enum tg_status rc;

    CUDNN(cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack));
    TRY_OUT(fill_pack(pack, s, pointers, workspace, err));
    cudnnStatus_t ran = cudnnBackendExecute(handle, p->d, pack);

    if (ran != CUDNN_STATUS_SUCCESS) {
        char text[96];

        conv_spec_text(s, text, sizeof text);
        rc = cudnn_failed(err, ran, text, __FILE__, __LINE__, __func__);
    }
out:
    cudnnBackendDestroyDescriptor(pack);
    return rc;
}
