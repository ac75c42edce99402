/* Runs on 3 ranks; communicators of 1, 2 and 3 of them train on the same shard. */
#include <math.h>

#include "tengen/file.h"
#include "tengen/hash.h"
#include "trainer_fixture.h"

struct result { double loss[64]; float *params; };

/* Train n_steps on the first n_ranks ranks; resume_at > 0: through a checkpoint there. */
static struct result train(struct fixture *f, int n_ranks, int threads, int n_steps, int resume_at,
                           float alpha)
{
    struct comm *c;
    struct result r = {.params = calloc(f->model.layout.n_params, sizeof *r.params)};
    struct record_layout l;
    struct replay_window_options wo = {.capacity = 10000, .alpha = alpha, .epsilon = 1e-3f};
    struct nn_net_options no = {.size = 5, .threads = threads, .train = true};
    char path[512];

    record_layout_init(&l, &f->game);
    snprintf(path, sizeof path, "%s/checkpoint", f->dir);
    assert_ok(comm_subset(f->world, comm_rank(f->world) < n_ranks, "train", &c, &f->err), &f->err);
    if (c == NULL)
        return r;
    for (int part = 0, step = 0; part < 2; part++) {
        struct replay_window *w;
        struct trainer *t;
        int until = part == 0 ? resume_at : n_steps;

        assert_ok(replay_window_open(c, &l, &wo, &w, &f->err), &f->err);
        assert_ok(replay_window_append(w, f->shard, &f->info, &f->err), &f->err);
        assert_ok(trainer_open(c, &f->game, f->backend, &no, &f->model, 9, &t, &f->err), &f->err);
        if (part == 1 && resume_at > 0)
            assert_ok(trainer_load(t, w, path, &f->err), &f->err);
        for (; step < until; step++) {
            struct train_stats s;
            assert_ok(trainer_run(t, w, &f->o, 1, 0, 0, NULL, NULL, &s, &f->err), &f->err);
            r.loss[step] = s.metrics[NN_METRIC_TOTAL];
        }
        if (part == 0)
            assert_ok(trainer_save(t, w, path, &f->err), &f->err);
        assert_ok(trainer_params(t, NN_PARAMS, r.params, &f->err), &f->err);
        trainer_close(t);
        replay_window_close(w);
    }
    comm_close(c);
    return r;
}

static void assert_same(const struct fixture *f, const struct result *a, const struct result *b, int n_steps)
{
    if (comm_rank(f->world) != 0)
        return;
    assert_memory_equal(a->params, b->params, f->model.layout.n_params * sizeof *a->params);
    for (int i = 0; i < n_steps; i++)
        assert_true(fabs(a->loss[i] - b->loss[i]) <= 1e-12 * fabs(a->loss[i]));
}

static void one_two_and_three_trainers_reach_the_same_parameters(void **state)
{
    struct fixture *f = *state;
    struct result one = train(f, 1, 1, 50, 0, 0), two = train(f, 2, 1, 50, 0, 0);
    struct result three = train(f, 3, 2, 50, 0, 0);

    assert_same(f, &one, &two, 50);
    assert_same(f, &one, &three, 50);
    if (comm_rank(f->world) == 0)
        assert_true(one.loss[49] < 0.8 * one.loss[0]);
    free(one.params);
    free(two.params);
    free(three.params);
}

static void prioritised_training_does_not_depend_on_ranks(void **state)
{
    struct fixture *f = *state;
    struct result one = train(f, 1, 1, 12, 0, 0.6f), three = train(f, 3, 1, 12, 0, 0.6f);
    struct result uniform = train(f, 1, 1, 12, 0, 0);

    assert_same(f, &one, &three, 12);
    if (comm_rank(f->world) == 0)
        assert_memory_not_equal(one.params, uniform.params, f->model.layout.n_params * sizeof(float));
    free(one.params);
    free(three.params);
    free(uniform.params);
}

static void a_checkpoint_continues_bit_for_bit(void **state)
{
    struct fixture *f = *state;
    struct result through = train(f, 2, 1, 16, 0, 0.6f), resumed = train(f, 2, 1, 16, 7, 0.6f);

    assert_same(f, &through, &resumed, 16);
    free(through.params);
    free(resumed.params);
}

/* One rank asks to leave after the step that *ctx names. */
static bool leave_at(void *ctx, int64_t step, int64_t n_steps, const struct train_stats *so_far)
{
    const int64_t *at = ctx;

    (void)n_steps;
    (void)so_far;
    return step == *at;
}

/* A run of 9 steps on the first n_ranks ranks; leave > 0: left there by one of them, saved, and gone on
 * with by the first n_then. *stats (rank 0) are of the whole. */
static float *train_and_leave(struct fixture *f, int n_ranks, int n_then, int64_t leave, struct train_stats *stats)
{
    enum { STEPS = 9 };
    float *params = calloc(f->model.layout.n_params, sizeof *params);
    struct record_layout l;
    struct replay_window_options wo = {.capacity = 10000, .alpha = 0.6f, .epsilon = 1e-3f};
    struct nn_net_options no = {.size = 5, .threads = 1, .train = true};
    char path[512];

    record_layout_init(&l, &f->game);
    snprintf(path, sizeof path, "%s/left", f->dir);
    for (int part = leave > 0 ? 0 : 1; part < 2; part++) {
        struct comm *c;
        struct replay_window *w;
        struct trainer *t;
        int64_t nowhere = -1;
        int n = part == 0 ? n_ranks : n_then;

        assert_ok(comm_subset(f->world, comm_rank(f->world) < n, "train", &c, &f->err), &f->err);
        if (c == NULL)
            continue;
        assert_ok(replay_window_open(c, &l, &wo, &w, &f->err), &f->err);
        assert_ok(replay_window_append(w, f->shard, &f->info, &f->err), &f->err);
        assert_ok(trainer_open(c, &f->game, f->backend, &no, &f->model, 9, &t, &f->err), &f->err);
        if (part == 1 && leave > 0)
            assert_ok(trainer_load(t, w, path, &f->err), &f->err);
        bool leaver = part == 0 && comm_rank(c) == n - 1;
        assert_ok(trainer_run(t, w, &f->o, STEPS, 0, 3, leave_at, leaver ? &leave : &nowhere, stats, &f->err),
                  &f->err);
        assert_int_equal(stats->n_steps, part == 0 ? leave : STEPS);
        if (part == 0)
            assert_ok(trainer_save(t, w, path, &f->err), &f->err);
        assert_ok(trainer_params(t, NN_PARAMS, params, &f->err), &f->err);
        trainer_close(t);
        replay_window_close(w);
        comm_close(c);
    }
    return params;
}

static void a_run_that_was_left_goes_on_as_if_it_had_not_been(void **state)
{
    struct fixture *f = *state;
    struct train_stats whole, parts;
    float *a = train_and_leave(f, 1, 1, 0, &whole), *b = train_and_leave(f, 2, 3, 4, &parts);

    if (comm_rank(f->world) == 0) {
        assert_memory_equal(a, b, f->model.layout.n_params * sizeof *a);
        assert_memory_equal(whole.metrics, parts.metrics, sizeof whole.metrics);
        assert_int_equal(whole.n_rows, parts.n_rows);
        assert_true(whole.sample_age == parts.sample_age && whole.sample_age > 0);
    }
    free(a);
    free(b);
}

/* Flip bits and cut lengths: every one is refused with the file's name. */
static void a_damaged_checkpoint_is_refused(void **state)
{
    struct fixture *f = *state;
    struct result r = train(f, 1, 1, 2, 1, 0);
    struct comm *c;
    char path[512];
    struct trainer *t;
    struct nn_net_options no = {.size = 5, .threads = 1, .train = true};

    free(r.params);
    snprintf(path, sizeof path, "%s/checkpoint", f->dir);
    assert_ok(comm_subset(f->world, comm_rank(f->world) == 0, "one", &c, &f->err), &f->err);
    if (c == NULL)
        return;
    assert_ok(trainer_open(c, &f->game, f->backend, &no, &f->model, 9, &t, &f->err), &f->err);
    char *data;
    size_t n;
    assert_ok(tg_file_read(path, 1 << 28, &data, &n, &f->err), &f->err);
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 5, 0);
    for (int i = 0; i < 60; i++) {
        size_t cut = i % 3 == 0 ? tg_rng_below(&rng, (uint32_t)n) : n;
        size_t at = tg_rng_below(&rng, (uint32_t)n);
        data[at] ^= 16;
        assert_ok(tg_file_replace(path, data, cut, &f->err), &f->err);
        data[at] ^= 16;
        assert_fails(trainer_load(t, NULL, path, &f->err), TG_EFORMAT, "checkpoint", &f->err);
    }
    unlink(path);
    assert_fails(trainer_load(t, NULL, path, &f->err), TG_ENOTFOUND, "checkpoint", &f->err);
    free(data);
    trainer_close(t);
    comm_close(c);
}

/* What version 2 wrote: another number, a head that ends 16 bytes sooner, the sum over all that. */
static size_t to_version_2(char *data, size_t n, size_t n_params)
{
    enum { HEAD = 264, MORE = 16 };
    size_t array = n_params * sizeof(float), at = HEAD;
    uint64_t sum;

    data[7] = '2';
    memmove(data + HEAD, data + HEAD + MORE, n - HEAD - MORE);
    n -= MORE;
    sum = tg_hash(data, HEAD, 0);
    for (int i = 0; i < 4; i++, at += array)
        sum = tg_hash(data + at, array, sum);
    sum = tg_hash(data + at, n - at - sizeof sum, sum); /* priorities */
    memcpy(data + n - sizeof sum, &sum, sizeof sum);
    return n;
}

static void a_checkpoint_of_the_version_before_is_read(void **state)
{
    struct fixture *f = *state;
    struct result r = train(f, 1, 1, 3, 3, 0);
    struct nn_net_options no = {.size = 5, .threads = 1, .train = true};
    struct comm *c;
    struct trainer *t;
    char path[512], *data;
    size_t n, bytes = f->model.layout.n_params * sizeof(float);

    snprintf(path, sizeof path, "%s/checkpoint", f->dir);
    assert_ok(comm_subset(f->world, comm_rank(f->world) == 0, "one", &c, &f->err), &f->err);
    if (c != NULL) {
        float *got = malloc(bytes);

        assert_ok(tg_file_read(path, 1 << 28, &data, &n, &f->err), &f->err);
        n = to_version_2(data, n, f->model.layout.n_params);
        assert_ok(tg_file_replace(path, data, n, &f->err), &f->err);
        assert_ok(trainer_open(c, &f->game, f->backend, &no, &f->model, 9, &t, &f->err), &f->err);
        assert_ok(trainer_load(t, NULL, path, &f->err), &f->err);
        assert_int_equal(trainer_step(t), 3);
        assert_ok(trainer_params(t, NN_PARAMS, got, &f->err), &f->err);
        assert_memory_equal(got, r.params, bytes);
        data[24] ^= 1; /* its sum still counts */
        assert_ok(tg_file_replace(path, data, n, &f->err), &f->err);
        assert_fails(trainer_load(t, NULL, path, &f->err), TG_EFORMAT, "checksum", &f->err);
        assert_ok(tg_file_replace(path, data, 200, &f->err), &f->err);
        assert_fails(trainer_load(t, NULL, path, &f->err), TG_EFORMAT, "truncated", &f->err);
        trainer_close(t);
        comm_close(c);
        free(data);
        free(got);
    }
    free(r.params);
}

static void too_many_bad_gradients_end_training(void **state)
{
    struct fixture *f = *state;
    struct record_layout l;
    struct replay_window_options wo = {.capacity = 10000};
    struct nn_net_options no = {.size = 5, .threads = 1, .train = true};
    struct train_options o = f->o;
    struct replay_window *w;
    struct trainer *t;
    struct train_stats s;

    o.max_norm = 1e-9f; /* every norm is above it */
    o.max_skipped = 3;
    record_layout_init(&l, &f->game);
    assert_ok(replay_window_open(f->world, &l, &wo, &w, &f->err), &f->err);
    assert_ok(replay_window_append(w, f->shard, &f->info, &f->err), &f->err);
    assert_ok(trainer_open(f->world, &f->game, f->backend, &no, &f->model, 9, &t, &f->err), &f->err);
    assert_ok(trainer_run(t, w, &o, 2, 0, 0, NULL, NULL, &s, &f->err), &f->err);
    assert_int_equal(s.n_skipped, 2);
    assert_fails(trainer_run(t, w, &o, 5, 0, 0, NULL, NULL, &s, &f->err), TG_EDEVICE, "3 gradients", &f->err);
    trainer_close(t);
    replay_window_close(w);
}

static void steps_follow_the_options(void **state)
{
    struct train_options o = {.batch = 100, .epochs = 2, .min_rows = 1000};
    (void)state;
    assert_int_equal(trainer_steps(&o, 999, 500), 0);
    assert_int_equal(trainer_steps(&o, 1000, 500), 20);
    o.epochs = 0;
    o.rows_per_new_row = 4;
    assert_int_equal(trainer_steps(&o, 1000, 500), 20);
    assert_int_equal(trainer_steps(&o, 5000, 500), 20);
    o.max_steps = 7;
    assert_int_equal(trainer_steps(&o, 5000, 500), 7);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_two_and_three_trainers_reach_the_same_parameters),
        cmocka_unit_test(prioritised_training_does_not_depend_on_ranks),
        cmocka_unit_test(a_checkpoint_continues_bit_for_bit),
        cmocka_unit_test(a_run_that_was_left_goes_on_as_if_it_had_not_been),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
        cmocka_unit_test(a_checkpoint_of_the_version_before_is_read),
        cmocka_unit_test(too_many_bad_gradients_end_training),
        cmocka_unit_test(steps_follow_the_options),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
