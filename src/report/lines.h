/* lines.h - private to src/report: log.jsonl, one JSON object a line. */
#pragma once

#include <stdio.h>

#include "tengen/error.h"

/* Open for appending; made if it is not there. A last line without its newline (the writer was killed)
 * is cut off first: *n_cut bytes. */
enum tg_status lines_open(const char *path, FILE **file, size_t *n_cut, struct tg_error *err);
