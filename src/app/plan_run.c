/* plan_run.c - what games are like in a run that was made: its manifest and log, iteration by iteration.
 *
 * A network's first games are unlike its later ones (Go of random networks ends in a hundred moves, a little later
 * in twenty, then in eighty), so a mean over a short run says little of a long one. The first iterations are
 * forecast as the run had them, all others like its newest. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "run.h"

/* Sums over iterations. */
struct tally {
    double games, moves, rows, bytes; /* of shards; bytes without their structure */
    double visits, evals;             /* of games that the log has rates of */
    double outside;                   /* evals, each times its thread's time outside the network over that inside */
    double match_games, match_plies;
};

static void add_tally(struct tally *sum, const struct tally *t)
{
    sum->games += t->games, sum->moves += t->moves, sum->rows += t->rows, sum->bytes += t->bytes;
    sum->visits += t->visits, sum->evals += t->evals, sum->outside += t->outside;
    sum->match_games += t->match_games, sum->match_plies += t->match_plies;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static void add_shards(const struct manifest *m, int64_t n, struct tally *t)
{
    for (int64_t i = 0; i < m->n_shards; i++) {
        const struct replay_shard_info *s = &m->shards[i];

        if (s->iteration < 0 || s->iteration >= n)
            continue;
        struct tally *at = &t[s->iteration];

        at->games += (double)s->n_games, at->moves += (double)s->n_moves, at->rows += (double)s->n_rows;
        at->bytes += fmax(0, (double)s->n_bytes - PLAN_SHARD_BYTES);
    }
}

static void add_matches(const struct manifest *m, int64_t n, struct tally *t)
{
    for (int64_t i = 0; i < m->n_matches; i++) {
        const struct manifest_match *r = &m->matches[i];

        if (r->iteration < 0 || r->iteration >= n || !(r->result.plies > 0))
            continue;
        t[r->iteration].match_games += r->result.games;
        t[r->iteration].match_plies += r->result.games * r->result.plies;
    }
}

/* The value of an iteration, which lines of the log count from 1; NaN: there is none. */
static double logged(const struct report_history *h, const char *tag, int64_t iteration)
{
    const struct report_series *s = report_history_find(h, tag);

    for (size_t i = 0; s != NULL && i < s->n; i++)
        if (s->steps[i] == iteration + 1)
            return s->values[i];
    return (double)NAN;
}

/* Evaluations, and the visits that they were asked for; a game with the random bot is searched on one side. */
static void add_rates(const struct report_history *h, const struct run_options *o, int64_t i, struct tally *t)
{
    double sec = logged(h, "time/selfplay_sec", i), infer = logged(h, "selfplay/infer_share", i);
    double plies = sec * logged(h, "selfplay/games_per_sec", i) * logged(h, "selfplay/plies_per_game", i);
    double evals = sec * logged(h, "selfplay/evals_per_sec", i);
    double outside = (1 - infer - logged(h, "selfplay/idle_share", i)) / infer;

    if (!(plies > 0 && evals > 0) || !isfinite(outside))
        return;
    t->visits += plies * plan_visits_per_ply(o) * (1 - (double)o->selfplay.mix.random_bot / 2);
    t->evals += evals;
    t->outside += evals * fmax(0, outside);
}

/* *last: the run's options in its last iteration. */
static enum tg_status read_log(const char *dir, const struct manifest *m, int64_t n, struct tally *t,
                               struct run_options *last, struct tg_error *err)
{
    struct report_history h;
    struct script *s = NULL;
    enum tg_status rc;

    TRY(report_history_load(dir, &h, err));
    rc = script_open_text(m->configs[m->n_configs - 1].text, &s, err);
    for (int64_t i = 0, change = 0; rc == TG_OK && i < n; i++) {
        for (; rc == TG_OK && change < m->n_changes && m->changes[change].iteration <= i; change++)
            rc = script_apply(s, m->changes[change].json, err);
        if (rc == TG_OK)
            rc = script_options(s, i, last, err);
        if (rc == TG_OK)
            add_rates(&h, last, i, &t[i]);
    }
    script_close(s);
    report_history_close(&h);
    return rc;
}

/* ---- what follows ------------------------------------------------------------------------------- */

/* Figures that the tally lacks stay as they are. host: seconds of a thread for one evaluation of the run's network;
 * 0 where they say nothing. */
static void describe(const struct tally *t, double infer_sec, struct plan_game *g)
{
    g->measured = true;
    if (t->games > 0 && t->rows > 0) {
        g->plies = t->moves / t->games;
        g->rows_per_ply = t->rows / t->moves;
        g->row_disk_bytes = fmax(1, t->bytes / t->rows);
    }
    if (t->visits > 0)
        g->evals_per_visit = t->evals / t->visits;
    if (t->evals > 0 && infer_sec > 0)
        g->host_sec = infer_sec * t->outside / t->evals;
    if (t->match_games > 0)
        g->match_plies = t->match_plies / t->match_games;
}

/* A core's time for an evaluation in the run's batches, by the device table; 0: the run was on a device, where a
 * thread's shares say nothing of this machine's cores. */
static enum tg_status core_sec(const struct run_options *o, const struct nn_device *d, const struct game *game,
                               double *sec, struct tg_error *err)
{
    const struct nn_backend *backend;
    double scale, rows = fmax(1, (double)o->selfplay.parallel_games / fmax(1, o->selfplay.threads));
    struct tg_error ignored;

    *sec = 0;
    if (!d->per_thread || nn_backend_find(o->net.backend, &backend, &ignored) != TG_OK ||
        strcmp(backend->name, "cpu") != 0)
        return TG_OK;
    TRY(plan_scale(d, o, game, &scale, err));
    *sec = scale * nn_latency_sec(&d->infer, rows) / rows;
    return TG_OK;
}

/* Each iteration in turn, then the newest third of them together. A match is like the newest ones: there are few. */
static enum tg_status describe_all(const struct tally *t, int64_t n, double infer_sec, struct plan_games *games,
                                   struct tg_error *err)
{
    struct tally newest = {0}, all = {0};

    for (int64_t i = 0; i < n; i++) {
        add_tally(&all, &t[i]);
        if (i >= n - (n + 2) / 3)
            add_tally(&newest, &t[i]);
    }
    describe(&all, infer_sec, &games->later);
    if (all.match_games == 0)
        games->later.match_plies = all.moves / all.games;
    describe(&newest, infer_sec, &games->later);
    games->first = malloc((size_t)n * sizeof *games->first);
    if (games->first == NULL)
        return FAIL(err, TG_ENOMEM, "%lld iterations", (long long)n);
    games->n_first = n;
    for (int64_t i = 0; i < n; i++) {
        games->first[i] = games->later;
        describe(&t[i], infer_sec, &games->first[i]);
    }
    return TG_OK;
}

static enum tg_status measure(const char *dir, const struct manifest *m, const struct nn_device *d,
                              const struct game *game, struct plan_games *games, struct tg_error *err)
{
    int64_t n = m->iterations;
    struct tally *t = NULL;
    struct run_options o;
    double infer_sec;
    enum tg_status rc;

    if (n < 1 || m->n_games < 1 || m->n_rows < 1 || m->n_configs < 1)
        return FAIL(err, TG_EINVAL, "%s has no games yet to measure", dir);
    t = calloc((size_t)n, sizeof *t);
    if (t == NULL)
        return FAIL(err, TG_ENOMEM, "%lld iterations", (long long)n);
    add_shards(m, n, t);
    add_matches(m, n, t);
    TRY_OUT(read_log(dir, m, n, t, &o, err));
    TRY_OUT(core_sec(&o, d, game, &infer_sec, err));
    rc = describe_all(t, n, infer_sec, games, err);
out:
    free(t);
    return rc;
}

enum tg_status plan_games_of_run(const char *dir, const struct game *game, const struct nn_device *d,
                                 struct plan_games *games, struct tg_error *err)
{
    struct manifest m;
    char text[128];
    enum tg_status rc = manifest_load(&m, dir, err);

    if (rc != TG_OK)
        return rc == TG_ENOTFOUND ? FAIL(err, TG_EINVAL, "%s is no run: it has no manifest", dir) : rc;
    snprintf(text, sizeof text, "%s, board side %d,", game_kind_name(game->kind), game->size);
    if (strncmp(m.game, text, strlen(text)) != 0)
        rc = FAIL(err, TG_EINVAL, "%s is a run of \"%s\", not of \"%s\"", dir, m.game, text);
    else
        rc = measure(dir, &m, d, game, games, err);
    manifest_close(&m);
    return rc;
}

const struct plan_game *plan_game_at(const struct plan_games *games, int64_t i)
{
    return i < games->n_first ? &games->first[i] : &games->later;
}

void plan_games_close(struct plan_games *games)
{
    free(games->first);
    memset(games, 0, sizeof *games);
}
