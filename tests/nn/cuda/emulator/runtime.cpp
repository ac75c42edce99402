/* runtime.cpp - as much of the CUDA runtime as the backend uses, on the host, and as unkind as it may be:
 * memory starts as NaN; a stream does its work as late as it can, when somebody waits for it, so that a
 * missing wait and pinned memory that is used again too soon show; what a capture forbids fails. */
#include "emulate.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <unistd.h>
#include <vector>

/* ---- streams, graphs, events ---------------------------------------------------------------------- */

typedef std::function<void()> work;

struct CUstream_st {
    bool capturing, invalid;
    std::vector<work> captured;
    std::deque<work> queue;
    long n_queued, n_done;
};
struct CUgraph_st {
    std::vector<work> captured;
};
struct CUgraphExec_st {
    std::vector<work> captured;
};

namespace {

/* A place in a stream. */
struct mark {
    CUstream_st *stream;
    long n;
    long at; /* launches so far, once it is reached */
};

std::recursive_mutex device; /* does one thing at a time */
std::vector<std::unique_ptr<CUstream_st>> streams; /* never taken away: marks point at them */
thread_local CUstream_st *capturing;               /* by this thread */
long n_launches;                                   /* stands for the time that passes */

void run_until(CUstream_st *s, long n)
{
    while (s->n_done < n) {
        work next = s->queue.front();

        s->queue.pop_front();
        next();
        s->n_done++;
    }
}

void run_all(void)
{
    for (auto &s : streams)
        run_until(s.get(), s->n_queued);
}

void put(CUstream_st *s, work w)
{
    s->queue.push_back(w);
    s->n_queued++;
}

/* Of calls that a capture forbids to its thread: it is lost then. */
bool forbidden(void)
{
    if (capturing != nullptr)
        capturing->invalid = true;
    return capturing != nullptr;
}

bool captures(void) { return getenv("TENGEN_EMULATE_NO_GRAPHS") == nullptr; }

} // namespace

struct CUevent_st {
    std::shared_ptr<mark> last; /* NULL: never recorded */
};

#define ONE_AT_A_TIME std::lock_guard<std::recursive_mutex> lock(device)

void emulated_enqueue(cudaStream_t stream, work w)
{
    ONE_AT_A_TIME;

    if (stream == nullptr)
        emulated_fail("work for the legacy stream");
    if (stream->capturing)
        stream->captured.push_back(w);
    else
        put(stream, w);
}

void emulated_launch(dim3 grid, dim3 block, size_t shared, cudaStream_t stream, work thread)
{
    if (grid.x == 0 || grid.y == 0 || grid.y > 65535 || block.x > 1024 || shared > 48 << 10)
        emulated_fail("a launch that no device takes");
    emulated_enqueue(stream, [=]() mutable {
        n_launches++;
        emulated_run_grid(grid, block, shared, thread);
    });
}

void emulated_tick(void) { n_launches++; }

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    ONE_AT_A_TIME;

    streams.emplace_back(new CUstream_st());
    *s = streams.back().get();
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    ONE_AT_A_TIME;

    run_until(s, s->n_queued);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    run_until(s, s->n_queued);
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    ONE_AT_A_TIME;
    std::shared_ptr<mark> m = e->last;

    if (s->capturing) {
        s->invalid = true;
        return cudaErrorStreamCaptureIsolation; /* of an event outside */
    }
    if (m != nullptr)
        put(s, [=]() { run_until(m->stream, m->n); });
    return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
    ONE_AT_A_TIME;

    if (!captures() || s->capturing)
        return cudaErrorStreamCaptureUnsupported;
    s->capturing = true;
    s->invalid = false;
    s->captured.clear();
    capturing = s;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    ONE_AT_A_TIME;

    *graph = nullptr;
    if (!s->capturing)
        return cudaErrorIllegalState;
    s->capturing = false;
    capturing = nullptr;
    if (s->invalid)
        return cudaErrorStreamCaptureInvalidated;
    *graph = new CUgraph_st{s->captured};
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    *exec = new CUgraphExec_st{graph->captured};
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    delete exec;
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s)
{
    ONE_AT_A_TIME;

    for (work &w : exec->captured)
        put(s, w);
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    *e = new CUevent_st();
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *e) { return cudaEventCreateWithFlags(e, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    delete e;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    ONE_AT_A_TIME;

    if (s->capturing) { /* it would be the graph's own, of no use outside */
        s->invalid = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    auto m = std::make_shared<mark>(mark{s, s->n_queued + 1, 0});

    put(s, [=]() { m->at = n_launches; });
    e->last = m;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    if (e->last != nullptr)
        run_until(e->last->stream, e->last->n);
    return cudaSuccess;
}
/* Who asks finds the work under way, and done the next time. */
cudaError_t cudaEventQuery(cudaEvent_t e)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    if (e->last == nullptr || e->last->stream->n_done >= e->last->n)
        return cudaSuccess;
    run_until(e->last->stream, e->last->n);
    return cudaErrorNotReady;
}
/* A launch takes a millisecond, whatever it does. */
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    *ms = (float)(to->last->at - from->last->at);
    return cudaSuccess;
}

} // extern "C"

/* ---- memory --------------------------------------------------------------------------------------- */

namespace {

struct piece {
    size_t n;
    bool host;
};
std::map<uintptr_t, piece> pieces;

/* The allocation that these bytes are in; NULL: none. */
const piece *piece_of(const void *p, size_t n)
{
    uintptr_t at = reinterpret_cast<uintptr_t>(p);
    auto next = pieces.upper_bound(at);

    if (next == pieces.begin())
        return nullptr;
    --next;
    return at < next->first + next->second.n && n <= next->first + next->second.n - at ? &next->second : nullptr;
}

cudaError_t allocate(void **p, size_t n, bool host)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    *p = aligned_alloc(256, (n + 256) / 256 * 256);
    if (*p == nullptr)
        return cudaErrorMemoryAllocation;
    memset(*p, 0xFF, n < ((size_t)4 << 20) ? n : (size_t)4 << 20);
    pieces[reinterpret_cast<uintptr_t>(*p)] = piece{n, host};
    return cudaSuccess;
}

/* Waits for the whole device, as the real one may. */
cudaError_t release(void *p)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    if (p == nullptr)
        return cudaSuccess;
    run_all();
    if (pieces.erase(reinterpret_cast<uintptr_t>(p)) == 0)
        return cudaErrorInvalidValue;
    free(p);
    return cudaSuccess;
}

} // namespace

void emulated_inside(const void *p, size_t n, const char *what)
{
    ONE_AT_A_TIME;
    const piece *of = piece_of(p, n);

    if (of == nullptr || of->host)
        emulated_fail(what);
}

extern "C" {

cudaError_t cudaMalloc(void **p, size_t n) { return allocate(p, n, false); }
cudaError_t cudaFree(void *p) { return release(p); }
cudaError_t cudaHostAlloc(void **p, size_t n, unsigned) { return allocate(p, n, true); }
cudaError_t cudaFreeHost(void *p) { return release(p); }

/* Pinned memory is met when the copy's turn comes. Other host memory is free again when this returns. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind, cudaStream_t s)
{
    ONE_AT_A_TIME;
    bool in = kind == cudaMemcpyHostToDevice;
    const piece *host = piece_of(in ? from : to, n);

    if (n == 0)
        return cudaSuccess;
    emulated_inside(in ? to : from, n, "a copy that is not within the device's memory");
    if (host == nullptr && s->capturing) {
        s->invalid = true;
        return cudaErrorStreamCaptureUnsupported;
    }
    if (host == nullptr && in) {
        auto copy = std::make_shared<std::vector<char>>(static_cast<const char *>(from),
                                                        static_cast<const char *>(from) + n);

        emulated_enqueue(s, [=]() { memcpy(to, copy->data(), n); });
        return cudaSuccess;
    }
    emulated_enqueue(s, [=]() { memcpy(to, from, n); });
    return host == nullptr ? cudaStreamSynchronize(s) : cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *to, int value, size_t n, cudaStream_t s)
{
    emulated_inside(to, n, "a memset that is not within the device's memory");
    emulated_enqueue(s, [=]() { memset(to, value, n); });
    return cudaSuccess;
}

/* ---- device --------------------------------------------------------------------------------------- */

cudaError_t cudaGetDeviceCount(int *n)
{
    *n = 1;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int)
{
    long device = getenv("TENGEN_EMULATE_SHARED") == nullptr ? (long)getpid() : 1; /* one per process */

    memset(p, 0, sizeof *p);
    strcpy(p->name, "emulated");
    p->major = 9;
    memcpy(p->uuid.bytes, &device, sizeof device);
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char *bus, int n, int)
{
    snprintf(bus, (size_t)n, "FFFF:00:00.0"); /* of no machine */
    return cudaSuccess;
}
cudaError_t cudaGetLastError(void) { return cudaSuccess; }
const char *cudaGetErrorString(cudaError_t e) { return e == cudaSuccess ? "no error" : "an error"; }

} // extern "C"
