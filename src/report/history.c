/* history.c - log.jsonl read back: one series a tag. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "tengen/file.h"
#include "tengen/report.h"

static const size_t max_bytes = (size_t)16 << 30; /* an iteration has some 2 KB */
enum { MAX_LINE = 1 << 16, MAX_SERIES = 256 };

/* The series of a tag, made if it is new. NULL: there are too many, or no memory. guess: where it was
 * in the line before. */
static struct report_series *series_of(struct report_history *h, const char *tag, size_t guess)
{
    struct report_series *s;

    if (guess < h->n_series && strcmp(h->series[guess].tag, tag) == 0)
        return &h->series[guess];
    for (size_t i = 0; i < h->n_series; i++)
        if (strcmp(h->series[i].tag, tag) == 0)
            return &h->series[i];
    if (h->n_series == MAX_SERIES || strlen(tag) >= sizeof s->tag)
        return NULL;
    s = realloc(h->series, (h->n_series + 1) * sizeof *s);
    if (s == NULL)
        return NULL;
    h->series = s;
    s += h->n_series++;
    memset(s, 0, sizeof *s);
    strcpy(s->tag, tag);
    return s;
}

static bool append(struct report_series *s, int64_t step, double value)
{
    while (s->n > 0 && s->steps[s->n - 1] >= step) /* done again after a manifest was restored */
        s->n--;
    if (s->n == 0 || (s->n & (s->n - 1)) == 0) {   /* the room is a power of two */
        size_t room = s->n == 0 ? 1 : 2 * s->n;
        void *steps = realloc(s->steps, room * sizeof *s->steps), *values;

        if (steps == NULL)
            return false;
        s->steps = steps;
        values = realloc(s->values, room * sizeof *s->values);
        if (values == NULL)
            return false;
        s->values = values;
    }
    s->steps[s->n] = step;
    s->values[s->n++] = value;
    return true;
}

static bool take_scalars(struct report_history *h, const cJSON *line)
{
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(line, "step"), *item;
    size_t guess = 0;

    if (!cJSON_IsNumber(step) || fabs(step->valuedouble) > 9e15)
        return true;
    cJSON_ArrayForEach(item, line) {
        struct report_series *s;

        if (!cJSON_IsNumber(item) || strcmp(item->string, "time") == 0 || item == step)
            continue;
        s = series_of(h, item->string, guess);
        if (s == NULL)
            continue;
        guess = (size_t)(s - h->series) + 1;
        if (!append(s, (int64_t)step->valuedouble, item->valuedouble))
            return false;
    }
    return true;
}

static enum tg_status take_line(struct report_history *h, const char *text, size_t n,
                                const char *path, struct tg_error *err)
{
    cJSON *line = NULL;
    enum tg_status rc = TG_OK;

    if (n <= MAX_LINE && json_check(text, n, NULL) == TG_OK)
        line = cJSON_ParseWithLength(text, n);
    h->n_lines++;
    if (!cJSON_IsObject(line)) {
        h->n_bad++;
    } else {
        const cJSON *now = cJSON_GetObjectItemCaseSensitive(line, "time");

        if (cJSON_IsNumber(now)) {
            h->last_time = now->valuedouble;
            if (h->first_time == 0)
                h->first_time = now->valuedouble;
        }
        if (!take_scalars(h, line))
            rc = FAIL(err, TG_ENOMEM, "%s: %zu lines", path, h->n_lines);
    }
    cJSON_Delete(line);
    return rc;
}

enum tg_status report_history_load(const char *dir, struct report_history *h, struct tg_error *err)
{
    char path[RUN_PATH_MAX], *text;
    size_t n;
    enum tg_status rc;

    memset(h, 0, sizeof *h);
    TRY(run_path(dir, RUN_LOG, 0, path, err));
    rc = tg_file_read(path, max_bytes, &text, &n, err);
    if (rc == TG_ENOTFOUND)
        return TG_OK;
    TRY(rc);
    for (size_t at = 0; at < n && rc == TG_OK;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : n - at;

        if (end != NULL) /* a last line without its end is still being written */
            rc = take_line(h, text + at, length, path, err);
        at += length + 1;
    }
    free(text);
    if (rc != TG_OK)
        report_history_close(h);
    return rc;
}

void report_history_close(struct report_history *h)
{
    for (size_t i = 0; i < h->n_series; i++) {
        free(h->series[i].steps);
        free(h->series[i].values);
    }
    free(h->series);
    memset(h, 0, sizeof *h);
}

const struct report_series *report_history_find(const struct report_history *h, const char *tag)
{
    for (size_t i = 0; i < h->n_series; i++)
        if (strcmp(h->series[i].tag, tag) == 0)
            return &h->series[i];
    return NULL;
}
