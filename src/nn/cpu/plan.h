/* plan.h - the network as the CPU computes it: every convolution and norm with its place in the flat
 * parameters and in the packed copy that the kernels read.
 *
 * Channels are padded to multiples of 8 with zeros. A convolution whose results go separate ways
 * (gpool: regular and pooled; heads: p1, g1, v1) is one convolution of several parts, each starting
 * at a block of its own, so that its input is read and transformed once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/nn.h"

static inline int blocks_of(int channels) { return (channels + 7) / 8; }

/* Winograd tiling of a board of side S (see tile.h). */
struct winograd {
    int m, n;       /* outputs and inputs of a tile's side */
    int side, tiles; /* tiles per side and per board */
    int padded;     /* side of a board with its border: side * m + 2 */
};

struct cpu_conv {
    int k;              /* side of the filter: 1, 3 (Winograd) or another odd number (direct) */
    int n_in;           /* channels in */
    int n_in_blocks, n_out_blocks;
    int n_parts;
    struct {
        size_t offset;  /* of the tensor in the flat parameters */
        int n_out, block;
    } part[3];
    size_t forward, backward; /* in the packed copy; backward: the transposed matrices */
};

/* Floats from one Winograd position's matrix of a filter to the next: not a multiple of a page, as
 * the positions of a filter are written side by side. */
static inline size_t winograd_matrix(int n_in_blocks, int n_out_blocks)
{
    return (size_t)(n_in_blocks * n_out_blocks) * 64 + 32;
}

struct cpu_norm {
    int n, n_blocks;
    size_t scale, bias; /* in the flat parameters */
    size_t packed;      /* [n_blocks * 8] scales, then as many biases */
};

struct cpu_block {
    int kind, n_inner, span, depth;
    int width, mid, gpool;                    /* channels */
    struct cpu_norm norm1, normg, norm2;
    struct cpu_conv conv1, conv2;
    size_t pool_matmul;                       /* gpool: [3 gpool][mid], flat */
};

struct cpu_heads {
    struct cpu_norm tip, norm_g1, norm_p1, norm_v1;
    struct cpu_conv conv, conv_p2, ownership; /* conv: parts p1, g1, v1 */
    size_t gpool, pass, pass1, pass1_bias, pass2; /* flat */
    size_t fc2, fc2_bias, fc3, fc3_bias, score, score_bias;
};

struct cpu_plan {
    struct nn_arch arch;
    struct nn_layout layout;
    int size, points;
    uint16_t turned[GAME_SYMMETRIES][GAME_MAX_POINTS]; /* where a point goes under a symmetry */
    struct winograd wino;
    struct cpu_conv stem;
    size_t globals;
    struct cpu_block *blocks; /* owned [arch.n_blocks] */
    struct cpu_heads heads;
    size_t n_packed;
    int max_blocks;           /* the widest tensor, in blocks */
    int max_depth;
    size_t max_filter;        /* floats of the largest packed filter */
    bool train;
};

enum tg_status plan_open(const struct nn_arch *arch, int size, bool train, struct cpu_plan *p,
                         struct tg_error *err);
void plan_close(struct cpu_plan *p);

/* Call visit for every convolution or norm of the network. */
void plan_convs(const struct cpu_plan *p, void (*visit)(void *ctx, const struct cpu_conv *c),
                void *ctx);
void plan_norms(const struct cpu_plan *p, void (*visit)(void *ctx, const struct cpu_norm *n),
                void *ctx);
