/* layout_h5.h - private to src/replay: the HDF5 structure of a shard, made before its data. */
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

/* Chunks of all tables are numbered in the order table, group, column. */
int64_t shard_chunk_count(const struct plan *p, const struct shard_schema *schema);

/* Create the file path with all groups, datasets, attributes and chunk indices; sizes [n] of all
 * chunks are known, their bytes are not needed: addresses [n] receives where in the file they have
 * to be written (by pwrite, by any process). The file has its final length. One rank calls this.
 * TG_EIO names the file and says why. */
enum tg_status shard_layout(const char *path, const struct plan *p, const struct shard_schema *schema,
                            const struct shard_attributes *a, const uint32_t *sizes,
                            uint64_t *addresses, struct tg_error *err);
