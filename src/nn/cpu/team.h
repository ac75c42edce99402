/* team.h - a few threads that share out the items of a loop. */
#pragma once

#include "tengen/error.h"

struct team;

/* n_threads - 1 threads are started; the caller of team_run is the last one. */
enum tg_status team_open(int n_threads, struct team **team, struct tg_error *err);
void team_close(struct team *t); /* NULL is allowed */

/* work(ctx, item, thread) once for every item in [0, n_items), in any order, on threads
 * [0, n_threads). Returns when all are done. One caller at a time. */
void team_run(struct team *t, int n_items, void (*work)(void *ctx, int item, int thread), void *ctx);
