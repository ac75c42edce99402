/* player.h - private to src/play: one player that thinks about one position at a time, for the
 * dialogues with people and their programs (GTP, Gomocup, analysis).
 *
 * With a network it searches one tree on several threads, several leaves a batch, and keeps the tree
 * between moves; without one it plays uniformly at random. The tensor has the size of the board that
 * is played on, so that a network of 19x19 loses nothing on 9x9. */
#pragma once

#include "outlook.h"
#include "tengen/game.h"
#include "tengen/log.h"
#include "tengen/nn.h"
#include "tengen/play.h"
#include "tengen/search.h"

struct player;

/* TG_EINVAL, TG_EFORMAT: the network's file. Borrows log. */
enum tg_status player_open(const struct player_options *o, struct tg_log *log, struct player **p,
                           struct tg_error *err);
void player_close(struct player *p); /* NULL is allowed */

const struct game *player_game(const struct player *p); /* valid until the next player_resize */
bool player_has_net(const struct player *p);
const char *player_net_name(const struct player *p); /* "random" without one */
/* Positions of another tensor side from now on; the old ones are void. */
enum tg_status player_resize(struct player *p, int size, struct tg_error *err);
/* Settings of its searches: may be changed between them. */
struct search_settings *player_settings(struct player *p);

/* Thinking ends when the tree is larger than this (2 GiB unless told otherwise). */
void player_limit_tree(struct player *p, size_t bytes);

struct player_limits {
    int visits;     /* of the root */
    double sec;     /* thinking ends by then; negative: no limit */
    double hard_sec; /* > sec: the first evaluation, without which a move is random, may take so long */
    const int32_t *banned_until; /* [2 * A] by color: a move is not searched above that depth; or NULL */
};

/* What an observer may do while a search runs; all NULL: nothing. The search stands still during
 * report. */
struct player_watch {
    void *ctx;
    double interval_sec; /* between two reports */
    void (*report)(void *ctx, struct search *s);
    /* Asked some hundred times a second: true ends the thinking. */
    bool (*interrupted)(void *ctx);
    bool until_interrupted; /* the visits are spent: wait on, reporting, until interrupted */
};

/* Search pos (not over), which may continue the last one searched. w may be NULL. */
enum tg_status player_think(struct player *p, const struct position *pos,
                            const struct player_limits *limits, const struct player_watch *w,
                            struct tg_error *err);
/* The move that the last player_think found for this pos; without a network, or if there was no time
 * for a single evaluation, a random one. Legal. */
int player_choose(struct player *p, const struct position *pos);
/* The tree of the last player_think, and what its leaves said, ownership too; NULL without a network. */
struct search *player_search(struct player *p);
const struct outlook *player_outlook(const struct player *p);
/* action was played at the position last thought about: keep what the tree knows of it. */
void player_advance(struct player *p, int action);
/* Forget the tree. */
void player_forget(struct player *p);

/* What the network says of pos, side to move; policy [A] sums to 1 over the legal actions, -1 on the
 * others; ownership [S * S]. TG_EINVAL without a network. */
struct player_eval {
    struct nn_eval eval;
    float policy[GAME_MAX_ACTIONS];
    float ownership[GAME_MAX_POINTS];
};
enum tg_status player_evaluate(struct player *p, const struct position *pos, int symmetry,
                               struct player_eval *e, struct tg_error *err);
