/* What may be done to a pool while its games go on: freeze, thaw, pause, new networks, limits. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "pool_fixture.h"

static void take_one(struct fixture *f, bool *got, bool *idle)
{
    struct record_finished one;
    struct selfplay_job job;

    assert_ok(selfplay_take(f->pool, 5, &one, &job, got, idle, &f->err), &f->err);
    if (*got)
        f->finished[one.game.id] = one;
}

/* Until n more games are finished, or the pool is idle. */
static void take(struct fixture *f, int n)
{
    bool got, idle = false;

    while (n > 0 && !idle) {
        take_one(f, &got, &idle);
        n -= got;
    }
}

static void set_up(struct fixture *f, int threads, int parallel)
{
    open_fixture(f, GAME_GO, 5, threads, parallel);
    f->settings.search.reuse_tree = true;
    f->settings.search.forced_k = 2;
    f->settings.cheap_share = 0.3f;
    f->settings.cheap_visits = 4;
    f->settings.opening_plies = 3;
    f->settings.random_move_share = 0.1f;
    for (int i = 0; i < 24; i++)
        add_job(f, i, learner, i % 3 == 0 ? bot : i % 3 == 1 ? older : learner);
}

/* Play on in another pool what f has in flight and what it has not begun. */
static void move_games(struct fixture *f, struct fixture *to)
{
    struct selfplay_frozen *frozen;
    size_t n;
    bool thawed[MAX_GAMES] = {false};

    assert_ok(selfplay_freeze(f->pool, SIZE_MAX, &frozen, &n, &f->err), &f->err);
    take(f, MAX_GAMES); /* those that were finished meanwhile */
    for (size_t i = 0; i < n; i++) {
        int64_t id = frozen[i].id;

        assert_false(thawed[id]);
        thawed[id] = true;
        assert_ok(selfplay_thaw(to->pool, &f->jobs[id], &frozen[i], &f->err), &f->err);
    }
    free(frozen);
    for (int i = 0; i < f->n; i++)
        if (!thawed[i] && f->finished[i].moves == NULL)
            assert_ok(selfplay_push(to->pool, &f->jobs[i], 1, &f->err), &f->err);
}

static void games_frozen_and_thawed_end_as_if_nothing_had_happened(void **state)
{
    static struct fixture whole, first, second, third;
    (void)state;
    set_up(&whole, 1, 3);
    set_up(&first, 1, 8);
    set_up(&second, 2, 5);
    set_up(&third, 1, 30);
    play_all(&whole);
    assert_ok(selfplay_push(first.pool, first.jobs, 24, &first.err), &first.err);
    take(&first, 1); /* seven others are under way */
    move_games(&first, &second);
    for (int i = 0; i < 24; i++) { /* what the first has finished is the second's, too */
        second.finished[i] = first.finished[i];
        first.finished[i] = (struct record_finished){0};
    }
    take(&second, 4);
    move_games(&second, &third);
    take(&third, MAX_GAMES);
    for (int i = 0; i < 24; i++) {
        const struct record_finished *x = &whole.finished[i];
        const struct record_finished *y = second.finished[i].moves != NULL ? &second.finished[i] : &third.finished[i];

        assert_non_null(y->moves);
        assert_memory_equal(&x->game, &y->game, sizeof x->game);
        assert_memory_equal(x->moves, y->moves, (size_t)x->game.n_moves * sizeof *x->moves);
        assert_memory_equal(x->rows, y->rows, (size_t)x->game.n_rows * whole.layout.row_bytes);
        assert_memory_equal(x->root_visits, y->root_visits, (size_t)x->game.n_moves * sizeof *x->root_visits);
    }
    close_fixture(&whole);
    close_fixture(&first);
    close_fixture(&second);
    close_fixture(&third);
}

static void games_thawed_but_not_begun_are_frozen_again(void **state)
{
    static struct fixture f;
    struct selfplay_frozen *frozen;
    size_t n, again;
    (void)state;
    set_up(&f, 1, 8);
    assert_ok(selfplay_push(f.pool, f.jobs, 24, &f.err), &f.err);
    take(&f, 1);
    assert_ok(selfplay_freeze(f.pool, SIZE_MAX, &frozen, &n, &f.err), &f.err);
    assert_in_range(n, 1, 8); /* the finished game's place may be empty for a moment */
    assert_ok(selfplay_pause(f.pool, &f.err), &f.err); /* nothing is begun now */
    for (size_t i = 0; i < n; i++)
        assert_ok(selfplay_thaw(f.pool, &f.jobs[frozen[i].id], &frozen[i], &f.err), &f.err);
    free(frozen);
    assert_ok(selfplay_freeze(f.pool, SIZE_MAX, &frozen, &again, &f.err), &f.err);
    assert_int_equal(again, n);
    for (size_t i = 0; i < again; i++)
        free(frozen[i].bytes);
    free(frozen);
    close_fixture(&f);
}

static void a_frozen_game_of_another_job_is_played_from_its_start(void **state)
{
    static struct fixture f, g;
    struct selfplay_frozen *frozen;
    size_t n;
    (void)state;
    set_up(&f, 1, 8);
    set_up(&g, 1, 8);
    play_all(&g);
    assert_ok(selfplay_push(f.pool, f.jobs, 24, &f.err), &f.err);
    take(&f, 1);
    assert_ok(selfplay_freeze(f.pool, SIZE_MAX, &frozen, &n, &f.err), &f.err);
    take(&f, MAX_GAMES);
    assert_true(n > 1);
    int64_t id = frozen[0].id;
    struct selfplay_frozen swapped = frozen[1], shorter = frozen[0];
    shorter.n_bytes -= 8;
    assert_ok(selfplay_thaw(f.pool, &f.jobs[id], &swapped, &f.err), &f.err);
    take(&f, 1);
    assert_int_equal(f.finished[id].game.n_moves, g.finished[id].game.n_moves);
    record_finished_free(&f.finished[id]);
    assert_ok(selfplay_thaw(f.pool, &f.jobs[id], &shorter, &f.err), &f.err);
    take(&f, 1);
    assert_memory_equal(f.finished[id].moves, g.finished[id].moves,
                        (size_t)g.finished[id].game.n_moves * sizeof(int16_t));
    for (size_t i = 2; i < n; i++)
        free(frozen[i].bytes);
    free(frozen);
    close_fixture(&f);
    close_fixture(&g);
}

/* So slow that the games are far from their end when the caller wakes up, on however busy a machine. */
static atomic_bool slow;
static enum tg_status slow_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    if (atomic_load(&slow))
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return fake_infer(net, b, err);
}

static void rows_name_the_network_that_searched_them(void **state)
{
    static struct fixture f;
    struct nn_backend backend = fake_backend;
    int n_old = 0, n_new = 0;
    (void)state;
    backend.infer = slow_infer;
    open_fixture(&f, GAME_GO, 7, 2, 12);
    assert_ok(selfplay_network(f.pool, 0, &backend, f.nets[0], &f.arch, &f.err), &f.err);
    atomic_store(&slow, true);
    for (int i = 0; i < 12; i++)
        add_job(&f, i, learner, learner);
    assert_ok(selfplay_push(f.pool, f.jobs, 12, &f.err), &f.err);
    struct selfplay_stats s = {0};
    for (int64_t searches = 0; searches < 60; searches += s.searches)
        selfplay_stats_take(f.pool, &s);
    assert_ok(selfplay_pause(f.pool, &f.err), &f.err);
    selfplay_number(f.pool, 0, 8); /* the jobs say 7 */
    atomic_store(&slow, false);
    selfplay_resume(f.pool);
    take(&f, 12);
    for (int i = 0; i < 12; i++) {
        for (int r = 0; r < f.finished[i].game.n_rows; r++) {
            const struct record_head *h = row_of(&f, i, r);

            assert_true(h->net == 7 || h->net == 8);
            assert_true(r == 0 || h->net >= row_of(&f, i, r - 1)->net);
            n_old += h->net == 7;
            n_new += h->net == 8;
        }
        assert_int_equal(f.finished[i].game.net[0], row_of(&f, i, f.finished[i].game.n_rows - 1)->net);
    }
    assert_true(n_old > 0 && n_new > 0);
    close_fixture(&f);
}

static void no_more_games_are_in_flight_than_the_limit(void **state)
{
    static struct fixture f;
    int64_t queued, flying;
    bool got, idle = false;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 2, 16);
    for (int i = 0; i < 40; i++)
        add_job(&f, i, learner, learner);
    selfplay_limit(f.pool, 3);
    assert_ok(selfplay_push(f.pool, f.jobs, 40, &f.err), &f.err);
    for (int k = 0; !idle; k++) {
        selfplay_load(f.pool, &queued, &flying);
        assert_true(flying <= 3 || k > 20);
        if (k == 20)
            selfplay_limit(f.pool, 16);
        take_one(&f, &got, &idle);
    }
    for (int i = 0; i < 40; i++)
        assert_non_null(f.finished[i].moves);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(games_frozen_and_thawed_end_as_if_nothing_had_happened),
        cmocka_unit_test(games_thawed_but_not_begun_are_frozen_again),
        cmocka_unit_test(a_frozen_game_of_another_job_is_played_from_its_start),
        cmocka_unit_test(rows_name_the_network_that_searched_them),
        cmocka_unit_test(no_more_games_are_in_flight_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
