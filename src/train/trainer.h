/* trainer.h - private to src/train. */
#pragma once

#include "tengen/train.h"

struct trainer {
    struct comm *comm;                 /* borrowed */
    const struct game *game;           /* borrowed */
    struct record_layout layout;
    const struct nn_backend *backend;
    struct nn_net *net;                /* owned */
    struct nn_arch arch;
    size_t n_params;
    uint64_t seed;
    int64_t step, n_rows;              /* taken in the run so far, equal on all ranks */
    /* The trainer_run under way, or the last one: a checkpoint of an open one goes on with it. */
    bool open;
    struct train_stats sums;           /* sums over steps, not means */
    double age_sum;                    /* of this rank's rows; together with the other ranks' the truth */
    int skipped_in_a_row;
    bool diverged;                     /* the last run failed by max_skipped */
    int poison;                        /* steps that get a target that is no number */
    /* This rank's share of the step under way, and (on a device) of the next one, which is filled while
     * the device works. */
    struct nn_batch batch[2];
    double age[2];                     /* sum of the rows' ages */
    int n_batches, batch_capacity;
    int at;                            /* of the step under way */
    int64_t staged;                    /* the step that batch[at] is filled for; -1: none */
    int64_t *slots;                    /* [batch] the draw of a step */
    float *weights;
    int n_slots;
};

/* targets.c: row i of b := the packed row, seen through this symmetry. */
void targets_fill(const struct record_layout *l, const struct train_options *o, const uint8_t *row,
                  uint8_t symmetry, float row_weight, int i, struct nn_batch *b);
