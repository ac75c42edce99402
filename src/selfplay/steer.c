/* steer.c - what the caller may do to a pool while its games go on. */
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "tengen/file.h"

void selfplay_cancel(struct selfplay_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->cancel = true;
    for (size_t i = p->first_job; i < p->n_jobs; i++)
        free(p->jobs[i].frozen);
    p->first_job = p->n_jobs = 0;
    pthread_cond_broadcast(&p->jobs_came); /* for those who stand still */
    while (p->n_idle < p->o.threads && !p->failed)
        pthread_cond_wait(&p->games_done, &p->lock);
    p->cancel = false;
    pthread_mutex_unlock(&p->lock);
}

void selfplay_stats_take(struct selfplay_pool *p, struct selfplay_stats *stats)
{
    pthread_mutex_lock(&p->lock);
    *stats = p->stats;
    memset(&p->stats, 0, sizeof p->stats);
    p->stats_since = tg_now();
    pthread_mutex_unlock(&p->lock);
}

void selfplay_stats_peek(struct selfplay_pool *p, struct selfplay_stats *stats)
{
    pthread_mutex_lock(&p->lock);
    *stats = p->stats;
    pthread_mutex_unlock(&p->lock);
}

enum tg_status selfplay_pause(struct selfplay_pool *p, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    pthread_mutex_lock(&p->lock);
    p->pause = true;
    while (p->n_idle + p->n_paused < p->o.threads && !p->failed)
        pthread_cond_wait(&p->games_done, &p->lock);
    if (p->failed) {
        *err = p->failure;
        rc = p->failure.code;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

void selfplay_resume(struct selfplay_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->pause = false;
    pthread_cond_broadcast(&p->jobs_came);
    pthread_mutex_unlock(&p->lock);
}

void selfplay_number(struct selfplay_pool *p, int slot, int32_t net) { p->number[slot] = net; }

void selfplay_limit(struct selfplay_pool *p, int games)
{
    pthread_mutex_lock(&p->lock);
    p->limit = games > 0 ? (size_t)games : 1;
    pthread_cond_broadcast(&p->jobs_came);
    pthread_mutex_unlock(&p->lock);
}

void selfplay_load(struct selfplay_pool *p, int64_t *queued, int64_t *flying)
{
    pthread_mutex_lock(&p->lock);
    *queued = (int64_t)(p->n_jobs - p->first_job);
    *flying = (int64_t)p->n_flying;
    pthread_mutex_unlock(&p->lock);
}

/* Make the list, with the frozen games that were never taken up again in front. The lock is held. */
static enum tg_status begin_freeze(struct selfplay_pool *p, size_t max_bytes, struct tg_error *err)
{
    size_t cap = p->n_jobs - p->first_job + p->n_flying;

    p->frozen = malloc((cap + 1) * sizeof *p->frozen);
    if (p->frozen == NULL)
        return FAIL(err, TG_ENOMEM, "%zu games in flight", cap);
    p->cap_frozen = cap;
    p->n_frozen = p->frozen_bytes = 0;
    p->frozen_max = max_bytes;
    for (size_t i = p->first_job; i < p->n_jobs; i++) {
        struct queued *q = &p->jobs[i];

        if (q->frozen == NULL || p->frozen_bytes + q->n_frozen > max_bytes)
            continue;
        p->frozen_bytes += q->n_frozen;
        p->frozen[p->n_frozen++] =
            (struct selfplay_frozen){.id = q->job.id, .bytes = q->frozen, .n_bytes = q->n_frozen};
        q->frozen = NULL;
    }
    p->freeze = true;
    return TG_OK;
}

enum tg_status selfplay_freeze(struct selfplay_pool *p, size_t max_bytes,
                               struct selfplay_frozen **games, size_t *n, struct tg_error *err)
{
    enum tg_status rc;

    *games = NULL;
    *n = 0;
    TRY(selfplay_pause(p, err)); /* nobody begins or ends a game while the list is made */
    pthread_mutex_lock(&p->lock);
    rc = begin_freeze(p, max_bytes, err);
    p->pause = false;
    pthread_mutex_unlock(&p->lock);
    if (rc != TG_OK)
        return rc;
    selfplay_cancel(p);
    pthread_mutex_lock(&p->lock);
    p->freeze = false;
    *games = p->frozen;
    *n = p->n_frozen;
    p->frozen = NULL;
    p->n_frozen = p->cap_frozen = 0;
    if (p->failed) {
        *err = p->failure;
        rc = p->failure.code;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

enum tg_status selfplay_thaw(struct selfplay_pool *p, const struct selfplay_job *job,
                             struct selfplay_frozen *game, struct tg_error *err)
{
    enum tg_status rc = pool_enqueue(p, job, game, 1, err);

    if (rc != TG_OK)
        free(game->bytes);
    game->bytes = NULL;
    return rc;
}
