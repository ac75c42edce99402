/* cache.c - the file: a line that says what it is, then for each plan a line "BYTES FUSED KEY" and the
 * plan's text of that many bytes with a newline behind it. */
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/file.h"

static const char magic[] = "tengen cuDNN plans 1\n";
enum { MAX_FILE = 64 << 20, MAX_PATH = 1024, MAX_KEY = 128 };

/* Letters and digits of a device's name. */
static void plain_name(const char *name, char *out, size_t n)
{
    size_t used = 0;

    for (; *name != '\0' && used + 1 < n; name++) {
        bool plain = (*name >= '0' && *name <= '9') || (*name >= 'A' && *name <= 'Z') ||
                     (*name >= 'a' && *name <= 'z');

        if (plain || (used > 0 && out[used - 1] != '-'))
            out[used++] = plain ? *name : '-';
    }
    out[used] = '\0';
}

void plan_cache_open(const char *folder, const char *device, int compute, size_t cudnn_version,
                     struct plan_cache *c)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char dir[MAX_PATH], name[80];
    struct tg_error ignored;

    memset(c, 0, sizeof *c);
    if (folder != NULL && folder[0] != '\0')
        snprintf(dir, sizeof dir, "%s", folder);
    else if (xdg != NULL && xdg[0] != '\0')
        snprintf(dir, sizeof dir, "%s/tengen", xdg);
    else if (home != NULL && home[0] != '\0')
        snprintf(dir, sizeof dir, "%s/.cache/tengen", home);
    else
        return;
    if (tg_mkdirs(dir, &ignored) != TG_OK)
        return;
    plain_name(device, name, sizeof name);
    c->path = malloc(MAX_PATH + 128);
    if (c->path == NULL)
        return;
    snprintf(c->path, MAX_PATH + 128, "%s/plans-%s-sm%d-cudnn%zu", dir, name, compute, cudnn_version);
    plan_cache_refresh(c);
}

void plan_cache_close(struct plan_cache *c)
{
    for (int i = 0; i < c->n; i++) {
        free(c->entries[i].key);
        free(c->entries[i].json);
    }
    free(c->entries);
    free(c->path);
    memset(c, 0, sizeof *c);
}

const struct plan_cache_entry *plan_cache_find(const struct plan_cache *c, const char *key)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].key, key) == 0)
            return &c->entries[i];
    return NULL;
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

/* Add or replace. */
static enum tg_status keep(struct plan_cache *c, const char *key, bool fused, const char *json, size_t n,
                           struct tg_error *err)
{
    char *text = copy_text(json, n);
    int i = 0;

    if (text == NULL)
        return FAIL(err, TG_ENOMEM, "a plan of %zu bytes", n);
    while (i < c->n && strcmp(c->entries[i].key, key) != 0)
        i++;
    if (i == c->cap) {
        int cap = 2 * c->cap + 16;
        struct plan_cache_entry *grown = realloc(c->entries, (size_t)cap * sizeof *grown);

        if (grown == NULL) {
            free(text);
            return FAIL(err, TG_ENOMEM, "a table of %d plans", cap);
        }
        c->entries = grown;
        c->cap = cap;
    }
    if (i == c->n) {
        c->entries[i] = (struct plan_cache_entry){.key = copy_text(key, strlen(key))};
        if (c->entries[i].key == NULL) {
            free(text);
            return FAIL(err, TG_ENOMEM, "the name of a plan");
        }
        c->n++;
    }
    free(c->entries[i].json);
    c->entries[i].json = text;
    c->entries[i].fused = fused;
    return TG_OK;
}

/* One plan at *at, which moves behind it; false where the file is not as it should be. */
static bool read_one(struct plan_cache *c, const char *data, size_t n, size_t *at)
{
    const char *line = data + *at, *end = memchr(line, '\n', n - *at);
    char key[MAX_KEY];
    size_t bytes;
    int fused, used = 0;
    struct tg_error ignored;

    if (end == NULL || sscanf(line, "%zu %d %n", &bytes, &fused, &used) != 2 || used == 0 ||
        line + used >= end || (size_t)(end - line - used) >= sizeof key)
        return false;
    memcpy(key, line + used, (size_t)(end - line - used));
    key[end - line - used] = '\0';
    *at = (size_t)(end + 1 - data);
    if (bytes >= n - *at || data[*at + bytes] != '\n')
        return false;
    if (keep(c, key, fused != 0, data + *at, bytes, &ignored) != TG_OK)
        return false;
    *at += bytes + 1;
    return true;
}

void plan_cache_refresh(struct plan_cache *c)
{
    char *data = NULL;
    size_t n = 0, at = sizeof magic - 1;
    struct tg_error ignored;

    if (c->path == NULL || tg_file_read(c->path, MAX_FILE, &data, &n, &ignored) != TG_OK)
        return;
    if (n >= at && memcmp(data, magic, at) == 0)
        while (at < n && read_one(c, data, n, &at))
            continue;
    free(data);
}

static enum tg_status write_all(const struct plan_cache *c, struct tg_error *err)
{
    size_t n = sizeof magic - 1, at = 0;
    char mine[MAX_PATH + 256], host[65] = "";
    enum tg_status rc;

    for (int i = 0; i < c->n; i++)
        n += strlen(c->entries[i].key) + strlen(c->entries[i].json) + 40;
    char *data = malloc(n + 1);

    if (data == NULL)
        return FAIL(err, TG_ENOMEM, "plans of %zu bytes", n);
    at += (size_t)snprintf(data, n + 1, "%s", magic);
    for (int i = 0; i < c->n; i++) {
        const struct plan_cache_entry *e = &c->entries[i];

        at += (size_t)snprintf(data + at, n + 1 - at, "%zu %d %s\n%s\n", strlen(e->json), e->fused, e->key,
                               e->json);
    }
    gethostname(host, sizeof host - 1);
    snprintf(mine, sizeof mine, "%s.%s.%ld", c->path, host, (long)getpid()); /* others write theirs */
    rc = tg_file_replace(mine, data, at, err);
    free(data);
    TRY(rc);
    return tg_file_rename(mine, c->path, err);
}

enum tg_status plan_cache_put(struct plan_cache *c, const char *key, bool fused, const char *json,
                              struct tg_error *err)
{
    plan_cache_refresh(c);
    TRY(keep(c, key, fused, json, strlen(json), err));
    return c->path != NULL ? write_all(c, err) : TG_OK;
}
