/* control.c - requests from outside, and how all ranks hear of them.
 *
 * Any rank may get a signal; rank 0 looks at the stop file and the clock. Each rank's requests go into
 * the pulse, so that all learn of them within a second or two wherever they are, and leave their phase
 * at its next safe place. That an iteration was left is then agreed by a collective (run_cut). */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "continuous.h"
#include "tengen/file.h"

enum { LOOK_USEC = 200000, /* between looks at the stop file */
       SLOW_NSEC = 50000000 }; /* of a rank that was made slow */

struct run_control {
    int seen[RUN_SIGNALS];     /* signals that were acted upon */
    int64_t asked[RUN_PULSE_STATUS + 1]; /* by this rank, in all */
    int64_t heard[RUN_PULSE_STATUS + 1]; /* of all ranks, acted upon */
    double quiet_until[RUN_PULSE_STATUS + 1]; /* one request reaches the ranks one after the other */
    double look_at;            /* rank 0: when the stop file is looked at next */
    double polled_at;          /* tg_now() of the last look at anything; 0: none yet */
    double deaf_sec;           /* the longest time between two looks: this rank's, and of all from run_saved on */
    double end_at;             /* rank 0: tg_now() when the time is over; 0: never */
    char end_of[32];           /* whose clock that is */
    int64_t worked;            /* by this rank's pool, when it was last looked at */
    bool quitting, hold;
};

/* ---- the clock ---------------------------------------------------------------------------------- */

/* "90", "5:00", "1:30:00", "2-12:00:00" -> seconds. */
static enum tg_status parse_walltime(const char *text, double *sec, struct tg_error *err)
{
    double days = 0, total = 0;
    const char *at = strchr(text, '-');
    char *end;

    if (at != NULL) {
        days = strtod(text, &end);
        if (end != at)
            return FAIL(err, TG_EINVAL, "--walltime %s: not seconds, MM:SS, HH:MM:SS or D-HH:MM:SS", text);
    }
    for (at = at != NULL ? at + 1 : text;; at = end + 1) {
        double part = strtod(at, &end);

        if (end == at || !(part >= 0) || (*end != ':' && *end != '\0'))
            return FAIL(err, TG_EINVAL, "--walltime %s: not seconds, MM:SS, HH:MM:SS or D-HH:MM:SS", text);
        total = total * 60 + part;
        if (*end == '\0')
            break;
    }
    *sec = total + 86400 * days;
    return TG_OK;
}

/* The earlier of --walltime, counted from the start of the process, and the end of the Slurm job. */
static enum tg_status find_end(struct run *run, struct tg_error *err)
{
    struct run_control *k = run->control;
    const char *slurm = getenv("SLURM_JOB_END_TIME");
    double sec = 0;

    if (slurm != NULL && atof(slurm) > 0) {
        k->end_at = tg_now() + atof(slurm) - (double)time(NULL);
        snprintf(k->end_of, sizeof k->end_of, "end of the Slurm job");
    }
    if (run->command.walltime != NULL) {
        TRY(parse_walltime(run->command.walltime, &sec, err));
        if (k->end_at == 0 || run->app->started + sec < k->end_at) {
            k->end_at = run->app->started + sec;
            snprintf(k->end_of, sizeof k->end_of, "--walltime");
        }
    }
    return TG_OK;
}

static bool time_is_over(const struct run *run)
{
    const struct run_control *k = run->control;
    double opening = run->opened > 0 ? run->opened - run->app->started : 0; /* closing is no quicker */
    double margin = (double)run->o.cluster.stop_margin_sec + opening + 2 * (run->save_sec + k->deaf_sec);

    return k->end_at > 0 && tg_now() >= k->end_at - margin;
}

/* ---- requests ----------------------------------------------------------------------------------- */

static void ask(struct run *run, enum run_pulse_item what, const char *reason)
{
    struct run_control *k = run->control;

    comm_pulse_set(run->pulse, what, ++k->asked[what]);
    if (what == RUN_PULSE_STOP && run->stop_reason[0] == '\0')
        snprintf(run->stop_reason, sizeof run->stop_reason, "%s", reason);
}

static void look_at_signals(struct run *run)
{
    const int actions[RUN_SIGNALS] = {run->o.cluster.on_usr1, run->o.cluster.on_usr2,
                                      run->o.cluster.on_term, run->o.cluster.on_int};
    static const enum run_pulse_item items[RUN_ON_SIGNALS] = {
        [RUN_ON_STOP] = RUN_PULSE_STOP,
        [RUN_ON_CHECKPOINT] = RUN_PULSE_CHECKPOINT,
        [RUN_ON_STATUS] = RUN_PULSE_STATUS,
    };

    for (int s = 0; s < RUN_SIGNALS; s++) {
        int n = run_signals_count((enum run_signal)s);

        if (n == run->control->seen[s])
            continue;
        run->control->seen[s] = n;
        if (actions[s] != RUN_ON_IGNORE)
            ask(run, items[actions[s]], run_signal_name((enum run_signal)s));
    }
}

static void look_at_the_clock(struct run *run)
{
    struct run_control *k = run->control;
    char path[RUN_PATH_MAX];
    double now = tg_now();

    if (comm_rank(run->world) != 0 || run->stopping || now < k->look_at)
        return;
    k->look_at = now + 1e-6 * LOOK_USEC;
    if (k->asked[RUN_PULSE_STOP] > 0)
        return;
    if (time_is_over(run))
        ask(run, RUN_PULSE_STOP, k->end_of);
    else if (run_path(run->dir, RUN_STOP, 0, path, NULL) == TG_OK && access(path, F_OK) == 0)
        ask(run, RUN_PULSE_STOP, "the file stop");
}

static void log_status(struct run *run)
{
    const int64_t *sums = comm_pulse_sums(run->pulse);

    if (comm_rank(run->world) != 0)
        return;
    tg_log(&run->app->log, TG_LOG_INFO,
           "status: iteration %lld of %lld: %lld of %lld games finished, step %lld of %lld; %lld games, %lld rows, "
           "%lld networks before; this start is %.0f s old",
           (long long)run->at.iteration + 1, (long long)run->o.iterations, (long long)sums[RUN_PULSE_GAMES],
           (long long)run->o.selfplay.games, (long long)sums[RUN_PULSE_STEPS],
           (long long)sums[RUN_PULSE_STEPS_OF], (long long)run->at.n_games, (long long)run->at.n_rows,
           (long long)run->at.n_nets, tg_now() - run->opened);
}

/* A new request of this kind? One to all ranks (mpirun forwards signals) counts once. */
static bool hear(struct run *run, enum run_pulse_item what)
{
    struct run_control *k = run->control;
    int64_t sum = comm_pulse_sums(run->pulse)[what];
    double now = tg_now();

    if (sum <= k->heard[what])
        return false;
    k->heard[what] = sum;
    if (now < k->quiet_until[what])
        return false;
    k->quiet_until[what] = now + 3;
    return true;
}

static void poll_pulse(struct run *run)
{
    struct tg_log *log = comm_rank(run->world) == 0 ? &run->app->log : NULL;

    if (!comm_pulse_poll(run->pulse))
        return;
    if (hear(run, RUN_PULSE_STOP) && !run->stopping) {
        run->stopping = true;
        if (run->stop_reason[0] == '\0')
            snprintf(run->stop_reason, sizeof run->stop_reason, "a signal to another rank");
        tg_log(log, TG_LOG_INFO, "stopping: %s", run->stop_reason);
    }
    if (hear(run, RUN_PULSE_CHECKPOINT) && !run->stopping) {
        run->checkpointing = true;
        tg_log(log, TG_LOG_INFO, "saving all, as asked for");
    }
    if (hear(run, RUN_PULSE_STATUS))
        log_status(run);
}

/* How long a request may go unheard here, on a busy machine or while a shard is written. */
static void note_look(struct run_control *k)
{
    double now = tg_now();

    if (k->polled_at > 0 && now - k->polled_at > k->deaf_sec)
        k->deaf_sec = now - k->polled_at;
    k->polled_at = now;
}

/* Self-play and matches get on, for the watchdogs, while positions are evaluated or games end. */
static void note_work(struct run *run)
{
    struct selfplay_stats s;

    if (run->pool == NULL)
        return;
    selfplay_stats_peek(run->pool, &s);
    if (s.evaluations + s.games != run->control->worked)
        comm_progress();
    run->control->worked = s.evaluations + s.games;
}

bool run_poll(struct run *run)
{
    if (run->pulse == NULL || run->control->quitting)
        return run->stopping;
    note_look(run->control);
    note_work(run);
    if (run->slow)
        nanosleep(&(struct timespec){.tv_nsec = SLOW_NSEC}, NULL);
    look_at_signals(run);
    look_at_the_clock(run);
    poll_pulse(run);
    return run->stopping || run->checkpointing;
}

static void on_wait(void *ctx)
{
    struct run *run = ctx;

    if (!run->control->hold)
        run_poll(run);
    else if (run->selfplay != NULL)
        continuous_keep_playing(run);
}

void run_control_wait(struct run *run, struct comm *c) { comm_on_wait(c, on_wait, run); }
int64_t run_saves_heard(const struct run *run) { return run->control->heard[RUN_PULSE_CHECKPOINT]; }

void run_control_hold(struct run *run, bool hold) { run->control->hold = hold; }

void run_nap(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); }

/* ---- agreement ---------------------------------------------------------------------------------- */

bool run_cut_on(struct run *run, struct comm *c)
{
    double cut = run->cut;

    comm_max_f64(c, &cut, 1);
    run->cut = cut > 0;
    return run->cut;
}

bool run_cut(struct run *run) { return run_cut_on(run, run->world); }

bool run_stop_agreed(struct run *run)
{
    double stop = run_poll(run) && run->stopping;

    comm_max_f64(run->world, &stop, 1);
    run->stopping = stop > 0;
    return run->stopping;
}

void run_saved(struct run *run, double sec)
{
    double max[2] = {sec > run->save_sec ? sec : run->save_sec, run->control->deaf_sec};

    comm_max_f64(run->world, max, 2);
    run->save_sec = max[0];
    run->control->deaf_sec = max[1];
}

/* ---- opening ------------------------------------------------------------------------------------ */

/* All waits of these communicators go on hearing of the others, or none does. */
static void hear_in_waits(struct run *run, bool on)
{
    struct comm *waits[] = {run->world, run->host, run->selfplay, run->train};

    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (waits[i] != NULL)
            comm_on_wait(waits[i], on ? on_wait : NULL, on ? run : NULL);
}

enum tg_status run_control_resume(struct run *run, struct tg_error *err)
{
    TRY(comm_pulse_open(run->world, RUN_PULSE_ITEMS, (double)run->o.cluster.pulse_sec, &run->pulse, err));
    for (int i = 0; i <= RUN_PULSE_STATUS; i++)
        comm_pulse_set(run->pulse, i, run->control->asked[i]);
    hear_in_waits(run, true);
    return TG_OK;
}

void run_control_pause(struct run *run)
{
    hear_in_waits(run, false);
    comm_pulse_close(run->pulse);
    run->pulse = NULL;
}

enum tg_status run_control_open(struct run *run, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    run->control = calloc(1, sizeof *run->control);
    if (run->control == NULL)
        rc = FAIL(err, TG_ENOMEM, "control");
    if (rc == TG_OK && comm_rank(run->world) == 0)
        rc = find_end(run, err);
    TRY(comm_agree(run->world, rc, err));
    return run_control_resume(run, err);
}

void run_control_close(struct run *run)
{
    if (run->control != NULL)
        run->control->quitting = true;
    run_control_pause(run);
    free(run->control);
    run->control = NULL;
}
