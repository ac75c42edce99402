/* fake.h - a search with an evaluator that is a function of the position. */
#pragma once

#include "tengen/search.h"
#include "tg_test.h"

struct fake_eval {
    float logits[GAME_MAX_ACTIONS];
    float win, loss, no_result, lead, stdev;
};

struct fake {
    struct game game;
    struct position pos; /* of the next search */
    struct search *s;
    struct search_settings set;
    uint64_t seed;
    int n_leaves; /* taken before any is given back; 1 */
    void (*eval)(const struct fake *f, const struct position *pos, struct fake_eval *e);
    float policy[GAME_MAX_ACTIONS]; /* logits of the evaluators that read them */
    float param;
    struct tg_error err;
};

/* A default game of this kind; settings: the defaults without reuse and score, 200 visits, the
 * pass not avoided. Evaluator: fake_uniform. */
void fake_open(struct fake *f, enum game_kind kind, int size);
void fake_close(struct fake *f);
/* Play these vertices from the current position, as "B2 A1 pass". */
void fake_play(struct fake *f, const char *vertices);
int fake_vertex(const struct fake *f, const char *vertex);

/* Start a search of f->pos and run it to its end; its result. */
struct search_result fake_search(struct fake *f);
void fake_start(struct fake *f);
struct search_result fake_run(struct fake *f);
/* Evaluate and give back one leaf. */
void fake_expand(struct fake *f, const struct search_leaf *leaf);
/* The result's child of an action; fails the test where there is none. */
const struct search_child *fake_child(const struct search_result *r, int action);
int fake_visited(const struct search_result *r); /* children with a visit */
/* The most visits of a child. */
int fake_most(const struct search_result *r);
/* root visits = 1 + children's. */
void fake_check_counts(const struct search_result *r);

/* Even chances, flat policy. */
void fake_uniform(const struct fake *f, const struct position *pos, struct fake_eval *e);
/* Policy and value scattered by the position's hash. */
void fake_hashed(const struct fake *f, const struct position *pos, struct fake_eval *e);
/* f->policy everywhere, even chances. */
void fake_policy(const struct fake *f, const struct position *pos, struct fake_eval *e);
/* f->policy everywhere; the value of every position is that of the root's action it came by. */
void fake_by_first_move(const struct fake *f, const struct position *pos, struct fake_eval *e);
/* That value for the player at the root. */
float fake_first_move_value(int action);
