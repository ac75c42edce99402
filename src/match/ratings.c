/* ratings.c - Bradley-Terry ratings over all matches of a run.
 *
 * Player i beats j with probability 1 / (1 + exp(x_j - x_i)). The log likelihood is concave in x,
 * its Hessian a weighted graph Laplacian without the anchor's row: positive definite once every
 * player is joined to the anchor.
 *
 * A run of weeks has many thousands of networks, and each has met few others, older ones mostly. So the
 * Hessian is kept sparse and eliminated from the last player to the first: a network goes before all that
 * it met as a newcomer, which fills hardly anything in, and time and memory grow with the number of
 * matches, not with a power of the number of networks. Which entries fill in: George and Liu, "Computer
 * Solution of Large Sparse Positive Definite Systems", 1981. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/match.h"

static const double elo_scale = 173.71779276130073; /* 400 / ln 10 */

struct edge {
    int32_t a, b;
    double games, points_a;
};

/* A player's entries with those of lower number, what fills in included. */
struct column {
    int32_t *row;  /* owned [n], falling */
    double *value; /* owned [n]: of minus the Hessian; after factor() of L */
    double *cover; /* owned [n]: of the inverse, after invert() */
    int32_t n;
};

struct fit {
    struct edge *edges; /* owned */
    size_t n_edges;
    int32_t n, anchor;
    double *x;       /* owned [n]: strengths in natural units, x[anchor] == 0 */
    double *step;    /* owned [n] */
    struct column *columns; /* owned [n]; the anchor's is empty, and it is in no other */
    double *diagonal; /* owned [n]; after factor() that of D, where minus the Hessian is L D L' */
    double *variance; /* owned [n]: the inverse's diagonal, after invert() */
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

/* ---- the sparse matrix -------------------------------------------------------------------------- */

static enum tg_status column_add(struct column *c, int32_t row, int32_t *cap, struct tg_error *err)
{
    if (c->n == *cap) {
        int32_t more = 2 * *cap + 4;
        int32_t *grown = realloc(c->row, (size_t)more * sizeof *grown);

        if (grown == NULL)
            return FAIL(err, TG_ENOMEM, "ratings of %d players", more);
        c->row = grown;
        *cap = more;
    }
    c->row[c->n++] = row;
    return TG_OK;
}

static int falling(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x < y) - (x > y);
}

static void sort_column(struct column *c)
{
    int32_t n = 0;

    if (c->n > 1)
        qsort(c->row, (size_t)c->n, sizeof *c->row, falling);
    for (int32_t i = 0; i < c->n; i++)
        if (n == 0 || c->row[n - 1] != c->row[i])
            c->row[n++] = c->row[i];
    c->n = n;
}

/* Where the entries are: who met whom, and then, for whoever is eliminated, the first of those left whom he
 * met has met the others too. */
static enum tg_status lay_out(struct fit *f, struct tg_error *err)
{
    int32_t *cap = calloc((size_t)f->n, sizeof *cap);
    enum tg_status rc = cap == NULL ? FAIL(err, TG_ENOMEM, "ratings of %d players", f->n) : TG_OK;

    for (size_t i = 0; i < f->n_edges && rc == TG_OK; i++) {
        int32_t a = f->edges[i].a, b = f->edges[i].b;

        if (a != f->anchor && b != f->anchor)
            rc = column_add(&f->columns[a > b ? a : b], a > b ? b : a, &cap[a > b ? a : b], err);
    }
    for (int32_t j = f->n - 1; j >= 0 && rc == TG_OK; j--) {
        struct column *c = &f->columns[j];
        size_t room;

        sort_column(c);
        for (int32_t i = 1; i < c->n && rc == TG_OK; i++)
            rc = column_add(&f->columns[c->row[0]], c->row[i], &cap[c->row[0]], err);
        room = (size_t)c->n + 1;
        c->value = calloc(room, sizeof *c->value);
        c->cover = calloc(room, sizeof *c->cover);
        if (rc == TG_OK && (c->value == NULL || c->cover == NULL))
            rc = FAIL(err, TG_ENOMEM, "ratings of %d players", f->n);
    }
    free(cap);
    return rc;
}

/* Where the entry of two players is in the column of the later one; it is there. */
static int32_t entry(const struct column *c, int32_t row)
{
    int32_t low = 0, high = c->n - 1;

    while (low < high) {
        int32_t mid = (low + high) / 2;

        if (c->row[mid] > row)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* minus the Hessian -> L D L', in place. */
static void factor(struct fit *f)
{
    for (int32_t j = f->n - 1; j >= 0; j--) {
        struct column *c = &f->columns[j];
        double d = f->diagonal[j] = fmax(f->diagonal[j], 1e-12);

        for (int32_t i = 0; i < c->n; i++) {
            double l = c->value[i] / d;

            f->diagonal[c->row[i]] -= l * c->value[i];
            for (int32_t k = i + 1; k < c->n; k++) {
                struct column *to = &f->columns[c->row[i]];

                to->value[entry(to, c->row[k])] -= l * c->value[k];
            }
        }
        for (int32_t i = 0; i < c->n; i++)
            c->value[i] /= d;
    }
}

/* v := (L D L')^-1 v */
static void solve(const struct fit *f, double *v)
{
    for (int32_t j = f->n - 1; j >= 0; j--)
        for (int32_t i = 0; i < f->columns[j].n; i++)
            v[f->columns[j].row[i]] -= f->columns[j].value[i] * v[j];
    for (int32_t j = 0; j < f->n; j++) {
        v[j] /= f->diagonal[j];
        for (int32_t i = 0; i < f->columns[j].n; i++)
            v[j] -= f->columns[j].value[i] * v[f->columns[j].row[i]];
    }
}

static double inverse(const struct fit *f, int32_t a, int32_t b)
{
    int32_t high = a > b ? a : b, low = a > b ? b : a;

    return a == b ? f->variance[a] : f->columns[high].cover[entry(&f->columns[high], low)];
}

/* The inverse where the factor has entries: Takahashi, Fagan and Chin, "Formation of a sparse bus impedance
 * matrix", 1973. */
static void invert(struct fit *f)
{
    for (int32_t j = 0; j < f->n; j++) {
        struct column *c = &f->columns[j];

        f->variance[j] = 1.0 / f->diagonal[j];
        for (int32_t i = 0; i < c->n; i++) {
            double sum = 0.0;

            for (int32_t k = 0; k < c->n; k++)
                sum -= c->value[k] * inverse(f, c->row[k], c->row[i]);
            c->cover[i] = sum;
            f->variance[j] -= c->value[i] * sum;
        }
    }
}

/* ---- the fit ------------------------------------------------------------------------------------ */

static void add_entry(struct fit *f, int32_t a, int32_t b, double w)
{
    struct column *c = &f->columns[a > b ? a : b];

    if (a != f->anchor && b != f->anchor)
        c->value[entry(c, a > b ? b : a)] -= w;
}

/* step := the gradient, the matrix := minus the second derivatives, both with the anchor held. Returns
 * the gradient's largest entry. */
static double derive(struct fit *f)
{
    double worst = 0.0;

    for (int32_t i = 0; i < f->n; i++) {
        f->step[i] = f->diagonal[i] = 0.0;
        memset(f->columns[i].value, 0, (size_t)f->columns[i].n * sizeof *f->columns[i].value);
    }
    for (size_t i = 0; i < f->n_edges; i++) {
        const struct edge *e = &f->edges[i];
        double p = beats(f, e), w = e->games * p * (1.0 - p), g = e->points_a - e->games * p;

        f->step[e->a] += g;
        f->step[e->b] -= g;
        f->diagonal[e->a] += w;
        f->diagonal[e->b] += w;
        add_entry(f, e->a, e->b, w);
    }
    f->diagonal[f->anchor] = 1.0;
    f->step[f->anchor] = 0.0;
    for (int32_t i = 0; i < f->n; i++)
        worst = fmax(worst, fabs(f->step[i]));
    return worst;
}

/* Newton's method; a step that makes it worse, beyond what rounding does, is shortened. */
static void maximise(struct fit *f)
{
    bool better = true;

    for (int iteration = 0; iteration < 100 && better && derive(f) > 1e-10; iteration++) {
        double before = log_likelihood(f), least = before - 1e-13 * fabs(before), share = 1.0;

        factor(f);
        solve(f, f->step);
        for (int32_t i = 0; i < f->n; i++)
            f->x[i] += f->step[i];
        better = log_likelihood(f) >= least;
        for (int half = 0; half < 40 && !better; half++) {
            share *= 0.5;
            for (int32_t i = 0; i < f->n; i++)
                f->x[i] -= share * f->step[i];
            better = log_likelihood(f) >= least;
        }
    }
}

static void report(struct fit *f, double *rating, double *rating_stderr)
{
    derive(f);
    factor(f);
    invert(f);
    for (int32_t i = 0; i < f->n; i++) {
        rating[i] = elo_scale * f->x[i];
        rating_stderr[i] = i == f->anchor ? 0.0 : elo_scale * sqrt(f->variance[i]);
    }
}

static void fit_fini(struct fit *f)
{
    for (int32_t i = 0; f->columns != NULL && i < f->n; i++) {
        free(f->columns[i].row);
        free(f->columns[i].value);
        free(f->columns[i].cover);
    }
    free(f->edges);
    free(f->x);
    free(f->step);
    free(f->columns);
    free(f->diagonal);
    free(f->variance);
    free(f->group);
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
    f.columns = calloc(n, sizeof *f.columns);
    f.diagonal = calloc(n, sizeof *f.diagonal);
    f.variance = calloc(n, sizeof *f.variance);
    f.group = calloc(n, sizeof *f.group);
    if (f.edges == NULL || f.x == NULL || f.step == NULL || f.columns == NULL || f.diagonal == NULL ||
        f.variance == NULL || f.group == NULL) {
        rc = FAIL(err, TG_ENOMEM, "ratings of %zu players", n);
        goto out;
    }
    join_edges(&f, pairings, n_pairings);
    TRY_OUT(lay_out(&f, err));
    maximise(&f);
    report(&f, rating, rating_stderr);
out:
    fit_fini(&f);
    return rc;
}
