/* commit.h - private to src/replay: one shard from staging to a visible file. */
#pragma once

#include "exchange.h"
#include "layout_h5.h"
#include "tengen/replay.h"

struct commit {
    struct comm *comm;
    const struct shard_schema *schema;
    struct staged_game *staged; /* [n_staged] */
    int64_t n_staged;
    struct shard_codec *codec;
    struct shard_workspace *work;
    int chunk_rows;
    bool one_host; /* all ranks of comm */
    int turn, n_turns; /* n_turns > 0: ranks with turn 0 write, sync and close the file, then those with 1, .. */
    const char *dir;
    struct shard_attributes attributes;
};

/* Collective, agreed; see replay_writer_commit. */
enum tg_status commit_shard(const struct commit *k, struct replay_shard_info *info,
                            struct tg_error *err);

/* Remove what an interrupted commit left in dir. Not collective. */
enum tg_status commit_clean(const char *dir, struct tg_error *err);
