/* pool.cuh - one row's pooling and one element of a row's matrix product, for the kernels that need
 * them. */
#pragma once

#include "device.cuh"

/* All threads of the block (ROW_THREADS) call it; what it writes may be read after a barrier. */
template <typename T>
static __device__ void pool_row(const struct boards &b, const struct pool_args &a, int row)
{
    enum { WIDTH = 8 };
    __shared__ float sums[8 * ROW_THREADS], maxima[8 * ROW_THREADS];
    __shared__ int16_t places[8 * ROW_THREADS];
    const T *mask = static_cast<const T *>(b.mask) + (size_t)row * (size_t)b.points;
    float area = b.area[row], linear, square;
    int id = (int)threadIdx.x;

    element_pool_factors(area, &linear, &square);
    for (int c0 = 0; c0 < a.channels / 8; c0 += WIDTH) {
        int width = a.channels / 8 - c0 < WIDTH ? a.channels / 8 - c0 : WIDTH;
        int lane = id % width, line = id / width, lines = ROW_THREADS / width, c = (c0 + lane) * 8;
        float sum[8] = {0}, max[8];
        int top[8] = {0};

#pragma unroll
        for (int k = 0; k < 8; k++)
            max[k] = -INFINITY;
        if (line < lines) {
            struct norm8 n = norm_load(a.norm, c);

            for (int q = line; q < b.points; q += lines)
                if (to_float(mask[q]) != 0.0f) {
                    float x[8];

                    load8<T>(a.x, ((size_t)row * (size_t)b.points + (size_t)q) * (size_t)a.x_stride +
                                      (size_t)c, x);
#pragma unroll
                    for (int k = 0; k < 8; k++) {
                        float u = element_act(a.act, n.scale[k] * x[k] + n.bias[k]);

                        sum[k] += u;
                        top[k] = u > max[k] ? q : top[k];
                        max[k] = u > max[k] ? u : max[k];
                    }
                }
        }
        __syncthreads(); /* of the round before */
#pragma unroll
        for (int k = 0; k < 8; k++) {
            sums[k * ROW_THREADS + id] = sum[k];
            maxima[k * ROW_THREADS + id] = max[k];
            places[k * ROW_THREADS + id] = (int16_t)top[k];
        }
        __syncthreads();
        for (int i = id; i < width * 8; i += ROW_THREADS) {
            int k = i % 8, from = i / 8, to = c0 * 8 + i;
            float total = 0.0f, most = -INFINITY;
            int place = 0;

            for (int l = 0; l < lines; l++) {
                int at = k * ROW_THREADS + l * width + from;

                total += sums[at];
                if (maxima[at] > most || (maxima[at] == most && places[at] < place)) {
                    most = maxima[at];
                    place = places[at];
                }
            }
            if (to < a.n) {
                float *out = a.pooled + (size_t)row * 3 * (size_t)a.n + (size_t)to;
                float mean = total / area;

                out[0] = mean;
                out[a.n] = mean * linear;
                out[2 * a.n] = a.square ? mean * square : most > -INFINITY ? most : 0.0f;
                if (a.top != NULL)
                    a.top[(size_t)row * (size_t)a.n + (size_t)to] = (int16_t)place;
            }
        }
    }
}

/* Element o of x [n_in] weight [n_in][n_out]. */
static __device__ __forceinline__ float dense_one(const float *x, int n_in, const float *weight, int n_out,
                                                  int o)
{
    float sum = 0.0f;

#pragma unroll 8
    for (int i = 0; i < n_in; i++)
        sum += x[i] * weight[(size_t)i * (size_t)n_out + (size_t)o];
    return sum;
}

/* Element i of weight dy. */
static __device__ __forceinline__ float dense_back_one(const float *weight, int n_out, int i,
                                                       const float *dy)
{
    const float *w = weight + (size_t)i * (size_t)n_out;
    float sum = 0.0f;

#pragma unroll 8
    for (int o = 0; o < n_out; o++)
        sum += w[o] * dy[o];
    return sum;
}
