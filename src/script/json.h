/* json.h - JSON text onto a Lua stack, to apply changes that a manifest kept. */
#pragma once

#include <lua.h>

#include "tengen/error.h"

/* Push the object that text is: objects and arrays become tables, null becomes nil. TG_EFORMAT says
 * at which byte it is none. Runs inside sandbox_run. */
enum tg_status json_push(lua_State *lua, const char *text, struct tg_error *err);
