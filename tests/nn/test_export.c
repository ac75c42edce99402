/* A network exported to KataGo's format and read back computes what it did. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/nn.h"
#include "tengen/rng.h"
#include "tg_test.h"

enum { SIDE = 9, ROWS = 4, POINTS = SIDE * SIDE, ACTIONS = POINTS + 1 };

struct outputs {
    float policy[ROWS][ACTIONS], ownership[ROWS][POINTS];
    struct nn_eval eval[ROWS];
};

static struct outputs evaluate(const struct nn_model *m)
{
    const struct nn_net_options options = {.size = SIDE, .threads = 1};
    static struct position pos;
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, 4, 0);
    const struct nn_backend *backend;
    struct tg_error err = {0};
    struct outputs out = {0};
    struct game_setup setup;
    struct nn_batch b;
    struct nn_net *net;
    struct game go;

    assert_ok(game_init(&go, GAME_GO, SIDE, 0, &err), &err);
    assert_ok(nn_backend_find("cpu", &backend, &err), &err);
    assert_ok(backend->open(&m->arch, &options, &net, &err), &err);
    assert_ok(backend->set(net, NN_PARAMS, m->params, &err), &err);
    assert_ok(backend->batch_open(net, ROWS, NN_BATCH_OWNERSHIP, &b, &err), &err);
    b.n = ROWS;
    for (int row = 0; row < ROWS; row++) { /* a few random moves each; boards of two sizes */
        game_default_setup(&go, &setup);
        setup.height = (uint8_t)(row % 2 ? SIDE - 2 : SIDE);
        game_start(&go, &setup, &pos);
        for (int ply = 0; ply < 8 * row; ply++) {
            int action = (int)tg_rng_below(&r, POINTS);

            if (game_is_legal(&go, &pos, action))
                game_play(&go, &pos, action);
        }
        game_encode(&go, &pos, NULL, b.planes + row * go.n_planes * go.plane_bytes,
                    b.globals + row * go.n_globals);
        b.symmetry[row] = (uint8_t)row;
    }
    assert_ok(backend->infer(net, &b, &err), &err);
    assert_ok(backend->wait(net, &b, &err), &err);
    for (int row = 0; row < ROWS; row++) {
        memcpy(out.policy[row], b.policy + row * ACTIONS, sizeof out.policy[row]);
        memcpy(out.ownership[row], b.ownership + row * POINTS, sizeof out.ownership[row]);
        nn_eval_row(&m->arch, b.value + row * NN_N_VALUE, b.score + row * m->arch.n_score, true,
                    &out.eval[row]);
    }
    backend->batch_close(net, &b);
    backend->close(net);
    return out;
}

/* A trained network's parameters are nowhere 0, so ours are not either. */
static void random_model(const struct nn_arch *a, struct nn_model *m)
{
    struct tg_rng r = tg_rng_stream(2, TG_RNG_TEST, 4, 0);
    struct tg_error err = {0};
    struct game go;

    assert_ok(game_init(&go, GAME_GO, SIDE, 0, &err), &err);
    assert_ok(nn_model_init(a, &go, "net", 3, m, &err), &err);
    for (size_t i = 0; i < m->layout.n_params; i++)
        m->params[i] += (float)(0.05 * tg_rng_normal(&r));
}

static void exports_compute_the_same(const struct nn_arch *a)
{
    struct tg_error err = {0};
    struct nn_model m, back;
    char dir[64], path[128];
    struct outputs one, two;

    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/net.bin.gz", dir);
    random_model(a, &m);
    assert_ok(nn_model_export(&m, path, &err), &err);
    assert_ok(nn_model_load(path, &back, NULL, &err), &err);
    one = evaluate(&m);
    two = evaluate(&back);
    assert_true(fabsf(one.policy[0][0] - one.policy[1][0]) > 1e-4F); /* the outputs say something */
    for (int row = 0; row < ROWS; row++) {
        const struct nn_eval *e = &one.eval[row], *f = &two.eval[row];

        for (int p = 0; p < ACTIONS; p++)
            assert_float_equal(one.policy[row][p], two.policy[row][p], 1e-5);
        for (int p = 0; p < POINTS; p++)
            assert_float_equal(one.ownership[row][p], two.ownership[row][p], 1e-5);
        assert_float_equal(e->win, f->win, 1e-5);
        assert_float_equal(e->loss, f->loss, 1e-5);
        assert_float_equal(e->no_result, f->no_result, 1e-5);
        assert_float_equal(e->lead, f->lead, 1e-5);
        assert_float_equal(e->score_mean, f->score_mean, 1e-5);
        assert_float_equal(e->score_stdev, f->score_stdev, 1e-5);
        assert_float_equal(e->variance_time, f->variance_time, 1e-5);
        if (a->n_score == 6) {
            assert_float_equal(e->value_error, f->value_error, 1e-5);
            assert_float_equal(e->score_error, f->score_error, 1e-5);
        }
    }
    nn_model_close(&m);
    nn_model_close(&back);
    tg_test_rmdir(dir);
}

static struct nn_arch preset(const char *name)
{
    struct tg_error err = {0};
    struct nn_arch a;

    assert_ok(nn_arch_preset(name, 22, 19, &a, &err), &err);
    return a;
}

static void a_relu_network_computes_the_same(void **state)
{
    struct nn_arch a = preset("b3c32");
    (void)state;
    exports_compute_the_same(&a); /* as version 8 */
}

static void a_mish_network_with_added_outputs_computes_the_same(void **state)
{
    struct nn_arch a = preset("b2c16");
    (void)state;
    a.activation = NN_MISH;
    exports_compute_the_same(&a); /* as version 11 */
}

static void a_network_with_scales_of_its_own_computes_the_same(void **state)
{
    struct nn_arch a = preset("b2c16");
    (void)state;
    a.scales.lead = 7;
    exports_compute_the_same(&a); /* as version 13 */
}

static void a_nested_network_with_error_outputs_computes_the_same(void **state)
{
    struct nn_arch a = preset("b2c16");
    (void)state;
    a.n_blocks = 4;
    a.blocks[3] = a.blocks[0];
    a.blocks[2] = a.blocks[1];
    a.blocks[1] = a.blocks[0];
    a.blocks[1].mid = 8;
    a.blocks[0] = (struct nn_block){.kind = NN_BLOCK_NESTED, .n_inner = 2, .mid = 12};
    a.activation = NN_SILU;
    a.pass_hidden = true;
    a.n_score = 6;
    exports_compute_the_same(&a); /* as version 15 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relu_network_computes_the_same),
        cmocka_unit_test(a_mish_network_with_added_outputs_computes_the_same),
        cmocka_unit_test(a_network_with_scales_of_its_own_computes_the_same),
        cmocka_unit_test(a_nested_network_with_error_outputs_computes_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
