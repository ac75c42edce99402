/* plan_space.c - what a run leaves on disk, and holds in memory. */
#include "plan.h"

#include <math.h>
#include <string.h>

#include "tengen/record.h"

/* Sizes that short runs' files were seen to have, see benchmarks/results/plan.md: what a network and a checkpoint have
 * beside their arrays; a game's head in an SGF file; an iteration's line in log.jsonl and
 * event, what training and a match add to them; in manifest.json all but config and lists, and an entry of the
 * lists; a rank's line in the file of ranks. */
static const double net_head_bytes = 400, checkpoint_head_bytes = 300, sgf_head_bytes = 150;
static const double log_bytes = 850, log_train_bytes = 1000, log_match_bytes = 180;
static const double manifest_bytes = 1300, shard_entry_bytes = 150, net_entry_bytes = 105, match_entry_bytes = 410;
static const double rank_bytes = 192;
/* A process: MPI, HDF5, Lua, threads. */
static const double process_bytes = 60e6;

static void add_manifest(struct plan_space *s, double bytes) { s->logs += 2 * bytes; } /* and the one before it */

static void add_net(struct plan_space *s, double n_params)
{
    s->nets += net_head_bytes + 4 * n_params;
    s->inodes += 1;
    add_manifest(s, net_entry_bytes);
}

static void add_matches(const struct plan_game *g, double games, double files, struct plan_space *s)
{
    s->sgf += games * (sgf_head_bytes + g->match_plies * g->sgf_ply_bytes);
    s->logs += log_match_bytes;
    s->inodes += files;
    add_manifest(s, files * match_entry_bytes);
}

/* One for all hosts, or one a host, each with its entry. In continuous mode a commit comes whenever there are so many
 * games, and while training is the slower side several come in a round. */
static void add_shards(const struct run_options *o, const struct plan_machine *m, const struct plan_game *g,
                       const struct plan_cost *c, struct plan_space *s)
{
    double n = o->replay.layout == REPLAY_PER_HOST ? fmin(m->hosts, c->games) : 1;

    if (o->cluster.mode == RUN_CONTINUOUS)
        n *= fmax(1, c->games / (double)o->selfplay.games);
    s->shards += n * PLAN_SHARD_BYTES + c->rows * g->row_disk_bytes;
    s->inodes += n;
    add_manifest(s, n * shard_entry_bytes);
}

void plan_space_add(const struct run_options *o, const struct plan_machine *m, const struct plan_game *g,
                    const struct plan_cost *c, double n_params, struct plan_space *s)
{
    double sgf = fmin(o->report.sgf_games, c->games);

    s->prioritised = s->prioritised || o->replay.alpha > 0;
    add_shards(o, m, g, c, s);
    if (c->steps > 0)
        add_net(s, n_params);
    s->sgf += sgf * (sgf_head_bytes + g->plies * g->sgf_ply_bytes);
    s->inodes += sgf > 0;
    s->logs += log_bytes + (c->steps > 0 ? log_train_bytes : 0);
    if (c->matches > 0)
        add_matches(g, c->matches, plan_match_turns(o), s);
}

/* The window's priorities are there in any case, drawn by or not. */
void plan_space_checkpoint(const struct run_options *o, double n_params, double rows, struct plan_space *s)
{
    s->checkpoints += checkpoint_head_bytes + 16 * n_params + 4 * fmin(rows, (double)o->replay.capacity);
    s->inodes += 1;
}

/* In config.lua, and as a JSON text in the manifest. */
void plan_space_config(const char *text, struct plan_space *s)
{
    double n = (double)strlen(text), escaped = n;

    for (const char *c = text; *c != '\0'; c++)
        escaped += *c == '\n' || *c == '\t' || *c == '"' || *c == '\\';
    s->logs += n;
    add_manifest(s, escaped);
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
    double window = fmin(rows_in_all, (double)o->replay.capacity);

    add_net(s, n_params); /* number 0 */
    add_manifest(s, manifest_bytes);
    s->logs += m->ranks * rank_bytes;
    s->inodes += 12; /* five directories, manifest twice, config, log, events, ranks, lock */
    s->memory = on_host * process_bytes + play * player_bytes(o, m, game, n_params) + train * trainer_bytes(n_params) +
                window * (row_bytes + (s->prioritised ? 17 : 0));
}
