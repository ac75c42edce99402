#include <string.h>

#include "tengen/game.h"
#include "tg_test.h"

static void start(struct game *g, struct position *pos, enum game_kind kind, int width, int height)
{
    struct game_setup setup;
    struct tg_error err;

    assert_ok(game_init(g, kind, 19, 0, &err), &err);
    game_default_setup(g, &setup);
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    game_start(g, &setup, pos);
}

static void names_and_points_are_one_to_one(void **state)
{
    static const int sides[][2] = {{19, 19}, {9, 9}, {2, 19}, {19, 2}, {13, 7}};
    (void)state;
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        struct game g;
        struct position pos;

        start(&g, &pos, GAME_GO, sides[i][0], sides[i][1]);
        for (int y = 0; y < sides[i][1]; y++)
            for (int x = 0; x < sides[i][0]; x++) {
                char name[GAME_VERTEX_CHARS];

                game_vertex_name(&g, &pos, y * g.size + x, name);
                assert_int_equal(game_vertex_parse(&g, &pos, name), y * g.size + x);
            }
    }
}

static void columns_skip_i_and_rows_count_from_the_bottom(void **state)
{
    struct game g;
    struct position pos;
    char name[GAME_VERTEX_CHARS];
    (void)state;
    start(&g, &pos, GAME_GO, 9, 9);
    game_vertex_name(&g, &pos, 0, name);
    assert_string_equal(name, "A9");
    game_vertex_name(&g, &pos, 8 * 19 + 8, name);
    assert_string_equal(name, "J1");
    assert_int_equal(game_vertex_parse(&g, &pos, "j1"), 8 * 19 + 8);
    start(&g, &pos, GAME_GO, 19, 19);
    game_vertex_name(&g, &pos, 18, name);
    assert_string_equal(name, "T19");
}

static void what_is_no_vertex_of_this_board_is_refused(void **state)
{
    static const char *const bad[] = {"",   "A",   "9",    "I5",  "A0",   "A10",  "K1", "a-1",
                                      "A01", "A1x", "AA1",  " A1", "A 1",  "A+1", "T19", "\3011",
                                      "A99999999999999999999", "passs", "@1", "!1"};
    struct game g;
    struct position pos;
    (void)state;
    start(&g, &pos, GAME_GO, 9, 9);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(game_vertex_parse(&g, &pos, bad[i]), -1);
}

static void pass_is_a_vertex_where_the_game_has_one(void **state)
{
    struct game g;
    struct position pos;
    char name[GAME_VERTEX_CHARS];
    (void)state;
    start(&g, &pos, GAME_GO, 9, 9);
    assert_int_equal(game_vertex_parse(&g, &pos, "PASS"), 361);
    game_vertex_name(&g, &pos, 361, name);
    assert_string_equal(name, "pass");
    start(&g, &pos, GAME_GOMOKU, 9, 9);
    assert_int_equal(game_vertex_parse(&g, &pos, "pass"), -1);
}

static void drawings_bracket_the_last_move(void **state)
{
    struct game g;
    struct position pos;
    char text[1024], cut[8];
    (void)state;
    start(&g, &pos, GAME_GOMOKU, 3, 2);
    game_draw(&g, &pos, text, sizeof text);
    assert_string_equal(text, "    A B C\n"
                              " 2  . . . 2\n"
                              " 1  . . . 1\n");
    game_play(&g, &pos, 0);
    game_draw(&g, &pos, text, sizeof text);
    assert_string_equal(text, "    A B C\n"
                              " 2 (X). . 2\n"
                              " 1  . . . 1\n");
    game_play(&g, &pos, 19 + 2);
    game_draw(&g, &pos, text, sizeof text);
    assert_string_equal(text, "    A B C\n"
                              " 2  X . . 2\n"
                              " 1  . .(O)1\n");
    game_draw(&g, &pos, cut, sizeof cut);
    assert_string_equal(cut, "    A B");
    start(&g, &pos, GAME_GO, 2, 2);
    game_play(&g, &pos, g.n_points);
    game_draw(&g, &pos, text, sizeof text);
    assert_string_equal(text, "    A B\n"
                              " 2  . . 2\n"
                              " 1  . . 1\n");
    start(&g, &pos, GAME_GOMOKU, 19, 19);
    game_draw(&g, &pos, text, sizeof text);
    assert_true(strlen(text) < sizeof text - 1); /* as game.h promises */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_points_are_one_to_one),
        cmocka_unit_test(columns_skip_i_and_rows_count_from_the_bottom),
        cmocka_unit_test(what_is_no_vertex_of_this_board_is_refused),
        cmocka_unit_test(pass_is_a_vertex_where_the_game_has_one),
        cmocka_unit_test(drawings_bracket_the_last_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
