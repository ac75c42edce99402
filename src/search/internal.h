/* internal.h - the tree: what a node holds, how it lies in the arena, and who walks it.
 *
 * One arena of 16-byte units; an index counts units, 0 is none. An evaluated position is a `struct
 * node`. Its legal moves are two blocks:
 *   children  prior [cap8], action [cap8]   all legal moves, made when the node is first reached
 *   open      n [cap], q [cap], node [cap]  the first n_open of them, those walked to so far
 * Children are opened in the order of their priors: slot n_open always holds the largest prior not
 * yet open. So PUCT looks at n_open + 1 slots only (all unopened ones have the same value and no
 * visits), and a leaf costs 6 bytes a legal move. A slot's number never changes once it is open.
 *
 * n and q are what selection reads: visits and mean utility for the player to move, leaves in
 * flight counted as losses, proven outcomes far out of range. tree_sync_slot makes them.
 * Sums in nodes are Black's view, so that nothing changes sign on the way up. */
#pragma once

#include <stddef.h>
#include <string.h>

#include "tengen/search.h"

enum { ARENA_UNIT = 16, NODE_NONE = 0, NO_SLOT = -1 };
enum node_state { NODE_NEW, NODE_FLYING, NODE_EXPANDED, NODE_TERMINAL };

/* The q of a slot that leads to a proven loss (or win) for the player to move. */
#define Q_PROVEN 1e9f

/* What one evaluation or one finished game is worth, Black's view. A draw is half a win and half a
 * loss; what win and loss leave of 1 is no result. */
struct outcome {
    double utility, win, loss, lead;
};

struct node {
    struct outcome sum;       /* over visits */
    float raw_win, raw_loss;  /* the network's (or the game's) own word, Black's view */
    float raw_lead, raw_utility;
    int32_t visits;
    uint32_t parent, children, open; /* arena indices */
    uint16_t slot;            /* of this node in its parent */
    uint16_t n_children, n_open, cap_open;
    uint16_t n_lost;          /* children proven lost for the player to move here */
    uint16_t in_flight;       /* leaves handed out at or below this node */
    int8_t proven;            /* +1 Black wins, -1 White wins, 0 unknown */
    uint8_t to_move;          /* enum game_color */
    uint8_t state;            /* enum node_state */
    uint8_t padding;
};
_Static_assert(sizeof(struct node) % ARENA_UNIT == 0, "nodes lie in whole units");

struct arena {
    unsigned char *mem; /* owned */
    uint32_t used, cap; /* units */
};

struct flight {
    uint32_t id, node;
};

struct search {
    const struct game *game; /* borrowed */
    struct search_settings set;
    struct tg_rng rng;       /* after the root's noise; move choice copies it */
    struct arena arena;
    uint32_t root;
    bool out_of_memory;      /* growth failed inside a walk: the search ends with what it has */
    int limit;               /* root visits */
    int max_depth;
    int64_t n_evaluated;

    struct flight *flights;  /* owned: [n_flights], room for cap_flights */
    int n_flights, cap_flights;
    uint32_t next_id;

    /* The root's own, by action, made by root_prepare. */
    bool prepared;
    int banned_slot;         /* the pass that avoid_early_pass keeps out, or NO_SLOT */
    int gumbel_start;        /* root visits when this search began */
    float *raw_prior;        /* owned [A]: before temperature and noise */
    float *gumbel, *logit;   /* owned [A]: Gumbel variables, log of the prior with temperature */
    int32_t *base_visits;    /* owned [A]: visits reused from an earlier search */
    float *scratch;          /* owned [A rounded up to 8] */
    struct search_child *result; /* owned [A] */

    struct position root_pos, pos; /* pos: the leaf handed out last */
};

static inline void *arena_at(const struct arena *a, uint32_t index)
{
    return a->mem + (size_t)index * ARENA_UNIT;
}
static inline struct node *node_at(const struct search *s, uint32_t index)
{
    return arena_at(&s->arena, index);
}
static inline int round_up_8(int n) { return (n + 7) & ~7; }
static inline float *node_priors(const struct search *s, const struct node *v)
{
    return arena_at(&s->arena, v->children);
}
static inline int16_t *node_actions(const struct search *s, const struct node *v)
{
    return (int16_t *)(void *)(node_priors(s, v) + round_up_8(v->n_children));
}
static inline float *open_n(const struct search *s, const struct node *v)
{
    return arena_at(&s->arena, v->open);
}
static inline float *open_q(const struct search *s, const struct node *v)
{
    return open_n(s, v) + v->cap_open;
}
static inline uint32_t *open_nodes(const struct search *s, const struct node *v)
{
    return (uint32_t *)(void *)(open_n(s, v) + 2 * v->cap_open);
}
/* The node behind a slot; NULL where nothing was walked to. */
static inline struct node *child_at(const struct search *s, const struct node *v, int slot)
{
    uint32_t i = slot < v->n_open ? open_nodes(s, v)[slot] : NODE_NONE;

    return i == NODE_NONE ? NULL : node_at(s, i);
}
/* +1 where Black's view is that of color, else -1. */
static inline float sign_of(uint8_t color) { return color == GAME_BLACK ? 1.0f : -1.0f; }
/* Mean utility for `color`; needs a visit. */
static inline float node_value(const struct node *v, uint8_t color)
{
    return sign_of(color) * (float)(v->sum.utility / v->visits);
}

/* settings.c */
enum tg_status settings_check(const struct search_settings *set, struct tg_error *err);
/* Trees grown under a and b hold the same kind of numbers. */
bool settings_same_values(const struct search_settings *a, const struct search_settings *b);
/* A temperature at a ply. */
float settings_temperature(const struct search_settings *set, const struct position *pos,
                           float early, float late);
struct outcome outcome_of_eval(const struct search_settings *set, const struct position *pos,
                               uint8_t to_move, const struct search_eval *eval);
struct outcome outcome_of_end(const struct search_settings *set, const struct game *game,
                              const struct position *pos);

/* arena.c */
/* Room for that many bytes; false (and nothing changed) without memory. Moves everything. */
bool arena_reserve(struct arena *a, size_t bytes);
/* An index, or 0. Uninitialised. Moves everything where it has to grow. */
uint32_t arena_alloc(struct arena *a, size_t bytes);
/* Leave only what hangs on the root. Keeps the old arena where there is no memory for a new one. */
void arena_compact(struct search *s);

/* tree.c */
/* A node without children; NODE_NONE without memory. */
uint32_t tree_new_node(struct search *s, uint32_t parent, int slot);
/* Fill in state, player and legal moves (no priors yet) of a node first reached, at s->pos.
 * Terminal positions get their outcome. False without memory. */
bool tree_reach(struct search *s, uint32_t index, const struct position *pos);
/* Exchange two slots that are not open. */
void tree_swap(const struct search *s, const struct node *v, int i, int j);
/* Put the largest prior of the unopened slots first among them. */
void tree_best_forward(const struct search *s, const struct node *v);
/* Open slot n_open of the node: an empty node behind it, or NODE_NONE without memory. */
uint32_t tree_open(struct search *s, uint32_t index);
void tree_sync_slot(const struct search *s, struct node *v, int slot);
/* Add one visit of this outcome to the node and all above it; flight: 1 ends a flight there. */
void tree_backup(struct search *s, uint32_t index, const struct outcome *o, int flight);
/* Count (or, -1, uncount) a leaf in flight at the node and all above it. */
void tree_fly(struct search *s, uint32_t index, int count);
/* The node's winner is known: +1 Black, -1 White; carried up as far as it proves something. */
void tree_prove(struct search *s, uint32_t index, int8_t winner);
/* Take the moves marked in banned [A] from the legal ones of a node that has no priors yet, unless all
 * are marked. */
void tree_ban(const struct search *s, struct node *v, const uint8_t *banned);
/* Priors of an expanded node from logits [A]. False where they are not finite. */
bool tree_set_priors(struct search *s, struct node *v, const float *logits);

/* walk.c */
float walk_c_puct(const struct search_settings *set, float visits);
/* First-play urgency: the value of children without a visit, for the player to move. */
float walk_fpu(const struct search *s, const struct node *v, float reduction);

/* root.c */
/* Temperature, noise, the banned pass and Gumbel variables of an expanded root, from s->rng. */
void root_prepare(struct search *s);
/* The visits that forced playouts owe a child of this prior at the root. */
float root_forced(const struct search *s, float prior, int root_visits);

/* gumbel.c */
/* The root's next slot by sequential halving; may lie beyond n_open. */
int gumbel_pick(const struct search *s, const struct node *root);
/* The slot that the finished search plays, without regard to proven outcomes. */
int gumbel_winner(const struct search *s, const struct node *root);
/* weight [n_children] := the improved policy, by slot. */
void gumbel_policy(const struct search *s, const struct node *root, float *weight);
