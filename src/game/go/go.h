/* go.h - the inside of a Go position; shared by the files of this folder and nobody else.
 *
 * The board is a row of cells with walls around it: point (x, y) is cell (y + 1) * stride + x + 1,
 * stride = width + 1, so column 0 is a wall to the rows on both sides of it. Stones of a chain form
 * a ring through `next`; the ring's `head` owns the count of liberties. Cell 0 is always a wall and
 * stands for "none".
 *
 * The whole state is plain data without pointers. Behind the cells lie the ko words, as many as the
 * game needed so far; nothing behind them is in use, which keeps game_copy short. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tengen/game.h"
#include "tengen/hash.h"

enum {
    GO_WALL = 3, /* beside enum game_stone in go_cell.color */
    GO_MAX_CELLS = (GAME_MAX_SIZE + 1) * (GAME_MAX_SIZE + 2) + 1,
    GO_CELL_WORDS = (GO_MAX_CELLS + 63) / 64,
    GO_SEEN_WORDS = 32
};

/* Marks of a cell, kept apart from the stone on it. */
enum {
    GO_EVER = 1,         /* a stone stood or was played here since the start */
    GO_BLOCKED = 2,      /* encore: took a ko; to retake it one must first pass for ko */
    GO_SECOND_BLACK = 4, /* a black (white) stone stood here when the second encore began */
    GO_SECOND_WHITE = 8,
    GO_SECOND = GO_SECOND_BLACK | GO_SECOND_WHITE
};

struct go_cell {
    int16_t head, next; /* of the chain; 0 on empty cells and walls */
    int16_t libs;       /* liberties, right at the head only */
    uint8_t color;      /* enum game_stone or GO_WALL */
    uint8_t marks;
};

/* What one ply did to the board: enough to see the board before it. */
struct go_change {
    int16_t placed;       /* the cell a stone was put on, 0: none */
    int16_t ko_before;    /* go_state.ko before it */
    uint8_t taken_color;  /* of the stones taken off */
    uint64_t hash_before; /* go_state.hash before it */
    uint64_t taken[GO_CELL_WORDS];
};

struct go_state {
    uint64_t hash;         /* of the stones alone */
    uint64_t blocked_hash; /* of the cells marked GO_BLOCKED */
    uint64_t seed;         /* board and rules, folded into position.hash */
    int16_t size, width, height, stride, n_cells;
    int16_t ko;          /* the cell that simple ko forbids, 0: none */
    int16_t n_words;     /* ko words in use */
    int16_t cycle_start; /* the first word that counts for repetition */
    int16_t bonus2;      /* half points White got by the button and by territory's price of moves */
    int16_t phase_turns; /* plies in this phase */
    uint8_t phase;       /* 0 play, 1 and 2 the encores of territory scoring */
    uint8_t end_passes;  /* passes in a row that count towards the end of the phase */
    uint8_t button;      /* not yet taken */
    uint8_t has_ko_takes; /* some ko words record captures of the encore */
    struct go_change last[2]; /* newest first */
    uint64_t seen[GO_SEEN_WORDS]; /* a bit for each situation among the ko words, by its top bits */
    struct go_cell cells[];
};

/* Room for one board without its ko words. */
union go_board {
    struct go_state s;
    unsigned char room[sizeof(struct go_state) + GO_MAX_CELLS * sizeof(struct go_cell)];
};

/* A ko word is a hash whose two lowest bits are tags. Situations (after every ply, and the start)
 * have GO_WORD_TAKE clear; GO_WORD_PASSED says that the side to move then passed. Records of ko
 * captures in the encore have GO_WORD_TAKE set. */
enum { GO_WORD_PASSED = 1, GO_WORD_TAKE = 2, GO_WORD_TAGS = 3 };

enum {
    GO_STATE_WORDS_FREE = (GAME_STATE_BYTES - (int)sizeof(struct go_state) -
                           GO_MAX_CELLS * (int)sizeof(struct go_cell)) / 8
};
_Static_assert(GO_STATE_WORDS_FREE > GAME_MAX_PLIES + 1, "a situation for every ply must fit");
_Static_assert(sizeof(struct go_cell) == 8, "ko words behind the cells stay aligned");
_Static_assert(sizeof(struct go_state) % 8 == 0, "ko words behind the cells stay aligned");

static inline struct go_state *go_state(struct position *pos)
{
    return (struct go_state *)(void *)pos->state;
}

static inline const struct go_state *go_const_state(const struct position *pos)
{
    return (const struct go_state *)(const void *)pos->state;
}

static inline uint64_t *go_words(struct go_state *s)
{
    return (uint64_t *)(void *)(s->cells + s->n_cells);
}

static inline const uint64_t *go_const_words(const struct go_state *s)
{
    return (const uint64_t *)(const void *)(s->cells + s->n_cells);
}

static inline int go_cell_at(const struct go_state *s, int x, int y)
{
    return (y + 1) * s->stride + x + 1;
}

/* Point y * S + x to cell and back. */
static inline int go_cell_of(const struct go_state *s, int point)
{
    return go_cell_at(s, point % s->size, point / s->size);
}

static inline int go_point_of(const struct go_state *s, int cell)
{
    return (cell / s->stride - 1) * s->size + cell % s->stride - 1;
}

static inline void go_neighbours(const struct go_state *s, int cell, int around[4])
{
    around[0] = cell - s->stride;
    around[1] = cell - 1;
    around[2] = cell + 1;
    around[3] = cell + s->stride;
}

/* Is a stone of this chain beside the cell? */
static inline bool go_touches(const struct go_state *s, int cell, int head)
{
    const struct go_cell *c = &s->cells[cell];

    return c[-s->stride].head == head || c[-1].head == head || c[1].head == head ||
           c[s->stride].head == head;
}

static inline uint8_t go_other(uint8_t color) { return (uint8_t)(3 - color); }

static inline uint64_t go_zobrist(int cell, int color)
{
    return tg_mix64((uint64_t)(cell * 4 + color) ^ UINT64_C(0x60B0A2D5)) & ~(uint64_t)GO_WORD_TAGS;
}

/* ---- board.c ---- */

/* The cells of one board, for searches that play and take back. */
struct go_journal {
    int n;
    struct go_old {
        int16_t cell;
        struct go_cell was;
    } *old;
    int cap;
    uint64_t atari[GO_CELL_WORDS]; /* the heads of chains with one liberty, kept up to date from there on */
};

/* Stones taken off by a play. */
struct go_taken {
    int n;
    uint8_t color;
    int16_t cells[GAME_MAX_POINTS];
};

/* An empty board of width x height with walls; no ko words. */
void go_board_clear(struct go_state *s, int size, int width, int height);
/* Compute heads, rings, liberties and the hash anew from the colours. false: a chain has none. */
bool go_board_build(struct go_state *s);
/* Put a stone on an empty cell: captures, else suicide of its own chain; sets s->ko. taken and
 * journal may be NULL; with a journal the hash is left alone. */
void go_board_play(struct go_state *s, int cell, uint8_t color, struct go_taken *taken,
                   struct go_journal *journal);
/* Take back to the journal's length n. s->ko is the caller's. */
void go_board_undo(struct go_state *s, struct go_journal *journal, int n);

enum go_legality { GO_ILLEGAL, GO_PLAIN, GO_SUICIDE };
/* Ko aside. GO_SUICIDE: legal, and the own chain comes off. */
enum go_legality go_board_legality(const struct go_state *s, int cell, uint8_t color,
                                   bool suicide);
/* The hash of the stones after a legal play there. */
uint64_t go_board_hash_after(const struct go_state *s, int cell, uint8_t color);
/* The lone stone that a play there would take in a ko shape, 0: none. */
int go_board_ko_capture(const struct go_state *s, int cell, uint8_t color);
/* *then := the board as it was `ago` plies ago (1, 2): its cells and the ko; the rest is undefined. */
void go_board_before(const struct go_state *s, int ago, struct go_state *then);

/* ---- rules.c ---- */

void go_default_setup(const struct game *g, struct game_setup *setup);
enum tg_status go_rules_parse(const char *name, struct game_setup *setup, struct tg_error *err);
enum tg_status go_setup_check(const struct game *g, const struct game_setup *setup,
                              struct tg_error *err);
/* Half points that White gets for Black's handicap stones. */
int go_handicap2(const struct game_setup *setup);

/* ---- go.c ---- */

enum go_ban { GO_FREE, GO_FORBIDDEN, GO_SUPERKO };
/* May the side to move play on this cell; GO_SUPERKO where only repetition forbids it. */
enum go_ban go_ban(const struct position *pos, int cell);
/* A pass now would end the phase, and would end it even without a pass before (the same side has
 * passed in the same situation). */
bool go_pass_ends_phase(const struct position *pos);
bool go_pass_ends_repeated(const struct position *pos);
/* White's points beside the board, in halves: komi, handicap, button, price of moves. */
int go_white_extra2(const struct position *pos);

/* ---- area.c ---- */

enum go_area {
    GO_AREA_ALIVE,      /* pass-alive stones and the territory they make safe */
    GO_AREA_ALL,        /* and every stone, and empty regions that touch one colour */
    GO_AREA_INDEPENDENT /* of that, only what has independent life: no seki */
};
struct go_area_keep {
    bool territories, stones; /* GO_AREA_INDEPENDENT: keep those of groups in seki */
};
/* owner [n_cells] := enum game_stone of whom each cell belongs to, walls GAME_EMPTY. Returns the
 * number of White's independent regions minus Black's (0 unless GO_AREA_INDEPENDENT). */
int go_area(const struct go_state *s, enum go_area kind, struct go_area_keep keep, bool suicide,
            uint8_t *owner);
/* The area that the rules score, and its balance, White's points minus Black's, taxes taken. */
int go_area_score(const struct position *pos, uint8_t *owner);

/* ---- ladders.c ---- */

/* Bits by cell: stones that a ladder takes on this board, whoever moves. working (may be NULL): the
 * first moves of ladders that work against chains of two liberties of color `prey`. memo may be NULL. */
void go_ladders(const struct go_state *s, struct game_memo *memo, uint64_t stones[GO_CELL_WORDS],
                uint64_t working[GO_CELL_WORDS], uint8_t prey);
/* What they take of the board `ago` plies ago (1, 2), which a memo may know from then. */
void go_ladders_before(const struct go_state *s, int ago, struct game_memo *memo,
                       uint64_t stones[GO_CELL_WORDS]);

/* ---- encode.c ---- */

enum { GO_PLANES = 22, GO_GLOBALS = 19 };
void go_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
               uint8_t *planes, float *globals);
