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
#include <mutex>
#include <set>
#include <string>
#include <vector>

extern "C" {
void emulated_forget_compiled(void);
int emulated_compiled(int64_t kernel);
int emulated_compiled_again(void);
}
void emulated_tick(void);
void emulated_call(void);
bool emulated_is_capturing(cudaStream_t stream);

namespace {

struct plan {
    struct conv_spec spec;
    size_t workspace;
    bool slow;    /* takes two ticks */
    bool to_call; /* so much does a call take that enqueues it, unless it is recorded */
};

/* Fused plans that were compiled since the last forgetting, by kernel, and how many of them once more. */
struct {
    std::mutex lock;
    std::multiset<int64_t> kernels;
    std::set<std::string> each;
    int again;
} compiled;

void note_compiled(const struct conv_spec *s, int64_t kernel)
{
    std::lock_guard<std::mutex> hold(compiled.lock);
    char name[96];

    conv_spec_text(s, name, sizeof name);
    compiled.kernels.insert(kernel);
    if (!compiled.each.insert(name + std::to_string(kernel)).second)
        compiled.again++;
}

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

bool overlap(const void *a, size_t n_a, const void *b, size_t n_b)
{
    return a != NULL && b != NULL && static_cast<const char *>(a) < static_cast<const char *>(b) + n_b &&
           static_cast<const char *>(b) < static_cast<const char *>(a) + n_a;
}

/* Every tensor lies in the device's memory, where the descriptors say, and a kernel that reads neighbours
 * of a point does not write them. */
void check_tensors(const struct conv_spec &s, const std::vector<void *> &p)
{
    int64_t ids[CONV_TENSORS];
    size_t points = (size_t)(s.rows * s.size * s.size), element = precision_bytes(s.precision), bytes[CONV_TENSORS];

    bytes[CONV_X] = points * (size_t)s.n_in * element;
    bytes[CONV_W] = (size_t)(s.n_out * s.k * s.k * s.n_in) * element;
    bytes[CONV_Y] = bytes[CONV_T_ADD] = bytes[CONV_T_OUT] = points * (size_t)s.n_out * element;
    bytes[CONV_T_ROW_BIAS] = (size_t)(s.rows * s.n_out) * sizeof(float);
    bytes[CONV_T_SCALE] = bytes[CONV_T_BIAS] = (size_t)s.n_out * sizeof(float);
    bytes[CONV_T_MASK] = points * element;
    for (int i = 0, n = conv_spec_tensors(&s, ids); i < n; i++) {
        emulated_inside(p[(size_t)ids[i]], bytes[ids[i]], "a tensor that is not within the device's memory");
        if (reinterpret_cast<uintptr_t>(p[(size_t)ids[i]]) % 16 != 0)
            emulated_fail("a tensor that is not aligned");
    }
    const void *out = s.fusion & CONV_NORM ? p[CONV_T_OUT] : NULL, *y = p[CONV_Y];

    if (s.fusion & CONV_NORM && !(s.fusion & CONV_RAW))
        y = NULL;
    if (overlap(p[CONV_X], bytes[CONV_X], p[CONV_W], bytes[CONV_W]) ||
        overlap(p[CONV_X], bytes[CONV_X], y, bytes[CONV_Y]) || overlap(p[CONV_W], bytes[CONV_W], y, bytes[CONV_Y]) ||
        overlap(p[CONV_X], bytes[CONV_X], out, bytes[CONV_T_OUT]) || overlap(y, bytes[CONV_Y], out, bytes[CONV_T_OUT]))
        emulated_fail("a convolution that writes what it reads");
}

void convolve(struct conv_spec s, std::vector<void *> p)
{
    check_tensors(s, p);
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
enum tg_status device_prop_describe(int, struct device_prop *p, struct tg_error *)
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

/* They want all the workspace there is. */
enum tg_status conv_plans_find(const struct conv_spec *s, const struct device_prop *, size_t max_workspace, int n,
                               struct conv_plan *plans, int *n_found, struct tg_error *err)
{
    *n_found = 0;
    if (s->fusion != 0 && getenv("TENGEN_EMULATE_NO_COMPILER") != NULL) {
        (void)FAIL(err, TG_EDEVICE, "no compiler");
        return TG_OK;
    }
    if (s->fusion != 0)
        note_compiled(s, -1);
    for (; *n_found < n && *n_found < 2; ++*n_found)
        plans[*n_found] = {new plan{*s, max_workspace, s->fusion != 0, false}, max_workspace, 1, -1};
    return TG_OK;
}

/* A fused kernel is faster than what the heuristics name, and than a convolution and a kernel behind it. */
enum tg_status conv_plans_fused(const struct conv_spec *s, const struct device_prop *prop, size_t max_workspace,
                                int64_t kernel, int n, struct conv_plan *plans, int *n_found, struct tg_error *err)
{
    int named = 0;
    enum tg_status rc = TG_OK;

    if (kernel < 0) {
        rc = conv_plans_find(s, prop, max_workspace, n, plans + *n_found, &named, err);
        *n_found += named;
    } else if (getenv("TENGEN_EMULATE_NO_COMPILER") == NULL) {
        note_compiled(s, kernel);
        plans[(*n_found)++] = {new plan{*s, 0, false, true}, 0, 2, kernel};
    }
    return rc;
}

void emulated_forget_compiled(void)
{
    compiled.kernels.clear();
    compiled.each.clear();
    compiled.again = 0;
}
int emulated_compiled(int64_t kernel) { return (int)compiled.kernels.count(kernel); }
int emulated_compiled_again(void) { return compiled.again; }

enum tg_status conv_plan_save(const struct conv_plan *p, char **json, struct tg_error *)
{
    const struct plan &made = *static_cast<plan *>(p->d);
    const struct conv_spec &s = made.spec;
    char text[200];

    snprintf(text, sizeof text, "{%d %d %d\n%d %d %d %d %d %d %zu %d %d}", s.op, s.rows, s.size, s.n_in, s.n_out,
             s.k, s.precision, s.fusion, s.act, p->workspace, made.slow, made.to_call);
    *json = strdup(text);
    return TG_OK;
}

enum tg_status conv_plan_load(const char *json, const struct device_prop *, struct conv_plan *p,
                              struct tg_error *err)
{
    struct conv_spec s;
    size_t workspace;
    int slow, to_call;

    if (sscanf(json, "{%d %d %d %d %d %d %d %d %d %zu %d %d}", &s.op, &s.rows, &s.size, &s.n_in, &s.n_out, &s.k,
               &s.precision, &s.fusion, &s.act, &workspace, &slow, &to_call) != 12)
        return FAIL(err, TG_EDEVICE, "no plan");
    *p = {new plan{s, workspace, slow != 0, to_call != 0}, workspace, -1, -1};
    return TG_OK;
}

struct emulated_handle {
    cudaStream_t stream;
    bool used;
};

/* A plan computes what it was made for, whatever it is used for. */
enum tg_status conv_plan_run(const struct conv_plan *p, const struct conv_spec *, cudnnHandle_t handle,
                             void *const *pointers, void *workspace, struct tg_error *err)
{
    std::vector<void *> data(pointers, pointers + CONV_TENSORS);
    struct plan made = *static_cast<plan *>(p->d);
    struct emulated_handle *h = reinterpret_cast<struct emulated_handle *>(handle);
    cudaStream_t stream = h->stream;

    if (!h->used && emulated_is_capturing(stream))
        return FAIL(err, TG_EDEVICE, "a handle's first call may allocate, which a record does not allow");
    h->used = true;

    for (int i = 0; i < 2 && made.to_call && !emulated_is_capturing(stream); i++)
        emulated_call();
    emulated_enqueue(stream, [=]() {
        if (made.workspace > 0)
            emulated_inside(workspace, made.workspace, "a plan with more workspace than there is");
        if (made.slow)
            emulated_tick();
        convolve(made.spec, data);
    });
    return TG_OK;
}

cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = reinterpret_cast<cudnnHandle_t>(new emulated_handle{});
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle)
{
    delete reinterpret_cast<struct emulated_handle *>(handle);
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    reinterpret_cast<struct emulated_handle *>(handle)->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}
size_t cudnnGetVersion(void) { return 0; }
const char *cudnnGetErrorString(cudnnStatus_t) { return "an error"; }

} // extern "C"
