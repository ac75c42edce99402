/* inspect.c - tengen inspect: what a shard or a network holds; runs are in inspect_run.c. */
#include "inspect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tengen/nn.h"
#include "tengen/replay.h"
#include "tengen/report.h"

/* ---- a shard ------------------------------------------------------------------------------------ */

struct tally { int64_t black, white, drawn, none, resigned, openings; };

static enum tg_status count_games(const char *path, struct tally *t, struct tg_error *err)
{
    struct record_finished *games;
    int64_t n;

    TRY(replay_shard_games(path, &games, &n, err));
    for (int64_t i = 0; i < n; i++) {
        const struct record_game *g = &games[i].game;

        t->black += g->winner == GAME_WON_BLACK;
        t->white += g->winner == GAME_WON_WHITE;
        t->drawn += g->winner == GAME_DRAWN;
        t->none += g->winner == GAME_NO_RESULT;
        t->resigned += g->resigned;
        t->openings += g->n_opening;
        record_finished_free(&games[i]);
    }
    free(games);
    return TG_OK;
}

static void print_shard(const struct inspect *o, const struct replay_shard_info *s,
                        const struct game *game, const struct tally *t)
{
    if (o->json) {
        printf("{\"kind\":\"shard\",\"file\":");
        report_json_text(stdout, o->path);
        printf(",\"game\":\"%s\",\"size\":%d,\"number\":%" PRId64 ",\"iteration\":%" PRId64
               ",\"rows\":%" PRId64 ",\"games\":%" PRId64 ",\"moves\":%" PRId64 ",\"bytes\":%" PRIu64
               ",\"hash\":\"%016" PRIx64 "\",\"black_wins\":%" PRId64 ",\"white_wins\":%" PRId64
               ",\"draws\":%" PRId64 ",\"no_results\":%" PRId64 ",\"resigned\":%" PRId64
               ",\"verified\":%s}\n",
               game_kind_name(game->kind), game->size, s->number, s->iteration, s->n_rows, s->n_games,
               s->n_moves, s->n_bytes, s->hash, t->black, t->white, t->drawn, t->none, t->resigned,
               o->verify ? "true" : "false");
        return;
    }
    printf("%s: shard %" PRId64 ", made in iteration %" PRId64 ", %s on boards up to %dx%d\n", o->path,
           s->number, s->iteration + 1, game_kind_name(game->kind), game->size, game->size);
    printf("  rows    %" PRId64 " in %" PRIu64 " bytes (%.1f bytes a row)\n", s->n_rows, s->n_bytes,
           s->n_rows > 0 ? (double)s->n_bytes / (double)s->n_rows : 0.0);
    printf("  games   %" PRId64 ", %" PRId64 " moves (%.1f a game, %.1f of them random openings)\n",
           s->n_games, s->n_moves, s->n_games > 0 ? (double)s->n_moves / (double)s->n_games : 0.0,
           s->n_games > 0 ? (double)t->openings / (double)s->n_games : 0.0);
    printf("  results Black %" PRId64 ", White %" PRId64 ", drawn %" PRId64 ", without result %" PRId64
           "; %" PRId64 " resigned\n", t->black, t->white, t->drawn, t->none, t->resigned);
    printf("  hash    %016" PRIx64 "%s\n", s->hash,
           o->verify ? "; every chunk, row and game was read again and is sound" : "");
}

static enum tg_status inspect_shard(const struct inspect *o, struct tg_error *err)
{
    struct replay_shard_info info;
    struct record_layout layout;
    struct game game;
    struct tally tally = {0};

    TRY(replay_shard_stat(o->path, &info, err));
    TRY(replay_shard_game(o->path, &game, err));
    TRY(count_games(o->path, &tally, err));
    if (o->verify) {
        record_layout_init(&layout, &game);
        TRY(replay_shard_verify(o->path, &layout, err));
    }
    print_shard(o, &info, &game, &tally);
    return TG_OK;
}

/* ---- a network ---------------------------------------------------------------------------------- */

static void print_net(const struct inspect *o, const struct nn_model *m)
{
    char text[200];

    nn_arch_describe(&m->arch, m->size, text, sizeof text);
    if (o->json) {
        printf("{\"kind\":\"network\",\"file\":");
        report_json_text(stdout, o->path);
        printf(",\"name\":");
        report_json_text(stdout, m->name);
        printf(",\"game\":\"%s\",\"size\":%d,\"history\":%d,\"arch\":", game_kind_name(m->game), m->size,
               m->history);
        report_json_text(stdout, m->arch.name);
        printf(",\"describe\":");
        report_json_text(stdout, text);
        printf(",\"blocks\":%d,\"channels\":%d,\"parameters\":%zu,\"tensors\":%d,\"step\":%" PRId64
               ",\"rows\":%" PRId64 ",\"katago_version\":%d,\"hash\":\"%016" PRIx64 "\"}\n",
               m->arch.n_blocks, m->arch.trunk, m->layout.n_params, m->layout.n_tensors, m->step,
               m->n_rows, m->arch.source_version, m->hash);
        return;
    }
    printf("%s: network \"%s\"\n", o->path, m->name);
    printf("  shape   %s\n", text);
    printf("  inputs  %s: %d planes, %d globals", game_kind_name(m->game), m->arch.n_planes,
           m->arch.n_globals);
    if (m->game == GAME_GOMOKU)
        printf(" (history %d)", m->history);
    printf("; trained for boards up to %dx%d\n", m->size, m->size);
    if (m->arch.source_version > 0)
        printf("  source  KataGo's format, version %d\n", m->arch.source_version);
    printf("  trained %" PRId64 " steps, %" PRId64 " rows\n", m->step, m->n_rows);
    printf("  hash    %016" PRIx64 " of %zu parameters in %d tensors\n", m->hash, m->layout.n_params,
           m->layout.n_tensors);
}

static enum tg_status inspect_net(const struct inspect *o, struct app *app, struct tg_error *err)
{
    struct nn_model m = {0};

    TRY(nn_model_load(o->path, &m, &app->log, err));
    print_net(o, &m);
    nn_model_close(&m);
    return TG_OK;
}

/* ---- which it is -------------------------------------------------------------------------------- */

static enum tg_status inspect_file(const struct inspect *o, struct app *app, struct tg_error *err)
{
    static const char hdf5[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char first[8] = "";
    FILE *f = fopen(o->path, "rb");
    size_t n = f != NULL ? fread(first, 1, sizeof first, f) : 0;
    const char *dot = strrchr(o->path, '.');

    if (f != NULL)
        fclose(f);
    if (memcmp(first, hdf5, sizeof hdf5) == 0 || (dot != NULL && strcmp(dot, ".h5") == 0))
        return inspect_shard(o, err);
    if (n == sizeof first && memcmp(first, "TGCKPT", 6) == 0)
        return FAIL(err, TG_EINVAL, "%s is a checkpoint: tengen inspect --verify on its run's directory "
                    "checks it", o->path);
    return inspect_net(o, app, err);
}

enum tg_status app_inspect(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct inspect o = {0};
    struct stat st;
    const struct app_arg args[] = {
        {NULL, APP_ARG_TEXT, &o.path},
        {"--json", APP_ARG_FLAG, &o.json},
        {"--verify", APP_ARG_FLAG, &o.verify},
    };

    TRY(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (o.path == NULL)
        return FAIL(err, TG_EINVAL, "inspect: what? tengen inspect FILE|RUN (see tengen help inspect)");
    if (stat(o.path, &st) != 0)
        return FAIL(err, TG_ENOTFOUND, "%s: there is no such file or directory", o.path);
    return S_ISDIR(st.st_mode) ? inspect_run(&o, app, err) : inspect_file(&o, app, err);
}
