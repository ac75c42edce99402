/* threes.c - the double-three prohibition: a move may not make two open threes at once.
 *
 * A line through the new stone p is an open three if one more stone q makes a straight four of it:
 * four side by side that contain p and q, with an empty point at either end. A move that makes five
 * or more in any line is never forbidden, fours do not count, and stones that the move would
 * capture still stand in the way. Both colours are judged alike. The two readings differ in this:
 *   renju    either end of the straight four must complete exactly five, and q must itself be
 *            playable: no five, no two fours, no forbidden double-three (hence a recursion, which
 *            ends because each level adds a stone);
 *   literal  the ends may run into further own stones, and q is not looked at, but a line in which
 *            p already makes a four is not a three.
 *
 * Forbidden points are rare, so the whole board is first reduced to candidates: points where two
 * lines have the shape, found for all rows at once by shifting bits. Only these are judged. */
#include "gomoku.h"

#include <string.h>

enum {
    FIVE = 5, /* the rule is about rows of five: setup_check sees to it */
    REACH = 5,  /* how far from p the shape looks */
    ROWS = 24,  /* the board's, rounded up for the vector unit */
    PADDED = REACH + ROWS + REACH
};

/* The board from the mover's view, with empty rows around: row y is at y + REACH. What is neither
 * own nor empty stops a line. */
struct field {
    uint32_t own[PADDED], empty[PADDED];
    bool renju;
};

static void field_init(struct field *f, const struct position *pos)
{
    const struct gomoku_state *st = gomoku_state_const(pos);
    uint32_t mask = gomoku_row_mask(&pos->setup);

    memset(f, 0, sizeof *f);
    f->renju = pos->setup.gomoku.double_three == GOMOKU_THREES_RENJU;
    for (int y = 0; y < pos->setup.height; y++) {
        f->own[REACH + y] = st->rows[pos->to_move][y];
        f->empty[REACH + y] = ~(st->rows[0][y] | st->rows[1][y]) & mask;
    }
}

/* Row y as its points see it j steps along a line. */
static inline uint32_t seen(const uint32_t *rows, int y, int dx, int dy, int j)
{
    uint32_t row = rows[REACH + y + j * dy];

    return j > 0 ? row << (j * dx) : row >> (-j * dx);
}

/* Add to shape the empty points p that with one more stone make a straight four of the four points
 * that begin s steps from p; s is -3..0, so p is one of them. */
static inline void add_shapes(const struct field *f, int dx, int dy, int s, uint32_t shape[ROWS])
{
    int a = s == 0 ? 1 : s, b = s >= -1 ? (s == 0 ? 2 : 1) : s + 1, c = s == -3 ? -1 : s + 3;
    uint32_t beyond = f->renju ? UINT32_C(0xffffffff) : 0;

    for (int y = 0; y < ROWS; y++) {
        uint32_t ends = seen(f->empty, y, dx, dy, s - 1) & seen(f->empty, y, dx, dy, s + 4);
        uint32_t longer = seen(f->own, y, dx, dy, s - 2) | seen(f->own, y, dx, dy, s + 5);
        uint32_t oa = seen(f->own, y, dx, dy, a), ea = seen(f->empty, y, dx, dy, a);
        uint32_t ob = seen(f->own, y, dx, dy, b), eb = seen(f->empty, y, dx, dy, b);
        uint32_t oc = seen(f->own, y, dx, dy, c), ec = seen(f->empty, y, dx, dy, c);
        uint32_t two = (oa & ob & ec) | (oa & oc & eb) | (ob & oc & ea);

        shape[y] |= two & ends & ~(longer & beyond) & f->empty[REACH + y];
    }
}

/* The points where at least two lines have the shape of an open three. */
static void find_candidates(const struct field *f, uint32_t twice[ROWS])
{
    uint32_t once[ROWS] = {0};

    memset(twice, 0, ROWS * sizeof *twice);
    for (int d = 0; d < GOMOKU_LINES; d++) {
        int dx = gomoku_line_dx[d], dy = gomoku_line_dy[d];
        uint32_t shape[ROWS] = {0};

        add_shapes(f, dx, dy, -3, shape);
        add_shapes(f, dx, dy, -2, shape);
        add_shapes(f, dx, dy, -1, shape);
        add_shapes(f, dx, dy, 0, shape);
        for (int y = 0; y < ROWS; y++) {
            twice[y] |= once[y] & shape[y];
            once[y] |= shape[y];
        }
    }
}

static inline bool is_set(const uint32_t *rows, int x, int y)
{
    return x >= 0 && (rows[REACH + y] & gomoku_bit(x)) != 0;
}

/* How many own stones follow (x, y) in one sense of a line. */
static int own_after(const struct field *f, int x, int y, int dx, int dy)
{
    int n = 0;

    while (is_set(f->own, x + (n + 1) * dx, y + (n + 1) * dy))
        n++;
    return n;
}

/* The length of the row that a stone on (x, y) is or would be part of. */
static int row_length(const struct field *f, int x, int y, int dx, int dy)
{
    return 1 + own_after(f, x, y, dx, dy) + own_after(f, x, y, -dx, -dy);
}

static bool makes_five(const struct field *f, int x, int y)
{
    for (int d = 0; d < GOMOKU_LINES; d++)
        if (row_length(f, x, y, gomoku_line_dx[d], gomoku_line_dy[d]) >= FIVE)
            return true;
    return false;
}

/* Filling (x, y) would make a straight four in this line. */
static bool makes_straight_four(const struct field *f, int x, int y, int dx, int dy)
{
    int before = own_after(f, x, y, -dx, -dy), after = own_after(f, x, y, dx, dy);
    int x0 = x - (before + 1) * dx, y0 = y - (before + 1) * dy;
    int x1 = x + (after + 1) * dx, y1 = y + (after + 1) * dy;

    if (before + after != 3 || !is_set(f->empty, x0, y0) || !is_set(f->empty, x1, y1))
        return false;
    return !f->renju || (!is_set(f->own, x0 - dx, y0 - dy) && !is_set(f->own, x1 + dx, y1 + dy));
}

/* The row that filling the first empty point after (x, y) would make; 0 if there is none. */
static int row_when_extended(const struct field *f, int x, int y, int dx, int dy)
{
    int n = own_after(f, x, y, dx, dy) + 1, qx = x + n * dx, qy = y + n * dy;

    return is_set(f->empty, qx, qy) ? row_length(f, qx, qy, dx, dy) : 0;
}

/* Filling (x, y) would make fours in two lines. One of them is the straight four that led here, so
 * lines with two fours need no count of their own. */
static bool makes_double_four(struct field *f, int x, int y)
{
    int n = 0;

    f->own[REACH + y] |= gomoku_bit(x);
    for (int d = 0; d < GOMOKU_LINES; d++) {
        int dx = gomoku_line_dx[d], dy = gomoku_line_dy[d];

        n += row_when_extended(f, x, y, dx, dy) == FIVE ||
             row_when_extended(f, x, y, -dx, -dy) == FIVE;
    }
    f->own[REACH + y] &= ~gomoku_bit(x);
    return n >= 2;
}

static bool makes_double_three(struct field *f, int x, int y);

/* The own stone on (x, y) has an open three whose straight four lies in this sense of the line. */
static bool open_three_towards(struct field *f, int x, int y, int dx, int dy)
{
    int n = own_after(f, x, y, dx, dy) + 1, qx = x + n * dx, qy = y + n * dy;

    if (!is_set(f->empty, qx, qy) || !makes_straight_four(f, qx, qy, dx, dy))
        return false;
    return !f->renju || (!makes_five(f, qx, qy) && !makes_double_four(f, qx, qy) &&
                         !makes_double_three(f, qx, qy));
}

static bool open_three(struct field *f, int x, int y, int dx, int dy)
{
    if (!f->renju && (row_when_extended(f, x, y, dx, dy) >= FIVE ||
                      row_when_extended(f, x, y, -dx, -dy) >= FIVE))
        return false; /* a four already */
    return open_three_towards(f, x, y, dx, dy) || open_three_towards(f, x, y, -dx, -dy);
}

/* Filling the empty point (x, y) would make two open threes and no five. */
static bool makes_double_three(struct field *f, int x, int y)
{
    int n = 0;

    if (makes_five(f, x, y))
        return false;
    f->own[REACH + y] |= gomoku_bit(x);
    f->empty[REACH + y] &= ~gomoku_bit(x);
    for (int d = 0; d < GOMOKU_LINES && n < 2; d++)
        n += open_three(f, x, y, gomoku_line_dx[d], gomoku_line_dy[d]);
    f->own[REACH + y] &= ~gomoku_bit(x);
    f->empty[REACH + y] |= gomoku_bit(x);
    return n >= 2;
}

static bool judge(struct field *f, const struct game *g, const struct position *pos, int x, int y)
{
    int16_t captured[GOMOKU_MAX_CAPTURED];

    return makes_double_three(f, x, y) &&
           !(pos->setup.gomoku.capture_exempts &&
             gomoku_captured(g, pos, x, y, pos->to_move, captured) > 0);
}

bool gomoku_forbidden(const struct game *g, const struct position *pos,
                      uint32_t forbidden[GAME_MAX_SIZE])
{
    uint32_t candidates[ROWS];
    struct field f;
    bool any = false;

    memset(forbidden, 0, GAME_MAX_SIZE * sizeof *forbidden);
    if (pos->setup.gomoku.double_three == GOMOKU_THREES_FREE)
        return false;
    field_init(&f, pos);
    find_candidates(&f, candidates);
    for (int y = 0; y < pos->setup.height; y++)
        for (uint32_t rest = candidates[y]; rest != 0; rest &= rest - 1) {
            int x = 31 - __builtin_ctz(rest);

            if (judge(&f, g, pos, x, y)) {
                forbidden[y] |= gomoku_bit(x);
                any = true;
            }
        }
    return any;
}

bool gomoku_is_forbidden(const struct game *g, const struct position *pos, int x, int y)
{
    struct field f;

    if (pos->setup.gomoku.double_three == GOMOKU_THREES_FREE)
        return false;
    field_init(&f, pos);
    return judge(&f, g, pos, x, y);
}
