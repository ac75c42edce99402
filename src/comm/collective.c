/* collective.c - the collectives: nonblocking MPI calls, each waited for by polling. */
#include "comm_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const size_t bcast_piece = (size_t)1 << 30;

void comm_barrier(struct comm *c)
{
    MPI_Request q;

    MPI_Ibarrier(c->mpi, &q);
    comm_wait(c, &q, "barrier");
}

void comm_bcast(struct comm *c, void *bytes, size_t n, int root)
{
    for (size_t at = 0; at < n; at += bcast_piece) {
        size_t piece = n - at < bcast_piece ? n - at : bcast_piece;
        MPI_Request q;

        MPI_Ibcast((char *)bytes + at, (int)piece, MPI_BYTE, root, c->mpi, &q);
        comm_wait(c, &q, "broadcast");
    }
}

void comm_allgather(struct comm *c, const void *mine, void *all, size_t n_bytes)
{
    MPI_Datatype item;
    MPI_Request q;

    if (n_bytes == 0)
        return;
    MPI_Type_contiguous((int)n_bytes, MPI_BYTE, &item);
    MPI_Type_commit(&item);
    MPI_Iallgather(mine, 1, item, all, 1, item, c->mpi, &q);
    comm_wait(c, &q, "all-gather");
    MPI_Type_free(&item);
}

void comm_exscan_i64(struct comm *c, int64_t n, int64_t *before, int64_t *total)
{
    int64_t upto = 0, ends[2];
    MPI_Request q;

    MPI_Iscan(&n, &upto, 1, MPI_INT64_T, MPI_SUM, c->mpi, &q);
    comm_wait(c, &q, "prefix sum");
    ends[0] = upto;
    comm_bcast(c, ends, sizeof *ends, c->size - 1);
    *before = upto - n;
    *total = ends[0];
}

void comm_sum_i64(struct comm *c, int64_t *values, int n)
{
    MPI_Request q;

    MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_INT64_T, MPI_SUM, c->mpi, &q);
    comm_wait(c, &q, "all-reduce");
}

void comm_max_f64(struct comm *c, double *values, int n)
{
    MPI_Request q;

    MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_DOUBLE, MPI_MAX, c->mpi, &q);
    comm_wait(c, &q, "all-reduce");
}

void comm_sum_f64(struct comm *c, double *values, int n)
{
    for (int at = 0; at < n; at += COMM_SUM_BLOCK) {
        double mine[COMM_SUM_BLOCK] = {0.0};
        int m = n - at < COMM_SUM_BLOCK ? n - at : COMM_SUM_BLOCK;

        memcpy(mine, values + at, (size_t)m * sizeof *mine);
        comm_allgather(c, mine, c->gathered, sizeof mine);
        for (int i = 0; i < m; i++) {
            double sum = c->gathered[i];

            for (int r = 1; r < c->size; r++)
                sum += c->gathered[r * COMM_SUM_BLOCK + i];
            values[at + i] = sum;
        }
    }
}

/* Everybody's bytes in turn: for totals that MPI's int displacements cannot address. */
static void allgatherv_by_turns(struct comm *c, const void *mine, char *all, const size_t *starts)
{
    memcpy(all + starts[c->rank], mine, starts[c->rank + 1] - starts[c->rank]);
    for (int r = 0; r < c->size; r++)
        comm_bcast(c, all + starts[r], starts[r + 1] - starts[r], r);
}

static void allgatherv_at_once(struct comm *c, const void *mine, char *all, const size_t *starts,
                               int *counts_displs)
{
    int *counts = counts_displs, *displs = counts_displs + c->size;
    MPI_Request q;

    for (int r = 0; r < c->size; r++) {
        counts[r] = (int)(starts[r + 1] - starts[r]);
        displs[r] = (int)starts[r];
    }
    MPI_Iallgatherv(mine, counts[c->rank], MPI_BYTE, all, counts, displs, MPI_BYTE, c->mpi, &q);
    comm_wait(c, &q, "all-gather");
}

enum tg_status comm_allgatherv(struct comm *c, const void *mine, size_t n_bytes, void **all,
                               size_t *starts, struct tg_error *err)
{
    size_t size = (size_t)c->size;
    int *counts_displs = malloc(2 * size * sizeof *counts_displs);
    enum tg_status rc = TG_OK;

    *all = NULL;
    starts[0] = 0;
    comm_allgather(c, &n_bytes, starts + 1, sizeof n_bytes);
    for (int r = 0; r < c->size; r++)
        starts[r + 1] += starts[r];
    *all = malloc(starts[size] > 0 ? starts[size] : 1);
    if (*all == NULL || counts_displs == NULL)
        rc = FAIL(err, TG_ENOMEM, "gathering %zu bytes on \"%s\"", starts[size], c->name);
    TRY_OUT(comm_agree(c, rc, err));
    if (starts[size] > INT_MAX)
        allgatherv_by_turns(c, mine, *all, starts);
    else if (starts[size] > 0)
        allgatherv_at_once(c, mine, *all, starts, counts_displs);
out:
    free(counts_displs);
    if (rc != TG_OK) {
        free(*all);
        *all = NULL;
    }
    return rc;
}

/* How many bytes come from whom; room for them. sizes [2 * size]: out, in. Agreed. */
static enum tg_status alltoall_sizes(struct comm *c, const size_t *out_starts, size_t *in_starts,
                                     size_t *sizes, void **in, struct tg_error *err)
{
    size_t size = (size_t)c->size;
    enum tg_status rc = TG_OK;
    MPI_Request q;

    for (size_t r = 0; r < size; r++)
        sizes[r] = out_starts[r + 1] - out_starts[r];
    MPI_Ialltoall(sizes, sizeof *sizes, MPI_BYTE, sizes + size, sizeof *sizes, MPI_BYTE, c->mpi, &q);
    comm_wait(c, &q, "all-to-all");
    in_starts[0] = 0;
    for (size_t r = 0; r < size; r++)
        in_starts[r + 1] = in_starts[r] + sizes[size + r];
    *in = malloc(in_starts[size] > 0 ? in_starts[size] : 1);
    if (*in == NULL)
        rc = FAIL(err, TG_ENOMEM, "exchanging %zu bytes on \"%s\"", in_starts[size], c->name);
    return comm_agree(c, rc, err);
}

static enum tg_status alltoallv_at_once(struct comm *c, const void *out, const size_t *out_starts, void *in,
                                        const size_t *in_starts, struct tg_error *err)
{
    size_t size = (size_t)c->size;
    int *counts = malloc(4 * size * sizeof *counts), *displs = counts + 2 * size; /* each: out, in */
    MPI_Request q;

    TRY(comm_agree(c, counts == NULL ? FAIL(err, TG_ENOMEM, "exchange on \"%s\"", c->name) : TG_OK, err));
    for (size_t r = 0; r < size; r++) {
        counts[r] = (int)(out_starts[r + 1] - out_starts[r]);
        counts[size + r] = (int)(in_starts[r + 1] - in_starts[r]);
        displs[r] = (int)out_starts[r];
        displs[size + r] = (int)in_starts[r];
    }
    MPI_Ialltoallv(out, counts, displs, MPI_BYTE, in, counts + size, displs + size, MPI_BYTE, c->mpi, &q);
    comm_wait(c, &q, "all-to-all");
    free(counts);
    return TG_OK;
}

/* n_out bytes to one rank and n_in from another, by pieces. */
static void swap_with(struct comm *c, const char *out, size_t n_out, int to, char *in, size_t n_in, int from,
                      size_t piece)
{
    for (size_t at = 0; at < n_out || at < n_in; at += piece) {
        size_t send = at >= n_out ? 0 : n_out - at < piece ? n_out - at : piece;
        size_t get = at >= n_in ? 0 : n_in - at < piece ? n_in - at : piece;
        MPI_Request q[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};

        if (get > 0)
            MPI_Irecv(in + at, (int)get, MPI_BYTE, from, COMM_TAG_EXCHANGE, c->mpi, &q[0]);
        if (send > 0)
            MPI_Isend(out + at, (int)send, MPI_BYTE, to, COMM_TAG_EXCHANGE, c->mpi, &q[1]);
        comm_wait(c, &q[0], "all-to-all");
        comm_wait(c, &q[1], "all-to-all");
    }
}

/* For totals that MPI's int displacements cannot address: in each turn a rank sends to the one that is so many
 * further on, and receives from the one that is so many back. */
static void alltoallv_by_turns(struct comm *c, const char *out, const size_t *out_starts, char *in,
                               const size_t *in_starts, size_t piece)
{
    if (out_starts[c->rank + 1] > out_starts[c->rank])
        memcpy(in + in_starts[c->rank], out + out_starts[c->rank], out_starts[c->rank + 1] - out_starts[c->rank]);
    for (int turn = 1; turn < c->size; turn++) {
        int to = (c->rank + turn) % c->size, from = (c->rank - turn + c->size) % c->size;

        swap_with(c, out + out_starts[to], out_starts[to + 1] - out_starts[to], to, in + in_starts[from],
                  in_starts[from + 1] - in_starts[from], from, piece);
    }
}

enum tg_status comm_alltoallv_most(struct comm *c, const void *out, const size_t *out_starts, void **in,
                                   size_t *in_starts, size_t most, struct tg_error *err)
{
    size_t size = (size_t)c->size, *sizes = malloc(2 * size * sizeof *sizes);
    enum tg_status rc = TG_OK;
    double large;

    *in = NULL;
    if (sizes == NULL)
        rc = FAIL(err, TG_ENOMEM, "exchange on \"%s\"", c->name);
    TRY_OUT(comm_agree(c, rc, err));
    TRY_OUT(alltoall_sizes(c, out_starts, in_starts, sizes, in, err));
    large = out_starts[size] > most || in_starts[size] > most;
    comm_max_f64(c, &large, 1);
    if (large > 0)
        alltoallv_by_turns(c, out, out_starts, *in, in_starts, most < bcast_piece ? most : bcast_piece);
    else
        rc = alltoallv_at_once(c, out, out_starts, *in, in_starts, err);
out:
    free(sizes);
    if (rc != TG_OK) {
        free(*in);
        *in = NULL;
    }
    return rc;
}

enum tg_status comm_alltoallv(struct comm *c, const void *out, const size_t *out_starts, void **in,
                              size_t *in_starts, struct tg_error *err)
{
    return comm_alltoallv_most(c, out, out_starts, in, in_starts, INT_MAX, err);
}
