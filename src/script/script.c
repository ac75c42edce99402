/* script.c - the public face: load a config, resolve it, let it change itself. */
#include "tengen/script.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "json.h"
#include "resolve.h"
#include "sources.h"

struct script {
    struct sandbox sandbox;
    struct sources sources;
    struct layer layers[LAYER_KINDS];
    char *text;   /* owned: sources_text */
    bool loading; /* require works only then: later nothing new may come in */
};

static const char *file_of(const struct script *s) { return s->sources.list[0].path; }

/* ---- loading ----------------------------------------------------------------------------------- */

static enum tg_status push_chunk(lua_State *lua, const struct source *source, struct tg_error *err)
{
    lua_pushfstring(lua, "@%s", source->path);
    if (luaL_loadbufferx(lua, source->text, strlen(source->text), lua_tostring(lua, -1), "t") != LUA_OK)
        return FAIL(err, TG_EINVAL, "%s", lua_tostring(lua, -1));
    lua_remove(lua, -2);
    return TG_OK;
}

/* Upvalues: the script, the table of loaded modules. A module under way is `false` there. */
static int require_module(lua_State *lua)
{
    struct script *s = lua_touserdata(lua, lua_upvalueindex(1));
    const struct source *source;
    struct tg_error err = {0};
    const char *name = luaL_checkstring(lua, 1);

    lua_settop(lua, 1);
    if (lua_getfield(lua, lua_upvalueindex(2), name) != LUA_TNIL)
        return lua_toboolean(lua, -1) ? 1 : luaL_error(lua, "require: \"%s\" requires itself", name);
    if (!s->loading)
        return luaL_error(lua, "require: \"%s\": only while the config is loaded", name);
    if (sources_module(&s->sources, name, &source, &err) != TG_OK ||
        push_chunk(lua, source, &err) != TG_OK)
        return luaL_error(lua, "%s", err.text);
    lua_pushboolean(lua, 0);
    lua_setfield(lua, lua_upvalueindex(2), name);
    lua_pushvalue(lua, 1);
    lua_call(lua, 1, 1);
    if (!lua_toboolean(lua, -1))
        return luaL_error(lua, "require: \"%s\" returns nothing", name);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, lua_upvalueindex(2), name);
    return 1;
}

static enum tg_status load_config(lua_State *lua, void *ctx, struct tg_error *err)
{
    struct script *s = ctx;

    lua_pushlightuserdata(lua, s);
    lua_newtable(lua);
    lua_pushcclosure(lua, require_module, 2);
    lua_setglobal(lua, "require");

    TRY(push_chunk(lua, &s->sources.list[0], err));
    lua_call(lua, 0, 1);
    if (lua_type(lua, -1) != LUA_TTABLE)
        return FAIL(err, TG_EINVAL, "%s: a config returns a table, this one returns %s", file_of(s),
                    lua_isnil(lua, -1) ? "nothing" : luaL_typename(lua, -1));
    TRY(layer_bind_table(&s->layers[LAYER_CONFIG], lua, "", err));
    return TG_OK;
}

/* ---- overrides --------------------------------------------------------------------------------- */

struct override {
    struct layer *layer;
    const char *text;
};

/* A text option takes the text as it stands, unless it begins like something of Lua's. */
static bool is_bare_text(const char *key, const char *value)
{
    int i = option_find(key);

    if (i < 0 && option_is_section(key))
        i = option_shorthand(key);
    return i >= 0 && (options[i].type == OPTION_TEXT || options[i].type == OPTION_ENUM) &&
           value[0] != '"' && value[0] != '\'' && value[0] != '{' &&
           strncmp(value, "function", 8) != 0;
}

static enum tg_status bind_override(lua_State *lua, void *ctx, struct tg_error *err)
{
    const struct override *o = ctx;
    const char *equals = strchr(o->text, '=');

    if (equals == NULL || equals == o->text)
        return FAIL(err, TG_EINVAL, "--set %s: want key=value, such as search.visits=200", o->text);
    lua_pushlstring(lua, o->text, (size_t)(equals - o->text));
    const char *key = lua_tostring(lua, -1), *value = equals + 1;
    if (is_bare_text(key, value)) {
        lua_pushstring(lua, value);
    } else {
        lua_pushfstring(lua, "return %s", value);
        if (luaL_loadbufferx(lua, lua_tostring(lua, -1), lua_rawlen(lua, -1), "=--set", "t") != LUA_OK)
            return FAIL(err, TG_EINVAL, "--set %s: the value is no number, true, false or \"text\"",
                        o->text);
        lua_newtable(lua); /* no globals: a value, not a program */
        lua_setupvalue(lua, -2, 1);
        lua_call(lua, 0, 1);
    }
    TRY(layer_bind(o->layer, lua, key, err));
    return TG_OK;
}

/* Of several overrides of one option the last one holds. */
static enum tg_status override(struct script *s, const char *text, struct tg_error *err)
{
    struct layer *one = layer_open(&s->layers[LAYER_OVERRIDES]);
    struct override o = {one, text};
    enum tg_status rc = TG_OK;

    if (one == NULL)
        return FAIL(err, TG_ENOMEM, "--set %s", text);
    TRY_OUT(sandbox_run(&s->sandbox, "--set", bind_override, &o, err));
    layer_move(&s->layers[LAYER_OVERRIDES], one);
out:
    layer_close(one);
    return rc;
}

/* ---- open, close -------------------------------------------------------------------------------- */

/* Resolve the first and the last iteration now, so that a mistake ends the run before it begins. */
static enum tg_status try_ends(struct script *s, struct tg_error *err)
{
    struct run_options *o = malloc(sizeof *o);
    enum tg_status rc = TG_OK;

    if (o == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof *o);
    TRY_OUT(script_options(s, 0, o, err));
    if (o->iterations > 1)
        TRY_OUT(script_options(s, o->iterations - 1, o, err));
out:
    free(o);
    return rc;
}

/* s->sources is filled. */
static enum tg_status load(struct script *s, struct tg_error *err)
{
    struct layer *l = s->layers;

    l[LAYER_CONFIG].kind = LAYER_CONFIG;
    l[LAYER_CHANGES].kind = LAYER_CHANGES;
    l[LAYER_OVERRIDES].kind = LAYER_OVERRIDES;
    const char *file = file_of(s);
    size_t n = strlen(file), skip = n > 100 ? n - 100 : 0; /* the end of a long path says more */

    snprintf(l[LAYER_CONFIG].origin, sizeof l->origin, "%s%.100s", skip ? "..." : "", file + skip);
    snprintf(l[LAYER_CHANGES].origin, sizeof l->origin, "%.110s: curriculum", l[LAYER_CONFIG].origin);
    snprintf(l[LAYER_OVERRIDES].origin, sizeof l->origin, "--set");

    TRY(sandbox_open(&s->sandbox, &sandbox_limits_default, err));
    s->loading = true;
    TRY(sandbox_run(&s->sandbox, file_of(s), load_config, s, err));
    for (int i = 0; i < s->sources.n_overrides; i++)
        TRY(override(s, s->sources.overrides[i], err));
    TRY(try_ends(s, err)); /* functions may still require what they need */
    s->loading = false;
    TRY(sources_text(&s->sources, &s->text, err));
    return TG_OK;
}

static enum tg_status open_overrides(struct script *s, const char *const *overrides, int n,
                                     struct tg_error *err)
{
    for (int i = 0; i < n; i++)
        TRY(sources_add_override(&s->sources, overrides[i], err));
    return TG_OK;
}

enum tg_status script_open(const char *path, const char *const *overrides, int n_overrides,
                           struct script **s, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    *s = calloc(1, sizeof **s);
    if (*s == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof **s);
    TRY_OUT(sources_open(&(*s)->sources, path, err));
    TRY_OUT(open_overrides(*s, overrides, n_overrides, err));
    TRY_OUT(load(*s, err));
    return TG_OK;
out:
    script_close(*s);
    *s = NULL;
    return rc;
}

enum tg_status script_open_text(const char *text, struct script **s, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    *s = calloc(1, sizeof **s);
    if (*s == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof **s);
    TRY_OUT(sources_parse(&(*s)->sources, text, err));
    TRY_OUT(load(*s, err));
    return TG_OK;
out:
    script_close(*s);
    *s = NULL;
    return rc;
}

void script_close(struct script *s)
{
    if (s == NULL)
        return;
    for (int i = 0; i < LAYER_KINDS; i++)
        layer_free(&s->layers[i]);
    sandbox_close(&s->sandbox);
    sources_close(&s->sources);
    free(s->text);
    free(s);
}

const char *script_text(const struct script *s) { return s->text; }
uint64_t script_hash(const struct script *s) { return sources_hash(&s->sources); }

/* ---- resolving ----------------------------------------------------------------------------------- */

enum tg_status script_options(struct script *s, int64_t iteration, struct run_options *o,
                              struct tg_error *err)
{
    const struct layer *const layers[] = {&s->layers[LAYER_CONFIG], &s->layers[LAYER_CHANGES],
                                          &s->layers[LAYER_OVERRIDES]};

    TRY(resolve(layers, 3, &s->sandbox, file_of(s), iteration + 1, o, err));
    return TG_OK;
}

enum tg_status script_defaults(struct run_options *o, struct tg_error *err)
{
    const struct layer *layers[LAYER_KINDS] = {NULL};
    struct layer *empty = calloc(1, sizeof *empty);
    enum tg_status rc = TG_OK;

    if (empty == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof *empty);
    layers[LAYER_CONFIG] = empty;
    TRY_OUT(resolve(layers, 1, NULL, "defaults", 1, o, err)); /* nothing is set: no Lua is run */
out:
    free(empty);
    return rc;
}

/* The layer that says what option number `option` is; NULL: none does. Later ones win. */
static const struct layer *speaker_of(const struct script *s, int option)
{
    static const enum layer_kind order[] = {LAYER_OVERRIDES, LAYER_CHANGES, LAYER_CONFIG};

    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        if (s->layers[order[k]].of[option].kind != BINDING_NONE)
            return &s->layers[order[k]];
    return NULL;
}

/* The row of scheduled option number i; -1 past the last. */
static int scheduled_option(const struct script *s, int i)
{
    for (int k = 0; k < options_n; k++) {
        const struct layer *l = speaker_of(s, k);

        if (l != NULL && l->of[k].kind != BINDING_VALUE && i-- == 0)
            return k;
    }
    return -1;
}

const char *script_scheduled(const struct script *s, int i)
{
    int k = scheduled_option(s, i);

    return k >= 0 ? options[k].key : NULL;
}

enum tg_status script_scheduled_value(struct script *s, int i, int64_t iteration, char *text, size_t n,
                                      struct tg_error *err)
{
    int k = scheduled_option(s, i);
    struct value value;
    bool owned;

    if (k < 0)
        return FAIL(err, TG_EINVAL, "scheduled option %d: there is none", i);
    TRY(layer_value(speaker_of(s, k), &s->sandbox, k, iteration + 1, &value, &owned, err));
    value_json(&value, &options[k], text, n);
    if (owned)
        value_free(&value);
    return TG_OK;
}

/* ---- curriculum ---------------------------------------------------------------------------------- */

struct question {
    struct script *s;
    int64_t iteration;
    const struct script_stat *stats;
    int n_stats;
    struct layer *answer;
};

/* The __index of stats: a name that is not there is a slip, not nil. Before the first iteration there
 * are no stats yet: all are 0. */
static int missing_stat(lua_State *lua)
{
    if (lua_toboolean(lua, lua_upvalueindex(1)))
        return luaL_error(lua, "stats has no \"%s\"", luaL_checkstring(lua, 2));
    lua_pushinteger(lua, 0);
    return 1;
}

static void push_stats(lua_State *lua, const struct question *q)
{
    lua_newtable(lua);
    for (int i = 0; i < q->n_stats; i++) {
        lua_pushnumber(lua, q->stats[i].value);
        lua_setfield(lua, -2, q->stats[i].name);
    }
    lua_newtable(lua);
    lua_pushboolean(lua, q->n_stats > 0);
    lua_pushcclosure(lua, missing_stat, 1);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

static enum tg_status ask(lua_State *lua, void *ctx, struct tg_error *err)
{
    const struct question *q = ctx;

    lua_rawgeti(lua, LUA_REGISTRYINDEX, q->s->layers[LAYER_CONFIG].curriculum);
    lua_pushinteger(lua, q->iteration + 1);
    push_stats(lua, q);
    lua_call(lua, 2, 1);
    if (lua_isnil(lua, -1))
        return TG_OK;
    if (lua_type(lua, -1) != LUA_TTABLE)
        return FAIL(err, TG_EINVAL, "%s: want a table of changes or nil, not a %s",
                    q->answer->origin, luaL_typename(lua, -1));
    TRY(layer_bind_table(q->answer, lua, "", err));
    return TG_OK;
}

static size_t put_changes(const struct layer *l, char *text, size_t n)
{
    size_t used = 0;

    for (int i = 0; i < options_n; i++) {
        if (l->of[i].kind != BINDING_VALUE)
            continue;
        used += (size_t)snprintf(used < n ? text + used : NULL, used < n ? n - used : 0, "%s\"%s\":",
                                 used ? "," : "{", options[i].key);
        used += value_json(&l->of[i].value, &options[i], used < n ? text + used : NULL,
                           used < n ? n - used : 0);
    }
    return used + (size_t)snprintf(used < n ? text + used : NULL, used < n ? n - used : 0,
                                   used ? "}" : "{}");
}

static enum tg_status write_changes(const struct layer *l, char **text, struct tg_error *err)
{
    size_t n = put_changes(l, NULL, 0);

    *text = malloc(n + 1);
    if (*text == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", n + 1);
    put_changes(l, *text, n + 1);
    return TG_OK;
}

/* The options must make sense together with the answer, else it is not taken. */
static enum tg_status try_answer(struct script *s, const struct layer *answer, int64_t iteration,
                                 struct tg_error *err)
{
    const struct layer *const layers[] = {&s->layers[LAYER_CONFIG], &s->layers[LAYER_CHANGES],
                                          answer, &s->layers[LAYER_OVERRIDES]};
    struct run_options *o = malloc(sizeof *o);
    enum tg_status rc = TG_OK;

    if (o == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof *o);
    TRY_OUT(resolve(layers, 4, &s->sandbox, answer->origin, iteration + 1, o, err));
out:
    free(o);
    return rc;
}

enum tg_status script_curriculum(struct script *s, int64_t iteration,
                                 const struct script_stat *stats, int n_stats, char **changes,
                                 struct tg_error *err)
{
    struct layer *answer = layer_open(&s->layers[LAYER_CHANGES]);
    struct question q = {s, iteration, stats, n_stats, answer};
    enum tg_status rc = TG_OK;

    *changes = NULL;
    if (answer == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof *answer);
    if (s->layers[LAYER_CONFIG].curriculum != 0)
        TRY_OUT(sandbox_run(&s->sandbox, answer->origin, ask, &q, err));
    TRY_OUT(try_answer(s, answer, iteration, err));
    TRY_OUT(write_changes(answer, changes, err));
    layer_move(&s->layers[LAYER_CHANGES], answer);
out:
    layer_close(answer);
    return rc;
}

struct kept_changes {
    struct layer *answer;
    const char *text;
};

static enum tg_status bind_changes(lua_State *lua, void *ctx, struct tg_error *err)
{
    const struct kept_changes *k = ctx;

    TRY(json_push(lua, k->text, err));
    TRY(layer_bind_table(k->answer, lua, "", err));
    return TG_OK;
}

enum tg_status script_apply(struct script *s, const char *changes, struct tg_error *err)
{
    struct layer *answer = layer_open(&s->layers[LAYER_CHANGES]);
    struct kept_changes k = {answer, changes};
    enum tg_status rc = TG_OK;

    if (answer == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes", sizeof *answer);
    snprintf(answer->origin, sizeof answer->origin, "the manifest's changes");
    TRY_OUT(sandbox_run(&s->sandbox, answer->origin, bind_changes, &k, err));
    layer_move(&s->layers[LAYER_CHANGES], answer);
out:
    layer_close(answer);
    return rc;
}
