/* gtp.c - tengen gtp. */
#include <string.h>
#include <time.h>

#include "app.h"
#include "tengen/play.h"

enum tg_status app_gtp(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *net = NULL, *game = "go", *rules = NULL, *backend = "cpu";
    int64_t size = 0, visits = 200, threads = 0, seed = -1;
    double sec = -1.0;
    const struct app_arg args[] = {
        {"--net", APP_ARG_TEXT, &net},       {"--game", APP_ARG_TEXT, &game},
        {"--rules", APP_ARG_TEXT, &rules},   {"--size", APP_ARG_INT, &size},
        {"--visits", APP_ARG_INT, &visits},  {"--time", APP_ARG_NUMBER, &sec},
        {"--threads", APP_ARG_INT, &threads}, {"--backend", APP_ARG_TEXT, &backend},
        {"--seed", APP_ARG_INT, &seed},
    };
    struct gtp_options o = {.version = app_build() + strlen("tengen ")};
    struct gtp_engine *e;
    struct timespec now;

    TRY(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (!game_kind_parse(game, &o.player.kind))
        return FAIL(err, TG_EINVAL, "--game %s: not go or gomoku", game);
    if (size != 0 && (size < 2 || size > GAME_MAX_SIZE))
        return FAIL(err, TG_EINVAL, "--size %lld: not in 2..%d", (long long)size, GAME_MAX_SIZE);
    if (visits < 1 || visits > 10000000)
        return FAIL(err, TG_EINVAL, "--visits %lld: not in 1..10000000", (long long)visits);
    if (threads < 0 || threads > 256)
        return FAIL(err, TG_EINVAL, "--threads %lld: not in 0..256", (long long)threads);
    clock_gettime(CLOCK_REALTIME, &now);
    o.player.net = net;
    o.player.backend = backend;
    o.player.size = (int)size;
    o.player.threads = threads > 0 ? (int)threads : app_threads(1);
    o.player.seed = seed >= 0 ? (uint64_t)seed : (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 32;
    o.rules = rules;
    o.visits = (int)visits;
    o.sec = sec;
    TRY(gtp_open(&o, &app->log, &e, err));
    enum tg_status rc = gtp_serve(e, err);
    gtp_close(e);
    return rc;
}
