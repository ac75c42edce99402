/* input.cu - bit planes become activations, turned by the row's symmetry; globals a bias of the first ones. */
#include "dense.cuh"

/* A block per row: its planes pass through shared memory once. */
template <typename T> static __global__ void input_kernel(struct input_args a)
{
    SHARED(uint8_t, bits);
    __shared__ float scratch[ROW_THREADS];
    int row = (int)blockIdx.x, n_bytes = a.n_planes * a.plane_bytes, groups = a.channels / 8;
    const uint16_t *from = a.from + (a.symmetry[row] & 7) * a.points;
    size_t first = (size_t)row * (size_t)a.points;
    float area = 0.0f;

    for (int i = (int)threadIdx.x; i < n_bytes; i += (int)blockDim.x)
        bits[i] = a.planes[(size_t)row * (size_t)n_bytes + (size_t)i];
    for (int o = (int)threadIdx.x; o < a.stride; o += (int)blockDim.x)
        a.globals_bias[(size_t)row * (size_t)a.stride + (size_t)o] =
            o < a.n_out
                ? dense_one(a.globals + (size_t)row * (size_t)a.n_globals, a.n_globals, a.weight, a.n_out, o)
                : 0.0f;
    __syncthreads();
    for (int i = (int)threadIdx.x; i < a.points * groups; i += (int)blockDim.x) {
        int q = i / groups, c = i % groups * 8, p = from[q];
        float x[8];

#pragma unroll
        for (int k = 0; k < 8; k++)
            x[k] = c + k < a.n_planes ? (float)element_bit(bits + (c + k) * a.plane_bytes, p) : 0.0f;
        store8<T>(a.x, (first + (size_t)q) * (size_t)a.channels + (size_t)c, x);
        if (c == 0) {
            from_float(x[0], static_cast<T *>(a.mask) + first + (size_t)q);
            area += x[0];
        }
    }
    area = block_sum(area, scratch);
    if (threadIdx.x == 0)
        a.area[row] = area > 0.0f ? area : 1.0f;
}

template <typename T> static void launch(const struct input_args *a, cudaStream_t stream)
{
    LAUNCH(input_kernel<T>, a->rows, ROW_THREADS, (size_t)(a->n_planes * a->plane_bytes), stream, *a);
}

void launch_input(int precision, const struct input_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, launch<T>(a, stream));
}
