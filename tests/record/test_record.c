/* test_record.c - src/record/record.c. */
#include "tg_test.h"

#include <math.h>
#include <string.h>

#include "tengen/record.h"

/* Shapes are all that the layout reads; the numbers of Go's planes and globals. */
static struct game shapes(int size, int n_planes, int n_globals)
{
    return (struct game){.size = size, .n_points = size * size, .n_actions = size * size + 1,
                         .n_planes = n_planes, .plane_bytes = (size * size + 7) / 8,
                         .n_globals = n_globals};
}

static struct record_layout layout_of(int size, int n_planes, int n_globals)
{
    struct game g = shapes(size, n_planes, n_globals);
    struct record_layout l;

    record_layout_init(&l, &g);
    return l;
}

static void columns_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    for (int size = 2; size <= 19; size++) {
        struct record_layout l = layout_of(size, 22, 19);
        uint8_t used[4096] = {0};

        assert_true(l.row_bytes % 8 == 0 && l.row_bytes <= sizeof used);
        for (int c = 0; c < l.n_columns; c++) {
            const struct record_column *col = &l.columns[c];
            size_t elem = record_type_bytes(col->type), n = elem * col->n_elems;

            assert_true(col->offset % elem == 0);
            assert_true(col->offset + n <= l.row_bytes);
            for (size_t i = 0; i < n; i++) {
                assert_false(used[col->offset + i]);
                used[col->offset + i] = 1;
            }
        }
    }
}

static void column_names_differ(void **state)
{
    struct record_layout l = layout_of(9, 22, 19);

    (void)state;
    for (int a = 0; a < l.n_columns; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(l.columns[a].name, l.columns[b].name);
}

static void a_million_rows_of_go_fit_in_two_and_a_half_gigabytes(void **state)
{
    (void)state;
    assert_true(layout_of(9, 22, 19).row_bytes * 1000000 < 2500000000u);
    assert_true(layout_of(19, 22, 19).row_bytes * 1000000 < 2500000000u);
}

static void the_head_is_the_first_columns(void **state)
{
    struct record_layout l = layout_of(9, 22, 19);
    size_t bytes = 0;

    (void)state;
    for (int c = 0; c < l.n_columns; c++)
        if (l.columns[c].offset < sizeof(struct record_head))
            bytes += record_type_bytes(l.columns[c].type) * l.columns[c].n_elems;
    assert_true(sizeof(struct record_head) - bytes < 8); /* no field lacks a column */
    assert_true(l.globals >= sizeof(struct record_head));
}

static void a_policy_survives_packing(void **state)
{
    struct record_layout l = layout_of(9, 22, 19);
    float policy[GAME_MAX_ACTIONS], back[GAME_MAX_ACTIONS], sum = 0.0f, total = 0.0f;
    uint16_t packed[GAME_MAX_ACTIONS];

    (void)state;
    for (int a = 0; a < l.n_actions; a++)
        sum += policy[a] = a % 3 == 0 ? 0.0f : expf(-0.1f * (float)a);
    for (int a = 0; a < l.n_actions; a++)
        policy[a] /= sum;
    record_policy_pack(&l, policy, packed);
    record_policy_unpack(&l, packed, back);
    for (int a = 0; a < l.n_actions; a++) {
        assert_true(fabsf(back[a] - policy[a]) < 1e-5f);
        assert_true(policy[a] > 0.0f || back[a] == 0.0f);
        total += back[a];
    }
    assert_true(fabsf(total - 1.0f) < 1e-5f);
}

static void a_reply_survives_packing_to_eight_bits(void **state)
{
    struct record_layout l = layout_of(3, 8, 4);
    float policy[10] = {0.5f, 0.25f, 0.125f, 0.125f}, back[10];
    uint8_t packed[10];

    (void)state;
    record_reply_pack(&l, policy, packed);
    assert_int_equal(packed[0], 255);
    record_reply_unpack(&l, packed, back);
    for (int a = 0; a < 10; a++)
        assert_true(fabsf(back[a] - policy[a]) < 3e-3f);
}

static void no_target_stays_no_target(void **state)
{
    struct record_layout l = layout_of(3, 8, 4);
    float none[10] = {NAN, -1.0f, 0.0f, INFINITY}, back[10];
    uint16_t packed[10];
    uint8_t packed8[10];

    (void)state;
    record_policy_pack(&l, none, packed);
    record_policy_unpack(&l, packed, back);
    for (int a = 0; a < 10; a++)
        assert_true(packed[a] == 0 && back[a] == 0.0f);
    record_reply_pack(&l, none, packed8);
    record_reply_unpack(&l, packed8, back);
    for (int a = 0; a < 10; a++)
        assert_true(packed8[a] == 0 && back[a] == 0.0f);
}

static void ownership_is_seen_by_the_side_to_move(void **state)
{
    struct record_layout l = layout_of(3, 22, 19);
    int8_t owners[9] = {1, 0, -1, 1, 1, 0, 0, -1, -1};
    uint8_t packed[4];
    float black[9], white[9];

    (void)state;
    record_ownership_pack(&l, owners, GAME_BLACK, packed);
    assert_int_equal(packed[0], 0x98); /* 1001 1000 0: Black's points, MSB first */
    assert_int_equal(packed[3], 0x80); /* White's ninth point */
    record_ownership_unpack(&l, packed, black);
    record_ownership_pack(&l, owners, GAME_WHITE, packed);
    record_ownership_unpack(&l, packed, white);
    for (int i = 0; i < 9; i++) {
        assert_true(black[i] == (float)owners[i]);
        assert_true(white[i] == -(float)owners[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_do_not_overlap),
        cmocka_unit_test(column_names_differ),
        cmocka_unit_test(a_million_rows_of_go_fit_in_two_and_a_half_gigabytes),
        cmocka_unit_test(the_head_is_the_first_columns),
        cmocka_unit_test(a_policy_survives_packing),
        cmocka_unit_test(a_reply_survives_packing_to_eight_bits),
        cmocka_unit_test(no_target_stays_no_target),
        cmocka_unit_test(ownership_is_seen_by_the_side_to_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
