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

/* One entry of a record, in the order in which they were made: work of a stream; a mark set there; a wait for
 * one. Stream 0 is the one that is captured, the others have joined it by waiting for its marks. */
struct entry {
    enum { WORK, MARK, WAIT } kind;
    size_t stream, mark;
    work todo;
};

struct capture {
    std::vector<CUstream_st *> streams;
    std::vector<entry> entries;
    size_t n_marks;
    bool invalid;
};

struct CUstream_st {
    std::shared_ptr<capture> captured; /* NULL: it works */
    std::deque<work> queue;
    long n_queued, n_done;
};
struct CUgraph_st {
    std::vector<entry> entries;
    size_t n_streams, n_marks;
};
struct CUgraphExec_st {
    CUgraph_st graph;
    std::vector<CUstream_st *> streams; /* beside the one that it is launched in */
};

namespace {

/* A place in a stream. */
struct mark {
    CUstream_st *stream;
    long n;
    long called; /* what the host's calls had taken when it was asked for */
    long at;     /* launches so far, once it is reached */
};

std::recursive_mutex device; /* does one thing at a time */
std::vector<std::unique_ptr<CUstream_st>> streams; /* never taken away: marks point at them */
thread_local std::shared_ptr<capture> capturing;   /* by this thread */
long n_launches, n_called;                         /* stand for the time that passes, on the device and the host */

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

CUstream_st *new_stream(void)
{
    streams.emplace_back(new CUstream_st());
    return streams.back().get();
}

std::shared_ptr<mark> put_mark(CUstream_st *s)
{
    auto m = std::make_shared<mark>(mark{s, s->n_queued + 1, n_called, 0});

    put(s, [=]() { m->at = n_launches; });
    return m;
}

void put_wait(CUstream_st *s, std::shared_ptr<mark> m)
{
    put(s, [=]() { run_until(m->stream, m->n); });
}

size_t number_of(const capture &c, const CUstream_st *s)
{
    size_t i = 0;

    while (c.streams[i] != s)
        i++;
    return i;
}

/* All that others did is waited for by the first stream. */
bool whole(const capture &c)
{
    std::vector<bool> behind(c.streams.size(), true);
    std::vector<size_t> set_at(c.n_marks);

    for (size_t i = 0; i < c.entries.size(); i++) {
        const entry &e = c.entries[i];

        if (e.kind == entry::MARK)
            set_at[e.mark] = i;
        if (e.kind == entry::WORK)
            behind[e.stream] = e.stream == 0;
        if (e.kind != entry::WAIT || e.stream != 0)
            continue;
        size_t of = c.entries[set_at[e.mark]].stream, last = 0;

        for (size_t k = 0; k < i; k++)
            last = c.entries[k].kind == entry::WORK && c.entries[k].stream == of ? k : last;
        behind[of] = behind[of] || last < set_at[e.mark];
    }
    for (bool is : behind)
        if (!is)
            return false;
    return true;
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
    std::shared_ptr<capture> of; /* it was recorded there, as this mark */
    size_t mark_of;
};

#define ONE_AT_A_TIME std::lock_guard<std::recursive_mutex> lock(device)

void emulated_enqueue(cudaStream_t stream, work w)
{
    ONE_AT_A_TIME;

    if (stream == nullptr)
        emulated_fail("work for the legacy stream");
    if (stream->captured != nullptr)
        stream->captured->entries.push_back({entry::WORK, number_of(*stream->captured, stream), 0, w});
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

/* Of the device; of a call. */
void emulated_tick(void) { n_launches++; }
void emulated_call(void)
{
    ONE_AT_A_TIME;

    n_called++;
}

bool emulated_is_capturing(cudaStream_t stream);
bool emulated_is_capturing(cudaStream_t stream) { return stream->captured != nullptr; }

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    ONE_AT_A_TIME;

    *s = new_stream();
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int)
{
    return cudaStreamCreateWithFlags(s, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *most)
{
    *least = 0;
    *most = -5;
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
/* In a capture: what waits for a mark of its streams joins it. */
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    ONE_AT_A_TIME;

    if (e->of != nullptr && e->of == capturing && s->captured == nullptr) {
        s->captured = e->of;
        e->of->streams.push_back(s);
    }
    if (s->captured != nullptr && s->captured != e->of) {
        s->captured->invalid = true;
        return cudaErrorStreamCaptureIsolation; /* of an event outside */
    }
    if (s->captured != nullptr)
        e->of->entries.push_back({entry::WAIT, number_of(*e->of, s), e->mark_of, nullptr});
    else if (e->of != nullptr)
        return cudaErrorCapturedEvent;
    else if (e->last != nullptr)
        put_wait(s, e->last);
    return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
    ONE_AT_A_TIME;

    if (!captures() || s->captured != nullptr || capturing != nullptr)
        return cudaErrorStreamCaptureUnsupported;
    capturing = s->captured = std::make_shared<capture>();
    capturing->streams.push_back(s);
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    ONE_AT_A_TIME;
    std::shared_ptr<capture> c = s->captured;

    *graph = nullptr;
    if (c == nullptr || c->streams[0] != s)
        return cudaErrorIllegalState;
    for (CUstream_st *one : c->streams)
        one->captured = nullptr;
    capturing = nullptr;
    if (c->invalid)
        return cudaErrorStreamCaptureInvalidated;
    if (!whole(*c))
        return cudaErrorStreamCaptureUnjoined;
    *graph = new CUgraph_st{c->entries, c->streams.size(), c->n_marks};
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    ONE_AT_A_TIME;

    *exec = new CUgraphExec_st{*graph, {}};
    for (size_t i = 1; i < graph->n_streams; i++)
        (*exec)->streams.push_back(new_stream());
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
    std::vector<std::shared_ptr<mark>> marks(exec->graph.n_marks);

    for (const entry &e : exec->graph.entries) {
        CUstream_st *to = e.stream == 0 ? s : exec->streams[e.stream - 1];

        if (e.kind == entry::WORK)
            put(to, e.todo);
        else if (e.kind == entry::MARK)
            marks[e.mark] = put_mark(to);
        else
            put_wait(to, marks[e.mark]);
    }
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

    e->of = s->captured;
    e->last = nullptr;
    if (s->captured != nullptr) {
        e->mark_of = s->captured->n_marks++;
        s->captured->entries.push_back({entry::MARK, number_of(*s->captured, s), e->mark_of, nullptr});
    } else {
        e->last = put_mark(s);
    }
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    ONE_AT_A_TIME;

    if (forbidden())
        return cudaErrorStreamCaptureUnsupported;
    if (e->of != nullptr)
        return cudaErrorCapturedEvent;
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
    if (e->of != nullptr)
        return cudaErrorCapturedEvent;
    if (e->last == nullptr || e->last->stream->n_done >= e->last->n)
        return cudaSuccess;
    run_until(e->last->stream, e->last->n);
    return cudaErrorNotReady;
}
/* A launch takes a millisecond, whatever it does. */
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    *ms = (float)(to->last->at - from->last->at + to->last->called - from->last->called);
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
    if (host == nullptr && s->captured != nullptr) {
        s->captured->invalid = true;
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
