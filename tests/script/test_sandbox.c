/* What a script cannot do: run for ever, eat the memory, reach files or programs, load code. */
#include "../../src/script/sandbox.h"

#include <lauxlib.h>

#include "config_text.h"

static enum tg_status run_text(lua_State *lua, void *ctx, struct tg_error *err)
{
    (void)err;
    if (luaL_loadstring(lua, ctx) != LUA_OK)
        lua_error(lua);
    lua_call(lua, 0, 0);
    return TG_OK;
}

static void an_endless_loop_ends_with_its_line(void **state)
{
    (void)state;
    assert_refused("local x = 1\nwhile true do\nend", NULL, "x.lua:2", "too many instructions");
    assert_refused("local function f() return f() end\nf()", NULL, "too many instructions");
    assert_refused("for i = 1, math.huge do end", NULL, "too many instructions");
}

static void pcall_does_not_catch_the_end(void **state)
{
    (void)state;
    assert_refused("while true do pcall(function() while true do end end) end", NULL,
                   "too many instructions");
    assert_refused("local f = function() while true do end end\n"
                   "while true do local r = {pcall(pcall, pcall, f)} end", NULL,
                   "too many instructions");
    assert_refused("local mt = {__close = function() while true do end end}\n"
                   "local x <close> = setmetatable({}, mt)\nwhile true do end", NULL,
                   "too many instructions");
}

static void pcall_still_catches_ordinary_errors(void **state)
{
    struct script *s;
    struct tg_error err = {0};
    struct run_options o;

    (void)state;
    assert_ok(open_config("local ok, why = pcall(error, 'no')\n"
                          "local fine, a, b = pcall(function(x) return x, x * 2 end, 21)\n"
                          "assert(not ok and why == 'no' and fine and a == 21)\n"
                          "return {seed = b}", NULL, &s, &err), &err);
    assert_ok(script_options(s, 0, &o, &err), &err);
    assert_int_equal(o.seed, 42);
    script_close(s);
}

static void memory_bombs_are_refused(void **state)
{
    (void)state;
    assert_refused("local s = 'x' for i = 1, 60 do s = s .. s end", NULL, "memory");
    assert_refused("return {name = ('x'):rep(1 << 62, 'y')}", NULL, "x.lua:1", "resulting string too large");
    assert_refused("local s = (('x'):rep(1 << 15)):rep(1 << 15)", NULL, "64 MB");
    assert_refused("local t = {} local x = ('x'):rep(5000) for i = 1, 1e9 do t[i] = x .. i end", NULL, "memory");
    /* Memory that is freed and taken again costs budget, or one instruction could work for minutes. */
    assert_refused("local x = ('x'):rep(30000) while true do local s = x:rep(1000) end", NULL, "too many instructions");
    assert_refused("local x = ('x'):rep(30000)\n"
                   "while true do pcall(string.rep, x, 10000) pcall(string.rep, x, 1000) end",
                   NULL, "too many instructions");
}

/* With time enough: growing the stack that far takes seconds where memory is checked. */
static void endless_recursion_is_refused(void **state)
{
    const struct sandbox_limits limits = {.bytes = 64 << 20, .budget = 20 * 1000 * 1000, .cpu_sec = 100};
    struct sandbox sb;
    struct tg_error err;

    (void)state;
    assert_ok(sandbox_open(&sb, &limits, &err), &err);
    assert_fails(sandbox_run(&sb, "test", run_text, (void *)"local function f(n) return 1 + f(n + 1) end f(0)", &err),
                 TG_EINVAL, "stack overflow", &err);
    sandbox_close(&sb);
}

/* One instruction that takes long: counting instructions alone would not stop these. */
static void processor_time_ends_what_instructions_do_not(void **state)
{
    static const char *const slow[] = {
        "local s = ('x'):rep(1e6) while true do utf8.len(s) end",
        "local s, u = ('x'):rep(1e6) .. 'a', ('x'):rep(1e6) .. 'b' while true do local x = s == u end",
    };
    const struct sandbox_limits limits = {.bytes = 8 << 20, .budget = INT64_MAX / 2, .cpu_sec = 0.2};

    (void)state;
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        struct tg_error err = {0};
        struct sandbox sb;

        assert_ok(sandbox_open(&sb, &limits, &err), &err);
        assert_fails(sandbox_run(&sb, "test", run_text, (void *)slow[i], &err), TG_EINVAL,
                     "too much processor time", &err);
        sandbox_close(&sb);
        assert_int_equal(sb.used, 0);
    }
}

static void repeating_nothing_takes_no_time(void **state)
{
    struct script *s;
    struct tg_error err = {0};

    (void)state;
    assert_ok(open_config("assert(string.rep('', 1e18) == '' and ('ab'):rep(2, '-') == 'ab-ab')\n"
                          "assert(('x'):rep(-1) == '' and ('x'):rep(3) == 'xxx') return {}", NULL, &s, &err),
              &err);
    script_close(s);
}

static void bytecode_is_refused(void **state)
{
    (void)state;
    assert_refused("\x1bLua", NULL, "x.lua");
    assert_refused("\x1bLuaT\x80\xff", NULL, "x.lua", "UTF-8");
}

static void dangerous_functions_are_absent(void **state)
{
    static const char *const absent[] = {
        "os", "io", "package", "debug", "coroutine", "load", "loadfile", "dofile", "loadstring",
        "collectgarbage", "print", "xpcall", "string.dump", "string.find", "string.match",
        "string.gmatch", "string.gsub", "string.pack", "string.unpack", "table.move", "math.random",
        "math.randomseed", "warn",
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        snprintf(text, sizeof text, "assert(%s == nil)\nreturn {}", absent[i]);
        struct script *s;
        struct tg_error err = {0};
        assert_ok(open_config(text, NULL, &s, &err), &err);
        script_close(s);
    }
    assert_refused("return io.open('/etc/passwd')", NULL, "x.lua:1", "'io'");
    assert_refused("return ('a'):find(('a-'):rep(50) .. 'b')", NULL, "'find'");
    assert_refused("getmetatable('').__index = nil", NULL, "x.lua:1");
}

static void finalisers_are_refused(void **state)
{
    (void)state;
    assert_refused("setmetatable({}, {__gc = function() while true do end end})", NULL, "__gc");
    assert_refused("local mt = {} rawset(mt, '__gc', error) setmetatable({}, mt)", NULL, "__gc");
}

static void table_functions_cannot_be_made_to_loop_in_c(void **state)
{
    (void)state;
    /* A lying length would make Lua's own insert and remove shift 2^60 entries. */
    assert_refused("local t = setmetatable({}, {__len = function() return 1 << 60 end})\n"
                   "table.insert(t, 1, 'a') assert(rawlen(t) == 1) error('as it should')", NULL,
                   "as it should");
    assert_refused("local t = setmetatable({1}, {__len = function() return 1 << 60 end})\n"
                   "table.remove(t, 1) assert(rawlen(t) == 0) error('as it should')", NULL,
                   "as it should");
    assert_refused("table.sort(setmetatable({}, {__len = function() return 1 << 30 end}))", NULL,
                   "metatable");
    assert_refused("local t = {} for i = 1, 300000 do t[i] = i end\n"
                   "while true do table.sort(t) end", NULL, "too many instructions");
    assert_refused("local t = {} for i = 1, 300000 do t[i] = i end\n"
                   "while true do table.insert(t, 1, 0) table.remove(t, 1) end", NULL,
                   "too many instructions");
}

static void table_functions_work(void **state)
{
    struct script *s;
    struct tg_error err = {0};

    (void)state;
    assert_ok(open_config(
        "local t = {3, 1, 2}\n"
        "table.sort(t) assert(table.concat(t, ',') == '1,2,3')\n"
        "table.sort(t, function(a, b) return a > b end) assert(table.concat(t, ',') == '3,2,1')\n"
        "table.insert(t, 0) table.insert(t, 1, 9) assert(table.concat(t) == '93210')\n"
        "assert(table.remove(t) == 0 and table.remove(t, 1) == 9 and table.concat(t) == '321')\n"
        "assert(table.remove({}) == nil and select('#', table.unpack(t)) == 3)\n"
        "return {}", NULL, &s, &err), &err);
    script_close(s);
}

static void only_lua_files_nearby_can_be_required(void **state)
{
    static const char *const refused[] = {"../secret", "..", "a/b", "/etc/passwd", "A", "", ".hidden",
                                          "a..b", "a\\0b", "os", "io"};
    struct tg_error err = {0};
    struct script *s;
    char dir[256], path[512], text[128];
    struct run_options o;

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(text, sizeof text, "require '%s' return {}", refused[i]);
        assert_refused(text, NULL, "x.lua:1", "require");
    }

    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/configs", dir);
    assert_ok(tg_mkdirs(path, &err), &err);
    snprintf(path, sizeof path, "%s/lua", dir);
    assert_ok(tg_mkdirs(path, &err), &err);
    put_file(dir, "lua/far.lua", "local name = ... return {seed = require('near').seed + 1, name = name}");
    put_file(dir, "configs/near.lua", "return {seed = 6}");
    put_file(dir, "configs/both.lua", "return {seed = 'of configs'}");
    put_file(dir, "lua/both.lua", "return {seed = 'of lua'}");
    put_file(dir, "configs/x.lua", "assert(require('both').seed == 'of configs')\n"
                                   "assert(require('far') == require('far'))\nreturn require 'far'");
    snprintf(path, sizeof path, "%s/configs/x.lua", dir);
    assert_ok(script_open(path, NULL, 0, &s, &err), &err);
    assert_ok(script_options(s, 0, &o, &err), &err);
    assert_int_equal(o.seed, 7);
    assert_string_equal(o.name, "far");
    script_close(s);

    put_file(dir, "configs/near.lua", "return {seed = require('far')}");
    assert_fails(script_open(path, NULL, 0, &s, &err), TG_EINVAL, "requires itself", &err);
    put_file(dir, "configs/near.lua", "return {seed = 1");
    assert_fails(script_open(path, NULL, 0, &s, &err), TG_EINVAL, "near.lua:1", &err);
    tg_test_rmdir(dir);
}

static void a_function_is_stopped_at_its_iteration(void **state)
{
    struct script *s;
    struct tg_error err = {0};
    struct run_options o;
    char *changes;

    (void)state;
    assert_ok(open_config("return {iterations = 9, selfplay = {games = function(i)\n"
                          "  while i == 5 do end\n  if i == 6 then error('six') end\n"
                          "  if i == 7 then error({}) end\n  return i end},\n"
                          "curriculum = function(i) while true do end end}", NULL, &s, &err), &err);
    assert_ok(script_options(s, 3, &o, &err), &err);
    assert_int_equal(o.selfplay.games, 4);
    assert_fails(script_options(s, 4, &o, &err), TG_EINVAL, "x.lua:2: too many instructions", &err);
    assert_fails(script_options(s, 5, &o, &err), TG_EINVAL, "x.lua:3: six", &err);
    assert_fails(script_options(s, 6, &o, &err), TG_EINVAL, "selfplay.games: an error that is not a text",
                 &err);
    assert_ok(script_options(s, 7, &o, &err), &err); /* and the script is as good as before */
    assert_int_equal(o.selfplay.games, 8);
    assert_fails(script_curriculum(s, 0, NULL, 0, &changes, &err), TG_EINVAL, "too many instructions",
                 &err);
    assert_null(changes);
    script_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endless_loop_ends_with_its_line),
        cmocka_unit_test(pcall_does_not_catch_the_end),
        cmocka_unit_test(pcall_still_catches_ordinary_errors),
        cmocka_unit_test(memory_bombs_are_refused),
        cmocka_unit_test(endless_recursion_is_refused),
        cmocka_unit_test(processor_time_ends_what_instructions_do_not),
        cmocka_unit_test(repeating_nothing_takes_no_time),
        cmocka_unit_test(bytecode_is_refused),
        cmocka_unit_test(dangerous_functions_are_absent),
        cmocka_unit_test(finalisers_are_refused),
        cmocka_unit_test(table_functions_cannot_be_made_to_loop_in_c),
        cmocka_unit_test(table_functions_work),
        cmocka_unit_test(only_lua_files_nearby_can_be_required),
        cmocka_unit_test(a_function_is_stopped_at_its_iteration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
