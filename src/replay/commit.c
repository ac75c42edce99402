/* commit.c - the path of a shard: plan, exchange, make and write, layout, sync, read back, rename.
 *
 * After each step that a rank can fail at alone the ranks agree, so that all make the same calls. */
#define _GNU_SOURCE /* sync_file_range */
#include "commit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h5_util.h"
#include "tengen/file.h"

struct paths {
    char name[64], path[PATH_MAX], tmp[PATH_MAX];
};

static enum tg_status name_files(struct paths *f, const char *dir, int64_t number,
                                 struct tg_error *err)
{
    snprintf(f->name, sizeof f->name, "shard-%08" PRId64 ".h5", number);
    if (snprintf(f->path, sizeof f->path, "%s/%s", dir, f->name) >= (int)sizeof f->path
        || snprintf(f->tmp, sizeof f->tmp, "%s/.%s.tmp", dir, f->name) >= (int)sizeof f->tmp)
        return FAIL(err, TG_EINVAL, "path too long: %s/%s", dir, f->name);
    return TG_OK;
}

enum tg_status commit_clean(const char *dir, struct tg_error *err)
{
    DIR *d = opendir(dir);
    char path[PATH_MAX];

    if (d == NULL)
        return FAIL(err, TG_EIO, "%s: %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        size_t n = strlen(e->d_name);

        if (strncmp(e->d_name, ".shard-", 7) == 0 && n > 4 && strcmp(e->d_name + n - 4, ".tmp") == 0
            && snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < (int)sizeof path)
            unlink(path);
    }
    closedir(d);
    return TG_OK;
}

/* The first of a table's chunks that rank assembled, in the numbering of all chunks; where the ranks
 * of the tables before it have theirs does not matter. */
static int64_t first_chunk(const struct plan *p, const struct shard_schema *schema, int table,
                           int rank)
{
    int64_t n = 0;

    for (int t = 0; t < table; t++)
        n += p->n_groups[t] * schema->tables[t].n_columns;
    return n + plan_group_begin(p, table, rank) * schema->tables[table].n_columns;
}

static int64_t n_chunks(const struct plan *p, const struct shard_schema *schema, int table, int rank)
{
    return (plan_group_begin(p, table, rank + 1) - plan_group_begin(p, table, rank))
         * schema->tables[table].n_columns;
}

/* Everybody's chunks, in the numbering of all chunks, and where they go: places [shard_chunk_count]. */
static enum tg_status place_all(const struct commit *k, const struct plan *p, const struct shard_exchange *mine,
                                struct shard_place *places, struct tg_error *err)
{
    size_t *starts = malloc(((size_t)p->n_ranks + 1) * sizeof *starts);
    enum tg_status rc = starts == NULL ? FAIL(err, TG_ENOMEM, "sizes of chunks") : TG_OK;
    void *all = NULL;

    TRY_OUT(comm_agree(k->comm, rc, err));
    TRY_OUT(comm_allgatherv(k->comm, mine->sizes, (size_t)mine->n * sizeof *mine->sizes, &all, starts, err));
    const uint32_t *from = all;
    for (int r = 0; r < p->n_ranks; r++)
        for (int t = 0; t < SHARD_TABLES; t++) {
            struct shard_place *to = places + first_chunk(p, k->schema, t, r);

            for (int64_t n = n_chunks(p, k->schema, t, r); n > 0; n--)
                (to++)->n_bytes = *from++;
        }
    shard_place_chunks(p, k->schema, k->attributes.align, places);
out:
    free(starts);
    free(all);
    return rc;
}

/* What waits in the buffer goes to its place, and the disk begins with it while the rest is made and described:
 * the fsync that follows finds less to do. Where a file system has nothing of the kind, only time is lost. */
static enum tg_status write_run(int fd, const char *path, struct shard_buffer *b, uint64_t at, struct tg_error *err)
{
    int failure = h5_pwrite(fd, b->bytes, b->n, at);

    if (failure != 0)
        return FAIL(err, TG_EIO, "writing %s: %s", path, strerror(failure));
    if (b->n > 0)
        sync_file_range(fd, (off_t)at, (off_t)b->n, SYNC_FILE_RANGE_WRITE);
    b->n = 0;
    return TG_OK;
}

/* This rank's chunks. Those that follow each other in the file go out together. */
static enum tg_status write_chunks(int fd, const char *path, const struct commit *k, const struct plan *p,
                                   struct shard_exchange *mine, const struct shard_place *places,
                                   struct tg_error *err)
{
    enum { RUN_BYTES = 1 << 20 };
    int rank = comm_rank(k->comm);
    struct shard_buffer *b = &k->work->chunks;
    uint64_t at = 0;

    b->n = 0;
    for (int t = 0; t < SHARD_TABLES; t++) {
        const struct shard_place *place = places + first_chunk(p, k->schema, t, rank);

        for (int64_t n = n_chunks(p, k->schema, t, rank); n > 0; n--, place++) {
            if (b->n >= RUN_BYTES || place->at != at + b->n)
                TRY(write_run(fd, path, b, at, err));
            if (b->n == 0)
                at = place->at;
            TRY(shard_exchange_next(mine, b, err));
        }
    }
    return write_run(fd, path, b, at, err);
}

static enum tg_status open_shard(const char *path, int flags, int *fd, struct tg_error *err)
{
    *fd = open(path, O_RDWR | flags, 0666);
    return *fd >= 0 ? TG_OK : FAIL(err, TG_EIO, "opening %s: %s", path, strerror(errno));
}

/* An empty file, so that every rank finds it. */
static enum tg_status create_shard(const char *path, struct tg_error *err)
{
    int fd;

    TRY(open_shard(path, O_CREAT | O_TRUNC, &fd, err));
    close(fd);
    return TG_OK;
}

/* A shard being written: every rank that has chunks holds it open until they are on the disk. */
static enum tg_status write_own(const struct commit *k, const struct plan *p, const char *path,
                                struct shard_exchange *mine, const struct shard_place *places, int *fd,
                                struct tg_error *err)
{
    if (mine->n == 0 && comm_rank(k->comm) != 0)
        return TG_OK;
    TRY(open_shard(path, 0, fd, err));
    return write_chunks(*fd, path, k, p, mine, places, err);
}

/* An fsync reaches what this host has cached, so every rank makes its own. */
struct sync_job {
    int fd, failure;
};

static void *sync_file(void *job)
{
    struct sync_job *j = job;

    if (j->fd >= 0 && fsync(j->fd) != 0)
        j->failure = errno;
    return NULL;
}

static enum tg_status sync_result(const struct sync_job *j, const char *path, struct tg_error *err)
{
    return j->failure == 0 ? TG_OK : FAIL(err, TG_EIO, "syncing %s: %s", path, strerror(j->failure));
}

static enum tg_status sync_own(struct sync_job *j, const char *path, struct tg_error *err)
{
    sync_file(j);
    return sync_result(j, path, err);
}

/* After writing that ended with rc, which stays if it is a failure. */
static enum tg_status sync_and_close(enum tg_status rc, int fd, const char *path, struct tg_error *err)
{
    struct sync_job j = {.fd = fd};

    sync_file(&j);
    if (fd >= 0 && close(fd) != 0 && j.failure == 0)
        j.failure = errno;
    return rc != TG_OK ? rc : sync_result(&j, path, err);
}

/* Host by host, for a file system where a file has one writer at a time: what the next one opens is what
 * the one before has closed. The root's layout comes last. Not agreed. */
static enum tg_status write_in_turn(const struct commit *k, const struct plan *p, const char *path,
                                    struct shard_exchange *mine, const struct shard_place *places,
                                    struct tg_error *err)
{
    enum tg_status rc = TG_OK;
    int fd = -1;

    for (int t = 0; t < k->n_turns; t++) {
        if (t == k->turn) {
            rc = write_own(k, p, path, mine, places, &fd, err);
            rc = sync_and_close(rc, fd, path, err);
        }
        comm_barrier(k->comm);
    }
    if (comm_rank(k->comm) != 0 || rc != TG_OK)
        return rc;
    TRY(open_shard(path, 0, &fd, err));
    rc = shard_layout(fd, path, p, k->schema, &k->attributes, places, err);
    return sync_and_close(rc, fd, path, err);
}

/* All ranks at once, the root's layout while the others still write. Not agreed. */
static enum tg_status write_at_once(const struct commit *k, const struct plan *p, const char *path,
                                    struct shard_exchange *mine, const struct shard_place *places, int *fd,
                                    struct tg_error *err)
{
    TRY(write_own(k, p, path, mine, places, fd, err));
    return comm_rank(k->comm) != 0 ? TG_OK
                                   : shard_layout(*fd, path, p, k->schema, &k->attributes, places, err);
}

/* What came to the file is read back before it becomes visible. */
static enum tg_status read_back(const struct paths *f, const struct plan *p,
                                struct replay_shard_info *info, struct tg_error *err)
{
    enum tg_status rc = replay_shard_stat(f->tmp, info, err);

    if (rc != TG_OK || info->n_rows != p->n_items[SHARD_HEADS]
        || info->n_games != p->n_items[SHARD_GAMES] || info->n_moves != p->n_items[SHARD_MOVES])
        return FAIL(err, TG_EIO, "reading %s back: %s", f->tmp,
                    rc != TG_OK && err != NULL ? err->text : "its counts are wrong");
    memset(info->name, 0, sizeof info->name);
    snprintf(info->name, sizeof info->name, "%s", f->name);
    return TG_OK;
}

/* On one host all ranks see the same cache: the disk can work while the root reads back. */
static enum tg_status sync_and_read_back(const struct paths *f, const struct plan *p,
                                         struct sync_job *j, struct replay_shard_info *info,
                                         struct tg_error *err)
{
    pthread_t thread;
    enum tg_status rc;

    if (pthread_create(&thread, NULL, sync_file, j) != 0) {
        TRY(sync_own(j, f->tmp, err));
        return read_back(f, p, info, err);
    }
    rc = read_back(f, p, info, err);
    pthread_join(thread, NULL);
    return rc != TG_OK ? rc : sync_result(j, f->tmp, err);
}

/* From chunks that every rank has written to a file that is whole and on the disk. Agreed. */
static enum tg_status settle(const struct commit *k, const struct plan *p, const struct paths *f,
                             int fd, struct replay_shard_info *info, struct tg_error *err)
{
    struct sync_job job = {.fd = fd};
    bool root = comm_rank(k->comm) == 0;

    if (k->one_host)
        return comm_agree(k->comm, root ? sync_and_read_back(f, p, &job, info, err)
                                        : sync_own(&job, f->tmp, err), err);
    TRY(comm_agree(k->comm, sync_own(&job, f->tmp, err), err));
    return comm_agree(k->comm, root ? read_back(f, p, info, err) : TG_OK, err);
}

/* From measured chunks to the visible file. */
static enum tg_status write_file(const struct commit *k, const struct plan *p, const struct paths *f,
                                 struct shard_exchange *mine, struct replay_shard_info *info,
                                 struct tg_error *err)
{
    size_t n = (size_t)shard_chunk_count(p, k->schema);
    struct shard_place *places = calloc(n, sizeof *places);
    bool root = comm_rank(k->comm) == 0;
    enum tg_status rc = TG_OK;
    int fd = -1;

    if (places == NULL)
        rc = FAIL(err, TG_ENOMEM, "list of %zu chunks", n);
    else if (root)
        rc = create_shard(f->tmp, err);
    TRY_OUT(comm_agree(k->comm, rc, err));
    TRY_OUT(place_all(k, p, mine, places, err));
    rc = k->n_turns > 0 ? write_in_turn(k, p, f->tmp, mine, places, err)
                        : write_at_once(k, p, f->tmp, mine, places, &fd, err);
    TRY_OUT(comm_agree(k->comm, rc, err));
    TRY_OUT(settle(k, p, f, fd, info, err));
    TRY_OUT(comm_agree(k->comm, root ? tg_file_rename(f->tmp, f->path, err) : TG_OK, err));
    comm_bcast(k->comm, info, sizeof *info, 0);
out:
    if (fd >= 0)
        close(fd); /* it has been synced: nothing is left to fail */
    if (rc != TG_OK && root)
        unlink(f->tmp);
    free(places);
    return rc;
}

static enum tg_status plan_commit(const struct commit *k, struct plan *p, struct tg_error *err)
{
    struct plan_game *mine = malloc((size_t)(k->n_staged + 1) * sizeof *mine);
    enum tg_status rc = mine == NULL ? FAIL(err, TG_ENOMEM, "list of games") : TG_OK;

    TRY_OUT(comm_agree(k->comm, rc, err));
    for (int64_t i = 0; i < k->n_staged; i++) {
        const struct record_game *g = &k->staged[i].game;

        mine[i] = (struct plan_game){.id = g->id, .n_rows = g->n_rows, .n_moves = g->n_moves,
                                     .index = (int32_t)i};
    }
    TRY_OUT(plan_init(p, k->comm, mine, k->n_staged, k->chunk_rows, err));
out:
    free(mine);
    return rc;
}

enum tg_status commit_shard(const struct commit *k, struct replay_shard_info *info,
                            struct tg_error *err)
{
    struct plan p = {.n_games = 0};
    struct shard_exchange mine = {.n = 0};
    struct paths f;
    enum tg_status rc = TG_OK;

    memset(info, 0, sizeof *info);
    TRY_OUT(plan_commit(k, &p, err));
    if (p.n_items[SHARD_HEADS] == 0)
        goto out;
    TRY_OUT(comm_agree(k->comm, name_files(&f, k->dir, k->attributes.number, err), err));
    TRY_OUT(shard_exchange_open(&mine, &p, k->comm, k->schema, k->staged, k->codec, k->work, err));
    TRY_OUT(write_file(k, &p, &f, &mine, info, err));
out:
    if (rc != TG_OK)
        memset(info, 0, sizeof *info);
    shard_exchange_close(&mine);
    plan_fini(&p);
    return rc;
}
