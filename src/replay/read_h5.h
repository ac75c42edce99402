/* read_h5.h - private to src/replay: an open shard, read column by column.
 *
 * Chunks are fetched as they stand on disk and checked and decompressed here, into buffers of known
 * size: a damaged or hostile file can neither crash us nor make us allocate without bound. */
#pragma once

#include <hdf5.h>

#include "codec.h"
#include "schema.h"
#include "tengen/error.h"

struct shard_reader {
    const char *path; /* borrowed */
    hid_t file;
    uint64_t file_bytes;
    int64_t number, iteration, size, history;
    int64_t n_items[SHARD_TABLES];
    char game[32];
    struct shard_buffer packed, raw; /* one chunk */
};

/* Open a shard and check its attributes and counts. shard_reader_fini in any case. */
enum tg_status shard_reader_init(struct shard_reader *r, const char *path, struct tg_error *err);
void shard_reader_fini(struct shard_reader *r);

/* Items [first, first + n) of a column to dst + c->offset, c->stride bytes apart. A column that the
 * file lacks leaves dst as it is if it may be missing. TG_EFORMAT names file, column and fault. */
enum tg_status shard_read_column(struct shard_reader *r, const struct shard_column *c,
                                 enum shard_table_kind t, int64_t first, int64_t n, bool may_lack,
                                 unsigned char *dst, struct tg_error *err);
