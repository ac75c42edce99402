/* gtp_sgf.c - games from SGF files and to them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gtp_engine.h"
#include "rules_text.h"
#include "tengen/file.h"
#include "tengen/report.h"

enum { MAX_FILE_BYTES = 16 << 20 };

/* ---- writing ----------------------------------------------------------------------------------------- */

static void put_point(FILE *out, const struct game *g, int action)
{
    if (action < g->n_points)
        fprintf(out, "[%c%c]", 'a' + action % g->size, 'a' + action / g->size);
    else
        fputs("[]", out); /* a pass */
}

static void put_stones(const struct gtp_engine *e, FILE *out, enum game_stone stone, const char *property)
{
    const struct game *g = player_game(e->player);

    for (int p = 0; p < g->n_points; p++)
        if (e->stones[p] == stone) {
            fputs(property, out);
            put_point(out, g, p);
            property = ""; /* one list */
        }
}

static void put_result(const struct gtp_engine *e, FILE *out)
{
    struct game_result r;

    if (!e->pos->over)
        return;
    game_score(player_game(e->player), e->pos, &r);
    if (r.winner == GAME_WON_BLACK || r.winner == GAME_WON_WHITE)
        fprintf(out, "RE[%c+", r.winner == GAME_WON_BLACK ? 'B' : 'W');
    else
        fprintf(out, "RE[%s", r.winner == GAME_DRAWN ? "0" : "Void");
    if (r.score != 0.0f && r.winner != GAME_NO_RESULT)
        fprintf(out, "%g", fabs((double)r.score));
    fputc(']', out);
}

static void put_game(const struct gtp_engine *e, FILE *out)
{
    const struct game *g = player_game(e->player);
    const struct game_setup *s = &e->setup;

    fprintf(out, "(;FF[4]GM[%d]CA[UTF-8]AP[Tengen]", g->kind == GAME_GO ? 1 : 4);
    if (s->width == s->height)
        fprintf(out, "SZ[%d]", s->width);
    else
        fprintf(out, "SZ[%d:%d]", s->width, s->height);
    if (g->kind == GAME_GO) {
        fprintf(out, "KM[%g]RU[", s->go.komi2 / 2.0);
        rules_text_write(&s->go, out);
        fputc(']', out);
    } else if (e->o.rules != NULL || s->gomoku.goal == 5) { /* a tiny board's own goal has no name */
        fprintf(out, "RU[%s]", e->o.rules != NULL ? e->o.rules : "freestyle");
    }
    if (s->handicap > 1)
        fprintf(out, "HA[%d]", s->handicap);
    put_result(e, out);
    put_stones(e, out, GAME_BLACK_STONE, "AB");
    put_stones(e, out, GAME_WHITE_STONE, "AW");
    if (e->to_move == GAME_WHITE)
        fputs("PL[W]", out);
    for (int i = 0; i < e->n_moves; i++) {
        fprintf(out, "%s;%c", i % 10 == 0 ? "\n" : "", e->moves[i].color == GAME_BLACK ? 'B' : 'W');
        put_point(out, g, e->moves[i].action);
    }
    fputs(")\n", out);
}

static void cmd_printsgf(struct gtp_engine *e, struct gtp_call *c)
{
    struct tg_error err = {0};
    char *text = NULL;
    size_t n;
    FILE *out;

    if (c->n == 0) {
        put_game(e, c->text);
        return;
    }
    out = open_memstream(&text, &n);
    if (out == NULL) {
        gtp_fail(c, "out of memory");
        return;
    }
    put_game(e, out);
    fclose(out);
    if (tg_file_replace(c->args[0], text, n, &err) != TG_OK)
        gtp_fail(c, "%s", err.text);
    free(text);
}

/* ---- reading ----------------------------------------------------------------------------------------- */

/* What loadsgf may have to give back. */
struct kept {
    struct game_setup setup;
    uint8_t stones[GAME_MAX_POINTS], to_move;
    struct gtp_move *moves; /* owned */
    int n_moves;
};

static bool keep(const struct gtp_engine *e, struct kept *k)
{
    k->setup = e->setup;
    memcpy(k->stones, e->stones, sizeof k->stones);
    k->to_move = e->to_move;
    k->n_moves = e->n_moves;
    k->moves = malloc(((size_t)e->n_moves + 1) * sizeof *k->moves);
    if (k->moves != NULL)
        memcpy(k->moves, e->moves, (size_t)e->n_moves * sizeof *k->moves);
    return k->moves != NULL;
}

static void restore(struct gtp_engine *e, const struct kept *k)
{
    int size = k->setup.width > k->setup.height ? k->setup.width : k->setup.height;

    player_resize(e->player, size, NULL);
    e->setup = k->setup;
    memcpy(e->stones, k->stones, sizeof e->stones);
    e->to_move = k->to_move;
    e->n_moves = k->n_moves;
    memcpy(e->moves, k->moves, (size_t)k->n_moves * sizeof *k->moves);
    gtp_replay(e);
}

/* A point or pass of a tensor of GAME_MAX_SIZE on ours. */
static int on_our_tensor(const struct game *g, int action)
{
    if (action >= GAME_MAX_POINTS)
        return g->n_points;
    return action / GAME_MAX_SIZE * g->size + action % GAME_MAX_SIZE;
}

/* Take the game up as it is before its move number `before` (from 1). Fails the call. */
static void adopt(struct gtp_engine *e, struct gtp_call *c, const struct sgf_game *sgf, int before)
{
    uint8_t stones[GAME_MAX_POINTS] = {0};
    const struct game *g;
    const char *why;

    if (!gtp_new_board(e, sgf->setup.width, sgf->setup.height, c))
        return;
    g = player_game(e->player);
    e->setup.go = sgf->setup.go;
    if (sgf->rules[0] != '\0')
        e->setup.gomoku = sgf->setup.gomoku;
    for (int p = 0; p < GAME_MAX_POINTS; p++)
        if (sgf->stones[p] != GAME_EMPTY)
            stones[on_our_tensor(g, p)] = sgf->stones[p];
    if (!gtp_set_up(e, stones, (enum game_color)sgf->to_move, sgf->setup.handicap, c))
        return;
    for (int i = 0; i < sgf->n_moves && i + 1 < before; i++)
        if (!gtp_play(e, (enum game_color)sgf->colors[i], on_our_tensor(g, sgf->moves[i]), &why)) {
            gtp_fail(c, "move %d of %s: %s", i + 1, c->args[0], why);
            return;
        }
}

static void load(struct gtp_engine *e, struct gtp_call *c, const char *text, size_t n, int before)
{
    struct sgf_game *games = NULL;
    struct game largest;
    struct tg_error err = {0};
    struct kept kept;
    int n_games = 0;

    if (game_init(&largest, player_game(e->player)->kind, GAME_MAX_SIZE, 0, &err) != TG_OK ||
        sgf_read(text, n, c->args[0], &largest, &games, &n_games, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return;
    }
    if (n_games == 0)
        gtp_fail(c, "%s holds no game", c->args[0]);
    else if (!keep(e, &kept))
        gtp_fail(c, "out of memory");
    else {
        if (games[0].n_variations > 0)
            tg_log(e->log, TG_LOG_WARN, "%s: %d variations left out", c->args[0], games[0].n_variations);
        adopt(e, c, &games[0], before);
        if (c->failed)
            restore(e, &kept);
        free(kept.moves);
    }
    sgf_free(games, n_games);
}

static void cmd_loadsgf(struct gtp_engine *e, struct gtp_call *c)
{
    struct tg_error err = {0};
    char *text;
    size_t n;
    int before = INT32_MAX;

    if (c->n == 2 && !gtp_read_int(c->args[1], 1, INT32_MAX, &before)) {
        gtp_fail(c, "a move number is wanted");
        return;
    }
    if (tg_file_read(c->args[0], MAX_FILE_BYTES, &text, &n, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return;
    }
    load(e, c, text, n, before);
    free(text);
}

const struct gtp_command gtp_sgf_commands[] = {
    {"loadsgf", 1, 2, cmd_loadsgf},
    {"printsgf", 0, 1, cmd_printsgf},
    {NULL, 0, 0, NULL},
};
