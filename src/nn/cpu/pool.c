/* pool.c - see pool.h. */
#include "pool.h"

#include <math.h>

static const float NOTHING = -1e30f; /* below every activation */

/* Factors of the mean in the second and the third group. */
static void pool_factors(float area, float *linear, float *square)
{
    float side = sqrtf(area) - 14.0f;

    *linear = side * 0.1f;
    *square = side * side * 0.01f - 0.1f;
}

struct pooled {
    v8 sum, max;
    v8i top;
};

INLINE struct pooled pool_board(const int act, int points, const float *x, v8 scale, v8 bias,
                                const float *mask)
{
    struct pooled p = {v8_zero(), v8_set(NOTHING), {0}};

    for (int i = 0; i < points; i++, x += 8)
        if (mask[i] != 0.0f) {
            v8 u = v8_act(act, v8_load(x) * scale + bias);
            v8i more = u > p.max;

            p.sum += u;
            p.max = v8_pick(more, u, p.max);
            p.top = (more & i) | (~more & p.top);
        }
    p.max = v8_pick(p.max == v8_set(NOTHING), v8_zero(), p.max); /* an empty board */
    return p;
}

void pool_forward(const struct lane *l, const float *x, int n, const struct prologue *pre,
                  enum pool_kind kind, float *out, int16_t *top)
{
    int points = l->plan->points;

    for (int cb = 0; cb < blocks_of(n); cb++) {
        v8 scale = v8_load(pre->scale + cb * 8), bias = v8_load(pre->bias + cb * 8);

        for (int row = 0; row < l->rows; row++) {
            const float *board = x + (size_t)cb * l->stride + (size_t)(row * points) * 8;
            float linear, square, *to = out + row * 3 * n;
            struct pooled p = {0};

            ACT_SWITCH(pre->act, p = pool_board(ACT, points, board, scale, bias,
                                                l->mask + row * points))
            pool_factors(l->area[row], &linear, &square);
            for (int j = 0; j < 8 && cb * 8 + j < n; j++) {
                float mean = p.sum[j] / l->area[row];
                int c = cb * 8 + j;

                to[c] = mean;
                to[n + c] = mean * linear;
                to[2 * n + c] = kind == POOL_MAX ? p.max[j] : mean * square;
                if (top != NULL)
                    top[row * n + c] = (int16_t)p.top[j];
            }
        }
    }
}

void pool_backward(struct lane *l, const float *x, int n, const struct prologue *pre,
                   enum pool_kind kind, const float *d_out, const int16_t *top, float *dx,
                   const struct norm_grads *norm)
{
    int points = l->plan->points;
    float *du = l->act; /* one board of one block */

    for (int cb = 0; cb < blocks_of(n); cb++) {
        v8 ds = v8_zero(), db = v8_zero();

        for (int row = 0; row < l->rows; row++) {
            const float *d = d_out + row * 3 * n;
            float linear, square;
            v8 each = v8_zero();

            pool_factors(l->area[row], &linear, &square);
            for (int j = 0; j < 8 && cb * 8 + j < n; j++) {
                int c = cb * 8 + j;

                each[j] = (d[c] + d[n + c] * linear +
                           (kind == POOL_SQUARE ? d[2 * n + c] * square : 0.0f)) /
                          l->area[row];
            }
            for (int i = 0; i < points; i++)
                v8_store(du + i * 8, each);
            for (int j = 0; kind == POOL_MAX && j < 8 && cb * 8 + j < n; j++)
                du[top[row * n + cb * 8 + j] * 8 + j] += d[2 * n + cb * 8 + j];
            prologue_back(l, pre, x, cb, row, du, l->plan->size, dx, false, &ds, &db);
        }
        norm_grads_add(norm, cb, ds, db);
    }
}

void pool_spread(const struct lane *l, int n_blocks, const float *bias, float *x)
{
    int points = l->plan->points;

    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < l->rows; row++) {
            float *board = x + (size_t)cb * l->stride + (size_t)(row * points) * 8;
            v8 b = v8_load(bias + (row * n_blocks + cb) * 8);

            for (int i = 0; i < points; i++)
                v8_store(board + i * 8, v8_load(board + i * 8) + b);
        }
}

void pool_gather(const struct lane *l, int n_blocks, const float *x, float *sums)
{
    int points = l->plan->points;

    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < l->rows; row++) {
            const float *board = x + (size_t)cb * l->stride + (size_t)(row * points) * 8;
            v8 sum = v8_zero();

            for (int i = 0; i < points; i++)
                sum += v8_load(board + i * 8);
            v8_store(sums + (row * n_blocks + cb) * 8, sum);
        }
}
