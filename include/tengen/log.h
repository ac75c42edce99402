/* log.h - lines to standard error; standard output is for results and dialogues alone. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

enum tg_log_level { TG_LOG_ERROR, TG_LOG_WARN, TG_LOG_INFO, TG_LOG_DEBUG };

/* Lives in the app and is lent to the modules; NULL stands for silence. */
struct tg_log {
    enum tg_log_level level; /* lines above it are dropped */
    int rank;                /* printed with each line when show_rank */
    bool show_rank;
    bool progress_shown;     /* a progress line stands on the terminal: the next line clears it */
    FILE *stream;            /* normally stderr; borrowed */
};

/* One line, without a newline at the end of fmt. Whole lines only, so ranks do not mix. */
void tg_log(struct tg_log *log, enum tg_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The level of a name ("error", "warn", "info", "debug"); false if there is none such. */
bool tg_log_level_parse(const char *name, enum tg_log_level *level);
