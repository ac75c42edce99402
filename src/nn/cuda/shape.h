/* shape.h - the network as the GPU computes it: every convolution, norm and matrix with its place in
 * the flat parameters and in the packed copies. No CUDA here.
 *
 * Channels are padded to multiples of 8 with zeros: padded filters, scales and biases are 0, so padding
 * stays 0 through every layer and its gradients go nowhere. */
#pragma once

#include "element.h"

static inline int padded(int channels) { return (channels + 7) / 8 * 8; }

struct shape_block {
    int kind, n_inner, span, depth;
    int width, mid, gpool;      /* channels that there are */
    int norm1, normg, norm2;    /* indices of norms */
    int conv1, conv2;           /* indices of maps; gpool: conv1 is the regular and the pooled part */
    int64_t pool_matmul;        /* gpool: [3 gpool][mid], flat */
};

struct shape_heads {
    int tip, norm_g1, norm_p1, norm_v1; /* norms */
    int conv;                           /* map: parts p1, g1, v1 */
    int64_t gpool, pass, pass1, pass1_bias, pass2, conv_p2;
    int64_t fc2, fc2_bias, fc3, fc3_bias, score, score_bias, ownership;
};

struct net_shape {
    struct nn_arch arch;
    struct nn_layout layout; /* owned */
    int size, points;
    struct conv_map *maps;   /* owned, in the order of the forward pass */
    int n_maps;
    struct norm_map *norms;  /* owned, likewise */
    int n_norms;
    int stem;                /* map */
    int64_t globals;
    struct shape_block *blocks; /* owned [arch.n_blocks] */
    struct shape_heads heads;
    int64_t n_filters, n_packed_norms; /* elements of the packed arrays */
    int max_out;             /* channels out of one convolution, padded */
    int max_channels, max_depth, max_pooled; /* padded; of blocks; 3 gpool, 3 g1 or 3 v1 */
};

enum tg_status net_shape_open(const struct nn_arch *arch, int size, struct net_shape *s,
                              struct tg_error *err);
void net_shape_close(struct net_shape *s);
