/* wait.c - the one place where this process waits for other ranks. */
#include "comm_private.h"

#include <sched.h>
#include <time.h>

#include "tengen/file.h"

/* How a wait gives up the core: first it spins (an answer is often microseconds away), then it
 * yields, and after a while, when the other side is computing, it sleeps. */
enum { SPINS = 64, YIELD_USEC = 5000, SLEEP_USEC = 50 };

void comm_wait(struct comm *c, MPI_Request *request, const char *what)
{
    double start = tg_now(), now = start;
    int done = 0;

    comm_watch_enter(what, c->name);
    for (int spin = 0; spin < SPINS && !done; spin++)
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
    while (!done) {
        now = tg_now();
        if (now - start < 1e-6 * YIELD_USEC)
            sched_yield();
        else
            nanosleep(&(struct timespec){.tv_nsec = 1000L * SLEEP_USEC}, NULL);
        MPI_Test(request, &done, MPI_STATUS_IGNORE);
    }
    comm_watch_leave();
    c->wait_sec += tg_now() - start;
}
