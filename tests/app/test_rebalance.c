/* Which ranks train, decided from waiting times. */
#include <math.h>

#include "../../src/app/rebalance.h"
#include "tg_test.h"

static const struct rebalance_limits usual = {.min = 1, .max = 99, .margin = 0.15, .patience = 2};

/* The number after `times` iterations that all look like this. */
static int after(int times, const struct rebalance_limits *l, struct rebalance_seen seen)
{
    struct rebalance r = {0};
    char why[256] = "";
    int n = seen.n_train;

    for (int i = 0; i < times && n == seen.n_train; i++)
        n = rebalance_decide(&r, l, &seen, why, sizeof why);
    assert_true((n == seen.n_train) == (why[0] == '\0'));
    return n;
}

static void the_side_that_waits_gives_ranks_away(void **state)
{
    (void)state;
    assert_true(after(2, &usual, (struct rebalance_seen){.n_play = 2, .n_train = 6, .play_sec = 8, .train_sec = 1}) < 6);
    assert_true(after(2, &usual, (struct rebalance_seen){.n_play = 6, .n_train = 2, .play_sec = 1, .train_sec = 8}) > 2);
}

static void one_long_wait_moves_nobody(void **state)
{
    struct rebalance r = {0};
    char why[256] = "";
    const struct rebalance_seen slow = {.n_play = 6, .n_train = 2, .play_sec = 1, .train_sec = 8};
    const struct rebalance_seen even = {.n_play = 6, .n_train = 2, .play_sec = 1, .train_sec = 1};
    const struct rebalance_seen other = {.n_play = 6, .n_train = 2, .play_sec = 8, .train_sec = 1};

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rebalance_decide(&r, &usual, &slow, why, sizeof why), 2);
        assert_int_equal(rebalance_decide(&r, &usual, i % 2 == 0 ? &even : &other, why, sizeof why), 2);
        assert_int_equal(rebalance_decide(&r, &usual, &even, why, sizeof why), 2);
    }
    assert_string_equal(why, "");
}

static void a_wait_within_the_margin_moves_nobody(void **state)
{
    (void)state;
    assert_int_equal(after(9, &usual, (struct rebalance_seen){.n_play = 50, .n_train = 50, .play_sec = 10, .train_sec = 8.6}), 50);
    assert_true(after(9, &usual, (struct rebalance_seen){.n_play = 50, .n_train = 50, .play_sec = 10, .train_sec = 8.2}) < 50);
}

static void where_no_number_is_better_nobody_moves(void **state)
{
    (void)state; /* with one trainer of 2 less the other side would take 1.5 times as long */
    assert_int_equal(after(9, &usual, (struct rebalance_seen){.n_play = 2, .n_train = 1, .play_sec = 6, .train_sec = 4}), 1);
    assert_int_equal(after(9, &usual, (struct rebalance_seen){.n_play = 1, .n_train = 2, .play_sec = 5, .train_sec = 4}), 2);
    assert_int_equal(after(9, &usual, (struct rebalance_seen){.n_play = 1, .n_train = 1, .play_sec = 1, .train_sec = 9}), 1);
}

static void limits_hold(void **state)
{
    struct rebalance_limits l = usual;
    struct rebalance_seen seen = {.n_play = 4, .n_train = 6, .play_sec = 9, .train_sec = 1};

    (void)state;
    l.min = 5;
    assert_int_equal(after(2, &l, seen), 5);
    l.min = 6;
    assert_int_equal(after(9, &l, seen), 6);
    l = (struct rebalance_limits){.min = 1, .max = 7, .margin = 0.15, .patience = 2};
    seen = (struct rebalance_seen){.n_play = 4, .n_train = 6, .play_sec = 1, .train_sec = 90};
    assert_int_equal(after(2, &l, seen), 7);
    l.max = 99;
    seen = (struct rebalance_seen){.n_play = 1, .n_train = 6, .play_sec = 1, .train_sec = 90};
    assert_int_equal(after(9, &l, seen), 6); /* somebody has to play */
}

/* The world in which work is shared out evenly: from anywhere to where neither side waits, and no more
 * moves from there. */
static void it_settles(void **state)
{
    (void)state;
    for (int total = 2; total <= 64; total += 7)
        for (int start = 1; start < total; start += 3)
            for (double work = 0.05; work < 20; work *= 2.3) {
                struct rebalance r = {0};
                char why[256];
                int n = start, moves = 0;

                for (int i = 0; i < 200; i++) {
                    struct rebalance_seen seen = {.n_play = total - n, .n_train = n,
                                                  .play_sec = 1.0 / (total - n), .train_sec = work / n};
                    int next = rebalance_decide(&r, &usual, &seen, why, sizeof why);

                    moves += next != n;
                    n = next;
                }
                assert_true(moves <= 8);
                double best = 1e9, now = fmax(1.0 / (total - n), work / n);
                for (int k = 1; k < total; k++)
                    best = fmin(best, fmax(1.0 / (total - k), work / k));
                assert_true(now <= best / (1 - usual.margin) + 1e-12);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_side_that_waits_gives_ranks_away),
        cmocka_unit_test(one_long_wait_moves_nobody),
        cmocka_unit_test(a_wait_within_the_margin_moves_nobody),
        cmocka_unit_test(where_no_number_is_better_nobody_moves),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(it_settles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
