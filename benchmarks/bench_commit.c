/* bench_commit.c - what committing a shard costs, against one write and fsync of the same bytes, and
 * against HDF5's own parallel filters; what the window costs.
 *
 *     mpirun -n 2 bench_commit [DIR [ROWS [SIZE]]]        default: /tmp 50000 9
 *
 * Rows come from random games of Go, encoded as in self-play. The ways take turns, so that a busy
 * disk slows all alike; medians over the turns are printed. "commit" is replay_writer_commit alone:
 * games are compressed when they are staged, which is listed by itself. "collective" is what HDF5
 * does by itself: each rank one block of rows, H5Dwrite with deflate and Fletcher-32. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tengen/comm.h"
#include "tengen/file.h"
#include "tengen/replay.h"
#include "tengen/rng.h"

enum { TURNS = 9, CHUNK_ROWS = 4096, DRAWS = 200, BATCH = 1024 };

struct bench {
    struct comm *comm;
    struct game game;
    struct record_layout layout;
    char dir[900];
    int64_t n_rows_wanted;
    struct record_finished *games; /* of this rank */
    int n_games;
    int64_t n_rows;                /* of this rank */
};

static void check(enum tg_status rc, const struct tg_error *err)
{
    if (rc == TG_OK)
        return;
    fprintf(stderr, "%s\n", err->text);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* A random game; every position becomes a row with a policy of a few dozen visited moves. */
static struct record_finished random_game(const struct bench *b, int64_t id)
{
    static struct position pos;
    const struct record_layout *l = &b->layout;
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, (uint64_t)id, 0);
    struct record_finished f = {.game = {.id = id, .winner = GAME_WON_BLACK}};
    int most = l->n_points * 3 / 2;

    game_default_setup(&b->game, &f.game.setup);
    game_start(&b->game, &f.game.setup, &pos);
    f.moves = calloc((size_t)most, sizeof *f.moves);
    f.root_values = calloc((size_t)most, sizeof *f.root_values);
    f.root_visits = calloc((size_t)most, sizeof *f.root_visits);
    f.rows = calloc((size_t)most, l->row_bytes);
    int n = 0;
    for (; n < most && !pos.over; n++) {
        uint8_t *row = f.rows + (size_t)n * l->row_bytes, legal[GAME_MAX_ACTIONS], reply[GAME_MAX_ACTIONS];
        float policy[GAME_MAX_ACTIONS] = {0.0f};
        uint16_t packed[GAME_MAX_ACTIONS];
        struct record_head h = {.game_id = id, .value = {1, 0, 0}, .score = 3.5f, .w_policy = 1,
                                .w_reply = 1, .w_value = 1, .w_score = 1, .visits = 600,
                                .ply = (int16_t)n, .color = pos.to_move, .net = 12,
                                .priority = (float)tg_rng_double(&r),
                                .root_value = {(float)tg_rng_double(&r), 0.3f, 0.0f},
                                .root_lead = (float)tg_rng_normal(&r)};
        float globals[GAME_MAX_GLOBALS];
        int action;

        game_encode(&b->game, &pos, NULL, row + l->planes, globals);
        memcpy(row + l->globals, globals, (size_t)l->n_globals * sizeof *globals);
        game_legal(&b->game, &pos, legal);
        for (int i = 0; i < 30; i++) {
            int a = (int)tg_rng_below(&r, (uint32_t)l->n_actions);
            policy[a] += legal[a] ? (float)tg_rng_below(&r, 40) : 0.0f;
        }
        record_policy_pack(l, policy, packed);
        memcpy(row + l->policy, packed, (size_t)l->n_actions * sizeof *packed);
        record_reply_pack(l, policy, reply);
        memcpy(row + l->reply, reply, (size_t)l->n_actions);
        do
            action = (int)tg_rng_below(&r, (uint32_t)l->n_points + 1);
        while (!legal[action] || (action == l->n_points && tg_rng_below(&r, 20) != 0));
        memcpy(row, &h, sizeof h);
        f.moves[n] = (int16_t)action;
        f.root_visits[n] = 600;
        game_play(&b->game, &pos, action);
    }
    f.game.n_rows = f.game.n_moves = n;
    struct game_result result;
    game_score(&b->game, &pos, &result);
    for (int i = 0; i < n; i++)
        record_ownership_pack(l, result.ownership, i % 2 == 0 ? GAME_BLACK : GAME_WHITE,
                              f.rows + (size_t)i * l->row_bytes + l->ownership);
    return f;
}

static struct record_finished copy_of(const struct bench *b, const struct record_finished *f)
{
    struct record_finished c = *f;
    size_t n = (size_t)f->game.n_moves, bytes = (size_t)f->game.n_rows * b->layout.row_bytes;

    c.moves = memcpy(malloc(n * sizeof *c.moves), f->moves, n * sizeof *c.moves);
    c.root_values = memcpy(malloc(n * sizeof *c.root_values), f->root_values, n * sizeof *c.root_values);
    c.root_visits = memcpy(malloc(n * sizeof *c.root_visits), f->root_visits, n * sizeof *c.root_visits);
    c.rows = memcpy(malloc(bytes), f->rows, bytes);
    return c;
}

/* Games are dealt out in turn until their rows suffice. */
static void make_games(struct bench *b)
{
    int64_t total = 0;

    b->games = malloc((size_t)b->n_rows_wanted * sizeof *b->games);
    for (int64_t id = 0; total < b->n_rows_wanted; id += comm_size(b->comm)) {
        int64_t sum;

        b->games[b->n_games] = random_game(b, id + comm_rank(b->comm));
        b->n_rows += sum = b->games[b->n_games++].game.n_rows;
        comm_sum_i64(b->comm, &sum, 1);
        total += sum;
    }
}

static double slowest(struct bench *b, double start)
{
    double sec = tg_now() - start;

    comm_max_f64(b->comm, &sec, 1);
    return sec;
}

/* On a machine that others use too, who has just computed is made to wait: all parts start rested. */
static void rest(struct bench *b)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    comm_barrier(b->comm);
}

static void path_of(const struct bench *b, const char *name, char path[1000])
{
    snprintf(path, 1000, "%s/%s", b->dir, name);
}

static void time_commit(struct bench *b, struct replay_writer *w, double *push_sec, double *commit_sec,
                        struct replay_shard_info *info)
{
    struct tg_error err;
    double start, staging = 0.0;

    for (int i = 0; i < b->n_games; i++) {
        struct record_finished f = copy_of(b, &b->games[i]);

        start = tg_now();
        check(replay_writer_push(w, &f, &err), &err);
        staging += tg_now() - start;
    }
    *push_sec = staging;
    comm_max_f64(b->comm, push_sec, 1);
    rest(b);
    start = tg_now();
    check(replay_writer_commit(w, 0, 0, info, &err), &err);
    *commit_sec = slowest(b, start);
}

/* The yardstick: one process writes the shard's bytes to a fresh file and syncs it. */
static double time_plain(struct bench *b, const struct replay_shard_info *info)
{
    char path[1000], *bytes = NULL;
    struct tg_error err;
    double sec = 0.0;
    size_t n = 0;

    path_of(b, info->name, path);
    if (comm_rank(b->comm) == 0)
        check(tg_file_read(path, (size_t)1 << 34, &bytes, &n, &err), &err);
    rest(b);
    path_of(b, "plain", path);
    if (comm_rank(b->comm) == 0) {
        double start = tg_now();
        int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
        for (size_t at = 0; at < n;) {
            ssize_t done = write(fd, bytes + at, n - at);

            if (done <= 0)
                MPI_Abort(MPI_COMM_WORLD, 1);
            at += (size_t)done;
        }
        fsync(fd);
        close(fd);
        sec = tg_now() - start;
        unlink(path);
        free(bytes);
    }
    comm_max_f64(b->comm, &sec, 1);
    return sec;
}

static hid_t h5_type(enum record_type type)
{
    const hid_t types[] = {H5T_NATIVE_UINT8, H5T_NATIVE_UINT16, H5T_NATIVE_INT16, H5T_NATIVE_FLOAT,
                           H5T_NATIVE_INT32, H5T_NATIVE_INT64};

    return types[type];
}

/* HDF5's own way. Each rank's rows are already one block here, which real games would first have to
 * be exchanged for: this flatters it. */
static double time_collective(struct bench *b)
{
    const struct record_layout *l = &b->layout;
    uint8_t *rows = malloc((size_t)b->n_rows * l->row_bytes), *column = malloc((size_t)b->n_rows * l->row_bytes);
    int64_t first, total, at = 0;
    char path[1000];

    for (int i = 0; i < b->n_games; i++) {
        size_t bytes = (size_t)b->games[i].game.n_rows * l->row_bytes;

        memcpy(rows + at, b->games[i].rows, bytes);
        at += (int64_t)bytes;
    }
    comm_exscan_i64(b->comm, b->n_rows, &first, &total);
    path_of(b, "collective.h5", path);
    rest(b);
    double start = tg_now();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_fapl_mpio(access, comm_mpi(b->comm), MPI_INFO_NULL);
    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    for (int c = 0; c < l->n_columns; c++) {
        const struct record_column *col = &l->columns[c];
        size_t item = col->n_elems * record_type_bytes(col->type);
        hsize_t dims[2] = {(hsize_t)total, col->n_elems}, chunk[2] = {CHUNK_ROWS, col->n_elems};
        hsize_t from[2] = {(hsize_t)first, 0}, count[2] = {(hsize_t)b->n_rows, col->n_elems};

        for (int64_t i = 0; i < b->n_rows; i++)
            memcpy(column + (size_t)i * item, rows + (size_t)i * l->row_bytes + col->offset, item);
        hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dims, NULL);
        hid_t memory = H5Screate_simple(2, count, NULL);
        H5Pset_chunk(create, 2, chunk);
        H5Pset_deflate(create, 1);
        H5Pset_fletcher32(create);
        H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
        hid_t set = H5Dcreate2(file, col->name, h5_type(col->type), space, H5P_DEFAULT, create, H5P_DEFAULT);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, count, NULL);
        if (H5Dwrite(set, h5_type(col->type), memory, space, transfer, column) < 0)
            MPI_Abort(MPI_COMM_WORLD, 1);
        H5Dclose(set);
        H5Sclose(memory);
        H5Sclose(space);
        H5Pclose(create);
    }
    H5Fclose(file);
    H5Pclose(transfer);
    H5Pclose(access);
    if (comm_rank(b->comm) == 0) {
        int fd = open(path, O_WRONLY);

        fsync(fd);
        close(fd);
    }
    double sec = slowest(b, start);
    if (comm_rank(b->comm) == 0)
        unlink(path);
    free(rows);
    free(column);
    return sec;
}

static void time_window(struct bench *b, const struct replay_shard_info *info, double *append_sec,
                        double draw_usec[2])
{
    struct tg_error err;
    char path[1000];
    int64_t slots[BATCH];
    float weights[BATCH], errors[BATCH];

    path_of(b, info->name, path);
    for (int prioritised = 0; prioritised < 2; prioritised++) {
        struct replay_window_options o = {.capacity = 1000000, .alpha = prioritised ? 0.6f : 0.0f,
                                          .epsilon = 1e-3f};
        struct replay_window *w;

        check(replay_window_open(b->comm, &b->layout, &o, &w, &err), &err);
        comm_barrier(b->comm);
        double start = tg_now();
        check(replay_window_append(w, path, info, &err), &err);
        *append_sec = slowest(b, start);
        start = tg_now();
        for (int step = 0; step < DRAWS; step++) {
            check(replay_window_draw(w, 1, step, 0, 0.4f, BATCH, slots, weights, &err), &err);
            for (int i = 0; i < BATCH; i++)
                errors[i] = weights[i];
            check(replay_window_update(w, slots, errors, BATCH / comm_size(b->comm), &err), &err);
        }
        draw_usec[prioritised] = 1e6 * slowest(b, start) / DRAWS;
        if (prioritised && comm_rank(b->comm) == 0)
            printf("window of 1,000,000 rows: %.3f GB (%.3f GB uniform)\n",
                   1e-9 * (double)replay_window_bytes(w), 1e-3 * (double)(b->layout.row_bytes + 4));
        replay_window_close(w);
    }
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

static void line(const char *what, double sec, const struct replay_shard_info *info, size_t row_bytes)
{
    printf("%-28s %8.1f ms %10.0f rows/s %8.1f MB/s of file %8.1f MB/s of rows\n", what, 1e3 * sec,
           (double)info->n_rows / sec, 1e-6 * (double)info->n_bytes / sec,
           1e-6 * (double)info->n_rows * (double)row_bytes / sec);
}

int main(int argc, char **argv)
{
    struct bench b = {.n_rows_wanted = argc > 2 ? atol(argv[2]) : 50000};
    struct replay_options o = {.chunk_rows = CHUNK_ROWS, .deflate = 1};
    double push[TURNS], commit[TURNS], plain[TURNS], collective[TURNS], ratio[TURNS], append, draw[2];
    struct replay_shard_info info;
    struct replay_writer *w;
    struct tg_error err;

    check(comm_mpi_init(&argc, &argv, &err), &err);
    check(comm_open(MPI_COMM_WORLD, "bench", &b.comm, &err), &err);
    check(game_init(&b.game, GAME_GO, argc > 3 ? atoi(argv[3]) : 9, 0, &err), &err);
    record_layout_init(&b.layout, &b.game);
    snprintf(b.dir, sizeof b.dir, "%s/bench-commit", argc > 1 ? argv[1] : "/tmp");
    make_games(&b);
    check(replay_writer_open(b.comm, b.dir, &b.game, &o, &w, &err), &err);
    for (int i = 0; i < TURNS; i++) {
        time_commit(&b, w, &push[i], &commit[i], &info);
        plain[i] = time_plain(&b, &info);
        collective[i] = time_collective(&b);
        ratio[i] = plain[i] / commit[i];
    }
    time_window(&b, &info, &append, draw);
    if (comm_rank(b.comm) == 0) {
        char path[1000];

        printf("%d ranks, %dx%d Go, %lld rows of %zu bytes, file %.2f MB, medians of %d\n",
               comm_size(b.comm), b.game.size, b.game.size, (long long)info.n_rows, b.layout.row_bytes,
               1e-6 * (double)info.n_bytes, TURNS);
        line("write + fsync", median(plain, TURNS), &info, b.layout.row_bytes);
        line("commit", median(commit, TURNS), &info, b.layout.row_bytes);
        line("staging (while playing)", median(push, TURNS), &info, b.layout.row_bytes);
        line("HDF5 collective deflate", median(collective, TURNS), &info, b.layout.row_bytes);
        printf("commit reaches %.0f %% of write + fsync (median of the turns' ratios)\n",
               100.0 * median(ratio, TURNS));
        line("window append", append, &info, b.layout.row_bytes);
        printf("draw of %d: %.0f us uniform, %.0f us prioritised with update\n", BATCH, draw[0], draw[1]);
        path_of(&b, info.name, path);
        unlink(path);
        rmdir(b.dir);
    }
    replay_writer_close(w);
    comm_close(b.comm);
    comm_mpi_finalize();
    return 0;
}
