/* test_update.c - what every backend's update owes: optimisers by the book, no step from what is not
 * finite, and a network that learns. */
#include "backend_fixture.h"

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

/* Returns whether it was only rescaled. */
static bool assert_skips(struct fixture *f, const struct nn_update *u, const char *what)
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
    return result.rescaled;
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
    assert_false(assert_skips(&f, &small, "a norm above the limit"));

    float *targets[] = {f.batch.t.policy, f.batch.t.reply, f.batch.t.value, f.batch.t.score,
                        f.batch.t.ownership, f.batch.t.row_weight};

    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        float kept = targets[i][0];

        targets[i][0] = NAN;
        assert_false(assert_skips(&f, &u, "a target that is no number"));
        targets[i][0] = INFINITY;
        assert_false(assert_skips(&f, &u, "an infinite target"));
        targets[i][0] = kept;
    }
    float kept_weight = f.batch.t.row_weight[0];

    f.batch.t.row_weight[0] = 1e30f;
    assert_int_equal(assert_skips(&f, &u, "a gradient beyond all bounds"), f.backend->scale(f.net) != NULL);
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

/* The norm of the gradient once a step is taken; *n_skipped before it, each of which halved the scale. */
static double norm_of(struct fixture *f, float row_weight, int *n_skipped)
{
    const struct nn_update freeze = {.kind = NN_SGD};
    struct nn_update_result result = {.skipped = true};
    const struct nn_scale *scale = f->backend->scale(f->net);

    for (int r = 0; r < f->batch.n; r++)
        f->batch.t.row_weight[r] = row_weight;
    for (*n_skipped = -1; result.skipped && *n_skipped < 30; ++*n_skipped) {
        float before = scale->factor;

        assert_ok(f->backend->backward(f->net, &f->batch, &all_losses, f->batch.n, true, &f->err), &f->err);
        assert_ok(f->backend->update(f->net, &freeze, &result, &f->err), &f->err);
        assert_int_equal(result.rescaled, result.skipped);
        assert_true(scale->factor == (result.skipped ? before / 2.0f : before));
    }
    assert_false(result.skipped);
    return result.grad_norm;
}

/* Scaled by 2^14 at first, gradients 1000 times too large overflow; the scale gives way. */
static void fp16_finds_the_scale_at_which_its_gradients_fit(void **state)
{
    struct nn_arch arch = gpool_net(NN_RELU);
    struct fixture f;
    int n_skipped;

    (void)state;
    fixture_open(&f, &arch, 5, 2, 9, NN_BATCH_TRAIN);
    if (backend_option == NULL || strncmp(backend_option, "fp16", 4) != 0) {
        assert_null(f.backend->scale(f.net));
        fixture_close(&f);
        return;
    }
    fill(&f, 9, 14);
    double plain = norm_of(&f, 1.0f, &n_skipped);

    assert_int_equal(n_skipped, 0);
    double large = norm_of(&f, 1000.0f, &n_skipped);

    assert_in_range(n_skipped, 1, 14);
    assert_true(fabs(large / plain / 1000.0 - 1.0) < 0.01);
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
    for (u.step = 1; u.step <= 250; u.step++) {
        assert_ok(f.backend->backward(f.net, &f.batch, &loss, 12, true, &f.err), &f.err);
        assert_ok(f.backend->update(f.net, &u, &result, &f.err), &f.err);
        if (u.step == 1)
            first = result.metrics[NN_METRIC_TOTAL];
    }
    if (!(result.metrics[NN_METRIC_TOTAL] < 0.1 * first))
        fail_msg("loss %g at first, %g after 250 steps", first, result.metrics[NN_METRIC_TOTAL]);
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
        cmocka_unit_test(optimisers_go_by_the_book),
        cmocka_unit_test(a_step_that_is_not_finite_is_skipped),
        cmocka_unit_test(fp16_finds_the_scale_at_which_its_gradients_fit),
        cmocka_unit_test(a_small_network_learns_a_small_batch),
    };

    fixture_choose(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
