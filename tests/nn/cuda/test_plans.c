/* test_plans.c - every cuDNN graph that the program can build has a plan for A100 and H100, found from
 * descriptions of these devices: no device is needed.
 *
 * A fused graph is compiled, for about a second; a plain one takes milliseconds. So by default every preset's
 * plain graphs in every precision are planned for both devices, of the fused ones the first of each kind and
 * one of each preset, of inference and training in turn, on the devices in turn. TENGEN_PLANS=all: every
 * bucket, everything on both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"
#include "tengen/file.h"
#include "tg_test.h"

enum { SIZE = 19, PLANES = 22, GLOBALS = 19, MAX_SPECS = 8192 };

static const char *const presets[] = {"b6c96", "b10c128", "b15c192", "b18c384nbt", "b20c256", "b40c256"};
enum { N_PRESETS = sizeof presets / sizeof *presets };

static struct {
    struct conv_spec spec[MAX_SPECS];
    size_t workspace[MAX_SPECS];
    uint8_t devices[MAX_SPECS]; /* a bit for each that it is planned for */
    int n;
    bool all;
    /* of what is being added */
    size_t limit;
    bool pick; /* one of this pass is wanted */
    int turn;  /* the device that takes it, 0 or 1 */
} graphs;

enum { BOTH = 3 };

/* One of another shape that is fused alike. */
static bool kind_is_known(const struct conv_spec *s)
{
    for (int i = 0; i < graphs.n; i++) {
        const struct conv_spec *g = &graphs.spec[i];

        if (graphs.devices[i] != 0 && g->k == s->k && g->fusion == s->fusion && g->act == s->act)
            return true;
    }
    return false;
}

/* Which devices to plan for: bits. */
static int devices_for(const struct conv_spec *s)
{
    bool picked = graphs.pick && s->n_in == s->n_out; /* of the trunk */

    if (graphs.all || s->fusion == 0)
        return BOTH;
    if (!picked && kind_is_known(s))
        return 0;
    graphs.pick = graphs.pick && !picked;
    return 1 << (graphs.turn ^= 1);
}

static void add(void *ctx, const struct conv_spec *s)
{
    (void)ctx;
    if (s->fusion != 0 && s->precision == PRECISION_F32)
        return; /* never tried: fp32 is "plain", see cuda.c */
    for (int i = 0; i < graphs.n; i++)
        if (memcmp(&graphs.spec[i], s, sizeof *s) == 0 && graphs.workspace[i] == graphs.limit) {
            if (graphs.devices[i] == 0)
                graphs.devices[i] = (uint8_t)devices_for(s);
            return;
        }
    assert_true(graphs.n < MAX_SPECS);
    graphs.devices[graphs.n] = (uint8_t)devices_for(s);
    graphs.spec[graphs.n] = *s;
    graphs.workspace[graphs.n++] = graphs.limit;
}

/* What a pass of so many rows asks for. */
static void collect(const char *preset, int precision, int rows, bool train)
{
    struct nn_arch arch;
    struct nn_net net = {.precision = precision, .train = train};
    struct pass_buffers buffers;
    struct batch_arrays io = {0};
    struct tg_error err;
    size_t bytes;
    struct pass p = {.net = &net, .mode = PASS_COLLECT, .rows = rows, .train = train, .buf = &buffers,
                     .io = &io, .collect = add};

    graphs.limit = train ? TRAIN_WORKSPACE : INFER_WORKSPACE;
    assert_ok(nn_arch_preset(preset, PLANES, GLOBALS, &arch, &err), &err);
    assert_ok(net_shape_open(&arch, SIZE, &net.shape, &err), &err);
    assert_ok(pass_buffers_open(&net.shape, precision, rows, train, (char *)0x1000, &buffers, &bytes, &err),
              &err);
    assert_ok(pass_forward(&p, &err), &err);
    if (train)
        assert_ok(pass_backward(&p, &err), &err);
    pass_buffers_close(&buffers);
    net_shape_close(&net.shape);
}

/* All buckets of a batch of this capacity, or its least and its largest. pick: of 1 the least, of 2 the
 * largest gives a fused graph. */
static void collect_buckets(const char *preset, int precision, int capacity, int pick)
{
    int last = 0;

    for (int n = 1; n <= capacity; n++) {
        int rows = gpu_bucket(capacity, n);

        if (rows != last && (graphs.all || n == 1 || rows == capacity)) {
            graphs.pick = pick == 2 ? rows == capacity : pick == 1 && n == 1;
            collect(preset, precision, rows, false);
        }
        last = rows;
    }
}

static void collect_all(void)
{
    const char *wanted = getenv("TENGEN_PLANS");

    graphs.all = wanted != NULL && strcmp(wanted, "all") == 0;
    for (int i = 0; i < N_PRESETS; i++)
        for (int precision = 0; precision < N_PRECISIONS; precision++) {
            bool infer = i % 2 == 0;

            collect_buckets(presets[i], precision, 1024, infer && precision == PRECISION_BF16 ? 1 + i / 2 % 2 : 0);
            graphs.pick = !infer && precision == PRECISION_F16;
            collect(presets[i], precision, 256, true);
            if (graphs.all) {
                collect(presets[i], precision, 64, true);
                collect(presets[i], precision, 1024, true);
            }
        }
}

static struct device_prop device_of(const char *file)
{
    struct device_prop prop;
    struct tg_error err;
    char *json;
    size_t n;

    assert_ok(tg_file_read(tg_test_source(file), 1 << 16, &json, &n, &err), &err);
    assert_true(n > 100);
    assert_ok(device_prop_of_json(json, n, &prop, &err), &err);
    free(json);
    return prop;
}

static void check_device(int device, const char *file)
{
    struct device_prop prop = device_of(file);
    int n_graphs = 0, n_fused = 0, n_fused_planned = 0, n_missing = 0;
    clock_t start = clock();

    for (int i = 0; i < graphs.n; i++) {
        const struct conv_spec *s = &graphs.spec[i];
        struct conv_plan plan;
        struct tg_error err;
        char text[96];
        int n = 0;

        if (!(graphs.devices[i] & 1 << device))
            continue;
        n_graphs++;
        conv_spec_text(s, text, sizeof text);
        if (conv_plans_find(s, &prop, graphs.workspace[i], 1, &plan, &n, &err) != TG_OK)
            fail_msg("%s: %s", text, err.text);
        n_fused += s->fusion != 0;
        n_fused_planned += s->fusion != 0 && n > 0;
        if (n == 0) {
            printf("%s: no plan for %s: %s\n", file, text, err.text);
            n_missing += s->fusion == 0;
        } else {
            conv_plan_close(&plan);
        }
    }
    printf("%s: %d graphs, %d of them fused, of which %d have a plan; %.1f s of CPU\n", file, n_graphs, n_fused,
           n_fused_planned, (double)(clock() - start) / CLOCKS_PER_SEC);
    device_prop_close(&prop);
    assert_int_equal(n_missing, 0);
    /* a fused one without a plan is computed in two steps: slower, and right */
    assert_true(n_fused_planned > 0);
}

static void every_graph_has_a_plan_for_an_a100(void **state)
{
    (void)state;
    check_device(0, "tests/nn/cuda/a100.json");
}

static void every_graph_has_a_plan_for_an_h100(void **state)
{
    (void)state;
    check_device(1, "tests/nn/cuda/h100.json");
}

/* Of a fused convolution: plans of these kernels. */
static int plan_kernels(const char *file, int act, const int64_t *kernels, int n, char **json)
{
    const struct conv_spec s = {.op = CONV_FORWARD, .rows = 64, .size = SIZE, .n_in = 96, .n_out = 96, .k = 3,
                                .precision = PRECISION_BF16, .fusion = CONV_ADD | CONV_NORM | CONV_RAW,
                                .act = act};
    struct device_prop prop = device_of(file);
    struct conv_plan plans[2];
    struct tg_error err;
    int n_found = 0;

    for (int i = 0; i < n; i++)
        assert_ok(conv_plans_fused(&s, &prop, INFER_WORKSPACE, kernels[i], 1, plans, &n_found, &err), &err);
    if (json != NULL && n_found > 0)
        assert_ok(conv_plan_save(&plans[0], json, &err), &err);
    for (int i = 0; i < n_found; i++) {
        assert_int_equal(plans[i].kernel, kernels[i]);
        conv_plan_close(&plans[i]);
    }
    device_prop_close(&prop);
    return n_found;
}

/* Of the fused kernels that choose.c asks for an H100 has its own; an A100 has none, which is no error. */
static void an_h100_has_fused_kernels_of_its_generation(void **state)
{
    const int64_t wanted[] = {10, 2}, none = 1000;
    char *json = NULL;

    (void)state;
    assert_int_equal(plan_kernels("tests/nn/cuda/a100.json", NN_RELU, wanted, 2, NULL), 0);
    assert_int_equal(plan_kernels("tests/nn/cuda/h100.json", NN_RELU, &none, 1, NULL), 0);
    assert_int_equal(plan_kernels("tests/nn/cuda/h100.json", NN_MISH, wanted, 1, NULL), 1);
    assert_int_equal(plan_kernels("tests/nn/cuda/h100.json", NN_RELU, wanted, 2, &json), 2);
    assert_non_null(strstr(json, "_sm90_"));
    assert_non_null(strstr(json, "256x64x64"));
    free(json);
}

/* What is written to the cache on disk can be taken up again. */
static void a_plan_goes_to_text_and_back(void **state)
{
    struct device_prop prop = device_of("tests/nn/cuda/h100.json");
    struct conv_plan plan, again;
    struct tg_error err;
    char *json;
    int n;

    (void)state;
    for (int i = 0; i < graphs.n; i += graphs.n / 5 + 1) {
        if (graphs.spec[i].fusion != 0)
            continue;
        assert_ok(conv_plans_find(&graphs.spec[i], &prop, graphs.workspace[i], 1, &plan, &n, &err), &err);
        assert_int_equal(n, 1);
        assert_ok(conv_plan_save(&plan, &json, &err), &err);
        assert_ok(conv_plan_load(json, &prop, &again, &err), &err);
        assert_int_equal(again.workspace, plan.workspace);
        free(json);
        conv_plan_close(&plan);
        conv_plan_close(&again);
    }
    assert_int_equal(conv_plan_load("{\"no\": \"plan\"}", &prop, &again, &err), TG_EDEVICE);
    device_prop_close(&prop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_graph_has_a_plan_for_an_a100),
        cmocka_unit_test(every_graph_has_a_plan_for_an_h100),
        cmocka_unit_test(an_h100_has_fused_kernels_of_its_generation),
        cmocka_unit_test(a_plan_goes_to_text_and_back),
    };

    collect_all();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
