/* graph.c - cuDNN's backend descriptors from C. See graph.h. */
#include "graph.h"

#include "cudnn_call.h"
#include "tengen/nn.h"

/* ---- descriptors -------------------------------------------------------------------------------- */

/* Everything made for one graph. */
struct maker {
    const struct conv_spec *s;
    cudnnBackendDescriptor_t made[96], ops[24];
    int n_made, n_ops;
    int64_t next_virtual; /* identifiers of tensors that stay inside */
    struct tg_error *err;
};

static enum tg_status make(struct maker *m, cudnnBackendDescriptorType_t type,
                           cudnnBackendDescriptor_t *d)
{
    struct tg_error *err = m->err;

    *d = NULL;
    if (m->n_made == sizeof m->made / sizeof *m->made)
        return FAIL(err, TG_EDEVICE, "a cuDNN graph of more than %d descriptors", m->n_made);
    CUDNN(cudnnBackendCreateDescriptor(type, d));
    m->made[m->n_made++] = *d;
    return TG_OK;
}

static void unmake(struct maker *m)
{
    while (m->n_made > 0)
        cudnnBackendDestroyDescriptor(m->made[--m->n_made]);
}

static enum tg_status set(struct maker *m, cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                          cudnnBackendAttributeType_t type, int64_t n, const void *value)
{
    struct tg_error *err = m->err;

    CUDNN(cudnnBackendSetAttribute(d, name, type, n, value));
    return TG_OK;
}

static enum tg_status set_child(struct maker *m, cudnnBackendDescriptor_t d,
                                cudnnBackendAttributeName_t name, cudnnBackendDescriptor_t child)
{
    return set(m, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &child);
}

static enum tg_status finalize(struct maker *m, cudnnBackendDescriptor_t d)
{
    struct tg_error *err = m->err;

    CUDNN(cudnnBackendFinalize(d));
    return TG_OK;
}

static cudnnDataType_t data_type(int precision)
{
    return precision == PRECISION_BF16  ? CUDNN_DATA_BFLOAT16
           : precision == PRECISION_F16 ? CUDNN_DATA_HALF
                                        : CUDNN_DATA_FLOAT;
}

/* [n][c][h][w] with the channels innermost. */
static enum tg_status make_tensor(struct maker *m, int64_t id, const int64_t dims[4],
                                  cudnnDataType_t type, bool is_virtual, cudnnBackendDescriptor_t *d)
{
    struct tg_error *err = m->err;
    const int64_t strides[4] = {dims[1] * dims[2] * dims[3], 1, dims[3] * dims[1], dims[1]};
    const int64_t alignment = 16;

    TRY(make(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR, d));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment));
    TRY(set(m, *d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual));
    return finalize(m, *d);
}

/* A tensor of the graph's boundary. */
static enum tg_status tensor_of(struct maker *m, enum conv_tensor id, cudnnBackendDescriptor_t *d)
{
    const struct conv_spec *s = m->s;
    const int64_t board[4] = {s->rows, s->n_out, s->size, s->size};
    const int64_t in[4] = {s->rows, s->n_in, s->size, s->size};
    const int64_t filter[4] = {s->n_out, s->n_in, s->k, s->k};
    const int64_t mask[4] = {s->rows, 1, s->size, s->size};
    const int64_t per_row[4] = {s->rows, s->n_out, 1, 1}, channel[4] = {1, s->n_out, 1, 1};
    cudnnDataType_t type = data_type(s->precision);
    const int64_t *dims = board;

    switch (id) {
    case CONV_X: dims = in; break;
    case CONV_W: dims = filter; break;
    case CONV_T_ROW_BIAS: dims = per_row; type = CUDNN_DATA_FLOAT; break;
    case CONV_T_SCALE:
    case CONV_T_BIAS: dims = channel; type = CUDNN_DATA_FLOAT; break;
    case CONV_T_MASK: dims = mask; break;
    default: break;
    }
    return make_tensor(m, id, dims, type, false, d);
}

/* A result that stays inside the kernel, in fp32. */
static enum tg_status make_virtual(struct maker *m, cudnnBackendDescriptor_t *d)
{
    const int64_t dims[4] = {m->s->rows, m->s->n_out, m->s->size, m->s->size};

    return make_tensor(m, m->next_virtual++, dims, CUDNN_DATA_FLOAT, true, d);
}

/* ---- operations --------------------------------------------------------------------------------- */

static enum tg_status make_convolution(struct maker *m, cudnnBackendDescriptor_t *d)
{
    struct tg_error *err = m->err;
    const int64_t n = 2, reach = m->s->k / 2, pad[2] = {reach, reach}, one[2] = {1, 1};
    cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;

    TRY(make(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR, d));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &n));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, pad));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, pad));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, one));
    TRY(set(m, *d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, one));
    return finalize(m, *d);
}

/* The names of one kind of convolution's attributes. */
struct conv_names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t conv, x, w, y, alpha, beta;
};
static const struct conv_names conv_names[] = {
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
     CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
    {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
     CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
};

/* The convolution itself, with y as its third tensor. */
static enum tg_status add_convolution(struct maker *m, cudnnBackendDescriptor_t y)
{
    struct tg_error *err = m->err;
    const struct conv_names *n = &conv_names[m->s->op];
    cudnnBackendDescriptor_t conv, x, w, op;
    const float one = 1.0f, zero = 0.0f;

    TRY(make_convolution(m, &conv));
    TRY(tensor_of(m, CONV_X, &x));
    TRY(tensor_of(m, CONV_W, &w));
    TRY(make(m, n->type, &op));
    TRY(set_child(m, op, n->conv, conv));
    TRY(set_child(m, op, n->x, x));
    TRY(set_child(m, op, n->w, w));
    TRY(set_child(m, op, n->y, y));
    TRY(set(m, op, n->alpha, CUDNN_TYPE_FLOAT, 1, &one));
    TRY(set(m, op, n->beta, CUDNN_TYPE_FLOAT, 1, &zero));
    m->ops[m->n_ops++] = op;
    return finalize(m, op);
}

/* y := mode(x, b); b NULL for functions of one argument. */
static enum tg_status add_pointwise(struct maker *m, cudnnPointwiseMode_t mode,
                                    cudnnBackendDescriptor_t x, cudnnBackendDescriptor_t b,
                                    cudnnBackendDescriptor_t y)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t what, op;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;

    TRY(make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, &what));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY(finalize(m, what));
    TRY(make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, &op));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x));
    if (b != NULL)
        TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y));
    m->ops[m->n_ops++] = op;
    return finalize(m, op);
}

/* *x := mode(*x, boundary tensor b), a virtual one. */
static enum tg_status chain(struct maker *m, cudnnPointwiseMode_t mode, enum conv_tensor b,
                            cudnnBackendDescriptor_t *x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t other, y;

    TRY(tensor_of(m, b, &other));
    TRY(make_virtual(m, &y));
    TRY(add_pointwise(m, mode, *x, other, y));
    *x = y;
    return TG_OK;
}

static enum tg_status chain_unary(struct maker *m, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t *x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t y;

    TRY(make_virtual(m, &y));
    TRY(add_pointwise(m, mode, *x, NULL, y));
    *x = y;
    return TG_OK;
}

/* *x := *x between low and high, a virtual one: what cuDNN has is a ReLU with both ends set. */
static enum tg_status chain_clip(struct maker *m, double low, double high, cudnnBackendDescriptor_t *x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t what, op, y;
    cudnnPointwiseMode_t mode = CUDNN_POINTWISE_RELU_FWD;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;

    TRY(make_virtual(m, &y));
    TRY(make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR, &what));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, CUDNN_TYPE_DOUBLE, 1, &low));
    TRY(set(m, what, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, CUDNN_TYPE_DOUBLE, 1, &high));
    TRY(finalize(m, what));
    TRY(make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR, &op));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *x));
    TRY(set_child(m, op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y));
    m->ops[m->n_ops++] = op;
    *x = y;
    return finalize(m, op);
}

/* *x := mode(a, b), a virtual one. */
static enum tg_status chain_binary(struct maker *m, cudnnPointwiseMode_t mode, cudnnBackendDescriptor_t a,
                                   cudnnBackendDescriptor_t b, cudnnBackendDescriptor_t *x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t y;

    TRY(make_virtual(m, &y));
    TRY(add_pointwise(m, mode, a, b, y));
    *x = y;
    return TG_OK;
}

/* x tanh(log(1 + e^x)) = x n / (n + 2), n = e^2 + 2 e: one exponential and one quotient. As softplus and tanh it
 * is five operations of the special function unit, for which a convolution of 192 channels would wait. */
static enum tg_status chain_mish(struct maker *m, cudnnBackendDescriptor_t *x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t e = *x, two = *x, n, d;

    TRY(chain_clip(m, -80.0, 20.0, &e));
    TRY(chain_clip(m, 2.0, 2.0, &two));
    TRY(chain_unary(m, CUDNN_POINTWISE_EXP, &e));
    TRY(chain_binary(m, CUDNN_POINTWISE_ADD, e, two, &d));
    TRY(chain_binary(m, CUDNN_POINTWISE_MUL, e, d, &n));
    TRY(chain_binary(m, CUDNN_POINTWISE_ADD, n, two, &d));
    TRY(chain_binary(m, CUDNN_POINTWISE_DIV, n, d, &n));
    return chain_binary(m, CUDNN_POINTWISE_MUL, *x, n, x);
}

static enum tg_status add_activation(struct maker *m, cudnnBackendDescriptor_t *x)
{
    switch ((enum nn_activation)m->s->act) {
    case NN_RELU: return chain_unary(m, CUDNN_POINTWISE_RELU_FWD, x);
    case NN_SILU: return chain_unary(m, CUDNN_POINTWISE_SWISH_FWD, x);
    case NN_MISH:
        return chain_mish(m, x);
    case NN_IDENTITY: break;
    }
    return TG_OK;
}

/* The last pointwise operation before `out` writes a tensor of the boundary. */
static enum tg_status add_norm(struct maker *m, cudnnBackendDescriptor_t x)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t mask, out;

    TRY(chain(m, CUDNN_POINTWISE_MUL, CONV_T_SCALE, &x));
    TRY(chain(m, CUDNN_POINTWISE_ADD, CONV_T_BIAS, &x));
    TRY(add_activation(m, &x));
    TRY(tensor_of(m, CONV_T_MASK, &mask));
    TRY(tensor_of(m, CONV_T_OUT, &out));
    return add_pointwise(m, CUDNN_POINTWISE_MUL, x, mask, out);
}

/* The sum of the convolution and what is added to it: its last operation writes y if it is wanted. */
static enum tg_status add_forward(struct maker *m)
{
    struct tg_error *err = m->err;
    bool norm = m->s->fusion & CONV_NORM, raw = !norm || m->s->fusion & CONV_RAW;
    bool row_bias = m->s->fusion & CONV_ROW_BIAS, add = m->s->fusion & CONV_ADD;
    cudnnBackendDescriptor_t x, other, sum;

    if (raw)
        TRY(tensor_of(m, CONV_Y, &sum));
    else
        TRY(make_virtual(m, &sum));
    x = sum;
    if (row_bias || add)
        TRY(make_virtual(m, &x));
    TRY(add_convolution(m, x));
    if (row_bias && add)
        TRY(chain(m, CUDNN_POINTWISE_ADD, CONV_T_ROW_BIAS, &x));
    if (row_bias || add) {
        TRY(tensor_of(m, add ? CONV_T_ADD : CONV_T_ROW_BIAS, &other));
        TRY(add_pointwise(m, CUDNN_POINTWISE_ADD, x, other, sum));
    }
    return norm ? add_norm(m, sum) : TG_OK;
}

static enum tg_status make_graph(struct maker *m, const struct device_prop *prop,
                                 cudnnBackendDescriptor_t *graph)
{
    struct tg_error *err = m->err;
    cudnnBackendDescriptor_t y;

    m->next_virtual = CONV_TENSORS;
    if (m->s->op == CONV_FORWARD) {
        TRY(add_forward(m));
    } else {
        TRY(tensor_of(m, CONV_Y, &y));
        TRY(add_convolution(m, y));
    }
    TRY(make(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, graph));
    TRY(set(m, *graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, m->n_ops, m->ops));
    if (prop->handle != NULL)
        TRY(set(m, *graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &prop->handle));
    return finalize(m, *graph);
}

/* kernel -1: n plans of cuDNN's heuristics. */
static enum tg_status find(const struct conv_spec *s, const struct device_prop *prop, size_t max_workspace,
                           int64_t kernel, int n, struct conv_plan *plans, int *n_found, struct tg_error *err)
{
    struct maker m = {.s = s, .err = err};
    cudnnBackendDescriptor_t graph;
    int before = *n_found;
    enum tg_status rc;

    TRY_OUT(make_graph(&m, prop, &graph));
    if (kernel < 0)
        TRY_OUT(conv_plans_of_graph(graph, s->precision, prop, max_workspace, n, plans, n_found, err));
    else
        *n_found += conv_plan_of_kernel(graph, s->precision, prop, max_workspace, kernel, &plans[*n_found]);
out:
    unmake(&m);
    if (rc != TG_OK)
        while (*n_found > before)
            conv_plan_close(&plans[--*n_found]);
    return rc;
}

enum tg_status conv_plans_find(const struct conv_spec *s, const struct device_prop *prop,
                               size_t max_workspace, int n, struct conv_plan *plans, int *n_found,
                               struct tg_error *err)
{
    *n_found = 0;
    TRY(find(s, prop, max_workspace, -1, n, plans, n_found, err));
    if (*n_found == 0) {
        char why[256] = "";

        cudnnGetLastErrorString(why, sizeof why);
        (void)FAIL(err, TG_EDEVICE, "%.200s", why);
    }
    return TG_OK;
}

enum tg_status conv_plans_fused(const struct conv_spec *s, const struct device_prop *prop, size_t max_workspace,
                                int64_t kernel, int n, struct conv_plan *plans, int *n_found, struct tg_error *err)
{
    int named = 0;

    if (kernel >= 0)
        return find(s, prop, max_workspace, kernel, 1, plans, n_found, err);
    enum tg_status rc = conv_plans_find(s, prop, max_workspace, n, plans + *n_found, &named, err);
    *n_found += named;
    return rc;
}
