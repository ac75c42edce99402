/* train.c - gradients of a batch, and the optimiser's step. */
#include <math.h>
#include <string.h>

#include "conv.h"
#include "cpu.h"
#include "loss.h"
#include "network.h"

/* ---- backward --------------------------------------------------------------------------------- */

struct backward {
    struct nn_net *net;
    struct nn_batch *b;
    const struct nn_loss *loss;
    int n_rows_global;
};

/* A fixed number of rows, whatever thread takes them: so their gradient has the same bits. */
static void backward_chunk(void *ctx, int item, int thread)
{
    struct backward *job = ctx;
    struct lane *l = &job->net->lanes[thread];
    int first = item * l->cap, left = job->b->n - first;
    bool ownership = job->loss->ownership != 0.0f;
    struct row_metrics metrics = {{0}, 0};

    l->n_bad = 0;
    network_input(l, job->b, first, left < l->cap ? left : l->cap);
    network_forward(l, ownership);
    loss_rows(l, job->b, first, job->loss, job->n_rows_global, &metrics);
    network_backward(l, ownership);
    metrics.n_bad += l->n_bad;
    sums_add_metrics(&job->net->sums, &metrics);
}

enum tg_status cpu_backward(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                            int n_rows_global, bool first, struct tg_error *err)
{
    struct backward job = {net, b, loss, n_rows_global};

    if (net->lanes == NULL)
        return FAIL(err, TG_EINVAL, "this network was not opened for training");
    if (b->t.policy == NULL)
        return FAIL(err, TG_EINVAL, "this batch was not opened for training");
    if (n_rows_global < 1 || b->n < 0 || b->n > b->capacity)
        return FAIL(err, TG_EINVAL, "%d rows of a batch for %d, of %d in all", b->n, b->capacity,
                    n_rows_global);
    if (first)
        sums_clear(&net->sums);
    int chunk = net->lanes[0].cap;

    team_run(net->team, (b->n + chunk - 1) / chunk, backward_chunk, &job);
    return TG_OK;
}

/* ---- packing ---------------------------------------------------------------------------------- */

struct packing {
    struct nn_net *net;
    int n_convs;
    const struct cpu_conv *convs[2 * NN_MAX_BLOCKS + 4];
};

static void collect_conv(void *ctx, const struct cpu_conv *c)
{
    struct packing *p = ctx;

    p->convs[p->n_convs++] = c;
}

static void pack_one_conv(void *ctx, int item, int thread)
{
    struct packing *p = ctx;

    (void)thread;
    conv_pack(&p->net->plan, p->convs[item], p->net->params, p->net->packed);
}

static void pack_one_norm(void *ctx, const struct cpu_norm *n)
{
    struct nn_net *net = ctx;

    norm_pack(n, net->params, net->packed);
}

void cpu_pack(struct nn_net *net)
{
    struct packing p = {.net = net};

    plan_convs(&net->plan, collect_conv, &p);
    if (net->team != NULL)
        team_run(net->team, p.n_convs, pack_one_conv, &p);
    else
        for (int i = 0; i < p.n_convs; i++)
            pack_one_conv(&p, i, 0);
    plan_norms(&net->plan, pack_one_norm, net);
}

/* ---- update ----------------------------------------------------------------------------------- */

struct step {
    struct nn_net *net;
    const struct nn_update *u;
    double clip;          /* factor on the gradient */
    double bias1, bias2;  /* Adam: 1 / (1 - beta1^step), 1 / sqrt(1 - beta2^step) */
    double *norms;        /* [slices] sums of squares */
};

static size_t slice_end(const struct nn_net *net, size_t first)
{
    size_t n = net->plan.layout.n_params;

    return first + SLICE < n ? first + SLICE : n;
}

static void norm_slice(void *ctx, int item, int thread)
{
    struct step *s = ctx;
    size_t first = (size_t)item * SLICE, end = slice_end(s->net, first);
    const int64_t *sums = s->net->sums.value;
    double sum = 0.0;
    int bad = 0;

    (void)thread;
    for (size_t i = first; i < end; i++) {
        double g = sums_number(sums[i]);

        bad |= !sums_fits(sums[i]);
        sum += g * g;
    }
    s->norms[item] = bad ? NAN : sum;
}

/* A range of one tensor. */
struct range {
    size_t n;
    const int64_t *restrict sums;
    float *restrict p, *restrict ema, *restrict m, *restrict v;
};

static void step_sgd(const struct step *s, const struct range *r, bool decay)
{
    const struct nn_update *u = s->u;
    double lr = (double)u->learning_rate, mu = (double)u->momentum, clip = s->clip;
    double wd = decay ? (double)u->weight_decay : 0.0;
    double coupled = u->decoupled ? 0.0 : wd, apart = u->decoupled ? lr * wd : 0.0;

    for (size_t i = 0; i < r->n; i++) {
        double p = (double)r->p[i], g = clip * sums_number(r->sums[i]) + coupled * p;
        double m = mu * (double)r->m[i] + g;

        r->m[i] = (float)m;
        r->p[i] = (float)(p - apart * p - lr * m);
    }
}

static void step_adam(const struct step *s, const struct range *r, bool decay)
{
    const struct nn_update *u = s->u;
    double lr = (double)u->learning_rate, rate = lr * s->bias1, clip = s->clip;
    double eps = (double)u->epsilon, bias2 = s->bias2;
    double b1 = (double)u->momentum, b2 = (double)u->beta2;
    double wd = decay ? (double)u->weight_decay : 0.0;
    double coupled = u->kind == NN_ADAMW ? 0.0 : wd, apart = u->kind == NN_ADAMW ? lr * wd : 0.0;

    for (size_t i = 0; i < r->n; i++) {
        double p = (double)r->p[i], g = clip * sums_number(r->sums[i]) + coupled * p;
        double m = b1 * (double)r->m[i] + (1.0 - b1) * g;
        double v = b2 * (double)r->v[i] + (1.0 - b2) * g * g;

        r->m[i] = (float)m;
        r->v[i] = (float)v;
        r->p[i] = (float)(p - apart * p - rate * m / (sqrt(v) * bias2 + eps));
    }
}

/* Parameters and their average, few enough to be still in cache for the second. */
enum { STEP = 512 };

static void step_range(const struct step *s, size_t from, size_t n, bool decay)
{
    struct nn_net *net = s->net;
    struct range r = {n,               net->sums.value + from, net->params + from,
                      net->ema + from, net->moment1 + from,    net->moment2 + from};
    double keep = (double)s->u->ema;

    (s->u->kind == NN_SGD ? step_sgd : step_adam)(s, &r, decay);
    for (size_t i = 0; i < n; i++)
        r.ema[i] = (float)(keep * (double)r.ema[i] + (1.0 - keep) * (double)r.p[i]);
}

static void step_slice(void *ctx, int item, int thread)
{
    const struct step *s = ctx;
    const struct nn_layout *layout = &s->net->plan.layout;
    size_t first = (size_t)item * SLICE, end = slice_end(s->net, first);

    (void)thread;
    for (int t = 0; t < layout->n_tensors; t++) {
        const struct nn_tensor *tensor = &layout->tensors[t];
        size_t from = tensor->offset > first ? tensor->offset : first;
        size_t to = tensor->offset + tensor->n < end ? tensor->offset + tensor->n : end;

        for (; from < to; from += STEP)
            step_range(s, from, to - from < STEP ? to - from : STEP, tensor->decay);
    }
}

/* The sum runs slice by slice in their order, so it is the same for any number of threads. */
static double grad_norm(struct step *s, int n_slices)
{
    double sum = 0.0;

    team_run(s->net->team, n_slices, norm_slice, s);
    for (int i = 0; i < n_slices; i++)
        sum += s->norms[i];
    return sums_sound(&s->net->sums) ? sqrt(sum) : NAN;
}

enum tg_status cpu_update(struct nn_net *net, const struct nn_update *u,
                          struct nn_update_result *result, struct tg_error *err)
{
    struct step s = {.net = net, .u = u, .clip = 1.0};

    if (net->lanes == NULL)
        return FAIL(err, TG_EINVAL, "this network was not opened for training");
    if (u->kind != NN_SGD && u->step < 1)
        return FAIL(err, TG_EINVAL, "Adam's step %lld: the first is 1", (long long)u->step);
    int n_slices = (int)((net->plan.layout.n_params + SLICE - 1) / SLICE);

    s.norms = net->norms;
    memset(result, 0, sizeof *result);
    for (int i = 0; i < NN_METRICS; i++)
        result->metrics[i] = sums_metric(&net->sums, (enum nn_metric)i);
    result->grad_norm = grad_norm(&s, n_slices);
    result->skipped = !isfinite(result->grad_norm) ||
                      (u->max_norm > 0.0f && result->grad_norm > (double)u->max_norm);
    if (result->skipped)
        return TG_OK;
    if (u->clip_norm > 0.0f && result->grad_norm > (double)u->clip_norm)
        s.clip = (double)u->clip_norm / result->grad_norm;
    s.bias1 = 1.0 / (1.0 - pow((double)u->momentum, (double)u->step));
    s.bias2 = 1.0 / sqrt(1.0 - pow((double)u->beta2, (double)u->step));
    team_run(net->team, n_slices, step_slice, &s);
    cpu_pack(net);
    return TG_OK;
}
