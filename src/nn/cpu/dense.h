/* dense.h - the small matrix products of single rows; weights are [in][out], flat. */
#pragma once

#include <stddef.h>

/* y [n_out] += x [n_in] w */
static inline void dense(const float *w, int n_in, int n_out, const float *x, float *y)
{
    for (int i = 0; i < n_in; i++, w += n_out)
        for (int o = 0; o < n_out; o++)
            y[o] += x[i] * w[o];
}

/* dw += x dy; dx [n_in] += w dy */
static inline void dense_back(const float *w, int n_in, int n_out, const float *x, const float *dy,
                              float *dw, float *dx)
{
    for (int i = 0; i < n_in; i++, w += n_out, dw += n_out) {
        float sum = 0.0f;

        for (int o = 0; o < n_out; o++) {
            dw[o] += x[i] * dy[o];
            sum += w[o] * dy[o];
        }
        dx[i] += sum;
    }
}
