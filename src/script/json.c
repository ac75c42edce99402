/* json.c - a recursive-descent reader of JSON (RFC 8259). */
#include "json.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

enum { MAX_DEPTH = 16 };

struct reader {
    lua_State *lua;
    const char *at;
    int depth;
};

static bool push_value(struct reader *r);

static char peek(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
    return *r->at;
}

static bool accept(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

/* Four hex digits; -1 if there are none. */
static long hex4(const char *at)
{
    char digits[5] = "";

    memcpy(digits, at, strnlen(at, 4));
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    return strtol(digits, NULL, 16);
}

static bool add_escape(struct reader *r, luaL_Buffer *b)
{
    static const char names[] = "\"\\/bfnrt", chars[] = "\"\\/\b\f\n\r\t";
    char c = *r->at;
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    long code;

    if (name != NULL) {
        luaL_addchar(b, chars[name - names]);
        r->at++;
        return true;
    }
    code = c == 'u' ? hex4(r->at + 1) : -1;
    if (code < 0 || (code >= 0xD800 && code < 0xE000)) /* options hold nothing beyond the plane 0 */
        return false;
    if (code < 0x80) {
        luaL_addchar(b, (char)code);
    } else if (code < 0x800) {
        luaL_addchar(b, (char)(0xC0 | code >> 6));
        luaL_addchar(b, (char)(0x80 | (code & 0x3F)));
    } else {
        luaL_addchar(b, (char)(0xE0 | code >> 12));
        luaL_addchar(b, (char)(0x80 | (code >> 6 & 0x3F)));
        luaL_addchar(b, (char)(0x80 | (code & 0x3F)));
    }
    r->at += 5;
    return true;
}

static bool push_text(struct reader *r)
{
    luaL_Buffer b;

    if (!accept(r, '"'))
        return false;
    luaL_buffinit(r->lua, &b);
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20) /* the end too */
            return false;
        if (*r->at != '\\') {
            luaL_addchar(&b, *r->at);
            r->at++;
            continue;
        }
        r->at++;
        if (!add_escape(r, &b))
            return false;
    }
    r->at++;
    luaL_pushresult(&b);
    return true;
}

static bool push_number(struct reader *r)
{
    size_t n = strspn(r->at, "+-0123456789.eE");
    char text[64], *end;
    double x;

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, r->at, n);
    text[n] = '\0';
    x = strtod(text, &end);
    if (*end != '\0' || !isfinite(x))
        return false;
    lua_pushnumber(r->lua, x);
    r->at += n;
    return true;
}

static bool push_array(struct reader *r)
{
    lua_Integer n = 0;

    lua_newtable(r->lua);
    if (accept(r, ']'))
        return true;
    do {
        if (!push_value(r))
            return false;
        lua_rawseti(r->lua, -2, ++n);
    } while (accept(r, ','));
    return accept(r, ']');
}

static bool push_object(struct reader *r)
{
    lua_newtable(r->lua);
    if (accept(r, '}'))
        return true;
    do {
        if (!push_text(r) || !accept(r, ':') || !push_value(r))
            return false;
        lua_rawset(r->lua, -3);
    } while (accept(r, ','));
    return accept(r, '}');
}

static bool push_word(struct reader *r)
{
    if (strncmp(r->at, "true", 4) == 0 || strncmp(r->at, "null", 4) == 0) {
        *r->at == 't' ? lua_pushboolean(r->lua, 1) : lua_pushnil(r->lua);
        r->at += 4;
        return true;
    }
    if (strncmp(r->at, "false", 5) != 0)
        return false;
    lua_pushboolean(r->lua, 0);
    r->at += 5;
    return true;
}

static bool push_value(struct reader *r)
{
    bool ok;
    char c = peek(r);

    if (r->depth >= MAX_DEPTH)
        return false;
    luaL_checkstack(r->lua, 8, NULL);
    r->depth++;
    if (c == '{' || c == '[') {
        r->at++;
        ok = c == '{' ? push_object(r) : push_array(r);
    } else if (c == '"') {
        ok = push_text(r);
    } else {
        ok = (c != '\0' && strchr("-0123456789", c) != NULL) ? push_number(r) : push_word(r);
    }
    r->depth--;
    return ok;
}

enum tg_status json_push(lua_State *lua, const char *text, struct tg_error *err)
{
    struct reader r = {.lua = lua, .at = text};

    if (peek(&r) != '{' || !push_value(&r) || peek(&r) != '\0')
        return FAIL(err, TG_EFORMAT, "not a JSON object: byte %td", r.at - text);
    return TG_OK;
}
