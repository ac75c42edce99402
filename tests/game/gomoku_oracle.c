#include "gomoku_oracle.h"

#include <string.h>

static const int line_dx[4] = {1, 0, 1, -1}, line_dy[4] = {0, 1, 1, 1};

static char stone_of(int color) { return "XO"[color]; }

/* '#' off the board. */
static char get(const struct oracle *o, int x, int y)
{
    return x < 0 || y < 0 || x >= o->width || y >= o->height ? '#' : o->at[y][x];
}

void oracle_start(struct oracle *o, const struct game_setup *setup)
{
    memset(o, 0, sizeof *o);
    memset(o->at, '.', sizeof o->at);
    o->rules = setup->gomoku;
    o->width = setup->width;
    o->height = setup->height;
    o->pairs[0] = setup->gomoku.start_pairs[0];
    o->pairs[1] = setup->gomoku.start_pairs[1];
    o->winner = GAME_UNDECIDED;
}

/* The longest run of stone s that covers (x, y), were a stone s there. */
static int run(const struct oracle *o, int x, int y, int d, char s)
{
    int n = 1;

    for (int i = 1; get(o, x + i * line_dx[d], y + i * line_dy[d]) == s; i++)
        n++;
    for (int i = 1; get(o, x - i * line_dx[d], y - i * line_dy[d]) == s; i++)
        n++;
    return n;
}

static bool five_or_more(const struct oracle *o, int x, int y, char s)
{
    for (int d = 0; d < 4; d++)
        if (run(o, x, y, d, s) >= 5)
            return true;
    return false;
}

/* Fours that the stone s on (x, y) is part of in line d: the points whose filling makes a row of
 * five with (x, y) in it; the two ends of a straight four are one. */
static int fours_in_line(struct oracle *o, int x, int y, int d, char s)
{
    int n = 0, before = run(o, x, y, d, s);

    for (int i = -4; i <= 4; i++) {
        int ex = x + i * line_dx[d], ey = y + i * line_dy[d];

        if (get(o, ex, ey) != '.')
            continue;
        o->at[ey][ex] = s;
        n += run(o, x, y, d, s) == 5 && before != 5;
        o->at[ey][ex] = '.';
    }
    return n == 2 && before == 4 ? 1 : n;
}

static bool double_four(struct oracle *o, int x, int y, char s)
{
    int n = 0;

    o->at[y][x] = s;
    for (int d = 0; d < 4; d++)
        n += fours_in_line(o, x, y, d, s);
    o->at[y][x] = '.';
    return n >= 2;
}

static bool double_three(struct oracle *o, int x, int y, char s);

static int count(const char *points, int n, char what)
{
    int found = 0;

    for (int i = 0; i < n; i++)
        found += points[i] == what;
    return found;
}

/* Stone s on (x, y) would make a straight four of four points whose ends are these, and all of it
 * would be sound. */
static bool renju_accepts(struct oracle *o, int x, int y, int d, int end0, int end1, char s)
{
    int dx = line_dx[d], dy = line_dy[d];
    bool ends_make_five;

    if (five_or_more(o, x, y, s) || double_four(o, x, y, s) || double_three(o, x, y, s))
        return false;
    o->at[y][x] = s;
    ends_make_five = run(o, x + end0 * dx, y + end0 * dy, d, s) == 5 &&
                     run(o, x + end1 * dx, y + end1 * dy, d, s) == 5;
    o->at[y][x] = '.';
    return ends_make_five;
}

/* With s on (x, y): some window of four around it lacks one stone, q, and has two empty ends. */
static bool open_three(struct oracle *o, int x, int y, int d, char s)
{
    bool renju = o->rules.double_three == GOMOKU_THREES_RENJU;
    char around[9], *here = around + 4; /* the line from 4 steps before (x, y) to 4 after */

    for (int i = -4; i <= 4; i++)
        here[i] = get(o, x + i * line_dx[d], y + i * line_dy[d]);
    for (int i = -4; !renju && i <= 0; i++) /* five points with four stones: a four already */
        if (count(here + i, 5, s) == 4 && count(here + i, 5, '.') == 1)
            return false;
    for (int i = -3; i <= 0; i++) {
        if (count(here + i, 4, s) != 3 || count(here + i, 4, '.') != 1 || here[i - 1] != '.' ||
            here[i + 4] != '.')
            continue;
        if (!renju)
            return true;
        for (int q = i; q < i + 4; q++)
            if (here[q] == '.' && renju_accepts(o, x + q * line_dx[d], y + q * line_dy[d], d,
                                                i - 1 - q, i + 4 - q, s))
                return true;
    }
    return false;
}

/* Leaves the board as it was. */
static bool double_three(struct oracle *o, int x, int y, char s)
{
    int n = 0;

    if (five_or_more(o, x, y, s))
        return false;
    o->at[y][x] = s;
    for (int d = 0; d < 4; d++)
        n += open_three(o, x, y, d, s);
    o->at[y][x] = '.';
    return n >= 2;
}

/* Put the stone, take the pairs; returns how many pairs. */
static int place(struct oracle *o, int x, int y, int color)
{
    char me = stone_of(color), you = stone_of(1 - color);
    int n = 0;

    o->at[y][x] = me;
    for (int dy = -1; o->rules.captures && dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (get(o, x + dx, y + dy) == you && get(o, x + 2 * dx, y + 2 * dy) == you &&
                get(o, x + 3 * dx, y + 3 * dy) == me) {
                o->at[y + dy][x + dx] = o->at[y + 2 * dy][x + 2 * dx] = '.';
                n++;
            }
    return n;
}

static bool wins_by_length(const struct oracle *o, int n)
{
    return n == o->rules.goal || (n > o->rules.goal && !o->rules.exact_five);
}

static bool row_at(const struct oracle *o, int x, int y, int color)
{
    for (int d = 0; d < 4; d++)
        if (wins_by_length(o, run(o, x, y, d, stone_of(color))))
            return true;
    return false;
}

static bool row_anywhere(const struct oracle *o, int color)
{
    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++)
            if (o->at[y][x] == stone_of(color) && row_at(o, x, y, color))
                return true;
    return false;
}

static bool enough_pairs(const struct oracle *o, int pairs)
{
    return o->rules.capture_goal > 0 && pairs >= o->rules.capture_goal;
}

bool oracle_legal(struct oracle *o, int x, int y)
{
    struct oracle after;

    if (get(o, x, y) != '.')
        return false;
    if (o->rules.double_three == GOMOKU_THREES_FREE ||
        !double_three(o, x, y, stone_of(o->to_move)))
        return true;
    after = *o;
    return o->rules.capture_exempts && place(&after, x, y, o->to_move) > 0;
}

static bool any_legal(struct oracle *o)
{
    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++)
            if (oracle_legal(o, x, y))
                return true;
    return false;
}

/* Some legal move of the side to move leaves its opponent without a row, or has enough pairs. */
static bool answer_exists(struct oracle *o)
{
    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++) {
            struct oracle after = *o;
            int n;

            if (!oracle_legal(o, x, y))
                continue;
            n = place(&after, x, y, o->to_move);
            if (!row_anywhere(&after, 1 - o->to_move) ||
                enough_pairs(o, o->pairs[o->to_move] + n))
                return true;
        }
    return false;
}

static void end(struct oracle *o, enum game_winner winner)
{
    o->over = true;
    o->winner = winner;
}

void oracle_play(struct oracle *o, int x, int y)
{
    static const enum game_winner wins[2] = {GAME_WON_BLACK, GAME_WON_WHITE};
    int me = o->to_move;
    bool was_pending = o->pending;

    o->pairs[me] += place(o, x, y, me);
    o->to_move = 1 - me;
    o->pending = false;
    if (enough_pairs(o, o->pairs[me]))
        end(o, wins[me]);
    else if (was_pending && row_anywhere(o, 1 - me))
        end(o, wins[1 - me]);
    else if (row_at(o, x, y, me) && !(o->rules.breakable_five && answer_exists(o)))
        end(o, wins[me]);
    else if (!any_legal(o))
        end(o, GAME_DRAWN);
    else
        o->pending = row_at(o, x, y, me);
}
