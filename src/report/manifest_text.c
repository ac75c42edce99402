/* manifest_text.c - struct manifest <-> JSON, driven by tables of its fields.
 *
 * Hashes and seeds are strings of 16 hexadecimal digits, since a JSON number holds 53 bits; all other
 * whole numbers are counts far below 2^53. A number that is not finite is null. */
#include "manifest_text.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tengen/hash.h"

enum kind { TEXT, OWNED_TEXT, INT, I32, I64, COUNT, HASH, F64, BOOL };

struct field { const char *name; enum kind kind; size_t offset, bytes; };

#define FIELD(type, kind, member, name)                                                            \
    {name, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member)}

static const struct field shard_fields[] = {
    FIELD(replay_shard_info, TEXT, name, "name"),
    FIELD(replay_shard_info, I64, number, "number"),
    FIELD(replay_shard_info, I64, iteration, "iteration"),
    FIELD(replay_shard_info, I64, n_rows, "rows"),
    FIELD(replay_shard_info, I64, n_games, "games"),
    FIELD(replay_shard_info, I64, n_moves, "moves"),
    FIELD(replay_shard_info, COUNT, n_bytes, "bytes"),
    FIELD(replay_shard_info, HASH, hash, "hash"),
};
static const struct field net_fields[] = {
    FIELD(manifest_net, I32, number, "number"),
    FIELD(manifest_net, I64, iteration, "iteration"),
    FIELD(manifest_net, I64, step, "step"),
    FIELD(manifest_net, I64, n_rows, "rows"),
    FIELD(manifest_net, HASH, hash, "hash"),
    FIELD(manifest_net, BOOL, champion, "champion"),
};
static const struct field match_fields[] = {
    FIELD(manifest_match, I64, iteration, "iteration"),
    FIELD(manifest_match, I32, a, "a"),
    FIELD(manifest_match, I32, b, "b"),
    FIELD(manifest_match, INT, result.games, "games"),
    FIELD(manifest_match, INT, result.wins, "wins"),
    FIELD(manifest_match, INT, result.losses, "losses"),
    FIELD(manifest_match, INT, result.draws, "draws"),
    FIELD(manifest_match, INT, result.wins_black, "wins_black"),
    FIELD(manifest_match, INT, result.games_black, "games_black"),
    FIELD(manifest_match, F64, result.score, "score"),
    FIELD(manifest_match, F64, result.elo, "match_elo"),
    FIELD(manifest_match, F64, result.elo_stderr, "match_elo_stderr"),
    FIELD(manifest_match, INT, result.distinct_games, "distinct_games"),
    FIELD(manifest_match, F64, result.plies, "plies"),
    FIELD(manifest_match, F64, result.blunder_rate[0], "blunder_rate_a"),
    FIELD(manifest_match, F64, result.blunder_rate[1], "blunder_rate_b"),
    FIELD(manifest_match, TEXT, decision, "decision"),
    FIELD(manifest_match, F64, llr, "llr"),
    FIELD(manifest_match, F64, elo, "elo"),
    FIELD(manifest_match, F64, elo_stderr, "elo_stderr"),
};
static const struct field config_fields[] = {
    FIELD(manifest_config, I64, iteration, "iteration"),
    FIELD(manifest_config, HASH, hash, "hash"),
    FIELD(manifest_config, OWNED_TEXT, text, "text"),
};
static const struct field change_fields[] = {
    FIELD(manifest_change, I64, iteration, "iteration"),
    FIELD(manifest_change, OWNED_TEXT, json, "changes"),
};
static const struct field roles_fields[] = {
    FIELD(manifest_roles, I64, iteration, "iteration"),
    FIELD(manifest_roles, INT, ranks, "ranks"),
    FIELD(manifest_roles, INT, trainers, "trainers"),
    FIELD(manifest_roles, TEXT, configured, "configured"),
    FIELD(manifest_roles, TEXT, reason, "reason"),
};
static const struct field quarantine_fields[] = {
    FIELD(manifest_quarantine, TEXT, file, "file"),
    FIELD(manifest_quarantine, TEXT, reason, "reason"),
    FIELD(manifest_quarantine, I64, iteration, "iteration"),
};
static const struct field fields[] = {
    FIELD(manifest, TEXT, name, "name"),
    FIELD(manifest, TEXT, build, "build"),
    FIELD(manifest, TEXT, created, "created"),
    FIELD(manifest, TEXT, status, "status"),
    FIELD(manifest, HASH, seed, "seed"),
    FIELD(manifest, TEXT, game, "game"),
    FIELD(manifest, TEXT, net, "net"),
    FIELD(manifest, I64, iterations, "iterations"),
    FIELD(manifest, I64, n_rows, "rows"),
    FIELD(manifest, I64, n_games, "games"),
    FIELD(manifest, I64, n_plies, "plies"),
    FIELD(manifest, I64, n_steps, "steps"),
    FIELD(manifest, I64, n_skipped, "skipped_steps"),
    FIELD(manifest, I64, checkpoint, "checkpoint"),
    FIELD(manifest, HASH, checkpoint_hash, "checkpoint_hash"),
    FIELD(manifest, I32, champion, "champion"),
    FIELD(manifest, I32, latest, "latest"),
    FIELD(manifest, I32, baseline, "baseline"),
    FIELD(manifest, I64, next_game, "next_game"),
    FIELD(manifest, I64, n_trained, "trained_shards"),
    FIELD(manifest, TEXT, stop_reason, "stop_reason"),
    FIELD(manifest, I64, open.iteration, "open_iteration"),
    FIELD(manifest, I64, open.n_flying, "open_games"),
    FIELD(manifest, HASH, open.checkpoint_hash, "open_checkpoint_hash"),
    FIELD(manifest, I64, open.n_shards, "open_shards"),
    FIELD(manifest, BOOL, open.appended, "open_shard_in_window"),
    FIELD(manifest, TEXT, open.shard.name, "open_shard"),
    FIELD(manifest, I64, open.shard.number, "open_shard_number"),
    FIELD(manifest, I64, open.shard.iteration, "open_shard_iteration"),
    FIELD(manifest, I64, open.shard.n_rows, "open_shard_rows"),
    FIELD(manifest, I64, open.shard.n_games, "open_shard_games"),
    FIELD(manifest, I64, open.shard.n_moves, "open_shard_moves"),
    FIELD(manifest, COUNT, open.shard.n_bytes, "open_shard_bytes"),
    FIELD(manifest, HASH, open.shard.hash, "open_shard_hash"),
    FIELD(manifest, F64, elapsed_sec, "elapsed_sec"),
    FIELD(manifest, F64, selfplay_sec, "selfplay_sec"),
    FIELD(manifest, F64, train_sec, "train_sec"),
    FIELD(manifest, F64, match_sec, "match_sec"),
    FIELD(manifest, TEXT, hardware, "hardware"),
};

enum { N_FIELDS = sizeof fields / sizeof *fields };

#define LIST(name, member, count, table, may_lack)                                                 \
    {name, may_lack, offsetof(struct manifest, member), offsetof(struct manifest, count),                    \
     sizeof *((struct manifest *)0)->member, table, sizeof table / sizeof *table}

static const struct list {
    const char *name;
    bool may_lack;               /* older runs have none */
    size_t items, count, item_bytes;
    const struct field *fields;
    size_t n_fields;
} lists[] = {
    LIST("configs", configs, n_configs, config_fields, false),
    LIST("changes", changes, n_changes, change_fields, false),
    LIST("shards", shards, n_shards, shard_fields, false),
    LIST("nets", nets, n_nets, net_fields, false),
    LIST("matches", matches, n_matches, match_fields, false),
    LIST("roles", roles, n_roles, roles_fields, true),
    LIST("quarantined", quarantined, n_quarantined, quarantine_fields, false),
};

enum { N_LISTS = sizeof lists / sizeof *lists, VERSION = 1 };

static const char head[] = "{\n\"checksum\": \"";
enum { HEAD_BYTES = sizeof head - 1, SUM_DIGITS = 16, BODY_AT = HEAD_BYTES + SUM_DIGITS + 3 };

/* ---- writing ------------------------------------------------------------------------------------ */

static void put_field(FILE *out, const struct field *f, const void *object)
{
    const char *at = (const char *)object + f->offset;

    fprintf(out, "\"%s\": ", f->name);
    switch (f->kind) {
    case TEXT: report_json_text(out, at); break;
    case OWNED_TEXT: report_json_text(out, *(char *const *)(const void *)at); break;
    case INT: fprintf(out, "%d", *(const int *)(const void *)at); break;
    case I32: fprintf(out, "%" PRId32, *(const int32_t *)(const void *)at); break;
    case I64: fprintf(out, "%" PRId64, *(const int64_t *)(const void *)at); break;
    case COUNT: fprintf(out, "%" PRIu64, *(const uint64_t *)(const void *)at); break;
    case HASH: fprintf(out, "\"%016" PRIx64 "\"", *(const uint64_t *)(const void *)at); break;
    case F64: report_json_number(out, *(const double *)(const void *)at, 17); break;
    case BOOL: fputs(*(const bool *)(const void *)at ? "true" : "false", out); break;
    }
}

/* The list's array; the pointer to it has a type of its own, so it is copied as bytes. */
static void *list_items(const struct list *l, const struct manifest *m)
{
    void *items;

    memcpy(&items, (const char *)m + l->items, sizeof items);
    return items;
}

/* An item a line, so that two manifests can be compared with diff. */
static void put_list(FILE *out, const struct list *l, const struct manifest *m)
{
    const char *items = list_items(l, m);
    int64_t n = *(const int64_t *)(const void *)((const char *)m + l->count);

    fprintf(out, "\"%s\": [", l->name);
    for (int64_t i = 0; i < n; i++) {
        fputs(i == 0 ? "\n  {" : ",\n  {", out);
        for (size_t k = 0; k < l->n_fields; k++) {
            fputs(k == 0 ? "" : ", ", out);
            put_field(out, &l->fields[k], items + (size_t)i * l->item_bytes);
        }
        fputc('}', out);
    }
    fputc(']', out);
}

enum tg_status manifest_to_text(const struct manifest *m, char **text, size_t *n,
                                struct tg_error *err)
{
    FILE *out;
    char sum[SUM_DIGITS + 1];

    *text = NULL;
    out = open_memstream(text, n);
    if (out == NULL)
        return FAIL(err, TG_ENOMEM, "manifest: %s", strerror(errno));
    fprintf(out, "%s%016d\",\n\"format\": \"tengen-manifest\",\n\"version\": %d", head, 0, VERSION);
    for (size_t i = 0; i < N_FIELDS; i++) {
        fputs(",\n", out);
        put_field(out, &fields[i], m);
    }
    for (size_t i = 0; i < N_LISTS; i++) {
        fputs(",\n", out);
        put_list(out, &lists[i], m);
    }
    fputs("\n}\n", out);
    int bad = ferror(out);
    if (fclose(out) != 0 || bad || *text == NULL) {
        free(*text);
        *text = NULL;
        return FAIL(err, TG_ENOMEM, "manifest of %" PRId64 " shards", m->n_shards);
    }
    snprintf(sum, sizeof sum, "%016" PRIx64, tg_hash(*text + BODY_AT, *n - BODY_AT, 0));
    memcpy(*text + HEAD_BYTES, sum, SUM_DIGITS);
    return TG_OK;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static bool get_int(const cJSON *item, double min, double max, int64_t *x)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max)
        || item->valuedouble != floor(item->valuedouble))
        return false;
    *x = (int64_t)item->valuedouble;
    return true;
}

static bool get_hash(const cJSON *item, uint64_t *x)
{
    char *end;

    if (!cJSON_IsString(item) || strlen(item->valuestring) != 16
        || strspn(item->valuestring, "0123456789abcdef") != 16)
        return false;
    *x = strtoull(item->valuestring, &end, 16);
    return *end == '\0';
}

/* False: the value has not the kind that f wants, or does not fit. */
static bool get_field(const struct field *f, const cJSON *item, void *object)
{
    char *at = (char *)object + f->offset;
    const double exact = 9007199254740992.0; /* 2^53 */
    int64_t x;

    switch (f->kind) {
    case TEXT:
        if (!cJSON_IsString(item) || strlen(item->valuestring) >= f->bytes)
            return false;
        strcpy(at, item->valuestring);
        return true;
    case OWNED_TEXT:
        return cJSON_IsString(item)
               && (*(char **)(void *)at = strdup(item->valuestring)) != NULL;
    case INT:
        if (!get_int(item, INT32_MIN, INT32_MAX, &x))
            return false;
        *(int *)(void *)at = (int)x;
        return true;
    case I32:
        if (!get_int(item, INT32_MIN, INT32_MAX, &x))
            return false;
        *(int32_t *)(void *)at = (int32_t)x;
        return true;
    case I64: return get_int(item, -exact, exact, (int64_t *)(void *)at);
    case COUNT:
        if (!get_int(item, 0, exact, &x))
            return false;
        *(uint64_t *)(void *)at = (uint64_t)x;
        return true;
    case HASH: return get_hash(item, (uint64_t *)(void *)at);
    case F64:
        *(double *)(void *)at = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
        return cJSON_IsNumber(item) || cJSON_IsNull(item);
    case BOOL:
        *(bool *)(void *)at = cJSON_IsTrue(item);
        return cJSON_IsBool(item);
    }
    return false;
}

static enum tg_status get_fields(const struct field *table, size_t n, const cJSON *json,
                                 const char *where, void *object, struct tg_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, table[i].name);

        if (item == NULL)
            return FAIL(err, TG_EFORMAT, "%s: \"%s\" is missing", where, table[i].name);
        if (!get_field(&table[i], item, object))
            return FAIL(err, TG_EFORMAT, "%s: the value of \"%s\" is of the wrong kind, or too large",
                        where, table[i].name);
    }
    return TG_OK;
}

static enum tg_status get_list(const struct list *l, const cJSON *json, struct manifest *m,
                               struct tg_error *err)
{
    char where[48];
    int64_t *n = (void *)((char *)m + l->count);
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(json, l->name), *item;

    if (array == NULL && l->may_lack)
        return TG_OK;
    if (!cJSON_IsArray(array))
        return FAIL(err, TG_EFORMAT, "the list \"%s\" is missing", l->name);
    cJSON_ArrayForEach(item, array) {
        char *items = manifest_grow(list_items(l, m), *n, l->item_bytes);
        char *object = items + (size_t)*n * l->item_bytes;

        if (items == NULL)
            return FAIL(err, TG_ENOMEM, "%" PRId64 " %s", *n + 1, l->name);
        memcpy((char *)m + l->items, &(void *){items}, sizeof(void *));
        memset(object, 0, l->item_bytes);
        snprintf(where, sizeof where, "%s[%" PRId64 "]", l->name, *n);
        (*n)++; /* counted first: manifest_close frees what it owns so far */
        TRY(get_fields(l->fields, l->n_fields, item, where, object, err));
    }
    return TG_OK;
}

static bool is_net(const struct manifest *m, int32_t number)
{
    return number >= 0 && (number < m->n_nets || number == 0);
}

/* What the numbers must agree on for nobody to index out of a list. */
static enum tg_status check(const struct manifest *m, struct tg_error *err)
{
    if (m->iterations < 0 || m->n_rows < 0 || m->n_games < 0 || m->n_plies < 0 || m->n_steps < 0)
        return FAIL(err, TG_EFORMAT, "a count is negative");
    if (!is_net(m, m->champion) || !is_net(m, m->latest) || !is_net(m, m->baseline))
        return FAIL(err, TG_EFORMAT, "champion %d, latest %d or baseline %d is none of the %" PRId64
                    " networks", m->champion, m->latest, m->baseline, m->n_nets);
    for (int64_t i = 0; i < m->n_nets; i++)
        if (m->nets[i].number != i)
            return FAIL(err, TG_EFORMAT, "nets[%" PRId64 "] has number %d", i, m->nets[i].number);
    for (int64_t i = 0; i < m->n_matches; i++)
        if (m->matches[i].a < -1 || m->matches[i].a >= m->n_nets || m->matches[i].b < -1
            || m->matches[i].b >= m->n_nets)
            return FAIL(err, TG_EFORMAT, "matches[%" PRId64 "]: no such networks: %d, %d", i,
                        m->matches[i].a, m->matches[i].b);
    for (int64_t i = 0; i < m->n_shards; i++)
        if (strchr(m->shards[i].name, '/') != NULL || m->shards[i].n_rows < 0
            || m->shards[i].n_games < 0 || m->shards[i].n_moves < 0)
            return FAIL(err, TG_EFORMAT, "shards[%" PRId64 "]: a negative count or a name with /", i);
    return TG_OK;
}

static enum tg_status from_json(const cJSON *json, struct manifest *m, struct tg_error *err)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(json, "format");
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "version");
    enum tg_status rc;

    if (!cJSON_IsString(format) || strcmp(format->valuestring, "tengen-manifest") != 0)
        return FAIL(err, TG_EFORMAT, "not a Tengen manifest");
    if (!cJSON_IsNumber(version) || version->valueint != VERSION)
        return FAIL(err, TG_EFORMAT, "version %d of the format; this Tengen reads version %d",
                    cJSON_IsNumber(version) ? version->valueint : -1, VERSION);
    rc = get_fields(fields, N_FIELDS, json, "manifest", m, err);
    for (size_t i = 0; i < N_LISTS && rc == TG_OK; i++)
        rc = get_list(&lists[i], json, m, err);
    return rc == TG_OK ? check(m, err) : rc;
}

static enum tg_status check_sum(const char *text, size_t n, struct tg_error *err)
{
    char sum[SUM_DIGITS + 1];

    if (n <= BODY_AT || memcmp(text, head, HEAD_BYTES) != 0
        || memcmp(text + HEAD_BYTES + SUM_DIGITS, "\",\n", 3) != 0)
        return FAIL(err, TG_EFORMAT, "no checksum at its start (%zu bytes in all)", n);
    snprintf(sum, sizeof sum, "%016" PRIx64, tg_hash(text + BODY_AT, n - BODY_AT, 0));
    if (memcmp(text + HEAD_BYTES, sum, SUM_DIGITS) != 0)
        return FAIL(err, TG_EFORMAT, "checksum mismatch (%.16s said, %s found): damaged, cut short or "
                    "edited", text + HEAD_BYTES, sum);
    return TG_OK;
}

enum tg_status manifest_from_text(const char *text, size_t n, struct manifest *m,
                                  struct tg_error *err)
{
    cJSON *json;
    enum tg_status rc;

    memset(m, 0, sizeof *m);
    TRY(check_sum(text, n, err));
    TRY(json_check(text, n, err));
    json = cJSON_ParseWithLength(text, n);
    if (json == NULL)
        return FAIL(err, TG_EFORMAT, "not JSON");
    rc = from_json(json, m, err);
    cJSON_Delete(json);
    if (rc != TG_OK)
        manifest_close(m);
    return rc;
}
