/* watchdog.c - a thread that ends the job when a collective takes too long.
 *
 * MPI calls come from one thread of a process and the watchdog is one per process, so what it looks
 * at is one slot, not a parameter of every call. This is the module's only variable. */
#include "comm_private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tengen/file.h"

static struct {
    _Atomic(const char *) what, comm_name, phase;
    _Atomic double since; /* tg_now() of the operation under way; 0: none */
} slot;

struct comm_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock */
    double limit_sec;
    struct tg_log *log; /* borrowed; may be NULL */
    int world_rank;
};

void comm_watch_enter(const char *what, const char *comm_name)
{
    atomic_store_explicit(&slot.what, what, memory_order_relaxed);
    atomic_store_explicit(&slot.comm_name, comm_name, memory_order_relaxed);
    atomic_store_explicit(&slot.since, tg_now(), memory_order_release);
}

void comm_watch_leave(void) { atomic_store_explicit(&slot.since, 0.0, memory_order_release); }

void comm_phase(const char *phase)
{
    atomic_store_explicit(&slot.phase, phase, memory_order_relaxed);
}

static void *abort_job(void *unused)
{
    (void)unused;
    MPI_Abort(MPI_COMM_WORLD, 1);
    return NULL;
}

/* MPI_Abort tells the other hosts, but it may itself hang in what we are stuck in: then leaving with
 * a failure makes the launcher end the others. */
static _Noreturn void end_job(void)
{
    pthread_t helper;

    if (pthread_create(&helper, NULL, abort_job, NULL) == 0)
        nanosleep(&(struct timespec){.tv_sec = 5}, NULL);
    _exit(1);
}

/* Ends the job if the operation under way has outlasted the limit. */
static void look(const struct comm_watchdog *w)
{
    double since = atomic_load_explicit(&slot.since, memory_order_acquire);
    double waited = tg_now() - since;
    const char *phase = atomic_load_explicit(&slot.phase, memory_order_relaxed);

    if (since == 0.0 || waited <= w->limit_sec)
        return;
    tg_log(w->log, TG_LOG_ERROR,
           "rank %d (phase %s): %s on \"%s\" has waited %.0f s, limit %.0f s: ending the job",
           w->world_rank, phase != NULL ? phase : "start",
           atomic_load_explicit(&slot.what, memory_order_relaxed),
           atomic_load_explicit(&slot.comm_name, memory_order_relaxed), waited, w->limit_sec);
    end_job();
}

static void *watch(void *arg)
{
    struct comm_watchdog *w = arg;
    double period = w->limit_sec / 10.0 < 1.0 ? w->limit_sec / 10.0 : 1.0;

    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)(1e9 * period);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
        if (!w->stop)
            look(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum tg_status comm_watchdog_start(double limit_sec, struct tg_log *log, struct comm_watchdog **w,
                                   struct tg_error *err)
{
    struct comm_watchdog *made;

    *w = NULL;
    if (limit_sec <= 0.0)
        return TG_OK;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return FAIL(err, TG_ENOMEM, "watchdog");
    made->limit_sec = limit_sec;
    made->log = log;
    MPI_Comm_rank(MPI_COMM_WORLD, &made->world_rank);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    int failure = pthread_create(&made->thread, NULL, watch, made);
    if (failure != 0) {
        free(made);
        return FAIL(err, TG_ENOMEM, "watchdog thread: %s", strerror(failure));
    }
    *w = made;
    return TG_OK;
}

void comm_watchdog_stop(struct comm_watchdog *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
