/* analyze_work.c - threads that go from tree to tree.
 *
 * A worker fills its batch with leaves: from the most urgent positions first, one leaf a position in
 * turn among equals, more where there are not enough positions (virtual loss keeps the leaves of a
 * tree apart; few are out while it is small). What the cache knows goes straight back. Then it
 * evaluates the batch and gives the leaves back. Whoever finds a search at its end answers it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"
#include "evaluate.h"
#include "tengen/file.h"
#include "tengen/hash.h"
#include "tengen/rng.h"

enum { VISITS_PER_LEAF = 16 };

/* ---- a task's life: those that say so are called under its lock --------------------------------------- */

static enum tg_status begin_search(struct analyzer *a, struct task *t, struct tg_error *err)
{
    const struct query *q = t->query;
    struct tg_rng rng = tg_rng_stream(atomic_load(&a->symmetries), TG_RNG_MOVE, t->pos->hash, 0);
    double now = tg_now();

    TRY(search_open(q->game, &t->search, err));
    TRY(search_start(t->search, t->pos, &q->settings, &rng, err));
    t->outlook = outlook_open(q->game, q->outlook_flags);
    t->policy = malloc((size_t)q->game->n_actions * sizeof *t->policy);
    if (t->outlook == NULL || t->policy == NULL)
        return FAIL(err, TG_ENOMEM, "a search");
    t->deadline = q->sec >= 0.0 ? now + q->sec : INFINITY;
    t->next_report = INFINITY;
    if (q->report_sec > 0.0 || q->first_report_sec > 0.0)
        t->next_report = now + (q->first_report_sec > 0.0 ? q->first_report_sec : q->report_sec);
    return TG_OK;
}

/* A waiting task is searched from now on. Under the analyzer's lock. */
static enum tg_status begin(struct analyzer *a, struct task *t, struct tg_error *err)
{
    const struct query *q = t->query;
    int bad;

    t->lane = pool_lane(a, q->setup.width, q->setup.height);
    TRY(pool_open_lane(a, t->lane, err));
    t->pos = malloc(sizeof *t->pos);
    if (t->pos == NULL)
        return FAIL(err, TG_ENOMEM, "a position");
    if (!query_position(q, t->turn, t->pos, &bad))
        return FAIL(err, TG_EINVAL, "turn %d cannot be reached", t->turn);
    return begin_search(a, t, err);
}

static void admit(struct analyzer *a)
{
    while (a->n_active < a->o.parallel && a->n_waiting > 0) {
        struct task *t = pool_next(a);
        struct tg_error err = {0};

        if (begin(a, t, &err) == TG_OK) {
            a->active[a->n_active++] = t;
            atomic_store(&a->n_searched, a->n_active);
            continue;
        }
        answer_error(a, t->query->id, NULL, "%s", err.text);
        task_free(t);
    }
    if (a->n_active == 0 && a->n_waiting == 0)
        pthread_cond_broadcast(&a->idle);
}

/* Answer, and take it off the list. The caller holds the task's lock and a pin; the lock is given up. */
static void finish(struct analyzer *a, struct task *t)
{
    t->done = true;
    if (!t->has_root && !t->pos->over)
        answer_nothing(a, t);
    else
        answer_analysis(a, t, false);
    atomic_fetch_sub(&a->tree_bytes, t->bytes);
    t->bytes = 0;
    pthread_mutex_unlock(&t->lock);
    pthread_mutex_lock(&a->lock);
    for (int i = 0; i < a->n_active; i++)
        if (a->active[i] == t)
            a->active[i] = a->active[--a->n_active];
    atomic_store(&a->n_searched, a->n_active);
    t->retired = true;
    pthread_mutex_unlock(&a->lock);
}

/* Is nothing new to be searched? Under the task's lock. */
static bool at_end(struct analyzer *a, struct task *t)
{
    int n = atomic_load(&a->n_searched);

    if (atomic_load(&t->stop) || (t->has_root && tg_now() >= t->deadline))
        return true;
    return atomic_load(&a->tree_bytes) > a->o.tree_bytes &&
           t->bytes > a->o.tree_bytes / (size_t)(n > 0 ? n : 1);
}

/* The tree's memory, as all trees count it. Under the task's lock. */
static void count_bytes(struct analyzer *a, struct task *t)
{
    size_t now = search_bytes(t->search);

    if (now > t->bytes)
        atomic_fetch_add(&a->tree_bytes, now - t->bytes);
    else
        atomic_fetch_sub(&a->tree_bytes, t->bytes - now);
    t->bytes = now;
}

/* ---- leaves ------------------------------------------------------------------------------------------- */

/* A root whose every move is out is shown as it is, without a search. */
static void end_if_all_banned(struct task *t, const uint8_t *banned)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int n = t->query->game->n_actions;

    game_legal(t->query->game, t->pos, legal);
    for (int i = 0; i < n; i++)
        if (legal[i] && !banned[i])
            return;
    search_set_visits(t->search, 1);
}

/* One evaluation: policy logits [A], value, score [n_score], ownership [S * S]. */
struct floats {
    const float *policy, *value, *score, *owner;
};

/* Hand a leaf back with what the network said of it. Under the task's lock. */
static void give_back(struct analyzer *a, const struct row *r, const struct floats *f)
{
    struct task *t = r->task;
    const struct game *g = t->query->game;
    const struct position *pos = r->leaf.pos;
    uint8_t banned[GAME_MAX_ACTIONS];
    struct nn_eval e;
    struct tg_error err = {0};

    evaluate_read(&a->model.arch, g, pos, f->value, f->score, &e);
    struct search_eval eval = evaluate_for_search(g, &e, f->policy);
    eval.banned = evaluate_banned(g, t->query->banned_until, (enum game_color)pos->to_move, r->leaf.depth,
                                  banned);
    if (r->leaf.depth == 0) {
        t->root = e;
        t->has_root = true;
        evaluate_policy(g, pos, f->policy, t->policy);
        if (eval.banned != NULL)
            end_if_all_banned(t, banned);
    }
    t->n_flying--;
    t->visits++;
    if (search_expand(t->search, r->leaf.id, &eval, &err) != TG_OK) {
        tg_log(a->log, TG_LOG_WARN, "%s, turn %d: %s", t->query->id, t->turn, err.text);
        atomic_store(&t->stop, true);
        return;
    }
    if (!outlook_add(t->outlook, r->leaf.root_action, (enum game_color)pos->to_move, &e, f->owner))
        atomic_store(&t->stop, true);
    count_bytes(a, t);
    if (tg_now() >= t->next_report && !atomic_load(&t->stop)) {
        t->next_report = t->query->report_sec > 0.0 ? tg_now() + t->query->report_sec : INFINITY;
        answer_analysis(a, t, true);
    }
}

size_t work_floats(const struct analyzer *a, const struct game *g)
{
    return (size_t)g->n_actions + NN_N_VALUE + (size_t)a->model.arch.n_score + (size_t)g->n_points;
}

/* Where the parts of a kept evaluation lie. */
static struct floats parts(const struct analyzer *a, const struct game *g, const float *kept)
{
    const float *value = kept + g->n_actions, *score = value + NN_N_VALUE;

    return (struct floats){kept, value, score, score + a->model.arch.n_score};
}

static struct floats parts_of_row(const struct analyzer *a, const struct game *g,
                                  const struct nn_batch *b, int row)
{
    size_t i = (size_t)row;

    return (struct floats){b->policy + i * (size_t)g->n_actions, b->value + i * NN_N_VALUE,
                           b->score + i * (size_t)a->model.arch.n_score,
                           b->ownership + i * (size_t)g->n_points};
}

static void keep(struct worker *w, const struct game *g, uint64_t key, const struct floats *f)
{
    const struct analyzer *a = w->a;
    struct floats to = parts(a, g, w->kept);

    memcpy(w->kept, f->policy, (size_t)g->n_actions * sizeof(float));
    memcpy(w->kept + (to.value - w->kept), f->value, NN_N_VALUE * sizeof(float));
    memcpy(w->kept + (to.score - w->kept), f->score, (size_t)a->model.arch.n_score * sizeof(float));
    memcpy(w->kept + (to.owner - w->kept), f->owner, (size_t)g->n_points * sizeof(float));
    cache_keep(a->cache, key, w->kept, work_floats(a, g));
}

/* The row's position goes into the batch. Its key is that of all the network will see. */
static void encode(struct worker *w, struct lane *lane, struct row *r, int row)
{
    const struct game *g = &lane->game;
    struct nn_batch *b = &lane->batches[w->index];
    size_t n_planes = (size_t)(g->n_planes * g->plane_bytes), n_globals = (size_t)g->n_globals;
    struct tg_rng rng = tg_rng_stream(atomic_load(&w->a->symmetries), TG_RNG_SYMMETRY, r->leaf.pos->hash, 0);
    int symmetry = (int)tg_rng_below(&rng, GAME_SYMMETRIES);

    evaluate_encode(g, r->leaf.pos, &w->memo, symmetry, b, row);
    r->key = tg_hash(b->globals + (size_t)row * n_globals, n_globals * sizeof(float),
                     (uint64_t)g->size * GAME_SYMMETRIES + (uint64_t)symmetry);
    r->key = tg_hash(b->planes + (size_t)row * n_planes, n_planes, r->key);
}

enum took { NOTHING, LEAF, KNOWN_LEAF, FINISHED };

/* A leaf of t into this row of the worker's batch, or what the cache knows of it straight back. */
static enum took take(struct worker *w, struct task *t, int row)
{
    struct analyzer *a = w->a;
    struct row *r = &w->rows[row];
    const struct game *g = t->query->game;
    enum search_next next = SEARCH_WAIT;

    pthread_mutex_lock(&t->lock);
    bool end = t->done || at_end(a, t);
    if (!t->done && end && t->n_flying == 0)
        next = SEARCH_DONE;
    else if (!end && t->n_flying < 1 + t->visits / VISITS_PER_LEAF)
        next = search_select(t->search, &r->leaf);
    if (next == SEARCH_DONE) {
        finish(a, t);
        return FINISHED;
    }
    if (next == SEARCH_LEAF) {
        game_copy(g, &w->positions[row], r->leaf.pos);
        r->leaf.pos = &w->positions[row];
        r->task = t;
        t->n_flying++;
    }
    pthread_mutex_unlock(&t->lock);
    if (next != SEARCH_LEAF)
        return NOTHING;
    encode(w, t->lane, r, row);
    if (!cache_find(a->cache, r->key, w->kept, work_floats(a, g)))
        return LEAF;
    struct floats f = parts(a, g, w->kept);

    pthread_mutex_lock(&t->lock);
    give_back(a, r, &f);
    pthread_mutex_unlock(&t->lock);
    return KNOWN_LEAF;
}

/* ---- a worker ------------------------------------------------------------------------------------------ */

/* Fill the batch from tasks [n] of one lane and one priority. */
static void fill_from(struct worker *w, struct task **tasks, int n, int *n_rows, bool *any)
{
    bool got = true;

    while (got && *n_rows < w->a->batch) {
        unsigned first = w->turn++;

        got = false;
        for (int i = 0; i < n && *n_rows < w->a->batch; i++) {
            enum took took = take(w, tasks[(first + (unsigned)i) % (unsigned)n], *n_rows);

            *n_rows += took == LEAF;
            got = got || took == LEAF || took == KNOWN_LEAF;
            *any = *any || took != NOTHING;
        }
    }
}

static void evaluate(struct worker *w, struct lane *lane, int n_rows)
{
    struct analyzer *a = w->a;
    struct nn_batch *b = &lane->batches[w->index];
    struct tg_error err = {0};

    b->n = n_rows;
    enum tg_status rc = a->backend->infer(lane->net, b, &err);
    if (rc == TG_OK)
        rc = a->backend->wait(lane->net, b, &err);
    if (rc != TG_OK)
        tg_log(a->log, TG_LOG_ERROR, "%s", err.text);
    for (int i = 0; i < n_rows; i++) {
        struct task *t = w->rows[i].task;
        struct floats f = parts_of_row(a, &lane->game, b, i);

        if (rc == TG_OK)
            keep(w, &lane->game, w->rows[i].key, &f);
        pthread_mutex_lock(&t->lock);
        if (rc == TG_OK) {
            give_back(a, &w->rows[i], &f);
        } else {
            search_cancel(t->search, w->rows[i].leaf.id);
            t->n_flying--;
            atomic_store(&t->stop, true);
        }
        pthread_mutex_unlock(&t->lock);
    }
}

static int by_urgency(const void *vx, const void *vy)
{
    const struct task *const *x = vx, *const *y = vy;

    return task_sooner(*x, *y) ? -1 : task_sooner(*y, *x);
}

/* Advance the tasks [n] of this lane, which are sorted. Was there anything to do? */
static bool advance(struct worker *w, struct lane *lane, struct task **tasks, int n)
{
    int n_rows = 0;
    bool any = false;

    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && tasks[end]->priority == tasks[i]->priority;)
            end++;
        fill_from(w, tasks + i, end - i, &n_rows, &any);
    }
    if (n_rows > 0)
        evaluate(w, lane, n_rows);
    return any;
}

/* All active tasks, lane by lane. */
static bool advance_all(struct worker *w, int n)
{
    bool any = false;

    for (int i = 0; i < N_LANES; i++) {
        struct task *lane[256];
        int n_lane = 0;

        for (int k = 0; k < n; k++)
            if (w->pinned[k]->lane == &w->a->lanes[i])
                lane[n_lane++] = w->pinned[k];
        if (n_lane > 0)
            any = advance(w, &w->a->lanes[i], lane, n_lane) || any;
    }
    return any;
}

static void unpin(struct worker *w, int n)
{
    for (int i = 0; i < n; i++)
        if (--w->pinned[i]->n_pins == 0 && w->pinned[i]->retired)
            task_free(w->pinned[i]);
}

void *work_run(void *argument)
{
    struct worker *w = argument;
    struct analyzer *a = w->a;

    pthread_mutex_lock(&a->lock);
    while (!a->quit) {
        uint64_t seen = a->epoch;

        admit(a);
        int n = a->n_active;
        for (int i = 0; i < n; i++) {
            w->pinned[i] = a->active[i];
            w->pinned[i]->n_pins++;
        }
        pthread_mutex_unlock(&a->lock);
        qsort(w->pinned, (size_t)n, sizeof *w->pinned, by_urgency);
        bool any = advance_all(w, n);
        pthread_mutex_lock(&a->lock);
        unpin(w, n);
        if (any) {
            a->epoch++;
            pthread_cond_broadcast(&a->changed);
        } else if (a->epoch == seen && !a->quit) {
            pthread_cond_wait(&a->changed, &a->lock);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}
