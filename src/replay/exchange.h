/* exchange.h - private to src/replay: staged games, and how their pieces become chunks on the ranks
 * that write them. */
#pragma once

#include "codec.h"
#include "plan.h"
#include "schema.h"
#include "tengen/comm.h"

/* A game that waits for its commit. A block is a span of a table that does not travel raw, each
 * block a piece per column: heads, spans of arrays, moves. */
struct staged_game {
    struct record_game game;
    struct shard_piece *pieces; /* owned, block after block */
    size_t *block_at;           /* owned: where in packed each block begins */
    unsigned char *packed;      /* owned */
};

/* Memory that commits use again and again: fresh pages cost as much as filling them. */
struct shard_workspace {
    struct shard_buffer gathered; /* one column of one span */
    struct shard_buffer packed;   /* a game being staged */
    struct shard_buffer out;      /* messages to all ranks */
    struct shard_buffer raw;      /* a chunk that travelled raw */
    struct shard_buffer chunks;   /* the chunks that this rank assembled */
    struct shard_buffer parts;    /* of the group in hand: struct arrived */
    struct shard_buffer sizes;    /* of the chunks: uint32_t */
};
void shard_workspace_fini(struct shard_workspace *w);

/* Compress f into *s. */
enum tg_status staged_init(struct staged_game *s, const struct record_finished *f,
                           const struct shard_schema *schema, struct shard_codec *codec,
                           struct shard_workspace *w, struct tg_error *err);
void staged_fini(struct staged_game *s);

/* The chunks that one rank assembled, in the order table, group, column; in the workspace. */
struct shard_chunks {
    const unsigned char *bytes;
    const uint32_t *sizes; /* [n] */
    int64_t n;
};

/* Hand pieces to the ranks that assemble them, and assemble this rank's chunks. Sets first_row and
 * first_move of the staged games. Collective, agreed. */
enum tg_status shard_exchange(const struct plan *p, struct comm *comm,
                              const struct shard_schema *schema, struct staged_game *staged,
                              struct shard_codec *codec, struct shard_workspace *w,
                              struct shard_chunks *chunks, struct tg_error *err);
