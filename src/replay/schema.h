/* schema.h - private to src/replay: the tables of a shard and their columns.
 *
 * An item is a line of a table. Each game contributes a run of consecutive items to each table, in
 * the order of game ids. A column is one dataset, cut into chunks of so many items; the chunks of all
 * columns of a table over the same items form a group. Rows are two tables of equally many items:
 * their numbers (heads), in large chunks because they are small, and their arrays. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/record.h"

enum {
    SHARD_SCHEMA_VERSION = 1,
    SHARD_MAX_COLUMNS = 32,
    SHARD_NAME_CHARS = 40,
    SHARD_GAME_MAX_BYTES = 160,
    SHARD_MAX_CHUNK_BYTES = 64 << 20, /* no chunk of ours comes near it; bounds a damaged file's */
    SHARD_HEADS_CHUNK = 16384,        /* items a chunk; of arrays: an option */
    SHARD_GAMES_CHUNK = 4096,
    SHARD_MOVES_CHUNK = 16384,
    SHARD_HEAD_BYTES = 16,            /* an item of a head column at most */
    SHARD_SPAN = 32                   /* arrays of so many rows are compressed as one piece */
};

enum shard_table_kind { SHARD_HEADS, SHARD_ARRAYS, SHARD_GAMES, SHARD_MOVES, SHARD_TABLES };

struct shard_column {
    char name[SHARD_NAME_CHARS]; /* path of the dataset */
    bool is_game;                /* an item is a packed game, see below; type is of no interest */
    enum record_type type;
    size_t n_elems, item_bytes;  /* of one item */
    size_t offset, stride;       /* in memory: of the first item, from item to item */
};

struct shard_table {
    int n_columns;
    struct shard_column columns[SHARD_MAX_COLUMNS];
};

struct shard_schema {
    struct shard_table tables[SHARD_TABLES];
};

/* l may be NULL where the rows are of no interest. */
void shard_schema_init(struct shard_schema *s, const struct record_layout *l);

/* A game on disk: its fields one behind the other, without the gaps of struct record_game. The
 * dataset's type names them: a table with a line per game. offset is that in struct record_game. */
const struct record_column *shard_game_fields(int *n);
size_t shard_game_pack(const struct record_game *g, unsigned char packed[SHARD_GAME_MAX_BYTES]);
void shard_game_unpack(const unsigned char *packed, struct record_game *g);

/* Where the items of a column of rows or moves begin in a finished game. */
const unsigned char *shard_source(const struct record_finished *f, enum shard_table_kind table,
                                  const struct shard_column *c);

/* Items that a game of so many rows and moves has in a table. */
int64_t shard_items(enum shard_table_kind table, int64_t n_rows, int64_t n_moves);
/* A game is compressed in spans of so many items, so that little is spoilt where the border between
 * two chunks falls into it. */
int64_t shard_span(enum shard_table_kind table);
