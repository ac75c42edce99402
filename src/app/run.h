/* run.h - private to src/app: a training run, as loop.c sees it. */
#pragma once

#include "app.h"
#include "tengen/match.h"
#include "tengen/nn.h"
#include "tengen/replay.h"
#include "tengen/report.h"
#include "tengen/script.h"
#include "tengen/selfplay.h"
#include "tengen/train.h"

enum { RUN_SLOT_PLAYER, RUN_SLOT_PREVIOUS, RUN_SLOT_CANDIDATE, RUN_SLOT_CHAMPION };

/* What all ranks know about how far the run is; equal everywhere. */
struct run_state {
    int64_t iteration;           /* the one that is played now, from 0 */
    int32_t latest, champion, baseline; /* network numbers */
    int32_t n_nets;
    int64_t n_shards;            /* committed */
    int64_t checkpoint;          /* iteration after which the last one was written; -1: none */
    int64_t n_games, n_plies;    /* of all iterations before */
    int64_t n_rows;              /* committed and in the window's reach so far */
    bool played;                 /* the shard of this iteration is already there (resume) */
    double elo;                  /* of the latest network that was rated, network 0 = 0 */
};

/* Figures of one iteration, for the report; sums over all ranks where that makes sense. */
struct run_figures {
    double play_sec, train_sec, match_sec, commit_sec, wait_play_sec, wait_train_sec;
    struct selfplay_stats play;  /* of all self-play ranks */
    int64_t n_rows;              /* new ones */
    double age;                  /* mean over new rows */
    struct train_stats train;
    bool trained, matched;
    struct match_result match;
    enum match_decision decision;
};

/* A failure that a test asked for. */
enum inject_kind { INJECT_NONE, INJECT_KILL, INJECT_STOP, INJECT_HANG };
struct run_inject {
    enum inject_kind kind;
    int rank;            /* of the world */
    char phase[24];      /* as run_phase names it */
    int64_t iteration;   /* from 1 */
};

struct run_command { /* the arguments of tengen train */
    const char *config, *dir, *inject;
    struct app_list set;
    int64_t iterations, seed;   /* -1: as the config says */
};

struct run {
    struct app *app;
    struct run_command command;
    char dir[RUN_PATH_MAX];
    /* communicators; selfplay and train are NULL on ranks without that role */
    struct comm *world, *host, *selfplay, *train;
    int train_root;              /* world rank that writes checkpoints and publishes */
    bool all;                    /* every rank has both roles */
    int lag;
    /* the run as configured and as it stands */
    struct script *script;       /* rank 0 */
    struct run_options o;        /* of this iteration; equal on all ranks */
    struct run_state at;
    struct manifest manifest;    /* rank 0 */
    struct report *report;       /* rank 0 */
    double started;              /* of this iteration's share of the elapsed time */
    double opened;               /* when the loop began */
    int64_t first_iteration;     /* that this process works on */
    /* self-play ranks */
    struct game game;
    const struct nn_backend *backend;
    struct nn_net *nets[SELFPLAY_SLOTS];
    int32_t net_in[SELFPLAY_SLOTS]; /* the published network that is in it; -1: none */
    struct selfplay_pool *pool;
    struct replay_writer *writer;
    char *sgf; size_t sgf_bytes; /* rank 0: sampled games of this iteration, as text */
    /* trainer ranks */
    struct replay_window *window;
    struct trainer *trainer;
    /* all ranks */
    struct nn_model model;       /* arch, layout, and a buffer [P] for what is published */
    struct comm_watchdog *watchdog;
    struct replay_shard_info shard; /* of this iteration, after run_commit */
    struct run_figures figures;
    struct run_inject inject;
};

/* setup.c - collective on the world: a new run's directory, or an old one taken up where it was. */
enum tg_status run_open(struct run *run, struct tg_error *err);
void run_close(struct run *run);
/* Options of the current iteration, from the script on rank 0. Collective. */
enum tg_status run_resolve(struct run *run, struct tg_error *err);

/* phases.c - the arrows of the cycle; each is called by all ranks and does nothing on those whose role
 * has no part in it. */
enum tg_status run_play(struct run *run, struct tg_error *err);    /* games -> staged rows */
enum tg_status run_commit(struct run *run, struct tg_error *err);  /* staged rows -> shard -> window */
enum tg_status run_train(struct run *run, struct tg_error *err);   /* window -> parameters */

/* publish.c */
enum tg_status run_publish(struct run *run, struct tg_error *err); /* parameters -> network file */
enum tg_status run_judge(struct run *run, struct tg_error *err);   /* candidate against champion */
enum tg_status run_checkpoint(struct run *run, struct tg_error *err); /* all of it -> disk, manifest */
/* Put a published network into a slot of this self-play rank. Collective on selfplay. */
enum tg_status run_load_net(struct run *run, int slot, int32_t number, struct tg_error *err);
enum tg_status run_load_params(struct run *run, int32_t number, struct tg_error *err); /* selfplay */

/* tell.c - rank 0: figures of the iteration into events, JSON lines and the log. */
enum tg_status run_tell(struct run *run, struct tg_error *err);
void run_progress(struct run *run, const char *phase, double done);

/* signals.c - a request to stop: SIGTERM, SIGINT, SIGUSR1, SIGUSR2, or the stop file. */
void run_signals_install(void);
bool run_stop_requested(const struct run *run); /* rank 0's own view */

/* inject.c */
enum tg_status run_inject_parse(const char *text, struct run_inject *inject, struct tg_error *err);
/* This rank begins a phase: "self-play", "commit", "train", "publish", "match", "checkpoint",
 * "manifest". Tells the watchdog, and makes the failure that was asked for. */
void run_phase(struct run *run, const char *phase);

/* loop.c */
enum tg_status run_loop(struct run *run, bool *stopped, struct tg_error *err);
