/* replay.h - self-play rows on disk (shards) and in memory (the window), and draws from it.
 *
 * A shard is one HDF5 file that never changes once visible: written by all ranks under a temporary
 * name, synced, its counts read back, renamed. Its name and counts then go into the manifest (the
 * caller's): only shards named there count. Any HDF5 of version 1.10 or later reads it, with the
 * standard filters deflate and Fletcher-32:
 *   /<column>          one dataset per column of struct record_layout, [n_rows] or [n_rows, n_elems]
 *   /games             a table, [n_games], with a named field per field of struct record_game
 *   /moves/action, root_value, root_visits   [n_moves], of all games, in the order of the games
 * and attributes of the file: schema_version, number, iteration, n_rows, n_games, n_moves, game,
 * size, history, config_hash, build. Rows and games stand in the order of game ids. The same games
 * give the same bytes, whatever the number of ranks and however the games were shared out.
 *
 * Collective: every rank of the communicator calls it, in the same order; its status is agreed,
 * equal on all ranks, and every rank has the reason in its err. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/log.h"
#include "tengen/record.h"

/* ---- writing --------------------------------------------------------------------------------- */

/* What a shard says of itself: attributes, and what the manifest keeps. */
struct replay_shard_info {
    char name[64];        /* "shard-00000012.h5", in the replay directory */
    int64_t number;       /* counts from 0 */
    int64_t iteration;
    int64_t n_rows, n_games, n_moves;
    uint64_t n_bytes, hash; /* of the whole file: tg_hash_file */
};

/* Which ranks write one file together. */
enum replay_layout {
    REPLAY_SHARED,        /* all: one shard a commit */
    REPLAY_PER_HOST       /* those of a host: a shard of each. For file systems on which several hosts cannot
                             write one file at once. Which game is in which shard depends on who played it */
};

struct replay_options {
    int chunk_rows;       /* rows per chunk of the arrays, 1..65536. 4096 is good: the fewer borders
                             between chunks, the faster a commit */
    int deflate;          /* level 1..9; 0: uncompressed */
    int layout;           /* enum replay_layout */
    int64_t align;        /* what one rank may write begins at a multiple of so many bytes (a stripe of the
                             file system), so that no two write to the same; 0: nothing is left free */
    const char *config_hash; /* written as attributes; borrowed; may be NULL */
    const char *build;
};

struct replay_writer;

/* Open *w for shards in dir, which is made. Collective. Borrows comm; *w NULL on failure. Leftover
 * temporary files are removed. */
enum tg_status replay_writer_open(struct comm *comm, const char *dir, const struct game *game,
                                  const struct replay_options *options, struct replay_writer **w,
                                  struct tg_error *err);

/* Stage a finished game; takes its arrays over, also on failure. Compresses them (some 7 usec a row
 * of 9x9 Go), no I/O. Not collective. TG_EINVAL: a row names another game, arrays are missing. */
enum tg_status replay_writer_push(struct replay_writer *w, struct record_finished *game,
                                  struct tg_error *err);
int64_t replay_writer_staged(const struct replay_writer *w); /* rows of this rank */

/* Write what all ranks staged as one shard, `number`, whatever the layout (per_host: the hosts write it
 * one after the other; for files that are rare), rows in the order of game ids over all ranks, so
 * that the file does not depend on how games were shared out (bit for bit). *info is equal on all
 * ranks; info->n_rows 0: no rows were staged, no file, and games without rows wait for the next commit.
 * Collective. TG_EIO: nothing became visible and the rows stay staged, so the call may be repeated.
 * TG_EINVAL: a game id occurs twice. */
enum tg_status replay_writer_commit(struct replay_writer *w, int64_t number, int64_t iteration,
                                    struct replay_shard_info *info, struct tg_error *err);

/* The same as the layout says: *files (malloc'd on every rank, equal, the caller frees) are *n shards with
 * numbers from `number` on, none of them empty. A game id that occurs on two hosts goes unnoticed. After a
 * failure there may be files of these numbers, which the next commit replaces. */
enum tg_status replay_writer_commit_files(struct replay_writer *w, int64_t number, int64_t iteration,
                                          struct replay_shard_info **files, int *n, struct tg_error *err);

/* Free w and drop what is not committed. Collective. NULL is allowed. */
void replay_writer_close(struct replay_writer *w);

/* ---- reading --------------------------------------------------------------------------------- */

/* Read the attributes of a shard file; check its counts against its datasets. Not collective.
 * TG_EFORMAT names the file and what is wrong. info->hash is the file's own, for the caller to compare. */
enum tg_status replay_shard_stat(const char *path, struct replay_shard_info *info,
                                 struct tg_error *err);
/* The game that its rows are of, board side and history as its attributes say. Not collective. */
enum tg_status replay_shard_game(const char *path, struct game *game, struct tg_error *err);
/* Rows [first, first + n) into rows [n * row_bytes] (columns the file lacks become 0). Not collective. */
enum tg_status replay_shard_rows(const char *path, const struct record_layout *l, int64_t first,
                                 int64_t n, uint8_t *rows, struct tg_error *err);
/* All games of a shard, moves included, rows left out. The caller frees each and the array. */
enum tg_status replay_shard_games(const char *path, struct record_finished **games, int64_t *n,
                                  struct tg_error *err);
/* The same with the moves of games with ids in [from, to) alone: a rank of many takes its own. */
enum tg_status replay_shard_games_between(const char *path, int64_t from, int64_t to, struct record_finished **games,
                                          int64_t *n, struct tg_error *err);
/* Rows of games [n] that follow each other in this shard, as replay_shard_games gave them, into each one's rows
 * (malloc'd, the caller's). All are read at once, as finding them game by game would unpack a chunk for each.
 * Not collective. TG_EFORMAT: they do not follow each other; on failure all rows are NULL. */
enum tg_status replay_shard_games_rows(const char *path, const struct record_layout *l,
                                       struct record_finished *games, int64_t n, struct tg_error *err);
/* Re-read everything: checksums of all chunks, counts, finite numbers, legal ranges, plies and rows
 * of each game agree. Not collective. */
enum tg_status replay_shard_verify(const char *path, const struct record_layout *l,
                                   struct tg_error *err);

/* ---- the window ------------------------------------------------------------------------------ */

/* Rows in memory, one copy per host, shared by its trainer ranks. */
struct replay_window;

struct replay_window_options {
    int64_t capacity;       /* rows kept at most: FIFO */
    /* Prioritised draws: weight (p + eps)^alpha, importance (1 / (N P))^beta over the batch's
     * maximum. alpha 0: uniform, all importance weights 1. */
    float alpha, epsilon;
};

/* Collective on train (and inside on its hosts). */
enum tg_status replay_window_open(struct comm *train, const struct record_layout *l,
                                  const struct replay_window_options *options,
                                  struct replay_window **w, struct tg_error *err);
void replay_window_close(struct replay_window *w); /* Collective. */

/* Draw by another alpha from now on. Priorities stay what they are, so draws are those of a window that was opened with
 * this alpha and has these rows and priorities: nothing but them is to be kept for a restart. Collective, alpha equal on
 * all ranks. TG_EINVAL: as replay_window_open has it; TG_ENOMEM, agreed: no room for the sums of weights, and the window
 * can only be closed. */
enum tg_status replay_window_set_alpha(struct replay_window *w, float alpha, struct tg_error *err);

/* Append a shard's rows, dropping the oldest beyond the capacity. The ranks of a host share the
 * reading. A damaged shard leaves the window as it was: TG_EFORMAT, agreed. Collective. */
enum tg_status replay_window_append(struct replay_window *w, const char *path,
                                    const struct replay_shard_info *info, struct tg_error *err);

/* The same of a shard that another host has just written: on some file systems this host sees it later, or in part at
 * first. For up to about wait_sec (not agreed: equal on all ranks) it is tried again; log may be NULL. Collective. */
enum tg_status replay_window_append_new(struct replay_window *w, const char *path,
                                        const struct replay_shard_info *info, double wait_sec, struct tg_log *log,
                                        struct tg_error *err);

int64_t replay_window_rows(const struct replay_window *w);       /* now in the window */
bool replay_window_prioritised(const struct replay_window *w);   /* draws depend on what steps found */
int64_t replay_window_total(const struct replay_window *w);      /* ever appended */
size_t replay_window_bytes(const struct replay_window *w);       /* of this host */
/* The row of a slot that a draw gave; valid until the next append. Where a row's slot lies depends on
 * what was appended before it; which rows a step draws does not. */
const uint8_t *replay_window_row(const struct replay_window *w, int64_t slot);

/* The draws of one step: slots [n] and importance weights [n], a function of (seed, step), the
 * window and its priorities: equal on all ranks, whatever their number. Only the newest n_newest rows take part
 * (0: all). beta: importance exponent. Not collective. TG_EINVAL if the window is empty. */
enum tg_status replay_window_draw(struct replay_window *w, uint64_t seed, int64_t step,
                                  int64_t n_newest, float beta, int n, int64_t *slots,
                                  float *weights, struct tg_error *err);

/* New priorities |error| for the rows this rank trained on in this step: slots [n], errors [n]. A row
 * that was drawn more than once keeps its largest error; what is not finite or 0 becomes 1e-6. After it
 * all ranks' windows agree. Does nothing while alpha is 0. Collective. */
enum tg_status replay_window_update(struct replay_window *w, const int64_t *slots,
                                    const float *errors, int n, struct tg_error *err);

/* Priorities of the whole window, oldest row first, for the checkpoint; [replay_window_rows]. */
void replay_window_priorities_get(const struct replay_window *w, float *priorities);
enum tg_status replay_window_priorities_set(struct replay_window *w, const float *priorities,
                                            int64_t n, struct tg_error *err); /* Collective. */
