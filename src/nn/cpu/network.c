/* network.c - stem and tower, there and back. */
#include "network.h"

#include <string.h>

#include "conv.h"
#include "dense.h"
#include "pool.h"

static void input_row(struct lane *l, const struct nn_batch *b, int from, int row)
{
    const struct cpu_plan *p = l->plan;
    int n_planes = p->arch.n_planes, bytes = (p->points + 7) / 8;
    const uint8_t *bits = b->planes + (size_t)from * (size_t)(n_planes * bytes);
    const uint16_t *to = p->turned[b->symmetry[from] & 7];
    float *mask = l->mask + row * p->points;
    int area = 0;

    for (int cb = 0; cb < p->stem.n_in_blocks; cb++)
        memset(l->input + (size_t)cb * l->stride + (size_t)(row * p->points) * 8, 0,
               (size_t)p->points * 32);
    memset(mask, 0, (size_t)p->points * sizeof *mask);
    for (int c = 0; c < n_planes; c++) {
        float *x = l->input + (size_t)(c / 8) * l->stride + (size_t)(row * p->points) * 8 + c % 8;

        for (int i = 0; i < bytes; i++, bits++)
            for (unsigned rest = *bits; rest != 0; rest &= rest - 1) { /* the set bits only */
                int point = i * 8 + 7 - __builtin_ctz(rest);

                if (point >= p->points)
                    continue;
                x[to[point] * 8] = 1.0f;
                if (c == 0) {
                    mask[to[point]] = 1.0f;
                    area++;
                }
            }
    }
    l->area[row] = area > 0 ? (float)area : 1.0f;
    memcpy(l->globals + row * p->arch.n_globals, b->globals + (size_t)from * (size_t)p->arch.n_globals,
           (size_t)p->arch.n_globals * sizeof(float));
}

void network_input(struct lane *l, const struct nn_batch *b, int first, int n)
{
    l->rows = n;
    for (int row = 0; row < n; row++)
        input_row(l, b, first + row, row);
}

static float *stem_forward(struct lane *l)
{
    const struct cpu_plan *p = l->plan;
    int n_blocks = p->stem.n_out_blocks, width = n_blocks * 8;
    float *out = l->saved != NULL ? l->stem_out : l->stream[0];

    conv_forward(l, &p->stem, l->input, NULL, NULL, out);
    memset(l->row_bias, 0, (size_t)(l->rows * width) * sizeof(float));
    for (int row = 0; row < l->rows; row++)
        dense(l->params + p->globals, p->arch.n_globals, p->arch.trunk,
              l->globals + row * p->arch.n_globals, l->row_bias + row * width);
    pool_spread(l, n_blocks, l->row_bias, out);
    return out;
}

/* The pooled part of raw, through its norm, becomes a bias on the regular part. */
static void gpool_forward(struct lane *l, const struct cpu_block *k, float *raw, float *pooled,
                          int16_t *top)
{
    struct prologue normg = lane_prologue(l, &k->normg);
    int n_blocks = blocks_of(k->mid), width = n_blocks * 8;

    pool_forward(l, raw + (size_t)n_blocks * l->stride, k->gpool, &normg, POOL_MAX, pooled, top);
    memset(l->row_bias, 0, (size_t)(l->rows * width) * sizeof(float));
    for (int row = 0; row < l->rows; row++)
        dense(l->params + k->pool_matmul, 3 * k->gpool, k->mid, pooled + row * 3 * k->gpool,
              l->row_bias + row * width);
    pool_spread(l, n_blocks, l->row_bias, raw);
}

/* The stream behind block `at`, given the one before it. */
static float *block_forward(struct lane *l, int at, float *in)
{
    const struct cpu_block *k = &l->plan->blocks[at];
    struct prologue norm1 = lane_prologue(l, &k->norm1), norm2 = lane_prologue(l, &k->norm2);
    bool train = l->saved != NULL;
    float *out = train ? l->saved[at].out : in, *mid;

    if (k->kind == NN_BLOCK_NESTED) {
        mid = train ? l->saved[at].inner : l->stream[k->depth + 1];
        conv_forward(l, &k->conv1, in, &norm1, NULL, mid);
        for (int inner = at + 1; inner < at + k->span; inner += l->plan->blocks[inner].span)
            mid = block_forward(l, inner, mid);
    } else {
        mid = train ? l->saved[at].raw : l->raw;
        conv_forward(l, &k->conv1, in, &norm1, NULL, mid);
        if (k->kind == NN_BLOCK_GPOOL)
            gpool_forward(l, k, mid, train ? l->saved[at].pooled : l->pooled,
                          train ? l->saved[at].top : NULL);
    }
    conv_forward(l, &k->conv2, mid, &norm2, in, out);
    return out;
}

void network_forward(struct lane *l, bool ownership)
{
    float *stream = stem_forward(l);

    for (int at = 0; at < l->plan->arch.n_blocks; at += l->plan->blocks[at].span)
        stream = block_forward(l, at, stream);
    heads_forward(l, stream, ownership);
}

static void gpool_backward(struct lane *l, int at)
{
    const struct cpu_block *k = &l->plan->blocks[at];
    const struct saved_block *s = &l->saved[at];
    struct prologue normg = lane_prologue(l, &k->normg);
    struct norm_grads normg_grads = norm_grads_of(l, &k->normg);
    int n_blocks = blocks_of(k->mid), n_pooled = 3 * k->gpool;

    pool_gather(l, n_blocks, l->grad_raw, l->grad_row_bias);
    memset(l->grad_pooled, 0, (size_t)(l->rows * n_pooled) * sizeof(float));
    for (int row = 0; row < l->rows; row++)
        dense_back(l->params + k->pool_matmul, n_pooled, k->mid, s->pooled + row * n_pooled,
                   l->grad_row_bias + row * n_blocks * 8, l->grads + k->pool_matmul,
                   l->grad_pooled + row * n_pooled);
    pool_backward(l, s->raw + (size_t)n_blocks * l->stride, k->gpool, &normg, POOL_MAX,
                  l->grad_pooled, s->top, l->grad_raw + (size_t)n_blocks * l->stride, &normg_grads);
}

/* d: gradient of the stream behind block `at` on entry, before it on return. */
static void block_backward(struct lane *l, int at, const float *in, float *d)
{
    const struct cpu_block *k = &l->plan->blocks[at];
    const struct saved_block *s = &l->saved[at];
    struct prologue norm1 = lane_prologue(l, &k->norm1), norm2 = lane_prologue(l, &k->norm2);
    struct norm_grads grads1 = norm_grads_of(l, &k->norm1), grads2 = norm_grads_of(l, &k->norm2);
    float *d_mid = l->grad_raw;

    if (k->kind == NN_BLOCK_NESTED) {
        int inner[UINT8_MAX], n = 0;

        d_mid = l->grad_stream[k->depth + 1];
        for (int i = at + 1; i < at + k->span; i += l->plan->blocks[i].span)
            inner[n++] = i;
        conv_backward(l, &k->conv2, l->saved[inner[n - 1]].out, &norm2, d, d_mid, false, &grads2);
        while (n-- > 0)
            block_backward(l, inner[n], n > 0 ? l->saved[inner[n - 1]].out : s->inner, d_mid);
    } else {
        conv_backward(l, &k->conv2, s->raw, &norm2, d, d_mid, false, &grads2);
        if (k->kind == NN_BLOCK_GPOOL)
            gpool_backward(l, at);
    }
    conv_backward(l, &k->conv1, in, &norm1, d_mid, d, true, &grads1);
}

/* Filters go to the sums whole, all else is added up in l->grads first. */
static void clear_grads(struct lane *l)
{
    const struct nn_layout *layout = &l->plan->layout;

    for (const struct nn_tensor *t = layout->tensors; t < layout->tensors + layout->n_tensors; t++)
        if (t->kind != NN_TENSOR_CONV)
            memset(l->grads + t->offset, 0, t->n * sizeof *l->grads);
}

static void add_grads(struct lane *l)
{
    const struct nn_layout *layout = &l->plan->layout;

    for (const struct nn_tensor *t = layout->tensors; t < layout->tensors + layout->n_tensors; t++)
        if (t->kind != NN_TENSOR_CONV)
            lane_add_grads(l, t->offset, t->n, l->grads + t->offset);
}

void network_backward(struct lane *l, bool ownership)
{
    const struct cpu_plan *p = l->plan;
    int top[NN_MAX_BLOCKS], n = 0, width = p->stem.n_out_blocks * 8;
    float *d = l->grad_stream[0];

    clear_grads(l);
    for (int at = 0; at < p->arch.n_blocks; at += p->blocks[at].span)
        top[n++] = at;
    heads_backward(l, n > 0 ? l->saved[top[n - 1]].out : l->stem_out, ownership, d);
    while (n-- > 0)
        block_backward(l, top[n], n > 0 ? l->saved[top[n - 1]].out : l->stem_out, d);

    pool_gather(l, p->stem.n_out_blocks, d, l->grad_row_bias);
    for (int row = 0; row < l->rows; row++) {
        const float *globals = l->globals + row * p->arch.n_globals;

        for (int i = 0; i < p->arch.n_globals; i++)
            for (int c = 0; c < p->arch.trunk; c++)
                l->grads[p->globals + (size_t)(i * p->arch.trunk + c)] +=
                    globals[i] * l->grad_row_bias[row * width + c];
    }
    conv_backward(l, &p->stem, l->input, NULL, d, NULL, false, NULL);
    add_grads(l);
}
