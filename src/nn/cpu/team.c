/* team.c - see team.h. */
#include "team.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct member {
    struct team *team;
    pthread_t thread;
    int index;
};

struct team {
    int n_threads;           /* with the caller */
    int n_started;
    struct member *members;  /* owned [n_threads - 1] */
    pthread_mutex_t lock;    /* guards everything below */
    pthread_cond_t wake, done;
    void (*work)(void *ctx, int item, int thread);
    void *ctx;
    int n_items, next;       /* items of this loop; the first not handed out */
    int n_busy;              /* members that have not finished this loop */
    unsigned generation;     /* counts loops */
    bool stop;
};

/* Hand out items until there are none. The lock is held on entry and on return. */
static void share_in(struct team *t, int thread)
{
    while (t->next < t->n_items) {
        int item = t->next++;

        pthread_mutex_unlock(&t->lock);
        t->work(t->ctx, item, thread);
        pthread_mutex_lock(&t->lock);
    }
}

static void *member_main(void *arg)
{
    struct member *m = arg;
    struct team *t = m->team;
    unsigned seen = 0;

    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (!t->stop && t->generation == seen)
            pthread_cond_wait(&t->wake, &t->lock);
        if (t->stop)
            break;
        seen = t->generation;
        share_in(t, m->index);
        if (--t->n_busy == 0)
            pthread_cond_signal(&t->done);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

enum tg_status team_open(int n_threads, struct team **team, struct tg_error *err)
{
    struct team *t = calloc(1, sizeof *t);

    *team = NULL;
    if (t == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %d threads", n_threads);
    t->n_threads = n_threads;
    t->members = calloc((size_t)n_threads, sizeof *t->members);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    pthread_cond_init(&t->done, NULL);
    if (t->members == NULL) {
        team_close(t);
        return FAIL(err, TG_ENOMEM, "no memory for %d threads", n_threads);
    }
    for (int i = 0; i < n_threads - 1; i++) {
        t->members[i] = (struct member){.team = t, .index = i + 1};
        if (pthread_create(&t->members[i].thread, NULL, member_main, &t->members[i]) != 0) {
            team_close(t);
            return FAIL(err, TG_ENOMEM, "the system refused thread %d of %d", i + 1, n_threads);
        }
        t->n_started++;
    }
    *team = t;
    return TG_OK;
}

void team_close(struct team *t)
{
    if (t == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    for (int i = 0; i < t->n_started; i++)
        pthread_join(t->members[i].thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->wake);
    pthread_cond_destroy(&t->done);
    free(t->members);
    free(t);
}

void team_run(struct team *t, int n_items, void (*work)(void *ctx, int item, int thread), void *ctx)
{
    pthread_mutex_lock(&t->lock);
    t->work = work;
    t->ctx = ctx;
    t->n_items = n_items;
    t->next = 0;
    t->n_busy = t->n_started;
    t->generation++;
    if (t->n_started > 0)
        pthread_cond_broadcast(&t->wake);
    share_in(t, 0);
    while (t->n_busy > 0)
        pthread_cond_wait(&t->done, &t->lock);
    pthread_mutex_unlock(&t->lock);
}
