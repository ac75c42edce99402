/* comm_private.h - private to src/comm: the handle, the polling wait, the watchdog's slot. */
#pragma once

#include "tengen/comm.h"

enum { COMM_SUM_BLOCK = 32 };
enum { COMM_TAG_MAIL = 1, COMM_TAG_EXCHANGE }; /* of messages from one rank to another */

struct comm {
    MPI_Comm mpi;     /* owned duplicate */
    const char *name; /* borrowed, lives on */
    int rank, size;
    int world_rank;   /* what messages call this rank */
    int *members;     /* owned [size]: its ranks' numbers in the world; NULL: all of them */
    double crowd;     /* ranks per core of this host, where they are more than cores; else 0 */
    double wait_sec;  /* since the last comm_wait_sec */
    double *gathered; /* owned [size * COMM_SUM_BLOCK], for sums in rank order */
    struct comm_mail *mail; /* owned: posted, not known to be sent */
    void (*on_wait)(void *ctx); /* comm_on_wait's; NULL: none */
    void *on_wait_ctx;
    struct tg_log *log;     /* borrowed, comm_log's; may be NULL */
    struct comm_link *link; /* owned: how spans in device memory go; NULL: none was met */
};

/* Wait for a request of c by polling; what ("allreduce") is for the watchdog. */
void comm_wait(struct comm *c, MPI_Request *request, const char *what);

/* comm_alltoallv, by pieces where a rank has more than so many bytes in all. */
enum tg_status comm_alltoallv_most(struct comm *c, const void *out, const size_t *out_starts, void **in,
                                   size_t *in_starts, size_t most, struct tg_error *err);

/* Is it done within limit_sec? done is asked again and again, in between the core is given up. */
bool comm_poll(struct comm *c, bool (*done)(void *ctx), void *ctx, double limit_sec);

/* Leave the other ranks' devices, and free. NULL is allowed. */
void comm_link_close(struct comm_link *link);

/* How long to sleep before looking again; 0: only yield. crowd as in struct comm. */
double comm_nap_usec(double waited_sec, double crowd);

/* Wait until all that was posted on c is sent, and free it. */
void comm_mail_close(struct comm *c);

/* The watchdog sees one operation of this process at a time, from enter to leave: the outermost. For
 * MPI calls that have no nonblocking form; comm_wait calls them itself. c lives until leave. */
void comm_watch_enter(const char *what, const struct comm *c);
void comm_watch_leave(void);
