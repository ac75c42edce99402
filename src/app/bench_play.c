/* bench_play.c - tengen bench search, selfplay: games, and the time outside the network. */
#include "bench.h"
#include "tengen/file.h"
#include "tengen/selfplay.h"

static enum tg_status push_next(struct selfplay_pool *pool, struct selfplay_job *job,
                                struct tg_error *err)
{
    job->opening_key = (uint64_t)job->id;
    TRY(selfplay_push(pool, job, 1, err));
    job->id++;
    return TG_OK;
}

/* Keep a pool at `parallel` games until the seconds are over. */
static enum tg_status play(struct bench *b, int parallel, int max_plies, struct selfplay_stats *stats,
                           double *took, struct tg_error *err)
{
    struct selfplay_pool *pool;
    struct selfplay_pool_options options = {(int)b->threads, parallel, 1};
    struct selfplay_settings settings = {.max_plies = max_plies};
    struct selfplay_job job = {.seed = 1, .record = true, .settings = {&settings, &settings}};
    enum tg_status rc;
    bool idle = false;
    double start;

    search_default_settings(&settings.search);
    settings.search.visits = (int)b->visits;
    settings.search.noise_weight = 0.25f;
    settings.search.noise_total = 10.83f;
    settings.search.temp_early = settings.search.temp_late = 1;
    game_default_setup(&b->game, &job.setup);
    for (int c = 0; c < 2; c++)
        job.player[c] = (struct selfplay_player){RECORD_NETWORK, 0, 0, NULL};
    TRY(selfplay_open(&b->game, &options, &b->app->log, &pool, err));
    rc = selfplay_network(pool, 0, b->backend, b->cpu, &b->model.arch, err);
    start = tg_now();
    for (int i = 0; i < parallel && rc == TG_OK; i++)
        rc = push_next(pool, &job, err);
    while (rc == TG_OK && !idle && tg_now() - start < b->seconds) { /* games still open then are dropped */
        struct record_finished f;
        struct selfplay_job done;
        bool got;

        rc = selfplay_take(pool, 0.1, &f, &done, &got, &idle, err);
        if (rc != TG_OK || !got)
            continue;
        record_finished_free(&f);
        rc = push_next(pool, &job, err);
        idle = false;
    }
    *took = tg_now() - start;
    selfplay_stats_take(pool, stats);
    selfplay_close(pool);
    return rc;
}

static enum tg_status report(struct bench *b, int parallel, int max_plies, struct tg_error *err)
{
    struct selfplay_stats s;
    double took;
    char title[256];

    TRY(play(b, parallel, max_plies, &s, &took, err));
    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"games_per_sec", "games/s", (double)s.games / took},
        {"plies_per_sec", "plies/s", (double)s.plies / took},
        {"searches_per_sec", "searches/s", (double)s.searches / took},
        {"evals_per_sec", "evaluations/s", (double)s.evaluations / took},
        {"batch_rows", "rows a batch", (double)s.evaluations / (double)s.batches},
        {"outside_share", "of the busy time outside the network", s.busy_sec / (s.busy_sec + s.infer_sec)},
        {"outside_us_per_eval", "us outside the network an evaluation",
         1e6 * s.busy_sec / (double)s.evaluations},
    }, 7);
    return TG_OK;
}

enum tg_status bench_search(struct bench *b, struct tg_error *err) { return report(b, 1, 20, err); }

enum tg_status bench_selfplay(struct bench *b, struct tg_error *err)
{
    return report(b, (int)b->games, 0, err);
}
