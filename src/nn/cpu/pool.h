/* pool.h - global pooling: what a whole board says, channel by channel. */
#pragma once

#include "lane.h"
#include "prologue.h"

/* The third group of pooled values: the maximum (trunk, policy head) or the mean weighed by the
 * square of the board's side (value head). */
enum pool_kind { POOL_MAX, POOL_SQUARE };

/* out [row][3 n] := mean, mean * (s - 14) / 10, and the third, of the n channels of x through the
 * prologue, over on-board points; s is the square root of their number. top (may be NULL)
 * [row][n] := where the maxima are. */
void pool_forward(const struct lane *l, const float *x, int n, const struct prologue *pre,
                  enum pool_kind kind, float *out, int16_t *top);

/* dx := gradient of x from d_out [row][3 n]; norm gradients are added to. */
void pool_backward(struct lane *l, const float *x, int n, const struct prologue *pre,
                   enum pool_kind kind, const float *d_out, const int16_t *top, float *dx,
                   const struct norm_grads *norm);

/* x [n_blocks] += bias [row][n_blocks * 8] at every point. */
void pool_spread(const struct lane *l, int n_blocks, const float *bias, float *x);
/* sums [row][n_blocks * 8] := x summed over points: the gradient of that. */
void pool_gather(const struct lane *l, int n_blocks, const float *x, float *sums);
