/* test_damage.c - truncated and flipped shards: a status, never a crash, never wrong rows. */
#include "tg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "games.h"
#include "tengen/file.h"
#include "tengen/replay.h"

enum { GAMES = 6 };

static struct {
    struct game game;
    struct record_layout layout;
    struct replay_shard_info info;
    char *bytes; /* of the sound shard */
    size_t n_bytes;
    uint8_t *rows, *seen;
    char dir[64], sound[100], path[100];
} shard;

static int write_shard(void **state)
{
    struct replay_options options = {.chunk_rows = 16, .deflate = 1};
    struct replay_writer *w = NULL;
    struct comm *comm = NULL;
    struct tg_error err;

    (void)state;
    shard.game = test_game();
    record_layout_init(&shard.layout, &shard.game);
    snprintf(shard.dir, sizeof shard.dir, "%s", tg_test_mkdir());
    snprintf(shard.sound, sizeof shard.sound, "%s/shard-00000000.h5", shard.dir);
    snprintf(shard.path, sizeof shard.path, "%s/damaged.h5", shard.dir);
    comm_open(MPI_COMM_WORLD, "selfplay", &comm, NULL);
    if (replay_writer_open(comm, shard.dir, &shard.game, &options, &w, &err) != TG_OK)
        return -1;
    for (int64_t id = 0; id < GAMES; id++) {
        struct record_finished game = make_game(&shard.game, &shard.layout, id);

        if (replay_writer_push(w, &game, &err) != TG_OK)
            return -1;
    }
    if (replay_writer_commit(w, 0, 0, &shard.info, &err) != TG_OK
        || tg_file_read(shard.sound, 1 << 24, &shard.bytes, &shard.n_bytes, &err) != TG_OK)
        return -1;
    shard.rows = malloc((size_t)shard.info.n_rows * shard.layout.row_bytes);
    shard.seen = malloc((size_t)shard.info.n_rows * shard.layout.row_bytes);
    replay_writer_close(w);
    comm_close(comm);
    return (int)replay_shard_rows(shard.sound, &shard.layout, 0, shard.info.n_rows, shard.rows, &err);
}

static int remove_shard(void **state)
{
    (void)state;
    free(shard.bytes);
    free(shard.rows);
    free(shard.seen);
    tg_test_rmdir(shard.dir);
    return 0;
}

static void put(const char *bytes, size_t n)
{
    FILE *f = fopen(shard.path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Everything that reads a shard, on the damaged one. Each either fails with a message that names the
 * file, or gives what the sound file gives. Returns whether any of them noticed. */
static bool read_all_ways(void)
{
    struct replay_shard_info info;
    struct record_finished *games = NULL;
    struct tg_error err = {0};
    int64_t n_games = 0, n_rows = shard.info.n_rows;
    bool noticed = false;
    enum tg_status rc = replay_shard_stat(shard.path, &info, &err);

    if (rc == TG_OK)
        assert_int_equal(info.n_rows, n_rows);
    else
        noticed = rc == TG_EFORMAT && strstr(err.text, "damaged.h5") != NULL;
    assert_int_equal(rc != TG_OK, noticed);

    rc = replay_shard_rows(shard.path, &shard.layout, 0, n_rows, shard.seen, &err);
    assert_true(rc == TG_OK || (rc == TG_EFORMAT && strstr(err.text, "damaged.h5") != NULL));
    if (rc == TG_OK)
        assert_memory_equal(shard.seen, shard.rows, (size_t)n_rows * shard.layout.row_bytes);
    noticed = noticed || rc != TG_OK;

    rc = replay_shard_games(shard.path, &games, &n_games, &err);
    assert_true(rc == TG_OK || (rc == TG_EFORMAT && strstr(err.text, "damaged.h5") != NULL));
    for (int64_t i = 0; i < n_games; i++)
        record_finished_free(&games[i]);
    free(games);
    noticed = noticed || rc != TG_OK;

    rc = replay_shard_verify(shard.path, &shard.layout, &err);
    assert_true(rc == TG_OK || (rc == TG_EFORMAT && strstr(err.text, "damaged.h5") != NULL));
    return noticed || rc != TG_OK;
}

static void a_truncated_shard_is_refused_at_any_length(void **state)
{
    (void)state;
    for (size_t n = 0; n < shard.n_bytes; n += n < 600 ? 37 : shard.n_bytes / 40) {
        put(shard.bytes, n);
        assert_true(read_all_ways());
    }
    put(shard.bytes, shard.n_bytes - 1);
    assert_true(read_all_ways());
}

static void flip(size_t bit)
{
    shard.bytes[bit / 8] = (char)(shard.bytes[bit / 8] ^ 1 << bit % 8);
}

/* A flip may hit a byte that means nothing; one in the rows or games must not go unnoticed, which
 * read_all_ways checks by comparing with the sound rows. */
static void flipped_bits_never_crash_nor_give_wrong_rows(void **state)
{
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, 2, 3);
    int noticed = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        size_t bit = (size_t)(tg_rng_double(&r) * 8.0 * (double)shard.n_bytes);

        flip(bit);
        put(shard.bytes, shard.n_bytes);
        noticed += read_all_ways();
        flip(bit);
    }
    assert_true(noticed > 200);
}

/* Where HDF5 itself begins to read. */
static void flips_in_the_superblock_and_first_headers_never_crash(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * 256; bit += 11) {
        flip(bit);
        put(shard.bytes, shard.n_bytes);
        read_all_ways();
        flip(bit);
    }
}

static void a_file_of_zeros_or_text_is_no_shard(void **state)
{
    struct replay_shard_info info;
    struct tg_error err = {0};
    char text[5000] = "this is not HDF5";

    (void)state;
    put(text, sizeof text);
    assert_fails(replay_shard_stat(shard.path, &info, &err), TG_EFORMAT, "not a readable shard", &err);
    put(text, 0);
    assert_fails(replay_shard_stat(shard.path, &info, &err), TG_EFORMAT, "not a readable shard", &err);
    unlink(shard.path);
    assert_fails(replay_shard_stat(shard.path, &info, &err), TG_EIO, "No such file", &err);
}

static void rows_of_another_board_are_refused(void **state)
{
    struct record_layout other;
    struct tg_error err = {0};
    struct game g;
    uint8_t row[4096];

    (void)state;
    assert_ok(game_init(&g, GAME_GO, 13, 0, &err), &err);
    record_layout_init(&other, &g);
    assert_fails(replay_shard_rows(shard.sound, &other, 0, 1, row, &err), TG_EFORMAT,
                 "unexpected shape", &err);
}

static void a_column_that_the_file_lacks_becomes_zero(void **state)
{
    struct record_layout more = shard.layout;
    struct tg_error err = {0};
    size_t row_bytes = more.row_bytes + 8;
    uint8_t *rows = malloc((size_t)shard.info.n_rows * row_bytes);

    (void)state;
    more.columns[more.n_columns++] = (struct record_column){
        .name = "of_a_later_version", .type = RECORD_F32, .n_elems = 2, .offset = more.row_bytes};
    more.row_bytes = row_bytes;
    memset(rows, 0xAA, (size_t)shard.info.n_rows * row_bytes);
    assert_ok(replay_shard_rows(shard.sound, &more, 0, shard.info.n_rows, rows, &err), &err);
    for (int64_t i = 0; i < shard.info.n_rows; i++) {
        const uint8_t *row = rows + (size_t)i * row_bytes;

        assert_memory_equal(row, shard.rows + (size_t)i * shard.layout.row_bytes,
                            shard.layout.row_bytes);
        assert_memory_equal(row + shard.layout.row_bytes, "\0\0\0\0\0\0\0", 8);
    }
    free(rows);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_truncated_shard_is_refused_at_any_length),
        cmocka_unit_test(flipped_bits_never_crash_nor_give_wrong_rows),
        cmocka_unit_test(flips_in_the_superblock_and_first_headers_never_crash),
        cmocka_unit_test(a_file_of_zeros_or_text_is_no_shard),
        cmocka_unit_test(rows_of_another_board_are_refused),
        cmocka_unit_test(a_column_that_the_file_lacks_becomes_zero),
    };

    return cmocka_run_group_tests(tests, write_shard, remove_shard);
}

int main(int argc, char **argv) { return mpi_test_main(&argc, &argv, run); }
