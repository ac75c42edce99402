#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/selfplay.h"
#include "tg_test.h"

static void count(const struct selfplay_mix *mix, int64_t n, int64_t got[3], int64_t black[3])
{
    memset(got, 0, 3 * sizeof *got);
    memset(black, 0, 3 * sizeof *black);
    for (int64_t k = 0; k < n; k++) {
        enum selfplay_opponent opponent;
        enum game_color learner;
        selfplay_mix_pick(mix, n, k, &opponent, &learner);
        got[opponent]++;
        black[opponent] += learner == GAME_BLACK;
    }
}

static void shares_are_exact_and_colours_balanced(void **state)
{
    static const float shares[][2] = {{0, 0}, {0.05f, 0.3f}, {0.5f, 0.5f}, {1, 0}, {0, 1}, {0.33f, 0.1f}};
    (void)state;
    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++)
        for (int64_t n = 1; n < 400; n += 13) {
            struct selfplay_mix mix = {shares[s][0], shares[s][1]};
            int64_t got[3], black[3];
            count(&mix, n, got, black);
            assert_int_equal(got[0] + got[1] + got[2], n);
            assert_true(llabs(got[SELFPLAY_RANDOM_BOT] - llround((double)mix.random_bot * (double)n)) <= 1);
            assert_true(llabs(got[SELFPLAY_PREVIOUS] - llround((double)mix.previous * (double)n)) <= 1);
            for (int o = 1; o < 3; o++)
                assert_true(llabs(2 * black[o] - got[o]) <= 1);
        }
}

static void shares_above_one_are_scaled(void **state)
{
    struct selfplay_mix mix = {0.7f, 0.7f};
    int64_t got[3], black[3];
    (void)state;
    count(&mix, 100, got, black);
    assert_int_equal(got[SELFPLAY_SELF], 0);
    assert_int_equal(got[SELFPLAY_RANDOM_BOT], 50);
    assert_int_equal(got[SELFPLAY_PREVIOUS], 50);
}

/* A third of the iteration has about a third of the opponents: no rank gets them all. */
static void opponents_are_spread_over_the_ids(void **state)
{
    struct selfplay_mix mix = {0.1f, 0.2f};
    int any = 0;
    (void)state;
    for (int64_t k = 0; k < 100; k++) {
        enum selfplay_opponent opponent;
        enum game_color learner;
        selfplay_mix_pick(&mix, 300, k, &opponent, &learner);
        any += opponent != SELFPLAY_SELF;
    }
    assert_in_range(any, 28, 32);
}

static void setups_follow_their_weights(void **state)
{
    struct game game;
    struct tg_error err = {0};
    struct selfplay_setups setups = {.n_sizes = 2};
    int small = 0, komi_moved = 0;
    (void)state;
    assert_ok(game_init(&game, GAME_GO, 9, 0, &err), &err);
    game_default_setup(&game, &setups.base);
    setups.sizes[0].width = setups.sizes[0].height = 7;
    setups.sizes[0].weight = 1;
    setups.sizes[1].width = 9;
    setups.sizes[1].height = 8;
    setups.sizes[1].weight = 3;
    setups.komi_stdev = 2;
    for (int64_t id = 0; id < 4000; id++) {
        struct game_setup a, b;
        selfplay_setup_draw(&game, &setups, 5, id, &a);
        selfplay_setup_draw(&game, &setups, 5, id, &b);
        assert_memory_equal(&a, &b, sizeof a);
        assert_ok(game_setup_check(&game, &a, &err), &err);
        small += a.width == 7;
        assert_int_equal(a.height, a.width == 7 ? 7 : 8);
        komi_moved += a.go.komi2 != setups.base.go.komi2;
    }
    assert_in_range(small, 900, 1100);
    assert_in_range(komi_moved, 3000, 4000);
}

static void rules_are_drawn_for_their_share_of_the_games(void **state)
{
    struct game game;
    struct tg_error err = {0};
    struct selfplay_setups setups = {.n_sizes = 1, .random_rules_share = 0.5f};
    int ko[3] = {0}, tax[3] = {0}, suicide[2] = {0}, changed = 0;
    (void)state;
    assert_ok(game_init(&game, GAME_GO, 9, 0, &err), &err);
    game_default_setup(&game, &setups.base);
    setups.sizes[0].width = setups.sizes[0].height = 9;
    setups.sizes[0].weight = 1;
    for (int64_t id = 0; id < 2000; id++) {
        struct game_setup s;
        selfplay_setup_draw(&game, &setups, 5, id, &s);
        assert_ok(game_setup_check(&game, &s, &err), &err);
        changed += memcmp(&s.go, &setups.base.go, sizeof s.go) != 0;
        ko[s.go.ko]++;
        tax[s.go.tax]++;
        suicide[s.go.suicide]++;
    }
    assert_in_range(changed, 800, 1000); /* a draw may be the usual rules */
    for (int i = 0; i < 3; i++)
        assert_true(ko[i] > 200 && tax[i] > 150);
    assert_true(suicide[0] > 400 && suicide[1] > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_exact_and_colours_balanced),
        cmocka_unit_test(shares_above_one_are_scaled),
        cmocka_unit_test(opponents_are_spread_over_the_ids),
        cmocka_unit_test(setups_follow_their_weights),
        cmocka_unit_test(rules_are_drawn_for_their_share_of_the_games),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
