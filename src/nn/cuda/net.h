/* net.h - private to src/nn/cuda: a network on a device, a batch on it, and a pass through it. */
#pragma once

#include <pthread.h>

#include "cache.h"
#include "graph.h"
#include "kernels.h"
#include "shape.h"
#include "tengen/span.h"

struct player;

enum { MAX_SEGMENTS = 32 }; /* pieces of a recorded pass */
enum { FIRST_LOSS_SCALE = 1 << 14, MOST_LOSS_SCALE = 1 << 24, STEPS_PER_DOUBLING = 1000 }; /* see nn_scale */

/* How one convolution is computed: by a plan for all of it, or by a plan for the plain convolution
 * with a kernel behind it. */
struct choice {
    struct conv_spec spec;
    bool fused;
    struct conv_plan plan;
    size_t room; /* bytes of workspace it was chosen for: passes of less must not meet it */
    int64_t kernel; /* the fastest of fused_kernels, taken or not; -1: none was tried */
};

struct nn_net {
    struct net_shape shape;
    int device, precision;
    bool train;
    bool plain;               /* no convolution is fused: nothing has to be compiled */
    struct tg_log *log;       /* borrowed; may be NULL */
    struct device_prop prop;
    struct plan_cache cache;
    cudaStream_t stream;      /* parameters and training */
    cudaEvent_t params_ready; /* after the last change of the packed copies */
    uint16_t *turns;          /* device: from [8][points], then to [8][points]; see kernels.h */
    struct conv_map *maps;    /* device */
    struct norm_map *norms;   /* device */
    void *filters;            /* device, packed, in the net's precision */
    float *packed_norms;      /* device */
    float *params;            /* device, flat */
    /* training only, device */
    float *ema, *moment1, *moment2;
    float *sums;              /* [P] gradients, [NN_METRICS] */
    void *filter_grads;       /* like filters: of one backward pass */
    uint8_t *decays;          /* [P] */
    double *norm_partial;
    struct update_outcome *outcome;
    struct update_settings *update_settings;
    struct update_host *update_host; /* pinned */
    struct recorded *update;  /* owned */
    struct side *side;        /* owned; of recorded backward passes */
    struct nn_scale scale;    /* of the loss, up to the update; bf16, fp32: 1 and never changed */
    struct tg_span span;
    /* Pieces of sums in the order in which a backward pass completes them. */
    struct grad_bucket {
        int64_t from, to;
    } buckets[MAX_SEGMENTS];
    cudaEvent_t bucket_done[MAX_SEGMENTS];
    int n_buckets;

    /* under gpu_setup_lock */
    struct choice *choices;   /* owned [n_choices] */
    int n_choices;
    double tuned_sec;         /* spent on choosing so far */
    struct ahead *ahead;      /* owned; plans compiled for the pass under way; NULL: none */
    bool no_graphs;           /* this device or library cannot capture: everything goes piece by piece */
    pthread_mutex_t lock;     /* guards batches */
    struct gpu_batch *batches; /* open ones */
};

/* Nobody waits for gradients of filters and matrices but the next section's end: in a record they go through a stream
 * of their own, beside the norms' passes, which wait for memory, and in the last wave of a convolution that does not
 * fill the device. What they read may not be written over before they are done. */
enum { SIDE_WORKS = 16 };

struct side {
    cudaStream_t stream;
    cudnnHandle_t cudnn;
    void *workspace; /* [TRAIN_WORKSPACE] */
    cudaEvent_t split;
    struct side_work {
        const void *reads;  /* the output gradient that it reads */
        cudaEvent_t done;
    } work[SIDE_WORKS];     /* in the order of the stream: [0, n_works) are not waited for yet */
    int n_works;
};

/* What an update reads and writes on the host. */
struct update_host {
    struct update_settings settings;
    struct update_outcome outcome;
    float metrics[NN_METRICS];
};

enum { INFER_WORKSPACE = 32 << 20, TRAIN_WORKSPACE = 256 << 20 }; /* bytes that a plan may need */

/* ---- a pass ------------------------------------------------------------------------------------- */

/* Where a block's tensors are. Inference shares them between blocks; training keeps them all. */
struct block_buffers {
    void *u;         /* the input of conv1: norm1 of the stream, activated */
    void *z;         /* raw output of conv1; nested: the inner stream; NULL: not wanted */
    void *v;         /* the input of conv2 */
    void *out;       /* the stream behind the block; NULL: not wanted */
    float *pooled;   /* gpool */
    float *row_bias;
    int16_t *top;
    float *partial1, *partial2, *partialg; /* of the norms' gradients; training */
};

struct head_buffers {
    void *u, *z; /* input of the common convolution; p1, g1, v1 raw */
    struct head_rows rows;
    /* training */
    float *logits, *raw_ownership;
    float *d_logits, *d_pass, *d_value, *d_score, *d_ownership;
    float *d_row_bias, *d_hidden, *d_fc2, *d_pooled_g, *d_pooled_v;
    void *d_z;
    float *row_metrics, *partial_tip, *partial_g1, *partial_p1, *partial_v1;
};

/* The buffers of a pass of so many rows: offsets into one allocation. */
struct pass_buffers {
    void *x, *mask;
    float *area;
    void *stem;                  /* the stream behind the first convolution; NULL: not wanted */
    float *stem_bias;            /* [rows][trunk] */
    struct block_buffers *blocks; /* owned [n_blocks] */
    struct head_buffers heads;
    void *plain;                 /* output of a convolution that is not fused and not wanted */
    /* training */
    void *d_stream[10];          /* gradient of the stream, by depth */
    void *d_mid, *d_in;          /* gradients of conv1's output and of a convolution's input */
    float *d_pooled, *d_row_bias;
    struct loss_settings *loss;
};

/* Inputs, targets and outputs on the device, laid out as on the host (batch.c). */
struct batch_arrays {
    uint8_t *symmetry, *planes;
    float *globals, *policy, *value, *score, *ownership;
    struct nn_targets t;
};

enum pass_mode {
    PASS_RUN,    /* enqueue */
    PASS_COLLECT /* only name the convolutions; nothing is touched, no device is needed */
};

struct pass {
    struct nn_net *net;          /* of PASS_COLLECT: shape and precision alone */
    enum pass_mode mode;
    int rows;
    bool train;
    bool tune;                   /* a convolution not met before may be timed and compiled */
    struct pass_buffers *buf;
    const struct batch_arrays *io;
    cudaStream_t stream;
    cudnnHandle_t cudnn;
    void *workspace;
    size_t workspace_bytes;
    void (*collect)(void *ctx, const struct conv_spec *s);
    void *ctx;
    struct reduce_jobs reduce;   /* sums waiting for launch_reduce */
    int filter_grads_from;       /* maps from here on have gradients that are not yet added */
    /* Training: section_done is called when the gradients from this offset on are complete, as soon as section_due
     * says that they are worth a section of their own, and at the end. */
    bool (*section_due)(const struct pass *p, int64_t from);
    enum tg_status (*section_done)(struct pass *p, int64_t from, struct tg_error *err);
    struct player *player;       /* for section_done */
    int bucket;
    struct side *side;           /* NULL: all through one stream, so that plans can be chosen */
};

/* Lay the buffers out from base on (any aligned address; PASS_COLLECT never looks behind it). *bytes is
 * the room they need. Twice the same: first with base NULL to learn the size. */
enum tg_status pass_buffers_open(const struct net_shape *s, int precision, int rows, bool train, char *base,
                                 struct pass_buffers *b, size_t *bytes, struct tg_error *err);
void pass_buffers_close(struct pass_buffers *b);

/* forward.c: from p->io's planes to p->io's outputs; training: to logits. */
enum tg_status pass_forward(struct pass *p, struct tg_error *err);
/* backward.c: losses, then gradients added to net->sums. */
enum tg_status pass_backward(struct pass *p, struct tg_error *err);

struct boards pass_boards(const struct pass *p);
struct norm_ref pass_norm(const struct pass *p, int norm);
const float *pass_param(const struct pass *p, int64_t offset);
/* n elements into a tensor of the net's precision: the first point's channels from n on, a map's filters. */
void *pass_elements(const struct pass *p, void *tensor, int64_t n);
struct head_shape pass_head_shape(const struct pass *p);
struct head_weights pass_head_weights(const struct pass *p);

/* choose.c: one convolution; pointers [CONV_TENSORS], those of the spec set. */
enum tg_status conv_run(struct pass *p, const struct conv_spec *spec, void **pointers,
                        struct tg_error *err);
bool conv_spec_same(const struct conv_spec *a, const struct conv_spec *b);
/* Is there a plan for it, in the net or in the cache on disk, for passes with so much workspace? */
bool choice_is_known(struct nn_net *net, const struct conv_spec *s, size_t room);
/* Before and after a pass's first run, if it may choose: compile what it will choose from; let go of the rest. */
void choices_prepare(const struct pass *p);
void choices_settle(const struct pass *p);
/* A spec of this pass for a map. */
struct conv_spec conv_spec_of(const struct pass *p, enum conv_op op, int map, int fusion);
void choices_close(struct nn_net *net);

/* ahead.c, under gpu_setup_lock. cuDNN's numbers of fused kernels for compute capability 9; the output's points x
 * channels of a tile, and channels in at a time. A 1x1 convolution waits for memory, whatever the tile. */
enum { FUSED = 2, FUSED_KERNELS = 2 }; /* proposals of cuDNN's, and kernels, for one convolution */
extern const int64_t fused_kernels[FUSED_KERNELS];
int fused_kernels_for(const struct conv_spec *s); /* how many of them */
/* Compile the fused plans that this pass lacks, on as many threads as there are cores; none is begun after limit_sec. */
void ahead_open(const struct pass *p, double limit_sec);
/* Those of a kernel (-1: of cuDNN's heuristics), at most so many, added to plans [*n], the caller's; true: that is all
 * that there are. */
bool ahead_take(struct nn_net *net, const struct conv_spec *s, size_t room, int64_t kernel, struct conv_plan *plans,
                int most, int *n);
void ahead_close(struct nn_net *net);

/* ---- recorded passes ---------------------------------------------------------------------------- */

enum { MAX_BUCKETS = 16 };

/* A pass as CUDA graphs, cut where other streams take over results. */
struct recorded {
    int rows;
    bool warm;   /* went through once piece by piece, so every plan is chosen */
    bool ready;
    int n;       /* segments */
    cudaGraphExec_t exec[MAX_SEGMENTS];
};

struct player {
    struct nn_net *net;
    struct recorded *r;
    cudaStream_t stream;
    bool recording;
    int segment;         /* of a pass piece by piece or played: the one under way */
    const cudaEvent_t *ends; /* [MAX_SEGMENTS] recorded behind each segment; may be NULL */
};

/* Held while anything is made, chosen, recorded, or enqueued piece by piece: everything but playing
 * records. One for the process: a capture must not meet what other threads ask of the whole device, and
 * plans are timed undisturbed. */
void gpu_setup_lock(void);
void gpu_setup_unlock(void);

/* Enqueue body: the first time piece by piece (first is true), then recorded, ever after from the
 * record. The caller holds the setup lock while r is not ready. */
enum tg_status player_play(struct player *p,
                           enum tg_status (*body)(struct player *p, void *ctx, bool first,
                                                  struct tg_error *err),
                           void *ctx, struct tg_error *err);
/* In body: a segment ends here. */
enum tg_status player_cut(struct player *p, struct tg_error *err);
void recorded_close(struct recorded *r);

/* ---- a batch ------------------------------------------------------------------------------------ */

/* The tensors of a training pass. Passes of a net follow each other on its stream, so its batches of one
 * capacity share them. */
struct train_memory {
    void *memory; /* owned */
    int users;    /* under gpu_setup_lock */
};

/* Buffers and a stream of their own: batches do not wait for each other. */
struct gpu_batch {
    struct gpu_batch *next; /* of net->batches */
    int capacity;
    char *host, *device;    /* owned: the pinned block and its image: inputs, targets, outputs */
    struct batch_arrays on_host, on_device;
    size_t targets_end, out_at, value_error_at; /* bytes into the block */
    cudaStream_t stream;
    cudaEvent_t done;
    cudnnHandle_t cudnn;
    void *workspace;
    size_t workspace_bytes;
    void *memory;           /* owned: the buffers for inference; made when first needed */
    struct pass_buffers buffers[MAX_BUCKETS]; /* by number of rows, in the same memory */
    struct recorded recorded[MAX_BUCKETS];
    int n_buckets;
    /* training only */
    struct train_memory *train_memory;
    struct pass_buffers train_buffers;
    struct recorded train_recorded;
    struct loss_settings *settings; /* pinned */
};

enum tg_status gpu_batch_open(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                              struct tg_error *err);
void gpu_batch_close(struct nn_net *net, struct nn_batch *b);
enum tg_status gpu_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err);
enum tg_status gpu_wait(struct nn_net *net, struct nn_batch *b, struct tg_error *err);
bool gpu_ready(struct nn_net *net, struct nn_batch *b);
/* The net's stream waits for every batch that may still read the packed parameters. */
enum tg_status gpu_wait_readers(struct nn_net *net, struct tg_error *err);
/* Passes are made of this many rows: the least bucket of a batch of `capacity` that holds n. */
int gpu_bucket(int capacity, int n);

/* ---- training ----------------------------------------------------------------------------------- */

enum tg_status gpu_backward(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                            int n_rows_global, bool first, struct tg_error *err);
enum tg_status gpu_update(struct nn_net *net, const struct nn_update *u, struct nn_update_result *result,
                          struct tg_error *err);
enum tg_status gpu_pack(struct nn_net *net, struct tg_error *err);

enum { GPU_LEAST_MAJOR = 8 }; /* compute capability: bf16 */

/* Make current which of the node's GPUs stands for an ordinal: ranks beyond their number share. */
enum tg_status gpu_pick_device(int ordinal, int *device, struct tg_error *err);

extern const struct nn_backend nn_backend_cuda; /* cuda.c */
