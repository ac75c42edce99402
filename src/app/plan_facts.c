/* plan_facts.c - what games are like where no run has shown it, and how this network compares with the table's. */
#include <math.h>

#include "plan.h"

/* ---- defaults ----------------------------------------------------------------------------------- */

/* Mean over the boards that are drawn, of the points. */
static double mean_points(const struct run_options *o)
{
    const struct selfplay_setups *setups = &o->game.setups;
    double sum = 0, weights = 0;

    for (int i = 0; i < setups->n_sizes; i++) {
        sum += (double)setups->sizes[i].weight * setups->sizes[i].width * setups->sizes[i].height;
        weights += (double)setups->sizes[i].weight;
    }
    return weights > 0 ? sum / weights : o->game.size * o->game.size;
}

/* Of a row in a shard, with its share of games and moves: what is always there, the board's planes, and a policy that
 * spreads as it is searched. Within a tenth of all that was measured, see benchmarks/results/plan.md: Go on 9x9 and
 * 19x19 with 8 to 400 visits, Gomoku on 15x15 with 64 and 400, tic-tac-toe. More visits find few more moves. */
static double row_bytes(const struct run_options *o, double points)
{
    double visits = fmin(o->selfplay.settings.search.visits, 400);

    return o->game.kind == GAME_GO ? 120 + points / 4 + visits / 6 : 80 + points / 4 + visits / 12;
}

/* Go is played until the board is full, or a little beyond; a row game ends after about three times the side
 * (never more than the board has points). Trees kept from the move before save a fifth of the visits. */
void plan_game_default(const struct run_options *o, const struct nn_device *d, struct plan_game *g)
{
    double points = mean_points(o), max = o->selfplay.settings.max_plies;
    double cheap = (double)o->selfplay.settings.cheap_share;

    *g = (struct plan_game){.spread = 0.3, .evals_per_visit = 0.8, .sgf_ply_bytes = 32,
                            .row_disk_bytes = row_bytes(o, points), .host_sec = d->host_sec};
    g->plies = o->game.kind == GAME_GO ? 0.9 * points : fmin(points, 3 * sqrt(points));
    if (max > 0)
        g->plies = fmin(g->plies, max);
    g->match_plies = g->plies;
    g->rows_per_ply = o->selfplay.settings.record_cheap ? 1 : 1 - cheap;
}

/* ---- the network -------------------------------------------------------------------------------- */

enum tg_status plan_scale(const struct nn_device *d, const struct run_options *o, const struct game *game,
                          double *scale, struct tg_error *err)
{
    struct nn_arch arch;

    TRY(nn_arch_preset(d->net, game->n_planes, game->n_globals, &arch, err));
    *scale = nn_arch_flops(&o->net.arch, o->game.size) / nn_arch_flops(&arch, d->size);
    return TG_OK;
}
