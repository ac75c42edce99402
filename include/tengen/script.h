/* script.h - a run's config: a Lua script that returns a table, checked against one table of options.
 *
 * Lua runs on one rank only, in a sandbox (text chunks, no io/os/debug, instruction and memory
 * limits). What comes out is plain data that can be broadcast: struct run_options is resolved for
 * one iteration; schedules and functions are evaluated here and nowhere else.
 *
 * Iterations count from 0 in this interface and from 1 in scripts (`upto = 30` is the thirtieth, and
 * a function's or curriculum's argument): the translation happens here. What wins: --set, then what
 * curriculum changed, then the config, then the default. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/match.h"
#include "tengen/nn.h"
#include "tengen/selfplay.h"
#include "tengen/train.h"

enum { RUN_TEXT = 256 };
enum run_mode { RUN_LOCKSTEP, RUN_CONTINUOUS };
enum run_on_signal { RUN_ON_STOP, RUN_ON_CHECKPOINT, RUN_ON_STATUS, RUN_ON_IGNORE, RUN_ON_SIGNALS };

/* All options of a run at one iteration. Plain data without pointers, equal on all ranks. */
struct run_options {
    char name[64];
    uint64_t seed;
    int64_t iterations;            /* of the whole run */
    struct {
        int kind;                  /* enum game_kind */
        int size, history;         /* tensor side, gomoku's planes of past moves */
        struct selfplay_setups setups;
    } game;
    struct {
        struct nn_arch arch;
        char backend[16];          /* "cpu", "cuda", "simulated", "auto" */
        char extra[RUN_TEXT];      /* the backend's own option */
        char start_from[RUN_TEXT]; /* a network file to start from; "" : fresh */
    } net;
    struct {
        int64_t games;             /* per iteration, over all ranks */
        int parallel_games;        /* per rank */
        int threads;               /* per rank; 0: cores of the host / its ranks */
        struct selfplay_settings settings;
        struct selfplay_mix mix;
        int past_window;           /* how many older networks "previous" picks from */
        float max_age;             /* continuous mode: mean age of new rows, in networks, that is aimed at */
        bool use_candidate;        /* games are played by the newest network even if not promoted */
    } selfplay;
    struct {
        int64_t capacity;          /* rows */
        float window_alpha, window_beta; /* power law of the window (KataGo); alpha 0: plain FIFO */
        int64_t window_min, window_max; /* window_max 0: the capacity */
        float alpha, epsilon;      /* prioritised draws; alpha 0: uniform */
        int chunk_rows, deflate;
        int layout;                /* enum replay_layout */
        int64_t align;             /* of what a rank writes, in bytes; 0: none */
        char pretrain[RUN_TEXT];   /* directory of imported games; "": none */
        int64_t pretrain_steps;    /* in the iteration that learns from them; 0: one pass */
    } replay;
    struct train_options train;
    struct {
        struct match_gate gate;
        struct match_options match; /* settings of its games; seed and id are filled by the loop */
    } gate;
    struct {
        char trainers[32];         /* "all", a count such as "2", or "1/host" */
        int lag;                   /* 0: play, then train; 1: train while the next iteration is played;
                                      -1: 0 where all ranks do both, else 1 */
        bool rebalance;            /* ranks change sides by measured waiting times */
        int trainers_min, trainers_max; /* then; counted as in trainers; max 0: all but one */
        float rebalance_margin;    /* share of the time that a side may wait */
        int rebalance_patience;    /* iterations in a row before ranks move */
        float watchdog_sec;
        int mode;                  /* enum run_mode */
        int on_usr1, on_usr2, on_term, on_int; /* enum run_on_signal */
        float stop_margin_sec;     /* a stop by the clock comes this long before its time, and more */
        float pulse_sec;           /* how often ranks hear of each other beside the work */
    } cluster;
    struct {
        int sgf_games;             /* games per iteration kept as SGF */
        int keep_checkpoints;      /* older ones are removed; 2 at least, see manifest.json.bak */
        char log_level[8];
    } report;
    bool curriculum;               /* the script has a curriculum function */
};

struct script;

/* Load the config at path (or what script_text gave, written to a file); overrides [n] are "key=value"
 * texts that win over the script (--set), later ones over earlier ones.
 * Any mistake (syntax, unknown key with the nearest known one, wrong type, out of range, endless
 * loop, too much memory) is TG_EINVAL and names file, line or key, and cause. A missing file is
 * TG_ENOTFOUND. script_text (owned by the script) is what the manifest keeps: the config's full source
 * and that of all it required, and the overrides. */
enum tg_status script_open(const char *path, const char *const *overrides, int n_overrides,
                           struct script **s, struct tg_error *err);
/* The same from texts in memory (a manifest's copy): sources as script_text gave them. */
enum tg_status script_open_text(const char *text, struct script **s, struct tg_error *err);
const char *script_text(const struct script *s);
uint64_t script_hash(const struct script *s);
void script_close(struct script *s); /* NULL is allowed */

/* Every option at its default (for commands that take no config). */
enum tg_status script_defaults(struct run_options *o, struct tg_error *err);

/* What curriculum(iteration, stats) may look at: names and numbers, such as "elo", "games". A name that
 * is not among them is an error in the script; where there are none at all (before the first
 * iteration) every name is 0. */
struct script_stat {
    const char *name;
    double value;
};

/* Resolve every option for this iteration (0-based): constants, schedules, functions of the
 * iteration. */
enum tg_status script_options(struct script *s, int64_t iteration, struct run_options *o,
                              struct tg_error *err);
/* Ask the script's curriculum(iteration, stats), if there is one, and apply what it returned (a
 * table of keys and values, checked like the config). *changes (malloc'd JSON text, "{}" if none;
 * the caller frees) goes into the manifest. */
enum tg_status script_curriculum(struct script *s, int64_t iteration,
                                 const struct script_stat *stats, int n_stats,
                                 char **changes, struct tg_error *err);
/* Apply changes that a manifest kept, in place of asking again (resume). */
enum tg_status script_apply(struct script *s, const char *changes, struct tg_error *err);

/* Option number i, from 0, of those that the script or --set lets follow the iteration (a list, a curve, a
 * function): its key; NULL past the last. */
const char *script_scheduled(const struct script *s, int i);
/* What that one is in an iteration (0-based), as JSON. */
enum tg_status script_scheduled_value(struct script *s, int i, int64_t iteration, char *text, size_t n,
                                      struct tg_error *err);

/* The option table as text for `tengen help config`: key, type, range, default, meaning. */
void script_help(FILE *out);
