/* gtp.h - private to src/app: the Go Text Protocol, version 2, as an engine in memory.
 *
 * One line in, one answer out; where the lines come from is the caller's affair (standard input, a
 * test, a fuzzer). Nothing a line holds can do more than draw an error answer. */
#pragma once

#include <stdio.h>

#include "player.h"

struct gtp_options {
    struct player_options player;
    const char *rules;   /* a rule set's name; NULL: the game's default */
    int visits;          /* per move */
    double sec;          /* per move; negative: none but the clock's */
    const char *version; /* answered to `version`; borrowed */
};

struct gtp_engine;

/* Borrows log. */
enum tg_status gtp_open(const struct gtp_options *o, struct tg_log *log, struct gtp_engine **e,
                        struct tg_error *err);
void gtp_close(struct gtp_engine *e); /* NULL is allowed */

/* Analysis runs until this says so (more input is waiting). Without it, until the visits are spent. */
void gtp_on_input(struct gtp_engine *e, bool (*waiting)(void *ctx), void *ctx);

/* Execute one line [n] (without its newline; any bytes) and write the answer, if it calls for one.
 * False after `quit`. */
bool gtp_execute(struct gtp_engine *e, const char *line, size_t n, FILE *out);
/* The answer to a line that was too long to be kept. */
void gtp_refuse_line(FILE *out);

/* Standard input to standard output, until quit or the end of the input. */
enum tg_status gtp_serve(struct gtp_engine *e, struct tg_error *err);
