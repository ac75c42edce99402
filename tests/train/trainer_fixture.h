/* trainer_fixture.h - random games of 5x5 Go in one shard, a small network, options: for tests of training. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/rng.h"
#include "tengen/train.h"
#include "tg_test.h"

struct fixture {
    struct comm *world;
    struct game game;
    struct nn_model model;
    const struct nn_backend *backend;
    char dir[256], shard[512];
    struct replay_shard_info info;
    struct train_options o;
    struct tg_error err;
};

/* A random game of 5x5 Go as self-play would leave it; the policy target favours the move played. */
static inline struct record_finished random_game(const struct fixture *f, int64_t id)
{
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, (uint64_t)id, 0);
    struct record_layout l;
    struct record_finished g = {0};
    struct game_setup setup;
    struct position *pos = malloc(sizeof *pos);
    uint8_t legal[GAME_MAX_ACTIONS];
    float policy[GAME_MAX_ACTIONS];
    enum { MOVES = 24 };

    record_layout_init(&l, &f->game);
    g.rows = calloc(MOVES, l.row_bytes);
    g.moves = calloc(MOVES, sizeof *g.moves);
    g.root_values = calloc(MOVES, sizeof *g.root_values);
    g.root_visits = calloc(MOVES, sizeof *g.root_visits);
    game_default_setup(&f->game, &setup);
    game_start(&f->game, &setup, pos);
    g.game = (struct record_game){.id = id, .setup = setup};
    for (int p = 0; p < MOVES && !pos->over; p++) {
        uint8_t *row = g.rows + (size_t)p * l.row_bytes;
        uint32_t k = tg_rng_below(&r, (uint32_t)game_legal(&f->game, pos, legal));
        int a = 0;
        while (!legal[a] || k-- > 0)
            a++;
        *(struct record_head *)(void *)row = (struct record_head){
            .game_id = id, .ply = (int16_t)p, .w_policy = 1, .w_value = 1, .w_score = 1, .priority = 1,
            .value = {(float)(p % 2), (float)(1 - p % 2), 0}, .score = p % 2 ? 3.0f : -3.0f, .color = pos->to_move};
        game_encode(&f->game, pos, NULL, row + l.planes, (float *)(void *)(row + l.globals));
        memset(policy, 0, sizeof policy);
        policy[a] = 1;
        record_policy_pack(&l, policy, (uint16_t *)(void *)(row + l.policy));
        g.moves[p] = (int16_t)a;
        game_play(&f->game, pos, a);
        g.game.n_moves = g.game.n_rows = p + 1;
    }
    free(pos);
    return g;
}

static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct replay_options options = {.chunk_rows = 256, .deflate = 1};
    struct replay_writer *w;
    struct nn_arch arch;

    *state = f;
    assert_ok(comm_open(MPI_COMM_WORLD, "world", &f->world, &f->err), &f->err);
    if (comm_rank(f->world) == 0)
        snprintf(f->dir, sizeof f->dir, "%s", tg_test_mkdir());
    comm_bcast(f->world, f->dir, sizeof f->dir, 0);
    assert_ok(game_init(&f->game, GAME_GO, 5, 0, &f->err), &f->err);
    assert_ok(nn_arch_preset("b2c16", f->game.n_planes, f->game.n_globals, &arch, &f->err), &f->err);
    assert_ok(nn_model_init(&arch, &f->game, "test", 3, &f->model, &f->err), &f->err);
    assert_ok(nn_backend_find("cpu", &f->backend, &f->err), &f->err);
    assert_ok(replay_writer_open(f->world, f->dir, &f->game, &options, &w, &f->err), &f->err);
    for (int64_t id = comm_rank(f->world); id < 30; id += comm_size(f->world)) {
        struct record_finished g = random_game(f, id);
        assert_ok(replay_writer_push(w, &g, &f->err), &f->err);
    }
    assert_ok(replay_writer_commit(w, 0, 0, &f->info, &f->err), &f->err);
    replay_writer_close(w);
    snprintf(f->shard, sizeof f->shard, "%s/%s", f->dir, f->info.name);
    f->o = (struct train_options){
        .batch = 27, .rows_per_new_row = 1, .learning_rate = 0.01f, .optimiser = NN_ADAMW, .momentum = 0.9f,
        .beta2 = 0.999f, .epsilon = 1e-8f, .weight_decay = 1e-4f, .clip_norm = 5, .ema = 0.9f,
        .loss = {.policy = 1, .reply = 0.15f, .value = 1, .ownership = 0.1f, .score_mean = 0.01f},
        .symmetries = true,
    };
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;

    comm_barrier(f->world);
    if (comm_rank(f->world) == 0)
        tg_test_rmdir(f->dir);
    nn_model_close(&f->model);
    comm_close(f->world);
    free(f);
    return 0;
}
