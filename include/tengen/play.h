/* play.h - networks among people and their programs: GTP, Gomocup, KataGo's JSON analysis, games of others.
 *
 * Each protocol is an engine in memory: one line in, an answer out; where lines come from is the caller's
 * affair (standard input, a test, a fuzzer). Nothing a line holds can do more than draw an error answer. */
#pragma once

#include <stdio.h>

#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/log.h"
#include "tengen/nn.h"
#include "tengen/record.h"
#include "tengen/report.h"
#include "tengen/search.h"

/* Who thinks, in GTP and Gomocup. */
struct player_options {
    const char *net;      /* file of a network; NULL: plays at random */
    const char *backend;  /* "cpu", "cuda" .. */
    enum game_kind kind;  /* without a network; with one, the network's */
    int size;             /* tensor side to start with; 0: the network's, else 19 or 15 */
    int threads;
    uint64_t seed;
};

/* ---- GTP: the Go Text Protocol, version 2 ------------------------------------------------------ */

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

/* ---- Gomocup: the protocol of Piskvork --------------------------------------------------------- */

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

/* ---- KataGo's JSON analysis protocol ----------------------------------------------------------- */

/* One object a line in, one a line out. A line may ask for many positions; those of all lines wait in
 * one queue, the most urgent first, and a number of them is searched at once. The threads go from
 * tree to tree, so that each batch of the network holds leaves of several positions; where there is
 * only one position, several leaves of its tree. Answers come as searches end, in any order. */

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

/* ---- games of others --------------------------------------------------------------------------- */

/* The rows of a game from SGF, one a move: the policy is the move that was played, the outcome is the
 * file's result (where it says none, that of a game that is over on the board), score and ownership
 * count only where the board as it stands has the very score that the file says: a game that was
 * played out. *f is the caller's. TG_EINVAL says why the game cannot be used. */
enum tg_status sgf_rows(const struct game *g, const struct sgf_game *sgf, int64_t id,
                        struct record_finished *f, struct tg_error *err);
