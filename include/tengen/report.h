/* report.h - what a run tells: its manifest, TensorBoard events, JSON lines, SGF, progress.
 *
 * Used by rank 0 alone; nothing here is collective. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tengen/error.h"
#include "tengen/log.h"
#include "tengen/match.h"
#include "tengen/record.h"
#include "tengen/replay.h"
#include "tengen/train.h"

/* ---- the run directory ------------------------------------------------------------------------- */

enum run_file {
    RUN_MANIFEST,   /* manifest.json */
    RUN_CONFIG,     /* config.lua: the newest revision's text, for people */
    RUN_REPLAY,     /* replay/ */
    RUN_SHARD,      /* replay/shard-00000012.h5 */
    RUN_NETS,       /* net/ */
    RUN_NET,        /* net/net-000012.tgn: published network 12 */
    RUN_CHECKPOINTS,/* checkpoint/ */
    RUN_CHECKPOINT, /* checkpoint/checkpoint-000012.tgc: after iteration 12 */
    RUN_GAMES,      /* games/ */
    RUN_GAMES_OF,   /* games/iteration-000012.sgf */
    RUN_MATCH,      /* games/match-000012.sgf: against the champion, after iteration 12 */
    RUN_BASELINE,   /* games/baseline-000012.sgf: against the pinned baseline */
    RUN_LOG,        /* log.jsonl */
    RUN_STOP,       /* stop: a file somebody makes to stop the run */
    RUN_HTML,       /* report.html */
    RUN_LOCK,       /* lock: held by rank 0 of the job that works here */
    RUN_RANKS,      /* ranks: what each rank was doing last (comm.h's board) */
    /* of an iteration that was left before its end: */
    RUN_OPEN_SHARD,      /* replay/open-00000012.h5: games finished, not committed */
    RUN_OPEN_GAMES,      /* checkpoint/open-000012.tgg: games in flight */
    RUN_OPEN_CHECKPOINT  /* checkpoint/open-000012.tgc: training under way */
};
enum { RUN_PATH_MAX = 1024 };
/* dir/NAME, absolute or relative as dir is. TG_EINVAL if it is too long. */
enum tg_status run_path(const char *dir, enum run_file file, int64_t number,
                        char path[RUN_PATH_MAX], struct tg_error *err);

/* ---- manifest ---------------------------------------------------------------------------------- */

struct manifest_net {
    int32_t number;        /* published networks count from 0: the initial one */
    int64_t iteration;     /* that made it; -1: the initial one */
    int64_t step, n_rows;
    uint64_t hash;         /* nn_model.hash */
    bool champion;         /* was promoted (the initial one: true) */
};
struct manifest_match {
    int64_t iteration;
    int32_t a, b;          /* network numbers; -1: the random bot */
    struct match_result result;
    char decision[24];     /* "promoted", "rejected", "rolled back", "rating"; "baseline": b is the pinned
                              one, and the match that decides comes next */
    double llr;            /* SPRT's, 0 without */
    double elo;            /* rating of a over all matches so far, network 0 = 0 */
    double elo_stderr;
};
struct manifest_config { int64_t iteration; uint64_t hash; char *text; /* owned */ };
struct manifest_change { int64_t iteration; char *json; /* owned: what curriculum returned */ };
struct manifest_roles {     /* ranks that changed between self-play and training */
    int64_t iteration;     /* the first one with them */
    int ranks, trainers;   /* of the run, or of its smallest host where configured is a count per host */
    char configured[32];   /* cluster.trainers */
    char reason[256];
};
struct manifest_quarantine { char file[96]; char reason[400]; int64_t iteration; };

/* An iteration that was left before its end, for the next start to go on with. */
struct manifest_open {
    int64_t iteration;       /* -1: none */
    int64_t n_flying;        /* games in flight in RUN_OPEN_GAMES; 0: no such file */
    uint64_t checkpoint_hash; /* of RUN_OPEN_CHECKPOINT; 0: training had not begun */
    int64_t n_shards;        /* continuous mode: shards in the window beyond n_trained, of the training under way */
    bool appended;           /* ... and the iteration's own shard was in the window then */
    struct replay_shard_info shard; /* RUN_OPEN_SHARD; n_games 0: no such file */
};

/* Everything a run is resumed from. Plain to read; changed through the functions below. */
struct manifest {
    char name[64], build[64], created[32], status[16]; /* status: running, stopped, completed */
    uint64_t seed;
    char game[128], net[160];      /* in words */
    int64_t iterations;            /* completed */
    int64_t n_rows, n_games, n_plies, n_steps, n_skipped;
    int64_t checkpoint;            /* iteration it was written after; -1: none */
    uint64_t checkpoint_hash;      /* tg_hash_file */
    int32_t champion, latest, baseline; /* network numbers */
    int64_t next_game;             /* continuous mode: lowest game id not handed out yet */
    int64_t n_trained;             /* continuous mode: shards whose rows training has had, from the first */
    char stop_reason[64];          /* of the last stop; "": none */
    struct manifest_open open;
    double elapsed_sec, selfplay_sec, train_sec, match_sec;
    char hardware[256];            /* of the last start: hosts, ranks, processor */

    struct replay_shard_info *shards;      int64_t n_shards;
    struct manifest_net *nets;             int64_t n_nets;
    struct manifest_match *matches;        int64_t n_matches;
    struct manifest_config *configs;       int64_t n_configs;
    struct manifest_change *changes;       int64_t n_changes;
    struct manifest_roles *roles;          int64_t n_roles;
    struct manifest_quarantine *quarantined; int64_t n_quarantined;
};

/* A new run's manifest, in memory. */
enum tg_status manifest_init(struct manifest *m, const char *name, uint64_t seed, struct tg_error *err);
/* TG_ENOTFOUND: there is none (a new run). TG_EFORMAT: it is damaged, or gone while manifest.json.bak or
 * shards are there: the text names the file, the cause, and what to do; never a new run. *m is empty
 * on failure. A checksum over the whole text is looked at before anything else. */
enum tg_status manifest_load(struct manifest *m, const char *dir, struct tg_error *err);
/* Replace DIR/manifest.json atomically, keeping the previous one as manifest.json.bak. */
enum tg_status manifest_save(const struct manifest *m, const char *dir, struct tg_error *err);
void manifest_close(struct manifest *m);
/* Append copies. */
enum tg_status manifest_add_shard(struct manifest *m, const struct replay_shard_info *s, struct tg_error *err);
enum tg_status manifest_add_net(struct manifest *m, const struct manifest_net *n, struct tg_error *err);
enum tg_status manifest_add_match(struct manifest *m, const struct manifest_match *r, struct tg_error *err);
enum tg_status manifest_add_config(struct manifest *m, int64_t iteration, uint64_t hash,
                                   const char *text, struct tg_error *err);
enum tg_status manifest_add_change(struct manifest *m, int64_t iteration, const char *json,
                                   struct tg_error *err);
enum tg_status manifest_add_roles(struct manifest *m, const struct manifest_roles *r, struct tg_error *err);
enum tg_status manifest_add_quarantine(struct manifest *m, const char *file, const char *reason,
                                       int64_t iteration, struct tg_error *err);

/* ---- TensorBoard, JSON lines, progress --------------------------------------------------------- */

/* One numbered row of figures, shown in all three places. */
struct report_scalar { const char *tag; double value; }; /* "loss/policy"; NaN values are left out */

struct report;
/* Open events.out.tfevents.* (a fresh file, as TensorBoard expects after a resume) and log.jsonl
 * (appended; a torn last line is cut off) in dir. */
enum tg_status report_open(const char *dir, struct tg_log *log, struct report **r, struct tg_error *err);
void report_close(struct report *r);
/* Scalars at this step into events, and one JSON line {"time":..,"kind":kind,"step":..,tags..}; flushed. */
enum tg_status report_scalars(struct report *r, const char *kind, int64_t step,
                              const struct report_scalar *scalars, size_t n, struct tg_error *err);
/* One JSON line {"time":..,"kind":kind,"text":..}. */
enum tg_status report_event(struct report *r, const char *kind, const char *text, struct tg_error *err);

struct report_progress {
    int64_t iteration, iterations;   /* 0-based now, in all */
    const char *phase;               /* "self-play", "training", "match" */
    double done;                     /* share of the phase, 0..1 */
    double games_per_sec, evals_per_sec;
    int64_t rows;                    /* in the window */
    double policy_loss, value_loss;  /* NaN: none yet */
    double left_sec;                 /* NaN: unknown */
};
/* On a terminal: one line, redrawn at most some times a second. Otherwise: a plain line a minute. */
void report_progress(struct report *r, const struct report_progress *p);

/* A JSON string in its quotes, and a number of so many significant digits (null if it is not finite). */
void report_json_text(FILE *out, const char *text);
void report_json_number(FILE *out, double x, int digits);

/* ---- a run's past ------------------------------------------------------------------------------ */

/* The scalars of log.jsonl, tag by tag; steps increase. What a restored run did again counts once, as
 * it was done last. */
struct report_series { char tag[48]; int64_t *steps; double *values; size_t n; };
struct report_history {
    struct report_series *series; /* owned */
    size_t n_series;
    size_t n_lines, n_bad;        /* lines, and those of them that are no JSON object: skipped */
    double first_time, last_time; /* of the lines, seconds since 1970; 0: no line */
};
/* A run without log.jsonl has an empty history. The caller closes it. */
enum tg_status report_history_load(const char *dir, struct report_history *h, struct tg_error *err);
void report_history_close(struct report_history *h);
const struct report_series *report_history_find(const struct report_history *h, const char *tag);

/* Write dir/report.html, one page with everything in it: the run's story, its curves as SVG. */
enum tg_status report_html(const char *dir, struct tg_error *err);

/* ---- SGF --------------------------------------------------------------------------------------- */

/* Append a game as FF[4] to out. black and white are names. root_values and root_visits of f become
 * comments where they are there. */
enum tg_status sgf_write(FILE *out, const struct game *g, const struct record_finished *f,
                         const char *black, const char *white, struct tg_error *err);

struct sgf_game {
    struct game_setup setup;             /* board, komi, rules as far as named */
    uint8_t stones[GAME_MAX_POINTS];     /* set up before the first move */
    bool has_setup;
    uint8_t to_move;                     /* enum game_color, at the start */
    int16_t *moves;                      /* owned [n_moves] */
    uint8_t *colors;                     /* owned [n_moves] */
    int n_moves;
    uint8_t winner;                      /* enum game_winner; GAME_UNDECIDED: not said */
    float score;                         /* Black's lead by RE; NaN: not said */
    char players[2][48];                 /* PB, PW as written, cut off; "": not said */
    int n_variations;                    /* skipped */
    char rules[48];                      /* RU as written, cut off; "": not said */
};
/* The games of an SGF collection on tensors of g: their main lines. Moves are points of the board or
 * passes; whether the rules allow them is not looked at. TG_EFORMAT names path (for that only), byte
 * and cause: also more than 64 MiB, 100,000 games or GAME_MAX_PLIES moves, or stones set up between
 * moves. The caller frees with sgf_free. */
enum tg_status sgf_read(const char *text, size_t n, const char *path, const struct game *g,
                        struct sgf_game **games, int *n_games, struct tg_error *err);
void sgf_free(struct sgf_game *games, int n_games);
