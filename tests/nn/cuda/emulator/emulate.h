/* emulate.h - the backend's .cu files as C++ for the host: a block's threads are coroutines that meet at
 * __syncthreads, blocks run one after the other. Included by device.cuh in place of the launch syntax. */
#pragma once

#include <cuda_runtime_api.h>
#include <functional>

#undef __global__
#undef __device__
#undef __shared__
#undef __forceinline__
#undef __launch_bounds__
#define __global__
#define __device__
#define __shared__ static /* one block at a time */
#define __forceinline__ inline
#define __launch_bounds__(...)

/* Where the running thread is. */
struct emulated_place {
    dim3 thread, block, block_size, grid_size;
};
extern struct emulated_place emulated;
#define threadIdx (emulated.thread)
#define blockIdx (emulated.block)
#define blockDim (emulated.block_size)
#define gridDim (emulated.grid_size)

/* Ends the program: what a device would do is undefined. */
[[noreturn]] void emulated_fail(const char *what);
/* here: the place in the source. */
void emulated_barrier(const char *here);
#define EMULATED_TEXT_OF(x) #x
#define EMULATED_TEXT(x) EMULATED_TEXT_OF(x)
#define __syncthreads() emulated_barrier(__FILE__ ":" EMULATED_TEXT(__LINE__))

/* Memory of the block, of the size given at the launch. */
extern void *emulated_shared;
#define SHARED(type, name) type *name = static_cast<type *>(emulated_shared)

/* Run when somebody waits for the stream; while it is being captured, remember. */
void emulated_enqueue(cudaStream_t stream, std::function<void()> work);
/* These bytes are in one allocation of the device's, or the program ends with what. */
void emulated_inside(const void *p, size_t n, const char *what);
void emulated_run_grid(dim3 grid, dim3 block, size_t shared, std::function<void()> &thread);
void emulated_launch(dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
                     std::function<void()> thread);
/* Arguments are taken when the launch is made, as a real one does. */
#define LAUNCH(kernel, grid, block, shared, stream, ...)                                           \
    emulated_launch(grid, block, shared, stream, std::bind(kernel, __VA_ARGS__))
