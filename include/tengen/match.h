/* match.h - two players meet: games in colour-balanced pairs of openings, counted, rated, judged. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/log.h"
#include "tengen/selfplay.h"

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

struct match_options {  /* plain data */
    int games;                /* even: each opening is played with both colours */
    struct selfplay_settings settings; /* both sides': no noise; openings by opening_plies */
    uint64_t seed;
    int64_t match_id;         /* keys the openings: another match, other openings */
    struct match_gate gate;   /* read of it: blunder_threshold (0: 0.5) and sprt with its numbers: the
                                 games then come in rounds and end when match_sprt decides. All 0: a
                                 plain match of `games` games */
};

struct match_result {         /* seen by player a */
    int games, wins, losses, draws;
    int wins_black, games_black; /* of a as Black */
    double score;             /* (wins + draws / 2) / games */
    double elo, elo_stderr;   /* a - b, with a Bayesian prior of one draw; standard error */
    int distinct_games;       /* different move sequences */
    double plies;             /* mean length */
    double blunder_rate[2];   /* a's and b's: of the plies that they searched, the share after which
                                 their own next root value (or the outcome) is lower by more than
                                 blunder_threshold; values run from -1 to 1 */
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

/* The same for a caller whose pool plays other games meanwhile, and who may leave early: open, then
 * rounds of push, add of each finished game that match_owns, and tell when no rank waits for more.
 * setups is borrowed, o is copied; settings of games in flight lie in the match: it must outlive
 * them. */
struct match;
enum tg_status match_open(struct comm *comm, const struct selfplay_setups *setups,
                          const struct selfplay_player *a, const struct selfplay_player *b,
                          const struct match_options *o, struct match **m,
                          struct tg_error *err); /* Collective. */
/* Queue this rank's games of the next round (with SPRT a few pairs, else all). Not collective. */
enum tg_status match_push(struct match *m, const struct game *game, struct selfplay_pool *pool,
                          struct tg_error *err);
bool match_owns(const struct match *m, int64_t game_id);
enum tg_status match_add(struct match *m, const struct record_finished *game,
                         const struct selfplay_job *job, struct tg_error *err);
int match_waiting(const struct match *m); /* games of this rank, pushed and not added */
/* The result so far. *more: SPRT wants another round. Collective. */
enum tg_status match_tell(struct match *m, struct match_result *result, bool *more,
                          struct tg_error *err);
void match_close(struct match *m); /* NULL is allowed */

/* Logistic Elo difference of a score in [0, 1] over n games, `draws` of them drawn, with a prior of
 * one game that counts half a win and half a loss (so both are finite), and its standard error. */
void match_elo(double score, int games, double draws, double *elo, double *elo_stderr);

/* ---- judging a candidate --------------------------------------------------------------------- */

enum match_decision { MATCH_REJECT, MATCH_ACCEPT, MATCH_CONTINUE };

/* Wald's sequential probability ratio test of Elo difference sprt_elo1 against sprt_elo0, by the
 * generalised likelihood ratio of the three counts (the share of draws is a free parameter). Without
 * draws it is wins ln(p1 / p0) + losses ln((1 - p1) / (1 - p0)). Accepted above *upper =
 * ln((1 - beta) / alpha), rejected below *lower = ln(beta / (1 - alpha)). */
enum match_decision match_sprt(const struct match_gate *gate, int wins, int draws, int losses,
                               double *llr, double *lower, double *upper);
/* Accepted if the gate is off; else by the score (or SPRT; undecided after all of gate->games, the
 * score decides) and the blunder rate. MATCH_CONTINUE only from SPRT before that. */
enum match_decision match_gate_decide(const struct match_gate *gate, const struct match_result *r);
/* The same with the match against the pinned baseline (NULL: none was played), and in words for log
 * and manifest: why [n]. */
enum match_decision match_gate_judge(const struct match_gate *gate, const struct match_result *r,
                                     const struct match_result *baseline, char *why, size_t n);

/* An outside engine that speaks GTP, started by a shell command in a process group of its own. It is
 * given board size, komi and the moves, one game after the other (match_play never asks it for two at
 * once); each genmove may take limit_sec. A dead engine, a late answer or one that is no GTP is
 * TG_EIO with the command and the last line; a move that the rules forbid is counted as resignation
 * and logged. The caller closes it: `quit`, then its process group is ended and reaped. */
enum tg_status match_engine_open(const char *command, double limit_sec, struct tg_log *log,
                                 struct selfplay_engine *engine, struct tg_error *err);
void match_engine_close(struct selfplay_engine *engine);

/* ---- ratings over all matches of a run ---------------------------------------------------------- */

struct match_pairing { /* one match */
    int32_t a, b;      /* players by number */
    int games;
    double score_a;    /* share of the points, 0..1, as match_result.score */
};

/* Bradley-Terry ratings at the maximum of the likelihood in which every two players who met have one
 * drawn game more than they played, so that all are finite (the likelihood is concave: Newton's
 * method with halved steps finds it, also for long chains of networks, where MM sweeps crawl). rating[anchor] = 0, in Elo; stderr from the Hessian, of the difference to the
 * anchor. Players whom no chain of games joins to the anchor are tied to it by one drawn game.
 * TG_EINVAL: a player number or score out of range. */
enum tg_status match_ratings(const struct match_pairing *pairings, size_t n_pairings,
                             int32_t n_players, int32_t anchor, double *rating,
                             double *rating_stderr, struct tg_error *err);
