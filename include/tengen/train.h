/* train.h - rows of the window become gradients, gradients an update, updates a candidate.
 *
 * Data-parallel over the trainer communicator: a step's global batch is a function of (seed, step)
 * and the window; each rank takes its share of it. On the CPU backend the sums are exact, so any
 * number of ranks and threads reaches the same parameters, bit for bit. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/nn.h"
#include "tengen/replay.h"

struct train_options {  /* plain data, resolved per iteration */
    int batch;               /* rows of a step, over all ranks */
    float epochs;            /* passes over the window per iteration; 0: by rows_per_new_row */
    float rows_per_new_row;  /* rows drawn per row that is new in this iteration */
    int max_steps;           /* per iteration; 0: no limit */
    int64_t min_rows;        /* the window holds fewer: no training yet */
    float learning_rate;
    float warmup_steps;      /* the rate grows linearly over the first steps of the run */
    int optimiser;           /* enum nn_optimiser */
    float momentum, beta2, epsilon, weight_decay, clip_norm, max_norm, ema;
    bool decoupled;
    struct nn_loss loss;
    float value_mix;         /* share of the search's root value in the value target, 0..1 */
    float draw_beta;         /* importance exponent of prioritised draws */
    bool symmetries;         /* one of the 8 per drawn row */
    int max_skipped;         /* skipped steps in a row before training is rolled back; rescaled ones aside */
};

struct train_stats { /* of one iteration; means over its steps */
    int64_t n_steps, n_rows, n_skipped; /* skipped ones are steps, too */
    double metrics[NN_METRICS];  /* per-row means; hits as shares */
    double grad_norm, learning_rate;
    double sec, wait_sec;
    double sample_age;           /* mean age, in published networks, of the rows drawn */
    int64_t n_rescaled;          /* steps that only looked for a loss scale (nn_scale); not in n_skipped */
};

struct trainer;

/* model gives architecture and starting parameters. Collective on train. Borrows all but copies
 * nothing larger than the parameters. */
enum tg_status trainer_open(struct comm *train, const struct game *game,
                            const struct nn_backend *backend, const struct nn_net_options *net,
                            const struct nn_model *model, uint64_t seed, struct trainer **t,
                            struct tg_error *err);
void trainer_close(struct trainer *t);

/* Steps that an iteration with n_new_rows new ones calls for; 0 below min_rows. */
int64_t trainer_steps(const struct train_options *o, int64_t n_window, int64_t n_new_rows);

/* n_steps steps on draws from the window. Collective. poll (may be NULL, on all ranks) is called
 * between steps on every rank; where one returns true all leave after the same step: stats->n_steps
 * is then below n_steps, and the next trainer_run goes on from there, also after trainer_save and
 * trainer_load, and ends with the stats of the whole. TG_EDEVICE if max_skipped was reached. */
enum tg_status trainer_run(struct trainer *t, struct replay_window *w, const struct train_options *o,
                           int64_t n_steps, int64_t n_newest, int32_t net_now,
                           bool (*poll)(void *ctx, int64_t step, int64_t n_steps,
                                        const struct train_stats *so_far),
                           void *ctx, struct train_stats *stats, struct tg_error *err);
/* Count the last trainer_run as one that was left at its very end: the next one returns its stats. On
 * all ranks. */
void trainer_reopen(struct trainer *t);
/* Did the last trainer_run fail because max_skipped was reached? The same on all ranks. */
bool trainer_diverged(const struct trainer *t);
/* For tests: the next n_steps steps of this rank meet a target that is no number. */
void trainer_poison(struct trainer *t, int n_steps);

int64_t trainer_step(const struct trainer *t); /* steps taken in the run */
/* host [P]: the running average, which plays; or the raw parameters. */
enum tg_status trainer_params(struct trainer *t, enum nn_array which, float *host,
                              struct tg_error *err);

/* Start again from params [P]: parameters and average, moments 0; the step count goes on. Not
 * collective, but all ranks must do it. */
enum tg_status trainer_reset(struct trainer *t, const float *params, struct tg_error *err);

/* Everything that training needs to go on bit for bit: parameters, average, moments, step, rows,
 * loss scale, the window's priorities. Collective; rank 0 writes, atomically. */
enum tg_status trainer_save(struct trainer *t, struct replay_window *w, const char *path,
                            struct tg_error *err);
/* TG_EFORMAT names the file and cause. Collective. Priorities fit only the same window. */
enum tg_status trainer_load(struct trainer *t, struct replay_window *w, const char *path,
                            struct tg_error *err);
