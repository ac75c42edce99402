/* gomocup.h - private to src/app: the protocol of Gomocup and Piskvork, as an engine in memory. */
#pragma once

#include <stdio.h>

#include "player.h"

struct gomocup_options {
    struct player_options player;
    const char *rules;   /* a rule set's name; NULL: freestyle. INFO rule says whether a five is exact */
    int visits;          /* per move; 0: as many as the time allows */
    const char *version; /* told by ABOUT; borrowed */
};

struct gomocup_engine;

/* Borrows log. TG_EINVAL: the network is one of another game. */
enum tg_status gomocup_open(const struct gomocup_options *o, struct tg_log *log,
                            struct gomocup_engine **e, struct tg_error *err);
void gomocup_close(struct gomocup_engine *e); /* NULL is allowed */

/* Execute one line [n] (without its newline; any bytes) and write the answer, if it calls for one.
 * False after END. */
bool gomocup_execute(struct gomocup_engine *e, const char *line, size_t n, FILE *out);
/* Standard input to standard output, until END or the end of the input. */
enum tg_status gomocup_serve(struct gomocup_engine *e, struct tg_error *err);
