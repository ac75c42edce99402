/* update.cu - filters packed from parameters and their gradients unpacked; the optimiser's step. */
#include "device.cuh"

enum { PACK_THREADS = 256, PACK_CHANNELS = 128, MAX_TAPS = 25 };

/* A block turns the filters of one channel out: [in][tap] as parameters are, [tap][in] as convolutions read them.
 * Both ends of the copy go through memory in order; so many channels in at a time stand in shared memory, their
 * stride such that neither way meets a bank twice. */
struct filter_tile {
    float at[MAX_TAPS][PACK_CHANNELS + 4];
};

/* The channels in from `first` on: those of the tile, and those that are no padding. */
struct tile_width {
    int n, real;
};

static __device__ __forceinline__ struct tile_width tile_width_of(const struct conv_map &m, int first)
{
    struct tile_width w;

    w.n = m.n_in - first < (int)PACK_CHANNELS ? m.n_in - first : (int)PACK_CHANNELS;
    w.real = m.real_in - first < w.n ? m.real_in - first : w.n;
    w.real = w.real < 0 ? 0 : w.real;
    return w;
}

template <typename T> static __device__ void pack_filters(const struct pack_args &a, const struct conv_map &m, int o)
{
    __shared__ struct filter_tile tile;
    int taps = m.k * m.k;
    int64_t flat = conv_map_row(&m, o);
    T *filters = static_cast<T *>(a.filters) + m.packed + (int64_t)o * taps * m.n_in;

    for (int first = 0; first < m.n_in; first += PACK_CHANNELS) {
        struct tile_width w = tile_width_of(m, first);

        if (flat < 0)
            w.real = 0;
        for (int j = (int)threadIdx.x; j < w.real * taps; j += (int)blockDim.x)
            tile.at[j % taps][j / taps] = a.params[flat + first * taps + j];
        __syncthreads();
        for (int j = (int)threadIdx.x; j < w.n * taps; j += (int)blockDim.x) {
            int tap = j / w.n, i = j % w.n;

            from_float(i < w.real ? tile.at[tap][i] : 0.0f, &filters[tap * m.n_in + first + i]);
        }
        __syncthreads(); /* before the next ones */
    }
}

static __device__ void pack_norm(const struct pack_args &a, const struct norm_map &n)
{
    float *packed = a.packed_norms + n.packed;

    for (int c = (int)threadIdx.x; c < n.channels; c += (int)blockDim.x) {
        packed[c] = c < n.n ? a.params[n.scale + c] : 0.0f;
        packed[n.channels + c] = c < n.n ? a.params[n.bias + c] : 0.0f;
    }
}

/* blockIdx.y: a convolution; behind the last one the norms. */
template <typename T> static __global__ void pack_kernel(struct pack_args a)
{
    int o = (int)blockIdx.x;

    if ((int)blockIdx.y == a.n_maps)
        for (int i = o; i < a.n_norms; i += (int)gridDim.x)
            pack_norm(a, a.norms[i]);
    else if (o < a.maps[blockIdx.y].n_out)
        pack_filters<T>(a, a.maps[blockIdx.y], o);
}

template <typename T> static void pack(const struct pack_args *a, cudaStream_t stream)
{
    LAUNCH(pack_kernel<T>, dim3((unsigned)a->max_out, (unsigned)(a->n_maps + 1)), PACK_THREADS, 0, stream, *a);
}

void launch_pack(int precision, const struct pack_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, pack<T>(a, stream));
}

template <typename T>
static __global__ void filter_grads_kernel(const struct conv_map *maps, int first_map, const void *packed,
                                           float *grads)
{
    __shared__ struct filter_tile tile;
    const struct conv_map &m = maps[first_map + (int)blockIdx.y];
    int o = (int)blockIdx.x, taps = m.k * m.k;
    int64_t flat = o < m.n_out ? conv_map_row(&m, o) : -1;

    if (flat < 0)
        return; /* the whole block */
    const T *from = static_cast<const T *>(packed) + m.packed + (int64_t)o * taps * m.n_in;

    for (int first = 0; first < m.n_in; first += PACK_CHANNELS) {
        struct tile_width w = tile_width_of(m, first);

        for (int j = (int)threadIdx.x; j < w.n * taps; j += (int)blockDim.x)
            tile.at[j / w.n][j % w.n] = to_float(from[j / w.n * m.n_in + first + j % w.n]);
        __syncthreads();
        for (int j = (int)threadIdx.x; j < w.real * taps; j += (int)blockDim.x)
            grads[flat + first * taps + j] += tile.at[j % taps][j / taps];
        __syncthreads();
    }
}

template <typename T>
static void filter_grads(const struct conv_map *maps, int first, int n, int max_out, const void *packed,
                         float *grads, cudaStream_t stream)
{
    LAUNCH(filter_grads_kernel<T>, dim3((unsigned)max_out, (unsigned)n), PACK_THREADS, 0, stream, maps, first,
           packed, grads);
}

void launch_filter_grads(int precision, const struct conv_map *maps, int first, int n, int max_out,
                         const void *packed, float *grads, cudaStream_t stream)
{
    BY_PRECISION(precision, filter_grads<T>(maps, first, n, max_out, packed, grads, stream));
}

/* ---- update ------------------------------------------------------------------------------------- */

/* The block's sum in a fixed order: the same in every run. */
static __device__ double block_sum_double(double x, double *scratch)
{
    scratch[threadIdx.x] = x;
    __syncthreads();
    for (unsigned half = PACK_THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            scratch[threadIdx.x] += scratch[threadIdx.x + half];
        __syncthreads();
    }
    return scratch[0];
}

/* Sums of squares in double, by a fixed number of blocks. */
static __global__ void norm_partial_kernel(struct update_args a)
{
    __shared__ double scratch[PACK_THREADS];
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    double sum = 0.0;

    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < a.n_params; i += step)
        sum += (double)a.sums[i] * (double)a.sums[i];
    sum = block_sum_double(sum, scratch);
    if (threadIdx.x == 0)
        a.partial[blockIdx.x] = sum;
}

/* One block decides. A metric that is not finite makes the norm not a number. */
static __global__ void decide_kernel(struct update_args a, int n_blocks)
{
    __shared__ double scratch[PACK_THREADS];
    double sum = 0.0, clip = 1.0, norm;

    for (int i = (int)threadIdx.x; i < n_blocks; i += (int)blockDim.x)
        sum += a.partial[i];
    if ((int)threadIdx.x < (int)NN_METRICS && !isfinite(a.sums[a.n_params + threadIdx.x]))
        sum = (double)NAN;
    norm = sqrt(block_sum_double(sum, scratch)) * a.settings->per_grad;
    if (threadIdx.x > 0)
        return;
    if (a.settings->clip_norm > 0.0 && norm > a.settings->clip_norm)
        clip = a.settings->clip_norm / norm;
    a.outcome->norm = norm;
    a.outcome->clip = clip * a.settings->per_grad;
    /* no gradient may reach the 2048 that the CPU's sums hold: then their norm is below this */
    a.outcome->skipped = !(norm < 2048.0 * sqrt((double)a.n_params)) ||
                         (a.settings->max_norm > 0.0 && norm > a.settings->max_norm);
}

static __global__ void step_kernel(struct update_args a)
{
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    struct element_step u = a.settings->step;
    double clip = a.outcome->clip;

    if (a.outcome->skipped)
        return;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < a.n_params; i += step)
        element_update(&u, clip, a.sums[i], a.decays[i], &a.params[i], &a.ema[i], &a.moment1[i],
                       &a.moment2[i]);
}

void launch_update(const struct update_args *a, cudaStream_t stream)
{
    int64_t blocks = (a->n_params + PACK_THREADS - 1) / PACK_THREADS;
    unsigned n_norm = (unsigned)(blocks < (int)NORM_BLOCKS ? blocks : (int)NORM_BLOCKS);

    LAUNCH(norm_partial_kernel, n_norm, PACK_THREADS, 0, stream, *a);
    LAUNCH(decide_kernel, 1, PACK_THREADS, 0, stream, *a, (int)n_norm);
    LAUNCH(step_kernel, (unsigned)(blocks < 8192 ? blocks : 8192), PACK_THREADS, 0, stream, *a);
}
