/* layer.c - bind the keys of a table to options. */
#include "layer.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

enum { KEY_MAX = 96, KEYS_MAX = 256 };

static void binding_free(struct binding *b)
{
    value_free(&b->value);
    for (int i = 0; b->steps != NULL && i < b->n; i++)
        value_free(&b->steps[i].value);
    free(b->steps);
    free(b->curves);
    memset(b, 0, sizeof *b);
}

void layer_free(struct layer *l)
{
    for (int i = 0; i < options_n; i++)
        binding_free(&l->of[i]);
}

struct layer *layer_open(const struct layer *like)
{
    struct layer *l = calloc(1, sizeof *l);

    if (l != NULL) {
        l->kind = like->kind;
        memcpy(l->origin, like->origin, sizeof l->origin);
    }
    return l;
}

void layer_close(struct layer *l)
{
    if (l != NULL)
        layer_free(l);
    free(l);
}

void layer_move(struct layer *to, struct layer *from)
{
    for (int i = 0; i < options_n; i++)
        if (from->of[i].kind != BINDING_NONE) {
            binding_free(&to->of[i]);
            to->of[i] = from->of[i];
            memset(&from->of[i], 0, sizeof from->of[i]);
        }
}

/* ---- one option ------------------------------------------------------------------------------- */

static enum tg_status bind_option(struct layer *l, lua_State *lua, int i, struct tg_error *err)
{
    const struct option *option = &options[i];
    struct binding *b = &l->of[i];
    bool plain = l->kind == LAYER_CHANGES, may_vary = !plain && (option->flags & OPTION_VARIES), taken;

    if (b->kind != BINDING_NONE)
        return FAIL(err, TG_EINVAL, "%s: %s is set twice", l->origin, option->key);
    if (plain && !(option->flags & OPTION_VARIES))
        return FAIL(err, TG_EINVAL, "%s: %s is fixed for the whole run", l->origin, option->key);
    if (lua_type(lua, -1) == LUA_TFUNCTION && may_vary) {
        lua_pushvalue(lua, -1);
        b->function = luaL_ref(lua, LUA_REGISTRYINDEX);
        b->kind = BINDING_FUNCTION;
        return TG_OK;
    }
    TRY(schedule_read(b, lua, option, l->origin, &taken, err));
    if (!taken) {
        TRY(value_read(lua, -1, option, l->origin, &b->value, err));
        b->kind = BINDING_VALUE;
    } else if (!may_vary) {
        return plain ? FAIL(err, TG_EINVAL, "%s: %s: a plain value is wanted here, no schedule",
                            l->origin, option->key)
                     : FAIL(err, TG_EINVAL, "%s: %s is fixed for the whole run: no schedule",
                            l->origin, option->key);
    }
    return TG_OK;
}

static enum tg_status bind_curriculum(struct layer *l, lua_State *lua, struct tg_error *err)
{
    if (lua_type(lua, -1) != LUA_TFUNCTION || l->kind != LAYER_CONFIG)
        return FAIL(err, TG_EINVAL, "%s: curriculum is set only in a config, to a function of "
                    "iteration and stats", l->origin);
    lua_pushvalue(lua, -1);
    l->curriculum = luaL_ref(lua, LUA_REGISTRYINDEX);
    return TG_OK;
}

enum tg_status layer_bind(struct layer *l, lua_State *lua, const char *key, struct tg_error *err)
{
    int i = option_find(key);

    if (strcmp(key, "curriculum") == 0)
        return bind_curriculum(l, lua, err);
    if (i < 0 && option_is_section(key)) {
        if (lua_type(lua, -1) == LUA_TTABLE)
            return layer_bind_table(l, lua, key, err);
        i = lua_type(lua, -1) == LUA_TSTRING ? option_shorthand(key) : -1;
        if (i < 0)
            return FAIL(err, TG_EINVAL, "%s: %s is a section: want a table, not a %s", l->origin,
                        key, luaL_typename(lua, -1));
    }
    if (i < 0)
        return FAIL(err, TG_EINVAL, "%s: there is no option %s; the nearest is %s", l->origin, key,
                    option_nearest(key));
    return bind_option(l, lua, i, err);
}

/* ---- tables ----------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of the table at `at`, sorted, so that of several mistakes the same one is reported each
 * time. They live as long as the table holds them. */
static enum tg_status sorted_keys(struct layer *l, lua_State *lua, int at, const char *prefix,
                                  const char **keys, int *n, struct tg_error *err)
{
    *n = 0;
    for (lua_pushnil(lua); lua_next(lua, at); lua_pop(lua, 1)) {
        size_t len = 0;

        if (lua_type(lua, -2) != LUA_TSTRING)
            return FAIL(err, TG_EINVAL, "%s: %s%shas an entry without a name", l->origin,
                        prefix[0] != '\0' ? prefix : "the config", " ");
        keys[*n] = lua_tolstring(lua, -2, &len);
        if (*n + 1 >= KEYS_MAX || len == 0 || len != strlen(keys[*n]) ||
            len + strlen(prefix) + 2 > KEY_MAX)
            return FAIL(err, TG_EINVAL, "%s: %s: too many keys, or none an option could have: "
                        "\"%.60s\"", l->origin, prefix[0] != '\0' ? prefix : "the config", keys[*n]);
        (*n)++;
    }
    qsort(keys, (size_t)*n, sizeof *keys, by_text);
    return TG_OK;
}

enum tg_status layer_bind_table(struct layer *l, lua_State *lua, const char *prefix,
                                struct tg_error *err)
{
    const char *keys[KEYS_MAX];
    int n, at = lua_gettop(lua);

    luaL_checkstack(lua, 16, NULL);
    TRY(sorted_keys(l, lua, at, prefix, keys, &n, err));
    for (int i = 0; i < n; i++) {
        char path[KEY_MAX];

        snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", keys[i]);
        lua_pushstring(lua, keys[i]);
        lua_rawget(lua, at);
        TRY(layer_bind(l, lua, path, err));
        lua_settop(lua, at);
    }
    return TG_OK;
}

/* ---- values ----------------------------------------------------------------------------------- */

struct evaluation {
    const struct layer *layer;
    int option;
    int64_t iteration;
    struct value *value;
};

static enum tg_status call_function(lua_State *lua, void *ctx, struct tg_error *err)
{
    const struct evaluation *e = ctx;

    lua_rawgeti(lua, LUA_REGISTRYINDEX, e->layer->of[e->option].function);
    lua_pushinteger(lua, e->iteration);
    lua_call(lua, 1, 1);
    TRY(value_read(lua, -1, &options[e->option], e->layer->origin, e->value, err));
    return TG_OK;
}

enum tg_status layer_value(const struct layer *l, struct sandbox *sb, int i, int64_t iteration,
                           struct value *value, bool *owned, struct tg_error *err)
{
    const struct binding *b = &l->of[i];
    struct evaluation e = {.layer = l, .option = i, .iteration = iteration, .value = value};

    *owned = false;
    memset(value, 0, sizeof *value);
    switch ((enum binding_kind)b->kind) {
    case BINDING_VALUE:
        *value = b->value;
        break;
    case BINDING_STEPS:
        *value = *steps_at(b->steps, b->n, iteration);
        break;
    case BINDING_CURVES:
        TRY(value_from_number(curves_at(b->curves, b->n, iteration), &options[i], l->origin, value,
                              err));
        break;
    case BINDING_FUNCTION:
        *owned = true;
        TRY(sandbox_run(sb, options[i].key, call_function, &e, err));
        break;
    case BINDING_NONE:
        break;
    }
    return TG_OK;
}
