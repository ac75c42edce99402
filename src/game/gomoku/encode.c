/* encode.c - what the network reads of a gomoku position, seen by the side to move.
 *
 *  plane       1 where
 *  0           the point is on the board
 *  1           the side to move has a stone
 *  2           its opponent has a stone
 *  3           the point is empty (1 + 2 + 3 = 0)
 *  4           the side to move may not play there though it is empty (double-three)
 *  5 .. 4 + h  the last h moves were played, newest first, one point each, whoever played them;
 *              a move stays in its plane when its stone was captured
 *
 *  global  value
 *  0       pairs of the side to move / pairs that win, at most 1; 0 where captures never win
 *  1       the same of the opponent
 *  2       +1 Black is to move, -1 White
 *  3       1 captures are on
 *  4       pairs that win / 10, 0 where captures never win
 *  5       stones in a row that win / 10
 *  6       1 a longer row does not win
 *  7       1 double-threes are forbidden, renju reading
 *  8       1 double-threes are forbidden, literal reading
 *  9       1 a capture exempts a double-three
 *  10      1 a row wins only if it cannot be broken
 *  11      1 the opponent has a row: break it now or lose */
#include "gomoku.h"

enum {
    PLANE_BOARD, PLANE_OWN, PLANE_OPPONENT, PLANE_EMPTY, PLANE_FORBIDDEN, PLANE_HISTORY,
};
enum {
    GLOBAL_OWN_PAIRS, GLOBAL_OPPONENT_PAIRS, GLOBAL_COLOR, GLOBAL_CAPTURES, GLOBAL_CAPTURE_GOAL,
    GLOBAL_GOAL, GLOBAL_EXACT, GLOBAL_RENJU, GLOBAL_LITERAL, GLOBAL_CAPTURE_EXEMPTS,
    GLOBAL_BREAKABLE, GLOBAL_PENDING, N_GLOBALS
};

int gomoku_n_planes(int history) { return PLANE_HISTORY + history; }

int gomoku_n_globals(void) { return N_GLOBALS; }

/* Rows of points into a plane: bits MSB first over y * S + x. */
static void write_plane(const struct game *g, uint8_t *plane, const uint32_t *rows, int height)
{
    uint64_t bits = 0; /* the n_bits lowest are not written yet */
    int n_bits = 0;

    for (int y = 0; y < height; y++) {
        bits = bits << g->size | rows[y] >> (32 - g->size);
        for (n_bits += g->size; n_bits >= 8; n_bits -= 8)
            *plane++ = (uint8_t)(bits >> (n_bits - 8));
    }
    if (n_bits > 0)
        *plane = (uint8_t)(bits << (8 - n_bits));
}

static float share(int pairs, int goal)
{
    return goal == 0 ? 0.0f : pairs >= goal ? 1.0f : (float)pairs / (float)goal;
}

static void encode_globals(const struct position *pos, float *globals)
{
    const struct gomoku_rules *r = &pos->setup.gomoku;
    int goal = r->captures ? r->capture_goal : 0;

    globals[GLOBAL_OWN_PAIRS] = share(pos->captures[pos->to_move], goal);
    globals[GLOBAL_OPPONENT_PAIRS] = share(pos->captures[1 - pos->to_move], goal);
    globals[GLOBAL_COLOR] = pos->to_move == GAME_BLACK ? 1.0f : -1.0f;
    globals[GLOBAL_CAPTURES] = r->captures;
    globals[GLOBAL_CAPTURE_GOAL] = (float)goal / 10.0f;
    globals[GLOBAL_GOAL] = (float)r->goal / 10.0f;
    globals[GLOBAL_EXACT] = r->exact_five;
    globals[GLOBAL_RENJU] = r->double_three == GOMOKU_THREES_RENJU;
    globals[GLOBAL_LITERAL] = r->double_three == GOMOKU_THREES_LITERAL;
    globals[GLOBAL_CAPTURE_EXEMPTS] = r->capture_exempts;
    globals[GLOBAL_BREAKABLE] = r->breakable_five;
    globals[GLOBAL_PENDING] = gomoku_state_const(pos)->pending;
}

void gomoku_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                   uint8_t *planes, float *globals)
{
    const struct gomoku_state *st = gomoku_state_const(pos);
    const uint32_t *own = st->rows[pos->to_move], *opponent = st->rows[1 - pos->to_move];
    uint32_t board[GAME_MAX_SIZE], empty[GAME_MAX_SIZE], forbidden[GAME_MAX_SIZE];
    int height = pos->setup.height, bytes = g->plane_bytes;

    (void)memo; /* nothing here is worth keeping */
    for (int y = 0; y < height; y++) {
        board[y] = gomoku_row_mask(&pos->setup);
        empty[y] = board[y] & ~(own[y] | opponent[y]);
    }
    write_plane(g, planes + PLANE_BOARD * bytes, board, height);
    write_plane(g, planes + PLANE_OWN * bytes, own, height);
    write_plane(g, planes + PLANE_OPPONENT * bytes, opponent, height);
    write_plane(g, planes + PLANE_EMPTY * bytes, empty, height);
    if (!pos->over && gomoku_forbidden(g, pos, forbidden))
        write_plane(g, planes + PLANE_FORBIDDEN * bytes, forbidden, height);
    for (int i = 0; i < g->history; i++) {
        int p = pos->recent[i];

        if (p >= 0)
            planes[(PLANE_HISTORY + i) * bytes + p / 8] |= (uint8_t)(0x80 >> p % 8);
    }
    encode_globals(pos, globals);
}
