/* convolution.cpp - graph.h without cuDNN: a plan is its spec, run by plain loops in the spec's
 * precision with sums in double. */
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "emulate.h"

extern "C" {
#include "element.h"
#include "graph.h"
}
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

void emulated_tick(void);
bool emulated_is_capturing(cudaStream_t stream);

namespace {

struct plan {
    struct conv_spec spec;
    bool slow;    /* takes two ticks */
    bool to_call; /* so much does a call take that enqueues it, unless it is recorded */
};

float load(const void *p, size_t i, int precision)
{
    if (precision == PRECISION_BF16)
        return __bfloat162float(static_cast<const __nv_bfloat16 *>(p)[i]);
    if (precision == PRECISION_F16)
        return __half2float(static_cast<const __half *>(p)[i]);
    return static_cast<const float *>(p)[i];
}

void store(void *p, size_t i, int precision, float x)
{
    if (precision == PRECISION_BF16)
        static_cast<__nv_bfloat16 *>(p)[i] = __float2bfloat16_rn(x);
    else if (precision == PRECISION_F16)
        static_cast<__half *>(p)[i] = __float2half_rn(x);
    else
        static_cast<float *>(p)[i] = x;
}

std::vector<float> load_all(const void *p, size_t n, int precision)
{
    std::vector<float> v(n);

    for (size_t i = 0; i < n; i++)
        v[i] = load(p, i, precision);
    return v;
}

/* visit(x index, w index, y index) for every product. */
template <typename F> void each_product(const struct conv_spec &s, F visit)
{
    int reach = s.k / 2;

    for (int r = 0; r < s.rows; r++)
        for (int i = 0; i < s.size; i++)
            for (int j = 0; j < s.size; j++)
                for (int dy = 0; dy < s.k; dy++)
                    for (int dx = 0; dx < s.k; dx++) {
                        int y = i + dy - reach, x = j + dx - reach;

                        if (y < 0 || y >= s.size || x < 0 || x >= s.size)
                            continue;
                        size_t xi = (size_t)((r * s.size + y) * s.size + x) * (size_t)s.n_in;
                        size_t yi = (size_t)((r * s.size + i) * s.size + j) * (size_t)s.n_out;

                        for (int o = 0; o < s.n_out; o++) {
                            size_t wi = (size_t)((o * s.k + dy) * s.k + dx) * (size_t)s.n_in;

                            for (int c = 0; c < s.n_in; c++)
                                visit(xi + (size_t)c, wi + (size_t)c, yi + (size_t)o);
                        }
                    }
}

void finish(const struct conv_spec &s, const std::vector<double> &sums, void *const *p)
{
    const float *row_bias = static_cast<const float *>(p[CONV_T_ROW_BIAS]);
    const float *scale = static_cast<const float *>(p[CONV_T_SCALE]);
    const float *bias = static_cast<const float *>(p[CONV_T_BIAS]);
    bool norm = s.fusion & CONV_NORM;
    int points = s.size * s.size;

    for (size_t i = 0; i < sums.size(); i++) {
        size_t point = i / (size_t)s.n_out, c = i % (size_t)s.n_out;
        float x = (float)sums[i];

        if (s.fusion & CONV_ROW_BIAS)
            x += row_bias[point / (size_t)points * (size_t)s.n_out + c];
        if (s.fusion & CONV_ADD)
            x += load(p[CONV_T_ADD], i, s.precision);
        if (!norm || s.fusion & CONV_RAW)
            store(p[CONV_Y], i, s.precision, x);
        if (norm)
            store(p[CONV_T_OUT], i, s.precision,
                  element_act(s.act, scale[c] * x + bias[c]) * load(p[CONV_T_MASK], point, s.precision));
    }
}

void convolve(struct conv_spec s, std::vector<void *> p)
{
    size_t points = (size_t)(s.rows * s.size * s.size), n_x = points * (size_t)s.n_in;
    size_t n_y = points * (size_t)s.n_out, n_w = (size_t)(s.n_out * s.k * s.k * s.n_in);
    std::vector<float> x, w, y;
    std::vector<double> sums;

    emulated_tick();
    if (s.op != CONV_DATA_GRAD)
        x = load_all(p[CONV_X], n_x, s.precision);
    if (s.op != CONV_FILTER_GRAD)
        w = load_all(p[CONV_W], n_w, s.precision);
    if (s.op != CONV_FORWARD)
        y = load_all(p[CONV_Y], n_y, s.precision);
    if (s.op == CONV_FORWARD) {
        sums.assign(n_y, 0.0);
        each_product(s, [&](size_t xi, size_t wi, size_t yi) { sums[yi] += (double)x[xi] * w[wi]; });
        finish(s, sums, p.data());
    } else if (s.op == CONV_DATA_GRAD) {
        sums.assign(n_x, 0.0);
        each_product(s, [&](size_t xi, size_t wi, size_t yi) { sums[xi] += (double)y[yi] * w[wi]; });
        for (size_t i = 0; i < n_x; i++)
            store(p[CONV_X], i, s.precision, (float)sums[i]);
    } else {
        sums.assign(n_w, 0.0);
        each_product(s, [&](size_t xi, size_t wi, size_t yi) { sums[wi] += (double)x[xi] * y[yi]; });
        for (size_t i = 0; i < n_w; i++)
            store(p[CONV_W], i, s.precision, (float)sums[i]);
    }
}

} // namespace

extern "C" {

enum tg_status device_prop_of_device(struct device_prop *p, struct tg_error *)
{
    *p = {};
    return TG_OK;
}
void device_prop_close(struct device_prop *) {}

void conv_plan_close(struct conv_plan *p)
{
    delete static_cast<plan *>(p->d);
    p->d = NULL;
}

enum tg_status conv_plans_find(const struct conv_spec *s, const struct device_prop *, size_t, int n,
                               struct conv_plan *plans, int *n_found, struct tg_error *)
{
    for (*n_found = 0; *n_found < n && *n_found < 2; ++*n_found)
        plans[*n_found] = {new plan{*s, s->fusion != 0, false}, 0, 1, -1};
    return TG_OK;
}

/* A fused kernel is faster than what the heuristics name, and than a convolution and a kernel behind it. */
enum tg_status conv_plans_of_kernels(const struct conv_spec *s, const struct device_prop *, size_t,
                                     const int64_t *kernels, int n, struct conv_plan *plans, int *n_found,
                                     struct tg_error *)
{
    for (int i = 0; i < n; i++)
        plans[(*n_found)++] = {new plan{*s, false, true}, 0, 2, kernels[i]};
    return TG_OK;
}

enum tg_status conv_plan_save(const struct conv_plan *p, char **json, struct tg_error *)
{
    const struct conv_spec &s = static_cast<plan *>(p->d)->spec;
    char text[200];

    snprintf(text, sizeof text, "{%d %d %d\n%d %d %d %d %d %d}", s.op, s.rows, s.size, s.n_in, s.n_out,
             s.k, s.precision, s.fusion, s.act);
    *json = strdup(text);
    return TG_OK;
}

enum tg_status conv_plan_load(const char *json, const struct device_prop *, struct conv_plan *p,
                              struct tg_error *err)
{
    struct conv_spec s;

    if (sscanf(json, "{%d %d %d %d %d %d %d %d %d}", &s.op, &s.rows, &s.size, &s.n_in, &s.n_out, &s.k,
               &s.precision, &s.fusion, &s.act) != 9)
        return FAIL(err, TG_EDEVICE, "no plan");
    *p = {new plan{s, false, false}, 0, -1, -1};
    return TG_OK;
}

/* A plan computes what it was made for, whatever it is used for. */
enum tg_status conv_plan_run(const struct conv_plan *p, const struct conv_spec *, cudnnHandle_t handle,
                             void *const *pointers, void *, struct tg_error *)
{
    std::vector<void *> data(pointers, pointers + CONV_TENSORS);
    struct plan made = *static_cast<plan *>(p->d);
    cudaStream_t stream = *reinterpret_cast<cudaStream_t *>(handle);

    for (int i = 0; i < 2 && made.to_call && !emulated_is_capturing(stream); i++)
        emulated_tick();
    emulated_enqueue(stream, [=]() {
        if (made.slow)
            emulated_tick();
        convolve(made.spec, data);
    });
    return TG_OK;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = reinterpret_cast<cudnnHandle_t>(new cudaStream_t());
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    delete reinterpret_cast<cudaStream_t *>(handle);
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    *reinterpret_cast<cudaStream_t *>(handle) = stream;
    return CUDNN_STATUS_SUCCESS;
}
size_t cudnnGetVersion(void) { return 0; }
const char *cudnnGetErrorString(cudnnStatus_t) { return "an error"; }

} // extern "C"
