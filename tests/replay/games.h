/* games.h - made-up games for the replay tests: a function of the game id alone. */
#pragma once

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/record.h"
#include "tengen/rng.h"

/* 9x9 Go, fit for replay_shard_verify. Rows: 3 + id % 61. */
static inline struct game test_game(void)
{
    struct game g;

    if (game_init(&g, GAME_GO, 9, 0, NULL) != TG_OK)
        abort();
    return g;
}

static inline int32_t test_game_rows(int64_t id) { return (int32_t)(3 + id % 61); }

static inline void fill_row(const struct record_layout *l, int64_t id, int ply, uint8_t *row)
{
    struct tg_rng r = tg_rng_stream(7, TG_RNG_TEST, (uint64_t)id, (uint64_t)ply);
    struct record_head h = {.game_id = id, .value = {1.0f, 0.0f, 0.0f}, .score = (float)(id % 20),
                            .root_value = {0.5f, 0.5f, 0.0f}, .w_policy = 1.0f, .w_value = 1.0f,
                            .priority = (float)tg_rng_double(&r), .net = (int32_t)(id / 10),
                            .visits = 100 + ply, .ply = (int16_t)ply, .color = (uint8_t)(ply % 2)};
    float policy[GAME_MAX_ACTIONS] = {0.0f}, *globals = (float *)(void *)(row + l->globals);
    uint16_t packed[GAME_MAX_ACTIONS];

    memset(row, 0, l->row_bytes);
    memcpy(row, &h, sizeof h);
    for (int i = 0; i < l->n_globals; i++)
        globals[i] = i % 3 == 0 ? (float)tg_rng_double(&r) : 0.0f;
    for (int i = 0; i < 20; i++)
        policy[tg_rng_below(&r, (uint32_t)l->n_actions)] += (float)tg_rng_exponential(&r);
    record_policy_pack(l, policy, packed);
    memcpy(row + l->policy, packed, (size_t)l->n_actions * sizeof *packed);
    memset(row + l->planes, 0xFF, (size_t)l->plane_bytes); /* all on the board */
    for (int i = 0; i < 3 * l->plane_bytes; i++)           /* stones: some bits, growing with the ply */
        if ((int)tg_rng_below(&r, 80) < ply)
            row[l->planes + (size_t)(l->plane_bytes + i)] = (uint8_t)tg_rng_u32(&r);
}

static inline struct record_finished make_game(const struct game *g, const struct record_layout *l,
                                               int64_t id)
{
    struct record_finished f = {.game = {.id = id, .seed = 99, .net = {(int32_t)id, 3},
                                         .winner = GAME_WON_BLACK, .score = (float)(id % 20),
                                         .n_opening = 2}};
    int32_t n = f.game.n_moves = f.game.n_rows = test_game_rows(id);

    game_default_setup(g, &f.game.setup);
    f.moves = malloc((size_t)n * sizeof *f.moves);
    f.rows = malloc((size_t)n * l->row_bytes);
    f.root_values = malloc((size_t)n * sizeof *f.root_values);
    f.root_visits = malloc((size_t)n * sizeof *f.root_visits);
    for (int i = 0; i < n; i++) {
        f.moves[i] = (int16_t)((id + i) % l->n_actions);
        f.root_values[i] = i % 4 == 0 ? NAN : 0.01f * (float)i;
        f.root_visits[i] = 100 + i;
        fill_row(l, id, i, f.rows + (size_t)i * l->row_bytes);
    }
    return f;
}
