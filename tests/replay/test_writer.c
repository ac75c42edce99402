/* test_writer.c - committing shards and reading them back, on 1, 2 and 3 ranks. */
#include "tg_test.h"

#include <hdf5.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "games.h"
#include "tengen/file.h"
#include "tengen/replay.h"

struct fixture {
    struct comm *comm;
    struct game game;
    struct record_layout layout;
    struct replay_options options;
    struct replay_writer *w;
    struct replay_shard_info info;
    struct tg_error err;
    char dir[64], replay[80];
};

static int open_writer(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.game = test_game();
    record_layout_init(&f.layout, &f.game);
    f.options = (struct replay_options){.chunk_rows = 64, .deflate = 1, .config_hash = "c0ffee",
                                        .build = "test"};
    comm_open(MPI_COMM_WORLD, "selfplay", &f.comm, NULL);
    if (comm_rank(f.comm) == 0)
        snprintf(f.dir, sizeof f.dir, "%s", tg_test_mkdir());
    comm_bcast(f.comm, f.dir, sizeof f.dir, 0);
    snprintf(f.replay, sizeof f.replay, "%s/a/replay", f.dir);
    *state = &f;
    return (int)replay_writer_open(f.comm, f.replay, &f.game, &f.options, &f.w, NULL);
}

static int close_writer(void **state)
{
    struct fixture *f = *state;

    replay_writer_close(f->w);
    comm_barrier(f->comm);
    if (comm_rank(f->comm) == 0)
        tg_test_rmdir(f->dir);
    comm_close(f->comm);
    return 0;
}

static const char *shard_path(const struct fixture *f, int64_t number)
{
    static char path[200];

    snprintf(path, sizeof path, "%s/shard-%08" PRId64 ".h5", f->replay, number);
    return path;
}

static void push(struct fixture *f, struct replay_writer *w, int64_t id)
{
    struct record_finished game = make_game(&f->game, &f->layout, id);

    assert_ok(replay_writer_push(w, &game, &f->err), &f->err);
    assert_null(game.rows);
}

/* Games first .. first + n - 1, game i on rank (i * stride) % size. */
static void push_shared_out(struct fixture *f, int64_t first, int64_t n, int64_t stride)
{
    for (int64_t i = 0; i < n; i++)
        if (i * stride % comm_size(f->comm) == comm_rank(f->comm))
            push(f, f->w, first + i);
}

static int64_t rows_of(int64_t first, int64_t n)
{
    int64_t rows = 0;

    for (int64_t i = 0; i < n; i++)
        rows += test_game_rows(first + i);
    return rows;
}

static void a_commit_counts_the_games_of_all_ranks(void **state)
{
    struct fixture *f = *state;

    push_shared_out(f, 100, 25, 1);
    assert_ok(replay_writer_commit(f->w, 4, 17, &f->info, &f->err), &f->err);
    assert_string_equal(f->info.name, "shard-00000004.h5");
    assert_int_equal(f->info.number, 4);
    assert_int_equal(f->info.iteration, 17);
    assert_int_equal(f->info.n_games, 25);
    assert_int_equal(f->info.n_rows, rows_of(100, 25));
    assert_int_equal(f->info.n_moves, rows_of(100, 25));
    assert_int_equal(replay_writer_staged(f->w), 0);
}

static void the_files_own_account_equals_the_commits(void **state)
{
    struct fixture *f = *state;
    struct replay_shard_info seen;

    push_shared_out(f, 0, 20, 1);
    assert_ok(replay_writer_commit(f->w, 0, 1, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_stat(shard_path(f, 0), &seen, &f->err), &f->err);
    assert_memory_equal(&seen, &f->info, sizeof seen);
    assert_true(seen.n_bytes > 1000 && seen.hash != 0);
}

static void rows_come_back_in_the_order_of_game_ids(void **state)
{
    struct fixture *f = *state;
    size_t row_bytes = f->layout.row_bytes;
    int64_t n = rows_of(200, 30), at = 0;
    uint8_t *rows = malloc((size_t)n * row_bytes), *expected = malloc(row_bytes);

    push_shared_out(f, 200, 30, 2);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_rows(shard_path(f, 0), &f->layout, 0, n, rows, &f->err), &f->err);
    for (int64_t id = 200; id < 230; id++)
        for (int ply = 0; ply < test_game_rows(id); ply++, at++) {
            fill_row(&f->layout, id, ply, expected);
            assert_memory_equal(rows + (size_t)at * row_bytes, expected, row_bytes);
        }
    free(rows);
    free(expected);
}

static void any_range_of_rows_can_be_read(void **state)
{
    struct fixture *f = *state;
    size_t row_bytes = f->layout.row_bytes;
    int64_t n = rows_of(0, 12);
    uint8_t *rows = malloc((size_t)n * row_bytes), *part = malloc((size_t)n * row_bytes);

    push_shared_out(f, 0, 12, 1); /* 102 rows in chunks of 64 */
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_rows(shard_path(f, 0), &f->layout, 0, n, rows, &f->err), &f->err);
    for (int64_t first = 0; first <= n; first += 17)
        for (int64_t count = 0; first + count <= n; count += 21) {
            assert_ok(replay_shard_rows(shard_path(f, 0), &f->layout, first, count, part, &f->err),
                      &f->err);
            assert_memory_equal(part, rows + (size_t)first * row_bytes, (size_t)count * row_bytes);
        }
    assert_fails(replay_shard_rows(shard_path(f, 0), &f->layout, n - 1, 2, part, &f->err), TG_EINVAL,
                 "rows", &f->err);
    free(rows);
    free(part);
}

static void games_and_moves_come_back(void **state)
{
    struct fixture *f = *state;
    struct record_finished *games = NULL;
    int64_t n = 0, row = 0;

    push_shared_out(f, 50, 9, 1);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_games(shard_path(f, 0), &games, &n, &f->err), &f->err);
    assert_int_equal(n, 9);
    assert_ok(replay_shard_games_rows(shard_path(f, 0), &f->layout, games + 1, n - 1, &f->err), &f->err);
    assert_null(games[0].rows);
    for (int64_t i = 1; i < n; i++) {
        struct record_finished want = make_game(&f->game, &f->layout, 50 + i);

        assert_memory_equal(games[i].rows, want.rows, (size_t)want.game.n_rows * f->layout.row_bytes);
        record_finished_free(&want);
    }
    struct record_finished *some = NULL;
    int64_t n_some = 0;
    assert_ok(replay_shard_games_between(shard_path(f, 0), 53, 55, &some, &n_some, &f->err), &f->err);
    assert_int_equal(n_some, n);
    for (int64_t i = 0; i < n; i++) {
        bool in = i == 3 || i == 4;

        assert_int_equal(some[i].game.id, 50 + i);
        assert_int_equal(some[i].moves != NULL, in);
        if (in)
            assert_memory_equal(some[i].moves, games[i].moves, (size_t)games[i].game.n_moves * sizeof *games[i].moves);
        record_finished_free(&some[i]);
    }
    free(some);
    struct record_finished apart[2] = {games[0], games[2]};
    assert_fails(replay_shard_games_rows(shard_path(f, 0), &f->layout, apart, 2, &f->err), TG_EFORMAT, "do not follow",
                 &f->err);
    for (int64_t i = 0; i < n; i++) {
        struct record_finished want = make_game(&f->game, &f->layout, 50 + i);
        size_t moves = (size_t)want.game.n_moves;

        want.game.first_row = want.game.first_move = row;
        row += want.game.n_rows;
        assert_memory_equal(&games[i].game.setup, &want.game.setup, sizeof want.game.setup);
        assert_int_equal(games[i].game.id, want.game.id);
        assert_int_equal(games[i].game.seed, want.game.seed);
        assert_int_equal(games[i].game.net[0], want.game.net[0]);
        assert_int_equal(games[i].game.net[1], want.game.net[1]);
        assert_int_equal(games[i].game.n_opening, want.game.n_opening);
        assert_int_equal(games[i].game.first_row, want.game.first_row);
        assert_int_equal(games[i].game.first_move, want.game.first_move);
        assert_true(games[i].game.score == want.game.score);
        assert_memory_equal(games[i].moves, want.moves, moves * sizeof *want.moves);
        assert_memory_equal(games[i].root_values, want.root_values, moves * sizeof *want.root_values);
        assert_memory_equal(games[i].root_visits, want.root_visits, moves * sizeof *want.root_visits);
        record_finished_free(&want);
        record_finished_free(&games[i]);
    }
    free(games);
}

static void a_shard_that_was_written_verifies(void **state)
{
    struct fixture *f = *state;

    push_shared_out(f, 300, 70, 1); /* over 2000 rows: more than one block of the check */
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_true(f->info.n_rows > 2048);
    assert_ok(replay_shard_verify(shard_path(f, 0), &f->layout, &f->err), &f->err);
}

/* A file that is sound, with a row in it that cannot be. */
static void verification_finds_a_number_that_is_not_finite(void **state)
{
    struct fixture *f = *state;
    struct record_finished game = make_game(&f->game, &f->layout, 5 + comm_rank(f->comm));

    if (comm_rank(f->comm) == 0) {
        struct record_head h;

        memcpy(&h, game.rows + 2 * f->layout.row_bytes, sizeof h);
        h.score = NAN;
        memcpy(game.rows + 2 * f->layout.row_bytes, &h, sizeof h);
    }
    assert_ok(replay_writer_push(f->w, &game, &f->err), &f->err);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_fails(replay_shard_verify(shard_path(f, 0), &f->layout, &f->err), TG_EFORMAT,
                 "row 2 (game 5, ply 2): a number is not finite", &f->err);
}

/* HDF5's own filters must read what we compressed: nothing but an ordinary file is on disk. */
static void hdf5_itself_reads_the_datasets(void **state)
{
    struct fixture *f = *state;
    int64_t n, at = 0;
    uint16_t (*policy)[82];
    int32_t *visits;
    int64_t seed[11];

    push_shared_out(f, 40, 11, 1);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    n = f->info.n_rows;
    policy = malloc((size_t)n * sizeof *policy);
    visits = malloc((size_t)n * sizeof *visits);
    hid_t file = H5Fopen(shard_path(f, 0), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "policy", H5P_DEFAULT);
    hid_t create = H5Dget_create_plist(set);
    assert_int_equal(H5Pget_nfilters(create), 2);
    assert_true(H5Dread(set, H5T_NATIVE_UINT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, policy) >= 0);
    H5Pclose(create);
    H5Dclose(set);
    set = H5Dopen2(file, "visits", H5P_DEFAULT);
    assert_true(H5Dread(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, visits) >= 0);
    H5Dclose(set);
    hid_t field = H5Tcreate(H5T_COMPOUND, sizeof *seed);
    H5Tinsert(field, "seed", 0, H5T_NATIVE_INT64);
    set = H5Dopen2(file, "games", H5P_DEFAULT);
    assert_true(H5Dread(set, field, H5S_ALL, H5S_ALL, H5P_DEFAULT, seed) >= 0);
    H5Tclose(field);
    H5Dclose(set);
    H5Fclose(file);
    for (int64_t id = 40; id < 51; id++) {
        struct record_finished g = make_game(&f->game, &f->layout, id);

        for (int i = 0; i < g.game.n_rows; i++, at++) {
            const uint8_t *row = g.rows + (size_t)i * f->layout.row_bytes;

            assert_memory_equal(policy[at], row + f->layout.policy, sizeof policy[at]);
            assert_int_equal(visits[at], 100 + i);
        }
        assert_int_equal(seed[id - 40], 99);
        record_finished_free(&g);
    }
    free(policy);
    free(visits);
}

static void uncompressed_shards_hold_the_same_rows(void **state)
{
    struct fixture *f = *state;
    int64_t n = rows_of(0, 10);
    uint8_t *a = malloc((size_t)n * f->layout.row_bytes), *b = malloc((size_t)n * f->layout.row_bytes);
    struct replay_writer *plain = NULL;

    push_shared_out(f, 0, 10, 1);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_rows(shard_path(f, 0), &f->layout, 0, n, a, &f->err), &f->err);
    f->options.deflate = 0;
    assert_ok(replay_writer_open(f->comm, f->replay, &f->game, &f->options, &plain, &f->err), &f->err);
    for (int64_t id = 0; id < 10; id++)
        if (id % comm_size(f->comm) == comm_rank(f->comm))
            push(f, plain, id);
    assert_ok(replay_writer_commit(plain, 1, 0, &f->info, &f->err), &f->err);
    assert_ok(replay_shard_rows(shard_path(f, 1), &f->layout, 0, n, b, &f->err), &f->err);
    assert_memory_equal(a, b, (size_t)n * f->layout.row_bytes);
    assert_ok(replay_shard_verify(shard_path(f, 1), &f->layout, &f->err), &f->err);
    replay_writer_close(plain);
    free(a);
    free(b);
}

static void the_file_does_not_depend_on_how_games_were_shared_out(void **state)
{
    struct fixture *f = *state;
    uint64_t first_hash = 0;

    for (int64_t way = 0; way < 4; way++) {
        if (way == 0) { /* all on the last rank, backwards */
            for (int64_t id = 69; id >= 0 && comm_rank(f->comm) == comm_size(f->comm) - 1; id--)
                push(f, f->w, id);
        } else {
            push_shared_out(f, 0, 70, way);
        }
        assert_ok(replay_writer_commit(f->w, 3, 1, &f->info, &f->err), &f->err);
        first_hash = way == 0 ? f->info.hash : first_hash;
        assert_true(f->info.hash == first_hash);
    }
}

static void the_file_does_not_depend_on_the_number_of_ranks(void **state)
{
    struct fixture *f = *state;
    uint64_t hash = 0;

    for (int size = 1; size <= comm_size(f->comm); size++) {
        struct replay_writer *w = NULL;
        struct comm *part = NULL;

        assert_ok(comm_subset(f->comm, comm_rank(f->comm) < size, "part", &part, &f->err), &f->err);
        if (part != NULL) {
            assert_ok(replay_writer_open(part, f->replay, &f->game, &f->options, &w, &f->err), &f->err);
            for (int64_t id = 0; id < 40; id++)
                if (id % size == comm_rank(part))
                    push(f, w, id);
            assert_ok(replay_writer_commit(w, 8, 2, &f->info, &f->err), &f->err);
            hash = size == 1 ? f->info.hash : hash;
            comm_bcast(part, &hash, sizeof hash, 0);
            assert_true(f->info.hash == hash);
            replay_writer_close(w);
        }
        comm_close(part);
        comm_barrier(f->comm);
    }
}

static void a_commit_of_nothing_makes_no_file(void **state)
{
    struct fixture *f = *state;

    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_int_equal(f->info.n_rows, 0);
    assert_int_not_equal(access(shard_path(f, 0), F_OK), 0);
}

static void one_game_on_one_rank_is_enough(void **state)
{
    struct fixture *f = *state;

    if (comm_rank(f->comm) == comm_size(f->comm) - 1)
        push(f, f->w, 0); /* three rows: fewer than a chunk, fewer chunks than ranks */
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_int_equal(f->info.n_rows, 3);
    assert_ok(replay_shard_verify(shard_path(f, 0), &f->layout, &f->err), &f->err);
}

static void a_game_that_finished_twice_is_refused_everywhere(void **state)
{
    struct fixture *f = *state;

    push(f, f->w, 7);
    if (comm_size(f->comm) == 1)
        push(f, f->w, 7);
    assert_fails(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), TG_EINVAL,
                 "game 7 was finished twice", &f->err);
}

static void a_row_of_another_game_is_refused(void **state)
{
    struct fixture *f = *state;
    struct record_finished game = make_game(&f->game, &f->layout, 5);

    game.game.id = 6;
    assert_fails(replay_writer_push(f->w, &game, &f->err), TG_EINVAL, "belongs to game 5", &f->err);
    assert_null(game.rows); /* taken over all the same */
    assert_int_equal(replay_writer_staged(f->w), 0);
}

static void a_missing_directory_fails_everywhere_and_keeps_the_rows(void **state)
{
    struct fixture *f = *state;
    int64_t staged;

    push_shared_out(f, 0, 10, 1);
    staged = replay_writer_staged(f->w);
    comm_barrier(f->comm);
    if (comm_rank(f->comm) == 0)
        rmdir(f->replay);
    comm_barrier(f->comm);
    assert_fails(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), TG_EIO,
                 "No such file or directory", &f->err);
    assert_non_null(strstr(f->err.text, ".shard-00000000.h5.tmp"));
    assert_int_equal(replay_writer_staged(f->w), staged);
    comm_barrier(f->comm);
    if (comm_rank(f->comm) == 0)
        mkdir(f->replay, 0700);
    comm_barrier(f->comm);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_int_equal(f->info.n_rows, rows_of(0, 10));
}

/* The size limit plays the full disk, on every rank or on the last alone: the layout fails, or the
 * writing of the chunks. */
static void fail_at_file_size(struct fixture *f, rlim_t limit, bool only_last)
{
    struct rlimit old, tight;
    char tmp[200];

    push_shared_out(f, 0, 30, 1);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = (struct rlimit){.rlim_cur = limit, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    if (!only_last || comm_rank(f->comm) == comm_size(f->comm) - 1)
        setrlimit(RLIMIT_FSIZE, &tight);
    enum tg_status rc = replay_writer_commit(f->w, 0, 0, &f->info, &f->err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(rc, TG_EIO);
    assert_non_null(strstr(f->err.text, "File too large"));
    snprintf(tmp, sizeof tmp, "%s/.shard-00000000.h5.tmp", f->replay);
    assert_non_null(strstr(f->err.text, tmp));
    comm_barrier(f->comm);
    assert_int_not_equal(access(tmp, F_OK), 0);
    assert_int_not_equal(access(shard_path(f, 0), F_OK), 0);
    assert_int_equal(f->info.n_rows, 0);
    comm_barrier(f->comm);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    assert_int_equal(f->info.n_rows, rows_of(0, 30));
    assert_ok(replay_shard_verify(shard_path(f, 0), &f->layout, &f->err), &f->err);
}

static void a_full_disk_is_named_and_the_rows_stay_staged(void **state)
{
    fail_at_file_size(*state, 10000, false);
}

static void a_full_disk_of_one_rank_fails_all(void **state)
{
    fail_at_file_size(*state, 60000, true);
}

static void leftovers_of_a_killed_commit_are_removed_and_shards_stay(void **state)
{
    struct fixture *f = *state;
    char left[200];

    push_shared_out(f, 0, 3, 1);
    assert_ok(replay_writer_commit(f->w, 0, 0, &f->info, &f->err), &f->err);
    snprintf(left, sizeof left, "%s/.shard-00000001.h5.tmp", f->replay);
    if (comm_rank(f->comm) == 0)
        assert_ok(tg_file_replace(left, "half", 4, &f->err), &f->err);
    comm_barrier(f->comm);
    replay_writer_close(f->w);
    f->w = NULL;
    assert_ok(replay_writer_open(f->comm, f->replay, &f->game, &f->options, &f->w, &f->err), &f->err);
    assert_int_not_equal(access(left, F_OK), 0);
    assert_int_equal(access(shard_path(f, 0), F_OK), 0);
}

static int run(void)
{
#define ON_WRITER(t) cmocka_unit_test_setup_teardown(t, open_writer, close_writer)
    const struct CMUnitTest tests[] = {
        ON_WRITER(a_commit_counts_the_games_of_all_ranks),
        ON_WRITER(the_files_own_account_equals_the_commits),
        ON_WRITER(rows_come_back_in_the_order_of_game_ids),
        ON_WRITER(any_range_of_rows_can_be_read),
        ON_WRITER(games_and_moves_come_back),
        ON_WRITER(a_shard_that_was_written_verifies),
        ON_WRITER(verification_finds_a_number_that_is_not_finite),
        ON_WRITER(hdf5_itself_reads_the_datasets),
        ON_WRITER(uncompressed_shards_hold_the_same_rows),
        ON_WRITER(the_file_does_not_depend_on_how_games_were_shared_out),
        ON_WRITER(the_file_does_not_depend_on_the_number_of_ranks),
        ON_WRITER(a_commit_of_nothing_makes_no_file),
        ON_WRITER(one_game_on_one_rank_is_enough),
        ON_WRITER(a_game_that_finished_twice_is_refused_everywhere),
        ON_WRITER(a_row_of_another_game_is_refused),
        ON_WRITER(a_missing_directory_fails_everywhere_and_keeps_the_rows),
        ON_WRITER(a_full_disk_is_named_and_the_rows_stay_staged),
        ON_WRITER(a_full_disk_of_one_rank_fails_all),
        ON_WRITER(leftovers_of_a_killed_commit_are_removed_and_shards_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
