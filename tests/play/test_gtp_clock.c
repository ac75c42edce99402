/* Time control: budgets of every kind of clock, and games that never lose on time. */
#include <math.h>

#include "../../src/play/gtp_clock.h"
#include "tg_test.h"

static void no_clock_is_no_limit(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    gtp_clock_set(&c, GTP_CLOCK_NONE, 0, 0, 0);
    gtp_clock_budget(&c, GAME_BLACK, 50, &sec, &hard);
    assert_true(sec < 0 && hard < 0);
    gtp_clock_set(&c, GTP_CLOCK_CANADIAN, 60, 30, 0); /* overtime without stones: none, by the protocol */
    gtp_clock_budget(&c, GAME_BLACK, 50, &sec, &hard);
    assert_true(sec < 0 && hard < 0);
}

/* Play n moves, each of which takes all it may and is seen by a slower controller. Returns the least
 * time left that the controller ever saw. */
static double play_on(struct gtp_clock *c, int n, bool hard_ones)
{
    double least = INFINITY;

    for (int i = 0; i < n; i++) {
        double sec, hard, left = c->side[GAME_WHITE].left;
        bool main_time = c->side[GAME_WHITE].over == 0;

        gtp_clock_budget(c, GAME_WHITE, 40 - i, &sec, &hard);
        assert_true(sec >= 0 && sec <= hard);
        double used = (hard_ones ? hard : sec) + fmin(0.03, 0.1 * left); /* the pipe's delay */
        if (c->kind == GTP_CLOCK_ABSOLUTE || !main_time)
            least = fmin(least, left - used);
        else /* main time may run out into overtime */
            least = fmin(least, left + c->over_sec / (c->kind == GTP_CLOCK_CANADIAN ? c->over_n : 1) - used);
        gtp_clock_spent(c, GAME_WHITE, used);
    }
    return least;
}

static void absolute_time_never_runs_out(void **state)
{
    struct gtp_clock c;

    (void)state;
    for (int hard = 0; hard < 2; hard++) {
        gtp_clock_set(&c, GTP_CLOCK_ABSOLUTE, 10, 0, 0);
        assert_true(play_on(&c, 300, hard) > 0);
    }
    gtp_clock_set(&c, GTP_CLOCK_ABSOLUTE, 0.2, 0, 0);
    assert_true(play_on(&c, 50, true) > 0);
}

static void absolute_time_is_spread_over_the_game(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    gtp_clock_set(&c, GTP_CLOCK_ABSOLUTE, 300, 0, 0);
    gtp_clock_budget(&c, GAME_BLACK, 60, &sec, &hard);
    assert_true(sec > 4 && sec < 6);
    assert_true(play_on(&c, 40, false) > 0 && c.side[GAME_WHITE].left < 100); /* and it is used */
}

static void canadian_stones_fit_into_their_time(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    for (int hard_ones = 0; hard_ones < 2; hard_ones++) {
        gtp_clock_set(&c, GTP_CLOCK_CANADIAN, 20, 30, 10);
        assert_true(play_on(&c, 200, hard_ones) > 0);
    }
    gtp_clock_set(&c, GTP_CLOCK_CANADIAN, 0, 30, 10); /* overtime from the first move */
    gtp_clock_budget(&c, GAME_BLACK, 60, &sec, &hard);
    assert_true(sec > 2 && sec < 3);
}

static void a_byoyomi_period_is_used_but_not_lost(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    gtp_clock_set(&c, GTP_CLOCK_BYOYOMI, 0, 5, 3);
    for (int i = 0; i < 50; i++) {
        gtp_clock_budget(&c, GAME_WHITE, 60, &sec, &hard);
        assert_true(sec > 4 && hard < 4.9);
        gtp_clock_spent(&c, GAME_WHITE, hard);
        assert_int_equal(c.side[GAME_WHITE].over, 3);
    }
    gtp_clock_spent(&c, GAME_WHITE, 7); /* an accident costs a period */
    assert_int_equal(c.side[GAME_WHITE].over, 2);
}

static void main_time_ends_in_overtime(void **state)
{
    struct gtp_clock c;

    (void)state;
    gtp_clock_set(&c, GTP_CLOCK_CANADIAN, 10, 30, 5);
    gtp_clock_spent(&c, GAME_BLACK, 12);
    assert_int_equal(c.side[GAME_BLACK].over, 4); /* that stone was the first of five */
    assert_true(fabs(c.side[GAME_BLACK].left - 28) < 1e-9);
    assert_int_equal(c.side[GAME_WHITE].over, 0);
    for (int i = 0; i < 4; i++)
        gtp_clock_spent(&c, GAME_BLACK, 1);
    assert_int_equal(c.side[GAME_BLACK].over, 5); /* a fresh allotment */
    assert_true(fabs(c.side[GAME_BLACK].left - 30) < 1e-9);
}

static void what_the_controller_says_wins(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    gtp_clock_set(&c, GTP_CLOCK_CANADIAN, 600, 30, 5);
    gtp_clock_told(&c, GAME_BLACK, 4, 2);
    gtp_clock_budget(&c, GAME_BLACK, 60, &sec, &hard);
    assert_true(hard < 2);
    gtp_clock_set(&c, GTP_CLOCK_NONE, 0, 0, 0);
    gtp_clock_told(&c, GAME_BLACK, 3, 0); /* without settings before it */
    gtp_clock_budget(&c, GAME_BLACK, 60, &sec, &hard);
    assert_true(sec >= 0 && hard < 1.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_clock_is_no_limit),
        cmocka_unit_test(absolute_time_never_runs_out),
        cmocka_unit_test(absolute_time_is_spread_over_the_game),
        cmocka_unit_test(canadian_stones_fit_into_their_time),
        cmocka_unit_test(a_byoyomi_period_is_used_but_not_lost),
        cmocka_unit_test(main_time_ends_in_overtime),
        cmocka_unit_test(what_the_controller_says_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
