/* winograd.c - the 3x3 convolution: forward, and both gradients by the adjoints of the transforms. */
#include "winograd.h"

#include "gemm.h"
#include "tile.h"

enum { MAX_N = 6, MAX_SLABS = 1024 };

/* ---- filters --------------------------------------------------------------------------------- */

/* u [N*N] := G g G^T for eight filters side by side, g [9]. */
INLINE void filter_2d(const int M, const v8 *g, v8 *u)
{
    const int N = M + 2;
    v8 half[3 * MAX_N];

    for (int x = 0; x < 3; x++) {
        v8 column[3] = {g[x], g[3 + x], g[6 + x]}, out[MAX_N];

        tile_filter(M, column, out);
        for (int i = 0; i < N; i++)
            half[i * 3 + x] = out[i];
    }
    for (int i = 0; i < N; i++)
        tile_filter(M, half + i * 3, u + i * N);
}

/* g [9] := G^T u G */
INLINE void filter_2d_adjoint(const int M, const v8 *u, v8 *g)
{
    const int N = M + 2;
    v8 half[MAX_N * 3];

    for (int i = 0; i < N; i++)
        tile_filter_adjoint(M, u + i * N, half + i * 3);
    for (int x = 0; x < 3; x++) {
        v8 column[MAX_N], out[3];

        for (int i = 0; i < N; i++)
            column[i] = half[i * 3 + x];
        tile_filter_adjoint(M, column, out);
        for (int y = 0; y < 3; y++)
            g[y * 3 + x] = out[y];
    }
}

static void pack_eight(const struct winograd *w, const v8 *g, int n_k, int n_n, int k, int n,
                       float *packed)
{
    size_t at = gemm_packed_index(n_k, n_n, k, n), matrix = winograd_matrix(n_k, n_n);
    v8 u[MAX_N * MAX_N];

    if (w->m == 3)
        filter_2d(3, g, u);
    else
        filter_2d(4, g, u);
    for (int i = 0; i < w->n * w->n; i++)
        v8_store(packed + (size_t)i * matrix + at, u[i]);
}

/* g [9] := n filters that are `step` floats apart, side by side; the rest 0. */
INLINE void gather_filters(const float *from, size_t step, int n, v8 *g)
{
    v8 rows[8];

    g[8] = v8_zero();
    for (int j = 0; j < 8; j++) {
        rows[j] = v8_zero();
        if (j < n) {
            memcpy(&rows[j], from + (size_t)j * step, sizeof rows[j]);
            g[8][j] = from[(size_t)j * step + 8];
        }
    }
    v8_transpose(rows);
    for (int t = 0; t < 8; t++)
        g[t] = rows[t];
}

void winograd_pack(const struct cpu_plan *p, const struct cpu_conv *c, const float *params,
                   float *packed)
{
    int n_k = c->n_in_blocks, n_n = c->n_out_blocks, n_in = c->n_in;
    size_t step = (size_t)n_in * 9; /* from one channel out to the next */

    for (int i = 0; i < c->n_parts; i++) {
        const float *filter = params + c->part[i].offset; /* [out][in][9] */
        int n_out = c->part[i].n_out, first = c->part[i].block * 8;
        v8 g[9];

        for (int pair = 0; pair < n_out; pair += 16)
            for (int in = 0; in < n_in; in++)
                for (int out = pair; out < pair + 16 && out < n_out; out += 8) {
                    gather_filters(filter + (size_t)out * step + (size_t)in * 9, step, n_out - out,
                                   g);
                    pack_eight(&p->wino, g, n_k, n_n, in, first + out, packed + c->forward);
                }
        for (int out = 0; p->train && out < n_out; out++)
            for (int in = 0; in < n_in; in += 8) {
                gather_filters(filter + (size_t)out * step + (size_t)in * 9, 9, n_in - in, g);
                pack_eight(&p->wino, g, n_n, n_k, first + out, in, packed + c->backward);
            }
    }
}

/* ---- boards into tiles ------------------------------------------------------------------------ */

/* v [N*N], `position` apart, := B^T d B of the tile at d, whose lines are `width` points apart. */
INLINE void tile_in_2d(const int M, const float *d, int width, float *v, size_t position)
{
    const int N = M + 2;
    v8 half[MAX_N * MAX_N];

    for (int x = 0; x < N; x++) {
        v8 column[MAX_N], out[MAX_N];

        for (int y = 0; y < N; y++)
            column[y] = v8_load(d + (y * width + x) * 8);
        tile_in(M, column, out);
        for (int y = 0; y < N; y++)
            half[y * N + x] = out[y];
    }
    for (int y = 0; y < N; y++) {
        v8 out[MAX_N];

        tile_in(M, half + y * N, out);
        for (int x = 0; x < N; x++)
            v8_store(v + (size_t)(y * N + x) * position, out[x]);
    }
}

INLINE void board_in(const int M, const struct winograd *w, const float *pad, float *v,
                     size_t position)
{
    for (int ty = 0; ty < w->side; ty++)
        for (int tx = 0; tx < w->side; tx++, v += 8)
            tile_in_2d(M, pad + (ty * w->padded + tx) * M * 8, w->padded, v, position);
}

/* Rows that are in the Winograd domain together. */
struct rows {
    int first, n;
};

/* Before the first of them. */
static struct rows no_rows(void) { return (struct rows){0, 0}; }

/* The next rows of the lane: as many as its tensors in the domain have room for, few enough that all positions
 * stay in cache. */
static bool next_rows(const struct lane *l, struct rows *r)
{
    int most = winograd_rows(&l->plan->wino, l->cap);

    r->first += r->n;
    r->n = l->rows - r->first < most ? l->rows - r->first : most;
    return r->n > 0;
}

/* These rows of x, all blocks, through the prologue, into v. */
static void tiles_in(struct lane *l, struct rows r, const float *x, int n_blocks,
                     const struct prologue *pre, float *v)
{
    const struct winograd *w = &l->plan->wino;
    size_t slab = winograd_slab(w, r.n), position = winograd_position(w, n_blocks, r.n);
    float *inside = l->pad + (w->padded + 1) * 8;

    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < r.n; row++) {
            float *to = v + (size_t)cb * slab + (size_t)(row * w->tiles) * 8;

            prologue_apply(l, pre, x, cb, r.first + row, inside, w->padded);
            if (w->m == 3)
                board_in(3, w, l->pad, to, position);
            else
                board_in(4, w, l->pad, to, position);
        }
}

/* ---- tiles back onto boards ------------------------------------------------------------------- */

INLINE void tile_out_2d(const int M, const float *v, size_t position, v8 *y)
{
    const int N = M + 2;
    v8 half[4 * MAX_N];

    for (int x = 0; x < N; x++) {
        v8 column[MAX_N], out[4];

        for (int i = 0; i < N; i++)
            column[i] = v8_load(v + (size_t)(i * N + x) * position);
        tile_out(M, column, out);
        for (int i = 0; i < M; i++)
            half[i * N + x] = out[i];
    }
    for (int i = 0; i < M; i++)
        tile_out(M, half + i * N, y + i * M);
}

/* lines x columns of a tile to y (+ add), where lines are `size` points apart. */
INLINE void store_part(const int M, const v8 *tile, int lines, int columns, int size,
                       const float *add, float *y)
{
    for (int i = 0; i < lines; i++)
        for (int j = 0; j < columns; j++) {
            size_t at = (size_t)(i * size + j) * 8;

            v8_store(y + at, add != NULL ? tile[i * M + j] + v8_load(add + at) : tile[i * M + j]);
        }
}

/* A tile at (y0, x0) as far as it is on the board. */
INLINE void store_tile(const int M, const v8 *tile, int size, int y0, int x0, const float *add,
                       float *y)
{
    int lines = size - y0 < M ? size - y0 : M, columns = size - x0 < M ? size - x0 : M;
    int at = (y0 * size + x0) * 8;

    add = add != NULL ? add + at : NULL;
    if (lines == M && columns == M)
        store_part(M, tile, M, M, size, add, y + at);
    else
        store_part(M, tile, lines, columns, size, add, y + at);
}

INLINE void board_out(const int M, const struct winograd *w, int size, const float *v,
                      size_t position, const float *add, float *y)
{
    for (int ty = 0; ty < w->side; ty++)
        for (int tx = 0; tx < w->side; tx++, v += 8) {
            v8 tile[16];

            tile_out_2d(M, v, position, tile);
            store_tile(M, tile, size, ty * M, tx * M, add, y);
        }
}

static void tiles_out(struct lane *l, struct rows r, const float *v, int n_blocks, const float *add,
                      float *y)
{
    const struct winograd *w = &l->plan->wino;
    size_t slab = winograd_slab(w, r.n), position = winograd_position(w, n_blocks, r.n);

    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < r.n; row++) {
            const float *from = v + (size_t)cb * slab + (size_t)(row * w->tiles) * 8;
            size_t at = (size_t)cb * l->stride + (size_t)((r.first + row) * l->plan->points) * 8;

            if (w->m == 3)
                board_out(3, w, l->plan->size, from, position, add ? add + at : NULL, y + at);
            else
                board_out(4, w, l->plan->size, from, position, add ? add + at : NULL, y + at);
        }
}

static void slabs_of(int n_blocks, size_t slab, ptrdiff_t slabs[MAX_SLABS])
{
    for (int k = 0; k < n_blocks; k++)
        slabs[k] = (ptrdiff_t)((size_t)k * slab);
}

/* out [position] := in [position] * w [position], for every position. */
static void multiply(const struct winograd *t, int rows, const float *in, int n_in, const float *w,
                     int n_out, float *out)
{
    size_t slab = winograd_slab(t, rows), matrix = winograd_matrix(n_in, n_out);
    size_t in_step = winograd_position(t, n_in, rows);
    size_t out_step = winograd_position(t, n_out, rows);
    ptrdiff_t slabs[MAX_SLABS];

    slabs_of(n_in, slab, slabs);
    for (size_t i = 0; i < (size_t)(t->n * t->n); i++)
        gemm(rows * t->tiles, in + i * in_step, slabs, n_in, w + i * matrix, n_out, NULL,
             out + i * out_step, slab);
}

void winograd_forward(struct lane *l, const struct cpu_conv *c, const float *x,
                      const struct prologue *pre, const float *add, float *y)
{
    for (struct rows r = no_rows(); next_rows(l, &r);) {
        tiles_in(l, r, x, c->n_in_blocks, pre, l->tiles_in);
        multiply(&l->plan->wino, r.n, l->tiles_in, c->n_in_blocks, l->packed + c->forward,
                 c->n_out_blocks, l->tiles_out);
        tiles_out(l, r, l->tiles_out, c->n_out_blocks, add, y);
    }
}

/* ---- gradients -------------------------------------------------------------------------------- */

/* m [N*N] := A y A^T of the part of the tile that is on the board. */
INLINE void tile_grad_2d(const int M, const float *dy, int size, int y0, int x0, float *v,
                         size_t position)
{
    const int N = M + 2;
    int lines = size - y0 < M ? size - y0 : M, columns = size - x0 < M ? size - x0 : M;
    v8 half[MAX_N * 4];

    for (int x = 0; x < M; x++) {
        v8 column[4] = {v8_zero(), v8_zero(), v8_zero(), v8_zero()}, out[MAX_N];

        if (x < columns)
            for (int y = 0; y < lines; y++)
                column[y] = v8_load(dy + ((y0 + y) * size + x0 + x) * 8);
        tile_out_adjoint(M, column, out);
        for (int i = 0; i < N; i++)
            half[i * M + x] = out[i];
    }
    for (int i = 0; i < N; i++) {
        v8 out[MAX_N];

        tile_out_adjoint(M, half + i * M, out);
        for (int j = 0; j < N; j++)
            v8_store(v + (size_t)(i * N + j) * position, out[j]);
    }
}

static void tiles_grad(struct lane *l, struct rows r, const float *dy, int n_blocks, float *v)
{
    const struct winograd *w = &l->plan->wino;
    size_t slab = winograd_slab(w, r.n), position = winograd_position(w, n_blocks, r.n);
    int size = l->plan->size, points = l->plan->points;

    for (int cb = 0; cb < n_blocks; cb++)
        for (int row = 0; row < r.n; row++) {
            const float *board = dy + (size_t)cb * l->stride + (size_t)((r.first + row) * points) * 8;
            float *to = v + (size_t)cb * slab + (size_t)(row * w->tiles) * 8;

            for (int t = 0; t < w->tiles; t++, to += 8) {
                int y0 = t / w->side * w->m, x0 = t % w->side * w->m;

                if (w->m == 3)
                    tile_grad_2d(3, board, size, y0, x0, to, position);
                else
                    tile_grad_2d(4, board, size, y0, x0, to, position);
            }
        }
}

/* pad, lines `width` apart, += B v B^T */
INLINE void tile_in_2d_adjoint(const int M, const float *v, size_t position, float *pad, int width)
{
    const int N = M + 2;
    v8 half[MAX_N * MAX_N];

    for (int x = 0; x < N; x++) {
        v8 column[MAX_N], out[MAX_N];

        for (int y = 0; y < N; y++)
            column[y] = v8_load(v + (size_t)(y * N + x) * position);
        tile_in_adjoint(M, column, out);
        for (int y = 0; y < N; y++)
            half[y * N + x] = out[y];
    }
    for (int y = 0; y < N; y++) {
        v8 out[MAX_N];

        tile_in_adjoint(M, half + y * N, out);
        for (int x = 0; x < N; x++) {
            float *to = pad + (y * width + x) * 8;

            v8_store(to, v8_load(to) + out[x]);
        }
    }
}

/* Gradients of the tiles back onto boards and through the prologue. */
static void tiles_in_back(struct lane *l, struct rows r, const float *v, const float *x,
                          int n_blocks, const struct prologue *pre, float *dx, bool add,
                          const struct norm_grads *norm)
{
    const struct winograd *w = &l->plan->wino;
    size_t slab = winograd_slab(w, r.n), position = winograd_position(w, n_blocks, r.n);
    size_t pad_bytes = (size_t)(w->padded * w->padded) * 32;

    for (int cb = 0; cb < n_blocks; cb++) {
        v8 ds = v8_zero(), db = v8_zero();

        for (int row = 0; row < r.n; row++) {
            const float *from = v + (size_t)cb * slab + (size_t)(row * w->tiles) * 8;

            memset(l->grad_pad, 0, pad_bytes);
            for (int t = 0; t < w->tiles; t++, from += 8) {
                float *to = l->grad_pad + (t / w->side * w->padded + t % w->side) * w->m * 8;

                if (w->m == 3)
                    tile_in_2d_adjoint(3, from, position, to, w->padded);
                else
                    tile_in_2d_adjoint(4, from, position, to, w->padded);
            }
            prologue_back(l, pre, x, cb, r.first + row, l->grad_pad + (w->padded + 1) * 8, w->padded, dx,
                          add, &ds, &db);
        }
        norm_grads_add(norm, cb, ds, db);
    }
}

/* Eight filters from out on, for one channel in: from [position], to [out][in][9]. What stands
 * `ahead` (0: nothing) floats on is needed soon. */
INLINE void unpack_eight(const int M, const float *from, size_t matrix, size_t ahead, float *to,
                         size_t to_step, int n_out)
{
    const int N = M + 2;
    v8 u[MAX_N * MAX_N], g[9];

    for (int k = 0; k < N * N; k++) {
        u[k] = v8_load(from + (size_t)k * matrix);
        if (ahead > 0)
            __builtin_prefetch(from + (size_t)k * matrix + ahead);
    }
    filter_2d_adjoint(M, u, g);
    v8_transpose(g);
    for (int j = 0; j < n_out; j++) {
        memcpy(to + (size_t)j * to_step, &g[j], sizeof g[j]);
        to[(size_t)j * to_step + 8] = g[8][j];
    }
}

/* Channels out of a filter, from first on, at most 16 (which share cache lines): their gradient by
 * the transformed filter, du [position][in][out], to l->grad_flat [out][in][9]. */
static void unpack_filters(struct lane *l, const struct cpu_conv *c, const float *du, int first,
                           int n)
{
    size_t n_out = (size_t)c->n_out_blocks * 8, step = (size_t)c->n_in * 9;
    size_t matrix = winograd_matrix(c->n_in_blocks, c->n_out_blocks);

    for (int in = 0; in < c->n_in; in++)
        for (int out = 0; out < n; out += 8) {
            const float *from = du + (size_t)in * n_out + (size_t)(first + out);
            float *to = l->grad_flat + (size_t)out * step + (size_t)in * 9;
            size_t ahead = out == 0 ? 4 * n_out : 0;

            if (l->plan->wino.m == 3)
                unpack_eight(3, from, matrix, ahead, to, step, n - out < 8 ? n - out : 8);
            else
                unpack_eight(4, from, matrix, ahead, to, step, n - out < 8 ? n - out : 8);
        }
}

static void unpack_filter_grad(struct lane *l, const struct cpu_conv *c, const float *du)
{
    size_t step = (size_t)c->n_in * 9;

    for (int i = 0; i < c->n_parts; i++)
        for (int out = 0; out < c->part[i].n_out; out += 16) {
            int n = c->part[i].n_out - out < 16 ? c->part[i].n_out - out : 16;

            unpack_filters(l, c, du, c->part[i].block * 8 + out, n);
            lane_add_grads(l, c->part[i].offset + (size_t)out * step, (size_t)n * step, l->grad_flat);
        }
}

/* Both gradients, position by position, while its matrices are in cache: du (+= but for the first
 * rows) that of the transformed filter from l->tiles_in and l->tiles_out; then, if `data`,
 * l->tiles_in := that of itself. */
static void multiply_back(struct lane *l, const struct cpu_conv *c, struct rows r, bool data, float *du)
{
    const struct winograd *w = &l->plan->wino;
    int n_in = c->n_in_blocks, n_out = c->n_out_blocks, n_tiles = r.n * w->tiles;
    size_t slab = winograd_slab(w, r.n), matrix = winograd_matrix(n_in, n_out);
    float *in = l->tiles_in, *out = l->tiles_out;
    const float *filter = l->packed + c->backward;
    ptrdiff_t slabs[MAX_SLABS];

    slabs_of(n_out, slab, slabs);
    for (int i = 0; i < w->n * w->n; i++) {
        gemm_outer(n_tiles, in, slab, n_in, out, slab, n_out, r.first > 0, du);
        if (data)
            gemm(n_tiles, out, slabs, n_out, filter, n_in, NULL, in, slab);
        in += winograd_position(w, n_in, r.n);
        out += winograd_position(w, n_out, r.n);
        du += matrix;
        filter += matrix;
    }
}

void winograd_backward(struct lane *l, const struct cpu_conv *c, const float *x,
                       const struct prologue *pre, const float *dy, float *dx, bool add,
                       const struct norm_grads *norm)
{
    for (struct rows r = no_rows(); next_rows(l, &r);) {
        tiles_grad(l, r, dy, c->n_out_blocks, l->tiles_out);
        tiles_in(l, r, x, c->n_in_blocks, pre, l->tiles_in);
        multiply_back(l, c, r, dx != NULL, l->grad_filter);
        if (dx != NULL)
            tiles_in_back(l, r, l->tiles_in, x, c->n_in_blocks, pre, dx, add, norm);
    }
    unpack_filter_grad(l, c, l->grad_filter);
}
