/* What a drawn row teaches. */
#include <stdlib.h>

#include "../../src/train/trainer.h"
#include "tg_test.h"

/* The value target of a row that was won, and whose search of `visits` saw half a win, at this value_mix. */
static void value_of(float value_mix, int visits, float value[NN_N_VALUE])
{
    struct tg_error err = {0};
    struct game game;
    struct record_layout l;
    struct nn_batch b = {0};
    struct train_options o = {.value_mix = value_mix};

    assert_ok(game_init(&game, GAME_GO, 5, 0, &err), &err);
    record_layout_init(&l, &game);
    uint8_t *row = calloc(1, l.row_bytes), symmetry;
    uint8_t *planes = calloc((size_t)l.n_planes, (size_t)l.plane_bytes);
    float *globals = calloc((size_t)l.n_globals, sizeof *globals), one[5];
    float *policy = calloc((size_t)l.n_actions, sizeof *policy);
    float *reply = calloc((size_t)l.n_actions, sizeof *reply);
    float *ownership = calloc((size_t)l.n_points, sizeof *ownership);

    b.planes = planes, b.globals = globals, b.symmetry = &symmetry;
    b.t.policy = policy, b.t.reply = reply, b.t.ownership = ownership, b.t.value = value;
    b.t.score = reply, b.t.w_policy = &one[0], b.t.w_reply = &one[1];
    b.t.w_value = &one[2], b.t.w_score = &one[3], b.t.row_weight = &one[4];
    struct record_head *h = (struct record_head *)(void *)row;
    h->visits = (__typeof__(h->visits))visits;
    h->value[0] = 1;
    h->root_value[0] = h->root_value[1] = 0.5f;
    targets_fill(&l, &o, row, 0, 1, 0, &b);
    free(row), free(planes), free(globals), free(policy), free(reply), free(ownership);
}

static void the_searchs_value_is_mixed_in_by_its_share(void **state)
{
    float v[NN_N_VALUE];

    (void)state;
    value_of(0, 10, v);
    assert_float_equal(v[0], 1, 1e-6);
    value_of(0.5f, 10, v);
    assert_float_equal(v[0], 0.75, 1e-6);
    assert_float_equal(v[1], 0.25, 1e-6);
    value_of(1, 10, v);
    assert_float_equal(v[0], 0.5, 1e-6);
    value_of(1, 0, v); /* a move without a search has no such value */
    assert_float_equal(v[0], 1, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_searchs_value_is_mixed_in_by_its_share)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
