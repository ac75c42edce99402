/* sums.h - gradients and metrics as fixed-point integers, whose sum has the same bits in any order.
 *
 * The range: [P] gradients in units of 2^-40, [NN_METRICS] metrics in units of 2^-24, and one count
 * of values that did not fit. A gradient fits if it is finite and below 1024 (its sum on one rank,
 * too), so that 4096 ranks cannot overflow the sum unnoticed; the sum of all ranks below 2048. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tengen/nn.h"

enum { SUMS_LOCKS = 64 };

struct sums {
    int64_t *value; /* owned [n_params + NN_METRICS + 1] */
    size_t n_params;
    pthread_mutex_t locks[SUMS_LOCKS]; /* each guards a slice of the gradients */
    pthread_mutex_t metrics_lock;
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

/* s->value[first .. first + n) += grads [n]; metrics likewise. Any thread may add at any time.
 * Returns how many did not fit. */
int64_t sums_add_grads(struct sums *s, size_t first, size_t n, const float *grads);
void sums_add_metrics(struct sums *s, const struct row_metrics *m);

/* Sum i as a number. Sums of all ranks fit 51 bits and a sign (see sums_fits), which lets it be done
 * without a conversion instruction, four at a time. */
static inline double sums_number(int64_t sum)
{
    const double magic = 0x1.8p52;
    int64_t bits;
    double x;

    memcpy(&bits, &magic, sizeof bits);
    bits = (int64_t)((uint64_t)bits + (uint64_t)sum);
    memcpy(&x, &bits, sizeof x);
    return (x - magic) * 0x1p-40;
}
static inline bool sums_fits(int64_t sum)
{
    return sum < INT64_C(1) << 51 && sum > -(INT64_C(1) << 51);
}
double sums_metric(const struct sums *s, enum nn_metric metric);
/* Did everything fit, on all ranks that were summed? */
bool sums_sound(const struct sums *s);
