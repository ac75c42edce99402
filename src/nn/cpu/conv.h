/* conv.h - a convolution of any size: 3x3 by Winograd, 1x1 as a matrix product over points, others
 * directly (only the first layer of imported nets). */
#pragma once

#include "lane.h"
#include "prologue.h"

void conv_pack(const struct cpu_plan *p, const struct cpu_conv *c, const float *params,
               float *packed);
void norm_pack(const struct cpu_norm *n, const float *params, float *packed);

/* y := conv(pre(x)) (+ add, which may be y; NULL: 0). pre NULL: x as it is. */
void conv_forward(struct lane *l, const struct cpu_conv *c, const float *x,
                  const struct prologue *pre, const float *add, float *y);

/* Gradient of the filter into l->sums; dx := (add ? dx : 0) + gradient of x, through the prologue;
 * norm gradients are added to. dx NULL: x is the network's input. */
void conv_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                   const struct prologue *pre, const float *dy, float *dx, bool add,
                   const struct norm_grads *norm);
