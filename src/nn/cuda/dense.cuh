/* dense.cuh - one element of a small matrix product, for the kernels that need them. A thread sums it alone, in
 * order; so many factors at a time are on their way, for the sum waits for memory. */
#pragma once

#include "device.cuh"

enum { DENSE_AHEAD = 32 };

/* The sum of x[i] w[i * stride], i in [0, n). */
static __device__ __forceinline__ float dense_sum(const float *x, const float *w, int stride, int n)
{
    float sum = 0.0f;

    for (int from = 0; from < n; from += DENSE_AHEAD) {
        float a[DENSE_AHEAD], b[DENSE_AHEAD];

#pragma unroll
        for (int k = 0; k < DENSE_AHEAD; k++) { /* behind the end the last one again: no branch holds them up */
            int i = from + k < n ? from + k : n - 1;

            a[k] = x[i];
            b[k] = w[i * stride];
        }
#pragma unroll
        for (int k = 0; k < DENSE_AHEAD; k++)
            sum += from + k < n ? a[k] * b[k] : 0.0f;
    }
    return sum;
}

/* Element o of x [n_in] weight [n_in][n_out]. */
static __device__ __forceinline__ float dense_one(const float *x, int n_in, const float *weight, int n_out,
                                                  int o)
{
    return dense_sum(x, weight + o, n_out, n_in);
}

/* Element i of weight dy. */
static __device__ __forceinline__ float dense_back_one(const float *weight, int n_out, int i,
                                                       const float *dy)
{
    return dense_sum(dy, weight + (size_t)i * (size_t)n_out, 1, n_out);
}
