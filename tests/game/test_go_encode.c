/* The network's input for Go, checked plane by plane against what the planes mean. */
#include <math.h>
#include <stdio.h>

#include "go_text.h"
#include "tengen/rng.h"

static struct drawn d;
static uint8_t planes[22 * GAME_MAX_PLANE_BYTES];
static float globals[19];

static void encode(void) { game_encode(&d.g, &d.pos, NULL, planes, globals); }

static bool bit(int plane, int point)
{
    return planes[plane * d.g.plane_bytes + point / 8] >> (7 - point % 8) & 1;
}

static int count(int plane)
{
    int n = 0;

    for (int p = 0; p < d.g.n_points; p++)
        n += bit(plane, p);
    return n;
}

/* A plane drawn as text, 1 where set, over the board's points. */
static void assert_plane(int plane, const char *text)
{
    int i = 0, w = d.pos.setup.width;

    for (const char *t = text; *t != '\0'; t++) {
        if (*t == ' ' || *t == '\n')
            continue;
        if (bit(plane, i / w * d.g.size + i % w) != (*t == '1'))
            fail_msg("plane %d, point (%d, %d) is %d", plane, i % w, i / w, *t != '1');
        i++;
    }
}

static void stones_are_seen_from_the_side_to_move(void **state)
{
    static const char black[] = "1 1 .\n"
                                ". . .",
                      white[] = ". . .\n"
                                "1 . .";
    (void)state;
    for (int side = GAME_BLACK; side <= GAME_WHITE; side++) {
        draw(&d, "chinese", (enum game_color)side, "X X .\n"
                                                   "O . .");
        encode();
        assert_plane(0, "1 1 1\n1 1 1");
        assert_plane(1, side == GAME_BLACK ? black : white);
        assert_plane(2, side == GAME_BLACK ? white : black);
        assert_plane(3, white);
        assert_plane(4, black);
        assert_int_equal(count(5), 0);
        assert_int_equal(count(0), 6); /* the rest of the square is off the board */
    }
}

static void ko_and_superko_points_are_marked(void **state)
{
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         ". X O .\n"
         "X O a O\n"
         ". X O .");
    encode();
    assert_int_equal(count(6), 0);
    play_at(&d, 'a');
    encode();
    assert_plane(6, ". . . .\n"
                    ". 1 . .\n"
                    ". . . .");
    draw(&d, "tromp-taylor", GAME_WHITE,
         "X a O b O\n"
         "X X X O O\n"
         ". X . O .");
    play_at(&d, 'a');
    play_at(&d, 'b');
    encode();
    assert_plane(6, ". . 1 . .\n"
                    ". . . . .\n"
                    ". . . . .");
}

static void the_last_five_moves_are_shown(void **state)
{
    static const int moves[] = {0, 80, 81, 8, 72, 40, 81};

    (void)state;
    draw_empty(&d, 9, 9, "tromp-taylor");
    for (int n = 0; n < 7; n++) {
        encode();
        for (int i = 0; i < 5; i++) {
            bool pass = n > i && moves[n - 1 - i] == 81;

            assert_float_equal(globals[i], pass, 0);
            assert_int_equal(count(9 + i), n > i && !pass);
            if (n > i && !pass)
                assert_true(bit(9 + i, moves[n - 1 - i]));
        }
        game_play(&d.g, &d.pos, moves[n]);
    }
}

/* Where a pass would end the game but dead stones need not be taken first, nothing tells of it. */
static void a_friendly_pass_hides_the_moves_before_it(void **state)
{
    (void)state;
    for (int friendly = 0; friendly < 2; friendly++) {
        draw_empty(&d, 9, 9, friendly ? "chinese" : "tromp-taylor");
        game_play(&d.g, &d.pos, 40);
        encode();
        assert_int_equal(count(9), 1);
        assert_float_equal(globals[14], 0, 0);
        pass(&d);
        encode();
        assert_float_equal(globals[0], !friendly, 0);
        assert_int_equal(count(10), !friendly);
        assert_float_equal(globals[14], !friendly, 0);
    }
}

static void rules_are_told(void **state)
{
    static const struct {
        const char *name;
        float g[7]; /* globals 6..11 and 17 */
    } cases[] = {
        {"tromp-taylor", {1, 0.5F, 1, 0, 0, 0, 0}}, {"chinese", {0, 0, 0, 0, 0, 0, 0}},
        {"japanese", {0, 0, 0, 1, 1, 0, 0}},        {"stone-scoring", {0, 0, 0, 0, 1, 1, 0}},
        {"aga-button", {1, -0.5F, 0, 0, 0, 0, 1}},  {"new-zealand", {1, -0.5F, 1, 0, 0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draw_empty(&d, 9, 9, cases[i].name);
        encode();
        for (int k = 0; k < 6; k++)
            assert_float_equal(globals[6 + k], cases[i].g[k], 0);
        assert_float_equal(globals[17], cases[i].g[6], 0);
        assert_float_equal(globals[15], 0, 0);
        assert_float_equal(globals[16], 0, 0);
    }
    pass(&d);
    draw_empty(&d, 9, 9, "aga-button");
    pass(&d);
    encode();
    assert_float_equal(globals[17], 0, 0); /* the button is gone */
    assert_float_equal(globals[14], 0, 0);
}

/* On an odd board results are odd plus komi: 7 can be drawn, 6 not. The wave is 0 at 7, falls to
 * -0.5 at 6.5 and rises to 0.5 at 7.5, from the view of the side that gets it. */
static void komi_is_told_with_its_parity(void **state)
{
    static const struct {
        int side, komi2;
        float wave;
    } cases[] = {
        {9, 14, 0},    {9, 15, 0.5F}, {9, 13, -0.5F}, {9, 12, 0},    {9, 11, 0.5F},
        {9, -14, 0},   {8, 14, 0},    {8, 13, 0.5F},  {8, 12, 0},    {8, 11, -0.5F},
        {8, 0, 0},     {8, 1, 0.5F},  {9, 0, 0},      {9, 1, -0.5F}, {9, 2, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draw_empty(&d, cases[i].side, cases[i].side, "chinese");
        d.setup.go.komi2 = (int16_t)cases[i].komi2;
        game_start(&d.g, &d.setup, &d.pos);
        game_play(&d.g, &d.pos, 0); /* White to move: komi is hers */
        encode();
        assert_float_equal(globals[5], (float)cases[i].komi2 / 40, 1e-6);
        assert_float_equal(globals[18], cases[i].wave, 1e-6);
    }
    d.setup.go.komi2 = 15;
    game_start(&d.g, &d.setup, &d.pos);
    encode();
    assert_float_equal(globals[5], -7.5F / 20, 1e-6);
}

static void area_planes_hold_all_stones_and_enclosed_points(void **state)
{
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         ". X . O .\n"
         ". X . O .\n"
         "O X . O .");
    encode();
    assert_plane(18, ". 1 . . .\n"
                     ". 1 . . .\n"
                     ". 1 . . .");
    assert_plane(19, ". . . 1 1\n"
                     ". . . 1 1\n"
                     "1 . . 1 1");
    draw(&d, "japanese", GAME_BLACK, ". X O .\n"
                                     ". X O .");
    for (int i = 0; i < 5; i++) {
        encode();
        assert_int_equal(count(18), i == 4 ? 4 : 0); /* from the second encore on */
        assert_int_equal(count(20), i == 4 ? 2 : 0);
        assert_int_equal(count(21), i == 4 ? 2 : 0);
        pass(&d);
    }
}

/* Ladders of the board one and two plies ago: what was said then of now. */
static void old_ladders_are_those_of_the_old_boards(void **state)
{
    struct tg_rng r = tg_rng_stream(5, TG_RNG_TEST, 0, 0);
    uint8_t was[2][GAME_MAX_PLANE_BYTES], legal[GAME_MAX_ACTIONS];
    int n_stones = 0, n_working = 0;

    (void)state;
    for (int game = 0; game < 12; game++) {
        draw_empty(&d, 5 + game % 5, 4 + game, "tromp-taylor");
        for (int ply = 0; ply < 150 && !d.pos.over; ply++) {
            size_t bytes = (size_t)d.g.plane_bytes;
            int a;

            encode();
            if (ply >= 2) {
                assert_memory_equal(planes + 15 * bytes, was[(ply - 1) % 2], bytes);
                assert_memory_equal(planes + 16 * bytes, was[ply % 2], bytes);
            }
            for (int p = 0; p < d.g.n_points; p++) {
                assert_true(!bit(14, p) || bit(3, p) || bit(4, p));
                assert_true(!bit(17, p) || (!bit(1, p) && !bit(2, p)));
            }
            n_stones += count(14);
            n_working += count(17);
            memcpy(was[ply % 2], planes + 14 * bytes, bytes);
            game_legal(&d.g, &d.pos, legal);
            do
                a = (int)tg_rng_below(&r, (uint32_t)d.g.n_points);
            while (!legal[a] && tg_rng_below(&r, 1000) != 0);
            game_play(&d.g, &d.pos, legal[a] ? a : d.g.n_points);
        }
    }
    assert_true(n_stones > 500 && n_working > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stones_are_seen_from_the_side_to_move),
        cmocka_unit_test(ko_and_superko_points_are_marked),
        cmocka_unit_test(the_last_five_moves_are_shown),
        cmocka_unit_test(a_friendly_pass_hides_the_moves_before_it),
        cmocka_unit_test(rules_are_told),
        cmocka_unit_test(komi_is_told_with_its_parity),
        cmocka_unit_test(area_planes_hold_all_stones_and_enclosed_points),
        cmocka_unit_test(old_ladders_are_those_of_the_old_boards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
