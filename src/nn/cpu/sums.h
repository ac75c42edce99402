/* sums.h - gradients and metrics as fixed-point integers, whose sum has the same bits in any order.
 *
 * The range: [P] gradients in units of 2^-40, [NN_METRICS] metrics in units of 2^-24, and one count
 * of values that did not fit. A gradient fits if it is finite and below 1024 (its sum on one rank,
 * too), so that 4096 ranks cannot overflow the sum unnoticed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/nn.h"

struct sums {
    int64_t *value; /* owned [n_params + NN_METRICS + 1] */
    size_t n_params;
};

/* Metrics of some rows on their way into the sums. */
struct row_metrics {
    int64_t value[NN_METRICS];
    int64_t n_bad;
};

enum tg_status sums_open(size_t n_params, struct sums *s, struct tg_error *err);
void sums_close(struct sums *s);
void sums_clear(struct sums *s);
static inline size_t sums_n(const struct sums *s) { return s->n_params + NN_METRICS + 1; }

void row_metrics_add(struct row_metrics *m, enum nn_metric metric, double value);

/* s->value [first .. first + n) += grads there. Returns how many did not fit. */
int64_t sums_add_grads(struct sums *s, size_t first, size_t n, const float *grads);
void sums_add_metrics(struct sums *s, const struct row_metrics *m);

double sums_grad(const struct sums *s, size_t i);
double sums_metric(const struct sums *s, enum nn_metric metric);
/* Did everything fit, on all ranks that were summed? */
bool sums_sound(const struct sums *s);
