/* progress.h - private to src/report: where the run stands, on the terminal's last line. */
#pragma once

#include "tengen/report.h"

struct progress {
    struct tg_log *log;      /* borrowed; NULL: silence */
    int terminal;            /* descriptor of the terminal that the log ends up on; -1: none */
    bool owned;              /* terminal is ours to close */
    double drawn;            /* or told: when, by tg_now */
};

void progress_init(struct progress *p, struct tg_log *log);
void progress_show(struct progress *p, const struct report_progress *now);
/* Take the line off the terminal. */
void progress_end(struct progress *p);

/* The line, at most n - 1 bytes and `columns` columns (0: any) of plain text; where it would not fit,
 * in shorter words. */
void progress_text(const struct report_progress *now, int columns, char *text, size_t n);
