/* Our own network file: what is saved is what is loaded, and nothing else is taken for it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/nn/netfile.h"
#include "tengen/file.h"
#include "tengen/hash.h"
#include "tengen/rng.h"
#include "tg_test.h"

struct fixture {
    struct tg_error err;
    struct game go;
    struct nn_model m;
    char dir[64], path[128];
    uint8_t *file; /* the saved model's n bytes */
    size_t n;
};

static struct nn_arch small_arch(void)
{
    struct nn_arch a = {
        .name = "tiny", .n_planes = 22, .n_globals = 19, .trunk = 4, .stem = 3, .n_blocks = 4,
        .blocks = {{.kind = NN_BLOCK_NESTED, .n_inner = 2, .mid = 2},
                   {.kind = NN_BLOCK_RESIDUAL, .mid = 3},
                   {.kind = NN_BLOCK_GPOOL, .mid = 2, .gpool = 1},
                   {.kind = NN_BLOCK_RESIDUAL, .mid = 4}},
        .activation = NN_SILU, .p1 = 2, .g1 = 2, .n_policy = 3,
        .policy_role = {NN_POLICY_MOVE, NN_POLICY_REPLY, NN_POLICY_SOFT}, .pass_hidden = true,
        .v1 = 2, .v2 = 3, .n_score = 4, .scales = nn_scales_default};

    a.scales.lead = 0.1F; /* no short decimal: it must come back to the bit */
    return a;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct nn_arch a = small_arch();

    if (f == NULL)
        return -1;
    snprintf(f->dir, sizeof f->dir, "%s", tg_test_mkdir());
    snprintf(f->path, sizeof f->path, "%s/a.net", f->dir);
    assert_ok(game_init(&f->go, GAME_GO, 9, 0, &f->err), &f->err);
    assert_ok(nn_model_init(&a, &f->go, "first net", 1, &f->m, &f->err), &f->err);
    f->m.step = 123456789012;
    f->m.n_rows = 42;
    assert_ok(nn_model_save(&f->m, f->path, &f->err), &f->err);
    assert_ok(tg_file_read(f->path, 1 << 20, (char **)&f->file, &f->n, &f->err), &f->err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    nn_model_close(&f->m);
    tg_test_rmdir(f->dir);
    free(f->file);
    free(f);
    return 0;
}

static void what_is_saved_is_loaded(void **state)
{
    struct fixture *f = *state;
    struct nn_model back;

    assert_ok(nn_model_load(f->path, &back, NULL, &f->err), &f->err);
    assert_string_equal(back.name, "first net");
    assert_memory_equal(&back.arch, &f->m.arch, sizeof back.arch);
    assert_int_equal(back.game, GAME_GO);
    assert_int_equal(back.size, 9);
    assert_int_equal(back.step, 123456789012);
    assert_int_equal(back.n_rows, 42);
    assert_int_equal(back.layout.n_params, f->m.layout.n_params);
    assert_memory_equal(back.params, f->m.params, back.layout.n_params * sizeof(float));
    assert_int_equal(back.hash, f->m.hash);
    assert_int_not_equal(back.hash, 0);
    nn_model_close(&back);
}

static void gomoku_keeps_its_history(void **state)
{
    struct fixture *f = *state;
    struct nn_arch a = small_arch();
    struct nn_model m, back;
    struct game g, other;

    assert_ok(game_init(&g, GAME_GOMOKU, 15, 2, &f->err), &f->err);
    assert_ok(game_init(&other, GAME_GOMOKU, 15, 0, &f->err), &f->err);
    a.n_planes = g.n_planes;
    a.n_globals = g.n_globals;
    assert_ok(nn_model_init(&a, &g, "five", 1, &m, &f->err), &f->err);
    assert_ok(nn_model_save(&m, f->path, &f->err), &f->err);
    assert_ok(nn_model_load(f->path, &back, NULL, &f->err), &f->err);
    assert_int_equal(back.game, GAME_GOMOKU);
    assert_int_equal(back.history, 2);
    assert_ok(nn_model_fits(&back, &g, &f->err), &f->err);
    assert_fails(nn_model_fits(&back, &other, &f->err), TG_EINVAL, "2 past moves", &f->err);
    assert_fails(nn_model_fits(&back, &f->go, &f->err), TG_EINVAL, "plays gomoku", &f->err);
    nn_model_close(&m);
    nn_model_close(&back);
}

static void a_model_starts_the_same_from_the_same_seed(void **state)
{
    struct fixture *f = *state;
    struct nn_arch a = small_arch();
    struct nn_model same, other;

    assert_ok(nn_model_init(&a, &f->go, "n", 1, &same, &f->err), &f->err);
    assert_ok(nn_model_init(&a, &f->go, "n", 2, &other, &f->err), &f->err);
    assert_memory_equal(same.params, f->m.params, same.layout.n_params * sizeof(float));
    assert_true(memcmp(other.params, f->m.params, same.layout.n_params * sizeof(float)) != 0);
    nn_model_close(&same);
    nn_model_close(&other);
}

static void the_hash_tells_parameters_apart(void **state)
{
    struct fixture *f = *state;
    uint64_t before = f->m.hash;

    assert_ok(nn_model_save(&f->m, f->path, &f->err), &f->err);
    assert_int_equal(f->m.hash, before);
    f->m.params[3] += 1e-6F;
    assert_ok(nn_model_save(&f->m, f->path, &f->err), &f->err);
    assert_int_not_equal(f->m.hash, before);
}

static void a_cut_file_is_refused_at_every_length(void **state)
{
    struct fixture *f = *state;
    struct nn_model back;

    for (size_t n = 0; n < f->n; n++) {
        uint8_t *part = malloc(n + 1); /* of this length, so that a read behind it is found */

        memcpy(part, f->file, n);
        assert_fails(nn_model_parse(part, n, "cut.net", &back, NULL, &f->err), TG_EFORMAT, "cut.net",
                     &f->err);
        assert_null(back.params);
        free(part);
    }
    f->file[f->n] = 0; /* tg_file_read leaves room for one byte more */
    assert_fails(nn_model_parse(f->file, f->n + 1, "long.net", &back, NULL, &f->err), TG_EFORMAT,
                 "bytes of parameters", &f->err);
}

static void one_flipped_bit_is_found(void **state)
{
    struct fixture *f = *state;
    struct tg_rng r = tg_rng_stream(9, TG_RNG_TEST, 3, 0);
    struct nn_model back;

    for (int i = 0; i < 2512; i++) { /* every bit of the first line, then 2000 at random */
        size_t bit = i < 512 ? (size_t)i : tg_rng_below(&r, (uint32_t)(f->n * 8));

        f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_fails(nn_model_parse(f->file, f->n, "bit.net", &back, NULL, &f->err), TG_EFORMAT,
                     "bit.net", &f->err);
        f->file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* The saved file with `from` in its header replaced and all checksums right: a hostile one. */
static uint8_t *forged(const struct fixture *f, const char *from, const char *to, size_t *n)
{
    size_t lead = (size_t)((uint8_t *)memchr(f->file, '\n', f->n) - f->file) + 1, header_bytes, tail;
    uint8_t *file = calloc(1, f->n + strlen(to) + 64);
    char *at, first[128];

    header_bytes = strtoull((char *)f->file + strlen("tengen-net 1 "), NULL, 16);
    at = strstr((char *)f->file + lead, from);
    if (at == NULL || file == NULL)
        fail_msg("no \"%s\" in the header", from);
    size_t before = (size_t)((uint8_t *)at - f->file);
    tail = f->n - before - strlen(from);
    memcpy(file + lead, f->file + lead, before - lead);
    memcpy(file + before, to, strlen(to));
    memcpy(file + before + strlen(to), at + strlen(from), tail);
    *n = before + strlen(to) + tail;
    header_bytes += strlen(to) - strlen(from);
    snprintf(first, sizeof first, "tengen-net 1 %016llx %016llx ", (unsigned long long)header_bytes,
             (unsigned long long)tg_hash(file + lead, header_bytes, header_bytes));
    memcpy(file, f->file, lead);
    memcpy(file, first, strlen(first));
    return file;
}

static void a_forged_header_is_refused_by_name(void **state)
{
    static const char *const cases[][3] = {
        {"game go", "game chess", "chess"},
        {"game go", "game gomoku", "planes"},
        {"size 9", "size 99", "99 is not in"},
        {"size 9", "size", "size"},
        {"step 1", "step -1", "is not in"},
        {"step 1", "step 99999999999999999991", "is none"},
        {"inputs 22", "inputs 21", "reads 21 planes"},
        {"trunk 4", "trunk 65535", "not in 1..4096"},
        {"trunk 4", "trunk 4096", "parameters"},
        {"trunk 4 3", "trunk 4 4", "must be 1, 3 or 5"},
        {"blocks 4", "blocks 400", "400 is not in"},
        {"blocks 4", "blocks 3", "policy_head"},
        {"nested 2 2", "nested 2 255", "nested"},
        {"residual 3", "residual 0", "0 is not in"},
        {"residual 3", "residual 4", "its architecture has"},
        {"silu", "tanh", "tanh"},
        {"policy_channels 3", "policy_channels 7", "7 is not in"},
        {"policy move", "policy reply", "must be the move policy"},
        {"policy soft", "policy hard", "hard"},
        {"value_head 2 3 4", "value_head 2 3 5", "must be 4 or 6"},
        {"scales 20", "scales nan", "scale"},
        {"scales 20", "scales 0", "scale"},
        {"parameters ", "parameters 1", "its architecture has"},
        {"source_version 0\n", "source_version 0\nextra 1\n", "parameters"},
    };
    struct fixture *f = *state;
    struct nn_model back;
    size_t n;

    uint8_t *file = forged(f, "first net", "other net", &n); /* the forger's own work is sound */
    assert_ok(nn_model_parse(file, n, "x", &back, NULL, &f->err), &f->err);
    assert_string_equal(back.name, "other net");
    nn_model_close(&back);
    free(file);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file = forged(f, cases[i][0], cases[i][1], &n);
        assert_fails(nn_model_parse(file, n, "forged.net", &back, NULL, &f->err), TG_EFORMAT,
                     cases[i][2], &f->err);
        assert_non_null(strstr(f->err.text, "forged.net"));
        free(file);
    }
}

static void only_finite_parameters_are_saved(void **state)
{
    struct fixture *f = *state;
    struct nn_model back;

    f->m.params[7] = (float)INFINITY;
    assert_fails(nn_model_save(&f->m, f->path, &f->err), TG_EINVAL, "stem/conv[7]", &f->err);
    assert_ok(nn_model_load(f->path, &back, NULL, &f->err), &f->err); /* the old file is still there */
    nn_model_close(&back);
}

static void wrong_paths_and_games_are_told(void **state)
{
    struct fixture *f = *state;
    struct nn_arch a = small_arch();
    struct nn_model m;

    assert_fails(nn_model_load("/nonexistent/a.net", &m, NULL, &f->err), TG_ENOTFOUND,
                 "/nonexistent/a.net", &f->err);
    nn_model_close(&m);
    assert_fails(nn_model_save(&f->m, "/nonexistent/a.net", &f->err), TG_EIO, "/nonexistent", &f->err);
    a.n_planes = 5;
    assert_fails(nn_model_init(&a, &f->go, "n", 1, &m, &f->err), TG_EINVAL, "5 planes", &f->err);
    nn_model_close(&m);
    a = small_arch();
    a.trunk = 0;
    assert_fails(nn_model_init(&a, &f->go, "n", 1, &m, &f->err), TG_EINVAL, "trunk", &f->err);
    f->m.name[2] = '\n'; /* would end the line in the header */
    assert_fails(nn_model_save(&f->m, f->path, &f->err), TG_EINVAL, "name", &f->err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_is_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(gomoku_keeps_its_history, setup, teardown),
        cmocka_unit_test_setup_teardown(a_model_starts_the_same_from_the_same_seed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_hash_tells_parameters_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_file_is_refused_at_every_length, setup, teardown),
        cmocka_unit_test_setup_teardown(one_flipped_bit_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forged_header_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(only_finite_parameters_are_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_paths_and_games_are_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
