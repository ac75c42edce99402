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
    struct selfplay_stats *stats;
    float *target;                     /* scratch [A] */
    uint8_t *legal;                    /* scratch [A] */
};

/* slot.c */
enum tg_status slot_begin(struct slot *s, const struct walk *w, const struct selfplay_job *job,
                          struct tg_error *err);
/* Play on until a leaf needs an evaluation (SLOT_LEAF: s->leaf, s->leaf_net) or the game is over. */
enum slot_state slot_advance(struct slot *s, const struct walk *w, struct tg_error *err);
enum tg_status slot_evaluated(struct slot *s, const struct walk *w, const struct nn_batch *b,
                              struct tg_error *err);
void slot_free(struct slot *s);

/* rows.c */
enum tg_status rows_add(struct slot *s, const struct walk *w, enum record_kind kind,
                        const struct search_result *r, const float *target, struct tg_error *err);
/* Turn the slot's game into *f, outcomes filled in. */
enum tg_status rows_finish(struct slot *s, const struct walk *w, struct record_finished *f,
                           struct tg_error *err);
