/* layer.h - what one source of settings (the config, curriculum, --set) says of each option: nothing,
 * a value, or a schedule. */
#pragma once

#include "sandbox.h"
#include "value.h"

enum binding_kind { BINDING_NONE, BINDING_VALUE, BINDING_STEPS, BINDING_CURVES, BINDING_FUNCTION };

struct step {
    int64_t upto;  /* last iteration, counted from 1, that has this value */
    struct value value;
};

enum curve_kind { CURVE_LINEAR, CURVE_COSINE, CURVE_EXPONENTIAL, CURVE_WARMUP, CURVE_STEP, CURVE_FLAT };

/* A number as a function of the iteration, for `over` of them; then the next one begins, or the end
 * value holds. */
struct curve {
    int kind; /* enum curve_kind */
    double from, to, factor;
    int64_t over;  /* STEP: iterations between two steps; FLAT: none */
    int64_t lasts; /* iterations after which the next curve begins */
};

enum { CURVES_MAX = 8, STEPS_MAX = 10000 };

struct binding {
    int kind;
    struct value value;
    struct step *steps;   /* owned [n] */
    struct curve *curves; /* owned [n] */
    int n;
    int function;         /* in Lua's registry */
};

enum layer_kind {
    LAYER_CONFIG,
    LAYER_CHANGES,  /* of curriculum: values only, of options that may vary */
    LAYER_OVERRIDES,
    LAYER_KINDS
};

struct layer {
    int kind;         /* enum layer_kind */
    char origin[128]; /* for messages: the config's path, "--set", "curriculum" */
    struct binding of[OPTIONS_MAX];
    int curriculum;   /* function in Lua's registry; 0: none. The config's only. */
};

/* Bind what the table on top of the stack says: nested tables, dotted keys, or both. prefix: "" or
 * the section that the table is. Every mistake is TG_EINVAL and names origin, key and cause. On
 * failure the layer may hold a part; it is freed as always. Runs inside sandbox_run. */
enum tg_status layer_bind_table(struct layer *l, lua_State *lua, const char *prefix,
                                struct tg_error *err);
/* The same for one key and the value on top of the stack. */
enum tg_status layer_bind(struct layer *l, lua_State *lua, const char *key, struct tg_error *err);
void layer_free(struct layer *l);
/* An empty layer of the same kind and origin; NULL where memory is short. layer_close: NULL is
 * allowed. */
struct layer *layer_open(const struct layer *like);
void layer_close(struct layer *l);
/* What `from` says replaces what `to` says; `from` is empty afterwards. */
void layer_move(struct layer *to, struct layer *from);

/* The value of option number i at this iteration (from 1). The layer must say something of it.
 * *value borrows from the layer unless *owned. Runs functions: not inside sandbox_run. */
enum tg_status layer_value(const struct layer *l, struct sandbox *sb, int i, int64_t iteration,
                           struct value *value, bool *owned, struct tg_error *err);

/* schedule.c: read what is on top of the stack into b, if it is a list of steps or a curve (*taken). */
enum tg_status schedule_read(struct binding *b, lua_State *lua, const struct option *option,
                             const char *origin, bool *taken, struct tg_error *err);
double curves_at(const struct curve *curves, int n, int64_t iteration);
const struct value *steps_at(const struct step *steps, int n, int64_t iteration);
