/* runtime.cpp - as much of the CUDA runtime as the backend uses, on the host: device memory is malloc'd
 * (and starts as NaN), streams do their work at once, graphs are lists of closures. A stream that joins a
 * capture keeps its work until another waits for it: as late as it could be, so that what is written over too
 * early shows. */
#include "emulate.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

struct emulated_place emulated;
void *emulated_shared;

/* ---- kernels -------------------------------------------------------------------------------------- */

namespace {

enum { STACK_BYTES = 128 << 10, MAX_THREADS = 1024 };

/* A stack that waits to be taken up again. */
#if defined __x86_64__ && !defined __SANITIZE_ADDRESS__
struct fiber {
    void *stack_pointer;
};

/* Keep the caller's registers on its stack, and take up the other's: no system call, unlike ucontext. */
extern "C" void fiber_switch(fiber *from, const fiber *to);
__asm__(".text\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
        "mov %rsp, (%rdi)\n"
        "mov (%rsi), %rsp\n"
        "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"
        "ret\n"
        ".size fiber_switch, . - fiber_switch\n");

void fiber_start(fiber *f, char *stack, size_t n, void (*entry)(void))
{
    void **top = reinterpret_cast<void **>(stack + n - 64); /* a multiple of 16 */

    *--top = nullptr;                            /* where entry's caller would stand */
    *--top = reinterpret_cast<void *>(entry);
    for (int i = 0; i < 6; i++)
        *--top = nullptr;
    f->stack_pointer = top;
}
#else
struct fiber {
    ucontext_t context;
};

void fiber_switch(fiber *from, fiber *to) { swapcontext(&from->context, &to->context); }

void fiber_start(fiber *f, char *stack, size_t n, void (*entry)(void))
{
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = stack;
    f->context.uc_stack.ss_size = n;
    f->context.uc_link = nullptr;
    makecontext(&f->context, entry, 0);
}
#endif

struct coroutine {
    fiber state;
    std::vector<char> stack;
    bool done;
};

std::mutex one_at_a_time;
std::vector<coroutine> threads(MAX_THREADS);
fiber scheduler;
unsigned running;
std::function<void()> *thread_body;
long n_launches; /* stands for the time that passes */

void thread_main()
{
    (*thread_body)();
    threads[running].done = true;
    fiber_switch(&threads[running].state, &scheduler); /* never comes back */
}

void run_block(unsigned n)
{
    unsigned left = n;

    for (unsigned t = 0; t < n; t++) {
        coroutine &c = threads[t];

        c.stack.resize(STACK_BYTES);
        c.done = false;
        fiber_start(&c.state, c.stack.data() + 15 - (reinterpret_cast<uintptr_t>(c.stack.data()) + 15) % 16,
                    STACK_BYTES - 16, thread_main);
    }
    while (left > 0) /* from barrier to barrier */
        for (unsigned t = 0; t < n; t++)
            if (!threads[t].done) {
                running = t;
                emulated.thread = dim3(t, 0, 0);
                fiber_switch(&scheduler, &threads[t].state);
                left -= threads[t].done;
            }
}

void run_grid(dim3 grid, dim3 block, size_t shared, std::function<void()> &thread)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);
    std::vector<unsigned char> memory(shared + 16, 0xFF);

    emulated_shared = memory.data();
    emulated.block_size = block;
    emulated.grid_size = grid;
    thread_body = &thread;
    n_launches++;
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            emulated.block = dim3(x, y, 0);
            run_block(block.x);
        }
}

} // namespace

void emulated_barrier(void) { fiber_switch(&threads[running].state, &scheduler); }

/* ---- streams, graphs, events ---------------------------------------------------------------------- */

struct CUstream_st {
    bool capturing;
    std::vector<std::function<void()>> captured; /* behind the first n_taken, which the origin has taken up */
    size_t n_taken;
    CUstream_st *origin;                         /* of a capture that this stream has joined */
    std::vector<CUstream_st *> joined;
};
struct CUgraph_st {
    std::vector<std::function<void()>> work;
};
struct CUgraphExec_st {
    std::vector<std::function<void()>> work;
};
struct CUevent_st {
    long at;           /* launches so far */
    CUstream_st *side; /* recorded in a capture: behind so much of this stream's work */
    size_t upto;
};

void emulated_enqueue(cudaStream_t stream, std::function<void()> work)
{
    if (stream != nullptr && stream->capturing)
        stream->captured.push_back(work);
    else
        work();
}

void emulated_launch(dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                     std::function<void()> thread)
{
    emulated_enqueue(stream, [=]() mutable { run_grid(grid, block, shared, thread); });
}

void emulated_tick(void);
void emulated_tick(void)
{
    std::lock_guard<std::mutex> lock(one_at_a_time);

    n_launches++;
}

bool emulated_is_capturing(cudaStream_t stream);
bool emulated_is_capturing(cudaStream_t stream) { return stream != nullptr && stream->capturing; }

static bool captures(void) { return getenv("TENGEN_EMULATE_NO_GRAPHS") == nullptr; }

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned)
{
    *s = new CUstream_st();
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
    delete s;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    return s != nullptr && s->capturing ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}
/* In a capture: what waits for its origin joins it, and the origin takes up what it waits for. */
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    if (e->side == nullptr || !e->side->capturing || e->side == s)
        return cudaSuccess;
    if (!s->capturing) {
        s->capturing = true;
        s->captured.clear();
        s->n_taken = 0;
        s->origin = e->side->origin != nullptr ? e->side->origin : e->side;
        s->origin->joined.push_back(s);
    } else if (s == e->side->origin) {
        auto from = e->side->captured.begin();
        size_t n = e->upto > e->side->n_taken ? e->upto - e->side->n_taken : 0;

        s->captured.insert(s->captured.end(), from, from + (long)n);
        e->side->captured.erase(from, from + (long)n);
        e->side->n_taken += n;
    }
    return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
    if (!captures() || s->capturing)
        return cudaErrorStreamCaptureUnsupported;
    s->capturing = true;
    s->captured.clear();
    s->n_taken = 0;
    s->origin = nullptr;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    *graph = nullptr;
    if (!s->capturing)
        return cudaErrorIllegalState;
    bool whole = s->origin == nullptr;

    s->capturing = false;
    for (CUstream_st *other : s->joined) {
        whole = whole && other->captured.empty();
        other->capturing = false;
        other->origin = nullptr;
    }
    s->joined.clear();
    if (!whole)
        return cudaErrorStreamCaptureUnjoined;
    *graph = new CUgraph_st{s->captured};
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    *exec = new CUgraphExec_st{graph->work};
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
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t)
{
    for (auto &work : exec->work)
        work();
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
    bool capturing = s != nullptr && s->capturing;

    e->at = n_launches;
    e->side = capturing ? s : nullptr;
    e->upto = capturing ? s->n_taken + s->captured.size() : 0;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventQuery(cudaEvent_t) { return cudaSuccess; }
/* A launch takes a millisecond, whatever it does. */
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    *ms = (float)(to->at - from->at);
    return cudaSuccess;
}

/* ---- memory and device ---------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **p, size_t n)
{
    *p = aligned_alloc(256, (n + 255) / 256 * 256);
    if (*p == nullptr)
        return cudaErrorMemoryAllocation;
    memset(*p, 0xFF, n < ((size_t)4 << 20) ? n : (size_t)4 << 20);
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    free(p);
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void **p, size_t n, unsigned) { return cudaMalloc(p, n); }
cudaError_t cudaFreeHost(void *p) { return cudaFree(p); }
cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind)
{
    memcpy(to, from, n);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind, cudaStream_t s)
{
    emulated_enqueue(s, [=]() { memcpy(to, from, n); });
    return cudaSuccess;
}
cudaError_t cudaMemset(void *to, int value, size_t n)
{
    memset(to, value, n);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *to, int value, size_t n, cudaStream_t s)
{
    emulated_enqueue(s, [=]() { memset(to, value, n); });
    return cudaSuccess;
}
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
