/* test_hosts.c - shards of many ranks on several hosts: two ranks each are taken for a host. On 1, 3 and 61
 * ranks, so that hosts are of different sizes and most ranks have no rows. */
#include "tg_test.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "games.h"
#include "tengen/replay.h"

struct fixture {
    struct comm *comm;
    struct game game;
    struct record_layout layout;
    struct replay_options options;
    struct replay_writer *w;
    struct replay_shard_info *files;
    int n_files, n_hosts;
    struct tg_error err;
    char dir[64];
};

static int open_writer(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.game = test_game();
    record_layout_init(&f.layout, &f.game);
    f.options = (struct replay_options){.chunk_rows = 64, .deflate = 1, .layout = REPLAY_PER_HOST};
    comm_open(MPI_COMM_WORLD, "selfplay", &f.comm, NULL);
    f.n_hosts = (comm_size(f.comm) + 1) / 2;
    if (comm_rank(f.comm) == 0)
        snprintf(f.dir, sizeof f.dir, "%s", tg_test_mkdir());
    comm_bcast(f.comm, f.dir, sizeof f.dir, 0);
    *state = &f;
    return (int)replay_writer_open(f.comm, f.dir, &f.game, &f.options, &f.w, NULL);
}

static int close_writer(void **state)
{
    struct fixture *f = *state;

    free(f->files);
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

    snprintf(path, sizeof path, "%s/shard-%08" PRId64 ".h5", f->dir, number);
    return path;
}

static void push(struct fixture *f, struct replay_writer *w, int64_t id)
{
    struct record_finished game = make_game(&f->game, &f->layout, id);

    assert_ok(replay_writer_push(w, &game, &f->err), &f->err);
}

/* Games 0 .. n - 1, game i on rank i * 7 % size. */
static void push_shared_out(struct fixture *f, struct replay_writer *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (i * 7 % comm_size(f->comm) == comm_rank(f->comm))
            push(f, w, i);
}

static enum tg_status commit(struct fixture *f, int64_t number)
{
    free(f->files);
    return replay_writer_commit_files(f->w, number, 5, &f->files, &f->n_files, &f->err);
}

/* Every game that was pushed is in one of the files, once, with its rows. */
static void check_games(struct fixture *f, int64_t n_games)
{
    char *seen = calloc((size_t)n_games, 1);
    int64_t n_seen = 0;

    for (int i = 0; i < f->n_files; i++) {
        struct record_finished *games;
        int64_t n;

        assert_ok(replay_shard_games(shard_path(f, f->files[i].number), &games, &n, &f->err), &f->err);
        assert_int_equal(n, f->files[i].n_games);
        for (int64_t k = 0; k < n; k++) {
            assert_in_range(games[k].game.id, 0, n_games - 1);
            assert_int_equal(seen[games[k].game.id], 0);
            assert_int_equal(games[k].game.n_rows, test_game_rows(games[k].game.id));
            seen[games[k].game.id] = 1;
            n_seen++;
            record_finished_free(&games[k]);
        }
        free(games);
        assert_ok(replay_shard_verify(shard_path(f, f->files[i].number), &f->layout, &f->err), &f->err);
    }
    assert_int_equal(n_seen, n_games);
    free(seen);
}

static void each_host_writes_a_shard_of_its_own(void **state)
{
    struct fixture *f = *state;
    int64_t n = 2 * comm_size(f->comm) + 3;

    push_shared_out(f, f->w, n);
    assert_ok(commit(f, 10), &f->err);
    assert_int_equal(f->n_files, f->n_hosts);
    for (int i = 0; i < f->n_files; i++) {
        assert_int_equal(f->files[i].number, 10 + i);
        assert_int_equal(f->files[i].iteration, 5);
        assert_true(f->files[i].n_rows > 0);
    }
    if (comm_rank(f->comm) == 0)
        check_games(f, n);
    assert_int_equal(replay_writer_staged(f->w), 0);
}

static void hosts_without_rows_have_no_file(void **state)
{
    struct fixture *f = *state;
    int size = comm_size(f->comm);

    if (comm_rank(f->comm) == size - 1)
        push(f, f->w, 0);
    assert_ok(commit(f, 3), &f->err);
    assert_int_equal(f->n_files, 1);
    assert_int_equal(f->files[0].number, 3);
    if (comm_rank(f->comm) == 0)
        check_games(f, 1);
    assert_ok(commit(f, 4), &f->err);
    assert_int_equal(f->n_files, 0);
    comm_barrier(f->comm);
    assert_int_not_equal(access(shard_path(f, 4), F_OK), 0);
}

static void one_shard_written_host_by_host_is_that_of_all_at_once(void **state)
{
    struct fixture *f = *state;
    struct replay_shard_info turns, at_once;
    struct replay_writer *shared;

    push_shared_out(f, f->w, 70);
    assert_ok(replay_writer_commit(f->w, 0, 1, &turns, &f->err), &f->err);
    f->options.layout = REPLAY_SHARED;
    assert_ok(replay_writer_open(f->comm, f->dir, &f->game, &f->options, &shared, &f->err), &f->err);
    push_shared_out(f, shared, 70);
    assert_ok(replay_writer_commit(shared, 0, 1, &at_once, &f->err), &f->err);
    assert_int_equal(turns.hash, at_once.hash);
    assert_int_equal(turns.n_games, 70);
    replay_writer_close(shared);
}

static void a_commit_that_fails_on_one_host_keeps_all_rows(void **state)
{
    struct fixture *f = *state;
    int64_t staged, n = 2 * comm_size(f->comm);
    bool last = comm_rank(f->comm) == comm_size(f->comm) - 1;
    char in_the_way[220];

    push_shared_out(f, f->w, n);
    staged = replay_writer_staged(f->w);
    snprintf(in_the_way, sizeof in_the_way, "%s/.shard-%08d.h5.tmp", f->dir, f->n_hosts - 1);
    if (last)
        assert_int_equal(mkdir(in_the_way, 0700), 0); /* where the last host's file should be */
    comm_barrier(f->comm);
    assert_fails(commit(f, 0), TG_EIO, "Is a directory", &f->err);
    assert_int_equal(f->n_files, 0);
    assert_int_equal(replay_writer_staged(f->w), staged);
    comm_barrier(f->comm);
    if (last)
        rmdir(in_the_way);
    comm_barrier(f->comm);
    assert_ok(commit(f, 0), &f->err);
    assert_int_equal(f->n_files, f->n_hosts);
    if (comm_rank(f->comm) == 0)
        check_games(f, n);
}

/* The least address of each group's chunks among the datasets of two dimensions. */
static void find_groups(const char *path, uint64_t *first, int64_t n_groups)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    H5G_info_t info;

    assert_true(H5Gget_info(file, &info) >= 0);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[64];

        H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        if (strcmp(name, "planes") != 0 && strcmp(name, "policy") != 0 && strcmp(name, "globals") != 0
            && strcmp(name, "reply") != 0 && strcmp(name, "ownership") != 0)
            continue;
        hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
        hsize_t n;
        assert_true(H5Dget_num_chunks(set, space, &n) >= 0);
        assert_int_equal(n, n_groups);
        for (hsize_t g = 0; g < n; g++) {
            hsize_t at[2], bytes;
            haddr_t address;
            unsigned mask;

            assert_true(H5Dget_chunk_info(set, space, g, at, &mask, &address, &bytes) >= 0);
            if (address < first[at[0] / 64])
                first[at[0] / 64] = address;
        }
        H5Sclose(space);
        H5Dclose(set);
    }
    H5Fclose(file);
}

static void what_a_rank_writes_begins_at_a_border(void **state)
{
    enum { ALIGN = 65536 };
    struct fixture *f = *state;
    struct replay_shard_info info;
    struct replay_writer *aligned;

    f->options.layout = REPLAY_SHARED;
    f->options.align = ALIGN;
    assert_ok(replay_writer_open(f->comm, f->dir, &f->game, &f->options, &aligned, &f->err), &f->err);
    push_shared_out(f, aligned, 40);
    assert_ok(replay_writer_commit(aligned, 0, 1, &info, &f->err), &f->err);
    if (comm_rank(f->comm) == 0) {
        int64_t n_groups = (info.n_rows + 63) / 64;
        uint64_t *first = malloc((size_t)n_groups * sizeof *first);

        assert_true(n_groups > 4);
        memset(first, 0xff, (size_t)n_groups * sizeof *first);
        find_groups(shard_path(f, 0), first, n_groups);
        for (int64_t g = 0; g < n_groups; g++)
            assert_int_equal(first[g] % ALIGN, 0);
        assert_ok(replay_shard_verify(shard_path(f, 0), &f->layout, &f->err), &f->err);
        free(first);
    }
    replay_writer_close(aligned);
}

static int run(void)
{
#define ON_WRITER(t) cmocka_unit_test_setup_teardown(t, open_writer, close_writer)
    const struct CMUnitTest tests[] = {
        ON_WRITER(each_host_writes_a_shard_of_its_own),
        ON_WRITER(hosts_without_rows_have_no_file),
        ON_WRITER(one_shard_written_host_by_host_is_that_of_all_at_once),
        ON_WRITER(a_commit_that_fails_on_one_host_keeps_all_rows),
        ON_WRITER(what_a_rank_writes_begins_at_a_border),
    };

    setenv("TENGEN_HOST_RANKS", "2", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
