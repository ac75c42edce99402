/* reference.h - the network and its losses once more, in double precision and plain loops: written
 * from the description in tengen/nn.h and sharing nothing with any backend. One row at a time; the
 * row is seen as it is (symmetry is the caller's). */
#pragma once

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/nn.h"

enum { REF_POINTS = GAME_MAX_POINTS };

struct ref {
    const struct nn_arch *arch;
    const struct nn_layout *layout;
    const double *params; /* [P] */
    int size;
};

struct ref_out {
    double policy[NN_MAX_POLICY][REF_POINTS], pass[NN_MAX_POLICY];
    double value[NN_N_VALUE], score[NN_MAX_SCORE], ownership[REF_POINTS]; /* before tanh */
};

/* A tensor of [channels][points]; the caller frees it. */
static inline double *ref_tensor(const struct ref *r, int channels)
{
    return calloc((size_t)(channels * r->size * r->size), sizeof(double));
}

static inline const double *ref_param(const struct ref *r, const char *prefix, int n, const char *name,
                                      const struct nn_tensor **tensor)
{
    char full[80];

    if (n >= 0)
        snprintf(full, sizeof full, "%s%d/%s", prefix, n, name);
    else
        snprintf(full, sizeof full, "%s/%s", prefix, name);
    const struct nn_tensor *t = nn_layout_find(r->layout, full);

    if (t == NULL) {
        fprintf(stderr, "no tensor %s\n", full);
        abort();
    }
    if (tensor != NULL)
        *tensor = t;
    return r->params + t->offset;
}

static inline double ref_act(int kind, double x)
{
    double softplus = fmax(x, 0.0) + log1p(exp(-fabs(x)));

    switch (kind) {
    case NN_RELU: return x > 0.0 ? x : 0.0;
    case NN_MISH: return x * tanh(softplus);
    case NN_SILU: return x / (1.0 + exp(-x));
    default: return x;
    }
}

/* y += conv(x); y has the tensor's channels out. */
static inline void ref_conv(const struct ref *r, const char *prefix, int n, const char *name,
                            const double *x, double *y)
{
    const struct nn_tensor *t;
    const double *w = ref_param(r, prefix, n, name, &t);
    int S = r->size, side = t->dims[2], reach = side / 2;

    for (int out = 0; out < t->dims[0]; out++)
        for (int in = 0; in < t->dims[1]; in++, w += side * side)
            for (int i = 0; i < S; i++)
                for (int j = 0; j < S; j++) {
                    double sum = 0.0;

                    for (int dy = 0; dy < side; dy++)
                        for (int dx = 0; dx < side; dx++) {
                            int yy = i + dy - reach, xx = j + dx - reach;

                            if (yy >= 0 && yy < S && xx >= 0 && xx < S)
                                sum += w[dy * side + dx] * x[in * S * S + yy * S + xx];
                        }
                    y[out * S * S + i * S + j] += sum;
                }
}

static inline int ref_channels(const struct ref *r, const char *prefix, int n, const char *name)
{
    const struct nn_tensor *t;

    ref_param(r, prefix, n, name, &t);
    return t->dims[0];
}

/* A fresh tensor act(scale * x + bias) * mask. */
static inline double *ref_norm(const struct ref *r, const char *prefix, int n, const char *name,
                               const double *x, const double *mask)
{
    char part[40];
    const struct nn_tensor *t;
    int points = r->size * r->size;

    snprintf(part, sizeof part, "%s/scale", name);
    const double *scale = ref_param(r, prefix, n, part, &t);
    snprintf(part, sizeof part, "%s/bias", name);
    const double *bias = ref_param(r, prefix, n, part, NULL);
    double *y = ref_tensor(r, t->dims[0]);

    for (int c = 0; c < t->dims[0]; c++)
        for (int p = 0; p < points; p++)
            y[c * points + p] =
                ref_act(r->arch->activation, scale[c] * x[c * points + p] + bias[c]) * mask[p];
    return y;
}

/* out [3 n]: mean, mean * (s - 14) / 10, and max or mean * ((s - 14)^2 / 100 - 0.1). */
static inline void ref_pool(const struct ref *r, const double *x, int n, const double *mask,
                            bool value_head, double *out)
{
    int points = r->size * r->size;
    double area = 0.0;

    for (int p = 0; p < points; p++)
        area += mask[p];
    double s = sqrt(area) - 14.0;

    for (int c = 0; c < n; c++) {
        double sum = 0.0, max = -INFINITY;

        for (int p = 0; p < points; p++) {
            sum += x[c * points + p];
            if (mask[p] != 0.0)
                max = fmax(max, x[c * points + p]);
        }
        out[c] = sum / area;
        out[n + c] = out[c] * s / 10.0;
        out[2 * n + c] = value_head ? out[c] * (s * s / 100.0 - 0.1) : max;
    }
}

/* y [out] += x [in] W */
static inline void ref_matmul(const struct ref *r, const char *prefix, int n, const char *name,
                              const double *x, double *y)
{
    const struct nn_tensor *t;
    const double *w = ref_param(r, prefix, n, name, &t);

    for (int i = 0; i < t->dims[0]; i++)
        for (int o = 0; o < t->dims[1]; o++)
            y[o] += x[i] * w[i * t->dims[1] + o];
}

static inline void ref_spread(const struct ref *r, const double *bias, int n, double *x)
{
    int points = r->size * r->size;

    for (int c = 0; c < n; c++)
        for (int p = 0; p < points; p++)
            x[c * points + p] += bias[c];
}

/* stream += block(stream); returns the entry behind it. */
static inline int ref_block(const struct ref *r, int at, double *stream, const double *mask)
{
    const struct nn_block *k = &r->arch->blocks[at];
    double *u = ref_norm(r, "block", at, "norm1", stream, mask), *mid = ref_tensor(r, k->mid), *v;
    int next = at + 1;

    if (k->kind == NN_BLOCK_GPOOL) {
        double *g = ref_tensor(r, k->gpool), pooled[3 * 512], bias[512] = {0};

        ref_conv(r, "block", at, "conv1r", u, mid);
        ref_conv(r, "block", at, "conv1g", u, g);
        double *ga = ref_norm(r, "block", at, "normg", g, mask);

        ref_pool(r, ga, k->gpool, mask, false, pooled);
        ref_matmul(r, "block", at, "gpool", pooled, bias);
        ref_spread(r, bias, k->mid, mid);
        free(g);
        free(ga);
    } else {
        ref_conv(r, "block", at, "conv1", u, mid);
    }
    if (k->kind == NN_BLOCK_NESTED)
        for (int i = 0; i < k->n_inner; i++)
            next = ref_block(r, next, mid, mask);
    v = ref_norm(r, "block", at, "norm2", mid, mask);
    ref_conv(r, "block", at, "conv2", v, stream);
    free(u);
    free(mid);
    free(v);
    return next;
}

static inline void ref_heads(const struct ref *r, const double *stream, const double *mask,
                             struct ref_out *o)
{
    const struct nn_arch *a = r->arch;
    int points = r->size * r->size;
    double *tip = ref_norm(r, "tip", -1, "norm", stream, mask);
    double *p = ref_tensor(r, a->p1), *g = ref_tensor(r, a->g1), *v = ref_tensor(r, a->v1);
    double *logits = ref_tensor(r, a->n_policy), *own = ref_tensor(r, 1);
    double pooled[3 * 512], bias[512] = {0}, hidden[512] = {0};

    ref_conv(r, "policy", -1, "conv_p1", tip, p);
    ref_conv(r, "policy", -1, "conv_g1", tip, g);
    double *ga = ref_norm(r, "policy", -1, "norm_g1", g, mask);

    ref_pool(r, ga, a->g1, mask, false, pooled);
    ref_matmul(r, "policy", -1, "gpool", pooled, bias);
    ref_spread(r, bias, a->p1, p);
    double *pa = ref_norm(r, "policy", -1, "norm_p1", p, mask);

    ref_conv(r, "policy", -1, "conv_p2", pa, logits);
    for (int c = 0; c < a->n_policy; c++)
        memcpy(o->policy[c], logits + c * points, (size_t)points * sizeof(double));
    memset(o->pass, 0, sizeof o->pass);
    if (a->pass_hidden) {
        memcpy(hidden, ref_param(r, "policy", -1, "pass1/bias", NULL), (size_t)a->p1 * sizeof(double));
        ref_matmul(r, "policy", -1, "pass1", pooled, hidden);
        for (int i = 0; i < a->p1; i++)
            hidden[i] = ref_act(a->activation, hidden[i]);
        ref_matmul(r, "policy", -1, "pass2", hidden, o->pass);
    } else {
        ref_matmul(r, "policy", -1, "pass", pooled, o->pass);
    }

    ref_conv(r, "value", -1, "conv_v1", tip, v);
    double *va = ref_norm(r, "value", -1, "norm_v1", v, mask);

    ref_pool(r, va, a->v1, mask, true, pooled);
    memcpy(hidden, ref_param(r, "value", -1, "fc2/bias", NULL), (size_t)a->v2 * sizeof(double));
    ref_matmul(r, "value", -1, "fc2", pooled, hidden);
    for (int i = 0; i < a->v2; i++)
        hidden[i] = ref_act(a->activation, hidden[i]);
    memcpy(o->value, ref_param(r, "value", -1, "fc3/bias", NULL), sizeof o->value);
    ref_matmul(r, "value", -1, "fc3", hidden, o->value);
    memcpy(o->score, ref_param(r, "value", -1, "score/bias", NULL),
           (size_t)a->n_score * sizeof(double));
    ref_matmul(r, "value", -1, "score", hidden, o->score);
    ref_conv(r, "value", -1, "ownership", va, own);
    memcpy(o->ownership, own, (size_t)points * sizeof(double));
    free(tip), free(p), free(g), free(v), free(logits), free(own), free(ga), free(pa), free(va);
}

/* planes [n_planes][points] of 0 and 1. */
static inline void ref_forward(const struct ref *r, const double *planes, const double *globals,
                               struct ref_out *o)
{
    const struct nn_arch *a = r->arch;
    double *stream = ref_tensor(r, a->trunk), *bias = calloc((size_t)a->trunk, sizeof(double));

    ref_conv(r, "stem", -1, "conv", planes, stream);
    ref_matmul(r, "stem", -1, "globals", globals, bias);
    ref_spread(r, bias, a->trunk, stream);
    for (int at = 0; at < a->n_blocks;)
        at = ref_block(r, at, stream, planes);
    ref_heads(r, stream, planes, o);
    free(stream);
    free(bias);
}

/* ---- losses ----------------------------------------------------------------------------------- */

/* One row's targets in the orientation of the planes that ref_forward saw. */
struct ref_targets {
    double policy[REF_POINTS + 1], reply[REF_POINTS + 1], value[3], score, ownership[REF_POINTS];
    double w_policy, w_reply, w_value, w_score, row_weight;
};

/* Cross entropy of channel c against target [points + 1]. */
static inline double ref_policy_loss(const struct ref *r, const struct ref_out *o, int c,
                                     const double *target, bool soft, bool mask_pass,
                                     const double *mask)
{
    int points = r->size * r->size;
    double z[REF_POINTS + 1], t[REF_POINTS + 1], sum_t = 0.0, sum_z = 0.0, loss = 0.0;
    int n = 0;

    for (int p = 0; p <= points; p++)
        if (p < points ? mask[p] != 0.0 : !mask_pass) {
            z[n] = p < points ? o->policy[c][p] : o->pass[c];
            t[n] = soft ? pow(target[p] + 1e-7, 0.25) : target[p];
            sum_t += t[n];
            n++;
        }
    for (int i = 0; i < n; i++)
        sum_z += exp(z[i] - z[0]);
    for (int i = 0; i < n; i++)
        loss -= (soft ? t[i] / sum_t : t[i]) * (z[i] - z[0] - log(sum_z));
    return loss;
}

static inline double ref_huber(double e, double delta)
{
    return fabs(e) <= delta ? e * e / 2.0 : delta * (fabs(e) - delta / 2.0);
}

/* The total of one row, times its row weight. frozen_error: |score error| of the unperturbed network,
 * through which the stdev loss has no gradient. */
static inline double ref_loss(const struct ref *r, const struct ref_out *o,
                              const struct ref_targets *t, const struct nn_loss *w,
                              const double *mask, double frozen_error)
{
    const struct nn_arch *a = r->arch;
    double total = 0.0, area = 0.0, sum = 0.0, own = 0.0;
    int points = r->size * r->size;

    for (int c = 0; c < a->n_policy; c++) {
        if (a->policy_role[c] == NN_POLICY_MOVE)
            total += (double)w->policy * t->w_policy *
                     ref_policy_loss(r, o, c, t->policy, false, w->mask_pass, mask);
        if (a->policy_role[c] == NN_POLICY_REPLY)
            total += (double)w->reply * t->w_reply *
                     ref_policy_loss(r, o, c, t->reply, false, w->mask_pass, mask);
        if (a->policy_role[c] == NN_POLICY_SOFT)
            total += (double)w->soft_policy * t->w_policy *
                     ref_policy_loss(r, o, c, t->policy, true, w->mask_pass, mask);
    }
    for (int k = 0; k < 3; k++)
        sum += exp(o->value[k]);
    if (w->value_kind == NN_VALUE_MSE) {
        double v = (exp(o->value[0]) - exp(o->value[1])) / sum, z = t->value[0] - t->value[1];

        total += (double)w->value * t->w_value * (v - z) * (v - z);
    } else {
        for (int k = 0; k < 3; k++)
            total -= (double)w->value * t->w_value * t->value[k] * (o->value[k] - log(sum));
    }
    for (int p = 0; p < points; p++)
        if (mask[p] != 0.0) {
            double x = o->ownership[p], y = t->ownership[p], q = 1.0 / (1.0 + exp(-2.0 * x));

            area += 1.0;
            own += w->ownership_kind == NN_OWNERSHIP_MSE
                       ? (tanh(x) - y) * (tanh(x) - y)
                       : -(1.0 + y) / 2.0 * log(q) - (1.0 - y) / 2.0 * log(1.0 - q);
        }
    total += (double)w->ownership * t->w_score * own / area;
    double mean = (double)a->scales.score_mean * o->score[0];
    double stdev = (double)a->scales.score_stdev * log1p(exp(o->score[1]));

    total += (double)w->score_mean * t->w_score * ref_huber(mean - t->score, 12.0);
    total += (double)w->score_stdev * t->w_score *
             ref_huber(stdev - sqrt(acos(-1.0) / 2.0) * frozen_error, 10.0);
    total += (double)w->lead * t->w_score *
             ref_huber((double)a->scales.lead * o->score[2] - t->score, 8.0);
    return total * t->row_weight;
}
