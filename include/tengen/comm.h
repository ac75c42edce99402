/* comm.h - communicators of this run, and what goes over them.
 *
 * A failing MPI call ends the run (MPI's own error handler): no rank could agree on a way on. So
 * collectives return values, not statuses. Every wait polls (MPI_Test and yielding, with a short
 * sleep after a while), so that ranks which outnumber the cores do not starve each other; the time
 * spent waiting is counted per communicator. One thread per rank calls these functions. */
#pragma once

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "tengen/error.h"
#include "tengen/log.h"
#include "tengen/span.h"

struct comm;

/* MPI_Init_thread (FUNNELED) and MPI_Finalize, for app. */
enum tg_status comm_mpi_init(int *argc, char ***argv, struct tg_error *err);
void comm_mpi_finalize(void);

/* Duplicate mpi into *c, so that our messages meet no other library's. name ("world", "selfplay",
 * "train", "node") is used in messages; borrowed. Collective on mpi. */
enum tg_status comm_open(MPI_Comm mpi, const char *name, struct comm **c, struct tg_error *err);
/* The ranks of c with member true, in their order, as a new communicator; *out is NULL on the
 * others. Collective on c. */
enum tg_status comm_subset(struct comm *c, bool member, const char *name, struct comm **out,
                           struct tg_error *err);
/* The ranks of c on this host (or on a part of it: TENGEN_HOST_RANKS=N in the environment has every N
 * ranks of the world taken for a host, to test on one machine what several do). Collective on c. */
enum tg_status comm_host(struct comm *c, struct comm **out, struct tg_error *err);
/* Which host this is, in the order of their first ranks in c, and of how many; host as above.
 * Collective on both. */
void comm_host_number(struct comm *c, struct comm *host, int *number, int *n_hosts);
void comm_close(struct comm *c); /* Collective. NULL is allowed. */

int comm_rank(const struct comm *c);
int comm_size(const struct comm *c);
const char *comm_name(const struct comm *c);
MPI_Comm comm_mpi(const struct comm *c); /* borrowed, for libraries that take an MPI_Comm */

/* Where c says what is worth a line. log (may be NULL) lives on. Not collective. */
void comm_log(struct comm *c, struct tg_log *log);

/* Seconds spent waiting in collectives of c since the last call. Not collective. */
double comm_wait_sec(struct comm *c);

/* All collective: every rank of c, same order. */
void comm_barrier(struct comm *c);
void comm_bcast(struct comm *c, void *bytes, size_t n, int root);
/* *before receives the sum of n over the lower ranks, *total the sum over all. */
void comm_exscan_i64(struct comm *c, int64_t n, int64_t *before, int64_t *total);
void comm_sum_i64(struct comm *c, int64_t *values, int n);
void comm_sum_f64(struct comm *c, double *values, int n); /* added in rank order: reproducible */
void comm_max_f64(struct comm *c, double *values, int n);
/* all [size * n_bytes] := everybody's mine [n_bytes], in rank order. */
void comm_allgather(struct comm *c, const void *mine, void *all, size_t n_bytes);
/* *all (malloc'd on every rank, the caller frees) := everybody's bytes in rank order, starts
 * [size + 1] says where each rank's begin. TG_ENOMEM is agreed. */
enum tg_status comm_allgatherv(struct comm *c, const void *mine, size_t n_bytes, void **all,
                               size_t *starts, struct tg_error *err);
/* Personal messages: rank r receives out [out_starts[r], out_starts[r + 1]) of every rank, in rank
 * order in *in (malloc'd, the caller frees); in_starts [size + 1] says where each rank's begin. TG_ENOMEM
 * is agreed. */
enum tg_status comm_alltoallv(struct comm *c, const void *out, const size_t *out_starts, void **in,
                              size_t *in_starts, struct tg_error *err);

/* Spans: host memory goes by MPI; device memory from device to device (NCCL) where each rank has one of
 * its own, else through host memory. How is settled once for a communicator, by its first span, and
 * said in its log. Collective, agreed; what one rank's device fails at is TG_EDEVICE on all, and a
 * device that does not answer is the watchdog's. */

/* Settle it now. TG_EINVAL unless all ranks' spans are alike in length, type and memory. */
enum tg_status comm_span_open(struct comm *c, struct tg_span span, struct tg_error *err);
/* Element-wise sum over all ranks, in place; it may exceed 2 GiB: TG_F32 or TG_I64 (TG_EINVAL
 * otherwise). */
enum tg_status comm_sum_span(struct comm *c, struct tg_span span, struct tg_error *err);
/* span := root's, byte for byte. */
enum tg_status comm_bcast_span(struct comm *c, struct tg_span span, int root, struct tg_error *err);

/* A message of n bytes (copied) to one rank of c, which fetches it when it gets to it; all messages of
 * a communicator have one length. Messages of one sender arrive in order. Neither call blocks for
 * longer than a message under way takes. comm_close waits for messages that were not fetched. */
enum tg_status comm_post(struct comm *c, int to, const void *bytes, size_t n, struct tg_error *err);
bool comm_fetch(struct comm *c, void *bytes, size_t n); /* false: there is none */

/* Turn one rank's failure into everybody's: returns the largest status of all ranks; err of every
 * rank then holds the text of the first rank that failed, with its number. */
enum tg_status comm_agree(struct comm *c, enum tg_status mine, struct tg_error *err);

/* A host's shared memory: one allocation of n_bytes per host, zeros at first, seen by all its ranks
 * at *memory. Collective on the host communicator, agreed; TG_ENOMEM if the host can never hold it.
 * Freed by comm_shared_close. */
struct comm_shared;
enum tg_status comm_shared_open(struct comm *host, size_t n_bytes, struct comm_shared **s,
                                void **memory, struct tg_error *err);
/* Make sure that bytes [at, at + n) can be written: memory is taken from the host only now. One rank
 * suffices; not collective. TG_ENOMEM instead of a fatal signal later. */
enum tg_status comm_shared_reserve(struct comm_shared *s, size_t at, size_t n, struct tg_error *err);
void comm_shared_sync(struct comm_shared *s); /* writes before it are seen after it. Collective. */
void comm_shared_close(struct comm_shared *s);

/* Call this now and then while this rank waits in a collective of c (after some milliseconds of it),
 * so that it can go on hearing of the others: it may advance a pulse, and nothing that c is used for.
 * call NULL: nothing. Not collective. */
void comm_on_wait(struct comm *c, void (*call)(void *ctx), void *ctx);

/* The pulse: sums of a few numbers over all ranks of c, one after the other, under way beside
 * whatever else the ranks do. Every rank polls it from its loops (and waits: comm_on_wait); sum
 * number k is the same on all ranks, though each sees it at its own time. Made for requests to stop,
 * and for counts that all ranks are to act on alike. */
struct comm_pulse;
/* At most one sum in period_sec. Collective, agreed. All items start at 0. */
enum tg_status comm_pulse_open(struct comm *c, int n_items, double period_sec,
                               struct comm_pulse **p, struct tg_error *err);
void comm_pulse_set(struct comm_pulse *p, int item, int64_t value); /* this rank's, from the next sum on */
bool comm_pulse_poll(struct comm_pulse *p); /* never blocks; true: a new sum has come */
const int64_t *comm_pulse_sums(const struct comm_pulse *p); /* [n_items] the last sum; 0 before the first */
int64_t comm_pulse_number(const struct comm_pulse *p);      /* of the last sum, from 1 */
void comm_pulse_close(struct comm_pulse *p); /* Collective. NULL is allowed. */

/* The watchdog: a thread that ends the job with status 1, naming rank, phase, communicator and collective,
 * when one collective of this process has outlasted limit_sec (0: never) and the wait is in vain: a rank of
 * that communicator was not heard of for half the limit, or its own work has not moved for the limit, or all
 * of them wait. While they get on, however long, it leaves the job alone. Without a board it cannot know, and
 * ends the job at the limit. One per process. */
struct comm_watchdog;
enum tg_status comm_watchdog_start(double limit_sec, struct tg_log *log, struct comm_watchdog **w,
                                   struct tg_error *err);
/* The board: this file, in which each rank keeps a line about itself (line number rank: host, process, phase,
 * for how long nothing has moved and in what it waits, when that was written), for the other ranks' watchdogs,
 * and for people. Rank 0 of c makes it; c has all ranks. Collective, agreed; w NULL: does nothing. */
enum tg_status comm_watchdog_board(struct comm_watchdog *w, struct comm *c, const char *path,
                                   struct tg_error *err);
void comm_watchdog_stop(struct comm_watchdog *w);
/* What rank 0 has last written on the board in this file, of whatever job: its line, which changes as long as the job
 * lives, and from it host and process. false: there is none, and line is "". Not collective. */
enum { COMM_BOARD_LINE = 192 };
bool comm_board_look(const char *path, char line[COMM_BOARD_LINE + 1], char host[41], long *pid);
/* What this rank is doing, for the watchdog's messages: a string that lives on. Counts as progress. */
void comm_phase(const char *phase);
/* This rank's own work gets on: for loops that go long without a collective. Not in one, where it does
 * nothing; from the thread that calls MPI. */
void comm_progress(void);
