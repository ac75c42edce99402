/* pretrain.c - the first iteration of a run that learns from others' games before its own: in place of
 * self-play, the games of replay.pretrain (see tengen import) are staged, and become its shard. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tengen/file.h"

enum { NAME_MAX_BYTES = 64 };

bool run_pretraining(const struct run *run)
{
    return run->o.replay.pretrain[0] != '\0' && run->at.iteration == 0;
}

/* ---- the shards of a directory ---------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool is_shard(const char *name)
{
    size_t n = strlen(name);

    return n < NAME_MAX_BYTES && n > 9 && strncmp(name, "shard-", 6) == 0 && strcmp(name + n - 3, ".h5") == 0;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* *names (the caller frees with free_names), sorted. */
static enum tg_status list_shards(const char *dir, char ***names, size_t *n, struct tg_error *err)
{
    DIR *d = opendir(dir);
    size_t cap = 0;

    *names = NULL;
    *n = 0;
    if (d == NULL)
        return FAIL(err, TG_EINVAL, "replay.pretrain = \"%s\": %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (!is_shard(e->d_name))
            continue;
        if (*n == cap) {
            char **grown = realloc(*names, (cap = 2 * cap + 64) * sizeof *grown);

            if (grown == NULL)
                break;
            *names = grown;
        }
        if (((*names)[*n] = strdup(e->d_name)) == NULL)
            break;
        ++*n;
    }
    closedir(d);
    if (*n == 0)
        return FAIL(err, TG_EINVAL, "replay.pretrain = \"%s\": no shards there; tengen import GAMES.sgf --out DIR "
                    "makes them", dir);
    qsort(*names, *n, sizeof **names, by_name);
    return TG_OK;
}

static enum tg_status check_game(const struct run *run, const char *path, struct tg_error *err)
{
    const struct game *mine = &run->game;
    struct game game;

    TRY(replay_shard_game(path, &game, err));
    if (game.kind != mine->kind || game.size != mine->size || game.history != mine->history)
        return FAIL(err, TG_EINVAL, "%s: rows of %s, board side %d, history %d; this run plays %s, %d, %d: import "
                    "the games with --config", path, game_kind_name(game.kind), game.size, game.history,
                    game_kind_name(mine->kind), mine->size, mine->history);
    return TG_OK;
}

/* ---- games of a shard ----------------------------------------------------------------------------------- */

/* A game with its rows to the writer as number id of this run. */
static enum tg_status stage(struct run *run, struct record_finished *f, int64_t id, size_t row_bytes,
                            struct tg_error *err)
{
    f->game.id = id;
    for (int32_t i = 0; i < f->game.n_rows; i++) {
        struct record_head *h = (struct record_head *)(void *)(f->rows + (size_t)i * row_bytes);

        h->game_id = id;
        h->net = -1;
        h->age = 0;
    }
    return replay_writer_push(run->writer, f, err);
}

/* Games [first, end) of a shard, whose own numbers in the run begin at id. */
static enum tg_status stage_games(struct run *run, const char *path, struct record_finished *games,
                                  int64_t first, int64_t end, int64_t id, struct tg_error *err)
{
    struct record_layout l;

    record_layout_init(&l, &run->game);
    while (first < end) {
        int64_t last = first + run_piece(&games[first], end - first);

        comm_progress();
        TRY(replay_shard_games_rows(path, &l, &games[first], last - first, err));
        for (; first < last; first++)
            TRY(stage(run, &games[first], id + first, l.row_bytes, err));
    }
    return TG_OK;
}

/* This rank's share of a shard. *id moves behind its last game. */
static enum tg_status stage_shard(struct run *run, const char *path, int64_t *id, struct tg_error *err)
{
    int64_t rank = comm_rank(run->selfplay), size = comm_size(run->selfplay), n = 0;
    struct record_finished *games = NULL;
    enum tg_status rc;

    TRY(check_game(run, path, err));
    rc = replay_shard_games(path, &games, &n, err);
    if (rc == TG_OK)
        rc = stage_games(run, path, games, n * rank / size, n * (rank + 1) / size, *id, err);
    for (int64_t i = 0; i < n; i++)
        record_finished_free(&games[i]);
    free(games);
    *id += n;
    return rc;
}

static enum tg_status stage_all(struct run *run, struct tg_error *err)
{
    const char *dir = run->o.replay.pretrain;
    char **names, path[RUN_PATH_MAX];
    int64_t id = run->at.n_games;
    size_t n;
    enum tg_status rc = list_shards(dir, &names, &n, err);

    for (size_t i = 0; i < n && rc == TG_OK; i++) {
        snprintf(path, sizeof path, "%.900s/%.64s", dir, names[i]);
        rc = stage_shard(run, path, &id, err);
        run_progress(run, "import", (double)(i + 1) / (double)n);
    }
    free_names(names, n);
    if (rc == TG_OK && comm_rank(run->selfplay) == 0)
        tg_log(&run->app->log, TG_LOG_INFO, "pre-training on %" PRId64 " games of %s", id - run->at.n_games, dir);
    return rc;
}

enum tg_status run_import(struct run *run, struct tg_error *err)
{
    double start = tg_now();

    run_phase(run, "import");
    TRY(comm_agree(run->selfplay, stage_all(run, err), err));
    run->figures.play_sec = tg_now() - start;
    return TG_OK;
}
