/* ladder.h - one ladder (ladder.c), for what looks for all of a board (ladders.c). */
#pragma once

#include "go.h"

enum { LADDER_JOURNAL = 8192, LADDER_MOVES = 4096 };
enum { LADDER_SAFE = 5 }; /* a chain with so many liberties saves one that joins it, whichever is filled */

struct ladder {
    struct go_state *s; /* the board to play on */
    struct go_journal journal;
    struct go_old old[LADDER_JOURNAL];
    int16_t moves[LADDER_MOVES];
    int target; /* a stone of the chain */
    uint8_t defender;
    int n_nodes, max_depth;
    bool gave_up;
    uint64_t considered[GO_CELL_WORDS]; /* bits: where either side might have played in this search */
    union go_board board;
};

/* The liberties of a chain that has at most `most` of them, by cell; returns their number. */
int ladder_liberties(const struct go_state *s, int stone, int most, int16_t *libs);

/* Take over a board for searches. */
void ladder_board(struct ladder *l, const struct go_state *s);
/* target: a stone of a chain with these liberties (by cell). One: is it lost, moving first? Two: at which
 * of them does the attacker, moving first, start a working ladder, as bits 0 and 1? */
unsigned ladder_search(struct ladder *l, int target, const int16_t *libs, int n_libs);
