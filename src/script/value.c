/* value.c - read, check, store and write the plain values of options. */
#include "value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What lies at `at`, for a message. */
static void show(lua_State *lua, int at, char *text, size_t n)
{
    switch (lua_type(lua, at)) {
    case LUA_TSTRING:
        snprintf(text, n, "\"%.60s\"", lua_tostring(lua, at));
        break;
    case LUA_TNUMBER:
        if (lua_isinteger(lua, at))
            snprintf(text, n, "%lld", (long long)lua_tointeger(lua, at));
        else
            snprintf(text, n, "%.14g", lua_tonumber(lua, at));
        break;
    case LUA_TBOOLEAN:
        snprintf(text, n, "%s", lua_toboolean(lua, at) ? "true" : "false");
        break;
    case LUA_TNIL:
    case LUA_TNONE:
        snprintf(text, n, "nil");
        break;
    default:
        snprintf(text, n, "a %s", lua_typename(lua, lua_type(lua, at)));
    }
}

enum tg_status value_refuse(lua_State *lua, int at, const struct option *option, const char *origin,
                            struct tg_error *err)
{
    char found[80], wanted[320];

    show(lua, at, found, sizeof found);
    option_describe(option, wanted, sizeof wanted);
    return FAIL(err, TG_EINVAL, "%s: %s: %s is not %s", origin, option->key, found, wanted);
}

static enum tg_status keep(struct value *value, const void *bytes, size_t n, const char *origin,
                           const struct option *option, struct tg_error *err)
{
    value->data = malloc(n);
    if (value->data == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %s: %zu bytes", origin, option->key, n);
    memcpy(value->data, bytes, n);
    return TG_OK;
}

static bool in_range(double x, const struct option *option)
{
    return x >= option->low && x <= option->high; /* false for NaN */
}

/* A whole number, also one written 1e5; false if it is none. */
static bool whole(lua_State *lua, int at, int64_t *i)
{
    int is_number = 0;

    if (lua_type(lua, at) != LUA_TNUMBER)
        return false;
    *i = lua_tointegerx(lua, at, &is_number);
    return is_number != 0;
}

static int name_index(const char *const *names, const char *name)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* ---- lists ------------------------------------------------------------------------------------ */

/* Does the table at `at` have only the entries 1..n_list and the names allowed? */
static bool only_has(lua_State *lua, int at, int n_list, const char *a, const char *b)
{
    bool ok = true;

    at = lua_absindex(lua, at);
    for (lua_pushnil(lua); lua_next(lua, at); lua_pop(lua, 1)) {
        int64_t i;

        if (whole(lua, -2, &i))
            ok = ok && i >= 1 && i <= n_list;
        else
            ok = ok && lua_type(lua, -2) == LUA_TSTRING &&
                 ((a != NULL && strcmp(lua_tostring(lua, -2), a) == 0) ||
                  (b != NULL && strcmp(lua_tostring(lua, -2), b) == 0));
    }
    return ok;
}

/* table[at].key as a whole number in [low, high], or `otherwise` where there is none. */
static bool field_whole(lua_State *lua, int at, const char *key, int low, int high, int otherwise,
                        int *out)
{
    int64_t i = otherwise;
    bool ok;

    at = lua_absindex(lua, at);
    lua_pushstring(lua, key);
    ok = lua_rawget(lua, at) == LUA_TNIL || (whole(lua, -1, &i) && i >= low && i <= high);
    lua_pop(lua, 1);
    *out = (int)i;
    return ok;
}

/* 13, {9, 13}, {13, weight = 2}, {9, 13, weight = 2}; or {9, 13, 2}, as value_json writes it. */
static bool read_size(lua_State *lua, const struct option *option, struct value_sizes *sizes)
{
    int64_t side[2] = {0, 0};
    double weight = 1;
    int at = lua_absindex(lua, -1);

    if (lua_type(lua, at) == LUA_TTABLE) {
        if (!only_has(lua, at, 3, "weight", NULL))
            return false;
        lua_rawgeti(lua, at, 1);
        lua_rawgeti(lua, at, 2);
        lua_pushliteral(lua, "weight");
        if (lua_rawget(lua, at) == LUA_TNIL)
            lua_rawgeti(lua, at, 3);
        else
            lua_pushvalue(lua, -1);
        bool ok = whole(lua, at + 1, &side[0]) &&
                  (lua_isnil(lua, at + 2) || whole(lua, at + 2, &side[1])) &&
                  (lua_isnil(lua, -1) || lua_type(lua, -1) == LUA_TNUMBER);
        if (lua_isnil(lua, at + 2))
            side[1] = side[0];
        if (!lua_isnil(lua, -1))
            weight = lua_tonumber(lua, -1);
        lua_settop(lua, at);
        if (!ok)
            return false;
    } else {
        if (!whole(lua, at, &side[0]))
            return false;
        side[1] = side[0];
    }
    if (!in_range((double)side[0], option) || !in_range((double)side[1], option) ||
        !(weight > 0 && weight <= 1e6))
        return false;
    sizes->list[sizes->n].width = (uint8_t)side[0];
    sizes->list[sizes->n].height = (uint8_t)side[1];
    sizes->list[sizes->n++].weight = (float)weight;
    return true;
}

static enum tg_status read_sizes(lua_State *lua, int at, const struct option *option,
                                 const char *origin, struct value *value, struct tg_error *err)
{
    struct value_sizes sizes = {0};
    int n = (int)(lua_rawlen(lua, at) > SELFPLAY_SIZES ? SELFPLAY_SIZES + 1 : lua_rawlen(lua, at));

    if (n < 1 || n > SELFPLAY_SIZES || !only_has(lua, at, n, NULL, NULL))
        return FAIL(err, TG_EINVAL, "%s: %s: want a list of 1 to %d board sizes, such as "
                    "{9, {13, weight = 2}, {9, 13}}", origin, option->key, SELFPLAY_SIZES);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(lua, at, i);
        if (!read_size(lua, option, &sizes))
            return FAIL(err, TG_EINVAL, "%s: %s: entry %d is not a size such as 9, {9, 13} or "
                        "{13, weight = 2}, sides from %g to %g", origin, option->key, i,
                        option->low, option->high);
        lua_pop(lua, 1);
    }
    return keep(value, &sizes, sizeof sizes, origin, option, err);
}

enum { MAX_WIDTH = 4096, MAX_NESTING = 7 };

static int block_kind(lua_State *lua, int at)
{
    static const char *const kinds[] = {"residual", "gpool", "nested", NULL};

    return lua_type(lua, at) == LUA_TSTRING ? name_index(kinds, lua_tostring(lua, at)) : -1;
}

static bool read_blocks(lua_State *lua, int at, int depth, struct value_blocks *blocks, int *n);

/* "gpool", {"gpool", mid = 64, pooled = 32}, {"nested", mid = 64, {"gpool", "residual"}}. */
static bool read_block(lua_State *lua, int depth, struct value_blocks *blocks)
{
    int at = lua_absindex(lua, -1), kind, mid = 0, pooled = 0, n_inner = 0;
    struct nn_block *b;

    if (blocks->n >= NN_MAX_BLOCKS || depth > MAX_NESTING)
        return false;
    b = &blocks->list[blocks->n++];
    if (lua_type(lua, at) != LUA_TTABLE) {
        kind = block_kind(lua, at);
    } else {
        lua_rawgeti(lua, at, 1);
        kind = block_kind(lua, -1);
        lua_pop(lua, 1);
        if (!only_has(lua, at, kind == NN_BLOCK_NESTED ? 2 : 1, "mid",
                      kind == NN_BLOCK_GPOOL ? "pooled" : NULL) ||
            !field_whole(lua, at, "mid", 1, MAX_WIDTH, 0, &mid) ||
            !field_whole(lua, at, "pooled", 1, MAX_WIDTH, 0, &pooled))
            return false;
    }
    if (kind < 0)
        return false;
    if (kind == NN_BLOCK_NESTED) {
        if (lua_type(lua, at) == LUA_TTABLE && lua_rawgeti(lua, at, 2) == LUA_TTABLE) {
            if (!read_blocks(lua, -1, depth + 1, blocks, &n_inner))
                return false;
        } else if (blocks->n + 2 <= NN_MAX_BLOCKS) {
            n_inner = 2; /* two plain ones */
            blocks->list[blocks->n++] = (struct nn_block){.kind = NN_BLOCK_RESIDUAL};
            blocks->list[blocks->n++] = (struct nn_block){.kind = NN_BLOCK_RESIDUAL};
        }
        lua_settop(lua, at);
        if (n_inner < 1 || n_inner > 255)
            return false;
    }
    *b = (struct nn_block){.kind = (uint8_t)kind, .n_inner = (uint8_t)n_inner,
                           .mid = (uint16_t)mid, .gpool = (uint16_t)pooled};
    return true;
}

static bool read_blocks(lua_State *lua, int at, int depth, struct value_blocks *blocks, int *n)
{
    at = lua_absindex(lua, at);
    if (lua_rawlen(lua, at) > NN_MAX_BLOCKS || !lua_checkstack(lua, 8))
        return false;
    *n = (int)lua_rawlen(lua, at);
    if (!only_has(lua, at, *n, NULL, NULL))
        return false;
    for (int i = 1; i <= *n; i++) {
        lua_rawgeti(lua, at, i);
        if (!read_block(lua, depth, blocks))
            return false;
        lua_pop(lua, 1);
    }
    return *n >= 1;
}

static enum tg_status read_tower(lua_State *lua, int at, const struct option *option,
                                 const char *origin, struct value *value, struct tg_error *err)
{
    struct value_blocks blocks = {0};
    int n = 0;
    int64_t count;

    if (whole(lua, at, &count) && in_range((double)count, option)) {
        for (n = 0; n < count; n++) /* as in the presets, some blocks pool, the last never does */
            blocks.list[n].kind = n % 3 == 2 && n + 1 < count ? NN_BLOCK_GPOOL : NN_BLOCK_RESIDUAL;
        blocks.n = n;
    } else if (lua_type(lua, at) != LUA_TTABLE || !read_blocks(lua, at, 0, &blocks, &n)) {
        return FAIL(err, TG_EINVAL, "%s: %s: want a number of blocks or a list of \"residual\", "
                    "\"gpool\", \"nested\", {\"gpool\", mid = 64, pooled = 32}, {\"nested\", mid = 64, "
                    "{\"gpool\", \"residual\"}}, at most %d blocks in all", origin, option->key,
                    NN_MAX_BLOCKS);
    }
    return keep(value, &blocks, sizeof blocks, origin, option, err);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static enum tg_status read_text(lua_State *lua, int at, const struct option *option,
                                const char *origin, struct value *value, struct tg_error *err)
{
    const char *text;
    size_t n;

    if (lua_type(lua, at) != LUA_TSTRING)
        return value_refuse(lua, at, option, origin, err);
    text = lua_tolstring(lua, at, &n);
    if (strlen(text) != n || n >= option->bytes ||
        (option->names != NULL && name_index(option->names, text) < 0))
        return value_refuse(lua, at, option, origin, err);
    return keep(value, text, n + 1, origin, option, err);
}

enum tg_status value_read(lua_State *lua, int at, const struct option *option, const char *origin,
                          struct value *value, struct tg_error *err)
{
    bool ok = false;

    memset(value, 0, sizeof *value);
    at = lua_absindex(lua, at);
    switch ((enum option_type)option->type) {
    case OPTION_INTEGER:
        ok = whole(lua, at, &value->i) && in_range((double)value->i, option);
        break;
    case OPTION_NUMBER:
        value->f = lua_type(lua, at) == LUA_TNUMBER ? lua_tonumber(lua, at) : NAN;
        ok = in_range(value->f, option);
        break;
    case OPTION_HALVES:
        value->f = lua_type(lua, at) == LUA_TNUMBER ? lua_tonumber(lua, at) : NAN;
        ok = in_range(value->f, option) && 2 * value->f == floor(2 * value->f);
        value->i = ok ? (int64_t)(2 * value->f) : 0;
        break;
    case OPTION_BOOL:
        ok = lua_type(lua, at) == LUA_TBOOLEAN;
        value->i = lua_toboolean(lua, at);
        break;
    case OPTION_ENUM:
        value->i = lua_type(lua, at) == LUA_TSTRING
                       ? name_index(option->names, lua_tostring(lua, at)) : -1;
        ok = value->i >= 0;
        break;
    case OPTION_TEXT:
        return read_text(lua, at, option, origin, value, err);
    case OPTION_SIZES:
        if (lua_type(lua, at) == LUA_TTABLE)
            return read_sizes(lua, at, option, origin, value, err);
        break;
    case OPTION_BLOCKS:
        return read_tower(lua, at, option, origin, value, err);
    }
    return ok ? TG_OK : value_refuse(lua, at, option, origin, err);
}

enum tg_status value_from_number(double x, const struct option *option, const char *origin,
                                 struct value *value, struct tg_error *err)
{
    char wanted[320];

    memset(value, 0, sizeof *value);
    if (option->type == OPTION_INTEGER)
        x = round(x);
    if (option->type == OPTION_HALVES)
        x = round(2 * x) / 2;
    if (!in_range(x, option)) {
        option_describe(option, wanted, sizeof wanted);
        return FAIL(err, TG_EINVAL, "%s: %s: the curve reaches %.10g, which is not %s", origin,
                    option->key, x, wanted);
    }
    value->f = x;
    value->i = option->type == OPTION_HALVES ? (int64_t)(2 * x)
               : option->type == OPTION_INTEGER ? (int64_t)x : 0;
    return TG_OK;
}

enum tg_status value_default(const struct option *option, struct value *value, struct tg_error *err)
{
    memset(value, 0, sizeof *value);
    if (option->type == OPTION_TEXT)
        return keep(value, option->def_text, strlen(option->def_text) + 1, "default", option, err);
    value->f = option->def;
    value->i = (int64_t)option->def;
    return TG_OK;
}

void value_free(struct value *value)
{
    free(value->data);
    memset(value, 0, sizeof *value);
}

/* ---- storing ---------------------------------------------------------------------------------- */

/* Give widths to the blocks from *i on that have none, n of them, in a tower of this width. */
static void fill_widths(struct nn_block *blocks, int *i, int n, int width)
{
    for (int k = 0; k < n; k++) {
        struct nn_block *b = &blocks[(*i)++];
        int pooled = width / 4 > 0 ? width / 4 : 1, plain = width - pooled > 0 ? width - pooled : 1;

        if (b->kind == NN_BLOCK_GPOOL && b->gpool == 0)
            b->gpool = (uint16_t)pooled;
        if (b->mid == 0)
            b->mid = (uint16_t)(b->kind == NN_BLOCK_GPOOL     ? plain
                                : b->kind == NN_BLOCK_NESTED ? (width + 1) / 2
                                                             : width);
        if (b->kind == NN_BLOCK_NESTED)
            fill_widths(blocks, i, b->n_inner, b->mid);
    }
}

static void store_blocks(const struct value_blocks *v, struct nn_arch *arch)
{
    int i = 0;

    memset(arch->blocks, 0, sizeof arch->blocks);
    memcpy(arch->blocks, v->list, (size_t)v->n * sizeof *v->list);
    arch->n_blocks = v->n;
    while (i < v->n)
        fill_widths(arch->blocks, &i, 1, arch->trunk);
}

static void store_sizes(const struct value_sizes *v, struct selfplay_setups *setups)
{
    memset(setups->sizes, 0, sizeof setups->sizes);
    setups->n_sizes = v->n;
    for (int i = 0; i < v->n; i++) {
        setups->sizes[i].width = v->list[i].width;
        setups->sizes[i].height = v->list[i].height;
        setups->sizes[i].weight = v->list[i].weight;
    }
}

void value_store(const struct value *value, const struct option *option, struct settings *s)
{
    void *field = (char *)s + option->offset;

    switch ((enum option_store)option->store) {
    case STORE_INT:
        *(int *)field = (int)value->i;
        break;
    case STORE_I64:
        *(int64_t *)field = value->i;
        break;
    case STORE_U64:
        *(uint64_t *)field = (uint64_t)value->i;
        break;
    case STORE_FLOAT:
        *(float *)field = (float)value->f;
        break;
    case STORE_BOOL:
        *(bool *)field = value->i != 0;
        break;
    case STORE_U8:
        *(uint8_t *)field = (uint8_t)value->i;
        break;
    case STORE_I16:
        *(int16_t *)field = (int16_t)value->i;
        break;
    case STORE_TEXT:
        memset(field, 0, option->bytes);
        memcpy(field, value->data, strlen(value->data)); /* value_read saw that it fits */
        break;
    case STORE_OTHER:
        if (option->type == OPTION_SIZES)
            store_sizes(value->data, &s->o.game.setups);
        else
            store_blocks(value->data, &s->o.net.arch);
        break;
    }
}

/* ---- JSON ------------------------------------------------------------------------------------- */

static size_t json_text(const char *in, char *text, size_t n)
{
    size_t used = 0;

#define PUT(c)                                                                                     \
    do {                                                                                           \
        if (used + 1 < n)                                                                          \
            text[used] = (c), text[used + 1] = '\0';                                               \
        used++;                                                                                    \
    } while (0)
    PUT('"');
    for (; *in != '\0'; in++) {
        unsigned char c = (unsigned char)*in;

        if (c < 0x20) {
            static const char hex[] = "0123456789abcdef";
            const char escaped[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

            for (size_t i = 0; i < sizeof escaped; i++)
                PUT(escaped[i]);
            continue;
        }
        if (c == '"' || c == '\\')
            PUT('\\');
        PUT((char)c);
    }
    PUT('"');
#undef PUT
    return used;
}

static size_t json_sizes(const struct value_sizes *v, char *text, size_t n)
{
    size_t used = 0;

    for (int i = 0; i < v->n; i++)
        used += (size_t)snprintf(used < n ? text + used : NULL, used < n ? n - used : 0,
                                 "%s[%d,%d,%.9g]", i ? "," : "[", v->list[i].width,
                                 v->list[i].height, (double)v->list[i].weight);
    return used + (size_t)snprintf(used < n ? text + used : NULL, used < n ? n - used : 0, "]");
}

size_t value_json(const struct value *value, const struct option *option, char *text, size_t n)
{
    switch ((enum option_type)option->type) {
    case OPTION_INTEGER:
        return (size_t)snprintf(text, n, "%lld", (long long)value->i);
    case OPTION_NUMBER:
        return (size_t)snprintf(text, n, "%.17g", value->f);
    case OPTION_HALVES:
        return (size_t)snprintf(text, n, "%.1f", (double)value->i / 2);
    case OPTION_BOOL:
        return (size_t)snprintf(text, n, "%s", value->i ? "true" : "false");
    case OPTION_ENUM:
        return json_text(option->names[value->i], text, n);
    case OPTION_TEXT:
        return json_text(value->data, text, n);
    case OPTION_SIZES:
        return json_sizes(value->data, text, n);
    case OPTION_BLOCKS:
        break; /* fixed for the run: never among changes */
    }
    return 0;
}
