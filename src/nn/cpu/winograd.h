/* winograd.h - boards to and from the Winograd domain, where a 3x3 convolution is one small matrix
 * product per position of the tile.
 *
 * A tensor in that domain: [position][block][tile][8]; tiles of all rows stand one after the other. */
#pragma once

#include "lane.h"
#include "prologue.h"

static inline size_t winograd_slab(const struct winograd *w, int rows)
{
    return (size_t)((rows * w->tiles + 1) / 2 * 2) * 8 + 16; /* never a power of two */
}
static inline size_t winograd_position(const struct winograd *w, int n_blocks, int rows)
{
    return (size_t)n_blocks * winograd_slab(w, rows) + 16;
}
/* Rows of a full lane of so many that are in the domain together: equal parts, small enough for the
 * cache where a board has many tiles. A lane that is not full takes as many at a time. */
static inline int winograd_rows(const struct winograd *w, int rows)
{
    enum { TILES = 144 };
    int most = TILES / w->tiles > 1 ? TILES / w->tiles : 1, parts = (rows + most - 1) / most;

    return parts > 0 ? (rows + parts - 1) / parts : 0;
}
/* Floats of a tensor of that many blocks and rows. */
static inline size_t winograd_tensor(const struct winograd *w, int n_blocks, int rows)
{
    return (size_t)(w->n * w->n) * winograd_position(w, n_blocks, rows);
}

/* Packed filters of c from the flat parameters (backward only if the plan trains). */
void winograd_pack(const struct cpu_plan *p, const struct cpu_conv *c, const float *params,
                   float *packed);

/* y := conv(pre(x)) (+ add, which may be y; NULL: 0). pre NULL: x as it is. */
void winograd_forward(struct lane *l, const struct cpu_conv *c, const float *x,
                      const struct prologue *pre, const float *add, float *y);

/* Gradient of the filter into l->sums; dx := (add ? dx : 0) + gradient of x, through the prologue;
 * norm gradients are added to. dx NULL: x is the network's input. */
void winograd_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                       const struct prologue *pre, const float *dy, float *dx, bool add,
                       const struct norm_grads *norm);
