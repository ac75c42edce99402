/* 100,000 positions of random games against a slow oracle, for each of the rule sets. */
#include <stdio.h>
#include <string.h>

#include "gomoku_board.h"
#include "gomoku_oracle.h"
#include "tengen/rng.h"

#ifdef __SANITIZE_ADDRESS__ /* some six times slower */
enum { N_POSITIONS = 20000 };
#else
enum { N_POSITIONS = 100000 };
#endif

struct counts {
    long positions, games, forbidden, pairs, pending, won, drawn;
};

static void compare(const struct game *g, const struct position *pos, struct oracle *o,
                    struct counts *n)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int n_legal = game_legal(g, pos, legal), expected = 0;

    assert_int_equal(pos->over, o->over);
    assert_int_equal(pos->winner, o->winner);
    assert_int_equal(pos->to_move, o->to_move);
    for (int c = 0; c < 2; c++)
        assert_int_equal(pos->captures[c], o->pairs[c]);
    for (int a = 0; a < g->n_actions; a++) {
        int x = a % g->size, y = a / g->size;
        bool on_board = x < o->width && y < o->height;
        bool ok = on_board && !o->over && oracle_legal(o, x, y);

        if (legal[a] != ok || (on_board && ".XO"[pos->stones[a]] != o->at[y][x])) {
            char text[1024];

            game_draw(g, pos, text, sizeof text);
            fail_msg("%s to move at x %d y %d: legal %d, should be %d\n%s",
                     pos->to_move == GAME_BLACK ? "X" : "O", x, y, legal[a], ok, text);
        }
        expected += ok;
        n->forbidden += on_board && !o->over && o->at[y][x] == '.' && !ok;
    }
    assert_int_equal(n_legal, expected);
    n->positions++;
    n->pending += o->pending;
}

/* One of the legal moves, most often close to the last move or to stones, so that lines grow. */
static int pick(const struct game *g, const struct position *pos, struct tg_rng *rng)
{
    int last = pos->ply < 2 ? g->n_points / 2 : pos->recent[tg_rng_below(rng, 2)];

    for (int tries = 0; tries < 30; tries++) {
        int x = last % g->size + (int)tg_rng_below(rng, 9) - 4;
        int y = last / g->size + (int)tg_rng_below(rng, 9) - 4;

        int a = y * g->size + x;

        if (x >= 0 && y >= 0 && x < g->size && y < g->size && game_is_legal(g, pos, a))
            return a;
    }
    for (int a = (int)tg_rng_below(rng, (uint32_t)g->n_points);; a = (a + 1) % g->n_points)
        if (game_is_legal(g, pos, a))
            return a;
}

static void play_game(const struct gomoku_rules *rules, struct tg_rng *rng, struct counts *n)
{
    static const int sizes[] = {5, 7, 9, 9, 11, 13};
    int size = tg_rng_below(rng, 50) == 0 ? 19 : sizes[tg_rng_below(rng, 6)], side;
    struct game_setup setup = {.gomoku = *rules};
    struct position pos;
    struct oracle o;
    struct game g;
    struct tg_error err;

    setup.width = (uint8_t)size;
    setup.height = (uint8_t)size;
    if (tg_rng_below(rng, 4) == 0)
        setup.height = (uint8_t)(2 + tg_rng_below(rng, (uint32_t)size - 1));
    side = size + (size < 19 && tg_rng_below(rng, 2) == 0);
    assert_ok(game_init(&g, GAME_GOMOKU, side, 0, &err), &err);
    assert_ok(game_setup_check(&g, &setup, &err), &err);
    game_start(&g, &setup, &pos);
    oracle_start(&o, &setup);
    for (compare(&g, &pos, &o, n); !pos.over; compare(&g, &pos, &o, n)) {
        int a = pick(&g, &pos, rng);

        game_play(&g, &pos, a);
        oracle_play(&o, a % g.size, a / g.size);
    }
    n->pairs += pos.captures[0] + pos.captures[1];
    n->won += pos.winner != GAME_DRAWN;
    n->drawn += pos.winner == GAME_DRAWN;
    n->games++;
}

static void check_rules(const struct gomoku_rules *rules, uint64_t id)
{
    struct tg_rng rng = tg_rng_stream(3, TG_RNG_TEST, id, 0);
    struct counts n = {0};

    while (n.positions < N_POSITIONS)
        play_game(rules, &rng, &n);
    print_message("%ld positions, %ld games: forbidden %ld, pairs %ld, rows pending %ld, won %ld, "
                  "drawn %ld\n",
                  n.positions, n.games, n.forbidden, n.pairs, n.pending, n.won, n.drawn);
    /* What the rules provide for must have happened, and often. */
    assert_true(n.won > N_POSITIONS / 1000 && n.drawn > N_POSITIONS / 10000);
    assert_true((n.forbidden > N_POSITIONS / 100) == (rules->double_three != GOMOKU_THREES_FREE));
    assert_true((n.pairs > N_POSITIONS / 100) == rules->captures);
    assert_true((n.pending > N_POSITIONS / 1000) == rules->breakable_five);
}

static void freestyle_agrees(void **state)
{
    struct gomoku_rules rules = named_rules("freestyle");
    (void)state;
    check_rules(&rules, 0);
}

static void standard_agrees(void **state)
{
    struct gomoku_rules rules = named_rules("standard");
    (void)state;
    check_rules(&rules, 1);
}

static void captures_engine_agrees(void **state)
{
    struct gomoku_rules rules = named_rules("captures-engine");
    (void)state;
    check_rules(&rules, 2);
}

static void captures_subject_agrees(void **state)
{
    struct gomoku_rules rules = named_rules("captures-subject");
    (void)state;
    check_rules(&rules, 3);
}

static void an_odd_mixture_agrees(void **state)
{
    struct gomoku_rules rules = {.goal = 5, .exact_five = 1, .captures = 1, .capture_goal = 9,
                                 .double_three = GOMOKU_THREES_RENJU, .breakable_five = 1,
                                 .start_pairs = {2, 0}};
    (void)state;
    check_rules(&rules, 4);
}

/* Section 1.6: what the renju reading forbids, the literal one forbids too, and more. */
static void the_literal_reading_forbids_more(void **state)
{
    struct gomoku_rules renju = named_rules("captures-engine"), literal = renju;
    struct tg_rng rng = tg_rng_stream(5, TG_RNG_TEST, 0, 0);
    long n_both = 0, n_literal_only = 0;
    (void)state;
    literal.double_three = GOMOKU_THREES_LITERAL;
    for (int k = 0; k < 2000; k++) {
        uint8_t stones[GAME_MAX_POINTS] = {0};
        uint8_t by_renju[GAME_MAX_ACTIONS], by_literal[GAME_MAX_ACTIONS];
        int n_stones = 10 + (int)tg_rng_below(&rng, 60);
        struct drawn b;

        draw_with(&b, &renju, "................... ................... ................... "
                              "................... ................... ................... "
                              "................... ................... ................... "
                              "................... ................... ................... "
                              "................... ................... ................... "
                              "................... ................... ................... "
                              "...................", GAME_BLACK);
        for (int i = 0; i < n_stones; i++) /* in the middle 13 x 13 */
            stones[(3 + tg_rng_below(&rng, 13)) * 19 + 3 + tg_rng_below(&rng, 13)] =
                (uint8_t)(1 + tg_rng_below(&rng, 2));
        assert_ok(game_set_stones(&b.g, &b.pos, stones, GAME_WHITE, &b.err), &b.err);
        game_legal(&b.g, &b.pos, by_renju);
        b.pos.setup.gomoku = literal;
        game_legal(&b.g, &b.pos, by_literal);
        for (int p = 0; p < 361; p++) {
            assert_false(by_literal[p] && !by_renju[p]);
            n_both += stones[p] == 0 && !by_renju[p];
            n_literal_only += by_renju[p] && !by_literal[p];
        }
    }
    print_message("both %ld, literal only %ld\n", n_both, n_literal_only);
    assert_true(n_both > 500 && n_literal_only > n_both / 5 && n_literal_only < 2 * n_both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freestyle_agrees),
        cmocka_unit_test(standard_agrees),
        cmocka_unit_test(captures_engine_agrees),
        cmocka_unit_test(captures_subject_agrees),
        cmocka_unit_test(an_odd_mixture_agrees),
        cmocka_unit_test(the_literal_reading_forbids_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
