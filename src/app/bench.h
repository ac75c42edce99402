/* bench.h - private to src/app: what the benchmarks share. */
#pragma once

#include "app.h"
#include "tengen/nn.h"
#include "tengen/search.h"

struct bench {
    struct app *app;
    const char *what, *net;
    const char *backend_name, *backend_option; /* as net.backend and net.backend_option of a config */
    int64_t size, batch, visits, threads, games, rows;
    double seconds;
    bool json;
    /* made by bench_open */
    struct nn_model model;
    struct game game;
    const struct nn_backend *backend;
    struct nn_net *nn;
    bool device; /* not the CPU: batches are under way while their caller does something else */
};

/* One figure of a benchmark, for people and for --json. */
struct bench_figure { const char *key, *unit; double value; };
void bench_print(const struct bench *b, const char *title, const struct bench_figure *figures, int n);

/* Fill rows [n] of the batch with positions of random games. */
void bench_fill(const struct bench *b, struct nn_batch *batch, int n);

/* A figure of each rank becomes their sum. Collective. */
double bench_sum(const struct bench *b, double value);

/* Evaluations a second of a device that is never without work: two batches of so many rows under way, on each
 * rank. This rank's. Collective, agreed. */
enum tg_status bench_saturate(struct bench *b, int rows, double *evals_per_sec, struct tg_error *err);

enum tg_status bench_infer(struct bench *b, struct tg_error *err);
enum tg_status bench_search(struct bench *b, struct tg_error *err);
enum tg_status bench_selfplay(struct bench *b, struct tg_error *err);
enum tg_status bench_train(struct bench *b, struct tg_error *err);
enum tg_status bench_commit(struct bench *b, struct tg_error *err);
