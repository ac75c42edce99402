/* backend_fixture.h - small networks, random rows and targets for the tests of any backend. */
#pragma once

#include <stdio.h>

#include "reference.h"
#include "tengen/rng.h"
#include "tg_test.h"

static const char *backend_name = "cpu", *backend_option; /* or the program's arguments */
static struct tg_log *backend_log;

/* How near to the reference: fp32 in every element; else by nmse, the mean squared error over the mean
 * square. Rows are the same bits wherever they stand if same_bits says so. */
static struct {
    double outputs, loss, gradients; /* gradients: of each tensor */
    double relu_gradients, whole_gradient; /* nmse: of each tensor of a net with ReLU; of all together */
    bool same_bits, nmse;
} bound = {2e-5, 2e-5, 2e-4, 0, 0, true, false};

/* Numbers beside what they should be. */
struct nearness {
    double worst, error2, want2;
};

static inline void compare(struct nearness *near, double got, double want)
{
    double error = fabs(got - want) / (1.0 + fabs(want));

    near->worst = error > near->worst || isnan(error) ? error : near->worst;
    near->error2 += (got - want) * (got - want);
    near->want2 += want * want;
}

static inline double distance(const struct nearness *near)
{
    if (isnan(near->worst))
        return INFINITY;
    return bound.nmse ? near->error2 / fmax(near->want2, 1e-30) : near->worst;
}

/* A test may bring its own list of backends. */
#ifdef BACKEND_FIND
enum tg_status BACKEND_FIND(const char *name, const struct nn_backend **backend, struct tg_error *err);
#else
#define BACKEND_FIND nn_backend_find
#endif

enum { PLANES = 11, GLOBALS = 5 };

struct fixture {
    const struct nn_backend *backend;
    struct nn_arch arch;
    struct nn_layout layout;
    struct nn_net *net;
    struct nn_batch batch;
    int size;
    float *params;
    double *exact; /* the same in double */
    struct ref ref;
    struct tg_error err;
};

/* ---- networks ---------------------------------------------------------------------------------- */

/* Channel numbers that are no multiples of 8. */
static inline void base_arch(struct nn_arch *a, int activation)
{
    memset(a, 0, sizeof *a);
    snprintf(a->name, sizeof a->name, "test");
    a->n_planes = PLANES;
    a->n_globals = GLOBALS;
    a->trunk = 10;
    a->stem = 3;
    a->activation = activation;
    a->p1 = 5;
    a->g1 = 6;
    a->n_policy = 3;
    a->policy_role[1] = NN_POLICY_REPLY;
    a->policy_role[2] = NN_POLICY_SOFT;
    a->v1 = 4;
    a->v2 = 7;
    a->n_score = 4;
    a->scales = nn_scales_default;
}

static inline void add_block(struct nn_arch *a, int kind, int mid, int gpool, int n_inner)
{
    a->blocks[a->n_blocks++] = (struct nn_block){.kind = (uint8_t)kind,
                                                 .n_inner = (uint8_t)n_inner,
                                                 .mid = (uint16_t)mid,
                                                 .gpool = (uint16_t)gpool};
}

static inline struct nn_arch residual_net(int activation)
{
    struct nn_arch a;

    base_arch(&a, activation);
    add_block(&a, NN_BLOCK_RESIDUAL, 9, 0, 0);
    add_block(&a, NN_BLOCK_RESIDUAL, 18, 0, 0);
    return a;
}

static inline struct nn_arch gpool_net(int activation)
{
    struct nn_arch a;

    base_arch(&a, activation);
    a.stem = 5;
    a.n_score = 6;
    a.pass_hidden = true;
    add_block(&a, NN_BLOCK_RESIDUAL, 10, 0, 0);
    add_block(&a, NN_BLOCK_GPOOL, 9, 6, 0);
    return a;
}

static inline struct nn_arch nested_net(int activation)
{
    struct nn_arch a;

    base_arch(&a, activation);
    a.stem = 1;
    a.n_policy = 2;
    add_block(&a, NN_BLOCK_NESTED, 7, 0, 2);
    add_block(&a, NN_BLOCK_GPOOL, 6, 5, 0);
    add_block(&a, NN_BLOCK_NESTED, 6, 0, 1);
    add_block(&a, NN_BLOCK_RESIDUAL, 6, 0, 0);
    add_block(&a, NN_BLOCK_RESIDUAL, 8, 0, 0);
    return a;
}

/* Every parameter away from 0, so that nothing hides. */
static inline void random_params(const struct nn_layout *l, uint64_t seed, float *params)
{
    struct tg_rng rng = tg_rng_stream(seed, TG_RNG_TEST, 1, 0);

    for (int i = 0; i < l->n_tensors; i++) {
        const struct nn_tensor *t = &l->tensors[i];
        int fan_in = t->kind == NN_TENSOR_CONV     ? t->dims[1] * t->dims[2] * t->dims[3]
                     : t->kind == NN_TENSOR_MATMUL ? t->dims[0]
                                                   : 25;

        for (size_t k = 0; k < t->n; k++)
            params[t->offset + k] = (float)(tg_rng_normal(&rng) / sqrt((double)fan_in) +
                                            (t->kind == NN_TENSOR_SCALE ? 1.0 : 0.0));
    }
}

static inline void fixture_open(struct fixture *f, const struct nn_arch *arch, int size, int threads,
                         int capacity, int flags)
{
    struct nn_net_options options = {
        .size = size, .threads = threads, .train = true, .extra = backend_option, .log = backend_log};

    memset(f, 0, sizeof *f);
    f->arch = *arch;
    f->size = size;
    assert_ok(BACKEND_FIND(backend_name, &f->backend, &f->err), &f->err);
    assert_ok(nn_layout_open(arch, &f->layout, &f->err), &f->err);
    if (f->backend->open(arch, &options, &f->net, &f->err) == TG_EDEVICE)
        skip();
    assert_non_null(f->net);
    f->params = malloc(f->layout.n_params * sizeof(float));
    f->exact = malloc(f->layout.n_params * sizeof(double));
    random_params(&f->layout, 5, f->params);
    for (size_t i = 0; i < f->layout.n_params; i++)
        f->exact[i] = (double)f->params[i];
    f->ref = (struct ref){&f->arch, &f->layout, f->exact, size};
    assert_ok(f->backend->set(f->net, NN_PARAMS, f->params, &f->err), &f->err);
    assert_ok(f->backend->batch_open(f->net, capacity, flags, &f->batch, &f->err), &f->err);
}

static inline void fixture_close(struct fixture *f)
{
    f->backend->batch_close(f->net, &f->batch);
    f->backend->close(f->net);
    nn_layout_close(&f->layout);
    free(f->params);
    free(f->exact);
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* Row r: a board of some size in the tensor's corner (every third one full), random planes. */
static inline void random_row(const struct fixture *f, struct nn_batch *b, int r, uint64_t seed)
{
    struct tg_rng rng = tg_rng_stream(seed, TG_RNG_TEST, 2, (uint64_t)r);
    int S = f->size, bytes = (S * S + 7) / 8;
    int least = S < 4 ? 2 : S - 2;
    int w = r % 3 == 0 ? S : least + (int)tg_rng_below(&rng, (uint32_t)(S - least + 1));
    int h = r % 3 == 0 ? S : least + (int)tg_rng_below(&rng, (uint32_t)(S - least + 1));
    uint8_t *planes = b->planes + r * f->arch.n_planes * bytes;

    memset(planes, 0, (size_t)(f->arch.n_planes * bytes));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int c = 0; c < f->arch.n_planes; c++)
                if (c == 0 || tg_rng_below(&rng, 3) == 0)
                    planes[c * bytes + (y * S + x) / 8] |= (uint8_t)(0x80 >> (y * S + x) % 8);
    for (int g = 0; g < f->arch.n_globals; g++)
        b->globals[r * f->arch.n_globals + g] = (float)tg_rng_normal(&rng);
    b->symmetry[r] = (uint8_t)(r % 8);
}

static inline bool on_board(const struct fixture *f, const struct nn_batch *b, int r, int plane, int p)
{
    int bytes = (f->size * f->size + 7) / 8;

    return b->planes[(r * f->arch.n_planes + plane) * bytes + p / 8] & 0x80 >> p % 8;
}

/* A distribution over on-board points and pass. */
static inline void random_policy(const struct fixture *f, const struct nn_batch *b, int r,
                          struct tg_rng *rng, float *policy)
{
    int points = f->size * f->size;
    double sum = 0.0, p[REF_POINTS + 1];

    for (int i = 0; i <= points; i++)
        sum += p[i] = (i == points || on_board(f, b, r, 0, i)) && tg_rng_below(rng, 2)
                          ? tg_rng_exponential(rng)
                          : 0.0;
    for (int i = 0; i <= points; i++)
        policy[i] = sum > 0.0 ? (float)(p[i] / sum) : i == points ? 1.0f : 0.0f;
}

static inline void random_targets(const struct fixture *f, struct nn_batch *b, int r)
{
    struct tg_rng rng = tg_rng_stream(9, TG_RNG_TEST, 3, (uint64_t)r);
    int points = f->size * f->size;
    struct nn_targets *t = &b->t;
    double v[3], sum = 0.0;

    random_policy(f, b, r, &rng, t->policy + r * (points + 1));
    random_policy(f, b, r, &rng, t->reply + r * (points + 1));
    for (int k = 0; k < 3; k++)
        sum += v[k] = tg_rng_exponential(&rng);
    for (int k = 0; k < 3; k++)
        t->value[r * 3 + k] = (float)(v[k] / sum);
    t->score[r] = (float)(20.0 * tg_rng_normal(&rng));
    for (int p = 0; p < points; p++)
        t->ownership[r * points + p] = (float)(2.0 * tg_rng_double(&rng) - 1.0);
    t->w_policy[r] = r == 1 ? 0.0f : 1.0f;
    t->w_reply[r] = r == 2 ? 0.0f : 0.5f + (float)tg_rng_double(&rng);
    t->w_value[r] = 0.5f + (float)tg_rng_double(&rng);
    t->w_score[r] = r == 1 ? 0.0f : 0.5f + (float)tg_rng_double(&rng);
    t->row_weight[r] = 0.5f + (float)tg_rng_double(&rng);
}

static inline void fill(struct fixture *f, int n, uint64_t seed)
{
    f->batch.n = n;
    for (int r = 0; r < n; r++) {
        random_row(f, &f->batch, r, seed);
        if (f->batch.t.policy != NULL)
            random_targets(f, &f->batch, r);
    }
}

/* Row r as the network sees it, turned. */
static inline double *turned_planes(const struct fixture *f, int r)
{
    int points = f->size * f->size;
    double *x = calloc((size_t)(f->arch.n_planes * points), sizeof *x);

    for (int c = 0; c < f->arch.n_planes; c++)
        for (int p = 0; p < points; p++)
            x[c * points + game_symmetry(f->size, f->batch.symmetry[r], p)] =
                on_board(f, &f->batch, r, c, p) ? 1.0 : 0.0;
    return x;
}

static inline void reference_row(const struct fixture *f, int r, struct ref_out *o)
{
    double *planes = turned_planes(f, r), globals[GLOBALS];

    for (int g = 0; g < f->arch.n_globals; g++)
        globals[g] = (double)f->batch.globals[r * f->arch.n_globals + g];
    ref_forward(&f->ref, planes, globals, o);
    free(planes);
}

static inline void infer(struct fixture *f)
{
    assert_ok(f->backend->infer(f->net, &f->batch, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
    assert_true(f->backend->ready(f->net, &f->batch));
}

/* Every loss at once, with weights that keep their gradients comparable. */
static const struct nn_loss all_losses = {.policy = 1.0f,
                                          .reply = 0.3f,
                                          .soft_policy = 2.0f,
                                          .value = 0.7f,
                                          .ownership = 1.5f,
                                          .score_mean = 0.02f,
                                          .score_stdev = 0.03f,
                                          .lead = 0.04f};

/* usage: TEST [BACKEND [OPTION [PATTERN]]]; PATTERN: only the tests of such names. Ends the program with status 77 where the device is missing. */
static inline void fixture_choose(int argc, char **argv)
{
    const struct nn_backend *backend;
    struct nn_arch arch = residual_net(NN_RELU);
    struct nn_net_options options = {.size = 3};
    struct nn_net *net = NULL;
    struct tg_error err;

    backend_name = argc > 1 ? argv[1] : backend_name;
    backend_option = argc > 2 ? argv[2] : NULL;
    if (argc > 3)
        cmocka_set_test_filter(argv[3]);
    if (strcmp(backend_name, "cuda") != 0)
        return;
    bound.same_bits = false; /* other kernels for other sizes of a batch */
    if (backend_option == NULL || strncmp(backend_option, "fp32", 4) != 0) {
        /* A rounding to m bits of mantissa has a relative error of variance 2^-2m / 12 or so: 1.3e-6 for
         * the 8 bits of bf16, a 64th of that for the 11 of fp16. Three roundings a layer (filters, sum,
         * activation) in a dozen layers come to 5e-5; a head of three numbers may be ten times worse than
         * the average. Gradients go the way twice. ReLU's slope and a pool's
         * maximum jump: in its nets one unit that bf16 puts on the other side makes up to 8 % of a tensor
         * (measured: 76 to 99.9 % of that tensor's error in one channel) and 0.2 % of all tensors together.
         * A wrong factor in a tensor is beyond even that. */
        double finer = backend_option != NULL && strncmp(backend_option, "fp16", 4) == 0 ? 1.0 / 64.0 : 1.0;

        bound.nmse = true;
        bound.outputs = 2e-3 * finer;
        bound.gradients = 2e-2 * finer;
        bound.relu_gradients = finer < 1.0 ? bound.gradients : 0.15; /* fp16: none here does */
        bound.whole_gradient = 5e-3 * finer;
        bound.loss = 1e-2 * sqrt(finer);
    }
    enum tg_status rc = BACKEND_FIND(backend_name, &backend, &err);

    options.extra = backend_option;
    if (rc == TG_OK)
        rc = backend->open(&arch, &options, &net, &err);
    if (rc == TG_OK) {
        backend->close(net);
        return;
    }
    fprintf(stderr, "%s\n", err.text);
    exit(rc == TG_EDEVICE ? 77 : 1);
}
