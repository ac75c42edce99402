/* gomoku.h - inside the gomoku folder: the state of a position and what its files share. */
#pragma once

#include "tengen/game.h"

/* What lies in position.state. Point (x, y) is bit 31 - x of row y: a row shifted left shows each
 * point its neighbour to the right. */
struct gomoku_state {
    uint32_t rows[2][GAME_MAX_SIZE]; /* the stones of Black and of White */
    int16_t n_empty;
    uint8_t pending; /* the opponent of the side to move has a row that must be broken now */
};

/* The four lines through a point. */
enum { GOMOKU_LINES = 4 };
extern const int8_t gomoku_line_dx[GOMOKU_LINES], gomoku_line_dy[GOMOKU_LINES];

static inline struct gomoku_state *gomoku_state(struct position *pos)
{
    return (struct gomoku_state *)pos->state;
}

static inline const struct gomoku_state *gomoku_state_const(const struct position *pos)
{
    return (const struct gomoku_state *)pos->state;
}

static inline uint32_t gomoku_bit(int x) { return UINT32_C(0x80000000) >> x; }

/* The points of a row of the board. */
static inline uint32_t gomoku_row_mask(const struct game_setup *setup)
{
    return ~(UINT32_C(0xffffffff) >> setup->width);
}

/* board.c: stones, captures, rows in a line. */

/* Put a stone on an empty point or take one off; rows, stones, n_empty and hash follow. */
void gomoku_put(const struct game *g, struct position *pos, int x, int y, enum game_color color);
void gomoku_take(const struct game *g, struct position *pos, int x, int y);

enum { GOMOKU_MAX_CAPTURED = 16 };
/* The points that `color` would capture by a stone on (x, y), in pairs; returns how many points. */
int gomoku_captured(const struct game *g, const struct position *pos, int x, int y,
                    enum game_color color, int16_t captured[GOMOKU_MAX_CAPTURED]);

/* The stone on (x, y) is part of a row that wins by its length. */
bool gomoku_row_through(const struct game *g, const struct position *pos, int x, int y);
/* Somewhere on the board `color` has such a row. */
bool gomoku_row_stands(const struct game *g, const struct position *pos, enum game_color color);
/* The side to move can capture so that no row of its opponent stands, or so that its pairs win. */
bool gomoku_row_breakable(const struct game *g, const struct position *pos);

/* threes.c: the double-three prohibition. */

/* The empty points forbidden to the side to move, rows as in gomoku_state; returns whether there is
 * any. All zero where the rule is off. */
bool gomoku_forbidden(const struct game *g, const struct position *pos,
                      uint32_t forbidden[GAME_MAX_SIZE]);
/* One empty point. */
bool gomoku_is_forbidden(const struct game *g, const struct position *pos, int x, int y);

/* encode.c: the network's input. */
int gomoku_n_planes(int history);
int gomoku_n_globals(void);
void gomoku_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                   uint8_t *planes, float *globals);
