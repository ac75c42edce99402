/* gtp_board.c - the board and what is on it: sizes, moves, undo, set-up, pictures of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"

/* ---- words --------------------------------------------------------------------------------------- */

bool gtp_read_int(const char *word, int low, int high, int *value)
{
    char *end;
    long n = strtol(word, &end, 10);

    if (end == word || *end != '\0' || n < low || n > high)
        return false;
    *value = (int)n;
    return true;
}

bool gtp_read_number(const char *word, double *value)
{
    char *end;

    *value = strtod(word, &end);
    return end != word && *end == '\0' && isfinite(*value);
}

/* ---- the game --------------------------------------------------------------------------------------- */

bool gtp_play(struct gtp_engine *e, enum game_color color, int action, const char **why)
{
    const struct game *g = player_game(e->player);
    bool in_turn = !e->pos->over && e->pos->to_move == color;

    if (e->n_moves == GTP_MAX_MOVES) {
        *why = "too many moves";
        return false;
    }
    game_copy(g, e->spare, e->pos);
    if (!moves_play(g, e->spare, color, action, false, why))
        return false;
    game_copy(g, e->pos, e->spare);
    e->moves[e->n_moves++] = (struct gtp_move){(int16_t)action, (uint8_t)color};
    if (in_turn)
        player_advance(e->player, action);
    else
        player_forget(e->player);
    return true;
}

bool gtp_replay(struct gtp_engine *e)
{
    const struct game *g = player_game(e->player);
    const char *why;
    bool any = e->to_move != GAME_BLACK;

    player_forget(e->player);
    if (game_setup_check(g, &e->setup, NULL) != TG_OK)
        return false;
    game_start(g, &e->setup, e->spare);
    for (int p = 0; p < g->n_points && !any; p++)
        any = e->stones[p] != GAME_EMPTY;
    if (any && game_set_stones(g, e->spare, e->stones, (enum game_color)e->to_move, NULL) != TG_OK)
        return false;
    for (int i = 0; i < e->n_moves; i++)
        if (!moves_play(g, e->spare, (enum game_color)e->moves[i].color, e->moves[i].action, false, &why))
            return false;
    game_copy(g, e->pos, e->spare);
    return true;
}

bool gtp_set_up(struct gtp_engine *e, const uint8_t *stones, enum game_color to_move, int handicap,
                struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    struct game_setup setup = e->setup;
    struct tg_error err = {0};

    setup.handicap = (uint8_t)handicap;
    if (game_setup_check(g, &setup, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return false;
    }
    game_start(g, &setup, e->spare);
    if (game_set_stones(g, e->spare, stones, to_move, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return false;
    }
    player_forget(e->player);
    game_copy(g, e->pos, e->spare);
    memcpy(e->stones, stones, sizeof e->stones);
    e->setup = setup;
    e->to_move = (uint8_t)to_move;
    e->n_moves = 0;
    return true;
}

static void clear(struct gtp_engine *e)
{
    memset(e->stones, GAME_EMPTY, sizeof e->stones);
    e->to_move = GAME_BLACK;
    e->n_moves = 0;
    e->setup.handicap = 0;
    player_forget(e->player);
    game_start(player_game(e->player), &e->setup, e->pos);
}

bool gtp_new_board(struct gtp_engine *e, int width, int height, struct gtp_call *c)
{
    struct game_setup setup = e->setup;
    int old = player_game(e->player)->size, size = width > height ? width : height;
    struct tg_error err = {0};
    enum tg_status rc = player_resize(e->player, size, &err);
    const struct game *g = player_game(e->player);

    if (rc == TG_OK && g->kind == GAME_GOMOKU) { /* a tiny board has another goal */
        game_default_setup(g, &setup);
        if (e->o.rules != NULL)
            rc = game_rules_parse(g, e->o.rules, &setup, &err);
    }
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    if (rc == TG_OK)
        rc = game_setup_check(g, &setup, &err);
    if (rc != TG_OK) {
        player_resize(e->player, old, NULL);
        gtp_fail(c, "unacceptable size: %s", err.text);
        return false;
    }
    e->setup = setup;
    clear(e);
    return true;
}

/* ---- commands --------------------------------------------------------------------------------------- */

static void cmd_boardsize(struct gtp_engine *e, struct gtp_call *c)
{
    int width, height;

    if (!gtp_read_int(c->args[0], 2, GAME_MAX_SIZE, &width) ||
        !gtp_read_int(c->args[c->n - 1], 2, GAME_MAX_SIZE, &height))
        gtp_fail(c, "unacceptable size");
    else
        gtp_new_board(e, width, height, c);
}

static void cmd_clear_board(struct gtp_engine *e, struct gtp_call *c)
{
    (void)c;
    clear(e);
}

static void cmd_komi(struct gtp_engine *e, struct gtp_call *c)
{
    struct game_setup old = e->setup;
    double komi;

    if (!gtp_read_number(c->args[0], &komi) || fabs(komi) > 1000) {
        gtp_fail(c, "komi must be a number");
        return;
    }
    if (2 * komi != floor(2 * komi)) {
        gtp_fail(c, "komi must be a multiple of 0.5");
        return;
    }
    if (player_game(e->player)->kind != GAME_GO)
        return; /* controllers send it to every engine */
    e->setup.go.komi2 = (int16_t)(2 * komi);
    if (gtp_replay(e))
        return;
    e->setup = old;
    gtp_replay(e);
    gtp_fail(c, "komi out of range");
}

static void cmd_get_komi(struct gtp_engine *e, struct gtp_call *c)
{
    fprintf(c->text, "%g", e->setup.go.komi2 / 2.0);
}

static void cmd_play(struct gtp_engine *e, struct gtp_call *c)
{
    enum game_color color;
    const char *why;

    if (!moves_color(c->args[0], &color)) {
        gtp_fail(c, "invalid color");
        return;
    }
    if (strcasecmp(c->args[1], "resign") == 0)
        return;
    int action = game_vertex_parse(player_game(e->player), e->pos, c->args[1]);
    if (action < 0)
        gtp_fail(c, "invalid vertex");
    else if (!gtp_play(e, color, action, &why))
        gtp_fail(c, "%s", why);
}

static void cmd_undo(struct gtp_engine *e, struct gtp_call *c)
{
    if (e->n_moves == 0) {
        gtp_fail(c, "cannot undo");
        return;
    }
    e->n_moves--;
    gtp_replay(e);
}

static void cmd_set_position(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    uint8_t stones[GAME_MAX_POINTS] = {0};
    enum game_color color;

    if (c->n % 2 != 0) {
        gtp_fail(c, "pairs of color and vertex are wanted");
        return;
    }
    for (int i = 0; i < c->n; i += 2) {
        int action = game_vertex_parse(g, e->pos, c->args[i + 1]);

        if (!moves_color(c->args[i], &color) || action < 0 || action >= g->n_points) {
            gtp_fail(c, "invalid stone: %s %s", c->args[i], c->args[i + 1]);
            return;
        }
        if (stones[action] != GAME_EMPTY) {
            gtp_fail(c, "two stones on %s", c->args[i + 1]);
            return;
        }
        stones[action] = (uint8_t)(color + GAME_BLACK_STONE);
    }
    gtp_set_up(e, stones, GAME_BLACK, 0, c);
}

static void cmd_showboard(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    char board[2048];

    game_draw(g, e->pos, board, sizeof board);
    fprintf(c->text, "\n%s", board);
    if (e->pos->over)
        fprintf(c->text, "The game is over");
    else
        fprintf(c->text, "%s to move", e->pos->to_move == GAME_BLACK ? "Black (X)" : "White (O)");
    fprintf(c->text, ", ply %d, captured %s %d by Black, %d by White", e->pos->ply,
            g->kind == GAME_GO ? "stones:" : "pairs:", e->pos->captures[0], e->pos->captures[1]);
    if (g->kind == GAME_GO)
        fprintf(c->text, ", komi %g", e->setup.go.komi2 / 2.0);
}

static void cmd_tg_legal(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    uint8_t legal[GAME_MAX_ACTIONS];
    char name[GAME_VERTEX_CHARS];
    enum game_color color;
    const char *before = "";

    if (!moves_color(c->args[0], &color)) {
        gtp_fail(c, "invalid color");
        return;
    }
    game_copy(g, e->spare, e->pos);
    moves_turn(e->spare, color);
    game_legal(g, e->spare, legal);
    for (int a = 0; a < g->n_actions; a++) {
        if (!legal[a])
            continue;
        game_vertex_name(g, e->spare, a, name);
        fprintf(c->text, "%s%s", before, name);
        before = " ";
    }
}

static void cmd_tg_state(struct gtp_engine *e, struct gtp_call *c)
{
    const char *winner = "none";

    if (e->pos->over)
        winner = e->pos->winner == GAME_WON_BLACK   ? "black"
                 : e->pos->winner == GAME_WON_WHITE ? "white"
                 : e->pos->winner == GAME_DRAWN     ? "draw"
                                                    : "none";
    fprintf(c->text, "{\"terminal\":%s,\"winner\":\"%s\",\"pairs\":[%d,%d],\"to_move\":\"%s\"}",
            e->pos->over ? "true" : "false", winner, e->pos->captures[0], e->pos->captures[1],
            e->pos->to_move == GAME_BLACK ? "black" : "white");
}

const struct gtp_command gtp_board_commands[] = {
    {"boardsize", 1, 2, cmd_boardsize},
    {"rectangular_boardsize", 2, 2, cmd_boardsize},
    {"clear_board", 0, 0, cmd_clear_board},
    {"komi", 1, 1, cmd_komi},
    {"get_komi", 0, 0, cmd_get_komi},
    {"play", 2, 2, cmd_play},
    {"undo", 0, 0, cmd_undo},
    {"set_position", 0, -1, cmd_set_position},
    {"showboard", 0, 0, cmd_showboard},
    {"tg-legal", 1, 1, cmd_tg_legal},
    {"tg-state", 0, 0, cmd_tg_state},
    {NULL, 0, 0, NULL},
};
