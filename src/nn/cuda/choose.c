/* choose.c - which plan computes a convolution. The first time a shape is met the candidates are run on
 * the tensors at hand and the fastest stays, in this net and in the cache on disk. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_call.h"
#include "net.h"
#include "tengen/file.h"

enum { PLAIN = 12, CANDIDATES = PLAIN + FUSED + FUSED_KERNELS };
enum { REPEATS = 10 };
static const double TUNE_SEC = 60.0; /* a net spends on compiling fused plans at most */

struct conv_spec conv_spec_of(const struct pass *p, enum conv_op op, int map, int fusion)
{
    const struct net_shape *s = &p->net->shape;
    const struct conv_map *m = &s->maps[map];

    return (struct conv_spec){.op = op, .rows = p->rows, .size = s->size, .n_in = m->n_in,
                              .n_out = m->n_out, .k = m->k, .precision = p->net->precision,
                              .fusion = fusion,
                              .act = fusion & CONV_NORM ? s->arch.activation : NN_IDENTITY};
}

static struct conv_spec plain_of(const struct conv_spec *s)
{
    struct conv_spec plain = *s;

    plain.fusion = 0;
    plain.act = NN_IDENTITY;
    return plain;
}

bool conv_spec_same(const struct conv_spec *a, const struct conv_spec *b)
{
    return a->op == b->op && a->rows == b->rows && a->size == b->size && a->n_in == b->n_in &&
           a->n_out == b->n_out && a->k == b->k && a->precision == b->precision &&
           a->fusion == b->fusion && a->act == b->act;
}

/* ---- running -------------------------------------------------------------------------------------- */

/* What the plain convolution leaves to do. */
static void launch_rest(struct pass *p, const struct conv_spec *s, const void *sum, void **pointers)
{
    struct norm_forward_args a = {
        .b = {.rows = s->rows, .points = s->size * s->size, .mask = pointers[CONV_T_MASK]},
        .channels = s->n_out, .act = s->act, .in = sum, .in_stride = s->n_out,
        .row_bias = s->fusion & CONV_ROW_BIAS ? pointers[CONV_T_ROW_BIAS] : NULL,
        .row_bias_stride = s->n_out, .add = s->fusion & CONV_ADD ? pointers[CONV_T_ADD] : NULL,
        .raw_stride = s->n_out};

    if (!(s->fusion & CONV_NORM) || s->fusion & CONV_RAW)
        a.raw = pointers[CONV_Y];
    if (s->fusion & CONV_NORM) {
        a.norm = (struct norm_ref){pointers[CONV_T_SCALE], pointers[CONV_T_BIAS]};
        a.out = pointers[CONV_T_OUT];
    }
    if (a.raw == sum && a.add == NULL && a.row_bias == NULL)
        a.raw = NULL; /* it stands there already */
    launch_norm_forward(p->net->precision, &a, p->stream);
}

static enum tg_status run_choice(struct pass *p, const struct choice *c, void **pointers,
                                 struct tg_error *err)
{
    struct conv_spec plain = plain_of(&c->spec);
    void *mine[CONV_TENSORS];

    if (c->fused || c->spec.fusion == 0)
        return conv_plan_run(&c->plan, &c->spec, p->cudnn, pointers, p->workspace, err);
    memcpy(mine, pointers, sizeof mine);
    if (c->spec.fusion & CONV_NORM && !(c->spec.fusion & CONV_RAW))
        mine[CONV_Y] = p->buf->plain;
    TRY(conv_plan_run(&c->plan, &plain, p->cudnn, mine, p->workspace, err));
    launch_rest(p, &c->spec, mine[CONV_Y], pointers);
    LAUNCHED();
    return TG_OK;
}

/* ---- choosing ------------------------------------------------------------------------------------- */

/* Does it run? What it failed at is forgotten. */
static bool works(struct pass *p, const struct choice *c, void **pointers)
{
    struct tg_error ignored;
    bool ok = run_choice(p, c, pointers, &ignored) == TG_OK &&
              cudaStreamSynchronize(p->stream) == cudaSuccess;

    cudaGetLastError();
    return ok;
}

/* Runs as a CUDA graph, NULL if they cannot be recorded. */
static cudaGraphExec_t record_runs(struct pass *p, const struct choice *c, void **pointers)
{
    struct tg_error ignored;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t exec = NULL;
    bool ok = true;

    if (cudaStreamBeginCapture(p->stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
        return NULL;
    for (int i = 0; ok && i < REPEATS; i++)
        ok = run_choice(p, c, pointers, &ignored) == TG_OK;
    ok = cudaStreamEndCapture(p->stream, &graph) == cudaSuccess && ok &&
         cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess;
    if (graph != NULL)
        cudaGraphDestroy(graph);
    return ok ? exec : NULL;
}

/* Enqueue them, from the record if there is one. */
static bool enqueue_runs(struct pass *p, const struct choice *c, void **pointers, cudaGraphExec_t exec)
{
    struct tg_error ignored;
    bool ok = true;

    if (exec != NULL)
        return cudaGraphLaunch(exec, p->stream) == cudaSuccess;
    for (int i = 0; ok && i < REPEATS; i++)
        ok = run_choice(p, c, pointers, &ignored) == TG_OK;
    return ok;
}

/* Seconds of one run, or infinity if it cannot be run. Passes are played from records, and so are these runs:
 * the calls that enqueue a small convolution take longer than it does. */
static double time_choice(struct pass *p, const struct choice *c, void **pointers, bool record, cudaEvent_t from,
                          cudaEvent_t to)
{
    float ms = 0.0f;
    bool ok = works(p, c, pointers);
    cudaGraphExec_t exec = ok && record ? record_runs(p, c, pointers) : NULL;

    ok = ok && (exec != NULL) == record;
    if (ok && record) /* its first launch takes longer */
        ok = enqueue_runs(p, c, pointers, exec);
    ok = ok && cudaEventRecord(from, p->stream) == cudaSuccess && enqueue_runs(p, c, pointers, exec) &&
         cudaEventRecord(to, p->stream) == cudaSuccess && cudaEventSynchronize(to) == cudaSuccess &&
         cudaEventElapsedTime(&ms, from, to) == cudaSuccess;
    if (exec != NULL)
        cudaGraphExecDestroy(exec);
    cudaGetLastError();
    return ok ? 1e-3 * (double)ms / REPEATS : INFINITY;
}

/* Slower, and right. One word for all networks: what is missing for one (a compiler) is missing for most. */
static void say_not_fused(const struct nn_net *net, const struct conv_spec *spec, const char *why)
{
    static bool told; /* under gpu_setup_lock */
    char name[96];

    if (net->log == NULL || told)
        return;
    told = true;
    conv_spec_text(spec, name, sizeof name);
    tg_log(net->log, TG_LOG_WARN, "cuDNN has no fused plan for %s, which is slower without: %s", name, why);
}

/* Which kernels to compile: of convolutions that differ in what is fused alone, the first one's fastest; a 1x1
 * convolution waits for memory, whatever the tile. */
static int kernels_for(const struct nn_net *net, const struct conv_spec *s, const int64_t **which)
{
    for (int i = 0; i < net->n_choices; i++) {
        const struct choice *c = &net->choices[i];

        *which = &c->kernel;
        if (c->kernel >= 0 && c->spec.rows == s->rows && c->spec.k == s->k && c->spec.n_out == s->n_out)
            return 1;
    }
    *which = fused_kernels;
    return fused_kernels_for(s);
}

/* Those of a kernel, of cuDNN's own with kernel -1, compiled ahead or now; added to plans [*n]. */
static enum tg_status fused_plans(struct pass *p, const struct conv_spec *s, int64_t kernel, int most,
                                  struct conv_plan *plans, int *n, struct tg_error *err)
{
    int before = *n;

    if (ahead_take(p->net, s, p->workspace_bytes, kernel, plans, most, n) && (kernel >= 0 || *n > before))
        return TG_OK; /* that cuDNN proposes nothing it is to say again: why */
    return conv_plans_fused(s, &p->net->prop, p->workspace_bytes, kernel, most, plans, n, err);
}

/* Plans for the whole spec: kernels, and of cuDNN's proposals only one where kernels are compared with each other,
 * none where one has been chosen: a pass has up to eight kinds of fused convolutions. */
static enum tg_status find_fused(struct pass *p, const struct conv_spec *spec, struct conv_plan *plans, int *n,
                                 struct tg_error *err)
{
    const int64_t *which;
    int n_kernels = kernels_for(p->net, spec, &which);
    enum tg_status rc = TG_OK;

    *n = 0;
    for (int i = 0; i < n_kernels && rc == TG_OK; i++)
        rc = fused_plans(p, spec, which[i], 1, plans, n, err);
    if (rc == TG_OK && *n > 0 && which != fused_kernels)
        return TG_OK;
    if (rc == TG_OK)
        rc = fused_plans(p, spec, -1, *n > 0 ? 1 : FUSED, plans, n, err);
    while (rc != TG_OK && *n > 0)
        conv_plan_close(&plans[--*n]);
    return rc;
}

/* Candidates for the spec: [0, *n). */
static enum tg_status find_candidates(struct pass *p, const struct conv_spec *spec, struct choice *c, int *n,
                                      struct tg_error *err)
{
    struct conv_spec plain = plain_of(spec);
    struct conv_plan plans[CANDIDATES];
    bool fuse = spec->fusion != 0 && p->tune && !p->net->plain && p->net->tuned_sec < TUNE_SEC;
    int n_plain = 0, n_fused = 0;

    *n = 0;
    TRY(conv_plans_find(&plain, &p->net->prop, p->workspace_bytes, PLAIN, plans, &n_plain, err));
    for (int i = 0; i < n_plain; i++)
        c[(*n)++] = (struct choice){.spec = *spec, .plan = plans[i], .kernel = -1};
    if (fuse)
        TRY(find_fused(p, spec, plans, &n_fused, err));
    if (fuse && n_fused == 0)
        say_not_fused(p->net, spec, err->text);
    for (int i = 0; i < n_fused; i++)
        c[(*n)++] = (struct choice){.spec = *spec, .fused = true, .plan = plans[i], .kernel = -1};
    return TG_OK;
}

/* The index of the first candidate that can be run, -1 if none can. */
static int first_that_works(struct pass *p, struct choice *c, int n, void **pointers)
{
    for (int i = 0; i < n; i++)
        if (works(p, &c[i], pointers))
            return i;
    return -1;
}

/* Time all candidates; the index of the fastest, -1 if none can be run; it remembers the fastest kernel. */
static int time_all(struct pass *p, struct choice *c, int n, void **pointers, bool record, cudaEvent_t from,
                    cudaEvent_t to)
{
    double best = INFINITY, best_kernel = INFINITY;
    int64_t kernel = -1;
    int at = -1;

    for (int i = 0; i < n; i++) {
        double sec = time_choice(p, &c[i], pointers, record, from, to);

        if (sec < best) {
            best = sec;
            at = i;
        }
        if (c[i].plan.kernel >= 0 && sec < best_kernel) {
            best_kernel = sec;
            kernel = c[i].plan.kernel;
        }
    }
    if (at >= 0)
        c[at].kernel = kernel;
    return at;
}

/* The index of the fastest candidate, -1 if none can be run. */
static int fastest(struct pass *p, struct choice *c, int n, void **pointers)
{
    cudaEvent_t from = NULL, to = NULL;
    int at = -1;

    if (cudaEventCreate(&from) == cudaSuccess && cudaEventCreate(&to) == cudaSuccess) {
        at = p->net->no_graphs ? -1 : time_all(p, c, n, pointers, true, from, to);
        if (at < 0) /* a device that cannot record */
            at = time_all(p, c, n, pointers, false, from, to);
    }
    if (from != NULL)
        cudaEventDestroy(from);
    if (to != NULL)
        cudaEventDestroy(to);
    return at;
}

static enum tg_status remember(struct nn_net *net, const struct choice *c, size_t room, const char *key,
                               struct tg_error *err)
{
    char *json = NULL;
    struct tg_error ignored;

    struct choice *grown = realloc(net->choices, (size_t)(net->n_choices + 1) * sizeof *grown);

    if (grown == NULL)
        return FAIL(err, TG_ENOMEM, "a table of %d plans", net->n_choices + 1);
    net->choices = grown;
    net->choices[net->n_choices] = *c;
    net->choices[net->n_choices++].room = room;
    if (key != NULL && conv_plan_save(&c->plan, &json, &ignored) == TG_OK)
        plan_cache_put(&net->cache, key, c->fused, json, &ignored); /* losing it costs time only */
    free(json);
    return TG_OK;
}

static void key_of(const struct conv_spec *s, size_t room, char key[112])
{
    char name[96];

    conv_spec_text(s, name, sizeof name);
    snprintf(key, 112, "%s %zuM", name, room >> 20);
}

bool choice_is_known(struct nn_net *net, const struct conv_spec *s, size_t room)
{
    char key[112];

    for (int i = 0; i < net->n_choices; i++)
        if (net->choices[i].room == room && conv_spec_same(&net->choices[i].spec, s))
            return true;
    key_of(s, room, key);
    return plan_cache_find(&net->cache, key) != NULL;
}

/* A plan from the cache, if there is one that this device takes. */
static bool from_cache(struct nn_net *net, const struct conv_spec *spec, const char *key, size_t workspace,
                       struct choice *c)
{
    const struct plan_cache_entry *e = plan_cache_find(&net->cache, key);
    struct tg_error ignored;

    if (e == NULL) {
        plan_cache_refresh(&net->cache);
        e = plan_cache_find(&net->cache, key);
    }
    *c = (struct choice){.spec = *spec, .fused = e != NULL && e->fused, .kernel = -1};
    if (e == NULL || conv_plan_load(e->json, &net->prop, &c->plan, &ignored) != TG_OK)
        return false;
    if (c->plan.workspace <= workspace)
        return true;
    conv_plan_close(&c->plan);
    return false;
}

static enum tg_status choose(struct pass *p, const struct conv_spec *spec, void **pointers,
                             struct tg_error *err)
{
    struct choice c[CANDIDATES];
    char name[96], key[112];
    int n = 0, best;
    double start = tg_now();

    conv_spec_text(spec, name, sizeof name);
    key_of(spec, p->workspace_bytes, key);
    if (from_cache(p->net, spec, key, p->workspace_bytes, &c[0])) {
        if (works(p, &c[0], pointers))
            return remember(p->net, &c[0], p->workspace_bytes, NULL, err);
        conv_plan_close(&c[0].plan);
    }
    enum tg_status rc = find_candidates(p, spec, c, &n, err);

    if (rc == TG_OK && n == 0)
        rc = FAIL(err, TG_EDEVICE, "cuDNN has no plan for %s within %zu bytes of workspace", name,
                  p->workspace_bytes);
    best = rc != TG_OK ? 0 : (p->tune && n > 1 ? fastest : first_that_works)(p, c, n, pointers);
    if (rc == TG_OK && best < 0)
        rc = FAIL(err, TG_EDEVICE, "none of %d plans for %s can be run", n, name);
    if (rc == TG_OK)
        rc = remember(p->net, &c[best], p->workspace_bytes, p->tune ? key : NULL, err);
    for (int i = 0; i < n; i++)
        if (rc != TG_OK || i != best)
            conv_plan_close(&c[i].plan);
    p->net->tuned_sec += tg_now() - start;
    return rc;
}

enum tg_status conv_run(struct pass *p, const struct conv_spec *spec, void **pointers,
                        struct tg_error *err)
{
    struct nn_net *net = p->net;

    if (p->mode == PASS_COLLECT) {
        struct conv_spec plain = plain_of(spec);

        p->collect(p->ctx, spec);
        if (spec->fusion != 0)
            p->collect(p->ctx, &plain);
        return TG_OK;
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < net->n_choices; i++)
            if (net->choices[i].room == p->workspace_bytes && conv_spec_same(&net->choices[i].spec, spec))
                return run_choice(p, &net->choices[i], pointers, err);
        TRY(choose(p, spec, pointers, err));
    }
    assert(!"a choice was made");
    return TG_OK;
}

void choices_prepare(const struct pass *p)
{
    if (p->tune)
        ahead_open(p, TUNE_SEC - p->net->tuned_sec);
}

void choices_settle(const struct pass *p)
{
    if (p->tune)
        ahead_close(p->net);
}

void choices_close(struct nn_net *net)
{
    for (int i = 0; i < net->n_choices; i++)
        conv_plan_close(&net->choices[i].plan);
    ahead_close(net);
    free(net->choices);
    net->choices = NULL;
    net->n_choices = 0;
}
