/* test_arch.c - architectures and the parameter table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/nn.h"
#include "tg_test.h"

static void b6c96_has_the_shape_of_katagos(void **state)
{
    struct nn_arch a;
    struct nn_layout l;
    struct tg_error err;

    (void)state;
    assert_ok(nn_arch_preset("b6c96", 22, 19, &a, &err), &err);
    assert_int_equal(a.n_blocks, 6);
    for (int b = 0; b < 6; b++)
        assert_int_equal(a.blocks[b].kind,
                         b == 2 || b == 4 ? NN_BLOCK_GPOOL : NN_BLOCK_RESIDUAL);
    a.stem = 5; /* as in the published g170 net, whose counts are known */
    a.n_policy = 1;
    assert_ok(nn_layout_open(&a, &l, &err), &err);
    /* 1,002,112 convolution weights in trunk and heads (specified with the published file) */
    size_t convs = 0;
    for (int i = 0; i < l.n_tensors; i++)
        convs += l.tensors[i].kind == NN_TENSOR_CONV ? l.tensors[i].n : 0;
    assert_int_equal(convs, 1002112);
    nn_layout_close(&l);
}

static void the_layout_covers_the_flat_array_once(void **state)
{
    /* Of Go's inputs; benchmarks/torch_baseline.py counts the same. */
    static const struct { const char *name; size_t n_params; } presets[] = {
        {"b2c16", 13135},      {"b3c32", 62807},      {"b4c48", 176967},     {"b5c64", 387663},
        {"b6c96", 995207},     {"b10c128", 2951271},  {"b15c192", 9866919},  {"b20c256", 23399447},
        {"b40c256", 46603815}, {"b18c384nbt", 26370743}};

    (void)state;
    for (size_t k = 0; k < sizeof presets / sizeof *presets; k++) {
        struct nn_arch a;
        struct nn_layout l;
        struct tg_error err;
        size_t at = 0;

        assert_ok(nn_arch_preset(presets[k].name, 22, 19, &a, &err), &err);
        assert_ok(nn_layout_open(&a, &l, &err), &err);
        for (int i = 0; i < l.n_tensors; i++) {
            const struct nn_tensor *t = &l.tensors[i];

            assert_int_equal(t->offset, at);
            assert_int_equal(t->n, (size_t)t->dims[0] * (size_t)t->dims[1] * (size_t)t->dims[2] *
                                       (size_t)t->dims[3]);
            assert_ptr_equal(nn_layout_find(&l, t->name), t); /* so names are unique */
            at += t->n;
        }
        assert_int_equal(at, l.n_params);
        assert_int_equal(l.n_params, presets[k].n_params);
        assert_null(nn_layout_find(&l, "no/such"));
        nn_layout_close(&l);
    }
}

static void a_hostile_arch_is_refused(void **state)
{
    struct nn_arch good, a;
    struct tg_error err;

    (void)state;
    assert_ok(nn_arch_preset("b18c384nbt", 22, 19, &good, &err), &err);
    assert_fails(nn_arch_preset("b7c7", 22, 19, &a, &err), TG_EINVAL, "b6c96", &err);
    a = good, a.n_blocks = 53; /* the last nested block loses one inner block */
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "fewer blocks", &err);
    a = good, a.n_blocks = 1 << 20;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "blocks", &err);
    a = good, a.trunk = -8;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "trunk", &err);
    a = good, a.stem = 4;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "first convolution", &err);
    a = good, a.n_policy = 9;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "policy channels", &err);
    a = good, a.blocks[0].kind = 7;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "kind", &err);
    a = good, a.scales.lead = NAN;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "scale", &err);
    a = good;
    a.n_blocks = 256;
    for (int i = 0; i < 256; i++)
        a.blocks[i] = (struct nn_block){.kind = NN_BLOCK_RESIDUAL, .mid = 4096};
    a.trunk = 4096;
    assert_fails(nn_arch_check(&a, &err), TG_EINVAL, "parameters", &err);
}

static void the_start_keeps_the_variance_and_ends_branches_at_zero(void **state)
{
    struct nn_arch a;
    struct nn_layout l;
    struct tg_error err;

    (void)state;
    assert_ok(nn_arch_preset("b3c32", 22, 19, &a, &err), &err);
    assert_ok(nn_layout_open(&a, &l, &err), &err);
    float *p = malloc(l.n_params * sizeof *p), *q = malloc(l.n_params * sizeof *q);

    nn_params_init(&a, &l, 7, p);
    nn_params_init(&a, &l, 7, q);
    assert_memory_equal(p, q, l.n_params * sizeof *p);
    nn_params_init(&a, &l, 8, q);
    assert_int_not_equal(memcmp(p, q, l.n_params * sizeof *p), 0);
    const struct nn_tensor *t = nn_layout_find(&l, "block0/conv1");
    double sum = 0;
    for (size_t i = 0; i < t->n; i++)
        sum += (double)p[t->offset + i] * (double)p[t->offset + i];
    double want = sqrt(2.0 / (9 * 32)) / sqrt(3.0); /* relu's gain, fan-in, three blocks */
    assert_true(fabs(sqrt(sum / (double)t->n) / want - 1.0) < 0.03);
    t = nn_layout_find(&l, "block2/conv2");
    for (size_t i = 0; i < t->n; i++)
        assert_true(p[t->offset + i] == 0.0f);
    t = nn_layout_find(&l, "tip/norm/scale");
    assert_true(p[t->offset] == 1.0f);
    free(p);
    free(q);
    nn_layout_close(&l);
}

static void an_evaluation_comes_out_in_points_and_probabilities(void **state)
{
    struct nn_arch a;
    struct tg_error err;
    struct nn_eval e;
    const float value[3] = {1.0f, 0.0f, 1.0f}, score[6] = {0.5f, 0.0f, -0.25f, 0.0f, 0.0f, 0.0f};

    (void)state;
    assert_ok(nn_arch_preset("b2c16", 22, 19, &a, &err), &err);
    nn_eval_row(&a, value, score, false, &e);
    assert_true(fabsf(e.win - 0.7310586f) < 1e-6f && e.no_result == 0.0f);
    assert_true(fabsf(e.score_mean - 10.0f) < 1e-5f);
    assert_true(fabsf(e.score_stdev - 20.0f * logf(2.0f)) < 1e-3f);
    assert_true(fabsf(e.lead + 5.0f) < 1e-5f);
    assert_true(e.value_error == -1.0f);
    nn_eval_row(&a, value, score, true, &e);
    assert_true(fabsf(e.win + e.loss + e.no_result - 1.0f) < 1e-6f);
    assert_true(fabsf(e.score_mean - 10.0f * (1.0f - e.no_result)) < 1e-5f);
    a.n_score = 6;
    a.source_version = 8;
    nn_eval_row(&a, value, score, false, &e);
    assert_true(fabsf(e.value_error - sqrtf(0.25f * logf(2.0f))) < 1e-6f);
    a.source_version = 15;
    nn_eval_row(&a, value, score, false, &e);
    assert_true(fabsf(e.value_error - 0.5f * logf(2.0f)) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b6c96_has_the_shape_of_katagos),
        cmocka_unit_test(the_layout_covers_the_flat_array_once),
        cmocka_unit_test(a_hostile_arch_is_refused),
        cmocka_unit_test(the_start_keeps_the_variance_and_ends_branches_at_zero),
        cmocka_unit_test(an_evaluation_comes_out_in_points_and_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
