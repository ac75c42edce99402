/* setup.c - a run from its config, or from where it stopped. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "tengen/file.h"
#include "tengen/hash.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }

/* ---- config and manifest (rank 0) ------------------------------------------------------------- */

/* What must not change between two starts of a run: its game, rows and network. */
static void identity(const struct run_options *o, char game[128], char net[160])
{
    snprintf(game, 128, "%s, board side %d, history %d", game_kind_name((enum game_kind)o->game.kind),
             o->game.size, o->game.history);
    nn_arch_describe(&o->net.arch, o->game.size, net, 160);
}

static enum tg_status override(struct run *run, struct run_options *o, struct tg_error *err)
{
    if (run->command.iterations >= 0)
        o->iterations = run->command.iterations;
    if (run->command.seed >= 0)
        o->seed = (uint64_t)run->command.seed;
    if (o->selfplay.games < 1)
        return FAIL(err, TG_EINVAL, "selfplay.games = %lld: an iteration needs at least one game",
                    (long long)o->selfplay.games);
    return TG_OK;
}

/* Take an old run's manifest up: same game, same network, its seed, its curriculum's past answers. */
static enum tg_status take_up(struct run *run, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    char game[128], net[160];

    identity(&run->o, game, net);
    if (strcmp(game, m->game) != 0)
        return FAIL(err, TG_EINVAL, "%s holds a run of another game: \"%s\", and %s is \"%s\"; choose "
                    "another --run directory", run->dir, m->game, run->command.config, game);
    if (strcmp(net, m->net) != 0)
        return FAIL(err, TG_EINVAL, "%s holds a run of another network: \"%s\", and %s is \"%s\"; choose "
                    "another --run directory", run->dir, m->net, run->command.config, net);
    if (run->command.seed >= 0 && (uint64_t)run->command.seed != m->seed)
        return FAIL(err, TG_EINVAL, "%s was started with seed %llu; --seed %lld would be another run",
                    run->dir, (unsigned long long)m->seed, (long long)run->command.seed);
    for (int64_t i = 0; i < m->n_changes; i++)
        if (m->changes[i].iteration <= m->iterations)
            TRY(script_apply(run->script, m->changes[i].json, err));
    if (m->n_configs == 0 || m->configs[m->n_configs - 1].hash != script_hash(run->script)) {
        TRY(manifest_add_config(m, m->iterations, script_hash(run->script), script_text(run->script),
                                err));
        tg_log(&run->app->log, TG_LOG_INFO, "config changed: revision %lld from iteration %lld on",
               (long long)m->n_configs, (long long)m->iterations + 1);
    }
    tg_log(&run->app->log, TG_LOG_INFO, "resuming %s: %lld of %lld iterations are done", run->dir,
           (long long)m->iterations, (long long)run->o.iterations);
    return TG_OK;
}

static enum tg_status begin_new(struct run *run, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    char *changes = NULL;

    TRY(manifest_init(m, run->o.name, run->o.seed, err));
    snprintf(m->build, sizeof m->build, "%.63s", app_build());
    identity(&run->o, m->game, m->net);
    m->checkpoint = -1;
    TRY(manifest_add_config(m, 0, script_hash(run->script), script_text(run->script), err));
    TRY(script_curriculum(run->script, 0, NULL, 0, &changes, err));
    enum tg_status rc = strcmp(changes, "{}") != 0 ? manifest_add_change(m, 0, changes, err) : TG_OK;
    free(changes);
    return rc;
}

static enum tg_status make_directories(struct run *run, struct tg_error *err)
{
    static const enum run_file dirs[] = {RUN_REPLAY, RUN_NETS, RUN_CHECKPOINTS, RUN_GAMES};
    char path[RUN_PATH_MAX];

    TRY(tg_mkdirs(run->dir, err));
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        TRY(run_path(run->dir, dirs[i], 0, path, err));
        TRY(tg_mkdirs(path, err));
    }
    return TG_OK;
}

static enum tg_status write_config_copy(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    const char *text = script_text(run->script);

    TRY(run_path(run->dir, RUN_CONFIG, 0, path, err));
    return tg_file_replace(path, text, strlen(text), err);
}

static enum tg_status open_records(struct run *run, struct tg_error *err)
{
    struct manifest *m = &run->manifest;
    enum tg_status rc;

    TRY(script_open(run->command.config, run->command.set.texts, run->command.set.n, &run->script,
                    err));
    TRY(script_options(run->script, 0, &run->o, err));
    TRY(override(run, &run->o, err));
    if (run->command.dir != NULL)
        snprintf(run->dir, sizeof run->dir, "%s", run->command.dir);
    else
        snprintf(run->dir, sizeof run->dir, "runs/%s", run->o.name);
    TRY(tg_mkdirs(run->dir, err));
    TRY(run_lock(run, err));
    rc = manifest_load(m, run->dir, err);
    if (rc == TG_OK)
        TRY(take_up(run, err));
    else if (rc == TG_ENOTFOUND)
        TRY(begin_new(run, err));
    else
        return rc;
    TRY(make_directories(run, err));
    TRY(write_config_copy(run, err));
    snprintf(m->status, sizeof m->status, "running");
    snprintf(m->hardware, sizeof m->hardware, "%d ranks, %d on the first host", comm_size(run->world),
             comm_size(run->host));
    return report_open(run->dir, &run->app->log, &run->report, err);
}

/* ---- state ------------------------------------------------------------------------------------- */

static void state_of(const struct manifest *m, struct run_state *at)
{
    *at = (struct run_state){
        .iteration = m->iterations,
        .latest = m->latest,
        .champion = m->champion,
        .baseline = m->baseline,
        .n_nets = (int32_t)m->n_nets,
        .n_shards = m->n_shards,
        .checkpoint = m->checkpoint,
        .n_games = m->n_games > m->next_game ? m->n_games : m->next_game, /* the next game's id */
        .n_plies = m->n_plies,
        .n_rows = m->n_rows,
    };
    if (m->n_matches > 0)
        at->elo = m->matches[m->n_matches - 1].elo;
    /* committed, but its iteration was not completed */
    at->played = m->n_shards > 0 && m->shards[m->n_shards - 1].iteration == m->iterations;
}

/* What the last completed iteration committed: with lag 1 its rows are the next training's new ones. */
static void last_shard(const struct manifest *m, struct replay_shard_info *shard)
{
    int64_t end = m->n_shards, first;

    while (end > 0 && m->shards[end - 1].iteration >= m->iterations)
        end--;
    for (first = end; first > 0 && m->shards[first - 1].iteration == m->shards[end - 1].iteration;)
        first--;
    if (end > 0)
        run_sum_shards(&m->shards[first], end - first, shard);
}

/* ---- network ----------------------------------------------------------------------------------- */

static enum tg_status start_model(struct run *run, struct tg_error *err)
{
    struct run_options *o = &run->o;

    TRY(nn_model_init(&o->net.arch, &run->game, o->name, o->seed, &run->model, err));
    if (o->net.start_from[0] != '\0') {
        struct nn_model from = {0};

        TRY(nn_model_load(o->net.start_from, &from, &run->app->log, err));
        enum tg_status rc = nn_model_adopt(&run->model, &from, err);
        nn_model_close(&from);
        return rc;
    }
    return TG_OK;
}

/* A new run publishes network 0: what it starts from. */
static enum tg_status publish_initial(struct run *run, struct tg_error *err)
{
    struct manifest_net net = {.number = 0, .iteration = -1, .champion = true};
    char path[RUN_PATH_MAX];

    TRY(run_path(run->dir, RUN_NET, 0, path, err));
    TRY(nn_model_save(&run->model, path, err));
    net.hash = run->model.hash;
    TRY(manifest_add_net(&run->manifest, &net, err));
    return manifest_save(&run->manifest, run->dir, err);
}

static enum tg_status open_nets(struct run *run, struct tg_error *err)
{
    const struct run_options *o = &run->o;

    TRY(comm_agree(run->world, game_init(&run->game, (enum game_kind)o->game.kind, o->game.size,
                                         o->game.history, err), err));
    TRY(comm_agree(run->world, nn_backend_find(o->net.backend, &run->backend, err), err));
    TRY(comm_agree(run->world, start_model(run, err), err));
    if (root(run) && run->manifest.n_nets == 0)
        TRY(comm_agree(run->world, publish_initial(run, err), err));
    else
        TRY(comm_agree(run->world, TG_OK, err));
    if (root(run))
        run->at.n_nets = (int32_t)run->manifest.n_nets;
    comm_bcast(run->world, &run->at, sizeof run->at, 0);
    return TG_OK;
}

/* ---- self-play ranks --------------------------------------------------------------------------- */

/* A pool of games and its networks, which need no other rank. */
static enum tg_status open_pool(struct run *run, struct tg_error *err)
{
    const struct run_options *o = &run->o;
    struct selfplay_pool_options pool = {
        .threads = run->threads,
        .parallel_games = o->selfplay.parallel_games,
        .groups_per_thread = strcmp(run->backend->name, "cpu") == 0 ? 1 : 2,
    };
    struct nn_net_options options = {.size = o->game.size, .threads = 1, .device = run->device,
                                     .extra = o->net.extra, .log = &run->app->log};

    for (int slot = 0; slot < SELFPLAY_SLOTS; slot++)
        TRY(run->backend->open(&run->model.arch, &options, &run->nets[slot], err));
    TRY(selfplay_open(&run->game, &pool, &run->app->log, &run->pool, err));
    for (int slot = 0; slot < SELFPLAY_SLOTS; slot++)
        TRY(selfplay_network(run->pool, slot, run->backend, run->nets[slot], &run->model.arch, err));
    return TG_OK;
}

static enum tg_status open_selfplay(struct run *run, struct tg_error *err)
{
    const struct run_options *o = &run->o;
    char hash[20], dir[RUN_PATH_MAX];
    struct replay_options replay = {.chunk_rows = o->replay.chunk_rows, .deflate = o->replay.deflate,
                                    .layout = o->replay.layout, .align = o->replay.align,
                                    .config_hash = hash, .build = app_build()};
    enum tg_status rc = TG_OK;

    snprintf(hash, sizeof hash, "%016llx",
             (unsigned long long)(root(run) ? script_hash(run->script) : 0));
    comm_bcast(run->selfplay, hash, sizeof hash, 0);
    for (int slot = 0; slot < SELFPLAY_SLOTS; slot++)
        run->net_in[slot] = -1; /* the same on all ranks: loading a network is collective */
    if (run->pool == NULL)
        rc = open_pool(run, err);
    if (rc == TG_OK)
        rc = run_path(run->dir, RUN_REPLAY, 0, dir, err);
    TRY(comm_agree(run->selfplay, rc, err));
    TRY(comm_span_open(run->selfplay, run->backend->span(run->nets[0], NN_PARAMS), err));
    return replay_writer_open(run->selfplay, dir, &run->game, &replay, &run->writer, err);
}

/* ---- trainer ranks ----------------------------------------------------------------------------- */

/* The shards that the window needs: the newest before this iteration (or of it, if training had it when it
 * was left), enough to fill it. infos (malloc'd) are equal on all trainer ranks, and quarantined ones are
 * left out. */
static enum tg_status shards_of_window(struct run *run, struct replay_shard_info **infos, int64_t *n,
                                       struct tg_error *err)
{
    const struct manifest *m = &run->manifest;
    int64_t rows = 0;

    *n = 0;
    *infos = NULL;
    if (root(run)) {
        *infos = malloc(((size_t)m->n_shards + 1) * sizeof **infos);
        for (int64_t i = m->n_shards - 1; *infos != NULL && i >= 0 && rows < run->o.replay.capacity; i--) {
            bool bad = run->o.cluster.mode == RUN_CONTINUOUS
                           ? i >= m->n_trained + (run->appended ? m->open.n_shards : 0)
                           : m->shards[i].iteration >= run->at.iteration + run->appended;

            for (int64_t q = 0; q < m->n_quarantined; q++)
                bad = bad || strcmp(m->quarantined[q].file, m->shards[i].name) == 0;
            if (bad)
                continue;
            (*infos)[(*n)++] = m->shards[i];
            rows += m->shards[i].n_rows;
        }
    }
    comm_bcast(run->world, n, sizeof *n, 0);
    if (*infos == NULL)
        *infos = malloc(((size_t)*n + 1) * sizeof **infos);
    TRY(comm_agree(run->world, *infos == NULL ? FAIL(err, TG_ENOMEM, "shard list") : TG_OK, err));
    comm_bcast(run->world, *infos, (size_t)*n * sizeof **infos, 0);
    return TG_OK;
}

static enum tg_status open_trainer(struct run *run, struct tg_error *err)
{
    const struct run_options *o = &run->o;
    struct record_layout layout;
    struct replay_window_options window = {.capacity = o->replay.capacity, .alpha = o->replay.alpha,
                                           .epsilon = o->replay.epsilon};
    struct nn_net_options net = {
        .size = o->game.size, .extra = o->net.extra, .train = true, .threads = run->threads,
        .device = run->device, .log = &run->app->log,
    };

    record_layout_init(&layout, &run->game);
    TRY(replay_window_open(run->train, &layout, &window, &run->window, err));
    return trainer_open(run->train, &run->game, run->backend, &net, &run->model, o->seed,
                        &run->trainer, err);
}

/* A file that is damaged: out of the way, named in manifest and log. Rank 0. */
static enum tg_status set_aside(struct run *run, const char *name, const char *reason,
                                struct tg_error *err)
{
    char from[RUN_PATH_MAX], to[RUN_PATH_MAX + 16];

    tg_log(&run->app->log, TG_LOG_WARN, "%s: set aside: %s", name, reason);
    snprintf(from, sizeof from, "%.900s/replay/%.64s", run->dir, name);
    snprintf(to, sizeof to, "%s.damaged", from);
    if (access(from, F_OK) == 0)
        TRY(tg_file_rename(from, to, err));
    TRY(manifest_add_quarantine(&run->manifest, name, reason, run->at.iteration, err));
    return manifest_save(&run->manifest, run->dir, err);
}

/* A shard that could not be taken into the window, with this status and reason. Set aside is what is gone or
 * damaged, as rank 0 sees it itself. A file system that is unwell, or that one host does not see, damages no shard:
 * the run ends, and goes on from the same files once that is mended. Rank 0. */
static enum tg_status judge_shard(struct run *run, const struct replay_shard_info *s, enum tg_status code,
                                  const char *reason, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    struct record_layout layout;
    uint64_t hash, n_bytes;

    TRY(run_path(run->dir, RUN_SHARD, s->number, path, err));
    int failure = tg_hash_file(path, &hash, &n_bytes);
    if (failure != 0 && failure != ENOENT)
        return FAIL(err, TG_EIO, "%s: %s: nothing is set aside for that; start again when the file system is well",
                    path, strerror(failure));
    if (failure != 0 || hash != s->hash || n_bytes != s->n_bytes)
        return set_aside(run, s->name, reason, err);
    record_layout_init(&layout, &run->game);
    if (code == TG_EFORMAT && replay_shard_verify(path, &layout, NULL) != TG_OK)
        return set_aside(run, s->name, reason, err);
    return FAIL(err, TG_EIO, "%s; rank 0 finds that file as it was written: does every host see the file system? "
                "Nothing is set aside", reason);
}

static enum tg_status fill_window(struct run *run, struct tg_error *err)
{
    struct replay_shard_info *infos;
    int64_t n;
    enum tg_status rc = TG_OK;

    TRY(shards_of_window(run, &infos, &n, err));
    for (int64_t i = n - 1; i >= 0 && rc == TG_OK; i--) {
        struct tg_error one = {0};

        rc = TG_OK;
        if (run->train != NULL) {
            char path[RUN_PATH_MAX];

            rc = run_path(run->dir, RUN_SHARD, infos[i].number, path, &one);
            if (rc == TG_OK)
                rc = replay_window_append(run->window, path, &infos[i], &one);
        }
        rc = comm_agree(run->world, rc, &one);
        if (rc == TG_EFORMAT || rc == TG_ENOTFOUND || rc == TG_EIO)
            rc = comm_agree(run->world, root(run) ? judge_shard(run, &infos[i], rc, one.text, err) : TG_OK, err);
        else if (rc != TG_OK)
            *err = one;
    }
    free(infos);
    return rc;
}

static enum tg_status check_checkpoint(struct run *run, const char *path, struct tg_error *err)
{
    uint64_t hash, n_bytes;
    int failure = tg_hash_file(path, &hash, &n_bytes);

    if (failure != 0)
        return FAIL(err, TG_EIO, "%s: %s; the manifest names it: restore it, or start a new run", path,
                    strerror(failure));
    if (hash != run->manifest.checkpoint_hash)
        return FAIL(err, TG_EFORMAT, "%s: checksum mismatch: the checkpoint is damaged; restore it from a "
                    "backup, or start a new run from %s/net with net.start_from", path, run->dir);
    return TG_OK;
}

/* Is the training of an iteration that was left there to go on with? Rank 0. */
static bool open_training(struct run *run)
{
    char path[RUN_PATH_MAX];
    uint64_t hash, n_bytes;

    if (run->open.iteration != run->at.iteration || run->open.checkpoint_hash == 0 ||
        run_path(run->dir, RUN_OPEN_CHECKPOINT, run->at.iteration, path, NULL) != TG_OK)
        return false;
    if (tg_hash_file(path, &hash, &n_bytes) == 0 && hash == run->open.checkpoint_hash)
        return true;
    tg_log(&run->app->log, TG_LOG_WARN, "%s: missing or damaged: the iteration's training is done again", path);
    return false;
}

static enum tg_status resume_training(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    unsigned char open = root(run) && open_training(run);

    comm_bcast(run->world, &open, 1, 0);
    run->appended = open && run->open.appended;
    TRY(fill_window(run, err));
    if (run->at.checkpoint < 0 && !open)
        return TG_OK;
    if (open) {
        TRY(run_path(run->dir, RUN_OPEN_CHECKPOINT, run->at.iteration, path, err));
    } else {
        TRY(run_path(run->dir, RUN_CHECKPOINT, run->at.checkpoint, path, err));
        TRY(comm_agree(run->world, root(run) ? check_checkpoint(run, path, err) : TG_OK, err));
    }
    return comm_agree(run->world,
                      run->train != NULL ? trainer_load(run->trainer, run->window, path, err) : TG_OK,
                      err);
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* The file in which ranks say what they are doing. */
static enum tg_status open_board(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];

    TRY(run_path(run->dir, RUN_RANKS, 0, path, err));
    return comm_watchdog_board(run->watchdog, run->world, path, err);
}

void run_take_state(struct run *run)
{
    if (root(run)) {
        state_of(&run->manifest, &run->at);
        run->o.seed = run->manifest.seed;
        run->open = run->manifest.open;
        last_shard(&run->manifest, &run->shard);
    }
    comm_bcast(run->world, &run->open, sizeof run->open, 0);
    comm_bcast(run->world, &run->o, sizeof run->o, 0);
    comm_bcast(run->world, &run->at, sizeof run->at, 0);
    comm_bcast(run->world, &run->shard, sizeof run->shard, 0);
}

enum tg_status run_open_sides(struct run *run, struct tg_error *err)
{
    enum tg_status rc = run->selfplay != NULL ? open_selfplay(run, err) : TG_OK;

    if (rc == TG_OK && run->train != NULL)
        rc = open_trainer(run, err);
    TRY(comm_agree(run->world, rc, err));
    return resume_training(run, err);
}

static int smallest_host(struct run *run)
{
    double less = -comm_size(run->host);

    comm_max_f64(run->world, &less, 1);
    return (int)-less;
}

enum tg_status run_open(struct run *run, struct tg_error *err)
{
    run->world = run->app->world;
    run->started = tg_now();
    TRY(comm_host(run->world, &run->host, err));
    comm_host_number(run->world, run->host, &run->host_number, &run->n_hosts);
    run->smallest_host = smallest_host(run);
    TRY(comm_agree(run->world, root(run) ? open_records(run, err) : TG_OK, err));
    run_take_state(run);
    comm_bcast(run->world, run->dir, sizeof run->dir, 0);
    tg_log_level_parse(run->o.report.log_level, &run->app->log.level);
    TRY(comm_agree(run->world, comm_watchdog_start((double)run->o.cluster.watchdog_sec, &run->app->log,
                                                   &run->watchdog, err), err));
    TRY(open_board(run, err));
    TRY(run_split_roles(run, err));
    TRY(run_control_open(run, err));
    TRY(open_nets(run, err));
    TRY(run_place(run, err));
    TRY(run_open_sides(run, err));
    /* the manifest says "running" from now on, not only after an iteration, which may take hours */
    return comm_agree(run->world, root(run) ? manifest_save(&run->manifest, run->dir, err) : TG_OK, err);
}

void run_close_sides(struct run *run, bool keep)
{
    replay_writer_close(run->writer);
    trainer_close(run->trainer);
    if (run->window != NULL)
        replay_window_close(run->window);
    run->writer = NULL;
    run->trainer = NULL;
    run->window = NULL;
    if (keep)
        return;
    selfplay_close(run->pool);
    run->pool = NULL;
    for (int slot = 0; slot < SELFPLAY_SLOTS; slot++) {
        if (run->nets[slot] != NULL)
            run->backend->close(run->nets[slot]);
        run->nets[slot] = NULL;
    }
}

void run_close(struct run *run)
{
    run_control_close(run);
    run_close_sides(run, false);
    nn_model_close(&run->model);
    free(run->sgf);
    report_close(run->report);
    manifest_close(&run->manifest);
    script_close(run->script);
    comm_watchdog_stop(run->watchdog);
    run_unlock(run);
    run_close_roles(run);
    comm_close(run->host);
}

enum tg_status run_resolve(struct run *run, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    if (root(run)) {
        rc = script_options(run->script, run->at.iteration, &run->o, err);
        if (rc == TG_OK)
            rc = override(run, &run->o, err);
        run->o.seed = run->manifest.seed;
    }
    TRY(comm_agree(run->world, rc, err));
    comm_bcast(run->world, &run->o, sizeof run->o, 0);
    run->lag = run_lag(&run->o, run->all);
    if (run_pretraining(run))
        run->lag = 0; /* there is nothing to play meanwhile */
    memset(&run->figures, 0, sizeof run->figures);
    return TG_OK;
}
