/* cache.h - plans on disk: one text file per device, cuDNN version and folder.
 *
 * Processes share it without a lock: each reads the file again before it works out what it lacks, and
 * replaces the file as a whole. What is lost when two do so at once is worked out again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tengen/error.h"

struct plan_cache_entry {
    char *key;  /* the spec's text, and the workspace that was to be had */
    bool fused; /* the plan is for all of the spec */
    char *json;
};

struct plan_cache {
    char *path; /* owned; NULL: nothing is kept */
    struct plan_cache_entry *entries; /* owned */
    int n, cap;
};

/* In folder (NULL or "": $XDG_CACHE_HOME/tengen or ~/.cache/tengen), for this device. Never fails: a
 * folder that cannot be made or a file that cannot be read only means that nothing is found. */
void plan_cache_open(const char *folder, const char *device, int compute, size_t cudnn_version,
                     struct plan_cache *c);
void plan_cache_close(struct plan_cache *c);
/* Read what others have added. */
void plan_cache_refresh(struct plan_cache *c);
/* NULL if there is none. Valid until the next call that changes the cache. */
const struct plan_cache_entry *plan_cache_find(const struct plan_cache *c, const char *key);
/* Keep in memory and in the file. */
enum tg_status plan_cache_put(struct plan_cache *c, const char *key, bool fused, const char *json,
                              struct tg_error *err);
