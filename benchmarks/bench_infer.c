/* bench_infer.c - a network's evaluation and training step against the machine's own yardstick.
 *
 *   bench_infer [PRESET [SIDE [BATCH]]]
 *
 * In turns, so that other load hits all alike, and the best of several repeats each: the 3x3
 * convolution of oneDNN (direct algorithm, one thread, the network's trunk width), whole-network
 * inference, and a training step (backward and update). FLOP counts are those of direct convolution
 * throughout, so a figure above oneDNN's is work that Winograd's algorithm saves. */
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tengen/nn.h"
#include "tengen/rng.h"

void omp_set_num_threads(int n); /* libgomp's: oneDNN shall use one thread */

enum { REPEATS = 12 };

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check(enum tg_status rc, const struct tg_error *err)
{
    if (rc == TG_OK)
        return;
    fprintf(stderr, "bench_infer: %s\n", err->text);
    exit(1);
}

static void check_dnnl(dnnl_status_t rc)
{
    if (rc == dnnl_success)
        return;
    fprintf(stderr, "bench_infer: oneDNN status %d\n", (int)rc);
    exit(1);
}

/* oneDNN's convolution of `batch` boards, `channels` wide. */
struct yardstick {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t conv;
    dnnl_exec_arg_t args[4];
    int n_args;
    double flops;
};

static void yardstick_open(struct yardstick *y, int batch, int channels, int side)
{
    const dnnl_dims_t data = {batch, channels, side, side}, filter = {channels, channels, 3, 3};
    const dnnl_dims_t ones = {1, 1};
    dnnl_memory_desc_t src, weights, dst;
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    const dnnl_query_t what[] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
    const int arg[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};

    omp_set_num_threads(1);
    check_dnnl(dnnl_engine_create(&y->engine, dnnl_cpu, 0));
    check_dnnl(dnnl_stream_create(&y->stream, y->engine, dnnl_stream_default_flags));
    check_dnnl(dnnl_memory_desc_init_by_tag(&src, 4, data, dnnl_f32, dnnl_format_tag_any));
    check_dnnl(dnnl_memory_desc_init_by_tag(&dst, 4, data, dnnl_f32, dnnl_format_tag_any));
    check_dnnl(dnnl_memory_desc_init_by_tag(&weights, 4, filter, dnnl_f32, dnnl_format_tag_any));
    check_dnnl(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference,
                                                  dnnl_convolution_direct, &src, &weights, NULL,
                                                  &dst, ones, ones, ones));
    check_dnnl(dnnl_primitive_desc_create(&pd, &desc, NULL, y->engine, NULL));
    for (int i = 0; i < 3; i++) {
        const dnnl_memory_desc_t *md = dnnl_primitive_desc_query_md(pd, what[i], 0);
        void *handle;

        y->args[i].arg = arg[i];
        check_dnnl(dnnl_memory_create(&y->args[i].memory, md, y->engine, DNNL_MEMORY_ALLOCATE));
        check_dnnl(dnnl_memory_get_data_handle(y->args[i].memory, &handle));
        memset(handle, 0, dnnl_memory_desc_get_size(md));
    }
    y->n_args = 3;
    check_dnnl(dnnl_primitive_create(&y->conv, pd));
    check_dnnl(dnnl_primitive_desc_destroy(pd));
    y->flops = 2.0 * 9.0 * channels * channels * side * side * batch;
}

static double yardstick_sec(struct yardstick *y)
{
    double start = now_sec();

    check_dnnl(dnnl_primitive_execute(y->conv, y->stream, y->n_args, y->args));
    check_dnnl(dnnl_stream_wait(y->stream));
    return now_sec() - start;
}

static void yardstick_close(struct yardstick *y)
{
    dnnl_primitive_destroy(y->conv);
    for (int i = 0; i < y->n_args; i++)
        dnnl_memory_destroy(y->args[i].memory);
    dnnl_stream_destroy(y->stream);
    dnnl_engine_destroy(y->engine);
}

/* Full boards with a few stones, and targets that sum to 1. */
static void fill_batch(const struct nn_arch *a, int side, struct nn_batch *b)
{
    int points = side * side, bytes = (points + 7) / 8;
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 0, 0);

    b->n = b->capacity;
    for (int r = 0; r < b->n; r++) {
        uint8_t *planes = b->planes + (size_t)(r * a->n_planes * bytes);

        for (int i = 0; i < points; i++) {
            planes[i / 8] |= (uint8_t)(0x80 >> i % 8);
            planes[(1 + (int)tg_rng_below(&rng, 5)) * bytes + i / 8] |= (uint8_t)(0x80 >> i % 8);
        }
        b->symmetry[r] = (uint8_t)(r % 8);
        b->t.policy[r * (points + 1) + r % points] = 1.0f;
        b->t.reply[r * (points + 1) + r % points] = 1.0f;
        b->t.value[r * 3] = 1.0f;
        b->t.row_weight[r] = b->t.w_policy[r] = b->t.w_reply[r] = 1.0f;
        b->t.w_value[r] = b->t.w_score[r] = 1.0f;
    }
}

struct bench {
    const struct nn_backend *backend;
    struct nn_net *net;
    struct nn_batch batch;
    struct tg_error err;
};

static double infer_sec(struct bench *c)
{
    double start = now_sec();

    check(c->backend->infer(c->net, &c->batch, &c->err), &c->err);
    check(c->backend->wait(c->net, &c->batch, &c->err), &c->err);
    return now_sec() - start;
}

static double train_sec(struct bench *c)
{
    const struct nn_loss loss = {1.0f, 0.15f, 8.0f, 0.72f, 1.5f, 0.0015f, 0.001f, 0.006f, 0, 0, false};
    const struct nn_update u = {.learning_rate = 1e-4f, .momentum = 0.9f};
    struct nn_update_result result;
    double start = now_sec();

    check(c->backend->backward(c->net, &c->batch, &loss, c->batch.n, true, &c->err), &c->err);
    check(c->backend->update(c->net, &u, &result, &c->err), &c->err);
    return now_sec() - start;
}

static double least(double a, double b) { return a < b ? a : b; }

int main(int argc, char **argv)
{
    const char *preset = argc > 1 ? argv[1] : "b6c96";
    int side = argc > 2 ? atoi(argv[2]) : 9, n = argc > 3 ? atoi(argv[3]) : 32;
    struct bench c = {.net = NULL};
    struct nn_arch a;
    struct nn_layout layout;
    struct yardstick y;
    char text[200];
    double yard = 1e9, infer = 1e9, train = 1e9;

    check(nn_arch_preset(preset, 22, 19, &a, &c.err), &c.err);
    check(nn_backend_find("cpu", &c.backend, &c.err), &c.err);
    check(c.backend->open(&a, &(struct nn_net_options){.size = side, .threads = 1, .train = true},
                          &c.net, &c.err), &c.err);
    check(nn_layout_open(&a, &layout, &c.err), &c.err);
    float *params = malloc(layout.n_params * sizeof *params);
    if (params == NULL)
        return 1;
    nn_params_init(&a, &layout, 1, params);
    check(c.backend->set(c.net, NN_PARAMS, params, &c.err), &c.err);
    check(c.backend->batch_open(c.net, n, NN_BATCH_TRAIN, &c.batch, &c.err), &c.err);
    fill_batch(&a, side, &c.batch);
    yardstick_open(&y, n, a.trunk, side);

    for (int i = 0; i < REPEATS; i++) {
        yard = least(yard, yardstick_sec(&y));
        infer = least(infer, infer_sec(&c));
        train = least(train, train_sec(&c));
    }
    nn_arch_describe(&a, side, text, sizeof text);
    double direct = y.flops / yard, whole = nn_arch_flops(&a, side) * n / infer;

    printf("%s, batch %d\n", text, n);
    printf("oneDNN 3x3 direct   %8.1f GFLOP/s\n", direct * 1e-9);
    printf("inference           %8.1f GFLOP/s = %.2f of it, %.1f rows/s\n", whole * 1e-9,
           whole / direct, n / infer);
    printf("training step       %8.1f rows/s = %.2f inferences\n", n / train, train / infer);
    yardstick_close(&y);
    c.backend->batch_close(c.net, &c.batch);
    c.backend->close(c.net);
    nn_layout_close(&layout);
    free(params);
    return 0;
}
