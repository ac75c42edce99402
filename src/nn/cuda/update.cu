/* update.cu - filters packed from parameters and their gradients unpacked; the optimiser's step. */
#include "device.cuh"

enum { PACK_THREADS = 256, PACK_BLOCKS = 1024 };

template <typename T> static __global__ void pack_kernel(struct pack_args a)
{
    int first = (int)(blockIdx.x * blockDim.x + threadIdx.x), step = (int)(gridDim.x * blockDim.x);

    if ((int)blockIdx.y < a.n_maps) {
        const struct conv_map &m = a.maps[blockIdx.y];
        T *filters = static_cast<T *>(a.filters) + m.packed;

        for (int64_t e = first; e < conv_map_elements(&m); e += step) {
            int64_t flat = conv_map_flat(&m, e);

            from_float(flat < 0 ? 0.0f : a.params[flat], &filters[e]);
        }
    } else {
        const struct norm_map &n = a.norms[(int)blockIdx.y - a.n_maps];
        float *packed = a.packed_norms + n.packed;

        for (int c = first; c < n.channels; c += step) {
            packed[c] = c < n.n ? a.params[n.scale + c] : 0.0f;
            packed[n.channels + c] = c < n.n ? a.params[n.bias + c] : 0.0f;
        }
    }
}

static unsigned blocks_for(int64_t n)
{
    int64_t blocks = (n + PACK_THREADS - 1) / PACK_THREADS;

    return (unsigned)(blocks < 1 ? 1 : blocks > (int)PACK_BLOCKS ? (int)PACK_BLOCKS : blocks);
}

template <typename T> static void pack(const struct pack_args *a, cudaStream_t stream)
{
    LAUNCH(pack_kernel<T>, dim3(blocks_for(a->max_elements), (unsigned)(a->n_maps + a->n_norms)),
           PACK_THREADS, 0, stream, *a);
}

void launch_pack(int precision, const struct pack_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, pack<T>(a, stream));
}

template <typename T>
static __global__ void filter_grads_kernel(const struct conv_map *maps, int first_map, const void *packed,
                                           float *grads)
{
    const struct conv_map &m = maps[first_map + (int)blockIdx.y];
    const T *from = static_cast<const T *>(packed) + m.packed;
    int64_t step = (int64_t)gridDim.x * blockDim.x;

    for (int64_t e = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; e < conv_map_elements(&m); e += step) {
        int64_t flat = conv_map_flat(&m, e);

        if (flat >= 0)
            grads[flat] += to_float(from[e]);
    }
}

template <typename T>
static void filter_grads(const struct conv_map *maps, int first, int n, int64_t max_elements,
                         const void *packed, float *grads, cudaStream_t stream)
{
    LAUNCH(filter_grads_kernel<T>, dim3(blocks_for(max_elements), (unsigned)n), PACK_THREADS, 0, stream,
           maps, first, packed, grads);
}

void launch_filter_grads(int precision, const struct conv_map *maps, int first, int n,
                         int64_t max_elements, const void *packed, float *grads, cudaStream_t stream)
{
    BY_PRECISION(precision, filter_grads<T>(maps, first, n, max_elements, packed, grads, stream));
}

/* ---- update ------------------------------------------------------------------------------------- */

/* Sums of squares in double, a fixed number of blocks: the same order in every run. */
static __global__ void norm_partial_kernel(struct update_args a)
{
    __shared__ double scratch[PACK_THREADS];
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    double sum = 0.0;

    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < a.n_params; i += step)
        sum += (double)a.sums[i] * (double)a.sums[i];
    scratch[threadIdx.x] = sum;
    __syncthreads();
    for (unsigned half = PACK_THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half)
            scratch[threadIdx.x] += scratch[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0)
        a.partial[blockIdx.x] = scratch[0];
}

/* One thread decides. */
static __global__ void decide_kernel(struct update_args a, int n_blocks)
{
    double sum = 0.0, clip = 1.0, norm;
    bool sound = true;

    for (int i = 0; i < n_blocks; i++)
        sum += a.partial[i];
    for (int i = 0; i < NN_METRICS; i++)
        sound = sound && isfinite(a.sums[a.n_params + i]);
    norm = sound ? sqrt(sum) * a.settings->per_grad : (double)NAN;
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
    LAUNCH(decide_kernel, 1, 1, 0, stream, *a, (int)n_norm);
    LAUNCH(step_kernel, (unsigned)(blocks < 8192 ? blocks : 8192), PACK_THREADS, 0, stream, *a);
}
