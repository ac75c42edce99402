/* phases.c - self-play, commit, training: what the ranks of a role do in an iteration. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tengen/file.h"
#include "tengen/rng.h"

/* ---- self-play --------------------------------------------------------------------------------- */

/* One of the last past_window champions before network `player`; -1: there was none. Rank 0. */
static int32_t draw_champion(const struct run *run, int32_t player)
{
    const struct manifest *m = &run->manifest;
    struct tg_rng r = tg_rng_stream(run->o.seed, TG_RNG_GAME, (uint64_t)run->at.iteration, 2);
    int32_t n = 0, skip;

    for (int32_t i = 0; i < player && i < m->n_nets; i++)
        n += m->nets[i].champion;
    if (n == 0)
        return -1;
    skip = n > run->o.selfplay.past_window ? n - run->o.selfplay.past_window : 0;
    skip += (int32_t)tg_rng_below(&r, (uint32_t)(n - skip));
    for (int32_t i = 0;; i++)
        if (m->nets[i].champion && skip-- == 0)
            return i;
}

int32_t run_previous(const struct run *run, int32_t player)
{
    int32_t number = -1;

    if (run->o.selfplay.mix.previous <= 0)
        return -1;
    if (comm_rank(run->world) == 0)
        number = draw_champion(run, player);
    comm_bcast(run->selfplay, &number, sizeof number, 0);
    return number;
}

/* Game number k of the iteration. */
void run_make_job(const struct run *run, int64_t k, struct selfplay_job *job)
{
    const struct run_options *o = &run->o;
    int32_t player = run->net_in[RUN_SLOT_PLAYER], previous = run->net_in[RUN_SLOT_PREVIOUS];
    enum selfplay_opponent opponent;
    enum game_color learner;
    int64_t id = run->at.n_games + k;

    memset(job, 0, sizeof *job);
    selfplay_mix_pick(&o->selfplay.mix, o->selfplay.games, k, &opponent, &learner);
    job->id = id;
    job->seed = o->seed;
    job->opening_key = (uint64_t)id;
    job->record = true;
    selfplay_setup_draw(&run->game, &o->game.setups, o->seed, id, &job->setup);
    for (int c = 0; c < 2; c++) {
        job->settings[c] = &o->selfplay.settings;
        job->player[c] = (struct selfplay_player){RECORD_NETWORK, RUN_SLOT_PLAYER, player, NULL};
    }
    if (opponent == SELFPLAY_RANDOM_BOT)
        job->player[!learner] = (struct selfplay_player){RECORD_RANDOM_BOT, 0, -1, NULL};
    else if (opponent == SELFPLAY_PREVIOUS && previous >= 0)
        job->player[!learner] = (struct selfplay_player){RECORD_NETWORK, RUN_SLOT_PREVIOUS, previous, NULL};
}

/* Those of the games first .. first + n - 1 that are not there yet. */
static enum tg_status push_jobs(struct run *run, int64_t first, int64_t n, const bool *have,
                                struct tg_error *err)
{
    struct selfplay_job *jobs = malloc(((size_t)n + 1) * sizeof *jobs);
    size_t n_jobs = 0;
    enum tg_status rc;

    if (jobs == NULL)
        return FAIL(err, TG_ENOMEM, "%lld games", (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (!have[i])
            run_make_job(run, first + i, &jobs[n_jobs++]);
    rc = selfplay_push(run->pool, jobs, n_jobs, err);
    free(jobs);
    return rc;
}

static void player_name(const struct selfplay_player *p, char name[32])
{
    if (p->kind == RECORD_RANDOM_BOT)
        snprintf(name, 32, "random bot");
    else
        snprintf(name, 32, "network %d", p->net);
}

/* The first games of the iteration by id, so which are kept does not depend on the ranks. In continuous mode ids
 * belong to no iteration: out is NULL there but for games that are to be kept. */
static enum tg_status keep_sgf(struct run *run, FILE *out, const struct record_finished *f,
                               const struct selfplay_job *job, struct tg_error *err)
{
    char black[32], white[32];

    if (out == NULL || (run->o.cluster.mode == RUN_LOCKSTEP &&
                        f->game.id - run->at.n_games >= run->o.report.sgf_games))
        return TG_OK;
    player_name(&job->player[GAME_BLACK], black);
    player_name(&job->player[GAME_WHITE], white);
    return sgf_write(out, &run->game, f, black, white, err);
}

/* Hand a finished game to the writer, its rows' ages filled in. */
enum tg_status run_stage_game(struct run *run, FILE *sgf, struct record_finished *f,
                              const struct selfplay_job *job, struct tg_error *err)
{
    struct record_layout l;

    comm_progress();
    TRY(keep_sgf(run, sgf, f, job, err));
    record_layout_init(&l, &run->game);
    for (int32_t i = 0; i < f->game.n_rows; i++) {
        struct record_head *h = (struct record_head *)(void *)(f->rows + (size_t)i * l.row_bytes);

        h->age = h->net >= 0 ? run->at.latest - h->net : 0;
        run->figures.age += h->age;
        run->figures.max_age = fmax(run->figures.max_age, h->age);
    }
    return replay_writer_push(run->writer, f, err);
}

/* Until all games are finished, or the run is to be left. */
static enum tg_status play_games(struct run *run, int64_t done, int64_t n, FILE *sgf, struct tg_error *err)
{
    bool idle = false;

    while (!idle && !run->cut) {
        struct record_finished f;
        struct selfplay_job job;
        bool got;

        TRY(selfplay_take(run->pool, 0.25, &f, &job, &got, &idle, err));
        if (got) {
            TRY(run_stage_game(run, sgf, &f, &job, err));
            done++;
        }
        comm_pulse_set(run->pulse, RUN_PULSE_GAMES, done);
        run_count_play(run);
        run->cut = run_poll(run) && !idle;
        run_progress(run, "self-play", n > 0 ? (double)done / (double)n : 1);
    }
    return TG_OK;
}

/* This rank's games of the iteration: those that an earlier start has left, then the others. */
static enum tg_status play_mine(struct run *run, int64_t first, int64_t n, FILE *sgf, struct tg_error *err)
{
    bool *have = calloc((size_t)n + 1, sizeof *have);
    int64_t done = 0, queued, flying;
    enum tg_status rc = have == NULL ? FAIL(err, TG_ENOMEM, "%lld games", (long long)n) : TG_OK;

    if (rc == TG_OK)
        rc = run_take_up(run, first, n, have, sgf, err);
    if (rc == TG_OK) {
        selfplay_load(run->pool, &queued, &flying);
        for (int64_t i = 0; i < n; i++)
            done += have[i];
        done -= queued + flying;
        rc = push_jobs(run, first, n, have, err);
    }
    free(have);
    return rc == TG_OK ? play_games(run, done, n, sgf, err) : rc;
}

static enum tg_status play_share(struct run *run, struct tg_error *err)
{
    int64_t rank = comm_rank(run->selfplay), size = comm_size(run->selfplay);
    int64_t first = rank * run->o.selfplay.games / size;
    int64_t n = (rank + 1) * run->o.selfplay.games / size - first;
    FILE *sgf = NULL;
    enum tg_status rc;

    free(run->sgf);
    run->sgf = NULL;
    if (run->o.report.sgf_games > 0 && rank == 0)
        sgf = open_memstream(&run->sgf, &run->sgf_bytes);
    rc = play_mine(run, first, n, sgf, err);
    if (sgf != NULL)
        fclose(sgf);
    return rc;
}

void run_take_play(struct run *run, struct selfplay_stats *s)
{
    selfplay_stats_take(run->pool, s);
    run->live.games += s->games;
    run->live.evaluations += s->evaluations;
}

void run_sum_play(struct run *run, struct selfplay_stats *s)
{
    double v[8];

    run_take_play(run, s);
    v[0] = (double)s->games, v[1] = (double)s->plies, v[2] = (double)s->evaluations;
    v[3] = (double)s->batches, v[4] = (double)s->searches;
    v[5] = s->infer_sec, v[6] = s->busy_sec, v[7] = s->idle_sec;
    comm_sum_f64(run->selfplay, v, 8);
    s->games = (int64_t)v[0], s->plies = (int64_t)v[1], s->evaluations = (int64_t)v[2];
    s->batches = (int64_t)v[3], s->searches = (int64_t)v[4];
    s->infer_sec = v[5], s->busy_sec = v[6], s->idle_sec = v[7];
}

enum tg_status run_play(struct run *run, struct tg_error *err)
{
    double start = tg_now();
    int32_t player = run->o.selfplay.use_candidate ? run->at.latest : run->at.champion;
    int32_t previous;
    struct selfplay_stats before;

    if (run->selfplay == NULL || run->at.played)
        return TG_OK;
    if (run_pretraining(run))
        return run_import(run, err);
    run_phase(run, "self-play");
    TRY(run_load_net(run, RUN_SLOT_PLAYER, player, err));
    previous = run_previous(run, player);
    run->net_in[RUN_SLOT_PREVIOUS] = previous < 0 ? -1 : run->net_in[RUN_SLOT_PREVIOUS];
    if (previous >= 0)
        TRY(run_load_net(run, RUN_SLOT_PREVIOUS, previous, err));
    run_take_play(run, &before);
    run->figures.age = 0;
    TRY(run_check_open(run, err));
    TRY(comm_agree(run->selfplay, play_share(run, err), err));
    run->figures.play_sec = tg_now() - start;
    run_sum_play(run, &run->figures.play);
    comm_sum_f64(run->selfplay, &run->figures.age, 1);
    comm_max_f64(run->selfplay, &run->figures.max_age, 1);
    return TG_OK;
}

/* ---- commit ------------------------------------------------------------------------------------ */

enum tg_status run_write_sgf(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];

    if (run->sgf == NULL || run->sgf_bytes == 0)
        return TG_OK;
    TRY(run_path(run->dir, RUN_GAMES_OF, run->at.iteration + 1, path, err));
    return tg_file_replace(path, run->sgf, run->sgf_bytes, err);
}

void run_sum_shards(const struct replay_shard_info *shards, int64_t n, struct replay_shard_info *sum)
{
    *sum = shards[0];
    for (int64_t i = 1; i < n; i++) {
        sum->n_rows += shards[i].n_rows;
        sum->n_games += shards[i].n_games;
        sum->n_moves += shards[i].n_moves;
        sum->n_bytes += shards[i].n_bytes;
    }
}

int64_t run_count_shards(const struct manifest *m, int64_t iteration)
{
    int64_t n = 0;

    while (n < m->n_shards && m->shards[m->n_shards - 1 - n].iteration == iteration)
        n++;
    return n;
}

static enum tg_status note_shards(struct run *run, const struct replay_shard_info *files, int n,
                                  struct tg_error *err)
{
    for (int i = 0; i < n; i++)
        TRY(manifest_add_shard(&run->manifest, &files[i], err));
    TRY(run_write_sgf(run, err));
    return manifest_save(&run->manifest, run->dir, err);
}

/* What is staged becomes the iteration's shards; files are known to self-play ranks. */
static enum tg_status write_shards(struct run *run, struct replay_shard_info **files, int *n, struct tg_error *err)
{
    bool root = comm_rank(run->world) == 0;
    enum tg_status rc = TG_OK;

    if (run->selfplay != NULL)
        rc = replay_writer_commit_files(run->writer, run->at.n_shards, run->at.iteration, files, n, err);
    TRY(comm_agree(run->world, rc, err));
    return comm_agree(run->world, root ? note_shards(run, *files, *n, err) : TG_OK, err);
}

/* The iteration's shards, from the manifest to all ranks; files [n] (malloc'd) is the caller's. */
static enum tg_status tell_shards(struct run *run, struct replay_shard_info **files, int *n, struct tg_error *err)
{
    bool root = comm_rank(run->world) == 0;

    free(*files);
    *n = root ? (int)run_count_shards(&run->manifest, run->at.iteration) : 0;
    comm_bcast(run->world, n, sizeof *n, 0);
    *files = malloc(((size_t)*n + 1) * sizeof **files);
    TRY(comm_agree(run->world, *files == NULL ? FAIL(err, TG_ENOMEM, "list of shards") : TG_OK, err));
    if (root && *n > 0)
        memcpy(*files, &run->manifest.shards[run->manifest.n_shards - *n], (size_t)*n * sizeof **files);
    comm_bcast(run->world, *files, (size_t)*n * sizeof **files, 0);
    return TG_OK;
}

/* The shards of this iteration into the window, once. fresh: they have just been written. */
static enum tg_status append_shards(struct run *run, const struct replay_shard_info *files, int n, bool fresh,
                                    struct tg_error *err)
{
    char path[RUN_PATH_MAX];

    if (run->train == NULL || run->appended)
        return TG_OK;
    for (int i = 0; i < n; i++) {
        TRY(run_path(run->dir, RUN_SHARD, files[i].number, path, err));
        TRY(replay_window_append_new(run->window, path, &files[i], fresh ? RUN_SEEN_SEC : 0, &run->app->log, err));
    }
    return TG_OK;
}

enum tg_status run_commit(struct run *run, struct tg_error *err)
{
    struct replay_shard_info *files = NULL;
    int n = 0;
    double start = tg_now();
    enum tg_status rc = TG_OK;

    run_phase(run, "commit");
    run->shard_before = run->shard;
    run->committed = true;
    if (!run->at.played)
        TRY_OUT(write_shards(run, &files, &n, err));
    bool written = !run->at.played;
    TRY_OUT(tell_shards(run, &files, &n, err));
    if (written)
        run->at.n_shards += n;
    memset(&run->shard, 0, sizeof run->shard);
    if (n > 0)
        run_sum_shards(files, n, &run->shard);
    run->at.n_rows += run->shard.n_rows;
    run->at.played = true;
    run->figures.n_rows = run->shard.n_rows;
    rc = append_shards(run, files, n, written, err);
    run->appended = true;
    run->figures.commit_sec = tg_now() - start;
    rc = comm_agree(run->world, rc, err);
out:
    free(files);
    return rc;
}

/* ---- training ---------------------------------------------------------------------------------- */

static bool train_progress(void *ctx, int64_t step, int64_t n_steps, const struct train_stats *so_far)
{
    struct run *run = ctx;

    run->figures.train = *so_far;
    run_progress(run, "training", (double)step / (double)n_steps);
    comm_pulse_set(run->pulse, RUN_PULSE_STEPS, comm_rank(run->train) == 0 ? step : 0);
    comm_pulse_set(run->pulse, RUN_PULSE_STEPS_OF, comm_rank(run->train) == 0 ? n_steps : 0);
    return run_poll(run);
}

/* KataGo's power law: how many of the newest rows take part when `total` were ever made; 0: all. */
int64_t run_window_rows(const struct run_options *o, int64_t total)
{
    double min = (double)o->replay.window_min, alpha = (double)o->replay.window_alpha, n = (double)total;
    int64_t rows = 0, max = o->replay.window_max;

    if (alpha > 0 && n > min)
        rows = (int64_t)(min * (1 + (double)o->replay.window_beta * (pow(n / min, alpha) - 1) / alpha));
    return max > 0 && (rows == 0 || rows > max) ? max : rows;
}

/* What the trainers do in this iteration. */
static enum tg_status train_share(struct run *run, int64_t *steps, struct train_stats *stats,
                                  struct tg_error *err)
{
    int64_t n_newest = run_window_rows(&run->o, run->at.n_rows), rows = replay_window_rows(run->window);
    bool imported = run->o.replay.pretrain[0] != '\0' && run->shard.iteration == 0;

    if (run_pretraining(run))
        n_newest = 0; /* all of them */
    if (n_newest > 0 && n_newest < rows)
        rows = n_newest;
    *steps = trainer_steps(&run->o.train, rows, imported ? 0 : run->shard.n_rows);
    if (run_pretraining(run))
        *steps = run->o.replay.pretrain_steps > 0 ? run->o.replay.pretrain_steps
                                                  : (rows + run->o.train.batch - 1) / run->o.train.batch;
    if (run->lag > 0 && run->appended)
        *steps = 0; /* an earlier start has done them all: only the figures are taken up */
    TRY(replay_window_set_alpha(run->window, run->o.replay.alpha, err));
    if (*steps > 0 || run->appended)
        TRY(trainer_run(run->trainer, run->window, &run->o.train, *steps, n_newest, run->at.latest,
                        train_progress, run, stats, err));
    if (run->lag > 0 && run->appended)
        *steps = stats->n_steps;
    return TG_OK;
}

/* Training has diverged: it goes back to the last checkpoint, and this iteration makes no network. Where
 * that happens time and again it is a failure. Collective on train. */
static enum tg_status go_back(struct run *run, struct tg_error *err)
{
    enum { TOO_OFTEN = 3 };
    char path[RUN_PATH_MAX];

    if (run->at.checkpoint < 0 || ++run->n_back >= TOO_OFTEN)
        return err->code;
    tg_log(comm_rank(run->train) == 0 ? &run->app->log : NULL, TG_LOG_WARN,
           "%s: training goes back to the checkpoint after iteration %lld", err->text,
           (long long)run->at.checkpoint + 1);
    TRY(run_path(run->dir, RUN_CHECKPOINT, run->at.checkpoint, path, err));
    return trainer_load(run->trainer, NULL, path, err);
}

enum tg_status run_train(struct run *run, struct tg_error *err)
{
    enum tg_status rc = TG_OK;
    double start = tg_now();
    struct { int64_t steps; struct train_stats stats; double sec, wait_sec; } told = {0};

    run_phase(run, "train");
    if (run->train != NULL) {
        rc = train_share(run, &told.steps, &told.stats, err);
        told.sec = tg_now() - start;
        if (rc != TG_OK && trainer_diverged(run->trainer)) {
            rc = go_back(run, err);
            told.steps = 0;
            memset(&told.stats, 0, sizeof told.stats);
        } else if (rc == TG_OK && told.steps > 0) {
            run->n_back = 0;
        }
        run->cut = rc == TG_OK && told.stats.n_steps < told.steps;
    }
    double done = tg_now(); /* from here on the ranks of one side wait for the other */
    TRY(comm_agree(run->world, rc, err));
    told.wait_sec = run->lag > 0 ? tg_now() - done : 0;
    if (run->lag > 0 && run->selfplay != NULL)
        run->figures.wait_play_sec = told.wait_sec;
    comm_bcast(run->world, &told, sizeof told, run->train_root);
    run->figures.train = told.stats;
    run->figures.train_sec = told.sec;
    run->figures.wait_train_sec = told.wait_sec;
    run->figures.trained = told.steps > 0;
    return TG_OK;
}
