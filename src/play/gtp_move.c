/* gtp_move.c - the engine's own moves and the time they may take. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"
#include "tengen/file.h"

/* Moves that a side has still to make: a guess that ends at a tenth of the board. */
static int moves_to_go(const struct gtp_engine *e)
{
    int area = e->setup.width * e->setup.height;
    int left = (3 * area / 4 - e->pos->ply) / 2;

    return left > area / 10 ? left : area / 10;
}

struct player_limits gtp_limits(const struct gtp_engine *e, enum game_color color)
{
    struct player_limits limits = {.visits = e->o.visits};

    gtp_clock_budget(&e->clock, color, moves_to_go(e), &limits.sec, &limits.hard_sec);
    if (e->o.sec >= 0.0 && (limits.sec < 0.0 || e->o.sec < limits.sec)) {
        double safe = e->o.sec > 0.3 ? e->o.sec - 0.1 : 0.66 * e->o.sec; /* as the clock's lag */

        limits.sec = limits.sec >= 0.0 && limits.sec < safe ? limits.sec : safe;
        if (limits.hard_sec < 0.0 || limits.hard_sec > safe)
            limits.hard_sec = safe;
    }
    return limits;
}

static bool input_waits(void *ctx)
{
    struct gtp_engine *e = ctx;

    return e->waiting != NULL && e->waiting(e->waiting_ctx);
}

/* Think of a move of color; the answer's text if there is none to make. cancellable: the next line of
 * input ends the thinking. */
static bool find_move(struct gtp_engine *e, struct gtp_call *c, enum game_color color, bool cancellable,
                      int *action)
{
    struct player_watch watch = {.ctx = e, .interrupted = cancellable ? input_waits : NULL};
    const struct game *g = player_game(e->player);
    struct tg_error err = {0};

    if (e->pos->over && g->kind != GAME_GO) {
        gtp_fail(c, "the game is over");
        return false;
    }
    if (e->pos->over) {
        *action = g->n_points;
        return true;
    }
    struct player_limits limits = gtp_limits(e, color);
    game_copy(g, e->spare, e->pos);
    moves_turn(e->spare, color);
    if (player_think(e->player, e->spare, &limits, &watch, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return false;
    }
    *action = player_choose(e->player, e->spare);
    return true;
}

static void print_vertex(const struct gtp_engine *e, struct gtp_call *c, int action)
{
    char name[GAME_VERTEX_CHARS];

    game_vertex_name(player_game(e->player), e->pos, action, name);
    fputs(name, c->text);
}

/* What the search found, to the log: standard output is the protocol's alone. */
static void log_search(struct gtp_engine *e)
{
    struct search_result r;
    int16_t pv[12];
    char line[GAME_VERTEX_CHARS * 12 + 1] = "", name[GAME_VERTEX_CHARS];

    if (!player_has_net(e->player))
        return;
    search_result(player_search(e->player), &r);
    int n = search_pv(player_search(e->player), pv, 12);
    for (int i = 0; i < n; i++) {
        game_vertex_name(player_game(e->player), e->spare, pv[i], name);
        strcat(strcat(line, " "), name);
    }
    tg_log(e->log, TG_LOG_INFO, "%d visits, %lld evaluated, depth %d, win %.3f, lead %.1f, line%s", r.visits,
           (long long)r.n_evaluated, r.max_depth, (double)r.win, (double)r.lead, line);
}

enum { PLAYS = 1, DEBUGS = 2, CANCELLABLE = 4 };

static void run_move(struct gtp_engine *e, struct gtp_call *c, int flags)
{
    double began = tg_now();
    enum game_color color = (enum game_color)e->pos->to_move;
    const char *why;
    int action;

    if (c->n > 0 && !moves_color(c->args[0], &color)) {
        gtp_fail(c, "invalid color");
        return;
    }
    bool over = e->pos->over; /* then a pass is answered and nothing is played */
    if (!find_move(e, c, color, (flags & CANCELLABLE) != 0, &action))
        return;
    if ((flags & DEBUGS) != 0 && !over)
        log_search(e);
    if ((flags & PLAYS) != 0 && !over && !gtp_play(e, color, action, &why)) {
        gtp_fail(c, "%s", why);
        return;
    }
    print_vertex(e, c, action);
    if ((flags & PLAYS) != 0)
        gtp_clock_spent(&e->clock, color, tg_now() - began);
}

static void cmd_genmove(struct gtp_engine *e, struct gtp_call *c) { run_move(e, c, PLAYS); }
static void cmd_genmove_debug(struct gtp_engine *e, struct gtp_call *c) { run_move(e, c, PLAYS | DEBUGS); }
static void cmd_search(struct gtp_engine *e, struct gtp_call *c) { run_move(e, c, 0); }
static void cmd_search_debug(struct gtp_engine *e, struct gtp_call *c) { run_move(e, c, DEBUGS); }
static void cmd_search_cancellable(struct gtp_engine *e, struct gtp_call *c) { run_move(e, c, CANCELLABLE); }

/* main time, overtime, stones; overtime without stones is no limit at all. */
static void cmd_time_settings(struct gtp_engine *e, struct gtp_call *c)
{
    double main_sec, over_sec;
    int stones;

    if (!gtp_read_number(c->args[0], &main_sec) || !gtp_read_number(c->args[1], &over_sec) ||
        !gtp_read_int(c->args[2], 0, 100000, &stones) || main_sec < 0 || over_sec < 0)
        gtp_fail(c, "main time, overtime and stones are wanted");
    else
        gtp_clock_set(&e->clock, over_sec > 0 ? GTP_CLOCK_CANADIAN : GTP_CLOCK_ABSOLUTE, main_sec,
                      over_sec, stones);
}

static const struct time_kind {
    const char *name;
    int n_numbers;
    enum gtp_clock_kind kind;
} time_kinds[] = {{"none", 0, GTP_CLOCK_NONE},         {"absolute", 1, GTP_CLOCK_ABSOLUTE},
                  {"byoyomi", 3, GTP_CLOCK_BYOYOMI},   {"canadian", 3, GTP_CLOCK_CANADIAN},
                  {"fischer", 2, GTP_CLOCK_FISCHER},   {"fischer-capped", 4, GTP_CLOCK_FISCHER}};
enum { N_TIME_KINDS = sizeof time_kinds / sizeof *time_kinds, N_KGS_KINDS = 4, TIME_NUMBERS = 4 };

/* The caps of fischer-capped may be negative: none. */
static bool read_times(const struct gtp_call *c, const struct time_kind *kind, double *number)
{
    bool good = c->n - 1 == kind->n_numbers;

    for (int i = 1; i < c->n && good; i++)
        good = gtp_read_number(c->args[i], &number[i - 1]) && (number[i - 1] >= 0 || i > 2) &&
               fabs(number[i - 1]) < 1e8;
    return good && (kind->kind == GTP_CLOCK_FISCHER || number[2] >= 0);
}

static void set_time(struct gtp_engine *e, struct gtp_call *c, int n_kinds)
{
    for (int k = 0; k < n_kinds; k++) {
        double number[TIME_NUMBERS] = {0, 0, -1, -1};
        const struct time_kind *kind = &time_kinds[k];

        if (strcasecmp(c->args[0], kind->name) != 0)
            continue;
        if (kind->n_numbers < 3 && kind->kind != GTP_CLOCK_FISCHER)
            number[2] = 0;
        if (!read_times(c, kind, number))
            gtp_fail(c, "%s takes %d times", kind->name, kind->n_numbers);
        else if (kind->kind == GTP_CLOCK_FISCHER)
            gtp_clock_set_fischer(&e->clock, number[0], number[1], number[2], number[3]);
        else
            gtp_clock_set(&e->clock, kind->kind, number[0], number[1], (int)number[2]);
        return;
    }
    gtp_fail(c, "unknown kind of time settings: kata-list_time_settings has those that are wanted");
}

static void cmd_kgs_time_settings(struct gtp_engine *e, struct gtp_call *c) { set_time(e, c, N_KGS_KINDS); }
static void cmd_kata_time_settings(struct gtp_engine *e, struct gtp_call *c) { set_time(e, c, N_TIME_KINDS); }

static void cmd_list_time_settings(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    for (int k = 0; k < N_TIME_KINDS; k++)
        fprintf(c->text, "%s%s", k > 0 ? " " : "", time_kinds[k].name);
}

static void cmd_print_time(struct gtp_engine *e, struct gtp_call *c)
{
    static const char *const names[] = {"none", "absolute", "canadian", "byoyomi", "fischer"};

    fprintf(c->text, "%s", names[e->clock.kind]);
    for (int color = 0; color < 2 && e->clock.kind != GTP_CLOCK_NONE; color++)
        fprintf(c->text, "\n%s: %.3f s, overtime %d of %d, %.3f s", color == GAME_BLACK ? "black" : "white",
                e->clock.side[color].left, e->clock.side[color].over, e->clock.over_n, e->clock.over_sec);
}

static void cmd_time_left(struct gtp_engine *e, struct gtp_call *c)
{
    enum game_color color;
    double left;
    int over;

    if (!moves_color(c->args[0], &color) || !gtp_read_number(c->args[1], &left) ||
        !gtp_read_int(c->args[2], 0, 100000, &over))
        gtp_fail(c, "color, time and stones are wanted");
    else
        gtp_clock_told(&e->clock, color, left, over);
}

const struct gtp_command gtp_move_commands[] = {
    {"genmove", 1, 1, cmd_genmove},
    {"genmove_debug", 1, 1, cmd_genmove_debug},
    {"reg_genmove", 1, 1, cmd_search},
    {"kata-search", 0, 1, cmd_search},
    {"kata-search_debug", 0, 1, cmd_search_debug},
    {"kata-search_cancellable", 0, 1, cmd_search_cancellable},
    {"time_settings", 3, 3, cmd_time_settings},
    {"kgs-time_settings", 1, 4, cmd_kgs_time_settings},
    {"kata-time_settings", 1, 5, cmd_kata_time_settings},
    {"kata-list_time_settings", 0, 0, cmd_list_time_settings},
    {"kata-debug-print-tc", 0, 0, cmd_print_time},
    {"time_left", 3, 3, cmd_time_left},
    {NULL, 0, 0, NULL},
};
