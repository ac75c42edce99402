/* The GTP commands that KataGo's clients use beyond the common ones, on a tiny network. */
#include <math.h>

#include "../../src/play/gtp_clock.h"
#include "gtp_talk.h"

struct fixture {
    const char *dir;
    char net[300];
    struct talk t;
    int asked;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct gtp_options o = talk_options();
    struct game game;
    struct nn_arch arch;
    struct nn_model m;

    assert_non_null(f);
    f->dir = tg_test_mkdir();
    snprintf(f->net, sizeof f->net, "%s/net.tgn", f->dir);
    assert_ok(game_init(&game, GAME_GO, 9, 0, &f->t.err), &f->t.err);
    assert_ok(nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &f->t.err), &f->t.err);
    assert_ok(nn_model_init(&arch, &game, "tiny", 3, &m, &f->t.err), &f->t.err);
    assert_ok(nn_model_save(&m, f->net, &f->t.err), &f->t.err);
    nn_model_close(&m);
    o.player.net = f->net;
    o.visits = 60;
    assert_ok(gtp_open(&o, NULL, &f->t.engine, &f->t.err), &f->t.err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    gtp_close(f->t.engine);
    free(f->t.answer);
    tg_test_rmdir(f->dir);
    free(f);
    return 0;
}

static int count(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

/* How many numbers follow key in the answer's first line that has it. */
static int numbers_behind(const struct talk *t, const char *key)
{
    const char *at = strstr(t->answer, key);
    int n = 0;

    if (at == NULL)
        fail_msg("no \"%s\" in \"%.200s\"", key, t->answer);
    for (at += strlen(key);;) {
        char *end;

        strtod(at, &end);
        if (end == at)
            return n;
        n++;
        at = end;
    }
}

static void everything_katago_s_clients_ask_for_is_known(void **state)
{
    static const char *const commands[] = {
        "rectangular_boardsize", "set_position", "clear_cache", "genmove_debug", "kata-search",
        "kata-search_cancellable", "kata-search_debug", "kata-search_analyze",
        "kata-search_analyze_cancellable", "lz-analyze", "kata-analyze", "analyze", "lz-genmove_analyze",
        "kata-genmove_analyze", "genmove_analyze", "fixed_handicap", "place_free_handicap",
        "set_free_handicap", "time_settings", "kgs-time_settings", "kata-time_settings",
        "kata-list_time_settings", "time_left", "final_score", "final_status_list", "loadsgf", "printsgf",
        "kata-get-rules", "kata-set-rules", "kata-set-rule", "kgs-rules", "kata-get-param", "kata-set-param",
        "kata-list-params", "kata-get-params", "kata-set-params", "kata-get-models", "kata-raw-nn",
        "kata-benchmark", "cputime", "gomill-cpu_time", "stop", "debug_moves", "kata-debug-print-tc"};
    struct fixture *f = *state;
    char line[80];

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        snprintf(line, sizeof line, "known_command %s", commands[i]);
        assert_answer(&f->t, line, "= true");
    }
}

static void searches_without_a_move_leave_the_board_alone(void **state)
{
    static const char *const lines[] = {"kata-search b", "kata-search", "kata-search_debug w",
                                        "kata-search_cancellable b"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_says(&f->t, lines[i], "= ");
    assert_says(&f->t, "kata-search_analyze b interval 10 maxmoves 2", "\nplay ");
    assert_answer(&f->t, "debug_moves", "=");
    assert_refused(&f->t, "kata-search x", "color");
    assert_says(&f->t, "genmove_debug b", "= ");
    assert_says(&f->t, "debug_moves", "= B ");
}

static bool always(void *ctx)
{
    ((struct fixture *)ctx)->asked++;
    return true;
}

static void a_cancellable_search_ends_with_the_next_line(void **state)
{
    struct fixture *f = *state;

    assert_answer(&f->t, "kata-set-param maxVisits 10000000", "=");
    gtp_on_input(f->t.engine, always, f);
    assert_says(&f->t, "kata-search_cancellable b", "= ");
    assert_says(&f->t, "kata-search_analyze_cancellable b 5", "\nplay ");
    assert_true(f->asked >= 2);
}

static void moves_can_be_avoided_or_allowed_alone(void **state)
{
    struct fixture *f = *state;

    assert_says(&f->t, "lz-analyze b 0 allow b E5,C3 1", "info move ");
    assert_int_equal(count(f->t.answer, "info move "), 2);
    assert_int_equal(count(f->t.answer, "info move E5 ") + count(f->t.answer, "info move C3 "), 2);
    assert_says(&f->t, "kata-analyze b 0 avoid b E5,c3,pass 1 avoid w D4 3", "info move ");
    assert_null(strstr(f->t.answer, "info move E5 "));
    assert_null(strstr(f->t.answer, "info move C3 "));
    assert_null(strstr(f->t.answer, "info move pass "));
    assert_says(&f->t, "kata-analyze b 0 minmoves 100", "info move E5 "); /* bans do not outlive their command */
    assert_refused(&f->t, "lz-analyze b 0 avoid b Z9 1", "avoid");
    assert_refused(&f->t, "lz-analyze b 0 avoid b E5", "avoid");
    assert_refused(&f->t, "lz-analyze b 0 allow b E5 1 allow b C3 1", "allow");
}

static void analyses_show_what_they_are_asked_for(void **state)
{
    struct fixture *f = *state;

    assert_answer(&f->t, "boardsize 7", "=");
    assert_says(&f->t, "kata-analyze b 0 maxmoves 1 ownership true ownershipStdev true movesOwnership true "
                       "movesOwnershipStdev true pvVisits true noResultValue true rootInfo true",
                "scoreStdev ");
    assert_int_equal(numbers_behind(&f->t, " ownership"), 49);
    assert_int_equal(numbers_behind(&f->t, " ownershipStdev"), 49);
    assert_int_equal(numbers_behind(&f->t, " movesOwnership"), 49);
    assert_int_equal(numbers_behind(&f->t, " movesOwnershipStdev"), 49);
    assert_true(numbers_behind(&f->t, " pvVisits") >= 1);
    assert_non_null(strstr(f->t.answer, " noResultValue 0"));
    assert_says(&f->t, "analyze b 0", " winrate 0.");
    assert_null(strstr(f->t.answer, "ownership"));
    assert_says(&f->t, "genmove_analyze b 0", "\nplay ");
}

/* Mean over leaves that Black's and White's analyses of mirrored colours see alike: the sign follows the
 * side that is asked for. */
static void ownership_is_seen_by_the_side_that_is_asked_for(void **state)
{
    struct fixture *f = *state;
    double first[2];

    assert_answer(&f->t, "kata-set-param maxVisits 1", "=");
    for (int white = 0; white < 2; white++) {
        assert_answer(&f->t, "clear_board", "=");
        assert_answer(&f->t, "set_position b E5 b E4 b D4 w A1", "=");
        assert_says(&f->t, "kata-raw-nn 0", "whiteOwnership");
        const char *at = strstr(f->t.answer, "whiteOwnership\n") + strlen("whiteOwnership\n");
        double raw = strtod(at, NULL);
        assert_says(&f->t, white ? "kata-analyze w 0 minmoves 1 ownership true" : "kata-analyze b 0 minmoves 1 ownership true",
                    " ownership ");
        first[white] = strtod(strstr(f->t.answer, " ownership ") + strlen(" ownership "), NULL);
        assert_true(fabs(raw) <= 1 && fabs(first[white]) <= 1);
    }
    assert_true(fabs(first[0] - first[1]) > 1e-6); /* another side to move, another view */
}

static void parameters_come_and_go_as_an_object(void **state)
{
    struct fixture *f = *state;

    assert_answer(&f->t, "kata-set-params {\"maxVisits\": 7, \"cpuctExploration\":\"1.5\"}", "=");
    assert_answer(&f->t, "kata-get-param maxVisits", "= 7");
    assert_says(&f->t, "kata-get-params", "\"cpuctExploration\":1.5");
    assert_refused(&f->t, "kata-set-params {\"maxVisits\":9,\"virtualLoss\":-1}", "virtualLoss");
    assert_answer(&f->t, "kata-get-param maxVisits", "= 7"); /* all or nothing */
    assert_refused(&f->t, "kata-set-params 3", "JSON");
    assert_refused(&f->t, "kata-set-params {\"zonk\":1}", "unknown parameter");
    assert_refused(&f->t, "kata-set-params {\"maxVisits\":null}", "maxVisits");
}

static void time_may_be_set_in_katago_s_ways(void **state)
{
    struct fixture *f = *state;

    assert_answer(&f->t, "kata-list_time_settings", "= none absolute byoyomi canadian fischer fischer-capped");
    assert_answer(&f->t, "kata-time_settings fischer 60 5", "=");
    assert_says(&f->t, "kata-debug-print-tc", "= fischer\nblack: 60.000 s");
    assert_answer(&f->t, "kata-time_settings fischer-capped 60 5 -1 10", "=");
    assert_answer(&f->t, "kata-time_settings byoyomi 60 5 3", "=");
    assert_answer(&f->t, "kata-time_settings none", "=");
    assert_answer(&f->t, "kata-debug-print-tc", "= none");
    assert_refused(&f->t, "kata-time_settings fischer 60", "2 times");
    assert_refused(&f->t, "kata-time_settings fischer -60 5", "2 times");
    assert_refused(&f->t, "kata-time_settings byoyomi 60 5 -3", "3 times");
    assert_refused(&f->t, "kgs-time_settings fischer 60 5", "unknown kind");
}

static void a_fischer_clock_never_runs_out_and_keeps_its_caps(void **state)
{
    struct gtp_clock c;
    double sec, hard;

    (void)state;
    gtp_clock_set_fischer(&c, 10, 1, -1, -1);
    for (int i = 0; i < 500; i++) {
        gtp_clock_budget(&c, GAME_BLACK, 60 - i, &sec, &hard);
        assert_true(sec > 0.2 && sec <= hard && hard < c.side[GAME_BLACK].left - 0.05);
        gtp_clock_spent(&c, GAME_BLACK, hard + 0.05);
    }
    gtp_clock_set_fischer(&c, 10, 5, 12, 2);
    for (int i = 0; i < 20; i++) {
        gtp_clock_budget(&c, GAME_WHITE, 30, &sec, &hard);
        assert_true(hard <= 2);
        gtp_clock_spent(&c, GAME_WHITE, sec);
        assert_true(c.side[GAME_WHITE].left <= 12);
    }
}

static void the_engine_tells_about_itself(void **state)
{
    struct fixture *f = *state;

    assert_says(&f->t, "kata-get-models", "\"internalName\":\"tiny\"");
    assert_true(strtod(talk(&f->t, "cputime") + 2, NULL) > 0);
    assert_says(&f->t, "gomill-cpu_time", "= 0.");
    assert_says(&f->t, "kata-benchmark 30", "150 visits in ");
    assert_refused(&f->t, "kata-benchmark 0", "number of visits");
    assert_answer(&f->t, "debug_moves", "="); /* it played on another board */
    assert_answer(&f->t, "clear_cache", "=");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_katago_s_clients_ask_for_is_known),
        T(searches_without_a_move_leave_the_board_alone),
        T(a_cancellable_search_ends_with_the_next_line),
        T(moves_can_be_avoided_or_allowed_alone),
        T(analyses_show_what_they_are_asked_for),
        T(ownership_is_seen_by_the_side_that_is_asked_for),
        T(parameters_come_and_go_as_an_object),
        T(time_may_be_set_in_katago_s_ways),
        T(a_fischer_clock_never_runs_out_and_keeps_its_caps),
        T(the_engine_tells_about_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
