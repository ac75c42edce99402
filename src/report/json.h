/* json.h - private to src/report: JSON checked before cJSON parses it.
 *
 * We write numbers ourselves (report_json_number): cJSON's printer keeps 15 digits, too few for a
 * double or a count. */
#pragma once

#include <stddef.h>

#include "tengen/error.h"

/* TG_EFORMAT if the text nests too deep for cJSON; a value takes two bytes of it at least, so its length bounds
 * what cJSON would build. What passes need not be JSON. */
enum tg_status json_check(const char *text, size_t n, struct tg_error *err);
