/* gemm.c - the inner loops, built for a register file of sixteen 8-float vectors. */
#include "gemm.h"

#include "vec.h"

enum {
    TILE = 6,        /* rows of a register tile of gemm: 6 x 2 blocks = 12 accumulators */
    ROW_CHUNK = 96,  /* rows whose inputs stay in the first-level cache across column panels */
    OUTER_K = 4,     /* gemm_outer's register tile: 4 x up to 3 blocks */
    OUTER_N = 3,
    OUTER_ROWS = 512 /* rows after which gemm_outer goes on to the next tile */
};

#define UNROLL _Pragma("GCC unroll 16")
/* The compiler shall take this pointer as it is, and address what follows by constant offsets. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

size_t gemm_packed_index(int n_k, int n_n, int k, int n)
{
    int block = n / 8, panel = block / 2, width = 2 * panel + 1 < n_n ? 16 : 8;

    return (size_t)panel * (size_t)n_k * 128 + (size_t)k * (size_t)width +
           (size_t)(n - panel * 16);
}

/* R rows times B column blocks. R, B and add are constants where this is inlined. */
INLINE void tile(const int R, const int B, const float *a, const ptrdiff_t *slab, int n_k,
                 const float *w, const float *add, float *c, size_t c_stride)
{
    v8 acc[TILE][2];

    UNROLL for (int r = 0; r < R; r++)
        UNROLL for (int b = 0; b < B; b++)
            acc[r][b] = v8_zero();
    for (int k = 0; k < n_k; k++) {
        const float *x = a + slab[k];

        OPAQUE(x);
        UNROLL for (int j = 0; j < 8; j++, w += B * 8) {
            v8 weight[2];

            UNROLL for (int b = 0; b < B; b++)
                weight[b] = v8_load(w + b * 8);
            UNROLL for (int r = 0; r < R; r++)
                UNROLL for (int b = 0; b < B; b++)
                    acc[r][b] += x[r * 8 + j] * weight[b];
        }
    }
    UNROLL for (int b = 0; b < B; b++, c += c_stride) {
        UNROLL for (int r = 0; r < R; r++)
            v8_store(c + r * 8, add != NULL ? acc[r][b] + v8_load(add + r * 8) : acc[r][b]);
        if (add != NULL)
            add += c_stride;
    }
}

INLINE void panel(const int B, int rows, const float *a, const ptrdiff_t *slab, int n_k,
                  const float *w, const float *add, float *c, size_t c_stride)
{
    int r = 0;

    for (; r + TILE <= rows; r += TILE)
        tile(TILE, B, a + r * 8, slab, n_k, w, add ? add + r * 8 : NULL, c + r * 8, c_stride);
    a += r * 8;
    c += r * 8;
    add = add != NULL ? add + r * 8 : NULL;
    switch (rows - r) {
    case 5: tile(5, B, a, slab, n_k, w, add, c, c_stride); break;
    case 4: tile(4, B, a, slab, n_k, w, add, c, c_stride); break;
    case 3: tile(3, B, a, slab, n_k, w, add, c, c_stride); break;
    case 2: tile(2, B, a, slab, n_k, w, add, c, c_stride); break;
    case 1: tile(1, B, a, slab, n_k, w, add, c, c_stride); break;
    default: break;
    }
}

static void panel_2(int rows, const float *a, const ptrdiff_t *slab, int n_k, const float *w,
                    const float *add, float *c, size_t c_stride)
{
    if (add != NULL)
        panel(2, rows, a, slab, n_k, w, add, c, c_stride);
    else
        panel(2, rows, a, slab, n_k, w, NULL, c, c_stride);
}

static void panel_1(int rows, const float *a, const ptrdiff_t *slab, int n_k, const float *w,
                    const float *add, float *c, size_t c_stride)
{
    if (add != NULL)
        panel(1, rows, a, slab, n_k, w, add, c, c_stride);
    else
        panel(1, rows, a, slab, n_k, w, NULL, c, c_stride);
}

void gemm(int rows, const float *a, const ptrdiff_t *slab, int n_k, const float *w, int n_n,
          const float *add, float *c, size_t c_stride)
{
    for (int row = 0; row < rows; row += ROW_CHUNK) {
        int n = rows - row < ROW_CHUNK ? rows - row : ROW_CHUNK;
        const float *weight = w;

        for (int b = 0; b < n_n; b += 2, weight += (size_t)n_k * 128) {
            size_t at = (size_t)b * c_stride + (size_t)row * 8;

            (b + 1 < n_n ? panel_2 : panel_1)(n, a + (size_t)row * 8, slab, n_k, weight,
                                              add != NULL ? add + at : NULL, c + at, c_stride);
        }
    }
}

/* Four columns of a against B blocks of d. */
INLINE void outer_tile(const int B, int rows, const float *a, const float *d, size_t d_stride,
                       bool add, float *w, size_t w_row)
{
    v8 acc[OUTER_K][OUTER_N];

    UNROLL for (int k = 0; k < OUTER_K; k++)
        UNROLL for (int b = 0; b < B; b++)
            acc[k][b] = add ? v8_load(w + (size_t)k * w_row + b * 8) : v8_zero();
    for (int r = 0; r < rows; r++, a += 8, d += 8) {
        v8 grad[OUTER_N];

        UNROLL for (int b = 0; b < B; b++)
            grad[b] = v8_load(d + (size_t)b * d_stride);
        UNROLL for (int k = 0; k < OUTER_K; k++)
            UNROLL for (int b = 0; b < B; b++)
                acc[k][b] += a[k] * grad[b];
    }
    UNROLL for (int k = 0; k < OUTER_K; k++)
        UNROLL for (int b = 0; b < B; b++)
            v8_store(w + (size_t)k * w_row + b * 8, acc[k][b]);
}

void gemm_outer(int rows, const float *a, size_t a_stride, int n_k, const float *d, size_t d_stride,
                int n_n, bool add, float *w)
{
    size_t w_row = (size_t)n_n * 8;

    for (int row = 0; row < rows; row += OUTER_ROWS, add = true) {
        int n = rows - row < OUTER_ROWS ? rows - row : OUTER_ROWS;

        for (int b = 0; b < n_n; b += OUTER_N) {
            const float *grad = d + (size_t)b * d_stride + (size_t)row * 8;

            for (int k = 0; k < n_k * 8; k += OUTER_K) {
                const float *x = a + (size_t)(k / 8) * a_stride + (size_t)row * 8 + k % 8;
                float *out = w + (size_t)k * w_row + (size_t)b * 8;

                switch (n_n - b) {
                case 1: outer_tile(1, n, x, grad, d_stride, add, out, w_row); break;
                case 2: outer_tile(2, n, x, grad, d_stride, add, out, w_row); break;
                default: outer_tile(3, n, x, grad, d_stride, add, out, w_row); break;
                }
            }
        }
    }
}
