/* plan.h - private to src/app: what a run will cost, before it is submitted.
 *
 * plan_time.c and plan_space.c are arithmetic: figures in, figures out, no files. plan_facts.c and plan_run.c find
 * the figures, plan.c goes through the iterations, plan_print.c shows the sums. All times are seconds. */
#pragma once

#include "tengen/nn.h"
#include "tengen/script.h"

/* What games are like: by default, by option, or as a run had them. */
struct plan_game {
    double plies;           /* a game's */
    double spread;          /* standard deviation of a game's plies, as a share of them */
    double evals_per_visit; /* below 1: trees are kept from move to move, and games end in them */
    double rows_per_ply;
    double row_disk_bytes;  /* of a row in a shard, with its share of all else there but the structure */
    double sgf_ply_bytes;
    double match_plies;
    double host_sec;        /* of a thread, for an evaluation, beside the network */
    bool measured;          /* by the run that --run names */
};

/* Of each iteration of a run. */
struct plan_games {
    struct plan_game *first; /* owned [n_first]: of the first iterations, as a run had them */
    int64_t n_first;         /* 0: no run */
    struct plan_game later;  /* of all others */
};

struct plan_machine {
    int ranks, hosts;
    int cores;              /* of a host */
    const struct nn_device *device;
    double scale;           /* this run's network takes so many times as long as the table's */
    double network, disk;   /* bytes/s: between hosts, and into files */
};

/* What follows from roles and machine; see plan_roles. */
struct plan_roles { int play, train, threads; bool all; double crowd; };

struct plan_cost { /* of one iteration */
    double games, rows, evals, steps, matches;
    double play, tail;      /* all workers busy; then the last games are waited for */
    double train, match, commit, save;
    double wall;
    double wait_play, wait_train; /* shares of the wall time in which self-play and trainer ranks wait */
    double age;             /* of drawn rows, in networks */
};

enum { PLAN_SHARD_BYTES = 16000 }; /* of a shard without rows: structure and attributes */

struct plan_space { /* bytes, but where it says otherwise */
    double shards, nets, checkpoints, sgf;
    double logs;            /* all else: log.jsonl, events, manifest and the one before it, config, ranks */
    double inodes;
    double memory;          /* of the host that needs the most */
    bool prioritised;       /* so far: replay.priority_alpha was above 0 */
};

enum { PLAN_AGE_WINDOW = 4096 };
struct plan_past { /* rows that iterations made, the newest last */
    double rows[PLAN_AGE_WINDOW];
    int n;
    double total;
};

/* TG_EINVAL: the roles that cluster.trainers asks for cannot be had. */
enum tg_status plan_roles(const struct run_options *o, const struct plan_machine *m, struct plan_roles *r,
                          struct tg_error *err);
/* Evaluations a second of one self-play rank with so many games at once, of `nets` networks in turn. */
double plan_eval_rate(const struct plan_game *g, const struct plan_machine *m, const struct plan_roles *r,
                      double games, int nets);
/* Seconds that a rank takes for n games of so many evaluations; *tail: of these with fewer and fewer games. */
double plan_games_sec(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                      const struct plan_game *g, double n, double evals, int nets, double *tail);
/* Seconds of one step of training. n_params of the network. */
double plan_step_sec(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                     double n_params);
double plan_visits_per_ply(const struct run_options *o); /* mean, over full and cheap searches */
/* Everything of iteration number i (from 0); its rows go into past. */
void plan_iteration(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                    const struct plan_game *g, double n_params, double row_bytes, int64_t i,
                    struct plan_past *past, struct plan_cost *c);

/* Games of the candidate with the champion, and with the baseline where the gate asks for it: 1 or 2 files. */
int plan_match_turns(const struct run_options *o);
/* Add what an iteration leaves on disk, but its checkpoint, which is kept for a while only. */
void plan_space_add(const struct run_options *o, const struct plan_machine *m, const struct plan_game *g,
                    const struct plan_cost *c, double n_params, struct plan_space *s);
/* Add a checkpoint that is still there at the end; rows: that were made before it. */
void plan_space_checkpoint(const struct run_options *o, double n_params, double rows, struct plan_space *s);
/* Add the config's text as script_text gives it, wherever a run keeps it. */
void plan_space_config(const char *text, struct plan_space *s);
/* What is there once: network 0, fixed files, memory. */
void plan_space_rest(const struct run_options *o, const struct plan_machine *m, const struct plan_roles *r,
                     const struct game *game, double n_params, double row_bytes, double rows_in_all,
                     struct plan_space *s);

/* plan_facts.c. d: a table. */
void plan_game_default(const struct run_options *o, const struct nn_device *d, struct plan_game *g);
/* How many times an evaluation of this network takes that of the table's. */
enum tg_status plan_scale(const struct nn_device *d, const struct run_options *o, const struct game *game,
                          double *scale, struct tg_error *err);

/* plan_run.c */
/* The run in dir as it went, in place of the defaults that are in games->later; what it cannot say stays. Where it
 * was on cores and d is a table of one, so does a thread's time beside the network, by the ratio of both. TG_EINVAL:
 * no run, or one of another game, or without games. The caller closes games, after a failure too. */
enum tg_status plan_games_of_run(const char *dir, const struct game *game, const struct nn_device *d,
                                 struct plan_games *games, struct tg_error *err);
const struct plan_game *plan_game_at(const struct plan_games *games, int64_t i); /* iteration i, from 0 */
void plan_games_close(struct plan_games *games);

/* ---- the whole plan, for plan_print.c ----------------------------------------------------------- */

struct plan_sums {
    struct plan_cost cost;  /* sums; ages and waits weighted by wall time */
    double start;           /* of the program */
    int64_t iterations;
};

struct plan {
    struct plan_machine machine, twice;
    struct plan_roles roles, roles_twice;
    struct plan_games games;
    struct plan_sums sums, sums_twice;
    struct plan_space space, space_twice;
    bool can_double;
    const char *config;
    char name[64], net[160];
    struct run_options o;   /* of the last iteration */
};

void plan_print(const struct plan *p);
void plan_print_json(const struct plan *p);
/* Every option that follows the iteration, in ranges of iterations with one value. */
enum tg_status plan_print_schedules(struct script *s, int64_t iterations, struct tg_error *err);
