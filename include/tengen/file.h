/* file.h - whole files: read with a size limit, replaced atomically. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tengen/error.h"

/* Read a file of at most max_bytes into *data (malloc'd, the caller frees; a NUL stands behind the
 * last byte) and *n. */
enum tg_status tg_file_read(const char *path, size_t max_bytes, char **data, size_t *n,
                            struct tg_error *err);

/* Replace path by these bytes: written beside it, synced, renamed, the directory synced. Either the
 * old or the new content is there at any time; on failure the old one is. */
enum tg_status tg_file_replace(const char *path, const void *data, size_t n, struct tg_error *err);

/* mkdir -p. An existing directory is success. */
enum tg_status tg_mkdirs(const char *path, struct tg_error *err);

/* rename(from, to), then fsync the directory of `to`. */
enum tg_status tg_file_rename(const char *from, const char *to, struct tg_error *err);

/* Seconds of a monotonic clock. */
double tg_now(void);
