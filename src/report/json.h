/* json.h - private to src/report: JSON written to a stream, and checked before cJSON parses it.
 *
 * We write numbers ourselves: cJSON's printer keeps 15 digits, too few for a double or a count. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "tengen/error.h"

/* "text", escaped. Bytes that are no UTF-8 go through as they are. */
void json_put_text(FILE *out, const char *text);
/* x with so many significant digits; null if it is not finite. */
void json_put_number(FILE *out, double x, int digits);

/* Bounds on what cJSON would build of this text: TG_EFORMAT if it nests too deep or holds too many
 * values. What passes need not be JSON. */
enum tg_status json_check(const char *text, size_t n, struct tg_error *err);
