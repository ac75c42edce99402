/* Move choice: temperature and its schedules, pruning, what happens without visits. */
#include <math.h>
#include <string.h>

#include "fake.h"

enum { ACTIONS = 26, SEEDS = 400 };

static int setup(void **state)
{
    static struct fake f;

    fake_open(&f, GAME_GO, 5);
    f.eval = fake_hashed;
    f.set.visits = 120;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    return 0;
}

/* Choose with many streams after equal searches: share [A] of each action, the last result. */
static struct search_result choices(struct fake *f, float *share)
{
    struct search_result r;

    memset(share, 0, ACTIONS * sizeof *share);
    for (f->seed = 0; f->seed < SEEDS; f->seed++) {
        r = fake_search(f);
        share[search_choose(f->s)] += 1.0f / SEEDS;
    }
    return r;
}

static float most_share(const float *share)
{
    float most = 0.0f;

    for (int a = 0; a < ACTIONS; a++)
        most = fmaxf(most, share[a]);
    return most;
}

static void at_temperature_zero_the_most_visited_move_is_played(void **state)
{
    struct fake *f = *state;
    float share[ACTIONS];
    struct search_result r = choices(f, share);

    assert_float_equal(share[r.children[r.best].action], 1.0f, 1e-5);
    assert_int_equal(r.children[r.best].visits, fake_most(&r));
}

static void at_temperature_one_moves_are_played_by_their_visits(void **state)
{
    struct fake *f = *state;
    float share[ACTIONS];

    f->set.temp_early = 1.0f;
    struct search_result r = choices(f, share);

    for (int i = 0; i < ACTIONS; i++) {
        float p = (float)r.children[i].visits / (float)(r.visits - 1);

        assert_float_equal(share[i], p, 4.5f * sqrtf(p * (1.0f - p) / SEEDS) + 1e-6f);
    }
}

static void a_low_temperature_sharpens_and_a_high_one_flattens(void **state)
{
    struct fake *f = *state;
    float one[ACTIONS], low[ACTIONS], high[ACTIONS];

    f->set.temp_early = 1.0f;
    choices(f, one);
    f->set.temp_early = 0.4f;
    choices(f, low);
    f->set.temp_early = 50.0f;
    struct search_result r = choices(f, high);

    assert_true(most_share(low) > most_share(one) + 0.05f);
    assert_true(most_share(high) < 2.5f / (float)fake_visited(&r));
}

static void moves_below_the_pruning_limit_are_never_played(void **state)
{
    struct fake *f = *state;
    float share[ACTIONS];
    int few = 0;

    f->set.temp_early = 50.0f;
    struct search_result r = choices(f, share);

    for (int i = 0; i < ACTIONS; i++)
        few += share[i] > 0.0f && r.children[i].visits < 5;
    assert_true(few > 0);
    f->set.move_prune_visits = 5.0f;
    r = choices(f, share);
    for (int i = 0; i < ACTIONS; i++)
        assert_true(share[i] == 0.0f || r.children[i].visits >= 5);
    f->set.move_prune_visits = 1e6f; /* nothing is left: the most visited */
    r = choices(f, share);
    assert_float_equal(share[r.children[r.best].action], 1.0f, 1e-5);
}

static void choosing_again_gives_the_same_move(void **state)
{
    struct fake *f = *state;

    f->set.temp_early = 5.0f;
    for (f->seed = 0; f->seed < 20; f->seed++) {
        fake_search(f);
        int action = search_choose(f->s);

        assert_int_equal(search_choose(f->s), action);
    }
}

static void temperature_halves_with_the_scaled_halflife(void **state)
{
    struct fake *f = *state;
    float early[ACTIONS + 1], later[ACTIONS + 1], never[ACTIONS + 1];

    f->set.temp_early = 4.0f;
    f->set.temp_late = 0.0f;
    f->set.temp_halflife = 19.0f / 5.0f; /* one ply on 5 x 5 */
    choices(f, early);
    fake_play(f, "C3 B2 D4 B3 D2 C4 E1 A5 A1 E5 E4 B5 E3 A3"); /* 14 plies: 4 / 16384 */
    choices(f, later);
    assert_true(most_share(early) < 0.3f);
    assert_float_equal(most_share(later), 1.0f, 1e-5);
    f->set.temp_halflife = 0.0f;
    choices(f, never);
    assert_true(most_share(never) < 0.5f);
}

static void temp_plies_switches_from_early_to_late(void **state)
{
    struct fake *f = *state;
    float share[ACTIONS];

    f->set.temp_early = 4.0f;
    f->set.temp_late = 0.0f;
    f->set.temp_plies = 2;
    fake_play(f, "C3"); /* ply 1 is still early */
    choices(f, share);
    assert_true(most_share(share) < 0.3f);
    fake_play(f, "B2");
    choices(f, share);
    assert_float_equal(most_share(share), 1.0f, 1e-5);
    f->set.temp_late = 4.0f;
    choices(f, share);
    assert_true(most_share(share) < 0.4f);
}

static void without_visits_the_prior_decides(void **state)
{
    struct fake *f = *state;

    f->eval = fake_policy;
    f->policy[9] = 2.0f;
    f->set.visits = 1;
    f->set.temp_early = 1.0f;
    for (f->seed = 0; f->seed < 10; f->seed++) {
        fake_search(f);
        assert_int_equal(search_choose(f->s), 9);
    }
}

static void without_any_evaluation_some_legal_move_is_chosen(void **state)
{
    struct fake *f = *state;
    int seen[ACTIONS] = {0}, n = 0;

    fake_play(f, "C3");
    for (f->seed = 0; f->seed < 100; f->seed++) {
        fake_start(f);
        int action = search_choose(f->s);

        assert_true(game_is_legal(&f->game, &f->pos, action));
        n += seen[action]++ == 0;
    }
    assert_true(n > 15);
}

static void forced_playouts_that_are_pruned_are_not_played(void **state)
{
    struct fake *f = *state;
    float share[2][ACTIONS];
    int moves[2] = {0};

    f->eval = fake_by_first_move;
    f->set.visits = 300;
    f->set.noise_weight = 0.25f;
    f->set.forced_k = 2.0f;
    f->set.temp_early = 1.0f;
    for (int k = 0; k < 2; k++) {
        f->set.prune_targets = k != 0;
        choices(f, share[k]);
    }
    for (int a = 0; a < ACTIONS; a++)
        for (int k = 0; k < 2; k++)
            moves[k] += share[k][a] > 0.01f;
    assert_true(moves[1] < moves[0]);
    assert_true(most_share(share[1]) > most_share(share[0]) + 0.1f);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(at_temperature_zero_the_most_visited_move_is_played),
        T(at_temperature_one_moves_are_played_by_their_visits),
        T(a_low_temperature_sharpens_and_a_high_one_flattens),
        T(moves_below_the_pruning_limit_are_never_played),
        T(choosing_again_gives_the_same_move),
        T(temperature_halves_with_the_scaled_halflife),
        T(temp_plies_switches_from_early_to_late),
        T(without_visits_the_prior_decides),
        T(without_any_evaluation_some_legal_move_is_chosen),
        T(forced_playouts_that_are_pruned_are_not_played),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
