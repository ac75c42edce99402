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

/* How many bytes come from whom; room for them. Agreed. */
static enum tg_status alltoall_sizes(struct comm *c, const size_t *out_starts, size_t *in_starts,
                                     int *counts, void **in, struct tg_error *err)
{
    size_t size = (size_t)c->size;
    enum tg_status rc = TG_OK;
    MPI_Request q;

    for (size_t r = 0; r < size; r++) /* at most 2 GiB a rank, checked below: int is enough */
        counts[r] = (int)(out_starts[r + 1] - out_starts[r]);
    MPI_Ialltoall(counts, 1, MPI_INT, counts + size, 1, MPI_INT, c->mpi, &q);
    comm_wait(c, &q, "all-to-all");
    in_starts[0] = 0;
    for (size_t r = 0; r < size; r++)
        in_starts[r + 1] = in_starts[r] + (size_t)counts[size + r];
    *in = malloc(in_starts[size] > 0 ? in_starts[size] : 1);
    if (out_starts[size] > INT_MAX || in_starts[size] > INT_MAX)
        rc = FAIL(err, TG_EINVAL, "exchanging %zu and %zu bytes on \"%s\": the limit is 2 GiB a rank",
                  out_starts[size], in_starts[size], c->name);
    else if (*in == NULL)
        rc = FAIL(err, TG_ENOMEM, "exchanging %zu bytes on \"%s\"", in_starts[size], c->name);
    return comm_agree(c, rc, err);
}

enum tg_status comm_alltoallv(struct comm *c, const void *out, const size_t *out_starts, void **in,
                              size_t *in_starts, struct tg_error *err)
{
    size_t size = (size_t)c->size;
    int *counts = malloc(4 * size * sizeof *counts), *displs; /* out, in */
    enum tg_status rc = TG_OK;
    MPI_Request q;

    *in = NULL;
    if (counts == NULL)
        rc = FAIL(err, TG_ENOMEM, "exchange on \"%s\"", c->name);
    TRY_OUT(comm_agree(c, rc, err));
    TRY_OUT(alltoall_sizes(c, out_starts, in_starts, counts, in, err));
    displs = counts + 2 * size;
    for (size_t r = 0; r < size; r++) {
        displs[r] = (int)out_starts[r];
        displs[size + r] = (int)in_starts[r];
    }
    MPI_Ialltoallv(out, counts, displs, MPI_BYTE, *in, counts + size, displs + size, MPI_BYTE,
                   c->mpi, &q);
    comm_wait(c, &q, "all-to-all");
out:
    free(counts);
    if (rc != TG_OK) {
        free(*in);
        *in = NULL;
    }
    return rc;
}
