/* game.h - board games as the rest of Tengen sees them: rules, positions, legality, outcome,
 * symmetries, and the planes that a network reads.
 *
 * A `struct game` is one configured game: which one, and the side S of the square tensor that every
 * board of the run fits into. A smaller (or rectangular) board sits in the tensor's corner, point
 * (x, y) at index y * S + x, y = 0 the top row. An action is such an index, or S * S: pass. All
 * arrays over points are [S * S], over actions [A] with A = S * S + 1; a game without a pass never
 * lets it be legal.
 *
 * Board size and rules belong to the position (struct game_setup), so one network and one batch can
 * hold many of them. Positions are plain data: copied with game_copy, never freed. Nothing here
 * allocates, locks or fails on positions that game_start accepted; all functions are reentrant. */
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/error.h"

enum {
    GAME_MAX_SIZE = 19,
    GAME_MAX_POINTS = GAME_MAX_SIZE * GAME_MAX_SIZE,
    GAME_MAX_ACTIONS = GAME_MAX_POINTS + 1,
    GAME_MAX_PLANES = 40,
    GAME_MAX_PLANE_BYTES = (GAME_MAX_POINTS + 7) / 8,
    GAME_MAX_GLOBALS = 24,
    GAME_MAX_PLIES = 1600, /* no position goes further: game_play ends the game there */
    GAME_RECENT = 12,      /* last actions kept in the position's head */
    GAME_STATE_BYTES = 20480
};

enum game_kind { GAME_GO, GAME_GOMOKU, GAME_KINDS };
enum game_color { GAME_BLACK, GAME_WHITE, GAME_NOBODY }; /* Black moves first */
enum game_stone { GAME_EMPTY, GAME_BLACK_STONE, GAME_WHITE_STONE };
enum game_winner { GAME_WON_BLACK, GAME_WON_WHITE, GAME_DRAWN, GAME_NO_RESULT, GAME_UNDECIDED };

enum go_ko { GO_KO_SIMPLE, GO_KO_POSITIONAL, GO_KO_SITUATIONAL };
enum go_scoring { GO_SCORING_AREA, GO_SCORING_TERRITORY };
enum go_tax { GO_TAX_NONE, GO_TAX_SEKI, GO_TAX_ALL };
enum go_handicap_bonus { GO_BONUS_NONE, GO_BONUS_N, GO_BONUS_N_MINUS_1 };

struct go_rules {
    uint8_t ko, scoring, tax;     /* enum go_ko, go_scoring, go_tax */
    uint8_t suicide;              /* multi-stone suicide is legal */
    uint8_t button;               /* first pass takes half a point (area scoring) */
    uint8_t white_handicap_bonus; /* enum go_handicap_bonus */
    uint8_t friendly_pass;        /* dead stones need not be taken: hide from the network that a
                                   * pass ends the game */
    int16_t komi2;                /* White's komi in half points */
};

enum gomoku_double_three { GOMOKU_THREES_FREE, GOMOKU_THREES_RENJU, GOMOKU_THREES_LITERAL };

struct gomoku_rules {
    uint8_t goal;            /* k in a row wins */
    uint8_t exact_five;      /* a longer row does not win */
    uint8_t captures;        /* a flanked pair is taken off */
    uint8_t capture_goal;    /* that many pairs win; 0: captures never win */
    uint8_t double_three;    /* enum gomoku_double_three: forbidden for both colours */
    uint8_t capture_exempts; /* a double-three that captures is legal */
    uint8_t breakable_five;  /* a row wins only if the opponent cannot capture out of it */
    uint8_t start_pairs[2];  /* pairs that Black and White own at the start */
};

/* One game's board and rules. Plain data, kept with the record of the game. */
struct game_setup {
    uint8_t width, height; /* of the board, at most the tensor's side */
    uint8_t handicap;      /* black stones before White moves, for white_handicap_bonus; 0, 1: none */
    struct go_rules go;         /* read when the game is Go */
    struct gomoku_rules gomoku; /* read when it is Gomoku */
};

struct game_class;

struct game {
    const struct game_class *cls;
    enum game_kind kind;
    int size, n_points, n_actions; /* S, S * S, S * S + 1 */
    int n_planes, plane_bytes;     /* C binary planes of ceil(S * S / 8) bytes each */
    int n_globals;                 /* G floats */
    int history;                   /* gomoku: planes of past moves */
    bool has_pass, has_score, has_ownership, has_no_result;
};

/* A position. The head is common to all games and may be read by anyone; `state` is the game's. */
struct position {
    struct game_setup setup;
    int16_t ply;            /* actions played since game_start (or set-up stones) */
    uint8_t to_move;        /* enum game_color */
    uint8_t over;           /* nobody may move any more */
    uint8_t winner;         /* enum game_winner; GAME_UNDECIDED while not over */
    int16_t recent[GAME_RECENT]; /* the last actions, newest first; -1 where there is none */
    uint8_t recent_color[GAME_RECENT]; /* who played them */
    uint64_t hash;          /* equal positions with equal rights to move hash alike */
    uint8_t stones[GAME_MAX_POINTS]; /* enum game_stone, index y * S + x */
    int16_t captures[2];    /* stones (go) or pairs (gomoku) that Black and White have taken */
    alignas(16) unsigned char state[GAME_STATE_BYTES];
};

/* How a finished (or stopped) game ended. */
struct game_result {
    uint8_t winner;      /* enum game_winner, never GAME_UNDECIDED */
    float score;         /* points by which Black leads, komi counted; 0 where has_score is false */
    int8_t ownership[GAME_MAX_POINTS]; /* +1 Black's, -1 White's, 0 neither */
};

/* Fill *g. size: the tensor's side, 2..19. history: gomoku's planes of past moves, 0..12 (go
 * ignores it). TG_EINVAL names what is out of range. */
enum tg_status game_init(struct game *g, enum game_kind kind, int size, int history,
                         struct tg_error *err);
/* "go", "gomoku". */
const char *game_kind_name(enum game_kind kind);
bool game_kind_parse(const char *name, enum game_kind *kind);

/* The set-up of an ordinary game on the full tensor: go: Tromp-Taylor (area, positional superko,
 * suicide) with komi 7.5 on every size; gomoku: freestyle five (three in a row on 3x3). */
void game_default_setup(const struct game *g, struct game_setup *setup);

/* A named rule set into *setup, leaving board and komi as they are (rule sets that imply a komi do
 * not set it). go: tromp-taylor, chinese, chinese-ogs, chinese-kgs, japanese, korean,
 * stone-scoring, aga, bga, new-zealand, aga-button; gomoku: freestyle, standard, captures-engine,
 * captures-subject. TG_EINVAL lists the names. */
enum tg_status game_rules_parse(const struct game *g, const char *name, struct game_setup *setup,
                                struct tg_error *err);

/* TG_EINVAL with the reason if this set-up cannot be played with this game. */
enum tg_status game_setup_check(const struct game *g, const struct game_setup *setup,
                                struct tg_error *err);

/* The empty board. setup must have passed game_setup_check. */
void game_start(const struct game *g, const struct game_setup *setup, struct position *pos);

/* Replace the board by these stones [S * S], no captures or legality looked at, `to_move` next, no
 * history. TG_EINVAL (go): a chain without liberties. pos keeps its setup. */
enum tg_status game_set_stones(const struct game *g, struct position *pos, const uint8_t *stones,
                               enum game_color to_move, struct tg_error *err);

void game_copy(const struct game *g, struct position *dst, const struct position *src);
bool game_is_legal(const struct game *g, const struct position *pos, int action);
/* legal [A] := 1 or 0. Returns how many are 1; 0 only when pos->over. */
int game_legal(const struct game *g, const struct position *pos, uint8_t *legal);
/* Play a legal action of the side to move. After it pos->over and pos->winner are up to date. */
void game_play(const struct game *g, struct position *pos, int action);
/* The result; where the game is not over, as if it ended here (go: area as it stands, or what the
 * rules' scoring says of the board; gomoku: a draw). */
void game_score(const struct game *g, const struct position *pos, struct game_result *result);
/* Nothing that is left to play can change the winner (go: every point is pass-alive territory or
 * stones of one side). Never true where the game cannot tell. */
bool game_decided(const struct game *g, const struct position *pos);

/* What the inputs of positions that are near each other have in common, in room that is zeroed at first.
 * Go keeps ladders there. For one game (any boards and rules) and one thread at a time. */
struct game_memo {
    uint64_t *room; /* [n_bytes / 8], its user's */
    size_t n_bytes; /* a multiple of 16 */
};

/* The network's input seen by the side to move: planes [C, plane_bytes], bits MSB first over
 * y * S + x, plane 0 the on-board mask; globals [G]. Both are overwritten whole. memo may be NULL: it
 * saves time and changes nothing. */
void game_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                 uint8_t *planes, float *globals);

/* Vertices as in GTP: columns A..T without I, rows from the bottom of the board, "pass". */
enum { GAME_VERTEX_CHARS = 8 };
void game_vertex_name(const struct game *g, const struct position *pos, int action,
                      char name[GAME_VERTEX_CHARS]);
/* -1 if it is no vertex of this board. Case does not matter. Legality is not looked at. */
int game_vertex_parse(const struct game *g, const struct position *pos, const char *name);
/* The board as text, top row first, "X" Black, "O" White, "." empty, with coordinates, the last move
 * in brackets. Cut off at n - 1 characters; 1024 are enough for any board. */
void game_draw(const struct game *g, const struct position *pos, char *text, size_t n);

/* The 8 symmetries of the square: bit 0 flips y, bit 1 flips x, bit 2 transposes, in that order.
 * The whole tensor is mapped, so a smaller board moves to another corner; the mask moves with it. */
enum { GAME_SYMMETRIES = 8 };
/* Where action (or point) a of a tensor of side S lands; pass stays pass. */
int game_symmetry(int size, int symmetry, int action);
/* The symmetry that undoes this one. */
int game_symmetry_inverse(int symmetry);
/* dst := src with its points mapped: bit planes [C, ceil(S*S/8)]. dst and src do not overlap. */
void game_symmetry_planes(int size, int symmetry, int n_planes, const uint8_t *src, uint8_t *dst);

/* What a game has to provide; one table a game, listed in src/game/game.c. */
struct game_class {
    const char *name;
    enum tg_status (*init)(struct game *g, int history, struct tg_error *err);
    void (*default_setup)(const struct game *g, struct game_setup *setup);
    enum tg_status (*rules_parse)(const char *name, struct game_setup *setup, struct tg_error *err);
    enum tg_status (*setup_check)(const struct game *g, const struct game_setup *setup,
                                  struct tg_error *err);
    void (*start)(const struct game *g, struct position *pos); /* the common head is filled */
    enum tg_status (*set_stones)(const struct game *g, struct position *pos, struct tg_error *err);
    size_t (*state_bytes)(const struct position *pos); /* how much of `state` is in use */
    bool (*is_legal)(const struct game *g, const struct position *pos, int action);
    int (*legal)(const struct game *g, const struct position *pos, uint8_t *legal);
    void (*play)(const struct game *g, struct position *pos, int action);
    void (*score)(const struct game *g, const struct position *pos, struct game_result *result);
    bool (*decided)(const struct game *g, const struct position *pos);
    void (*encode)(const struct game *g, const struct position *pos, struct game_memo *memo,
                   uint8_t *planes, float *globals);
};
extern const struct game_class game_class_go, game_class_gomoku;
