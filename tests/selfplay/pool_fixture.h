/* pool_fixture.h - a pool with two fake networks, and the games that it plays. */
#pragma once

#include "fake_backend.h"
#include "tengen/selfplay.h"
#include "tg_test.h"

enum { MAX_GAMES = 64 };

/* A pool with two fake networks in slots 0 and 1. */
struct fixture {
    struct game game;
    struct nn_arch arch;
    struct nn_net *nets[2];
    struct selfplay_pool *pool;
    struct selfplay_settings settings;
    struct selfplay_job jobs[MAX_GAMES];
    struct record_finished finished[MAX_GAMES];
    struct record_layout layout;
    int n;
    struct tg_error err;
};

static void open_fixture(struct fixture *f, enum game_kind kind, int size, int threads, int parallel)
{
    memset(f, 0, sizeof *f);
    assert_ok(game_init(&f->game, kind, size, 2, &f->err), &f->err);
    assert_ok(nn_arch_preset("b2c16", f->game.n_planes, f->game.n_globals, &f->arch, &f->err), &f->err);
    record_layout_init(&f->layout, &f->game);
    assert_ok(selfplay_open(&f->game, &(struct selfplay_pool_options){threads, parallel, 1}, NULL, &f->pool,
                            &f->err), &f->err);
    for (int i = 0; i < 2; i++) {
        struct nn_net_options o = {.size = size, .device = i};
        assert_ok(fake_backend.open(&f->arch, &o, &f->nets[i], &f->err), &f->err);
        assert_ok(selfplay_network(f->pool, i, &fake_backend, f->nets[i], &f->arch, &f->err), &f->err);
    }
    search_default_settings(&f->settings.search);
    f->settings.search.visits = 12;
    f->settings.search.temp_early = f->settings.search.temp_late = 1;
    f->settings.search.noise_weight = 0.25f;
    f->settings.search.noise_total = 10.83f;
    f->settings.max_plies = 60;
}

static void add_job(struct fixture *f, int64_t id, struct selfplay_player black, struct selfplay_player white)
{
    struct selfplay_job *job = &f->jobs[f->n++];
    job->id = id;
    job->seed = 3;
    job->opening_key = (uint64_t)id;
    job->record = true;
    game_default_setup(&f->game, &job->setup);
    job->player[0] = black;
    job->player[1] = white;
    job->settings[0] = job->settings[1] = &f->settings;
}

static const struct selfplay_player learner = {RECORD_NETWORK, 0, 7, NULL};
static const struct selfplay_player older = {RECORD_NETWORK, 1, 5, NULL};
static const struct selfplay_player bot = {RECORD_RANDOM_BOT, 0, -1, NULL};

/* Play all jobs; finished[] by job id order. */
static void play_all(struct fixture *f)
{
    bool idle = false;
    int n = 0;
    assert_ok(selfplay_push(f->pool, f->jobs, (size_t)f->n, &f->err), &f->err);
    while (!idle) {
        struct record_finished one;
        struct selfplay_job job;
        bool got;
        assert_ok(selfplay_take(f->pool, 5, &one, &job, &got, &idle, &f->err), &f->err);
        if (!got)
            continue;
        f->finished[one.game.id] = one;
        n++;
    }
    assert_int_equal(n, f->n);
}

static void close_fixture(struct fixture *f)
{
    selfplay_close(f->pool);
    for (int i = 0; i < f->n; i++)
        record_finished_free(&f->finished[i]);
    for (int i = 0; i < 2; i++)
        fake_backend.close(f->nets[i]);
}

static const struct record_head *row_of(const struct fixture *f, int game, int row)
{
    return (const struct record_head *)(const void *)(f->finished[game].rows +
                                                      (size_t)row * f->layout.row_bytes);
}
