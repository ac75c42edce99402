/* player.c - thinking with several threads on one tree.
 *
 * Each thread takes some leaves from the tree, evaluates them as a batch of its own (infer runs in its
 * caller's thread on the CPU) and hands them back; virtual loss keeps the leaves apart. The tree has
 * one lock, held for microseconds between batches of milliseconds. Fewer leaves are out while the
 * tree is small, so that few visits stay as good as they are one at a time.
 *
 * Time: a batch is begun only if it will be back in time, judged by the slowest of the last ones. */
#include "player.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evaluate.h"
#include "tengen/file.h"
#include "tengen/rng.h"

enum { CPU_BATCH = 8, MAX_BATCH = 64, VISITS_PER_LEAF = 16 };
static const size_t usual_tree_bytes = (size_t)2 << 30;

struct thinker {
    struct player *player;
    pthread_t thread;
    struct nn_batch batch;
    struct position *positions; /* owned [MAX_BATCH] */
    struct search_leaf leaves[MAX_BATCH]; /* their positions lie there */
    struct game_memo memo;      /* its room is owned */
};

struct player {
    struct tg_log *log;
    bool has_net;
    bool ready;                 /* net, batches and tree are there */
    int threads, batch;
    uint64_t seed, n_thoughts;
    struct nn_model model;
    const struct nn_backend *backend;
    struct nn_net *net;
    struct nn_batch one;        /* a single row with ownership */
    struct game game;
    struct search *search;
    struct outlook *outlook;    /* owned: of the search */
    const int32_t *banned_until; /* of this search */
    bool was_banned;            /* the tree lacks moves */
    struct search_settings settings;
    struct thinker *thinkers;   /* owned [threads] */
    size_t tree_bytes;          /* thinking ends when the tree is larger */
    double row_sec;             /* of an evaluation: the slowest of late */

    pthread_mutex_t lock; /* guards the tree and all below while threads think */
    pthread_cond_t changed;
    int n_running, n_flying;
    int64_t visits;             /* of the root, nearly */
    bool stop;
    double deadline;            /* tg_now; INFINITY: none */
    double last_moment;         /* for the first evaluation alone */
    enum tg_status failed;
    struct tg_error failure;
};

const struct game *player_game(const struct player *p) { return &p->game; }
bool player_has_net(const struct player *p) { return p->has_net; }
const char *player_net_name(const struct player *p) { return p->has_net ? p->model.name : "random"; }
struct search_settings *player_settings(struct player *p) { return &p->settings; }
struct search *player_search(struct player *p) { return p->search; }
const struct outlook *player_outlook(const struct player *p) { return p->outlook; }
void player_limit_tree(struct player *p, size_t bytes) { p->tree_bytes = bytes; }

/* ---- one evaluation ---------------------------------------------------------------------------- */

static enum tg_status infer(struct player *p, struct nn_batch *b, struct tg_error *err)
{
    TRY(p->backend->infer(p->net, b, err));
    return p->backend->wait(p->net, b, err);
}

enum tg_status player_evaluate(struct player *p, const struct position *pos, int symmetry,
                               struct player_eval *e, struct tg_error *err)
{
    if (!p->has_net)
        return FAIL(err, TG_EINVAL, "no network is loaded");
    if (p->one.planes == NULL)
        return FAIL(err, TG_EDEVICE, "the network could not be opened for this board");
    p->one.n = 1;
    evaluate_encode(&p->game, pos, NULL, symmetry, &p->one, 0);
    TRY(infer(p, &p->one, err));
    evaluate_read(&p->model.arch, &p->game, pos, p->one.value, p->one.score, &e->eval);
    evaluate_policy(&p->game, pos, p->one.policy, e->policy);
    memcpy(e->ownership, p->one.ownership, (size_t)p->game.n_points * sizeof *e->ownership);
    return TG_OK;
}

/* ---- threads on the tree; those below hold the lock unless they say so --------------------------- */

static void fail_search(struct player *p, enum tg_status rc, const struct tg_error *err)
{
    if (p->failed == TG_OK) {
        p->failed = rc;
        p->failure = *err;
    }
    p->stop = true;
}

/* How many leaves a thread may take now; 0: wait for some to come back. */
static int batch_room(const struct player *p)
{
    int64_t out = 1 + p->visits / VISITS_PER_LEAF;
    int64_t room = out - p->n_flying;
    double left = p->deadline - tg_now();
    /* Short of time, small batches: one should not take more than a tenth of what is left. */
    double fits = left == INFINITY ? p->batch : 0.1 * left / fmax(p->row_sec, 1e-6);

    if (room > p->batch)
        room = p->batch;
    if ((double)room > fits && room > 1)
        room = fits < 1.0 ? 1 : (int)fits;
    return room < 0 ? 0 : (int)room;
}

static bool in_time(const struct player *p, int rows)
{
    double limit = p->visits == 0 && p->last_moment > p->deadline ? p->last_moment : p->deadline;

    return limit == INFINITY || tg_now() + 2.0 * rows * p->row_sec + 0.002 < limit;
}

static int take_leaves(struct thinker *t, int room, enum search_next *next)
{
    struct player *p = t->player;
    int n = 0;

    *next = SEARCH_LEAF;
    while (n < room && (*next = search_select(p->search, &t->leaves[n])) == SEARCH_LEAF) {
        game_copy(&p->game, &t->positions[n], t->leaves[n].pos);
        t->leaves[n].pos = &t->positions[n];
        n++;
    }
    return n;
}

/* Evaluate the positions taken. Not under the lock. */
static enum tg_status evaluate(struct thinker *t, int n, double *sec, struct tg_error *err)
{
    struct player *p = t->player;
    double began = tg_now();

    t->batch.n = n;
    for (int i = 0; i < n; i++) {
        struct tg_rng rng = tg_rng_stream(p->seed, TG_RNG_SYMMETRY, t->positions[i].hash, 0);

        evaluate_encode(&p->game, &t->positions[i], &t->memo, (int)tg_rng_below(&rng, GAME_SYMMETRIES),
                        &t->batch, i);
    }
    enum tg_status rc = infer(p, &t->batch, err);
    *sec = tg_now() - began;
    return rc;
}

/* One leaf into the tree and the outlook. */
static enum tg_status give_leaf_back(struct thinker *t, int row, struct tg_error *err)
{
    struct player *p = t->player;
    const struct nn_arch *arch = &p->model.arch;
    const struct search_leaf *leaf = &t->leaves[row];
    enum game_color color = (enum game_color)leaf->pos->to_move;
    size_t i = (size_t)row;
    uint8_t banned[GAME_MAX_ACTIONS];
    struct nn_eval e;

    evaluate_read(arch, &p->game, leaf->pos, t->batch.value + i * NN_N_VALUE,
                  t->batch.score + i * (size_t)arch->n_score, &e);
    struct search_eval eval =
        evaluate_for_search(&p->game, &e, t->batch.policy + i * (size_t)p->game.n_actions);
    eval.banned = evaluate_banned(&p->game, p->banned_until, color, leaf->depth, banned);
    TRY(search_expand(p->search, leaf->id, &eval, err));
    if (!outlook_add(p->outlook, leaf->root_action, color, &e,
                     t->batch.ownership + i * (size_t)p->game.n_points))
        return FAIL(err, TG_ENOMEM, "ownership of a search");
    return TG_OK;
}

static enum tg_status give_back(struct thinker *t, int n, struct tg_error *err)
{
    struct player *p = t->player;
    enum tg_status rc = TG_OK;

    for (int i = 0; i < n; i++)
        if (rc == TG_OK)
            rc = give_leaf_back(t, i, err);
        else
            search_cancel(p->search, t->leaves[i].id);
    p->visits += n;
    return rc;
}

/* One batch, or a wait for others' batches. False: this thread is done. */
static bool think_once(struct thinker *t)
{
    struct player *p = t->player;
    int room = batch_room(p), n = 0;
    enum search_next next = SEARCH_WAIT;
    struct tg_error err = {0};
    double sec;

    if (room > 0) {
        if (!in_time(p, room) || search_bytes(p->search) > p->tree_bytes) {
            p->stop = true;
            return false;
        }
        n = take_leaves(t, room, &next);
    }
    if (n == 0) {
        if (next == SEARCH_DONE || p->n_flying == 0)
            return false;
        pthread_cond_wait(&p->changed, &p->lock);
        return true;
    }
    p->n_flying += n;
    pthread_mutex_unlock(&p->lock);
    enum tg_status rc = evaluate(t, n, &sec, &err);
    pthread_mutex_lock(&p->lock);
    p->n_flying -= n;
    p->row_sec = fmax(sec / n, 0.95 * p->row_sec);
    if (rc == TG_OK)
        rc = give_back(t, n, &err);
    else
        for (int i = 0; i < n; i++)
            search_cancel(p->search, t->leaves[i].id);
    if (rc != TG_OK)
        fail_search(p, rc, &err);
    pthread_cond_broadcast(&p->changed);
    return true;
}

static void *think_thread(void *argument)
{
    struct thinker *t = argument;
    struct player *p = t->player;

    pthread_mutex_lock(&p->lock);
    while (!p->stop && think_once(t))
        continue;
    p->n_running--;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- thinking, seen from the caller -------------------------------------------------------------- */

static void wait_some(struct player *p, double sec)
{
    struct timespec t;
    double until = tg_now() + sec;

    t.tv_sec = (time_t)until;
    t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
    pthread_cond_timedwait(&p->changed, &p->lock, &t);
}

/* Until all threads are done, or longer if w wants so. */
static void watch(struct player *p, const struct player_watch *w)
{
    double next_report = tg_now() + w->interval_sec;
    bool interrupted = false;

    while (p->n_running > 0 || (w->until_interrupted && !interrupted && p->failed == TG_OK)) {
        if (w->report == NULL && w->interrupted == NULL) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        wait_some(p, 0.005);
        interrupted = interrupted || (w->interrupted != NULL && w->interrupted(w->ctx));
        p->stop = p->stop || interrupted;
        if (w->report != NULL && !interrupted && tg_now() >= next_report) {
            w->report(w->ctx, p->search);
            next_report = tg_now() + w->interval_sec;
        }
    }
}

static enum tg_status start_threads(struct player *p, int n, struct tg_error *err)
{
    pthread_mutex_lock(&p->lock);
    p->n_running = n;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < n; i++) {
        int failure = pthread_create(&p->thinkers[i].thread, NULL, think_thread, &p->thinkers[i]);

        if (failure == 0)
            continue;
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        p->n_running -= n - i;
        pthread_mutex_unlock(&p->lock);
        for (int k = 0; k < i; k++)
            pthread_join(p->thinkers[k].thread, NULL);
        return FAIL(err, TG_ENOMEM, "starting a thread: %s", strerror(failure));
    }
    return TG_OK;
}

enum tg_status player_think(struct player *p, const struct position *pos,
                            const struct player_limits *limits, const struct player_watch *w,
                            struct tg_error *err)
{
    static const struct player_watch nobody;
    struct search_settings settings = p->settings;
    struct search_result r;
    int n = p->threads;

    p->deadline = limits->sec >= 0.0 ? tg_now() + limits->sec : INFINITY;
    p->last_moment = limits->hard_sec > 0.0 ? tg_now() + limits->hard_sec : p->deadline;
    p->n_thoughts++;
    if (!p->has_net)
        return TG_OK;
    if (!p->ready)
        return FAIL(err, TG_EDEVICE, "the network could not be opened for this board");
    struct tg_rng rng = tg_rng_stream(p->seed, TG_RNG_MOVE, p->n_thoughts, (uint64_t)pos->ply);
    settings.visits = limits->visits;
    if (p->was_banned || limits->banned_until != NULL)
        search_clear(p->search);
    p->banned_until = limits->banned_until;
    p->was_banned = limits->banned_until != NULL;
    TRY(search_start(p->search, pos, &settings, &rng, err));
    search_result(p->search, &r);
    if (r.visits == 0)
        outlook_clear(p->outlook, OUTLOOK_OWNERSHIP | OUTLOOK_MOVES_OWNERSHIP);
    p->visits = r.visits;
    p->stop = false;
    p->failed = TG_OK;
    p->n_flying = 0;
    if (limits->visits < 2 * VISITS_PER_LEAF)
        n = 1; /* the others would only wait */
    TRY(start_threads(p, n, err));
    pthread_mutex_lock(&p->lock);
    watch(p, w != NULL ? w : &nobody);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < n; i++)
        pthread_join(p->thinkers[i].thread, NULL);
    if (p->failed != TG_OK) {
        search_clear(p->search);
        if (err != NULL)
            *err = p->failure;
        return p->failed;
    }
    return TG_OK;
}

/* As the random bot of self-play: passes only where nothing else is legal. */
static int random_move(struct player *p, const struct position *pos)
{
    struct tg_rng rng = tg_rng_stream(p->seed, TG_RNG_BOT, p->n_thoughts, (uint64_t)pos->ply);
    uint8_t legal[GAME_MAX_ACTIONS];
    int n = game_legal(&p->game, pos, legal);

    if (n > 1 && legal[p->game.n_points]) {
        legal[p->game.n_points] = 0;
        n--;
    }
    uint32_t k = tg_rng_below(&rng, (uint32_t)n);
    for (int a = 0;; a++)
        if (legal[a] && k-- == 0)
            return a;
}

int player_choose(struct player *p, const struct position *pos)
{
    struct search_result r;

    if (!p->ready)
        return random_move(p, pos);
    search_result(p->search, &r);
    if (r.visits == 0 || r.n_children == 0)
        return random_move(p, pos);
    int action = search_choose(p->search);
    return game_is_legal(&p->game, pos, action) ? action : random_move(p, pos);
}

void player_advance(struct player *p, int action)
{
    if (!p->ready)
        return;
    search_advance(p->search, action);
    outlook_advance(p->outlook, action);
}

void player_forget(struct player *p)
{
    if (p->ready)
        search_clear(p->search);
}

/* ---- open, resize, close -------------------------------------------------------------------------- */

static void drop_size(struct player *p)
{
    for (int i = 0; i < p->threads && p->thinkers != NULL; i++)
        if (p->thinkers[i].batch.planes != NULL)
            p->backend->batch_close(p->net, &p->thinkers[i].batch);
    if (p->one.planes != NULL)
        p->backend->batch_close(p->net, &p->one);
    if (p->net != NULL)
        p->backend->close(p->net);
    search_close(p->search);
    outlook_close(p->outlook);
    p->ready = false;
    p->net = NULL;
    p->search = NULL;
    p->outlook = NULL;
    memset(&p->one, 0, sizeof p->one);
    for (int i = 0; i < p->threads && p->thinkers != NULL; i++)
        memset(&p->thinkers[i].batch, 0, sizeof p->thinkers[i].batch);
}

/* The first evaluation of a net makes its plans: not on somebody's clock. */
static enum tg_status warm_up(struct player *p, struct tg_error *err)
{
    struct game_setup setup;
    struct position *pos = malloc(sizeof *pos);
    struct player_eval *e = malloc(sizeof *e);
    enum tg_status rc = pos == NULL || e == NULL ? FAIL(err, TG_ENOMEM, "a position") : TG_OK;

    for (int i = 0; i < 2 && rc == TG_OK; i++) {
        double began = tg_now();

        game_default_setup(&p->game, &setup);
        game_start(&p->game, &setup, pos);
        rc = player_evaluate(p, pos, 0, e, err);
        p->row_sec = tg_now() - began;
    }
    free(pos);
    free(e);
    return rc;
}

enum tg_status player_resize(struct player *p, int size, struct tg_error *err)
{
    struct nn_net_options options = {.size = size, .threads = 1, .log = p->log};
    int history = p->has_net ? p->model.history : 0;
    enum game_kind kind = p->game.kind;

    if (p->game.size == size && p->game.cls != NULL && p->ready == p->has_net)
        return TG_OK;
    drop_size(p);
    TRY(game_init(&p->game, kind, size, history, err));
    if (!p->has_net)
        return TG_OK;
    TRY(nn_model_fits(&p->model, &p->game, err));
    TRY(search_open(&p->game, &p->search, err));
    p->outlook = outlook_open(&p->game, 0);
    if (p->outlook == NULL)
        return FAIL(err, TG_ENOMEM, "a search");
    TRY(p->backend->open(&p->model.arch, &options, &p->net, err));
    TRY(p->backend->set(p->net, NN_PARAMS, p->model.params, err));
    TRY(p->backend->batch_open(p->net, 1, NN_BATCH_OWNERSHIP, &p->one, err));
    for (int i = 0; i < p->threads; i++)
        TRY(p->backend->batch_open(p->net, p->batch, NN_BATCH_OWNERSHIP, &p->thinkers[i].batch,
                                    err));
    TRY(warm_up(p, err));
    p->ready = true;
    return TG_OK;
}

static enum tg_status open_threads(struct player *p, struct tg_error *err)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* as tg_now */
    pthread_cond_init(&p->changed, &attr);
    pthread_condattr_destroy(&attr);
    p->thinkers = calloc((size_t)p->threads, sizeof *p->thinkers);
    if (p->thinkers == NULL)
        return FAIL(err, TG_ENOMEM, "%d threads", p->threads);
    for (int i = 0; i < p->threads; i++) {
        struct thinker *t = &p->thinkers[i];

        t->player = p;
        t->positions = malloc(MAX_BATCH * sizeof *t->positions);
        t->memo = (struct game_memo){calloc(EVALUATE_MEMO_BYTES, 1), EVALUATE_MEMO_BYTES};
        if (t->positions == NULL || t->memo.room == NULL)
            return FAIL(err, TG_ENOMEM, "%d threads", p->threads);
    }
    return TG_OK;
}

enum tg_status player_open(const struct player_options *o, struct tg_log *log,
                           struct player **player, struct tg_error *err)
{
    struct player *p = calloc(1, sizeof *p);
    enum tg_status rc;
    int size = o->size;

    *player = NULL;
    if (p == NULL)
        return FAIL(err, TG_ENOMEM, "a player");
    p->log = log;
    p->threads = o->threads > 0 ? o->threads : 1;
    p->seed = o->seed;
    p->tree_bytes = usual_tree_bytes;
    p->game.kind = o->kind;
    search_default_settings(&p->settings);
    TRY_OUT(open_threads(p, err));
    if (o->net != NULL) {
        TRY_OUT(nn_backend_find(o->backend, &p->backend, err));
        TRY_OUT(nn_model_load(o->net, &p->model, log, err));
        p->has_net = true;
        p->batch = strcmp(p->backend->name, "cpu") == 0 ? CPU_BATCH : MAX_BATCH;
        p->game.kind = p->model.game;
    }
    if (size == 0)
        size = p->has_net && p->model.size > 0 ? p->model.size : p->game.kind == GAME_GO ? 19 : 15;
    TRY_OUT(player_resize(p, size, err));
    *player = p;
    return TG_OK;
out:
    player_close(p);
    return rc;
}

void player_close(struct player *p)
{
    if (p == NULL)
        return;
    drop_size(p);
    if (p->has_net)
        nn_model_close(&p->model);
    for (int i = 0; i < p->threads && p->thinkers != NULL; i++) {
        free(p->thinkers[i].positions);
        free(p->thinkers[i].memo.room);
    }
    free(p->thinkers);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
