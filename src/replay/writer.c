/* writer.c - finished games wait here, compressed, until the ranks commit them as one shard. */
#include "tengen/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"
#include "h5_util.h"
#include "tengen/file.h"

struct replay_writer {
    struct comm *comm; /* borrowed */
    char *dir, *config_hash, *build; /* owned; the last two may be NULL */
    struct game game;
    struct record_layout layout;
    struct shard_schema schema;
    int chunk_rows, layout_kind; /* enum replay_layout */
    int64_t align;
    struct comm *host; /* owned; the ranks of comm on this one */
    int host_number, n_hosts;
    struct shard_codec codec;
    struct shard_workspace work;
    struct staged_game *staged; /* owned: [n_staged], there is room for cap_staged */
    int64_t n_staged, cap_staged, n_rows;
};

static enum tg_status writer_init(struct replay_writer *w, struct comm *comm, const char *dir,
                                  const struct game *game, const struct replay_options *options,
                                  struct tg_error *err)
{
    w->comm = comm;
    w->game = *game;
    w->chunk_rows = options->chunk_rows;
    w->layout_kind = options->layout;
    w->align = options->align;
    record_layout_init(&w->layout, game);
    shard_schema_init(&w->schema, &w->layout);
    if (options->chunk_rows < 1 || options->chunk_rows > 65536)
        return FAIL(err, TG_EINVAL, "%d rows per chunk: not in 1..65536", options->chunk_rows);
    if (options->deflate < 0 || options->deflate > 9)
        return FAIL(err, TG_EINVAL, "deflate level %d: not in 0..9", options->deflate);
    w->dir = strdup(dir);
    w->config_hash = options->config_hash != NULL ? strdup(options->config_hash) : NULL;
    w->build = options->build != NULL ? strdup(options->build) : NULL;
    if (w->dir == NULL || (w->config_hash == NULL) != (options->config_hash == NULL)
        || (w->build == NULL) != (options->build == NULL))
        return FAIL(err, TG_ENOMEM, "replay writer for %s", dir);
    TRY(shard_codec_init(&w->codec, options->deflate, err));
    if (comm_rank(comm) == 0) {
        TRY(tg_mkdirs(dir, err));
        TRY(commit_clean(dir, err));
    }
    return TG_OK;
}

/* Collective, agreed. */
static enum tg_status find_hosts(struct replay_writer *w, struct tg_error *err)
{
    TRY(comm_host(w->comm, &w->host, err));
    comm_host_number(w->comm, w->host, &w->host_number, &w->n_hosts);
    return TG_OK;
}

enum tg_status replay_writer_open(struct comm *comm, const char *dir, const struct game *game,
                                  const struct replay_options *options, struct replay_writer **w,
                                  struct tg_error *err)
{
    struct replay_writer *made = calloc(1, sizeof *made);
    enum tg_status rc = made == NULL ? FAIL(err, TG_ENOMEM, "replay writer for %s", dir)
                                     : writer_init(made, comm, dir, game, options, err);

    *w = NULL;
    TRY_OUT(comm_agree(comm, rc, err));
    TRY_OUT(find_hosts(made, err));
    *w = made;
    return TG_OK;
out:
    replay_writer_close(made);
    return rc;
}

/* What every reader may take for granted. */
static enum tg_status check(const struct replay_writer *w, const struct record_finished *f,
                            struct tg_error *err)
{
    const struct record_game *g = &f->game;

    if (g->n_rows < 0 || g->n_moves < 0 || (g->n_rows > 0 && f->rows == NULL)
        || (g->n_moves > 0 && (f->moves == NULL || f->root_values == NULL || f->root_visits == NULL)))
        return FAIL(err, TG_EINVAL, "game %" PRId64 ": %d rows and %d moves, and arrays missing",
                    g->id, g->n_rows, g->n_moves);
    for (int32_t i = 0; i < g->n_rows; i++) {
        struct record_head head;

        memcpy(&head, f->rows + (size_t)i * w->layout.row_bytes, sizeof head);
        if (head.game_id != g->id)
            return FAIL(err, TG_EINVAL, "row %d of game %" PRId64 " belongs to game %" PRId64, i,
                        g->id, head.game_id);
    }
    return TG_OK;
}

static enum tg_status make_room(struct replay_writer *w, struct tg_error *err)
{
    if (w->n_staged < w->cap_staged)
        return TG_OK;

    int64_t cap = 2 * w->cap_staged + 64;
    struct staged_game *grown = realloc(w->staged, (size_t)cap * sizeof *grown);
    if (grown == NULL)
        return FAIL(err, TG_ENOMEM, "staging %" PRId64 " games", cap);
    w->staged = grown;
    w->cap_staged = cap;
    return TG_OK;
}

enum tg_status replay_writer_push(struct replay_writer *w, struct record_finished *game,
                                  struct tg_error *err)
{
    enum tg_status rc;

    TRY_OUT(check(w, game, err));
    TRY_OUT(make_room(w, err));
    TRY_OUT(staged_init(&w->staged[w->n_staged], game, &w->schema, &w->codec, &w->work, err));
    w->n_staged++;
    w->n_rows += game->game.n_rows;
out:
    record_finished_free(game);
    return rc;
}

int64_t replay_writer_staged(const struct replay_writer *w) { return w->n_rows; }

static void drop_staged(struct replay_writer *w)
{
    for (int64_t i = 0; i < w->n_staged; i++)
        staged_fini(&w->staged[i]);
    w->n_staged = 0;
    w->n_rows = 0;
}

static struct commit commit_on(struct replay_writer *w, struct comm *comm, int64_t number, int64_t iteration)
{
    return (struct commit){.comm = comm,
                           .schema = &w->schema,
                           .staged = w->staged,
                           .n_staged = w->n_staged,
                           .codec = &w->codec,
                           .work = &w->work,
                           .chunk_rows = w->chunk_rows,
                           .one_host = comm == w->host || w->n_hosts == 1,
                           .dir = w->dir,
                           .attributes = {.number = number,
                                          .iteration = iteration,
                                          .game = &w->game,
                                          .config_hash = w->config_hash,
                                          .build = w->build,
                                          .deflate = w->codec.level,
                                          .align = w->align}};
}

enum tg_status replay_writer_commit(struct replay_writer *w, int64_t number, int64_t iteration,
                                    struct replay_shard_info *info, struct tg_error *err)
{
    struct commit k = commit_on(w, w->comm, number, iteration);

    if (w->layout_kind == REPLAY_PER_HOST && w->n_hosts > 1) {
        k.turn = w->host_number;
        k.n_turns = w->n_hosts;
    }
    TRY(commit_shard(&k, info, err));
    if (info->n_rows > 0)
        drop_staged(w);
    return TG_OK;
}

/* How many hosts before this one have rows. Collective. */
static int64_t hosts_before(struct replay_writer *w)
{
    int64_t rows = w->n_rows, before, total;

    comm_sum_i64(w->host, &rows, 1);
    comm_exscan_i64(w->comm, comm_rank(w->host) == 0 && rows > 0, &before, &total);
    comm_bcast(w->host, &before, sizeof before, 0);
    return before;
}

/* Everybody gets the files that the first ranks of the hosts have. */
static enum tg_status gather_files(struct replay_writer *w, const struct replay_shard_info *mine,
                                   struct replay_shard_info **files, int *n, struct tg_error *err)
{
    size_t *starts = malloc(((size_t)comm_size(w->comm) + 1) * sizeof *starts);
    size_t bytes = comm_rank(w->host) == 0 && mine->n_rows > 0 ? sizeof *mine : 0;
    void *all = NULL;
    enum tg_status rc = starts == NULL ? FAIL(err, TG_ENOMEM, "list of shards") : TG_OK;

    TRY_OUT(comm_agree(w->comm, rc, err));
    TRY_OUT(comm_allgatherv(w->comm, mine, bytes, &all, starts, err));
    *files = all;
    *n = (int)(starts[comm_size(w->comm)] / sizeof *mine);
out:
    free(starts);
    return rc;
}

enum tg_status replay_writer_commit_files(struct replay_writer *w, int64_t number, int64_t iteration,
                                          struct replay_shard_info **files, int *n, struct tg_error *err)
{
    bool alone = w->layout_kind == REPLAY_PER_HOST && w->n_hosts > 1;
    struct commit k = commit_on(w, alone ? w->host : w->comm, number, iteration);
    struct replay_shard_info mine;

    *files = NULL;
    *n = 0;
    if (alone)
        k.attributes.number += hosts_before(w);
    TRY(comm_agree(w->comm, commit_shard(&k, &mine, err), err));
    bool written = mine.n_rows > 0;
    if (!alone && comm_rank(w->comm) != 0)
        mine.n_rows = 0; /* rank 0 tells all of it */
    TRY(gather_files(w, &mine, files, n, err));
    if (written)
        drop_staged(w);
    return TG_OK;
}

void replay_writer_close(struct replay_writer *w)
{
    if (w == NULL)
        return;
    drop_staged(w);
    comm_close(w->host);
    free(w->staged);
    shard_workspace_fini(&w->work);
    shard_codec_fini(&w->codec);
    free(w->dir);
    free(w->config_hash);
    free(w->build);
    free(w);
}
