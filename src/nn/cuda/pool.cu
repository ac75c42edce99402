/* pool.cu - global pooling, and the small matrix products of single rows. */
#include "pool.cuh"

#include "dense.cuh"

template <typename T> static __global__ void pool_kernel(struct pool_dense_args a)
{
    int row = (int)blockIdx.x;

    pool_row<T>(a.b, a.pool, row);
    __syncthreads(); /* what the block wrote it reads */
    const float *x = a.pool.pooled + (size_t)row * 3 * (size_t)a.pool.n;

    for (int o = (int)threadIdx.x; o < a.stride; o += (int)blockDim.x)
        a.row_bias[(size_t)row * (size_t)a.stride + (size_t)o] =
            o < a.n_out ? dense_one(x, 3 * a.pool.n, a.weight, a.n_out, o) : 0.0f;
}

template <typename T> static void pool(const struct pool_dense_args *a, cudaStream_t stream)
{
    LAUNCH(pool_kernel<T>, a->b.rows, ROW_THREADS, 0, stream, *a);
}

void launch_pool(int precision, const struct pool_dense_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, pool<T>(a, stream));
}

static __global__ void dense_backward_kernel(struct dense_backward_args a)
{
    const float *dy = a.dy + (size_t)blockIdx.x * (size_t)a.stride;

    for (int i = (int)threadIdx.x; i < a.n_in; i += (int)blockDim.x)
        a.dx[(size_t)blockIdx.x * (size_t)a.n_in + (size_t)i] = dense_back_one(a.weight, a.n_out, i, dy);
}

void launch_dense_backward(const struct dense_backward_args *a, cudaStream_t stream)
{
    LAUNCH(dense_backward_kernel, a->rows, ROW_THREADS, 0, stream, *a);
}

/* A tile of 16 x 16 weights a block; 64 rows at a time pass through shared memory, of which each thread fetches
 * four at once. */
enum { TILE = 16, TILE_ROWS = 64 };

struct dense_tile {
    float x[TILE_ROWS][TILE], y[TILE_ROWS][TILE + 1];
};

/* Rows from r0 on: columns i and o of this thread. */
static __device__ __forceinline__ void dense_fetch(const struct dense_grad_job &j, int rows, int r0, int i, int o,
                                                   struct dense_tile *tile)
{
    int tx = (int)threadIdx.x % TILE, ty = (int)threadIdx.x / TILE;

#pragma unroll
    for (int h = 0; h < TILE_ROWS; h += TILE) {
        int r = r0 + h + ty;
        bool row = r < rows;

        tile->x[h + ty][tx] = !row || i >= j.n_in ? 0.0f
                              : j.x == NULL       ? 1.0f
                                                  : j.x[(size_t)r * (size_t)j.x_stride + (size_t)i];
        tile->y[h + ty][tx] = row && o < j.n_out ? j.dy[(size_t)r * (size_t)j.dy_stride + (size_t)o] : 0.0f;
    }
}

static __global__ void dense_grads_kernel(struct dense_grad_jobs jobs)
{
    __shared__ struct dense_tile tile;
    const struct dense_grad_job &j = jobs.job[blockIdx.y];
    int across = (j.n_out + TILE - 1) / TILE, down = (j.n_in + TILE - 1) / TILE;
    int tx = (int)threadIdx.x % TILE, ty = (int)threadIdx.x / TILE;

    if ((int)blockIdx.x >= across * down)
        return; /* the whole block */
    int i0 = (int)blockIdx.x / across * TILE, o = (int)blockIdx.x % across * TILE + tx;
    float sum = 0.0f;

    for (int r0 = 0; r0 < jobs.rows; r0 += TILE_ROWS) {
        dense_fetch(j, jobs.rows, r0, i0 + tx, o, &tile);
        __syncthreads();
#pragma unroll 16
        for (int k = 0; k < TILE_ROWS; k++)
            sum += tile.x[k][ty] * tile.y[k][tx];
        __syncthreads();
    }
    if (i0 + ty < j.n_in && o < j.n_out)
        j.grad[(size_t)(i0 + ty) * (size_t)j.n_out + (size_t)o] += sum;
}

void launch_dense_grads(const struct dense_grad_jobs *jobs, cudaStream_t stream)
{
    int most = 0;

    for (int k = 0; k < jobs->n_jobs; k++) {
        const struct dense_grad_job *j = &jobs->job[k];
        int tiles = (j->n_out + TILE - 1) / TILE * ((j->n_in + TILE - 1) / TILE);

        most = tiles > most ? tiles : most;
    }
    LAUNCH(dense_grads_kernel, dim3((unsigned)most, (unsigned)jobs->n_jobs), TILE * TILE, 0, stream, *jobs);
}
