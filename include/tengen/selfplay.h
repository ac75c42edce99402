/* selfplay.h - a pool of games that are played at once, by networks, a random bot or outside engines.
 *
 * A job says what one game is: its id, its two players, its settings. Self-play, sparring and
 * matches are all jobs. What a game becomes is a function of the job and the networks alone (all its
 * randomness is keyed by run seed and game id), not of the pool's size, its threads, or the rank.
 *
 * Worker threads own groups of games: they walk every game of a group to its next leaf, infer the
 * group's batch, hand the evaluations back. The caller's thread feeds jobs and takes finished games,
 * and is free to talk to other ranks in between. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/log.h"
#include "tengen/nn.h"
#include "tengen/record.h"
#include "tengen/search.h"

/* An outside engine that plays one side of one game (match/ has one that speaks GTP). */
struct selfplay_engine {
    void *ctx;
    /* A new game from this position. */
    enum tg_status (*start)(void *ctx, const struct game *g, const struct position *pos,
                            struct tg_error *err);
    /* The other side (or the opening) played action; pos is the position before it. */
    enum tg_status (*played)(void *ctx, const struct game *g, const struct position *pos, int action,
                             struct tg_error *err);
    /* *action := its move, -1 for resignation. */
    enum tg_status (*genmove)(void *ctx, const struct game *g, const struct position *pos,
                              int *action, struct tg_error *err);
};

enum { SELFPLAY_SLOTS = 4, SELFPLAY_SIZES = 16 };

/* A side of a game. */
struct selfplay_player {
    uint8_t kind;  /* enum record_player */
    uint8_t slot;  /* RECORD_NETWORK: which network of the pool */
    int32_t net;   /* its published number, for the record; -1: none */
    const struct selfplay_engine *engine; /* RECORD_ENGINE; borrowed */
};

/* How games are played; all plain data, resolved per iteration. */
struct selfplay_settings {
    struct search_settings search; /* of a full search */
    /* Playout-cap randomisation: this share of the moves gets cheap_visits, no noise, no forced
     * playouts, and is no policy target. */
    float cheap_share;
    int cheap_visits;
    bool record_cheap;       /* keep a row of them too (value target only) */
    /* Openings: uniform-random plies, 0..opening_plies of them by the game's stream. */
    int opening_plies;
    bool opening_exact;      /* exactly opening_plies */
    float random_move_share; /* of the later moves, a uniform-random one is played (searched all the same) */
    /* Resignation: both the value of the side to move and of its last own search below -resign_value. */
    float resign_value;      /* utility 0..1; 0: never */
    int resign_min_ply;
    float resign_holdout;    /* share of the games that play on, to count wrong resignations */
    int max_plies;           /* the game is scored as it stands there; 0: GAME_MAX_PLIES */
    bool end_when_decided;   /* stop where game_decided */
    float policy_surprise;   /* share of the row weight given by KL(target || prior); 0: none */
};

struct selfplay_job {
    int64_t id;              /* game id: also the key of all its randomness */
    uint64_t seed;           /* run seed */
    uint64_t opening_key;    /* opening moves are drawn from (seed, TG_RNG_MATCH, opening_key): both
                                games of a match pair share it; self-play: its own id */
    struct game_setup setup;
    struct selfplay_player player[2]; /* Black, White */
    bool record;             /* rows are wanted */
    const struct selfplay_settings *settings[2]; /* of Black and White; borrowed for the game */
};

struct selfplay_stats { /* sums since the pool was opened (or last taken) */
    int64_t games, plies, evaluations, batches, rows;
    int64_t searches;
    double infer_sec, busy_sec, idle_sec; /* summed over worker threads; busy is all but infer and idle */
};

struct selfplay_pool;

struct selfplay_pool_options {
    int threads;        /* worker threads */
    int parallel_games; /* at once, over all threads */
    int groups_per_thread; /* 1 where infer runs in its caller; 2 lets a device work meanwhile */
};

enum tg_status selfplay_open(const struct game *game, const struct selfplay_pool_options *options,
                             struct tg_log *log, struct selfplay_pool **pool, struct tg_error *err);
void selfplay_close(struct selfplay_pool *pool); /* drops games in flight. NULL is allowed. */

/* The network of a slot (borrowed: its parameters may be replaced between runs). Not while games that
 * use the slot are in flight. NULL net empties the slot. */
enum tg_status selfplay_network(struct selfplay_pool *pool, int slot,
                                const struct nn_backend *backend, struct nn_net *net,
                                const struct nn_arch *arch, struct tg_error *err);

/* Queue jobs [n] (copied). TG_EINVAL if one cannot be played. */
enum tg_status selfplay_push(struct selfplay_pool *pool, const struct selfplay_job *jobs, size_t n,
                             struct tg_error *err);

/* Wait at most timeout_sec for a finished game; *finished is then the caller's, with its job, and
 * *got true. *idle: no job is queued or in flight any more. A worker's failure comes out here, once,
 * and the pool is then only good for selfplay_close. */
enum tg_status selfplay_take(struct selfplay_pool *pool, double timeout_sec,
                             struct record_finished *finished, struct selfplay_job *job, bool *got,
                             bool *idle, struct tg_error *err);

/* Drop what is queued and in flight; returns when the workers are idle. */
void selfplay_cancel(struct selfplay_pool *pool);

/* ---- stopping and going on ---------------------------------------------------------------------- */

/* A game in flight as bytes, for the same build to go on with: moves, rows, random streams, trees. */
struct selfplay_frozen {
    int64_t id;
    uint8_t *bytes; /* owned [n_bytes] */
    size_t n_bytes;
};

/* Take all games in flight out of the pool: *games (malloc'd [*n]; the caller frees each's bytes, and
 * it). At most max_bytes of them; the rest, and jobs not begun, are dropped. Games of outside engines
 * cannot be frozen: TG_EINVAL. */
enum tg_status selfplay_freeze(struct selfplay_pool *pool, size_t max_bytes,
                               struct selfplay_frozen **games, size_t *n, struct tg_error *err);
/* Was it one network against itself? Its job must be, too. */
bool selfplay_frozen_self(const struct selfplay_frozen *game);
/* Queue the job of a frozen game; takes its bytes over, also on failure. The game goes on as if it had
 * not stopped, bit for bit. One of another build is logged and played from its start. */
enum tg_status selfplay_thaw(struct selfplay_pool *pool, const struct selfplay_job *job,
                             struct selfplay_frozen *game, struct tg_error *err);

/* Between pause (which returns when no batch is under way) and resume the caller may change the
 * parameters of the pool's networks. Games go on with their trees. */
enum tg_status selfplay_pause(struct selfplay_pool *pool, struct tg_error *err);
void selfplay_resume(struct selfplay_pool *pool);
/* Searches of this slot that begin from now on name this network in their rows, whatever their job
 * said; -1: as the job says. Only while the pool is paused or idle. */
void selfplay_number(struct selfplay_pool *pool, int slot, int32_t net);
/* At most so many games in flight from now on: running ones are played to their end. */
void selfplay_limit(struct selfplay_pool *pool, int games);
/* Games that wait and games in flight. */
void selfplay_load(struct selfplay_pool *pool, int64_t *queued, int64_t *flying);

/* Sums since the last call, then 0. */
void selfplay_stats_take(struct selfplay_pool *pool, struct selfplay_stats *stats);
/* The same sums, which go on. */
void selfplay_stats_peek(struct selfplay_pool *pool, struct selfplay_stats *stats);

/* ---- which games an iteration consists of ------------------------------------------------------ */

/* Shares of opponents over one iteration: exact (rounded to whole games) for any number of ranks,
 * colours balanced to one game, spread evenly over the ids. The rest is the network against itself. */
struct selfplay_mix {
    float random_bot;   /* share of games against the uniform-random bot */
    float previous;     /* share against an older published network */
};

enum selfplay_opponent { SELFPLAY_SELF, SELFPLAY_RANDOM_BOT, SELFPLAY_PREVIOUS };

/* Game number k of an iteration of n games: its opponent, and the colour of the network that learns
 * (enum game_color; meaningless for SELFPLAY_SELF). */
void selfplay_mix_pick(const struct selfplay_mix *mix, int64_t n, int64_t k,
                       enum selfplay_opponent *opponent, enum game_color *learner);

/* Boards and rules that games draw from. */
struct selfplay_setups {
    int n_sizes;
    struct { uint8_t width, height; float weight; } sizes[SELFPLAY_SIZES];
    struct game_setup base;    /* rules and komi */
    float komi_stdev;          /* go: komi is drawn around the base's, in points, halves kept */
    float random_rules_share;  /* go: share of the games with ko, suicide, tax drawn at random */
};
/* The set-up of game id: drawn from (seed, TG_RNG_GAME, id). */
void selfplay_setup_draw(const struct game *game, const struct selfplay_setups *setups,
                         uint64_t seed, int64_t id, struct game_setup *setup);
