/* gtp_engine.h - private to gtp*.c: what the commands share. */
#pragma once

#include "gtp_clock.h"
#include "moves.h"
#include "player.h"
#include "tengen/play.h"

enum { GTP_MAX_MOVES = 10000 };

struct gtp_move {
    int16_t action;
    uint8_t color; /* enum game_color */
};

struct gtp_engine {
    struct gtp_options o;
    struct tg_log *log;     /* borrowed */
    struct player *player;
    struct game_setup setup;
    /* The game: what was set up, then the moves; pos is where they lead. */
    uint8_t stones[GAME_MAX_POINTS];
    uint8_t to_move;        /* after the set-up */
    struct gtp_move *moves; /* owned [n_moves], room for GTP_MAX_MOVES */
    int n_moves;
    struct position *pos, *spare; /* owned */
    struct gtp_clock clock;
    bool (*waiting)(void *ctx);
    void *waiting_ctx;
};

/* One command being answered. */
struct gtp_call {
    int n;        /* arguments */
    char **args;  /* [n], words */
    const char *id;
    FILE *out;    /* where the answer goes in the end; commands that stream write here */
    FILE *text;   /* the answer is collected here */
    bool failed;  /* text is the reason */
    bool streamed; /* the command has written its whole answer itself */
    bool quit;
};

/* The answer is an error of this text. */
void gtp_fail(struct gtp_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The arguments in one text, as they were written but for the number of spaces; malloc'd, or NULL. */
char *gtp_join(const struct gtp_call *c);

struct gtp_command {
    const char *name;
    int min_args, max_args; /* max -1: any number */
    void (*run)(struct gtp_engine *e, struct gtp_call *c);
};

/* ---- gtp_board.c ---- */
/* An empty board of this size with the setup's rules; on failure the old one is kept. */
bool gtp_new_board(struct gtp_engine *e, int width, int height, struct gtp_call *c);
/* Play for color, whoever's turn it is. False: *why says what is wrong, nothing changed. */
bool gtp_play(struct gtp_engine *e, enum game_color color, int action, const char **why);
/* pos := the game from its start under e->setup. False: a move is illegal under it, or the set-up. */
bool gtp_replay(struct gtp_engine *e);
/* Begin with these stones [S * S] instead. Fails the call and keeps the game on error. */
bool gtp_set_up(struct gtp_engine *e, const uint8_t *stones, enum game_color to_move, int handicap,
                struct gtp_call *c);
bool gtp_read_int(const char *word, int low, int high, int *value);
bool gtp_read_number(const char *word, double *value);

/* ---- gtp_move.c ---- */
/* What a move of color may take. */
struct player_limits gtp_limits(const struct gtp_engine *e, enum game_color color);

extern const struct gtp_command gtp_board_commands[], gtp_move_commands[], gtp_rules_commands[],
    gtp_score_commands[], gtp_handicap_commands[], gtp_analysis_commands[], gtp_param_commands[],
    gtp_sgf_commands[], gtp_info_commands[];
