/* span.c - spans summed over ranks and sent to them: by MPI in host memory; in device memory by the
 * device's own library, or through host memory where ranks share a device, which that library
 * refuses. */
#include "comm_private.h"

#include <stdlib.h>
#include <string.h>

#include "tengen/device.h"

enum { PIECE_BYTES = 4 << 20 }; /* of a long reduction: a piece stays within the caches */
static const double ROUND_SEC = 0.05; /* ranks that wait for a device hear of each other this often */

struct comm_link {
    const struct tg_device *device;
    struct tg_device_group *group; /* owned; NULL: through host memory */
    char *staging;                 /* owned [PIECE_BYTES], without a group */
};

static size_t element_bytes(const struct tg_span *span)
{
    return span->dtype == TG_I64 ? 8 : span->dtype == TG_F32 ? 4 : 2;
}

void comm_link_close(struct comm_link *link)
{
    if (link == NULL)
        return;
    if (link->group != NULL)
        link->device->group_close(link->group);
    free(link->staging);
    free(link);
}

/* ---- waiting for devices -------------------------------------------------------------------------- */

struct wait {
    struct comm_link *link;
    struct tg_error *err;
    enum tg_status rc;
    bool done;
};

static bool look(void *ctx)
{
    struct wait *w = ctx;

    w->rc = w->link->device->group_poll(w->link->group, &w->done, w->err);
    return w->done || w->rc != TG_OK;
}

/* Until the group is done on all ranks, or has failed on one: the others' would then never be. rc: of the
 * call that enqueued. */
static enum tg_status wait_group(struct comm *c, enum tg_status rc, const char *what, struct tg_error *err)
{
    enum { DONE, PENDING, FAILED };
    struct wait w = {c->link, err, rc, false};
    int worst = PENDING;

    comm_watch_enter(what, c);
    while (worst == PENDING) {
        MPI_Request q;

        if (w.rc == TG_OK && !w.done)
            comm_poll(c, look, &w, ROUND_SEC);
        worst = w.rc != TG_OK ? FAILED : w.done ? DONE : PENDING;
        MPI_Iallreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MAX, c->mpi, &q);
        comm_wait(c, &q, what);
    }
    comm_watch_leave();
    return worst == DONE ? TG_OK : comm_agree(c, w.rc, err);
}

/* ---- settling how ------------------------------------------------------------------------------- */

struct kind { /* of a rank's span */
    int64_t n, dtype, mem;
    unsigned char uuid[TG_DEVICE_UUID];
};

static enum tg_status gather_kinds(struct comm *c, const struct tg_span *span, struct kind **kinds,
                                   struct tg_error *err)
{
    struct kind mine = {.n = (int64_t)span->n, .dtype = span->dtype, .mem = span->mem};
    enum tg_status rc = TG_OK;

    *kinds = malloc((size_t)c->size * sizeof **kinds);
    if (*kinds == NULL)
        rc = FAIL(err, TG_ENOMEM, "spans of %d ranks", c->size);
    if (rc == TG_OK && span->mem == TG_DEVICE)
        rc = span->device->identify(span, mine.uuid, err);
    TRY(comm_agree(c, rc, err));
    comm_allgather(c, &mine, *kinds, sizeof mine);
    for (int r = 1; r < c->size; r++) {
        const struct kind *k = &(*kinds)[r];

        if (k->n != (*kinds)->n || k->dtype != (*kinds)->dtype || k->mem != (*kinds)->mem)
            return FAIL(err, TG_EINVAL, "ranks 0 and %d of \"%s\" have spans that cannot be summed: %lld and "
                        "%lld elements, types %lld and %lld, %s and %s memory (one backend for all ranks?)",
                        r, c->name, (long long)(*kinds)->n, (long long)k->n, (long long)(*kinds)->dtype,
                        (long long)k->dtype, (*kinds)->mem == TG_HOST ? "host" : "device",
                        k->mem == TG_HOST ? "host" : "device");
    }
    return TG_OK;
}

static bool devices_shared(const struct comm *c, const struct kind *kinds)
{
    for (int a = 0; a < c->size; a++)
        for (int b = 0; b < a; b++)
            if (memcmp(kinds[a].uuid, kinds[b].uuid, TG_DEVICE_UUID) == 0)
                return true;
    return false;
}

static void say(const struct comm *c, const char *how)
{
    if (c->log != NULL && c->rank == 0)
        tg_log(c->log, TG_LOG_INFO, "the %d ranks of \"%s\" exchange device memory %s", c->size, c->name, how);
}

static enum tg_status join(struct comm *c, const struct tg_span *span, struct tg_error *err)
{
    unsigned char id[TG_DEVICE_GROUP_ID] = {0};
    struct comm_link *link = c->link;

    TRY(comm_agree(c, c->rank == 0 ? link->device->group_id(id, err) : TG_OK, err));
    comm_bcast(c, id, sizeof id, 0);
    TRY(comm_agree(c, link->device->group_open(span, id, c->rank, c->size, &link->group, err), err));
    TRY(wait_group(c, TG_OK, "joining of devices", err));
    say(c, "from device to device");
    return TG_OK;
}

static enum tg_status link_devices(struct comm *c, const struct tg_span *span, bool shared,
                                   struct tg_error *err)
{
    c->link = calloc(1, sizeof *c->link);
    TRY(comm_agree(c, c->link == NULL ? FAIL(err, TG_ENOMEM, "a link of devices") : TG_OK, err));
    c->link->device = span->device;
    if (!shared)
        return join(c, span, err);
    c->link->staging = malloc(PIECE_BYTES);
    TRY(comm_agree(c, c->link->staging == NULL ? FAIL(err, TG_ENOMEM, "%d bytes", (int)PIECE_BYTES) : TG_OK,
                   err));
    say(c, "through host memory, because ranks share a device");
    return TG_OK;
}

enum tg_status comm_span_open(struct comm *c, struct tg_span span, struct tg_error *err)
{
    struct kind *kinds = NULL;
    enum tg_status rc;

    if (c->size == 1)
        return TG_OK;
    TRY_OUT(gather_kinds(c, &span, &kinds, err));
    if (span.mem == TG_DEVICE && c->link == NULL)
        rc = link_devices(c, &span, devices_shared(c, kinds), err);
out:
    free(kinds);
    if (rc != TG_OK) {
        comm_link_close(c->link);
        c->link = NULL;
    }
    return rc;
}

/* Device memory is never met unprepared. */
static enum tg_status prepare(struct comm *c, const struct tg_span *span, struct tg_error *err)
{
    return span->mem == TG_DEVICE && c->link == NULL ? comm_span_open(c, *span, err) : TG_OK;
}

/* ---- sums --------------------------------------------------------------------------------------- */

static void sum_piece(struct comm *c, void *host, size_t n, enum tg_dtype dtype)
{
    MPI_Request q;

    MPI_Iallreduce(MPI_IN_PLACE, host, (int)n, dtype == TG_F32 ? MPI_FLOAT : MPI_INT64_T, MPI_SUM, c->mpi, &q);
    comm_wait(c, &q, "all-reduce");
}

/* All ranks make all the calls, whatever a copy fails at. */
static enum tg_status sum_staged(struct comm *c, const struct tg_span *span, struct tg_error *err)
{
    const struct comm_link *link = c->link;
    size_t piece = PIECE_BYTES / element_bytes(span);
    enum tg_status rc = TG_OK;

    for (size_t at = 0; at < span->n; at += piece) {
        size_t n = span->n - at < piece ? span->n - at : piece;

        if (rc == TG_OK)
            rc = link->device->to_host(span, at, n, link->staging, err);
        sum_piece(c, link->staging, n, span->dtype);
        if (rc == TG_OK)
            rc = link->device->from_host(span, at, n, link->staging, err);
    }
    return comm_agree(c, rc, err);
}

enum tg_status comm_sum_span(struct comm *c, struct tg_span span, struct tg_error *err)
{
    size_t elem = element_bytes(&span), piece = PIECE_BYTES / elem;

    if (span.dtype != TG_F32 && span.dtype != TG_I64)
        return FAIL(err, TG_EINVAL, "sum over ranks: only 32-bit floats and 64-bit integers");
    if (c->size == 1)
        return TG_OK;
    TRY(prepare(c, &span, err));
    if (span.mem == TG_DEVICE && c->link->group == NULL)
        return sum_staged(c, &span, err);
    if (span.mem == TG_DEVICE) {
        comm_watch_enter("sum on devices", c);
        enum tg_status rc = c->link->device->group_sum(c->link->group, &span, err);

        rc = wait_group(c, rc, "sum on devices", err);
        comm_watch_leave();
        return rc;
    }
    for (size_t at = 0; at < span.n; at += piece)
        sum_piece(c, (char *)span.ptr + at * elem, span.n - at < piece ? span.n - at : piece, span.dtype);
    return TG_OK;
}

/* ---- broadcasts --------------------------------------------------------------------------------- */

static enum tg_status bcast_staged(struct comm *c, const struct tg_span *span, int root,
                                   struct tg_error *err)
{
    const struct comm_link *link = c->link;
    size_t elem = element_bytes(span), piece = PIECE_BYTES / elem;
    enum tg_status rc = TG_OK;

    for (size_t at = 0; at < span->n; at += piece) {
        size_t n = span->n - at < piece ? span->n - at : piece;

        if (rc == TG_OK && c->rank == root)
            rc = link->device->to_host(span, at, n, link->staging, err);
        comm_bcast(c, link->staging, n * elem, root);
        if (rc == TG_OK && c->rank != root)
            rc = link->device->from_host(span, at, n, link->staging, err);
    }
    return comm_agree(c, rc, err);
}

enum tg_status comm_bcast_span(struct comm *c, struct tg_span span, int root, struct tg_error *err)
{
    if (c->size == 1)
        return TG_OK;
    TRY(prepare(c, &span, err));
    if (span.mem == TG_HOST) {
        comm_bcast(c, span.ptr, span.n * element_bytes(&span), root);
        return TG_OK;
    }
    if (c->link->group == NULL)
        return bcast_staged(c, &span, root, err);
    comm_watch_enter("broadcast to devices", c);
    enum tg_status rc = c->link->device->group_bcast(c->link->group, &span, root, err);

    rc = wait_group(c, rc, "broadcast to devices", err);
    comm_watch_leave();
    return rc;
}
