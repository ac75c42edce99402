/* elo.c - what a score says: Elo with its error, the sequential test, the gate. */
#include <math.h>
#include <stdio.h>

#include "tengen/match.h"

static const double elo_scale = 173.71779276130073; /* 400 / ln 10 */

static double expected_score(double elo) { return 1.0 / (1.0 + exp(-elo / elo_scale)); }

void match_elo(double score, int games, double draws, double *elo, double *elo_stderr)
{
    double n = games + 1.0, wins = score * games - 0.5 * draws;
    double mean = (score * games + 0.5) / n;
    double variance = (wins + 0.25 * draws + 0.5) / n - mean * mean; /* of one game */

    *elo = elo_scale * log(mean / (1.0 - mean));
    *elo_stderr = elo_scale * sqrt(variance / n) / (mean * (1.0 - mean));
}

enum { WIN, DRAW, LOSS, OUTCOMES };
static const double points[OUTCOMES] = {1.0, 0.5, 0.0};

/* share [3] := the likeliest probabilities of outcomes seen n [3] times among those with this mean
 * score: n_i / (N (1 + t (points_i - mean))), where t makes the mean right. */
static void fit_mean(const double *n, double mean, double *share)
{
    double total = n[WIN] + n[DRAW] + n[LOSS];
    double low = -1.0 / (1.0 - mean), high = 1.0 / mean; /* keep all denominators positive */

    for (int step = 0; step < 200; step++) {
        double t = 0.5 * (low + high), slope = 0.0;

        for (int i = 0; i < OUTCOMES; i++)
            slope += n[i] * (points[i] - mean) / (1.0 + t * (points[i] - mean));
        if (slope > 0.0)
            low = t;
        else
            high = t;
    }
    for (int i = 0; i < OUTCOMES; i++)
        share[i] = n[i] / (total * (1.0 + 0.5 * (low + high) * (points[i] - mean)));
}

enum match_decision match_sprt(const struct match_gate *gate, int wins, int draws, int losses,
                               double *llr, double *lower, double *upper)
{
    /* A thousandth of each outcome, so that one never seen keeps a probability. */
    double n[OUTCOMES] = {wins + 1e-3, draws + 1e-3, losses + 1e-3}, p0[OUTCOMES], p1[OUTCOMES];

    fit_mean(n, expected_score(gate->sprt_elo0), p0);
    fit_mean(n, expected_score(gate->sprt_elo1), p1);
    *llr = 0.0;
    for (int i = 0; i < OUTCOMES; i++)
        *llr += n[i] * log(p1[i] / p0[i]);
    *lower = log(gate->sprt_beta / (1.0 - gate->sprt_alpha));
    *upper = log((1.0 - gate->sprt_beta) / gate->sprt_alpha);
    if (*llr > *upper)
        return MATCH_ACCEPT;
    return *llr < *lower ? MATCH_REJECT : MATCH_CONTINUE;
}

/* Limits are floats from a config: 22 of 40 must pass 0.55f, which is above 0.55. */
static bool reaches(double value, float limit) { return value + 1e-6 >= (double)limit; }

static enum match_decision judge_score(const struct match_gate *gate, const struct match_result *r,
                                       char *why, size_t n)
{
    if (gate->sprt) {
        double llr, lower, upper;
        enum match_decision d = match_sprt(gate, r->wins, r->draws, r->losses, &llr, &lower, &upper);

        snprintf(why, n, "SPRT of %g against %g Elo: log likelihood ratio %.2f in (%.2f, %.2f)",
                 (double)gate->sprt_elo1, (double)gate->sprt_elo0, llr, lower, upper);
        if (d != MATCH_CONTINUE || r->games < gate->games)
            return d;
    }
    snprintf(why, n, "score %.3f, needed %.3f", r->score, (double)gate->min_score);
    return reaches(r->score, gate->min_score) ? MATCH_ACCEPT : MATCH_REJECT;
}

enum match_decision match_gate_judge(const struct match_gate *gate, const struct match_result *r,
                                     const struct match_result *baseline, char *why, size_t n)
{
    if (!gate->enabled) {
        snprintf(why, n, "the gate is off");
        return MATCH_ACCEPT;
    }
    enum match_decision d = judge_score(gate, r, why, n);
    if (d != MATCH_ACCEPT)
        return d;
    if (!reaches(r->blunder_rate[1] + (double)gate->max_blunder_increase - r->blunder_rate[0], 0)) {
        snprintf(why, n, "blunders in %.1f %% of its plies, the champion in %.1f %%, allowed %.1f more",
                 100 * r->blunder_rate[0], 100 * r->blunder_rate[1],
                 100 * (double)gate->max_blunder_increase);
        return MATCH_REJECT;
    }
    if (baseline != NULL && !reaches(baseline->score, gate->min_baseline_score)) {
        snprintf(why, n, "score %.3f against the baseline, needed %.3f", baseline->score,
                 (double)gate->min_baseline_score);
        return MATCH_REJECT;
    }
    return d;
}

enum match_decision match_gate_decide(const struct match_gate *gate, const struct match_result *r)
{
    char why[256];

    return match_gate_judge(gate, r, NULL, why, sizeof why);
}
