/* test_window.c - the window and draws from it, on 1, 2 and 3 ranks. */
#include "tg_test.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "games.h"
#include "tengen/file.h"
#include "tengen/replay.h"
#include "window.h"

enum { SHARDS = 4, GAMES_PER_SHARD = 8, BATCH = 64, MANY = 20000 };

/* Shard s holds games 10 s .. 10 s + 7; written once, by all ranks. */
static struct {
    struct comm *comm;
    struct record_layout layout;
    char dir[64];
    struct replay_shard_info info[SHARDS];
} data;

static int write_shards(void **state)
{
    struct replay_options options = {.chunk_rows = 32, .deflate = 1};
    struct game game = test_game();
    struct replay_writer *w = NULL;
    struct tg_error err;

    (void)state;
    record_layout_init(&data.layout, &game);
    comm_open(MPI_COMM_WORLD, "train", &data.comm, NULL);
    if (comm_rank(data.comm) == 0)
        snprintf(data.dir, sizeof data.dir, "%s", tg_test_mkdir());
    comm_bcast(data.comm, data.dir, sizeof data.dir, 0);
    if (replay_writer_open(data.comm, data.dir, &game, &options, &w, &err) != TG_OK)
        return -1;
    for (int s = 0; s < SHARDS; s++) {
        for (int64_t i = 0; i < GAMES_PER_SHARD; i++) {
            struct record_finished f = make_game(&game, &data.layout, 10 * s + i);

            if (i % comm_size(data.comm) != comm_rank(data.comm))
                record_finished_free(&f);
            else if (replay_writer_push(w, &f, &err) != TG_OK)
                return -1;
        }
        if (replay_writer_commit(w, s, s, &data.info[s], &err) != TG_OK)
            return -1;
    }
    replay_writer_close(w);
    return 0;
}

static int remove_shards(void **state)
{
    (void)state;
    comm_barrier(data.comm);
    if (comm_rank(data.comm) == 0)
        tg_test_rmdir(data.dir);
    comm_close(data.comm);
    return 0;
}

static const char *path_of(int shard)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/%s", data.dir, data.info[shard].name);
    return path;
}

static struct replay_window *open_window(int64_t capacity, float alpha)
{
    struct replay_window_options o = {.capacity = capacity, .alpha = alpha, .epsilon = 1e-3f};
    struct replay_window *w = NULL;
    struct tg_error err = {0};

    assert_ok(replay_window_open(data.comm, &data.layout, &o, &w, &err), &err);
    return w;
}

/* A window of this rank alone, as a run on one rank would have it. *self is to be closed after it. */
static struct replay_window *open_alone(int64_t capacity, float alpha, struct comm **self)
{
    struct replay_window_options o = {.capacity = capacity, .alpha = alpha, .epsilon = 1e-3f};
    struct replay_window *w = NULL;
    struct tg_error err = {0};

    assert_ok(comm_open(MPI_COMM_SELF, "alone", self, &err), &err);
    assert_ok(replay_window_open(*self, &data.layout, &o, &w, &err), &err);
    return w;
}

/* One communicator, but each rank a host of its own. */
static struct replay_window *open_apart(int64_t capacity, float alpha)
{
    struct replay_window_options o = {.capacity = capacity, .alpha = alpha, .epsilon = 1e-3f};
    struct replay_window *w = NULL;
    struct comm *host = NULL;
    struct tg_error err = {0};

    assert_ok(comm_open(MPI_COMM_SELF, "host", &host, &err), &err);
    assert_ok(replay_window_open_on(data.comm, host, &data.layout, &o, &w, &err), &err);
    return w;
}

static void append(struct replay_window *w, int shard)
{
    struct tg_error err = {0};

    assert_ok(replay_window_append(w, path_of(shard), &data.info[shard], &err), &err);
}

static struct record_head head_of(const struct replay_window *w, int64_t slot)
{
    struct record_head h;

    memcpy(&h, replay_window_row(w, slot), sizeof h);
    return h;
}

static int64_t rows_of(int shard) { return data.info[shard].n_rows; }

static void draw(struct replay_window *w, int64_t step, int64_t newest, int n, int64_t *slots,
                 float *weights)
{
    struct tg_error err = {0};

    assert_ok(replay_window_draw(w, 42, step, newest, 0.4f, n, slots, weights, &err), &err);
}

static void all_rows_of_the_shards_are_there_once(void **state)
{
    struct replay_window *w = open_window(1000, 0.0f);
    uint8_t expected[4096];
    int64_t slot = 0;

    (void)state;
    append(w, 0);
    append(w, 1);
    assert_int_equal(replay_window_rows(w), rows_of(0) + rows_of(1));
    assert_int_equal(replay_window_total(w), rows_of(0) + rows_of(1));
    for (int64_t s = 0; s < 2; s++)
        for (int64_t id = 10 * s; id < 10 * s + GAMES_PER_SHARD; id++)
            for (int ply = 0; ply < test_game_rows(id); ply++, slot++) {
                fill_row(&data.layout, id, ply, expected);
                assert_memory_equal(replay_window_row(w, slot), expected, data.layout.row_bytes);
            }
    replay_window_close(w);
}

static void the_oldest_rows_leave_first(void **state)
{
    int64_t capacity = rows_of(1) + rows_of(2) + 5, seen_old = 0;
    struct replay_window *w = open_window(capacity, 0.0f);

    (void)state;
    append(w, 0);
    append(w, 1);
    append(w, 2);
    assert_int_equal(replay_window_rows(w), capacity);
    assert_int_equal(replay_window_total(w), rows_of(0) + rows_of(1) + rows_of(2));
    for (int64_t slot = 0; slot < capacity; slot++)
        seen_old += head_of(w, slot).game_id < 10;
    assert_int_equal(seen_old, 5);
    replay_window_close(w);
}

static void a_shard_larger_than_the_window_leaves_its_newest_rows(void **state)
{
    struct replay_window *w = open_window(20, 0.0f);

    (void)state;
    append(w, 3);
    assert_int_equal(replay_window_rows(w), 20);
    assert_int_equal(replay_window_total(w), rows_of(3));
    for (int64_t slot = 0; slot < 20; slot++)
        assert_int_equal(head_of(w, slot).game_id, 37); /* its last game has 3 + 37 rows */
    replay_window_close(w);
}

static void the_parts_that_ranks_read_cover_the_shard(void **state)
{
    const int64_t sizes[] = {1, 2, 3, 8, 64};

    (void)state;
    for (int64_t n = 1; n < 400000; n = n * 3 + 7)
        for (int64_t first = 0; first < n; first += n / 3 + 1)
            for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
                assert_int_equal(window_part_begin(first, n, 0, sizes[k]), first);
                assert_int_equal(window_part_begin(first, n, sizes[k], sizes[k]), n);
                for (int64_t r = 1; r < sizes[k]; r++) {
                    int64_t begin = window_part_begin(first, n, r, sizes[k]);

                    assert_true(begin >= window_part_begin(first, n, r - 1, sizes[k]) && begin <= n);
                    if (n - first >= sizes[k] * WINDOW_USUAL_CHUNK)
                        assert_true(begin % WINDOW_USUAL_CHUNK == 0 || begin == first || begin == n);
                }
            }
}

static void draws_do_not_depend_on_the_number_of_ranks(void **state)
{
    struct replay_window *w, *alone;
    struct comm *self;
    int64_t a[BATCH], b[BATCH];
    float weights[BATCH];

    (void)state;
    for (int prioritised = 0; prioritised < 2; prioritised++) {
        w = open_window(150, prioritised ? 0.6f : 0.0f);
        alone = open_alone(150, prioritised ? 0.6f : 0.0f, &self);
        for (int shard = 0; shard < 3; shard++) {
            append(w, shard);
            append(alone, shard);
        }
        for (int64_t step = 0; step < 10; step++) {
            draw(w, step, 0, BATCH, a, weights);
            draw(alone, step, 0, BATCH, b, weights);
            assert_memory_equal(a, b, sizeof a);
        }
        replay_window_close(w);
        replay_window_close(alone);
        comm_close(self);
    }
}

/* A resumed run loads only the shards that are still in the window: another place in the ring. */
static void draws_do_not_depend_on_where_in_the_ring_the_rows_lie(void **state)
{
    int64_t capacity = rows_of(2) + rows_of(3);

    (void)state;
    for (int prioritised = 0; prioritised < 2; prioritised++) {
        struct replay_window *old = open_window(capacity, prioritised ? 0.6f : 0.0f);
        struct replay_window *fresh = open_window(capacity, prioritised ? 0.6f : 0.0f);
        int64_t a[BATCH], b[BATCH];
        float wa[BATCH], wb[BATCH];

        append(old, 0);
        append(old, 1);
        append(old, 2);
        append(old, 3);
        append(fresh, 2);
        append(fresh, 3);
        assert_int_equal(replay_window_rows(old), replay_window_rows(fresh));
        for (int64_t step = 0; step < 20; step++) {
            draw(old, step, step % 2 == 0 ? 0 : 30, BATCH, a, wa);
            draw(fresh, step, step % 2 == 0 ? 0 : 30, BATCH, b, wb);
            for (int i = 0; i < BATCH; i++)
                assert_memory_equal(replay_window_row(old, a[i]), replay_window_row(fresh, b[i]),
                                    data.layout.row_bytes);
            assert_memory_equal(wa, wb, sizeof wa);
        }
        replay_window_close(old);
        replay_window_close(fresh);
    }
}

static void steps_and_seeds_draw_different_rows(void **state)
{
    struct replay_window *w = open_window(1000, 0.0f);
    int64_t a[BATCH], b[BATCH], c[BATCH];
    float weights[BATCH];
    struct tg_error err = {0};

    (void)state;
    append(w, 0);
    draw(w, 1, 0, BATCH, a, weights);
    draw(w, 2, 0, BATCH, b, weights);
    assert_ok(replay_window_draw(w, 43, 1, 0, 0.4f, BATCH, c, weights, &err), &err);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    draw(w, 1, 0, BATCH, b, weights);
    assert_memory_equal(a, b, sizeof a);
    replay_window_close(w);
}

static void uniform_draws_reach_all_rows_alike_and_weigh_one(void **state)
{
    struct replay_window *w = open_window(1000, 0.0f);
    int64_t *slots = malloc(MANY * sizeof *slots), n = rows_of(0);
    float *weights = malloc(MANY * sizeof *weights);
    int *hits = calloc((size_t)n, sizeof *hits);
    double mean = (double)MANY / (double)n, chi2 = 0.0;

    (void)state;
    append(w, 0);
    draw(w, 5, 0, MANY, slots, weights);
    for (int i = 0; i < MANY; i++) {
        assert_true(weights[i] == 1.0f);
        hits[slots[i]]++;
    }
    for (int64_t i = 0; i < n; i++)
        chi2 += (hits[i] - mean) * (hits[i] - mean) / mean;
    /* n - 1 degrees of freedom: mean n - 1, deviation sqrt(2 (n - 1)). */
    assert_true(fabs(chi2 - (double)(n - 1)) < 5.0 * sqrt(2.0 * (double)(n - 1)));
    free(slots);
    free(weights);
    free(hits);
    replay_window_close(w);
}

static void only_the_newest_rows_take_part_when_asked(void **state)
{
    (void)state;
    for (int prioritised = 0; prioritised < 2; prioritised++) {
        struct replay_window *w = open_window(rows_of(2) + rows_of(3) + 7, prioritised ? 0.6f : 0.0f);
        int64_t slots[1000];
        float weights[1000];
        bool first = false;

        for (int shard = 0; shard < SHARDS; shard++)
            append(w, shard);
        draw(w, 0, rows_of(3), 1000, slots, weights);
        for (int i = 0; i < 1000; i++) {
            assert_true(head_of(w, slots[i]).game_id >= 30);
            first = first || head_of(w, slots[i]).game_id == 30;
        }
        assert_true(first);
        replay_window_close(w);
    }
}

static void an_empty_window_gives_a_status(void **state)
{
    struct replay_window *w = open_window(10, 0.0f);
    struct tg_error err = {0};
    int64_t slot;
    float weight;

    (void)state;
    assert_fails(replay_window_draw(w, 1, 1, 0, 0.4f, 1, &slot, &weight, &err), TG_EINVAL, "empty",
                 &err);
    replay_window_close(w);
}

static void a_damaged_shard_leaves_the_window_as_it_was(void **state)
{
    struct replay_window *w = open_window(100, 0.6f);
    struct replay_shard_info lie = data.info[1];
    int64_t before[BATCH], after[BATCH];
    float weights[BATCH];
    struct tg_error err = {0};

    (void)state;
    append(w, 0);
    draw(w, 0, 0, BATCH, before, weights);
    lie.hash ^= 1;
    assert_fails(replay_window_append(w, path_of(1), &lie, &err), TG_EFORMAT, data.info[1].name, &err);
    lie = data.info[1];
    lie.n_rows += 1; /* the hash is right, the count is not */
    assert_int_not_equal(replay_window_append(w, path_of(1), &lie, &err), TG_OK);
    assert_fails(replay_window_append(w, "/nowhere/shard.h5", &lie, &err), TG_EIO, "/nowhere/shard.h5",
                 &err);
    assert_int_equal(replay_window_rows(w), rows_of(0) < 100 ? rows_of(0) : 100);
    draw(w, 0, 0, BATCH, after, weights);
    assert_memory_equal(before, after, sizeof before);
    append(w, 1);
    replay_window_close(w);
}

static void *rename_later(void *names)
{
    const char *const *from_to = names;

    nanosleep(&(struct timespec){.tv_nsec = 400 * 1000 * 1000}, NULL);
    return rename(from_to[0], from_to[1]) == 0 ? NULL : names;
}

static void a_shard_that_is_seen_late_is_waited_for(void **state)
{
    struct replay_window *w = open_window(100, 0);
    char hidden[220], path[200];
    const char *const names[2] = {hidden, path};
    struct tg_error err = {0};
    pthread_t thread;
    bool root = comm_rank(data.comm) == 0;
    void *failed = NULL;

    (void)state;
    snprintf(path, sizeof path, "%s", path_of(2));
    snprintf(hidden, sizeof hidden, "%s.hidden", path);
    if (root)
        assert_int_equal(rename(path, hidden), 0);
    comm_barrier(data.comm);
    assert_fails(replay_window_append_new(w, path, &data.info[2], 0.2, NULL, &err), TG_EIO, data.info[2].name, &err);
    assert_int_equal(replay_window_rows(w), 0);
    if (root)
        assert_int_equal(pthread_create(&thread, NULL, rename_later, (void *)(uintptr_t)names), 0);
    assert_ok(replay_window_append_new(w, path, &data.info[2], 20, NULL, &err), &err);
    if (root)
        pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(replay_window_rows(w), rows_of(2) < 100 ? rows_of(2) : 100);
    replay_window_close(w);
}

static void new_rows_start_with_the_priority_they_brought(void **state)
{
    struct replay_window *w = open_window(1000, 0.6f);
    float *priorities = malloc((size_t)rows_of(0) * sizeof *priorities);

    (void)state;
    append(w, 0);
    replay_window_priorities_get(w, priorities);
    for (int64_t i = 0; i < rows_of(0); i++)
        assert_true(priorities[i] == head_of(w, i).priority && priorities[i] > 0.0f);
    free(priorities);
    replay_window_close(w);
}

/* Every rank reports its share of a batch; all ranks' windows then agree with a lone rank's. */
static void updates_from_all_ranks_give_what_one_rank_would_get(void **state)
{
    struct replay_window *w[2] = {open_window(150, 0.6f), open_apart(150, 0.6f)}, *alone;
    struct comm *self;
    int rank = comm_rank(data.comm), size = comm_size(data.comm);
    struct tg_error err = {0};
    float a[150], b[150];

    (void)state;
    alone = open_alone(150, 0.6f, &self);
    for (int shard = 0; shard < 3; shard++) {
        append(w[0], shard);
        append(w[1], shard);
        append(alone, shard);
    }
    for (int64_t step = 0; step < 20; step++) {
        int64_t slots[BATCH], other[BATCH];
        float weights[BATCH], other_weights[BATCH], errors[BATCH];
        int from = BATCH * rank / size, to = BATCH * (rank + 1) / size;

        draw(alone, step, 0, BATCH, slots, weights);
        for (int i = 0; i < BATCH; i++)
            errors[i] = fabsf(sinf((float)(step * BATCH + i)));
        for (int k = 0; k < 2; k++) {
            draw(w[k], step, 0, BATCH, other, other_weights);
            assert_memory_equal(other, slots, sizeof slots);
            assert_memory_equal(other_weights, weights, sizeof weights);
            assert_ok(replay_window_update(w[k], slots + from, errors + from, to - from, &err), &err);
        }
        assert_ok(replay_window_update(alone, slots, errors, BATCH, &err), &err);
    }
    replay_window_priorities_get(alone, a);
    for (int k = 0; k < 2; k++) {
        replay_window_priorities_get(w[k], b);
        assert_memory_equal(a, b, sizeof a);
        replay_window_close(w[k]);
    }
    replay_window_close(alone);
    comm_close(self);
}

static int hits_of(struct replay_window *w, int64_t slot, int64_t step, float *weight)
{
    int64_t *slots = malloc(MANY * sizeof *slots);
    float *weights = malloc(MANY * sizeof *weights);
    int hits = 0;

    draw(w, step, 0, MANY, slots, weights);
    for (int i = 0; i < MANY; i++)
        if (slots[i] == slot) {
            hits++;
            *weight = weights[i];
        }
    free(slots);
    free(weights);
    return hits;
}

/* The check that the reference system fails: the planted row is drawn more often in the next
 * iteration too, after another shard has come. */
static void a_row_with_a_large_error_is_drawn_more_from_then_on(void **state)
{
    struct replay_window *w = open_window(1000, 0.6f);
    int64_t planted = 17;
    float large = 50.0f, weight_before = 0.0f, weight_after = 0.0f;
    struct tg_error err = {0};
    int before, after, later;

    (void)state;
    append(w, 0);
    before = hits_of(w, planted, 1, &weight_before);
    assert_ok(replay_window_update(w, &planted, &large, comm_rank(data.comm) == 0, &err), &err);
    after = hits_of(w, planted, 2, &weight_after);
    append(w, 1);
    later = hits_of(w, planted, 3, &weight_after);
    assert_true(before > 0 && after > 5 * before);
    assert_true(later > 3 * before);
    assert_true(weight_after < weight_before); /* what is drawn more counts less */
    replay_window_close(w);
}

static void check_formula(float alpha, float beta)
{
    struct replay_window *w = open_window(1000, alpha);
    struct tg_error err = {0};
    int64_t n = rows_of(0), *slots = malloc(MANY * sizeof *slots);
    float *weights = malloc(MANY * sizeof *weights), *p = malloc((size_t)n * sizeof *p);
    double *share = malloc((size_t)n * sizeof *share), sum = 0.0, largest = 0.0, chi2 = 0.0;
    int *hits = calloc((size_t)n, sizeof *hits);

    append(w, 0);
    replay_window_priorities_get(w, p);
    for (int64_t i = 0; i < n; i++)
        sum += share[i] = pow((double)p[i] + 1e-3, (double)alpha);
    assert_ok(replay_window_draw(w, 42, 9, 0, beta, MANY, slots, weights, &err), &err);
    for (int i = 0; i < MANY; i++) {
        double x = pow(1.0 / ((double)n * share[slots[i]] / sum), (double)beta);

        hits[slots[i]]++;
        largest = x > largest ? x : largest;
    }
    for (int64_t i = 0; i < n; i++) {
        double mean = MANY * share[i] / sum;

        chi2 += (hits[i] - mean) * (hits[i] - mean) / mean;
    }
    assert_true(fabs(chi2 - (double)(n - 1)) < 5.0 * sqrt(2.0 * (double)(n - 1)));
    for (int i = 0; i < MANY; i++) {
        double x = pow(1.0 / ((double)n * share[slots[i]] / sum), (double)beta);

        assert_true(fabs((double)weights[i] - x / largest) < 1e-5);
    }
    free(slots);
    free(weights);
    free(p);
    free(share);
    free(hits);
    replay_window_close(w);
}

static void draws_follow_the_formula(void **state)
{
    (void)state;
    check_formula(0.6f, 0.4f);
    check_formula(0.9f, 1.0f);
}

static void errors_that_are_no_numbers_make_a_row_rare_not_the_window_sick(void **state)
{
    struct replay_window *w = open_window(1000, 0.6f);
    int64_t slots[4] = {3, 4, 5, 5};
    float errors[4] = {NAN, -INFINITY, 0.25f, 0.5f}, p[1000];
    struct tg_error err = {0};
    int64_t far = 900;

    (void)state;
    append(w, 0);
    assert_ok(replay_window_update(w, slots, errors, comm_rank(data.comm) == 0 ? 4 : 0, &err), &err);
    replay_window_priorities_get(w, p);
    assert_true(p[3] == 1e-6f && p[4] == 1e-6f);
    assert_true(p[5] == 0.5f); /* drawn twice: the larger */
    assert_fails(replay_window_update(w, &far, errors, comm_rank(data.comm) == 0, &err), TG_EINVAL,
                 "slot 900", &err);
    replay_window_close(w);
}

static void priorities_survive_a_restart(void **state)
{
    struct replay_window *w = open_window(1000, 0.6f), *again = open_window(1000, 0.6f);
    int64_t slots[BATCH], other[BATCH], n = rows_of(0) + rows_of(1);
    float weights[BATCH], errors[BATCH], other_weights[BATCH], *p = malloc((size_t)n * sizeof *p);
    struct tg_error err = {0};

    (void)state;
    append(w, 0);
    append(w, 1);
    draw(w, 0, 0, BATCH, slots, weights);
    for (int i = 0; i < BATCH; i++)
        errors[i] = 0.01f * (float)i;
    assert_ok(replay_window_update(w, slots, errors, comm_rank(data.comm) == 0 ? BATCH : 0, &err), &err);
    replay_window_priorities_get(w, p);
    append(again, 0);
    append(again, 1);
    assert_ok(replay_window_priorities_set(again, p, n, &err), &err);
    draw(w, 1, 0, BATCH, slots, weights);
    draw(again, 1, 0, BATCH, other, other_weights);
    assert_memory_equal(slots, other, sizeof slots);
    assert_memory_equal(weights, other_weights, sizeof weights);
    assert_fails(replay_window_priorities_set(again, p, n - 1, &err), TG_EINVAL, "priorities", &err);
    free(p);
    replay_window_close(w);
    replay_window_close(again);
}

/* Steps that find errors, with alphas that change, on a ring that wraps; then the same rows and priorities in a window
 * that was opened with the last alpha. */
static void check_alphas(struct replay_window *w, struct replay_window *fresh)
{
    const float alphas[] = {0.6f, 0.0f, 0.3f};
    int64_t slots[BATCH], other[BATCH], n;
    float weights[BATCH], other_weights[BATCH], errors[BATCH], *p = malloc(1000 * sizeof *p);
    struct tg_error err = {0};

    append(w, 0);
    append(fresh, 0);
    for (int k = 0; k < 3; k++) {
        assert_ok(replay_window_set_alpha(w, alphas[k], &err), &err);
        assert_int_equal(replay_window_prioritised(w), alphas[k] > 0);
        draw(w, k, 0, BATCH, slots, weights);
        for (int i = 0; i < BATCH; i++)
            errors[i] = 0.02f * (float)(i + k);
        assert_ok(replay_window_update(w, slots, errors, comm_rank(data.comm) == 0 ? BATCH : 0, &err), &err);
        append(w, k + 1);
        append(fresh, k + 1);
    }
    n = replay_window_rows(w);
    assert_in_range(n, 1, 1000);
    replay_window_priorities_get(w, p);
    assert_ok(replay_window_priorities_set(fresh, p, n, &err), &err);
    for (int step = 10; step < 20; step++) {
        draw(w, step, n / 2, BATCH, slots, weights);
        draw(fresh, step, n / 2, BATCH, other, other_weights);
        assert_memory_equal(slots, other, sizeof slots);
        assert_memory_equal(weights, other_weights, sizeof weights);
    }
    assert_fails(replay_window_set_alpha(w, NAN, &err), TG_EINVAL, "alpha", &err);
    free(p);
    replay_window_close(w);
    replay_window_close(fresh);
}

static void draws_by_another_alpha_are_those_of_a_window_opened_with_it(void **state)
{
    int64_t capacity = rows_of(0) + rows_of(1) + rows_of(2);

    (void)state;
    check_alphas(open_window(capacity, 0), open_window(capacity, 0.3f));
    check_alphas(open_apart(capacity, 0), open_apart(capacity, 0.3f));
}

static void without_alpha_draws_are_uniform_again(void **state)
{
    struct replay_window *w = open_window(1000, 0.6f), *plain = open_window(1000, 0);
    int64_t slots[BATCH], other[BATCH];
    float weights[BATCH], p[1000], before[1000], error = 0.75f;
    struct tg_error err = {0};

    (void)state;
    append(w, 0);
    append(plain, 0);
    assert_ok(replay_window_set_alpha(w, 0, &err), &err);
    draw(w, 5, 0, BATCH, slots, weights);
    draw(plain, 5, 0, BATCH, other, weights);
    assert_memory_equal(slots, other, sizeof slots);
    replay_window_priorities_get(w, before);
    assert_ok(replay_window_update(w, slots, &error, comm_rank(data.comm) == 0, &err), &err);
    replay_window_priorities_get(w, p);
    assert_memory_equal(p, before, (size_t)replay_window_rows(w) * sizeof *p); /* errors are not taken over */
    replay_window_close(w);
    replay_window_close(plain);
}

static void options_out_of_range_are_refused(void **state)
{
    struct replay_window_options o = {.capacity = 0};
    struct replay_window *w = NULL;
    struct tg_error err = {0};

    (void)state;
    assert_fails(replay_window_open(data.comm, &data.layout, &o, &w, &err), TG_EINVAL, "window of 0",
                 &err);
    assert_null(w);
    o = (struct replay_window_options){.capacity = 10, .alpha = NAN};
    assert_fails(replay_window_open(data.comm, &data.layout, &o, &w, &err), TG_EINVAL, "alpha", &err);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_of_the_shards_are_there_once),
        cmocka_unit_test(the_oldest_rows_leave_first),
        cmocka_unit_test(a_shard_larger_than_the_window_leaves_its_newest_rows),
        cmocka_unit_test(the_parts_that_ranks_read_cover_the_shard),
        cmocka_unit_test(draws_do_not_depend_on_the_number_of_ranks),
        cmocka_unit_test(draws_do_not_depend_on_where_in_the_ring_the_rows_lie),
        cmocka_unit_test(steps_and_seeds_draw_different_rows),
        cmocka_unit_test(uniform_draws_reach_all_rows_alike_and_weigh_one),
        cmocka_unit_test(only_the_newest_rows_take_part_when_asked),
        cmocka_unit_test(an_empty_window_gives_a_status),
        cmocka_unit_test(a_damaged_shard_leaves_the_window_as_it_was),
        cmocka_unit_test(a_shard_that_is_seen_late_is_waited_for),
        cmocka_unit_test(new_rows_start_with_the_priority_they_brought),
        cmocka_unit_test(updates_from_all_ranks_give_what_one_rank_would_get),
        cmocka_unit_test(a_row_with_a_large_error_is_drawn_more_from_then_on),
        cmocka_unit_test(draws_follow_the_formula),
        cmocka_unit_test(errors_that_are_no_numbers_make_a_row_rare_not_the_window_sick),
        cmocka_unit_test(priorities_survive_a_restart),
        cmocka_unit_test(draws_by_another_alpha_are_those_of_a_window_opened_with_it),
        cmocka_unit_test(without_alpha_draws_are_uniform_again),
        cmocka_unit_test(options_out_of_range_are_refused),
    };

    return cmocka_run_group_tests(tests, write_shards, remove_shards);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
