/* layout_h5.h - private to src/replay: the HDF5 structure of a shard, and where its data stand. */
#pragma once

#include "plan.h"
#include "schema.h"
#include "tengen/error.h"

struct shard_attributes {
    int64_t number, iteration;
    const struct game *game;         /* borrowed */
    const char *config_hash, *build; /* borrowed; may be NULL */
    int deflate;
    int64_t align; /* see replay_options */
};

/* A chunk in the file. Chunks of all tables are numbered in the order table, group, column. */
struct shard_place {
    uint64_t at;
    uint32_t n_bytes;
};
enum { SHARD_DATA_BEGIN = 4096 }; /* before it stands the superblock */

int64_t shard_chunk_count(const struct plan *p, const struct shard_schema *schema);

/* From the sizes in places [shard_chunk_count] to addresses: one behind the other, the first of a group
 * at a multiple of align (0: anywhere). The same on all ranks. */
void shard_place_chunks(const struct plan *p, const struct shard_schema *schema, int64_t align,
                        struct shard_place *places);

/* Write the groups, datasets, attributes and indices of those chunks to fd (open for reading and writing;
 * borrowed), before and behind them; the chunks' bytes, which others have written or are writing, stay as
 * they are. The file gets its final length. One rank calls this. TG_EIO names path and says why. */
enum tg_status shard_layout(int fd, const char *path, const struct plan *p, const struct shard_schema *schema,
                            const struct shard_attributes *a, const struct shard_place *places,
                            struct tg_error *err);
