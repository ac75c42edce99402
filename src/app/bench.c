/* bench.c - tengen bench: one figure a line, and what it is measured against in the same run. */
#include "bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/rng.h"

enum { DISTINCT_ROWS = 256 };

double bench_sum(const struct bench *b, double value)
{
    comm_sum_f64(b->app->world, &value, 1);
    return value;
}

static void print_json(const struct bench *b, const struct bench_figure *figures, int n)
{
    printf("{\"bench\":\"%s\",\"net\":\"%s\",\"size\":%d,\"batch\":%lld,\"threads\":%lld", b->what,
           b->model.arch.name, b->game.size, (long long)b->batch, (long long)b->threads);
    if (b->device)
        printf(",\"backend\":\"%s\",\"ranks\":%d,\"params\":%zu", b->backend->name,
               comm_size(b->app->world), b->model.layout.n_params);
    for (int i = 0; i < n; i++)
        if (isfinite(figures[i].value))
            printf(",\"%s\":%.6g", figures[i].key, figures[i].value);
        else
            printf(",\"%s\":null", figures[i].key); /* there was no yardstick */
    printf("}\n");
}

void bench_print(const struct bench *b, const char *title, const struct bench_figure *figures, int n)
{
    if (comm_rank(b->app->world) != 0)
        return;
    if (b->json) {
        print_json(b, figures, n);
        return;
    }
    printf("%s\n", title);
    for (int i = 0; i < n; i++)
        printf("  %-28s %12.5g %s\n", figures[i].key, figures[i].value, figures[i].unit);
}

/* Random games of Go up to a third of the board: positions of all kinds, the same in every run. */
void bench_fill(const struct bench *b, struct nn_batch *batch, int n)
{
    size_t row = (size_t)b->game.n_planes * (size_t)b->game.plane_bytes, globals = (size_t)b->game.n_globals;
    struct position *pos = malloc(sizeof *pos);
    struct game_setup setup;
    uint8_t legal[GAME_MAX_ACTIONS];

    if (pos == NULL)
        return;
    game_default_setup(&b->game, &setup);
    for (int i = 0; i < n && i < DISTINCT_ROWS; i++) {
        struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, (uint64_t)i, 0);
        int plies = (int)tg_rng_below(&r, (uint32_t)(b->game.n_points / 2));

        game_start(&b->game, &setup, pos);
        for (int p = 0; p < plies && !pos->over; p++) {
            int left = game_legal(&b->game, pos, legal), a = 0;
            uint32_t k = tg_rng_below(&r, (uint32_t)(left > 1 ? left - 1 : 1)); /* the pass comes last */

            while (!legal[a] || k-- > 0)
                a++;
            game_play(&b->game, pos, a);
        }
        game_encode(&b->game, pos, NULL, batch->planes + (size_t)i * row, batch->globals + (size_t)i * globals);
        batch->symmetry[i] = (uint8_t)(i & 7);
    }
    for (int i = DISTINCT_ROWS; i < n; i++) { /* the same again, turned otherwise */
        size_t from = (size_t)(i % DISTINCT_ROWS);

        memcpy(batch->planes + (size_t)i * row, batch->planes + from * row, row);
        memcpy(batch->globals + (size_t)i * globals, batch->globals + from * globals, globals * sizeof(float));
        batch->symmetry[i] = (uint8_t)((i + i / DISTINCT_ROWS) & 7);
    }
    batch->n = n;
    free(pos);
}

static enum tg_status open_model(struct bench *b, struct tg_error *err)
{
    struct nn_arch arch;

    if (access(b->net, R_OK) == 0)
        return nn_model_load(b->net, &b->model, &b->app->log, err);
    TRY(game_init(&b->game, GAME_GO, (int)(b->size > 0 ? b->size : 9), 0, err));
    TRY(nn_arch_preset(b->net, b->game.n_planes, b->game.n_globals, &arch, err));
    return nn_model_init(&arch, &b->game, b->net, 1, &b->model, err);
}

/* Ranks of one host take its devices in turn. */
static enum tg_status rank_on_host(const struct bench *b, int *rank, struct tg_error *err)
{
    struct comm *host;

    TRY(comm_host(b->app->world, &host, err));
    *rank = comm_rank(host);
    comm_close(host);
    return TG_OK;
}

static enum tg_status bench_open(struct bench *b, struct tg_error *err)
{
    struct nn_net_options options = {.threads = (int)b->threads, .train = strcmp(b->what, "train") == 0,
                                     .extra = b->backend_option, .log = &b->app->log};

    TRY(rank_on_host(b, &options.device, err));
    TRY(open_model(b, err));
    TRY(game_init(&b->game, b->model.game, b->size > 0 ? (int)b->size : b->model.size, b->model.history,
                  err));
    options.size = b->game.size;
    TRY(nn_backend_find(b->backend_name, &b->backend, err));
    b->device = strcmp(b->backend->name, "cpu") != 0;
    TRY(b->backend->open(&b->model.arch, &options, &b->nn, err));
    TRY(b->backend->set(b->nn, NN_PARAMS, b->model.params, err));
    return options.train ? b->backend->set(b->nn, NN_EMA, b->model.params, err) : TG_OK;
}

static enum tg_status run_bench(struct bench *b, struct tg_error *err)
{
    static const struct { const char *name; enum tg_status (*run)(struct bench *, struct tg_error *); }
    benches[] = {{"infer", bench_infer}, {"search", bench_search}, {"selfplay", bench_selfplay},
                 {"train", bench_train}, {"commit", bench_commit}};

    for (size_t i = 0; b->what != NULL && i < sizeof benches / sizeof *benches; i++)
        if (strcmp(benches[i].name, b->what) == 0) {
            TRY(comm_agree(b->app->world, bench_open(b, err), err));
            return benches[i].run(b, err);
        }
    return FAIL(err, TG_EINVAL, "bench %s: one of infer, search, selfplay, train, commit",
                b->what != NULL ? b->what : "");
}

enum tg_status app_bench(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct bench b = {.app = app, .net = "b6c96", .backend_name = "cpu", .batch = 64, .visits = 100,
                      .threads = 1, .games = 16, .rows = 50000, .seconds = 3};
    const struct app_arg args[] = {
        {NULL, APP_ARG_TEXT, &b.what},        {"--net", APP_ARG_TEXT, &b.net},
        {"--size", APP_ARG_INT, &b.size},     {"--batch", APP_ARG_INT, &b.batch},
        {"--visits", APP_ARG_INT, &b.visits}, {"--threads", APP_ARG_INT, &b.threads},
        {"--games", APP_ARG_INT, &b.games},   {"--rows", APP_ARG_INT, &b.rows},
        {"--seconds", APP_ARG_NUMBER, &b.seconds}, {"--json", APP_ARG_FLAG, &b.json},
        {"--backend", APP_ARG_TEXT, &b.backend_name},
        {"--backend-option", APP_ARG_TEXT, &b.backend_option},
    };
    enum tg_status rc = app_args(argc, argv, args, sizeof args / sizeof *args, err);

    if (rc == TG_OK && (b.batch < 1 || b.batch > 4096 || b.threads < 1 || b.threads > 256 ||
                        b.visits < 1 || b.games < 1 || b.rows < 1 || !(b.seconds > 0)))
        rc = FAIL(err, TG_EINVAL, "bench: --batch 1..4096, --threads 1..256, the others above 0");
    if (rc == TG_OK && (b.size < 0 || b.size == 1 || b.size > GAME_MAX_SIZE))
        rc = FAIL(err, TG_EINVAL, "bench: --size %lld: not in 2..%d", (long long)b.size, GAME_MAX_SIZE);
    rc = comm_agree(app->world, rc, err);
    if (rc == TG_OK)
        rc = run_bench(&b, err);
    if (b.nn != NULL)
        b.backend->close(b.nn);
    nn_model_close(&b.model);
    return rc;
}
