/* run.h - private to src/app: a training run, as loop.c sees it. */
#pragma once

#include "app.h"
#include "games.h"
#include "rebalance.h"
#include "tengen/match.h"
#include "tengen/nn.h"
#include "tengen/replay.h"
#include "tengen/report.h"
#include "tengen/script.h"
#include "tengen/selfplay.h"
#include "tengen/train.h"

enum { RUN_SEEN_SEC = 120 }; /* a file that one host has written may be seen by the others so much later: NFS keeps what
                                 * it knows of a directory for 60 s */
enum { RUN_SLOT_PLAYER, RUN_SLOT_PREVIOUS, RUN_SLOT_CANDIDATE, RUN_SLOT_CHAMPION };

/* What all ranks know about how far the run is; equal everywhere. */
struct run_state {
    int64_t iteration;           /* the one that is played now, from 0 */
    int32_t latest, champion, baseline; /* network numbers */
    int32_t n_nets;
    int64_t n_shards;            /* committed, this iteration's included where it was played */
    int64_t checkpoint;          /* iteration after which the last one was written; -1: none */
    int64_t n_games, n_plies;    /* of all iterations before */
    int64_t n_rows;              /* committed and in the window's reach so far */
    bool played;                 /* the shard of this iteration is committed */
    double elo;                  /* of the latest network that was rated, network 0 = 0 */
};

/* Figures of one iteration, for the report; sums over all ranks where that makes sense. */
struct run_figures {
    double play_sec, train_sec, match_sec, commit_sec;
    double wait_play_sec, wait_train_sec; /* of one side for the other, while both work */
    struct selfplay_stats play;  /* of all self-play ranks */
    int64_t n_rows;              /* new ones */
    double age, max_age;         /* of new rows: the sum of all, the largest */
    int64_t limit;               /* continuous mode: games at once on a self-play rank */
    struct train_stats train;
    bool trained, matched;
    struct match_result match;
    enum match_decision decision;
};

/* Of an iteration under way, for the progress line. */
struct run_live {
    int64_t games, evaluations;  /* of this rank, beside those that the pool's sums still hold */
    int64_t iteration;           /* rank 0: that was shown last */
    double since;                /* and when it was first shown */
    int64_t games_before, evaluations_before; /* by all ranks until then */
    double play_share;           /* of an iteration's time, when rank 0 plays, then trains */
    double policy_loss, value_loss; /* of the last training; NaN: none yet */
};

/* A failure that a test asked for. */
enum inject_kind { INJECT_NONE, INJECT_KILL, INJECT_STOP, INJECT_HANG, INJECT_DISK_FULL,
                   INJECT_TORN_WRITE, INJECT_BIT_FLIP, INJECT_NAN_GRADIENT, INJECT_SLOW_RANK };
struct run_inject {
    enum inject_kind kind;
    int rank;            /* of the world */
    char phase[24];      /* as run_phase names it */
    int64_t iteration;   /* from 1 */
};

struct run_command { /* the arguments of tengen train */
    const char *config, *dir, *inject, *walltime;
    struct app_list set;
    int64_t iterations, seed;   /* -1: as the config says */
};

struct run {
    struct app *app;
    struct run_command command;
    char dir[RUN_PATH_MAX];
    int lock;                    /* rank 0: 1 + the open file, see lock.c; 0: none */
    /* communicators; selfplay and train are NULL on ranks without that role */
    struct comm *world, *host, *selfplay, *train;
    int train_root;              /* world rank that writes checkpoints and publishes */
    bool all;                    /* every rank has both roles */
    bool per_host;               /* trainers are counted on each host */
    int trainers;                /* how many, if not all */
    int smallest_host;           /* its ranks */
    int host_number, n_hosts;    /* this rank's */
    int next_trainers;           /* rank 0: so many from the next iteration on; 0: as now */
    struct rebalance balance;    /* rank 0 */
    char balance_why[256];
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
    /* what is asked of the run from outside, see control.c */
    struct comm_pulse *pulse;
    bool stopping, checkpointing; /* phases end early */
    bool cut;                    /* one did: agreed by run_cut */
    char stop_reason[64];        /* rank 0 */
    struct run_control *control;
    double save_sec;             /* the longest that saving has taken; equal on all ranks */
    /* an iteration that was left before its end, see open.c */
    struct manifest_open open;   /* equal on all ranks; iteration -1: none */
    bool appended;               /* this iteration's shard is in the window */
    bool committed, published;   /* in this pass: the shard into the window, the network */
    struct replay_shard_info shard_before; /* run.shard before run_commit */
    int32_t latest_before;       /* the latest one before that */
    struct continuous *continuous; /* continuous.h; NULL in lockstep */
    int device;                  /* the rank's number on its host; devices are counted round */
    int threads;                 /* of self-play, or of training on the CPU */
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
    struct replay_shard_info shard; /* of this iteration, after run_commit; of several, see run_sum_shards */
    struct run_figures figures;
    struct run_live live;
    struct run_inject inject;
    int n_back;                  /* times in a row that training went back to a checkpoint */
    bool slow;                   /* this rank, by --inject slow-rank */
};

/* setup.c - collective on the world: a new run's directory, or an old one taken up where it was. */
enum tg_status run_open(struct run *run, struct tg_error *err);
void run_close(struct run *run);

/* Parts of it, for ranks that change sides. run_take_state: what the manifest says is what all know;
 * run_open_sides: what each side needs, pools that are open kept, and training from the checkpoint. */
void run_take_state(struct run *run);
enum tg_status run_open_sides(struct run *run, struct tg_error *err);
/* Not collective but for the window, on train. keep: pool and networks stay open. */
void run_close_sides(struct run *run, bool keep);

/* roles.c - which ranks play and which train. Collective on the world. */
enum tg_status run_split_roles(struct run *run, struct tg_error *err);
void run_close_roles(struct run *run);
/* How many iterations training is behind self-play: cluster.lag, or what follows from the roles. all: every rank has
 * both. */
int run_lag(const struct run_options *o, bool all);
/* Rank 0, after an iteration: should ranks change sides? play_sec, train_sec: see rebalance.h. */
void run_judge_roles(struct run *run, double play_sec, double train_sec);
/* They do, if rank 0 has said so. Everything must be on disk; selfplay and train are new ones then. */
enum tg_status run_change_roles(struct run *run, struct tg_error *err);
/* Options of the current iteration, from the script on rank 0. Collective. */
enum tg_status run_resolve(struct run *run, struct tg_error *err);

/* lock.c - rank 0: no other job works in run->dir from here on, or a status says which does. It waits where
 * that job may be dead. TG_EIO. */
enum tg_status run_lock(struct run *run, struct tg_error *err);
void run_unlock(struct run *run);

/* place.c - this rank's device and threads, told by rank 0. Collective on the world. */
enum tg_status run_place(struct run *run, struct tg_error *err);

/* phases.c - the arrows of the cycle; each is called by all ranks and does nothing on those whose role
 * has no part in it. */
enum tg_status run_play(struct run *run, struct tg_error *err);    /* games -> staged rows */
enum tg_status run_commit(struct run *run, struct tg_error *err);  /* staged rows -> shard -> window */
enum tg_status run_train(struct run *run, struct tg_error *err);   /* window -> parameters */

/* pretrain.c */
bool run_pretraining(const struct run *run); /* this iteration learns from imported games */
/* Imported games -> staged rows, in place of run_play. Collective on selfplay. */
enum tg_status run_import(struct run *run, struct tg_error *err);

/* publish.c */
enum tg_status run_publish(struct run *run, struct tg_error *err); /* parameters -> network file */
enum tg_status run_judge(struct run *run, struct tg_error *err);   /* candidate against champion */
enum tg_status run_checkpoint(struct run *run, struct tg_error *err); /* all of it -> disk, manifest */
/* Put a published network into a slot of this self-play rank. Collective on selfplay. */
enum tg_status run_load_net(struct run *run, int slot, int32_t number, struct tg_error *err);
enum tg_status run_load_params(struct run *run, int32_t number, struct tg_error *err); /* selfplay */

/* publish.c, for continuous mode */
enum tg_status run_save_net(struct run *run, struct tg_error *err); /* model -> the next network's file */
enum tg_status run_ask_curriculum(struct run *run, struct tg_error *err);
struct match_options run_match_options(const struct run *run, int64_t match_id);
/* Count a game of the match, keep it as SGF, free it. */
enum tg_status run_add_match_game(struct run *run, struct match *m, struct kept_games *kept, struct record_finished *f,
                                  const struct selfplay_job *job, struct tg_error *err);
/* All ranks' games into this file of the run. Collective on selfplay. */
enum tg_status run_keep_match(struct run *run, enum run_file file, const struct kept_games *mine, struct tg_error *err);
/* figures.match of network a against b, with what figures.decision says by this gate, into ratings, log and
 * manifest. Rank 0. */
enum tg_status run_note_match(struct run *run, const struct match_gate *gate, int32_t a, int32_t b, const char *why,
                              struct tg_error *err);

/* tell.c - rank 0: figures of the iteration into events, JSON lines and the log. */
enum tg_status run_tell(struct run *run, struct tg_error *err);
enum tg_status run_tell_here(struct run *run, struct tg_error *err); /* the same, not collective */
/* Games and evaluations of this rank into the pulse. */
void run_count_play(struct run *run);
void run_progress_init(struct run *run);
void run_progress(struct run *run, const char *phase, double done);

/* control.c - what is asked of the run from outside (signals, the stop file, the clock), and how all
 * ranks hear of it: through the pulse, which every loop and every wait keeps up. */
enum run_pulse_item {
    RUN_PULSE_STOP, RUN_PULSE_CHECKPOINT, RUN_PULSE_STATUS, /* how often it was asked for */
    RUN_PULSE_GAMES,                    /* finished in this iteration */
    RUN_PULSE_STEPS, RUN_PULSE_STEPS_OF, /* taken in this iteration, of how many */
    RUN_PULSE_EVER_GAMES, RUN_PULSE_EVER_EVALS, /* finished and made since the ranks were started */
    /* continuous mode, see continuous.c: what all ranks act on alike */
    RUN_PULSE_FAILED, RUN_PULSE_STAGED, RUN_PULSE_READY, RUN_PULSE_MATCH,
    RUN_PULSE_ITEMS
};
enum tg_status run_control_open(struct run *run, struct tg_error *err);
void run_control_close(struct run *run);
/* The same with requests kept, around a change of communicators: counts in the pulse start anew. */
void run_control_pause(struct run *run);
enum tg_status run_control_resume(struct run *run, struct tg_error *err);
int64_t run_saves_heard(const struct run *run); /* requests to save that this rank has heard of */
/* Do not poll while waiting: this rank acts on every sum of the pulse, between its collectives. */
void run_control_hold(struct run *run, bool hold);
void run_control_wait(struct run *run, struct comm *c); /* what is kept up while c is waited for */
/* To be called at least every half second or so. True: leave the phase. */
bool run_poll(struct run *run);
void run_nap(void); /* a millisecond, between polls */
/* Was a phase left early, on any rank? The same answer everywhere. Collective on the world. */
bool run_cut(struct run *run);
/* The same on part of the ranks, without telling the others. */
bool run_cut_on(struct run *run, struct comm *c);
/* Does the run end here? Collective on the world. */
bool run_stop_agreed(struct run *run);
/* Saving took this long here. Collective on the world. */
void run_saved(struct run *run, double sec);

/* open.c - an iteration that is left before its end goes to disk, and is taken up again. */
enum tg_status run_leave(struct run *run, struct tg_error *err);
/* The file of finished games is what the manifest says, or they count as lost: one rank reads it for all. Collective on
 * selfplay. */
enum tg_status run_check_open(struct run *run, struct tg_error *err);
/* Games of this iteration that were finished, staged again, and those in flight, in the pool: have [n]
 * is set for games first .. first + n - 1 of the iteration. Not collective. */
enum tg_status run_take_up(struct run *run, int64_t first, int64_t n, bool *have, FILE *sgf,
                           struct tg_error *err);
/* The files of open iteration `iteration` are not needed any more. Rank 0. */
void run_forget_open(struct run *run, int64_t iteration);

/* Parts of it, for continuous mode. The first two collective on selfplay; taking up hands each frozen
 * game to `thaw`, which takes its bytes over, on rank (index % size). */
enum tg_status run_freeze(struct run *run, bool (*wanted)(const struct run *run, int64_t id),
                          struct tg_error *err);
enum tg_status run_thaw_all(struct run *run,
                            enum tg_status (*thaw)(struct run *run, struct selfplay_frozen *game,
                                                   struct tg_error *err), struct tg_error *err);
enum tg_status run_leave_training(struct run *run, struct tg_error *err);
/* Of games [n] of a shard, n > 0: the rows of how many are to be read at once. */
int64_t run_piece(const struct record_finished *games, int64_t n);
/* Finished games that lockstep mode has left open: this rank's share (*n_staged) into the writer. *next_id moves
 * behind the last one's id. Not collective. */
enum tg_status run_stage_finished(struct run *run, int64_t *n_staged, int64_t *next_id, struct tg_error *err);

/* phases.c, for open.c and continuous mode */
/* Several shards of one iteration as one: their counts added up, the rest as of the first. n > 0. */
void run_sum_shards(const struct replay_shard_info *shards, int64_t n, struct replay_shard_info *sum);
/* The last shards of a manifest that are of this iteration. */
int64_t run_count_shards(const struct manifest *m, int64_t iteration);
int64_t run_window_rows(const struct run_options *o, int64_t total);
void run_take_play(struct run *run, struct selfplay_stats *s); /* this rank's, since the last call */
void run_sum_play(struct run *run, struct selfplay_stats *s); /* the same over selfplay */
enum tg_status run_write_sgf(struct run *run, struct tg_error *err); /* run->sgf; rank 0 */
/* The champion before `player` that the "previous" opponents are until the next network; -1: none yet.
 * Collective on selfplay. */
int32_t run_previous(const struct run *run, int32_t player);
void run_make_job(const struct run *run, int64_t k, struct selfplay_job *job);
enum tg_status run_stage_game(struct run *run, FILE *sgf, struct record_finished *f,
                              const struct selfplay_job *job, struct tg_error *err);

/* signals.c - counts what came; handlers do nothing else. */
enum run_signal { RUN_USR1, RUN_USR2, RUN_TERM, RUN_INT, RUN_SIGNALS };
void run_signals_install(void);
int run_signals_count(enum run_signal s);
const char *run_signal_name(enum run_signal s);

/* inject.c */
enum tg_status run_inject_parse(const char *text, struct run_inject *inject, struct tg_error *err);
/* This rank begins a phase: "self-play", "commit", "train", "publish", "match", "checkpoint",
 * "manifest", "leave", "roles". Tells the watchdog, and makes the failure that was asked for. */
void run_phase(struct run *run, const char *phase);

/* continuous.c */
/* To the end of the run, a stop, or a change of roles; everything is on disk then. */
enum tg_status run_continuous(struct run *run, struct tg_error *err);

/* loop.c */
enum tg_status run_loop(struct run *run, bool *stopped, struct tg_error *err);
