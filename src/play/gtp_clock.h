/* gtp_clock.h - private to src/play: whose time is how short, and how much of it a move may take. */
#pragma once

#include "tengen/game.h"

enum gtp_clock_kind {
    GTP_CLOCK_NONE,
    GTP_CLOCK_ABSOLUTE,
    GTP_CLOCK_CANADIAN, /* overtime: over_n stones in over_sec, again and again */
    GTP_CLOCK_BYOYOMI,  /* overtime: over_n periods of over_sec; one is used up when a move outlasts it */
    GTP_CLOCK_FISCHER   /* each move brings over_sec more */
};

struct gtp_clock {
    enum gtp_clock_kind kind;
    double over_sec;
    int over_n;
    double most_left, most_move; /* Fischer: the clock never shows more; no move takes more */
    struct gtp_clock_side {
        double left; /* seconds of the main time, the stones' time or this period */
        int over;    /* 0: main time; else stones still to play in `left`, or periods left */
    } side[2];
};

/* Both sides have main_sec, then overtime of the kind. over_n 0 or negative times: no clock at all. */
void gtp_clock_set(struct gtp_clock *c, enum gtp_clock_kind kind, double main_sec, double over_sec,
                   int over_n);
/* Both have main_sec and over_sec more after each move, never more than most_left, and no move may take
 * more than most_move (negative: no such limits). */
void gtp_clock_set_fischer(struct gtp_clock *c, double main_sec, double over_sec, double most_left,
                           double most_move);
/* The controller says what is left; over as in gtp_clock_side. */
void gtp_clock_told(struct gtp_clock *c, enum game_color color, double left, int over);
/* color has used sec for a move. */
void gtp_clock_spent(struct gtp_clock *c, enum game_color color, double sec);
/* Seconds that a move should take, and may take at the very most; negative: no limit. moves_to_go is
 * a guess at the moves this side has still to make. */
void gtp_clock_budget(const struct gtp_clock *c, enum game_color color, int moves_to_go, double *sec,
                      double *hard_sec);
