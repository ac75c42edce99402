/* sources.c - find, read, keep, write out and read back the texts of a config. */
#include "sources.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/hash.h"

static const char magic[] = "tengen config 1\n";

/* Is text valid UTF-8? Overlong forms and surrogates are not. */
static bool is_utf8(const char *text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    for (const unsigned char *p = (const unsigned char *)text; *p != 0;) {
        int more = *p < 0x80 ? 0 : *p >= 0xF0 && *p < 0xF8 ? 3 : *p >= 0xE0 && *p < 0xF0 ? 2
                   : *p >= 0xC0 && *p < 0xE0 ? 1 : -1;
        uint32_t code;

        if (more < 0)
            return false;
        code = more == 0 ? *p : *p & (0x3Fu >> more);
        p++;
        for (int k = 0; k < more; k++, p++) {
            if ((*p & 0xC0) != 0x80)
                return false;
            code = code << 6 | (*p & 0x3F);
        }
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
    }
    return true;
}

static char *copy_text(const char *text, size_t n)
{
    char *copy = malloc(n + 1);

    if (copy != NULL) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

/* Paths are only shown: what could spoil a message or the kept text becomes '?'. */
static char *copy_path(const char *path)
{
    char *copy = copy_text(path, strlen(path));

    for (char *p = copy; p != NULL && *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
    if (copy != NULL && !is_utf8(copy))
        for (char *p = copy; *p != '\0'; p++)
            if ((unsigned char)*p >= 0x80)
                *p = '?';
    return copy;
}

/* Take text [n] over (also on failure) as the source `name`. */
static enum tg_status add(struct sources *s, const char *name, const char *path, char *text,
                          size_t n, struct tg_error *err)
{
    struct source *source = &s->list[s->n];

    if (s->n >= SOURCES_MAX || strlen(text) != n || text[0] == '\x1b' || !is_utf8(text)) {
        free(text);
        return s->n >= SOURCES_MAX
                   ? FAIL(err, TG_EINVAL, "%s: more than %d files are required", path, SOURCES_MAX)
                   : FAIL(err, TG_EINVAL, "%s: not a text in UTF-8 (Lua bytecode is not accepted)",
                          path);
    }
    snprintf(source->name, sizeof source->name, "%s", name);
    source->text = text;
    source->path = copy_path(path);
    s->n++;
    return source->path != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "%s", path);
}

static enum tg_status read_source(struct sources *s, const char *name, const char *path,
                                  struct tg_error *err)
{
    char *text;
    size_t n;

    TRY(tg_file_read(path, SOURCE_MAX_BYTES, &text, &n, err));
    TRY(add(s, name, path, text, n, err));
    return TG_OK;
}

static enum tg_status read_config(struct sources *s, const char *path, struct tg_error *err)
{
    const char *slash = strrchr(path, '/');

    s->folder = slash == NULL ? copy_text(".", 1) : copy_text(path, (size_t)(slash - path));
    if (s->folder == NULL)
        return FAIL(err, TG_ENOMEM, "%s", path);
    TRY(read_source(s, "", path, err));
    return TG_OK;
}

enum tg_status sources_open(struct sources *s, const char *path, struct tg_error *err)
{
    memset(s, 0, sizeof *s);
    TRY(read_config(s, path, err));
    if (strncmp(s->list[0].text, magic, sizeof magic - 1) == 0) { /* a run's own copy of its config */
        char *kept = s->list[0].text;
        enum tg_status rc;

        s->list[0].text = NULL;
        sources_close(s);
        rc = sources_parse(s, kept, err);
        free(kept);
        if (rc != TG_OK)
            return FAIL(err, TG_EINVAL, "%s: a kept config, but damaged", path);
    }
    return TG_OK;
}

void sources_close(struct sources *s)
{
    for (int i = 0; i < s->n; i++) {
        free(s->list[i].path);
        free(s->list[i].text);
    }
    for (int i = 0; i < s->n_overrides; i++)
        free(s->overrides[i]);
    free(s->folder);
    memset(s, 0, sizeof *s);
}

enum tg_status sources_add_override(struct sources *s, const char *text, struct tg_error *err)
{
    size_t n = strlen(text);

    if (s->n_overrides >= SOURCES_MAX)
        return FAIL(err, TG_EINVAL, "more than %d settings on the command line", SOURCES_MAX);
    if (n > SOURCE_MAX_BYTES || !is_utf8(text))
        return FAIL(err, TG_EINVAL, "--set: not a text in UTF-8, or one of over %d bytes",
                    SOURCE_MAX_BYTES);
    s->overrides[s->n_overrides] = copy_text(text, n);
    if (s->overrides[s->n_overrides] == NULL)
        return FAIL(err, TG_ENOMEM, "--set %s", text);
    s->n_overrides++;
    return TG_OK;
}

/* ---- modules --------------------------------------------------------------------------------- */

static bool is_module_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

    return n > 0 && n < SOURCE_NAME_MAX && name[n] == '\0' && name[0] != '.' &&
           strstr(name, "..") == NULL;
}

/* The folder share/tengen/lua of an installed program; false if that cannot be told. */
static bool installed_folder(char *folder, size_t n)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);

    for (int up = 0; up < 2; up++) { /* the program's name, then bin */
        if (len <= 0)
            return false;
        exe[len] = '\0';
        char *slash = strrchr(exe, '/');
        len = slash == NULL ? 0 : slash - exe;
    }
    return (size_t)snprintf(folder, n, "%.*s/share/tengen/lua", (int)len, exe) < n;
}

static bool module_path(char path[PATH_MAX], const char *folder, const char *below, const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s%s/%s.lua", folder, below, name);

    return n > 0 && n < PATH_MAX;
}

enum tg_status sources_module(struct sources *s, const char *name, const struct source **source,
                              struct tg_error *err)
{
    char path[3][PATH_MAX], share[PATH_MAX] = "";

    if (!is_module_name(name))
        return FAIL(err, TG_EINVAL, "require: \"%s\" is no module name (a-z 0-9 _ . - and no ..)",
                    name);
    for (int i = 1; i < s->n; i++)
        if (strcmp(s->list[i].name, name) == 0) {
            *source = &s->list[i];
            return TG_OK;
        }
    if (s->folder == NULL)
        return FAIL(err, TG_EINVAL, "require: \"%s\" is not among the texts that were kept", name);

    int n_paths = installed_folder(share, sizeof share) ? 3 : 2;
    bool fits[] = {module_path(path[0], s->folder, "", name),
                   module_path(path[1], s->folder, "/../lua", name),
                   module_path(path[2], share, "", name)};
    for (int k = 0; k < n_paths; k++) {
        enum tg_status rc = fits[k] ? read_source(s, name, path[k], err) : TG_ENOTFOUND;

        if (rc == TG_OK)
            *source = &s->list[s->n - 1];
        if (rc != TG_ENOTFOUND)
            return rc;
    }
    return FAIL(err, TG_EINVAL, "require: no module \"%s\": looked for %s, %s%s%s", name, path[0],
                path[1], n_paths > 2 ? ", " : "", n_paths > 2 ? path[2] : "");
}

/* ---- one text -------------------------------------------------------------------------------- */

/* Each piece is a line "kind bytes path-or-name" and then its bytes and a newline. */
static size_t put_piece(char *out, size_t at, const char *kind, const char *name, const char *path,
                        const char *text)
{
    size_t n = strlen(text);
    char head[64];
    int n_head = snprintf(head, sizeof head, "%s %zu", kind, n);
    const char *parts[] = {head, name[0] != '\0' ? " " : "", name, path[0] != '\0' ? " " : "", path,
                           "\n", text, "\n"};

    (void)n_head;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t len = strlen(parts[i]);

        if (out != NULL)
            memcpy(out + at, parts[i], len);
        at += len;
    }
    return at;
}

static size_t put_all(const struct sources *s, char *out)
{
    size_t at = sizeof magic - 1;

    if (out != NULL)
        memcpy(out, magic, at);
    for (int i = 0; i < s->n; i++)
        at = put_piece(out, at, i == 0 ? "config" : "module", s->list[i].name, s->list[i].path,
                       s->list[i].text);
    for (int i = 0; i < s->n_overrides; i++)
        at = put_piece(out, at, "set", "", "", s->overrides[i]);
    return at;
}

enum tg_status sources_text(const struct sources *s, char **text, struct tg_error *err)
{
    size_t n = put_all(s, NULL);

    *text = malloc(n + 1);
    if (*text == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes of config text", n);
    put_all(s, *text);
    (*text)[n] = '\0';
    return TG_OK;
}

/* Read the head line of a piece at *at and move behind it; rest: what stands behind the number. */
static bool parse_head(const char **at, char *kind, size_t *n, char *rest, size_t rest_size)
{
    const char *end = strchr(*at, '\n');
    char line[PATH_MAX + 2 * SOURCE_NAME_MAX];
    int used = 0;

    if (end == NULL || (size_t)(end - *at) >= sizeof line)
        return false;
    memcpy(line, *at, (size_t)(end - *at));
    line[end - *at] = '\0';
    if (sscanf(line, "%7[a-z] %7zu%n", kind, n, &used) != 2 || *n > SOURCE_MAX_BYTES)
        return false;
    snprintf(rest, rest_size, "%s", line + used + (line[used] == ' '));
    *at = end + 1;
    return true;
}

static enum tg_status add_piece(struct sources *s, const char *kind, char *rest, const char *text,
                                size_t n, struct tg_error *err)
{
    char *copy = copy_text(text, n), *path = strchr(rest, ' ');
    enum tg_status rc;

    if (copy == NULL)
        return FAIL(err, TG_ENOMEM, "%zu bytes of config text", n);
    if (strcmp(kind, "config") == 0 && s->n == 0)
        return add(s, "", rest, copy, n, err);
    if (strcmp(kind, "module") == 0 && s->n > 0 && path != NULL) {
        *path++ = '\0';
        if (is_module_name(rest))
            return add(s, rest, path, copy, n, err);
    }
    rc = strcmp(kind, "set") == 0 && s->n > 0
             ? sources_add_override(s, copy, err)
             : FAIL(err, TG_EFORMAT, "the kept config has a piece that does not belong: %s", kind);
    free(copy);
    return rc;
}

enum tg_status sources_parse(struct sources *s, const char *text, struct tg_error *err)
{
    char kind[8], rest[PATH_MAX + SOURCE_NAME_MAX];
    const char *at = text + sizeof magic - 1;
    size_t n;

    memset(s, 0, sizeof *s);
    if (strncmp(text, magic, sizeof magic - 1) != 0)
        return FAIL(err, TG_EFORMAT, "not a kept config: it does not begin with \"%.15s\"", magic);
    while (*at != '\0') {
        if (!parse_head(&at, kind, &n, rest, sizeof rest) || strnlen(at, n + 1) < n + 1 ||
            at[n] != '\n')
            return FAIL(err, TG_EFORMAT, "the kept config is damaged at byte %td", at - text);
        TRY(add_piece(s, kind, rest, at, n, err));
        at += n + 1;
    }
    return s->n > 0 ? TG_OK : FAIL(err, TG_EFORMAT, "the kept config is empty");
}

uint64_t sources_hash(const struct sources *s)
{
    uint64_t h = tg_hash(magic, sizeof magic, 0);

    for (int i = 0; i < s->n; i++) {
        h = tg_hash(s->list[i].name, strlen(s->list[i].name) + 1, h);
        h = tg_hash(s->list[i].text, strlen(s->list[i].text) + 1, h);
    }
    for (int i = 0; i < s->n_overrides; i++)
        h = tg_hash(s->overrides[i], strlen(s->overrides[i]) + 1, h);
    return h;
}
