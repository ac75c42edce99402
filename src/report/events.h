/* events.h - private to src/report: TensorBoard's event files. */
#pragma once

#include <stdint.h>

#include "tengen/report.h"

struct events;

/* Make a new events.out.tfevents.* in dir. Times are seconds since 1970. */
enum tg_status events_open(const char *dir, double wall_time, struct events **e,
                           struct tg_error *err);
void events_close(struct events *e); /* NULL is allowed */
/* One event with all finite scalars; flushed. */
enum tg_status events_scalars(struct events *e, double wall_time, int64_t step,
                              const struct report_scalar *scalars, size_t n, struct tg_error *err);
