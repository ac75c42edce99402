/* pool.cuh - one row's pooling, for the kernels that need it. */
#pragma once

#include "device.cuh"

enum { POOL_WIDTH = 8 }; /* threads side by side, eight channels each */

/* What threads have found, by channel of the eight and thread. */
struct pool_found {
    float sum[8][ROW_THREADS], max[8][ROW_THREADS];
    int16_t place[8][ROW_THREADS];
};

/* Points line, line + lines, .. of channels c .. c + 7. All of it is on its way before the first is looked at:
 * points off the board too. */
template <typename T>
static __device__ __forceinline__ void pool_line(const struct boards &b, const struct pool_args &a, int row, int c,
                                                 int line, int lines, struct pool_found *found)
{
    const T *mask = static_cast<const T *>(b.mask) + (size_t)row * (size_t)b.points;
    struct norm8 n = norm_load(a.norm, c);
    float sum[8] = {0}, max[8];
    int top[8] = {0}, id = (int)threadIdx.x;

#pragma unroll
    for (int k = 0; k < 8; k++)
        max[k] = -INFINITY;
#pragma unroll 4
    for (int q = line; q < b.points; q += lines) {
        bool on = to_float(mask[q]) != 0.0f;
        float x[8];

        load8<T>(a.x, ((size_t)row * (size_t)b.points + (size_t)q) * (size_t)a.x_stride + (size_t)c, x);
#pragma unroll
        for (int k = 0; k < 8; k++) {
            float u = element_act(a.act, n.scale[k] * x[k] + n.bias[k]);

            sum[k] += on ? u : 0.0f;
            top[k] = on && u > max[k] ? q : top[k];
            max[k] = on && u > max[k] ? u : max[k];
        }
    }
#pragma unroll
    for (int k = 0; k < 8; k++) {
        found->sum[k][id] = sum[k];
        found->max[k][id] = max[k];
        found->place[k][id] = (int16_t)top[k];
    }
}

/* One sum, and one maximum with the first place that has it. */
struct pooled {
    float sum, max;
    int place;
};

/* Of the threads at, at + step, .. below end. */
static __device__ __forceinline__ struct pooled pool_gather(const struct pool_found *found, int k, int at, int end,
                                                            int step)
{
    struct pooled p = {0.0f, -INFINITY, 0};

    for (; at < end; at += step) {
        float max = found->max[k][at];
        int place = found->place[k][at];

        p.sum += found->sum[k][at];
        if (max > p.max || (max == p.max && place < p.place)) {
            p.max = max;
            p.place = place;
        }
    }
    return p;
}

static __device__ __forceinline__ void pool_write(const struct boards &b, const struct pool_args &a, int row, int c,
                                                  const struct pooled &p)
{
    float *out = a.pooled + (size_t)row * 3 * (size_t)a.n + (size_t)c, linear, square;
    float mean = p.sum / b.area[row];

    element_pool_factors(b.area[row], &linear, &square);
    out[0] = mean;
    out[a.n] = mean * linear;
    out[2 * a.n] = a.square ? mean * square : p.max > -INFINITY ? p.max : 0.0f;
    if (a.top != NULL)
        a.top[(size_t)row * (size_t)a.n + (size_t)c] = (int16_t)p.place;
}

/* All threads of the block (ROW_THREADS) call it; what it writes may be read after a barrier. */
template <typename T>
static __device__ void pool_row(const struct boards &b, const struct pool_args &a, int row)
{
    __shared__ struct pool_found found;
    int id = (int)threadIdx.x;

    for (int c0 = 0; c0 < a.channels / 8; c0 += POOL_WIDTH) {
        int width = a.channels / 8 - c0 < (int)POOL_WIDTH ? a.channels / 8 - c0 : (int)POOL_WIDTH;
        int lines = ROW_THREADS / width, used = lines * width;
        int parts = ROW_THREADS / (width * 8), lane = id / 8 % width, part = id / (width * 8), k = id % 8;

        __syncthreads(); /* of the round before */
        if (id < used)
            pool_line<T>(b, a, row, (c0 + id % width) * 8, id / width, lines, &found);
        __syncthreads();
        /* a channel is gathered by `parts` threads, then by one: the lines part, part + parts, .. */
        struct pooled some = {0.0f, -INFINITY, 0};
        if (part < parts)
            some = pool_gather(&found, k, lane + part * width, used, parts * width);
        __syncthreads();
        if (part < parts) {
            found.sum[k][lane + part * width] = some.sum;
            found.max[k][lane + part * width] = some.max;
            found.place[k][lane + part * width] = (int16_t)some.place;
        }
        __syncthreads();
        if (part == 0 && (c0 + lane) * 8 + k < a.n)
            pool_write(b, a, row, (c0 + lane) * 8 + k, pool_gather(&found, k, lane, parts * width, width));
    }
}
