/* bench_commit.c - tengen bench commit: a shard against one write + fsync of the same bytes. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "tengen/file.h"
#include "tengen/replay.h"
#include "tengen/rng.h"

enum { PLIES = 60, TURNS = 5 };

/* A finished random game with rows like self-play's: a policy target of some thirty moves. */
static enum tg_status make_game(const struct bench *b, const struct record_layout *l, int64_t id,
                                struct position *pos, struct record_finished *f, struct tg_error *err)
{
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, (uint64_t)id, 1);
    struct game_setup setup;
    float policy[GAME_MAX_ACTIONS];
    uint8_t legal[GAME_MAX_ACTIONS];

    memset(f, 0, sizeof *f);
    f->moves = calloc(PLIES, sizeof *f->moves);
    f->root_values = calloc(PLIES, sizeof *f->root_values);
    f->root_visits = calloc(PLIES, sizeof *f->root_visits);
    f->rows = calloc(PLIES, l->row_bytes);
    if (f->moves == NULL || f->root_values == NULL || f->root_visits == NULL || f->rows == NULL)
        return FAIL(err, TG_ENOMEM, "a game");
    game_default_setup(&b->game, &setup);
    game_start(&b->game, &setup, pos);
    f->game = (struct record_game){.id = id, .setup = setup, .n_moves = 0};
    for (int p = 0; p < PLIES && !pos->over; p++) {
        uint8_t *row = f->rows + (size_t)p * l->row_bytes;
        struct record_head *h = (struct record_head *)(void *)row;
        int a, left = game_legal(&b->game, pos, legal);

        *h = (struct record_head){.game_id = id, .ply = (int16_t)p, .visits = 100, .w_policy = 1,
                                  .w_value = 1, .value = {1, 0, 0}, .color = pos->to_move};
        game_encode(&b->game, pos, NULL, row + l->planes, (float *)(void *)(row + l->globals));
        memset(policy, 0, sizeof policy);
        for (int k = 0; k < 30; k++)
            policy[tg_rng_below(&r, (uint32_t)l->n_actions)] += 1.0f / 30;
        record_policy_pack(l, policy, (uint16_t *)(void *)(row + l->policy));
        record_reply_pack(l, policy, row + l->reply);
        uint32_t k = tg_rng_below(&r, (uint32_t)left);
        for (a = 0; !legal[a] || k-- > 0;)
            a++;
        f->moves[p] = (int16_t)a;
        game_play(&b->game, pos, a);
        f->game.n_moves = f->game.n_rows = p + 1;
    }
    return TG_OK;
}

/* One write and fsync of the file's bytes, in seconds. */
static enum tg_status plain_write(const char *path, const char *copy, double *sec, struct tg_error *err)
{
    char *data;
    size_t n, at = 0;

    TRY(tg_file_read(path, (size_t)1 << 34, &data, &n, err));
    double start = tg_now();
    int fd = open(copy, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    while (fd >= 0 && at < n) {
        ssize_t put = write(fd, data + at, n - at);

        if (put < 0)
            break;
        at += (size_t)put;
    }
    int bad = fd < 0 || at < n || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    *sec = tg_now() - start;
    free(data);
    unlink(copy);
    return bad == 0 ? TG_OK : FAIL(err, TG_EIO, "%s: %s", copy, strerror(bad));
}

static enum tg_status fill(struct bench *b, struct replay_writer *w, const struct record_layout *l,
                           int turn, struct tg_error *err)
{
    struct position *pos = malloc(sizeof *pos);
    int64_t rank = comm_rank(b->app->world), size = comm_size(b->app->world);
    enum tg_status rc = pos != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "position");

    for (int64_t id = rank; rc == TG_OK && id * PLIES < b->rows; id += size) {
        struct record_finished f;

        rc = make_game(b, l, (int64_t)turn * b->rows + id, pos, &f, err);
        if (rc == TG_OK)
            rc = replay_writer_push(w, &f, err);
    }
    free(pos);
    return comm_agree(b->app->world, rc, err);
}

enum tg_status bench_commit(struct bench *b, struct tg_error *err)
{
    struct replay_options options = {.chunk_rows = 4096, .deflate = 1};
    struct record_layout l;
    struct replay_writer *w;
    struct replay_shard_info info = {0};
    char dir[256], path[512], copy[512];
    double commit = INFINITY, plain = INFINITY, push = INFINITY;
    enum tg_status rc = TG_OK;

    record_layout_init(&l, &b->game);
    snprintf(dir, sizeof dir, "bench-commit.%lld", (long long)(comm_rank(b->app->world) == 0 ? getpid() : 0));
    comm_bcast(b->app->world, dir, sizeof dir, 0);
    snprintf(copy, sizeof copy, "%s/plain", dir);
    TRY(replay_writer_open(b->app->world, dir, &b->game, &options, &w, err));
    for (int turn = 0; turn < TURNS && rc == TG_OK; turn++) {
        double start = tg_now(), one = 0;

        rc = fill(b, w, &l, turn, err);
        push = fmin(push, tg_now() - start);
        start = tg_now();
        if (rc == TG_OK)
            rc = replay_writer_commit(w, turn, 0, &info, err);
        commit = fmin(commit, tg_now() - start);
        snprintf(path, sizeof path, "%s/%s", dir, info.name);
        if (rc == TG_OK)
            rc = comm_agree(b->app->world, comm_rank(b->app->world) == 0
                                               ? plain_write(path, copy, &one, err) : TG_OK, err);
        plain = comm_rank(b->app->world) == 0 ? fmin(plain, one) : plain;
        comm_barrier(b->app->world);
        if (comm_rank(b->app->world) == 0)
            unlink(path);
    }
    replay_writer_close(w);
    if (comm_rank(b->app->world) == 0)
        rmdir(dir);
    if (rc != TG_OK)
        return rc;
    double mb = (double)info.n_bytes * 1e-6;
    bench_print(b, "a shard commit", (struct bench_figure[]){
        {"rows", "rows", (double)info.n_rows},
        {"shard_mb", "MB on disk", mb},
        {"stage_sec", "s: making and staging the rows", push},
        {"commit_sec", "s", commit},
        {"commit_mb_per_sec", "MB/s", mb / commit},
        {"plain_mb_per_sec", "MB/s of one write + fsync of the same bytes", mb / plain},
        {"ratio", "of that throughput", plain / commit},
    }, 7);
    return TG_OK;
}
