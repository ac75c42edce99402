/* analyze_pool.c - positions that wait, boards' networks, threads: what is opened and closed. */
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"
#include "evaluate.h"

enum { CPU_BATCH = 8, MAX_BATCH = 64, MAX_WAITING = 1000000 };

/* ---- waiting tasks: a heap --------------------------------------------------------------------------- */

bool task_sooner(const struct task *x, const struct task *y)
{
    return x->priority != y->priority ? x->priority > y->priority : x->number < y->number;
}

static void sift_up(struct task **heap, size_t i)
{
    for (; i > 0 && task_sooner(heap[i], heap[(i - 1) / 2]); i = (i - 1) / 2) {
        struct task *t = heap[i];

        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = t;
    }
}

static void sift_down(struct task **heap, size_t n, size_t i)
{
    for (;;) {
        size_t best = i, child = 2 * i + 1;

        for (size_t c = child; c < child + 2 && c < n; c++)
            if (task_sooner(heap[c], heap[best]))
                best = c;
        if (best == i)
            return;
        struct task *t = heap[i];

        heap[i] = heap[best];
        heap[best] = t;
        i = best;
    }
}

struct task *pool_next(struct analyzer *a)
{
    struct task *t = a->waiting[0];

    a->waiting[0] = a->waiting[--a->n_waiting];
    sift_down(a->waiting, a->n_waiting, 0);
    return t;
}

void task_free(struct task *t)
{
    search_close(t->search);
    outlook_close(t->outlook);
    free(t->pos);
    free(t->policy);
    pthread_mutex_destroy(&t->lock);
    query_unuse(t->query);
    free(t);
}

/* ---- lanes ------------------------------------------------------------------------------------------ */

struct lane *pool_lane(struct analyzer *a, int width, int height)
{
    int side = width > height ? width : height, i = 0;

    while (a->lanes[i].game.size < side)
        i++;
    return &a->lanes[i];
}

enum tg_status pool_open_lane(struct analyzer *a, struct lane *lane, struct tg_error *err)
{
    struct nn_net_options options = {.size = lane->game.size, .threads = 1, .log = a->log};

    if (lane->ready)
        return TG_OK;
    if (lane->net == NULL) {
        TRY(a->backend->open(&a->model.arch, &options, &lane->net, err));
        TRY(a->backend->set(lane->net, NN_PARAMS, a->model.params, err));
    }
    if (lane->batches == NULL)
        lane->batches = calloc((size_t)a->n_workers, sizeof *lane->batches);
    if (lane->batches == NULL)
        return FAIL(err, TG_ENOMEM, "%d batches", a->n_workers);
    for (int i = 0; i < a->n_workers; i++)
        if (lane->batches[i].planes == NULL)
            TRY(a->backend->batch_open(lane->net, a->batch, NN_BATCH_OWNERSHIP, &lane->batches[i], err));
    lane->ready = true;
    return TG_OK;
}

static void close_lane(struct analyzer *a, struct lane *lane)
{
    for (int i = 0; lane->batches != NULL && i < a->n_workers; i++)
        if (lane->batches[i].planes != NULL)
            a->backend->batch_close(lane->net, &lane->batches[i]);
    free(lane->batches);
    if (lane->net != NULL)
        a->backend->close(lane->net);
}

/* ---- what the reader of lines calls --------------------------------------------------------------------- */

static bool make_room(struct analyzer *a, size_t n)
{
    size_t cap = a->cap_waiting > 0 ? a->cap_waiting : 64;

    if (a->n_waiting + n > MAX_WAITING)
        return false;
    while (cap < a->n_waiting + n)
        cap *= 2;
    struct task **waiting = realloc(a->waiting, cap * sizeof *waiting);

    if (waiting == NULL)
        return false;
    a->waiting = waiting;
    a->cap_waiting = cap;
    return true;
}

static bool add_turn(struct analyzer *a, struct query *q, int turn)
{
    struct task *t = calloc(1, sizeof *t);

    if (t == NULL)
        return false;
    *t = (struct task){.query = q, .turn = turn, .priority = q->priority[turn], .number = a->n_tasks++};
    pthread_mutex_init(&t->lock, NULL);
    atomic_fetch_add(&q->n_uses, 1);
    a->waiting[a->n_waiting++] = t;
    sift_up(a->waiting, a->n_waiting - 1);
    return true;
}

bool pool_add(struct analyzer *a, struct query *q)
{
    bool good;

    pthread_mutex_lock(&a->lock);
    good = make_room(a, (size_t)q->n_moves + 1);
    for (int t = 0; t <= q->n_moves && good; t++)
        if (q->asked[t])
            good = add_turn(a, q, t);
    a->epoch++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    query_unuse(q);
    return good;
}

static bool is_meant(const struct task *t, const char *id, const int *turns, int n)
{
    if (id != NULL && strcmp(id, t->query->id) != 0)
        return false;
    for (int i = 0; i < n; i++)
        if (turns[i] == t->turn)
            return true;
    return n < 0;
}

void pool_terminate(struct analyzer *a, const char *id, const int *turns, int n)
{
    size_t kept = 0;

    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->n_waiting; i++)
        if (is_meant(a->waiting[i], id, turns, n)) {
            answer_nothing(a, a->waiting[i]);
            task_free(a->waiting[i]);
        } else {
            a->waiting[kept++] = a->waiting[i];
        }
    a->n_waiting = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(a->waiting, kept, i);
    for (int i = 0; i < a->n_active; i++)
        if (is_meant(a->active[i], id, turns, n))
            atomic_store(&a->active[i]->stop, true);
    a->epoch++;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/* ---- open and close --------------------------------------------------------------------------------------- */

static enum tg_status open_worker(struct analyzer *a, int index, struct tg_error *err)
{
    struct worker *w = &a->workers[index];

    w->a = a;
    w->index = index;
    w->positions = malloc((size_t)a->batch * sizeof *w->positions);
    w->rows = malloc((size_t)a->batch * sizeof *w->rows);
    w->kept = malloc(work_floats(a, &a->lanes[N_LANES - 1].game) * sizeof *w->kept);
    w->pinned = malloc((size_t)a->o.parallel * sizeof(struct task *));
    w->memo = (struct game_memo){calloc(EVALUATE_MEMO_BYTES, 1), EVALUATE_MEMO_BYTES};
    if (w->positions == NULL || w->rows == NULL || w->kept == NULL || w->pinned == NULL ||
        w->memo.room == NULL)
        return FAIL(err, TG_ENOMEM, "a thread");
    return TG_OK;
}

enum tg_status pool_open(struct analyzer *a, struct tg_error *err)
{
    static const int sides[N_LANES] = {9, 13, 15, GAME_MAX_SIZE}; /* what people play on */
    int threads = a->o.threads > 0 ? a->o.threads : 1;

    a->o.threads = threads;
    a->batch = strcmp(a->backend->name, "cpu") == 0 ? CPU_BATCH : MAX_BATCH;
    for (int i = 0; i < N_LANES; i++) {
        TRY(game_init(&a->lanes[i].game, a->model.game, sides[i], a->model.history, err));
        TRY(nn_model_fits(&a->model, &a->lanes[i].game, err));
    }
    if (a->o.parallel <= 0)
        a->o.parallel = a->batch * threads;
    if (a->o.parallel > 256)
        a->o.parallel = 256;
    a->active = malloc((size_t)a->o.parallel * sizeof(struct task *));
    a->workers = calloc((size_t)threads, sizeof *a->workers);
    if (a->active == NULL || a->workers == NULL)
        return FAIL(err, TG_ENOMEM, "%d threads", threads);
    for (int i = 0; i < threads; i++)
        TRY(open_worker(a, i, err));
    for (; a->n_workers < threads; a->n_workers++)
        if (pthread_create(&a->workers[a->n_workers].thread, NULL, work_run, &a->workers[a->n_workers]) != 0)
            return FAIL(err, TG_ENOMEM, "starting thread %d", a->n_workers);
    return TG_OK;
}

void pool_close(struct analyzer *a)
{
    pthread_mutex_lock(&a->lock);
    a->quit = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < a->n_workers; i++)
        pthread_join(a->workers[i].thread, NULL);
    for (size_t i = 0; i < a->n_waiting; i++)
        task_free(a->waiting[i]);
    for (int i = 0; i < a->n_active; i++)
        task_free(a->active[i]);
    for (int i = 0; i < N_LANES; i++)
        close_lane(a, &a->lanes[i]);
    for (int i = 0; a->workers != NULL && i < a->o.threads; i++) {
        free(a->workers[i].positions);
        free(a->workers[i].rows);
        free(a->workers[i].kept);
        free(a->workers[i].pinned);
        free(a->workers[i].memo.room);
    }
    free(a->workers);
    free(a->waiting);
    free(a->active);
}
