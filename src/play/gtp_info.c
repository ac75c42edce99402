/* gtp_info.c - questions about the engine itself, and what is not about a game. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gtp_engine.h"
#include "tengen/file.h"

enum { BENCHMARK_POSITIONS = 5, BENCHMARK_PLIES = 20 };

static void cmd_clear_cache(struct gtp_engine *e, struct gtp_call *c)
{
    (void)c;
    player_forget(e->player);
}

static void put_json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void cmd_get_models(struct gtp_engine *e, struct gtp_call *c)
{
    fputc('[', c->text);
    if (player_has_net(e->player)) {
        fputs("{\"name\":", c->text);
        put_json_text(c->text, e->o.player.net);
        fputs(",\"internalName\":", c->text);
        put_json_text(c->text, player_net_name(e->player));
        fputs(",\"usesHumanSLProfile\":false}", c->text);
    }
    fputc(']', c->text);
}

/* Processor seconds of this program so far. */
static void cmd_cputime(struct gtp_engine *e, struct gtp_call *c)
{
    struct timespec t;

    (void)e;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    fprintf(c->text, "%.6f", (double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

static void cmd_debug_moves(struct gtp_engine *e, struct gtp_call *c)
{
    char name[GAME_VERTEX_CHARS];

    for (int i = 0; i < e->n_moves; i++) {
        game_vertex_name(player_game(e->player), e->pos, e->moves[i].action, name);
        fprintf(c->text, "%s%c %s", i > 0 ? " " : "", e->moves[i].color == GAME_BLACK ? 'B' : 'W', name);
    }
}

/* Searches along a game that the engine plays by itself on this board, the same each time. */
static void cmd_benchmark(struct gtp_engine *e, struct gtp_call *c)
{
    const struct game *g = player_game(e->player);
    struct player_limits limits = {.visits = 1, .sec = -1.0}, one = limits;
    struct tg_error err = {0};
    long visits = 0;
    double sec = 0;

    if (!gtp_read_int(c->args[0], 1, 1000000, &limits.visits)) {
        gtp_fail(c, "a number of visits is wanted");
        return;
    }
    if (!player_has_net(e->player)) {
        gtp_fail(c, "no network is loaded");
        return;
    }
    game_start(g, &e->setup, e->spare);
    for (int i = 0; i < BENCHMARK_POSITIONS && !e->spare->over; i++) {
        double began = tg_now();

        player_forget(e->player);
        if (player_think(e->player, e->spare, &limits, NULL, &err) != TG_OK)
            break;
        sec += tg_now() - began;
        visits += limits.visits;
        for (int k = 0; k < BENCHMARK_PLIES && !e->spare->over; k++) {
            if (player_think(e->player, e->spare, &one, NULL, &err) != TG_OK)
                break;
            game_play(g, e->spare, player_choose(e->player, e->spare));
        }
    }
    player_forget(e->player);
    if (err.text[0] != '\0')
        gtp_fail(c, "%s", err.text);
    else
        fprintf(c->text, "%ld visits in %.3f seconds, %.1f visits per second", visits, sec,
                (double)visits / (sec > 0 ? sec : 1e-9));
}

const struct gtp_command gtp_info_commands[] = {
    {"clear_cache", 0, 0, cmd_clear_cache},
    {"kata-get-models", 0, 0, cmd_get_models},
    {"cputime", 0, 0, cmd_cputime},
    {"gomill-cpu_time", 0, 0, cmd_cputime},
    {"debug_moves", 0, 0, cmd_debug_moves},
    {"kata-benchmark", 1, 1, cmd_benchmark},
    {NULL, 0, 0, NULL},
};
