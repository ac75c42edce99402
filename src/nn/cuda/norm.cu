/* norm.cu - norm, activation and mask, there and back; sums over points. */
#include "device.cuh"

/* A thread for eight channels of a point. */
template <typename T> static __global__ void norm_forward_kernel(struct norm_forward_args a)
{
    unsigned groups = (unsigned)a.channels / 8, i = blockIdx.x * blockDim.x + threadIdx.x;

    if (i >= (unsigned)a.b.rows * (unsigned)a.b.points * groups)
        return;
    size_t point = i / groups, c = i % groups * 8;
    float x[8], more[8];

    load8<T>(a.in, point * (size_t)a.in_stride + c, x);
    if (a.row_bias != NULL) {
        load8<float>(a.row_bias, point / (size_t)a.b.points * (size_t)a.row_bias_stride + c, more);
#pragma unroll
        for (int k = 0; k < 8; k++)
            x[k] += more[k];
    }
    if (a.add != NULL) {
        load8<T>(a.add, point * (size_t)a.channels + c, more);
#pragma unroll
        for (int k = 0; k < 8; k++)
            x[k] += more[k];
    }
    if (a.raw != NULL)
        store8<T>(a.raw, point * (size_t)a.raw_stride + c, x);
    if (a.out == NULL)
        return;
    struct norm8 n = norm_load(a.norm, (int)c);
    float mask = to_float(static_cast<const T *>(a.b.mask)[point]);

#pragma unroll
    for (int k = 0; k < 8; k++)
        x[k] = element_act(a.act, n.scale[k] * x[k] + n.bias[k]) * mask;
    store8<T>(a.out, point * (size_t)a.channels + c, x);
}

template <typename T> static void norm_forward(const struct norm_forward_args *a, cudaStream_t stream)
{
    unsigned n = (unsigned)a->b.rows * (unsigned)a->b.points * (unsigned)(a->channels / 8);

    LAUNCH(norm_forward_kernel<T>, (n + ROW_THREADS - 1) / ROW_THREADS, ROW_THREADS, 0, stream, *a);
}

void launch_norm_forward(int precision, const struct norm_forward_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, norm_forward<T>(a, stream));
}

/* ---- back --------------------------------------------------------------------------------------- */

/* Threads of a block stand in lines of `width` (eight channels each); blockIdx.y counts the groups of
 * `most` when a tensor has more channels. A row's block takes fewer of them: 64 rows are to fill a device. */
enum { MAX_WIDTH = 32, ROW_WIDTH = 8, ROUND = 16 };

struct place {
    int width, lane, line, lines, first, c; /* first channel of the group and of the thread */
    bool live;                              /* threads left over have no line */
};

static __device__ __forceinline__ struct place place_of(int channels, int most)
{
    struct place p;
    int left = channels / 8 - (int)blockIdx.y * most;

    p.width = left < most ? left : most;
    p.lane = (int)threadIdx.x % p.width;
    p.line = (int)threadIdx.x / p.width;
    p.lines = (int)blockDim.x / p.width;
    p.first = (int)blockIdx.y * most * 8;
    p.c = p.first + p.lane * 8;
    p.live = p.line < p.lines;
    return p;
}

/* Sum two groups of eight over the block's lines: first [channels] and second [channels] get the sums
 * of these channels. All threads call it. */
static __device__ void sum_lines(const struct place &p, const float a[8], const float b[8], float *first,
                                 float *second)
{
    __shared__ float scratch[ROUND * ROW_THREADS];

    __syncthreads(); /* of the call before */
#pragma unroll
    for (int k = 0; k < 8; k++) {
        scratch[k * ROW_THREADS + (int)threadIdx.x] = p.live ? a[k] : 0.0f;
        scratch[(k + 8) * ROW_THREADS + (int)threadIdx.x] = p.live ? b[k] : 0.0f;
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < ROUND * p.width; i += (int)blockDim.x) {
        int k = i / p.width, lane = i % p.width;
        int c = p.first + lane * 8 + k % 8;
        float sum = 0.0f;

        for (int line = 0; line < p.lines; line++)
            sum += scratch[k * ROW_THREADS + line * p.width + lane];
        if (k < 8)
            first[c] = sum;
        else if (second != NULL)
            second[c] = sum;
    }
}

/* One point: x is the norm's input, du the gradient behind the mask; dx gets its share, ds and db grow. */
static __device__ __forceinline__ void point_back(int act, const struct norm8 &n, float mask,
                                                  const float x[8], const float du[8], float dx[8],
                                                  float ds[8], float db[8])
{
#pragma unroll
    for (int k = 0; k < 8; k++) {
        float g = element_slope(act, n.scale[k] * x[k] + n.bias[k]) * (du[k] * mask);

        ds[k] += g * x[k];
        db[k] += g;
        dx[k] = g * n.scale[k];
    }
}

/* What a point has in memory. */
template <typename T> struct norm_point {
    eight<T> x, du, old;
    T mask;
};

template <typename T>
static __device__ __forceinline__ norm_point<T> norm_fetch(const struct norm_backward_args &a, int c, int i)
{
    norm_point<T> v = {};

    v.x = fetch8<T>(a.x, (size_t)i * (size_t)a.x_stride + (size_t)c);
    v.du = fetch8<T>(a.du, (size_t)i * (size_t)a.channels + (size_t)c);
    if (a.accumulate)
        v.old = fetch8<T>(a.dx, (size_t)i * (size_t)a.channels + (size_t)c);
    v.mask = static_cast<const T *>(a.b.mask)[i];
    return v;
}

template <typename T>
static __device__ __forceinline__ void norm_back(const struct norm_backward_args &a, const struct norm8 &n, int c,
                                                 int i, const norm_point<T> &v, float ds[8], float db[8])
{
    float x[8], du[8], dx[8], old[8];

    to_floats(v.x, x);
    to_floats(v.du, du);
    to_floats(v.old, old);
    point_back(a.act, n, to_float(v.mask), x, du, dx, ds, db);
#pragma unroll
    for (int k = 0; k < 8; k++)
        dx[k] += old[k];
    store8<T>(a.dx, (size_t)i * (size_t)a.channels + (size_t)c, dx);
}

/* Two points at a time: enough is on its way to fill the memory's bandwidth. */
template <typename T>
static __global__ void __launch_bounds__(ROW_THREADS, 2) norm_backward_kernel(struct norm_backward_args a)
{
    struct place p = place_of(a.channels, MAX_WIDTH);
    int n_points = a.b.rows * a.b.points, step = (int)gridDim.x * p.lines;
    float ds[8] = {0}, db[8] = {0};

    if (p.live) {
        struct norm8 n = norm_load(a.norm, p.c);

        for (int i = (int)blockIdx.x * p.lines + p.line; i < n_points; i += 2 * step) {
            int j = i + step < n_points ? i + step : i;
            norm_point<T> one = norm_fetch<T>(a, p.c, i), other = norm_fetch<T>(a, p.c, j);

            norm_back(a, n, p.c, i, one, ds, db);
            if (j != i)
                norm_back(a, n, p.c, j, other, ds, db);
        }
    }
    float *tile = a.partial + (size_t)blockIdx.x * 2 * (size_t)a.channels;

    sum_lines(p, ds, db, tile, tile + a.channels);
}

static int lines_of(int channels)
{
    int width = channels / 8 < MAX_WIDTH ? channels / 8 : MAX_WIDTH;

    return ROW_THREADS / width;
}

int norm_backward_tiles(int rows, int points, int channels)
{
    int lines = lines_of(channels), n = (rows * points + lines - 1) / lines;

    return n < MAX_TILES ? n : MAX_TILES;
}

static dim3 tiles_by_groups(int tiles, int channels, int most)
{
    return dim3((unsigned)tiles, (unsigned)((channels / 8 + most - 1) / most));
}

template <typename T> static void norm_backward(const struct norm_backward_args *a, cudaStream_t stream)
{
    int tiles = norm_backward_tiles(a->b.rows, a->b.points, a->channels);

    LAUNCH(norm_backward_kernel<T>, tiles_by_groups(tiles, a->channels, MAX_WIDTH), ROW_THREADS, 0, stream, *a);
}

void launch_norm_backward(int precision, const struct norm_backward_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, norm_backward<T>(a, stream));
}

/* ---- back, row by row --------------------------------------------------------------------------- */

/* The gradient at every point of the row that comes through the pooled means, and at the point of the
 * maximum: eight channels. */
struct pooled_back {
    float each[8], max[8];
    int top[8];
};

static __device__ __forceinline__ struct pooled_back pooled_back_of(const struct row_backward_args &a,
                                                                    int row, int c)
{
    struct pooled_back p;
    const float *d = a.d_pooled + (size_t)row * 3 * (size_t)a.n;
    float linear, square;

    element_pool_factors(a.b.area[row], &linear, &square);
#pragma unroll
    for (int k = 0; k < 8; k++) {
        bool real = c + k < a.n;
        float mean = real ? d[c + k] : 0.0f, second = real ? d[a.n + c + k] : 0.0f;
        float third = real ? d[2 * a.n + c + k] : 0.0f;

        p.each[k] = (mean + second * linear + (a.top == NULL ? third * square : 0.0f)) / a.b.area[row];
        p.max[k] = a.top != NULL ? third : 0.0f;
        p.top[k] = a.top != NULL && real ? a.top[(size_t)row * (size_t)a.n + (size_t)(c + k)] : -1;
    }
    return p;
}

/* GRADS: room for point gradients; without them twice as many blocks have their registers. */
template <typename T, int GRADS> static __global__ void row_backward_kernel(struct row_backward_args a)
{
    struct place p = place_of(a.channels, ROW_WIDTH);
    int row = (int)blockIdx.x;
    size_t first = (size_t)row * (size_t)a.b.points;
    float ds[8] = {0}, db[8] = {0}, dw[GRADS + 1][8] = {{0}};
    struct norm8 n = norm_load(a.norm, p.c);

    if (p.live) {
        float bias[8] = {0};
        struct pooled_back pooled = {};

        if (a.row_bias != NULL)
            load8<float>(a.row_bias, (size_t)row * (size_t)a.row_bias_stride + (size_t)p.c, bias);
        if (a.d_pooled != NULL)
            pooled = pooled_back_of(a, row, p.c);
#pragma unroll 2
        for (int q = p.line; q < a.b.points; q += p.lines) {
            size_t i = first + (size_t)q;
            float x[8], du[8] = {0}, dx[8], mask = to_float(static_cast<const T *>(a.b.mask)[i]);

            load8<T>(a.x, i * (size_t)a.x_stride + (size_t)p.c, x);
            if (a.du != NULL)
                load8<T>(a.du, i * (size_t)a.channels + (size_t)p.c, du);
#pragma unroll
            for (int k = 0; k < 8; k++) {
                x[k] += bias[k];
                if (a.d_pooled != NULL)
                    du[k] += pooled.each[k] + (pooled.top[k] == q ? pooled.max[k] : 0.0f);
            }
#pragma unroll
            for (int g = 0; g < GRADS; g++)
                if (g < a.n_grads) {
                    float d = a.point_grad[i * (size_t)a.n_grads + (size_t)g];

#pragma unroll
                    for (int k = 0; k < 8; k++)
                        if (p.c + k < a.n) {
                            float u = element_act(a.act, n.scale[k] * x[k] + n.bias[k]) * mask;

                            du[k] += d * a.point_weight[g * a.n + p.c + k];
                            dw[g][k] += d * u;
                        }
                }
            point_back(a.act, n, mask, x, du, dx, ds, db);
            store8<T>(a.dx, i * (size_t)a.dx_stride + (size_t)p.c, dx);
        }
    }
    float *tile = a.partial + (size_t)row * (size_t)(2 + a.n_grads) * (size_t)a.channels;

    sum_lines(p, ds, db, tile, tile + a.channels);
#pragma unroll
    for (int g = 0; g < GRADS; g += 2)
        if (g < a.n_grads) {
            float *weights = tile + (2 + g) * a.channels;

            sum_lines(p, dw[g], dw[g + 1], weights,
                      g + 1 < a.n_grads ? weights + a.channels : (float *)NULL);
        }
    if (a.d_row_bias != NULL) { /* dx is the slope times the scale, and so is its sum */
        __syncthreads();
        for (int i = (int)threadIdx.x; i < p.width * 8; i += (int)blockDim.x) {
            int c = p.first + i;

            a.d_row_bias[(size_t)row * (size_t)a.d_row_bias_stride + (size_t)c] =
                a.norm.scale[c] * tile[a.channels + c];
        }
    }
}

template <typename T> static void row_backward(const struct row_backward_args *a, cudaStream_t stream)
{
    dim3 grid = tiles_by_groups(a->b.rows, a->channels, ROW_WIDTH);

    if (a->n_grads == 0)
        LAUNCH((row_backward_kernel<T, 0>), grid, ROW_THREADS, 0, stream, *a);
    else
        LAUNCH((row_backward_kernel<T, NN_MAX_POLICY>), grid, ROW_THREADS, 0, stream, *a);
}

void launch_row_backward(int precision, const struct row_backward_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, row_backward<T>(a, stream));
}

/* ---- sums --------------------------------------------------------------------------------------- */

template <typename T>
static __global__ void row_sums_kernel(struct boards b, int channels, const void *x, float *sums)
{
    struct place p = place_of(channels, ROW_WIDTH);
    size_t first = (size_t)blockIdx.x * (size_t)b.points;
    float sum[8] = {0}, none[8] = {0};

    if (p.live)
        for (int q = p.line; q < b.points; q += p.lines) {
            float v[8];

            load8<T>(x, (first + (size_t)q) * (size_t)channels + (size_t)p.c, v);
#pragma unroll
            for (int k = 0; k < 8; k++)
                sum[k] += v[k];
        }
    sum_lines(p, sum, none, sums + (size_t)blockIdx.x * (size_t)channels, NULL);
}

template <typename T>
static void row_sums(const struct boards *b, int channels, const void *x, float *sums, cudaStream_t stream)
{
    LAUNCH(row_sums_kernel<T>, tiles_by_groups(b->rows, channels, ROW_WIDTH), ROW_THREADS, 0, stream, *b, channels, x,
           sums);
}

void launch_row_sums(int precision, const struct boards *b, int channels, const void *x, float *sums,
                     cudaStream_t stream)
{
    BY_PRECISION(precision, row_sums<T>(b, channels, x, sums, stream));
}

/* Blocks of 32 channels; eight threads share a channel's tiles. */
enum { REDUCE_WIDTH = 32, REDUCE_LINES = ROW_THREADS / REDUCE_WIDTH };

static __global__ void reduce_kernel(struct reduce_jobs jobs)
{
    __shared__ float scratch[ROW_THREADS];
    const struct reduce_job &j = jobs.job[blockIdx.y];
    int lane = (int)threadIdx.x % REDUCE_WIDTH, line = (int)threadIdx.x / REDUCE_WIDTH;
    int c = (int)blockIdx.x * REDUCE_WIDTH + lane;
    float sum = 0.0f;

    if (c < j.n)
        for (int t = line; t < j.n_tiles; t += REDUCE_LINES)
            sum += j.partial[(size_t)t * (size_t)j.stride + (size_t)c];
    scratch[threadIdx.x] = sum;
    __syncthreads();
    if (line == 0 && c < j.n) {
        for (int k = 1; k < REDUCE_LINES; k++)
            sum += scratch[k * REDUCE_WIDTH + lane];
        j.grad[c] += sum;
    }
}

void launch_reduce(const struct reduce_jobs *jobs, cudaStream_t stream)
{
    int widest = 0;

    for (int i = 0; i < jobs->n_jobs; i++)
        widest = jobs->job[i].n > widest ? jobs->job[i].n : widest;
    if (widest > 0)
        LAUNCH(reduce_kernel, dim3((unsigned)((widest + REDUCE_WIDTH - 1) / REDUCE_WIDTH),
                                   (unsigned)jobs->n_jobs),
               ROW_THREADS, 0, stream, *jobs);
}
