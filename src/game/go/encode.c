/* encode.c - the network's input: KataGo's V7, 22 planes and 19 globals, from the side to move. */
#include <math.h>
#include <string.h>

#include "go.h"

enum {
    P_BOARD,
    P_OWN,
    P_OTHER,
    P_LIBS1,        /* then two and three liberties */
    P_BANNED = 6,   /* by ko or superko */
    P_BLOCKED,      /* encore: ko stones that may not be retaken */
    P_MOVE1 = 9,    /* where the last five moves went */
    P_LADDER = 14,  /* stones lost in a ladder: now, one ply ago, two plies ago */
    P_WORKING = 17, /* moves that start a working ladder */
    P_AREA_OWN,
    P_AREA_OTHER,
    P_SECOND_OWN, /* stones at the start of the second encore */
    P_SECOND_OTHER
};

enum {
    G_PASS1, /* the last five moves were passes */
    G_KOMI = 5,
    G_KO1,
    G_KO2,
    G_SUICIDE,
    G_TERRITORY,
    G_TAX1,
    G_TAX2,
    G_ENCORE1,
    G_ENCORE2,
    G_PASS_ENDS,
    G_BUTTON = 17, /* 15 and 16 tell an advantage in playouts: none */
    G_PARITY
};

enum { MOVES_SHOWN = 5 };

struct canvas {
    uint8_t *planes;
    size_t plane_bytes;
};

static void put(struct canvas c, int plane, int point)
{
    c.planes[(size_t)plane * c.plane_bytes + (size_t)point / 8] |= (uint8_t)(0x80 >> point % 8);
}

static void encode_points(struct canvas c, const struct position *pos, const uint8_t *owner)
{
    const struct go_state *s = go_const_state(pos);
    uint8_t own = (uint8_t)(pos->to_move + 1);
    int own_mark = own == GAME_BLACK_STONE ? GO_SECOND_BLACK : GO_SECOND_WHITE;

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int cell = go_cell_at(s, x, y), p = y * s->size + x;
            const struct go_cell *at = &s->cells[cell];

            put(c, P_BOARD, p);
            if (at->color == GAME_EMPTY) {
                enum go_ban ban = go_ban(pos, cell);

                if (ban == GO_SUPERKO || (ban == GO_FORBIDDEN && cell == s->ko))
                    put(c, P_BANNED, p);
            } else {
                int libs = s->cells[at->head].libs;

                put(c, at->color == own ? P_OWN : P_OTHER, p);
                if (libs <= 3)
                    put(c, P_LIBS1 + libs - 1, p);
                if ((at->marks & GO_BLOCKED) != 0)
                    put(c, P_BLOCKED, p);
            }
            if (owner != NULL && owner[cell] != GAME_EMPTY)
                put(c, owner[cell] == own ? P_AREA_OWN : P_AREA_OTHER, p);
            if ((at->marks & GO_SECOND) != 0)
                put(c, (at->marks & own_mark) != 0 ? P_SECOND_OWN : P_SECOND_OTHER, p);
        }
}

/* How many of the last moves the network may see. Where a pass would end the game although the
 * rules let a player pass before dead stones are gone (friendly pass), it sees none, lest it should
 * believe that passing loses them. */
static int moves_shown(const struct position *pos, bool *hide_end)
{
    const struct go_state *s = go_const_state(pos);
    int most = MOVES_SHOWN, n = 0, other = GAME_WHITE - pos->to_move;

    *hide_end = pos->setup.go.friendly_pass && pos->setup.go.scoring == GO_SCORING_AREA &&
                s->end_passes == 1 && !go_pass_ends_repeated(pos);
    if (*hide_end)
        most = 0;
    else if (pos->over)
        most = 1;
    if (most > s->phase_turns)
        most = s->phase_turns;
    while (n < most && pos->recent_color[n] == (n % 2 == 0 ? other : pos->to_move))
        n++;
    return n;
}

static void put_cells(struct canvas c, int plane, const struct go_state *s, const uint64_t *bits)
{
    for (int w = 0; w < GO_CELL_WORDS; w++)
        for (uint64_t rest = bits[w]; rest != 0; rest &= rest - 1)
            put(c, plane, go_point_of(s, w * 64 + __builtin_ctzll(rest)));
}

static void encode_ladders(struct canvas c, const struct position *pos, int n_moves,
                           struct game_memo *memo)
{
    const struct go_state *s = go_const_state(pos);
    uint64_t stones[GO_CELL_WORDS], working[GO_CELL_WORDS];

    go_ladders(s, memo, stones, working, go_other((uint8_t)(pos->to_move + 1)));
    put_cells(c, P_WORKING, s, working);
    for (int ago = 0; ago < 3; ago++) {
        if (ago > 0 && ago <= n_moves)
            go_ladders_before(s, ago, memo, stones);
        put_cells(c, P_LADDER + ago, s, stones); /* where no move is shown, those of the last board shown */
    }
}

/* How close komi is to where a draw could happen: a triangle wave of period 2. */
static float parity_wave(float komi, int area)
{
    float drawable = area % 2 == 0 ? 2 * floorf(komi / 2) : 2 * floorf((komi - 1) / 2) + 1;
    float d = fminf(2, fmaxf(0, komi - drawable));

    return d < 0.5F ? d : d < 1.5F ? 1 - d : d - 2;
}

static void encode_globals(const struct position *pos, bool area_counts, bool hide_end,
                           float *globals)
{
    const struct go_state *s = go_const_state(pos);
    const struct go_rules *r = &pos->setup.go;
    int area = s->width * s->height;
    float komi = (float)go_white_extra2(pos) / 2;

    if (pos->to_move == GAME_BLACK)
        komi = -komi;
    komi = fminf((float)area + 20, fmaxf(-(float)area - 20, komi));
    globals[G_KOMI] = komi / 20;
    globals[G_KO1] = r->ko != GO_KO_SIMPLE;
    globals[G_KO2] = r->ko == GO_KO_POSITIONAL ? 0.5F : r->ko == GO_KO_SITUATIONAL ? -0.5F : 0;
    globals[G_SUICIDE] = r->suicide;
    globals[G_TERRITORY] = r->scoring == GO_SCORING_TERRITORY;
    globals[G_TAX1] = r->tax != GO_TAX_NONE;
    globals[G_TAX2] = r->tax == GO_TAX_ALL;
    globals[G_ENCORE1] = s->phase >= 1;
    globals[G_ENCORE2] = s->phase >= 2;
    globals[G_PASS_ENDS] = !hide_end && !s->button && go_pass_ends_phase(pos);
    globals[G_BUTTON] = s->button;
    if (area_counts)
        globals[G_PARITY] = parity_wave(komi, area);
}

void go_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
               uint8_t *planes, float *globals)
{
    const struct go_state *s = go_const_state(pos);
    struct canvas c = {.planes = planes, .plane_bytes = (size_t)g->plane_bytes};
    bool area_counts = pos->setup.go.scoring == GO_SCORING_AREA || s->phase == 2, hide_end;
    uint8_t owner[GO_MAX_CELLS];
    int n_moves = moves_shown(pos, &hide_end);

    if (area_counts)
        go_area_score(pos, owner);
    encode_points(c, pos, area_counts ? owner : NULL);
    for (int i = 0; i < n_moves; i++)
        if (pos->recent[i] == g->n_points)
            globals[G_PASS1 + i] = 1;
        else
            put(c, P_MOVE1 + i, pos->recent[i]);
    encode_ladders(c, pos, n_moves, memo);
    encode_globals(pos, area_counts, hide_end, globals);
}
