/* Elo of a score, SPRT decisions (the spec's vectors), gate decisions. */
#include <math.h>
#include <string.h>

#include "tengen/match.h"
#include "tg_test.h"

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

/* Elo difference of an expected score. */
static float elo_of(double p) { return (float)(400.0 * log10(p / (1.0 - p))); }

static struct match_gate sprt_gate(double p0, double p1)
{
    return (struct match_gate){.enabled = true, .games = 400, .min_score = 0.55f, .sprt = true,
                               .max_blunder_increase = 1.0f, .sprt_elo0 = elo_of(p0),
                               .sprt_elo1 = elo_of(p1), .sprt_alpha = 0.05f, .sprt_beta = 0.05f};
}

static enum match_decision decide(const struct match_gate *g, int wins, int draws, int losses)
{
    double llr, lower, upper;

    return match_sprt(g, wins, draws, losses, &llr, &lower, &upper);
}

static void an_even_score_is_no_elo_difference(void **state)
{
    double elo, se;

    (void)state;
    match_elo(0.5, 40, 0, &elo, &se);
    assert_near(elo, 0.0, 1e-9);
    assert_near(se, 400.0 / log(10.0) * 2.0 / sqrt(41.0), 1e-9); /* sqrt(p q / n) / (p q) */
}

static void three_quarters_of_many_games_are_191_elo(void **state)
{
    double elo, se, mirrored, mirrored_se;

    (void)state;
    match_elo(0.75, 100000, 0, &elo, &se);
    assert_near(elo, 190.85, 0.01);
    match_elo(0.25, 100000, 0, &mirrored, &mirrored_se);
    assert_near(mirrored, -elo, 1e-6);
    assert_near(mirrored_se, se, 1e-9);
}

static void a_clean_sweep_has_finite_elo_and_error(void **state)
{
    double elo, se;

    (void)state;
    match_elo(1.0, 40, 0, &elo, &se);
    assert_near(elo, 400.0 * log10(40.5 / 0.5), 1e-6);
    assert_true(isfinite(se) && se > 100.0);
    match_elo(0.5, 40, 40, &elo, &se);
    assert_true(se > 0.0); /* nothing but draws still is no certainty */
}

static void draws_narrow_the_error(void **state)
{
    double elo, decisive, drawish;

    (void)state;
    match_elo(0.5, 40, 0, &elo, &decisive);
    match_elo(0.5, 40, 30, &elo, &drawish);
    assert_true(drawish < 0.7 * decisive);
}

static void sprt_decides_the_vectors_of_the_spec(void **state)
{
    struct match_gate even = sprt_gate(0.45, 0.55), strong = sprt_gate(0.55, 0.65);

    (void)state;
    assert_int_equal(decide(&even, 100, 0, 0), MATCH_ACCEPT);
    assert_int_equal(decide(&strong, 0, 0, 100), MATCH_REJECT);
    assert_int_equal(decide(&even, 1, 0, 1), MATCH_CONTINUE);
}

static void without_draws_sprt_is_the_binomial_formula(void **state)
{
    struct match_gate g = sprt_gate(0.45, 0.55);
    double llr, lower, upper;

    (void)state;
    assert_int_equal(match_sprt(&g, 30, 0, 16, &llr, &lower, &upper), MATCH_CONTINUE);
    assert_near(llr, 14 * log(0.55 / 0.45), 1e-3); /* 0.2007 per net win */
    assert_near(upper, 2.944, 1e-3);
    assert_near(lower, -2.944, 1e-3);
    assert_int_equal(decide(&g, 15, 0, 0), MATCH_ACCEPT); /* net +15 is enough, +14 is not */
    assert_int_equal(decide(&g, 14, 0, 0), MATCH_CONTINUE);
    assert_int_equal(decide(&g, 0, 0, 15), MATCH_REJECT);
}

static void each_error_rate_moves_its_bound(void **state)
{
    struct match_gate g = sprt_gate(0.45, 0.55);
    double llr, lower, upper;

    (void)state;
    g.sprt_alpha = 0.01f;
    g.sprt_beta = 0.2f;
    match_sprt(&g, 1, 0, 1, &llr, &lower, &upper);
    assert_near(upper, log(0.8 / 0.01), 1e-3);
    assert_near(lower, log(0.2 / 0.99), 1e-3);
}

static void draws_make_the_same_lead_tell_more(void **state)
{
    struct match_gate g = sprt_gate(0.45, 0.55);
    double llr, with_draws, lower, upper;

    (void)state;
    match_sprt(&g, 30, 0, 20, &llr, &lower, &upper);
    match_sprt(&g, 15, 30, 5, &with_draws, &lower, &upper); /* same games, same score */
    assert_true(with_draws > 1.5 * llr);
    match_sprt(&g, 0, 50, 0, &llr, &lower, &upper);
    assert_near(llr, 0.0, 1e-6);
}

static void the_gate_promotes_at_55_percent_exactly(void **state)
{
    struct match_gate g = {.enabled = true, .games = 40, .min_score = 0.55f,
                           .max_blunder_increase = 1.0f};
    struct match_result r = {.games = 40, .wins = 22, .losses = 18, .score = 0.55};

    (void)state;
    assert_int_equal(match_gate_decide(&g, &r), MATCH_ACCEPT);
    r = (struct match_result){.games = 40, .wins = 21, .losses = 18, .draws = 1, .score = 21.5 / 40};
    assert_int_equal(match_gate_decide(&g, &r), MATCH_REJECT);
}

static void a_gate_that_is_off_promotes_everything(void **state)
{
    struct match_gate g = {.enabled = false, .min_score = 0.55f};
    struct match_result lost = {.games = 40, .losses = 40};

    (void)state;
    assert_int_equal(match_gate_decide(&g, &lost), MATCH_ACCEPT);
}

static void more_blunders_than_allowed_are_rejected(void **state)
{
    struct match_gate g = {.enabled = true, .games = 40, .min_score = 0.55f,
                           .max_blunder_increase = 0.02f};
    struct match_result r = {.games = 40, .wins = 30, .losses = 10, .score = 0.75,
                             .blunder_rate = {0.05, 0.04}};
    char why[128];

    (void)state;
    assert_int_equal(match_gate_decide(&g, &r), MATCH_ACCEPT);
    r.blunder_rate[0] = 0.07;
    assert_int_equal(match_gate_judge(&g, &r, NULL, why, sizeof why), MATCH_REJECT);
    assert_non_null(strstr(why, "blunder"));
    g.max_blunder_increase = 1.0f; /* off */
    assert_int_equal(match_gate_decide(&g, &r), MATCH_ACCEPT);
}

static void a_candidate_weaker_against_the_baseline_is_rejected(void **state)
{
    struct match_gate g = {.enabled = true, .games = 40, .min_score = 0.55f,
                           .max_blunder_increase = 1.0f, .min_baseline_score = 0.8f};
    struct match_result r = {.games = 40, .wins = 30, .losses = 10, .score = 0.75};
    struct match_result good = {.games = 40, .score = 0.8}, bad = {.games = 40, .score = 0.75};
    char why[128];

    (void)state;
    assert_int_equal(match_gate_judge(&g, &r, &good, why, sizeof why), MATCH_ACCEPT);
    assert_int_equal(match_gate_judge(&g, &r, &bad, why, sizeof why), MATCH_REJECT);
    assert_non_null(strstr(why, "baseline"));
}

static void an_undecided_sprt_gate_goes_on_and_ends_by_the_score(void **state)
{
    struct match_gate g = sprt_gate(0.45, 0.55);
    struct match_result r = {.games = 40, .wins = 23, .losses = 17, .score = 0.575};

    (void)state;
    assert_int_equal(match_gate_decide(&g, &r), MATCH_CONTINUE);
    g.games = 40;
    assert_int_equal(match_gate_decide(&g, &r), MATCH_ACCEPT);
    r = (struct match_result){.games = 40, .wins = 20, .losses = 20, .score = 0.5};
    assert_int_equal(match_gate_decide(&g, &r), MATCH_REJECT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_score_is_no_elo_difference),
        cmocka_unit_test(three_quarters_of_many_games_are_191_elo),
        cmocka_unit_test(a_clean_sweep_has_finite_elo_and_error),
        cmocka_unit_test(draws_narrow_the_error),
        cmocka_unit_test(sprt_decides_the_vectors_of_the_spec),
        cmocka_unit_test(without_draws_sprt_is_the_binomial_formula),
        cmocka_unit_test(each_error_rate_moves_its_bound),
        cmocka_unit_test(draws_make_the_same_lead_tell_more),
        cmocka_unit_test(the_gate_promotes_at_55_percent_exactly),
        cmocka_unit_test(a_gate_that_is_off_promotes_everything),
        cmocka_unit_test(more_blunders_than_allowed_are_rejected),
        cmocka_unit_test(a_candidate_weaker_against_the_baseline_is_rejected),
        cmocka_unit_test(an_undecided_sprt_gate_goes_on_and_ends_by_the_score),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
