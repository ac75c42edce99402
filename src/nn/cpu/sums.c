/* sums.c - see sums.h. */
#include "sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef double v4d __attribute__((vector_size(32)));
typedef int64_t v4l __attribute__((vector_size(32)));

static const double GRAD_UNIT = 0x1p40, METRIC_UNIT = 0x1p24, METRIC_LIMIT = 0x1p30;
static const int64_t SUM_LIMIT = INT64_C(1) << 50; /* one rank's share */
static const double LIMIT = 1024.0;

enum tg_status sums_open(size_t n_params, struct sums *s, struct tg_error *err)
{
    s->n_params = n_params;
    s->value = calloc(sums_n(s), sizeof *s->value);
    if (s->value == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %zu gradients", n_params);
    for (int i = 0; i < SUMS_LOCKS; i++)
        pthread_mutex_init(&s->locks[i], NULL);
    pthread_mutex_init(&s->metrics_lock, NULL);
    return TG_OK;
}

void sums_close(struct sums *s)
{
    if (s->value != NULL) {
        for (int i = 0; i < SUMS_LOCKS; i++)
            pthread_mutex_destroy(&s->locks[i]);
        pthread_mutex_destroy(&s->metrics_lock);
    }
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

/* Wraps where it must: then there are more bad values than anyone can count. */
static int64_t add_wrapping(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

/* Four sums += four gradients; one that does not fit is left out and counted in its lane of n_bad.
 * Adding 1.5 * 2^52 leaves an integer's bits in the low end of a double, rounded to even; that is
 * exact up to 2^51 units. */
static void add_four(int64_t *sum, const float *grads, v4l *n_bad)
{
    const v4d magic = {0x1.8p52, 0x1.8p52, 0x1.8p52, 0x1.8p52};
    v4d x = {(double)grads[0], (double)grads[1], (double)grads[2], (double)grads[3]};
    v4l old, new, ok;

    memcpy(&old, sum, sizeof old);
    new = old + ((v4l)(x * GRAD_UNIT + magic) - (v4l)magic);
    ok = (x < LIMIT) & (x > -LIMIT) & (new < SUM_LIMIT) & (new > -SUM_LIMIT);
    new = (new & ok) | (old & ~ok);
    memcpy(sum, &new, sizeof new);
    *n_bad += ok + 1;
}

static int64_t add_slice(int64_t *sum, const float *grads, size_t n)
{
    int64_t rest[4] = {0};
    float rest_grads[4] = {0};
    v4l n_bad = {0};
    size_t i = 0;

    for (; i + 4 <= n; i += 4)
        add_four(sum + i, grads + i, &n_bad);
    memcpy(rest, sum + i, (n - i) * sizeof *sum);
    memcpy(rest_grads, grads + i, (n - i) * sizeof *grads);
    add_four(rest, rest_grads, &n_bad);
    memcpy(sum + i, rest, (n - i) * sizeof *sum);
    return n_bad[0] + n_bad[1] + n_bad[2] + n_bad[3];
}

int64_t sums_add_grads(struct sums *s, size_t first, size_t n, const float *grads)
{
    size_t step = s->n_params / SUMS_LOCKS + 1;
    int64_t n_bad = 0;

    while (n > 0) {
        size_t slice = first / step, left = (slice + 1) * step - first, now = n < left ? n : left;

        pthread_mutex_lock(&s->locks[slice]);
        n_bad += add_slice(s->value + first, grads, now);
        pthread_mutex_unlock(&s->locks[slice]);
        first += now;
        grads += now;
        n -= now;
    }
    return n_bad;
}

void sums_add_metrics(struct sums *s, const struct row_metrics *m)
{
    int64_t *value = s->value + s->n_params;

    pthread_mutex_lock(&s->metrics_lock);
    for (int i = 0; i < NN_METRICS; i++)
        value[i] = add_wrapping(value[i], m->value[i]);
    value[NN_METRICS] = add_wrapping(value[NN_METRICS], m->n_bad);
    pthread_mutex_unlock(&s->metrics_lock);
}

double sums_metric(const struct sums *s, enum nn_metric metric)
{
    return (double)s->value[s->n_params + (size_t)metric] / METRIC_UNIT;
}

bool sums_sound(const struct sums *s) { return s->value[s->n_params + NN_METRICS] == 0; }
