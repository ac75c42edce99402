/* element.h - what a kernel does with one element, one row or one index: plain functions that compile
 * for the device and for the host, where they are tested against the other backends. */
#pragma once

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/nn.h"

#ifdef __CUDACC__
#define TG_HD static inline __host__ __device__
#else
#define TG_HD static inline
#endif

/* ---- activations: a NaN stays a NaN, 0 goes to 0 ------------------------------------------------ */

/* On a device to a few units in the last place of fp32, by its special function unit: with exact ones the norms'
 * passes would wait for arithmetic, not for memory. */
TG_HD float element_exp(float x)
{
#ifdef __CUDA_ARCH__
    return __expf(x);
#else
    return expf(x);
#endif
}

TG_HD float element_quotient(float x, float y)
{
#ifdef __CUDA_ARCH__
    return __fdividef(x, y);
#else
    return x / y;
#endif
}

TG_HD float element_act(int act, float x)
{
    if (act == NN_RELU)
        return x < 0.0f ? 0.0f : x;
    if (act == NN_MISH) { /* tanh(log(1 + e)) = n / (n + 2), n = e (e + 2) */
        float e = element_exp(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f);

        return x * element_quotient(n, n + 2.0f);
    }
    if (act == NN_SILU)
        return element_quotient(x, 1.0f + element_exp(-x));
    return x;
}

/* The derivative at x. */
TG_HD float element_slope(int act, float x)
{
    if (act == NN_RELU)
        return x <= 0.0f ? 0.0f : x > 0.0f ? 1.0f : x;
    if (act == NN_MISH) { /* w + x e (1 - w^2) / (e + 1) of w = n / (n + 2), where n + 1 = (e + 1)^2 */
        float e = element_exp(x > 20.0f ? 20.0f : x), n = e * (e + 2.0f), r = element_quotient(1.0f, n + 2.0f);

        return r * (n + 4.0f * x * e * (e + 1.0f) * r);
    }
    if (act == NN_SILU) {
        float s = element_quotient(1.0f, 1.0f + element_exp(-x));

        return s * (1.0f + x * (1.0f - s));
    }
    return 1.0f;
}

/* ---- input -------------------------------------------------------------------------------------- */

/* Is the point's bit set? The first point is the highest bit of the first byte. */
TG_HD int element_bit(const uint8_t *plane, int point)
{
    return plane[point >> 3] >> (7 - (point & 7)) & 1;
}

/* ---- global pooling ----------------------------------------------------------------------------- */

/* Factors of the mean in the second and the third group of pooled values. */
TG_HD void element_pool_factors(float area, float *linear, float *square)
{
    float side = sqrtf(area) - 14.0f;

    *linear = side * 0.1f;
    *square = side * side * 0.01f - 0.1f;
}

/* ---- filters: flat [out][in][y][x] parameters, packed [out][y][x][in] with channels padded ------- */

enum { CONV_MAX_PARTS = 3 };

/* Where a convolution's filters are. Several tensors with one input (gpool: regular and pooled; heads:
 * p1, g1, v1) are parts of one convolution, each starting at a multiple of 8 channels out. */
struct conv_map {
    int64_t packed;   /* first element in the packed array */
    int32_t k, n_in, n_out; /* side; padded channels */
    int32_t real_in;  /* channels in that there are */
    int32_t n_parts;
    struct {
        int64_t offset;     /* in the flat parameters */
        int32_t n_out, at;  /* channels that there are; the first one's place among n_out */
    } part[CONV_MAX_PARTS];
};

TG_HD int64_t conv_map_elements(const struct conv_map *m)
{
    return (int64_t)m->n_out * m->k * m->k * m->n_in;
}

/* The flat index of the first parameter of channel out o, of [real_in][k * k]; -1 for padding. */
TG_HD int64_t conv_map_row(const struct conv_map *m, int32_t o)
{
    for (int p = 0; p < m->n_parts; p++) {
        int32_t in_part = o - m->part[p].at;

        if (in_part >= 0 && in_part < m->part[p].n_out)
            return m->part[p].offset + (int64_t)in_part * m->real_in * (m->k * m->k);
    }
    return -1;
}

/* A norm's place: packed are `channels` scales and then as many biases, padded with 0. */
struct norm_map {
    int64_t scale, bias;   /* in the flat parameters */
    int64_t packed;
    int32_t n, channels;   /* channels that there are; padded */
};

/* ---- losses of one row -------------------------------------------------------------------------- */

TG_HD float element_softplus(float x) { return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x))); }

/* Huber loss and its derivative; a NaN stays one. */
TG_HD float element_huber(float error, float delta, float *slope)
{
    if (fabsf(error) <= delta) {
        *slope = error;
        return 0.5f * error * error;
    }
    *slope = error > 0.0f ? delta : error < 0.0f ? -delta : error;
    return delta * (fabsf(error) - 0.5f * delta);
}

/* Value loss of out [3] (logits) against target [3]; d [3] is its gradient, *error is |v - z| of
 * v = win - loss, *hit 1 where their signs agree, 1/2 for a draw. */
TG_HD float element_value_loss(int kind, const float *out, const float *target, float *d, float *error,
                               float *hit)
{
    float top = out[0] > out[1] ? out[0] : out[1], p[3], sum = 0.0f, loss = 0.0f;
    float z = target[0] - target[1], v, mass = target[0] + target[1] + target[2];

    top = out[2] > top ? out[2] : top;
    for (int k = 0; k < 3; k++) {
        p[k] = expf(out[k] - top);
        sum += p[k];
    }
    for (int k = 0; k < 3; k++)
        p[k] /= sum;
    v = p[0] - p[1];
    *error = fabsf(v - z);
    *hit = z == 0.0f ? 0.5f : v * z > 0.0f ? 1.0f : 0.0f;
    if (kind == NN_VALUE_MSE) {
        for (int k = 0; k < 3; k++)
            d[k] = 2.0f * (v - z) * ((k == 0 ? p[0] : k == 1 ? -p[1] : 0.0f) - v * p[k]);
        return (v - z) * (v - z);
    }
    for (int k = 0; k < 3; k++) {
        d[k] = mass * p[k] - target[k];
        if (target[k] != 0.0f)
            loss -= target[k] * (out[k] - top - logf(sum));
    }
    return loss;
}

/* Ownership loss of raw output x against y in -1..1, and its gradient. */
TG_HD float element_ownership_loss(int kind, float x, float y, float *d)
{
    float u = tanhf(x);

    if (kind == NN_OWNERSHIP_MSE) {
        *d = 2.0f * (u - y) * (1.0f - u * u);
        return (u - y) * (u - y);
    }
    *d = u - y; /* of the probability 1 / (1 + e^-2x) against (1 + y) / 2 */
    return fabsf(x) + log1pf(expf(-2.0f * fabsf(x))) - x * y;
}

/* The three score terms of raw outputs against the final score: loss [3] and d [3], the gradients by
 * raw outputs 0, 1 and 2. */
TG_HD void element_score_loss(const struct nn_scales *s, const float *out, float score, float *loss,
                              float *d)
{
    float error = s->score_mean * out[0] - score, slope;
    float stdev = s->score_stdev * element_softplus(out[1]);

    loss[0] = element_huber(error, 12.0f, &slope);
    d[0] = slope * s->score_mean;
    loss[1] = element_huber(stdev - 1.2533141373155003f * fabsf(error), 10.0f, &slope);
    d[1] = slope * s->score_stdev / (1.0f + expf(-out[1]));
    loss[2] = element_huber(s->lead * out[2] - score, 8.0f, &slope);
    d[2] = slope * s->lead;
}

/* A soft target before it is normalised. */
TG_HD float element_soften(float target) { return sqrtf(sqrtf(target + 1e-7f)); }

/* ---- optimisers --------------------------------------------------------------------------------- */

/* What is the same for all parameters of a step. */
struct element_step {
    int32_t kind, decoupled; /* enum nn_optimiser; SGD: decay outside the gradient */
    double lr, b1, b2, epsilon, weight_decay, keep; /* keep: share of the running average */
    double bias1, bias2;     /* Adam: 1 - beta^step */
};

/* One parameter; decays: weight decay applies; clip: factor on the gradient. In double, so that the
 * step is the other backends' to the last bit of its gradient. */
TG_HD void element_update(const struct element_step *u, double clip, float grad, int decays, float *p,
                          float *ema, float *m, float *v)
{
    double x = (double)*p, wd = decays ? u->weight_decay : 0.0, g = clip * (double)grad, step;
    int apart = u->kind == NN_ADAMW || (u->kind == NN_SGD && u->decoupled);

    g += apart ? 0.0 : wd * x;
    if (u->kind == NN_SGD) {
        step = u->b1 * (double)*m + g;
        *m = (float)step;
    } else {
        double m1 = u->b1 * (double)*m + (1.0 - u->b1) * g;
        double m2 = u->b2 * (double)*v + (1.0 - u->b2) * g * g;

        *m = (float)m1;
        *v = (float)m2;
        step = (m1 / u->bias1) / (sqrt(m2 / u->bias2) + u->epsilon);
    }
    x = x - (apart ? u->lr * wd * x : 0.0) - u->lr * step;
    *p = (float)x;
    *ema = (float)(u->keep * (double)*ema + (1.0 - u->keep) * (double)*p);
}
