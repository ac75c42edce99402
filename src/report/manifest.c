/* manifest.c - a manifest in memory. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manifest_text.h"

enum tg_status manifest_init(struct manifest *m, const char *name, uint64_t seed,
                             struct tg_error *err)
{
    time_t now = time(NULL);
    struct tm utc;

    memset(m, 0, sizeof *m);
    if (gmtime_r(&now, &utc) == NULL)
        return FAIL(err, TG_EIO, "the system's clock shows %lld", (long long)now);
    snprintf(m->name, sizeof m->name, "%s", name);
    snprintf(m->status, sizeof m->status, "running");
    strftime(m->created, sizeof m->created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    m->seed = seed;
    m->checkpoint = -1;
    m->open.iteration = -1;
    return TG_OK;
}

void manifest_close(struct manifest *m)
{
    for (int64_t i = 0; i < m->n_configs; i++)
        free(m->configs[i].text);
    for (int64_t i = 0; i < m->n_changes; i++)
        free(m->changes[i].json);
    free(m->shards);
    free(m->nets);
    free(m->matches);
    free(m->configs);
    free(m->changes);
    free(m->roles);
    free(m->quarantined);
    memset(m, 0, sizeof *m);
}

void *manifest_grow(void *items, int64_t n, size_t bytes)
{
    /* The room is a power of two: it is used up exactly when n reaches one. */
    if (n > 0 && (n & (n - 1)) != 0)
        return items;
    return realloc(items, (n == 0 ? 1 : 2 * (size_t)n) * bytes);
}

/* Append a copy of *item to a list; `what` names it in the error. */
#define APPEND(list, count, item, what)                                                            \
    do {                                                                                           \
        void *grown_ = manifest_grow((list), (count), sizeof *(list));                             \
        if (grown_ == NULL)                                                                        \
            return FAIL(err, TG_ENOMEM, "manifest: %lld %s", (long long)(count) + 1, (what));      \
        (list) = grown_;                                                                           \
        (list)[(count)++] = (item);                                                                \
    } while (0)

enum tg_status manifest_add_shard(struct manifest *m, const struct replay_shard_info *s,
                                  struct tg_error *err)
{
    APPEND(m->shards, m->n_shards, *s, "shards");
    return TG_OK;
}

enum tg_status manifest_add_net(struct manifest *m, const struct manifest_net *n,
                                struct tg_error *err)
{
    APPEND(m->nets, m->n_nets, *n, "networks");
    return TG_OK;
}

enum tg_status manifest_add_match(struct manifest *m, const struct manifest_match *r,
                                  struct tg_error *err)
{
    APPEND(m->matches, m->n_matches, *r, "matches");
    return TG_OK;
}

static enum tg_status copy_text(const char *text, char **copy, struct tg_error *err)
{
    *copy = strdup(text);
    return *copy != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "manifest: %zu bytes", strlen(text));
}

enum tg_status manifest_add_config(struct manifest *m, int64_t iteration, uint64_t hash,
                                   const char *text, struct tg_error *err)
{
    struct manifest_config c = {.iteration = iteration, .hash = hash};
    void *grown = manifest_grow(m->configs, m->n_configs, sizeof c);

    if (grown == NULL)
        return FAIL(err, TG_ENOMEM, "manifest: %lld configs", (long long)m->n_configs + 1);
    m->configs = grown;
    TRY(copy_text(text, &c.text, err));
    m->configs[m->n_configs++] = c;
    return TG_OK;
}

enum tg_status manifest_add_change(struct manifest *m, int64_t iteration, const char *json,
                                   struct tg_error *err)
{
    struct manifest_change c = {.iteration = iteration};
    void *grown = manifest_grow(m->changes, m->n_changes, sizeof c);

    if (grown == NULL)
        return FAIL(err, TG_ENOMEM, "manifest: %lld changes", (long long)m->n_changes + 1);
    m->changes = grown;
    TRY(copy_text(json, &c.json, err));
    m->changes[m->n_changes++] = c;
    return TG_OK;
}

enum tg_status manifest_add_roles(struct manifest *m, const struct manifest_roles *r, struct tg_error *err)
{
    APPEND(m->roles, m->n_roles, *r, "changes of roles");
    return TG_OK;
}

enum tg_status manifest_add_quarantine(struct manifest *m, const char *file, const char *reason,
                                       int64_t iteration, struct tg_error *err)
{
    struct manifest_quarantine q = {.iteration = iteration};

    snprintf(q.file, sizeof q.file, "%s", file);
    snprintf(q.reason, sizeof q.reason, "%s", reason);
    APPEND(m->quarantined, m->n_quarantined, q, "files set aside");
    return TG_OK;
}
