/* publish.c - what training made becomes a network file, is judged, and everything goes to disk. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "tengen/file.h"
#include "tengen/hash.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }

/* ---- networks ---------------------------------------------------------------------------------- */

/* model.params := the published network of this number. Rank 0 of self-play. */
static enum tg_status read_params(struct run *run, int32_t number, struct tg_error *err)
{
    struct nn_model m = {0};
    char path[RUN_PATH_MAX];
    enum tg_status rc = run_path(run->dir, RUN_NET, number, path, err);

    if (rc == TG_OK)
        rc = nn_model_load(path, &m, &run->app->log, err);
    if (rc == TG_OK && m.layout.n_params != run->model.layout.n_params)
        rc = FAIL(err, TG_EFORMAT, "%s: %zu parameters, this run's networks have %zu", path, m.layout.n_params,
                  run->model.layout.n_params);
    if (rc == TG_OK)
        memcpy(run->model.params, m.params, m.layout.n_params * sizeof *m.params);
    nn_model_close(&m);
    return rc;
}

enum tg_status run_load_params(struct run *run, int32_t number, struct tg_error *err)
{
    enum tg_status rc = comm_rank(run->selfplay) == 0 ? read_params(run, number, err) : TG_OK;

    TRY(comm_agree(run->selfplay, rc, err));
    comm_bcast(run->selfplay, run->model.params, run->model.layout.n_params * sizeof(float), 0);
    return TG_OK;
}

/* From rank 0's network into the others', from device to device where that can be. */
enum tg_status run_load_net(struct run *run, int slot, int32_t number, struct tg_error *err)
{
    const struct nn_backend *b = run->backend;
    struct nn_net *net = run->nets[slot];
    enum tg_status rc = TG_OK;

    if (run->net_in[slot] == number)
        return TG_OK;
    run->net_in[slot] = -1;
    if (comm_rank(run->selfplay) == 0) {
        rc = read_params(run, number, err);
        if (rc == TG_OK)
            rc = b->set(net, NN_PARAMS, run->model.params, err);
    }
    TRY(comm_agree(run->selfplay, rc, err));
    TRY(comm_bcast_span(run->selfplay, b->span(net, NN_PARAMS), 0, err));
    TRY(comm_agree(run->selfplay, b->set(net, NN_PARAMS, NULL, err), err));
    run->net_in[slot] = number;
    return TG_OK;
}

enum tg_status run_save_net(struct run *run, struct tg_error *err)
{
    struct manifest_net net = {
        .number = run->at.n_nets,
        .iteration = run->at.iteration,
        .step = run->manifest.n_steps + run->figures.train.n_steps,
        .n_rows = run->manifest.n_rows,
    };
    char path[RUN_PATH_MAX];

    TRY(run_path(run->dir, RUN_NET, net.number, path, err));
    run->model.step = net.step;
    run->model.n_rows = net.n_rows;
    snprintf(run->model.name, sizeof run->model.name, "%.64s-%d", run->o.name, net.number);
    TRY(nn_model_save(&run->model, path, err));
    net.hash = run->model.hash;
    return manifest_add_net(&run->manifest, &net, err);
}

enum tg_status run_publish(struct run *run, struct tg_error *err)
{
    size_t n_bytes = run->model.layout.n_params * sizeof(float);
    enum tg_status rc = TG_OK;

    if (!run->figures.trained)
        return TG_OK;
    run_phase(run, "publish");
    if (comm_rank(run->world) == run->train_root)
        rc = trainer_params(run->trainer, NN_EMA, run->model.params, err);
    TRY(comm_agree(run->world, rc, err));
    comm_bcast(run->world, run->model.params, n_bytes, run->train_root);
    TRY(comm_agree(run->world, root(run) ? run_save_net(run, err) : TG_OK, err));
    run->latest_before = run->at.latest;
    run->at.latest = run->at.n_nets++;
    run->published = true;
    return TG_OK;
}

/* ---- the gate ---------------------------------------------------------------------------------- */

/* A game of a match, as SGF. */
static void keep_match_game(struct run *run, struct kept_games *kept, const struct record_finished *game,
                            const struct selfplay_job *job)
{
    char black[32], white[32];
    struct tg_error err = {0};

    snprintf(black, sizeof black, "network %d", job->player[GAME_BLACK].net);
    snprintf(white, sizeof white, "network %d", job->player[GAME_WHITE].net);
    if (kept_games_add(kept, &run->game, game, black, white, &err) != TG_OK)
        tg_log(&run->app->log, TG_LOG_WARN, "a match game is not kept: %s", err.text);
}

enum tg_status run_keep_match(struct run *run, enum run_file file, const struct kept_games *mine, struct tg_error *err)
{
    char path[RUN_PATH_MAX];

    TRY(comm_agree(run->selfplay, run_path(run->dir, file, run->at.iteration + 1, path, err), err));
    return kept_games_write(mine, run->selfplay, path, err);
}

enum tg_status run_add_match_game(struct run *run, struct match *m, struct kept_games *kept, struct record_finished *f,
                                  const struct selfplay_job *job, struct tg_error *err)
{
    enum tg_status rc = match_add(m, f, job, err);

    if (rc == TG_OK)
        keep_match_game(run, kept, f, job);
    record_finished_free(f);
    return rc;
}

/* This rank's games of a round, until they are finished or the run is to be left. */
static enum tg_status play_round(struct run *run, struct match *m, struct kept_games *kept, struct tg_error *err)
{
    TRY(match_push(m, &run->game, run->pool, err));
    while (match_waiting(m) > 0 && !run->cut) {
        struct record_finished f;
        struct selfplay_job job;
        bool got, idle;

        TRY(selfplay_take(run->pool, 0.25, &f, &job, &got, &idle, err));
        run->cut = run_poll(run);
        if (!got)
            continue;
        TRY(run_add_match_game(run, m, kept, &f, &job, err));
    }
    return TG_OK;
}

/* The games that a match leaves behind in the pool. */
static enum tg_status drop_games(struct run *run, struct tg_error *err)
{
    bool got, idle = false;

    selfplay_cancel(run->pool);
    while (!idle) {
        struct record_finished f;
        struct selfplay_job job;

        TRY(selfplay_take(run->pool, 0, &f, &job, &got, &idle, err));
        if (got)
            record_finished_free(&f);
    }
    return TG_OK;
}

/* Collective on selfplay; run->cut on all of it: the match was left. */
static enum tg_status play_rounds(struct run *run, struct match *m, struct kept_games *kept,
                                  struct match_result *result, struct tg_error *err)
{
    for (bool more = true; more;) {
        TRY(comm_agree(run->selfplay, play_round(run, m, kept, err), err));
        if (run_cut_on(run, run->selfplay))
            return drop_games(run, err);
        TRY(match_tell(m, result, &more, err));
    }
    return TG_OK;
}

struct match_options run_match_options(const struct run *run, int64_t match_id)
{
    struct match_options o = run->o.gate.match;

    o.games = run->o.gate.gate.games;
    o.seed = run->o.seed;
    o.match_id = match_id;
    o.gate = run->o.gate.gate;
    return o;
}

/* The games go into this file of the run. */
static enum tg_status play_match(struct run *run, int32_t a, int32_t b, int64_t match_id,
                                 enum run_file file, struct match_result *result, struct tg_error *err)
{
    struct match_options o = run_match_options(run, match_id);
    struct selfplay_player pa = {RECORD_NETWORK, RUN_SLOT_CANDIDATE, a, NULL};
    struct selfplay_player pb = {RECORD_NETWORK, RUN_SLOT_CHAMPION, b, NULL};
    struct kept_games kept = {0};
    struct match *m = NULL;
    enum tg_status rc;

    TRY(run_load_net(run, RUN_SLOT_CANDIDATE, a, err));
    TRY(run_load_net(run, RUN_SLOT_CHAMPION, b, err));
    TRY(match_open(run->selfplay, &run->o.game.setups, &pa, &pb, &o, &m, err));
    rc = play_rounds(run, m, &kept, result, err);
    if (rc == TG_OK && !run->cut)
        rc = run_keep_match(run, file, &kept, err);
    kept_games_free(&kept);
    match_close(m);
    return rc;
}

/* Ratings of all networks from all matches of the run, *last too; network 0 is 0. Rank 0. */
static enum tg_status rate(struct run *run, struct manifest_match *last, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    size_t n = (size_t)m->n_matches + 1, n_nets = (size_t)run->at.n_nets;
    struct match_pairing *pairings = calloc(n, sizeof *pairings);
    double *rating = calloc(2 * n_nets, sizeof *rating);
    enum tg_status rc = TG_OK;

    if (pairings == NULL || rating == NULL) {
        rc = FAIL(err, TG_ENOMEM, "ratings of %zu networks", n_nets);
    } else {
        for (size_t i = 0; i < n; i++) {
            const struct manifest_match *r = i + 1 < n ? &m->matches[i] : last;

            pairings[i] = (struct match_pairing){r->a, r->b, r->result.games, r->result.score};
        }
        rc = match_ratings(pairings, n, (int32_t)n_nets, 0, rating, rating + n_nets, err);
    }
    if (rc == TG_OK) {
        last->elo = rating[last->a];
        last->elo_stderr = rating[n_nets + (size_t)last->a];
    }
    free(pairings);
    free(rating);
    return rc;
}

/* Rate it, say it, keep it. Rank 0. */
static enum tg_status note(struct run *run, struct manifest_match *r, const char *why, struct tg_error *err)
{
    const struct match_result *m = &r->result;

    TRY(rate(run, r, err));
    run->at.elo = r->elo;
    tg_log(&run->app->log, TG_LOG_INFO,
           "match: network %d against %d: %d wins, %d losses, %d draws of %d (%d distinct games), "
           "rating %.0f +- %.0f: %s%s%s", r->a, r->b, m->wins, m->losses, m->draws, m->games,
           m->distinct_games, r->elo, r->elo_stderr, r->decision, why[0] != '\0' ? ": " : "", why);
    if (m->distinct_games * 10 < m->games * 9)
        tg_log(&run->app->log, TG_LOG_WARN, "only %d of %d match games differ: raise gate.opening_plies",
               m->distinct_games, m->games);
    return manifest_add_match(&run->manifest, r, err);
}

enum tg_status run_note_match(struct run *run, const struct match_gate *gate, int32_t a, int32_t b, const char *why,
                              struct tg_error *err)
{
    struct run_figures *f = &run->figures;
    struct manifest_match r = {.iteration = run->at.iteration, .a = a, .b = b, .result = f->match};
    double lower, upper;

    snprintf(r.decision, sizeof r.decision, "%s",
             !gate->enabled                ? "rating"
             : f->decision == MATCH_ACCEPT ? "promoted"
             : gate->rollback              ? "rolled back"
                                           : "rejected");
    if (gate->sprt)
        match_sprt(gate, f->match.wins, f->match.draws, f->match.losses, &r.llr, &lower, &upper);
    return note(run, &r, why, err);
}

/* The candidate's two matches into the manifest. Rank 0. */
static enum tg_status note_gate(struct run *run, const struct match_result *baseline, const char *why,
                                struct tg_error *err)
{
    struct manifest_match r = {.iteration = run->at.iteration, .a = run->at.latest, .b = run->at.baseline,
                               .result = *baseline, .decision = "baseline"};

    if (baseline->games > 0)
        TRY(note(run, &r, "", err));
    return run_note_match(run, &run->o.gate.gate, run->at.latest, run->at.champion, why, err);
}

static enum tg_status play_gate(struct run *run, struct match_result *baseline, struct tg_error *err)
{
    const struct match_gate *gate = &run->o.gate.gate;
    int64_t id = 2 * run->at.iteration;

    TRY(play_match(run, run->at.latest, run->at.champion, id, RUN_MATCH, &run->figures.match, err));
    if (gate->min_baseline_score > 0 && !run->cut)
        TRY(play_match(run, run->at.latest, run->at.baseline, id + 1, RUN_BASELINE, baseline, err));
    return TG_OK;
}

/* Training goes back to the champion's parameters, with fresh moments. */
static enum tg_status roll_back(struct run *run, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    if (run->selfplay != NULL)
        rc = run_load_params(run, run->at.champion, err);
    TRY(comm_agree(run->world, rc, err));
    comm_bcast(run->world, run->model.params, run->model.layout.n_params * sizeof(float), 0);
    return comm_agree(run->world,
                      run->train != NULL ? trainer_reset(run->trainer, run->model.params, err) : TG_OK,
                      err);
}

enum tg_status run_judge(struct run *run, struct tg_error *err)
{
    const struct match_gate *gate = &run->o.gate.gate;
    struct run_figures *f = &run->figures;
    struct match_result baseline = {0};
    enum tg_status rc = TG_OK;
    char why[256] = "";
    double start = tg_now();

    if (!f->trained || run->at.latest == run->at.champion)
        return TG_OK;
    bool due = gate->games > 0 && (run->at.iteration + 1) % (gate->every > 0 ? gate->every : 1) == 0;
    if (due) {
        run_phase(run, "match");
        if (run->selfplay != NULL)
            rc = play_gate(run, &baseline, err);
        TRY(comm_agree(run->world, rc, err));
        if (run_cut(run))
            return TG_OK;
        comm_bcast(run->world, &f->match, sizeof f->match, 0);
        comm_bcast(run->world, &baseline, sizeof baseline, 0);
        f->matched = true;
        f->decision = match_gate_judge(gate, &f->match, gate->min_baseline_score > 0 ? &baseline : NULL,
                                       why, sizeof why);
        TRY(comm_agree(run->world, root(run) ? note_gate(run, &baseline, why, err) : TG_OK, err));
        comm_bcast(run->world, &run->at, sizeof run->at, 0);
    }
    f->match_sec = tg_now() - start;
    if (!gate->enabled || (due && f->decision == MATCH_ACCEPT)) {
        run->at.champion = run->at.latest;
        if (root(run))
            run->manifest.nets[run->manifest.n_nets - 1].champion = true;
        return TG_OK;
    }
    return due && gate->rollback ? roll_back(run, err) : TG_OK;
}

/* ---- checkpoint and manifest ------------------------------------------------------------------- */

enum tg_status run_ask_curriculum(struct run *run, struct tg_error *err)
{
    const struct run_figures *f = &run->figures;
    const struct script_stat stats[] = {
        {"elo", run->at.elo},
        {"games", (double)run->manifest.n_games},
        {"rows", (double)run->manifest.n_rows},
        {"steps", (double)run->manifest.n_steps},
        {"policy_loss", f->train.metrics[NN_METRIC_POLICY]},
        {"value_loss", f->train.metrics[NN_METRIC_VALUE]},
        {"score", f->matched ? f->match.score : 0.5},
        {"games_per_sec", f->play_sec > 0 ? (double)f->play.games / f->play_sec : 0},
    };
    char *changes = NULL;
    enum tg_status rc;

    TRY(script_curriculum(run->script, run->manifest.iterations, stats, sizeof stats / sizeof *stats,
                          &changes, err));
    rc = strcmp(changes, "{}") != 0
             ? manifest_add_change(&run->manifest, run->manifest.iterations, changes, err)
             : TG_OK;
    free(changes);
    return rc;
}

/* The manifest names the new checkpoint; only then the old ones may go. */
static enum tg_status note_iteration(struct run *run, uint64_t checkpoint_hash, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    const struct run_figures *f = &run->figures;
    int64_t doomed = run->at.iteration - run->o.report.keep_checkpoints, open = m->open.iteration;
    char path[RUN_PATH_MAX];

    m->iterations = run->at.iteration + 1;
    m->checkpoint = run->at.iteration;
    m->checkpoint_hash = checkpoint_hash;
    m->latest = run->at.latest;
    m->champion = run->at.champion;
    m->n_games += run->shard.n_games;
    m->n_plies += run->shard.n_moves;
    m->n_rows += run->shard.n_rows;
    if (m->next_game > 0) /* continuous mode was here before: its ids have gaps */
        m->next_game = run->at.n_games + run->shard.n_games;
    m->n_steps += f->train.n_steps;
    m->n_skipped += f->train.n_skipped;
    m->selfplay_sec += f->play_sec;
    m->train_sec += f->train_sec;
    m->match_sec += f->match_sec;
    m->elapsed_sec += tg_now() - run->started;
    run->started = tg_now();
    m->n_trained = m->n_shards - (run->lag > 0 ? run_count_shards(m, run->at.iteration) : 0);
    m->open = (struct manifest_open){.iteration = -1};
    TRY(run_ask_curriculum(run, err));
    run_phase(run, "manifest");
    TRY(manifest_save(m, run->dir, err));
    if (open >= 0)
        run_forget_open(run, open);
    if (doomed >= 0) {
        TRY(run_path(run->dir, RUN_CHECKPOINT, doomed, path, err));
        unlink(path);
    }
    return TG_OK;
}

enum tg_status run_checkpoint(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    uint64_t hash = 0, n_bytes;
    double start = tg_now();
    enum tg_status rc;

    run_phase(run, "checkpoint");
    rc = run_path(run->dir, RUN_CHECKPOINT, run->at.iteration, path, err);
    if (rc == TG_OK && run->train != NULL)
        rc = trainer_save(run->trainer, run->window, path, err);
    if (rc == TG_OK && comm_rank(run->world) == run->train_root && tg_hash_file(path, &hash, &n_bytes) != 0)
        rc = FAIL(err, TG_EIO, "%s: cannot be read back", path);
    TRY(comm_agree(run->world, rc, err));
    comm_bcast(run->world, &hash, sizeof hash, run->train_root);
    TRY(comm_agree(run->world, root(run) ? note_iteration(run, hash, err) : TG_OK, err));
    run->at.checkpoint = run->at.iteration++;
    run->at.n_games += run->shard.n_games;
    run->at.n_plies += run->shard.n_moves;
    run->at.played = run->appended = run->committed = run->published = false;
    run->open = (struct manifest_open){.iteration = -1};
    run_saved(run, tg_now() - start);
    return TG_OK;
}
