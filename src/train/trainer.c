/* trainer.c - the training step: draw, gradients, their sum over the ranks, update. */
#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/file.h"
#include "tengen/rng.h"

enum tg_status trainer_open(struct comm *train, const struct game *game,
                            const struct nn_backend *backend, const struct nn_net_options *net,
                            const struct nn_model *model, uint64_t seed, struct trainer **t,
                            struct tg_error *err)
{
    enum tg_status rc = TG_OK;
    struct trainer *made = calloc(1, sizeof *made);
    struct nn_net_options options = *net;

    *t = NULL;
    if (made == NULL)
        return comm_agree(train, FAIL(err, TG_ENOMEM, "trainer"), err);
    made->comm = train;
    made->game = game;
    made->backend = backend;
    made->arch = model->arch;
    made->n_params = model->layout.n_params;
    made->seed = seed;
    record_layout_init(&made->layout, game);
    options.train = true;
    rc = nn_model_fits(model, game, err);
    if (rc == TG_OK)
        rc = backend->open(&made->arch, &options, &made->net, err);
    if (rc == TG_OK)
        rc = backend->set(made->net, NN_PARAMS, model->params, err);
    if (rc == TG_OK)
        rc = backend->set(made->net, NN_EMA, model->params, err);
    TRY_OUT(comm_agree(train, rc, err));
    TRY_OUT(comm_span_open(train, backend->reduce_span(made->net), err));
    made->n_batches = backend->reduce_span(made->net).mem == TG_DEVICE ? 2 : 1;
    made->staged = -1;
    *t = made;
    return TG_OK;
out:
    trainer_close(made);
    return rc;
}

static void close_batches(struct trainer *t)
{
    for (int i = 0; i < t->n_batches; i++)
        if (t->batch[i].capacity > 0)
            t->backend->batch_close(t->net, &t->batch[i]);
    memset(t->batch, 0, sizeof t->batch);
    t->batch_capacity = 0;
}

void trainer_close(struct trainer *t)
{
    if (t == NULL)
        return;
    if (t->net != NULL) {
        close_batches(t);
        t->backend->close(t->net);
    }
    free(t->slots);
    free(t->weights);
    free(t);
}

int64_t trainer_step(const struct trainer *t) { return t->step; }

enum tg_status trainer_params(struct trainer *t, enum nn_array which, float *host,
                              struct tg_error *err)
{
    return t->backend->get(t->net, which, host, err);
}

enum tg_status trainer_reset(struct trainer *t, const float *params, struct tg_error *err)
{
    float *zeros = calloc(t->n_params, sizeof *zeros);
    enum tg_status rc = zeros != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "%zu parameters", t->n_params);

    if (rc == TG_OK)
        rc = t->backend->set(t->net, NN_PARAMS, params, err);
    if (rc == TG_OK)
        rc = t->backend->set(t->net, NN_EMA, params, err);
    if (rc == TG_OK)
        rc = t->backend->set(t->net, NN_MOMENT1, zeros, err);
    if (rc == TG_OK)
        rc = t->backend->set(t->net, NN_MOMENT2, zeros, err);
    free(zeros);
    return rc;
}

int64_t trainer_steps(const struct train_options *o, int64_t n_window, int64_t n_new_rows)
{
    double rows = o->epochs > 0 ? (double)o->epochs * (double)n_window
                                : (double)o->rows_per_new_row * (double)n_new_rows;
    int64_t steps = (int64_t)(rows / o->batch + 0.5);

    if (n_window < o->min_rows || n_window == 0)
        return 0;
    if (steps < 1)
        steps = 1;
    return o->max_steps > 0 && steps > o->max_steps ? o->max_steps : steps;
}

/* This rank's share of a step: rows [*first, *first + *n) of the global batch, cut at multiples of
 * NN_CHUNK_ROWS so that the sum of the gradients is the same for any number of ranks. */
static void share(const struct trainer *t, int batch, int *first, int *n)
{
    int64_t rank = comm_rank(t->comm), size = comm_size(t->comm);
    int64_t n_chunks = (batch + NN_CHUNK_ROWS - 1) / NN_CHUNK_ROWS;
    int64_t from = rank * n_chunks / size * NN_CHUNK_ROWS, to = (rank + 1) * n_chunks / size * NN_CHUNK_ROWS;

    *first = (int)(from < batch ? from : batch);
    *n = (int)(to < batch ? to : batch) - *first;
}

static enum tg_status reserve(struct trainer *t, int batch, struct tg_error *err)
{
    int first, n;

    share(t, batch, &first, &n);
    n = n > 0 ? n : 1;
    if (n > t->batch_capacity) {
        close_batches(t);
        for (int i = 0; i < t->n_batches; i++)
            TRY(t->backend->batch_open(t->net, n, NN_BATCH_TRAIN | NN_BATCH_OWNERSHIP, &t->batch[i], err));
        t->batch_capacity = n;
    }
    if (batch > t->n_slots) {
        int64_t *slots = realloc(t->slots, (size_t)batch * sizeof *slots);

        if (slots == NULL)
            return FAIL(err, TG_ENOMEM, "draws of %d rows", batch);
        t->slots = slots;
        float *weights = realloc(t->weights, (size_t)batch * sizeof *weights);
        if (weights == NULL)
            return FAIL(err, TG_ENOMEM, "draws of %d rows", batch);
        t->weights = weights;
        t->n_slots = batch;
    }
    return TG_OK;
}

/* batch[which] := this rank's part of the step's draw. */
static enum tg_status stage(struct trainer *t, struct replay_window *w, const struct train_options *o,
                            int64_t step, int which, int64_t n_newest, int32_t net_now, struct tg_error *err)
{
    struct nn_batch *b = &t->batch[which];
    int first, n;

    share(t, o->batch, &first, &n);
    TRY(replay_window_draw(w, t->seed, step, n_newest, o->draw_beta, o->batch, t->slots, t->weights, err));
    t->age[which] = 0;
    for (int i = 0; i < n; i++) {
        const uint8_t *row = replay_window_row(w, t->slots[first + i]);
        const struct record_head *h = (const struct record_head *)(const void *)row;
        struct tg_rng turn = tg_rng_stream(t->seed, TG_RNG_DRAW, (uint64_t)step,
                                           (uint64_t)(first + i) + (UINT64_C(1) << 32));
        uint8_t symmetry = o->symmetries ? (uint8_t)(tg_rng_u32(&turn) & 7) : 0;

        targets_fill(&t->layout, o, row, symmetry, t->weights[first + i], i, b);
        t->age[which] += h->net >= 0 ? net_now - h->net : 0;
    }
    b->n = n;
    if (t->poison > 0 && n > 0) {
        b->t.value[0] = NAN;
        t->poison--;
    }
    return TG_OK;
}

static void describe_update(const struct train_options *o, int64_t step, struct nn_update *u)
{
    double warm = o->warmup_steps > 0 && (double)step < (double)o->warmup_steps
                      ? (double)step / (double)o->warmup_steps
                      : 1;

    *u = (struct nn_update){
        .kind = o->optimiser,
        .learning_rate = (float)(warm * (double)o->learning_rate),
        .momentum = o->momentum,
        .beta2 = o->beta2,
        .epsilon = o->epsilon,
        .weight_decay = o->weight_decay,
        .decoupled = o->decoupled,
        .clip_norm = o->clip_norm,
        .ema = o->ema,
        .max_norm = o->max_norm,
        .step = step,
    };
}

/* One step on all ranks. ahead: another one follows in the same way, so that its batch may be filled
 * while the device works on this one; on the CPU there is nothing to gain. */
static enum tg_status one_step(struct trainer *t, struct replay_window *w,
                               const struct train_options *o, int64_t n_newest, int32_t net_now,
                               bool ahead, struct nn_update_result *result, double *learning_rate,
                               double *age, struct tg_error *err)
{
    struct nn_batch *b = &t->batch[t->at];
    struct nn_update u;
    enum tg_status rc = TG_OK;
    int first, n;

    share(t, o->batch, &first, &n);
    if (t->staged != t->step)
        rc = stage(t, w, o, t->step, t->at, n_newest, net_now, err);
    t->staged = -1;
    *age = t->age[t->at];
    if (rc == TG_OK)
        rc = t->backend->backward(t->net, b, &o->loss, o->batch, true, err);
    if (rc == TG_OK && ahead && t->n_batches > 1 && !replay_window_prioritised(w)) {
        t->at = !t->at;
        rc = stage(t, w, o, t->step + 1, t->at, n_newest, net_now, err);
        t->staged = t->step + 1;
    }
    TRY(comm_agree(t->comm, rc, err));
    TRY(comm_sum_span(t->comm, t->backend->reduce_span(t->net), err));
    describe_update(o, t->step + 1, &u);
    TRY(comm_agree(t->comm, t->backend->update(t->net, &u, result, err), err));
    TRY(replay_window_update(w, t->slots + first, b->t.value_error, n, err));
    *learning_rate = (double)u.learning_rate;
    t->step++;
    t->n_rows += o->batch;
    return TG_OK;
}

/* Sums over rows become means over the rows that had the target. */
static void to_means(const struct train_stats *sums, struct train_stats *means)
{
    double rows = sums->metrics[NN_METRIC_ROWS];
    double steps = (double)(sums->n_steps - sums->n_skipped - sums->n_rescaled);

    *means = *sums;
    for (int m = 0; m < NN_METRICS; m++) {
        double by = m == NN_METRIC_POLICY_HITS || m == NN_METRIC_POLICY_ENTROPY ||
                            m == NN_METRIC_POLICY
                        ? sums->metrics[NN_METRIC_POLICY_ROWS]
                    : m == NN_METRIC_VALUE_HITS ? sums->metrics[NN_METRIC_VALUE_ROWS]
                                                : rows;
        means->metrics[m] = by > 0 ? sums->metrics[m] / by : 0;
    }
    means->metrics[NN_METRIC_ROWS] = rows;
    means->grad_norm = steps > 0 ? sums->grad_norm / steps : 0;
    means->sample_age = sums->n_rows > 0 ? sums->sample_age / (double)sums->n_rows : 0;
}

/* Add a step's result to the sums of the run under way. */
static enum tg_status count_step(struct trainer *t, const struct train_options *o,
                                 const struct nn_update_result *result, struct tg_error *err)
{
    struct train_stats *sums = &t->sums;

    sums->n_steps++;
    sums->n_rows += o->batch;
    if (result->rescaled) {
        sums->n_rescaled++;
        return TG_OK;
    }
    if (result->skipped) {
        sums->n_skipped++;
        t->diverged = o->max_skipped > 0 && ++t->skipped_in_a_row >= o->max_skipped;
        if (t->diverged)
            return FAIL(err, TG_EDEVICE, "step %lld: %d gradients in a row were not finite or had a "
                        "norm above train.max_norm (the last: %g)", (long long)t->step,
                        t->skipped_in_a_row, result->grad_norm);
        return TG_OK;
    }
    t->skipped_in_a_row = 0;
    for (int m = 0; m < NN_METRICS; m++)
        sums->metrics[m] += result->metrics[m];
    sums->grad_norm += result->grad_norm;
    return TG_OK;
}

/* Does a rank want to leave? The same answer on all ranks. */
static bool leave_agreed(struct trainer *t, bool mine)
{
    double any = mine;

    comm_max_f64(t->comm, &any, 1);
    return any > 0;
}

/* The age of all ranks' rows goes to rank 0, whose share of it stands for all from now on. */
static void gather_age(struct trainer *t)
{
    comm_sum_f64(t->comm, &t->age_sum, 1);
    t->sums.sample_age = t->age_sum;
    if (comm_rank(t->comm) != 0)
        t->age_sum = 0;
}

enum tg_status trainer_run(struct trainer *t, struct replay_window *w, const struct train_options *o,
                           int64_t n_steps, int64_t n_newest, int32_t net_now,
                           bool (*poll)(void *ctx, int64_t step, int64_t n_steps,
                                        const struct train_stats *so_far),
                           void *ctx, struct train_stats *stats, struct tg_error *err)
{
    double start = tg_now(), before = t->open ? t->sums.sec : 0;
    bool leave = false;

    if (!t->open) {
        memset(&t->sums, 0, sizeof t->sums);
        t->age_sum = 0;
        t->skipped_in_a_row = 0;
    }
    t->open = t->diverged = false;
    t->staged = -1; /* the window or the options may be others */
    memset(stats, 0, sizeof *stats);
    comm_wait_sec(t->comm);
    TRY(comm_agree(t->comm, reserve(t, o->batch, err), err));
    while (t->sums.n_steps < n_steps && !leave) {
        struct nn_update_result result = {0};
        double age = 0;

        TRY(one_step(t, w, o, n_newest, net_now, t->sums.n_steps + 1 < n_steps, &result,
                     &t->sums.learning_rate, &age, err));
        t->age_sum += age;
        TRY(count_step(t, o, &result, err));
        t->sums.sample_age = t->age_sum * comm_size(t->comm); /* stands for all, until the end */
        t->sums.sec = before + tg_now() - start;
        to_means(&t->sums, stats);
        if (poll != NULL)
            leave = leave_agreed(t, poll(ctx, t->sums.n_steps, n_steps, stats));
    }
    t->open = t->sums.n_steps < n_steps;
    gather_age(t);
    t->sums.sec = before + tg_now() - start;
    t->sums.wait_sec += comm_wait_sec(t->comm);
    to_means(&t->sums, stats);
    return TG_OK;
}

void trainer_reopen(struct trainer *t) { t->open = true; }
bool trainer_diverged(const struct trainer *t) { return t->diverged; }
void trainer_poison(struct trainer *t, int n_steps) { t->poison = n_steps; }
