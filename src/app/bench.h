/* bench.h - private to src/app: what the benchmarks share. */
#pragma once

#include "app.h"
#include "tengen/nn.h"
#include "tengen/search.h"

struct bench {
    struct app *app;
    const char *what, *net;
    int64_t size, batch, visits, threads, games, rows;
    double seconds;
    bool json;
    /* made by bench_open */
    struct nn_model model;
    struct game game;
    const struct nn_backend *backend;
    struct nn_net *cpu;
};

/* One figure of a benchmark, for people and for --json. */
struct bench_figure { const char *key, *unit; double value; };
void bench_print(const struct bench *b, const char *title, const struct bench_figure *figures, int n);

/* Fill rows [n] of the batch with positions of random games. */
void bench_fill(const struct bench *b, struct nn_batch *batch, int n);

enum tg_status bench_infer(struct bench *b, struct tg_error *err);
enum tg_status bench_search(struct bench *b, struct tg_error *err);
enum tg_status bench_selfplay(struct bench *b, struct tg_error *err);
enum tg_status bench_train(struct bench *b, struct tg_error *err);
enum tg_status bench_commit(struct bench *b, struct tg_error *err);
