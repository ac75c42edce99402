#include <math.h>
#include <stdio.h>

#include "pool_fixture.h"

static void games_do_not_depend_on_threads_or_pool_size(void **state)
{
    static struct fixture a, b;
    (void)state;
    open_fixture(&a, GAME_GO, 5, 1, 3);
    open_fixture(&b, GAME_GO, 5, 3, 8);
    a.settings.cheap_share = b.settings.cheap_share = 0.5f;
    a.settings.cheap_visits = b.settings.cheap_visits = 4;
    a.settings.opening_plies = b.settings.opening_plies = 3;
    a.settings.random_move_share = b.settings.random_move_share = 0.1f;
    for (int i = 0; i < 12; i++) {
        add_job(&a, i, learner, i % 3 == 0 ? bot : i % 3 == 1 ? older : learner);
        add_job(&b, i, learner, i % 3 == 0 ? bot : i % 3 == 1 ? older : learner);
    }
    play_all(&a);
    play_all(&b);
    for (int i = 0; i < 12; i++) {
        const struct record_finished *x = &a.finished[i], *y = &b.finished[i];
        assert_int_equal(x->game.n_moves, y->game.n_moves);
        assert_int_equal(x->game.n_rows, y->game.n_rows);
        assert_memory_equal(x->moves, y->moves, (size_t)x->game.n_moves * sizeof *x->moves);
        assert_memory_equal(x->rows, y->rows, (size_t)x->game.n_rows * a.layout.row_bytes);
    }
    close_fixture(&a);
    close_fixture(&b);
}

static void games_differ_from_each_other(void **state)
{
    static struct fixture f;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 4);
    for (int i = 0; i < 6; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 1; i < 6; i++) {
        int n = f.finished[i].game.n_moves < f.finished[0].game.n_moves ? f.finished[i].game.n_moves
                                                                       : f.finished[0].game.n_moves;
        assert_memory_not_equal(f.finished[i].moves, f.finished[0].moves, (size_t)n * sizeof(int16_t));
    }
    close_fixture(&f);
}

static void rows_equal_plies_and_outcomes_are_the_movers(void **state)
{
    static struct fixture f;
    (void)state;
    open_fixture(&f, GAME_GOMOKU, 3, 2, 4);
    for (int i = 0; i < 10; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 10; i++) {
        const struct record_game *g = &f.finished[i].game;
        assert_int_equal(g->n_rows, g->n_moves);
        for (int r = 0; r < g->n_rows; r++) {
            const struct record_head *h = row_of(&f, i, r);
            float win = g->winner == GAME_DRAWN ? 0.5f
                        : (g->winner == GAME_WON_BLACK) == (h->color == GAME_BLACK) ? 1 : 0;
            assert_true(fabsf(h->value[0] - win) < 1e-6f);
            assert_true(fabsf(h->value[0] + h->value[1] + h->value[2] - 1) < 1e-6f);
            assert_int_equal(h->ply, r);
            assert_int_equal(h->color, r % 2);
            assert_int_equal(h->net, 7);
        }
    }
    close_fixture(&f);
}

static void only_the_learners_full_search_is_a_policy_target(void **state)
{
    static struct fixture f;
    int n_target = 0, n_none = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 4);
    f.settings.opening_plies = 4;
    f.settings.opening_exact = true;
    f.settings.cheap_share = 0.5f;
    f.settings.cheap_visits = 3;
    f.settings.record_cheap = true;
    f.settings.search.proven = false; /* a proven root would end its search early */
    for (int i = 0; i < 9; i++)
        add_job(&f, i, i % 2 ? learner : older, i % 2 ? i % 3 == 0 ? bot : older : learner);
    play_all(&f);
    for (int i = 0; i < 9; i++)
        for (int r = 0; r < f.finished[i].game.n_rows; r++) {
            const struct record_head *h = row_of(&f, i, r);
            int16_t ply = h->ply;
            bool mine = f.jobs[i].player[h->color].net == 7;
            if (ply < 4)
                assert_int_equal(h->kind, RECORD_OPENING);
            else if (!mine)
                assert_int_equal(h->kind, RECORD_OPPONENT);
            assert_int_equal(h->w_policy > 0, h->kind == RECORD_FULL);
            if (h->kind == RECORD_FULL)
                assert_int_equal(h->visits, 12);
            if (h->kind == RECORD_CHEAP)
                assert_int_equal(h->visits, 3);
            n_target += h->w_policy > 0;
            n_none += h->w_policy <= 0;
        }
    assert_true(n_target > 20 && n_none > 20);
    close_fixture(&f);
}

static void cheap_searches_leave_no_row_unless_asked(void **state)
{
    static struct fixture f;
    int plies = 0, rows = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 4);
    f.settings.cheap_share = 0.75f;
    f.settings.cheap_visits = 3;
    for (int i = 0; i < 8; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 8; i++) {
        plies += f.finished[i].game.n_moves;
        rows += f.finished[i].game.n_rows;
    }
    assert_true(rows * 100 > plies * 15 && rows * 100 < plies * 35);
    close_fixture(&f);
    open_fixture(&f, GAME_GO, 5, 1, 4);
    f.settings.cheap_share = 0.75f;
    f.settings.cheap_visits = 3;
    f.settings.record_cheap = true;
    add_job(&f, 0, learner, learner);
    play_all(&f);
    assert_int_equal(f.finished[0].game.n_rows, f.finished[0].game.n_moves);
    close_fixture(&f);
}

static void resignation_ends_games_but_not_held_out_ones(void **state)
{
    static struct fixture f;
    int resigned = 0, held_out = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 8);
    f.settings.resign_value = 0.05f;
    f.settings.resign_min_ply = 4;
    f.settings.resign_holdout = 0.5f;
    for (int i = 0; i < 40; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 40; i++) {
        const struct record_game *g = &f.finished[i].game;
        resigned += g->resigned;
        held_out += g->resign_held_out;
        assert_false(g->resigned && g->resign_held_out);
        if (g->resigned)
            for (int r = 0; r < g->n_rows; r++)
                assert_true(row_of(&f, i, r)->w_score <= 0);
    }
    assert_true(resigned > 5 && held_out > 5);
    close_fixture(&f);
}

static void nobody_resigns_before_its_ply(void **state)
{
    static struct fixture f;
    int resigned = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 8);
    f.settings.resign_value = 0.05f;
    f.settings.resign_min_ply = 20;
    for (int i = 0; i < 20; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 20; i++) {
        resigned += f.finished[i].game.resigned;
        assert_true(!f.finished[i].game.resigned || f.finished[i].game.n_moves > 20);
    }
    assert_true(resigned > 2);
    close_fixture(&f);
}

static void games_are_scored_as_they_stand_at_max_plies(void **state)
{
    static struct fixture f;
    int cut = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 8);
    f.settings.max_plies = 9;
    for (int i = 0; i < 12; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 12; i++) {
        const struct record_game *g = &f.finished[i].game;
        assert_in_range(g->n_moves, 2, 9);
        assert_true(g->score != 0 && g->winner == (g->score > 0 ? GAME_WON_BLACK : GAME_WON_WHITE));
        cut += g->n_moves == 9;
    }
    assert_true(cut > 6);
    close_fixture(&f);
}

/* Plies of the same games, with the option or without. */
static int plies_when_decided(bool end)
{
    static struct fixture f;
    int plies = 0;

    open_fixture(&f, GAME_GO, 3, 1, 8);
    f.settings.end_when_decided = end;
    for (int i = 0; i < 24; i++)
        add_job(&f, i, learner, learner);
    play_all(&f);
    for (int i = 0; i < 24; i++)
        plies += f.finished[i].game.n_moves;
    close_fixture(&f);
    return plies;
}

static void decided_games_end_where_asked(void **state)
{
    (void)state;
    assert_true(plies_when_decided(true) < plies_when_decided(false));
}

static void openings_vary_unless_exact(void **state)
{
    (void)state;
    for (int exact = 0; exact < 2; exact++) {
        static struct fixture f;
        int n_of[7] = {0}, kinds = 0;

        open_fixture(&f, GAME_GO, 5, 1, 8);
        f.settings.opening_plies = 6;
        f.settings.opening_exact = exact;
        f.settings.max_plies = 8;
        for (int i = 0; i < 30; i++)
            add_job(&f, i, learner, learner);
        play_all(&f);
        for (int i = 0; i < 30; i++) {
            int n = 0;

            for (int r = 0; r < f.finished[i].game.n_rows; r++)
                n += row_of(&f, i, r)->kind == RECORD_OPENING;
            assert_in_range(n, exact ? 6 : 0, 6);
            n_of[n]++;
        }
        for (int n = 0; n < 7; n++)
            kinds += n_of[n] > 0;
        assert_true(exact ? kinds == 1 : kinds > 4);
        close_fixture(&f);
    }
}

static void random_moves_are_searched_and_not_followed(void **state)
{
    static struct fixture follows, strays;
    int differ = 0;
    (void)state;
    open_fixture(&follows, GAME_GO, 5, 1, 8);
    open_fixture(&strays, GAME_GO, 5, 1, 8);
    strays.settings.random_move_share = 1;
    for (int i = 0; i < 12; i++) {
        add_job(&follows, i, learner, learner);
        add_job(&strays, i, learner, learner);
    }
    play_all(&follows);
    play_all(&strays);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(row_of(&strays, i, 0)->kind, RECORD_FULL);
        assert_int_equal(row_of(&strays, i, 0)->visits, row_of(&follows, i, 0)->visits);
        differ += strays.finished[i].moves[0] != follows.finished[i].moves[0];
    }
    assert_true(differ > 6);
    close_fixture(&follows);
    close_fixture(&strays);
}

static void a_pair_shares_its_opening(void **state)
{
    static struct fixture f;
    (void)state;
    open_fixture(&f, GAME_GO, 7, 1, 2);
    f.settings.opening_plies = 6;
    f.settings.opening_exact = true;
    add_job(&f, 0, learner, older);
    add_job(&f, 1, older, learner);
    add_job(&f, 2, learner, older);
    f.jobs[1].opening_key = f.jobs[0].opening_key;
    play_all(&f);
    assert_memory_equal(f.finished[0].moves, f.finished[1].moves, 6 * sizeof(int16_t));
    assert_memory_not_equal(f.finished[0].moves, f.finished[2].moves, 6 * sizeof(int16_t));
    close_fixture(&f);
}

/* The target is drawn from the search, so noise must change it on this very path. */
static void noise_changes_the_root_visits(void **state)
{
    static struct fixture quiet, noisy;
    int differ = 0;
    (void)state;
    open_fixture(&quiet, GAME_GO, 5, 1, 4);
    open_fixture(&noisy, GAME_GO, 5, 1, 4);
    quiet.settings.search.noise_weight = 0;
    for (int i = 0; i < 6; i++) {
        add_job(&quiet, i, learner, learner);
        add_job(&noisy, i, learner, learner);
    }
    play_all(&quiet);
    play_all(&noisy);
    for (int i = 0; i < 6; i++)
        differ += memcmp(quiet.finished[i].rows + quiet.layout.policy,
                         noisy.finished[i].rows + noisy.layout.policy,
                         (size_t)quiet.layout.n_actions * 2) != 0;
    assert_true(differ >= 5);
    close_fixture(&quiet);
    close_fixture(&noisy);
}

/* Temperature says which move is played; what is learned is what the search found. */
static void the_target_does_not_follow_the_temperature(void **state)
{
    static struct fixture cold, hot;
    int differ = 0;
    (void)state;
    open_fixture(&cold, GAME_GOMOKU, 5, 1, 4);
    open_fixture(&hot, GAME_GOMOKU, 5, 1, 4);
    cold.settings.search.temp_early = cold.settings.search.temp_late = 0.2f;
    hot.settings.search.temp_early = hot.settings.search.temp_late = 1.3f;
    for (int i = 0; i < 12; i++) {
        add_job(&cold, i, learner, learner);
        add_job(&hot, i, learner, learner);
    }
    play_all(&cold);
    play_all(&hot);
    for (int i = 0; i < 12; i++) { /* both searched the same first position */
        assert_memory_equal(cold.finished[i].rows + cold.layout.policy,
                            hot.finished[i].rows + hot.layout.policy, (size_t)cold.layout.n_actions * 2);
        differ += cold.finished[i].moves[0] != hot.finished[i].moves[0];
    }
    assert_true(differ > 0);
    close_fixture(&cold);
    close_fixture(&hot);
}

static void replies_are_the_next_plys_policy(void **state)
{
    static struct fixture f;
    float policy[26], reply[26];
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 1);
    add_job(&f, 0, learner, learner);
    play_all(&f);
    for (int r = 0; r + 1 < f.finished[0].game.n_rows; r++) {
        const uint8_t *row = f.finished[0].rows + (size_t)r * f.layout.row_bytes;
        record_reply_unpack(&f.layout, row + f.layout.reply, reply);
        record_policy_unpack(&f.layout, (const uint16_t *)(const void *)(row + f.layout.row_bytes +
                                                                        f.layout.policy), policy);
        assert_true(row_of(&f, 0, r)->w_reply > 0);
        for (int a = 0; a < 26; a++)
            assert_true(fabsf(policy[a] - reply[a]) < 0.02f);
    }
    assert_true(row_of(&f, 0, f.finished[0].game.n_rows - 1)->w_reply <= 0);
    close_fixture(&f);
}

static void surprise_moves_weight_but_keeps_the_mean(void **state)
{
    static struct fixture f;
    double sum = 0, least = 9, most = 0;
    int n = 0;
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 1);
    f.settings.policy_surprise = 0.5f;
    add_job(&f, 0, learner, learner);
    play_all(&f);
    for (int r = 0; r < f.finished[0].game.n_rows; r++, n++) {
        double w = (double)row_of(&f, 0, r)->w_policy;
        sum += w;
        least = w < least ? w : least;
        most = w > most ? w : most;
    }
    assert_true(fabs(sum / n - 1) < 1e-3);
    assert_true(most > 1.1 && least < 0.9);
    close_fixture(&f);
}

static void bad_jobs_are_refused(void **state)
{
    static struct fixture f;
    struct selfplay_player nobody = {RECORD_NETWORK, 3, 1, NULL};
    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 1);
    add_job(&f, 0, learner, nobody);
    assert_fails(selfplay_push(f.pool, f.jobs, 1, &f.err), TG_EINVAL, "slot 3", &f.err);
    f.jobs[0].player[1] = learner;
    f.jobs[0].setup.width = 9;
    assert_fails(selfplay_push(f.pool, f.jobs, 1, &f.err), TG_EINVAL, "9 x 5", &f.err);
    f.n = 0;
    close_fixture(&f);
}

static void cancel_drops_everything_and_the_pool_plays_on(void **state)
{
    static struct fixture f;
    (void)state;
    open_fixture(&f, GAME_GO, 7, 2, 8);
    for (int i = 0; i < 30; i++)
        add_job(&f, i, learner, learner);
    assert_ok(selfplay_push(f.pool, f.jobs, 30, &f.err), &f.err);
    selfplay_cancel(f.pool);
    for (bool idle = false, got; !idle;) {
        struct record_finished one;
        struct selfplay_job job;
        assert_ok(selfplay_take(f.pool, 1, &one, &job, &got, &idle, &f.err), &f.err);
        if (got)
            record_finished_free(&one);
    }
    f.n = 4;
    play_all(&f);
    close_fixture(&f);
}

static enum tg_status failing_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    (void)net;
    (void)b;
    return FAIL(err, TG_EDEVICE, "the device is gone");
}

static void a_failed_evaluation_ends_in_an_error_not_in_a_hang(void **state)
{
    static struct fixture f;
    struct nn_backend broken = fake_backend;
    enum tg_status rc = TG_OK;
    (void)state;
    broken.infer = failing_infer;
    open_fixture(&f, GAME_GO, 5, 2, 6);
    assert_ok(selfplay_network(f.pool, 0, &broken, f.nets[0], &f.arch, &f.err), &f.err);
    for (int i = 0; i < 8; i++)
        add_job(&f, i, learner, learner);
    assert_ok(selfplay_push(f.pool, f.jobs, (size_t)f.n, &f.err), &f.err);
    for (int i = 0; rc == TG_OK && i < 20; i++) {
        struct record_finished one;
        struct selfplay_job job;
        bool got, idle;
        rc = selfplay_take(f.pool, 1, &one, &job, &got, &idle, &f.err);
    }
    assert_int_equal(rc, TG_EDEVICE);
    assert_non_null(strstr(f.err.text, "the device is gone"));
    f.n = 0;
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(games_do_not_depend_on_threads_or_pool_size),
        cmocka_unit_test(games_differ_from_each_other),
        cmocka_unit_test(rows_equal_plies_and_outcomes_are_the_movers),
        cmocka_unit_test(only_the_learners_full_search_is_a_policy_target),
        cmocka_unit_test(cheap_searches_leave_no_row_unless_asked),
        cmocka_unit_test(resignation_ends_games_but_not_held_out_ones),
        cmocka_unit_test(nobody_resigns_before_its_ply),
        cmocka_unit_test(games_are_scored_as_they_stand_at_max_plies),
        cmocka_unit_test(decided_games_end_where_asked),
        cmocka_unit_test(openings_vary_unless_exact),
        cmocka_unit_test(random_moves_are_searched_and_not_followed),
        cmocka_unit_test(a_pair_shares_its_opening),
        cmocka_unit_test(noise_changes_the_root_visits),
        cmocka_unit_test(the_target_does_not_follow_the_temperature),
        cmocka_unit_test(replies_are_the_next_plys_policy),
        cmocka_unit_test(surprise_moves_weight_but_keeps_the_mean),
        cmocka_unit_test(bad_jobs_are_refused),
        cmocka_unit_test(cancel_drops_everything_and_the_pool_plays_on),
        cmocka_unit_test(a_failed_evaluation_ends_in_an_error_not_in_a_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
