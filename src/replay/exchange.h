/* exchange.h - private to src/replay: staged games, and how their pieces become chunks on the ranks
 * that write them. */
#pragma once

#include "codec.h"
#include "plan.h"
#include "schema.h"
#include "tengen/comm.h"

/* A game that waits for its commit: as it was pushed, and compressed column by column. */
struct staged_game {
    struct record_finished f;   /* owned */
    struct shard_piece *pieces; /* owned: rows' columns, then moves' columns; NULL at level 0 */
    unsigned char *packed;      /* owned: their bytes, one behind the other */
};

/* Compress f (taken over: also on failure the caller keeps nothing) into *s. scratch is reused. */
enum tg_status staged_init(struct staged_game *s, struct record_finished *f,
                           const struct shard_schema *schema, struct shard_codec *codec,
                           struct shard_buffer scratch[2], struct tg_error *err);
void staged_fini(struct staged_game *s);

/* The chunks that one rank assembled, in the order table, group, column. */
struct shard_chunks {
    struct shard_buffer bytes;
    uint32_t *sizes; /* owned [n] */
    int64_t n;
};
void shard_chunks_fini(struct shard_chunks *k);

/* Hand pieces to the ranks that assemble them, and assemble this rank's chunks. Sets first_row and
 * first_move of the staged games. Collective, agreed. */
enum tg_status shard_exchange(const struct plan *p, struct comm *comm,
                              const struct shard_schema *schema, struct staged_game *staged,
                              struct shard_codec *codec, struct shard_chunks *chunks,
                              struct tg_error *err);
