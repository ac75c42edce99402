/* The GTP engine with a network, a tiny one without training: searching, analysing, keeping time. */
#include <math.h>

#include "gtp_talk.h"
#include "tengen/file.h"

struct fixture {
    const char *dir;
    char net[300];
    struct talk t;
    int calls; /* of input_after_three */
};

static void write_net(struct fixture *f, enum game_kind kind, const char *name)
{
    struct game game;
    struct nn_arch arch;
    struct nn_model m;

    assert_ok(game_init(&game, kind, 9, 3, &f->t.err), &f->t.err);
    assert_ok(nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &f->t.err), &f->t.err);
    assert_ok(nn_model_init(&arch, &game, name, 3, &m, &f->t.err), &f->t.err);
    assert_ok(nn_model_save(&m, f->net, &f->t.err), &f->t.err);
    nn_model_close(&m);
}

static int open_engine(void **state, enum game_kind kind)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct gtp_options o = talk_options();

    assert_non_null(f);
    f->dir = tg_test_mkdir();
    snprintf(f->net, sizeof f->net, "%s/net.tgn", f->dir);
    write_net(f, kind, "tiny");
    o.player.net = f->net;
    o.visits = 60;
    assert_ok(gtp_open(&o, NULL, &f->t.engine, &f->t.err), &f->t.err);
    *state = f;
    return 0;
}

static int setup(void **state) { return open_engine(state, GAME_GO); }
static int setup_gomoku(void **state) { return open_engine(state, GAME_GOMOKU); }

static int teardown(void **state)
{
    struct fixture *f = *state;

    gtp_close(f->t.engine);
    free(f->t.answer);
    tg_test_rmdir(f->dir);
    free(f);
    return 0;
}

/* The number behind the last `key` of the answer. */
static double last_number(const struct talk *t, const char *key)
{
    const char *at = NULL, *next = t->answer;

    while ((next = strstr(next, key)) != NULL) {
        at = next;
        next++;
    }
    if (at == NULL)
        fail_msg("no \"%s\" in \"%.300s\"", key, t->answer);
    return strtod(at + strlen(key), NULL);
}

static int count(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        n++;
    return n;
}

static void the_network_sets_game_and_size(void **state)
{
    struct fixture *f = *state;

    assert_says(&f->t, "showboard", "A B C D E F G H J\n");
    assert_answer(&f->t, "boardsize 13", "="); /* any other may be played */
    assert_says(&f->t, "genmove b", "= ");
}

static void raw_outputs_have_katago_s_layout(void **state)
{
    struct fixture *f = *state;
    double sum = 0;

    assert_answer(&f->t, "play b E5", "=");
    assert_says(&f->t, "kata-raw-nn 0", "= symmetry 0\nwhiteWin ");
    assert_int_equal(count(f->t.answer, "NAN"), 1);
    assert_int_equal(count(f->t.answer, "\n"), 12 + 9 + 1 + 9 + 1); /* no empty line but the last */
    const char *at = strstr(f->t.answer, "\npolicy\n") + strlen("\npolicy\n");
    for (int i = 0; i < 81; i++) {
        char *end;
        double p = strtod(at, &end);

        sum += isnan(p) ? 0 : p;
        at = end;
    }
    sum += last_number(&f->t, "policyPass ");
    assert_true(fabs(sum - 1) < 1e-3);
    assert_says(&f->t, "kata-raw-nn all", "symmetry 7\n");
    assert_int_equal(count(f->t.answer, "whiteOwnership\n"), 8);
    assert_refused(&f->t, "kata-raw-nn 8", "symmetry");
}

static void an_analysis_without_waiting_input_ends_with_the_visits(void **state)
{
    struct fixture *f = *state;

    assert_says(&f->t, "3 kata-analyze w interval 50 ownership true rootInfo true maxmoves 3", "=3\ninfo move ");
    assert_int_equal(count(f->t.answer, "info move "), 3);
    assert_int_equal((int)last_number(&f->t, "rootInfo visits "), 60);
    assert_non_null(strstr(f->t.answer, " ownership "));
    assert_ptr_equal(strstr(f->t.answer, "\n\n"), f->t.answer + f->t.n - 2);
    assert_says(&f->t, "lz-analyze 50", "winrate ");
    assert_null(strstr(f->t.answer, "utility"));
    assert_refused(&f->t, "lz-analyze ownership true", "ownership");
    assert_refused(&f->t, "kata-analyze b 10 frobnicate 1", "frobnicate");
    assert_refused(&f->t, "kata-analyze interval", "interval");
}

static bool input_after_three(void *ctx)
{
    struct fixture *f = ctx;

    return ++f->calls > 3;
}

static void an_analysis_runs_until_the_next_line_of_input(void **state)
{
    struct fixture *f = *state;

    gtp_on_input(f->t.engine, input_after_three, f);
    assert_says(&f->t, "kata-analyze 1", "info move ");
    assert_int_equal(f->calls, 4);
    assert_answer(&f->t, "stop", "=");
}

static void a_move_with_analysis_is_played(void **state)
{
    struct fixture *f = *state;
    char move[8] = "";

    assert_says(&f->t, "kata-genmove_analyze b 1", "\nplay ");
    assert_int_equal(sscanf(strstr(f->t.answer, "\nplay "), "\nplay %7s", move), 1);
    assert_ptr_equal(strstr(f->t.answer, "\n\n"), f->t.answer + f->t.n - 2);
    assert_says(&f->t, "tg-state", "\"to_move\":\"white\"");
    char line[32];
    snprintf(line, sizeof line, "play w %s", move);
    assert_refused(&f->t, line, "illegal");
}

static void the_tree_is_kept_between_moves(void **state)
{
    struct fixture *f = *state;
    char reply[8], line[32];

    assert_answer(&f->t, "kata-set-param maxVisits 400", "=");
    assert_says(&f->t, "kata-genmove_analyze b 0", " pv ");
    assert_int_equal(sscanf(strstr(f->t.answer, " pv ") + 4, "%*s %7s", reply), 1);
    assert_answer(&f->t, "kata-set-param maxVisits 1", "=");
    snprintf(line, sizeof line, "play w %s", reply);
    assert_answer(&f->t, line, "=");
    assert_says(&f->t, "kata-analyze rootInfo true", "info move ");
    assert_true(last_number(&f->t, "rootInfo visits ") > 1);
    /* Taken back and gone another way: nothing of it is left. */
    assert_answer(&f->t, "undo", "=");
    assert_answer(&f->t, "undo", "=");
    assert_answer(&f->t, "kata-set-param maxVisits 2", "=");
    assert_says(&f->t, "kata-analyze rootInfo true", "info move ");
    assert_int_equal((int)last_number(&f->t, "rootInfo visits "), 2);
}

static void many_threads_spend_the_same_visits(void **state)
{
    struct fixture *f = *state;
    struct gtp_options o = talk_options();

    gtp_close(f->t.engine);
    o.player.net = f->net;
    o.player.threads = 7;
    o.visits = 777;
    assert_ok(gtp_open(&o, NULL, &f->t.engine, &f->t.err), &f->t.err);
    for (int i = 0; i < 5; i++) {
        assert_says(&f->t, "kata-analyze rootInfo true interval 1", "info move ");
        assert_int_equal((int)last_number(&f->t, "rootInfo visits "), 777);
        assert_answer(&f->t, "clear_board", "=");
    }
}

/* On an idle machine and on a busy one: time is used, and never more of it than there is. */
static void a_move_takes_its_time_and_no_more(void **state)
{
    struct fixture *f = *state;
    double began = tg_now(), took;

    assert_answer(&f->t, "kata-set-param maxVisits 10000000", "=");
    assert_answer(&f->t, "time_settings 0 3 3", "=");
    for (int i = 0; i < 3; i++)
        assert_says(&f->t, "genmove b", "= ");
    took = tg_now() - began;
    if (!(took < 3.0 && took > 1.0))
        fail_msg("three moves in %.3f of 3 seconds", took);
    assert_answer(&f->t, "time_settings 0 0 0", "=");
    assert_answer(&f->t, "kata-set-param maxTime 0.4", "=");
    began = tg_now();
    assert_says(&f->t, "genmove w", "= ");
    took = tg_now() - began;
    if (!(took < 0.4))
        fail_msg("one move in %.3f of 0.4 seconds", took);
}

static void no_time_at_all_still_gives_a_move(void **state)
{
    struct fixture *f = *state;

    assert_answer(&f->t, "time_settings 1 0 0", "=");
    assert_answer(&f->t, "time_left b 0 0", "=");
    assert_says(&f->t, "genmove b", "= ");
}

static void dead_stones_come_off_where_the_rules_let_players_stop(void **state)
{
    struct fixture *f = *state;

    /* An untrained network owns nothing for sure; what is asked here is that every stone has exactly
     * one status under rules that ask the network. */
    assert_answer(&f->t, "kata-set-rules japanese", "=");
    assert_answer(&f->t, "set_position b C3 b C4 w G7 w G6 w D4", "=");
    char all[3 * 256] = "";
    static const char *const kinds[] = {"alive", "seki", "dead"};
    for (int i = 0; i < 3; i++) {
        char line[64];

        snprintf(line, sizeof line, "final_status_list %s", kinds[i]);
        assert_says(&f->t, line, "=");
        strncat(all, f->t.answer, 255);
    }
    assert_int_equal(count(all, "C3") + count(all, "C4") + count(all, "G7") + count(all, "G6") + count(all, "D4"), 5);
    assert_says(&f->t, "final_score", "= ");
}

static void a_gomoku_network_plays_gomoku(void **state)
{
    struct fixture *f = *state;

    assert_says(&f->t, "genmove b", "= ");
    assert_says(&f->t, "genmove w", "= ");
    assert_says(&f->t, "kata-analyze b 1", "info move ");
    assert_refused(&f->t, "kata-get-rules", "Gomoku");
    assert_refused(&f->t, "fixed_handicap 2", "Gomoku");
}

/* The planes of the past are those of the game, as in self-play, not only of the last move. */
static void the_network_sees_the_moves_in_their_order(void **state)
{
    struct fixture *f = *state;
    char played[8192], reordered[8192];

    for (int i = 0; i < 3; i++)
        talk(&f->t, ((const char *[]){"play b C3", "play w D4", "play b E5"})[i]);
    snprintf(played, sizeof played, "%s", talk(&f->t, "kata-raw-nn 0"));
    assert_int_equal(played[0], '=');
    assert_says(&f->t, "play w F6", "=");
    assert_says(&f->t, "undo", "=");
    assert_string_equal(talk(&f->t, "kata-raw-nn 0"), played);
    assert_says(&f->t, "clear_board", "=");
    for (int i = 0; i < 3; i++)
        talk(&f->t, ((const char *[]){"play b E5", "play w D4", "play b C3"})[i]);
    snprintf(reordered, sizeof reordered, "%s", talk(&f->t, "kata-raw-nn 0"));
    assert_string_not_equal(reordered, played);
    assert_says(&f->t, "set_position b C3 w D4 b E5", "=");
    assert_string_not_equal(talk(&f->t, "kata-raw-nn 0"), played); /* stones without a past */
}

static void a_missing_network_is_named(void **state)
{
    struct gtp_options o = talk_options();
    struct gtp_engine *e;
    struct tg_error err;

    (void)state;
    o.player.net = "/nowhere/net.tgn";
    assert_int_not_equal(gtp_open(&o, NULL, &e, &err), TG_OK);
    assert_non_null(strstr(err.text, "/nowhere/net.tgn"));
    assert_null(e);
}

int main(void)
{
#define GO(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        GO(the_network_sets_game_and_size),
        GO(raw_outputs_have_katago_s_layout),
        GO(an_analysis_without_waiting_input_ends_with_the_visits),
        GO(an_analysis_runs_until_the_next_line_of_input),
        GO(a_move_with_analysis_is_played),
        GO(the_tree_is_kept_between_moves),
        GO(many_threads_spend_the_same_visits),
        GO(a_move_takes_its_time_and_no_more),
        GO(no_time_at_all_still_gives_a_move),
        GO(dead_stones_come_off_where_the_rules_let_players_stop),
        cmocka_unit_test_setup_teardown(a_gomoku_network_plays_gomoku, setup_gomoku, teardown),
        cmocka_unit_test_setup_teardown(the_network_sees_the_moves_in_their_order, setup_gomoku, teardown),
        cmocka_unit_test(a_missing_network_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
