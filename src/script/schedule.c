/* schedule.c - values that follow the iteration: lists of steps, and curves. Iterations count from 1
 * here, as in all scripts: `upto = 30` holds up to and with the thirtieth. (`until` is a word of Lua's
 * own, so it has to be written ["until"] = 30; a pair {30, 0.01} says the same.) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "layer.h"

static const char *const curve_names[] = {"linear", "cosine", "exponential", "warmup", "step", NULL};

/* ---- steps ------------------------------------------------------------------------------------ */

const struct value *steps_at(const struct step *steps, int n, int64_t iteration)
{
    int i = 0;

    while (i < n - 1 && iteration > steps[i].upto)
        i++;
    return &steps[i].value;
}

/* Push the first of these fields that the table at has, or nil. */
static void push_field(lua_State *lua, int at, const char *const names[2], lua_Integer place)
{
    for (int i = 0; i < 2; i++) {
        lua_pushstring(lua, names[i]);
        if (lua_rawget(lua, at) != LUA_TNIL)
            return;
        lua_pop(lua, 1);
    }
    lua_rawgeti(lua, at, place);
}

static const char *const upto_names[2] = {"upto", "until"}, *const value_names[2] = {"value", "value"};

/* Is this list of tables a schedule? Pairs of numbers are one only where the option is a number. */
static bool is_schedule(lua_State *lua, int at, const struct option *option)
{
    bool number = option->type == OPTION_INTEGER || option->type == OPTION_NUMBER, is;

    if (lua_rawgeti(lua, at, 1) != LUA_TTABLE) {
        lua_pop(lua, 1);
        return false;
    }
    push_field(lua, lua_gettop(lua), upto_names, number ? 1 : 0);
    is = !lua_isnil(lua, -1);
    lua_pop(lua, 2);
    return is;
}

/* One entry {upto = 30, value = 0.01} or {30, 0.01}, on top of the stack. */
static enum tg_status read_step(struct binding *b, lua_State *lua, const struct option *option,
                                const char *origin, struct tg_error *err)
{
    int at = lua_gettop(lua), n = 0, is_whole = 0;
    int64_t upto, before = b->n > 0 ? b->steps[b->n - 1].upto : 0;

    if (lua_type(lua, at) != LUA_TTABLE)
        return FAIL(err, TG_EINVAL, "%s: %s: entry %d of the schedule is not "
                    "{upto = ITERATION, value = VALUE}", origin, option->key, b->n + 1);
    for (lua_pushnil(lua); lua_next(lua, at); lua_pop(lua, 1))
        n++;
    push_field(lua, at, upto_names, 1);
    upto = lua_type(lua, -1) == LUA_TNUMBER ? lua_tointegerx(lua, -1, &is_whole) : 0;
    push_field(lua, at, value_names, 2);
    if (n != 2 || !is_whole || lua_isnil(lua, -1))
        return FAIL(err, TG_EINVAL, "%s: %s: entry %d of the schedule is not "
                    "{upto = ITERATION, value = VALUE}", origin, option->key, b->n + 1);
    if (upto <= before)
        return FAIL(err, TG_EINVAL, "%s: %s: upto = %lld in entry %d of the schedule does not come "
                    "after %lld", origin, option->key, (long long)upto, b->n + 1,
                    (long long)before);
    TRY(value_read(lua, -1, option, origin, &b->steps[b->n].value, err));
    b->steps[b->n++].upto = upto;
    lua_settop(lua, at);
    return TG_OK;
}

static enum tg_status read_steps(struct binding *b, lua_State *lua, const struct option *option,
                                 const char *origin, struct tg_error *err)
{
    int at = lua_gettop(lua);
    size_t n = lua_rawlen(lua, at), n_keys = 0;

    for (lua_pushnil(lua); lua_next(lua, at); lua_pop(lua, 1))
        n_keys++;
    if (n_keys != n || n > STEPS_MAX)
        return FAIL(err, TG_EINVAL, "%s: %s: a schedule is a list of at most %d entries and nothing "
                    "else", origin, option->key, STEPS_MAX);
    b->steps = calloc(n, sizeof *b->steps);
    if (b->steps == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %s: %zu entries", origin, option->key, n);
    b->kind = BINDING_STEPS; /* from here on the layer owns them */
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(lua, at, (lua_Integer)i);
        TRY(read_step(b, lua, option, origin, err));
        lua_pop(lua, 1);
    }
    return TG_OK;
}

/* ---- curves ----------------------------------------------------------------------------------- */

static double curve_at(const struct curve *c, int64_t t)
{
    double way = c->over > 1 ? (double)(t - 1) / (double)(c->over - 1) : 1.0;

    if (way > 1.0)
        way = 1.0;
    switch ((enum curve_kind)c->kind) {
    case CURVE_LINEAR:
        return c->from + (c->to - c->from) * way;
    case CURVE_COSINE:
        return c->to + (c->from - c->to) * 0.5 * (1.0 + cos(3.14159265358979323846 * way));
    case CURVE_EXPONENTIAL:
        return c->from * pow(c->to / c->from, way);
    case CURVE_WARMUP:
        return t < c->over ? c->from + (c->to - c->from) * (double)t / (double)c->over : c->to;
    case CURVE_STEP:
        return fmax(c->from * pow(c->factor, (double)((t - 1) / c->over)), c->to);
    case CURVE_FLAT:
        break;
    }
    return c->to;
}

double curves_at(const struct curve *curves, int n, int64_t iteration)
{
    int i = 0;

    for (; i < n - 1 && iteration > curves[i].lasts; i++)
        iteration -= curves[i].lasts;
    return curve_at(&curves[i], iteration);
}

/* The number table[at].key into *x; false if it is missing (and required) or none. */
static bool number_field(lua_State *lua, int at, const char *key, bool required, double *x)
{
    bool ok;

    lua_pushstring(lua, key);
    ok = lua_rawget(lua, at) == LUA_TNUMBER ? isfinite(*x = lua_tonumber(lua, -1))
                                            : !required && lua_isnil(lua, -1);
    lua_pop(lua, 1);
    return ok;
}

static bool known_field(int kind, const char *key)
{
    static const char *const fields[][6] = {
        [CURVE_LINEAR] = {"kind", "from", "to", "over", "next"},
        [CURVE_COSINE] = {"kind", "from", "to", "over", "next"},
        [CURVE_EXPONENTIAL] = {"kind", "from", "to", "over", "next"},
        [CURVE_WARMUP] = {"kind", "from", "to", "over", "next"},
        [CURVE_STEP] = {"kind", "from", "to", "factor", "every"},
    };

    for (const char *const *f = fields[kind]; *f != NULL; f++)
        if (strcmp(*f, key) == 0)
            return true;
    return false;
}

/* Does the table have no field but those of this kind? *bad names one otherwise. */
static bool only_known(lua_State *lua, int at, int kind, char *bad, size_t n)
{
    for (lua_pushnil(lua); lua_next(lua, at); lua_pop(lua, 1)) {
        const char *key = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "[number]";

        if (!known_field(kind, key)) {
            snprintf(bad, n, "%.40s", key);
            lua_pop(lua, 2);
            return false;
        }
    }
    return true;
}

/* The curve at the top of the stack, without its `next`. */
static enum tg_status read_curve(struct curve *c, lua_State *lua, const struct option *option,
                                 const char *origin, struct tg_error *err)
{
    int at = lua_gettop(lua);
    double over = 0;
    char bad[48];

    memset(c, 0, sizeof *c);
    lua_pushliteral(lua, "kind");
    const char *kind = lua_rawget(lua, at) == LUA_TSTRING ? lua_tostring(lua, -1) : "";
    while (curve_names[c->kind] != NULL && strcmp(curve_names[c->kind], kind) != 0)
        c->kind++;
    if (curve_names[c->kind] == NULL)
        return FAIL(err, TG_EINVAL, "%s: %s: there is no curve of kind \"%.40s\", only linear, "
                    "cosine, exponential, warmup and step", origin, option->key, kind);
    lua_settop(lua, at);
    if (!only_known(lua, at, c->kind, bad, sizeof bad))
        return FAIL(err, TG_EINVAL, "%s: %s: a %s curve has no field %s", origin, option->key,
                    curve_names[c->kind], bad);

    bool step = c->kind == CURVE_STEP;
    c->to = 0;
    c->factor = 0.1;
    if (!number_field(lua, at, "from", c->kind != CURVE_WARMUP, &c->from) ||
        !number_field(lua, at, "to", !step, &c->to) ||
        !number_field(lua, at, step ? "every" : "over", true, &over) ||
        !number_field(lua, at, "factor", false, &c->factor))
        return FAIL(err, TG_EINVAL, "%s: %s: a %s curve wants the numbers %s", origin, option->key,
                    curve_names[c->kind],
                    step ? "from, every and if need be factor (0.1) and to (its limit)"
                         : c->kind == CURVE_WARMUP ? "to, over and if need be from (0)"
                                                   : "from, to and over");
    if (!(over >= 1 && over <= 1e12) || over != floor(over))
        return FAIL(err, TG_EINVAL, "%s: %s: a %s curve lasts %.10g iterations: want a whole number "
                    "from 1", origin, option->key, curve_names[c->kind], over);
    if (c->kind == CURVE_EXPONENTIAL && !(c->from * c->to > 0))
        return FAIL(err, TG_EINVAL, "%s: %s: an exponential curve from %g to %g: both must be above "
                    "or both below 0", origin, option->key, c->from, c->to);
    if (step && !(c->factor > 0 && c->factor <= 1 && c->from >= c->to && c->to >= 0))
        return FAIL(err, TG_EINVAL, "%s: %s: a step curve from %g to %g with factor %g: want it to "
                    "fall, to 0 at most, with a factor above 0, at most 1", origin, option->key,
                    c->from, c->to, c->factor);
    c->over = (int64_t)over;
    c->lasts = step ? INT64_MAX : c->over;
    return TG_OK;
}

/* A curve runs from end to end without turning: checking both ends checks it all. */
static enum tg_status check_curve(const struct curve *c, const struct option *option,
                                  const char *origin, struct tg_error *err)
{
    struct value value;

    TRY(value_from_number(curve_at(c, 1), option, origin, &value, err));
    TRY(value_from_number(c->to, option, origin, &value, err));
    return TG_OK;
}

static enum tg_status read_curves(struct binding *b, lua_State *lua, const struct option *option,
                                  const char *origin, struct tg_error *err)
{
    int at = lua_gettop(lua);

    if (option->type != OPTION_INTEGER && option->type != OPTION_NUMBER &&
        option->type != OPTION_HALVES)
        return FAIL(err, TG_EINVAL, "%s: %s: a curve makes numbers, which this is not", origin,
                    option->key);
    b->curves = calloc(CURVES_MAX, sizeof *b->curves);
    if (b->curves == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %s", origin, option->key);
    b->kind = BINDING_CURVES;
    for (bool more = true; more;) {
        struct curve *c = &b->curves[b->n++];

        if (lua_type(lua, -1) == LUA_TNUMBER) {
            *c = (struct curve){.kind = CURVE_FLAT, .to = lua_tonumber(lua, -1)};
            more = false;
        } else {
            TRY(read_curve(c, lua, option, origin, err));
            lua_pushliteral(lua, "next");
            more = lua_rawget(lua, -2) != LUA_TNIL;
            if (more && (b->n == CURVES_MAX ||
                         (lua_type(lua, -1) != LUA_TTABLE && lua_type(lua, -1) != LUA_TNUMBER)))
                return FAIL(err, TG_EINVAL, "%s: %s: next is a number or a curve, at most %d in a "
                            "row", origin, option->key, CURVES_MAX);
            lua_remove(lua, -2);
        }
        TRY(check_curve(c, option, origin, err));
    }
    lua_settop(lua, at);
    return TG_OK;
}

enum tg_status schedule_read(struct binding *b, lua_State *lua, const struct option *option,
                             const char *origin, bool *taken, struct tg_error *err)
{
    int at = lua_gettop(lua);
    bool is_curve, is_steps;

    *taken = false;
    if (lua_type(lua, at) != LUA_TTABLE)
        return TG_OK;
    lua_pushliteral(lua, "kind");
    is_curve = lua_rawget(lua, at) != LUA_TNIL;
    is_steps = is_schedule(lua, at, option);
    lua_settop(lua, at);
    *taken = is_curve || is_steps;
    if (is_curve)
        TRY(read_curves(b, lua, option, origin, err));
    else if (is_steps)
        TRY(read_steps(b, lua, option, origin, err));
    return TG_OK;
}
