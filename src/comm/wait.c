/* wait.c - the one place where this process waits for other ranks. */
#include "comm_private.h"

#include <math.h>
#include <sched.h>
#include <time.h>

#include "tengen/file.h"

/* How a wait gives up the core: first it spins (an answer is often microseconds away), then it
 * yields, and after a while, when the other side is computing, it sleeps: a hundredth of the time
 * waited so far, so that hundreds of waiting ranks leave a small machine's cores to those who work. Where
 * ranks outnumber the cores it sleeps at once, and the longer the more they are: yielding to each other, or
 * looking all the time, they would keep the cores from the rank that all wait for. */
enum { SPINS = 64, YIELD_USEC = 5000, SLEEP_USEC = 50, MAX_SLEEP_USEC = 2000 };

double comm_nap_usec(double waited_sec, double crowd)
{
    double usec = 1e4 * waited_sec;

    if (waited_sec < 1e-6 * YIELD_USEC && crowd <= 0)
        return 0;
    usec = usec < SLEEP_USEC ? SLEEP_USEC : usec > MAX_SLEEP_USEC ? MAX_SLEEP_USEC : usec;
    return usec < SLEEP_USEC * crowd ? SLEEP_USEC * crowd : usec;
}

static void rest(struct comm *c, double waited_sec)
{
    double usec = comm_nap_usec(waited_sec, c->crowd);

    if (usec <= 0) {
        sched_yield();
        return;
    }
    nanosleep(&(struct timespec){.tv_nsec = (long)(1000.0 * usec)}, NULL);
    if (waited_sec >= 1e-6 * YIELD_USEC && c->on_wait != NULL)
        c->on_wait(c->on_wait_ctx);
}

void comm_on_wait(struct comm *c, void (*call)(void *ctx), void *ctx)
{
    c->on_wait = call;
    c->on_wait_ctx = ctx;
}

bool comm_poll(struct comm *c, bool (*done)(void *ctx), void *ctx, double limit_sec)
{
    double start = tg_now(), waited = 0.0;
    bool is = false;

    for (int spin = 0; spin < (c->crowd > 0 ? 1 : SPINS) && !is; spin++)
        is = done(ctx);
    while (!is && waited < limit_sec) {
        rest(c, waited);
        is = done(ctx);
        waited = tg_now() - start;
    }
    c->wait_sec += tg_now() - start;
    return is;
}

static bool completed(void *request)
{
    int done = 0;

    MPI_Test(request, &done, MPI_STATUS_IGNORE);
    return done != 0;
}

void comm_wait(struct comm *c, MPI_Request *request, const char *what)
{
    comm_watch_enter(what, c);
    comm_poll(c, completed, request, INFINITY);
    comm_watch_leave();
}
