/* search.h - Monte-Carlo tree search of one position: PUCT, or Gumbel at the root.
 *
 * Single-threaded per tree, no locks, no allocation after search_open but for the arena.
 * The evaluator is the caller's: search_select walks to a leaf and hands its position out,
 * search_expand takes the evaluation back. In self-play one leaf per tree is out at a time; an
 * engine that plays alone may take several (virtual loss keeps them apart).
 *
 * Utilities and values inside are for the player to move at the root unless a name says otherwise.
 * Utility of an outcome: win - loss + no_result * no_result_utility + score_weight * (2/pi) *
 * E[atan(lead / b)], b the square root of the board's area, the mean taken over a normal distribution
 * of the lead. A finished game counts +-1, draw_value or no_result_utility instead of the first part.
 *
 * Same position, settings, random stream and evaluations: the same search, bit for bit. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/rng.h"

/* All of it plain data; script fills it, records keep what matters of it. */
struct search_settings {
    int visits;               /* root visits in total, reused ones counted */
    /* PUCT (Silver et al. 2018; the growing constant of AlphaZero's pseudocode in KataGo's form):
     * c(N) = c_puct + c_puct_log * ln((N + c_puct_base) / c_puct_base)
     * urgency = q + c(N) * prior * sqrt(N) / (1 + n), N the parent's visits, its own evaluation included */
    float c_puct, c_puct_log, c_puct_base;
    float fpu_reduction;      /* first-play urgency: parent's value - reduction * sqrt(visited prior) */
    float root_fpu_reduction;
    /* Dirichlet noise at the root */
    float noise_weight;       /* 0: none; AlphaZero 0.25 */
    float noise_alpha;        /* > 0: fixed alpha per legal move; 0: noise_total / legal moves */
    float noise_total;        /* KataGo's total concentration, 10.83 */
    bool noise_shaped;        /* half of the concentration follows the policy (KataGo) */
    /* Root policy temperature, before the noise: early -> late by temp_halflife or temp_plies */
    float root_temp_early, root_temp_late;
    /* Forced playouts and policy-target pruning (KataGo paper, section 3.2): a root child that has a
     * visit gets at least sqrt(forced_k * prior * visits of all children). Only where there is noise.
     * Pruned visits are also what search_choose sees. */
    float forced_k;           /* 0: off; 2 */
    bool prune_targets;
    /* Gumbel root with sequential halving (Danihelka et al. 2022); PUCT below the root. Its own
     * noise replaces Dirichlet's and forced playouts, and is scaled by the move temperature: 1 is the
     * paper's self-play, 0 plays without chance. Utilities enter sigma as (u + 1) / 2. */
    bool gumbel;
    int gumbel_considered;    /* m: actions considered at the root; 16 */
    float gumbel_c_visit, gumbel_c_scale; /* 50, 1.0 */
    /* Move choice: visits^(1 / temperature); 0: the best */
    float temp_early, temp_late;
    float temp_halflife;      /* plies (of a board of side 19, scaled by side / 19); 0: temp_early */
    int temp_plies;           /* > 0: temp_early before this ply, temp_late from it on, no half-life */
    float move_prune_visits;  /* moves below it are not chosen by temperature; 0: all */
    /* Utility of an outcome */
    float score_weight;       /* weight of (2/pi) atan of the score lead beside win - loss; 0: none */
    float no_result_utility;  /* of a game without a result for Black, -1..1 */
    float draw_value;         /* utility of a draw for Black, -1..1; 0 */
    bool proven;              /* wins and losses that are terminal propagate exactly; a proven root is DONE */
    bool reuse_tree;
    float virtual_loss;       /* lost visits added per leaf in flight; 1 */
    bool avoid_early_pass;    /* neither search nor choose, at the root, a pass that ends the game as
                               * a loss while another move is legal */
};

/* Strong defaults for match play (no noise, temperature 0). */
void search_default_settings(struct search_settings *s);

/* What the caller returns for a leaf; policy logits [A] may hold anything at illegal actions. */
struct search_eval {
    const float *policy_logits;         /* borrowed during the call */
    float win, loss, no_result;         /* probabilities for the side to move at the leaf */
    float lead;                         /* points, side to move; 0 where the game has no score */
    float score_stdev;                  /* points; 0: unknown */
    const uint8_t *banned;              /* [A], borrowed during the call: moves marked 1 are not searched
                                         * from this leaf on; where that leaves none, all are. NULL: none */
};

struct search; /* one tree; reused for game after game */

enum tg_status search_open(const struct game *game, struct search **s, struct tg_error *err);
void search_close(struct search *s); /* NULL is allowed */
/* Bytes of its arena now. */
size_t search_bytes(const struct search *s);

/* Begin a search of pos (copied). rng is the stream of all randomness of this search and its move
 * choice; the same (game, ply) gives the same. With reuse_tree and a tree advanced to this very
 * position (board, ply, last moves, rules), the subtree is kept (its root gets fresh noise), unless
 * settings that values depend on have changed; else the tree starts empty. Leaves still in flight
 * are cancelled. TG_EINVAL names a setting out of range; TG_ENOMEM. */
enum tg_status search_start(struct search *s, const struct position *pos,
                            const struct search_settings *settings, const struct tg_rng *rng,
                            struct tg_error *err);

enum search_next {
    SEARCH_LEAF, /* *leaf is filled and counts as in flight until search_expand(leaf.id) */
    SEARCH_WAIT, /* nothing to select before a leaf in flight comes back */
    SEARCH_DONE  /* the visits are spent or the root is proven, and nothing is in flight: read the
                  * result. Also where memory ended the walk; the last search_expand said so */
};
struct search_leaf {
    const struct position *pos; /* valid until the next call on this tree */
    uint32_t id;
    int depth;           /* plies below the root */
    int16_t root_action; /* the root's move that leads here; -1: this is the root */
};

/* The position searched (or advanced to). */
const struct position *search_root(const struct search *s);

/* Walk to the next leaf. Terminal leaves are backed up inside and never handed out. WAIT where the
 * walk ends at a leaf in flight (virtual loss makes that rare), and at the end until all are back. */
enum search_next search_select(struct search *s, struct search_leaf *leaf);
/* Give the evaluation of a leaf back: expands it and backs it up. TG_EINVAL: the leaf is not in flight,
 * or the evaluation is not finite (the leaf is then cancelled). TG_ENOMEM: no room for another leaf;
 * this one counts. */
enum tg_status search_expand(struct search *s, uint32_t leaf_id, const struct search_eval *eval,
                             struct tg_error *err);
/* Forget a leaf in flight (its evaluation failed). */
void search_cancel(struct search *s, uint32_t leaf_id);
/* Lower or raise the visit limit of the running search (time control). */
void search_set_visits(struct search *s, int visits);

struct search_child {
    int16_t action;
    int32_t visits;
    float prior;       /* with noise and temperature */
    float raw_prior;   /* the network's */
    float value;       /* mean utility, side to move at the root; of unvisited ones the FPU value */
    float lead;        /* mean, side to move at the root */
    float win, loss;   /* means, side to move at the root; of unvisited ones the root's; exact if proven */
    int8_t proven;     /* +1 proven win for the side to move at the root, -1 loss, 0 unknown */
};

struct search_result {
    int n_children;
    const struct search_child *children; /* legal moves by action; borrowed until the next call */
    int visits;                          /* of the root: its own evaluation + its children's visits */
    float win, loss, no_result;          /* means over the tree, side to move at the root; exact if proven */
    float value;                         /* mean utility */
    float lead;
    float raw_win, raw_loss, raw_no_result, raw_lead; /* the network's at the root */
    int best;                            /* index of the most visited, proven wins first, forced visits
                                          * pruned; Gumbel: the winner of the halving */
    int8_t proven;                       /* of the root, side to move */
    int max_depth;
    int64_t n_evaluated;                 /* leaves expanded by this search */
};
void search_result(struct search *s, struct search_result *r);

/* target [A] := the policy target, sums to 1: visit shares, pruned where playouts were forced, or
 * Gumbel's improved policy. Of visit shares, a proven win takes all; proven losses take none while
 * another move has visits. Never temperature-adjusted. False, target 0, if there is none (no visit
 * beside the root's own). */
bool search_policy_target(struct search *s, float *target);

/* The move to play by the settings' temperature at the position's ply, drawn from the stream of
 * search_start: the same move at every call. A proven win is played at any temperature. By the prior
 * where no child has a visit, by chance where not even the root was evaluated. An action, legal; -1
 * when the game is over. */
int search_choose(struct search *s);

/* The principal variation: actions [max], most visited first. Returns how many. */
int search_pv(struct search *s, int16_t *actions, int max);
/* The same for a move at the root, which comes first; it alone where the tree knows nothing of it. */
int search_pv_of(struct search *s, int action, int16_t *actions, int max);
/* Visits [n] of the nodes behind a line of n moves from the root; 0 from where the tree ends. */
void search_line_visits(struct search *s, const int16_t *actions, int n, int32_t *visits);

/* Play action at the root, keeping its subtree for a later search_start. Cancels leaves in flight. */
void search_advance(struct search *s, int action);
void search_clear(struct search *s);

/* A tree as bytes, for the same build to go on with after a restart: the search continues as if it had
 * never stopped. Leaves in flight are cancelled. */
size_t search_freeze_bytes(const struct search *s);
void search_freeze(struct search *s, void *bytes); /* [search_freeze_bytes] */
/* TG_EFORMAT: the lengths do not fit; s is then clear. What is inside is believed: check it by a hash. */
enum tg_status search_thaw(struct search *s, const void *bytes, size_t n, struct tg_error *err);
