/* analyze.c - tengen analyze. */
#include <string.h>

#include "app.h"
#include "tengen/play.h"
#include "tengen/script.h"

struct analyze_command {
    const char *net, *config, *view, *backend;
    struct app_list set;
    int64_t threads, visits, parallel, pv, cache_mb, tree_mb;
    double sec;
    bool quit;
};

static enum tg_status read_args(int argc, char **argv, struct analyze_command *c, struct tg_error *err)
{
    const struct app_arg args[] = {
        {"--net", APP_ARG_TEXT, &c->net},           {"--config", APP_ARG_TEXT, &c->config},
        {"--set", APP_ARG_LIST, &c->set},           {"--report-as", APP_ARG_TEXT, &c->view},
        {"--backend", APP_ARG_TEXT, &c->backend},   {"--threads", APP_ARG_INT, &c->threads},
        {"--visits", APP_ARG_INT, &c->visits},      {"--parallel", APP_ARG_INT, &c->parallel},
        {"--pv-length", APP_ARG_INT, &c->pv},       {"--cache", APP_ARG_INT, &c->cache_mb},
        {"--memory", APP_ARG_INT, &c->tree_mb},     {"--time", APP_ARG_NUMBER, &c->sec},
        {"--quit-without-waiting", APP_ARG_FLAG, &c->quit},
    };
    return app_args(argc, argv, args, sizeof args / sizeof *args, err);
}

static enum tg_status check_range(const char *name, int64_t value, int64_t low, int64_t high,
                                  struct tg_error *err)
{
    if (value < low || value > high)
        return FAIL(err, TG_EINVAL, "%s %lld: not in %lld..%lld", name, (long long)value, (long long)low,
                    (long long)high);
    return TG_OK;
}

static enum tg_status check(const struct analyze_command *c, struct tg_error *err)
{
    if (c->net == NULL)
        return FAIL(err, TG_EINVAL, "analyze: which network? --net FILE");
    TRY(check_range("--threads", c->threads, 0, 256, err));
    TRY(check_range("--visits", c->visits, 1, 1000000000, err));
    TRY(check_range("--parallel", c->parallel, 0, 256, err));
    TRY(check_range("--pv-length", c->pv, 1, 1000, err));
    TRY(check_range("--cache", c->cache_mb, 0, 1 << 20, err));
    return check_range("--memory", c->tree_mb, 1, 1 << 20, err);
}

/* The search of a run's config, played for strength: without noise. */
static enum tg_status configure(const struct analyze_command *c, struct search_settings *settings,
                                struct tg_error *err)
{
    struct run_options o;
    struct script *script;

    if (c->config == NULL)
        return c->set.n == 0 ? TG_OK : FAIL(err, TG_EINVAL, "--set needs a --config");
    TRY(script_open(c->config, c->set.texts, c->set.n, &script, err));
    enum tg_status rc = script_options(script, INT32_MAX, &o, err);
    script_close(script);
    if (rc == TG_OK)
        *settings = o.gate.match.settings.search;
    return rc;
}

enum tg_status app_analyze(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct analyze_options o;
    struct analyzer *a;

    analyze_defaults(&o);
    struct analyze_command c = {.view = "BLACK", .backend = o.backend, .visits = o.visits,
                                .pv = o.pv_moves, .sec = o.sec,
                                .cache_mb = (int64_t)(o.cache_bytes >> 20),
                                .tree_mb = (int64_t)(o.tree_bytes >> 20)};
    TRY(read_args(argc, argv, &c, err));
    TRY(check(&c, err));
    TRY(configure(&c, &o.settings, err));
    if (!analyze_view_parse(c.view, &o.view))
        return FAIL(err, TG_EINVAL, "--report-as %s: not BLACK, WHITE or SIDETOMOVE", c.view);
    o.net = c.net;
    o.backend = c.backend;
    o.threads = c.threads > 0 ? (int)c.threads : app_threads(1);
    o.parallel = (int)c.parallel;
    o.visits = (int)c.visits;
    o.sec = c.sec;
    o.pv_moves = (int)c.pv;
    o.cache_bytes = (size_t)c.cache_mb << 20;
    o.tree_bytes = (size_t)c.tree_mb << 20;
    o.version = app_build() + strlen("tengen ");
    TRY(analyze_open(&o, &app->log, stdout, &a, err));
    tg_log(&app->log, TG_LOG_INFO, "ready: %s, %d threads", c.net, o.threads);
    enum tg_status rc = analyze_serve(a, !c.quit, err);
    analyze_close(a);
    return rc;
}
