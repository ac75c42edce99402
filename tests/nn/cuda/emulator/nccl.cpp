/* nccl.cpp - as much of NCCL as the backend uses, between processes of this machine: a group is a piece
 * of shared memory, through which its calls pass in turn. As with the real one a group that is not to
 * block is joined behind the caller's back, and failures show when asked for.
 *
 * TENGEN_EMULATE_NCCL=error: rank 1 fails in its first sum; =hang: groups are never joined. */
#include <nccl.h>

#include "emulate.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

enum { PIECE = 1 << 16, MAX_RANKS = 8 };

struct group {
    std::atomic<int> joined, arrived, turn, failed;
    alignas(16) char data[MAX_RANKS][PIECE];
};

bool told_to(const char *what)
{
    const char *mode = getenv("TENGEN_EMULATE_NCCL");

    return mode != nullptr && strcmp(mode, what) == 0;
}

} // namespace

struct ncclComm {
    group *shared;
    int rank, size;
    std::atomic<bool> aborted;
};

namespace {

/* All ranks are here; false: one has failed. */
bool meet(ncclComm *c)
{
    int turn = c->shared->turn;

    if (++c->shared->arrived == c->size) {
        c->shared->arrived = 0;
        c->shared->turn++;
    }
    while (c->shared->turn == turn && !c->shared->failed)
        sched_yield();
    return !c->shared->failed;
}

template <typename T> void add(ncclComm *c, T *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        T sum = 0;

        for (int r = 0; r < c->size; r++)
            sum += reinterpret_cast<T *>(c->shared->data[r])[i];
        to[i] = sum;
    }
}

/* Piece by piece: everybody's to the group, then the result from it. */
void pass_through(ncclComm *c, char *data, size_t bytes, bool floats, int root)
{
    for (size_t at = 0; at < bytes && !c->aborted; at += PIECE) {
        size_t n = bytes - at < (size_t)PIECE ? bytes - at : (size_t)PIECE;

        memcpy(c->shared->data[c->rank], data + at, n);
        if (!meet(c))
            return;
        if (root >= 0)
            memcpy(data + at, c->shared->data[root], n);
        else if (floats)
            add(c, reinterpret_cast<float *>(data + at), n / sizeof(float));
        else
            add(c, reinterpret_cast<int64_t *>(data + at), n / sizeof(int64_t));
        if (!meet(c))
            return;
    }
}

} // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    static int n;

    memset(id, 0, sizeof *id);
    snprintf(id->internal, sizeof id->internal, "/tengen-emulated-%ld-%d", (long)getpid(), n++);
    return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t *c, int size, ncclUniqueId id, int rank, ncclConfig_t *config)
{
    int fd = shm_open(id.internal, O_CREAT | O_RDWR, 0600);

    *c = nullptr;
    if (config->blocking != 0 || size > MAX_RANKS || fd < 0 || ftruncate(fd, sizeof(group)) != 0)
        return ncclInvalidArgument;
    void *memory = mmap(nullptr, sizeof(group), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    close(fd);
    *c = new ncclComm{static_cast<group *>(memory), rank, size, {false}};
    if (++(*c)->shared->joined == size)
        shm_unlink(id.internal);
    return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t *state)
{
    *state = c->shared->failed                                 ? ncclRemoteError
             : c->shared->joined < c->size || told_to("hang") ? ncclInProgress
                                                               : ncclSuccess;
    return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void *from, void *to, size_t n, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t c, cudaStream_t stream)
{
    bool floats = type == ncclFloat32;

    if (from != to || op != ncclSum || (!floats && type != ncclInt64) || c->shared->joined < c->size)
        return ncclInvalidUsage;
    if (c->rank == 1 && told_to("error"))
        c->shared->failed = 1;
    emulated_enqueue(stream, [=]() { pass_through(c, static_cast<char *>(to), n * (floats ? 4 : 8), floats, -1); });
    return ncclSuccess;
}

ncclResult_t ncclBroadcast(const void *from, void *to, size_t n, ncclDataType_t type, int root, ncclComm_t c,
                           cudaStream_t stream)
{
    if (from != to || type != ncclInt8 || c->shared->joined < c->size)
        return ncclInvalidUsage;
    emulated_enqueue(stream, [=]() { pass_through(c, static_cast<char *>(to), n, false, root); });
    return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t c)
{
    static std::vector<ncclComm_t> closed; /* streams may still have work of it, which does nothing then */

    c->aborted = true;
    closed.push_back(c);
    return ncclSuccess;
}

ncclResult_t ncclGetVersion(int *version)
{
    *version = NCCL_VERSION_CODE;
    return ncclSuccess;
}
const char *ncclGetErrorString(ncclResult_t rc) { return rc == ncclRemoteError ? "another rank failed" : "an error"; }
const char *ncclGetLastError(ncclComm_t) { return ""; }

} // extern "C"
