/* analyze.h - private to src/app: KataGo's JSON analysis protocol, as an engine in memory.
 *
 * One object a line in, one a line out. A line may ask for many positions; those of all lines wait in
 * one queue, the most urgent first, and a number of them is searched at once. The threads go from
 * tree to tree, so that each batch of the network holds leaves of several positions; where there is
 * only one position, several leaves of its tree. Answers come as searches end, in any order.
 *
 * Nothing a line holds can do more than draw an error object. */
#pragma once

#include <stdio.h>

#include "tengen/log.h"
#include "tengen/nn.h"
#include "tengen/search.h"

/* Whose winrates, leads and ownership are reported: KataGo's reportAnalysisWinratesAs. */
enum analyze_view { ANALYZE_BLACK, ANALYZE_WHITE, ANALYZE_MOVER };

struct analyze_options {
    const char *net, *backend;
    int threads;
    int parallel;            /* positions searched at once; 0: as many as fill all threads' batches */
    int visits;              /* where a query does not say */
    double sec;              /* longest search; negative: no limit */
    int pv_moves;            /* after the first move of a line */
    enum analyze_view view;
    size_t cache_bytes;      /* of evaluations that are kept */
    size_t tree_bytes;       /* of all trees together: those above their share stop growing at it */
    struct search_settings settings;
    const char *version, *commit; /* answered to query_version; borrowed */
};

/* Two threads, defaults of the search for people: every move counts, so points do a little too. */
void analyze_defaults(struct analyze_options *o);
/* "BLACK", "WHITE", "SIDETOMOVE". */
bool analyze_view_parse(const char *name, enum analyze_view *view);

struct analyzer;

/* Answers go to out, whole lines at a time, from any thread. Borrows log and out. TG_EINVAL, TG_EFORMAT:
 * the network's file. */
enum tg_status analyze_open(const struct analyze_options *o, struct tg_log *log, FILE *out,
                            struct analyzer **a, struct tg_error *err);
/* Take a line [n] (without its newline; any bytes) in: its positions wait or are searched when this
 * returns. One thread may call it. */
void analyze_line(struct analyzer *a, const char *line, size_t n);
/* The answer to a line that was too long to be kept. */
void analyze_refuse_line(struct analyzer *a);
/* Return when everything is answered. */
void analyze_finish(struct analyzer *a);
/* Drops what is not. NULL is allowed. */
void analyze_close(struct analyzer *a);

enum { ANALYZE_MAX_LINE = 1 << 20 };
/* Standard input to standard output, until the input ends; then wait (or not) for open searches. */
enum tg_status analyze_serve(struct analyzer *a, bool wait, struct tg_error *err);
