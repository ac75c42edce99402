/* continuous.c - the cycle without waiting.
 *
 * Self-play ranks play all the time; their main threads stage finished games and do what else there is
 * beside the workers. What all have to do together is started by a sum of the pulse, which is the same
 * on every rank, so nobody gives orders and nobody is asked:
 *   enough games staged          -> commit: one shard, announced by rank 0 to the train root
 *   a round of training is ready -> publish: its parameters, broadcast to all self-play ranks, who take
 *                                   them up between two batches; rank 0 writes network and manifest
 *   no match game is waited for  -> the match is judged, or SPRT has a few more games played
 *   a rank failed or was stopped -> all leave
 *   ranks are to change sides    -> all leave, and begin again
 * Between two sums no rank does anything collective with self-play ranks. Trainers work in rounds: the
 * shards announced since the last one, train.rows_per_new_row draws for each of their rows, a
 * checkpoint, a network. A round is what lockstep mode calls an iteration. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "continuous.h"
#include "tengen/file.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }
static bool train_root(const struct run *run) { return comm_rank(run->world) == run->train_root; }

/* ---- publishing --------------------------------------------------------------------------------- */

/* What rank 0 answers: the next round's options. */
struct answer { struct run_options o; struct run_state at; int trainers; };

/* Self-play does not wait here; how long it took for the round's rows is what it made them in. Rank 0. */
static void judge_roles(struct run *run, const struct round_notice *notice)
{
    const struct run_figures *f = &run->figures;

    if (f->n_rows > 0 && run->at.iteration + 1 < run->o.iterations)
        run_judge_roles(run, (tg_now() - run->continuous->since) * (double)notice->n_rows / (double)f->n_rows,
                        notice->train_sec);
}

static enum tg_status prepare_answer(struct run *run, struct answer *a, struct tg_error *err)
{
    struct manifest *m = &run->manifest;

    m->iterations = run->at.iteration + 1;
    m->n_steps += run->figures.train.n_steps;
    TRY(run_ask_curriculum(run, err));
    a->o = run->o;
    TRY(script_options(run->script, run->at.iteration + 1, &a->o, err));
    a->o.seed = m->seed;
    a->o.iterations = run->o.iterations; /* as --iterations says */
    a->at = run->at;
    a->trainers = run->next_trainers;
    return TG_OK;
}

static void count_shards(struct manifest *m)
{
    m->n_games = m->n_rows = m->n_plies = 0;
    for (int64_t i = 0; i < m->n_shards; i++)
        if (m->shards[i].iteration < m->iterations) {
            m->n_games += m->shards[i].n_games;
            m->n_rows += m->shards[i].n_rows;
            m->n_plies += m->shards[i].n_moves;
        }
}

/* Network, checkpoint and figures into the run directory. Rank 0. */
static enum tg_status note_round(struct run *run, const struct round_notice *notice, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    const struct run_figures *f = &run->figures;
    int64_t doomed = run->at.iteration - run->o.report.keep_checkpoints, open = m->open.iteration;
    char path[RUN_PATH_MAX];

    m->n_steps -= f->train.n_steps; /* run_save_net adds them itself */
    TRY(run_save_net(run, err));
    m->n_steps += f->train.n_steps;
    m->n_skipped += f->train.n_skipped;
    count_shards(m);
    m->checkpoint = run->at.iteration;
    m->checkpoint_hash = notice->checkpoint_hash;
    m->latest = run->at.n_nets;
    m->champion = run->at.champion;
    m->n_trained = notice->n_trained;
    m->open = (struct manifest_open){.iteration = -1};
    m->selfplay_sec += f->play_sec;
    m->train_sec += f->train_sec;
    m->elapsed_sec += tg_now() - run->started;
    run->started = tg_now();
    TRY(manifest_save(m, run->dir, err));
    if (open >= 0)
        run_forget_open(run, open);
    if (doomed >= 0 && run_path(run->dir, RUN_CHECKPOINT, doomed, path, NULL) == TG_OK)
        unlink(path);
    return TG_OK;
}

/* Rank 0, when everybody has the network. */
static enum tg_status record_round(struct run *run, const struct round_notice *notice, struct tg_error *err)
{
    double staged_age = run->figures.age; /* of rows that are not committed yet */

    run->figures.age = run->continuous->age;
    TRY(note_round(run, notice, err));
    run->at.iteration++; /* run_tell counts this one */
    enum tg_status rc = run_tell_here(run, err);
    run->at.iteration--;
    run->figures.age = staged_age;
    return rc;
}

/* What was played and how long that took, up to one and the same moment: games go on while the network is written
 * and taken up, and all of that is the next round's, so figures of rounds add up. */
static void count_round(struct run *run)
{
    struct continuous *c = run->continuous;
    double now = tg_now();

    continuous_count_play(run);
    run->figures.play_sec = now - c->since;
    c->since = now;
}

static enum tg_status take_round(struct run *run, const struct round_notice *notice, struct tg_error *err)
{
    enum tg_status rc;

    count_round(run);
    rc = root(run) ? record_round(run, notice, err) : TG_OK;
    TRY(comm_agree(run->selfplay, rc, err));
    run->at.checkpoint = run->at.iteration++;
    run->at.latest = run->at.n_nets++;
    TRY(continuous_take_network(run, err));
    run->figures = (struct run_figures){.age = run->figures.age};
    run->continuous->age = 0;
    return TG_OK;
}

enum tg_status continuous_publish(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct round_notice notice = c->notice;
    struct answer answer;
    enum tg_status rc = TG_OK;

    run_phase(run, "publish");
    memset(&answer, 0, sizeof answer);
    comm_bcast(c->line, &notice, sizeof notice, c->line_root);
    comm_bcast(c->line, run->model.params, run->model.layout.n_params * sizeof(float), c->line_root);
    run->figures.train = notice.stats;
    run->figures.train_sec = notice.train_sec;
    run->figures.wait_train_sec = notice.wait_sec;
    run->figures.trained = true;
    if (root(run)) {
        judge_roles(run, &notice);
        rc = prepare_answer(run, &answer, err);
    }
    TRY(comm_agree(c->line, rc, err));
    comm_bcast(c->line, &answer, sizeof answer, 0);
    if (run->selfplay != NULL) {
        TRY(take_round(run, &notice, err));
    } else {
        run->at.latest = answer.at.n_nets;
        run->at.n_nets = answer.at.n_nets + 1;
    }
    run->o = answer.o;
    c->n_published++;
    if (answer.at.iteration + 1 >= run->o.iterations || answer.trainers > 0)
        c->over = true;
    run_phase(run, run->selfplay != NULL ? "self-play" : "train");
    return TG_OK;
}

/* ---- the pulse ---------------------------------------------------------------------------------- */

enum tg_status continuous_act(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    bool player = run->selfplay != NULL;

    run_poll(run);
    if (c->over || comm_pulse_number(run->pulse) == c->pulse)
        return TG_OK;
    c->pulse = comm_pulse_number(run->pulse);
    int64_t sums[RUN_PULSE_ITEMS];
    memcpy(sums, comm_pulse_sums(run->pulse), sizeof sums);
    if (sums[RUN_PULSE_FAILED] > 0 || sums[RUN_PULSE_STOP] > 0) {
        c->over = true;
        return TG_OK;
    }
    if (sums[RUN_PULSE_READY] > c->n_published)
        TRY(continuous_publish(run, err));
    if (c->over || !player)
        return TG_OK;
    bool save = sums[RUN_PULSE_CHECKPOINT] > c->n_saves;
    c->n_saves = sums[RUN_PULSE_CHECKPOINT];
    if (sums[RUN_PULSE_STAGED] >= run->o.selfplay.games || (save && sums[RUN_PULSE_STAGED] > 0))
        TRY(continuous_commit(run, err));
    if (c->match != NULL && c->match_pulse < c->pulse && sums[RUN_PULSE_MATCH] == 0)
        TRY(continuous_tell_match(run, err));
    return TG_OK;
}

/* A rank that failed, or does not play, hears the others until all know. */
static void wait_for_the_end(struct run *run)
{
    struct continuous *c = run->continuous;
    struct tg_error ignored = {0};

    while (!c->over) {
        if (c->line != NULL) {
            if (continuous_act(run, &ignored) != TG_OK)
                comm_pulse_set(run->pulse, RUN_PULSE_FAILED, 1);
        } else {
            run_poll(run);
            c->over = comm_pulse_sums(run->pulse)[RUN_PULSE_FAILED] > 0 || run->stopping;
        }
        run_nap();
    }
}

/* ---- beginning and leaving ---------------------------------------------------------------------- */

static enum tg_status open_line(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    bool member = run->selfplay != NULL || train_root(run);
    int64_t rank;

    TRY(comm_subset(run->world, member, "line", &c->line, err));
    rank = train_root(run) ? comm_rank(c->line) : 0;
    comm_sum_i64(run->world, &rank, 1);
    c->line_root = (int)rank;
    if (c->line != NULL)
        run_control_wait(run, c->line);
    return TG_OK;
}

/* Shards that the manifest has beyond those of the checkpoint go to the train root again. */
static enum tg_status announce_rest(struct run *run, struct tg_error *err)
{
    const struct manifest *m = &run->manifest;
    struct continuous *c = run->continuous;

    for (int64_t i = c->n_trained; root(run) && i < m->n_shards; i++) {
        TRY(comm_post(c->line, c->line_root, &m->shards[i], sizeof m->shards[i], err));
        c->posted++;
    }
    return TG_OK;
}

static enum tg_status begin(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;

    TRY(open_line(run, err));
    c->iteration = run->at.iteration;
    c->n_saves = run_saves_heard(run); /* before ranks changed sides */
    comm_bcast(run->world, &c->n_saves, sizeof c->n_saves, 0);
    c->n_trained = run->manifest.n_trained; /* rank 0 knows */
    comm_bcast(run->world, &c->n_trained, sizeof c->n_trained, 0);
    c->open_shards = run->appended ? run->open.n_shards : 0;
    for (int64_t i = run->at.n_rows = 0; root(run) && i < c->n_trained + c->open_shards; i++)
        run->at.n_rows += run->manifest.shards[i].n_rows;
    comm_bcast(run->world, &run->at, sizeof run->at, 0);
    c->n_old_shards = run->at.n_shards;
    TRY(comm_agree(run->world, announce_rest(run, err), err));
    if (run->selfplay != NULL)
        TRY(continuous_play_open(run, err));
    run_control_hold(run, c->line != NULL);
    return TG_OK;
}

/* What is still on its way arrives; then everything goes to disk. Collective on the world. */
static enum tg_status leave(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    double start = tg_now();
    unsigned char pending = c->n_ready > c->n_published;
    enum tg_status rc = TG_OK;

    comm_bcast(run->world, &pending, 1, run->train_root);
    if (pending && c->line != NULL)
        rc = continuous_publish(run, err);
    TRY(comm_agree(run->world, rc, err));
    run_phase(run, "leave");
    run->open = (struct manifest_open){.iteration = run->at.iteration};
    if (run->selfplay != NULL)
        rc = continuous_play_leave(run, err);
    TRY(comm_agree(run->world, rc, err));
    comm_bcast(run->world, &c->posted, sizeof c->posted, 0);
    if (train_root(run))
        while (c->fetched < c->posted) { /* the last announcements: the manifest has them */
            struct replay_shard_info unused;

            c->fetched += comm_fetch(c->line, &unused, sizeof unused);
        }
    comm_bcast(run->world, &c->open_shards, sizeof c->open_shards, run->train_root);
    comm_bcast(run->world, &run->at, sizeof run->at, 0);
    if (run->train != NULL && c->open_shards > 0)
        rc = run_leave_training(run, err);
    TRY(comm_agree(run->world, rc, err));
    uint64_t hash = run->open.checkpoint_hash;
    comm_bcast(run->world, &hash, sizeof hash, run->train_root);
    if (root(run)) {
        run->open.checkpoint_hash = hash;
        run->open.n_shards = c->open_shards;
        run->open.appended = c->open_shards > 0;
        run->manifest.open = run->open;
        run->manifest.elapsed_sec += tg_now() - run->started;
        run->started = tg_now();
        rc = manifest_save(&run->manifest, run->dir, err);
    }
    TRY(comm_agree(run->world, rc, err));
    run_saved(run, tg_now() - start);
    return TG_OK;
}

static void close_all(struct run *run)
{
    struct continuous *c = run->continuous;

    if (run->selfplay != NULL)
        continuous_play_close(run);
    comm_close(c->line);
    free(c->waiting);
    free(c);
    run->continuous = NULL;
}

static enum tg_status work(struct run *run, struct tg_error *err)
{
    enum tg_status rc = run->selfplay != NULL ? continuous_play(run, err) : continuous_train(run, err);

    if (rc != TG_OK)
        comm_pulse_set(run->pulse, RUN_PULSE_FAILED, 1);
    wait_for_the_end(run);
    run_control_hold(run, false);
    return comm_agree(run->world, rc, err);
}

enum tg_status run_continuous(struct run *run, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    if (run->all)
        return FAIL(err, TG_EINVAL, "cluster.mode = \"continuous\" needs trainers of its own: cluster.trainers = "
                    "a number of ranks, or \"1/host\"");
    if (run->o.gate.gate.rollback)
        return FAIL(err, TG_EINVAL, "gate.rollback is for cluster.mode = \"lockstep\"");
    if (run->o.gate.gate.min_baseline_score > 0)
        return FAIL(err, TG_EINVAL, "gate.min_baseline_score is for cluster.mode = \"lockstep\"");
    run->continuous = calloc(1, sizeof *run->continuous);
    TRY(comm_agree(run->world, run->continuous == NULL ? FAIL(err, TG_ENOMEM, "run") : TG_OK, err));
    TRY_OUT(run_resolve(run, err));
    TRY_OUT(begin(run, err));
    TRY_OUT(work(run, err));
    TRY_OUT(leave(run, err));
out:
    close_all(run);
    return rc;
}
