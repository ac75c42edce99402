/* bench_nn.c - tengen bench infer, train: the network alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "tengen/file.h"
#include "tengen/rng.h"

enum { WARM_UP = 3 }; /* a device chooses its plans in the first pass and records a graph in the second */

/* The shortest of repeated calls, over `seconds`: what the code can do between other load. */
static enum tg_status best_infer(struct bench *b, struct nn_batch *batch, double seconds, double *best,
                                 struct tg_error *err)
{
    double end = tg_now() + seconds;

    *best = INFINITY;
    do {
        double start = tg_now();

        TRY(b->backend->infer(b->nn, batch, err));
        TRY(b->backend->wait(b->nn, batch, err));
        double took = tg_now() - start;
        *best = took < *best ? took : *best;
    } while (tg_now() < end);
    return TG_OK;
}

/* ---- inference -------------------------------------------------------------------------------------- */

/* Evaluations a second of n batches that are handed in again as soon as they are done. */
static enum tg_status keep_in_flight(struct bench *b, struct nn_batch *batches, int n, double seconds,
                                     double *evals_per_sec, struct tg_error *err)
{
    double start = tg_now();
    int64_t rows = 0;

    for (int i = 0; i < n; i++)
        TRY(b->backend->infer(b->nn, &batches[i], err));
    for (int k = 0, flying = n; flying > 0; k = (k + 1) % n) {
        TRY(b->backend->wait(b->nn, &batches[k], err));
        rows += batches[k].n;
        if (tg_now() - start < seconds)
            TRY(b->backend->infer(b->nn, &batches[k], err));
        else
            flying--;
    }
    *evals_per_sec = (double)rows / (tg_now() - start);
    return TG_OK;
}

/* What a device does with batches of one size; rates are this rank's. */
struct rates {
    double alone_sec;             /* one batch, there and back */
    double one_by_one, two_ahead; /* evaluations a second with one and with two batches under way */
};

static enum tg_status measure_rates(struct bench *b, struct nn_batch batches[2], struct rates *r,
                                    struct tg_error *err)
{
    for (int i = 0; i < WARM_UP * 2; i++)
        TRY(best_infer(b, &batches[i % 2], 0, &r->alone_sec, err));
    TRY(best_infer(b, &batches[0], b->seconds / 4, &r->alone_sec, err));
    comm_barrier(b->app->world);
    TRY(keep_in_flight(b, batches, 1, b->seconds / 4, &r->one_by_one, err));
    comm_barrier(b->app->world);
    return keep_in_flight(b, batches, 2, b->seconds / 2, &r->two_ahead, err);
}

static enum tg_status rates_of(struct bench *b, int rows, struct rates *r, struct tg_error *err)
{
    struct nn_batch batches[2] = {{0}, {0}};
    enum tg_status rc = TG_OK;

    memset(r, 0, sizeof *r);
    for (int i = 0; i < 2 && rc == TG_OK; i++) {
        rc = b->backend->batch_open(b->nn, rows, 0, &batches[i], err);
        if (rc == TG_OK)
            bench_fill(b, &batches[i], rows);
    }
    rc = comm_agree(b->app->world, rc, err);
    if (rc == TG_OK)
        rc = comm_agree(b->app->world, measure_rates(b, batches, r, err), err);
    for (int i = 0; i < 2; i++)
        b->backend->batch_close(b->nn, &batches[i]);
    return rc;
}

enum tg_status bench_saturate(struct bench *b, int rows, double *evals_per_sec, struct tg_error *err)
{
    struct rates r;

    TRY(rates_of(b, rows, &r, err));
    *evals_per_sec = r.two_ahead;
    return TG_OK;
}

/* A device works on one batch while its caller prepares the next: so two are under way. */
static enum tg_status infer_on_device(struct bench *b, struct tg_error *err)
{
    double flops = nn_arch_flops(&b->model.arch, b->game.size);
    struct rates r;
    char title[256];

    TRY(rates_of(b, (int)b->batch, &r, err));
    double both = bench_sum(b, r.two_ahead);

    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"evals_per_sec", "evaluations/s, two batches under way", both},
        {"one_by_one_evals_per_sec", "evaluations/s, one batch under way", bench_sum(b, r.one_by_one)},
        {"batch_sec", "s: a batch alone, there and back", r.alone_sec},
        {"tflops", "TFLOP/s, counted as direct convolutions", both * flops * 1e-12},
    }, 4);
    return TG_OK;
}

enum tg_status bench_infer(struct bench *b, struct tg_error *err)
{
    if (b->device)
        return infer_on_device(b, err);
    struct nn_batch batch;
    double flops = nn_arch_flops(&b->model.arch, b->game.size), best, once, peak = 0;
    char title[256];
    enum tg_status rc = TG_OK;

    TRY(b->backend->batch_open(b->nn, (int)b->batch, 0, &batch, err));
    bench_fill(b, &batch, (int)b->batch);
    best = INFINITY;
    for (int turn = 0; turn < 4 && rc == TG_OK; turn++) { /* in turns: both see the same load */
        double p = nn_yardstick_gflops(b->model.arch.trunk, b->game.size, (int)b->batch, b->seconds / 8);

        peak = p > peak ? p : peak;
        rc = best_infer(b, &batch, b->seconds / 8, &once, err);
        best = once < best ? once : best;
    }
    b->backend->batch_close(b->nn, &batch);
    if (rc != TG_OK)
        return rc;
    double evals = (double)b->batch / best, gflops = evals * flops * 1e-9;
    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"evals_per_sec", "evaluations/s on one core", evals},
        {"gflops", "GFLOP/s, counted as direct convolutions", gflops},
        {"onednn_direct_gflops", "GFLOP/s of oneDNN's 3x3 convolution alone", peak},
        {"ratio", "of that peak", peak > 0 ? gflops / peak : NAN},
    }, 4);
    return TG_OK;
}

/* ---- training --------------------------------------------------------------------------------------- */

static void fill_targets(const struct bench *b, struct nn_batch *batch)
{
    struct tg_rng r = tg_rng_stream(2, TG_RNG_TEST, 0, 0);
    size_t actions = (size_t)b->game.n_actions, points = (size_t)b->game.n_points;

    for (size_t i = 0; i < (size_t)batch->n; i++) {
        struct nn_targets *t = &batch->t;

        for (size_t a = 0; a < actions; a++)
            t->policy[i * actions + a] = t->reply[i * actions + a] = 0;
        t->policy[i * actions + tg_rng_below(&r, (uint32_t)points)] = 1;
        t->reply[i * actions + tg_rng_below(&r, (uint32_t)points)] = 1;
        for (size_t p = 0; p < points; p++)
            t->ownership[i * points + p] = tg_rng_below(&r, 2) ? 1 : -1;
        t->value[i * 3] = (float)tg_rng_below(&r, 2);
        t->value[i * 3 + 1] = 1 - t->value[i * 3];
        t->value[i * 3 + 2] = 0;
        t->score[i] = 5;
        t->w_policy[i] = t->w_reply[i] = t->w_value[i] = t->w_score[i] = t->row_weight[i] = 1;
    }
}

/* What one of many equal calls took: on a machine under other load the shortest counts, else the mean. */
struct timing { double best, sum; int n; };

static void time_since(struct timing *t, double start)
{
    double took = tg_now() - start;

    t->best = t->n == 0 || took < t->best ? took : t->best;
    t->sum += took;
    t->n++;
}

static double timing_sec(const struct bench *b, const struct timing *t)
{
    return b->device ? t->sum / (double)t->n : t->best;
}

/* Backward, the sum over the ranks, update. */
static enum tg_status step(struct bench *b, struct nn_batch *train, struct nn_update *u, struct tg_error *err)
{
    static const struct nn_loss loss = {.policy = 1, .reply = 0.15f, .value = 1, .ownership = 0.1f,
                                        .score_mean = 0.01f, .lead = 0.01f};
    int n_ranks = comm_size(b->app->world);
    struct nn_update_result result;

    enum tg_status rc = b->backend->backward(b->nn, train, &loss, (int)b->batch * n_ranks, true, err);

    TRY(n_ranks > 1 ? comm_agree(b->app->world, rc, err) : rc);
    if (n_ranks > 1)
        TRY(comm_sum_span(b->app->world, b->backend->reduce_span(b->nn), err));
    u->step++;
    return b->backend->update(b->nn, u, &result, err);
}

static enum tg_status measure_training(struct bench *b, struct nn_batch *train, struct nn_batch *infer,
                                       struct timing *steps, struct timing *forward, struct tg_error *err)
{
    struct nn_update u = {.kind = NN_ADAMW, .learning_rate = 1e-4f, .momentum = 0.9f, .beta2 = 0.999f,
                          .epsilon = 1e-8f, .clip_norm = 10, .ema = 0.99f};
    double once;

    for (int i = 0; b->device && i < WARM_UP; i++) {
        TRY(step(b, train, &u, err));
        TRY(best_infer(b, infer, 0, &once, err));
    }
    double left = b->seconds;

    do { /* rank 0's clock: all take the same number of steps */
        double start = tg_now();

        TRY(step(b, train, &u, err));
        time_since(steps, start);
        double then = tg_now();
        TRY(best_infer(b, infer, 0, &once, err));
        time_since(forward, then);
        left -= tg_now() - start;
        comm_bcast(b->app->world, &left, sizeof left, 0);
    } while (left > 0);
    return TG_OK;
}

enum tg_status bench_train(struct bench *b, struct tg_error *err)
{
    struct nn_batch train = {0}, infer = {0};
    struct timing steps = {0, 0, 0}, forward = {0, 0, 0};
    char title[256];
    enum tg_status rc = b->backend->batch_open(b->nn, (int)b->batch, NN_BATCH_TRAIN | NN_BATCH_OWNERSHIP,
                                               &train, err);

    if (rc == TG_OK)
        rc = b->backend->batch_open(b->nn, (int)b->batch, 0, &infer, err);
    TRY_OUT(comm_agree(b->app->world, rc, err));
    bench_fill(b, &train, (int)b->batch);
    bench_fill(b, &infer, (int)b->batch);
    fill_targets(b, &train);
    rc = measure_training(b, &train, &infer, &steps, &forward, err);
out:
    b->backend->batch_close(b->nn, &train);
    b->backend->batch_close(b->nn, &infer);
    TRY(rc);
    double step_sec = timing_sec(b, &steps), forward_sec = timing_sec(b, &forward);
    double rows = bench_sum(b, (double)b->batch / step_sec);

    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"rows_per_sec", "rows/s", rows},
        {"step_sec", "s: backward and update", step_sec},
        {"forward_sec", b->device ? "s: inference of the same batch"
                                  : "s: inference of the same batch on one thread", forward_sec},
        {"ratio", "forward passes a step", step_sec * (double)(b->device ? 1 : b->threads) / forward_sec},
        {"tflops", "TFLOP/s, a step counted as three forward passes",
         3e-12 * rows * nn_arch_flops(&b->model.arch, b->game.size)},
    }, b->device ? 5 : 4);
    return TG_OK;
}
