/* sources.h - the texts a config consists of: itself, what it requires, the overrides.
 *
 * They are read from disk once; all of them together, as one text, are what a run keeps, and what it
 * is resumed from. Texts are valid UTF-8 without NUL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tengen/error.h"

enum { SOURCES_MAX = 64, SOURCE_MAX_BYTES = 1 << 20, SOURCE_NAME_MAX = 64 };

struct source {
    char name[SOURCE_NAME_MAX]; /* "" the config, else as required */
    char *path;                 /* owned: where it was read, for messages */
    char *text;                 /* owned */
};

struct sources {
    char *folder;        /* owned: of the config; NULL: only what is here already can be had */
    int n, n_overrides;
    struct source list[SOURCES_MAX];
    char *overrides[SOURCES_MAX]; /* owned: "key=value" */
};

/* Begin with the config at path, or with all that a kept text there holds. TG_ENOTFOUND if there is
 * no such file. */
enum tg_status sources_open(struct sources *s, const char *path, struct tg_error *err);
/* Begin with what sources_text gave. TG_EFORMAT if it is not such a text. */
enum tg_status sources_parse(struct sources *s, const char *text, struct tg_error *err);
void sources_close(struct sources *s); /* zeroed ones are allowed */

enum tg_status sources_add_override(struct sources *s, const char *text, struct tg_error *err);

/* The module of this name, read if it is new: from the config's folder, from lua/ beside that, from
 * share/tengen/lua beside the program's folder. No name can lead elsewhere. */
enum tg_status sources_module(struct sources *s, const char *name, const struct source **source,
                              struct tg_error *err);

/* All of it as one text (malloc'd, the caller frees). */
enum tg_status sources_text(const struct sources *s, char **text, struct tg_error *err);
/* Of names and contents; where the files lay does not matter. */
uint64_t sources_hash(const struct sources *s);
