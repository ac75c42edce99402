#include "gomoku_board.h"

static void a_flanked_pair_is_taken_in_all_eight_directions(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine",
         "X..X..X "
         ".O.O.O. "
         "..OOO.. "
         "XOO*OOX "
         "..OOO.. "
         ".O.O.O. "
         "X..X..X", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_drawn(&b, "X..X..X "
                     "....... "
                     "....... "
                     "X..X..X "
                     "....... "
                     "....... "
                     "X..X..X");
    assert_int_equal(b.pos.captures[GAME_BLACK], 8);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

static void only_pairs_are_taken(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine",
         "X.....X "
         ".O...O. "
         "......O "
         "XOOO*OX "
         "....... "
         "....O.. "
         "....O..", GAME_BLACK); /* three, one, a pair at the edge, a broken pair */
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.captures[GAME_BLACK], 0);
    assert_drawn(&b, "X.....X "
                     ".O...O. "
                     "......O "
                     "XOOOXOX "
                     "....... "
                     "....O.. "
                     "....O..");
}

static void captured_points_are_playable_at_once(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine", "XOO*. ..... ..... ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    play_xy(&b, 1, 0);
    assert_drawn(&b, "XO.X. ..... ..... ..... .....");
}

static void captures_off_takes_nothing(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "freestyle", "XOO*. ..... ..... ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_drawn(&b, "XOOX. ..... ..... ..... .....");
}

static void pairs_win_at_the_goal_and_not_before(void **state)
{
    struct gomoku_rules rules = named_rules("captures-engine");
    struct drawn b;
    (void)state;
    for (int goal = 0; goal <= 3; goal++) {
        rules.capture_goal = (uint8_t)goal;
        draw_with(&b, &rules, "XOO*OOX ....... ....... ....... ....... ....... .......", GAME_BLACK);
        game_play(&b.g, &b.pos, b.mark);
        assert_int_equal(b.pos.captures[GAME_BLACK], 2);
        assert_int_equal(b.pos.over, goal == 1 || goal == 2); /* goal 0: captures never win */
    }
}

static void start_pairs_count_for_their_owner(void **state)
{
    struct gomoku_rules rules = named_rules("captures-engine");
    struct drawn b;
    (void)state;
    rules.start_pairs[GAME_WHITE] = 4;
    draw_with(&b, &rules, "OXX*. ..... XOO.. ..... .....", GAME_WHITE);
    assert_int_equal(b.pos.captures[GAME_WHITE], 4);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_WHITE);
    draw_with(&b, &rules, "OXX.. ..... XOO*. ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
}

static void five_wins_in_every_line_for_both_colours(void **state)
{
    static const int dx[4] = {1, 0, 1, 1}, dy[4] = {0, 1, 1, -1};
    struct gomoku_rules rules = named_rules("freestyle");
    (void)state;
    for (int d = 0; d < 4; d++)
        for (enum game_color color = GAME_BLACK; color <= GAME_WHITE; color++)
            for (int last = 0; last < 5; last++) {
                char text[] = "..... ..... ..... ..... .....";
                struct drawn b;

                for (int i = 0; i < 5; i++)
                    text[(dy[d] < 0 ? 4 - i : i * dy[d]) * 6 + i * dx[d]] =
                        i == last ? '*' : "XO"[color];
                draw_with(&b, &rules, text, color);
                game_play(&b.g, &b.pos, b.mark);
                assert_true(b.pos.over);
                assert_int_equal(b.pos.winner, color == GAME_BLACK ? GAME_WON_BLACK : GAME_WON_WHITE);
            }
}

static void rows_do_not_wrap_at_the_edge(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "freestyle", "...XX XX*.. ..... ..... .....", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
}

static void overlines_win_in_freestyle_and_not_in_standard(void **state)
{
    static const char six[] = "XXX*XX. ....... ....... ....... ....... ....... .......";
    struct drawn b;
    (void)state;
    draw(&b, "freestyle", six, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
    draw(&b, "standard", six, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
    draw(&b, "standard", "XX*XX.. ....... ....... ....... ....... ....... .......", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

/* Section 1.4's order: the last stone wins by its row though the board is full. */
static void a_row_on_a_full_board_wins(void **state)
{
    struct gomoku_rules rules = {.goal = 3};
    struct drawn b;
    (void)state;
    draw_with(&b, &rules, "XX* OOX XOO", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
    draw_with(&b, &rules, "XO* OOX XXO", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_true(b.pos.over);
    assert_int_equal(b.pos.winner, GAME_DRAWN);
}

static void an_unfinished_game_scores_as_a_draw(void **state)
{
    struct game_result result;
    struct drawn b;
    (void)state;
    draw(&b, "freestyle", "XXXX* ..... ..... ..... .....", GAME_BLACK);
    game_score(&b.g, &b.pos, &result);
    assert_int_equal(result.winner, GAME_DRAWN);
    assert_false(game_decided(&b.g, &b.pos));
    game_play(&b.g, &b.pos, b.mark);
    game_score(&b.g, &b.pos, &result);
    assert_int_equal(result.winner, GAME_WON_BLACK);
}

static void the_pass_and_what_is_off_the_board_are_never_legal(void **state)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    struct drawn b;
    (void)state;
    draw(&b, "freestyle", "....... .......", GAME_BLACK); /* 7 x 2 in a tensor of side 7 */
    assert_int_equal(game_legal(&b.g, &b.pos, legal), 14);
    for (int a = 0; a < b.g.n_actions; a++) {
        assert_int_equal(legal[a], a < 14);
        assert_int_equal(game_is_legal(&b.g, &b.pos, a), a < 14);
    }
}

/* Both ways to forbid, both colours: the same stones in the other colour give the same verdict. */
static void double_threes_are_forbidden_to_white_as_to_black(void **state)
{
    static const char *const rules[] = {"captures-engine", "captures-subject"};
    (void)state;
    for (int r = 0; r < 2; r++)
        for (enum game_color color = GAME_BLACK; color <= GAME_WHITE; color++) {
            char text[] = "......... "
                          "......... "
                          "...x..... "
                          "...x..... "
                          ".xx*..... "
                          "......... "
                          "......... "
                          "......... "
                          "........o";
            uint8_t legal[GAME_MAX_ACTIONS];
            struct drawn b;

            for (char *c = text; *c != '\0'; c++)
                if (*c == 'x' || *c == 'o')
                    *c = "XO"[(*c == 'o') ^ color];
            draw(&b, rules[r], text, GAME_BLACK);
            assert_int_equal(game_is_legal(&b.g, &b.pos, b.mark), color == GAME_WHITE);
            assert_int_equal(game_legal(&b.g, &b.pos, legal), 81 - 5 - (color == GAME_BLACK));
            assert_int_equal(legal[b.mark], color == GAME_WHITE);
            draw(&b, rules[r], text, GAME_WHITE);
            assert_int_equal(game_is_legal(&b.g, &b.pos, b.mark), color == GAME_BLACK);
            assert_int_equal(game_legal(&b.g, &b.pos, legal), 81 - 5 - (color == GAME_WHITE));
            assert_int_equal(legal[b.mark], color == GAME_BLACK);
        }
}

static void a_capture_exempts_a_double_three_where_the_rules_say_so(void **state)
{
    static const char both[] = "......... "
                               ".....X... "
                               "....O.... "
                               "...O..... "
                               "..*XX.... "
                               "..X...... "
                               "..X...... "
                               "......... "
                               ".........";
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine", both, GAME_BLACK);
    assert_false(game_is_legal(&b.g, &b.pos, b.mark));
    draw(&b, "captures-subject", both, GAME_BLACK);
    assert_true(game_is_legal(&b.g, &b.pos, b.mark));
}

static void a_row_that_no_capture_reaches_wins_at_once(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-subject",
         "......... "
         ".XXXX*... "
         "......... "
         "......... "
         "...OO.... "
         "......... "
         "......... "
         "......... "
         ".........", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

static const char breakable[] = "......... "
                                "..O...... "
                                ".XXXX*... "
                                "..X...... "
                                "......... "
                                "......... "
                                "......... "
                                "......... "
                                "........O";

static void a_breakable_five_that_is_broken_goes_on(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-subject", breakable, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
    play_xy(&b, 2, 4); /* takes (2, 2) and (2, 3) */
    assert_int_equal(b.pos.captures[GAME_WHITE], 1);
    assert_false(b.pos.over);
    play_xy(&b, 2, 2); /* the row is whole again and nothing flanks it */
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

static void a_breakable_five_that_survives_the_reply_wins(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-subject", breakable, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    play_xy(&b, 7, 7);
    assert_true(b.pos.over);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
    assert_int_equal(b.pos.to_move, GAME_BLACK);
}

static void a_breakable_five_wins_at_once_where_the_rules_say_so(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-engine", breakable, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

static void the_fifth_pair_answers_a_five(void **state)
{
    static const char text[] = "......... "
                               "......... "
                               ".XXXX*... "
                               "......... "
                               "......... "
                               "......... "
                               "......... "
                               ".OXX..... "
                               ".........";
    struct gomoku_rules rules = named_rules("captures-subject");
    struct drawn b;
    (void)state;
    draw_with(&b, &rules, text, GAME_BLACK); /* no pair yet: the capture elsewhere breaks nothing */
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);

    rules.start_pairs[GAME_WHITE] = 4;
    draw_with(&b, &rules, text, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
    play_xy(&b, 4, 7);
    assert_int_equal(b.pos.winner, GAME_WON_WHITE);
}

static void a_five_of_the_answering_side_does_not_save_it(void **state)
{
    struct drawn b;
    (void)state;
    draw(&b, "captures-subject",
         "......... "
         "..O...... "
         ".XXXX*... "
         "..X...... "
         "......... "
         "......... "
         "......... "
         ".OOOO.... "
         ".........", GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
    play_xy(&b, 5, 7);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

/* A capture that would break the row but is itself a forbidden double-three is no answer. */
static void a_forbidden_capture_breaks_nothing(void **state)
{
    static const char text[] = "........... "
                               "........... "
                               "..O........ "
                               ".XXXX*..... "
                               "..X........ "
                               "....OO..... "
                               "...O....... "
                               "....O...... "
                               "........... "
                               "........... "
                               "...........";
    struct gomoku_rules rules = named_rules("captures-subject");
    struct drawn b;
    (void)state;
    draw_with(&b, &rules, text, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_false(b.pos.over);
    rules.capture_exempts = 0; /* (2, 5) would make a row and a diagonal of three */
    draw_with(&b, &rules, text, GAME_BLACK);
    game_play(&b.g, &b.pos, b.mark);
    assert_int_equal(b.pos.winner, GAME_WON_BLACK);
}

/* Value of the position for the side to move, -1, 0, 1; counts the games that end below it. */
static int solve(const struct game *g, const struct position *pos, long *n_games)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int best = -1;

    if (pos->over) {
        ++*n_games;
        return pos->winner == GAME_DRAWN ? 0 : pos->winner == pos->to_move ? 1 : -1;
    }
    game_legal(g, pos, legal);
    for (int a = 0; a < g->n_actions; a++)
        if (legal[a]) {
            struct position next;
            int value;

            game_copy(g, &next, pos);
            game_play(g, &next, a);
            value = -solve(g, &next, n_games);
            best = value > best ? value : best;
        }
    return best;
}

static void tic_tac_toe_is_a_draw_in_255168_games(void **state)
{
    struct game g;
    struct game_setup setup;
    struct position pos;
    struct tg_error err;
    long n_games = 0;
    (void)state;
    assert_ok(game_init(&g, GAME_GOMOKU, 3, 0, &err), &err);
    game_default_setup(&g, &setup);
    game_start(&g, &setup, &pos);
    assert_int_equal(solve(&g, &pos, &n_games), 0);
    assert_int_equal(n_games, 255168);
}

/* What may be played next decides, not the way there: transpositions hash alike; pairs, the side to
 * move, a row that waits for its answer and the rules tell positions apart. */
static void hashes_follow_stones_and_rights(void **state)
{
    struct gomoku_rules rules = named_rules("captures-subject");
    struct drawn a, b;
    (void)state;
    draw_with(&a, &rules, ".... .... .... ....", GAME_BLACK);
    b = a;
    play_xy(&a, 0, 0), play_xy(&a, 1, 1), play_xy(&a, 2, 2);
    play_xy(&b, 2, 2), play_xy(&b, 1, 1), play_xy(&b, 0, 0);
    assert_true(a.pos.hash == b.pos.hash);
    draw_with(&b, &rules, "X... .O.. ..X. ....", GAME_WHITE);
    assert_true(a.pos.hash == b.pos.hash);
    draw_with(&b, &rules, "X... .O.. ..X. ....", GAME_BLACK);
    assert_true(a.pos.hash != b.pos.hash);
    rules.start_pairs[GAME_BLACK] = 1;
    draw_with(&b, &rules, "X... .O.. ..X. ....", GAME_WHITE);
    assert_true(a.pos.hash != b.pos.hash);
    draw(&b, "captures-engine", "X... .O.. ..X. ....", GAME_WHITE);
    assert_true(a.pos.hash != b.pos.hash);

    draw(&a, "captures-subject", breakable, GAME_BLACK);
    game_play(&a.g, &a.pos, a.mark);
    draw(&b, "captures-subject",
         "......... ..O...... .XXXXX... ..X...... ......... ......... ......... ......... ........O",
         GAME_WHITE);
    assert_true(a.pos.hash != b.pos.hash);
}

static void set_ups_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        struct gomoku_rules rules;
        const char *word;
    } cases[] = {
        {{.goal = 1}, "in a row"},
        {{.goal = 20}, "in a row"},
        {{.goal = 5, .exact_five = 2}, "exact_five"},
        {{.goal = 5, .double_three = 3}, "double_three"},
        {{.goal = 4, .double_three = GOMOKU_THREES_LITERAL}, "five in a row"},
        {{.goal = 5, .breakable_five = 1}, "without captures"},
        {{.goal = 5, .capture_goal = 5}, "without captures"},
        {{.goal = 5, .capture_exempts = 1}, "without captures"},
        {{.goal = 5, .captures = 1, .capture_goal = 21}, "capture_goal"},
        {{.goal = 5, .captures = 1, .capture_goal = 5, .start_pairs = {0, 5}}, "start_pairs"},
        {{.goal = 5, .captures = 1, .start_pairs = {1, 0}}, "start_pairs"},
    };
    struct game g;
    struct tg_error err;
    struct game_setup setup;
    (void)state;
    assert_fails(game_init(&g, GAME_GOMOKU, 9, 13, &err), TG_EINVAL, "0..12", &err);
    assert_ok(game_init(&g, GAME_GOMOKU, 9, 12, &err), &err);
    game_default_setup(&g, &setup);
    assert_int_equal(setup.gomoku.goal, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup.gomoku = cases[i].rules;
        assert_fails(game_setup_check(&g, &setup, &err), TG_EINVAL, cases[i].word, &err);
    }
    assert_fails(game_rules_parse(&g, "renju", &setup, &err), TG_EINVAL, "captures-engine", &err);
    setup = (struct game_setup){.width = 9, .height = 9, .handicap = 2, .gomoku = {.goal = 5}};
    assert_fails(game_setup_check(&g, &setup, &err), TG_EINVAL, "handicap", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flanked_pair_is_taken_in_all_eight_directions),
        cmocka_unit_test(only_pairs_are_taken),
        cmocka_unit_test(captured_points_are_playable_at_once),
        cmocka_unit_test(captures_off_takes_nothing),
        cmocka_unit_test(pairs_win_at_the_goal_and_not_before),
        cmocka_unit_test(start_pairs_count_for_their_owner),
        cmocka_unit_test(five_wins_in_every_line_for_both_colours),
        cmocka_unit_test(rows_do_not_wrap_at_the_edge),
        cmocka_unit_test(overlines_win_in_freestyle_and_not_in_standard),
        cmocka_unit_test(a_row_on_a_full_board_wins),
        cmocka_unit_test(an_unfinished_game_scores_as_a_draw),
        cmocka_unit_test(the_pass_and_what_is_off_the_board_are_never_legal),
        cmocka_unit_test(double_threes_are_forbidden_to_white_as_to_black),
        cmocka_unit_test(a_capture_exempts_a_double_three_where_the_rules_say_so),
        cmocka_unit_test(a_row_that_no_capture_reaches_wins_at_once),
        cmocka_unit_test(a_breakable_five_that_is_broken_goes_on),
        cmocka_unit_test(a_breakable_five_that_survives_the_reply_wins),
        cmocka_unit_test(a_breakable_five_wins_at_once_where_the_rules_say_so),
        cmocka_unit_test(the_fifth_pair_answers_a_five),
        cmocka_unit_test(a_five_of_the_answering_side_does_not_save_it),
        cmocka_unit_test(a_forbidden_capture_breaks_nothing),
        cmocka_unit_test(tic_tac_toe_is_a_draw_in_255168_games),
        cmocka_unit_test(hashes_follow_stones_and_rights),
        cmocka_unit_test(set_ups_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
