/* tell.c - what an iteration was like: for TensorBoard, log.jsonl, the log and the terminal. */
#include <math.h>
#include <string.h>

#include "run.h"
#include "tengen/file.h"

static double per_sec(double n, double sec) { return sec > 0 ? n / sec : NAN; }

static enum tg_status tell_scalars(struct run *run, struct tg_error *err)
{
    const struct run_figures *f = &run->figures;
    const struct train_stats *t = &f->train;
    double none = f->trained ? 0 : NAN, unmatched = f->matched ? 0 : NAN; /* NaN rows are left out */
    double thread_sec = f->play.infer_sec + f->play.busy_sec + f->play.idle_sec;
    const struct report_scalar scalars[] = {
        {"loss/total", t->metrics[NN_METRIC_TOTAL] + none},
        {"loss/policy", t->metrics[NN_METRIC_POLICY] + none},
        {"loss/policy_entropy", t->metrics[NN_METRIC_POLICY_ENTROPY] + none},
        {"loss/reply", t->metrics[NN_METRIC_REPLY] + none},
        {"loss/soft_policy", t->metrics[NN_METRIC_SOFT] + none},
        {"loss/value", t->metrics[NN_METRIC_VALUE] + none},
        {"loss/ownership", t->metrics[NN_METRIC_OWNERSHIP] + none},
        {"loss/score_mean", t->metrics[NN_METRIC_SCORE_MEAN] + none},
        {"loss/score_stdev", t->metrics[NN_METRIC_SCORE_STDEV] + none},
        {"loss/lead", t->metrics[NN_METRIC_LEAD] + none},
        {"train/policy_hits", t->metrics[NN_METRIC_POLICY_HITS] + none},
        {"train/value_hits", t->metrics[NN_METRIC_VALUE_HITS] + none},
        {"train/learning_rate", t->learning_rate + none},
        {"train/grad_norm", t->grad_norm + none},
        {"train/steps", (double)t->n_steps + none},
        {"train/skipped", (double)t->n_skipped + none},
        {"train/rescaled", t->n_rescaled > 0 ? (double)t->n_rescaled + none : (double)NAN},
        {"train/sample_age", t->sample_age + none},
        {"train/rows_per_sec", per_sec((double)t->n_rows, t->sec) + none},
        {"selfplay/games_per_sec", per_sec((double)f->play.games, f->play_sec)},
        {"selfplay/evals_per_sec", per_sec((double)f->play.evaluations, f->play_sec)},
        {"selfplay/rows", (double)f->n_rows},
        {"selfplay/row_age", f->n_rows > 0 ? f->age / (double)f->n_rows : NAN},
        {"selfplay/plies_per_game",
         f->play.games > 0 ? (double)f->play.plies / (double)f->play.games : NAN},
        {"selfplay/infer_share", thread_sec > 0 ? f->play.infer_sec / thread_sec : NAN},
        {"selfplay/idle_share", thread_sec > 0 ? f->play.idle_sec / thread_sec : NAN},
        {"selfplay/games_at_once", f->limit > 0 ? (double)f->limit : NAN},
        {"selfplay/max_row_age", f->n_rows > 0 ? f->max_age : NAN},
        {"selfplay/wait_share", f->wait_play_sec > 0 ? f->wait_play_sec / (f->wait_play_sec + f->play_sec) : 0},
        {"cluster/trainers", run->all ? (double)NAN : (double)run->trainers},
        {"train/wait_share", f->wait_train_sec > 0 ? f->wait_train_sec / (f->wait_train_sec + f->train_sec) : 0},
        {"time/selfplay_sec", f->play_sec},
        {"time/commit_sec", f->commit_sec},
        {"time/train_sec", f->train_sec},
        {"time/match_sec", f->match_sec},
        {"match/score", f->match.score + unmatched},
        {"match/elo", run->at.elo + unmatched},
        {"match/distinct_games", (double)f->match.distinct_games + unmatched},
        {"match/blunder_rate", f->match.blunder_rate[0] + unmatched},
    };

    return report_scalars(run->report, "iteration", run->at.iteration, scalars,
                          sizeof scalars / sizeof *scalars, err);
}

/* For the progress line of the next iteration, which has no figures yet. */
static void keep_losses(struct run *run)
{
    const struct train_stats *t = &run->figures.train;

    if (t->n_steps == 0)
        return;
    run->live.policy_loss = t->metrics[NN_METRIC_POLICY];
    run->live.value_loss = t->metrics[NN_METRIC_VALUE];
}

/* at.iteration already counts this one: it is the number of those that are done. */
enum tg_status run_tell_here(struct run *run, struct tg_error *err)
{
    const struct run_figures *f = &run->figures;
    const struct train_stats *t = &f->train;
    char training[128] = "no training yet";

    TRY(tell_scalars(run, err));
    keep_losses(run);
    if (f->play_sec > 0 && f->train_sec > 0)
        run->live.play_share = f->play_sec / (f->play_sec + f->train_sec);
    if (t->n_steps > 0)
        snprintf(training, sizeof training, "%lld steps in %.1f s, policy %.3f (of %.3f), value %.3f",
                 (long long)t->n_steps, f->train_sec, t->metrics[NN_METRIC_POLICY],
                 t->metrics[NN_METRIC_POLICY_ENTROPY], t->metrics[NN_METRIC_VALUE]);
    tg_log(&run->app->log, TG_LOG_INFO,
           "iteration %lld of %lld: %lld games, %lld rows in %.1f s (%.1f games/s, %.0f evals/s); %s",
           (long long)run->at.iteration, (long long)run->o.iterations, (long long)f->play.games,
           (long long)f->n_rows, f->play_sec, per_sec((double)f->play.games, f->play_sec),
           per_sec((double)f->play.evaluations, f->play_sec), training);
    return TG_OK;
}

enum tg_status run_tell(struct run *run, struct tg_error *err)
{
    return comm_agree(run->world, comm_rank(run->world) == 0 ? run_tell_here(run, err) : TG_OK, err);
}

/* ---- the progress line --------------------------------------------------------------------------- */

void run_count_play(struct run *run)
{
    struct selfplay_stats s;

    selfplay_stats_peek(run->pool, &s);
    comm_pulse_set(run->pulse, RUN_PULSE_EVER_GAMES, run->live.games + s.games);
    comm_pulse_set(run->pulse, RUN_PULSE_EVER_EVALS, run->live.evaluations + s.evaluations);
}

void run_progress_init(struct run *run)
{
    run->live = (struct run_live){.iteration = -1, .play_share = 0.7, .policy_loss = NAN, .value_loss = NAN};
}

/* Of the iteration: its figures where its games are over, else what the ranks have said so far. */
static void show_rates(struct run *run, struct report_progress *p)
{
    const struct selfplay_stats *done = &run->figures.play;
    const int64_t *sums = comm_pulse_sums(run->pulse);
    struct run_live *l = &run->live;
    double now = tg_now();

    if (l->iteration != run->at.iteration) {
        l->iteration = run->at.iteration;
        l->since = now;
        l->games_before = sums[RUN_PULSE_EVER_GAMES];
        l->evaluations_before = sums[RUN_PULSE_EVER_EVALS];
    }
    if (run->figures.play_sec > 0) {
        p->games_per_sec = per_sec((double)done->games, run->figures.play_sec);
        p->evals_per_sec = per_sec((double)done->evaluations, run->figures.play_sec);
    } else {
        p->games_per_sec = per_sec((double)(sums[RUN_PULSE_EVER_GAMES] - l->games_before), now - l->since);
        p->evals_per_sec = per_sec((double)(sums[RUN_PULSE_EVER_EVALS] - l->evaluations_before), now - l->since);
    }
}

static double time_left(const struct run *run, bool training, double done)
{
    double play = run->lag == 0 && run->o.cluster.mode == RUN_LOCKSTEP ? run->live.play_share : 1;
    double part = training && play < 1 ? play + done * (1 - play) : done * play;
    double share = ((double)(run->at.iteration - run->first_iteration) + part) /
                   (double)(run->o.iterations - run->first_iteration);

    return share > 0.01 ? (tg_now() - run->opened) / share * (1 - share) : (double)NAN;
}

void run_progress(struct run *run, const char *phase, double done)
{
    struct report_progress p = {
        .iteration = run->at.iteration,
        .iterations = run->o.iterations,
        .phase = phase,
        .done = done,
        .rows = run->at.n_rows,
        .left_sec = time_left(run, strcmp(phase, "training") == 0, done),
    };

    if (run->report == NULL)
        return;
    show_rates(run, &p);
    keep_losses(run);
    p.policy_loss = run->live.policy_loss;
    p.value_loss = run->live.value_loss;
    report_progress(run->report, &p);
}
