/* test_scale.c - training in fp16 on emulated devices, on 2 ranks: the loss scale is looked for, kept in
 * checkpoints, and no reason to give a run up. */
#include "trainer_fixture.h"

enum tg_status emulated_backend_find(const char *name, const struct nn_backend **backend,
                                     struct tg_error *err);

enum { STEPS = 10, FIRST_HALVINGS = 14 /* from the first scale, 2^14, to the last, 1 */ };

static int setup_fp16(void **state)
{
    int rc = setup(state);
    struct fixture *f = *state;

    assert_ok(emulated_backend_find("cuda", &f->backend, &f->err), &f->err);
    f->o.batch = 6;
    f->o.loss = (struct nn_loss){.policy = 200, .value = 200}; /* gradients overflow at first */
    return rc;
}

static void open_all(struct fixture *f, struct trainer **t, struct replay_window **w)
{
    const struct replay_window_options wo = {.capacity = 10000};
    const struct nn_net_options no = {.size = 5, .threads = 1, .train = true, .extra = "fp16"};
    struct record_layout l;

    record_layout_init(&l, &f->game);
    assert_ok(replay_window_open(f->world, &l, &wo, w, &f->err), &f->err);
    assert_ok(replay_window_append(*w, f->shard, &f->info, &f->err), &f->err);
    assert_ok(trainer_open(f->world, &f->game, f->backend, &no, &f->model, 9, t, &f->err), &f->err);
}

static void close_all(struct trainer *t, struct replay_window *w)
{
    trainer_close(t);
    replay_window_close(w);
}

static bool leave_at(void *ctx, int64_t step, int64_t n_steps, const struct train_stats *so_far)
{
    const int64_t *at = ctx;

    (void)n_steps;
    (void)so_far;
    return step == *at;
}

/* STEPS steps; leave > 0: left after so many, saved, and gone on with by another trainer. */
static float *train(struct fixture *f, int64_t leave, struct train_stats *stats)
{
    float *params = malloc(f->model.layout.n_params * sizeof *params);
    struct trainer *t;
    struct replay_window *w;
    char path[512];

    snprintf(path, sizeof path, "%s/fp16", f->dir);
    open_all(f, &t, &w);
    assert_ok(trainer_run(t, w, &f->o, STEPS, 0, 0, leave_at, &leave, stats, &f->err), &f->err);
    if (leave > 0) {
        assert_int_equal(stats->n_steps, leave);
        assert_ok(trainer_save(t, w, path, &f->err), &f->err);
        close_all(t, w);
        open_all(f, &t, &w);
        assert_ok(trainer_load(t, w, path, &f->err), &f->err);
        assert_ok(trainer_run(t, w, &f->o, STEPS, 0, 0, NULL, NULL, stats, &f->err), &f->err);
    }
    assert_int_equal(stats->n_steps, STEPS);
    assert_ok(trainer_params(t, NN_PARAMS, params, &f->err), &f->err);
    close_all(t, w);
    return params;
}

static void a_checkpoint_holds_the_scale_found_so_far(void **state)
{
    struct fixture *f = *state;
    struct train_stats whole, parts;
    float *want = train(f, 0, &whole);
    const int64_t leave[] = {1, STEPS - 1}; /* amid the search, and behind it */

    assert_in_range(whole.n_rescaled, 3, STEPS - 3);
    for (int i = 0; i < 2; i++) {
        float *got = train(f, leave[i], &parts);

        assert_int_equal(parts.n_rescaled, whole.n_rescaled);
        assert_memory_equal(got, want, f->model.layout.n_params * sizeof *got);
        assert_memory_equal(parts.metrics, whole.metrics, sizeof whole.metrics);
        free(got);
    }
    free(want);
}

static void steps_that_look_for_the_scale_are_counted_apart_and_end_nothing(void **state)
{
    struct fixture *f = *state;
    struct train_stats s;

    f->o.max_skipped = 1;
    free(train(f, 0, &s));
    assert_true(s.n_rescaled > 0);
    assert_int_equal(s.n_skipped, 0);
    assert_true(s.grad_norm > 0 && s.metrics[NN_METRIC_POLICY] > 0);
}

static void what_overflows_at_the_least_scale_ends_training(void **state)
{
    struct fixture *f = *state;
    struct train_options o = f->o;
    struct trainer *t;
    struct replay_window *w;
    struct train_stats s;

    o.loss.policy = 1e30f;
    o.max_skipped = 2;
    open_all(f, &t, &w);
    assert_fails(trainer_run(t, w, &o, 100, 0, 0, NULL, NULL, &s, &f->err), TG_EDEVICE, "2 gradients", &f->err);
    assert_int_equal(trainer_step(t), FIRST_HALVINGS + 2);
    assert_true(trainer_diverged(t));
    close_all(t, w);
}

static void a_loss_that_is_no_number_is_not_blamed_on_the_scale(void **state)
{
    struct fixture *f = *state;
    struct train_options o = f->o;
    struct trainer *t;
    struct replay_window *w;
    struct train_stats s;

    o.loss = (struct nn_loss){.policy = 1, .value = 1};
    o.max_skipped = 3;
    open_all(f, &t, &w);
    trainer_poison(t, 2);
    assert_ok(trainer_run(t, w, &o, 4, 0, 0, NULL, NULL, &s, &f->err), &f->err);
    assert_int_equal(s.n_skipped, 2);
    assert_int_equal(s.n_rescaled, 0);
    close_all(t, w);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_holds_the_scale_found_so_far),
        cmocka_unit_test(steps_that_look_for_the_scale_are_counted_apart_and_end_nothing),
        cmocka_unit_test(what_overflows_at_the_least_scale_ends_training),
        cmocka_unit_test(a_loss_that_is_no_number_is_not_blamed_on_the_scale),
    };

    return cmocka_run_group_tests(tests, setup_fp16, teardown);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
