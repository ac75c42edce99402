/* test_backend.c - what every backend owes: outputs and gradients of the reference, rows that do not
 * see each other, sums that do not see how they were cut. */
#include <pthread.h>

#include "backend_fixture.h"

/* ---- outputs ------------------------------------------------------------------------------------ */

/* The farthest head. */
static double output_error(struct fixture *f)
{
    struct nearness policy = {0}, value = {0}, score = {0}, ownership = {0};
    int points = f->size * f->size;

    for (int r = 0; r < f->batch.n; r++) {
        static struct ref_out o;

        reference_row(f, r, &o);
        for (int p = 0; p < points; p++) {
            int q = game_symmetry(f->size, f->batch.symmetry[r], p);

            if (!on_board(f, &f->batch, r, 0, p))
                continue;
            compare(&policy, (double)f->batch.policy[r * (points + 1) + p], o.policy[0][q]);
            compare(&ownership, (double)f->batch.ownership[r * points + p], tanh(o.ownership[q]));
        }
        compare(&policy, (double)f->batch.policy[r * (points + 1) + points], o.pass[0]);
        for (int k = 0; k < 3; k++)
            compare(&value, (double)f->batch.value[r * 3 + k], o.value[k]);
        for (int k = 0; k < f->arch.n_score; k++)
            compare(&score, (double)f->batch.score[r * f->arch.n_score + k], o.score[k]);
    }
    return fmax(fmax(distance(&policy), distance(&value)), fmax(distance(&score), distance(&ownership)));
}

static void check_outputs(struct nn_arch arch, int size, int rows)
{
    struct fixture f;

    fixture_open(&f, &arch, size, 1, rows, NN_BATCH_OWNERSHIP);
    fill(&f, rows, 1);
    infer(&f);
    double error = output_error(&f);

    if (!(error < bound.outputs))
        fail_msg("side %d, activation %d: error %g", size, arch.activation, error);
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

/* The same bits, or as near as the backend promises. */
static bool same_floats(const float *a, const float *b, size_t n)
{
    struct nearness near = {0};

    if (bound.same_bits)
        return memcmp(a, b, n * sizeof *a) == 0;
    for (size_t i = 0; i < n; i++)
        compare(&near, (double)a[i], (double)b[i]);
    return distance(&near) < bound.outputs;
}

static bool rows_equal(const struct fixture *f, int a, const struct nn_batch *b, int c)
{
    size_t points = (size_t)(f->size * f->size), n_score = (size_t)f->arch.n_score;
    size_t from = (size_t)a, to = (size_t)c;
    const struct nn_batch *x = &f->batch;

    return same_floats(x->policy + from * (points + 1), b->policy + to * (points + 1), points + 1) &&
           same_floats(x->value + from * 3, b->value + to * 3, 3) &&
           same_floats(x->score + from * n_score, b->score + to * n_score, n_score) &&
           same_floats(x->ownership + from * points, b->ownership + to * points, points);
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

/* Every tensor against the CPU's gradient of the same batch, which the differences vouch for. */
static void check_by_cpu(struct fixture *f, const struct nn_loss *w, int n_global, const float *grads,
                         const char *what)
{
    const struct nn_net_options options = {.size = f->size, .threads = 1, .train = true};
    const struct nn_backend *cpu;
    struct nn_net *net;
    struct nn_batch own, b = f->batch;
    float *want = malloc(f->layout.n_params * sizeof *want);

    assert_ok(nn_backend_find("cpu", &cpu, &f->err), &f->err);
    assert_ok(cpu->open(&f->arch, &options, &net, &f->err), &f->err);
    assert_ok(cpu->set(net, NN_PARAMS, f->params, &f->err), &f->err);
    assert_ok(cpu->batch_open(net, b.capacity, NN_BATCH_TRAIN, &own, &f->err), &f->err);
    b.device = own.device;
    assert_ok(cpu->backward(net, &b, w, n_global, true, &f->err), &f->err);
    assert_ok(cpu->get(net, NN_GRADS, want, &f->err), &f->err);
    struct nearness whole = {0};
    double most = f->arch.activation == NN_RELU ? bound.relu_gradients : bound.gradients;

    for (int i = 0; i < f->layout.n_tensors; i++) {
        const struct nn_tensor *t = &f->layout.tensors[i];
        struct nearness near = {.want2 = 1e-8 * (double)t->n};

        for (size_t k = t->offset; k < t->offset + t->n; k++) {
            compare(&near, (double)grads[k], (double)want[k]);
            compare(&whole, (double)grads[k], (double)want[k]);
        }
        if (!(distance(&near) < most))
            fail_msg("%s: %s: NMSE of the gradient %g", what, t->name, distance(&near));
    }
    if (!(distance(&whole) < bound.whole_gradient))
        fail_msg("%s: NMSE of the whole gradient %g", what, distance(&whole));
    cpu->batch_close(net, &own);
    cpu->close(net);
    free(want);
}

/* Gradient and loss of the batch. fp16 skips steps until its scale fits; nothing else may skip one. */
static void gradient_of(struct fixture *f, const struct nn_loss *w, int n_global, float *grads,
                        struct nn_update_result *result)
{
    const struct nn_update freeze = {.kind = NN_SGD};
    bool scales = backend_option != NULL && strncmp(backend_option, "fp16", 4) == 0;
    int n_skipped = -1;

    do {
        assert_ok(f->backend->backward(f->net, &f->batch, w, n_global, true, &f->err), &f->err);
        assert_ok(f->backend->wait(f->net, &f->batch, &f->err), &f->err);
        assert_ok(f->backend->get(f->net, NN_GRADS, grads, &f->err), &f->err);
        assert_ok(f->backend->update(f->net, &freeze, result, &f->err), &f->err);
    } while (++n_skipped < 8 && scales && result->skipped);
    assert_false(result->skipped);
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
    struct nn_update_result result;

    gradient_of(f, w, n_global, grads, &result);
    double loss = reference_loss(f, w, frozen, true);

    if (!(fabs(result.metrics[NN_METRIC_TOTAL] - loss) < bound.loss * (1.0 + fabs(loss))))
        fail_msg("%s: loss %.9g, reference %.9g", what, result.metrics[NN_METRIC_TOTAL], loss);
    if (bound.nmse)
        check_by_cpu(f, w, n_global, grads, what);
    for (int i = 0; i < f->layout.n_tensors && !bound.nmse; i++) {
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
            if (!(fabs((double)grads[at] - want) < bound.gradients * largest))
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
    struct nearness near = {0};

    for (int r = 0; r < 11; r++) {
        static struct ref_out o;
        struct nn_eval e;
        float value[3];

        reference_row(&f, r, &o);
        for (int k = 0; k < 3; k++)
            value[k] = (float)o.value[k];
        nn_eval_row(&f.arch, value, (const float[NN_MAX_SCORE]){0}, true, &e);
        float z = f.batch.t.value[r * 3] - f.batch.t.value[r * 3 + 1];

        compare(&near, (double)f.batch.t.value_error[r], fabs((double)(e.win - e.loss - z)));
    }
    assert_true(distance(&near) < bound.outputs);
    fixture_close(&f);
}

/* ---- sums ------------------------------------------------------------------------------------------ */

/* Row `from` of a batch as a batch of its own, in *b. */
static void one_row(const struct fixture *f, int from, struct nn_batch *b)
{
    int points = f->size * f->size, actions = points + 1;

    *b = f->batch;
    b->n = 1;
    b->planes += from * f->arch.n_planes * ((points + 7) / 8);
    b->globals += from * f->arch.n_globals;
    b->symmetry += from;
    b->t.policy += from * actions, b->t.reply += from * actions, b->t.value += from * 3;
    b->t.score += from, b->t.ownership += from * points;
    b->t.w_policy += from, b->t.w_reply += from, b->t.w_value += from, b->t.w_score += from;
    b->t.row_weight += from, b->t.value_error += from;
}

/* Rows of a large board pass through the convolutions in parts: together they are what each is. */
static void a_chunks_gradient_is_the_sum_of_its_rows(void **state)
{
    enum { ROWS = NN_CHUNK_ROWS - 1 };
    struct nn_arch arch = gpool_net(NN_RELU);
    struct fixture f;
    struct nn_batch row;
    double error = 0, norm = 0;

    (void)state;
    if (strcmp(backend_name, "cpu") != 0)
        skip(); /* compares sums in the CPU's units */
    fixture_open(&f, &arch, 19, 1, ROWS, NN_BATCH_TRAIN);
    fill(&f, ROWS, 8);
    for (int i = 0; i < ROWS; i++) {
        one_row(&f, i, &row);
        assert_ok(f.backend->backward(f.net, &row, &all_losses, ROWS, i == 0, &f.err), &f.err);
    }
    struct tg_span span = f.backend->reduce_span(f.net);
    int64_t *apart = malloc(span.n * sizeof *apart);

    assert_non_null(apart);
    memcpy(apart, span.ptr, span.n * sizeof *apart);
    assert_ok(f.backend->backward(f.net, &f.batch, &all_losses, ROWS, true, &f.err), &f.err);
    for (size_t i = 0; i < f.layout.n_params; i++) {
        double together = (double)((const int64_t *)span.ptr)[i];

        error += (together - (double)apart[i]) * (together - (double)apart[i]);
        norm += together * together;
    }
    assert_true(norm > 0);
    if (!(error < 1e-10 * norm))
        fail_msg("error %g of %g", error, norm);
    free(apart);
    fixture_close(&f);
}

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
    sums_of(2, 2 * NN_CHUNK_ROWS, &other);
    assert_int_equal(one, other);
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
        cmocka_unit_test(a_chunks_gradient_is_the_sum_of_its_rows),
        cmocka_unit_test(gradients_have_the_same_bits_however_the_batch_is_cut),
    };

    fixture_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
