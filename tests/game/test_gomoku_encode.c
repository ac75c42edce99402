#include <string.h>

#include "gomoku_board.h"
#include "tengen/rng.h"

enum { MASK, OWN, OPPONENT, EMPTY, FORBIDDEN, HISTORY };

struct input {
    uint8_t planes[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES];
    float globals[GAME_MAX_GLOBALS];
};

static void encode(const struct game *g, const struct position *pos, struct input *in)
{
    memset(in, 0xa5, sizeof *in); /* whatever was there must not show */
    game_encode(g, pos, NULL, in->planes, in->globals);
}

static int bit(const struct game *g, const struct input *in, int plane, int p)
{
    return in->planes[plane * g->plane_bytes + p / 8] >> (7 - p % 8) & 1;
}

/* Every plane of every ply of random games, against what the plane's name says. */
static void planes_say_what_their_names_say(void **state)
{
    static const char *const names[] = {"freestyle", "captures-engine", "captures-subject"};
    static const int shapes[][3] = {{19, 19, 19}, {9, 9, 9}, {19, 15, 11}, {7, 5, 7}, {5, 5, 2}};
    (void)state;
    for (int k = 0; k < 3 * 5 * 4; k++) {
        const int *shape = shapes[k % 5];
        struct tg_rng rng = tg_rng_stream(7, TG_RNG_TEST, (uint64_t)k, 0);
        struct game_setup setup;
        struct position pos;
        struct game g;
        struct tg_error err;
        struct input in, before = {{0}, {0}};

        assert_ok(game_init(&g, GAME_GOMOKU, shape[0], 5, &err), &err);
        assert_int_equal(g.n_planes, HISTORY + 5);
        game_default_setup(&g, &setup);
        setup.width = (uint8_t)shape[1], setup.height = (uint8_t)shape[2];
        assert_ok(game_rules_parse(&g, names[k % 3], &setup, &err), &err);
        game_start(&g, &setup, &pos);
        while (!pos.over) {
            uint8_t legal[GAME_MAX_ACTIONS];
            int n_legal = game_legal(&g, &pos, legal), pick;

            encode(&g, &pos, &in);
            for (int p = 0; p < g.n_points; p++) {
                bool on = p % g.size < setup.width && p / g.size < setup.height;
                bool empty = on && pos.stones[p] == GAME_EMPTY;

                assert_int_equal(bit(&g, &in, MASK, p), on);
                assert_int_equal(bit(&g, &in, OWN, p), pos.stones[p] == 1 + pos.to_move);
                assert_int_equal(bit(&g, &in, OPPONENT, p), pos.stones[p] == 2 - pos.to_move);
                assert_int_equal(bit(&g, &in, EMPTY, p), empty);
                assert_int_equal(bit(&g, &in, OWN, p) + bit(&g, &in, OPPONENT, p) +
                                     bit(&g, &in, EMPTY, p), bit(&g, &in, MASK, p));
                assert_int_equal(bit(&g, &in, FORBIDDEN, p), empty && !legal[p]);
                for (int h = 0; h < 5; h++)
                    assert_int_equal(bit(&g, &in, HISTORY + h, p), pos.recent[h] == p);
                for (int h = 1; h < 5 && pos.ply > 0; h++) /* a ply later, a plane further */
                    assert_int_equal(bit(&g, &in, HISTORY + h, p),
                                     bit(&g, &before, HISTORY + h - 1, p));
            }
            for (int p = g.n_points; p < 8 * g.plane_bytes; p++) /* no bits beyond the last point */
                for (int c = 0; c < g.n_planes; c++)
                    assert_int_equal(bit(&g, &in, c, p), 0);
            before = in;
            pick = (int)tg_rng_below(&rng, (uint32_t)n_legal);
            for (int a = 0; a < g.n_actions; a++)
                if (legal[a] && pick-- == 0) {
                    game_play(&g, &pos, a);
                    break;
                }
        }
    }
}

static void equal_positions_encode_alike(void **state)
{
    struct input a, b;
    struct drawn board;
    struct position copy;
    (void)state;
    draw(&board, "captures-engine", "......... ..X...... ..XO..... ..*...... ......... ......... "
                                    "......... ......... .........", GAME_BLACK);
    game_play(&board.g, &board.pos, board.mark);
    memset(&copy, 0x5a, sizeof copy);
    game_copy(&board.g, &copy, &board.pos);
    encode(&board.g, &board.pos, &a);
    memset(b.planes, 0, sizeof b.planes);
    encode(&board.g, &copy, &b);
    assert_memory_equal(a.planes, b.planes, (size_t)(board.g.n_planes * board.g.plane_bytes));
    assert_memory_equal(a.globals, b.globals, (size_t)board.g.n_globals * sizeof(float));
}

/* The planes of the mirrored position are the mirrored planes: no line is looked at differently. */
static void planes_turn_with_the_board(void **state)
{
    static const char text[] = "......... "
                               "..O...... "
                               "...X..... "
                               "...X.O... "
                               ".XX...... "
                               "......OO. "
                               ".....O... "
                               ".....O... "
                               "X........";
    (void)state;
    for (int s = 0; s < GAME_SYMMETRIES; s++) {
        uint8_t stones[GAME_MAX_POINTS] = {0}, turned[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES];
        struct input in, image;
        struct drawn b;

        draw(&b, "captures-engine", text, GAME_BLACK);
        encode(&b.g, &b.pos, &in);
        assert_int_equal(bit(&b.g, &in, FORBIDDEN, 4 * 9 + 3), 1);
        game_symmetry_planes(9, s, b.g.n_planes, in.planes, turned);
        for (int p = 0; p < 81; p++)
            stones[game_symmetry(9, s, p)] = b.pos.stones[p];
        assert_ok(game_set_stones(&b.g, &b.pos, stones, GAME_BLACK, &b.err), &b.err);
        encode(&b.g, &b.pos, &image);
        assert_memory_equal(image.planes, turned, (size_t)(b.g.n_planes * b.g.plane_bytes));
    }
}

static void a_captured_stone_stays_in_the_history(void **state)
{
    struct input in;
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine", "O*X.. ..... ..... ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    play_xy(&b, 3, 0); /* takes (1, 0) and (2, 0) */
    encode(&b.g, &b.pos, &in);
    assert_int_equal(bit(&b.g, &in, EMPTY, 1), 1);
    assert_int_equal(bit(&b.g, &in, HISTORY + 0, 3), 1);
    assert_int_equal(bit(&b.g, &in, HISTORY + 1, 1), 1);
}

/* Shares of the goal from the side to move's view, never above 1, zero where captures cannot win. */
static void globals_give_pairs_color_and_rules(void **state)
{
    struct gomoku_rules rules = named_rules("captures-subject");
    struct input in;
    struct drawn b;
    (void)state;
    rules.capture_goal = 4;
    rules.start_pairs[GAME_BLACK] = 1;
    rules.start_pairs[GAME_WHITE] = 3;
    draw_with(&b, &rules, "..... ..... .....", GAME_BLACK);
    encode(&b.g, &b.pos, &in);
    {
        const float expected[] = {0.25f, 0.75f, 1, 1, 0.4f, 0.5f, 0, 0, 1, 1, 1, 0};
        assert_int_equal(b.g.n_globals, 12);
        for (int i = 0; i < 12; i++)
            assert_true(in.globals[i] == expected[i]);
    }
    play_xy(&b, 0, 0);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[0] == 0.75f && in.globals[1] == 0.25f && in.globals[2] == -1);

    draw(&b, "captures-engine", "..... ..... .....", GAME_WHITE);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[7] == 1 && in.globals[8] == 0 && in.globals[9] == 0 && in.globals[10] == 0);

    rules = (struct gomoku_rules){.goal = 5, .captures = 1}; /* captures that never win */
    draw_with(&b, &rules, "XOO*. ..... ..... ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    encode(&b.g, &b.pos, &in);
    assert_int_equal(b.pos.captures[GAME_BLACK], 1);
    assert_true(in.globals[0] == 0 && in.globals[1] == 0 && in.globals[3] == 1);
    assert_true(in.globals[4] == 0);

    draw(&b, "standard", "..... ..... .....", GAME_BLACK);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[6] == 1 && in.globals[3] == 0 && in.globals[5] == 0.5f);
}

static void a_row_to_be_broken_shows_in_the_globals(void **state)
{
    struct input in;
    struct drawn b;
    (void)state;
    draw(&b, "captures-subject",
         "......... ..O...... .XXXX*... ..X...... ......... ......... ......... ......... ........O",
         GAME_BLACK);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[11] == 0);
    game_play(&b.g, &b.pos, b.mark);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[11] == 1);
    play_xy(&b, 2, 4);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[11] == 0);
}

/* More pairs than win can only be seen in a finished game. */
static void shares_of_the_goal_stop_at_one(void **state)
{
    struct gomoku_rules rules = named_rules("captures-engine");
    struct input in;
    struct drawn b;
    (void)state;
    rules.capture_goal = 1;
    draw_with(&b, &rules, "XOO*OOX ....... ....... ....... ....... ....... .......", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_true(b.pos.over);
    encode(&b.g, &b.pos, &in);
    assert_true(in.globals[1] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes_say_what_their_names_say),
        cmocka_unit_test(equal_positions_encode_alike),
        cmocka_unit_test(planes_turn_with_the_board),
        cmocka_unit_test(a_captured_stone_stays_in_the_history),
        cmocka_unit_test(globals_give_pairs_color_and_rules),
        cmocka_unit_test(a_row_to_be_broken_shows_in_the_globals),
        cmocka_unit_test(shares_of_the_goal_stop_at_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
