/* open.c - an iteration that is left before its end, and taken up again.
 *
 * What is kept: the finished games as a shard of their own (replay/open-N.h5), the games in flight with
 * moves, rows, random streams and trees (checkpoint/open-N.tgg), and training between two steps
 * (checkpoint/open-N.tgc). The manifest names them; without them, or if they are damaged, the iteration
 * is simply done again. Lost are the unfinished games of a match, and the evaluation of batches under
 * way. The next start ends in the same bits as a run that was not left, on any number of ranks. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "tengen/file.h"
#include "tengen/hash.h"

static bool root(const struct run *run) { return comm_rank(run->world) == 0; }

/* ---- games in flight: a head, then one entry and its bytes per game ------------------------------- */

static const char magic[8] = "TGOPEN01";

struct file_head { char magic[8]; int64_t iteration, n_games, n_bytes; }; /* n_bytes: of the whole file */
struct entry { int64_t id; uint64_t n_bytes, hash; };

/* Trees of at most so many bytes a rank are kept: what is beyond is played again from its start. */
static const size_t max_frozen_bytes = (size_t)2 << 30;

static size_t frozen_bytes(const struct selfplay_frozen *games, size_t n)
{
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += sizeof(struct entry) + games[i].n_bytes;
    return bytes;
}

static enum tg_status put(int fd, const char *path, const void *data, size_t n, off_t at,
                          struct tg_error *err)
{
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(fd, (const char *)data + done, n - done, at + (off_t)done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return FAIL(err, TG_EIO, "writing %s: %s", path, strerror(errno));
        done += (size_t)wrote;
    }
    return TG_OK;
}

/* This rank's games, from byte `at` of the file on; the first rank writes the head, too. */
static enum tg_status write_mine(const char *path, const struct file_head *head, bool first,
                                 const struct selfplay_frozen *games, size_t n, off_t at,
                                 struct tg_error *err)
{
    enum tg_status rc = TG_OK;
    int fd = open(path, O_WRONLY | O_CREAT, 0666);

    if (fd < 0)
        return FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    if (first)
        rc = put(fd, path, head, sizeof *head, 0, err);
    for (size_t i = 0; i < n && rc == TG_OK; i++) {
        struct entry e = {games[i].id, games[i].n_bytes,
                          tg_hash(games[i].bytes, games[i].n_bytes, (uint64_t)games[i].id)};

        rc = put(fd, path, &e, sizeof e, at, err);
        if (rc == TG_OK)
            rc = put(fd, path, games[i].bytes, games[i].n_bytes, at + (off_t)sizeof e, err);
        at += (off_t)(sizeof e + games[i].n_bytes);
    }
    if (rc == TG_OK && fsync(fd) != 0)
        rc = FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    if (close(fd) != 0 && rc == TG_OK)
        rc = FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    return rc;
}

/* All ranks at once; or one host after the other, where several cannot write one file at once. Collective
 * on selfplay. */
static enum tg_status write_parts(struct run *run, const char *path, const struct file_head *head, bool first,
                                  const struct selfplay_frozen *games, size_t n, off_t at, struct tg_error *err)
{
    bool in_turn = run->o.replay.layout == REPLAY_PER_HOST;
    enum tg_status rc = TG_OK;

    for (int host = 0; host < (in_turn ? run->n_hosts : 1); host++) {
        if (!in_turn || host == run->host_number)
            rc = write_mine(path, head, first, games, n, at, err);
        comm_barrier(run->selfplay);
    }
    return comm_agree(run->selfplay, rc, err);
}

/* Every rank writes its part of one file. Collective on selfplay. */
static enum tg_status write_games(struct run *run, const struct selfplay_frozen *games, size_t n,
                                  struct tg_error *err)
{
    char path[RUN_PATH_MAX], tmp[RUN_PATH_MAX + 8];
    struct file_head head = {.iteration = run->at.iteration};
    int64_t before, total, unused;
    bool first = comm_rank(run->selfplay) == 0;
    enum tg_status rc;

    memcpy(head.magic, magic, sizeof magic);
    comm_exscan_i64(run->selfplay, (int64_t)frozen_bytes(games, n), &before, &total);
    comm_exscan_i64(run->selfplay, (int64_t)n, &unused, &head.n_games);
    head.n_bytes = (int64_t)sizeof head + total;
    run->open.n_flying = head.n_games;
    if (head.n_games == 0)
        return TG_OK;
    rc = run_path(run->dir, RUN_OPEN_GAMES, run->at.iteration, path, err);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    if (rc == TG_OK && first && unlink(tmp) != 0 && errno != ENOENT)
        rc = FAIL(err, TG_EIO, "%s: %s", tmp, strerror(errno));
    TRY(comm_agree(run->selfplay, rc, err));
    TRY(write_parts(run, tmp, &head, first, games, n, (off_t)sizeof head + (off_t)before, err));
    return comm_agree(run->selfplay, first ? tg_file_rename(tmp, path, err) : TG_OK, err);
}

/* ---- leaving ------------------------------------------------------------------------------------ */

/* Finished games that nobody has taken yet. */
static enum tg_status stage_rest(struct run *run, struct tg_error *err)
{
    bool idle = false, got;

    while (!idle) {
        struct record_finished f;
        struct selfplay_job job;

        TRY(selfplay_take(run->pool, 0, &f, &job, &got, &idle, err));
        if (got)
            TRY(run_stage_game(run, NULL, &f, &job, err));
    }
    return TG_OK;
}

static enum tg_status write_finished(struct run *run, struct tg_error *err)
{
    char from[RUN_PATH_MAX], to[RUN_PATH_MAX];
    struct replay_shard_info *s = &run->open.shard;
    enum tg_status rc;

    TRY(replay_writer_commit(run->writer, run->at.n_shards, run->at.iteration, s, err));
    if (s->n_rows == 0) {
        memset(s, 0, sizeof *s);
        return TG_OK;
    }
    rc = run_path(run->dir, RUN_SHARD, s->number, from, err);
    if (rc == TG_OK)
        rc = run_path(run->dir, RUN_OPEN_SHARD, run->at.iteration, to, err);
    if (rc == TG_OK && comm_rank(run->selfplay) == 0)
        rc = tg_file_rename(from, to, err);
    return comm_agree(run->selfplay, rc, err);
}

/* Only the wanted games stay in the list. */
static size_t sift(const struct run *run, struct selfplay_frozen *games, size_t n,
                   bool (*wanted)(const struct run *run, int64_t id))
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (wanted == NULL || wanted(run, games[i].id))
            games[kept++] = games[i];
        else
            free(games[i].bytes);
    return kept;
}

enum tg_status run_freeze(struct run *run, bool (*wanted)(const struct run *run, int64_t id),
                          struct tg_error *err)
{
    struct selfplay_frozen *games = NULL;
    size_t n = 0;
    enum tg_status rc = comm_agree(run->selfplay, selfplay_freeze(run->pool, max_frozen_bytes, &games, &n, err), err);

    n = sift(run, games, n, wanted);
    if (rc == TG_OK)
        rc = write_games(run, games, n, err);
    if (rc == TG_EIO) { /* agreed. The finished games are worth more: they are still to be written */
        tg_log(comm_rank(run->selfplay) == 0 ? &run->app->log : NULL, TG_LOG_WARN,
               "games in flight are not kept, and are played again: %s", err != NULL ? err->text : "");
        run->open.n_flying = 0;
        rc = TG_OK;
    }
    for (size_t i = 0; i < n; i++)
        free(games[i].bytes);
    free(games);
    return rc;
}

static enum tg_status leave_selfplay(struct run *run, struct tg_error *err)
{
    if (run->at.played) {
        selfplay_cancel(run->pool); /* a match's games, if any */
        return TG_OK;
    }
    TRY(run_freeze(run, NULL, err));
    TRY(comm_agree(run->selfplay, stage_rest(run, err), err));
    return write_finished(run, err);
}

enum tg_status run_leave_training(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    uint64_t n_bytes;

    TRY(run_path(run->dir, RUN_OPEN_CHECKPOINT, run->at.iteration, path, err));
    trainer_reopen(run->trainer);
    TRY(trainer_save(run->trainer, run->window, path, err));
    if (comm_rank(run->train) == 0 && tg_hash_file(path, &run->open.checkpoint_hash, &n_bytes) != 0)
        return FAIL(err, TG_EIO, "%s: cannot be read back", path);
    return TG_OK;
}

static enum tg_status note_open(struct run *run, struct tg_error *err)
{
    struct manifest *m = &run->manifest;

    if (run->published)
        m->n_nets--; /* its file is written again when the iteration is */
    m->open = run->open;
    m->elapsed_sec += tg_now() - run->started;
    run->started = tg_now();
    tg_log(&run->app->log, TG_LOG_INFO,
           "iteration %" PRId64 " is left open: %" PRId64 " games finished, %" PRId64 " in flight, step %" PRId64,
           run->at.iteration + 1, run->at.played ? run->shard.n_games : run->open.shard.n_games,
           run->open.n_flying, run->figures.train.n_steps);
    return manifest_save(m, run->dir, err);
}

enum tg_status run_leave(struct run *run, struct tg_error *err)
{
    double start = tg_now();
    enum tg_status rc = TG_OK;

    run_phase(run, "leave");
    run->open = (struct manifest_open){.iteration = run->at.iteration, .appended = run->appended};
    if (run->selfplay != NULL)
        rc = leave_selfplay(run, err);
    if (rc == TG_OK && run->train != NULL && run->figures.train.n_steps > 0)
        rc = run_leave_training(run, err);
    TRY(comm_agree(run->world, rc, err));
    /* The finished games and those in flight are known on self-play ranks, rank 0 among them. */
    uint64_t hash = run->open.checkpoint_hash;
    comm_bcast(run->world, &run->open, sizeof run->open, 0);
    comm_bcast(run->world, &hash, sizeof hash, run->train_root);
    run->open.checkpoint_hash = hash;
    TRY(comm_agree(run->world, root(run) ? note_open(run, err) : TG_OK, err));
    if (run->published) {
        run->at.n_nets--;
        run->at.latest = run->latest_before;
    }
    if (run->committed) { /* the next pass does it again */
        run->at.n_rows -= run->shard.n_rows;
        run->shard = run->shard_before;
    }
    run->published = run->committed = run->cut = run->checkpointing = false;
    run_saved(run, tg_now() - start);
    return TG_OK;
}

void run_forget_open(struct run *run, int64_t iteration)
{
    static const enum run_file files[] = {RUN_OPEN_SHARD, RUN_OPEN_GAMES, RUN_OPEN_CHECKPOINT};
    char path[RUN_PATH_MAX];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (run_path(run->dir, files[i], iteration, path, NULL) == TG_OK)
            unlink(path);
}

/* ---- taking up ---------------------------------------------------------------------------------- */

/* Where a game of the iteration stands in have, or -1: none of this rank's. */
static int64_t place_of(const struct run *run, int64_t id, int64_t first, int64_t n)
{
    int64_t k = id - run->at.n_games - first;

    return k >= 0 && k < n ? k : -1;
}

int64_t run_piece(const struct record_finished *games, int64_t n)
{
    enum { PIECE_ROWS = 16384 };
    int64_t rows = games[0].game.n_rows, m = 1;

    while (m < n && rows + games[m].game.n_rows <= PIECE_ROWS)
        rows += games[m++].game.n_rows;
    return m;
}

/* Finished games [n], which follow each other in their shard, back into the writer. */
static enum tg_status restage(struct run *run, const char *path, struct record_finished *games, int64_t n, FILE *sgf,
                              struct tg_error *err)
{
    struct record_layout l;

    record_layout_init(&l, &run->game);
    TRY(replay_shard_games_rows(path, &l, games, n, err));
    for (int64_t i = 0; i < n; i++) {
        struct selfplay_job job;

        run_make_job(run, games[i].game.id - run->at.n_games, &job);
        TRY(run_stage_game(run, sgf, &games[i], &job, err)); /* takes the arrays over */
    }
    return TG_OK;
}

enum tg_status run_check_open(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    uint64_t hash, n_bytes;
    unsigned char sound = 1;

    if (run->open.iteration != run->at.iteration || run->open.shard.n_games == 0)
        return TG_OK;
    TRY(run_path(run->dir, RUN_OPEN_SHARD, run->at.iteration, path, err));
    if (comm_rank(run->selfplay) == 0)
        sound = tg_hash_file(path, &hash, &n_bytes) == 0 && hash == run->open.shard.hash;
    comm_bcast(run->selfplay, &sound, 1, 0);
    if (sound)
        return TG_OK;
    if (comm_rank(run->selfplay) == 0)
        tg_log(&run->app->log, TG_LOG_WARN, "%s: missing or damaged: its games are played again", path);
    memset(&run->open.shard, 0, sizeof run->open.shard);
    return TG_OK;
}

/* The games that were finished, with the moves of ids in [from, to); *n 0: there are none. Damage is no failure: those
 * games are played again. */
static enum tg_status open_finished(struct run *run, int64_t from, int64_t to, char path[RUN_PATH_MAX],
                                    struct record_finished **games, int64_t *n, struct tg_error *err)
{
    *games = NULL;
    *n = 0;
    if (run->open.shard.n_games == 0)
        return TG_OK;
    TRY(run_path(run->dir, RUN_OPEN_SHARD, run->at.iteration, path, err));
    if (replay_shard_games_between(path, from, to, games, n, err) != TG_OK)
        tg_log(&run->app->log, TG_LOG_WARN, "%s: missing or damaged: its games are played again", path);
    return TG_OK;
}

static void close_finished(struct record_finished *games, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        record_finished_free(&games[i]);
    free(games);
}

/* So many of these games follow each other that this rank is to have and has not yet; have is set for them. */
static int64_t take_wanted(const struct run *run, const struct record_finished *games, int64_t n_games,
                           int64_t first, int64_t n, bool *have)
{
    int64_t m = 0;

    for (; m < n_games; m++) {
        int64_t k = place_of(run, games[m].game.id, first, n);

        if (k < 0 || have[k])
            break;
        have[k] = true;
    }
    return m;
}

static enum tg_status take_finished(struct run *run, int64_t first, int64_t n, bool *have, FILE *sgf,
                                    struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    struct record_finished *games;
    int64_t n_games, m;
    enum tg_status rc = TG_OK;

    TRY(open_finished(run, run->at.n_games + first, run->at.n_games + first + n, path, &games, &n_games, err));
    for (int64_t i = 0; i < n_games && rc == TG_OK; i += m > 0 ? m : 1) {
        m = take_wanted(run, &games[i], run_piece(&games[i], n_games - i), first, n, have);
        if (m > 0)
            rc = restage(run, path, &games[i], m, sgf, err);
    }
    close_finished(games, n_games);
    return rc;
}

enum tg_status run_stage_finished(struct run *run, int64_t *n_staged, int64_t *next_id, struct tg_error *err)
{
    char path[RUN_PATH_MAX];
    struct record_finished *games;
    int64_t n, rank = comm_rank(run->selfplay), size = comm_size(run->selfplay), m;
    enum tg_status rc;

    *n_staged = 0;
    TRY(open_finished(run, INT64_MIN, INT64_MAX, path, &games, &n, err));
    for (int64_t i = 0; i < n; i++)
        *next_id = games[i].game.id >= *next_id ? games[i].game.id + 1 : *next_id;
    rc = TG_OK;
    for (int64_t i = n * rank / size, end = n * (rank + 1) / size; i < end && rc == TG_OK; i += m) {
        m = run_piece(&games[i], end - i);
        rc = restage(run, path, &games[i], m, NULL, err);
        *n_staged += m;
    }
    close_finished(games, n);
    return rc;
}

static bool get(int fd, void *data, size_t n, off_t at)
{
    size_t done = 0;

    while (done < n) {
        ssize_t got = pread(fd, (char *)data + done, n - done, at + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* The file of games in flight, while it is read. */
struct flying { char path[RUN_PATH_MAX]; int fd; off_t at, end; int64_t n, next; struct entry e; };

/* False: missing or damaged. */
static bool flying_open(const struct run *run, struct flying *f)
{
    struct file_head head;

    f->fd = -1;
    f->at = sizeof head;
    f->n = f->next = 0;
    if (run_path(run->dir, RUN_OPEN_GAMES, run->at.iteration, f->path, NULL) != TG_OK)
        return false;
    f->fd = open(f->path, O_RDONLY);
    f->end = f->fd >= 0 ? lseek(f->fd, 0, SEEK_END) : -1;
    if (f->fd < 0 || !get(f->fd, &head, sizeof head, 0) || memcmp(head.magic, magic, sizeof magic) != 0 ||
        head.iteration != run->at.iteration || head.n_bytes != f->end)
        return false;
    f->n = head.n_games;
    return true;
}

/* Go to the next entry, f->e. False: damaged, or the end. */
static bool flying_next(struct flying *f)
{
    if (f->next > 0)
        f->at += (off_t)sizeof f->e + (off_t)f->e.n_bytes;
    return f->next++ < f->n && get(f->fd, &f->e, sizeof f->e, f->at) &&
           f->e.n_bytes <= (uint64_t)(f->end - f->at);
}

/* The entry's game. False: damaged. */
static bool flying_read(const struct flying *f, struct selfplay_frozen *game)
{
    *game = (struct selfplay_frozen){.id = f->e.id, .n_bytes = (size_t)f->e.n_bytes,
                                     .bytes = malloc((size_t)f->e.n_bytes + 1)};
    if (game->bytes != NULL && get(f->fd, game->bytes, game->n_bytes, f->at + (off_t)sizeof f->e) &&
        tg_hash(game->bytes, game->n_bytes, (uint64_t)game->id) == f->e.hash)
        return true;
    free(game->bytes);
    return false;
}

/* Damage costs only work: those games are played again, or others in their place. */
static void flying_close(const struct run *run, struct flying *f, bool good)
{
    if (!good)
        tg_log(&run->app->log, TG_LOG_WARN, "%s: missing or damaged: its games are played again", f->path);
    if (f->fd >= 0)
        close(f->fd);
}

static enum tg_status take_flying(struct run *run, int64_t first, int64_t n, bool *have,
                                  struct tg_error *err)
{
    struct flying f;
    enum tg_status rc = TG_OK;

    if (run->open.n_flying == 0)
        return TG_OK;
    bool good = flying_open(run, &f);
    while (good && rc == TG_OK && f.next < f.n) {
        struct selfplay_frozen game;
        struct selfplay_job job;

        good = flying_next(&f);
        int64_t k = good ? place_of(run, f.e.id, first, n) : -1;
        if (k < 0 || have[k])
            continue;
        good = flying_read(&f, &game);
        if (!good)
            break;
        run_make_job(run, first + k, &job);
        rc = selfplay_thaw(run->pool, &job, &game, err);
        have[k] = rc == TG_OK;
    }
    flying_close(run, &f, good);
    return rc;
}

enum tg_status run_thaw_all(struct run *run,
                            enum tg_status (*thaw)(struct run *run, struct selfplay_frozen *game,
                                                   struct tg_error *err), struct tg_error *err)
{
    struct flying f;
    enum tg_status rc = TG_OK;

    if (run->open.n_flying == 0)
        return TG_OK;
    bool good = flying_open(run, &f);
    while (good && rc == TG_OK && f.next < f.n) {
        struct selfplay_frozen game;

        good = flying_next(&f);
        if (!good || (f.next - 1) % comm_size(run->selfplay) != comm_rank(run->selfplay))
            continue;
        good = flying_read(&f, &game);
        if (good)
            rc = thaw(run, &game, err);
    }
    flying_close(run, &f, good);
    return rc;
}

enum tg_status run_take_up(struct run *run, int64_t first, int64_t n, bool *have, FILE *sgf,
                           struct tg_error *err)
{
    if (run->open.iteration != run->at.iteration)
        return TG_OK;
    TRY(take_finished(run, first, n, have, sgf, err));
    return take_flying(run, first, n, have, err);
}
