#include "outlook.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Over evaluated leaves, Black's view. */
struct sums {
    double n, lead, score, square; /* square: of the score, its own spread in it */
    float *owner, *owner_square;   /* owned [S * S], or NULL */
};

struct outlook {
    const struct game *game;
    int flags;
    struct sums root, *moves; /* owned [A] */
};

static void drop(struct sums *s)
{
    free(s->owner);
    *s = (struct sums){0};
}

struct outlook *outlook_open(const struct game *g, int flags)
{
    struct outlook *o = calloc(1, sizeof *o);

    if (o == NULL)
        return NULL;
    o->game = g;
    o->flags = flags;
    o->moves = calloc((size_t)g->n_actions, sizeof *o->moves);
    if (o->moves == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

void outlook_clear(struct outlook *o, int flags)
{
    drop(&o->root);
    for (int a = 0; a < o->game->n_actions; a++)
        drop(&o->moves[a]);
    o->flags = flags;
}

void outlook_close(struct outlook *o)
{
    if (o == NULL)
        return;
    outlook_clear(o, 0);
    free(o->moves);
    free(o);
}

void outlook_advance(struct outlook *o, int action)
{
    struct sums kept = o->moves[action];

    o->moves[action] = (struct sums){0};
    outlook_clear(o, o->flags);
    o->root = kept;
}

static bool add(const struct outlook *o, struct sums *s, double sign, const struct nn_eval *e,
                const float *owner)
{
    size_t n = (size_t)o->game->n_points;

    if (owner != NULL && s->owner == NULL) {
        s->owner = calloc(2 * n, sizeof *s->owner);
        if (s->owner == NULL)
            return false;
        s->owner_square = s->owner + n;
    }
    for (size_t p = 0; owner != NULL && p < n; p++) {
        s->owner[p] += (float)sign * owner[p];
        s->owner_square[p] += owner[p] * owner[p];
    }
    double mean = (double)e->score_mean, stdev = (double)e->score_stdev;

    s->n++;
    s->lead += sign * (double)e->lead;
    s->score += sign * mean;
    s->square += mean * mean + stdev * stdev;
    return true;
}

bool outlook_add(struct outlook *o, int root_action, enum game_color to_move, const struct nn_eval *e,
                 const float *owner)
{
    double sign = to_move == GAME_BLACK ? 1.0 : -1.0;

    if (!add(o, &o->root, sign, e, o->flags & (OUTLOOK_OWNERSHIP | OUTLOOK_MOVES_OWNERSHIP) ? owner : NULL))
        return false;
    return root_action < 0 ||
           add(o, &o->moves[root_action], sign, e, o->flags & OUTLOOK_MOVES_OWNERSHIP ? owner : NULL);
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* The tree's mean of the score counts finished games too; what the leaves say of lead and spread is
 * added to it. */
static void points(const struct sums *s, double sign, double score, struct outlook_figures *f)
{
    f->score = f->lead = score;
    if (s->n <= 0.0)
        return;
    double mean = s->score / s->n;

    f->lead = score + sign * (s->lead / s->n - mean);
    f->score_stdev = sqrt(fmax(0.0, s->square / s->n - mean * mean));
}

/* Lower end of the winrate: what few visits claim is doubted. */
static double lower_bound(double winrate, int visits)
{
    double low = winrate - 1.5 * sqrt(fmax(winrate * (1.0 - winrate), 0.01) / (visits + 1.0));

    return low > 0.0 ? low : 0.0;
}

static double clamp01(double x) { return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }

static void describe(const struct outlook *o, const struct search_child *c, double sign,
                     struct outlook_move *m)
{
    *m = (struct outlook_move){.action = c->action, .prior = (double)c->raw_prior};
    m->is.visits = c->visits;
    m->is.winrate = clamp01(0.5 * (1.0 + (double)c->win - (double)c->loss));
    m->is.no_result = clamp01(1.0 - (double)c->win - (double)c->loss);
    m->is.utility = (double)c->value;
    points(&o->moves[c->action], sign, (double)c->lead, &m->is);
    m->lcb = c->proven != 0 ? m->is.winrate : lower_bound(m->is.winrate, c->visits);
    m->utility_lcb = m->is.utility - 2.0 * (m->is.winrate - m->lcb);
}

static int by_visits(const void *va, const void *vb)
{
    const struct outlook_move *a = va, *b = vb;

    if (a->is.visits != b->is.visits)
        return a->is.visits > b->is.visits ? -1 : 1;
    return a->prior > b->prior ? -1 : a->prior < b->prior;
}

/* The move that the search would play goes first. */
static void best_first(struct outlook_move *moves, int n, int action)
{
    for (int i = 1; i < n; i++) {
        struct outlook_move best = moves[i];

        if (best.action != action)
            continue;
        memmove(moves + 1, moves, (size_t)i * sizeof *moves);
        moves[0] = best;
    }
}

int outlook_moves(const struct outlook *o, struct search *s, int n_least, struct outlook_figures *root,
                  struct outlook_move *moves)
{
    struct search_result r;
    const struct position *pos = search_root(s);
    double sign = pos->to_move == GAME_BLACK ? 1.0 : -1.0;
    int n = 0;

    search_result(s, &r);
    *root = (struct outlook_figures){.visits = r.visits, .no_result = (double)r.no_result,
                                     .winrate = clamp01(0.5 * (1.0 + (double)r.win - (double)r.loss)),
                                     .utility = (double)r.value};
    points(&o->root, sign, (double)r.lead, root);
    for (int i = 0; i < r.n_children; i++)
        describe(o, &r.children[i], sign, &moves[i]);
    if (r.n_children == 0)
        return 0;
    qsort(moves, (size_t)r.n_children, sizeof *moves, by_visits);
    best_first(moves, r.n_children, r.children[r.best].action);
    while (n < r.n_children && (moves[n].is.visits > 0 || n < n_least))
        n++;
    return n;
}

bool outlook_owner(const struct outlook *o, int action, float *owner, float *stdev)
{
    const struct sums *s = action < 0 || o->moves[action].owner == NULL ? &o->root : &o->moves[action];

    if (s->owner == NULL)
        return false;
    for (int p = 0; p < o->game->n_points; p++) {
        float mean = s->owner[p] / (float)s->n;

        owner[p] = mean;
        if (stdev != NULL)
            stdev[p] = sqrtf(fmaxf(0.0f, s->owner_square[p] / (float)s->n - mean * mean));
    }
    return true;
}
