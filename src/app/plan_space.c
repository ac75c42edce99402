/* plan_space.c - what a run leaves on disk, and holds in memory. */
#include "plan.h"

#include <math.h>

#include "tengen/record.h"

/* Sizes that files of a run were seen to have: a network's and a checkpoint's head; a shard's structure; lines
 * of log.jsonl and the event file; a shard, a network and a match in manifest.json, which is kept twice. */
static const double head_bytes = 2e3, shard_bytes = 25e3, log_bytes = 2.5e3, manifest_bytes = 2 * 450;
/* A process: MPI, HDF5, Lua, threads. */
static const double process_bytes = 60e6;

void plan_space_add(const struct run_options *o, const struct plan_game *g, const struct plan_cost *c,
                    double n_params, struct plan_space *s)
{
    double sgf = fmin(o->report.sgf_games, c->games);

    s->shards += shard_bytes + c->rows * g->row_disk_bytes;
    if (c->steps > 0)
        s->nets += head_bytes + 4 * n_params;
    s->sgf += (sgf + c->matches) * (150 + g->plies * g->sgf_ply_bytes);
    s->logs += log_bytes + manifest_bytes;
    s->inodes += 1 + (c->steps > 0) + (sgf > 0) + (c->matches > 0);
}

/* A tree grows to the visits of a full search: a node with sums and links, its moves with prior and number,
 * and the moves that were tried with visits, value and link; arenas double, so half may be empty, and a tree
 * that is kept is copied to a second one. */
static double tree_bytes(const struct run_options *o, const struct game *game)
{
    double visits = o->selfplay.settings.search.visits, node = 112 + 6.0 * game->n_actions + 12.0 * 8;

    return 2 * 1.5 * visits * node;
}

/* Four networks of a self-play rank (4 bytes a parameter and, on a CPU, up to four times that in transformed
 * convolutions), the buffer for what is published, games in flight. */
static double player_bytes(const struct run_options *o, const struct plan_machine *m, const struct game *game,
                           double n_params)
{
    double copies = m->device->per_thread ? 4 * (1 + 4) + 1 : 4 + 1;

    return copies * 4 * n_params + o->selfplay.parallel_games * (tree_bytes(o, game) + 64e3);
}

/* Parameters, average, two moments, 8 bytes a gradient. */
static double trainer_bytes(double n_params) { return (4 * 4 + 8 + 4) * n_params; }

void plan_space_rest(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                     const struct game *game, double n_params, double row_bytes, double rows_in_all,
                     struct plan_space *s)
{
    double on_host = ceil((double)m->ranks / m->hosts);
    double train = r->all ? on_host : fmin(on_host, ceil((double)r->train / m->hosts));
    double play = r->all ? on_host : fmin(on_host, r->play);
    bool prioritised = o->replay.alpha > 0;
    double window = fmin(rows_in_all, (double)o->replay.capacity);

    s->nets += head_bytes + 4 * n_params; /* network 0 */
    s->checkpoints = o->report.keep_checkpoints * (head_bytes + 16 * n_params + (prioritised ? 4 * window : 0));
    s->inodes += o->report.keep_checkpoints + 11; /* five directories, manifest twice, config, log, events, ranks */
    s->memory = on_host * process_bytes + play * player_bytes(o, m, game, n_params) + train * trainer_bytes(n_params) +
                window * (row_bytes + (prioritised ? 17 : 0));
}
