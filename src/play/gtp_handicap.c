/* gtp_handicap.c - black stones before the first move. */
#include <stdlib.h>
#include <string.h>

#include "gtp_engine.h"

/* The nine star points in the order in which handicap stones take them, as columns and rows of a
 * three by three grid: 0 near, 1 middle, 2 far. Odd counts above four take the centre. */
static const uint8_t order[8][2] = {{0, 2}, {2, 0}, {0, 0}, {2, 2}, {0, 1}, {2, 1}, {1, 2}, {1, 0}};

static int star(int side, int which)
{
    int line = side >= 13 ? 3 : 2;

    return which == 0 ? line : which == 1 ? side / 2 : side - 1 - line;
}

/* How many stones have fixed places. */
static int most_fixed(const struct game_setup *s)
{
    int least = s->width < s->height ? s->width : s->height;

    if (least < 7)
        return 0;
    return least == 7 || s->width % 2 == 0 || s->height % 2 == 0 ? 4 : 9;
}

static void put(const struct game *g, uint8_t *stones, int x, int y)
{
    stones[y * g->size + x] = GAME_BLACK_STONE;
}

static void place_fixed(const struct game *g, const struct game_setup *s, int n, uint8_t *stones)
{
    int on_stars = n >= 5 && n % 2 == 1 ? n - 1 : n;

    for (int i = 0; i < on_stars; i++)
        put(g, stones, star(s->width, order[i][0]), star(s->height, order[i][1]));
    if (on_stars < n)
        put(g, stones, star(s->width, 1), star(s->height, 1));
}

/* How good a place for one more stone is: far from other stones, not on the edge. */
static int distance(const struct game *g, const struct game_setup *s, const uint8_t *stones, int x,
                    int y)
{
    int nearest = 1000, edge = x < y ? x : y;

    for (int p = 0; p < g->n_points; p++)
        if (stones[p] != GAME_EMPTY) {
            int dx = p % g->size - x, dy = p / g->size - y;

            if (dx * dx + dy * dy < nearest)
                nearest = dx * dx + dy * dy;
        }
    if (s->width - 1 - x < edge)
        edge = s->width - 1 - x;
    if (s->height - 1 - y < edge)
        edge = s->height - 1 - y;
    return nearest == 0 ? -1 : 4 * nearest + (edge >= 2 ? 12 : 6 * edge);
}

static void place_free(const struct game *g, const struct game_setup *s, int n, uint8_t *stones)
{
    int fixed = n < most_fixed(s) ? n : most_fixed(s);

    place_fixed(g, s, fixed, stones);
    for (int i = fixed; i < n; i++) {
        int best = -1, at = 0;

        for (int y = 0; y < s->height; y++)
            for (int x = 0; x < s->width; x++) {
                int d = distance(g, s, stones, x, y);

                if (d > best) {
                    best = d;
                    at = y * g->size + x;
                }
            }
        stones[at] = GAME_BLACK_STONE;
    }
}

static bool may_place(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);

    if (g->kind != GAME_GO)
        gtp_fail(c, "Gomoku knows no handicap stones");
    else if (e->n_moves > 0)
        gtp_fail(c, "board not empty");
    else
        for (int p = 0; p < g->n_points && !c->failed; p++)
            if (e->stones[p] != GAME_EMPTY)
                gtp_fail(c, "board not empty");
    return !c->failed;
}

static void adopt(struct gtp_engine *e, struct gtp_call *c, int n, const uint8_t *stones)
{
    const char *before = "";

    if (!gtp_set_up(e, stones, GAME_WHITE, n, c))
        return;
    for (int p = 0; p < player_game(e->player)->n_points; p++) {
        char name[GAME_VERTEX_CHARS];

        if (stones[p] == GAME_EMPTY)
            continue;
        game_vertex_name(player_game(e->player), e->pos, p, name);
        fprintf(c->text, "%s%s", before, name);
        before = " ";
    }
}

static void cmd_fixed_handicap(struct gtp_engine *e, struct gtp_call *c)
{
    uint8_t stones[GAME_MAX_POINTS] = {0};
    int n;

    if (!may_place(e, c))
        return;
    if (!gtp_read_int(c->args[0], 2, most_fixed(&e->setup), &n)) {
        gtp_fail(c, "invalid number of stones");
        return;
    }
    place_fixed(player_game(e->player), &e->setup, n, stones);
    adopt(e, c, n, stones);
}

static void cmd_place_free_handicap(struct gtp_engine *e, struct gtp_call *c)
{
    uint8_t stones[GAME_MAX_POINTS] = {0};
    int n, most = e->setup.width * e->setup.height / 4;

    if (!may_place(e, c))
        return;
    if (!gtp_read_int(c->args[0], 2, 1000000, &n)) {
        gtp_fail(c, "invalid number of stones");
        return;
    }
    n = n < most ? n : most; /* fewer than asked for are allowed */
    if (n < 2) {
        gtp_fail(c, "no room for handicap stones");
        return;
    }
    place_free(player_game(e->player), &e->setup, n, stones);
    adopt(e, c, n, stones);
}

static void cmd_set_free_handicap(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    uint8_t stones[GAME_MAX_POINTS] = {0};

    if (!may_place(e, c))
        return;
    for (int i = 0; i < c->n; i++) {
        int action = game_vertex_parse(g, e->pos, c->args[i]);

        if (action < 0 || action >= g->n_points || stones[action] != GAME_EMPTY) {
            gtp_fail(c, "bad vertex list");
            return;
        }
        stones[action] = GAME_BLACK_STONE;
    }
    gtp_set_up(e, stones, GAME_WHITE, c->n > 255 ? 255 : c->n, c);
}

const struct gtp_command gtp_handicap_commands[] = {
    {"fixed_handicap", 1, 1, cmd_fixed_handicap},
    {"place_free_handicap", 1, 1, cmd_place_free_handicap},
    {"set_free_handicap", 2, -1, cmd_set_free_handicap},
    {NULL, 0, 0, NULL},
};
