/* network.h - the network's forward pass, and its backward pass from the gradients of the heads. */
#pragma once

#include "lane.h"

/* Rows first .. first + n of b into the lane, each turned by its symmetry. */
void network_input(struct lane *l, const struct nn_batch *b, int first, int n);
/* The stream behind the last block; then all heads. */
void network_forward(struct lane *l, bool ownership);
/* l->sums += gradients, from l->grad_logits, grad_pass, grad_value, grad_score and (if `ownership`)
 * grad_own. After network_forward of a training lane. */
void network_backward(struct lane *l, bool ownership);

/* heads.c */
void heads_forward(struct lane *l, const float *stream, bool ownership);
/* d_stream := gradient of the stream. */
void heads_backward(struct lane *l, const float *stream, bool ownership, float *d_stream);
