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
    size_t *block_at;           /* owned, and what follows lies behind: where in packed each block begins */
    struct shard_piece *pieces; /* block after block */
    unsigned char *packed;
};

enum { SHARD_CUTS = 2 }; /* of a group: its borders */

/* Memory that commits use again and again: fresh pages cost as much as filling them. */
struct shard_workspace {
    struct shard_buffer gathered; /* one column of one span */
    struct shard_buffer table, packed; /* a game being staged: what block_at and pieces say, and its bytes */
    struct shard_buffer out;      /* messages to all ranks */
    struct shard_buffer raw;      /* a chunk that travelled raw */
    struct shard_buffer chunks;   /* that are about to be written */
    struct shard_buffer kept;     /* chunks that were compressed to be measured */
    struct shard_buffer span;     /* that a border cuts, decompressed */
    struct shard_buffer cuts[SHARD_CUTS]; /* what is left of such spans in the group in hand */
    struct shard_buffer parts;    /* of the group in hand: struct arrived */
    struct shard_buffer sizes;    /* of the chunks: uint32_t */
};
void shard_workspace_fini(struct shard_workspace *w);

/* Compress f into *s. */
enum tg_status staged_init(struct staged_game *s, const struct record_finished *f,
                           const struct shard_schema *schema, struct shard_codec *codec,
                           struct shard_workspace *w, struct tg_error *err);
void staged_fini(struct staged_game *s);

/* This rank's chunks, in the order table, group, column: their sizes, then one after the other themselves. A
 * chunk's place in the file follows from all ranks' sizes, and the disk can take the first chunks while the next
 * are made. */
struct shard_exchange {
    const uint32_t *sizes; /* [n] on disk; in the workspace */
    int64_t n;

    /* private */
    const struct plan *plan;
    const struct shard_schema *schema;
    struct staged_game *staged; /* this rank's */
    struct shard_codec *codec;
    struct shard_workspace *w;
    int rank;
    void *in;        /* owned: messages received */
    size_t *starts;  /* owned [n_ranks + 1]: where each rank's message begins */
    size_t *at;      /* owned [n_ranks + 1]: where it is being read; before that, where each to send begins */
    int table, column; /* of the next chunk */
    int64_t group, next;
    size_t kept_at;
    const unsigned char *spanned; /* the staged bytes of what is in the workspace's span; NULL: nothing */
    int n_cuts; /* of the group in hand */
};

/* Hand pieces to the ranks that assemble them, and measure this rank's chunks. Sets first_row and first_move of
 * the staged games. All arguments are borrowed until close. Collective, agreed; close in any case. */
enum tg_status shard_exchange_open(struct shard_exchange *x, const struct plan *p, struct comm *comm,
                                   const struct shard_schema *schema, struct staged_game *staged,
                                   struct shard_codec *codec, struct shard_workspace *w, struct tg_error *err);
void shard_exchange_close(struct shard_exchange *x);
/* The next chunk, appended to out. To be called n times. Not collective. */
enum tg_status shard_exchange_next(struct shard_exchange *x, struct shard_buffer *out, struct tg_error *err);
