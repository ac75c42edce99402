/* perfect.c - 100 games of tic-tac-toe, both colours, of a network against a perfect player.
 * usage: perfect NET. Exit status 0 only if the network lost none. */
#include <stdio.h>
#include <stdlib.h>

#include "tengen/comm.h"
#include "tengen/match.h"
#include "tengen/rng.h"

struct perfect { struct tg_rng rng; };

/* The best result for the side to move: 1 win, 0 draw, -1 loss. */
static int solve(const struct game *g, const struct position *pos, int *moves, int *n_moves)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    struct position *next;
    int best = -2, n = 0;

    if (pos->over) {
        bool won = (pos->winner == GAME_WON_BLACK) == (pos->to_move == GAME_BLACK);
        return pos->winner == GAME_DRAWN ? 0 : won ? 1 : -1;
    }
    next = malloc(sizeof *next);
    game_legal(g, pos, legal);
    for (int a = 0; a < g->n_points; a++) {
        if (!legal[a])
            continue;
        game_copy(g, next, pos);
        game_play(g, next, a);
        int value = -solve(g, next, NULL, NULL);
        if (value > best) {
            best = value;
            n = 0;
        }
        if (value == best && moves != NULL)
            moves[n] = a;
        n += value == best;
    }
    free(next);
    if (n_moves != NULL)
        *n_moves = n;
    return best;
}

static enum tg_status start(void *ctx, const struct game *g, const struct position *pos, struct tg_error *err)
{
    (void)ctx, (void)g, (void)pos, (void)err;
    return TG_OK;
}

static enum tg_status played(void *ctx, const struct game *g, const struct position *pos, int action,
                             struct tg_error *err)
{
    (void)ctx, (void)g, (void)pos, (void)action, (void)err;
    return TG_OK;
}

/* One of the optimal moves at random, so that all lines are tried. */
static enum tg_status genmove(void *ctx, const struct game *g, const struct position *pos, int *action,
                              struct tg_error *err)
{
    struct perfect *p = ctx;
    int moves[9], n = 0;

    (void)err;
    solve(g, pos, moves, &n);
    *action = moves[tg_rng_below(&p->rng, (uint32_t)n)];
    return TG_OK;
}

static enum tg_status play(struct comm *world, const char *path, struct match_result *result,
                           struct tg_error *err)
{
    struct perfect perfect = {tg_rng_stream(1, TG_RNG_TEST, 0, 0)};
    struct selfplay_engine engine = {&perfect, start, played, genmove};
    struct nn_model model;
    struct game game;
    const struct nn_backend *backend;
    struct nn_net *net;
    struct selfplay_pool *pool;
    struct nn_net_options options = {.size = 3, .threads = 1};
    struct selfplay_player a = {RECORD_NETWORK, 0, 0, NULL}, b = {RECORD_ENGINE, 0, -1, &engine};
    struct match_options o = {.games = 100, .seed = 1};
    struct selfplay_setups setups = {.n_sizes = 1};

    TRY(nn_model_load(path, &model, NULL, err));
    TRY(game_init(&game, GAME_GOMOKU, 3, model.history, err));
    game_default_setup(&game, &setups.base);
    setups.sizes[0].width = setups.sizes[0].height = 3;
    setups.sizes[0].weight = 1;
    TRY(nn_backend_find("cpu", &backend, err));
    TRY(backend->open(&model.arch, &options, &net, err));
    TRY(backend->set(net, NN_PARAMS, model.params, err));
    TRY(selfplay_open(&game, &(struct selfplay_pool_options){1, 1, 1}, NULL, &pool, err));
    TRY(selfplay_network(pool, 0, backend, net, &model.arch, err));
    search_default_settings(&o.settings.search);
    o.settings.search.visits = 50;
    TRY(match_play(world, pool, &game, &setups, &a, &b, &o, NULL, NULL, result, err));
    selfplay_close(pool);
    backend->close(net);
    nn_model_close(&model);
    return TG_OK;
}

int main(int argc, char **argv)
{
    struct tg_error err = {0};
    struct comm *world;
    struct match_result r = {0};
    enum tg_status rc = comm_mpi_init(&argc, &argv, &err);

    if (rc == TG_OK)
        rc = comm_open(MPI_COMM_WORLD, "world", &world, &err);
    if (rc == TG_OK)
        rc = argc == 2 ? play(world, argv[1], &r, &err) : FAIL(&err, TG_EINVAL, "usage: perfect NET");
    if (rc != TG_OK)
        printf("%s\n", err.text);
    else
        printf("%d games against a perfect player: %d wins, %d draws, %d losses (as Black %d games)\n",
               r.games, r.wins, r.draws, r.losses, r.games_black);
    comm_close(world);
    comm_mpi_finalize();
    return rc == TG_OK && r.games == 100 && r.games_black == 50 && r.losses == 0 ? 0 : 1;
}
