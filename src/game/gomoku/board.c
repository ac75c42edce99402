/* board.c - stones on the board: putting, capturing, rows in a line. */
#include "gomoku.h"

#include "tengen/hash.h"

const int8_t gomoku_line_dx[GOMOKU_LINES] = {1, 0, 1, 1};
const int8_t gomoku_line_dy[GOMOKU_LINES] = {0, 1, 1, -1};

static uint64_t stone_key(int p, enum game_color color)
{
    return tg_mix64(UINT64_C(0x676f6d6f6b750000) + (uint64_t)(2 * p) + (uint64_t)color);
}

void gomoku_put(const struct game *g, struct position *pos, int x, int y, enum game_color color)
{
    struct gomoku_state *st = gomoku_state(pos);
    int p = y * g->size + x;

    pos->stones[p] = color == GAME_BLACK ? GAME_BLACK_STONE : GAME_WHITE_STONE;
    pos->hash ^= stone_key(p, color);
    st->rows[color][y] |= gomoku_bit(x);
    st->n_empty--;
}

void gomoku_take(const struct game *g, struct position *pos, int x, int y)
{
    struct gomoku_state *st = gomoku_state(pos);
    int p = y * g->size + x;
    enum game_color color = pos->stones[p] == GAME_BLACK_STONE ? GAME_BLACK : GAME_WHITE;

    pos->stones[p] = GAME_EMPTY;
    pos->hash ^= stone_key(p, color);
    st->rows[color][y] &= ~gomoku_bit(x);
    st->n_empty++;
}

static bool on_board(const struct position *pos, int x, int y)
{
    return x >= 0 && y >= 0 && x < pos->setup.width && y < pos->setup.height;
}

int gomoku_captured(const struct game *g, const struct position *pos, int x, int y,
                    enum game_color color, int16_t captured[GOMOKU_MAX_CAPTURED])
{
    uint8_t mine = color == GAME_BLACK ? GAME_BLACK_STONE : GAME_WHITE_STONE;
    uint8_t theirs = color == GAME_BLACK ? GAME_WHITE_STONE : GAME_BLACK_STONE;
    int n = 0;

    if (!pos->setup.gomoku.captures)
        return 0;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            int p = y * g->size + x, step = dy * g->size + dx;

            if (step == 0 || !on_board(pos, x + 3 * dx, y + 3 * dy))
                continue;
            if (pos->stones[p + step] == theirs && pos->stones[p + 2 * step] == theirs &&
                pos->stones[p + 3 * step] == mine) {
                captured[n++] = (int16_t)(p + step);
                captured[n++] = (int16_t)(p + 2 * step);
            }
        }
    return n;
}

/* How many stones like the one on (x, y) follow it in one sense of a line. */
static int stones_after(const struct game *g, const struct position *pos, int x, int y, int dx,
                        int dy)
{
    uint8_t stone = pos->stones[y * g->size + x];
    int n = 0;

    for (x += dx, y += dy; on_board(pos, x, y) && pos->stones[y * g->size + x] == stone;
         x += dx, y += dy)
        n++;
    return n;
}

static bool wins_by_length(const struct gomoku_rules *rules, int length)
{
    return rules->exact_five ? length == rules->goal : length >= rules->goal;
}

bool gomoku_row_through(const struct game *g, const struct position *pos, int x, int y)
{
    for (int d = 0; d < GOMOKU_LINES; d++) {
        int dx = gomoku_line_dx[d], dy = gomoku_line_dy[d];

        if (wins_by_length(&pos->setup.gomoku, 1 + stones_after(g, pos, x, y, dx, dy) +
                                                   stones_after(g, pos, x, y, -dx, -dy)))
            return true;
    }
    return false;
}

bool gomoku_row_stands(const struct game *g, const struct position *pos, enum game_color color)
{
    const struct gomoku_state *st = gomoku_state_const(pos);

    for (int y = 0; y < pos->setup.height; y++)
        for (int x = 0; x < pos->setup.width; x++)
            if ((st->rows[color][y] & gomoku_bit(x)) != 0 && gomoku_row_through(g, pos, x, y))
                return true;
    return false;
}

/* The side to move may play (x, y), and what it captures there leaves the opponent no row, or is
 * enough to win. */
static bool breaks(const struct game *g, const struct position *pos, int x, int y)
{
    const struct gomoku_rules *rules = &pos->setup.gomoku;
    enum game_color me = pos->to_move, opponent = 1 - me;
    int16_t captured[GOMOKU_MAX_CAPTURED];
    int n = gomoku_captured(g, pos, x, y, me, captured);
    struct position after;

    if (n == 0 || (rules->double_three != GOMOKU_THREES_FREE && gomoku_is_forbidden(g, pos, x, y)))
        return false;
    if (rules->capture_goal > 0 && pos->captures[me] + n / 2 >= rules->capture_goal)
        return true;
    game_copy(g, &after, pos);
    for (int i = 0; i < n; i++)
        gomoku_take(g, &after, captured[i] % g->size, captured[i] / g->size);
    return !gomoku_row_stands(g, &after, opponent);
}

bool gomoku_row_breakable(const struct game *g, const struct position *pos)
{
    for (int y = 0; y < pos->setup.height; y++)
        for (int x = 0; x < pos->setup.width; x++)
            if (pos->stones[y * g->size + x] == GAME_EMPTY && breaks(g, pos, x, y))
                return true;
    return false;
}
