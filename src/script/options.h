/* options.h - the one table of what a config may say.
 *
 * A row ties a key such as "search.visits" to a type, a range, a default, a field of struct settings
 * and a sentence. All else (checks, schedules, overrides, help) works on these rows, so a new option
 * is one line here, and an option without a field cannot be written down. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tengen/script.h"

enum option_type {
    OPTION_INTEGER,
    OPTION_NUMBER,
    OPTION_BOOL,
    OPTION_ENUM,   /* one of names; the field holds its index */
    OPTION_TEXT,   /* any text, or one of names where there are some */
    OPTION_HALVES, /* a number in steps of 1/2; the field holds its double */
    OPTION_SIZES,  /* a list of board sizes with weights */
    OPTION_BLOCKS  /* the tower: a number of blocks, or a list of them */
};

/* What C type the field has; found by the compiler. */
enum option_store {
    STORE_INT, STORE_I64, STORE_U64, STORE_FLOAT, STORE_BOOL, STORE_U8, STORE_I16, STORE_TEXT,
    STORE_OTHER
};

enum option_flags {
    OPTION_VARIES = 1,  /* may be a schedule, and curriculum may change it; else fixed for the run */
    OPTION_DERIVED = 2, /* without a value it follows from others: stored after those, only if set */
    OPTION_GO = 4,      /* an error in a config of another game */
    OPTION_GOMOKU = 8
};

struct option {
    const char *key;
    uint8_t type, store, flags;
    size_t offset, bytes;     /* of the field in struct settings */
    double low, high;         /* of numbers, both allowed */
    double def;               /* numbers, bools (0, 1), enums (index) */
    const char *def_text;     /* default of a text; of a derived one what it follows from, in words */
    const char *const *names; /* NULL-terminated */
    const char *doc;
};

/* What the rows fill: the resolved options, and choices that are only a way to them. */
struct settings {
    struct run_options o;
    struct {
        char rules[32], preset[32], loss[16];
    } via;
};

enum { OPTIONS_MAX = 192 };
extern const struct option options[];
extern const int options_n; /* at most OPTIONS_MAX */

/* The row of this key, or -1. */
int option_find(const char *key);
/* The row that stands for a whole section given as a text (net = "b6c96" is net.preset), or -1. */
int option_shorthand(const char *section);
/* Is it a section, such as "search" or "game.rules"? */
int option_is_section(const char *path);
/* The known key or section most like this unknown one. */
const char *option_nearest(const char *key);
/* What values the row takes, in words: "a whole number from 1 to 100". */
void option_describe(const struct option *option, char *text, size_t n);
