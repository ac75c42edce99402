/* value.h - one value of one option: read from Lua and checked, put into its field, written as JSON. */
#pragma once

#include <stdbool.h>

#include <lua.h>

#include "options.h"

struct value {
    int64_t i;    /* INTEGER, BOOL, ENUM (index), HALVES (double) */
    double f;     /* NUMBER */
    void *data;   /* owned: TEXT char [], SIZES struct value_sizes, BLOCKS struct value_blocks */
};

struct value_sizes {
    int n;
    struct { uint8_t width, height; float weight; } list[SELFPLAY_SIZES];
};

struct value_blocks { /* widths that are 0 follow from the tower's */
    int n;
    struct nn_block list[NN_MAX_BLOCKS];
};

/* Read and check what lies at `at` on the stack. origin ("configs/a.lua") is for messages. On
 * failure value is empty. Memory errors of Lua leave nothing behind. */
enum tg_status value_read(lua_State *lua, int at, const struct option *option, const char *origin,
                          struct value *value, struct tg_error *err);
/* A number that a curve made: rounded where the option is in steps, and checked. */
enum tg_status value_from_number(double x, const struct option *option, const char *origin,
                                 struct value *value, struct tg_error *err);
/* The option's default. Not for derived ones. TG_ENOMEM. */
enum tg_status value_default(const struct option *option, struct value *value, struct tg_error *err);
void value_free(struct value *value); /* an empty one is allowed */

/* Put it into its field. */
void value_store(const struct value *value, const struct option *option, struct settings *s);

/* As JSON that value_read takes back (the numbers exactly). Returns the length, as snprintf. */
size_t value_json(const struct value *value, const struct option *option, char *text, size_t n);

/* Fail with "origin: key: X is not ...", X being what lies at `at`. */
enum tg_status value_refuse(lua_State *lua, int at, const struct option *option, const char *origin,
                            struct tg_error *err);
