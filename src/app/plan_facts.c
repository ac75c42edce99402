/* plan_facts.c - what games are like, and how this network compares with the table's. */
#include <math.h>
#include <string.h>

#include "plan.h"
#include "run.h"

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

/* Go is played until the board is full, or a little beyond; a row game ends after about three times the side
 * (never more than the board has points). Trees kept from the move before save a fifth of the visits. Shards
 * shrink rows to about a fifth. */
void plan_game_default(const struct run_options *o, struct plan_game *g)
{
    double points = mean_points(o), max = o->selfplay.settings.max_plies;
    double cheap = (double)o->selfplay.settings.cheap_share;
    struct record_layout l;
    struct game game;

    *g = (struct plan_game){.spread = 0.3, .evals_per_visit = 0.8, .sgf_ply_bytes = 32, .row_disk_bytes = 130};
    g->plies = o->game.kind == GAME_GO ? 0.9 * points : fmin(points, 3 * sqrt(points));
    if (max > 0)
        g->plies = fmin(g->plies, max);
    g->match_plies = g->plies;
    g->rows_per_ply = o->selfplay.settings.record_cheap ? 1 : 1 - cheap;
    if (game_init(&game, (enum game_kind)o->game.kind, o->game.size, o->game.history, NULL) == TG_OK) {
        record_layout_init(&l, &game);
        g->row_disk_bytes = 0.2 * (double)l.row_bytes;
    }
}

/* ---- what a run measured ------------------------------------------------------------------------ */

/* Mean of a tag's values, those of both tags' common steps multiplied. */
static double mean_of(const struct report_history *h, const char *tag)
{
    const struct report_series *s = report_history_find(h, tag);
    double sum = 0;

    for (size_t i = 0; s != NULL && i < s->n; i++)
        sum += s->values[i];
    return s != NULL && s->n > 0 ? sum / (double)s->n : NAN;
}

/* Evaluations per visit: of all iterations, by the visits that the run's own config asks for. */
static enum tg_status measure_evals(const char *dir, const struct manifest *m, struct plan_game *g,
                                    struct tg_error *err)
{
    struct script *s = NULL;
    struct run_options o;
    struct report_history h;
    enum tg_status rc;

    TRY(script_open_text(m->configs[m->n_configs - 1].text, &s, err));
    rc = script_options(s, m->iterations > 0 ? m->iterations - 1 : 0, &o, err);
    script_close(s);
    TRY(rc);
    TRY(report_history_load(dir, &h, err));
    double plies = mean_of(&h, "selfplay/games_per_sec") * mean_of(&h, "selfplay/plies_per_game");
    double evals = mean_of(&h, "selfplay/evals_per_sec") / plies / plan_visits_per_ply(&o);
    report_history_close(&h);
    if (!(evals > 0 && evals < 10))
        return FAIL(err, TG_EFORMAT, "%s: its log has no rates of self-play", dir);
    g->evals_per_visit = evals / (1 - (double)o.selfplay.mix.random_bot / 2);
    return TG_OK;
}

static enum tg_status measure(const char *dir, const struct manifest *m, const struct run_options *o,
                              struct plan_game *g, struct tg_error *err)
{
    double bytes = 0, rows = 0, games = 0, moves = 0;
    char game[128];

    snprintf(game, sizeof game, "%s, board side %d,", game_kind_name((enum game_kind)o->game.kind), o->game.size);
    if (strncmp(m->game, game, strlen(game)) != 0)
        return FAIL(err, TG_EINVAL, "%s is a run of \"%s\", not of \"%s\"", dir, m->game, game);
    for (int64_t i = 0; i < m->n_shards; i++) {
        bytes += (double)m->shards[i].n_bytes;
        rows += (double)m->shards[i].n_rows;
        games += (double)m->shards[i].n_games;
        moves += (double)m->shards[i].n_moves;
    }
    if (games < 1 || rows < 1 || m->n_configs < 1)
        return FAIL(err, TG_EINVAL, "%s has no games yet to measure", dir);
    g->plies = g->match_plies = moves / games;
    g->rows_per_ply = rows / moves;
    g->row_disk_bytes = fmax(1, (bytes - PLAN_SHARD_BYTES * (double)m->n_shards) / rows);
    g->measured = true;
    return measure_evals(dir, m, g, err);
}

enum tg_status plan_game_of_run(const char *dir, const struct run_options *o, struct plan_game *g,
                                struct tg_error *err)
{
    struct manifest m;
    enum tg_status rc = manifest_load(&m, dir, err);

    if (rc != TG_OK)
        return rc == TG_ENOTFOUND ? FAIL(err, TG_EINVAL, "%s is no run: it has no manifest", dir) : rc;
    rc = measure(dir, &m, o, g, err);
    manifest_close(&m);
    return rc;
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
