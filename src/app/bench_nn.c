/* bench_nn.c - tengen bench infer, train: the network alone. */
#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "tengen/file.h"
#include "tengen/rng.h"

/* The shortest of repeated calls, over `seconds`: what the code can do between other load. */
static enum tg_status best_infer(struct bench *b, struct nn_batch *batch, double seconds, double *best,
                                 struct tg_error *err)
{
    double end = tg_now() + seconds;

    *best = INFINITY;
    do {
        double start = tg_now();

        TRY(b->backend->infer(b->cpu, batch, err));
        TRY(b->backend->wait(b->cpu, batch, err));
        double took = tg_now() - start;
        *best = took < *best ? took : *best;
    } while (tg_now() < end);
    return TG_OK;
}

enum tg_status bench_infer(struct bench *b, struct tg_error *err)
{
    struct nn_batch batch;
    double flops = nn_arch_flops(&b->model.arch, b->game.size), best, once, peak = 0;
    char title[256];
    enum tg_status rc = TG_OK;

    TRY(b->backend->batch_open(b->cpu, (int)b->batch, 0, &batch, err));
    bench_fill(b, &batch, (int)b->batch);
    best = INFINITY;
    for (int turn = 0; turn < 4 && rc == TG_OK; turn++) { /* in turns: both see the same load */
        double p = nn_yardstick_gflops(b->model.arch.trunk, b->game.size, (int)b->batch, b->seconds / 8);

        peak = p > peak ? p : peak;
        rc = best_infer(b, &batch, b->seconds / 8, &once, err);
        best = once < best ? once : best;
    }
    b->backend->batch_close(b->cpu, &batch);
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

enum tg_status bench_train(struct bench *b, struct tg_error *err)
{
    struct nn_batch train, infer;
    struct nn_loss loss = {.policy = 1, .reply = 0.15f, .value = 1, .ownership = 0.1f, .score_mean = 0.01f,
                           .lead = 0.01f};
    struct nn_update u = {.kind = NN_ADAMW, .learning_rate = 1e-4f, .momentum = 0.9f, .beta2 = 0.999f,
                          .epsilon = 1e-8f, .ema = 0.99f};
    struct nn_update_result result;
    double best_step = INFINITY, best_forward = INFINITY, end = tg_now() + b->seconds;
    char title[256];

    TRY(b->backend->batch_open(b->cpu, (int)b->batch, NN_BATCH_TRAIN | NN_BATCH_OWNERSHIP, &train, err));
    TRY(b->backend->batch_open(b->cpu, (int)b->batch, 0, &infer, err));
    bench_fill(b, &train, (int)b->batch);
    bench_fill(b, &infer, (int)b->batch);
    fill_targets(b, &train);
    do {
        double start = tg_now(), once;

        TRY(b->backend->backward(b->cpu, &train, &loss, (int)b->batch, true, err));
        u.step++;
        TRY(b->backend->update(b->cpu, &u, &result, err));
        double took = tg_now() - start;
        best_step = took < best_step ? took : best_step;
        TRY(best_infer(b, &infer, 0, &once, err));
        best_forward = once < best_forward ? once : best_forward;
    } while (tg_now() < end);
    b->backend->batch_close(b->cpu, &train);
    b->backend->batch_close(b->cpu, &infer);
    nn_arch_describe(&b->model.arch, b->game.size, title, sizeof title);
    bench_print(b, title, (struct bench_figure[]){
        {"rows_per_sec", "rows/s", (double)b->batch / best_step},
        {"step_sec", "s: backward and update", best_step},
        {"forward_sec", "s: inference of the same batch on one thread", best_forward},
        {"ratio", "forward passes a step", best_step * (double)b->threads / best_forward},
    }, 4);
    return TG_OK;
}
