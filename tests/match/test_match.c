/* Matches on 1, 2, 3 and 7 ranks: colours, openings, sums, early ends, failures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/match/match_private.h"
#include "tg_test.h"

enum { MAX_GAMES = 64, KEPT_MOVES = 8 };

struct kept {
    int n_games;
    struct {
        int64_t id;
        struct selfplay_job job;
        int16_t moves[KEPT_MOVES];
        int16_t n_opening;
    } games[MAX_GAMES];
};

struct fixture {
    struct comm *comm, *alone;
    struct game game;
    struct selfplay_setups setups;
    struct selfplay_pool *pool;
    struct selfplay_player bot, first_move;
    struct selfplay_engine engine;
    struct match_options o;
    struct kept kept;
    bool engine_fails, engine_resigns;
    struct position followed; /* the game as the engine was told it */
    int n_moves, n_wrong;     /* its moves; those asked for in a position it does not know */
    struct tg_error err;
};

static enum tg_status engine_start(void *ctx, const struct game *g, const struct position *pos,
                                   struct tg_error *err)
{
    struct fixture *f = ctx;

    game_copy(g, &f->followed, pos);
    return f->engine_fails ? FAIL(err, TG_EIO, "the engine is broken") : TG_OK;
}

static enum tg_status engine_played(void *ctx, const struct game *g, const struct position *pos,
                                    int action, struct tg_error *err)
{
    struct fixture *f = ctx;

    (void)pos;
    (void)err;
    if (game_is_legal(g, &f->followed, action))
        game_play(g, &f->followed, action);
    return TG_OK;
}

/* Plays the first legal point, or resigns at once. */
static enum tg_status engine_genmove(void *ctx, const struct game *g, const struct position *pos,
                                     int *action, struct tg_error *err)
{
    struct fixture *f = ctx;

    (void)err;
    *action = -1;
    for (int a = 0; a < g->n_actions && *action < 0 && !f->engine_resigns; a++)
        if (game_is_legal(g, pos, a))
            *action = a;
    f->n_moves++;
    f->n_wrong += pos->hash != f->followed.hash;
    if (*action >= 0 && game_is_legal(g, &f->followed, *action))
        game_play(g, &f->followed, *action);
    return TG_OK;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct selfplay_pool_options pool = {.threads = 1, .parallel_games = 4, .groups_per_thread = 1};

    assert_non_null(f);
    assert_ok(comm_open(MPI_COMM_WORLD, "world", &f->comm, &f->err), &f->err);
    assert_ok(comm_open(MPI_COMM_SELF, "alone", &f->alone, &f->err), &f->err);
    assert_ok(game_init(&f->game, GAME_GOMOKU, 5, 0, &f->err), &f->err);
    f->setups.n_sizes = 1;
    f->setups.sizes[0].width = f->setups.sizes[0].height = 5;
    f->setups.sizes[0].weight = 1;
    game_default_setup(&f->game, &f->setups.base);
    f->setups.base.gomoku.goal = 4;
    assert_ok(selfplay_open(&f->game, &pool, NULL, &f->pool, &f->err), &f->err);
    f->bot = (struct selfplay_player){.kind = RECORD_RANDOM_BOT, .net = -1};
    f->engine = (struct selfplay_engine){f, engine_start, engine_played, engine_genmove};
    f->first_move = (struct selfplay_player){.kind = RECORD_ENGINE, .net = -1, .engine = &f->engine};
    f->o = (struct match_options){.games = 40, .seed = 11};
    search_default_settings(&f->o.settings.search);
    f->o.settings.opening_plies = 3;
    f->o.settings.opening_exact = true;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    selfplay_close(f->pool);
    comm_close(f->alone);
    comm_close(f->comm);
    free(f);
    return 0;
}

static void keep_game(void *ctx, const struct record_finished *g, const struct selfplay_job *job)
{
    struct kept *k = ctx;
    int n = k->n_games++;

    assert_true(n < MAX_GAMES);
    k->games[n].id = job->id;
    k->games[n].job = *job;
    k->games[n].n_opening = g->game.n_opening;
    for (int i = 0; i < KEPT_MOVES; i++)
        k->games[n].moves[i] = i < g->game.n_moves ? g->moves[i] : -1;
}

static enum tg_status play(struct fixture *f, struct comm *comm, const struct selfplay_player *a,
                           const struct selfplay_player *b, struct match_result *r)
{
    f->kept.n_games = 0;
    return match_play(comm, f->pool, &f->game, &f->setups, a, b, &f->o, keep_game, &f->kept, r,
                      &f->err);
}

static void colours_are_twenty_to_twenty_for_any_number_of_ranks(void **state)
{
    struct fixture *f = *state;
    struct match_result r;
    int64_t kept[2] = {0, 0};

    assert_ok(play(f, f->comm, &f->bot, &f->first_move, &r), &f->err);
    assert_int_equal(r.games, 40);
    assert_int_equal(r.games_black, 20);
    assert_int_equal(r.wins + r.losses + r.draws, 40);
    assert_true(r.wins_black <= r.wins && r.wins_black <= 20);
    for (int i = 0; i < f->kept.n_games; i++) /* what was really played, not only counted */
        kept[f->kept.games[i].job.player[GAME_WHITE].kind == RECORD_RANDOM_BOT]++;
    comm_sum_i64(f->comm, kept, 2);
    assert_int_equal(kept[0], 20);
    assert_int_equal(kept[1], 20);
}

static void a_match_is_the_same_on_any_number_of_ranks(void **state)
{
    struct fixture *f = *state;
    struct match_result together, alone;

    assert_ok(play(f, f->comm, &f->bot, &f->bot, &together), &f->err);
    assert_ok(play(f, f->alone, &f->bot, &f->bot, &alone), &f->err);
    assert_int_equal(together.wins, alone.wins);
    assert_int_equal(together.draws, alone.draws);
    assert_int_equal(together.wins_black, alone.wins_black);
    assert_int_equal(together.distinct_games, alone.distinct_games);
    assert_true(together.plies == alone.plies && together.elo == alone.elo);
    assert_true(alone.distinct_games >= 36); /* nine in ten */
}

static int same_pair(struct fixture *f, int i, int j)
{
    return f->kept.games[i].id >> 1 == f->kept.games[j].id >> 1 && i != j;
}

static void both_games_of_a_pair_open_alike(void **state)
{
    struct fixture *f = *state;
    struct match_result r;
    int n_pairs = 0;

    assert_ok(play(f, f->comm, &f->bot, &f->first_move, &r), &f->err);
    for (int i = 0; i < f->kept.n_games; i++)
        for (int j = 0; j < f->kept.n_games; j++) {
            if (!same_pair(f, i, j))
                continue;
            n_pairs++;
            assert_int_equal(f->kept.games[i].n_opening, 3);
            assert_memory_equal(f->kept.games[i].moves, f->kept.games[j].moves, 3 * sizeof(int16_t));
            assert_int_equal(f->kept.games[i].job.player[GAME_BLACK].kind,
                             f->kept.games[j].job.player[GAME_WHITE].kind);
        }
    assert_int_equal(n_pairs, f->kept.n_games); /* nobody without its partner on this rank */
}

static void another_match_has_other_openings(void **state)
{
    struct fixture *f = *state;
    struct match_result r;
    struct kept first;

    assert_ok(play(f, f->alone, &f->bot, &f->first_move, &r), &f->err);
    first = f->kept;
    f->o.match_id = 1;
    assert_ok(play(f, f->alone, &f->bot, &f->first_move, &r), &f->err);
    int same = 0;
    for (int i = 0; i < 40; i++)
        same += memcmp(first.games[i].moves, f->kept.games[i].moves, 3 * sizeof(int16_t)) == 0;
    assert_true(same < 5);
}

static void equal_games_are_counted_once_over_all_ranks(void **state)
{
    struct fixture *f = *state;
    struct match_result r;

    f->o.settings.opening_plies = 0;
    f->o.settings.opening_exact = false;
    assert_ok(play(f, f->comm, &f->first_move, &f->first_move, &r), &f->err);
    assert_int_equal(r.games, 40);
    assert_int_equal(r.distinct_games, 1);
    assert_true(r.score == 0.5); /* the same game with both colours */
}

static void sprt_ends_a_clear_match_early(void **state)
{
    struct fixture *f = *state;
    struct match_result r;

    f->engine_resigns = true;
    f->o.gate = (struct match_gate){.sprt = true, .sprt_elo0 = -35, .sprt_elo1 = 35,
                                    .sprt_alpha = 0.05f, .sprt_beta = 0.05f};
    assert_ok(play(f, f->comm, &f->bot, &f->first_move, &r), &f->err);
    assert_int_equal(r.games, 20); /* one round of ten pairs; +15 would have been enough */
    assert_int_equal(r.games_black, 10);
    assert_int_equal(r.wins, 20);
}

static void one_rank_s_broken_engine_fails_the_match_everywhere(void **state)
{
    struct fixture *f = *state;
    struct match_result r;

    f->engine_fails = comm_rank(f->comm) == comm_size(f->comm) - 1;
    assert_fails(play(f, f->comm, &f->bot, &f->first_move, &r), TG_EIO, "the engine is broken",
                 &f->err);
}

static void an_engine_is_told_all_moves_but_its_own(void **state)
{
    struct fixture *f = *state;
    struct match_result r;

    assert_ok(play(f, f->alone, &f->bot, &f->first_move, &r), &f->err);
    assert_true(f->n_moves > 100);
    assert_int_equal(f->n_wrong, 0); /* openings of both colours are moves of others */
}

static void an_odd_number_of_games_is_refused(void **state)
{
    struct fixture *f = *state;
    struct match_result r;

    f->o.games = 41;
    assert_fails(play(f, f->comm, &f->bot, &f->bot, &r), TG_EINVAL, "41", &f->err);
    f->o.games = 0;
    assert_fails(play(f, f->comm, &f->bot, &f->bot, &r), TG_EINVAL, "0 games", &f->err);
}

static void a_blunder_is_a_fall_of_the_mover_s_own_value(void **state)
{
    /* Plies:                  B      W     B      W     B     W          Black wins */
    const float values[6] = {0.1f, 0.2f, -0.6f, 0.3f, 0.0f, NAN};
    int64_t searched[2] = {0}, blunders[2] = {0};

    (void)state;
    match_count_blunders(values, 6, GAME_WON_BLACK, 0.5, searched, blunders);
    assert_int_equal(searched[GAME_BLACK], 3);
    assert_int_equal(blunders[GAME_BLACK], 1); /* 0.1 -> -0.6 */
    assert_int_equal(searched[GAME_WHITE], 2);
    assert_int_equal(blunders[GAME_WHITE], 1); /* -0.3 -> lost; -0.2 -> -0.3 is none */
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        CASE(colours_are_twenty_to_twenty_for_any_number_of_ranks),
        CASE(a_match_is_the_same_on_any_number_of_ranks),
        CASE(both_games_of_a_pair_open_alike),
        CASE(another_match_has_other_openings),
        CASE(equal_games_are_counted_once_over_all_ranks),
        CASE(sprt_ends_a_clear_match_early),
        CASE(one_rank_s_broken_engine_fails_the_match_everywhere),
        CASE(an_engine_is_told_all_moves_but_its_own),
        CASE(an_odd_number_of_games_is_refused),
        cmocka_unit_test(a_blunder_is_a_fall_of_the_mover_s_own_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
