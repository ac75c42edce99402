/* nccl.c - device memory for those who know no devices: copies, and sums over ranks by NCCL. The
 * communicators do not block: the caller polls, and its watchdog can end a wait. */
#include <assert.h>
#include <nccl.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_call.h"
#include "device_ops.h"
#include "net.h"

static size_t element_bytes(const struct tg_span *span)
{
    return span->dtype == TG_I64 ? 8 : span->dtype == TG_F32 ? 4 : 2;
}

static enum tg_status bind_device(const struct tg_span *span, struct tg_error *err)
{
    const struct nn_net *net = span->owner;

    CUDA(cudaSetDevice(net->device));
    return TG_OK;
}

static enum tg_status identify(const struct tg_span *span, unsigned char uuid[TG_DEVICE_UUID],
                               struct tg_error *err)
{
    const struct nn_net *net = span->owner;
    struct cudaDeviceProp d;

    CUDA(cudaGetDeviceProperties(&d, net->device));
    memcpy(uuid, d.uuid.bytes, TG_DEVICE_UUID);
    return TG_OK;
}

static enum tg_status to_host(const struct tg_span *span, size_t at, size_t n, void *host,
                              struct tg_error *err)
{
    size_t element = element_bytes(span);

    TRY(bind_device(span, err));
    CUDA(cudaMemcpyAsync(host, (char *)span->ptr + at * element, n * element, cudaMemcpyDeviceToHost,
                         span->stream));
    CUDA(cudaStreamSynchronize(span->stream));
    return TG_OK;
}

static enum tg_status from_host(const struct tg_span *span, size_t at, size_t n, const void *host,
                                struct tg_error *err)
{
    size_t element = element_bytes(span);

    TRY(bind_device(span, err));
    CUDA(cudaMemcpyAsync((char *)span->ptr + at * element, host, n * element, cudaMemcpyHostToDevice,
                         span->stream));
    CUDA(cudaStreamSynchronize(span->stream));
    return TG_OK;
}

/* ---- groups --------------------------------------------------------------------------------------- */

struct tg_device_group {
    ncclComm_t comm;
    int device;
    cudaStream_t stream; /* of the sums */
    cudaEvent_t done;
    bool joined;
};

static enum tg_status nccl_failed(ncclComm_t comm, ncclResult_t rc, const char *what, struct tg_error *err)
{
    const char *why = comm != NULL ? ncclGetLastError(comm) : "";

    return FAIL(err, TG_EDEVICE, "NCCL: %s: %s %s", what, ncclGetErrorString(rc), why != NULL ? why : "");
}

static enum tg_status group_id(unsigned char id[TG_DEVICE_GROUP_ID], struct tg_error *err)
{
    ncclUniqueId made;
    ncclResult_t rc = ncclGetUniqueId(&made);

    static_assert(sizeof made.internal == TG_DEVICE_GROUP_ID, "an identifier fits");
    if (rc != ncclSuccess)
        return nccl_failed(NULL, rc, "an identifier for a group", err);
    memcpy(id, made.internal, TG_DEVICE_GROUP_ID);
    return TG_OK;
}

static void group_close(struct tg_device_group *g)
{
    if (g == NULL)
        return;
    cudaSetDevice(g->device);
    if (g->comm != NULL)
        ncclCommAbort(g->comm); /* frees it, whatever it is in the middle of */
    if (g->done != NULL)
        cudaEventDestroy(g->done);
    if (g->stream != NULL)
        cudaStreamDestroy(g->stream);
    free(g);
}

static enum tg_status group_start(struct tg_device_group *g, const unsigned char *id, int rank, int size,
                                  struct tg_error *err)
{
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    ncclUniqueId name;

    memcpy(name.internal, id, TG_DEVICE_GROUP_ID);
    config.blocking = 0;
    CUDA(cudaSetDevice(g->device));
    CUDA(cudaStreamCreateWithFlags(&g->stream, cudaStreamNonBlocking));
    CUDA(cudaEventCreateWithFlags(&g->done, cudaEventDisableTiming));
    ncclResult_t rc = ncclCommInitRankConfig(&g->comm, size, name, rank, &config);

    if (rc != ncclSuccess && rc != ncclInProgress)
        return nccl_failed(NULL, rc, "joining a group", err);
    return TG_OK;
}

static enum tg_status group_open(const struct tg_span *span, const unsigned char id[TG_DEVICE_GROUP_ID],
                                 int rank, int size, struct tg_device_group **group, struct tg_error *err)
{
    const struct nn_net *net = span->owner;
    struct tg_device_group *g = calloc(1, sizeof *g);
    enum tg_status rc;

    *group = NULL;
    if (g == NULL)
        return FAIL(err, TG_ENOMEM, "a group of devices");
    g->device = net->device;
    TRY_OUT(group_start(g, id, rank, size, err));
    *group = g;
    return TG_OK;
out:
    group_close(g);
    return rc;
}

static enum tg_status group_poll(struct tg_device_group *g, bool *done, struct tg_error *err)
{
    ncclResult_t state = ncclSuccess;
    ncclResult_t rc = ncclCommGetAsyncError(g->comm, &state);

    *done = false;
    if (rc != ncclSuccess)
        return nccl_failed(g->comm, rc, "asking for errors", err);
    if (state == ncclInProgress)
        return TG_OK;
    if (state != ncclSuccess)
        return nccl_failed(g->comm, state, g->joined ? "between ranks" : "joining a group", err);
    if (g->joined) {
        cudaError_t asked = cudaEventQuery(g->done);

        if (asked == cudaErrorNotReady)
            return TG_OK;
        CUDA(asked);
    }
    g->joined = true;
    *done = true;
    return TG_OK;
}

/* Wait until the library has taken the call: it does so within microseconds once a group is joined. */
static enum tg_status taken(struct tg_device_group *g, ncclResult_t rc, struct tg_error *err)
{
    while (rc == ncclInProgress) {
        ncclResult_t asked = ncclCommGetAsyncError(g->comm, &rc);

        if (asked != ncclSuccess)
            return nccl_failed(g->comm, asked, "asking for errors", err);
    }
    return rc == ncclSuccess ? TG_OK : nccl_failed(g->comm, rc, "between ranks", err);
}

static enum tg_status sum_piece(struct tg_device_group *g, const struct tg_span *span, int64_t from,
                                int64_t to, struct tg_error *err)
{
    char *at = (char *)span->ptr + (size_t)from * element_bytes(span);
    ncclDataType_t type = span->dtype == TG_I64 ? ncclInt64 : ncclFloat32;

    return taken(g, ncclAllReduce(at, at, (size_t)(to - from), type, ncclSum, g->comm, g->stream), err);
}

/* The group's stream goes on behind what the span's stream has. */
static enum tg_status follow(struct tg_device_group *g, const struct tg_span *span, struct tg_error *err)
{
    CUDA(cudaEventRecord(g->done, span->stream));
    CUDA(cudaStreamWaitEvent(g->stream, g->done, 0));
    return TG_OK;
}

/* And the span's behind what the group's has. */
static enum tg_status lead(struct tg_device_group *g, const struct tg_span *span, struct tg_error *err)
{
    CUDA(cudaEventRecord(g->done, g->stream));
    CUDA(cudaStreamWaitEvent(span->stream, g->done, 0));
    return TG_OK;
}

/* Gradients go piece by piece, each as soon as the backward pass has completed it. */
static enum tg_status group_sum(struct tg_device_group *g, const struct tg_span *span, struct tg_error *err)
{
    const struct nn_net *net = span->owner;
    int n = span->ptr == net->span.ptr ? net->n_buckets : 0;

    if (span->dtype != TG_F32 && span->dtype != TG_I64)
        return FAIL(err, TG_EINVAL, "sum over ranks: only 32-bit floats and 64-bit integers");
    TRY(bind_device(span, err));
    if (n == 0) {
        TRY(follow(g, span, err));
        TRY(sum_piece(g, span, 0, (int64_t)span->n, err));
    }
    for (int i = 0; i < n; i++) {
        const struct grad_bucket *b = &net->buckets[i];

        CUDA(cudaStreamWaitEvent(g->stream, net->bucket_done[i], 0));
        TRY(sum_piece(g, span, b->from, b->to, err));
    }
    return lead(g, span, err);
}

static enum tg_status group_bcast(struct tg_device_group *g, const struct tg_span *span, int root,
                                  struct tg_error *err)
{
    TRY(bind_device(span, err));
    TRY(follow(g, span, err));
    TRY(taken(g, ncclBroadcast(span->ptr, span->ptr, span->n * element_bytes(span), ncclInt8, root, g->comm,
                               g->stream), err));
    return lead(g, span, err);
}

const struct tg_device tg_device_cuda = {
    .name = "NCCL",
    .identify = identify,
    .to_host = to_host,
    .from_host = from_host,
    .group_id = group_id,
    .group_open = group_open,
    .group_poll = group_poll,
    .group_sum = group_sum,
    .group_bcast = group_bcast,
    .group_close = group_close,
};
