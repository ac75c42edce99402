/* nn.h - networks: architecture, flat parameters, batches, losses, optimisers, and the table of
 * functions behind which the devices lie.
 *
 * One family: a pre-activation residual tower with global pooling and nested bottlenecks, as in
 * KataGo; every layer honours the on-board mask (input plane 0). No batch statistics: a "norm" is a
 * per-channel scale and bias. So a row's outputs depend on that row and the parameters alone: not
 * on the batch it came in, its place there, or the number of threads (bit for bit on the CPU).
 *
 * Parameters, gradients, moments and the running average are flat arrays [P] with one table of
 * named tensors (struct nn_layout). All values are seen by the side to move. NN knows no ranks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/device.h"
#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/log.h"
#include "tengen/span.h"

/* ---- architecture ---------------------------------------------------------------------------- */

enum { NN_MAX_BLOCKS = 256, NN_MAX_POLICY = 6, NN_NAME_MAX = 97, NN_N_VALUE = 3, NN_MAX_SCORE = 6 };

enum nn_activation { NN_IDENTITY, NN_RELU, NN_MISH, NN_SILU };
enum nn_block_kind { NN_BLOCK_RESIDUAL, NN_BLOCK_GPOOL, NN_BLOCK_NESTED };

/* One block of the tower. A nested bottleneck is followed in the list by its n_inner inner blocks,
 * which work at width mid (and may be nested again). */
struct nn_block {
    uint8_t kind;    /* enum nn_block_kind */
    uint8_t n_inner; /* nested only */
    uint16_t mid;    /* channels between the two convolutions; gpool: of the regular part */
    uint16_t gpool;  /* gpool only: channels that are pooled */
};

/* What the policy head's channels mean; channel 0 is always the policy itself. */
enum nn_policy_role {
    NN_POLICY_MOVE,       /* the move to play here */
    NN_POLICY_REPLY,      /* the opponent's next move (training target only) */
    NN_POLICY_SOFT,       /* the target to the power 1/4 (training target only) */
    NN_POLICY_OPTIMISTIC, /* of an imported net: kept, used only where asked for */
    NN_POLICY_OTHER       /* of an imported net: kept so that an export loses nothing */
};

/* How raw score outputs become points (KataGo's post-processing scales). */
struct nn_scales {
    float td_score, score_mean, score_stdev, lead, variance_time, value_error, score_error;
};
extern const struct nn_scales nn_scales_default; /* 20, 20, 20, 20, 40, 0.25, 30 */

struct nn_arch {
    char name[NN_NAME_MAX];   /* of the preset, or "custom" */
    int n_planes, n_globals;  /* inputs, as the game's */
    int trunk;                /* channels of the residual stream */
    int stem;                 /* side of the first convolution: 1, 3 or 5 */
    int n_blocks;             /* entries of blocks, inner ones counted */
    struct nn_block blocks[NN_MAX_BLOCKS];
    int activation;           /* enum nn_activation, everywhere but where noted */
    int p1, g1;               /* policy head: spatial and pooled channels */
    int n_policy;             /* policy channels */
    uint8_t policy_role[NN_MAX_POLICY];
    bool pass_hidden;         /* pass logit through a hidden layer of p1 (KataGo >= version 15) */
    int v1, v2;               /* value head: spatial channels, hidden width */
    int n_score;              /* 4: mean, stdev, lead, variance time; 6: and the two error outputs */
    struct nn_scales scales;
    int source_version;       /* KataGo's model version the net came from; 0: ours */
};

/* A preset by name ("b6c96", "b10c128", "b15c192", "b18c384nbt", "b20c256", "b40c256", and small
 * ones for CPUs: "b2c16", "b3c32", "b4c48", "b5c64") for these inputs. TG_EINVAL lists the names. */
enum tg_status nn_arch_preset(const char *name, int n_planes, int n_globals, struct nn_arch *arch,
                              struct tg_error *err);

/* TG_EINVAL if the numbers do not fit together (a hostile file must not get past this). */
enum tg_status nn_arch_check(const struct nn_arch *arch, struct tg_error *err);

/* "b6c96: 6 blocks, 96 channels, 1.02 M parameters, 157 MFLOP per 9x9 evaluation" */
void nn_arch_describe(const struct nn_arch *arch, int size, char *text, size_t n);
/* Multiplications and additions of one forward pass on a board of side S. */
double nn_arch_flops(const struct nn_arch *arch, int size);

/* ---- parameters ------------------------------------------------------------------------------ */

enum nn_tensor_kind {
    NN_TENSOR_CONV,   /* [out][in][y][x], cross-correlation, zero "same" padding */
    NN_TENSOR_MATMUL, /* [in][out] */
    NN_TENSOR_SCALE,  /* [C] of a norm */
    NN_TENSOR_BIAS    /* [C] */
};

struct nn_tensor {
    char name[80];    /* such as "block3/conv1" */
    uint8_t kind;     /* enum nn_tensor_kind */
    int dims[4];      /* unused ones are 1 */
    size_t offset, n; /* in the flat array; in floats */
    float init_std;   /* of the truncated normal it starts from (SCALE: mean 1, std 0; BIAS: 0) */
    bool decay;       /* weight decay applies: CONV and MATMUL */
    bool head;        /* belongs to a head */
};

/* The tensors, by name (N: index of the block in nn_arch.blocks, from 0; a norm is NAME/scale and
 * NAME/bias):
 *   stem/conv  stem/globals
 *   residual:  blockN/norm1 conv1 norm2 conv2
 *   gpool:     blockN/norm1 conv1r conv1g normg gpool norm2 conv2
 *   nested:    blockN/norm1 conv1 [its inner blocks] blockN/norm2 conv2   (both convolutions 1x1)
 *   tip/norm
 *   policy/conv_p1 conv_g1 norm_g1 gpool norm_p1 conv_p2, then pass, or with pass_hidden
 *   pass1 pass1/bias pass2
 *   value/conv_v1 norm_v1 fc2 fc2/bias fc3 fc3/bias score score/bias ownership
 * Pooled inputs (gpool, pass, pass1: mean, scaled mean, max; fc2: mean, scaled and squared-scaled
 * mean) are three groups of C channels, as in KataGo. */
struct nn_layout {
    struct nn_tensor *tensors; /* owned, in the order of the forward pass */
    int n_tensors;
    size_t n_params; /* P */
};

/* Checks arch first. */
enum tg_status nn_layout_open(const struct nn_arch *arch, struct nn_layout *l, struct tg_error *err);
void nn_layout_close(struct nn_layout *l);
/* The tensor of this name, or NULL. */
const struct nn_tensor *nn_layout_find(const struct nn_layout *l, const char *name);
/* params [P] := the variance-preserving start (Fixup-like scaling of residual branches: each block's
 * last convolution starts at 0, as in KataGo's fixup nets). The same for the same seed. */
void nn_params_init(const struct nn_arch *arch, const struct nn_layout *l, uint64_t seed,
                    float *params);

/* ---- a network as a file --------------------------------------------------------------------- */

/* A network at rest: what is saved, loaded, imported, exported. */
struct nn_model {
    struct nn_arch arch;
    struct nn_layout layout;
    float *params;            /* owned [P]: the running average, which is what plays */
    char name[NN_NAME_MAX];
    enum game_kind game;
    int size;                 /* tensor side it was trained on; any side up to 19 works */
    int history;              /* gomoku's planes of past moves */
    int64_t step, n_rows;     /* optimiser steps taken, rows trained on */
    uint64_t hash;            /* of params; set by save and load */
};

/* Fresh, initialised parameters. The caller closes it. */
enum tg_status nn_model_init(const struct nn_arch *arch, const struct game *game, const char *name,
                             uint64_t seed, struct nn_model *m, struct tg_error *err);
/* Replace path atomically. m->hash is set. */
enum tg_status nn_model_save(struct nn_model *m, const char *path, struct tg_error *err);
/* Load our own format, or KataGo's (.bin, .bin.gz, .txt, .txt.gz), told apart by content. A wrong
 * checksum, a truncated or hostile file is TG_EFORMAT and names file and cause; allocation is bounded
 * by a small multiple of the file's size. log (may be NULL) gets warnings. */
enum tg_status nn_model_load(const char *path, struct nn_model *m, struct tg_log *log,
                             struct tg_error *err);
/* Write KataGo's format (".bin.gz"), as the oldest version that says all of it, or the version an
 * import came from. Policy channels of training alone are left out; what a version has beyond the
 * network is filled neutrally. TG_EINVAL where that format cannot say it (gomoku inputs). */
enum tg_status nn_model_export(const struct nn_model *m, const char *path, struct tg_error *err);
/* The network's inputs must be those of this game. */
enum tg_status nn_model_fits(const struct nn_model *m, const struct game *game, struct tg_error *err);
/* Copy from's parameters into m's, tensor by tensor of the same name, as far as their shapes overlap;
 * what from lacks keeps m's initialisation. TG_EINVAL if the trunks differ: nothing is copied. */
enum tg_status nn_model_adopt(struct nn_model *m, const struct nn_model *from, struct tg_error *err);
void nn_model_close(struct nn_model *m); /* NULL fields are allowed */

/* ---- batches --------------------------------------------------------------------------------- */

/* Training targets of a batch; all arrays [n], rows in the board's own orientation (the backend
 * applies `symmetry` to them as to the inputs). A weight of 0 removes that row from that loss; where
 * a weight is 0 the target may be anything finite. */
struct nn_targets {
    float *policy, *w_policy;       /* [n][A] sums to 1; [n] */
    float *reply, *w_reply;         /* [n][A] sums to 1; [n] */
    float *value, *w_value;         /* [n][3] win, loss, no result, sums to 1 (a draw: 1/2, 1/2); [n] */
    float *score, *w_score;         /* [n] final points, side to move's lead; [n] also weighs ownership */
    float *ownership;               /* [n][S*S] +1 side to move's, -1 the opponent's */
    float *row_weight;              /* [n] multiplies all of the row's losses (importance weight) */
    float *value_error;             /* out [n]: |win - loss, predicted - target| */
};

/* Rows for one call. Host memory, owned by the batch; on a GPU backend it is pinned. */
struct nn_batch {
    int capacity, n;     /* rows there is room for; rows in use, set by the caller */
    uint8_t *planes;     /* in  [n][C * plane_bytes], as game_encode writes them */
    float *globals;      /* in  [n][G] */
    uint8_t *symmetry;   /* in  [n] 0..7: the network sees the row so turned; outputs are turned back */
    float *policy;       /* out [n][A] logits of the move policy; off-board and illegal ones are noise */
    float *value;        /* out [n][3] logits: win, loss, no result */
    float *score;        /* out [n][n_score] raw; see nn_eval_row */
    float *ownership;    /* out [n][S*S] -1..1; NULL unless asked for at open */
    struct nn_targets t; /* training batches only; else all NULL */
    void *device;        /* the backend's own */
};

/* Training sums this many rows in floating point and everything beyond as integers: a batch that is
 * cut at multiples of it (into calls of backward, or over ranks) has the same gradient, bit for bit,
 * as the whole. */
enum { NN_CHUNK_ROWS = 16 };

enum nn_batch_flags { NN_BATCH_OWNERSHIP = 1, NN_BATCH_TRAIN = 2 };

/* One row's outputs in plain terms. */
struct nn_eval {
    float win, loss, no_result;     /* probabilities, side to move */
    float score_mean, score_stdev;  /* points, side to move */
    float lead, variance_time, value_error, score_error; /* -1 where the net has none */
};
/* allow_no_result: false where the rules know none (then its probability is 0). */
void nn_eval_row(const struct nn_arch *arch, const float value[3], const float *score,
                 bool allow_no_result, struct nn_eval *eval);

/* ---- losses and updates ---------------------------------------------------------------------- */

enum nn_value_loss { NN_VALUE_CROSS_ENTROPY, NN_VALUE_MSE };  /* MSE of (win - loss) against z */
enum nn_ownership_loss { NN_OWNERSHIP_CROSS_ENTROPY, NN_OWNERSHIP_MSE };

/* Weights of the terms, plain multipliers; 0 switches a term off. Each term is averaged over the rows
 * of the whole step, weighted by row_weight and by the row's w_policy, w_reply, w_value or w_score.
 * A policy term whose channel the network does not have is 0.
 *   policy, reply  cross entropy over on-board points and pass
 *   soft_policy    the same on the soft channel against (target + 1e-7)^(1/4), renormalised
 *   value          cross entropy of win, loss, no result, or (win - loss - z)^2
 *   ownership      mean over on-board points of the cross entropy of (1 + tanh) / 2, or of the square
 *   score_mean     Huber (12 points) of the predicted mean against the score
 *   score_stdev    Huber (10) of the predicted stdev against sqrt(pi/2) |mean - score|, the mean held
 *                  fixed: its expectation is the stdev of a normal error
 *   lead           Huber (8) of the predicted lead against the score
 * Weights like KataGo's: 1, 0.15, 8, 0.72, 1.5, 0.0015, 0.001, 0.006. */
struct nn_loss {
    float policy, reply, soft_policy, value, ownership, score_mean, score_stdev, lead;
    int value_kind, ownership_kind;
    bool mask_pass; /* the game has no pass: its logit takes no part in the softmax */
};

enum nn_metric {
    NN_METRIC_TOTAL, NN_METRIC_POLICY, NN_METRIC_REPLY, NN_METRIC_SOFT, NN_METRIC_VALUE,
    NN_METRIC_OWNERSHIP, NN_METRIC_SCORE_MEAN, NN_METRIC_SCORE_STDEV, NN_METRIC_LEAD,
    NN_METRIC_POLICY_ENTROPY, /* of the targets: the floor of the policy loss */
    NN_METRIC_POLICY_HITS,    /* weight of the rows whose top move is the target's */
    NN_METRIC_VALUE_HITS,     /* ... whose sign of win - loss is the outcome's; a draw: half */
    NN_METRIC_POLICY_ROWS,    /* weight of the rows with a policy target */
    NN_METRIC_VALUE_ROWS, NN_METRIC_ROWS, NN_METRICS
};
const char *nn_metric_name(enum nn_metric metric);

enum nn_optimiser { NN_SGD, NN_ADAM, NN_ADAMW };

struct nn_update {
    int kind;                  /* enum nn_optimiser; ADAM couples weight decay (L2), ADAMW does not */
    float learning_rate;       /* per mean-loss gradient */
    float momentum;            /* SGD's, or Adam's beta 1 */
    float beta2, epsilon;      /* Adam */
    float weight_decay;        /* on tensors with decay */
    bool decoupled;            /* SGD: decay outside the gradient */
    float clip_norm;           /* of the whole gradient; 0: none */
    float ema;                 /* running average keeps this share per step; 0: it follows */
    float max_norm;            /* a norm above it skips the step; 0: only non-finite ones do */
    int64_t step;              /* 1 for the first: Adam's bias correction */
};

struct nn_update_result {
    double grad_norm;          /* before clipping */
    bool skipped;              /* not finite or above max_norm: nothing changed */
    bool rescaled;             /* skipped, but only because the loss scale (see nn_scale) was too large */
    double metrics[NN_METRICS]; /* of the reduced batch: sums, see nn_backend.backward */
};

/* ---- backends -------------------------------------------------------------------------------- */

enum nn_array { NN_PARAMS, NN_EMA, NN_MOMENT1, NN_MOMENT2, NN_GRADS };

struct nn_net; /* parameters and buffers on one device; each backend has its own */

/* fp16: a power of 2 on the loss, so that gradients neither vanish nor overflow. update takes it out
 * again and adapts it: halved where gradients overflow though the loss is finite (such a step is
 * rescaled), doubled after many that did not. At 1 there is nothing left to halve: a plain skip. */
struct nn_scale {
    float factor;
    int32_t n_steps; /* taken since it last changed */
};

struct nn_net_options {
    int size;       /* S: tensor side */
    int threads;    /* CPU: threads that backward may use (infer runs in its caller's thread) */
    int device;     /* GPU: ordinal */
    bool train;     /* moments, gradients and averages are wanted */
    const char *extra; /* backend's own (simulated: latency table; cuda: cache folder); may be NULL */
    struct tg_log *log; /* borrowed until close: for warnings, from any thread; may be NULL */
};

/* All a device has to do. Nothing outside src/nn knows which one it is. */
struct nn_backend {
    const char *name; /* as in the config: "cpu", "cuda", "simulated" */
    enum tg_status (*open)(const struct nn_arch *arch, const struct nn_net_options *options,
                           struct nn_net **net, struct tg_error *err);
    void (*close)(struct nn_net *net);
    enum tg_status (*batch_open)(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                                 struct tg_error *err);
    void (*batch_close)(struct nn_net *net, struct nn_batch *b);
    /* host [P] into / out of one of the arrays. Setting NN_PARAMS makes infer use them. NN_GRADS
     * can only be read: the mean gradient of the last backward calls (tests). Neither set nor update
     * may run while another thread is inside the same net. host NULL: the array was filled where it
     * lies (see span). */
    enum tg_status (*set)(struct nn_net *net, enum nn_array which, const float *host,
                          struct tg_error *err);
    enum tg_status (*get)(struct nn_net *net, enum nn_array which, float *host, struct tg_error *err);
    /* One of the arrays where it lies, to be sent to other ranks or filled by them; after that set takes
     * it up. n 0: this network has no such array, or it cannot be set. */
    struct tg_span (*span)(struct nn_net *net, enum nn_array which);
    /* Enqueue the forward pass of b->n rows. Several threads may call it at once with different
     * batches. Outputs are there after wait(b). */
    enum tg_status (*infer)(struct nn_net *net, struct nn_batch *b, struct tg_error *err);
    enum tg_status (*wait)(struct nn_net *net, struct nn_batch *b, struct tg_error *err);
    /* Is the batch done? Does not block. */
    bool (*ready)(struct nn_net *net, struct nn_batch *b);
    /* Add gradients and metrics of b's rows to the sums, each loss divided by n_rows_global (the
     * rows of the whole step, on all ranks). first: the sums start from 0. Metrics are sums over
     * rows, not divided: a term's plain loss times row_weight and the term's weight of the row, so
     * POLICY / POLICY_ROWS is a mean; TOTAL is what is minimised, nn_loss's weights in it. */
    enum tg_status (*backward)(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                               int n_rows_global, bool first, struct tg_error *err);
    /* What all ranks have to sum before update: gradients and metrics. On the CPU fixed-point
     * int64, so the sum is the same for any number of ranks and threads (see NN_CHUNK_ROWS); values
     * that do not fit are counted in it, and make update skip on every rank. */
    struct tg_span (*reduce_span)(struct nn_net *net);
    enum tg_status (*update)(struct nn_net *net, const struct nn_update *u,
                             struct nn_update_result *result, struct tg_error *err);
    /* What update keeps beside the arrays: belongs to a checkpoint, may be written between steps, alike
     * on all ranks. NULL: this network needs no loss scale. */
    struct nn_scale *(*scale)(struct nn_net *net);
};

/* The backend of this name. TG_EINVAL lists the names; TG_EDEVICE says why it cannot be had. */
enum tg_status nn_backend_find(const char *name, const struct nn_backend **backend,
                               struct tg_error *err);

/* Bind the calling thread, and those it starts from now on, to the processors next to the device that
 * options.device would name; fewer than it may use now, or it is left alone. text says what was done, for
 * the log: "GPU 2 (NVIDIA H100 80GB HBM3) at 0000:41:00.0, NUMA node 1, 24 processors"; "" where the
 * backend has no device. uuid: which physical one it is; zeros where there is none. */
enum tg_status nn_backend_place(const struct nn_backend *backend, int device, char *text, size_t n,
                                unsigned char uuid[TG_DEVICE_UUID], struct tg_error *err);
/* What this host lacks for several ranks to share a device well, and what to do, for the log: "no NVIDIA
 * MPS daemon runs (..)"; "" where it lacks nothing. */
void nn_backend_sharing(const struct nn_backend *backend, char *text, size_t n);

/* ---- device tables ------------------------------------------------------------------------------
 *
 * How long a device takes for a network: measured, or assumed and saying from what. The simulated backend
 * keeps to one, `tengen plan` reckons with one. Text, one "KEY VALUE" a line, "#" begins a comment:
 *   device TEXT            what it is
 *   source TEXT            begins with "measured" or "assumed", and says how
 *   net PRESET, size N     the network and the board side that the times are of
 *   unit rank|thread       a rank's threads share the device (a GPU), or each has one of its own (a core)
 *   infer ROWS USEC        inference of a batch of so many rows; at least one line, rows rising
 *   train ROWS USEC        forward and backward pass of so many rows of a step; without a line 3 times infer
 *   update USEC            the rest of a step: optimiser and average; default 0
 *   host USEC              what a thread does for an evaluation beside the device: search, encoding; 0 */
enum { NN_LATENCY_POINTS = 64 };
struct nn_latency { int n; double rows[NN_LATENCY_POINTS], sec[NN_LATENCY_POINTS]; };
struct nn_device {
    char device[128], source[512], net[64];
    int size;
    bool measured, per_thread;
    double slow; /* all of the device's times below are stretched by this */
    struct nn_latency infer, train;
    double update_sec, host_sec;
};

/* option: "PATH" or "PATH,slow=FACTOR". TG_EIO, TG_EFORMAT (names file and line), TG_EINVAL (factor). */
enum tg_status nn_device_load(const char *option, struct nn_device *d, struct tg_error *err);
/* Seconds for so many rows: linear between the points, proportional beyond the last. */
double nn_latency_sec(const struct nn_latency *l, double rows);

/* GFLOP/s of oneDNN's direct 3x3 convolution alone on one thread (channels to channels, batch boards
 * of side size), the best of short runs over `seconds`: what a whole network is measured against.
 * 0 where this build has no oneDNN. */
double nn_yardstick_gflops(int channels, int size, int batch, double seconds);
