/* What each setting of self-play does to the games and rows that a pool makes. */
#include <math.h>
#include <stdio.h>

#include "pool_fixture.h"

static void play_games(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++)
        add_job(f, i, learner, learner);
    play_all(f);
}

/* The same moves after the same searches? */
static bool same_games(const struct fixture *a, const struct fixture *b)
{
    for (int i = 0; i < a->n; i++) {
        const struct record_finished *x = &a->finished[i], *y = &b->finished[i];
        size_t n = (size_t)x->game.n_moves;

        if (x->game.n_moves != y->game.n_moves || memcmp(x->moves, y->moves, n * sizeof *x->moves) != 0 ||
            memcmp(x->root_values, y->root_values, n * sizeof *x->root_values) != 0)
            return false;
    }
    return true;
}

/* ---- playout-cap randomisation ----------------------------------------------------------------- */

enum { STIRS = 4 };

/* What may set a root apart from the nodes below it. */
static void stir(struct search_settings *s, int k)
{
    switch (k) {
    case 0: s->noise_weight = 0.5f; break;
    case 1: s->gumbel = true; break;
    case 2: s->root_temp_early = s->root_temp_late = 3; break;
    default: s->root_fpu_reduction = s->fpu_reduction + 1; break;
    }
}

static void nothing_is_stirred_in_a_cheap_search(void **state)
{
    (void)state;
    for (int k = 0; k < 2 * STIRS; k++) {
        static struct fixture f[2];
        bool cheap = k < STIRS;

        for (int stirred = 0; stirred < 2; stirred++) {
            open_fixture(&f[stirred], GAME_GO, 5, 1, 4);
            f[stirred].settings.cheap_share = cheap;
            f[stirred].settings.cheap_visits = 12;
            f[stirred].settings.search.noise_weight = 0;
            f[stirred].settings.search.root_fpu_reduction = f[stirred].settings.search.fpu_reduction;
            if (stirred)
                stir(&f[stirred].settings.search, k % STIRS);
            play_games(&f[stirred], 4);
        }
        if (same_games(&f[0], &f[1]) != cheap)
            fail_msg("setting %d, %s searches", k % STIRS, cheap ? "cheap" : "full");
        close_fixture(&f[0]);
        close_fixture(&f[1]);
    }
}

/* Visits of a cheap search were won without noise. */
static void a_full_search_after_a_cheap_one_begins_anew(void **state)
{
    static struct fixture f[2];
    int n = 0;

    (void)state;
    for (int reuse = 0; reuse < 2; reuse++) {
        open_fixture(&f[reuse], GAME_GO, 5, 1, 8);
        f[reuse].settings.cheap_share = 0.5f;
        f[reuse].settings.cheap_visits = 40;
        f[reuse].settings.record_cheap = true;
        f[reuse].settings.search.reuse_tree = reuse;
        play_games(&f[reuse], 24);
    }
    for (int i = 0; i < 24; i++) { /* up to the second ply both are alike */
        const uint8_t *a = f[0].finished[i].rows, *b = f[1].finished[i].rows;
        size_t second = f[0].layout.row_bytes + f[0].layout.policy;

        if (row_of(&f[0], i, 0)->kind != RECORD_CHEAP || row_of(&f[0], i, 1)->kind != RECORD_FULL)
            continue;
        assert_int_equal(f[0].finished[i].moves[0], f[1].finished[i].moves[0]);
        assert_memory_equal(a + second, b + second, (size_t)f[0].layout.n_actions * 2);
        n++;
    }
    assert_true(n > 2);
    close_fixture(&f[0]);
    close_fixture(&f[1]);
}

static void a_kept_tree_saves_evaluations(void **state)
{
    double evaluations[2];

    (void)state;
    for (int reuse = 0; reuse < 2; reuse++) {
        static struct fixture f;
        struct selfplay_stats s;

        open_fixture(&f, GAME_GO, 5, 1, 4);
        f.settings.search.visits = 40;
        f.settings.search.reuse_tree = reuse;
        add_job(&f, 0, learner, learner);
        add_job(&f, 1, learner, older);
        play_all(&f);
        selfplay_stats_peek(f.pool, &s);
        evaluations[reuse] = (double)s.evaluations / (double)s.searches;
        close_fixture(&f);
    }
    assert_true(evaluations[1] < 0.95 * evaluations[0]);
}

/* ---- moves ------------------------------------------------------------------------------------- */

/* At temperature 0 whatever is not the most visited move was played at random. */
static void random_moves_have_their_share(void **state)
{
    static const float shares[] = {0, 0.3f};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        static struct fixture f;
        float target[26];
        int strays = 0, n = 0;

        open_fixture(&f, GAME_GO, 5, 1, 8);
        f.settings.search.temp_early = f.settings.search.temp_late = 0;
        f.settings.random_move_share = shares[k];
        play_games(&f, 16);
        for (int i = 0; i < 16; i++)
            for (int r = 0; r < f.finished[i].game.n_rows; r++, n++) {
                const uint8_t *row = f.finished[i].rows + (size_t)r * f.layout.row_bytes;
                float most = 0;

                record_policy_unpack(&f.layout, (const uint16_t *)(const void *)(row + f.layout.policy), target);
                for (int a = 0; a < 26; a++)
                    most = fmaxf(most, target[a]);
                strays += target[f.finished[i].moves[r]] < most;
            }
        assert_true(n > 300);
        assert_true(strays >= (int)(shares[k] * 0.7f * (float)n) && strays <= (int)(shares[k] * 1.2f * (float)n));
        close_fixture(&f);
    }
}

/* Boards are not turned before they are evaluated, so nothing else tells these games apart. */
static void each_game_has_a_stream_of_its_own(void **state)
{
    static struct fixture f;

    (void)state;
    open_fixture(&f, GAME_GO, 5, 1, 4);
    f.nets[0]->unturned = true;
    play_games(&f, 6);
    for (int i = 1; i < 6; i++)
        assert_memory_not_equal(f.finished[i].moves, f.finished[0].moves, 4 * sizeof(int16_t));
    close_fixture(&f);
}

/* ---- resignation ------------------------------------------------------------------------------- */

/* The first ply at which two searches of one's own in turn were below -value; -1: there is none. */
static int ply_of_giving_up(const struct record_finished *g, float value, int min_ply)
{
    for (int p = min_ply; p < g->game.n_moves; p++) {
        float mine = p % 2 == GAME_BLACK ? 1.0f : -1.0f;

        if (mine * g->root_values[p] < -value && mine * g->root_values[p - 2] < -value)
            return p;
    }
    return -1;
}

/* Play 40 games; count who resigned, who was held out, and who of those was wrong. */
static void count_resignations(float value, float holdout, int n[3])
{
    static struct fixture f;

    memset(n, 0, 3 * sizeof *n);
    open_fixture(&f, GAME_GO, 5, 1, 8);
    f.settings.resign_value = value;
    f.settings.resign_min_ply = 4;
    f.settings.resign_holdout = holdout;
    play_games(&f, 40);
    for (int i = 0; i < 40; i++) {
        const struct record_game *g = &f.finished[i].game;
        int ply = ply_of_giving_up(&f.finished[i], value, 4);
        enum game_winner other = ply % 2 == GAME_BLACK ? GAME_WON_WHITE : GAME_WON_BLACK;

        assert_int_equal(g->resigned || g->resign_held_out, ply >= 0);
        if (g->resigned) {
            assert_int_equal(ply, g->n_moves - 1);
            assert_int_equal(g->winner, other);
        }
        assert_int_equal(g->resign_wrong, g->resign_held_out && g->winner != other);
        n[0] += g->resigned;
        n[1] += g->resign_held_out;
        n[2] += g->resign_wrong;
    }
    close_fixture(&f);
}

static void two_low_values_in_turn_give_the_game_up(void **state)
{
    int n[3], later[3];

    (void)state;
    count_resignations(0.05f, 0, n);
    assert_true(n[0] > 5 && n[1] == 0);
    count_resignations(0.15f, 0, later);
    assert_true(later[0] < n[0]);
}

static void games_held_out_are_played_on_and_say_who_was_wrong(void **state)
{
    int n[3];

    (void)state;
    count_resignations(0.05f, 1, n);
    assert_true(n[0] == 0 && n[1] > 5);
    assert_in_range(n[2], 1, n[1] - 1);
}

/* ---- weights of rows --------------------------------------------------------------------------- */

static void surprise_moves_as_much_weight_as_its_share(void **state)
{
    static struct fixture f[2];

    (void)state;
    for (int k = 0; k < 2; k++) {
        open_fixture(&f[k], GAME_GO, 5, 1, 1);
        f[k].settings.policy_surprise = k == 0 ? 0.25f : 0.75f;
        play_games(&f[k], 1);
    }
    for (int r = 0; r < f[0].finished[0].game.n_rows; r++)
        assert_float_equal(3 * (row_of(&f[0], 0, r)->w_policy - 1), row_of(&f[1], 0, r)->w_policy - 1, 1e-4);
    close_fixture(&f[0]);
    close_fixture(&f[1]);
}

/* ---- what the network says of score and void games ------------------------------------------------ */

static void the_lead_is_kept_where_the_game_has_one(void **state)
{
    (void)state;
    for (int go = 0; go < 2; go++) {
        static struct fixture f;

        open_fixture(&f, go ? GAME_GO : GAME_GOMOKU, 5, 1, 1);
        f.settings.search.visits = 1;
        f.nets[0]->score[0] = 0.5f;
        play_games(&f, 1);
        assert_float_equal(row_of(&f, 0, 0)->root_lead, go ? 0.5f * f.arch.scales.score_mean : 0.0f, 1e-4);
        close_fixture(&f);
    }
}

static void a_lead_that_is_less_certain_gives_other_searches(void **state)
{
    static struct fixture f[2];

    (void)state;
    for (int k = 0; k < 2; k++) {
        open_fixture(&f[k], GAME_GO, 5, 1, 1);
        f[k].settings.search.score_weight = 1;
        f[k].nets[0]->score[0] = 0.5f;
        f[k].nets[0]->score[1] = k == 0 ? -20.0f : 2.0f;
        play_games(&f[k], 1);
    }
    assert_false(same_games(&f[0], &f[1]));
    close_fixture(&f[0]);
    close_fixture(&f[1]);
}

static void only_rules_without_superko_know_games_without_result(void **state)
{
    static const uint8_t kos[] = {GO_KO_SIMPLE, GO_KO_POSITIONAL, GO_KO_SITUATIONAL};

    (void)state;
    for (size_t k = 0; k < sizeof kos; k++) {
        static struct fixture f;

        open_fixture(&f, GAME_GO, 5, 1, 1);
        f.settings.search.visits = 1;
        add_job(&f, 0, learner, learner);
        f.jobs[0].setup.go.ko = kos[k];
        play_all(&f);
        assert_int_equal(row_of(&f, 0, 0)->root_value[2] > 0.05f, kos[k] == GO_KO_SIMPLE);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_stirred_in_a_cheap_search),
        cmocka_unit_test(a_full_search_after_a_cheap_one_begins_anew),
        cmocka_unit_test(a_kept_tree_saves_evaluations),
        cmocka_unit_test(random_moves_have_their_share),
        cmocka_unit_test(each_game_has_a_stream_of_its_own),
        cmocka_unit_test(two_low_values_in_turn_give_the_game_up),
        cmocka_unit_test(games_held_out_are_played_on_and_say_who_was_wrong),
        cmocka_unit_test(surprise_moves_as_much_weight_as_its_share),
        cmocka_unit_test(the_lead_is_kept_where_the_game_has_one),
        cmocka_unit_test(a_lead_that_is_less_certain_gives_other_searches),
        cmocka_unit_test(only_rules_without_superko_know_games_without_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
