/* kernels.cpp - kernels on the host: a block's threads are coroutines. */
#include "emulate.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
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

std::vector<coroutine> threads(MAX_THREADS);
fiber scheduler;
unsigned running;
std::function<void()> *thread_body;
const char *meeting; /* the barrier where a thread of this round waits; NULL: none yet */
unsigned n_waiting;

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
    while (left > 0) { /* from barrier to barrier */
        unsigned before = left;

        meeting = nullptr;
        n_waiting = 0;
        for (unsigned t = 0; t < n; t++)
            if (!threads[t].done) {
                running = t;
                emulated.thread = dim3(t, 0, 0);
                fiber_switch(&scheduler, &threads[t].state);
                left -= threads[t].done;
            }
        if (n_waiting > 0 && n_waiting < before)
            emulated_fail("threads of a block end while others wait at a barrier");
    }
}

} // namespace

void emulated_fail(const char *what)
{
    fprintf(stderr, "emulated device: %s (block %u,%u)\n", what, emulated.block.x, emulated.block.y);
    abort();
}

/* All threads of a block meet at the same one, none has left. */
void emulated_barrier(const char *here)
{
    if (meeting != nullptr && meeting != here && strcmp(meeting, here) != 0)
        emulated_fail("threads of a block wait at different barriers");
    meeting = here;
    n_waiting++;
    fiber_switch(&threads[running].state, &scheduler);
}

void emulated_run_grid(dim3 grid, dim3 block, size_t shared, std::function<void()> &thread)
{
    std::vector<unsigned char> memory(shared + 16, 0xFF);

    emulated_shared = memory.data();
    emulated.block_size = block;
    emulated.grid_size = grid;
    thread_body = &thread;
    for (unsigned y = 0; y < grid.y; y++)
        for (unsigned x = 0; x < grid.x; x++) {
            emulated.block = dim3(x, y, 0);
            run_block(block.x);
        }
}
