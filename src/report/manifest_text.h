/* manifest_text.h - private to src/report: a manifest as text, and back. */
#pragma once

#include "tengen/report.h"

/* JSON text of m. Its second line is a checksum of all lines after it. *text is malloc'd, [*n] and a
 * NUL; the caller frees it. */
enum tg_status manifest_to_text(const struct manifest *m, char **text, size_t *n,
                                struct tg_error *err);
/* The reverse. TG_EFORMAT says what is wrong, without naming a file. *m is empty on failure. */
enum tg_status manifest_from_text(const char *text, size_t n, struct manifest *m,
                                  struct tg_error *err);

/* Room for one more item after n: the array, perhaps moved, or NULL (then items is as it was). */
void *manifest_grow(void *items, int64_t n, size_t bytes);
