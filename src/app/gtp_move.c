/* gtp_move.c - the engine's own moves and the time they may take. */
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

/* Think of a move of color; the answer's text if there is none to make. */
static bool find_move(struct gtp_engine *e, struct gtp_call *c, enum game_color color, int *action)
{
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
    if (player_think(e->player, e->spare, &limits, NULL, &err) != TG_OK) {
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

static void cmd_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    double began = tg_now();
    enum game_color color;
    const char *why;
    int action;

    if (!moves_color(c->args[0], &color)) {
        gtp_fail(c, "invalid color");
        return;
    }
    bool over = e->pos->over; /* then a pass is answered and nothing is played */
    if (!find_move(e, c, color, &action))
        return;
    if (!over && !gtp_play(e, color, action, &why)) {
        gtp_fail(c, "%s", why);
        return;
    }
    print_vertex(e, c, action);
    gtp_clock_spent(&e->clock, color, tg_now() - began);
}

static void cmd_reg_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    enum game_color color;
    int action;

    if (!moves_color(c->args[0], &color))
        gtp_fail(c, "invalid color");
    else if (find_move(e, c, color, &action))
        print_vertex(e, c, action);
}

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

static void cmd_kgs_time_settings(struct gtp_engine *e, struct gtp_call *c)
{
    static const struct {
        const char *name;
        int n_numbers;
        enum gtp_clock_kind kind;
    } kinds[] = {{"none", 0, GTP_CLOCK_NONE},
                 {"absolute", 1, GTP_CLOCK_ABSOLUTE},
                 {"byoyomi", 3, GTP_CLOCK_BYOYOMI},
                 {"canadian", 3, GTP_CLOCK_CANADIAN}};

    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        double number[3] = {0};
        bool good = c->n - 1 == kinds[k].n_numbers;

        if (strcasecmp(c->args[0], kinds[k].name) != 0)
            continue;
        for (int i = 1; i < c->n && good; i++)
            good = gtp_read_number(c->args[i], &number[i - 1]) && number[i - 1] >= 0 &&
                   number[i - 1] < 1e8;
        if (good)
            gtp_clock_set(&e->clock, kinds[k].kind, number[0], number[1], (int)number[2]);
        else
            gtp_fail(c, "%s takes %d times", kinds[k].name, kinds[k].n_numbers);
        return;
    }
    gtp_fail(c, "none, absolute, byoyomi or canadian is wanted");
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
    {"reg_genmove", 1, 1, cmd_reg_genmove},
    {"time_settings", 3, 3, cmd_time_settings},
    {"kgs-time_settings", 1, 4, cmd_kgs_time_settings},
    {"time_left", 3, 3, cmd_time_left},
    {NULL, 0, 0, NULL},
};
