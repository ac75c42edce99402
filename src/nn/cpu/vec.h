/* vec.h - eight floats at a time, in the compilers' own vector notation, and the activations.
 *
 * A constant `act` in a call lets the compiler drop the other cases. Everything here keeps a NaN a
 * NaN and maps 0 to 0, so that padding channels stay 0. */
#pragma once

#include <stdint.h>
#include <string.h>

#include "tengen/nn.h"

typedef float v8 __attribute__((vector_size(32)));
typedef int32_t v8i __attribute__((vector_size(32)));
#define INLINE static inline __attribute__((always_inline))

INLINE v8 v8_load(const float *p) { return *(const v8 *)(const void *)p; }
INLINE void v8_store(float *p, v8 x) { *(v8 *)(void *)p = x; }
INLINE v8 v8_set(float x) { return (v8){x, x, x, x, x, x, x, x}; }
INLINE v8 v8_zero(void) { return (v8){0}; }
/* Lane by lane: where mask is all ones a, else b. */
INLINE v8 v8_pick(v8i mask, v8 a, v8 b) { return (v8)(((v8i)a & mask) | ((v8i)b & ~mask)); }
INLINE v8 v8_max(v8 a, v8 b) { return v8_pick(a > b, a, b); }
INLINE float v8_sum(v8 x) { return ((x[0] + x[4]) + (x[1] + x[5])) + ((x[2] + x[6]) + (x[3] + x[7])); }

/* Rows become columns. */
INLINE void v8_transpose(v8 x[8])
{
    v8 a[8], b[8];

    for (int i = 0; i < 8; i += 2) {
        a[i] = __builtin_shufflevector(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[i + 1] = __builtin_shufflevector(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            b[i + 2 * k] = __builtin_shufflevector(a[i + k], a[i + k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            b[i + 2 * k + 1] =
                __builtin_shufflevector(a[i + k], a[i + k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        x[i] = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        x[i + 4] = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* e^x to about 2 ulp for x in -87..88; outside it stays at the ends. */
INLINE v8 v8_exp(v8 x)
{
    const v8 low = v8_set(-87.0f), high = v8_set(88.0f), round = v8_set(12582912.0f); /* 1.5 * 2^23 */

    x = v8_pick(x < low, low, x);
    x = v8_pick(x > high, high, x);
    v8 shifted = x * 1.44269504f + round;
    v8 n = shifted - round, r = x - n * 0.693359375f + n * 2.12194440e-4f;
    v8 p = v8_set(1.9875691500e-4f);

    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    v8i scale = ((v8i)shifted - (v8i)round + 127) << 23;
    return p * (v8)scale;
}

INLINE v8 v8_act(int act, v8 x)
{
    if (act == NN_RELU)
        return v8_pick(x < v8_zero(), v8_zero(), x);
    if (act == NN_MISH) { /* tanh(log(1 + e)) = n / (n + 2), n = e (e + 2) */
        v8 top = v8_set(20.0f), e = v8_exp(v8_pick(x > top, top, x)), n = e * (e + 2.0f);

        return x * n / (n + 2.0f);
    }
    if (act == NN_SILU)
        return x / (v8_exp(-x) + 1.0f);
    return x;
}

/* The derivative at x. */
INLINE v8 v8_act_slope(int act, v8 x)
{
    const v8 one = v8_set(1.0f);

    if (act == NN_RELU) /* a NaN has slope 1, so that it comes through */
        return v8_pick(x <= v8_zero(), v8_zero(), one);
    if (act == NN_MISH) {
        v8 top = v8_set(20.0f), e = v8_exp(v8_pick(x > top, top, x)), n = e * (e + 2.0f);
        v8 w = n / (n + 2.0f);

        return w + x * (e / (e + 1.0f)) * (one - w * w);
    }
    if (act == NN_SILU) {
        v8 s = one / (v8_exp(-x) + 1.0f);

        return s * (x * (one - s) + 1.0f);
    }
    return one;
}

/* Run a loop with act as a constant: ACT_SWITCH(act, body(ACT)). */
#define ACT_SWITCH(act, statement)                                                                 \
    switch (act) {                                                                                 \
    case NN_RELU: {                                                                                \
        enum { ACT = NN_RELU };                                                                    \
        statement;                                                                                 \
        break;                                                                                     \
    }                                                                                              \
    case NN_MISH: {                                                                                \
        enum { ACT = NN_MISH };                                                                    \
        statement;                                                                                 \
        break;                                                                                     \
    }                                                                                              \
    case NN_SILU: {                                                                                \
        enum { ACT = NN_SILU };                                                                    \
        statement;                                                                                 \
        break;                                                                                     \
    }                                                                                              \
    default: {                                                                                     \
        enum { ACT = NN_IDENTITY };                                                                \
        statement;                                                                                 \
        break;                                                                                     \
    }                                                                                              \
    }
