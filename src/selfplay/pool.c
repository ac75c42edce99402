/* pool.c - worker threads and the games they walk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pool.h"
#include "tengen/file.h"

enum { MEMO_PER_GAME = 1 << 16 }; /* bytes: a leaf's parent was a leaf some searches ago at most */

static void fail(struct selfplay_pool *p, const struct tg_error *err)
{
    pthread_mutex_lock(&p->lock);
    if (!p->failed) {
        p->failed = true;
        p->failure = *err;
    }
    pthread_cond_broadcast(&p->games_done);
    pthread_mutex_unlock(&p->lock);
}

/* Is there a game that a worker may begin? The lock is held. */
static bool job_waits(const struct selfplay_pool *p)
{
    return !p->cancel && !p->quit && !p->pause && p->first_job < p->n_jobs && p->n_flying < p->limit;
}

static bool next_job(struct selfplay_pool *p, struct queued *job)
{
    bool got = false;

    pthread_mutex_lock(&p->lock);
    if (job_waits(p)) {
        *job = p->jobs[p->first_job++];
        p->n_flying++;
        got = true;
    }
    pthread_mutex_unlock(&p->lock);
    return got;
}

/* Move this worker's sums into the pool's. The lock is held. */
static void publish_stats(struct selfplay_pool *p, struct selfplay_stats *from)
{
    struct selfplay_stats *into = &p->stats;

    into->games += from->games;
    into->plies += from->plies;
    into->evaluations += from->evaluations;
    into->batches += from->batches;
    into->rows += from->rows;
    into->searches += from->searches;
    into->infer_sec += from->infer_sec;
    into->busy_sec += from->busy_sec;
    into->idle_sec += from->idle_sec;
    memset(from, 0, sizeof *from);
}

static enum tg_status hand_over(struct selfplay_pool *p, struct slot *s, const struct walk *w,
                                struct tg_error *err)
{
    struct done *d = malloc(sizeof *d);

    if (d == NULL)
        return FAIL(err, TG_ENOMEM, "a finished game");
    d->job = s->job;
    d->next = NULL;
    if (rows_finish(s, w, &d->finished, err) != TG_OK) {
        free(d);
        return err->code;
    }
    s->active = false;
    w->stats->games++;
    pthread_mutex_lock(&p->lock);
    publish_stats(p, w->stats); /* so that the sums cover every game that was taken */
    if (p->n_flying-- >= p->limit)
        pthread_cond_broadcast(&p->jobs_came);
    *p->done_tail = d;
    p->done_tail = &d->next;
    pthread_cond_broadcast(&p->games_done);
    pthread_mutex_unlock(&p->lock);
    return TG_OK;
}

/* The group's batch for this network, made again when the slot has another net. */
static enum tg_status ready_batch(struct selfplay_pool *p, struct group *g, int net,
                                  struct tg_error *err)
{
    struct network *n = &p->networks[net];

    if (n->net == NULL)
        return FAIL(err, TG_EINVAL, "a game needs network slot %d, which is empty", net);
    if (g->batch_net[net] == n->net)
        return TG_OK;
    TRY(n->backend->batch_open(n->net, g->n_slots, 0, &g->batch[net], err));
    g->batch_net[net] = n->net;
    g->batch[net].n = 0;
    return TG_OK;
}

static enum tg_status put_leaf(struct selfplay_pool *p, struct group *g, struct slot *s,
                               const struct walk *w, struct tg_error *err)
{
    const struct game *game = p->game;

    TRY(ready_batch(p, g, s->leaf_net, err));
    struct nn_batch *b = &g->batch[s->leaf_net];
    size_t row = (size_t)b->n++;
    struct tg_rng turn = tg_rng_stream(s->job.seed, TG_RNG_SYMMETRY, s->leaf.pos->hash,
                                       (uint64_t)s->job.id);

    s->leaf_row = (int)row;
    b->symmetry[row] = (uint8_t)(tg_rng_u32(&turn) & 7);
    game_encode(game, s->leaf.pos, w->memo,
                b->planes + row * (size_t)game->n_planes * (size_t)game->plane_bytes,
                b->globals + row * (size_t)game->n_globals);
    return TG_OK;
}

/* Begin a game, or go on with a frozen one; one that this build cannot read is played from its start. */
static enum tg_status begin(struct worker *k, struct slot *s, const struct walk *w, struct queued *q,
                            struct tg_error *err)
{
    enum tg_status rc = TG_EFORMAT;

    if (q->frozen != NULL) {
        rc = slot_thaw(s, w, &q->job, q->frozen, q->n_frozen, err);
        if (rc == TG_EFORMAT)
            tg_log(k->pool->log, TG_LOG_WARN, "%s: played again from its start", err->text);
        free(q->frozen);
    }
    return rc == TG_EFORMAT ? slot_begin(s, w, &q->job, err) : rc;
}

/* Walk every game of the group to its next leaf; finished games are handed over and replaced.
 * *active: how many wait for an evaluation. */
static enum tg_status walk_group(struct worker *k, struct group *g, const struct walk *w, int *active,
                                 struct tg_error *err)
{
    struct selfplay_pool *p = k->pool;

    *active = 0;
    for (int i = 0; i < g->n_slots; i++) {
        struct slot *s = &g->slots[i];

        if (s->active && s->leaf_out)
            TRY(slot_evaluated(s, w, &g->batch[s->leaf_net], err));
    }
    for (int net = 0; net < SELFPLAY_SLOTS; net++)
        g->batch[net].n = 0;
    for (int i = 0; i < g->n_slots; i++) {
        struct slot *s = &g->slots[i];
        struct queued job;

        for (;;) {
            if (!s->active) {
                if (!next_job(p, &job))
                    break;
                TRY(begin(k, s, w, &job, err));
            }
            enum slot_state state = slot_advance(s, w, err);
            if (state == SLOT_FAILED)
                return err->code;
            if (state == SLOT_LEAF) {
                TRY(put_leaf(p, g, s, w, err));
                ++*active;
                break;
            }
            TRY(hand_over(p, s, w, err));
        }
    }
    return TG_OK;
}

static enum tg_status infer_group(struct worker *k, struct group *g, struct tg_error *err)
{
    double start = tg_now();

    for (int net = 0; net < SELFPLAY_SLOTS; net++)
        if (g->batch[net].n > 0) {
            TRY(k->pool->networks[net].backend->infer(k->pool->networks[net].net, &g->batch[net], err));
            k->stats.batches++;
        }
    g->waiting = true;
    k->stats.infer_sec += tg_now() - start;
    return TG_OK;
}

static enum tg_status wait_group(struct worker *k, struct group *g, struct tg_error *err)
{
    double start = tg_now();

    if (!g->waiting)
        return TG_OK;
    for (int net = 0; net < SELFPLAY_SLOTS; net++)
        if (g->batch[net].n > 0)
            TRY(k->pool->networks[net].backend->wait(k->pool->networks[net].net, &g->batch[net], err));
    g->waiting = false;
    k->stats.infer_sec += tg_now() - start;
    return TG_OK;
}

/* A game that is to be kept, its evaluation taken in first. */
static enum tg_status keep_game(struct selfplay_pool *p, struct group *g, struct slot *s,
                                const struct walk *w, struct tg_error *err)
{
    struct selfplay_frozen one;

    if (s->leaf_out)
        TRY(slot_evaluated(s, w, &g->batch[s->leaf_net], err));
    TRY(slot_freeze(s, w, &one, err));
    pthread_mutex_lock(&p->lock);
    bool fits = p->frozen_bytes + one.n_bytes <= p->frozen_max && p->n_frozen < p->cap_frozen;
    if (fits) {
        p->frozen_bytes += one.n_bytes;
        p->frozen[p->n_frozen++] = one;
    }
    pthread_mutex_unlock(&p->lock);
    if (!fits)
        free(one.bytes);
    return TG_OK;
}

static enum tg_status drop_games(struct worker *k, const struct walk *w, struct tg_error *err)
{
    struct selfplay_pool *p = k->pool;
    enum tg_status rc = TG_OK;
    size_t n = 0;

    for (int j = 0; j < p->o.groups_per_thread; j++) {
        struct group *g = &k->groups[j];

        if (wait_group(k, g, err) != TG_OK)
            g->waiting = false;
        for (int i = 0; i < g->n_slots; i++) {
            struct slot *s = &g->slots[i];

            if (!s->active)
                continue;
            if (p->freeze && rc == TG_OK)
                rc = keep_game(p, g, s, w, err);
            s->active = s->leaf_out = false;
            n++;
        }
    }
    pthread_mutex_lock(&p->lock);
    p->n_flying -= n;
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* Stand still, no batch under way, until the pool goes on. */
static enum tg_status stand(struct worker *k, struct tg_error *err)
{
    struct selfplay_pool *p = k->pool;

    for (int j = 0; j < p->o.groups_per_thread; j++)
        TRY(wait_group(k, &k->groups[j], err));
    double start = tg_now();
    pthread_mutex_lock(&p->lock);
    p->n_paused++;
    pthread_cond_broadcast(&p->games_done);
    while (p->pause && !p->quit && !p->cancel && !p->failed)
        pthread_cond_wait(&p->jobs_came, &p->lock);
    p->n_paused--;
    start = start > p->stats_since ? start : p->stats_since;
    k->stats.idle_sec += tg_now() - start;
    pthread_mutex_unlock(&p->lock);
    return TG_OK;
}

/* Nothing to do: sleep until jobs come. False: the pool closes. */
static bool rest(struct worker *k)
{
    struct selfplay_pool *p = k->pool;
    double start = tg_now();
    bool go_on;

    pthread_mutex_lock(&p->lock);
    p->n_idle++;
    pthread_cond_broadcast(&p->games_done);
    while (!p->quit && (p->failed || !job_waits(p)))
        pthread_cond_wait(&p->jobs_came, &p->lock);
    p->n_idle--;
    go_on = !p->quit;
    start = start > p->stats_since ? start : p->stats_since; /* rest before that was counted or dropped */
    k->stats.idle_sec += tg_now() - start;
    pthread_mutex_unlock(&p->lock);
    return go_on;
}

/* One pass over a group: take its evaluations in, walk on, send the next batch. */
static enum tg_status pass(struct worker *k, struct group *g, const struct walk *w, int *active,
                           struct tg_error *err)
{
    TRY(wait_group(k, g, err));

    double start = tg_now();
    TRY(walk_group(k, g, w, active, err));
    k->stats.busy_sec += tg_now() - start;
    return *active > 0 ? infer_group(k, g, err) : TG_OK;
}

static void *work(void *arg)
{
    struct worker *k = arg;
    struct selfplay_pool *p = k->pool;
    struct walk w = {.game = p->game, .layout = &p->layout, .arch = p->arch, .number = p->number,
                     .stats = &k->stats,
                     .target = k->target, .legal = k->legal, .memo = &k->memo};
    struct tg_error err = {0};
    bool stop = false;

    while (!stop) {
        int n_active = 0;

        for (int j = 0; j < p->o.groups_per_thread && !stop; j++) {
            int active = 0;

            if (pass(k, &k->groups[j], &w, &active, &err) != TG_OK) {
                fail(p, &err);
                stop = true;
            }
            n_active += active;
        }
        pthread_mutex_lock(&p->lock);
        publish_stats(p, &k->stats);
        bool drop = stop || p->cancel || p->quit || p->failed, pause = p->pause;
        pthread_mutex_unlock(&p->lock);
        if ((drop && drop_games(k, &w, &err) != TG_OK) ||
            (!drop && pause && n_active > 0 && stand(k, &err) != TG_OK)) {
            fail(p, &err);
            stop = true;
        }
        if (drop || n_active == 0)
            stop = !rest(k);
    }
    return NULL;
}

static enum tg_status make_group(struct selfplay_pool *p, struct group *g, int n_slots,
                                 struct tg_error *err)
{
    g->slots = calloc((size_t)n_slots, sizeof *g->slots);
    if (g->slots == NULL)
        return FAIL(err, TG_ENOMEM, "%d games of %zu bytes", n_slots, sizeof *g->slots);
    g->n_slots = n_slots;
    (void)p;
    return TG_OK;
}

static enum tg_status make_worker(struct selfplay_pool *p, int t, struct tg_error *err)
{
    struct worker *k = &p->workers[t];
    int n_groups = p->o.threads * p->o.groups_per_thread, n_games = 0;

    k->pool = p;
    k->groups = calloc((size_t)p->o.groups_per_thread, sizeof *k->groups);
    k->target = malloc((size_t)p->game->n_actions * sizeof *k->target);
    k->legal = malloc((size_t)p->game->n_actions);
    if (k->groups == NULL || k->target == NULL || k->legal == NULL)
        return FAIL(err, TG_ENOMEM, "self-play worker %d", t);
    for (int j = 0; j < p->o.groups_per_thread; j++) {
        int g = t * p->o.groups_per_thread + j; /* games are spread to one */
        int n = (g + 1) * p->o.parallel_games / n_groups - g * p->o.parallel_games / n_groups;

        TRY(make_group(p, &k->groups[j], n, err));
        n_games += n;
    }
    k->memo.n_bytes = MEMO_PER_GAME * (size_t)n_games;
    k->memo.room = calloc(k->memo.n_bytes, 1); /* of a game that keeps nothing never touched */
    if (k->memo.room == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes of memo", k->memo.n_bytes);
    int rc = pthread_create(&k->thread, NULL, work, k);
    if (rc != 0)
        return FAIL(err, TG_EIO, "starting self-play thread %d: %s", t, strerror(rc));
    k->started = true;
    return TG_OK;
}

enum tg_status selfplay_open(const struct game *game, const struct selfplay_pool_options *options,
                             struct tg_log *log, struct selfplay_pool **pool, struct tg_error *err)
{
    enum tg_status rc;
    struct selfplay_pool *p = calloc(1, sizeof *p);

    *pool = NULL;
    if (p == NULL)
        return FAIL(err, TG_ENOMEM, "self-play pool");
    p->game = game;
    p->log = log;
    p->o = *options;
    if (p->o.threads < 1 || p->o.groups_per_thread < 1 || p->o.parallel_games < 1) {
        free(p);
        return FAIL(err, TG_EINVAL, "self-play pool of %d games on %d threads in %d groups each",
                    options->parallel_games, options->threads, options->groups_per_thread);
    }
    if (p->o.parallel_games < p->o.threads * p->o.groups_per_thread)
        p->o.parallel_games = p->o.threads * p->o.groups_per_thread;
    record_layout_init(&p->layout, game);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->jobs_came, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->games_done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    p->done_tail = &p->done;
    p->limit = SIZE_MAX;
    for (int slot = 0; slot < SELFPLAY_SLOTS; slot++)
        p->number[slot] = -1;
    p->workers = calloc((size_t)p->o.threads, sizeof *p->workers);
    rc = p->workers == NULL ? FAIL(err, TG_ENOMEM, "%d self-play workers", p->o.threads) : TG_OK;
    for (int t = 0; rc == TG_OK && t < p->o.threads; t++)
        rc = make_worker(p, t, err);
    if (rc != TG_OK) {
        selfplay_close(p);
        return rc;
    }
    *pool = p;
    return TG_OK;
}

static void close_group(struct selfplay_pool *p, struct group *g)
{
    for (int net = 0; net < SELFPLAY_SLOTS; net++)
        if (g->batch_net[net] != NULL)
            p->networks[net].backend->batch_close(p->networks[net].net, &g->batch[net]);
    for (int i = 0; i < g->n_slots; i++)
        slot_free(&g->slots[i]);
    free(g->slots);
}

void selfplay_close(struct selfplay_pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->jobs_came);
    pthread_mutex_unlock(&p->lock);
    for (int t = 0; p->workers != NULL && t < p->o.threads; t++) {
        struct worker *k = &p->workers[t];

        if (k->started)
            pthread_join(k->thread, NULL);
        for (int j = 0; k->groups != NULL && j < p->o.groups_per_thread; j++)
            close_group(p, &k->groups[j]);
        free(k->groups);
        free(k->target);
        free(k->legal);
        free(k->memo.room);
    }
    while (p->done != NULL) {
        struct done *d = p->done;

        p->done = d->next;
        record_finished_free(&d->finished);
        free(d);
    }
    for (size_t i = p->first_job; i < p->n_jobs; i++)
        free(p->jobs[i].frozen);
    free(p->workers);
    free(p->jobs);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->jobs_came);
    pthread_cond_destroy(&p->games_done);
    free(p);
}

enum tg_status selfplay_network(struct selfplay_pool *p, int slot, const struct nn_backend *backend,
                                struct nn_net *net, const struct nn_arch *arch, struct tg_error *err)
{
    if (slot < 0 || slot >= SELFPLAY_SLOTS)
        return FAIL(err, TG_EINVAL, "network slot %d: not in 0..%d", slot, SELFPLAY_SLOTS - 1);
    if (net != NULL && (arch->n_planes != p->game->n_planes || arch->n_globals != p->game->n_globals))
        return FAIL(err, TG_EINVAL, "the network reads %d planes and %d globals, the game has %d and %d",
                    arch->n_planes, arch->n_globals, p->game->n_planes, p->game->n_globals);
    pthread_mutex_lock(&p->lock);
    struct network *n = &p->networks[slot];
    for (int t = 0; t < p->o.threads && n->net != net; t++)
        for (int j = 0; j < p->o.groups_per_thread; j++) {
            struct group *g = &p->workers[t].groups[j];

            if (g->batch_net[slot] == NULL)
                continue;
            n->backend->batch_close(n->net, &g->batch[slot]);
            memset(&g->batch[slot], 0, sizeof g->batch[slot]);
            g->batch_net[slot] = NULL;
        }
    *n = (struct network){backend, net, arch};
    p->arch[slot] = arch;
    pthread_mutex_unlock(&p->lock);
    return TG_OK;
}

static enum tg_status check_job(const struct selfplay_pool *p, const struct selfplay_job *job,
                                struct tg_error *err)
{
    TRY(game_setup_check(p->game, &job->setup, err));
    for (int c = 0; c < 2; c++) {
        const struct selfplay_player *player = &job->player[c];

        if (player->kind == RECORD_NETWORK &&
            (player->slot >= SELFPLAY_SLOTS || p->networks[player->slot].net == NULL))
            return FAIL(err, TG_EINVAL, "game %lld: no network in slot %d", (long long)job->id,
                        player->slot);
        if (player->kind == RECORD_ENGINE && player->engine == NULL)
            return FAIL(err, TG_EINVAL, "game %lld: a player without its engine", (long long)job->id);
        if (job->settings[c] == NULL)
            return FAIL(err, TG_EINVAL, "game %lld: no settings", (long long)job->id);
    }
    return TG_OK;
}

/* Room for n more jobs behind those that wait, which move to the front. The lock is held. */
static bool make_room(struct selfplay_pool *p, size_t n)
{
    p->n_jobs -= p->first_job;
    if (p->first_job > 0)
        memmove(p->jobs, p->jobs + p->first_job, p->n_jobs * sizeof *p->jobs);
    p->first_job = 0;
    if (p->n_jobs + n <= p->cap_jobs)
        return true;
    size_t cap = 2 * p->cap_jobs + n;
    struct queued *grown = realloc(p->jobs, cap * sizeof *grown);

    if (grown == NULL)
        return false;
    p->jobs = grown;
    p->cap_jobs = cap;
    return true;
}

enum tg_status pool_enqueue(struct selfplay_pool *p, const struct selfplay_job *jobs,
                            const struct selfplay_frozen *frozen, size_t n, struct tg_error *err)
{
    for (size_t i = 0; i < n; i++)
        TRY(check_job(p, &jobs[i], err));
    pthread_mutex_lock(&p->lock);
    bool room = make_room(p, n);
    for (size_t i = 0; room && i < n; i++)
        p->jobs[p->n_jobs++] = (struct queued){jobs[i], frozen != NULL ? frozen[i].bytes : NULL,
                                               frozen != NULL ? frozen[i].n_bytes : 0};
    pthread_cond_broadcast(&p->jobs_came);
    pthread_mutex_unlock(&p->lock);
    return room ? TG_OK : FAIL(err, TG_ENOMEM, "%zu more games to play", n);
}

enum tg_status selfplay_push(struct selfplay_pool *p, const struct selfplay_job *jobs, size_t n,
                             struct tg_error *err)
{
    return pool_enqueue(p, jobs, NULL, n, err);
}

static struct timespec deadline_in(double seconds)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    double whole = (double)t.tv_nsec * 1e-9 + seconds;
    t.tv_sec += (time_t)whole;
    t.tv_nsec = (long)((whole - (double)(time_t)whole) * 1e9);
    return t;
}

enum tg_status selfplay_take(struct selfplay_pool *p, double timeout_sec,
                             struct record_finished *finished, struct selfplay_job *job, bool *got,
                             bool *idle, struct tg_error *err)
{
    struct timespec deadline = deadline_in(timeout_sec);
    enum tg_status rc = TG_OK;
    struct done *d = NULL;

    pthread_mutex_lock(&p->lock);
    while (p->done == NULL && !p->failed && (p->n_flying > 0 || p->first_job < p->n_jobs))
        if (pthread_cond_timedwait(&p->games_done, &p->lock, &deadline) == ETIMEDOUT)
            break;
    if (p->failed) {
        *err = p->failure;
        rc = p->failure.code;
    } else if (p->done != NULL) {
        d = p->done;
        p->done = d->next;
        if (p->done == NULL)
            p->done_tail = &p->done;
    }
    *idle = p->done == NULL && p->n_flying == 0 && p->first_job >= p->n_jobs;
    pthread_mutex_unlock(&p->lock);
    *got = d != NULL;
    if (d != NULL) {
        *finished = d->finished;
        *job = d->job;
        free(d);
    }
    return rc;
}
