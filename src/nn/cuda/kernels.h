/* kernels.h - the kernels' launchers. Each enqueues on the stream and returns; an error shows in
 * cudaGetLastError (LAUNCHED in cuda_call.h).
 *
 * Activations are [row][point][channel] in the net's precision, `stride` channels from point to point;
 * pointers to them are void. Points are in the network's orientation unless they say "board". Channel
 * numbers named `channels` are multiples of 8; `n` are those that there really are. Everything that is
 * not an activation is fp32. */
#pragma once

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "element.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ROW_THREADS = 256,   /* of kernels with a block per row or tile */
    MAX_TILES = 528,     /* partial sums of a norm over all points: on an H100 two blocks an SM, twice */
    REDUCE_JOBS = 96,    /* three of a launch's four KB of arguments */
    DENSE_JOBS = 8,
    NORM_BLOCKS = 512    /* partial sums of the gradient's norm */
};

/* What all activations of a pass share. */
struct boards {
    int rows, points;
    const void *mask;  /* [rows][points], 0 or 1 */
    const float *area; /* [rows] on-board points, at least 1 */
};

/* A norm as kernels read it. */
struct norm_ref {
    const float *scale, *bias; /* [channels] */
};

/* ---- input.cu ----------------------------------------------------------------------------------- */

/* And globals_bias [rows][stride] := globals [rows][n_globals] weight [n_globals][n_out], 0 behind n_out. */
struct input_args {
    int rows, points, n_planes, channels, plane_bytes;
    const uint8_t *planes, *symmetry;
    const uint16_t *from; /* [8][points] the board point that lands at a network point */
    void *x, *mask;       /* out [rows][points][channels], [rows][points] */
    float *area;          /* out [rows] */
    int n_globals, n_out, stride;
    const float *globals, *weight;
    float *globals_bias;
};
void launch_input(int precision, const struct input_args *a, cudaStream_t stream);

/* ---- norm.cu ------------------------------------------------------------------------------------ */

/* sum := in (+ row_bias) (+ add); raw := sum; out := act(scale * sum + bias) * mask. */
struct norm_forward_args {
    struct boards b;
    int channels, act;
    const void *in;
    int in_stride;
    const float *row_bias; /* [rows][row_bias_stride]; may be NULL */
    int row_bias_stride;
    const void *add;       /* stride channels; may be NULL */
    void *raw;             /* may be NULL, may be in */
    int raw_stride;
    struct norm_ref norm;
    void *out;             /* stride channels; NULL: only raw */
};
void launch_norm_forward(int precision, const struct norm_forward_args *a, cudaStream_t stream);

/* dx := (accumulate ? dx : 0) + gradient of x from du through mask, activation and norm; partial
 * [tiles][2][channels] gets sums over points for the gradients of scale and bias. */
struct norm_backward_args {
    struct boards b;
    int channels, act, x_stride;
    const void *x, *du; /* du: stride channels */
    struct norm_ref norm;
    void *dx;           /* stride channels; may be du */
    bool accumulate;
    float *partial;
};
/* Tiles it works in: depends on the shape alone. */
int norm_backward_tiles(int rows, int points, int channels);
void launch_norm_backward(int precision, const struct norm_backward_args *a, cudaStream_t stream);

/* The same row by row, with gradients from more places: du + pooled + point_grad. partial [rows]
 * [2 + n_grads][channels]: scale, bias, and for each point gradient that of its weights. */
struct row_backward_args {
    struct boards b;
    int channels, n, act, x_stride;
    const void *x;
    const float *row_bias;    /* [rows][row_bias_stride], part of the norm's input; may be NULL */
    int row_bias_stride;
    struct norm_ref norm;
    const void *du;           /* stride channels; may be NULL */
    const float *d_pooled;    /* [rows][3 n], of launch_pool's output; may be NULL */
    const int16_t *top;       /* [rows][n]: the third group was the maximum; NULL: squared mean */
    const float *point_grad;  /* [rows][points][n_grads]; with point_weight [n_grads][n] */
    const float *point_weight;
    int n_grads;
    void *dx;
    int dx_stride;
    float *partial;
    float *d_row_bias;        /* [rows][d_row_bias_stride] sums over points of dx; may be NULL */
    int d_row_bias_stride;
};
void launch_row_backward(int precision, const struct row_backward_args *a, cudaStream_t stream);

/* sums [rows][channels] := x summed over points. */
void launch_row_sums(int precision, const struct boards *b, int channels, const void *x, float *sums,
                     cudaStream_t stream);

/* grad [n] += the sum over tiles of partial[tile * stride + c], in their order. */
struct reduce_job {
    const float *partial;
    int n_tiles, stride, n;
    float *grad;
};
struct reduce_jobs {
    int n_jobs;
    struct reduce_job job[REDUCE_JOBS];
};
void launch_reduce(const struct reduce_jobs *jobs, cudaStream_t stream);

/* ---- pool.cu ------------------------------------------------------------------------------------ */

/* Global pooling of act(scale * x + bias) over on-board points. */
struct pool_args {
    const void *x;
    int x_stride, channels, n, act;
    struct norm_ref norm;
    bool square;    /* the third group is the mean weighed by the squared side, not the maximum */
    float *pooled;  /* out [rows][3 n] */
    int16_t *top;   /* out [rows][n] points of the maxima; may be NULL */
};
/* And row_bias [rows][stride] := pooled weight [3 n][n_out], 0 behind n_out. */
struct pool_dense_args {
    struct boards b;
    struct pool_args pool;
    const float *weight;
    int n_out, stride;
    float *row_bias;
};
void launch_pool(int precision, const struct pool_dense_args *a, cudaStream_t stream);

/* dx [rows][n_in] := weight dy, dy [rows][stride]. */
struct dense_backward_args {
    int rows, n_in, n_out, stride;
    const float *dy, *weight;
    float *dx;
};
void launch_dense_backward(const struct dense_backward_args *a, cudaStream_t stream);

/* grad [n_in][n_out] += x^T dy, summed over rows in their order; x NULL: a bias, n_in 1. */
struct dense_grad_job {
    const float *x, *dy;
    int n_in, n_out, x_stride, dy_stride;
    float *grad;
};
struct dense_grad_jobs {
    int rows, n_jobs;
    struct dense_grad_job job[DENSE_JOBS];
};
void launch_dense_grads(const struct dense_grad_jobs *jobs, cudaStream_t stream);

/* ---- heads.cu ----------------------------------------------------------------------------------- */

/* Flat parameters of the heads. */
struct head_weights {
    const float *gpool, *pass, *pass1, *pass1_bias, *pass2; /* pass, or the other three */
    const float *conv_p2, *fc2, *fc2_bias, *fc3, *fc3_bias, *score, *score_bias, *ownership;
};
struct head_shape {
    int p1, g1, v1, v2, n_policy, n_score, act;
    int p1_channels; /* p1 padded: stride of row biases */
    bool pass_hidden;
};
/* Everything of the heads that is per row. */
struct head_rows {
    float *pooled_g, *pooled_v; /* [rows][3 g1], [rows][3 v1] */
    int16_t *top_g;             /* [rows][g1]; may be NULL */
    float *row_bias;            /* [rows][p1_channels] */
    float *hidden, *hidden_act; /* [rows][p1] of the pass, before and behind the activation */
    float *fc2, *fc2_act;       /* [rows][v2] */
    float *pass;                /* [rows][n_policy] */
    float *value, *score;       /* [rows][3], [rows][n_score] */
};
struct head_rows_args {
    struct boards b;
    struct pool_args g, v;
    struct head_shape shape;
    struct head_weights w;
    struct head_rows out;
};
void launch_head_rows(int precision, const struct head_rows_args *a, cudaStream_t stream);

/* Logits and ownership of the points. */
struct head_points_args {
    struct boards b;
    struct head_shape shape;
    struct head_weights w;
    const void *p1, *v1;   /* raw, stride channels apart */
    int stride;
    const float *row_bias, *pass;
    struct norm_ref norm_p1, norm_v1;
    const uint8_t *symmetry;
    const uint16_t *to;    /* [8][points] where a board point lands in the network */
    float *policy;         /* inference: [rows][points + 1], board points, channel 0; or NULL */
    float *ownership;      /* inference: [rows][points], board points, behind tanh; may be NULL */
    float *logits;         /* training: [rows][points][n_policy]; with raw_ownership [rows][points] */
    float *raw_ownership;
};
void launch_head_points(int precision, const struct head_points_args *a, cudaStream_t stream);

/* Back through everything that is per row, from gradients of pass, value, score and row bias. */
struct head_rows_backward_args {
    int rows;
    struct head_shape shape;
    struct head_weights w;
    struct head_rows fwd;
    const float *d_pass, *d_value, *d_score; /* as in head_rows */
    const float *d_row_bias;                 /* [rows][p1_channels] */
    float *d_hidden, *d_fc2;                 /* out, before the activation */
    float *d_pooled_g, *d_pooled_v;          /* out */
};
void launch_head_rows_backward(const struct head_rows_backward_args *a, cudaStream_t stream);

/* ---- loss.cu ------------------------------------------------------------------------------------ */

/* Lives on the device, written before each backward pass. */
struct loss_settings {
    struct nn_loss loss;
    float per_row; /* 1 / rows of the whole step */
};
struct loss_args {
    int rows, points, n_policy, n_score;
    int channel[3];          /* of the move, reply and soft policies; -1: none */
    struct nn_scales scales;
    const struct loss_settings *settings;
    const uint8_t *symmetry;
    const uint16_t *to;      /* as in head_points_args */
    const uint8_t *planes;   /* plane 0 of row r at r * row_bytes */
    int row_bytes;
    const float *logits, *pass, *value, *score, *raw_ownership;
    struct nn_targets t;     /* device pointers */
    float *d_logits, *d_pass, *d_value, *d_score, *d_ownership; /* out, like the outputs */
    float *row_metrics;      /* out [rows][NN_METRICS] */
};
void launch_loss(const struct loss_args *a, cudaStream_t stream);
/* sums [NN_METRICS] += row_metrics summed over rows. */
void launch_metrics(int rows, const float *row_metrics, float *sums, cudaStream_t stream);

/* ---- update.cu ---------------------------------------------------------------------------------- */

/* packed filters and norms := flat parameters, for n_maps convolutions and n_norms norms. */
struct pack_args {
    const struct conv_map *maps; /* device */
    const struct norm_map *norms;
    int n_maps, n_norms;
    int max_out;                 /* channels out of one convolution */
    const float *params;
    void *filters;
    float *packed_norms;
};
void launch_pack(int precision, const struct pack_args *a, cudaStream_t stream);
/* grads += packed filter gradients of maps [first, first + n). */
void launch_filter_grads(int precision, const struct conv_map *maps, int first, int n, int max_out,
                         const void *packed, float *grads, cudaStream_t stream);

/* Lives on the device: what the last update did. */
struct update_outcome {
    double norm, clip; /* clip: what sums are multiplied with */
    int32_t skipped;
};
struct update_settings { /* lives on the device, written before each update */
    struct element_step step;
    double clip_norm, max_norm; /* 0: none */
    double per_grad;            /* what the sums hold is the gradient divided by this */
};
struct update_args {
    int64_t n_params;
    const struct update_settings *settings;
    const float *sums;      /* gradients [n_params], metrics [NN_METRICS] */
    const uint8_t *decays;  /* [n_params] */
    float *params, *ema, *moment1, *moment2;
    double *partial;        /* [NORM_BLOCKS] */
    struct update_outcome *outcome;
};
/* Norm, decision, step: three kernels. */
void launch_update(const struct update_args *a, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
