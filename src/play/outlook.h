/* outlook.h - private to src/play: what a search found, as programs for players show it.
 *
 * Beside the tree's own means it keeps sums over the evaluated leaves, one set for the root and one
 * for each of its moves: lead, score and its spread, ownership. So ownership is the tree's average (each
 * evaluated position counts once; finished games, which the network never sees, do not count). */
#pragma once

#include "tengen/game.h"
#include "tengen/nn.h"
#include "tengen/search.h"

enum outlook_flags { OUTLOOK_OWNERSHIP = 1, OUTLOOK_MOVES_OWNERSHIP = 2 };

struct outlook;

/* Borrows g. NULL without memory. */
struct outlook *outlook_open(const struct game *g, int flags);
void outlook_close(struct outlook *o); /* NULL is allowed */
/* Forget everything. */
void outlook_clear(struct outlook *o, int flags);
/* The root's move was played: what is known below it is all that stays. */
void outlook_advance(struct outlook *o, int action);
/* A leaf below the root's move (-1: the root itself) was evaluated for the side `to_move`; owner [S * S]
 * may be NULL where no flag asks for it. False: without memory nothing was added. */
bool outlook_add(struct outlook *o, int root_action, enum game_color to_move, const struct nn_eval *e,
                 const float *owner);

/* Figures of a position or a move, for the side to move at the root. */
struct outlook_figures {
    int visits;
    double winrate, no_result; /* winrate: half of a game without result */
    double utility;
    double lead, score, score_stdev; /* points; stdev counts the spread between leaves too */
};
struct outlook_move {
    int16_t action;
    struct outlook_figures is;
    double prior, lcb, utility_lcb;
};

/* The root's figures, and its moves that have a visit (or are among the first n_least), best first, into
 * moves [A]. Returns how many. 0: not even the root was evaluated. */
int outlook_moves(const struct outlook *o, struct search *s, int n_least, struct outlook_figures *root,
                  struct outlook_move *moves);

/* owner [S * S]: mean for Black (+1) below a move (-1: of the root); stdev [S * S] (may be NULL). A move
 * without an evaluated leaf gets the root's. False: none was summed. */
bool outlook_owner(const struct outlook *o, int action, float *owner, float *stdev);
