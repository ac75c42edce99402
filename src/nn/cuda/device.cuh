/* device.cuh - what kernels share: eight channels at a time in three precisions, sums over a block.
 * LAUNCH and SHARED stand for the language's own launch and dynamic shared memory, which the tests'
 * emulator replaces. */
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "precision.h"
#include "kernels.h"

#ifdef TG_EMULATE
#include "emulate.h"
#else
#define LAUNCH(kernel, grid, block, shared, stream, ...)                                           \
    kernel<<<(grid), (block), (shared), (stream)>>>(__VA_ARGS__)
#define SHARED(type, name) extern __shared__ __align__(16) type name[]
#endif

/* Call a launcher for the type of a precision: BY_PRECISION(precision, launch<T>(..)). */
#define BY_PRECISION(precision, statement)                                                         \
    do {                                                                                           \
        if ((precision) == PRECISION_BF16) {                                                       \
            typedef __nv_bfloat16 T;                                                               \
            statement;                                                                             \
        } else if ((precision) == PRECISION_F16) {                                                 \
            typedef __half T;                                                                      \
            statement;                                                                             \
        } else {                                                                                   \
            typedef float T;                                                                       \
            statement;                                                                             \
        }                                                                                          \
    } while (0)

static __device__ __forceinline__ float to_float(float x) { return x; }
static __device__ __forceinline__ float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
static __device__ __forceinline__ float to_float(__half x) { return __half2float(x); }
static __device__ __forceinline__ void from_float(float x, float *to) { *to = x; }
static __device__ __forceinline__ void from_float(float x, __nv_bfloat16 *to)
{
    *to = __float2bfloat16_rn(x);
}
static __device__ __forceinline__ void from_float(float x, __half *to) { *to = __float2half_rn(x); }

/* Eight neighbours, as one or two accesses of 16 bytes. */
template <typename T> struct __align__(16) eight {
    T at[8];
};

/* As they lie in memory: several may be on their way before the first is looked at. */
template <typename T> static __device__ __forceinline__ eight<T> fetch8(const void *base, size_t i)
{
    return *reinterpret_cast<const eight<T> *>(static_cast<const T *>(base) + i);
}

template <typename T> static __device__ __forceinline__ void to_floats(const eight<T> &v, float x[8])
{
#pragma unroll
    for (int k = 0; k < 8; k++)
        x[k] = to_float(v.at[k]);
}

template <typename T> static __device__ __forceinline__ void load8(const void *base, size_t i, float x[8])
{
    to_floats(fetch8<T>(base, i), x);
}

template <typename T> static __device__ __forceinline__ void store8(void *base, size_t i, const float x[8])
{
    eight<T> v;

#pragma unroll
    for (int k = 0; k < 8; k++)
        from_float(x[k], &v.at[k]);
    *reinterpret_cast<eight<T> *>(static_cast<T *>(base) + i) = v;
}

/* The norm's input before the activation: z := scale * x + bias, channels c .. c + 7. */
struct norm8 {
    float scale[8], bias[8];
};
static __device__ __forceinline__ struct norm8 norm_load(const struct norm_ref &n, int c)
{
    struct norm8 v;

    load8<float>(n.scale, (size_t)c, v.scale);
    load8<float>(n.bias, (size_t)c, v.bias);
    return v;
}

static __device__ __forceinline__ float block_sum(float x, float *scratch)
{
    __syncthreads(); /* scratch may still be read */
    scratch[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            scratch[threadIdx.x] += scratch[threadIdx.x + half];
        __syncthreads();
    }
    return scratch[0];
}

/* The largest x and the lowest index that has it; blockDim is a power of 2, scratch has 2 of it. */
static __device__ __forceinline__ float block_max(float x, int index, float *scratch, int *best)
{
    float *value = scratch, *at = scratch + blockDim.x;

    __syncthreads();
    value[threadIdx.x] = x;
    at[threadIdx.x] = (float)index;
    __syncthreads();
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            float other = value[threadIdx.x + half], place = at[threadIdx.x + half];

            if (other > value[threadIdx.x] ||
                (other == value[threadIdx.x] && place < at[threadIdx.x])) {
                value[threadIdx.x] = other;
                at[threadIdx.x] = place;
            }
        }
        __syncthreads();
    }
    *best = (int)at[0];
    return value[0];
}
