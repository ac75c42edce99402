/* continuous_play.c - self-play ranks in continuous mode: games go on and on. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "continuous.h"
#include "tengen/file.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }

/* ---- jobs --------------------------------------------------------------------------------------- */

/* The settings of games begun from now on. */
static enum tg_status keep_settings(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct kept_settings *k;

    if (c->settings != NULL && memcmp(&c->settings->settings, &run->o.selfplay.settings,
                                      sizeof c->settings->settings) == 0)
        return TG_OK;
    k = malloc(sizeof *k);
    if (k == NULL)
        return FAIL(err, TG_ENOMEM, "settings");
    k->settings = run->o.selfplay.settings;
    k->next = c->settings;
    c->settings = k;
    return TG_OK;
}

/* Which game of the mix of n that of this id is. A rank plays one id in so many; where that step keeps time with the
 * mix it would meet all games of a kind or none of them, so each round of n begins one further on than the last. */
static int64_t place_in_mix(int64_t id, int64_t n) { return (id + id / n) % n; }

/* The game of this id; its opponent follows from the id, as in lockstep mode. */
static void make_job(const struct run *run, int64_t id, struct selfplay_job *job)
{
    const struct run_options *o = &run->o;
    enum selfplay_opponent opponent;
    enum game_color learner;

    memset(job, 0, sizeof *job);
    selfplay_mix_pick(&o->selfplay.mix, o->selfplay.games, place_in_mix(id, o->selfplay.games), &opponent, &learner);
    job->id = id;
    job->seed = o->seed;
    job->opening_key = (uint64_t)id;
    job->record = true;
    selfplay_setup_draw(&run->game, &o->game.setups, o->seed, id, &job->setup);
    for (int side = 0; side < 2; side++) {
        job->settings[side] = &run->continuous->settings->settings;
        job->player[side] = (struct selfplay_player){RECORD_NETWORK, RUN_SLOT_PLAYER,
                                                     run->net_in[RUN_SLOT_PLAYER], NULL};
    }
    if (opponent == SELFPLAY_RANDOM_BOT)
        job->player[!learner] = (struct selfplay_player){RECORD_RANDOM_BOT, 0, -1, NULL};
    else if (opponent == SELFPLAY_PREVIOUS && run->net_in[RUN_SLOT_PREVIOUS] >= 0)
        job->player[!learner] = (struct selfplay_player){RECORD_NETWORK, RUN_SLOT_PREVIOUS,
                                                         run->net_in[RUN_SLOT_PREVIOUS], NULL};
}

/* As many games wait as may be played at once, so that no worker does. */
static enum tg_status refill(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    int64_t queued, flying;

    selfplay_load(run->pool, &queued, &flying);
    for (; queued < c->limit; queued++) {
        struct selfplay_job job;

        make_job(run, c->next_id, &job);
        TRY(selfplay_push(run->pool, &job, 1, err));
        c->next_id += comm_size(run->selfplay);
    }
    return TG_OK;
}

void continuous_keep_playing(struct run *run)
{
    struct continuous *c = run->continuous;
    struct tg_error ignored = {0}; /* the next refill fails too, and says so */

    if (c != NULL && c->settings != NULL && !c->over)
        (void)refill(run, &ignored);
}

/* ---- networks ----------------------------------------------------------------------------------- */

/* model.params into a slot whose games go on. */
static enum tg_status change_network(struct run *run, int slot, int32_t number, struct tg_error *err)
{
    enum tg_status rc = selfplay_pause(run->pool, err);

    if (rc == TG_OK)
        rc = run->backend->set(run->nets[slot], NN_PARAMS, run->model.params, err);
    selfplay_number(run->pool, slot, number);
    selfplay_resume(run->pool);
    run->net_in[slot] = number;
    return rc;
}

/* A published network into a slot. Collective on selfplay; model.params changes. */
static enum tg_status load_network(struct run *run, int slot, int32_t number, struct tg_error *err)
{
    if (run->net_in[slot] == number)
        return TG_OK;
    TRY(run_load_params(run, number, err));
    return comm_agree(run->selfplay, change_network(run, slot, number, err), err);
}

static enum tg_status load_previous(struct run *run, struct tg_error *err)
{
    int32_t previous = run_previous(run, run->net_in[RUN_SLOT_PLAYER]);

    return previous >= 0 ? load_network(run, RUN_SLOT_PREVIOUS, previous, err) : TG_OK;
}

/* ---- matches ------------------------------------------------------------------------------------ */

static bool match_due(const struct run *run)
{
    const struct match_gate *gate = &run->o.gate.gate;

    return gate->games > 0 && run->continuous->match == NULL && run->at.latest != run->at.champion &&
           run->at.iteration % (gate->every > 0 ? gate->every : 1) == 0;
}

/* Those of the match, or with SPRT the next few pairs. Other games fill the places meanwhile, so no worker waits at the
 * end of a round of them. Judged is what all games of whole rounds say, as in lockstep mode: those that happen to be
 * finished would be the short ones, which need not go out as the others do. */
static enum tg_status push_match_games(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;

    TRY(comm_agree(run->selfplay, match_push(c->match, &run->game, run->pool, err), err));
    c->match_pulse = c->pulse;
    comm_pulse_set(run->pulse, RUN_PULSE_MATCH, match_waiting(c->match));
    return TG_OK;
}

/* The latest network, in model.params, against the champion. */
static enum tg_status begin_match(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct selfplay_player a = {RECORD_NETWORK, RUN_SLOT_CANDIDATE, run->at.latest, NULL};
    struct selfplay_player b = {RECORD_NETWORK, RUN_SLOT_CHAMPION, run->at.champion, NULL};
    struct match_options o = run_match_options(run, 2 * (run->at.iteration - 1));

    TRY(comm_agree(run->selfplay, change_network(run, RUN_SLOT_CANDIDATE, run->at.latest, err), err));
    TRY(load_network(run, RUN_SLOT_CHAMPION, run->at.champion, err));
    c->match_gate = o.gate;
    c->match_setups = run->o.game.setups;
    TRY(match_open(run->selfplay, &c->match_setups, &a, &b, &o, &c->match, err));
    c->match_a = run->at.latest;
    c->match_b = run->at.champion;
    c->match_start = tg_now();
    return push_match_games(run, err);
}

static void drop_match(struct run *run)
{
    struct continuous *c = run->continuous;

    kept_games_free(&c->match_games);
    match_close(c->match);
    c->match = NULL;
    comm_pulse_set(run->pulse, RUN_PULSE_MATCH, 0);
}

static enum tg_status promote(struct run *run, int32_t number, struct tg_error *err)
{
    run->at.champion = number;
    if (root(run)) {
        run->manifest.champion = number;
        run->manifest.nets[number].champion = true;
    }
    return run->o.selfplay.use_candidate ? TG_OK : load_network(run, RUN_SLOT_PLAYER, number, err);
}

/* Match file and manifest entry go under the last published iteration. */
static enum tg_status judge(struct run *run, const struct match_result *result, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    char why[256] = "";

    c->match_gate.enabled = run->o.gate.gate.enabled; /* no champion is made where there is no gate any more */
    run->figures.match = *result;
    run->figures.matched = true;
    run->figures.match_sec = tg_now() - c->match_start;
    run->figures.decision = match_gate_judge(&c->match_gate, result, NULL, why, sizeof why);
    run->at.iteration--;
    enum tg_status rc = root(run) ? run_note_match(run, &c->match_gate, c->match_a, c->match_b, why, err) : TG_OK;
    rc = comm_agree(run->selfplay, rc, err);
    if (rc == TG_OK)
        rc = run_keep_match(run, RUN_MATCH, &c->match_games, err);
    run->at.iteration++;
    return rc;
}

static enum tg_status end_match(struct run *run, const struct match_result *result, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    enum tg_status rc = judge(run, result, err);
    int32_t number = c->match_a;

    drop_match(run);
    TRY(rc);
    comm_bcast(run->selfplay, &run->at.elo, sizeof run->at.elo, 0);
    if (run->o.gate.gate.enabled && run->figures.decision == MATCH_ACCEPT)
        TRY(promote(run, number, err));
    run->manifest.match_sec += root(run) ? run->figures.match_sec : 0;
    return comm_agree(run->selfplay, root(run) ? manifest_save(&run->manifest, run->dir, err) : TG_OK, err);
}

enum tg_status continuous_tell_match(struct run *run, struct tg_error *err)
{
    struct match_result result;
    bool more;

    TRY(match_tell(run->continuous->match, &result, &more, err));
    return more ? push_match_games(run, err) : end_match(run, &result, err);
}

enum tg_status continuous_take_network(struct run *run, struct tg_error *err)
{
    enum tg_status rc = keep_settings(run, err);

    if (rc == TG_OK && run->o.selfplay.use_candidate)
        rc = change_network(run, RUN_SLOT_PLAYER, run->at.latest, err);
    TRY(comm_agree(run->selfplay, rc, err));
    if (match_due(run))
        TRY(begin_match(run, err));
    if (!run->o.gate.gate.enabled)
        TRY(promote(run, run->at.latest, err));
    return load_previous(run, err);
}

/* ---- commits ------------------------------------------------------------------------------------ */

/* More games at once make each game span more networks: as few as keep new rows young enough. The same
 * on all ranks. */
static void steer(struct run *run, double mean_age)
{
    struct continuous *c = run->continuous;
    double max = (double)run->o.selfplay.max_age, limit = c->limit;

    if (mean_age > max)
        limit *= fmax(0.5, max / mean_age);
    else if (mean_age < 0.8 * max)
        limit = limit * 1.1 + 1;
    c->limit = limit < 1 ? 1 : limit > run->o.selfplay.parallel_games ? run->o.selfplay.parallel_games : (int)limit;
    selfplay_limit(run->pool, c->limit);
}

static void add_stats(struct selfplay_stats *sum, const struct selfplay_stats *s)
{
    sum->games += s->games;
    sum->plies += s->plies;
    sum->evaluations += s->evaluations;
    sum->batches += s->batches;
    sum->searches += s->searches;
    sum->infer_sec += s->infer_sec;
    sum->busy_sec += s->busy_sec;
    sum->idle_sec += s->idle_sec;
}

void continuous_count_play(struct run *run)
{
    struct selfplay_stats stats;

    run_sum_play(run, &stats);
    add_stats(&run->figures.play, &stats);
}

/* Rank 0's sampled games, begun again. */
static void turn_sgf(struct run *run, bool again)
{
    struct continuous *c = run->continuous;

    if (c->sgf != NULL)
        fclose(c->sgf);
    c->sgf = NULL;
    if (!again)
        return;
    free(run->sgf);
    run->sgf = NULL;
    if (root(run) && run->o.report.sgf_games > 0)
        c->sgf = open_memstream(&run->sgf, &run->sgf_bytes);
}

static enum tg_status note_commit(struct run *run, const struct replay_shard_info *files, int n, double next_game,
                                  struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    struct continuous *c = run->continuous;

    turn_sgf(run, false);
    for (int i = 0; i < n; i++)
        TRY(manifest_add_shard(m, &files[i], err));
    if (n > 0)
        TRY(run_write_sgf(run, err));
    m->next_game = (int64_t)next_game;
    if (n > 0) { /* games kept by an earlier stop may be among these: taken up again they would be written twice */
        m->open.n_flying = 0;
        memset(&m->open.shard, 0, sizeof m->open.shard);
    }
    TRY(manifest_save(m, run->dir, err));
    for (int i = 0; i < n; i++, c->posted++)
        TRY(comm_post(c->line, c->line_root, &files[i], sizeof files[i], err));
    return TG_OK;
}

/* All that is staged -> shards, the manifest, the train root. sum: of all that was written. */
static enum tg_status write_shards(struct run *run, struct replay_shard_info *sum, struct tg_error *err)
{
    double next_game = (double)run->continuous->next_id;
    struct replay_shard_info *files = NULL;
    int n = 0;
    enum tg_status rc;

    memset(sum, 0, sizeof *sum);
    TRY_OUT(replay_writer_commit_files(run->writer, run->at.n_shards, run->at.iteration, &files, &n, err));
    comm_max_f64(run->selfplay, &next_game, 1);
    TRY_OUT(comm_agree(run->selfplay, root(run) ? note_commit(run, files, n, next_game, err) : TG_OK, err));
    run->at.n_shards += n;
    if (n > 0)
        run_sum_shards(files, n, sum);
out:
    free(files);
    return rc;
}

enum tg_status continuous_commit(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct run_figures *f = &run->figures;
    struct replay_shard_info written;
    double start = tg_now(), age = f->age;

    run_phase(run, "commit");
    TRY(write_shards(run, &written, err));
    continuous_count_play(run);
    comm_sum_f64(run->selfplay, &age, 1);
    comm_max_f64(run->selfplay, &f->max_age, 1);
    c->age += age;
    f->age = 0;
    f->n_rows += written.n_rows;
    if (written.n_rows > 0)
        steer(run, age / (double)written.n_rows);
    f->limit = c->limit;
    f->commit_sec += tg_now() - start;
    c->n_staged = 0;
    comm_pulse_set(run->pulse, RUN_PULSE_STAGED, 0);
    turn_sgf(run, true);
    run_phase(run, "self-play");
    return TG_OK;
}

/* ---- the main thread of a self-play rank --------------------------------------------------------- */

/* The first few games that rank 0 finishes after a commit are kept as SGF. */
static FILE *sgf_of(struct run *run)
{
    return run->continuous->n_staged < run->o.report.sgf_games ? run->continuous->sgf : NULL;
}

static enum tg_status take(struct run *run, double timeout_sec, bool *got, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct record_finished f;
    struct selfplay_job job;
    bool idle;

    TRY(selfplay_take(run->pool, timeout_sec, &f, &job, got, &idle, err));
    if (!*got)
        return TG_OK;
    if (c->match != NULL && match_owns(c->match, job.id)) {
        enum tg_status rc = run_add_match_game(run, c->match, &c->match_games, &f, &job, err);

        comm_pulse_set(run->pulse, RUN_PULSE_MATCH, match_waiting(c->match));
        return rc;
    }
    TRY(run_stage_game(run, sgf_of(run), &f, &job, err));
    comm_pulse_set(run->pulse, RUN_PULSE_STAGED, ++c->n_staged);
    comm_pulse_set(run->pulse, RUN_PULSE_GAMES, c->n_staged);
    return TG_OK;
}

enum tg_status continuous_play(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;

    run_phase(run, "self-play");
    while (!c->over) {
        double timeout = 0.05;
        bool got = true;

        TRY(refill(run, err));
        for (int i = 0; i < c->limit && got && !c->over; i++, timeout = 0)
            TRY(take(run, timeout, &got, err));
        TRY(continuous_act(run, err));
        run_count_play(run);
        if (!c->over)
            run_progress(run, "self-play", (double)comm_pulse_sums(run->pulse)[RUN_PULSE_STAGED] /
                                               (double)run->o.selfplay.games);
    }
    return TG_OK;
}

/* ---- beginning and end --------------------------------------------------------------------------- */

static enum tg_status thaw(struct run *run, struct selfplay_frozen *game, struct tg_error *err)
{
    struct selfplay_job job;

    if (game->id >= run->continuous->next_id) /* lockstep mode counts games as they are committed */
        run->continuous->next_id = game->id + 1;
    make_job(run, game->id, &job);
    if (selfplay_frozen_self(game)) /* begun when there was no older network to play against */
        for (int side = 0; side < 2; side++)
            job.player[side] = (struct selfplay_player){RECORD_NETWORK, RUN_SLOT_PLAYER,
                                                        run->net_in[RUN_SLOT_PLAYER], NULL};
    return selfplay_thaw(run->pool, &job, game, err);
}

/* What an iteration that was left has: its games in flight, and those that lockstep mode finished. New games have
 * ids behind all of theirs. Collective on selfplay. */
static enum tg_status take_up(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    enum tg_status rc = TG_OK;

    c->next_id = run->at.n_games;
    TRY(run_check_open(run, err));
    if (run->open.iteration == run->at.iteration) {
        rc = run_stage_finished(run, &c->n_staged, &c->next_id, err);
        if (rc == TG_OK)
            rc = run_thaw_all(run, thaw, err);
    }
    TRY(comm_agree(run->selfplay, rc, err));
    comm_pulse_set(run->pulse, RUN_PULSE_STAGED, c->n_staged);
    double next_id = (double)c->next_id;
    comm_max_f64(run->selfplay, &next_id, 1);
    c->next_id = (int64_t)next_id + comm_rank(run->selfplay);
    return TG_OK;
}

enum tg_status continuous_play_open(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct selfplay_stats before;

    c->limit = run->o.selfplay.parallel_games;
    selfplay_limit(run->pool, c->limit); /* the pool may be older than this: ranks have changed sides */
    TRY(load_network(run, RUN_SLOT_PLAYER,
                     run->o.selfplay.use_candidate ? run->at.latest : run->at.champion, err));
    run->net_in[RUN_SLOT_PREVIOUS] = -1;
    TRY(load_previous(run, err));
    TRY(comm_agree(run->selfplay, keep_settings(run, err), err));
    turn_sgf(run, true);
    run_take_play(run, &before);
    c->since = tg_now();
    return take_up(run, err);
}

static bool is_own(const struct run *run, int64_t id)
{
    return run->continuous->match == NULL || !match_owns(run->continuous->match, id);
}

enum tg_status continuous_play_leave(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    enum tg_status rc = TG_OK;
    bool got = true;

    TRY(run_freeze(run, is_own, err));
    while (rc == TG_OK && got)
        rc = take(run, 0, &got, err);
    TRY(comm_agree(run->selfplay, rc, err));
    if (c->match != NULL)
        drop_match(run);
    return continuous_commit(run, err);
}

void continuous_play_close(struct run *run)
{
    struct continuous *c = run->continuous;

    if (c->match != NULL) {
        selfplay_cancel(run->pool);
        drop_match(run);
    }
    selfplay_cancel(run->pool); /* games point to the settings below */
    turn_sgf(run, false);
    while (c->settings != NULL) {
        struct kept_settings *k = c->settings;

        c->settings = k->next;
        free(k);
    }
}
