/* gomocup.c - tengen gomocup. */
#include <string.h>
#include <time.h>

#include "app.h"
#include "tengen/play.h"

enum tg_status app_gomocup(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *net = NULL, *rules = NULL, *backend = "cpu";
    int64_t visits = 0, threads = 0, seed = -1;
    const struct app_arg args[] = {
        {"--net", APP_ARG_TEXT, &net},        {"--rules", APP_ARG_TEXT, &rules},
        {"--visits", APP_ARG_INT, &visits},   {"--threads", APP_ARG_INT, &threads},
        {"--backend", APP_ARG_TEXT, &backend}, {"--seed", APP_ARG_INT, &seed},
    };
    struct gomocup_options o = {.version = app_build() + strlen("tengen ")};
    struct gomocup_engine *e;
    struct timespec now;

    TRY(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (visits < 0 || visits > 10000000)
        return FAIL(err, TG_EINVAL, "--visits %lld: not in 0..10000000", (long long)visits);
    if (threads < 0 || threads > 256)
        return FAIL(err, TG_EINVAL, "--threads %lld: not in 0..256", (long long)threads);
    clock_gettime(CLOCK_REALTIME, &now);
    o.player.net = net;
    o.player.backend = backend;
    o.player.threads = threads > 0 ? (int)threads : app_threads(1);
    o.player.seed = seed >= 0 ? (uint64_t)seed : (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 32;
    o.rules = rules;
    o.visits = (int)visits;
    TRY(gomocup_open(&o, &app->log, &e, err));
    enum tg_status rc = gomocup_serve(e, err);
    gomocup_close(e);
    return rc;
}
