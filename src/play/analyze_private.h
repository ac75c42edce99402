/* analyze_private.h - private to analyze*.c: queries, searches, and who may touch them. */
#pragma once

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>

#include "outlook.h"
#include "tengen/game.h"
#include "tengen/play.h"

/* ---- a query ------------------------------------------------------------------------------------ */

struct analyze_move {
    int16_t action;
    uint8_t color; /* enum game_color */
};

/* What one line asks for. Its positions share it: each counts as a use. */
struct query {
    atomic_int n_uses;
    char *id;                    /* owned */
    const struct game *game;     /* of the tensor that its board is played on */
    struct game_setup setup;
    uint8_t stones[GAME_MAX_POINTS];
    bool has_stones;
    uint8_t to_move;             /* enum game_color, at turn 0 */
    struct analyze_move *moves;  /* owned [n_moves] */
    int n_moves;
    bool *asked;                 /* owned [n_moves + 1]: turns to analyse */
    int64_t *priority;           /* owned [n_moves + 1] */
    struct search_settings settings;
    int visits;
    double sec;                  /* negative: no limit */
    double report_sec, first_report_sec; /* 0: only at the end */
    int pv_moves;
    enum analyze_view view;
    bool policy, pv_visits, no_result, stdev, moves_stdev;
    int outlook_flags;           /* enum outlook_flags */
    bool ownership, moves_ownership;
    int32_t *banned_until;       /* owned [2 * A], by color: a move is out above that depth; or NULL */
};

void query_unuse(struct query *q);
/* The position of a turn. False: *bad is the number of the move that cannot be played. */
bool query_position(const struct query *q, int turn, struct position *pos, int *bad);

/* ---- a position that is analysed ------------------------------------------------------------------- */

struct lane;

struct task {
    struct query *query;      /* one use of it */
    int turn;
    int64_t priority, number; /* number: in order of arrival */
    atomic_bool stop;         /* terminated */
    int n_pins;               /* workers that hold it; under the analyzer's lock */
    bool retired;             /* answered; under the analyzer's lock */

    /* From when it is searched; the rest is under this lock. */
    pthread_mutex_t lock;
    struct lane *lane;
    struct search *search;    /* owned */
    struct outlook *outlook;  /* owned */
    struct position *pos;     /* owned */
    float *policy;            /* owned [A]: the network's at the root, once has_root */
    struct nn_eval root;
    bool has_root, done;
    int n_flying;
    int64_t visits;
    size_t bytes;             /* of its tree, as last counted */
    double deadline, next_report; /* tg_now; INFINITY: none */
};

/* ---- boards of one tensor ---------------------------------------------------------------------------- */

enum { N_LANES = 4 };

struct lane {
    struct game game;
    bool ready;               /* the network is open for it */
    struct nn_net *net;       /* owned */
    struct nn_batch *batches; /* owned, one a worker */
};

/* ---- evaluations that are kept ------------------------------------------------------------------------- */

struct cache;

/* NULL without memory. */
struct cache *cache_open(size_t bytes);
void cache_close(struct cache *c); /* NULL is allowed */
/* floats [n] under this key. False: they are not there. */
bool cache_find(struct cache *c, uint64_t key, float *floats, size_t n);
/* Keep a copy, in place of another if need be. */
void cache_keep(struct cache *c, uint64_t key, const float *floats, size_t n);
void cache_clear(struct cache *c);

/* ---- the analyzer ------------------------------------------------------------------------------------- */

/* A leaf that lies in a worker's batch. */
struct row {
    struct task *task;
    struct search_leaf leaf; /* its position lies in the worker's */
    uint64_t key;            /* in the cache */
};

struct worker {
    struct analyzer *a;
    pthread_t thread;
    int index;
    unsigned turn;              /* whose leaves come first */
    struct position *positions; /* owned [batch]: of the rows of its batch */
    struct row *rows;           /* owned [batch] */
    float *kept;                /* owned: an evaluation from or for the cache */
    struct task **pinned;       /* owned [parallel] */
    struct game_memo memo;      /* its room is owned */
};

struct analyzer {
    struct analyze_options o;
    struct tg_log *log;
    struct nn_model model;
    const struct nn_backend *backend;
    struct lane lanes[N_LANES];
    struct cache *cache;
    struct worker *workers;     /* owned [n_workers] */
    int n_workers, batch;
    atomic_size_t tree_bytes;
    atomic_int n_searched;
    atomic_uint symmetries;     /* another number, other symmetries */

    pthread_mutex_t out_lock;
    FILE *out;

    pthread_mutex_t lock; /* guards what follows; may be held when a task's is taken, not after */
    pthread_cond_t changed, idle;
    bool quit;
    uint64_t epoch;             /* counts changes that may give a waiting worker something to do */
    struct task **waiting;      /* owned heap [n_waiting]: the most urgent first */
    size_t n_waiting, cap_waiting;
    struct task **active;       /* owned [parallel] */
    int n_active;
    int64_t n_tasks;            /* ever */
};

/* analyze_query.c: NULL: the error is answered. Warnings are too. */
struct query *query_read(struct analyzer *a, const char *id, const cJSON *json);
/* The lane whose tensor a board of these sides is played on. */
struct lane *pool_lane(struct analyzer *a, int width, int height);

/* analyze_pool.c */
enum tg_status pool_open(struct analyzer *a, struct tg_error *err);
void pool_close(struct analyzer *a);
/* Queue all turns that q asks for; takes the caller's use over. False: too many wait. */
bool pool_add(struct analyzer *a, struct query *q);
/* End searches of this id (NULL: any), of these turns [n] (n -1: any). */
void pool_terminate(struct analyzer *a, const char *id, const int *turns, int n);

/* Does x come before y? */
bool task_sooner(const struct task *x, const struct task *y);
void task_free(struct task *t);
/* Take the next waiting task off the heap, which is not empty. Under the analyzer's lock. */
struct task *pool_next(struct analyzer *a);
/* The network for this lane's boards. Under the analyzer's lock. */
enum tg_status pool_open_lane(struct analyzer *a, struct lane *lane, struct tg_error *err);

/* analyze_work.c: a worker's thread; how many floats an evaluation on a board of g is kept as. */
void *work_run(void *worker);
size_t work_floats(const struct analyzer *a, const struct game *g);

/* analyze_answer.c: whole lines to a->out. */
void answer_error(struct analyzer *a, const char *id, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void answer_warning(struct analyzer *a, const char *id, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void answer_json(struct analyzer *a, const cJSON *json);
void answer_nothing(struct analyzer *a, const struct task *t);
/* What t's search found so far; under its lock. */
void answer_analysis(struct analyzer *a, struct task *t, bool during);
