/* SGF: what is written reads back; what others write is understood; nothing hostile gets through. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/report/sgf.h"
#include "tengen/rng.h"
#include "tg_test.h"

static struct game go(int size)
{
    struct game g;

    assert_int_equal(game_init(&g, GAME_GO, size, 0, NULL), TG_OK);
    return g;
}

static struct game gomoku(int size)
{
    struct game g;

    assert_int_equal(game_init(&g, GAME_GOMOKU, size, 0, NULL), TG_OK);
    return g;
}

/* One game; the caller frees it with sgf_free(game, 1). */
static struct sgf_game *read_one(const char *text, const struct game *g)
{
    struct tg_error err;
    struct sgf_game *games;
    int n = 0;

    assert_ok(sgf_read(text, strlen(text), "x.sgf", g, &games, &n, &err), &err);
    assert_int_equal(n, 1);
    return games;
}

/* ---- round trip ---------------------------------------------------------------------------------- */

/* A random legal game into *f, whose arrays the caller frees. */
static void play_random(const struct game *g, const struct game_setup *setup, uint64_t seed,
                        struct record_finished *f)
{
    static struct position pos; /* large; used by one test at a time */
    struct tg_rng r = tg_rng_stream(seed, TG_RNG_TEST, 0, 0);
    struct game_result result;
    int n_max = 20 + (int)tg_rng_below(&r, 80);

    memset(f, 0, sizeof *f);
    f->moves = calloc((size_t)n_max, sizeof *f->moves);
    f->root_values = calloc((size_t)n_max, sizeof *f->root_values);
    f->root_visits = calloc((size_t)n_max, sizeof *f->root_visits);
    game_start(g, setup, &pos);
    while (!pos.over && f->game.n_moves < n_max) {
        uint8_t legal[GAME_MAX_ACTIONS];
        int k = (int)tg_rng_below(&r, (uint32_t)game_legal(g, &pos, legal)), action = -1;

        while (k >= 0)
            k -= legal[++action];
        f->root_values[f->game.n_moves] = (float)(tg_rng_double(&r) * 2 - 1);
        f->root_visits[f->game.n_moves] = 100;
        f->moves[f->game.n_moves++] = (int16_t)action;
        game_play(g, &pos, action);
    }
    game_score(g, &pos, &result);
    f->game.id = (int64_t)seed;
    f->game.setup = *setup;
    f->game.winner = result.winner;
    f->game.score = result.score;
    f->game.n_opening = 3;
    f->game.resigned = seed % 5 == 0 && result.winner <= GAME_WON_WHITE;
}

static void assert_same_game(const struct game *g, const struct record_finished *f,
                             const struct sgf_game *back)
{
    char wrote[SGF_RULES_MAX], read[SGF_RULES_MAX];

    assert_int_equal(back->n_moves, f->game.n_moves);
    assert_memory_equal(back->moves, f->moves, (size_t)f->game.n_moves * sizeof *f->moves);
    for (int i = 0; i < back->n_moves; i++)
        assert_int_equal(back->colors[i], i % 2 == 0 ? GAME_BLACK : GAME_WHITE);
    assert_int_equal(back->setup.width, f->game.setup.width);
    assert_int_equal(back->setup.height, f->game.setup.height);
    sgf_rules_text(g, &f->game.setup, wrote);
    sgf_rules_text(g, &back->setup, read);
    assert_string_equal(read, wrote);
    if (g->kind == GAME_GO)
        assert_int_equal(back->setup.go.komi2, f->game.setup.go.komi2);
    assert_int_equal(back->winner, f->game.winner);
    assert_int_equal(back->to_move, GAME_BLACK);
    assert_false(back->has_setup);
    assert_int_equal(back->n_variations, 0);
    if (f->game.winner == GAME_DRAWN)
        assert_true(back->score == 0);
    else if (g->kind == GAME_GOMOKU || f->game.resigned)
        assert_true(isnan(back->score));
    else
        assert_true(back->score == f->game.score);
}

static void free_finished(struct record_finished *f)
{
    free(f->moves);
    free(f->root_values);
    free(f->root_visits);
}

static void go_rules_at_random(struct tg_rng *r, struct go_rules *rules)
{
    rules->ko = (uint8_t)tg_rng_below(r, 3);
    rules->scoring = GO_SCORING_AREA;
    rules->tax = (uint8_t)tg_rng_below(r, 3);
    rules->suicide = (uint8_t)tg_rng_below(r, 2);
    rules->button = (uint8_t)tg_rng_below(r, 2);
    rules->white_handicap_bonus = (uint8_t)tg_rng_below(r, 3);
    rules->friendly_pass = (uint8_t)tg_rng_below(r, 2);
    rules->komi2 = (int16_t)((int)tg_rng_below(r, 60) - 30);
}

/* 40 games in one collection, each of its own board and rules. */
static void round_trip(const struct game *g)
{
    enum { N = 40 };
    struct record_finished f[N];
    struct tg_rng r = tg_rng_stream(3, TG_RNG_TEST, (uint64_t)g->kind, 1);
    struct tg_error err;
    struct sgf_game *games;
    char *text = NULL;
    size_t n;
    int n_games = 0;
    FILE *out = open_memstream(&text, &n);

    for (int i = 0; i < N; i++) {
        struct game_setup setup;

        game_default_setup(g, &setup);
        setup.width = (uint8_t)(5 + tg_rng_below(&r, (uint32_t)g->size - 4));
        setup.height = (uint8_t)(5 + tg_rng_below(&r, (uint32_t)g->size - 4));
        if (g->kind == GAME_GO)
            go_rules_at_random(&r, &setup.go);
        else if (i % 2 == 0)
            assert_ok(game_rules_parse(g, "captures-subject", &setup, &err), &err);
        assert_ok(game_setup_check(g, &setup, &err), &err);
        play_random(g, &setup, (uint64_t)i, &f[i]);
        assert_ok(sgf_write(out, g, &f[i], "a ]\\: b", "white", &err), &err);
    }
    fclose(out);
    assert_ok(sgf_read(text, n, "x.sgf", g, &games, &n_games, &err), &err);
    assert_int_equal(n_games, N);
    for (int i = 0; i < N; i++) {
        assert_same_game(g, &f[i], &games[i]);
        free_finished(&f[i]);
    }
    sgf_free(games, n_games);
    free(text);
}

static void random_go_games_read_back(void **state)
{
    struct game g = go(9);

    (void)state;
    round_trip(&g);
}

static void random_gomoku_games_read_back(void **state)
{
    struct game g = gomoku(15);

    (void)state;
    round_trip(&g);
}

static void a_move_that_is_no_action_is_not_written(void **state)
{
    struct game g = go(9);
    int16_t move = 82;
    struct record_finished f = {.moves = &move, .game.n_moves = 1};
    struct tg_error err;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    game_default_setup(&g, &f.game.setup);
    assert_fails(sgf_write(out, &g, &f, "b", "w", &err), TG_EINVAL, "no action: 82", &err);
    fclose(out);
    assert_int_equal(n, 0);
    free(text);
}

static void named_rules_keep_their_name(void **state)
{
    static const char *const names[] = {"tromp-taylor", "chinese", "japanese", "aga", "new-zealand",
                                        "stone-scoring", "aga-button", "chinese-ogs"};
    struct game g = go(19);
    struct game_setup setup, back;
    char text[SGF_RULES_MAX];

    (void)state;
    game_default_setup(&g, &setup);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(game_rules_parse(&g, names[i], &setup, NULL), TG_OK);
        sgf_rules_text(&g, &setup, text);
        assert_string_equal(text, names[i]);
        game_default_setup(&g, &back);
        assert_true(sgf_rules_parse(&g, text, &back));
        assert_int_equal(back.go.ko, setup.go.ko);
        assert_int_equal(back.go.scoring, setup.go.scoring);
    }
}

static void rules_of_other_programs_are_understood(void **state)
{
    static const struct { const char *text; bool known; struct go_rules rules; } cases[] = {
        {"Japanese", true, {.scoring = GO_SCORING_TERRITORY, .tax = GO_TAX_SEKI}},
        {"NZ", true, {.ko = GO_KO_SITUATIONAL, .suicide = 1, .friendly_pass = 1}},
        {"New Zealand", true, {.ko = GO_KO_SITUATIONAL, .suicide = 1, .friendly_pass = 1}},
        {"koSITUATIONALscoreAREAtaxSEKIsui1whbN-1", true,
         {.ko = GO_KO_SITUATIONAL, .tax = GO_TAX_SEKI, .suicide = 1,
          .white_handicap_bonus = GO_BONUS_N_MINUS_1}},
        {"koSIMPLEscoreTERRITORYtaxALLsui0whbN", true,
         {.scoring = GO_SCORING_TERRITORY, .tax = GO_TAX_ALL, .white_handicap_bonus = GO_BONUS_N}},
        {"koSIMPLEscoreNOWHERE", false, {0}},
        {"Ing", false, {0}},
        {"", false, {0}},
    };
    struct game g = go(9);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct game_setup setup = {.width = 9, .height = 9, .go = {.komi2 = 13, .button = 1}};

        assert_int_equal(sgf_rules_parse(&g, cases[i].text, &setup), cases[i].known);
        assert_int_equal(setup.go.komi2, 13);
        if (!cases[i].known) {
            assert_int_equal(setup.go.button, 1); /* left as it was */
            continue;
        }
        assert_int_equal(setup.go.ko, cases[i].rules.ko);
        assert_int_equal(setup.go.scoring, cases[i].rules.scoring);
        assert_int_equal(setup.go.tax, cases[i].rules.tax);
        assert_int_equal(setup.go.suicide, cases[i].rules.suicide);
        assert_int_equal(setup.go.button, 0);
        assert_int_equal(setup.go.white_handicap_bonus, cases[i].rules.white_handicap_bonus);
        assert_int_equal(setup.go.friendly_pass, cases[i].rules.friendly_pass);
    }
}

/* ---- what others write --------------------------------------------------------------------------- */

static void a_handicap_game_is_read_with_its_stones(void **state)
{
    struct game g = go(19);
    struct sgf_game *x = read_one("(;GM[1]FF[4]CA[UTF-8]HA[2]AB[dd][pp]KM[0.50]SZ[19]RU[Chinese]RE[W+12.5]"
                                  "C[a \\] ( ; \\\\];W[dp];B[pd](;W[];B[tt])(;W[aa](;B[bb])))", &g);

    (void)state;
    assert_int_equal(x->setup.handicap, 2);
    assert_int_equal(x->setup.go.komi2, 1);
    assert_int_equal(x->setup.go.white_handicap_bonus, GO_BONUS_N);
    assert_string_equal(x->rules, "Chinese");
    assert_true(x->has_setup);
    assert_int_equal(x->stones[3 * 19 + 3], GAME_BLACK_STONE);
    assert_int_equal(x->stones[15 * 19 + 15], GAME_BLACK_STONE);
    assert_int_equal(x->to_move, GAME_WHITE);
    assert_int_equal(x->n_moves, 4);
    assert_int_equal(x->moves[0], 15 * 19 + 3);
    assert_int_equal(x->moves[1], 3 * 19 + 15);
    assert_int_equal(x->moves[2], 361);
    assert_int_equal(x->moves[3], 361);
    assert_int_equal(x->n_variations, 1);
    assert_int_equal(x->winner, GAME_WON_WHITE);
    assert_true(x->score == -12.5f);
    sgf_free(x, 1);
}

static void a_smaller_board_lies_in_the_tensors_corner(void **state)
{
    struct game g = go(13);
    struct sgf_game *x = read_one("(;AB[aa:cb][ee]AW[dd]AE[ba]SZ[7:5]PL[W];W[ge])", &g);

    (void)state;
    assert_int_equal(x->setup.width, 7);
    assert_int_equal(x->setup.height, 5);
    for (int y = 0; y < 13; y++)
        for (int p = 0; p < 13; p++) {
            int expect = (p == 4 && y == 4) || (p < 3 && y < 2 && !(p == 1 && y == 0)) ? GAME_BLACK_STONE
                         : p == 3 && y == 3 ? GAME_WHITE_STONE : GAME_EMPTY;

            assert_int_equal(x->stones[y * 13 + p], expect);
        }
    assert_int_equal(x->to_move, GAME_WHITE);
    assert_int_equal(x->moves[0], 4 * 13 + 6);
    sgf_free(x, 1);
}

static void a_collection_is_read_game_by_game(void **state)
{
    struct game g = go(9);
    const char *text = "Subject: games\r\n\r\n( no game )\xef\xbb\xbf"
                       "(;SZ[9]B [aa]\n\t;WhIte[bb];B[cc](;W[dd])(;W[ee])(;W[ff]))\n"
                       "(;SZ[9];B[aa]N[x];LB[aa:1][bb:2]W[bb];;)(;SZ[9])trailing";
    struct sgf_game *games;
    struct tg_error err;
    int n;

    (void)state;
    assert_ok(sgf_read(text, strlen(text), "x.sgf", &g, &games, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_int_equal(games[0].n_moves, 3); /* "WhIte" is WI in FF[3]'s long form: not a move */
    assert_int_equal(games[0].colors[1], GAME_BLACK);
    assert_int_equal(games[0].colors[2], GAME_WHITE);
    assert_int_equal(games[0].n_variations, 2);
    assert_int_equal(games[1].n_moves, 2);
    assert_int_equal(games[2].n_moves, 0);
    sgf_free(games, n);
}

static void results_are_read_as_they_are_written(void **state)
{
    static const struct { const char *re; int winner; double score; } cases[] = {
        {"B+3.5", GAME_WON_BLACK, 3.5}, {"W+0.5", GAME_WON_WHITE, -0.5},
        {"B+R", GAME_WON_BLACK, (double)NAN}, {"W+Resign", GAME_WON_WHITE, (double)NAN},
        {"w+t", GAME_WON_WHITE, (double)NAN}, {"B+", GAME_WON_BLACK, (double)NAN},
        {"0", GAME_DRAWN, 0}, {"Draw", GAME_DRAWN, 0}, {"Void", GAME_NO_RESULT, (double)NAN},
        {"?", GAME_UNDECIDED, (double)NAN}, {"", GAME_UNDECIDED, (double)NAN},
        {"B+3,5", GAME_WON_BLACK, 3.5},
    };
    struct game g = go(9);
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sgf_game *x;

        snprintf(text, sizeof text, "(;SZ[9]RE[%s])", cases[i].re);
        x = read_one(text, &g);
        assert_int_equal(x->winner, cases[i].winner);
        if (isnan(cases[i].score))
            assert_true(isnan(x->score));
        else
            assert_true((double)x->score == cases[i].score);
        sgf_free(x, 1);
    }
}

static void a_gomoku_board_has_the_tensors_size_unless_it_says_so(void **state)
{
    struct game g = gomoku(15);
    struct sgf_game *x = read_one("(;GM[4];B[hh];W[hi])", &g);

    (void)state;
    assert_int_equal(x->setup.width, 15);
    assert_int_equal(x->moves[0], 7 * 15 + 7);
    sgf_free(x, 1);
}

/* ---- what is refused ----------------------------------------------------------------------------- */

static void each_mistake_is_named_with_file_and_byte(void **state)
{
    static const struct { const char *text, *word; } cases[] = {
        {"", "no game in it"},
        {"B[aa]", "no game in it"},
        {"(;SZ[9];B[aa]", "byte 13: the file ends within a game"},
        {"(;SZ[9];B[aa", "without its \"]\""},
        {"(;SZ[9];B[aa\\]", "without its \"]\""},
        {"(;SZ[9];B[jj])", "B[jj]: no point of this board"},
        {"(;SZ[9];B[a])", "no point of this board"},
        {"(;SZ[9];B[aaa])", "no point of this board"},
        {"(;SZ[9];B aa)", "property B without a value"},
        {"(;SZ[9][aa];[bb])", "byte 12: character 91"},
        {"(;SZ[9]&)", "character 38"},
        {"(;SZ[19])", "larger than the boards in use here"},
        {"(;GM[1])", "no SZ says otherwise"},
        {"(;SZ[0])", "no board size"},
        {"(;SZ[-9])", "no board size"},
        {"(;SZ[9:])", "no board size"},
        {"(;SZ[9:9:9])", "no board size"},
        {"(;SZ[99999999999999999999])", "no board size"},
        {"(;SZ[1])", "each side must be in 2"},
        {"(;SZ[9]GM[4])", "not a game of Go"},
        {"(;SZ[9]KM[6.3])", "multiple of one half"},
        {"(;SZ[9]KM[none])", "no komi"},
        {"(;SZ[9]KM[900])", "out of reach"},
        {"(;SZ[9]HA[300])", "handicap"},
        {"(;SZ[9];B[aa];AB[bb])", "set up after the first move"},
        {"(;SZ[9];B[aa];PL[W])", "set after the first move"},
        {"(;SZ[9]AB[aa:jj])", "no point of this board"},
        {"(;SZ[9]AB[])", "no point of this board"},
        {"(;SZ[9]PL[X])", "neither Black nor White"},
        {"(;SZ[9];B[aa](;W[bb]);B[cc])", "should follow a variation"},
        {"(;SZ[9];B[aa](;W[bb])(;W[cc]", "variation without its \")\""},
    };
    struct game g = go(9);
    struct sgf_game *games;
    struct tg_error err;
    int n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_fails(sgf_read(cases[i].text, strlen(cases[i].text), "x.sgf", &g, &games, &n, &err),
                     TG_EFORMAT, cases[i].word, &err);
        assert_int_equal(strncmp(err.text, "x.sgf: ", 7), 0);
        assert_null(games);
    }
}

static void gomoku_has_no_pass(void **state)
{
    struct game g = gomoku(15);
    struct sgf_game *games;
    struct tg_error err;
    int n;

    (void)state;
    assert_fails(sgf_read("(;GM[4];B[])", 12, "x.sgf", &g, &games, &n, &err), TG_EFORMAT, "no pass", &err);
    assert_fails(sgf_read("(;GM[1];B[])", 12, "x.sgf", &g, &games, &n, &err), TG_EFORMAT, "GM[4]", &err);
}

/* A million levels: nothing recurses. */
static void deep_nesting_is_only_text(void **state)
{
    enum { N = 1000000 };
    struct game g = go(9);
    char *text = malloc(3 * N + 16), *at = text;
    struct sgf_game *games;
    struct tg_error err;
    int n;

    (void)state;
    at += sprintf(at, "(;SZ[9]");
    for (int i = 0; i < N; i++, at += 2)
        memcpy(at, "(;", 2);
    assert_fails(sgf_read(text, (size_t)(at - text), "x.sgf", &g, &games, &n, &err), TG_EFORMAT,
                 "ends within a game", &err);
    memset(at, ')', N + 1);
    assert_ok(sgf_read(text, (size_t)(at - text) + N + 1, "x.sgf", &g, &games, &n, &err), &err);
    assert_int_equal(n, 1);
    sgf_free(games, n);
    free(text);
}

static void games_and_moves_are_bounded(void **state)
{
    enum { GAMES = 100001, MOVES = GAME_MAX_PLIES + 1 };
    struct game g = go(9);
    char *text = malloc(10 * GAMES), *at = text;
    struct sgf_game *games;
    struct tg_error err;
    int n;

    (void)state;
    for (int i = 0; i < GAMES; i++)
        at += sprintf(at, "(;SZ[9])");
    assert_fails(sgf_read(text, (size_t)(at - text), "x.sgf", &g, &games, &n, &err), TG_EFORMAT,
                 "more than 100000 games", &err);
    at = text + sprintf(text, "(;SZ[9]");
    for (int i = 0; i < MOVES; i++)
        at += sprintf(at, ";B[]");
    *at++ = ')';
    assert_fails(sgf_read(text, (size_t)(at - text), "x.sgf", &g, &games, &n, &err), TG_EFORMAT,
                 "more moves", &err);
    free(text);
}

/* Everything a reader of the result may rely on. */
static void assert_sound(const struct game *g, const struct sgf_game *x)
{
    assert_int_equal(game_setup_check(g, &x->setup, NULL), TG_OK);
    for (int i = 0; i < x->n_moves; i++) {
        assert_in_range(x->moves[i], 0, g->n_actions - 1);
        assert_in_range(x->colors[i], GAME_BLACK, GAME_WHITE);
        if (x->moves[i] < g->n_points) {
            assert_true(x->moves[i] % g->size < x->setup.width);
            assert_true(x->moves[i] / g->size < x->setup.height);
        }
    }
    for (int i = 0; i < g->n_points; i++)
        assert_in_range(x->stones[i], GAME_EMPTY, GAME_WHITE_STONE);
    assert_true(x->winner <= GAME_UNDECIDED);
    assert_true(x->to_move <= GAME_WHITE);
}

static void random_changes_never_crash(void **state)
{
    static const char seed_text[] =
        "(;GM[1]FF[4]CA[UTF-8]HA[2]AB[dd][ff:gg]AW[aa]AE[gg]KM[0.50]SZ[9]RU[Chinese]RE[W+12.5]PL[W]"
        "C[a \\] ( ; \\\\];W[dc];B[ed](;W[];B[tt])(;W[aa](;B[bb])))(;SZ[9:7]RU[koSIMPLEscoreAREAtaxNONE"
        "sui1whbN-1];B[aa];W[bb])";
    static const char bits[] = "()[];:\\ABWSZKMRUHEPLabcst0129.-+ \n";
    struct game g = go(9);
    struct tg_rng r = tg_rng_stream(5, TG_RNG_TEST, 9, 9);
    int n_good = 0, n_bad = 0;

    (void)state;
    for (int k = 0; k < 20000; k++) {
        size_t length = sizeof seed_text - 1 - tg_rng_below(&r, 2) * tg_rng_below(&r, 60);
        char *text = malloc(length); /* its own block, so that a step beyond it is seen */
        struct sgf_game *games;
        struct tg_error err = {0};
        int n = 0;

        memcpy(text, seed_text, length);
        for (uint32_t i = 0; i <= tg_rng_below(&r, 4); i++)
            text[tg_rng_below(&r, (uint32_t)length)] = tg_rng_below(&r, 4) > 0
                ? bits[tg_rng_below(&r, sizeof bits - 1)] : (char)tg_rng_below(&r, 256);
        enum tg_status rc = sgf_read(text, length, "x.sgf", &g, &games, &n, &err);
        if (rc == TG_OK) {
            n_good++;
            for (int i = 0; i < n; i++)
                assert_sound(&g, &games[i]);
        } else {
            n_bad++;
            assert_int_equal(rc, TG_EFORMAT);
            assert_int_equal(strncmp(err.text, "x.sgf: ", 7), 0);
        }
        sgf_free(games, n);
        free(text);
    }
    assert_true(n_good > 1000 && n_bad > 1000); /* both paths were tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_go_games_read_back),
        cmocka_unit_test(random_gomoku_games_read_back),
        cmocka_unit_test(a_move_that_is_no_action_is_not_written),
        cmocka_unit_test(named_rules_keep_their_name),
        cmocka_unit_test(rules_of_other_programs_are_understood),
        cmocka_unit_test(a_handicap_game_is_read_with_its_stones),
        cmocka_unit_test(a_smaller_board_lies_in_the_tensors_corner),
        cmocka_unit_test(a_collection_is_read_game_by_game),
        cmocka_unit_test(results_are_read_as_they_are_written),
        cmocka_unit_test(a_gomoku_board_has_the_tensors_size_unless_it_says_so),
        cmocka_unit_test(each_mistake_is_named_with_file_and_byte),
        cmocka_unit_test(gomoku_has_no_pass),
        cmocka_unit_test(deep_nesting_is_only_text),
        cmocka_unit_test(games_and_moves_are_bounded),
        cmocka_unit_test(random_changes_never_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
