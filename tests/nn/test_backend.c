/* test_backend.c - what every backend owes: outputs and gradients of the reference, rows that do not
 * see each other, sums that do not see how they were cut, optimisers by the book. */
#include <pthread.h>

#include "reference.h"
#include "tengen/rng.h"
#include "tg_test.h"

static const char *backend_name = "cpu";

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
static void base_arch(struct nn_arch *a, int activation)
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

static void add_block(struct nn_arch *a, int kind, int mid, int gpool, int n_inner)
{
    a->blocks[a->n_blocks++] = (struct nn_block){.kind = (uint8_t)kind,
                                                 .n_inner = (uint8_t)n_inner,
                                                 .mid = (uint16_t)mid,
                                                 .gpool = (uint16_t)gpool};
}

static struct nn_arch residual_net(int activation)
{
    struct nn_arch a;

    base_arch(&a, activation);
    add_block(&a, NN_BLOCK_RESIDUAL, 9, 0, 0);
    add_block(&a, NN_BLOCK_RESIDUAL, 18, 0, 0);
    return a;
}

static struct nn_arch gpool_net(int activation)
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

static struct nn_arch nested_net(int activation)
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
static void random_params(const struct nn_layout *l, uint64_t seed, float *params)
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

static void fixture_open(struct fixture *f, const struct nn_arch *arch, int size, int threads,
                         int capacity, int flags)
{
    struct nn_net_options options = {.size = size, .threads = threads, .train = true};

    memset(f, 0, sizeof *f);
    f->arch = *arch;
    f->size = size;
    assert_ok(nn_backend_find(backend_name, &f->backend, &f->err), &f->err);
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

static void fixture_close(struct fixture *f)
{
    f->backend->batch_close(f->net, &f->batch);
    f->backend->close(f->net);
    nn_layout_close(&f->layout);
    free(f->params);
    free(f->exact);
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* Row r: a board of some size in the tensor's corner (every third one full), random planes. */
static void random_row(const struct fixture *f, struct nn_batch *b, int r, uint64_t seed)
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

static bool on_board(const struct fixture *f, const struct nn_batch *b, int r, int plane, int p)
{
    int bytes = (f->size * f->size + 7) / 8;

    return b->planes[(r * f->arch.n_planes + plane) * bytes + p / 8] & 0x80 >> p % 8;
}

/* A distribution over on-board points and pass. */
static void random_policy(const struct fixture *f, const struct nn_batch *b, int r,
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

static void random_targets(const struct fixture *f, struct nn_batch *b, int r)
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

static void fill(struct fixture *f, int n, uint64_t seed)
{
    f->batch.n = n;
    for (int r = 0; r < n; r++) {
        random_row(f, &f->batch, r, seed);
        if (f->batch.t.policy != NULL)
            random_targets(f, &f->batch, r);
    }
}

/* Row r as the network sees it, turned. */
static double *turned_planes(const struct fixture *f, int r)
{
    int points = f->size * f->size;
    double *x = calloc((size_t)(f->arch.n_planes * points), sizeof *x);

    for (int c = 0; c < f->arch.n_planes; c++)
        for (int p = 0; p < points; p++)
            x[c * points + game_symmetry(f->size, f->batch.symmetry[r], p)] =
                on_board(f, &f->batch, r, c, p) ? 1.0 : 0.0;
    return x;
}

static void reference_row(const struct fixture *f, int r, struct ref_out *o)
{
    double *planes = turned_planes(f, r), globals[GLOBALS];

    for (int g = 0; g < f->arch.n_globals; g++)
        globals[g] = (double)f->batch.globals[r * f->arch.n_globals + g];
    ref_forward(&f->ref, planes, globals, o);
    free(planes);
}

static void infer(struct fixture *f)
{
    assert_ok(f->backend->infer(f->net, &f->batch, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
    assert_true(f->backend->ready(f->net, &f->batch));
}

/* ---- outputs ------------------------------------------------------------------------------------ */

static double worst(double worst_so_far, double got, double want)
{
    double error = fabs(got - want) / (1.0 + fabs(want));

    return error > worst_so_far || isnan(error) ? error : worst_so_far;
}

static double output_error(struct fixture *f)
{
    int points = f->size * f->size;
    double error = 0.0;

    for (int r = 0; r < f->batch.n; r++) {
        static struct ref_out o;

        reference_row(f, r, &o);
        for (int p = 0; p < points; p++) {
            int q = game_symmetry(f->size, f->batch.symmetry[r], p);

            if (!on_board(f, &f->batch, r, 0, p))
                continue;
            error = worst(error, (double)f->batch.policy[r * (points + 1) + p], o.policy[0][q]);
            error = worst(error, (double)f->batch.ownership[r * points + p], tanh(o.ownership[q]));
        }
        error = worst(error, (double)f->batch.policy[r * (points + 1) + points], o.pass[0]);
        for (int k = 0; k < 3; k++)
            error = worst(error, (double)f->batch.value[r * 3 + k], o.value[k]);
        for (int k = 0; k < f->arch.n_score; k++)
            error = worst(error, (double)f->batch.score[r * f->arch.n_score + k], o.score[k]);
    }
    return error;
}

static void check_outputs(struct nn_arch arch, int size, int rows)
{
    struct fixture f;

    fixture_open(&f, &arch, size, 1, rows, NN_BATCH_OWNERSHIP);
    fill(&f, rows, 1);
    infer(&f);
    double error = output_error(&f);

    if (!(error < 2e-5))
        fail_msg("side %d, activation %d: worst error %g", size, arch.activation, error);
    fixture_close(&f);
}

static void outputs_are_the_reference_networks(void **state)
{
    (void)state;
    for (int act = NN_IDENTITY; act <= NN_SILU; act++) {
        check_outputs(residual_net(act), 5, 9); /* all symmetries, full and partial boards */
        check_outputs(gpool_net(act), 7, 9);
        check_outputs(nested_net(act), 6, 9);
    }
}

static void every_board_side_is_right(void **state)
{
    (void)state;
    for (int size = 2; size <= 19; size++)
        check_outputs(gpool_net(NN_MISH), size, size < 10 ? 3 : 1);
}

static void a_wide_network_is_right(void **state)
{
    struct nn_arch a;

    (void)state;
    base_arch(&a, NN_RELU); /* odd numbers of blocks, and more than one panel of each kernel */
    a.trunk = 40;
    a.p1 = 24, a.g1 = 17, a.v1 = 33, a.v2 = 20;
    add_block(&a, NN_BLOCK_GPOOL, 24, 16, 0);
    add_block(&a, NN_BLOCK_RESIDUAL, 72, 0, 0);
    check_outputs(a, 9, 3);
}

/* ---- rows do not see each other ----------------------------------------------------------------- */

struct solo {
    struct fixture *f;
    struct nn_batch batch;
    int row;
    bool same;
};

static void copy_row(const struct fixture *f, int from, struct nn_batch *b, int to)
{
    size_t bytes = (size_t)(f->arch.n_planes * ((f->size * f->size + 7) / 8));

    memcpy(b->planes + (size_t)to * bytes, f->batch.planes + (size_t)from * bytes, bytes);
    memcpy(b->globals + to * f->arch.n_globals, f->batch.globals + from * f->arch.n_globals,
           (size_t)f->arch.n_globals * sizeof(float));
    b->symmetry[to] = f->batch.symmetry[from];
}

static bool rows_equal(const struct fixture *f, int a, const struct nn_batch *b, int c)
{
    size_t points = (size_t)(f->size * f->size), n_score = (size_t)f->arch.n_score;
    const struct nn_batch *x = &f->batch;

    return memcmp(x->policy + (size_t)a * (points + 1), b->policy + (size_t)c * (points + 1),
                  (points + 1) * sizeof(float)) == 0 &&
           memcmp(x->value + a * 3, b->value + c * 3, 3 * sizeof(float)) == 0 &&
           memcmp(x->score + (size_t)a * n_score, b->score + (size_t)c * n_score,
                  n_score * sizeof(float)) == 0 &&
           memcmp(x->ownership + (size_t)a * points, b->ownership + (size_t)c * points,
                  points * sizeof(float)) == 0;
}

/* In a thread of its own: this row alone, then among others, at every place of a batch of five. */
static void *solo_main(void *arg)
{
    struct solo *s = arg;
    struct tg_error err;

    s->same = true;
    for (int n = 1; n <= 5; n += 2)
        for (int place = 0; place < n; place++) {
            s->batch.n = n;
            for (int i = 0; i < n; i++)
                copy_row(s->f, i == place ? s->row : (s->row + i + 1) % s->f->batch.n, &s->batch, i);
            s->same = s->same && s->f->backend->infer(s->f->net, &s->batch, &err) == TG_OK &&
                      s->f->backend->wait(s->f->net, &s->batch, &err) == TG_OK &&
                      rows_equal(s->f, s->row, &s->batch, place);
        }
    return NULL;
}

static void a_row_does_not_see_batch_place_or_thread(void **state)
{
    enum { THREADS = 3 };
    struct nn_arch arch = nested_net(NN_MISH);
    struct fixture f;
    pthread_t thread[THREADS];
    struct solo solo[THREADS];

    (void)state;
    add_block(&arch, NN_BLOCK_RESIDUAL, 24, 0, 0);
    fixture_open(&f, &arch, 9, 1, 37, NN_BATCH_OWNERSHIP);
    fill(&f, 37, 2);
    infer(&f);
    for (int i = 0; i < THREADS; i++) {
        solo[i] = (struct solo){.f = &f, .row = 13 * i + 3};
        assert_ok(f.backend->batch_open(f.net, 5, NN_BATCH_OWNERSHIP, &solo[i].batch, &f.err),
                  &f.err);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, solo_main, &solo[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_true(solo[i].same);
        f.backend->batch_close(f.net, &solo[i].batch);
    }
    fixture_close(&f);
}

/* ---- gradients ----------------------------------------------------------------------------------- */

static const struct nn_loss all_losses = {.policy = 1.0f,
                                          .reply = 0.3f,
                                          .soft_policy = 2.0f,
                                          .value = 0.7f,
                                          .ownership = 1.5f,
                                          .score_mean = 0.02f,
                                          .score_stdev = 0.03f,
                                          .lead = 0.04f};

static void reference_targets(const struct fixture *f, int r, struct ref_targets *t)
{
    int points = f->size * f->size;
    const struct nn_targets *b = &f->batch.t;

    for (int p = 0; p <= points; p++) {
        int q = game_symmetry(f->size, f->batch.symmetry[r], p);

        t->policy[q] = (double)b->policy[r * (points + 1) + p];
        t->reply[q] = (double)b->reply[r * (points + 1) + p];
        if (p < points)
            t->ownership[q] = (double)b->ownership[r * points + p];
    }
    for (int k = 0; k < 3; k++)
        t->value[k] = (double)b->value[r * 3 + k];
    t->score = (double)b->score[r];
    t->w_policy = (double)b->w_policy[r];
    t->w_reply = (double)b->w_reply[r];
    t->w_value = (double)b->w_value[r];
    t->w_score = (double)b->w_score[r];
    t->row_weight = (double)b->row_weight[r];
}

/* Sum of the rows' losses. frozen [n]: see ref_loss; filled first if `fill_frozen`. */
static double reference_loss(const struct fixture *f, const struct nn_loss *w, double *frozen,
                             bool fill_frozen)
{
    double total = 0.0;

    for (int r = 0; r < f->batch.n; r++) {
        static struct ref_out o;
        static struct ref_targets t;
        double *mask = turned_planes(f, r);

        reference_row(f, r, &o);
        reference_targets(f, r, &t);
        if (fill_frozen)
            frozen[r] = fabs((double)f->arch.scales.score_mean * o.score[0] - t.score);
        total += ref_loss(&f->ref, &o, &t, w, mask, frozen[r]);
        free(mask);
    }
    return total;
}

/* Some elements of every tensor against central differences, relative to the tensor's largest. */
static void check_gradients(struct fixture *f, const struct nn_loss *w, int per_tensor,
                            const char *what)
{
    const double eps = 1e-5;
    int n_global = f->batch.n + 1;
    double frozen[16];
    float *grads = malloc(f->layout.n_params * sizeof *grads);
    struct tg_rng rng = tg_rng_stream(3, TG_RNG_TEST, 4, 0);
    struct nn_update freeze = {.kind = NN_SGD};
    struct nn_update_result result;

    assert_ok(f->backend->backward(f->net, &f->batch, w, n_global, true, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
    assert_ok(f->backend->get(f->net, NN_GRADS, grads, &f->err), &f->err);
    assert_ok(f->backend->update(f->net, &freeze, &result, &f->err), &f->err);
    double loss = reference_loss(f, w, frozen, true);

    if (!(fabs(result.metrics[NN_METRIC_TOTAL] - loss) < 2e-5 * (1.0 + fabs(loss))))
        fail_msg("%s: loss %.9g, reference %.9g", what, result.metrics[NN_METRIC_TOTAL], loss);
    for (int i = 0; i < f->layout.n_tensors; i++) {
        const struct nn_tensor *t = &f->layout.tensors[i];
        double largest = 1e-4;

        for (size_t k = 0; k < t->n; k++)
            largest = fmax(largest, fabs((double)grads[t->offset + k]));
        for (int k = 0; k < per_tensor; k++) {
            size_t at = t->offset + tg_rng_below(&rng, (uint32_t)t->n);
            double kept = f->exact[at];

            f->exact[at] = kept + eps;
            double up = reference_loss(f, w, frozen, false);

            f->exact[at] = kept - eps;
            double down = reference_loss(f, w, frozen, false);
            double want = (up - down) / (2.0 * eps) / (double)n_global;

            f->exact[at] = kept;
            if (!(fabs((double)grads[at] - want) < 2e-4 * largest))
                fail_msg("%s: %s[%zu]: gradient %.8g, differences %.8g", what, t->name,
                         at - t->offset, (double)grads[at], want);
        }
    }
    free(grads);
}

static void check_net_gradients(struct nn_arch arch, int size, const char *what)
{
    struct fixture f;

    fixture_open(&f, &arch, size, 1, 3, NN_BATCH_TRAIN);
    fill(&f, 3, 4);
    f.batch.symmetry[0] = 5;
    check_gradients(&f, &all_losses, 2, what);
    fixture_close(&f);
}

static void gradients_are_the_differences_of_the_reference(void **state)
{
    (void)state;
    for (int act = NN_IDENTITY; act <= NN_SILU; act++) {
        check_net_gradients(residual_net(act), 5, "residual, tiles of 3");
        check_net_gradients(gpool_net(act), 4, "gpool, 5x5 stem, tiles of 4");
        check_net_gradients(nested_net(act), 3, "nested");
    }
    check_net_gradients(residual_net(NN_MISH), 7, "residual, partial tiles of 4");
}

static void each_loss_alone_has_the_right_gradient(void **state)
{
    static const struct {
        const char *name;
        struct nn_loss loss;
    } cases[] = {
        {"policy", {.policy = 1.0f}},
        {"policy without pass", {.policy = 1.0f, .mask_pass = true}},
        {"reply", {.reply = 1.0f}},
        {"soft policy", {.soft_policy = 1.0f}},
        {"soft policy without pass", {.soft_policy = 1.0f, .mask_pass = true}},
        {"value", {.value = 1.0f}},
        {"value, squared", {.value = 1.0f, .value_kind = NN_VALUE_MSE}},
        {"ownership", {.ownership = 1.0f}},
        {"ownership, squared", {.ownership = 1.0f, .ownership_kind = NN_OWNERSHIP_MSE}},
        {"score mean", {.score_mean = 0.1f}},
        {"score stdev", {.score_stdev = 0.1f}},
        {"lead", {.lead = 0.1f}},
    };
    struct nn_arch arch;

    (void)state;
    base_arch(&arch, NN_MISH);
    arch.pass_hidden = true;
    add_block(&arch, NN_BLOCK_GPOOL, 5, 4, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        fixture_open(&f, &arch, 4, 1, 3, NN_BATCH_TRAIN);
        fill(&f, 3, 6);
        check_gradients(&f, &cases[i].loss, 2, cases[i].name);
        fixture_close(&f);
    }
}

static void value_errors_come_back_per_row(void **state)
{
    struct nn_arch arch = gpool_net(NN_RELU);
    struct fixture f;

    (void)state;
    fixture_open(&f, &arch, 5, 1, 11, NN_BATCH_TRAIN);
    fill(&f, 11, 7);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, 11, true, &f.err), &f.err);
    assert_ok(f.backend->wait(f.net, &f.batch, &f.err), &f.err);
    for (int r = 0; r < 11; r++) {
        static struct ref_out o;
        struct nn_eval e;
        float value[3];

        reference_row(&f, r, &o);
        for (int k = 0; k < 3; k++)
            value[k] = (float)o.value[k];
        nn_eval_row(&f.arch, value, (const float[NN_MAX_SCORE]){0}, true, &e);
        float z = f.batch.t.value[r * 3] - f.batch.t.value[r * 3 + 1];

        assert_true(fabsf(f.batch.t.value_error[r] - fabsf(e.win - e.loss - z)) < 1e-5f);
    }
    fixture_close(&f);
}

/* ---- sums ------------------------------------------------------------------------------------------ */

/* The reduced range of a batch of rows, as bytes. */
static void sums_of(int threads, int cut, uint64_t *hash)
{
    struct nn_arch arch = gpool_net(NN_MISH);
    struct fixture f;
    struct nn_targets all;

    fixture_open(&f, &arch, 5, threads, 45, NN_BATCH_TRAIN);
    fill(&f, 45, 8);
    all = f.batch.t;
    if (cut == 0) {
        assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, 45, true, &f.err), &f.err);
    } else { /* the second part first, as another rank might */
        struct nn_batch b = f.batch;
        int points = 25, A = 26;

        b.n = 45 - cut;
        b.planes += cut * PLANES * 4;
        b.globals += cut * GLOBALS;
        b.symmetry += cut;
        b.t.policy += cut * A, b.t.reply += cut * A, b.t.value += cut * 3, b.t.score += cut;
        b.t.ownership += cut * points;
        b.t.w_policy += cut, b.t.w_reply += cut, b.t.w_value += cut, b.t.w_score += cut;
        b.t.row_weight += cut, b.t.value_error += cut;
        assert_ok(f.backend->backward(f.net, &b, &all_losses, 45, true, &f.err), &f.err);
        f.batch.n = cut;
        assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, 45, false, &f.err), &f.err);
    }
    struct tg_span span = f.backend->reduce_span(f.net);

    assert_int_equal(span.dtype, TG_I64);
    *hash = 0;
    for (size_t i = 0; i < span.n; i++)
        *hash = *hash * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)((const int64_t *)span.ptr)[i];
    f.batch.t = all;
    fixture_close(&f);
}

static void gradients_have_the_same_bits_however_the_batch_is_cut(void **state)
{
    uint64_t one, other;

    (void)state;
    if (strcmp(backend_name, "cpu") != 0)
        skip(); /* the promise of the CPU alone */
    sums_of(1, 0, &one);
    for (int threads = 2; threads <= 3; threads++) {
        sums_of(threads, 0, &other);
        assert_int_equal(one, other);
    }
    sums_of(2, 3 * NN_CHUNK_ROWS, &other);
    assert_int_equal(one, other);
}

/* ---- optimisers ------------------------------------------------------------------------------------ */

static void get(struct fixture *f, enum nn_array which, float *to)
{
    assert_ok(f->backend->get(f->net, which, to, &f->err), &f->err);
}

struct book { /* the optimiser's state in the textbook's notation, in double */
    double *p, *ema, *m, *v;
};

static void book_step(const struct fixture *f, const struct nn_update *u, const float *grads,
                      struct book *b)
{
    double norm = 0.0;

    for (size_t i = 0; i < f->layout.n_params; i++)
        norm += (double)grads[i] * (double)grads[i];
    norm = sqrt(norm);
    double clip = u->clip_norm > 0.0f && norm > (double)u->clip_norm ? (double)u->clip_norm / norm : 1.0;

    for (int i = 0; i < f->layout.n_tensors; i++) {
        const struct nn_tensor *t = &f->layout.tensors[i];
        bool decay = t->kind == NN_TENSOR_CONV || t->kind == NN_TENSOR_MATMUL;
        double wd = decay ? (double)u->weight_decay : 0.0, lr = (double)u->learning_rate;
        double b1 = (double)u->momentum, b2 = (double)u->beta2;

        for (size_t k = t->offset; k < t->offset + t->n; k++) {
            double g = clip * (double)grads[k], p = b->p[k], step;
            bool apart = u->kind == NN_ADAMW || (u->kind == NN_SGD && u->decoupled);

            if (!apart)
                g += wd * p;
            if (u->kind == NN_SGD) {
                b->m[k] = b1 * b->m[k] + g;
                step = b->m[k];
            } else {
                b->m[k] = b1 * b->m[k] + (1.0 - b1) * g;
                b->v[k] = b2 * b->v[k] + (1.0 - b2) * g * g;
                step = b->m[k] / (1.0 - pow(b1, (double)u->step)) /
                       (sqrt(b->v[k] / (1.0 - pow(b2, (double)u->step))) + (double)u->epsilon);
            }
            b->p[k] = p - lr * step - (apart ? lr * wd * p : 0.0);
            b->ema[k] = (double)u->ema * b->ema[k] + (1.0 - (double)u->ema) * b->p[k];
        }
    }
}

static void assert_array(struct fixture *f, enum nn_array which, const double *want, const char *what)
{
    float *got = malloc(f->layout.n_params * sizeof *got);

    get(f, which, got);
    for (size_t i = 0; i < f->layout.n_params; i++)
        if (!(fabs((double)got[i] - want[i]) < 1e-6 * (0.02 + fabs(want[i]))))
            fail_msg("%s, array %d: element %zu is %.9g, by the book %.9g", what, (int)which, i,
                     (double)got[i], want[i]);
    free(got);
}

static void check_optimiser(struct nn_update u, const char *what)
{
    struct nn_arch arch = gpool_net(NN_MISH);
    struct fixture f;
    struct nn_update_result result;

    fixture_open(&f, &arch, 5, 2, 9, NN_BATCH_TRAIN);
    size_t n = f.layout.n_params;
    float *grads = malloc(n * sizeof *grads);
    struct book b = {f.exact, calloc(n, sizeof(double)), calloc(n, sizeof(double)),
                     calloc(n, sizeof(double))};

    fill(&f, 9, 11);
    assert_ok(f.backend->set(f.net, NN_EMA, f.params, &f.err), &f.err);
    memcpy(b.ema, f.exact, n * sizeof(double));
    for (u.step = 1; u.step <= 3; u.step++) {
        assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, 9, true, &f.err), &f.err);
        get(&f, NN_GRADS, grads);
        assert_ok(f.backend->update(f.net, &u, &result, &f.err), &f.err);
        assert_false(result.skipped);
        assert_true(result.metrics[NN_METRIC_ROWS] > 4.5);
        book_step(&f, &u, grads, &b);
        assert_array(&f, NN_PARAMS, b.p, what);
        assert_array(&f, NN_EMA, b.ema, what);
        assert_array(&f, NN_MOMENT1, b.m, what);
        if (u.kind != NN_SGD)
            assert_array(&f, NN_MOMENT2, b.v, what);
    }
    free(grads), free(b.ema), free(b.m), free(b.v);
    fixture_close(&f);
}

static void optimisers_go_by_the_book(void **state)
{
    const struct nn_update base = {.learning_rate = 0.01f,
                                   .momentum = 0.9f,
                                   .beta2 = 0.99f,
                                   .epsilon = 1e-6f,
                                   .weight_decay = 0.02f,
                                   .ema = 0.75f};
    struct nn_update u = base;

    (void)state;
    u.kind = NN_SGD;
    check_optimiser(u, "SGD");
    u.decoupled = true;
    check_optimiser(u, "SGD, decoupled decay");
    u = base, u.clip_norm = 0.05f;
    check_optimiser(u, "SGD, clipped");
    u = base, u.kind = NN_ADAM;
    check_optimiser(u, "Adam");
    u = base, u.kind = NN_ADAMW;
    check_optimiser(u, "AdamW");
    u.ema = 0.0f;
    check_optimiser(u, "AdamW without average");
}

/* ---- steps that must not be taken ------------------------------------------------------------------- */

static void assert_skips(struct fixture *f, const struct nn_update *u, const char *what)
{
    struct nn_update_result result;
    size_t bytes = f->layout.n_params * sizeof(float);
    float *before = malloc(bytes), *after = malloc(bytes);

    get(f, NN_PARAMS, before);
    assert_ok(f->backend->backward(f->net, &f->batch, &all_losses, f->batch.n, true, &f->err), &f->err);
    assert_ok(f->backend->update(f->net, u, &result, &f->err), &f->err);
    if (!result.skipped)
        fail_msg("%s: the step was taken, norm %g", what, result.grad_norm);
    get(f, NN_PARAMS, after);
    assert_memory_equal(before, after, bytes);
    get(f, NN_MOMENT1, after);
    for (size_t i = 0; i < f->layout.n_params; i++)
        assert_true(after[i] == 0.0f);
    free(before);
    free(after);
}

static void a_step_that_is_not_finite_is_skipped(void **state)
{
    const struct nn_update u = {.kind = NN_SGD, .learning_rate = 0.1f, .momentum = 0.9f};
    struct nn_update small = u;
    struct nn_update_result result;
    struct nn_arch arch = gpool_net(NN_RELU);
    struct fixture f;

    (void)state;
    fixture_open(&f, &arch, 5, 2, 20, NN_BATCH_TRAIN);
    fill(&f, 20, 12);
    small.max_norm = 1e-6f;
    assert_skips(&f, &small, "a norm above the limit");

    float *targets[] = {f.batch.t.policy, f.batch.t.reply, f.batch.t.value, f.batch.t.score,
                        f.batch.t.ownership, f.batch.t.row_weight};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        float kept = targets[i][0];

        targets[i][0] = NAN;
        assert_skips(&f, &u, "a target that is no number");
        targets[i][0] = INFINITY;
        assert_skips(&f, &u, "an infinite target");
        targets[i][0] = kept;
    }
    float kept_weight = f.batch.t.row_weight[0];

    f.batch.t.row_weight[0] = 1e30f;
    assert_skips(&f, &u, "a gradient beyond all bounds");
    f.batch.t.row_weight[0] = kept_weight;
    for (int i = 0; i < f.layout.n_tensors; i++) {
        size_t at = f.layout.tensors[i].offset;
        float kept = f.params[at];

        f.params[at] = NAN;
        assert_ok(f.backend->set(f.net, NN_PARAMS, f.params, &f.err), &f.err);
        assert_skips(&f, &u, f.layout.tensors[i].name);
        f.params[at] = kept;
    }
    assert_ok(f.backend->set(f.net, NN_PARAMS, f.params, &f.err), &f.err);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, 20, true, &f.err), &f.err);
    assert_ok(f.backend->update(f.net, &u, &result, &f.err), &f.err);
    assert_false(result.skipped); /* and after all that a good one is taken */
    fixture_close(&f);
}

/* ---- learning ---------------------------------------------------------------------------------------- */

static void a_small_network_learns_a_small_batch(void **state)
{
    const struct nn_loss loss = {.policy = 1.0f, .value = 1.0f, .ownership = 1.0f, .score_mean = 0.01f};
    struct nn_update u = {.kind = NN_ADAM,
                          .learning_rate = 0.005f,
                          .momentum = 0.9f,
                          .beta2 = 0.99f,
                          .epsilon = 1e-8f};
    struct nn_arch arch;
    struct fixture f;
    struct nn_update_result result;
    double first = 0.0;

    (void)state;
    base_arch(&arch, NN_RELU);
    arch.trunk = 16;
    arch.v2 = 16;
    arch.p1 = arch.g1 = arch.v1 = 8;
    add_block(&arch, NN_BLOCK_RESIDUAL, 16, 0, 0);
    add_block(&arch, NN_BLOCK_GPOOL, 8, 8, 0);
    fixture_open(&f, &arch, 5, 1, 12, NN_BATCH_TRAIN);
    nn_params_init(&arch, &f.layout, 1, f.params);
    assert_ok(f.backend->set(f.net, NN_PARAMS, f.params, &f.err), &f.err);
    fill(&f, 12, 13);
    for (int r = 0; r < 12; r++) { /* one move, one winner: the floor of these losses is near 0 */
        memset(f.batch.t.policy + r * 26, 0, 26 * sizeof(float));
        f.batch.t.policy[r * 26 + r % 3 * 5 + r % 2] = 1.0f;
        f.batch.t.value[r * 3] = (float)(r % 2);
        f.batch.t.value[r * 3 + 1] = 1.0f - (float)(r % 2);
        f.batch.t.value[r * 3 + 2] = 0.0f;
        for (int p = 0; p < 25; p++)
            f.batch.t.ownership[r * 25 + p] = p % 2 == r % 2 ? 1.0f : -1.0f;
        f.batch.t.w_policy[r] = 1.0f;
    }
    for (u.step = 1; u.step <= 150; u.step++) {
        assert_ok(f.backend->backward(f.net, &f.batch, &loss, 12, true, &f.err), &f.err);
        assert_ok(f.backend->update(f.net, &u, &result, &f.err), &f.err);
        if (u.step == 1)
            first = result.metrics[NN_METRIC_TOTAL];
    }
    if (!(result.metrics[NN_METRIC_TOTAL] < 0.1 * first))
        fail_msg("loss %g at first, %g after 150 steps", first, result.metrics[NN_METRIC_TOTAL]);
    assert_true(result.metrics[NN_METRIC_POLICY_HITS] > 0.9 * result.metrics[NN_METRIC_POLICY_ROWS]);
    assert_true(result.metrics[NN_METRIC_VALUE_HITS] > 0.9 * result.metrics[NN_METRIC_VALUE_ROWS]);
    infer(&f); /* inference uses what the updates left */
    for (int r = 0; r < 12; r++)
        assert_true((f.batch.value[r * 3] > f.batch.value[r * 3 + 1]) == (r % 2 == 1));
    fixture_close(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_the_reference_networks),
        cmocka_unit_test(every_board_side_is_right),
        cmocka_unit_test(a_wide_network_is_right),
        cmocka_unit_test(a_row_does_not_see_batch_place_or_thread),
        cmocka_unit_test(gradients_are_the_differences_of_the_reference),
        cmocka_unit_test(each_loss_alone_has_the_right_gradient),
        cmocka_unit_test(value_errors_come_back_per_row),
        cmocka_unit_test(gradients_have_the_same_bits_however_the_batch_is_cut),
        cmocka_unit_test(optimisers_go_by_the_book),
        cmocka_unit_test(a_step_that_is_not_finite_is_skipped),
        cmocka_unit_test(a_small_network_learns_a_small_batch),
    };

    if (argc > 1)
        backend_name = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
