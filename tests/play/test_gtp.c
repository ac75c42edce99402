/* The GTP engine without a network: the protocol itself, the board, rules, scores, handicap, Gomoku,
 * and input that is no GTP. */
#include "gtp_talk.h"
#include "tengen/file.h"
#include "tengen/rng.h"

static int open_with(void **state, const struct gtp_options *o)
{
    struct talk *t = calloc(1, sizeof *t);

    assert_non_null(t);
    assert_ok(gtp_open(o, NULL, &t->engine, &t->err), &t->err);
    *state = t;
    return 0;
}

static int setup(void **state)
{
    struct gtp_options o = talk_options();

    o.player.size = 9;
    return open_with(state, &o);
}

static int setup_gomoku(void **state)
{
    struct gtp_options o = talk_options();

    o.player.kind = GAME_GOMOKU;
    o.rules = "captures-engine";
    return open_with(state, &o);
}

static int teardown(void **state)
{
    struct talk *t = *state;

    gtp_close(t->engine);
    free(t->answer);
    free(t);
    return 0;
}

/* ---- the protocol ------------------------------------------------------------------------------- */

static void answers_carry_the_id_of_their_command(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "protocol_version", "= 2");
    assert_answer(t, "12 name", "=12 Tengen");
    assert_answer(t, "7 nonsense", "?7 unknown command");
    assert_answer(t, "3", "?3 no command");
}

static void blank_lines_comments_and_control_characters_are_nothing(void **state)
{
    struct talk *t = *state;

    assert_string_equal(talk(t, ""), "");
    assert_string_equal(talk(t, " \t\r"), "");
    assert_string_equal(talk(t, "# boardsize 5"), "");
    assert_answer(t, "1\tkomi\t6.5\r", "=1");
    assert_answer(t, "get_\x01komi # really", "= 6.5");
    talk_bytes(t, "na\0me", 5);
    assert_string_equal(t->answer, "= Tengen\n\n");
}

static void every_listed_command_is_known(void **state)
{
    struct talk *t = *state, ask = *t;
    char *list, *save = NULL, line[200];
    int n = 0;

    list = strdup(talk(t, "list_commands") + 2);
    ask.answer = NULL;
    for (char *name = strtok_r(list, "\n", &save); name != NULL; name = strtok_r(NULL, "\n", &save)) {
        snprintf(line, sizeof line, "known_command %s", name);
        assert_answer(&ask, line, "= true");
        n++;
    }
    assert_true(n > 30);
    assert_answer(&ask, "known_command fly", "= false");
    free(list);
    free(ask.answer);
}

static void quit_ends_the_dialogue_and_nothing_else_does(void **state)
{
    struct talk *t = *state;

    talk(t, "quit please");
    assert_true(t->going);
    assert_answer(t, "quit", "=");
    assert_false(t->going);
}

/* ---- the board ------------------------------------------------------------------------------------ */

static void moves_are_played_refused_and_taken_back(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "play b E5", "=");
    assert_answer(t, "play white e5", "? illegal move");
    assert_answer(t, "play w J10", "? invalid vertex");
    assert_answer(t, "play w I5", "? invalid vertex");
    assert_answer(t, "play red D4", "? invalid color");
    assert_refused(t, "play b", "argument");
    assert_answer(t, "PLAY b D4", "? unknown command");
    assert_answer(t, "play W PASS", "=");
    assert_says(t, "showboard", "(X)");
    assert_answer(t, "undo", "=");
    assert_answer(t, "undo", "=");
    assert_answer(t, "undo", "? cannot undo");
    assert_answer(t, "play w e5", "=");
}

static void captures_ko_and_undo_go_together(void **state)
{
    struct talk *t = *state;
    /* 2 X O .    White's A1 takes B1, and Black may not take back at once.
     * 1 . X O */
    static const char *const moves[] = {"play b B1", "play w C1", "play b A2", "play w B2",
                                        "play b D5", "play w A1"};

    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        talk(t, moves[i]);
    assert_answer(t, "tg-state",
                  "= {\"terminal\":false,\"winner\":\"none\",\"pairs\":[0,1],\"to_move\":\"black\"}");
    assert_answer(t, "play b B1", "? illegal move"); /* takes the ko back at once */
    assert_answer(t, "play b E5", "=");
    assert_answer(t, "undo", "=");
    assert_answer(t, "undo", "=");
    assert_says(t, "tg-state", "\"pairs\":[0,0]");
    assert_answer(t, "play w A1", "=");
}

static void one_side_may_play_twice(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "play b C3", "=");
    assert_answer(t, "play b G7", "=");
    assert_says(t, "tg-state", "\"to_move\":\"white\"");
    assert_answer(t, "play w G3", "=");
    assert_says(t, "genmove w", "= ");
    assert_answer(t, "undo", "=");
    assert_answer(t, "undo", "=");
    assert_answer(t, "play b G3", "=");
}

static void sizes_change_and_bad_ones_leave_the_game_alone(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "rectangular_boardsize 7 5", "=");
    assert_answer(t, "play b G5", "=");
    assert_answer(t, "play w H1", "? invalid vertex");
    assert_refused(t, "boardsize 20", "unacceptable size");
    assert_refused(t, "boardsize 1", "unacceptable size");
    assert_refused(t, "boardsize nine", "unacceptable size");
    assert_answer(t, "play w G5", "? illegal move"); /* the 7x5 game is still there */
    assert_answer(t, "boardsize 19", "=");
    assert_answer(t, "play b T19", "=");
    assert_answer(t, "boardsize 2", "=");
    assert_says(t, "genmove b", "= ");
}

static void positions_are_set_as_they_are(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "set_position b A1 w B1 w A2", "? a chain has no liberty");
    assert_answer(t, "set_position b D4 w E5 b G7", "=");
    assert_answer(t, "play b E5", "? illegal move");
    assert_answer(t, "undo", "? cannot undo");
    assert_refused(t, "set_position b D4 w D4", "two stones");
    assert_refused(t, "set_position b", "pairs");
    assert_refused(t, "set_position b pass", "invalid stone");
    assert_answer(t, "play w D4", "? illegal move");
    assert_answer(t, "set_position", "=");
    assert_answer(t, "play b D4", "=");
}

static void genmove_plays_legal_moves_to_the_end(void **state)
{
    struct talk *t = *state;
    int passes = 0, n = 0;

    assert_answer(t, "boardsize 5", "=");
    for (; n < 2000 && passes < 2; n++) {
        const char *answer = talk(t, n % 2 == 0 ? "genmove b" : "genmove w");

        assert_int_equal(answer[0], '=');
        passes = strstr(answer, "pass") != NULL ? passes + 1 : 0;
    }
    assert_says(t, "tg-state", "\"terminal\":true");
    assert_answer(t, "genmove b", "= pass"); /* and nothing is played */
    assert_says(t, "reg_genmove w", "= pass");
    assert_says(t, "final_score", "+");
}

static void reg_genmove_leaves_the_board_as_it_is(void **state)
{
    struct talk *t = *state;

    assert_says(t, "reg_genmove b", "= ");
    assert_answer(t, "undo", "? cannot undo");
}

static void go_goes_on_after_two_passes_if_somebody_plays(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "play b E5", "=");
    assert_answer(t, "play w pass", "=");
    assert_answer(t, "play b pass", "=");
    assert_says(t, "tg-state", "\"terminal\":true");
    assert_answer(t, "play w E6", "=");
    assert_says(t, "tg-state", "\"terminal\":false");
    assert_answer(t, "undo", "=");
    assert_says(t, "tg-state", "\"terminal\":true");
}

/* ---- rules, scores, handicap ---------------------------------------------------------------------- */

static void komi_is_kept_in_halves(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "komi -3.5", "=");
    assert_answer(t, "get_komi", "= -3.5");
    assert_answer(t, "komi 6.25", "? komi must be a multiple of 0.5");
    assert_answer(t, "komi nan", "? komi must be a number");
    assert_answer(t, "komi 1e9", "? komi must be a number");
    assert_answer(t, "komi 999", "? komi out of range");
    assert_answer(t, "get_komi", "= -3.5");
    assert_answer(t, "play b E5", "=");
    assert_answer(t, "komi 7", "="); /* also in the middle of a game */
    assert_answer(t, "final_score", "= B+74");
}

static void rules_come_by_name_and_by_json(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "kata-get-rules",
                  "= {\"friendlyPassOk\":false,\"hasButton\":false,\"ko\":\"POSITIONAL\",\"scoring\":"
                  "\"AREA\",\"suicide\":true,\"tax\":\"NONE\",\"whiteHandicapBonus\":\"0\"}");
    assert_answer(t, "kata-set-rules new zealand", "="); /* as KaTrain spells it */
    assert_answer(t, "kata-set-rules Tromp_Taylor", "=");
    assert_answer(t, "kata-set-rules {\"ko\": \"SIMPLE\", \"scoring\":\"TERRITORY\",\"suicide\":false}", "=");
    assert_answer(t, "kata-get-rules",
                  "= {\"friendlyPassOk\":false,\"hasButton\":false,\"ko\":\"SIMPLE\",\"scoring\":"
                  "\"TERRITORY\",\"suicide\":false,\"tax\":\"SEKI\",\"whiteHandicapBonus\":\"0\"}");
    assert_answer(t, "kgs-rules chinese", "=");
    assert_says(t, "kata-get-rules", "\"whiteHandicapBonus\":\"N\"");
    assert_answer(t, "kata-set-rule ko SITUATIONAL", "=");
    assert_says(t, "kata-get-rules", "\"ko\":\"SITUATIONAL\"");
    assert_refused(t, "kata-set-rules klingon", "unknown");
    assert_refused(t, "kata-set-rules {\"ko\":\"SIMPLE\"", "JSON");
    assert_refused(t, "kata-set-rules {\"ko\":\"BOGUS\"}", "unknown rule ko:BOGUS");
    assert_refused(t, "kata-set-rule ko", "argument");
    assert_says(t, "kata-get-rules", "\"ko\":\"SITUATIONAL\"");
}

static void suicide_follows_the_rules(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "kata-set-rules chinese", "=");
    assert_answer(t, "set_position w A3 w B2 w C1 b A2 b B1", "=");
    assert_answer(t, "play b A1", "? illegal move");
    assert_answer(t, "kata-set-rules tromp-taylor", "=");
    assert_answer(t, "play b A1", "=");
    /* A rule set under which the game so far was illegal is refused. */
    assert_refused(t, "kata-set-rules chinese", "illegal under these rules");
    assert_says(t, "kata-get-rules", "\"suicide\":true");
}

static void areas_are_counted_as_they_stand(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "boardsize 5", "=");
    assert_answer(t, "komi 0.5", "=");
    assert_answer(t, "set_position b B1 b B2 b B3 b B4 b B5 w D1 w D2 w D3 w D4 w D5", "=");
    assert_answer(t, "final_score", "= W+0.5");
    assert_answer(t, "komi 0", "=");
    assert_answer(t, "final_score", "= 0");
    assert_answer(t, "final_status_list dead", "=");
    assert_answer(t, "final_status_list alive", "= B5 B4 B3 B2 B1\nD5 D4 D3 D2 D1");
    assert_refused(t, "final_status_list undead", "wanted");
}

static void handicap_stones_take_their_places(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "fixed_handicap 2", "= G7 C3");
    assert_says(t, "tg-state", "\"to_move\":\"white\"");
    assert_answer(t, "fixed_handicap 2", "? board not empty");
    assert_answer(t, "clear_board", "=");
    assert_answer(t, "fixed_handicap 10", "? invalid number of stones");
    assert_says(t, "fixed_handicap 9", "E5");
    assert_answer(t, "boardsize 19", "=");
    assert_answer(t, "fixed_handicap 3", "= D16 Q16 D4");
    assert_answer(t, "clear_board", "=");
    assert_answer(t, "set_free_handicap D4 C3", "=");
    assert_answer(t, "play w D4", "? illegal move");
    assert_answer(t, "clear_board", "=");
    assert_answer(t, "set_free_handicap D4 D4", "? bad vertex list");
    assert_answer(t, "boardsize 8", "=");
    assert_answer(t, "fixed_handicap 5", "? invalid number of stones"); /* no centre */
    assert_says(t, "place_free_handicap 7", "= ");
    assert_int_equal(strlen(t->answer), strlen("= A1 A1 A1 A1 A1 A1 A1\n\n"));
    assert_answer(t, "boardsize 5", "=");
    assert_answer(t, "fixed_handicap 2", "? invalid number of stones");
    assert_says(t, "place_free_handicap 1000", "= "); /* fewer than asked for */
}

static void handicap_stones_cost_points_under_chinese_rules(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "komi 0.5", "=");
    assert_answer(t, "kata-set-rules chinese", "=");
    assert_says(t, "fixed_handicap 4", "= ");
    assert_answer(t, "final_score", "= B+76.5"); /* 81 - 0.5 - 4 */
}

static void parameters_can_be_read_and_written(void **state)
{
    struct talk *t = *state;

    assert_says(t, "kata-list-params", "maxVisits");
    assert_answer(t, "kata-set-param maxVisits 33", "=");
    assert_answer(t, "kata-get-param maxVisits", "= 33");
    assert_refused(t, "kata-set-param maxVisits 0", "maxVisits");
    assert_refused(t, "kata-set-param maxVisits 1.5", "whole number");
    assert_answer(t, "kata-set-param cpuctExploration 1.5", "=");
    assert_answer(t, "kata-get-param cpuctExploration", "= 1.5");
    assert_answer(t, "kata-get-param colour", "? unknown parameter");
}

static void without_a_network_there_is_nothing_to_analyse(void **state)
{
    struct talk *t = *state;

    assert_refused(t, "kata-raw-nn 0", "no network");
    assert_refused(t, "kata-analyze 10", "no network");
    assert_refused(t, "kata-genmove_analyze b", "no network");
}

static void clocks_are_set_and_nonsense_is_refused(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "time_settings 60 10 5", "=");
    assert_answer(t, "time_left b 50 0", "=");
    assert_answer(t, "kgs-time_settings byoyomi 60 10 5", "=");
    assert_answer(t, "kgs-time_settings none", "=");
    assert_refused(t, "time_settings 60 -1 5", "wanted");
    assert_refused(t, "time_left b soon 0", "wanted");
    assert_refused(t, "kgs-time_settings byoyomi 60", "3 times");
    assert_refused(t, "kgs-time_settings hourglass 60", "wanted");
}

/* ---- SGF ------------------------------------------------------------------------------------------- */

static void games_go_to_sgf_and_come_back(void **state)
{
    struct talk *t = *state;
    const char *dir = tg_test_mkdir();
    char path[200], line[300], before[2048], missing[300];

    snprintf(path, sizeof path, "%s/game.sgf", dir);
    assert_answer(t, "rectangular_boardsize 9 7", "=");
    assert_answer(t, "kata-set-rules aga", "=");
    assert_answer(t, "komi 0.5", "=");
    assert_answer(t, "set_free_handicap C3 G5", "=");
    assert_answer(t, "play w E4", "=");
    assert_answer(t, "play w E5", "="); /* twice the same side */
    assert_answer(t, "play b pass", "=");
    assert_says(t, "printsgf", "(;FF[4]GM[1]");
    assert_non_null(strstr(t->answer, "AB[gc][ce]PL[W]\n;W[ed];W[ec];B[])"));
    snprintf(before, sizeof before, "%s", talk(t, "showboard"));
    snprintf(line, sizeof line, "printsgf %s", path);
    assert_answer(t, line, "=");
    assert_answer(t, "boardsize 19", "=");
    assert_answer(t, "kata-set-rules japanese", "=");
    snprintf(line, sizeof line, "loadsgf %s", path);
    assert_answer(t, line, "=");
    assert_string_equal(talk(t, "showboard"), before);
    assert_says(t, "kata-get-rules", "\"whiteHandicapBonus\":\"N-1\"");
    snprintf(line, sizeof line, "loadsgf %s 2", path); /* before its second move */
    assert_answer(t, line, "=");
    assert_says(t, "tg-legal b", " E5 ");
    snprintf(missing, sizeof missing, "loadsgf %s/none.sgf", dir);
    assert_refused(t, missing, "none.sgf");
    assert_refused(t, "loadsgf game.sgf soon", "move number");
    tg_test_rmdir(dir);
}

static void an_sgf_that_cannot_be_played_leaves_the_game_alone(void **state)
{
    struct talk *t = *state;
    const char *dir = tg_test_mkdir();
    char path[200], line[300];
    static const char bad[] = "(;FF[4]GM[1]SZ[5];B[aa];W[bb];B[bb])", none[] = "no game at all";

    snprintf(path, sizeof path, "%s/bad.sgf", dir);
    snprintf(line, sizeof line, "loadsgf %s", path);
    assert_answer(t, "play b E5", "=");
    assert_ok(tg_file_replace(path, bad, sizeof bad - 1, &t->err), &t->err);
    assert_refused(t, line, "move 3");
    assert_answer(t, "play w E5", "? illegal move");
    assert_answer(t, "play w J9", "="); /* still 9x9 */
    assert_ok(tg_file_replace(path, none, sizeof none - 1, &t->err), &t->err);
    assert_refused(t, line, "bad.sgf");
    tg_test_rmdir(dir);
}

/* ---- gomoku ------------------------------------------------------------------------------------------ */

static void gomoku_captures_pairs_and_ends_with_five(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "komi 7.5", "="); /* controllers send it to everybody */
    assert_answer(t, "play b A1", "=");
    assert_answer(t, "play w B1", "=");
    assert_answer(t, "play b H8", "=");
    assert_answer(t, "play w C1", "=");
    assert_answer(t, "play b D1", "="); /* takes B1 and C1 */
    assert_answer(t, "tg-state",
                  "= {\"terminal\":false,\"winner\":\"none\",\"pairs\":[1,0],\"to_move\":\"white\"}");
    assert_answer(t, "undo", "=");
    assert_says(t, "tg-state", "\"pairs\":[0,0]");
    assert_answer(t, "set_position b F8 b G8 b H8 b J8 w A1 w A2 w A3 w A4", "=");
    assert_answer(t, "play b K8", "=");
    assert_answer(t, "tg-state",
                  "= {\"terminal\":true,\"winner\":\"black\",\"pairs\":[0,0],\"to_move\":\"white\"}");
    assert_answer(t, "play w A5", "? the game is over");
    assert_answer(t, "genmove w", "? the game is over");
    assert_answer(t, "final_score", "= B+1");
    assert_answer(t, "tg-legal w", "=");
}

static void set_position_neither_captures_nor_forbids(void **state)
{
    struct talk *t = *state;

    assert_answer(t, "set_position b A1 w B1 w C1 b D1", "=");
    assert_answer(t, "tg-state",
                  "= {\"terminal\":false,\"winner\":\"none\",\"pairs\":[0,0],\"to_move\":\"black\"}");
    assert_answer(t, "play w B1", "? illegal move"); /* still there */
}

static void double_threes_are_missing_from_the_legal_moves_of_that_colour(void **state)
{
    struct talk *t = *state;

    /* H8 makes two open threes for Black: with H9 H10 and with J8 K8. */
    assert_answer(t, "set_position b H9 b H10 b J8 b K8", "=");
    assert_null(strstr(talk(t, "tg-legal b"), " H8 "));
    assert_non_null(strstr(talk(t, "tg-legal w"), " H8 "));
    assert_answer(t, "play b H8", "? illegal move");
    assert_answer(t, "play w H8", "=");
    assert_answer(t, "play w pass", "? invalid vertex"); /* there is no pass */
}

/* ---- input that is no GTP ---------------------------------------------------------------------------- */

/* Every answer is empty, or one block that begins with = or ? and ends with an empty line. */
static void check_form(const struct talk *t)
{
    size_t n = strlen(t->answer);

    if (n == 0)
        return;
    assert_int_equal(n, t->n);
    assert_true(t->answer[0] == '=' || t->answer[0] == '?');
    assert_true(n >= 3 && strcmp(t->answer + n - 2, "\n\n") == 0);
    assert_ptr_equal(strstr(t->answer, "\n\n"), t->answer + n - 2);
}

static const char *const words[] = {
    "play", "genmove", "undo", "boardsize", "set_position", "komi", "clear_board", "fixed_handicap",
    "place_free_handicap", "set_free_handicap", "kata-set-rules", "kata-set-rule", "final_score",
    "final_status_list", "tg-legal", "tg-state", "time_left", "time_settings", "showboard",
    "kata-set-param", "rectangular_boardsize", "reg_genmove", "kgs-rules", "list_commands", "b", "w",
    "black", "white", "A1", "T19", "D4", "pass", "resign", "Z99", "0", "-1", "1", "2", "5", "9", "19",
    "99999999999999999999", "1e400", "nan", "japanese", "chinese", "{\"ko\":\"SIMPLE\"}", "{", "}", "dead",
    "alive", "seki", "maxVisits", "1000000", "#", "\t", "\r", "\x7f", "", "\xff\xfe", "ko", "SIMPLE",
};

static size_t random_line(struct tg_rng *rng, char *line, size_t room)
{
    size_t n = 0;

    if (tg_rng_below(rng, 4) == 0) { /* bytes */
        n = tg_rng_below(rng, 80);
        for (size_t i = 0; i < n; i++)
            line[i] = (char)tg_rng_below(rng, 256);
        return n;
    }
    for (uint32_t k = 1 + tg_rng_below(rng, 6); k > 0; k--) { /* words that mean something */
        const char *word = words[tg_rng_below(rng, sizeof words / sizeof *words)];

        if (n + strlen(word) + 2 > room)
            break;
        n += (size_t)sprintf(line + n, "%s ", word);
    }
    return n;
}

static void ten_thousand_malformed_lines_do_no_harm(void **state)
{
    struct talk *t = *state;
    struct tg_rng rng = tg_rng_stream(5, TG_RNG_TEST, 0, 0);
    char line[512];
    int refused = 0;

    for (int i = 0; i < 10000; i++) {
        size_t n = random_line(&rng, line, sizeof line);

        talk_bytes(t, line, n);
        check_form(t);
        refused += t->answer[0] == '?';
        assert_true(t->going);
    }
    assert_true(refused > 5000);
    assert_answer(t, "name", "= Tengen"); /* alive */
}

static void lines_of_many_words_are_handled(void **state)
{
    struct talk *t = *state;
    size_t n = 60000;
    char *line = malloc(n + 1);

    assert_non_null(line);
    memset(line, 'x', n);
    talk_bytes(t, line, n);
    assert_string_equal(t->answer, "? unknown command\n\n");
    memcpy(line, "play", 4);
    for (size_t i = 4; i < n; i++)
        line[i] = i % 2 == 0 ? ' ' : 'b';
    talk_bytes(t, line, n);
    assert_int_equal(t->answer[0], '?');
    memcpy(line, "set_position", 12);
    talk_bytes(t, line, n);
    check_form(t);
    free(line);
}

int main(void)
{
#define GO(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define GOMOKU(test) cmocka_unit_test_setup_teardown(test, setup_gomoku, teardown)
    const struct CMUnitTest tests[] = {
        GO(answers_carry_the_id_of_their_command),
        GO(blank_lines_comments_and_control_characters_are_nothing),
        GO(every_listed_command_is_known),
        GO(quit_ends_the_dialogue_and_nothing_else_does),
        GO(moves_are_played_refused_and_taken_back),
        GO(captures_ko_and_undo_go_together),
        GO(one_side_may_play_twice),
        GO(sizes_change_and_bad_ones_leave_the_game_alone),
        GO(positions_are_set_as_they_are),
        GO(genmove_plays_legal_moves_to_the_end),
        GO(reg_genmove_leaves_the_board_as_it_is),
        GO(go_goes_on_after_two_passes_if_somebody_plays),
        GO(komi_is_kept_in_halves),
        GO(rules_come_by_name_and_by_json),
        GO(suicide_follows_the_rules),
        GO(areas_are_counted_as_they_stand),
        GO(handicap_stones_take_their_places),
        GO(handicap_stones_cost_points_under_chinese_rules),
        GO(parameters_can_be_read_and_written),
        GO(without_a_network_there_is_nothing_to_analyse),
        GO(clocks_are_set_and_nonsense_is_refused),
        GO(games_go_to_sgf_and_come_back),
        GO(an_sgf_that_cannot_be_played_leaves_the_game_alone),
        GOMOKU(gomoku_captures_pairs_and_ends_with_five),
        GOMOKU(set_position_neither_captures_nor_forbids),
        GOMOKU(double_threes_are_missing_from_the_legal_moves_of_that_colour),
        GO(ten_thousand_malformed_lines_do_no_harm),
        cmocka_unit_test_setup_teardown(ten_thousand_malformed_lines_do_no_harm, setup_gomoku, teardown),
        GO(lines_of_many_words_are_handled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
