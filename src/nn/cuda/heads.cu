/* heads.cu - policy and value heads behind their common convolution. */
#include "dense.cuh"
#include "pool.cuh"

/* A block per row: pooling, then two layers of small matrix products. */
template <typename T> static __global__ void head_rows_kernel(struct head_rows_args a)
{
    const struct head_shape &s = a.shape;
    int row = (int)blockIdx.x, n_pass = s.pass_hidden ? s.p1 : s.n_policy;
    const float *g = a.g.pooled + (size_t)row * 3 * (size_t)s.g1;
    const float *v = a.v.pooled + (size_t)row * 3 * (size_t)s.v1;
    float *fc2_act = a.out.fc2_act + row * s.v2, *hidden_act = a.out.hidden_act + row * s.p1;

    pool_row<T>(a.b, a.g, row);
    pool_row<T>(a.b, a.v, row);
    __syncthreads();
    if ((int)threadIdx.x < s.p1_channels - s.p1)
        a.out.row_bias[row * s.p1_channels + s.p1 + (int)threadIdx.x] = 0.0f;
    for (int i = (int)threadIdx.x; i < s.p1 + n_pass + s.v2; i += (int)blockDim.x) {
        if (i < s.p1) {
            a.out.row_bias[row * s.p1_channels + i] = dense_one(g, 3 * s.g1, a.w.gpool, s.p1, i);
        } else if (i < s.p1 + n_pass && !s.pass_hidden) {
            int k = i - s.p1;

            a.out.pass[row * s.n_policy + k] = dense_one(g, 3 * s.g1, a.w.pass, s.n_policy, k);
        } else if (i < s.p1 + n_pass) {
            int k = i - s.p1;
            float z = a.w.pass1_bias[k] + dense_one(g, 3 * s.g1, a.w.pass1, s.p1, k);

            a.out.hidden[row * s.p1 + k] = z;
            hidden_act[k] = element_act(s.act, z);
        } else {
            int k = i - s.p1 - n_pass;
            float z = a.w.fc2_bias[k] + dense_one(v, 3 * s.v1, a.w.fc2, s.v2, k);

            a.out.fc2[row * s.v2 + k] = z;
            fc2_act[k] = element_act(s.act, z);
        }
    }
    __syncthreads();
    for (int i = (int)threadIdx.x; i < NN_N_VALUE + s.n_score + s.n_policy; i += (int)blockDim.x) {
        if (i < NN_N_VALUE)
            a.out.value[row * NN_N_VALUE + i] =
                a.w.fc3_bias[i] + dense_one(fc2_act, s.v2, a.w.fc3, NN_N_VALUE, i);
        else if (i < NN_N_VALUE + s.n_score)
            a.out.score[row * s.n_score + i - NN_N_VALUE] =
                a.w.score_bias[i - NN_N_VALUE] +
                dense_one(fc2_act, s.v2, a.w.score, s.n_score, i - NN_N_VALUE);
        else if (s.pass_hidden)
            a.out.pass[row * s.n_policy + i - NN_N_VALUE - s.n_score] =
                dense_one(hidden_act, s.p1, a.w.pass2, s.n_policy, i - NN_N_VALUE - s.n_score);
    }
}

template <typename T> static void head_rows(const struct head_rows_args *a, cudaStream_t stream)
{
    LAUNCH(head_rows_kernel<T>, a->b.rows, ROW_THREADS, 0, stream, *a);
}

void launch_head_rows(int precision, const struct head_rows_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, head_rows<T>(a, stream));
}

/* ---- points ------------------------------------------------------------------------------------- */

enum { POINT_THREADS = 128 };

/* sums [n_out] := act(norm(x [n] (+ bias))) weight [n_out][n]; x starts at a multiple of 8 channels. */
template <typename T>
static __device__ __forceinline__ void point_dot(const void *x, size_t at, const float *bias,
                                                 const struct norm_ref &norm, int act, int n,
                                                 const float *weight, int n_out, float *sums)
{
    for (int o = 0; o < NN_MAX_POLICY; o++)
        sums[o] = 0.0f;
    for (int c = 0; c < n; c += 8) {
        struct norm8 s = norm_load(norm, c);
        float v[8], more[8] = {0};

        load8<T>(x, at + (size_t)c, v);
        if (bias != NULL)
            load8<float>(bias, (size_t)c, more);
#pragma unroll
        for (int k = 0; k < 8; k++) {
            float u = element_act(act, s.scale[k] * (v[k] + more[k]) + s.bias[k]);

#pragma unroll
            for (int o = 0; o < NN_MAX_POLICY; o++)
                if (o < n_out && c + k < n)
                    sums[o] += u * weight[o * n + c + k];
        }
    }
}

/* A thread per point: board points for inference (the pass is the last), the network's for training. */
template <typename T> static __global__ void head_points_kernel(struct head_points_args a)
{
    const struct head_shape &s = a.shape;
    int row = (int)blockIdx.y, p = (int)(blockIdx.x * blockDim.x + threadIdx.x), points = a.b.points;
    bool inference = a.policy != NULL;
    float sums[NN_MAX_POLICY];

    if (p > points || (!inference && p == points))
        return;
    if (p == points) {
        a.policy[(size_t)row * (size_t)(points + 1) + (size_t)p] = a.pass[row * s.n_policy];
        return;
    }
    int q = inference ? a.to[(a.symmetry[row] & 7) * points + p] : p;
    size_t i = (size_t)row * (size_t)points + (size_t)q, at = i * (size_t)a.stride;
    float mask = to_float(static_cast<const T *>(a.b.mask)[i]);

    point_dot<T>(a.p1, at, a.row_bias + row * s.p1_channels, a.norm_p1, s.act, s.p1, a.w.conv_p2,
                 inference ? 1 : s.n_policy, sums);
    if (inference)
        a.policy[(size_t)row * (size_t)(points + 1) + (size_t)p] = sums[0] * mask;
    else
        for (int k = 0; k < s.n_policy; k++)
            a.logits[i * (size_t)s.n_policy + (size_t)k] = sums[k] * mask;
    if (inference && a.ownership == NULL)
        return;
    point_dot<T>(a.v1, at, NULL, a.norm_v1, s.act, s.v1, a.w.ownership, 1, sums);
    if (inference)
        a.ownership[(size_t)row * (size_t)points + (size_t)p] = tanhf(sums[0] * mask);
    else
        a.raw_ownership[i] = sums[0] * mask;
}

template <typename T> static void head_points(const struct head_points_args *a, cudaStream_t stream)
{
    LAUNCH(head_points_kernel<T>,
           dim3((unsigned)((a->b.points + POINT_THREADS) / POINT_THREADS), (unsigned)a->b.rows),
           POINT_THREADS, 0, stream, *a);
}

void launch_head_points(int precision, const struct head_points_args *a, cudaStream_t stream)
{
    BY_PRECISION(precision, head_points<T>(a, stream));
}

/* ---- back --------------------------------------------------------------------------------------- */

static __global__ void head_rows_backward_kernel(struct head_rows_backward_args a)
{
    const struct head_shape &s = a.shape;
    int row = (int)blockIdx.x;
    const float *d_pass = a.d_pass + row * s.n_policy, *d_bias = a.d_row_bias + row * s.p1_channels;
    float *d_fc2 = a.d_fc2 + row * s.v2, *d_hidden = a.d_hidden + row * s.p1;

    for (int i = (int)threadIdx.x; i < s.v2; i += (int)blockDim.x)
        d_fc2[i] = element_slope(s.act, a.fwd.fc2[row * s.v2 + i]) *
                   (dense_back_one(a.w.fc3, NN_N_VALUE, i, a.d_value + row * NN_N_VALUE) +
                    dense_back_one(a.w.score, s.n_score, i, a.d_score + row * s.n_score));
    if (s.pass_hidden)
        for (int i = (int)threadIdx.x; i < s.p1; i += (int)blockDim.x)
            d_hidden[i] = element_slope(s.act, a.fwd.hidden[row * s.p1 + i]) *
                          dense_back_one(a.w.pass2, s.n_policy, i, d_pass);
    __syncthreads();
    for (int i = (int)threadIdx.x; i < 3 * s.v1; i += (int)blockDim.x)
        a.d_pooled_v[(size_t)row * 3 * (size_t)s.v1 + (size_t)i] =
            dense_back_one(a.w.fc2, s.v2, i, d_fc2);
    for (int i = (int)threadIdx.x; i < 3 * s.g1; i += (int)blockDim.x)
        a.d_pooled_g[(size_t)row * 3 * (size_t)s.g1 + (size_t)i] =
            dense_back_one(a.w.gpool, s.p1, i, d_bias) +
            (s.pass_hidden ? dense_back_one(a.w.pass1, s.p1, i, d_hidden)
                           : dense_back_one(a.w.pass, s.n_policy, i, d_pass));
}

void launch_head_rows_backward(const struct head_rows_backward_args *a, cudaStream_t stream)
{
    LAUNCH(head_rows_backward_kernel, a->rows, ROW_THREADS, 0, stream, *a);
}
