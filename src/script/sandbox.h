/* sandbox.h - a Lua state that can neither hang, eat the memory, nor reach outside.
 *
 * Limits: bytes of memory, a budget of work per call (VM instructions, plus a charge for the bytes
 * allocated and for what sort, insert and remove move), and processor time as a last resort. Once a
 * budget is spent the script cannot catch the error. There is no io, os, debug, coroutine, load,
 * pattern matching, randomness or finaliser; chunks are text.
 *
 * Every touch of the state that may allocate runs inside sandbox_run. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "tengen/error.h"

struct sandbox_limits {
    size_t bytes;
    int64_t budget;  /* of one sandbox_run: about one per VM instruction */
    double cpu_sec;  /* of one sandbox_run, this thread's */
};

struct sandbox {
    lua_State *lua;
    struct sandbox_limits limits;
    size_t used, peak;  /* bytes */
    int64_t spent;      /* by the sandbox_run that is under way */
    double cpu_start;
    int dead;           /* enum sandbox_death: the running call is over, whatever it catches */
};

enum sandbox_death { SANDBOX_ALIVE, SANDBOX_BUDGET, SANDBOX_CPU };

/* 64 MB, 20 million, 5 s. */
extern const struct sandbox_limits sandbox_limits_default;

enum tg_status sandbox_open(struct sandbox *sb, const struct sandbox_limits *limits,
                            struct tg_error *err);
void sandbox_close(struct sandbox *sb); /* a state that never opened is allowed */

/* A piece of work on the state: it may raise Lua errors, and returns its own status (err filled)
 * where it found a mistake itself. What it owns outside the state must hang on ctx, because a Lua
 * error jumps over it. The stack is empty before and after. */
typedef enum tg_status (*sandbox_work)(lua_State *lua, void *ctx, struct tg_error *err);
/* Run it protected, with a fresh budget. A Lua error is TG_EINVAL with the script's message, which
 * holds file and line; `where` names what ran for messages that do not. */
enum tg_status sandbox_run(struct sandbox *sb, const char *where, sandbox_work work, void *ctx,
                           struct tg_error *err);

/* Take n units off the running budget; raises a Lua error when it is spent. */
void sandbox_charge(lua_State *lua, int64_t n);

/* The safe standard library, into the globals of a fresh state (sandbox_lib.c). */
void sandbox_open_libs(lua_State *lua);
