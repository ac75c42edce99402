/* report.c - figures and events of a run into TensorBoard's file and log.jsonl. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events.h"
#include "json.h"
#include "lines.h"
#include "progress.h"

struct report {
    struct events *events;
    FILE *lines;
    char path[RUN_PATH_MAX]; /* of the lines */
    struct progress progress;
};

static double wall_time_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum tg_status report_open(const char *dir, struct tg_log *log, struct report **out,
                           struct tg_error *err)
{
    struct report *r = calloc(1, sizeof *r);
    size_t n_cut;
    enum tg_status rc;

    *out = NULL;
    if (r == NULL)
        return FAIL(err, TG_ENOMEM, "report");
    TRY_OUT(run_path(dir, RUN_LOG, 0, r->path, err));
    TRY_OUT(lines_open(r->path, &r->lines, &n_cut, err));
    if (n_cut > 0)
        tg_log(log, TG_LOG_WARN, "%s: its last line was torn: %zu bytes cut off", r->path, n_cut);
    TRY_OUT(events_open(dir, wall_time_now(), &r->events, err));
    progress_init(&r->progress, log);
    *out = r;
    return TG_OK;
out:
    report_close(r);
    return rc;
}

void report_close(struct report *r)
{
    if (r == NULL)
        return;
    progress_end(&r->progress);
    events_close(r->events);
    if (r->lines != NULL)
        fclose(r->lines);
    free(r);
}

/* The line is made in memory and goes out in one piece: only a crash can tear it. */
static enum tg_status write_line(struct report *r, char *line, size_t n, struct tg_error *err)
{
    bool bad = line == NULL || fwrite(line, 1, n, r->lines) != n || fflush(r->lines) != 0;
    int reason = errno;

    free(line);
    if (bad)
        return FAIL(err, TG_EIO, "writing %s: %s", r->path, strerror(reason));
    return TG_OK;
}

enum tg_status report_scalars(struct report *r, const char *kind, int64_t step,
                              const struct report_scalar *scalars, size_t n, struct tg_error *err)
{
    double now = wall_time_now();
    char *line = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&line, &n_bytes);

    if (out == NULL)
        return FAIL(err, TG_ENOMEM, "a line of %zu scalars", n);
    fprintf(out, "{\"time\":%.3f,\"kind\":", now);
    report_json_text(out, kind);
    fprintf(out, ",\"step\":%lld", (long long)step);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(scalars[i].value))
            continue;
        fputc(',', out);
        report_json_text(out, scalars[i].tag);
        fputc(':', out);
        report_json_number(out, scalars[i].value, 10);
    }
    fputs("}\n", out);
    fclose(out);
    TRY(write_line(r, line, n_bytes, err));
    return events_scalars(r->events, now, step, scalars, n, err);
}

enum tg_status report_event(struct report *r, const char *kind, const char *text,
                            struct tg_error *err)
{
    char *line = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&line, &n_bytes);

    if (out == NULL)
        return FAIL(err, TG_ENOMEM, "a line of %zu bytes", strlen(text));
    fprintf(out, "{\"time\":%.3f,\"kind\":", wall_time_now());
    report_json_text(out, kind);
    fputs(",\"text\":", out);
    report_json_text(out, text);
    fputs("}\n", out);
    fclose(out);
    return write_line(r, line, n_bytes, err);
}

void report_progress(struct report *r, const struct report_progress *p)
{
    progress_show(&r->progress, p);
}
