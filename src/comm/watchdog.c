/* watchdog.c - a thread that ends the job when a collective takes too long.
 *
 * MPI calls come from one thread of a process and the watchdog is one per process, so what it looks
 * at is one slot, not a parameter of every call. This is the module's only variable. */
#include "comm_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tengen/file.h"

static struct {
    _Atomic(const char *) what, comm_name, phase;
    _Atomic double since; /* tg_now() of the operation under way; 0: none */
    _Atomic int board;    /* 1 + the file of all ranks' lines; 0: none */
    int rank;             /* of the world: the line's number */
    int depth;            /* of the operations under way: one is made of others */
} slot;

struct comm_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock */
    double limit_sec;
    struct tg_log *log; /* borrowed; may be NULL */
    int world_rank;
    int n_ranks;        /* lines of the board */
    double board_next;  /* when this rank's is written next */
};

void comm_watch_enter(const char *what, const char *comm_name)
{
    if (slot.depth++ > 0)
        return;
    atomic_store_explicit(&slot.what, what, memory_order_relaxed);
    atomic_store_explicit(&slot.comm_name, comm_name, memory_order_relaxed);
    atomic_store_explicit(&slot.since, tg_now(), memory_order_release);
}

void comm_watch_leave(void)
{
    if (--slot.depth == 0)
        atomic_store_explicit(&slot.since, 0.0, memory_order_release);
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

/* ---- the board ---------------------------------------------------------------------------------- */

enum { LINE_BYTES = 192, NAMED_RANKS = 8 };
static const char line_format[] =
    "%6d %-40.40s pid %8ld at %14.3f phase %-12.12s for %9.1f s in %-20.20s on %-12.12s";
static const char line_scan[] = "%d %40s pid %ld at %lf phase %12s for %lf s in";

static double wall_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

/* This rank's line. It cannot be had: then it is old, which is all that the others need to know. */
static void write_line(void)
{
    int board = atomic_load_explicit(&slot.board, memory_order_acquire) - 1;
    double since = atomic_load_explicit(&slot.since, memory_order_acquire);
    char host[41] = "", line[LINE_BYTES + 1];

    gethostname(host, sizeof host - 1);
    int n = snprintf(line, sizeof line, line_format, slot.rank, text_or(host, "?"), (long)getpid(),
                     wall_sec(), text_or(atomic_load_explicit(&slot.phase, memory_order_relaxed), "start"),
                     since > 0.0 ? tg_now() - since : 0.0,
                     since > 0.0 ? atomic_load_explicit(&slot.what, memory_order_relaxed) : "no-collective",
                     since > 0.0 ? atomic_load_explicit(&slot.comm_name, memory_order_relaxed) : "-");
    memset(line + n, ' ', (size_t)(LINE_BYTES - n));
    line[LINE_BYTES - 1] = '\n';
    if (board >= 0 && pwrite(board, line, LINE_BYTES, (off_t)slot.rank * LINE_BYTES) != LINE_BYTES)
        return;
}

void comm_phase(const char *phase)
{
    atomic_store_explicit(&slot.phase, phase, memory_order_relaxed);
    write_line();
}

/* Log the ranks that have not written for half the limit. */
static void name_the_silent(const struct comm_watchdog *w)
{
    int n_named = 0, board = atomic_load_explicit(&slot.board, memory_order_acquire) - 1;

    for (int r = 0; r < w->n_ranks && n_named < NAMED_RANKS; r++) {
        char line[LINE_BYTES + 1] = "", host[41], phase[13];
        int rank;
        long pid;
        double at, waited;

        if (r == w->world_rank || pread(board, line, LINE_BYTES, (off_t)r * LINE_BYTES) != LINE_BYTES ||
            sscanf(line, line_scan, &rank, host, &pid, &at, phase, &waited) != 6)
            continue;
        if (wall_sec() - at < w->limit_sec / 2.0)
            continue;
        n_named++;
        tg_log(w->log, TG_LOG_ERROR, "rank %d (host %s, process %ld) has not been heard of for %.0f s, "
               "last in phase %s", r, host, pid, wall_sec() - at, phase);
    }
    if (n_named == 0)
        tg_log(w->log, TG_LOG_ERROR, "all other ranks are alive: the file \"ranks\" says where");
}

static void keep_board(struct comm_watchdog *w)
{
    double now = tg_now(), period = w->limit_sec / 10.0 < 10.0 ? w->limit_sec / 10.0 : 10.0;

    if (now < w->board_next)
        return;
    w->board_next = now + period;
    write_line();
}

enum tg_status comm_watchdog_board(struct comm_watchdog *w, struct comm *c, const char *path,
                                   struct tg_error *err)
{
    int flags = comm_rank(c) == 0 ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, fd = -1;

    for (int turn = 0; turn < 2; turn++) { /* rank 0 makes it, then the others open it */
        enum tg_status rc = TG_OK;

        if (w != NULL && (comm_rank(c) != 0) == turn) {
            fd = open(path, flags, 0666);
            if (fd < 0)
                rc = FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
        }
        TRY(comm_agree(c, rc, err));
    }
    if (w == NULL)
        return TG_OK;
    pthread_mutex_lock(&w->lock);
    w->n_ranks = comm_size(c);
    slot.rank = w->world_rank;
    atomic_store_explicit(&slot.board, fd + 1, memory_order_release);
    pthread_mutex_unlock(&w->lock);
    write_line();
    return TG_OK;
}

/* ---- the thread --------------------------------------------------------------------------------- */

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
    if (w->n_ranks > 0)
        name_the_silent(w);
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
        if (!w->stop) {
            keep_board(w);
            look(w);
        }
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
    int board = atomic_exchange(&slot.board, 0) - 1;
    if (board >= 0)
        close(board);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
