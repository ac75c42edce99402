/* conv.c - packing, and the convolutions that are plain matrix products. */
#include "conv.h"

#include <assert.h>

#include "gemm.h"
#include "winograd.h"

enum { MAX_SLABS = 1024 };

/* Rows of the matrix are [tap][padded channels in]. */
static void pack_plain(const struct cpu_plan *p, const struct cpu_conv *c, const float *params,
                       float *packed)
{
    int taps = c->k * c->k, n_in = c->n_in_blocks * 8;

    for (int i = 0; i < c->n_parts; i++)
        for (int out = 0; out < c->part[i].n_out; out++)
            for (int in = 0; in < c->n_in; in++)
                for (int t = 0; t < taps; t++) {
                    size_t from = ((size_t)out * (size_t)c->n_in + (size_t)in) * (size_t)taps + (size_t)t;
                    float w = params[c->part[i].offset + from];
                    int n = c->part[i].block * 8 + out;

                    packed[c->forward + gemm_packed_index(c->n_in_blocks * taps, c->n_out_blocks,
                                                          t * n_in + in, n)] = w;
                    if (p->train && taps == 1)
                        packed[c->backward +
                               gemm_packed_index(c->n_out_blocks, c->n_in_blocks, n, in)] = w;
                }
}

void conv_pack(const struct cpu_plan *p, const struct cpu_conv *c, const float *params, float *packed)
{
    if (c->k == 3)
        winograd_pack(p, c, params, packed);
    else
        pack_plain(p, c, params, packed);
}

void norm_pack(const struct cpu_norm *n, const float *params, float *packed)
{
    memcpy(packed + n->packed, params + n->scale, (size_t)n->n * sizeof(float));
    memcpy(packed + n->packed + n->n_blocks * 8, params + n->bias, (size_t)n->n * sizeof(float));
}

static void slabs_of(const struct lane *l, int n, ptrdiff_t slab[MAX_SLABS])
{
    for (int k = 0; k < n; k++)
        slab[k] = (ptrdiff_t)((size_t)k * l->stride);
}

/* x through the prologue into l->act; x itself where there is none. */
static const float *activated(struct lane *l, int n_blocks, const float *x,
                              const struct prologue *pre)
{
    if (pre == NULL)
        return x;
    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < l->rows; row++)
            prologue_apply(l, pre, x, cb, row,
                           l->act + (size_t)cb * l->stride + (size_t)(row * l->plan->points) * 8,
                           l->plan->size);
    return l->act;
}

static void point_forward(struct lane *l, const struct cpu_conv *c, const float *x,
                          const struct prologue *pre, const float *add, float *y)
{
    ptrdiff_t slab[MAX_SLABS];

    slabs_of(l, c->n_in_blocks, slab);
    gemm(l->rows * l->plan->points, activated(l, c->n_in_blocks, x, pre), slab, c->n_in_blocks,
         l->packed + c->forward, c->n_out_blocks, add, y, l->stride);
}

/* All parts of c from l->grads on to the sums. */
static void add_filters(struct lane *l, const struct cpu_conv *c)
{
    for (int i = 0; i < c->n_parts; i++)
        lane_add_grads(l, c->part[i].offset,
                       (size_t)(c->part[i].n_out * c->n_in) * (size_t)(c->k * c->k),
                       l->grads + c->part[i].offset);
}

/* w [in][out padded] to its place. */
static void unpack_point_grad(struct lane *l, const struct cpu_conv *c, const float *w)
{
    size_t n_out = (size_t)c->n_out_blocks * 8;

    for (int i = 0; i < c->n_parts; i++)
        for (int out = 0; out < c->part[i].n_out; out++)
            for (int in = 0; in < c->n_in; in++)
                l->grads[c->part[i].offset + (size_t)out * (size_t)c->n_in + (size_t)in] =
                    w[(size_t)in * n_out + (size_t)(c->part[i].block * 8 + out)];
    add_filters(l, c);
}

static void point_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                           const struct prologue *pre, const float *dy, float *dx, bool add,
                           const struct norm_grads *norm)
{
    ptrdiff_t slab[MAX_SLABS];
    int n_points = l->rows * l->plan->points;

    gemm_outer(n_points, activated(l, c->n_in_blocks, x, pre), l->stride, c->n_in_blocks, dy,
               l->stride, c->n_out_blocks, false, l->grad_filter);
    unpack_point_grad(l, c, l->grad_filter);
    if (dx == NULL)
        return;
    slabs_of(l, c->n_out_blocks, slab);
    gemm(n_points, dy, slab, c->n_out_blocks, l->packed + c->backward, c->n_in_blocks, NULL, l->act,
         l->stride);
    for (int cb = 0; cb < c->n_in_blocks; cb++) {
        v8 ds = v8_zero(), db = v8_zero();

        for (int row = 0; row < l->rows; row++)
            prologue_back(l, pre, x, cb, row,
                          l->act + (size_t)cb * l->stride + (size_t)(row * l->plan->points) * 8,
                          l->plan->size, dx, add, &ds, &db);
        norm_grads_add(norm, cb, ds, db);
    }
}

/* Row `row` of x, all blocks, into l->pad_direct with its border. */
static int pad_board(struct lane *l, const struct cpu_conv *c, const float *x, int row)
{
    int reach = c->k / 2, width = l->plan->size + 2 * reach;

    for (int cb = 0; cb < c->n_in_blocks; cb++)
        prologue_apply(l, NULL, x, cb, row,
                       l->pad_direct + ((cb * width + reach) * width + reach) * 8, width);
    return width;
}

static void direct_forward(struct lane *l, const struct cpu_conv *c, const float *x, float *y)
{
    ptrdiff_t slab[MAX_SLABS];
    int size = l->plan->size, n_slabs = 0;

    for (int row = 0; row < l->rows; row++) {
        int width = pad_board(l, c, x, row);

        n_slabs = 0;
        for (int t = 0; t < c->k * c->k; t++)
            for (int cb = 0; cb < c->n_in_blocks; cb++)
                slab[n_slabs++] = ((cb * width + t / c->k) * width + t % c->k) * 8;
        for (int line = 0; line < size; line++)
            gemm(size, l->pad_direct + line * width * 8, slab, n_slabs, l->packed + c->forward,
                 c->n_out_blocks, NULL, y + (size_t)(row * l->plan->points + line * size) * 8,
                 l->stride);
    }
}

static void direct_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                            const float *dy)
{
    int size = l->plan->size, taps = c->k * c->k;
    size_t n_out = (size_t)c->n_out_blocks * 8, matrix = (size_t)c->n_in_blocks * 8 * n_out;

    for (int row = 0; row < l->rows; row++) {
        int width = pad_board(l, c, x, row);

        for (int t = 0; t < taps; t++)
            for (int line = 0; line < size; line++)
                gemm_outer(size, l->pad_direct + ((line + t / c->k) * width + t % c->k) * 8,
                           (size_t)(width * width) * 8, c->n_in_blocks,
                           dy + (size_t)(row * l->plan->points + line * size) * 8, l->stride,
                           c->n_out_blocks, row + line > 0, l->grad_filter + (size_t)t * matrix);
    }
    for (int out = 0; out < c->part[0].n_out; out++)
        for (int in = 0; in < c->n_in; in++)
            for (int t = 0; t < taps; t++)
                l->grads[c->part[0].offset +
                         ((size_t)out * (size_t)c->n_in + (size_t)in) * (size_t)taps + (size_t)t] =
                    l->grad_filter[(size_t)t * matrix + (size_t)in * n_out + (size_t)out];
    add_filters(l, c);
}

void conv_forward(struct lane *l, const struct cpu_conv *c, const float *x,
                  const struct prologue *pre, const float *add, float *y)
{
    if (c->k == 3) {
        winograd_forward(l, c, x, pre, add, y);
    } else if (c->k == 1) {
        point_forward(l, c, x, pre, add, y);
    } else {
        assert(pre == NULL && add == NULL);
        direct_forward(l, c, x, y);
    }
}

void conv_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                   const struct prologue *pre, const float *dy, float *dx, bool add,
                   const struct norm_grads *norm)
{
    if (c->k == 3) {
        winograd_backward(l, c, x, pre, dy, dx, add, norm);
    } else if (c->k == 1) {
        point_backward(l, c, x, pre, dy, dx, add, norm);
    } else {
        assert(dx == NULL);
        direct_backward(l, c, x, dy);
    }
}
