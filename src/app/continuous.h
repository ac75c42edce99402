/* continuous.h - private to src/app: a run in which games never wait for training, nor training for
 * games. See continuous.c. */
#pragma once

#include "run.h"

/* What the train root tells of a round of training, in front of its parameters. */
struct round_notice {
    struct train_stats stats;
    double train_sec, wait_sec;
    uint64_t checkpoint_hash;
    int64_t n_trained;           /* shards that training has had, from the run's first */
    int64_t n_rows;              /* new ones in this round */
};

/* Settings that games in flight point to: kept to the end. */
struct kept_settings { struct selfplay_settings settings; struct kept_settings *next; };

struct continuous {
    struct comm *line;           /* self-play ranks and the train root; NULL on the other trainers */
    int line_root;               /* the train root in it */
    int64_t pulse;               /* the last sum that was acted on */
    int64_t n_ready, n_published; /* rounds of this process: trained, published; equal on all of line */
    int64_t n_saves;             /* requests to save that were acted on */
    bool over;                   /* leave: the same sum tells all */
    enum tg_status rc;           /* of what failed inside a poll */
    struct tg_error err;
    /* self-play ranks */
    struct kept_settings *settings; /* owned list, the newest first */
    int64_t next_id;             /* of this rank's next game; steps by the number of self-play ranks */
    int64_t n_staged;            /* games since the last commit */
    int limit;                   /* games at once on this rank */
    int64_t posted;              /* shards announced to the train root; rank 0 */
    struct match *match;         /* under way, or NULL */
    int32_t match_a, match_b;
    struct match_gate match_gate;           /* what it is judged by, and what its games are like: as when it */
    struct selfplay_setups match_setups;    /* began, whatever schedules say of later rounds of training */
    int64_t match_pulse;         /* when games were last added to it */
    double match_start;
    struct kept_games match_games; /* its finished games of this rank */
    FILE *sgf;
    double since;                /* the moment from which figures.play counts: a round's end is the next one's start */
    double age;                  /* sum over the rows committed in this round */
    /* trainers */
    int64_t iteration;           /* of the next round */
    struct round_notice notice;  /* train root: of the round that waits to be published */
    struct replay_shard_info *waiting; /* train root: owned [n_waiting] announced, not trained on */
    int64_t n_waiting, cap_waiting, fetched;
    int64_t n_trained, n_old_shards; /* old: written before this start */
    int64_t open_shards;         /* of the round under way, where it was left; they are in the window */
    double wait_sec;
};

/* continuous.c */
/* Hear the others, and do what the pulse says: publish, commit, begin or end a match, leave. On the
 * ranks of line; each sum is acted on once, by all alike. */
enum tg_status continuous_act(struct run *run, struct tg_error *err);
/* Collective on line: what the train root has ready goes to the self-play ranks. */
enum tg_status continuous_publish(struct run *run, struct tg_error *err);

/* continuous_play.c: self-play ranks */
enum tg_status continuous_play_open(struct run *run, struct tg_error *err);
enum tg_status continuous_play(struct run *run, struct tg_error *err);
/* What was played since the last call goes into figures.play, of all ranks. Collective on selfplay. */
void continuous_count_play(struct run *run);
/* While the main thread waits for other ranks: games for its workers, who would otherwise run out of them. */
void continuous_keep_playing(struct run *run);
enum tg_status continuous_commit(struct run *run, struct tg_error *err); /* collective on selfplay */
/* The published network (in model.params) into the pool, and a match for it. Collective on selfplay. */
enum tg_status continuous_take_network(struct run *run, struct tg_error *err);
/* No rank waits for a game of the match: it gets more of them (SPRT, undecided), or it is judged and ends. Collective
 * on selfplay. */
enum tg_status continuous_tell_match(struct run *run, struct tg_error *err);
enum tg_status continuous_play_leave(struct run *run, struct tg_error *err); /* collective on selfplay */
void continuous_play_close(struct run *run);

/* continuous_train.c: trainers */
enum tg_status continuous_train(struct run *run, struct tg_error *err);
