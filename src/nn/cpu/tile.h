/* tile.h - one-dimensional Winograd transforms for a filter of three taps (Toom-Cook), and their
 * adjoints. M outputs need N = M + 2 inputs and N multiplications.
 *
 *   M = 3: points 0, 1, -1, 1/2, infinity      (fits 9x9: three tiles a side)
 *   M = 4: points 0, +-3/4, +-3/2, infinity    (fits 19x19 best; these points halve the rounding
 *          error of the usual 0, +-1, +-2)
 *
 * y = A^T [(G g) . (B^T d)]. M is a constant in every call. */
#pragma once

#include "vec.h"

#define WA 0.75f /* the points of M = 4 */
#define WB 1.5f
#define WA2 (WA * WA)
#define WB2 (WB * WB)
#define WP (WA2 * WB2)
#define WS (WA2 + WB2)

/* o [N] := B^T d [N] */
INLINE void tile_in(const int M, const v8 *d, v8 *o)
{
    if (M == 3) {
        o[0] = (d[0] - d[2]) * 0.5f + (d[3] - d[1]);
        o[1] = (d[2] - d[1]) * 0.5f + d[3];
        o[2] = d[3] + d[1] * 0.5f - d[2] * 1.5f;
        o[3] = d[3] - d[1];
        o[4] = (d[1] - d[3]) * 0.5f + (d[4] - d[2]);
    } else {
        v8 even_a = d[4] - d[2] * WB2, odd_a = d[3] - d[1] * WB2;
        v8 even_b = d[4] - d[2] * WA2, odd_b = d[3] - d[1] * WA2;

        o[0] = d[0] * WP - d[2] * WS + d[4];
        o[1] = even_a + odd_a * WA;
        o[2] = even_a - odd_a * WA;
        o[3] = even_b + odd_b * WB;
        o[4] = even_b - odd_b * WB;
        o[5] = d[1] * WP - d[3] * WS + d[5];
    }
}

/* d [N] := B o [N] */
INLINE void tile_in_adjoint(const int M, const v8 *o, v8 *d)
{
    if (M == 3) {
        d[0] = o[0] * 0.5f;
        d[1] = (o[2] - o[1] + o[4]) * 0.5f - o[0] - o[3];
        d[2] = (o[1] - o[0]) * 0.5f - o[2] * 1.5f - o[4];
        d[3] = (o[0] + o[1]) + (o[2] + o[3]) - o[4] * 0.5f;
        d[4] = o[4];
    } else {
        v8 sum_a = o[1] + o[2], dif_a = o[1] - o[2], sum_b = o[3] + o[4], dif_b = o[3] - o[4];

        d[0] = o[0] * WP;
        d[1] = o[5] * WP - dif_a * (WA * WB2) - dif_b * (WB * WA2);
        d[2] = -(o[0] * WS + sum_a * WB2 + sum_b * WA2);
        d[3] = dif_a * WA + dif_b * WB - o[5] * WS;
        d[4] = o[0] + sum_a + sum_b;
        d[5] = o[5];
    }
}

/* y [M] := A^T m [N] */
INLINE void tile_out(const int M, const v8 *m, v8 *y)
{
    if (M == 3) {
        v8 sum = m[1] + m[2];

        y[0] = m[0] + sum + m[3];
        y[1] = m[1] - m[2] + m[3] * 0.5f;
        y[2] = sum + m[3] * 0.25f + m[4];
    } else {
        v8 sum_a = m[1] + m[2], dif_a = m[1] - m[2], sum_b = m[3] + m[4], dif_b = m[3] - m[4];

        y[0] = m[0] + sum_a + sum_b;
        y[1] = dif_a * WA + dif_b * WB;
        y[2] = sum_a * WA2 + sum_b * WB2;
        y[3] = dif_a * (WA * WA2) + dif_b * (WB * WB2) + m[5];
    }
}

/* m [N] := A y [M] */
INLINE void tile_out_adjoint(const int M, const v8 *y, v8 *m)
{
    if (M == 3) {
        v8 even = y[0] + y[2];

        m[0] = y[0];
        m[1] = even + y[1];
        m[2] = even - y[1];
        m[3] = y[0] + y[1] * 0.5f + y[2] * 0.25f;
        m[4] = y[2];
    } else {
        v8 even_a = y[0] + y[2] * WA2, odd_a = y[1] * WA + y[3] * (WA * WA2);
        v8 even_b = y[0] + y[2] * WB2, odd_b = y[1] * WB + y[3] * (WB * WB2);

        m[0] = y[0];
        m[1] = even_a + odd_a;
        m[2] = even_a - odd_a;
        m[3] = even_b + odd_b;
        m[4] = even_b - odd_b;
        m[5] = y[3];
    }
}

/* u [N] := G g [3] */
INLINE void tile_filter(const int M, const v8 *g, v8 *u)
{
    if (M == 3) {
        v8 ends = g[0] + g[2];

        u[0] = g[0] * 2.0f;
        u[1] = ends + g[1];
        u[2] = (g[1] - ends) * (1.0f / 3.0f);
        u[3] = (g[0] * 4.0f + g[1] * 2.0f + g[2]) * (-2.0f / 3.0f);
        u[4] = g[2];
    } else {
        const float na = 1.0f / (2.0f * WA2 * (WA2 - WB2)), nb = 1.0f / (2.0f * WB2 * (WB2 - WA2));
        v8 even_a = (g[0] + g[2] * WA2) * na, odd_a = g[1] * (WA * na);
        v8 even_b = (g[0] + g[2] * WB2) * nb, odd_b = g[1] * (WB * nb);

        u[0] = g[0] * (1.0f / WP);
        u[1] = even_a + odd_a;
        u[2] = even_a - odd_a;
        u[3] = even_b + odd_b;
        u[4] = even_b - odd_b;
        u[5] = g[2];
    }
}

/* g [3] := G^T u [N] */
INLINE void tile_filter_adjoint(const int M, const v8 *u, v8 *g)
{
    if (M == 3) {
        g[0] = u[0] * 2.0f + u[1] - u[2] * (1.0f / 3.0f) - u[3] * (8.0f / 3.0f);
        g[1] = u[1] + u[2] * (1.0f / 3.0f) - u[3] * (4.0f / 3.0f);
        g[2] = u[1] - u[2] * (1.0f / 3.0f) - u[3] * (2.0f / 3.0f) + u[4];
    } else {
        const float na = 1.0f / (2.0f * WA2 * (WA2 - WB2)), nb = 1.0f / (2.0f * WB2 * (WB2 - WA2));
        v8 sum_a = (u[1] + u[2]) * na, sum_b = (u[3] + u[4]) * nb;

        g[0] = u[0] * (1.0f / WP) + sum_a + sum_b;
        g[1] = (u[1] - u[2]) * (WA * na) + (u[3] - u[4]) * (WB * nb);
        g[2] = sum_a * WA2 + sum_b * WB2 + u[5];
    }
}
