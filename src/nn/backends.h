/* backends.h - the backends there are, and what they share. */
#pragma once

#include "tengen/nn.h"

extern const struct nn_backend nn_backend_cpu, nn_backend_simulated;

/* A batch's host arrays in ordinary memory, zeroed; b->device is NULL. */
enum tg_status nn_batch_alloc(const struct nn_arch *arch, int size, int capacity, int flags,
                              struct nn_batch *b, struct tg_error *err);
void nn_batch_free(struct nn_batch *b);

/* scale of a device that computes in 32 bits: NULL. No entry of the table is optional, so that callers ask for nothing. */
struct nn_scale *nn_no_scale(struct nn_net *net);
