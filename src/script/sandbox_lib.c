/* sandbox_lib.c - what a script may call: base, table, string, math and utf8, less whatever can
 * loop inside C, run with the hook off, load code, or give another answer on another day. */
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox.h"

/* After a budget is spent nothing may be caught: else `while true do pcall(f) end` runs for ever.
 * The charge of 0 asks. */
static int safe_pcall(lua_State *lua)
{
    int status;

    luaL_checkany(lua, 1);
    status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
    sandbox_charge(lua, 0);
    lua_pushboolean(lua, status == LUA_OK);
    lua_insert(lua, 1);
    return lua_gettop(lua);
}

/* As Lua's, but refuses finalisers: they run with the hook off. */
static int safe_setmetatable(lua_State *lua)
{
    int type = lua_type(lua, 2);

    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argexpected(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL)
        return luaL_error(lua, "cannot change a protected metatable");
    if (type == LUA_TTABLE) {
        lua_pushliteral(lua, "__gc");
        if (lua_rawget(lua, 2) != LUA_TNIL)
            return luaL_error(lua, "a metatable here may not have __gc");
    }
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

/* As Lua's, which counts to n even where there is nothing to repeat. */
static int string_rep(lua_State *lua)
{
    size_t n_text, n_between;
    const char *text = luaL_checklstring(lua, 1, &n_text);
    lua_Integer n = luaL_checkinteger(lua, 2);
    const char *between = luaL_optlstring(lua, 3, "", &n_between);
    luaL_Buffer b;

    if (n <= 0 || n_text + n_between == 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    if ((uint64_t)n > (SIZE_MAX >> 1) / (n_text + n_between))
        return luaL_error(lua, "resulting string too large");
    sandbox_charge(lua, n);
    luaL_buffinitsize(lua, &b, (size_t)n * (n_text + n_between));
    for (lua_Integer i = 0; i < n; i++) {
        luaL_addlstring(&b, text, n_text);
        if (i + 1 < n)
            luaL_addlstring(&b, between, n_between);
    }
    luaL_pushresult(&b);
    return 1;
}

/* The table functions below see the raw table: a __len that lies would make them loop in C. */
static lua_Integer raw_length(lua_State *lua, int at)
{
    luaL_checktype(lua, at, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(lua, at);
}

static int table_insert(lua_State *lua)
{
    lua_Integer n = raw_length(lua, 1), at = n + 1;

    switch (lua_gettop(lua)) {
    case 2:
        break;
    case 3:
        at = luaL_checkinteger(lua, 2);
        luaL_argcheck(lua, at >= 1 && at <= n + 1, 2, "position out of bounds");
        sandbox_charge(lua, n - at + 1);
        for (lua_Integer i = n; i >= at; i--) {
            lua_rawgeti(lua, 1, i);
            lua_rawseti(lua, 1, i + 1);
        }
        break;
    default:
        return luaL_error(lua, "table.insert takes 2 or 3 arguments");
    }
    lua_rawseti(lua, 1, at);
    return 0;
}

static int table_remove(lua_State *lua)
{
    lua_Integer n = raw_length(lua, 1), at = luaL_optinteger(lua, 2, n);

    if (n == 0 && (at == 0 || at == n + 1)) {
        lua_pushnil(lua);
        return 1;
    }
    luaL_argcheck(lua, at >= 1 && at <= n + 1, 2, "position out of bounds");
    lua_rawgeti(lua, 1, at);
    if (at == n + 1)
        return 1;
    sandbox_charge(lua, n - at);
    for (lua_Integer i = at; i < n; i++) {
        lua_rawgeti(lua, 1, i + 1);
        lua_rawseti(lua, 1, i);
    }
    lua_pushnil(lua);
    lua_rawseti(lua, 1, n);
    return 1;
}

/* Lua's own, of plain tables only, paid for in advance. */
static int table_sort(lua_State *lua)
{
    lua_Integer n = raw_length(lua, 1), log2n = 1;

    if (lua_getmetatable(lua, 1))
        return luaL_error(lua, "table.sort: the table has a metatable");
    for (lua_Integer k = n; k > 1; k /= 2)
        log2n++;
    sandbox_charge(lua, 2 * n * log2n);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, 0);
    return 0;
}

static const luaL_Reg libraries[] = {
    {LUA_GNAME, luaopen_base},          {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},   {LUA_MATHLIBNAME, luaopen_math},
    {LUA_UTF8LIBNAME, luaopen_utf8},    {NULL, NULL},
};

/* What stays of each library: everything else goes, also what a later Lua may add. */
static const struct {
    const char *library, *names[28];
} kept[] = {
    {LUA_GNAME,
     {"_G", "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "rawequal",
      "rawget", "rawlen", "rawset", "select", "tonumber", "tostring", "type", "table", "string",
      "math", "utf8", NULL}},
    {LUA_TABLIBNAME, {"concat", "pack", "unpack", "sort", NULL}},
    {LUA_STRLIBNAME,
     {"byte", "char", "format", "len", "lower", "rep", "reverse", "sub", "upper", NULL}},
    {LUA_MATHLIBNAME,
     {"abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log",
      "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad", "sin", "sqrt", "tan",
      "tointeger", "type", "ult", NULL}},
    {LUA_UTF8LIBNAME, {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL}},
};
enum { N_KEPT = sizeof kept / sizeof *kept };

static int is_kept(int library, const char *name)
{
    for (const char *const *n = kept[library].names; *n != NULL; n++)
        if (strcmp(*n, name) == 0)
            return 1;
    return 0;
}

/* Remove from the table on top whatever is not kept. Assigning nil during a traversal is allowed. */
static void strip(lua_State *lua, int library)
{
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) == LUA_TSTRING && is_kept(library, lua_tostring(lua, -1)))
            continue;
        lua_pushvalue(lua, -1);
        lua_pushnil(lua);
        lua_rawset(lua, -4);
    }
}

/* In the table on top. */
static void set_function(lua_State *lua, const char *name, lua_CFunction f)
{
    lua_pushcfunction(lua, f);
    lua_setfield(lua, -2, name);
}

void sandbox_open_libs(lua_State *lua)
{
    for (const luaL_Reg *l = libraries; l->func != NULL; l++) {
        luaL_requiref(lua, l->name, l->func, 1);
        lua_pop(lua, 1);
    }
    for (int k = 1; k < N_KEPT; k++) {
        lua_getglobal(lua, kept[k].library);
        strip(lua, k);
        lua_pop(lua, 1);
    }
    lua_pushglobaltable(lua);
    strip(lua, 0);
    set_function(lua, "pcall", safe_pcall);
    set_function(lua, "setmetatable", safe_setmetatable);
    lua_getfield(lua, -1, LUA_TABLIBNAME);
    set_function(lua, "insert", table_insert);
    set_function(lua, "remove", table_remove);
    lua_getfield(lua, -1, "sort"); /* ours calls it */
    lua_pushcclosure(lua, table_sort, 1);
    lua_setfield(lua, -2, "sort");
    lua_getglobal(lua, LUA_STRLIBNAME);
    set_function(lua, "rep", string_rep);
    lua_settop(lua, 0);

    /* Strings share one metatable: nobody may look at or change it. */
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_pushliteral(lua, "string");
    lua_setfield(lua, -2, "__metatable");
    lua_settop(lua, 0);
}
