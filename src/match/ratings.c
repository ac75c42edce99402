/* ratings.c - Bradley-Terry ratings over all matches of a run.
 *
 * Player i beats j with probability 1 / (1 + exp(x_j - x_i)). The log likelihood is concave in x,
 * its Hessian a weighted graph Laplacian without the anchor's row: positive definite once every
 * player is joined to the anchor. */
#include <math.h>
#include <stdlib.h>

#include "tengen/match.h"

static const double elo_scale = 173.71779276130073; /* 400 / ln 10 */

struct edge {
    int32_t a, b;
    double games, points_a;
};

struct fit {
    struct edge *edges; /* owned */
    size_t n_edges;
    int32_t n, anchor;
    double *x;       /* owned [n]: strengths in natural units, x[anchor] == 0 */
    double *step;    /* owned [n] */
    double *hessian; /* owned [n * n]; after factor(), its lower half is the Cholesky factor */
    int32_t *group;  /* owned [n] */
};

static double beats(const struct fit *f, const struct edge *e)
{
    return 1.0 / (1.0 + exp(f->x[e->b] - f->x[e->a]));
}

static int32_t find_group(int32_t *group, int32_t i)
{
    while (group[i] != i) {
        group[i] = group[group[i]];
        i = group[i];
    }
    return i;
}

static int by_players(const void *va, const void *vb)
{
    const struct edge *a = va, *b = vb;

    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return a->b < b->b ? -1 : a->b > b->b;
}

/* One edge per two players who met, lower number first, with the virtual draw; then one to the
 * anchor per group that no game joins to it. f->edges has room for both. */
static void join_edges(struct fit *f, const struct match_pairing *p, size_t n)
{
    size_t n_met = 0;

    for (size_t i = 0; i < n; i++) {
        bool swap = p[i].a > p[i].b;
        double points = p[i].score_a * p[i].games;

        if (p[i].games == 0)
            continue;
        f->edges[n_met++] = (struct edge){.a = swap ? p[i].b : p[i].a,
                                          .b = swap ? p[i].a : p[i].b,
                                          .games = p[i].games,
                                          .points_a = swap ? p[i].games - points : points};
    }
    qsort(f->edges, n_met, sizeof *f->edges, by_players);
    for (size_t i = 0; i < n_met; i++) {
        struct edge *last = f->n_edges > 0 ? &f->edges[f->n_edges - 1] : NULL;

        if (last != NULL && by_players(last, &f->edges[i]) == 0) {
            last->games += f->edges[i].games;
            last->points_a += f->edges[i].points_a;
        } else {
            struct edge e = f->edges[i];

            e.games += 1.0;
            e.points_a += 0.5;
            f->edges[f->n_edges++] = e;
        }
    }
    for (int32_t i = 0; i < f->n; i++)
        f->group[i] = i;
    for (size_t i = 0; i < f->n_edges; i++)
        f->group[find_group(f->group, f->edges[i].a)] = find_group(f->group, f->edges[i].b);
    for (int32_t i = 0; i < f->n; i++) {
        int32_t mine = find_group(f->group, i), anchors = find_group(f->group, f->anchor);

        if (mine == anchors)
            continue;
        f->group[mine] = anchors;
        f->edges[f->n_edges++] = (struct edge){i, f->anchor, 1.0, 0.5};
    }
}

static double log_likelihood(const struct fit *f)
{
    double sum = 0.0;

    for (size_t i = 0; i < f->n_edges; i++) {
        const struct edge *e = &f->edges[i];
        double d = f->x[e->a] - f->x[e->b];

        sum -= e->points_a * log1p(exp(-d)) + (e->games - e->points_a) * log1p(exp(d));
    }
    return sum;
}

/* step := the gradient, hessian := minus the second derivatives, both with the anchor held. Returns
 * the gradient's largest entry. */
static double derive(struct fit *f)
{
    size_t n = (size_t)f->n;
    double worst = 0.0;

    for (size_t i = 0; i < n * n; i++)
        f->hessian[i] = 0.0;
    for (size_t i = 0; i < n; i++)
        f->step[i] = 0.0;
    for (size_t i = 0; i < f->n_edges; i++) {
        const struct edge *e = &f->edges[i];
        size_t a = (size_t)e->a, b = (size_t)e->b;
        double p = beats(f, e), w = e->games * p * (1.0 - p), g = e->points_a - e->games * p;

        f->step[a] += g;
        f->step[b] -= g;
        f->hessian[a * n + a] += w;
        f->hessian[b * n + b] += w;
        f->hessian[a * n + b] -= w;
        f->hessian[b * n + a] -= w;
    }
    size_t anchor = (size_t)f->anchor;
    for (size_t i = 0; i < n; i++)
        f->hessian[anchor * n + i] = f->hessian[i * n + anchor] = 0.0;
    f->hessian[anchor * n + anchor] = 1.0;
    f->step[anchor] = 0.0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(f->step[i]));
    return worst;
}

/* Cholesky in place, in the lower half. */
static void factor(struct fit *f)
{
    size_t n = (size_t)f->n;
    double *h = f->hessian;

    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < j; k++)
            h[j * n + j] -= h[j * n + k] * h[j * n + k];
        h[j * n + j] = sqrt(fmax(h[j * n + j], 1e-12));
        for (size_t i = j + 1; i < n; i++) {
            double sum = h[i * n + j];

            for (size_t k = 0; k < j; k++)
                sum -= h[i * n + k] * h[j * n + k];
            h[i * n + j] = sum / h[j * n + j];
        }
    }
}

/* v := L^-1 v, from row `first` on (the entries before it are 0). */
static void solve_lower(const struct fit *f, double *v, size_t first)
{
    size_t n = (size_t)f->n;

    for (size_t i = first; i < n; i++) {
        for (size_t k = first; k < i; k++)
            v[i] -= f->hessian[i * n + k] * v[k];
        v[i] /= f->hessian[i * n + i];
    }
}

static void solve_upper(const struct fit *f, double *v)
{
    size_t n = (size_t)f->n;

    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            v[i] -= f->hessian[k * n + i] * v[k];
        v[i] /= f->hessian[i * n + i];
    }
}

static void maximise(struct fit *f)
{
    for (int iteration = 0; iteration < 100 && derive(f) > 1e-10; iteration++) {
        double before = log_likelihood(f), share = 1.0;

        factor(f);
        solve_lower(f, f->step, 0);
        solve_upper(f, f->step);
        for (int32_t i = 0; i < f->n; i++)
            f->x[i] += f->step[i];
        for (int half = 0; half < 40 && log_likelihood(f) < before; half++) {
            share *= 0.5;
            for (int32_t i = 0; i < f->n; i++)
                f->x[i] -= share * f->step[i];
        }
    }
}

static void report(struct fit *f, double *rating, double *rating_stderr)
{
    derive(f);
    factor(f);
    for (int32_t i = 0; i < f->n; i++) {
        double variance = 0.0;

        rating[i] = elo_scale * f->x[i];
        for (int32_t k = 0; k < f->n; k++)
            f->step[k] = k == i;
        solve_lower(f, f->step, (size_t)i);
        for (int32_t k = i; k < f->n; k++)
            variance += f->step[k] * f->step[k];
        rating_stderr[i] = i == f->anchor ? 0.0 : elo_scale * sqrt(variance);
    }
}

enum tg_status match_ratings(const struct match_pairing *pairings, size_t n_pairings,
                             int32_t n_players, int32_t anchor, double *rating,
                             double *rating_stderr, struct tg_error *err)
{
    struct fit f = {.n = n_players, .anchor = anchor};
    enum tg_status rc = TG_OK;

    if (n_players < 1 || anchor < 0 || anchor >= n_players)
        return FAIL(err, TG_EINVAL, "ratings of %d players with anchor %d", n_players, anchor);
    for (size_t i = 0; i < n_pairings; i++) {
        const struct match_pairing *p = &pairings[i];

        if (p->a < 0 || p->a >= n_players || p->b < 0 || p->b >= n_players || p->a == p->b ||
            p->games < 0 || !(p->score_a >= 0.0 && p->score_a <= 1.0))
            return FAIL(err, TG_EINVAL, "match %zu: players %d and %d of %d, %d games, score %g", i,
                        p->a, p->b, n_players, p->games, p->score_a);
    }
    size_t n = (size_t)n_players;
    f.edges = calloc(n_pairings + n, sizeof *f.edges);
    f.x = calloc(n, sizeof *f.x);
    f.step = calloc(n, sizeof *f.step);
    f.hessian = calloc(n * n, sizeof *f.hessian);
    f.group = calloc(n, sizeof *f.group);
    if (f.edges == NULL || f.x == NULL || f.step == NULL || f.hessian == NULL || f.group == NULL) {
        rc = FAIL(err, TG_ENOMEM, "ratings of %zu players", n);
        goto out;
    }
    join_edges(&f, pairings, n_pairings);
    maximise(&f);
    report(&f, rating, rating_stderr);
out:
    free(f.edges);
    free(f.x);
    free(f.step);
    free(f.hessian);
    free(f.group);
    return rc;
}
