/* continuous_train.c - trainers in continuous mode: rounds on what was announced. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "continuous.h"
#include "tengen/file.h"
#include "tengen/hash.h"

enum { ROUND_SHARDS = 16, IDLE_SEC = 1 };

/* What the train root tells the other trainers to do. */
struct order {
    bool leave;
    bool in_window;              /* the shards are there already: a round that was left */
    int32_t latest;
    int n_shards;
    struct replay_shard_info shards[ROUND_SHARDS];
    struct run_options o;
};

static bool root(const struct run *run) { return comm_rank(run->train) == 0; }

static enum tg_status fetch_shards(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct replay_shard_info s;

    while (comm_fetch(c->line, &s, sizeof s)) {
        if (c->n_waiting == c->cap_waiting) {
            int64_t cap = 2 * c->cap_waiting + 16;
            struct replay_shard_info *grown = realloc(c->waiting, (size_t)cap * sizeof *grown);

            if (grown == NULL)
                return FAIL(err, TG_ENOMEM, "%lld shards that wait", (long long)cap);
            c->waiting = grown;
            c->cap_waiting = cap;
        }
        c->waiting[c->n_waiting++] = s;
        c->fetched++;
    }
    return TG_OK;
}

static int take_shards(struct continuous *c, int most, struct replay_shard_info *shards)
{
    int n = c->n_waiting < most ? (int)c->n_waiting : most;

    memcpy(shards, c->waiting, (size_t)n * sizeof *shards);
    c->n_waiting -= n;
    memmove(c->waiting, c->waiting + n, (size_t)c->n_waiting * sizeof *c->waiting);
    return n;
}

/* The train root: wait for shards, or the end; for a while only, so that nobody takes the others'
 * waiting for a hang. */
static enum tg_status next_order(struct run *run, struct order *order, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    double start = tg_now();

    memset(order, 0, sizeof *order);
    for (;;) {
        TRY(continuous_act(run, err));
        TRY(fetch_shards(run, err));
        if (c->over)
            break;
        if (c->n_waiting >= c->open_shards && c->n_waiting > 0 && c->iteration < run->o.iterations)
            break;
        if (tg_now() - start > IDLE_SEC)
            break;
        run_nap();
    }
    c->wait_sec += tg_now() - start;
    order->leave = c->over;
    order->o = run->o;
    order->latest = run->at.latest;
    if (!c->over && c->n_waiting >= c->open_shards && c->iteration < run->o.iterations) {
        order->in_window = c->open_shards > 0;
        order->n_shards = take_shards(c, order->in_window ? (int)c->open_shards : ROUND_SHARDS, order->shards);
    }
    return TG_OK;
}

static enum tg_status append(struct run *run, const struct order *order, int64_t *n_rows,
                             struct tg_error *err)
{
    const struct continuous *c = run->continuous;
    char path[RUN_PATH_MAX];

    *n_rows = 0;
    for (int i = 0; i < order->n_shards; i++) {
        const struct replay_shard_info *s = &order->shards[i];

        if (!order->in_window) {
            TRY(run_path(run->dir, RUN_SHARD, s->number, path, err));
            TRY(replay_window_append_new(run->window, path, s, s->number < c->n_old_shards ? 0 : RUN_SEEN_SEC,
                                         &run->app->log, err));
            run->at.n_rows += s->n_rows;
        }
        *n_rows += s->n_rows;
    }
    return TG_OK;
}

/* Between two steps. On the train root the pulse may call for a publication. */
static bool between_steps(void *ctx, int64_t step, int64_t n_steps, const struct train_stats *so_far)
{
    struct run *run = ctx;
    struct continuous *c = run->continuous;

    (void)so_far;
    if (!root(run)) {
        run_poll(run);
        return false;
    }
    comm_pulse_set(run->pulse, RUN_PULSE_STEPS, step);
    comm_pulse_set(run->pulse, RUN_PULSE_STEPS_OF, n_steps);
    if (c->rc == TG_OK)
        c->rc = continuous_act(run, &c->err);
    return c->over || c->rc != TG_OK;
}

/* The round before has to be published before this one can be. */
static enum tg_status wait_for_publication(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;

    while (root(run) && c->n_ready > c->n_published && !c->over) {
        TRY(continuous_act(run, err));
        run_nap();
    }
    return TG_OK;
}

/* A round is done: checkpoint, and parameters that wait to be published. */
static enum tg_status finish_round(struct run *run, const struct train_stats *stats, int64_t n_new,
                                   double sec, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    char path[RUN_PATH_MAX];
    uint64_t hash = 0, n_bytes;
    enum tg_status rc = TG_OK;

    run_phase(run, "checkpoint");
    TRY(run_path(run->dir, RUN_CHECKPOINT, c->iteration, path, err));
    TRY(trainer_save(run->trainer, run->window, path, err));
    if (root(run)) {
        if (tg_hash_file(path, &hash, &n_bytes) != 0)
            rc = FAIL(err, TG_EIO, "%s: cannot be read back", path);
        if (rc == TG_OK)
            rc = trainer_params(run->trainer, NN_EMA, run->model.params, err);
        c->notice = (struct round_notice){.stats = *stats, .train_sec = sec, .wait_sec = c->wait_sec,
                                          .checkpoint_hash = hash, .n_trained = c->n_trained, .n_rows = n_new};
        c->wait_sec = 0;
    }
    TRY(comm_agree(run->train, rc, err));
    c->iteration++;
    c->n_ready++;
    if (root(run))
        comm_pulse_set(run->pulse, RUN_PULSE_READY, c->n_ready);
    return TG_OK;
}

static enum tg_status train_round(struct run *run, const struct order *order, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    int64_t n_new, rows, n_newest, steps;
    struct train_stats stats = {0};
    double start = tg_now();

    run->at.iteration = c->iteration; /* this rank's; self-play ranks count publications */
    run_phase(run, "train");
    TRY(append(run, order, &n_new, err));
    c->open_shards = order->n_shards;
    rows = replay_window_rows(run->window);
    n_newest = run_window_rows(&run->o, run->at.n_rows);
    if (n_newest > 0 && n_newest < rows)
        rows = n_newest;
    steps = trainer_steps(&run->o.train, rows, n_new);
    TRY(replay_window_set_alpha(run->window, run->o.replay.alpha, err));
    if (steps > 0)
        TRY(trainer_run(run->trainer, run->window, &run->o.train, steps, n_newest, order->latest,
                        between_steps, run, &stats, err));
    if (steps > 0 && stats.n_steps < steps)
        return TG_OK; /* left: open_shards says so */
    c->n_trained += order->n_shards;
    c->open_shards = 0;
    if (steps == 0)
        return TG_OK;
    TRY(comm_agree(run->train, wait_for_publication(run, err), err));
    unsigned char late = root(run) && c->n_ready > c->n_published;
    comm_bcast(run->train, &late, 1, 0);
    if (late) { /* the run ends before: this round counts as left at its very end */
        c->n_trained -= order->n_shards;
        c->open_shards = order->n_shards;
        return TG_OK;
    }
    return finish_round(run, &stats, n_new, tg_now() - start, err);
}

enum tg_status continuous_train(struct run *run, struct tg_error *err)
{
    struct continuous *c = run->continuous;
    struct order *order = calloc(1, sizeof *order);
    enum tg_status rc = order == NULL ? FAIL(err, TG_ENOMEM, "order") : TG_OK;

    TRY_OUT(comm_agree(run->train, rc, err));
    for (;;) {
        rc = root(run) ? next_order(run, order, err) : TG_OK;
        TRY_OUT(comm_agree(run->train, rc, err));
        comm_bcast(run->train, order, sizeof *order, 0);
        if (order->leave) {
            c->over = true;
            break;
        }
        if (order->n_shards == 0)
            continue;
        run->o = order->o;
        TRY_OUT(train_round(run, order, err));
        if (c->rc != TG_OK) {
            *err = c->err;
            rc = c->rc;
        }
        TRY_OUT(comm_agree(run->train, rc, err));
    }
out:
    free(order);
    return rc;
}
