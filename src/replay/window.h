/* window.h - private to src/replay: the window's memory and its sum tree. */
#pragma once

#include "tengen/replay.h"

/* Weights are whole numbers, so sums are exact: what is drawn depends neither on the order of
 * updates nor on where in the ring the rows lie. 2^30 stands for a weight of 1. */
enum { WEIGHT_BITS = 30, WEIGHT_MAX_BITS = 38, WINDOW_MAX_PRIORITISED = 1 << 25 };

/* nodes [2 * n_leaves]: leaf i at n_leaves + i, each inner node the sum of its two children; node 1
 * is the sum of all. */
struct weight_tree {
    uint64_t *nodes; /* borrowed, in the window's memory */
    int64_t n_leaves;
};
void weight_tree_set(const struct weight_tree *t, int64_t leaf, uint64_t weight);
/* After the leaves [first, first + n) were written directly. */
void weight_tree_rebuild(const struct weight_tree *t, int64_t first, int64_t n);
uint64_t weight_tree_prefix(const struct weight_tree *t, int64_t n); /* of the first n leaves */
/* The leaf that `at` falls into when the weights are laid end to end. */
int64_t weight_tree_find(const struct weight_tree *t, uint64_t at);

struct replay_window {
    struct comm *train; /* borrowed */
    struct comm *host;  /* owned */
    struct comm_shared *shared, *tree_shared;
    struct record_layout layout;
    struct replay_window_options options;
    uint8_t *rows;            /* shared [capacity * row_bytes] */
    float *priorities;        /* shared [capacity] */
    struct weight_tree tree;  /* shared; no nodes before alpha was above 0, and stale while it is 0 */
    size_t n_bytes;
    int64_t head, count, total; /* next slot, rows now, rows ever: equal on all ranks */
};

/* replay_window_open with the host's ranks given (owned from now on), as a test may divide one
 * machine into several "hosts". */
enum tg_status replay_window_open_on(struct comm *train, struct comm *host,
                                     const struct record_layout *l,
                                     const struct replay_window_options *options,
                                     struct replay_window **w, struct tg_error *err);

/* Of the shard's rows [first, n_rows) that are kept, where the part begins that a rank of the host
 * reads: at a chunk's border, if the shard is large and its chunks are of the usual size, so that no
 * chunk is decompressed by two ranks. rank == size: n_rows. */
enum { WINDOW_USUAL_CHUNK = 4096 }; /* rows */
int64_t window_part_begin(int64_t first, int64_t n_rows, int64_t rank, int64_t size);

/* The leaf of a priority. */
uint64_t window_weight(const struct replay_window_options *o, float priority);
/* What cannot be a priority becomes a tiny one. */
float window_priority(float error);
