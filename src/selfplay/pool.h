/* pool.h - private to src/selfplay: a game in flight, and what the workers share. */
#pragma once

#include <pthread.h>

#include "tengen/selfplay.h"

/* One ply that was played, kept until the game ends. */
struct ply {
    int16_t action;
    uint8_t has_row;
    int32_t visits;
    float value_black; /* win - loss for Black by the search; NaN: none */
};

/* A game in flight. Belongs to one group, so to one thread at a time. */
struct slot {
    bool active;
    struct selfplay_job job;
    struct position pos;
    struct search *tree[2];       /* of Black and White; the same tree where one player is both */
    struct search *own[2];        /* owned: the two trees of this slot, made when first needed */
    struct tg_rng lottery;        /* this ply's draws that are not the search's */
    bool searching, cheap;
    struct search_leaf leaf;
    int leaf_row, leaf_net;       /* where its evaluation will be: row of the batch of that network */
    bool leaf_out;

    int n_opening;                /* random plies at the start */
    struct tg_rng opening;
    bool holdout;                 /* this game plays on where it would be resigned */
    int would_resign;             /* colour that would have resigned first, or -1 */
    float last_value[2];          /* of the last search of Black and White, for the searcher; NaN */
    bool resigned;

    struct ply *plies;            /* owned [GAME_MAX_PLIES] */
    uint8_t *rows;                /* owned: [n_rows] of [cap_rows] */
    float *surprise;              /* owned [cap_rows]: KL(target || raw prior) */
    size_t n_rows, cap_rows;
};

enum slot_state { SLOT_LEAF, SLOT_FINISHED, SLOT_FAILED };

/* What a worker lends to the games it walks. */
struct walk {
    const struct game *game;
    const struct record_layout *layout;
    const struct nn_arch *const *arch; /* [SELFPLAY_SLOTS] */
    const int32_t *number;             /* [SELFPLAY_SLOTS], see selfplay_number */
    struct selfplay_stats *stats;
    float *target;                     /* scratch [A] */
    uint8_t *legal;                    /* scratch [A] */
    struct game_memo *memo;
};

/* slot.c */
enum tg_status slot_begin(struct slot *s, const struct walk *w, const struct selfplay_job *job,
                          struct tg_error *err);
/* Play on until a leaf needs an evaluation (SLOT_LEAF: s->leaf, s->leaf_net) or the game is over. */
enum slot_state slot_advance(struct slot *s, const struct walk *w, struct tg_error *err);
enum tg_status slot_evaluated(struct slot *s, const struct walk *w, const struct nn_batch *b,
                              struct tg_error *err);
void slot_free(struct slot *s);

/* freeze.c */
/* *frozen := the game as bytes (malloc'd). */
enum tg_status slot_freeze(const struct slot *s, const struct walk *w, struct selfplay_frozen *frozen,
                           struct tg_error *err);
/* Go on with a frozen game of this job. TG_EFORMAT: it is of another build or job; the slot is then free. */
enum tg_status slot_thaw(struct slot *s, const struct walk *w, const struct selfplay_job *job,
                         const uint8_t *bytes, size_t n, struct tg_error *err);

/* rows.c */
enum tg_status rows_add(struct slot *s, const struct walk *w, enum record_kind kind,
                        const struct search_result *r, const float *target, struct tg_error *err);
/* Turn the slot's game into *f, outcomes filled in. */
enum tg_status rows_finish(struct slot *s, const struct walk *w, struct record_finished *f,
                           struct tg_error *err);

/* ---- the pool -------------------------------------------------------------------------------- */

/* Games that share batches, and the batches: one per network slot. */
struct group {
    struct slot *slots;
    int n_slots;
    struct nn_batch batch[SELFPLAY_SLOTS];
    const struct nn_net *batch_net[SELFPLAY_SLOTS]; /* the net the batch was made for */
    bool waiting; /* batches are with the device */
};

struct worker {
    struct selfplay_pool *pool;
    pthread_t thread;
    bool started;
    struct group *groups; /* owned [n_groups] */
    struct selfplay_stats stats;
    float *target;
    uint8_t *legal;
    struct game_memo memo; /* its room is owned */
};

struct network {
    const struct nn_backend *backend;
    struct nn_net *net; /* borrowed */
    const struct nn_arch *arch;
};

/* A game that waits to be played; frozen (owned) NULL: from its start. */
struct queued {
    struct selfplay_job job;
    uint8_t *frozen;
    size_t n_frozen;
};

struct done {
    struct record_finished finished;
    struct selfplay_job job;
    struct done *next;
};

struct selfplay_pool {
    const struct game *game;
    struct record_layout layout;
    struct tg_log *log;
    struct selfplay_pool_options o;
    struct worker *workers;
    struct network networks[SELFPLAY_SLOTS];
    const struct nn_arch *arch[SELFPLAY_SLOTS];

    pthread_mutex_t lock; /* guards all below, and the workers' stats */
    pthread_cond_t jobs_came, games_done;
    struct queued *jobs;       /* owned: [first_job, n_jobs) are waiting */
    size_t first_job, n_jobs, cap_jobs;
    size_t n_flying, limit;    /* games in slots, and how many there may be */
    struct done *done, **done_tail;
    int n_idle;                /* workers with nothing to do */
    struct selfplay_stats stats;
    double stats_since;        /* when they were last taken */
    bool cancel, pause, quit, failed;
    int n_paused;              /* workers that stand still, their batches done */
    struct tg_error failure;

    bool freeze;               /* cancel keeps the games, here: */
    struct selfplay_frozen *frozen; /* owned [n_frozen] */
    size_t n_frozen, cap_frozen, frozen_bytes, frozen_max;

    int32_t number[SELFPLAY_SLOTS]; /* of the network in a slot, or -1; changed only while all stand still */
};

/* pool.c */
/* Put jobs at the end of the queue; frozen [n] may be NULL. */
enum tg_status pool_enqueue(struct selfplay_pool *p, const struct selfplay_job *jobs,
                            const struct selfplay_frozen *frozen, size_t n, struct tg_error *err);
