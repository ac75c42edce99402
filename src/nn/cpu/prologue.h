/* prologue.h - one board of one channel block through norm, activation and mask, and back. */
#pragma once

#include "lane.h"
#include "vec.h"

/* out, lines of `width` points apart, := act(scale * x + bias) * mask for S x S points. */
INLINE void prologue_board(const int act, int size, const float *x, v8 scale, v8 bias,
                           const float *mask, float *out, int width)
{
    for (int line = 0; line < size; line++, out += width * 8)
        for (int i = 0; i < size; i++, x += 8, mask++)
            v8_store(out + i * 8, v8_act(act, v8_load(x) * scale + bias) * *mask);
}

/* Block cb, row `row` of x, activated (or as it is, pre NULL). */
static inline void prologue_apply(const struct lane *l, const struct prologue *pre, const float *x,
                                  int cb, int row, float *out, int width)
{
    int size = l->plan->size, points = l->plan->points;
    const float *board = x + (size_t)cb * l->stride + (size_t)(row * points) * 8;
    const float *mask = l->mask + row * points;

    if (pre == NULL) {
        for (int line = 0; line < size; line++)
            memcpy(out + line * width * 8, board + line * size * 8, (size_t)size * 32);
        return;
    }
    v8 scale = v8_load(pre->scale + cb * 8), bias = v8_load(pre->bias + cb * 8);

    ACT_SWITCH(pre->act, prologue_board(ACT, size, board, scale, bias, mask, out, width))
}

/* Back: du, lines `width` apart, is the gradient of the activated board. dx := (add ? dx : 0) +
 * gradient of x; the sums over points of the gradients of scale and bias are added to *ds, *db. */
INLINE void prologue_board_back(const int act, const bool add, int size, const float *x, v8 scale,
                                v8 bias, const float *mask, const float *du, int width, float *dx,
                                v8 *ds, v8 *db)
{
    v8 sum_scale = *ds, sum_bias = *db;

    for (int line = 0; line < size; line++, du += width * 8)
        for (int i = 0; i < size; i++, x += 8, dx += 8, mask++) {
            v8 in = v8_load(x);
            v8 dz = v8_act_slope(act, in * scale + bias) * (v8_load(du + i * 8) * *mask);

            sum_scale += dz * in;
            sum_bias += dz;
            v8_store(dx, add ? v8_load(dx) + dz * scale : dz * scale);
        }
    *ds = sum_scale;
    *db = sum_bias;
}

static inline void prologue_back(const struct lane *l, const struct prologue *pre, const float *x,
                                 int cb, int row, const float *du, int width, float *dx, bool add,
                                 v8 *ds, v8 *db)
{
    int size = l->plan->size, points = l->plan->points;
    size_t at = (size_t)cb * l->stride + (size_t)(row * points) * 8;
    const float *mask = l->mask + row * points;
    v8 scale = v8_load(pre->scale + cb * 8), bias = v8_load(pre->bias + cb * 8);

    if (add)
        ACT_SWITCH(pre->act, prologue_board_back(ACT, true, size, x + at, scale, bias, mask, du,
                                                 width, dx + at, ds, db))
    else
        ACT_SWITCH(pre->act, prologue_board_back(ACT, false, size, x + at, scale, bias, mask, du,
                                                 width, dx + at, ds, db))
}

/* Where the gradients of a prologue's norm go: flat, n channels. */
struct norm_grads {
    float *scale, *bias;
    int n;
};

static inline struct norm_grads norm_grads_of(const struct lane *l, const struct cpu_norm *n)
{
    return (struct norm_grads){l->grads + n->scale, l->grads + n->bias, n->n};
}

/* Add one block's sums to them. */
static inline void norm_grads_add(const struct norm_grads *g, int cb, v8 ds, v8 db)
{
    for (int i = 0; i < 8 && cb * 8 + i < g->n; i++) {
        g->scale[cb * 8 + i] += ds[i];
        g->bias[cb * 8 + i] += db[i];
    }
}
