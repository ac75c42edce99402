/* sandbox.c - the state, its allocator, its hook, and protected calls. */
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

enum { HOOK_STEP = 200, BYTES_PER_UNIT = 16 };

const struct sandbox_limits sandbox_limits_default = {
    .bytes = (size_t)64 << 20, .budget = 20 * 1000 * 1000, .cpu_sec = 5.0};

static double cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct sandbox *sandbox_of(lua_State *lua)
{
    void *sb;

    lua_getallocf(lua, &sb);
    return sb;
}

/* Count n units of work; is the running call over? */
static int spend(struct sandbox *sb, int64_t n)
{
    sb->spent += n;
    if (sb->dead == SANDBOX_ALIVE && sb->spent > sb->limits.budget)
        sb->dead = SANDBOX_BUDGET;
    if (sb->dead == SANDBOX_ALIVE && cpu_now() - sb->cpu_start > sb->limits.cpu_sec)
        sb->dead = SANDBOX_CPU;
    return sb->dead;
}

static const char *death_text(int dead)
{
    return dead == SANDBOX_CPU ? "too much processor time (an endless loop?)"
                               : "too many instructions (an endless loop?)";
}

/* Growth may be refused, which Lua turns into a memory error; shrinking must never fail. Without a
 * block, old is a type tag. */
static void *allocate(void *ctx, void *block, size_t old, size_t n)
{
    struct sandbox *sb = ctx;
    size_t had = block != NULL ? old : 0;
    void *grown;

    if (n == 0) {
        free(block);
        sb->used -= had;
        return NULL;
    }
    if (n > had) {
        if (n - had > sb->limits.bytes || sb->used + (n - had) > sb->limits.bytes)
            return NULL;
        sb->spent += (int64_t)(n / BYTES_PER_UNIT);
        if (n > 4096 && spend(sb, 0))
            return NULL;
    }
    grown = realloc(block, n);
    if (grown == NULL)
        return n <= had ? block : NULL;
    sb->used = sb->used - had + n;
    if (sb->used > sb->peak)
        sb->peak = sb->used;
    return grown;
}

/* A hook has no level of its own, so luaL_error would name the caller's line. */
static void hook(lua_State *lua, lua_Debug *ar)
{
    int dead = spend(sandbox_of(lua), HOOK_STEP);

    if (dead == SANDBOX_ALIVE)
        return;
    lua_getinfo(lua, "Sl", ar);
    lua_pushfstring(lua, "%s:%d: %s", ar->short_src, ar->currentline, death_text(dead));
    lua_error(lua);
}

void sandbox_charge(lua_State *lua, int64_t n)
{
    int dead = spend(sandbox_of(lua), n);

    if (dead != SANDBOX_ALIVE)
        luaL_error(lua, "%s", death_text(dead));
}

static enum tg_status open_libs(lua_State *lua, void *ctx, struct tg_error *err)
{
    (void)ctx;
    (void)err;
    sandbox_open_libs(lua);
    return TG_OK;
}

enum tg_status sandbox_open(struct sandbox *sb, const struct sandbox_limits *limits,
                            struct tg_error *err)
{
    enum tg_status rc;

    memset(sb, 0, sizeof *sb);
    sb->limits = *limits;
    sb->cpu_start = cpu_now();
    sb->lua = lua_newstate(allocate, sb);
    if (sb->lua == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a Lua state");
    lua_sethook(sb->lua, hook, LUA_MASKCOUNT, HOOK_STEP);
    rc = sandbox_run(sb, "Lua's libraries", open_libs, NULL, err);
    if (rc != TG_OK)
        sandbox_close(sb);
    return rc;
}

void sandbox_close(struct sandbox *sb)
{
    if (sb->lua != NULL)
        lua_close(sb->lua);
    sb->lua = NULL;
}

struct job {
    sandbox_work work;
    void *ctx;
    struct tg_error *err;
    enum tg_status rc;
};

static int run_job(lua_State *lua)
{
    struct job *job = lua_touserdata(lua, 1);

    lua_settop(lua, 0);
    job->rc = job->work(lua, job->ctx, job->err);
    return 0;
}

enum tg_status sandbox_run(struct sandbox *sb, const char *where, sandbox_work work, void *ctx,
                           struct tg_error *err)
{
    struct job job = {.work = work, .ctx = ctx, .err = err, .rc = TG_OK};
    int rc;

    sb->spent = 0;
    sb->dead = SANDBOX_ALIVE;
    sb->cpu_start = cpu_now();
    lua_settop(sb->lua, 0);
    lua_pushcfunction(sb->lua, run_job);
    lua_pushlightuserdata(sb->lua, &job);
    rc = lua_pcall(sb->lua, 1, 0, 0);
    if (rc == LUA_OK)
        return job.rc;

    /* No conversion here: it could allocate, or run the script's own __tostring. */
    const char *text = lua_type(sb->lua, -1) == LUA_TSTRING ? lua_tostring(sb->lua, -1) : NULL;
    enum tg_status status;
    if (sb->dead != SANDBOX_ALIVE && (text == NULL || strstr(text, death_text(sb->dead)) == NULL))
        status = FAIL(err, TG_EINVAL, "%s: %s", where, death_text(sb->dead));
    else if (rc == LUA_ERRMEM)
        status = FAIL(err, TG_EINVAL, "%s: the script needs more than %zu MB of memory", where,
                      sb->limits.bytes >> 20);
    else if (text == NULL)
        status = FAIL(err, TG_EINVAL, "%s: an error that is not a text (%s)", where,
                      lua_typename(sb->lua, lua_type(sb->lua, -1)));
    else
        status = FAIL(err, TG_EINVAL, "%s", text);
    lua_settop(sb->lua, 0);
    return status;
}
