/* lane.h - what one thread needs to push a few rows through the network: activations and scratch.
 *
 * An activation tensor holds `rows` boards blocked by 8 channels: [block][row][point][8], blocks
 * `stride` floats apart. What is stored is always the raw output of a convolution (or the residual
 * stream); norm, activation and mask are applied where the next convolution reads it. So inference
 * needs the stream and one raw tensor, and training keeps just these for the way back. */
#pragma once

#include "plan.h"
#include "sums.h"

/* Norm, activation and mask on the way into a convolution: act(scale * x + bias) * mask. */
struct prologue {
    const float *scale, *bias; /* packed [n_blocks * 8] */
    int act;
};

/* What training keeps of a block. */
struct saved_block {
    float *out;    /* the stream behind the block */
    float *inner;  /* nested: the inner stream behind the first 1x1 convolution */
    float *raw;    /* between the two 3x3 convolutions; gpool: regular part, then pooled part */
    float *pooled; /* gpool: [row][3 gpool] */
    int16_t *top;  /* gpool: [row][gpool] points of the maxima */
};

struct lane {
    const struct cpu_plan *plan;
    const float *params;  /* flat, borrowed: matmuls and biases are read from it */
    const float *packed;
    int cap, rows;        /* rows there is room for and in use */
    size_t stride;        /* between blocks of an activation tensor, floats */
    float *mask;          /* [cap][points] 0 or 1 */
    float *area;          /* [cap] on-board points, at least 1 */
    float *input;         /* [n_planes / 8] blocks */
    float *globals;       /* [cap][n_globals] */
    float *stream[10];    /* by depth; inference works in place */
    float *raw;           /* inference: the tensor between two convolutions */
    float *act;           /* input of a 1x1 convolution, activated */
    float *heads;         /* p1, g1, v1 raw */
    float *logits;        /* one block: policy channels */
    float *own;           /* one block: channel 0 is ownership before tanh */
    float *pooled;        /* inference: [cap][3 gpool] of a block */
    float *pooled_g, *pooled_v; /* [cap][3 g1], [cap][3 v1] */
    int16_t *top_g;       /* [cap][g1] */
    float *row_bias;      /* [cap][widest] */
    float *pass_hidden;   /* [cap][p1] before the activation */
    float *pass;          /* [cap][8] */
    float *fc2;           /* [cap][v2] before the activation */
    float *value;         /* [cap][4] */
    float *score;         /* [cap][8] */
    float *pad;           /* one board of one block with its border, border 0 */
    float *pad_direct;    /* the same for a direct convolution, all blocks in */
    float *tiles_in, *tiles_out; /* Winograd domain */

    /* training only */
    struct saved_block *saved; /* [n_blocks]; NULL in a lane for inference */
    float *stem_out;
    float *grad_stream[10];    /* by depth */
    float *grad_raw, *grad_heads, *grad_logits, *grad_own;
    float *grad_filter;        /* a filter's gradient before it goes to its place */
    float *grad_flat;          /* of 16 channels out, as the parameters are ordered */
    float *grad_pad;           /* like pad */
    float *grad_pass, *grad_value, *grad_score, *grad_fc2, *grad_hidden; /* as without grad_ */
    float *grad_pooled, *grad_pooled_v, *grad_row_bias;
    float *grads;              /* [P] of these rows, flat; a filter's goes to the sums at once */
    struct sums *sums;         /* borrowed, shared by all lanes */
    int64_t n_bad;             /* gradients that did not fit into them */

    void **owned;              /* everything to free */
    int n_owned, max_owned;
    bool failed;               /* an allocation did */
};

/* The gradient of parameters first .. first + n is complete. */
static inline void lane_add_grads(struct lane *l, size_t first, size_t n, const float *grads)
{
    l->n_bad += sums_add_grads(l->sums, first, n, grads);
}

/* Room for cap rows. train: for the way back, too. params and packed are borrowed. */
enum tg_status lane_open(const struct cpu_plan *plan, const float *params, const float *packed,
                         int cap, bool train, struct lane *l, struct tg_error *err);
void lane_close(struct lane *l);

/* Rows that keep the kernels busy while activations stay in cache: a function of the network and
 * board alone. */
int lane_rows(const struct cpu_plan *plan);

static inline struct prologue lane_prologue(const struct lane *l, const struct cpu_norm *n)
{
    return (struct prologue){.scale = l->packed + n->packed,
                             .bias = l->packed + n->packed + n->n_blocks * 8,
                             .act = l->plan->arch.activation};
}
