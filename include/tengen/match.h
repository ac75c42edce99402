/* match.h - two players meet: games in colour-balanced pairs of openings, counted, rated, judged. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/log.h"
#include "tengen/selfplay.h"

struct match_options {  /* plain data */
    int games;                /* even: each opening is played with both colours */
    struct selfplay_settings settings; /* both sides': no noise; openings by opening_plies */
    uint64_t seed;
    int64_t match_id;         /* keys the openings: another match, other openings */
};

struct match_result {         /* seen by player a */
    int games, wins, losses, draws;
    int wins_black, games_black; /* of a as Black */
    double score;             /* (wins + draws / 2) / games */
    double elo, elo_stderr;   /* a - b, with a Bayesian prior of one draw; standard error */
    int distinct_games;       /* different move sequences */
    double plies;             /* mean length */
    double blunder_rate[2];   /* share of a's and b's plies whose move drops the root value by more
                                 than blunder_threshold */
};

/* Play a against b on the ranks of comm, each with its own pool, the games shared out; every rank gets
 * the same result. Games are handed to `keep` (may be NULL) on the rank that played them, which may
 * read them; they are freed after it. Collective. a and b name slots of the pool, the random bot or an
 * engine. */
enum tg_status match_play(struct comm *comm, struct selfplay_pool *pool, const struct game *game,
                          const struct selfplay_setups *setups, const struct selfplay_player *a,
                          const struct selfplay_player *b, const struct match_options *o,
                          void (*keep)(void *ctx, const struct record_finished *game,
                                       const struct selfplay_job *job),
                          void *ctx, struct match_result *result, struct tg_error *err);

/* Logistic Elo difference of a score in [0, 1] over n games with a prior of one drawn game, and its
 * standard error. */
void match_elo(double score, int games, double draws, double *elo, double *elo_stderr);

/* ---- judging a candidate --------------------------------------------------------------------- */

enum match_decision { MATCH_REJECT, MATCH_ACCEPT, MATCH_CONTINUE };

struct match_gate {           /* plain data */
    bool enabled;
    int games;
    float min_score;          /* promotion at this score or above: 0.55 */
    float min_baseline_score; /* against the pinned baseline network; 0: not played */
    float max_blunder_increase; /* over the champion's blunder rate; 1: off */
    float blunder_threshold;
    bool sprt;                /* instead of a fixed number: stop at a bound */
    float sprt_elo0, sprt_elo1, sprt_alpha, sprt_beta;
    bool rollback;            /* a rejected candidate: training goes back to the champion */
    int every;                /* iterations between matches */
};

/* Wald's sequential probability ratio test on wins, draws and losses with the normal approximation
 * of the generalised likelihood ratio; *llr and the bounds are for the log. */
enum match_decision match_sprt(const struct match_gate *gate, int wins, int draws, int losses,
                               double *llr, double *lower, double *upper);
enum match_decision match_gate_decide(const struct match_gate *gate, const struct match_result *r);

/* An outside engine that speaks GTP, started by a shell command. It is given boardsize, komi and the
 * moves; each genmove may take limit_sec. The caller closes it; the process is then ended. */
enum tg_status match_engine_open(const char *command, double limit_sec, struct tg_log *log,
                                 struct selfplay_engine *engine, struct tg_error *err);
void match_engine_close(struct selfplay_engine *engine);

/* ---- ratings over all matches of a run ---------------------------------------------------------- */

struct match_pairing { int32_t a, b; int games; double score_a; }; /* players by number */
/* Maximum a posteriori Bradley-Terry ratings (Hunter 2004, MM algorithm, one virtual draw between
 * each player and the anchor's average); rating[anchor] = 0, in Elo; stderr from the Hessian. */
enum tg_status match_ratings(const struct match_pairing *pairings, size_t n_pairings,
                             int32_t n_players, int32_t anchor, double *rating,
                             double *rating_stderr, struct tg_error *err);
