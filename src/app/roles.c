/* roles.c - which ranks play and which train, and how ranks go over to the other side.
 *
 * Between two iterations everything is on disk (lockstep), or is put there as for a stop (continuous
 * mode: games in flight too). Then communicators are split anew, each side closes and opens what hangs on
 * them, and the run goes on from disk as a new start would: games in flight on whoever plays now, training
 * from its checkpoint. So nothing can be lost that a stop would not lose, and in lockstep mode, where
 * nothing depends on the number of ranks, a run with moves makes the same networks as one without. */
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tengen/file.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }

/* ---- splitting ---------------------------------------------------------------------------------- */

/* cluster.trainers, or what the last move made of it: with the same number of ranks and the same config a
 * run goes on as it was. Rank 0. */
static int taken_up(const struct run *run, int n)
{
    const struct manifest *m = &run->manifest;
    const struct manifest_roles *last = m->n_roles > 0 ? &m->roles[m->n_roles - 1] : NULL;

    if (run->o.cluster.rebalance && last != NULL && last->ranks == comm_size(run->world) &&
        strcmp(last->configured, run->o.cluster.trainers) == 0)
        return last->trainers;
    return n;
}

static enum tg_status count_trainers(struct run *run, struct tg_error *err)
{
    const char *text = run->o.cluster.trainers;
    char *end;

    run->all = strcmp(text, "all") == 0;
    if (run->all || run->trainers > 0)
        return TG_OK;
    run->trainers = (int)strtol(text, &end, 10);
    if (run->trainers < 1 || end == text || (*end != '\0' && strcmp(end, "/host") != 0))
        return FAIL(err, TG_EINVAL, "cluster.trainers = \"%s\": not \"all\", a number, or \"N/host\"", text);
    run->per_host = *end != '\0';
    if (!run->per_host && run->trainers >= comm_size(run->world))
        return FAIL(err, TG_EINVAL, "cluster.trainers = %d of %d ranks leaves none for self-play: start "
                    "more ranks, or say \"all\"", run->trainers, comm_size(run->world));
    if (root(run))
        run->trainers = taken_up(run, run->trainers);
    return TG_OK;
}

int run_lag(const struct run_options *o, bool all)
{
    if (o->cluster.lag >= 0)
        return o->cluster.lag;
    return all ? 0 : 1; /* who does nothing but train need not wait for the games */
}

/* The last ranks, of the run or of each host; rank 0 always plays. */
static bool is_trainer(const struct run *run)
{
    const struct comm *c = run->per_host ? run->host : run->world;

    return run->all || (comm_rank(c) >= comm_size(c) - run->trainers && comm_rank(run->world) != 0);
}

enum tg_status run_split_roles(struct run *run, struct tg_error *err)
{
    int size = comm_size(run->world);
    unsigned char mine, *roles;

    TRY(comm_agree(run->world, count_trainers(run, err), err));
    comm_bcast(run->world, &run->trainers, sizeof run->trainers, 0);
    mine = is_trainer(run);
    TRY(comm_subset(run->world, run->all || !mine, "selfplay", &run->selfplay, err));
    TRY(comm_subset(run->world, mine, "train", &run->train, err));
    if (run->selfplay != NULL)
        comm_log(run->selfplay, &run->app->log);
    if (run->train != NULL)
        comm_log(run->train, &run->app->log);
    roles = malloc((size_t)size);
    TRY(comm_agree(run->world, roles == NULL ? FAIL(err, TG_ENOMEM, "roles") : TG_OK, err));
    comm_allgather(run->world, &mine, roles, 1);
    run->train_root = -1;
    for (int r = size - 1; r >= 0; r--)
        if (roles[r])
            run->train_root = r; /* the first trainer: rank 0 of its communicator */
    free(roles);
    if (run->train_root < 0)
        return FAIL(err, TG_EINVAL, "cluster.trainers = \"%s\" leaves no trainer with %d ranks",
                    run->o.cluster.trainers, size);
    return TG_OK;
}

void run_close_roles(struct run *run)
{
    comm_close(run->selfplay);
    comm_close(run->train);
    run->selfplay = run->train = NULL;
}

/* ---- moving ------------------------------------------------------------------------------------- */

void run_judge_roles(struct run *run, double play_sec, double train_sec)
{
    int size = run->per_host ? run->smallest_host : comm_size(run->world);
    const struct rebalance_limits limits = {
        .min = run->o.cluster.trainers_min,
        .max = run->o.cluster.trainers_max > 0 ? run->o.cluster.trainers_max : size - 1,
        .margin = (double)run->o.cluster.rebalance_margin,
        .patience = run->o.cluster.rebalance_patience,
    };
    const struct rebalance_seen seen = {.n_play = size - run->trainers, .n_train = run->trainers,
                                        .play_sec = play_sec, .train_sec = train_sec};

    if (!root(run) || !run->o.cluster.rebalance || run->all || run->next_trainers > 0 || seen.n_play < 1)
        return;
    int n = rebalance_decide(&run->balance, &limits, &seen, run->balance_why, sizeof run->balance_why);
    if (n != run->trainers)
        run->next_trainers = n;
}

static enum tg_status note_move(struct run *run, struct tg_error *err)
{
    struct manifest_roles r = {.iteration = run->at.iteration, .ranks = comm_size(run->world),
                               .trainers = run->next_trainers};

    snprintf(r.configured, sizeof r.configured, "%s", run->o.cluster.trainers);
    snprintf(r.reason, sizeof r.reason, "%s", run->balance_why);
    tg_log(&run->app->log, TG_LOG_INFO, "from iteration %lld on: %s%s", (long long)run->at.iteration + 1,
           r.reason, run->per_host ? " on each host" : "");
    TRY(report_event(run->report, "roles", r.reason, err));
    TRY(manifest_add_roles(&run->manifest, &r, err));
    return manifest_save(&run->manifest, run->dir, err);
}

enum tg_status run_change_roles(struct run *run, struct tg_error *err)
{
    int n = run->next_trainers;

    comm_bcast(run->world, &n, sizeof n, 0);
    if (n == 0)
        return TG_OK;
    run_phase(run, "roles");
    TRY(comm_agree(run->world, root(run) ? note_move(run, err) : TG_OK, err));
    run->next_trainers = 0;
    run->trainers = n;
    bool player = !is_trainer(run);
    run_close_sides(run, player && run->pool != NULL);
    run_control_pause(run);
    run_close_roles(run);
    TRY(run_split_roles(run, err));
    TRY(run_control_resume(run, err));
    run_take_state(run);
    return run_open_sides(run, err);
}
