/* bench_play.c - tengen bench search, selfplay: games, the time outside the network, what a device is left without. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "tengen/file.h"
#include "tengen/selfplay.h"

static const double WARM_UP_LIMIT = 120; /* seconds */
enum { WARM_UP_BATCHES = 6 };            /* a device chooses its plans and records its graphs in the first */

/* One batch is filled while the device works on the other. */
static int groups_per_thread(const struct bench *b) { return b->device ? 2 : 1; }

/* A pool under way, and the next game to begin. */
struct playing {
    struct selfplay_pool *pool;
    struct selfplay_job job;
    int n_groups;
};

static enum tg_status push_next(struct playing *p, struct tg_error *err)
{
    p->job.opening_key = (uint64_t)p->job.id;
    TRY(selfplay_push(p->pool, &p->job, 1, err));
    p->job.id++;
    return TG_OK;
}

/* A new game for each that ends, until the seconds are over. */
static enum tg_status keep_playing(struct playing *p, double seconds, double *took, struct tg_error *err)
{
    double start = tg_now();
    bool idle = false;

    while (!idle && tg_now() - start < seconds) { /* games still open then are dropped */
        struct record_finished f;
        struct selfplay_job done;
        bool got;

        TRY(selfplay_take(p->pool, 0.1, &f, &done, &got, &idle, err));
        if (!got)
            continue;
        record_finished_free(&f);
        TRY(push_next(p, err));
        idle = false;
    }
    *took = tg_now() - start;
    return TG_OK;
}

static enum tg_status warm_up(struct playing *p, struct tg_error *err)
{
    double end = tg_now() + WARM_UP_LIMIT, took;
    int64_t n_batches = 0;

    while (n_batches < WARM_UP_BATCHES * p->n_groups && tg_now() < end) {
        struct selfplay_stats s;

        TRY(keep_playing(p, 0.1, &took, err));
        selfplay_stats_take(p->pool, &s);
        n_batches += s.batches;
    }
    return TG_OK;
}

static enum tg_status measure(struct bench *b, struct playing *p, int parallel, struct selfplay_stats *stats,
                              double *took, struct tg_error *err)
{
    TRY(selfplay_network(p->pool, 0, b->backend, b->nn, &b->model.arch, err));
    for (int i = 0; i < parallel; i++)
        TRY(push_next(p, err));
    if (b->device)
        TRY(warm_up(p, err));
    TRY(keep_playing(p, b->seconds, took, err));
    selfplay_stats_take(p->pool, stats);
    return TG_OK;
}

/* Keep a pool at `parallel` games for the benchmark's seconds. */
static enum tg_status play(struct bench *b, int parallel, int max_plies, struct selfplay_stats *stats,
                           double *took, struct tg_error *err)
{
    struct selfplay_pool_options options = {(int)b->threads, parallel, groups_per_thread(b)};
    struct selfplay_settings settings = {.max_plies = max_plies};
    struct playing p = {.job = {.seed = 1, .record = true, .settings = {&settings, &settings}},
                        .n_groups = options.threads * options.groups_per_thread};
    enum tg_status rc;

    p.job.id = (int64_t)comm_rank(b->app->world) << 32; /* other games than the other ranks */
    search_default_settings(&settings.search);
    settings.search.visits = (int)b->visits;
    settings.search.noise_weight = 0.25f;
    settings.search.noise_total = 10.83f;
    settings.search.temp_early = settings.search.temp_late = 1;
    game_default_setup(&b->game, &p.job.setup);
    for (int c = 0; c < 2; c++)
        p.job.player[c] = (struct selfplay_player){RECORD_NETWORK, 0, 0, NULL};
    TRY(selfplay_open(&b->game, &options, &b->app->log, &p.pool, err));
    rc = measure(b, &p, parallel, stats, took, err);
    selfplay_close(p.pool);
    return rc;
}

/* The share of its throughput, as batches of this size reach it without any game to wait for, that the
 * games left unused. */
static enum tg_status idle_share(struct bench *b, int parallel, double evals_per_sec, double *share,
                                 struct tg_error *err)
{
    int n_groups = (int)b->threads * groups_per_thread(b);
    double saturated;

    TRY(bench_saturate(b, (parallel + n_groups - 1) / n_groups, &saturated, err));
    *share = fmax(0, 1 - evals_per_sec / bench_sum(b, saturated));
    return TG_OK;
}

static enum tg_status report(struct bench *b, int parallel, int max_plies, struct tg_error *err)
{
    struct selfplay_stats s;
    double took = 0, idle = 0;
    char title[256];

    memset(&s, 0, sizeof s);
    if (b->device && parallel < (int)b->threads * groups_per_thread(b)) /* a batch each */
        parallel = (int)b->threads * groups_per_thread(b);
    comm_barrier(b->app->world);
    TRY(comm_agree(b->app->world, play(b, parallel, max_plies, &s, &took, err), err));
    double evals = bench_sum(b, (double)s.evaluations / took);

    if (b->device)
        TRY(idle_share(b, parallel, evals, &idle, err));
    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"games_per_sec", "games/s", bench_sum(b, (double)s.games / took)},
        {"plies_per_sec", "plies/s", bench_sum(b, (double)s.plies / took)},
        {"searches_per_sec", "searches/s", bench_sum(b, (double)s.searches / took)},
        {"evals_per_sec", "evaluations/s", evals},
        {"batch_rows", "rows a batch", (double)s.evaluations / (double)s.batches},
        {"outside_share", "of the busy time outside the network", s.busy_sec / (s.busy_sec + s.infer_sec)},
        {"outside_us_per_eval", "us outside the network an evaluation",
         1e6 * s.busy_sec / (double)s.evaluations},
        {"device_idle_share", "of the device's throughput with such batches was left unused", idle},
    }, b->device ? 8 : 7);
    return TG_OK;
}

enum tg_status bench_search(struct bench *b, struct tg_error *err) { return report(b, 1, 20, err); }

enum tg_status bench_selfplay(struct bench *b, struct tg_error *err)
{
    return report(b, (int)b->games, 0, err);
}
