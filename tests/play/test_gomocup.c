/* The Gomocup protocol: a recorded dialogue, set-up and taking back, clocks, input that is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tg_test.h"
#include "tengen/file.h"
#include "tengen/play.h"
#include "tengen/rng.h"

struct fixture {
    struct gomocup_engine *engine;
    char *answer; /* of the last line; owned */
    size_t n;
    bool going;
    const char *dir;
    struct tg_error err;
};

static int open_with(void **state, const struct gomocup_options *o)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    assert_ok(gomocup_open(o, NULL, &f->engine, &f->err), &f->err);
    *state = f;
    return 0;
}

static struct gomocup_options options(void)
{
    return (struct gomocup_options){.player = {.backend = "cpu", .threads = 2, .seed = 3}, .version = "test"};
}

static int setup(void **state)
{
    struct gomocup_options o = options();

    return open_with(state, &o);
}

static int setup_net(void **state)
{
    struct gomocup_options o = options();
    struct game game;
    struct nn_arch arch;
    struct nn_model m;
    struct tg_error err;
    char net[300];
    const char *dir = tg_test_mkdir();

    snprintf(net, sizeof net, "%s/net.tgn", dir);
    assert_ok(game_init(&game, GAME_GOMOKU, 15, 2, &err), &err);
    assert_ok(nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &err), &err);
    assert_ok(nn_model_init(&arch, &game, "tiny", 3, &m, &err), &err);
    assert_ok(nn_model_save(&m, net, &err), &err);
    nn_model_close(&m);
    o.player.net = net;
    open_with(state, &o);
    ((struct fixture *)*state)->dir = dir;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    gomocup_close(f->engine);
    if (f->dir != NULL)
        tg_test_rmdir(f->dir);
    free(f->answer);
    free(f);
    return 0;
}

static void say_bytes(struct fixture *f, const char *line, size_t n)
{
    FILE *out;

    free(f->answer);
    f->answer = NULL;
    out = open_memstream(&f->answer, &f->n);
    assert_non_null(out);
    f->going = gomocup_execute(f->engine, line, n, out);
    fclose(out);
}

static const char *say(struct fixture *f, const char *line)
{
    say_bytes(f, line, strlen(line));
    return f->answer;
}

/* Say a line that must be answered by a move; *x, *y is it. */
static void expect_move(struct fixture *f, const char *line, int *x, int *y)
{
    char newline = 0;

    say(f, line);
    if (sscanf(f->answer, "%d,%d%c", x, y, &newline) != 3 || newline != '\n' || *x < 0 || *y < 0)
        fail_msg("%s: \"%s\", expected a move", line, f->answer);
}

#define assert_answer(f, line, expected)                                                           \
    do {                                                                                           \
        if (strcmp(say(f, line), expected) != 0)                                                   \
            fail_msg("%s: \"%s\", expected \"%s\"", line, (f)->answer, expected);                  \
    } while (0)

#define assert_begins(f, line, expected)                                                           \
    do {                                                                                           \
        if (strncmp(say(f, line), expected, strlen(expected)) != 0)                                \
            fail_msg("%s: \"%s\", expected \"%s..\"", line, (f)->answer, expected);                \
    } while (0)

static void a_recorded_game_goes_as_the_protocol_says(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *line, *answer;
    } dialogue[] = {
        {"ABOUT\r", "name=\"Tengen\""},
        {"START 20", "ERROR"}, /* larger than any board here */
        {"START 15\r", "OK\n"},
        {"INFO max_memory 83886080", ""},
        {"INFO timeout_match 0", ""},
        {"INFO timeout_turn 0", ""},
        {"INFO game_type 0", ""},
        {"INFO rule 0", ""},
        {"INFO folder /tmp", ""},
        {"INFO evaluate 3,3", ""},
        {"TURN 7,7", NULL},
        {"TURN 7,7", "ERROR"}, /* taken */
        {"INFO time_left 2147483647", ""},
        {"RESTART", "OK\n"},
        {"BEGIN", NULL},
        {"BEGIN", "ERROR"},
        {"BOARD", ""},
        {"10,10,1", ""},
        {"10,11,2", ""},
        {"9,10,1", ""},
        {"9,11,2", ""},
        {"DONE", NULL},
        {"FLY 3,3", "UNKNOWN"},
        {"RECTSTART 10,8", "OK\n"},
        {"TURN 9,7", NULL},
        {"TURN 7,9", "ERROR"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof dialogue / sizeof *dialogue; i++) {
        int x, y;

        if (dialogue[i].answer == NULL)
            expect_move(f, dialogue[i].line, &x, &y);
        else if (dialogue[i].answer[0] == '\0')
            assert_answer(f, dialogue[i].line, "");
        else
            assert_begins(f, dialogue[i].line, dialogue[i].answer);
    }
    say(f, "END");
    assert_false(f->going);
}

static void moves_are_legal_until_the_game_ends(void **state)
{
    struct fixture *f = *state;
    bool taken[8][8] = {{false}};
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 0, 0);
    int x, y, n = 0;
    char line[32];

    assert_answer(f, "START 8", "OK\n");
    for (;;) {
        do {
            x = (int)tg_rng_below(&rng, 8);
            y = (int)tg_rng_below(&rng, 8);
        } while (taken[y][x]);
        taken[y][x] = true;
        snprintf(line, sizeof line, "TURN %d,%d", x, y);
        say(f, line);
        if (strncmp(f->answer, "ERROR the game is over", 22) == 0)
            break;
        if (sscanf(f->answer, "%d,%d", &x, &y) != 2 || taken[y][x])
            fail_msg("%s: \"%s\"", line, f->answer);
        taken[y][x] = true;
        if (++n == 32)
            break; /* the board is full */
    }
    assert_true(n > 4);
}

static void the_last_move_can_be_taken_back(void **state)
{
    struct fixture *f = *state;
    int x, y;
    char line[32];

    assert_answer(f, "START 15", "OK\n");
    expect_move(f, "TURN 3,4", &x, &y);
    assert_begins(f, "TAKEBACK 3,4", "ERROR"); /* ours is the last */
    snprintf(line, sizeof line, "TAKEBACK %d,%d", x, y);
    assert_answer(f, line, "OK\n");
    assert_answer(f, "TAKEBACK 3,4", "OK\n");
    assert_begins(f, "TAKEBACK 3,4", "ERROR");
    expect_move(f, "BEGIN", &x, &y); /* the board is empty again */
}

static void a_board_may_be_any_set_of_stones(void **state)
{
    struct fixture *f = *state;
    int x, y;

    assert_answer(f, "START 15", "OK\n");
    say(f, "BOARD"); /* out of order, and three of the opponent's to one of ours */
    say(f, "1,1,2");
    say(f, "2,2,2");
    say(f, "3,3,2");
    say(f, "4,5,1");
    expect_move(f, "DONE", &x, &y);
    assert_false((x == 1 && y == 1) || (x == 2 && y == 2) || (x == 3 && y == 3) || (x == 4 && y == 5));
    say(f, "BOARD");
    expect_move(f, "DONE", &x, &y); /* an empty one */
    say(f, "BOARD");
    say(f, "1,1,2");
    say(f, "1,1,1");
    assert_begins(f, "DONE", "ERROR");
    say(f, "BOARD");
    say(f, "1,15,2");
    assert_begins(f, "DONE", "ERROR");
    say(f, "BOARD");
    say(f, "START 15");
    assert_begins(f, "DONE", "ERROR");
    expect_move(f, "BEGIN", &x, &y); /* and it lives */
}

/* Set up four in a row with a gap behind it; the opponent fills the gap. Was that the end? */
static bool six_ends_the_game(struct fixture *f, const char *rule)
{
    static const char *const stones[] = {"1,1,2", "2,1,2", "3,1,2", "5,1,2", "6,1,2",
                                         "1,5,1", "3,5,1", "5,5,1", "7,5,1"};

    assert_answer(f, "START 15", "OK\n");
    assert_answer(f, rule, "");
    say(f, "BOARD");
    for (size_t i = 0; i < sizeof stones / sizeof *stones; i++)
        say(f, stones[i]);
    say(f, "DONE");
    say(f, "TURN 4,1");
    return strncmp(f->answer, "ERROR the game is over", 22) == 0;
}

static void the_rule_says_whether_six_are_five(void **state)
{
    struct fixture *f = *state;

    /* Our own answer to BOARD may fall on 4,1: then the question is asked again. */
    int free_ends = 0, exact_ends = 0;
    for (int i = 0; i < 5; i++) {
        free_ends += six_ends_the_game(f, "INFO rule 0");
        exact_ends += six_ends_the_game(f, "INFO rule 1");
    }
    assert_true(free_ends >= 4);
    assert_int_equal(exact_ends, 0);
    assert_begins(f, "INFO rule 4", "MESSAGE"); /* renju is not played here, and we say so */
}

static void nothing_is_played_before_start(void **state)
{
    struct fixture *f = *state;

    assert_begins(f, "BEGIN", "ERROR");
    assert_begins(f, "TURN 1,1", "ERROR");
    assert_begins(f, "BOARD", "ERROR");
    assert_begins(f, "RESTART", "ERROR");
    assert_begins(f, "START 4", "ERROR");
    assert_begins(f, "START", "ERROR");
    assert_begins(f, "RECTSTART 10", "ERROR");
    assert_answer(f, "START 5", "OK\n");
}

static void a_network_moves_within_the_time_of_a_turn(void **state)
{
    struct fixture *f = *state;
    int x, y;

    assert_answer(f, "START 15", "OK\n");
    say(f, "INFO timeout_turn 700");
    say(f, "INFO timeout_match 100000");
    double began = tg_now();
    expect_move(f, "BEGIN", &x, &y);
    double took = tg_now() - began;
    if (!(took < 0.7 && took > 0.3))
        fail_msg("a move in %.3f of 0.7 seconds", took);
    say(f, "INFO time_left 1500"); /* the match is nearly over: much less than a turn */
    began = tg_now();
    expect_move(f, x == 0 ? "TURN 1,0" : "TURN 0,0", &x, &y);
    assert_true(tg_now() - began < 0.7);
    say(f, "INFO timeout_turn 0"); /* as fast as possible */
    expect_move(f, x == 2 ? "TURN 3,2" : "TURN 2,2", &x, &y);
}

static void a_network_of_another_game_is_refused(void **state)
{
    struct gomocup_options o = options();
    struct game game;
    struct nn_arch arch;
    struct nn_model m;
    struct gomocup_engine *e;
    struct tg_error err;
    const char *dir = tg_test_mkdir();
    char net[300];

    (void)state;
    snprintf(net, sizeof net, "%s/go.tgn", dir);
    assert_ok(game_init(&game, GAME_GO, 9, 0, &err), &err);
    assert_ok(nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &err), &err);
    assert_ok(nn_model_init(&arch, &game, "tiny", 3, &m, &err), &err);
    assert_ok(nn_model_save(&m, net, &err), &err);
    nn_model_close(&m);
    o.player.net = net;
    assert_fails(gomocup_open(&o, NULL, &e, &err), TG_EINVAL, "not for gomoku", &err);
    tg_test_rmdir(dir);
}

static const char *const words[] = {
    "START",    "RECTSTART", "RESTART", "BEGIN", "TURN",  "BOARD", "DONE", "TAKEBACK", "INFO",
    "ABOUT",    "PLAY",      "rule",    "0",     "1",     "15",    "5",    "-1",       "7,7",
    "3,4,1",    "3,4,2",     "3,4,3",   "99,99", "1,",    ",",     "1,2,", "time_left", "timeout_turn",
    "max_memory", "99999999999999999999", "\t", "\r", "\xff", "timeout_match", "4,4", "8,2", "2,2,2",
};

static void ten_thousand_malformed_lines_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct tg_rng rng = tg_rng_stream(6, TG_RNG_TEST, 0, 0);
    char line[512];

    for (int i = 0; i < 10000; i++) {
        size_t n = 0;

        if (tg_rng_below(&rng, 4) == 0) {
            n = tg_rng_below(&rng, 100);
            for (size_t k = 0; k < n; k++)
                line[k] = (char)tg_rng_below(&rng, 256);
        } else {
            for (uint32_t k = 1 + tg_rng_below(&rng, 3); k > 0; k--)
                n += (size_t)sprintf(line + n, "%s ", words[tg_rng_below(&rng, sizeof words / sizeof *words)]);
        }
        say_bytes(f, line, n);
        assert_true(f->going);
        assert_true(f->n == 0 || f->answer[f->n - 1] == '\n'); /* whole lines, at most two */
    }
    int x, y;
    say(f, "DONE");
    assert_answer(f, "START 15", "OK\n");
    expect_move(f, "TURN 7,7", &x, &y);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_recorded_game_goes_as_the_protocol_says),
        CASE(moves_are_legal_until_the_game_ends),
        CASE(the_last_move_can_be_taken_back),
        CASE(a_board_may_be_any_set_of_stones),
        CASE(the_rule_says_whether_six_are_five),
        CASE(nothing_is_played_before_start),
        cmocka_unit_test_setup_teardown(a_network_moves_within_the_time_of_a_turn, setup_net, teardown),
        cmocka_unit_test(a_network_of_another_game_is_refused),
        CASE(ten_thousand_malformed_lines_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
