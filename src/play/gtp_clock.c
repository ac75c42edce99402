/* gtp_clock.c - time control that never oversteps: every budget ends well before the flag falls. */
#include "gtp_clock.h"

#include <math.h>

/* Between our answer and the controller's clock lie a pipe, perhaps a network, and other programs. */
static const double lag_sec = 0.1;

void gtp_clock_set(struct gtp_clock *c, enum gtp_clock_kind kind, double main_sec, double over_sec,
                   int over_n)
{
    bool overtime = kind == GTP_CLOCK_CANADIAN || kind == GTP_CLOCK_BYOYOMI;
    struct gtp_clock_side side = {.left = main_sec, .over = 0};

    if (!(main_sec >= 0.0) || (overtime && (!(over_sec > 0.0) || over_n <= 0)) ||
        (!overtime && main_sec <= 0.0))
        kind = GTP_CLOCK_NONE;
    if (overtime && main_sec <= 0.0)
        side = (struct gtp_clock_side){.left = over_sec, .over = over_n};
    *c = (struct gtp_clock){.kind = kind, .over_sec = over_sec, .over_n = over_n,
                            .side = {side, side}};
}

void gtp_clock_set_fischer(struct gtp_clock *c, double main_sec, double over_sec, double most_left,
                           double most_move)
{
    struct gtp_clock_side side = {.left = main_sec, .over = 0};

    *c = (struct gtp_clock){.kind = main_sec > 0.0 ? GTP_CLOCK_FISCHER : GTP_CLOCK_NONE,
                            .over_sec = fmax(over_sec, 0.0),
                            .most_left = most_left >= 0.0 ? most_left : INFINITY,
                            .most_move = most_move >= 0.0 ? most_move : INFINITY,
                            .side = {side, side}};
}

void gtp_clock_told(struct gtp_clock *c, enum game_color color, double left, int over)
{
    if (c->kind == GTP_CLOCK_NONE || (over > 0 && c->kind == GTP_CLOCK_ABSOLUTE)) {
        c->kind = over > 0 ? GTP_CLOCK_CANADIAN : GTP_CLOCK_ABSOLUTE;
        c->over_sec = left; /* the best guess at the rest of the settings */
        c->over_n = over;
        c->side[!color] = (struct gtp_clock_side){left, over};
    }
    c->side[color] = (struct gtp_clock_side){fmax(left, 0.0), over > 0 ? over : 0};
}

void gtp_clock_spent(struct gtp_clock *c, enum game_color color, double sec)
{
    struct gtp_clock_side *s = &c->side[color];

    s->left -= sec;
    if (c->kind == GTP_CLOCK_CANADIAN) {
        if (s->over == 0 && s->left <= 0.0) /* the main time ran out during this move */
            *s = (struct gtp_clock_side){s->left + c->over_sec, c->over_n};
        else if (s->over == 0)
            return;
        if (--s->over == 0)
            *s = (struct gtp_clock_side){c->over_sec, c->over_n};
    } else if (c->kind == GTP_CLOCK_BYOYOMI) {
        if (s->over == 0 && s->left > 0.0)
            return;
        if (s->over == 0)
            *s = (struct gtp_clock_side){s->left + c->over_sec, c->over_n};
        for (; s->left <= 0.0 && s->over > 1; s->over--)
            s->left += c->over_sec;
        s->left = c->over_sec; /* each move begins with a full period */
    } else if (c->kind == GTP_CLOCK_FISCHER) {
        s->left = fmin(fmax(s->left, 0.0) + c->over_sec, fmax(c->most_left, s->left));
    }
    s->left = fmax(s->left, 0.0);
}

void gtp_clock_budget(const struct gtp_clock *c, enum game_color color, int moves_to_go, double *sec,
                      double *hard_sec)
{
    const struct gtp_clock_side *s = &c->side[color];
    double safe = fmax(s->left - lag_sec, 0.3 * s->left);
    double moves = moves_to_go > 10 ? moves_to_go : 10;

    *sec = *hard_sec = -1.0;
    if (c->kind == GTP_CLOCK_NONE)
        return;
    if (c->kind == GTP_CLOCK_ABSOLUTE) {
        *sec = safe / moves;
        *hard_sec = 0.5 * safe;
    } else if (c->kind == GTP_CLOCK_FISCHER) {
        double more = fmax(c->over_sec - lag_sec, 0.3 * c->over_sec);
        double most = fmax(c->most_move - lag_sec, 0.3 * c->most_move);

        *hard_sec = fmin(0.7 * safe, most);
        *sec = safe / moves + 0.8 * more;
    } else if (s->over == 0) { /* main time, and overtime behind it */
        double per_move = c->over_sec / (c->kind == GTP_CLOCK_CANADIAN ? c->over_n : 1);

        *sec = s->left / moves + 0.5 * fmax(per_move - lag_sec, 0.3 * per_move);
        *hard_sec = s->left + 0.8 * fmax(per_move - lag_sec, 0.3 * per_move);
    } else if (c->kind == GTP_CLOCK_CANADIAN) {
        *sec = 0.95 * safe / s->over;
        *hard_sec = s->over == 1 ? 0.95 * safe : 0.5 * safe;
    } else {
        *sec = 0.9 * safe;
        *hard_sec = 0.95 * safe;
    }
    *sec = fmin(*sec, *hard_sec);
}
