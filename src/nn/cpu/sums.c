/* sums.c - see sums.h. */
#include "sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double v4d __attribute__((vector_size(32)));
typedef int64_t v4l __attribute__((vector_size(32)));

static const double GRAD_UNIT = 0x1p40, METRIC_UNIT = 0x1p24, METRIC_LIMIT = 0x1p30;
static const int64_t SUM_LIMIT = INT64_C(1) << 50; /* one rank's share */
static const double LIMIT = 1024.0, QUICK_LIMIT = 1024.0;

enum tg_status sums_open(size_t n_params, struct sums *s, struct tg_error *err)
{
    s->n_params = n_params;
    s->value = calloc(sums_n(s), sizeof *s->value);
    if (s->value == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %zu gradients", n_params);
    return TG_OK;
}

void sums_close(struct sums *s)
{
    free(s->value);
    memset(s, 0, sizeof *s);
}

void sums_clear(struct sums *s) { memset(s->value, 0, sums_n(s) * sizeof *s->value); }

void row_metrics_add(struct row_metrics *m, enum nn_metric metric, double value)
{
    if (fabs(value) < METRIC_LIMIT)
        m->value[metric] += llrint(value * METRIC_UNIT);
    else
        m->n_bad++;
}

/* Wraps where it must: a sum that has left its limits is counted as bad and thrown away. */
static int64_t add_wrapping(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static int64_t add_one(int64_t *sum, float grad)
{
    if (!(fabs((double)grad) < LIMIT))
        return 1;
    *sum = add_wrapping(*sum, llrint((double)grad * GRAD_UNIT));
    return *sum >= SUM_LIMIT || *sum <= -SUM_LIMIT;
}

/* Four at a time. Adding 1.5 * 2^52 leaves an integer's bits in the low end of a double; it is exact
 * up to 2^51 units, and rounds to even as llrint does. */
int64_t sums_add_grads(struct sums *s, size_t first, size_t n, const float *grads)
{
    const v4d magic = {0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52};
    int64_t *sum = s->value + first, n_bad = 0;
    size_t i = 0;

    grads += first;
    for (; i + 4 <= n; i += 4) {
        v4d x = {(double)grads[i], (double)grads[i + 1], (double)grads[i + 2], (double)grads[i + 3]};
        v4l fits = (x < QUICK_LIMIT) & (x > -QUICK_LIMIT), old, new;

        memcpy(&old, sum + i, sizeof old);
        new = old + ((v4l)(x * GRAD_UNIT + magic) - (v4l)magic);
        v4l ok = fits & (new < SUM_LIMIT) & (new > -SUM_LIMIT);

        if (ok[0] & ok[1] & ok[2] & ok[3]) {
            memcpy(sum + i, &new, sizeof new);
        } else {
            for (size_t k = i; k < i + 4; k++)
                n_bad += add_one(&sum[k], grads[k]);
        }
    }
    for (; i < n; i++)
        n_bad += add_one(&sum[i], grads[i]);
    return n_bad;
}

void sums_add_metrics(struct sums *s, const struct row_metrics *m)
{
    int64_t *value = s->value + s->n_params;

    for (int i = 0; i < NN_METRICS; i++)
        value[i] = add_wrapping(value[i], m->value[i]);
    value[NN_METRICS] = add_wrapping(value[NN_METRICS], m->n_bad);
}

double sums_grad(const struct sums *s, size_t i) { return (double)s->value[i] / GRAD_UNIT; }

double sums_metric(const struct sums *s, enum nn_metric metric)
{
    return (double)s->value[s->n_params + (size_t)metric] / METRIC_UNIT;
}

bool sums_sound(const struct sums *s) { return s->value[s->n_params + NN_METRICS] == 0; }
