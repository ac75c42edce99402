#include "tengen/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

bool tg_log_level_parse(const char *name, enum tg_log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum tg_log_level)i;
            return true;
        }
    return false;
}

void tg_log(struct tg_log *log, enum tg_log_level level, const char *fmt, ...)
{
    char line[2048], stamp[16];
    int n = 0;
    time_t now = time(NULL);
    struct tm local;
    va_list ap;

    if (log == NULL || level > log->level)
        return;
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%H:%M:%S", &local);
    n = snprintf(line, sizeof line, "%s%s ", log->progress_shown ? "\r\033[K" : "", stamp);
    log->progress_shown = false;
    if (log->show_rank)
        n += snprintf(line + n, sizeof line - (size_t)n, "[%d] ", log->rank);
    if (level != TG_LOG_INFO)
        n += snprintf(line + n, sizeof line - (size_t)n, "%s: ", level_names[level]);
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    fprintf(log->stream, "%s\n", line);
    fflush(log->stream);
}
