/* Ratings from matches: recovered, anchored, finite, independent of how matches are cut up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/match.h"
#include "tengen/rng.h"
#include "tg_test.h"

enum { PLAYERS = 200 };

static void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g +- %g", value, expected, tolerance);
}

static double expected(double elo) { return 1.0 / (1.0 + pow(10.0, -elo / 400.0)); }

static void two_players_get_the_elo_of_their_score(void **state)
{
    struct match_pairing p = {.a = 1, .b = 0, .games = 40, .score_a = 0.75};
    double rating[2], se[2], elo, elo_se;
    struct tg_error err;

    (void)state;
    match_elo(0.75, 40, 0, &elo, &elo_se);
    assert_ok(match_ratings(&p, 1, 2, 0, rating, se, &err), &err);
    assert_near(rating[0], 0.0, 0.0);
    assert_near(rating[1], elo, 1e-6);
    assert_near(se[1], elo_se, 1e-6);
    assert_near(se[0], 0.0, 0.0);
}

static void true_strengths_are_recovered_within_their_errors(void **state)
{
    static const double truth[6] = {0, 150, 90, 400, 310, -120};
    struct match_pairing p[15];
    double rating[6], se[6];
    struct tg_rng rng = tg_rng_stream(7, TG_RNG_TEST, 0, 0);
    struct tg_error err;
    size_t n = 0;

    (void)state;
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < a; b++) {
            int wins = 0;
            for (int g = 0; g < 400; g++)
                wins += tg_rng_double(&rng) < expected(truth[a] - truth[b]);
            p[n++] = (struct match_pairing){a, b, 400, wins / 400.0};
        }
    assert_ok(match_ratings(p, n, 6, 0, rating, se, &err), &err);
    for (int i = 1; i < 6; i++) {
        assert_near(rating[i], truth[i], 3.5 * se[i]);
        assert_true(se[i] > 5 && se[i] < 25);
    }
}

/* A run's promotions form a chain; its length must not press the ratings together. */
static void a_long_chain_of_promotions_keeps_its_steps(void **state)
{
    struct match_pairing p[PLAYERS - 1];
    double rating[PLAYERS], se[PLAYERS];
    struct tg_error err;

    (void)state;
    for (int i = 1; i < PLAYERS; i++)
        p[i - 1] = (struct match_pairing){i, i - 1, 40, 0.6};
    assert_ok(match_ratings(p, PLAYERS - 1, PLAYERS, 0, rating, se, &err), &err);
    double step = 400.0 * log10((24 + 0.5) / (16 + 0.5));
    for (int i = 1; i < PLAYERS; i++) {
        assert_near(rating[i] - rating[i - 1], step, 1e-5);
        assert_true(se[i] > se[i - 1]); /* further from the anchor, less certain */
    }
}

/* What the sparse matrix is filled in with: each met up to four elders, who met each other only in part. The
 * errors against the plain inverse, by elimination with the whole matrix. */
static void players_who_met_many_have_the_errors_of_the_whole_matrix(void **state)
{
    enum { N = 12, GAMES = 30 };
    struct match_pairing p[4 * N];
    double rating[N], se[N], m[N][2 * N] = {{0}};
    struct tg_error err;
    size_t n = 0;

    (void)state;
    for (int i = 1; i < N; i++)
        for (int k = 1; k <= 4; k++)
            p[n++] = (struct match_pairing){i, 7 * k % i, GAMES, 0.5 + 0.04 * k};
    assert_ok(match_ratings(p, n, N, 0, rating, se, &err), &err);
    for (size_t i = 0; i < n; i++) { /* two who met twice have one virtual draw all the same */
        double q = expected(rating[p[i].a] - rating[p[i].b]);
        bool again = false;

        for (size_t k = 0; k < i; k++)
            again = again || (p[k].a == p[i].a && p[k].b == p[i].b);
        double w = (GAMES + !again) * q * (1 - q);
        m[p[i].a][p[i].a] += w, m[p[i].b][p[i].b] += w;
        m[p[i].a][p[i].b] -= w, m[p[i].b][p[i].a] -= w;
    }
    for (int i = 0; i < N; i++)
        m[0][i] = m[i][0] = 0, m[i][N + i] = 1;
    m[0][0] = 1;
    for (int j = 0; j < N; j++)
        for (int i = 0; i < N; i++) {
            double by = m[i][j] / m[j][j];

            for (int k = 0; k < 2 * N && i != j; k++)
                m[i][k] -= by * m[j][k];
        }
    for (int i = 1; i < N; i++)
        assert_near(se[i], 400 / log(10) * sqrt(m[i][N + i] / m[i][i]), 1e-6);
}

/* A run of weeks: every fifth network meets the champion and the baseline. With a matrix of all by all this
 * would take 7 GB and hours; the job's watchdog would end it before. */
static void thousands_of_networks_are_rated_at_once(void **state)
{
    enum { MANY = 30000 };
    struct match_pairing *p = calloc(MANY, sizeof *p);
    double *rating = calloc(2 * MANY, sizeof *rating), *se = rating + MANY;
    struct tg_error err;
    int champion = 0;
    size_t n = 0;

    (void)state;
    for (int i = 5; i < MANY; i += 5) {
        p[n++] = (struct match_pairing){i, champion, 40, i % 3 != 0 ? 0.55 : 0.4};
        p[n++] = (struct match_pairing){i, 0, 10, 0.9};
        if (i % 3 != 0)
            champion = i;
    }
    assert_ok(match_ratings(p, n, MANY, 0, rating, se, &err), &err);
    for (int i = 0; i < MANY; i++)
        assert_true(isfinite(rating[i]) && isfinite(se[i]) && (se[i] > 0 || i == 0));
    assert_true(rating[10] > 0 && se[champion] < 200);
    free(p);
    free(rating);
}

static void a_match_in_two_halves_counts_as_one(void **state)
{
    struct match_pairing whole = {0, 1, 40, 0.7};
    struct match_pairing halves[2] = {{0, 1, 20, 0.8}, {1, 0, 20, 0.4}};
    double r1[2], r2[2], se1[2], se2[2];
    struct tg_error err;

    (void)state;
    assert_ok(match_ratings(&whole, 1, 2, 0, r1, se1, &err), &err);
    assert_ok(match_ratings(halves, 2, 2, 0, r2, se2, &err), &err);
    assert_near(r2[1], r1[1], 1e-6);
    assert_near(se2[1], se1[1], 1e-6);
}

static void the_anchor_only_shifts_the_scale(void **state)
{
    struct match_pairing p[3] = {{0, 1, 40, 0.4}, {1, 2, 40, 0.3}, {2, 0, 20, 0.8}};
    double r0[3], r2[3], se[3];
    struct tg_error err;

    (void)state;
    assert_ok(match_ratings(p, 3, 3, 0, r0, se, &err), &err);
    assert_ok(match_ratings(p, 3, 3, 2, r2, se, &err), &err);
    for (int i = 0; i < 3; i++)
        assert_near(r2[i], r0[i] - r0[2], 1e-6);
}

static void players_who_met_nobody_known_are_still_finite(void **state)
{
    struct match_pairing p = {2, 3, 10, 1.0}; /* 0 is the anchor, 1 never played */
    double rating[4], se[4];
    struct tg_error err;

    (void)state;
    assert_ok(match_ratings(&p, 1, 4, 0, rating, se, &err), &err);
    for (int i = 0; i < 4; i++)
        assert_true(isfinite(rating[i]) && isfinite(se[i]));
    assert_near(rating[1], 0.0, 1e-6);
    assert_true(rating[2] > rating[3] + 300 && se[2] > 300);
}

static void wrong_players_and_scores_are_refused(void **state)
{
    struct match_pairing stranger = {0, 5, 10, 0.5}, score = {0, 1, 10, 7.0};
    double rating[2], se[2];
    struct tg_error err;

    (void)state;
    assert_fails(match_ratings(&stranger, 1, 2, 0, rating, se, &err), TG_EINVAL, "5", &err);
    assert_fails(match_ratings(&score, 1, 2, 0, rating, se, &err), TG_EINVAL, "score 7", &err);
    assert_fails(match_ratings(NULL, 0, 2, 2, rating, se, &err), TG_EINVAL, "anchor 2", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_players_get_the_elo_of_their_score),
        cmocka_unit_test(true_strengths_are_recovered_within_their_errors),
        cmocka_unit_test(a_long_chain_of_promotions_keeps_its_steps),
        cmocka_unit_test(players_who_met_many_have_the_errors_of_the_whole_matrix),
        cmocka_unit_test(thousands_of_networks_are_rated_at_once),
        cmocka_unit_test(a_match_in_two_halves_counts_as_one),
        cmocka_unit_test(the_anchor_only_shifts_the_scale),
        cmocka_unit_test(players_who_met_nobody_known_are_still_finite),
        cmocka_unit_test(wrong_players_and_scores_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
