/* ladder.c - one ladder as KataGo's inputs define it: an exhaustive search of ataris.
 *
 * The defender extends at his last liberty or takes a chain in atari around him; the attacker plays
 * on one of the last two liberties. Two liberties on the defender's turn, three on the attacker's,
 * or a ko that the attacker would have to win save the chain.
 *
 * Moves are tried in an order that only the stones decide, not how they came there: so what a search
 * finds, and where its budget ends, is a function of the stones it met (ladders.c keeps it). */
#include "ladder.h"

#include <string.h>

enum {
    NODE_BUDGET = 25000,  /* per search: beyond it the ladder counts as not working */
    MOST_TOUCHED = 2600   /* cells one play may change, counted with repetition */
};

static bool attack(struct ladder *l, int depth, int n_moves);

static int empty_around(const struct go_state *s, int cell)
{
    const struct go_cell *c = &s->cells[cell];

    return (c[-s->stride].color == GAME_EMPTY) + (c[-1].color == GAME_EMPTY) +
           (c[1].color == GAME_EMPTY) + (c[s->stride].color == GAME_EMPTY);
}

/* By cell; returns n. */
static int sorted(int16_t *cells, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && cells[k - 1] > cells[k]; k--) {
            int16_t c = cells[k];

            cells[k] = cells[k - 1];
            cells[k - 1] = c;
        }
    return n;
}

int ladder_liberties(const struct go_state *s, int stone, int most, int16_t *libs)
{
    int cur = stone, n = 0;

    do {
        int around[4];

        go_neighbours(s, cur, around);
        for (int i = 0; i < 4; i++) {
            int k = 0;

            if (s->cells[around[i]].color != GAME_EMPTY)
                continue;
            while (k < n && libs[k] != around[i])
                k++;
            if (k == n)
                libs[n++] = (int16_t)around[i];
            if (n == most)
                return sorted(libs, n);
        }
        cur = s->cells[cur].next;
    } while (cur != stone);
    return sorted(libs, n);
}

static void consider(struct ladder *l, int cell)
{
    l->considered[cell / 64] |= UINT64_C(1) << cell % 64;
}

static int chain_libs(const struct go_state *s, int stone)
{
    return s->cells[s->cells[stone].head].libs;
}

/* A stone of the one chain is beside a stone of the other. */
static bool chains_touch(const struct go_state *s, int head, int other)
{
    int cur = head;

    do {
        if (go_touches(s, cur, other))
            return true;
        cur = s->cells[cur].next;
    } while (cur != head);
    return false;
}

/* The moves that take a chain in atari beside the target's chain; returns their number. The chains in
 * atari are few and short where the target's is long, so they are walked, not the target. */
static int rescues(const struct ladder *l, int room, int16_t *moves)
{
    const struct go_state *s = l->s;
    int target = s->cells[l->target].head, n = 0;

    for (int w = 0; w < GO_CELL_WORDS; w++)
        for (uint64_t rest = l->journal.atari[w]; rest != 0; rest &= rest - 1) {
            int head = w * 64 + __builtin_ctzll(rest), k = 0;
            int16_t lib;

            if (s->cells[head].color == l->defender || !chains_touch(s, head, target))
                continue;
            ladder_liberties(s, head, 1, &lib);
            while (k < n && moves[k] != lib)
                k++;
            if (k == n && n < room)
                moves[n++] = lib;
        }
    return sorted(moves, n);
}

static bool may_play(const struct go_state *s, int cell, uint8_t color)
{
    return cell != s->ko && go_board_legality(s, cell, color, false) == GO_PLAIN;
}

/* Extending there gives three liberties for certain, even after the attacker filled a cell (0: he
 * did not). */
static bool runs_away(const struct go_state *s, int lib, uint8_t color, int filled)
{
    int around[4], empty = 0;

    go_neighbours(s, lib, around);
    for (int i = 0; i < 4; i++) {
        const struct go_cell *c = &s->cells[around[i]];

        if (c->color == GAME_EMPTY)
            empty += around[i] != filled;
        else if (c->color == color && s->cells[c->head].libs >= 4 &&
                 (s->cells[c->head].libs > 4 || filled == 0 || !go_touches(s, filled, c->head)))
            return true;
    }
    return empty >= 3;
}

/* The defender's turn. true: the chain is lost. */
static bool defend(struct ladder *l, int depth, int n_moves)
{
    struct go_state *s = l->s;
    int16_t *moves = l->moves + n_moves;
    int n, journal = l->journal.n;

    if (depth >= l->max_depth)
        return true;
    if (l->n_nodes >= NODE_BUDGET || n_moves + GAME_MAX_POINTS > LADDER_MOVES ||
        journal + MOST_TOUCHED > LADDER_JOURNAL)
        l->gave_up = true;
    if (l->gave_up || chain_libs(s, l->target) >= 2 || s->ko != 0)
        return false;
    ladder_liberties(s, l->target, 1, moves);
    consider(l, moves[0]);
    if (runs_away(s, moves[0], l->defender, 0))
        return false;
    n = 1 + rescues(l, GAME_MAX_POINTS - 1, moves + 1);
    for (int i = 1; i < n; i++)
        consider(l, moves[i]);
    for (int i = 0; i < n; i++) {
        bool lost;

        if (!may_play(s, moves[i], l->defender))
            continue;
        go_board_play(s, moves[i], l->defender, NULL, &l->journal);
        l->n_nodes++;
        lost = attack(l, depth + 1, n_moves + n);
        go_board_undo(s, &l->journal, journal);
        s->ko = 0;
        if (!lost)
            return false;
    }
    return true;
}

/* Both liberties are kos that the attacker may take, and neither connection helps. */
static bool double_ko(struct ladder *l, const int16_t libs[2])
{
    struct go_state *s = l->s;
    int journal = l->journal.n;
    int16_t ko = s->ko, one;

    for (int i = 0; i < 2; i++)
        if (go_board_ko_capture(s, libs[i], go_other(l->defender)) == 0)
            return false;
    for (int i = 0; i < 2; i++) {
        int after;

        go_board_play(s, libs[i], l->defender, NULL, &l->journal);
        after = chain_libs(s, libs[i]);
        go_board_undo(s, &l->journal, journal);
        s->ko = ko;
        if (after > 2)
            return false;
    }
    return rescues(l, 1, &one) == 0;
}

/* How much the defender would gain at a liberty: a guess that orders the attacker's moves. */
static int gain(const struct ladder *l, int lib)
{
    const struct go_state *s = l->s;
    int around[4], n = 2 * empty_around(s, lib);

    go_neighbours(s, lib, around);
    for (int i = 0; i < 4; i++)
        if (s->cells[around[i]].color == l->defender &&
            s->cells[around[i]].head != s->cells[l->target].head) {
            int libs = chain_libs(s, around[i]);

            n += 2 * (libs < LADDER_SAFE ? libs : LADDER_SAFE) - 3;
        }
    return n;
}

/* The attacker's turn. true: the chain is lost. */
static bool attack(struct ladder *l, int depth, int n_moves)
{
    struct go_state *s = l->s;
    int libs = chain_libs(s, l->target), journal = l->journal.n, first;
    int16_t moves[2], ko = s->ko;

    if (depth >= l->max_depth)
        return true;
    if (libs != 2)
        return libs < 2;
    ladder_liberties(s, l->target, 2, moves);
    consider(l, moves[0]);
    consider(l, moves[1]);
    if (empty_around(s, moves[0]) == 0 && empty_around(s, moves[1]) == 0 && double_ko(l, moves))
        return true;
    first = gain(l, moves[1]) > gain(l, moves[0]);
    for (int i = 0; i < 2; i++) {
        int move = moves[first ^ i];
        bool lost;

        if (runs_away(s, moves[1 ^ first ^ i], l->defender, move) ||
            !may_play(s, move, go_other(l->defender)))
            continue;
        go_board_play(s, move, go_other(l->defender), NULL, &l->journal);
        l->n_nodes++;
        lost = defend(l, depth + 1, n_moves);
        go_board_undo(s, &l->journal, journal);
        s->ko = ko;
        if (lost)
            return true;
    }
    return false;
}

/* Is the target, in atari and to move, lost? At the root every ko works for the defender. */
static bool is_lost(struct ladder *l)
{
    int16_t ko = l->s->ko;
    bool lost;

    l->n_nodes = 0;
    l->gave_up = false;
    l->s->ko = 0;
    lost = chain_libs(l->s, l->target) == 1 && defend(l, 0, 0);
    l->s->ko = ko;
    return lost;
}

/* Which of the two liberties of the target start a working ladder, as bits 0 and 1. */
static unsigned working_starts(struct ladder *l, const int16_t libs[2])
{
    struct go_state *s = l->s;
    uint8_t attacker = go_other(l->defender);
    unsigned working = 0;
    int16_t ko = s->ko;

    for (unsigned i = 0; i < 2; i++)
        if (!runs_away(s, libs[1 - i], l->defender, libs[i]) && may_play(s, libs[i], attacker)) {
            go_board_play(s, libs[i], attacker, NULL, &l->journal);
            working |= (unsigned)is_lost(l) << i;
            go_board_undo(s, &l->journal, 0);
            s->ko = ko;
        }
    return working;
}

void ladder_board(struct ladder *l, const struct go_state *s)
{
    memcpy(&l->board, s, sizeof *s + (size_t)s->n_cells * sizeof *s->cells);
    l->s = &l->board.s;
    l->journal = (struct go_journal){.old = l->old, .cap = LADDER_JOURNAL};
    l->max_depth = s->width * s->height * 3 / 2;
    for (int c = 1; c < s->n_cells; c++)
        if (s->cells[c].head == c && s->cells[c].libs == 1)
            l->journal.atari[c / 64] |= UINT64_C(1) << c % 64;
}

unsigned ladder_search(struct ladder *l, int target, const int16_t *libs, int n_libs)
{
    memset(l->considered, 0, sizeof l->considered);
    for (int i = 0; i < n_libs; i++)
        consider(l, libs[i]);
    l->target = target;
    l->defender = l->s->cells[target].color;
    return n_libs == 2 ? working_starts(l, libs) : is_lost(l);
}
