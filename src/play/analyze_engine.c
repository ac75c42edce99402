/* analyze_engine.c - lines: queries and the special actions. */
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"

void analyze_defaults(struct analyze_options *o)
{
    *o = (struct analyze_options){.backend = "cpu", .threads = 2, .visits = 500, .sec = -1.0,
                                  .pv_moves = 15, .cache_bytes = (size_t)256 << 20,
                                  .tree_bytes = (size_t)2 << 30, .version = "unknown",
                                  .commit = "<omitted>"};
    search_default_settings(&o->settings);
    o->settings.score_weight = 0.2f;
}

/* ---- actions -------------------------------------------------------------------------------------------- */

static void query_version(struct analyzer *a, const char *id, cJSON *json)
{
    (void)id;
    cJSON_AddStringToObject(json, "version", a->o.version);
    cJSON_AddStringToObject(json, "git_hash", a->o.commit);
    answer_json(a, json);
}

static void query_models(struct analyzer *a, const char *id, cJSON *json)
{
    cJSON *models = cJSON_AddArrayToObject(json, "models"), *model = cJSON_CreateObject();

    (void)id;
    cJSON_AddStringToObject(model, "name", a->o.net);
    cJSON_AddStringToObject(model, "internalName", a->model.name);
    cJSON_AddNumberToObject(model, "maxBatchSize", a->batch);
    cJSON_AddBoolToObject(model, "usesHumanSLProfile", false);
    cJSON_AddNumberToObject(model, "version", a->model.arch.source_version);
    cJSON_AddStringToObject(model, "usingFP16", "false");
    cJSON_AddItemToArray(models, model);
    answer_json(a, json);
}

static void clear_cache(struct analyzer *a, const char *id, cJSON *json)
{
    (void)id;
    cache_clear(a->cache);
    atomic_fetch_add(&a->symmetries, 1); /* a fresh look */
    answer_json(a, json);
}

static bool read_turns(struct analyzer *a, const char *id, const cJSON *json, int **turns, int *n)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(json, "turnNumbers"), *item;

    *turns = NULL;
    *n = -1;
    if (array == NULL)
        return true;
    bool good = cJSON_IsArray(array);
    cJSON_ArrayForEach(item, array) good = good && cJSON_IsNumber(item);
    *turns = good ? malloc(((size_t)cJSON_GetArraySize(array) + 1) * sizeof **turns) : NULL;
    if (*turns == NULL) {
        answer_error(a, id, "turnNumbers",
                     "If provided, must be an array of integers indicating turns to terminate");
        return false;
    }
    *n = 0;
    cJSON_ArrayForEach(item, array)(*turns)[(*n)++] = item->valueint;
    return true;
}

static void end_searches(struct analyzer *a, const char *id, cJSON *json, const char *which)
{
    int *turns, n;

    if (!read_turns(a, id, json, &turns, &n))
        return;
    pool_terminate(a, which, turns, n);
    free(turns);
    answer_json(a, json);
}

static void terminate(struct analyzer *a, const char *id, cJSON *json)
{
    const char *which = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "terminateId"));

    if (which == NULL)
        answer_error(a, id, "terminateId",
                     "Requests for a terminate action must have a string \"terminateId\" field");
    else
        end_searches(a, id, json, which);
}

static void terminate_all(struct analyzer *a, const char *id, cJSON *json)
{
    end_searches(a, id, json, NULL);
}

static const struct action {
    const char *name;
    void (*run)(struct analyzer *a, const char *id, cJSON *json);
} actions[] = {
    {"query_version", query_version}, {"query_models", query_models}, {"clear_cache", clear_cache},
    {"terminate", terminate},         {"terminate_all", terminate_all},
};

static void run_action(struct analyzer *a, const char *id, cJSON *json, const char *name)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0) {
            actions[i].run(a, id, json);
            return;
        }
    answer_error(a, id, "action", "Must be query_version, query_models, clear_cache, terminate or "
                                  "terminate_all");
}

/* ---- lines ---------------------------------------------------------------------------------------------- */

/* Text that may be sent back: UTF-8 without control characters but spaces. */
static bool is_text(const char *line, size_t n)
{
    const unsigned char *s = (const unsigned char *)line;

    for (size_t i = 0; i < n;) {
        unsigned char c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : 3;

        if ((c < 0x20 && c != '\t' && c != '\r') || (c >= 0x80 && c < 0xC2) || c > 0xF4 || i + more >= n + (more == 0))
            return false;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xC0) != 0x80)
                return false;
        if ((c == 0xE0 && s[i + 1] < 0xA0) || (c == 0xED && s[i + 1] > 0x9F) ||
            (c == 0xF0 && s[i + 1] < 0x90) || (c == 0xF4 && s[i + 1] > 0x8F))
            return false;
        i += 1 + more;
    }
    return true;
}

static void take_object(struct analyzer *a, cJSON *json)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "id"));
    const char *action = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "action"));
    struct query *q;

    if (id == NULL)
        answer_error(a, NULL, NULL, "Request must have a string \"id\" field");
    else if (action != NULL)
        run_action(a, id, json, action);
    else if ((q = query_read(a, id, json)) != NULL && !pool_add(a, q))
        answer_error(a, id, NULL, "Too many positions are waiting, or out of memory");
}

void analyze_line(struct analyzer *a, const char *line, size_t n)
{
    const char *end = NULL;

    while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
        n--;
    if (n == 0)
        return;
    if (n > ANALYZE_MAX_LINE) {
        analyze_refuse_line(a);
        return;
    }
    cJSON *json = is_text(line, n) ? cJSON_ParseWithLengthOpts(line, n, &end, false) : NULL;

    if (json != NULL)
        while (end < line + n && (*end == ' ' || *end == '\t'))
            end++;
    if (json == NULL || end != line + n)
        answer_error(a, NULL, NULL, "Could not parse input line as a JSON request");
    else if (!cJSON_IsObject(json))
        answer_error(a, NULL, NULL, "Request line was valid JSON but was not an object");
    else
        take_object(a, json);
    cJSON_Delete(json);
}

void analyze_refuse_line(struct analyzer *a)
{
    answer_error(a, NULL, NULL, "Request line is longer than %d bytes", ANALYZE_MAX_LINE);
}

void analyze_finish(struct analyzer *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->n_active > 0 || a->n_waiting > 0)
        pthread_cond_wait(&a->idle, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

/* ---- open and close ---------------------------------------------------------------------------------------- */

enum tg_status analyze_open(const struct analyze_options *o, struct tg_log *log, FILE *out,
                            struct analyzer **analyzer, struct tg_error *err)
{
    struct analyzer *a = calloc(1, sizeof *a);
    enum tg_status rc = TG_OK;

    *analyzer = NULL;
    if (a == NULL)
        return FAIL(err, TG_ENOMEM, "an analyzer");
    a->o = *o;
    a->log = log;
    a->out = out;
    pthread_mutex_init(&a->out_lock, NULL);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    pthread_cond_init(&a->idle, NULL);
    a->cache = cache_open(o->cache_bytes);
    if (a->cache == NULL) {
        rc = FAIL(err, TG_ENOMEM, "a cache of %zu bytes", o->cache_bytes);
        goto out;
    }
    if (o->net == NULL) {
        rc = FAIL(err, TG_EINVAL, "a network is wanted: --net FILE");
        goto out;
    }
    TRY_OUT(nn_backend_find(o->backend, &a->backend, err));
    TRY_OUT(nn_model_load(o->net, &a->model, log, err));
    if (a->model.game == GAME_GO)
        a->o.settings.proven = false; /* two passes end a game of people only when they agree */
    a->o.settings.reuse_tree = false;
    TRY_OUT(pool_open(a, err));
    *analyzer = a;
    return TG_OK;
out:
    analyze_close(a);
    return rc;
}

void analyze_close(struct analyzer *a)
{
    if (a == NULL)
        return;
    pool_close(a);
    cache_close(a->cache);
    nn_model_close(&a->model);
    pthread_cond_destroy(&a->changed);
    pthread_cond_destroy(&a->idle);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->out_lock);
    free(a);
}
