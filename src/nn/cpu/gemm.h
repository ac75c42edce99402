/* gemm.h - the two matrix products that everything is made of.
 *
 * A matrix of `rows` rows and 8 * n columns is kept "blocked": n slabs of [rows][8] floats, slab b at
 * b * stride. Rows are points of a board, or Winograd tiles; columns are channels. Each element of a
 * result is one chain of multiply-adds in a fixed order, so it depends neither on the number of rows
 * nor on the place of its row. All pointers are aligned to 32 bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Floats of the packed form of a [8 n_k][8 n_n] matrix of weights. */
static inline size_t gemm_packed(int n_k, int n_n) { return (size_t)n_k * (size_t)n_n * 64; }
/* Where element (k, n) of the matrix stands in its packed form: pairs of column blocks side by side,
 * an odd last one alone. */
size_t gemm_packed_index(int n_k, int n_n, int k, int n);

/* c [rows][8 n_n] := a [rows][8 n_k] * w (+ add, which may be c itself; NULL: 0). Column block k of a
 * is at a + slab[k]; c and add have slabs c_stride floats apart. w is packed. */
void gemm(int rows, const float *a, const ptrdiff_t *slab, int n_k, const float *w, int n_n,
          const float *add, float *c, size_t c_stride);

/* w [8 n_k][8 n_n], plain rows, := (add ? w : 0) + a^T d: the sum over rows of a[row][k] * d[row][n].
 * Slabs are a_stride and d_stride apart. */
void gemm_outer(int rows, const float *a, size_t a_stride, int n_k, const float *d, size_t d_stride,
                int n_n, bool add, float *w);
