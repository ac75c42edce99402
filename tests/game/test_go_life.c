/* Life, territory, scores and ladders on drawn boards. */
#include <stdio.h>

#include "go.h"
#include "go_text.h"

static struct drawn d;

/* The owners that an area computation finds, as text: x Black, o White, . nobody. */
static void assert_area(enum go_area kind, struct go_area_keep keep, const char *text)
{
    const struct go_state *s = go_const_state(&d.pos);
    uint8_t owner[GO_MAX_CELLS];
    char got[GAME_MAX_POINTS + GAME_MAX_SIZE + 1], want[sizeof got];
    size_t n = 0, m = 0;

    go_area(s, kind, keep, d.setup.go.suicide, owner);
    for (int y = 0; y < s->height; y++) {
        for (int x = 0; x < s->width; x++)
            got[n++] = ".xo"[owner[go_cell_at(s, x, y)]];
        got[n++] = '\n';
    }
    got[n] = '\0';
    for (const char *t = text; *t != '\0'; t++)
        if (*t != ' ')
            want[m++] = *t;
    want[m++] = '\n';
    want[m] = '\0';
    assert_string_equal(got, want);
}

static const struct go_area_keep keep_none = {false, false};

static void two_eyes_live_and_one_does_not(void **state)
{
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         ". X . X O .\n"
         "X X X X O .\n"
         "O O O O O .\n"
         ". . . . . .\n"
         "X X X X . .\n"
         ". . . X . .");
    assert_area(GO_AREA_ALIVE, keep_none,
                "x x x x . .\n"
                "x x x x . .\n"
                ". . . . . .\n"
                ". . . . . .\n"
                ". . . . . .\n"
                ". . . . . .");
}

/* The white stones fill no eye while its one empty point touches the chain around it; where they
 * may kill themselves, the point behind them opens up, and all is open. */
static void dead_stones_spoil_an_eye_only_if_they_may_suicide(void **state)
{
    static const char board[] = ". X O O O X .\n"
                                "X X O . O X .\n"
                                ". X X X X X .\n"
                                ". . . . . . .\n"
                                ". . . . . . .";
    (void)state;
    draw(&d, "chinese", GAME_BLACK, board);
    assert_area(GO_AREA_ALIVE, keep_none,
                "x x x x x x .\n"
                "x x x x x x .\n"
                ". x x x x x .\n"
                ". . . . . . .\n"
                ". . . . . . .");
    draw(&d, "tromp-taylor", GAME_BLACK, board);
    assert_area(GO_AREA_ALIVE, keep_none,
                ". . . . . . .\n"
                ". . . . . . .\n"
                ". . . . . . .\n"
                ". . . . . . .\n"
                ". . . . . . .");
}

static void a_settled_board_is_decided_and_an_open_one_is_not(void **state)
{
    (void)state;
    draw(&d, "tromp-taylor", GAME_BLACK,
         ". X . X O .\n"
         "X X X X O O\n"
         "O O O O O .\n"
         ". O . O . O");
    assert_true(game_decided(&d.g, &d.pos));
    assert_float_equal(score_now(&d), 8 - 16 - 7.5F, 0);
    draw(&d, "tromp-taylor", GAME_BLACK,
         ". X . X O .\n"
         "X X X X O .\n"
         "O O O O O .\n"
         ". . . . . .");
    assert_false(game_decided(&d.g, &d.pos));
    draw_empty(&d, 9, 9, "tromp-taylor");
    assert_false(game_decided(&d.g, &d.pos));
}

static void area_counts_stones_and_what_one_colour_surrounds(void **state)
{
    struct game_result r;

    (void)state;
    draw(&d, "tromp-taylor", GAME_WHITE,
         ". X . O .\n"
         ". X . O .\n"
         "O X . O .");
    assert_area(GO_AREA_ALL, keep_none,
                ". x . o o\n"
                ". x . o o\n"
                "o x . o o");
    game_score(&d.g, &d.pos, &r);
    assert_float_equal(r.score, 3 - 7 - 7.5F, 0);
    assert_int_equal(r.winner, GAME_WON_WHITE);
    assert_int_equal(r.ownership[0], 0);
    assert_int_equal(r.ownership[1], 1);
    assert_int_equal(r.ownership[3], -1);
    assert_int_equal(r.ownership[2 * 5], -1);
}

static void an_empty_board_is_nobodys_and_one_stone_owns_it(void **state)
{
    (void)state;
    draw_empty(&d, 4, 4, "tromp-taylor");
    assert_float_equal(score_now(&d), -7.5F, 0);
    game_play(&d.g, &d.pos, 5);
    assert_float_equal(score_now(&d), 16 - 7.5F, 0);
}

static void equal_points_are_a_draw(void **state)
{
    struct game_result r;

    (void)state;
    draw(&d, "tromp-taylor", GAME_WHITE,
         ". X O .\n"
         ". X O .");
    d.pos.setup.go.komi2 = 0;
    game_score(&d.g, &d.pos, &r);
    assert_int_equal(r.winner, GAME_DRAWN);
    d.pos.setup.go.komi2 = -1;
    game_score(&d.g, &d.pos, &r);
    assert_int_equal(r.winner, GAME_WON_BLACK);
    assert_float_equal(r.score, 0.5F, 0);
}

/* At the top each side has a chain with one eye; they share one liberty: seki. */
static const char seki[] = "X O a O b X c X O\n"
                           "X O O O X X X X O\n"
                           "X X X X O O O O O\n"
                           ". X . X O . O . O\n"
                           "X X X X O O O O O";

static void taxes_take_the_eyes_of_a_seki(void **state)
{
    struct game_result r;

    (void)state;
    for (int tax = GO_TAX_NONE; tax <= GO_TAX_ALL; tax++) {
        draw(&d, "chinese", GAME_BLACK, seki);
        d.pos.setup.go.tax = (uint8_t)tax;
        game_score(&d.g, &d.pos, &r);
        assert_int_equal(r.ownership[at(&d, 'a')], tax == GO_TAX_NONE ? -1 : 0);
        assert_int_equal(r.ownership[at(&d, 'b')], 0);
        assert_int_equal(r.ownership[at(&d, 'c')], tax == GO_TAX_NONE ? 1 : 0);
        assert_int_equal(r.ownership[1], -1); /* a stone of the seki */
        assert_float_equal(r.score, -2 - 7.5F, 0);
    }
}

static void a_tax_on_all_takes_two_points_a_group(void **state)
{
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         ". O . O X . X . X O . O .\n"
         "O O O O X X X X X O O O O");
    assert_float_equal(score_now(&d), 10 - 16 - 7.5F, 0);
    d.pos.setup.go.tax = GO_TAX_SEKI;
    assert_float_equal(score_now(&d), 10 - 16 - 7.5F, 0);
    d.pos.setup.go.tax = GO_TAX_ALL;
    assert_float_equal(score_now(&d), 8 - 12 - 7.5F, 0);
}

/* Both have eight points of ground; White's stone in Black's is dead, and was a move. */
static const char territory[] = ". . X O . .\n"
                                ". . X O . .\n"
                                "O . X O . .\n"
                                ". . X O . .";

static void territory_ends_after_two_encores(void **state)
{
    float globals[GAME_MAX_GLOBALS];
    static uint8_t planes[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES];

    (void)state;
    draw(&d, "japanese", GAME_BLACK, territory);
    for (int phase = 0; phase < 3; phase++) {
        game_encode(&d.g, &d.pos, NULL, planes, globals);
        assert_float_equal(globals[12], phase >= 1, 0);
        assert_float_equal(globals[13], phase >= 2, 0);
        pass(&d);
        assert_false(d.pos.over);
        pass(&d);
    }
    assert_true(d.pos.over);
    /* nobody took the stone off: it counts, and Black has no ground around it */
    assert_float_equal(score_now(&d), 4 - 4 - 8 - 1 - 7.5F + 1, 0);
}

static void the_first_encore_costs_moves_and_the_second_does_not(void **state)
{
    for (int phase = 0; phase < 3; phase++) {
        (void)state;
        draw(&d, "japanese", GAME_BLACK, territory);
        for (int i = 0; i < 2 * phase; i++)
            pass(&d);
        game_play(&d.g, &d.pos, 6); /* Black takes the stone off in two moves */
        pass(&d);
        game_play(&d.g, &d.pos, 3 * 6);
        pass(&d);
        game_play(&d.g, &d.pos, 2 * 6 + 1);
        assert_int_equal(d.pos.captures[GAME_BLACK], 1);
        while (!d.pos.over)
            pass(&d);
        /* the prisoner is a point; each move before the second encore costs one */
        assert_float_equal(score_now(&d), 8 + 1 - 8 - 7.5F - (phase < 2 ? 3 : 0), 0);
    }
}

/* In an encore a ko stone is blocked: playing where it would be retaken (a) lifts the block and
 * changes nothing else; so does playing on the stone. */
static void a_ko_in_the_encore_is_retaken_after_a_pass_for_ko(void **state)
{
    static const char before[] = ". X O . .\n"
                                 "X O a O .\n"
                                 ". X O . b\n"
                                 ". . . c d",
                      taken[] = ". X O . .\n"
                                "X . X O .\n"
                                ". X O . .\n"
                                ". . . . .";
    static uint8_t planes[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES];
    float globals[GAME_MAX_GLOBALS];

    (void)state;
    for (int on_stone = 0; on_stone < 2; on_stone++) {
        int hole = 1 * 5 + 1;

        draw(&d, "japanese", GAME_BLACK, before);
        pass(&d);
        pass(&d);
        play_at(&d, 'a');
        assert_board(&d, taken);
        game_encode(&d.g, &d.pos, NULL, planes, globals);
        assert_int_equal(planes[7 * d.g.plane_bytes] >> (7 - 7) & 1, 1); /* plane 7, point 7 = a */
        assert_true(game_is_legal(&d.g, &d.pos, hole) && legal_at(&d, 'a'));
        game_play(&d.g, &d.pos, on_stone ? at(&d, 'a') : hole);
        assert_board(&d, taken);
        assert_int_equal(d.pos.to_move, GAME_BLACK);
        play_at(&d, 'b');
        assert_false(legal_at(&d, 'a'));
        game_play(&d.g, &d.pos, hole);
        assert_int_equal(d.pos.stones[hole], GAME_WHITE_STONE);
        assert_int_equal(d.pos.stones[at(&d, 'a')], GAME_EMPTY);
    }
}

/* A ladder runs to the edge, and into a breaker. */
static void assert_ladders(const char *stones, const char *working, uint8_t prey)
{
    const struct go_state *s = go_const_state(&d.pos);
    uint64_t lost[GO_CELL_WORDS], starts[GO_CELL_WORDS];
    int i = 0;

    go_ladders(s, NULL, lost, starts, prey);
    for (const char *t = stones, *u = working; *t != '\0'; t++, u++) {
        int cell = go_cell_at(s, i % s->width, i / s->width);

        if (*t == ' ' || *t == '\n')
            continue;
        if ((*t == '#') != (lost[cell / 64] >> cell % 64 & 1) ||
            (*u == '!') != (starts[cell / 64] >> cell % 64 & 1))
            fail_msg("point (%d, %d): lost or a working move against expectation", i % s->width,
                     i / s->width);
        i++;
    }
}

static void a_ladder_works_unless_a_stone_breaks_it(void **state)
{
    static const char nothing[] = ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .";
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         ". . . . . . .\n"
         ". . X . . . .\n"
         ". X O . . . .\n"
         ". X . . . . .\n"
         ". . . . . . .\n"
         ". . . . . . .\n"
         ". . . . . . .");
    assert_ladders(". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . # . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .",
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . ! . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .",
                   GAME_WHITE_STONE);
    assert_ladders(". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . # . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .",
                   nothing, GAME_BLACK_STONE);
    draw(&d, "chinese", GAME_BLACK,
         ". . . . . . .\n"
         ". . X . . . .\n"
         ". X O . . . .\n"
         ". X . . . . .\n"
         ". . . . . . .\n"
         ". . . . . O .\n"
         ". . . . . . .");
    assert_ladders(nothing, nothing, GAME_WHITE_STONE);
}

/* White's stone in the corner cannot run; the one in the middle cannot either, but takes at a. */
static void a_chain_in_atari_is_lost_if_running_and_taking_fail(void **state)
{
    static const char nothing[] = ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .\n"
                                  ". . . . . . .";
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         "O X . . . . .\n"
         ". X . . . . .\n"
         "X . . . . . .\n"
         ". . . . . . .\n"
         ". . . . . . .");
    assert_ladders("# . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .\n"
                   ". . . . . . .",
                   nothing, GAME_WHITE_STONE);
    draw(&d, "chinese", GAME_BLACK,
         ". . . . . . .\n"
         ". . . X X . .\n"
         ". . X O . X .\n"
         ". . O X a . .\n"
         ". . . O . . .");
    assert_ladders(nothing, nothing, GAME_WHITE_STONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_eyes_live_and_one_does_not),
        cmocka_unit_test(dead_stones_spoil_an_eye_only_if_they_may_suicide),
        cmocka_unit_test(a_settled_board_is_decided_and_an_open_one_is_not),
        cmocka_unit_test(area_counts_stones_and_what_one_colour_surrounds),
        cmocka_unit_test(an_empty_board_is_nobodys_and_one_stone_owns_it),
        cmocka_unit_test(equal_points_are_a_draw),
        cmocka_unit_test(taxes_take_the_eyes_of_a_seki),
        cmocka_unit_test(a_tax_on_all_takes_two_points_a_group),
        cmocka_unit_test(territory_ends_after_two_encores),
        cmocka_unit_test(the_first_encore_costs_moves_and_the_second_does_not),
        cmocka_unit_test(a_ko_in_the_encore_is_retaken_after_a_pass_for_ko),
        cmocka_unit_test(a_ladder_works_unless_a_stone_breaks_it),
        cmocka_unit_test(a_chain_in_atari_is_lost_if_running_and_taking_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
