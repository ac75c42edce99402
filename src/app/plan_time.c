/* plan_time.c - how long an iteration takes. */
#include "plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* What the program itself was measured to take, see benchmarks/results/commit.md and plan.md: a commit's messages and
 * syncs; bytes a second that the window takes in from a shard; a network's or checkpoint's sync and rename. Of a local
 * disk: a parallel file system may take ten times as long. */
static const double commit_sec = 0.02, append_bytes_sec = 224e6, sync_sec = 0.006;
/* A message between hosts. */
static const double message_sec = 10e-6;

static double at_least_1(double x) { return x > 1 ? x : 1; }

/* ---- roles -------------------------------------------------------------------------------------- */

enum tg_status plan_roles(const struct run_options *o, const struct plan_machine *m, struct plan_roles *r,
                          struct tg_error *err)
{
    const char *text = o->cluster.trainers;
    bool per_host = strstr(text, "/host") != NULL;

    memset(r, 0, sizeof *r);
    r->all = strcmp(text, "all") == 0;
    r->train = r->all ? m->ranks : (int)strtol(text, NULL, 10) * (per_host ? m->hosts : 1);
    r->play = r->all ? m->ranks : m->ranks - r->train;
    if (r->train < 1 || r->play < 1)
        return FAIL(err, TG_EINVAL, "cluster.trainers = \"%s\" of %d ranks leaves %d for self-play and %d for training",
                    text, m->ranks, r->play > 0 ? r->play : 0, r->train);
    if (r->all && o->cluster.mode == RUN_CONTINUOUS)
        return FAIL(err, TG_EINVAL, "cluster.mode = \"continuous\" needs trainers of its own: cluster.trainers = "
                    "a number of ranks, or \"1/host\"");
    double on_host = (double)m->ranks / m->hosts;
    r->threads = o->selfplay.threads > 0 ? o->selfplay.threads : (int)at_least_1(floor(m->cores / on_host));
    /* threads that share a core take turns */
    r->crowd = at_least_1(on_host * r->threads / m->cores);
    return TG_OK;
}

/* ---- self-play ---------------------------------------------------------------------------------- */

/* Games are split into groups, a batch each: one group a thread on a core, two on a device, which works on one
 * while the thread walks the other.
 *   core:   a batch takes the network's time and then the thread's
 *   device: batches of all groups queue; or the threads are slower, each with its two groups */
double plan_eval_rate(const struct plan_game *g, const struct plan_machine *m, const struct plan_roles *r,
                      double games, int nets)
{
    const struct nn_device *d = m->device;
    double threads = r->threads, groups = threads * (d->per_thread ? 1 : 2);

    if (games < groups) { /* a game cannot be split */
        groups = at_least_1(games);
        threads = fmin(threads, groups);
    }
    double rows = at_least_1(games / groups);
    double batches = fmin(nets, rows); /* a group's games ask that many networks in turn */
    double device = batches * m->scale * nn_latency_sec(&d->infer, rows / batches);
    double host = rows * g->host_sec * r->crowd;

    if (d->per_thread)
        return threads * rows / (device * r->crowd + host);
    return rows * groups / fmax(groups * device, groups / threads * host);
}

double plan_visits_per_ply(const struct run_options *o)
{
    double cheap = (double)o->selfplay.settings.cheap_share;

    return (1 - cheap) * o->selfplay.settings.search.visits + cheap * o->selfplay.settings.cheap_visits;
}

/* While games wait to be begun, all places are taken. When none does, those in flight are halfway on average
 * (or at their start, if all began together), and are finished with half of the places taken on average, but
 * not before the longest one: mean plies and twice the spread. */
double plan_games_sec(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                      const struct plan_game *g, double n, double evals, int nets, double *tail)
{
    double places = fmin(n, o->selfplay.parallel_games);

    *tail = 0;
    if (n <= 0)
        return 0;
    double full = plan_eval_rate(g, m, r, places, nets), half = plan_eval_rate(g, m, r, at_least_1(places / 2), nets);
    double part = n > places ? 0.5 : g->spread; /* of a game's evaluations that is left when places fall empty */
    double busy = (n - part * places) * evals / full;
    double longest = (part + g->spread) * evals * at_least_1(places / 2) / half;

    *tail = fmax(part * places * evals / half, longest);
    return busy + *tail;
}

/* In lockstep all ranks wait for the last one: the largest of R sums of n games each. */
static double last_of(double ranks, double n, double spread)
{
    return ranks > 1 && n > 0 ? 1 + spread * sqrt(2 * log(ranks) / n) / 2 : 1;
}

/* ---- training ----------------------------------------------------------------------------------- */

/* Each rank's share of the batch, forward and back; the sum over ranks (a ring: each byte goes round twice);
 * the update. Gradients are 8 bytes a parameter. */
double plan_step_sec(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                     double n_params)
{
    const struct nn_device *d = m->device;
    double threads = d->per_thread ? r->threads : 1;
    double rows = (double)o->train.batch / r->train / threads, n = r->train;
    double compute = m->scale * nn_latency_sec(&d->train, at_least_1(rows)) * (d->per_thread ? r->crowd : 1);
    double sum = n > 1 ? 2 * (n - 1) / n * 8 * n_params / m->network + 2 * log2(n) * message_sec : 0;

    return compute + sum + d->update_sec;
}

/* As phases.c has it: steps for so many new rows, drawn from all that were made. */
static double steps_of(const struct run_options *o, const struct plan_past *past, double new_rows)
{
    double rows = fmin(past->total, (double)o->replay.capacity);
    double newest = (double)run_window_rows(o, (int64_t)past->total);

    if (newest > 0)
        rows = fmin(rows, newest);
    return (double)trainer_steps(&o->train, (int64_t)rows, (int64_t)new_rows);
}

/* ---- age ---------------------------------------------------------------------------------------- */

static void remember(struct plan_past *past, double rows)
{
    if (past->n == PLAN_AGE_WINDOW) {
        memmove(past->rows, past->rows + 1, (PLAN_AGE_WINDOW - 1) * sizeof *past->rows);
        past->n--;
    }
    past->rows[past->n++] = rows;
    past->total += rows;
}

/* Mean age of the window's rows when they are drawn: those of the newest iteration are `newest` old, each
 * iteration before it one network older. */
static double window_age(const struct run_options *o, const struct plan_past *past, double newest)
{
    double left = (double)run_window_rows(o, (int64_t)past->total), sum = 0, rows = 0;

    if (left <= 0 || left > (double)o->replay.capacity)
        left = (double)o->replay.capacity;
    for (int i = past->n - 1; i >= 0 && left > 0; i--) {
        double n = fmin(past->rows[i], left);

        sum += n * (newest + past->n - 1 - i);
        rows += n;
        left -= n;
    }
    return rows > 0 ? sum / rows : 0;
}

/* ---- an iteration ------------------------------------------------------------------------------- */

static bool match_due(const struct run_options *o, int64_t i, double steps)
{
    const struct match_gate *gate = &o->gate.gate;

    return steps > 0 && gate->games > 0 && (i + 1) % (gate->every > 0 ? gate->every : 1) == 0;
}

int plan_match_turns(const struct run_options *o)
{
    return o->gate.gate.min_baseline_score > 0 && o->cluster.mode != RUN_CONTINUOUS ? 2 : 1;
}

/* A match: all searches full, two networks; twice where the baseline is played too. *evals: in all. */
static double match_sec(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                        const struct plan_game *g, double *games, double *evals)
{
    double tail, n = o->gate.gate.games, per_game = g->match_plies * o->gate.match.settings.search.visits * g->evals_per_visit;
    double turns = plan_match_turns(o), mine = ceil(n / r->play);

    *games = n * turns;
    *evals = n * turns * per_game;
    return turns * plan_games_sec(o, m, r, g, mine, per_game, 2, &tail) * last_of(r->play, mine, g->spread);
}

/* Phases one after the other; with lag, training beside self-play. */
static void add_lockstep(const struct run_options *o, const struct plan_roles *r, struct plan_cost *c)
{
    double play = c->play + c->tail, rest = c->commit + c->match + c->save;

    c->wall = rest + (run_lag(o, r->all) > 0 ? fmax(play, c->train) : play + c->train);
    c->wait_play = (c->wall - c->play - c->match - (r->all ? c->train : 0)) / c->wall;
    c->wait_train = (c->wall - c->train - (r->all ? c->play + c->match : 0)) / c->wall;
}

/* All at once: the slower of the two sets the pace. Where training is the slower one more games than asked for
 * are played meanwhile. Matches are games like others to self-play ranks. */
static void add_continuous(struct plan_cost *c)
{
    double play = c->play + c->match, train = c->train + c->save;

    c->wall = fmax(play, train);
    if (play > 0 && train > play) {
        c->games *= train / play;
        c->rows *= train / play;
        c->evals *= train / play;
    }
    c->tail = 0;
    c->wait_play = 0;
    c->wait_train = (c->wall - train) / c->wall;
}

void plan_iteration(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                    const struct plan_game *g, double n_params, double row_bytes, int64_t i,
                    struct plan_past *past, struct plan_cost *c)
{
    bool continuous = o->cluster.mode == RUN_CONTINUOUS;
    double per_game = g->plies * plan_visits_per_ply(o) * g->evals_per_visit * (1 - (double)o->selfplay.mix.random_bot / 2);
    double mine = (double)o->selfplay.games / r->play, match_evals = 0;
    bool beside = !continuous && run_lag(o, r->all) > 0; /* training takes the rows of the iterations before */

    memset(c, 0, sizeof *c);
    c->games = (double)o->selfplay.games;
    c->rows = c->games * g->plies * g->rows_per_ply;
    c->evals = c->games * per_game;
    c->play = mine * per_game / plan_eval_rate(g, m, r, continuous ? o->selfplay.parallel_games
                                                                   : fmin(mine, o->selfplay.parallel_games), 1);
    if (!continuous)
        c->tail = plan_games_sec(o, m, r, g, mine, per_game, 1, &c->tail) * last_of(r->play, mine, g->spread) -
                  c->play;
    if (!beside)
        remember(past, c->rows);
    c->steps = steps_of(o, past, past->n > 0 ? past->rows[past->n - 1] : 0);
    c->train = c->steps * plan_step_sec(o, m, r, n_params);
    if (match_due(o, i, c->steps))
        c->match = match_sec(o, m, r, g, &c->matches, &match_evals);
    c->commit = commit_sec + c->rows * row_bytes / append_bytes_sec + c->rows * g->row_disk_bytes / m->disk;
    if (c->steps > 0)
        c->save = 3 * sync_sec + 20 * n_params / m->disk; /* network, checkpoint, manifest */
    if (continuous) {
        c->match = match_evals / (r->play * plan_eval_rate(g, m, r, o->selfplay.parallel_games, 1));
        add_continuous(c);
    } else {
        add_lockstep(o, r, c);
    }
    double span = per_game * o->selfplay.parallel_games /
                  plan_eval_rate(g, m, r, o->selfplay.parallel_games, 1); /* seconds from a game's start to its end */
    c->age = window_age(o, past, continuous ? fmin(span / c->wall / 2, (double)o->selfplay.max_age)
                                            : beside);
    if (beside)
        remember(past, c->rows);
    c->evals += match_evals;
}
