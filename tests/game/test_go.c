/* Rules of Go on small boards, and the incremental board against a slow recomputation. */
#include <stdio.h>

#include "go.h"
#include "go_text.h"
#include "tengen/rng.h"

static struct drawn d;

/* ---- what the rules say ---- */

static void a_chain_without_liberties_is_taken(void **state)
{
    (void)state;
    draw(&d, "tromp-taylor", GAME_BLACK,
         ". X X X .\n"
         "X O O a .\n"
         ". X X O .\n"
         ". . . X .");
    play_at(&d, 'a');
    assert_board(&d, ". X X X .\n"
                     "X . . X .\n"
                     ". X X O .\n"
                     ". . . X .");
    assert_int_equal(d.pos.captures[GAME_BLACK], 2);
    assert_int_equal(d.pos.captures[GAME_WHITE], 0);
}

static void the_capturer_is_not_taken_first(void **state)
{
    (void)state;
    draw(&d, "tromp-taylor", GAME_WHITE,
         "a X O\n"
         "X X O\n"
         "O O .");
    play_at(&d, 'a');
    assert_board(&d, "O . O\n"
                     ". . O\n"
                     "O O .");
    assert_int_equal(d.pos.captures[GAME_WHITE], 3);
}

static void ko_may_be_retaken_after_a_move_elsewhere(void **state)
{
    (void)state;
    for (int rules = 0; rules < 2; rules++) {
        draw(&d, rules == 0 ? "chinese" : "tromp-taylor", GAME_BLACK,
             ". X O . .\n"
             "X O a O .\n"
             ". X O . .\n"
             ". . . b c");
        play_at(&d, 'a');
        assert_int_equal(d.pos.stones[1 * 5 + 1], GAME_EMPTY);
        assert_false(game_is_legal(&d.g, &d.pos, 1 * 5 + 1));
        play_at(&d, 'b');
        play_at(&d, 'c');
        assert_true(game_is_legal(&d.g, &d.pos, 1 * 5 + 1));
    }
}

static void one_stone_may_not_kill_itself(void **state)
{
    (void)state;
    draw(&d, "tromp-taylor", GAME_WHITE,
         "a X .\n"
         "X . .\n"
         ". . .");
    assert_false(legal_at(&d, 'a'));
}

static void several_may_where_the_rules_say_so(void **state)
{
    static const char board[] = "a O X\n"
                                "X X X\n"
                                ". . .";
    (void)state;
    draw(&d, "chinese", GAME_WHITE, board);
    assert_false(legal_at(&d, 'a'));
    draw(&d, "tromp-taylor", GAME_WHITE, board);
    play_at(&d, 'a');
    assert_board(&d, ". . X\n"
                     "X X X\n"
                     ". . .");
    assert_int_equal(d.pos.captures[GAME_BLACK], 2);
}

/* White sends two stones (a), Black takes them (b), White takes one back (c): the stones are what
 * they were, but now it is Black's turn. Situational superko minds only when that comes again. */
static void sending_two_returning_one_tells_the_ko_rules_apart(void **state)
{
    static const char *const rules[] = {"chinese", "tromp-taylor", "aga"};
    static const char board[] = "X a O b O\n"
                                "X X X O O\n"
                                ". X . O .";
    (void)state;
    for (int i = 0; i < 3; i++) {
        draw(&d, rules[i], GAME_WHITE, board);
        play_at(&d, 'a');
        play_at(&d, 'b');
        assert_board(&d, "X . . X O\n"
                         "X X X O O\n"
                         ". X . O .");
        assert_int_equal(game_is_legal(&d.g, &d.pos, 2), i != 1);
        if (i == 1)
            continue;
        game_play(&d.g, &d.pos, 2);
        assert_board(&d, board);
        pass(&d);
        assert_int_equal(legal_at(&d, 'a'), i == 0);
    }
}

static void two_passes_end_the_game(void **state)
{
    (void)state;
    draw_empty(&d, 5, 5, "tromp-taylor");
    pass(&d);
    assert_false(d.pos.over);
    pass(&d);
    assert_true(d.pos.over);
    assert_int_equal(d.pos.winner, GAME_WON_WHITE);
    assert_float_equal(score_now(&d), -7.5, 0);
}

/* Random moves that fill eyes and kill their own chains do not end soon. */
static void a_game_without_end_is_ended_and_scored(void **state)
{
    struct tg_rng r = tg_rng_stream(3, TG_RNG_TEST, 0, 0);
    uint8_t legal[GAME_MAX_ACTIONS];

    (void)state;
    draw_empty(&d, 19, 19, "tromp-taylor");
    while (!d.pos.over) {
        int n = game_legal(&d.g, &d.pos, legal) - 1, a = 0;
        int k = n > 0 ? (int)tg_rng_below(&r, (uint32_t)n) : 0;

        while (!legal[a] || k-- > 0)
            a++;
        game_play(&d.g, &d.pos, a);
    }
    assert_int_equal(d.pos.ply, GAME_MAX_PLIES);
    assert_int_not_equal(d.pos.winner, GAME_UNDECIDED);
}

/* Under simple ko a pass in a situation in which the same side has passed ends the game. */
static void the_same_pass_twice_ends_the_game(void **state)
{
    (void)state;
    draw(&d, "chinese", GAME_BLACK,
         "X a O b O\n"
         "X X X O O\n"
         ". X . O .");
    for (int round = 0; round < 2; round++) {
        assert_false(d.pos.over);
        pass(&d); /* Black */
        if (round == 1)
            break;
        play_at(&d, 'a');
        play_at(&d, 'b');
        game_play(&d.g, &d.pos, 2);
    }
    assert_true(d.pos.over);
    assert_int_not_equal(d.pos.winner, GAME_NO_RESULT);
}

static void the_button_takes_a_pass_and_half_a_point(void **state)
{
    (void)state;
    draw_empty(&d, 5, 5, "aga-button");
    d.setup.go.komi2 = 0;
    game_start(&d.g, &d.setup, &d.pos);
    game_play(&d.g, &d.pos, 12);
    assert_float_equal(score_now(&d), 25 - 0.5F, 0); /* White, to move, would get it */
    pass(&d);
    pass(&d);
    assert_false(d.pos.over);
    pass(&d);
    assert_true(d.pos.over);
    assert_float_equal(score_now(&d), 25 - 0.5F, 0);
}

static void white_is_paid_for_handicap_stones(void **state)
{
    static const struct {
        const char *rules;
        int stones, points;
    } cases[] = {{"chinese", 4, 4},      {"aga", 4, 3}, {"chinese", 1, 0},
                 {"tromp-taylor", 4, 0}, {"aga", 1, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        draw_empty(&d, 9, 9, cases[i].rules);
        d.setup.handicap = (uint8_t)cases[i].stones;
        game_start(&d.g, &d.setup, &d.pos);
        assert_float_equal(score_now(&d), -7.5F - (float)cases[i].points, 0);
    }
}

static void bad_setups_are_refused(void **state)
{
    struct game_setup s;
    struct tg_error err;

    (void)state;
    draw_empty(&d, 9, 9, "chinese");
    assert_fails(game_rules_parse(&d.g, "go-fish", &d.setup, &err), TG_EINVAL, "stone-scoring",
                 &err);
    s = d.setup;
    s.width = 10;
    assert_fails(game_setup_check(&d.g, &s, &err), TG_EINVAL, "10 x 9", &err);
    s = d.setup;
    s.go.ko = 3;
    assert_fails(game_setup_check(&d.g, &s, &err), TG_EINVAL, "ko", &err);
    s = d.setup;
    s.go.komi2 = 1000;
    assert_fails(game_setup_check(&d.g, &s, &err), TG_EINVAL, "komi 500.0", &err);
    s = d.setup;
    s.go.scoring = GO_SCORING_TERRITORY;
    s.go.button = 1;
    assert_fails(game_setup_check(&d.g, &s, &err), TG_EINVAL, "button", &err);
}

/* Tromp and Farnebaeck, "Combinatorics of Go", count the positions without a dead chain. */
static void legal_positions_are_as_many_as_known(void **state)
{
    static const struct {
        int w, h, n;
    } known[] = {{2, 2, 57}, {3, 2, 489}, {3, 3, 12675}};

    (void)state;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        int points = known[k].w * known[k].h, n_all = 1, n = 0;

        draw_empty(&d, known[k].w, known[k].h, "tromp-taylor");
        for (int i = 0; i < points; i++)
            n_all *= 3;
        for (int code = 0; code < n_all; code++) {
            uint8_t stones[GAME_MAX_POINTS] = {0};

            for (int i = 0, rest = code; i < points; i++, rest /= 3)
                stones[i / known[k].w * d.g.size + i % known[k].w] = (uint8_t)(rest % 3);
            n += game_set_stones(&d.g, &d.pos, stones, GAME_BLACK, NULL) == TG_OK;
        }
        assert_int_equal(n, known[k].n);
    }
}

static void equal_positions_hash_alike(void **state)
{
    static const int orders[2][4] = {{0, 12, 24, 20}, {24, 20, 0, 12}};
    uint64_t hash[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        draw_empty(&d, 5, 5, "chinese");
        for (int k = 0; k < 4; k++)
            game_play(&d.g, &d.pos, orders[i][k]);
        hash[i] = d.pos.hash;
    }
    assert_int_equal(hash[0], hash[1]);
    pass(&d);
    assert_int_not_equal(hash[0], d.pos.hash);
    pass(&d); /* ends the game: not the position from which a pass does not */
    assert_int_not_equal(hash[0], d.pos.hash);
}

/* ---- the same rules, slowly: boards are compared whole, liberties are flooded ---- */

enum { SLOW_POINTS = 49, SLOW_PLIES = 400 };

struct slow {
    int w, h, n, passes_since;
    uint8_t ko, suicide;
    uint8_t to_move;
    uint8_t was[SLOW_PLIES + 1][SLOW_POINTS]; /* boards before each ply; was[n] is now */
    uint8_t mover[SLOW_PLIES + 1];
    bool passed[SLOW_PLIES + 1]; /* the ply from there was a pass */
};

static bool slow_lives(const struct slow *s, uint8_t *b, int p, uint8_t *group, int *n_group)
{
    uint8_t color = b[p];
    bool lives = false;

    *n_group = 0;
    group[(*n_group)++] = (uint8_t)p;
    for (int i = 0; i < *n_group; i++) {
        int x = group[i] % s->w, y = group[i] / s->w;
        const int nx[] = {x - 1, x + 1, x, x}, ny[] = {y, y, y - 1, y + 1};

        for (int k = 0; k < 4; k++) {
            int q = ny[k] * s->w + nx[k], j = 0;

            if (nx[k] < 0 || ny[k] < 0 || nx[k] >= s->w || ny[k] >= s->h)
                continue;
            lives |= b[q] == GAME_EMPTY;
            while (j < *n_group && group[j] != q)
                j++;
            if (b[q] == color && j == *n_group)
                group[(*n_group)++] = (uint8_t)q;
        }
    }
    return lives;
}

static void slow_take(uint8_t *b, const uint8_t *group, int n)
{
    for (int i = 0; i < n; i++)
        b[group[i]] = GAME_EMPTY;
}

/* The board after a play into b; false: illegal. */
static bool slow_after(const struct slow *s, int p, uint8_t *b)
{
    uint8_t own = (uint8_t)(s->to_move + 1), group[SLOW_POINTS];
    int n = 0;

    memcpy(b, s->was[s->n], SLOW_POINTS);
    if (b[p] != GAME_EMPTY)
        return false;
    b[p] = own;
    for (int q = 0; q < s->w * s->h; q++)
        if (b[q] == 3 - own && !slow_lives(s, b, q, group, &n))
            slow_take(b, group, n);
    if (!slow_lives(s, b, p, group, &n)) {
        if (n == 1 || !s->suicide)
            return false;
        slow_take(b, group, n);
    }
    if (s->ko == GO_KO_SIMPLE)
        return s->n == 0 || s->passed[s->n - 1] || memcmp(b, s->was[s->n - 1], SLOW_POINTS) != 0;
    for (int i = 0; i <= s->n; i++)
        if (memcmp(b, s->was[i], SLOW_POINTS) == 0 &&
            (s->ko == GO_KO_POSITIONAL || s->mover[i] != s->to_move))
            return false;
    return true;
}

/* Play p (-1: pass) and say how the game stands: GAME_UNDECIDED goes on, GAME_NO_RESULT, or
 * GAME_DRAWN for any scored end. */
static enum game_winner slow_play(struct slow *s, int p)
{
    enum game_winner end = GAME_UNDECIDED;
    int same = 0;

    s->passed[s->n] = p < 0;
    if (p < 0) {
        if (s->n > 0 && s->passed[s->n - 1])
            end = GAME_DRAWN;
        for (int i = 0; i < s->n && s->ko == GO_KO_SIMPLE; i++)
            if (s->passed[i] && s->mover[i] == s->to_move &&
                memcmp(s->was[i], s->was[s->n], SLOW_POINTS) == 0)
                end = GAME_DRAWN;
        memcpy(s->was[s->n + 1], s->was[s->n], SLOW_POINTS);
        s->passes_since = s->n + 1;
    } else {
        slow_after(s, p, s->was[s->n + 1]);
    }
    s->n++;
    s->to_move = (uint8_t)(1 - s->to_move);
    s->mover[s->n] = s->to_move;
    for (int i = s->passes_since; i <= s->n; i++)
        same += s->mover[i] == s->to_move && memcmp(s->was[i], s->was[s->n], SLOW_POINTS) == 0;
    return p >= 0 && s->ko == GO_KO_SIMPLE && same >= 3 ? GAME_NO_RESULT : end;
}

static void assert_like_slow(const struct slow *s, int *n_superko)
{
    const struct go_state *st = go_const_state(&d.pos);
    uint8_t legal[GAME_MAX_ACTIONS], b[SLOW_POINTS], group[SLOW_POINTS];
    int n = game_legal(&d.g, &d.pos, legal), n_slow = 1, n_group;

    for (int p = 0; p < s->w * s->h; p++) {
        int action = p / s->w * d.g.size + p % s->w;
        bool slow = slow_after(s, p, b);

        n_slow += slow;
        if (legal[action] != slow || game_is_legal(&d.g, &d.pos, action) != slow)
            fail_msg("%d x %d, ko %d, ply %d, point %d: legal %d, slowly %d", s->w, s->h, s->ko,
                     s->n, p, legal[action], slow);
        *n_superko += !slow && go_ban(&d.pos, go_cell_of(st, action)) == GO_SUPERKO;
        assert_int_equal(d.pos.stones[action], s->was[s->n][p]);
        assert_int_equal(st->cells[go_cell_of(st, action)].color, s->was[s->n][p]);
        if (s->was[s->n][p] == GAME_EMPTY)
            continue;
        memcpy(b, s->was[s->n], sizeof b);
        assert_true(slow_lives(s, b, p, group, &n_group));
        n_group = 0;
        for (int q = 0, cell = go_cell_of(st, action); q < s->w * s->h; q++)
            n_group += s->was[s->n][q] == GAME_EMPTY &&
                       go_touches(st, go_cell_of(st, q / s->w * d.g.size + q % s->w),
                                  st->cells[cell].head);
        assert_int_equal(st->cells[st->cells[go_cell_of(st, action)].head].libs, n_group);
    }
    assert_int_equal(n, n_slow);
}

static int random_move(const struct slow *s, struct tg_rng *r)
{
    uint8_t b[SLOW_POINTS];
    int moves[SLOW_POINTS + 1], n = 0;

    for (int p = 0; p < s->w * s->h; p++)
        if (slow_after(s, p, b))
            moves[n++] = p;
    if (n == 0 || tg_rng_below(r, 20) == 0)
        return -1;
    return moves[tg_rng_below(r, (uint32_t)n)];
}

/* Also: go_board_before gives back the boards of the last two plies, and a copy of the part in use,
 * over garbage, goes on like the original. */
static void random_games_agree_with_the_slow_rules(void **state)
{
    struct tg_rng r = tg_rng_stream(11, TG_RNG_TEST, 0, 0);
    int n_superko = 0, n_no_result = 0;
    static struct position copy;
    static struct slow s;

    (void)state;
    for (int game = 0; game < 1500; game++) {
        enum game_winner end = GAME_UNDECIDED;

        memset(&s, 0, sizeof s);
        s.w = 2 + (int)tg_rng_below(&r, game % 10 == 0 ? 6 : 3);
        s.h = 2 + (int)tg_rng_below(&r, game % 10 == 0 ? 6 : 3);
        draw_empty(&d, s.w, s.h, "tromp-taylor");
        s.ko = d.setup.go.ko = (uint8_t)tg_rng_below(&r, 3);
        s.suicide = d.setup.go.suicide = (uint8_t)tg_rng_below(&r, 2);
        game_start(&d.g, &d.setup, &d.pos);
        while (end == GAME_UNDECIDED && s.n < SLOW_PLIES) {
            int p = random_move(&s, &r);
            int action = p < 0 ? d.g.n_points : p / s.w * d.g.size + p % s.w;

            assert_like_slow(&s, &n_superko);
            memset(&copy, 0xA5, sizeof copy);
            game_copy(&d.g, &copy, &d.pos);
            end = slow_play(&s, p);
            game_play(&d.g, &d.pos, action);
            game_play(&d.g, &copy, action);
            assert_int_equal(copy.hash, d.pos.hash);
            assert_int_equal(copy.over, d.pos.over);
            assert_int_equal(d.pos.over, end != GAME_UNDECIDED);
            assert_int_equal(d.pos.winner == GAME_NO_RESULT, end == GAME_NO_RESULT);
            for (int ago = 1; ago <= 2 && ago <= s.n; ago++) {
                union go_board then;

                go_board_before(go_const_state(&copy), ago, &then.s);
                for (int q = 0; q < s.w * s.h; q++)
                    assert_int_equal(then.s.cells[go_cell_at(&then.s, q % s.w, q / s.w)].color,
                                     s.was[s.n - ago][q]);
                assert_int_equal(then.s.hash, go_const_state(&copy)->last[ago - 1].hash_before);
            }
        }
        n_no_result += end == GAME_NO_RESULT;
    }
    assert_true(n_superko > 1000); /* the test saw what it is for */
    assert_true(n_no_result > 20);
}

/* Territory with its encores, taxes, button: whatever the rules, the chains are those of the stones,
 * a copy goes on alike, and the game ends. */
static void random_games_of_all_rules_keep_their_books(void **state)
{
    static const char *const rules[] = {"japanese", "stone-scoring", "aga-button", "new-zealand",
                                        "korean"};
    struct tg_rng r = tg_rng_stream(12, TG_RNG_TEST, 0, 0);
    int n_encores = 0, n_blocked = 0;
    uint8_t legal[GAME_MAX_ACTIONS];
    static struct position copy;

    (void)state;
    for (int game = 0; game < 400; game++) {
        draw_empty(&d, 2 + (int)tg_rng_below(&r, 6), 2 + (int)tg_rng_below(&r, 6), rules[game % 5]);
        while (!d.pos.over) {
            const struct go_state *s = go_const_state(&d.pos);
            int n = game_legal(&d.g, &d.pos, legal), k = (int)tg_rng_below(&r, (uint32_t)n), a = 0;
            union go_board again;

            while (!legal[a] || k-- > 0)
                a++;
            game_copy(&d.g, &copy, &d.pos);
            game_play(&d.g, &copy, a);
            game_play(&d.g, &d.pos, a);
            assert_int_equal(copy.hash, d.pos.hash);
            memcpy(&again, s, sizeof *s + (size_t)s->n_cells * sizeof *s->cells);
            assert_true(go_board_build(&again.s));
            assert_int_equal(again.s.hash, s->hash);
            for (int c = 0; c < s->n_cells; c++) {
                if (s->cells[c].color == GAME_EMPTY || s->cells[c].color == GO_WALL)
                    continue;
                assert_int_equal(s->cells[s->cells[c].head].libs,
                                 again.s.cells[again.s.cells[c].head].libs);
                n_blocked += (s->cells[c].marks & GO_BLOCKED) != 0;
            }
            n_encores += s->phase == 2 && s->phase_turns == 0;
        }
        assert_int_not_equal(d.pos.winner, GAME_UNDECIDED);
    }
    assert_true(n_encores > 50 && n_blocked > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_without_liberties_is_taken),
        cmocka_unit_test(the_capturer_is_not_taken_first),
        cmocka_unit_test(ko_may_be_retaken_after_a_move_elsewhere),
        cmocka_unit_test(one_stone_may_not_kill_itself),
        cmocka_unit_test(several_may_where_the_rules_say_so),
        cmocka_unit_test(sending_two_returning_one_tells_the_ko_rules_apart),
        cmocka_unit_test(two_passes_end_the_game),
        cmocka_unit_test(a_game_without_end_is_ended_and_scored),
        cmocka_unit_test(the_same_pass_twice_ends_the_game),
        cmocka_unit_test(the_button_takes_a_pass_and_half_a_point),
        cmocka_unit_test(white_is_paid_for_handicap_stones),
        cmocka_unit_test(bad_setups_are_refused),
        cmocka_unit_test(legal_positions_are_as_many_as_known),
        cmocka_unit_test(equal_positions_hash_alike),
        cmocka_unit_test(random_games_agree_with_the_slow_rules),
        cmocka_unit_test(random_games_of_all_rules_keep_their_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
