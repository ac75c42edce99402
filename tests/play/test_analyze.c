/* The JSON analysis protocol: what is asked, what is answered, in whose view and in which layout. */
#include <math.h>

#include <time.h>

#include "analyze_talk.h"
#include "tengen/file.h"

#define EMPTY9 "\"rules\":\"tromp-taylor\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[]"

static int setup(void **state)
{
    static struct analyze_talk t;

    talk_prepare(&t, GAME_GO);
    *state = &t;
    return 0;
}

static int setup_gomoku(void **state)
{
    static struct analyze_talk t;

    talk_prepare(&t, GAME_GOMOKU);
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    talk_close(*state);
    return 0;
}

static const cJSON *move_info(const cJSON *answer, const char *move)
{
    const cJSON *m;

    cJSON_ArrayForEach(m, part(answer, "moveInfos")) if (strcmp(text_of(m, "move"), move) == 0) return m;
    return NULL;
}

static void rules_have_katrains_names_too(void **state)
{
    static const char *const names[] = {"new zealand", "stone_scoring", "Tromp-Taylor", "korean", "aga"};
    struct analyze_talk *t = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char query[200];

        snprintf(query, sizeof query, "{\"id\":\"%s\",\"rules\":\"%s\",\"boardXSize\":5,\"boardYSize\":5,"
                 "\"moves\":[],\"maxVisits\":1}", names[i], names[i]);
        ask(t, query);
        assert_int_equal((int)number_of(part(answer_to(t, names[i], 0), "rootInfo"), "visits"), 1);
    }
}

static void each_turn_asked_for_is_answered_once(void **state)
{
    struct analyze_talk *t = *state;
    const cJSON *m;

    t->o.threads = 2;
    ask(t, "{\"id\":\"g\",\"rules\":\"chinese\",\"komi\":6.5,\"boardXSize\":9,\"boardYSize\":9,"
           "\"moves\":[[\"B\",\"E5\"],[\"w\",\"(2,2)\"],[\"B\",\"pass\"]],\"analyzeTurns\":[3,0,2,2],\"maxVisits\":30}");
    assert_int_equal(t->n_answers, 3);
    for (int turn = 0; turn < 4; turn++) {
        if (turn == 1)
            continue;
        const cJSON *x = answer_to(t, "g", turn), *root = part(x, "rootInfo");
        int n = 1, order = 0;

        assert_int_equal((int)number_of(root, "visits"), 30);
        assert_string_equal(text_of(root, "currentPlayer"), turn % 2 == 0 ? "B" : "W");
        cJSON_ArrayForEach(m, part(x, "moveInfos"))
        {
            const cJSON *pv = part(m, "pv");

            n += (int)number_of(m, "visits");
            assert_int_equal((int)number_of(m, "order"), order++);
            assert_string_equal(cJSON_GetArrayItem(pv, 0)->valuestring, text_of(m, "move"));
            assert_true(number_of(m, "winrate") >= 0 && number_of(m, "winrate") <= 1);
            assert_true(number_of(m, "prior") > 0 && number_of(m, "scoreStdev") > 0);
        }
        assert_int_equal(n, 30);
        if (turn >= 2)
            assert_null(move_info(x, "E5"));
        if (turn >= 2)
            assert_null(move_info(x, "C7")); /* column 2, row 2 from the top left */
    }
}

/* All numbers under key in the answers of these two views, in order, must agree by their sum. */
static void compare(const cJSON *x, const cJSON *y, const char *key, double sum_should_be)
{
    double sum = number_of(x, key) + number_of(y, key);

    if (fabs(sum - sum_should_be) > 1e-5)
        fail_msg("%s: %g and %g", key, number_of(x, key), number_of(y, key));
}

static void the_view_turns_chances_points_and_ownership(void **state)
{
    struct analyze_talk *t = *state;
    char line[600];
    static const char *const views[] = {"BLACK", "WHITE", "SIDETOMOVE"};

    t->o.cache_bytes = 0; /* what is known at once comes back in another order */
    talk_open(t);
    for (int i = 0; i < 3; i++) {
        snprintf(line, sizeof line,
                 "{\"id\":\"%s\",\"rules\":\"japanese\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":"
                 "[[\"B\",\"E5\"]],\"includeOwnership\":true,\"includeMovesOwnership\":true,"
                 "\"overrideSettings\":{\"reportAnalysisWinratesAs\":\"%s\"}}", views[i], views[i]);
        say(t, line);
        analyze_finish(t->a);
    }
    talk_finish(t);
    const cJSON *black = answer_to(t, "BLACK", 1), *white = answer_to(t, "WHITE", 1), *b, *w, *p, *q;
    const cJSON *mover = answer_to(t, "SIDETOMOVE", 1);
    static const char *const points[] = {"scoreLead", "scoreSelfplay", "utility"};

    compare(part(black, "rootInfo"), part(white, "rootInfo"), "winrate", 1);
    for (int i = 0; i < 3; i++)
        compare(part(black, "rootInfo"), part(white, "rootInfo"), points[i], 0);
    w = part(white, "moveInfos")->child;
    cJSON_ArrayForEach(b, part(black, "moveInfos"))
    {
        assert_string_equal(text_of(b, "move"), text_of(w, "move"));
        compare(b, w, "winrate", 1);
        compare(b, w, "lcb", 1);
        compare(b, w, "scoreMean", 0);
        assert_true(number_of(b, "lcb") >= number_of(b, "winrate")); /* White doubts White's moves */
        assert_true(number_of(w, "lcb") <= number_of(w, "winrate"));
        q = part(w, "ownership")->child;
        cJSON_ArrayForEach(p, part(b, "ownership"))
        {
            assert_true(fabs(p->valuedouble + q->valuedouble) < 1e-5);
            q = q->next;
        }
        w = w->next;
    }
    q = part(white, "ownership")->child;
    cJSON_ArrayForEach(p, part(black, "ownership"))
    {
        assert_true(fabs(p->valuedouble + q->valuedouble) < 1e-5);
        q = q->next;
    }
    compare(part(black, "rootInfo"), part(mover, "rootInfo"), "winrate", 1); /* White is to move */
    assert_string_equal(text_of(part(mover, "rootInfo"), "currentPlayer"), "W");
}

/* What the network says of a position under each symmetry, asked without any of the analyzer. */
struct raw { float lead[8], owner[8][81], policy[8][82]; };

static void evaluate_raw(struct analyze_talk *t, const struct game *g, const struct position *pos,
                         struct raw *raw)
{
    const struct nn_backend *backend;
    struct nn_net_options options = {.size = g->size, .threads = 1};
    struct nn_model m;
    struct nn_net *net;
    struct nn_batch b;

    assert_ok(nn_backend_find("cpu", &backend, &t->err), &t->err);
    assert_ok(nn_model_load(t->net, &m, NULL, &t->err), &t->err);
    assert_ok(backend->open(&m.arch, &options, &net, &t->err), &t->err);
    assert_ok(backend->set(net, NN_PARAMS, m.params, &t->err), &t->err);
    assert_ok(backend->batch_open(net, 1, NN_BATCH_OWNERSHIP, &b, &t->err), &t->err);
    for (int s = 0; s < 8; s++) {
        struct nn_eval e;

        b.n = 1;
        game_encode(g, pos, NULL, b.planes, b.globals);
        b.symmetry[0] = (uint8_t)s;
        assert_ok(backend->infer(net, &b, &t->err), &t->err);
        assert_ok(backend->wait(net, &b, &t->err), &t->err);
        nn_eval_row(&m.arch, b.value, b.score, false, &e);
        raw->lead[s] = e.lead;
        memcpy(raw->owner[s], b.ownership, sizeof raw->owner[s]);
        memcpy(raw->policy[s], b.policy, sizeof raw->policy[s]);
    }
    backend->batch_close(net, &b);
    backend->close(net);
    nn_model_close(&m);
}

/* A 7 x 5 board on a tensor of 9: rows from the top, -1 where a stone stands, the network's own words. */
static void policy_and_ownership_lie_row_by_row_from_the_top(void **state)
{
    struct analyze_talk *t = *state;
    static struct position pos;
    static struct raw raw;
    struct game g;
    struct game_setup s;
    bool found = false;

    t->o.view = ANALYZE_MOVER;
    ask(t, "{\"id\":\"r\",\"rules\":\"tromp-taylor\",\"komi\":0,\"boardXSize\":7,\"boardYSize\":5,"
           "\"moves\":[[\"B\",\"B4\"]],\"maxVisits\":1,\"includePolicy\":true,\"includeOwnership\":true}");
    const cJSON *x = answer_to(t, "r", 1), *policy = part(x, "policy"), *owner = part(x, "ownership"), *p;
    double sum = 0;

    assert_int_equal(cJSON_GetArraySize(policy), 36);
    assert_int_equal(cJSON_GetArraySize(owner), 35);
    assert_int_equal(cJSON_GetArraySize(part(x, "moveInfos")), 0); /* one visit is the root's own */
    cJSON_ArrayForEach(p, policy) sum += p->valuedouble > 0 ? p->valuedouble : 0;
    assert_true(fabs(sum - 1) < 1e-4);
    assert_true(cJSON_GetArrayItem(policy, 8)->valuedouble == -1); /* second row, second column */

    assert_ok(game_init(&g, GAME_GO, 9, 0, &t->err), &t->err);
    game_default_setup(&g, &s);
    s.width = 7;
    s.height = 5;
    s.go.komi2 = 0;
    game_start(&g, &s, &pos);
    game_play(&g, &pos, 1 * 9 + 1);
    evaluate_raw(t, &g, &pos, &raw);
    for (int k = 0; k < 8; k++) { /* the analyzer takes one of the symmetries */
        double off = fabs(number_of(part(x, "rootInfo"), "rawLead") - (double)raw.lead[k]), ratio = 0;

        for (int i = 0; i < 35; i++)
            off += fabs(cJSON_GetArrayItem(owner, i)->valuedouble - (double)raw.owner[k][i / 7 * 9 + i % 7]);
        ratio = log(cJSON_GetArrayItem(policy, 3)->valuedouble / cJSON_GetArrayItem(policy, 35)->valuedouble);
        off += fabs(ratio - (double)(raw.policy[k][3] - raw.policy[k][81]));
        found = found || off < 1e-3;
    }
    assert_true(found);
}

static void ownership_is_the_mean_over_the_tree(void **state)
{
    struct analyze_talk *t = *state;
    char line[500];
    double sum = 0, root, spread;
    const cJSON *m;

    for (int visits = 1; visits <= 30; visits += 29) {
        snprintf(line, sizeof line,
                 "{\"id\":\"o\"," EMPTY9 ",\"maxVisits\":%d,\"includeOwnership\":true,"
                 "\"includeOwnershipStdev\":true,\"includeMovesOwnership\":true,"
                 "\"allowMoves\":[{\"player\":\"B\",\"moves\":[\"E5\",\"C3\",\"G7\"],\"untilDepth\":1}]}", visits);
        ask(t, line);
        const cJSON *x = answer_to(t, "o", 0);

        if (visits == 1) {
            sum = cJSON_GetArrayItem(part(x, "ownership"), 40)->valuedouble;
            assert_true(cJSON_GetArrayItem(part(x, "ownershipStdev"), 40)->valuedouble < 1e-3);
            continue;
        }
        cJSON_ArrayForEach(m, part(x, "moveInfos")) sum +=
            number_of(m, "visits") * cJSON_GetArrayItem(part(m, "ownership"), 40)->valuedouble;
        root = cJSON_GetArrayItem(part(x, "ownership"), 40)->valuedouble;
        assert_true(fabs(sum / 30 - root) < 1e-4);
        spread = cJSON_GetArrayItem(part(x, "ownershipStdev"), 40)->valuedouble;
        assert_true(spread > 0 && spread < 1);
    }
}

static void moves_may_be_forbidden_to_a_side_down_to_a_depth(void **state)
{
    struct analyze_talk *t = *state;
    const cJSON *x, *m, *p;

    ask(t, "{\"id\":\"a\"," EMPTY9 ",\"maxVisits\":60,\"avoidMoves\":[{\"player\":\"B\",\"moves\":"
           "[\"E5\",\"pass\"],\"untilDepth\":1},{\"player\":\"W\",\"moves\":[\"C3\",\"D3\"],\"untilDepth\":2}]}");
    x = answer_to(t, "a", 0);
    assert_null(move_info(x, "E5"));
    assert_null(move_info(x, "pass"));
    cJSON_ArrayForEach(m, part(x, "moveInfos")) if ((p = cJSON_GetArrayItem(part(m, "pv"), 1)) != NULL)
        assert_true(strcmp(p->valuestring, "C3") != 0 && strcmp(p->valuestring, "D3") != 0);
    ask(t, "{\"id\":\"b\"," EMPTY9 ",\"allowMoves\":[{\"player\":\"B\",\"moves\":[\"A1\",\"J9\"],\"untilDepth\":1}]}");
    x = answer_to(t, "b", 0);
    assert_int_equal(cJSON_GetArraySize(part(x, "moveInfos")), 2);
    assert_non_null(move_info(x, "A1"));
    ask(t, "{\"id\":\"c\"," EMPTY9 ",\"allowMoves\":[{\"player\":\"B\",\"moves\":[],\"untilDepth\":1}]}");
    assert_int_equal(cJSON_GetArraySize(part(answer_to(t, "c", 0), "moveInfos")), 0);
}

static void wrong_fields_are_named(void **state)
{
    static const struct { const char *field, *rest; } cases[] = {
        {"boardXSize", "\"boardYSize\":9,\"moves\":[],\"rules\":\"aga\""},
        {"boardYSize", "\"boardXSize\":9,\"boardYSize\":20,\"moves\":[],\"rules\":\"aga\""},
        {"boardXSize", "\"boardXSize\":2.5,\"boardYSize\":9,\"moves\":[],\"rules\":\"aga\""},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\""},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[[\"B\",\"I5\"]]"},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[[\"B\",\"(9,0)\"]]"},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[[\"B\"]]"},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[[\"R\",\"E5\"]]"},
        {"moves", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[[\"B\",\"E5\"],[\"W\",\"E5\"]]"},
        {"initialStones", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[],\"initialStones\":[[\"B\",\"pass\"]]"},
        {"initialStones", "\"boardXSize\":9,\"boardYSize\":9,\"rules\":\"aga\",\"moves\":[],\"initialStones\":"
                          "[[\"W\",\"A1\"],[\"B\",\"A2\"],[\"B\",\"B1\"]]"},
        {"initialPlayer", EMPTY9 ",\"initialPlayer\":3"},
        {"analyzeTurns", EMPTY9 ",\"analyzeTurns\":[1]"},
        {"analyzeTurns", EMPTY9 ",\"analyzeTurns\":\"all\""},
        {"priorities", EMPTY9 ",\"priorities\":[1]"},
        {"priorities", EMPTY9 ",\"analyzeTurns\":[0],\"priorities\":[1,2]"},
        {"priority", EMPTY9 ",\"priority\":1.5"},
        {"rules", "\"boardXSize\":9,\"boardYSize\":9,\"moves\":[]"},
        {"rules", "\"boardXSize\":9,\"boardYSize\":9,\"moves\":[],\"rules\":\"klingon\""},
        {"rules", "\"boardXSize\":9,\"boardYSize\":9,\"moves\":[],\"rules\":{\"ko\":\"NEVER\"}"},
        {"rules", "\"boardXSize\":9,\"boardYSize\":9,\"moves\":[],\"rules\":{\"scoring\":\"TERRITORY\",\"hasButton\":true}"},
        {"komi", EMPTY9 ",\"komi\":6.3"},
        {"komi", EMPTY9 ",\"komi\":151"},
        {"whiteHandicapBonus", EMPTY9 ",\"whiteHandicapBonus\":2"},
        {"maxVisits", EMPTY9 ",\"maxVisits\":0"},
        {"rootPolicyTemperature", EMPTY9 ",\"rootPolicyTemperature\":-1"},
        {"rootFpuReductionMax", EMPTY9 ",\"rootFpuReductionMax\":\"x\""},
        {"analysisPVLen", EMPTY9 ",\"analysisPVLen\":0"},
        {"includeOwnership", EMPTY9 ",\"includeOwnership\":1"},
        {"reportDuringSearchEvery", EMPTY9 ",\"reportDuringSearchEvery\":0"},
        {"overrideSettings", EMPTY9 ",\"overrideSettings\":[]"},
        {"overrideSettings", EMPTY9 ",\"overrideSettings\":{\"cpuctExploration\":-3}"},
        {"overrideSettings", EMPTY9 ",\"overrideSettings\":{\"maxVisits\":\"many\"}"},
        {"avoidMoves", EMPTY9 ",\"avoidMoves\":[{\"player\":\"B\",\"moves\":[\"E5\"]}]"},
        {"avoidMoves", EMPTY9 ",\"avoidMoves\":[{\"player\":\"B\",\"moves\":[\"Z9\"],\"untilDepth\":1}]"},
        {"allowMoves", EMPTY9 ",\"allowMoves\":[],\"avoidMoves\":[]"},
    };
    struct analyze_talk *t = *state;
    char line[700];

    talk_open(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "{\"id\":\"%zu\",%s}", i, cases[i].rest);
        say(t, line);
    }
    talk_finish(t);
    assert_int_equal(t->n_answers, (int)(sizeof cases / sizeof *cases));
    for (int i = 0; i < t->n_answers; i++) {
        if (text_of(t->answers[i], "error") == NULL || atoi(text_of(t->answers[i], "id")) != i ||
            strcmp(text_of(t->answers[i], "field"), cases[i].field) != 0)
            fail_msg("%s: %s", cases[i].rest, cJSON_PrintUnformatted(t->answers[i]));
    }
}

static void lines_that_are_no_query_are_refused(void **state)
{
    static const char *const lines[] = {"{", "[]", "1", "{\"id\":1}", "{}", "{\"id\":\"a\"} x",
                                        "{\"id\":\"\xff\"}", "{\"id\":\"a\",\"action\":\"dance\"}"};
    struct analyze_talk *t = *state;
    int n = (int)(sizeof lines / sizeof *lines);

    talk_open(t);
    for (int i = 0; i < n; i++)
        say(t, lines[i]);
    analyze_line(t->a, "\0\0", 2);
    say(t, "   "); /* an empty line is no request */
    char *longest = malloc(ANALYZE_MAX_LINE + 2);
    memset(longest, '[', ANALYZE_MAX_LINE + 2);
    analyze_line(t->a, longest, ANALYZE_MAX_LINE);
    analyze_line(t->a, longest, ANALYZE_MAX_LINE + 1);
    free(longest);
    talk_finish(t);
    assert_int_equal(t->n_answers, n + 3);
    for (int i = 0; i < t->n_answers; i++)
        assert_non_null(text_of(t->answers[i], "error"));
}

static void settings_may_be_overridden_and_unknown_ones_draw_a_warning(void **state)
{
    struct analyze_talk *t = *state;

    ask(t, "{\"id\":\"s\"," EMPTY9 ",\"typo\":1,\"overrideSettings\":{\"maxVisits\":\"12\",\"wideRootNoise\":0.1,"
           "\"cpuctExploration\":2,\"playoutDoublingAdvantage\":1,\"rootNoiseEnabled\":true}}");
    assert_int_equal(t->n_answers, 3);
    assert_int_equal((int)number_of(part(answer_to(t, "s", 0), "rootInfo"), "visits"), 12);
    assert_string_equal(text_of(t->answers[0], "field"), "overrideSettings");
    assert_non_null(strstr(text_of(t->answers[0], "warning"), "playoutDoublingAdvantage"));
    assert_string_equal(text_of(t->answers[1], "field"), "typo");
}

static void a_wider_root_gets_more_moves(void **state)
{
    struct analyze_talk *t = *state;
    int n[2];

    for (int i = 0; i < 2; i++) {
        ask(t, i == 0 ? "{\"id\":\"w\"," EMPTY9 ",\"maxVisits\":60,\"rootPolicyTemperature\":0.02}"
                      : "{\"id\":\"w\"," EMPTY9 ",\"maxVisits\":60,\"rootPolicyTemperature\":10}");
        n[i] = cJSON_GetArraySize(part(answer_to(t, "w", 0), "moveInfos"));
    }
    assert_true(n[1] > n[0] + 10);
}

static void lines_of_play_have_their_length_and_visits(void **state)
{
    struct analyze_talk *t = *state;
    const cJSON *m;

    ask(t, "{\"id\":\"p\"," EMPTY9 ",\"maxVisits\":200,\"analysisPVLen\":1,\"includePVVisits\":true,"
           "\"includeNoResultValue\":true}");
    cJSON_ArrayForEach(m, part(answer_to(t, "p", 0), "moveInfos"))
    {
        const cJSON *pv = part(m, "pv"), *visits = part(m, "pvVisits");

        assert_true(cJSON_GetArraySize(pv) <= 2);
        assert_int_equal(cJSON_GetArraySize(pv), cJSON_GetArraySize(visits));
        assert_int_equal(cJSON_GetArrayItem(visits, 0)->valueint, (int)number_of(m, "visits"));
        assert_true(number_of(m, "noResultValue") >= 0);
    }
}

static void the_most_urgent_position_is_searched_first(void **state)
{
    struct analyze_talk *t = *state;
    static const char *const expected[] = {"now", "soon", "b1", "b0", "late"};
    char line[300];

    t->o.parallel = 1;
    talk_open(t);
    say(t, "{\"id\":\"now\"," EMPTY9 ",\"maxVisits\":300,\"priority\":9}");
    say(t, "{\"id\":\"late\"," EMPTY9 ",\"priority\":-1}");
    say(t, "{\"id\":\"b\",\"rules\":\"aga\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"A1\"]],"
           "\"analyzeTurns\":[1,0],\"priorities\":[4,3]}");
    snprintf(line, sizeof line, "{\"id\":\"soon\",%s,\"priority\":5}", EMPTY9);
    say(t, line);
    talk_finish(t);
    assert_int_equal(t->n_answers, 5);
    for (int i = 0; i < 5; i++) {
        char name[20];

        snprintf(name, sizeof name, "%s", text_of(t->answers[i], "id"));
        if (name[0] == 'b')
            snprintf(name, sizeof name, "b%d", (int)number_of(t->answers[i], "turnNumber"));
        assert_string_equal(name, expected[i]);
    }
}

static void a_search_reports_while_it_runs(void **state)
{
    struct analyze_talk *t = *state;
    int last = 0, n_during = 0;

    ask(t, "{\"id\":\"d\"," EMPTY9 ",\"maxVisits\":1500,\"reportDuringSearchEvery\":0.01}");
    for (int i = 0; i < t->n_answers; i++) {
        int visits = (int)number_of(part(t->answers[i], "rootInfo"), "visits");

        n_during += is_true(t->answers[i], "isDuringSearch");
        assert_true(visits >= last);
        last = visits;
    }
    assert_true(n_during >= 1 && n_during == t->n_answers - 1);
    assert_int_equal(last, 1500);
    assert_false(is_true(t->answers[t->n_answers - 1], "isDuringSearch"));
}

static void a_terminated_search_answers_what_it_has(void **state)
{
    struct analyze_talk *t = *state;

    t->o.parallel = 1;
    talk_open(t);
    say(t, "{\"id\":\"long\",\"rules\":\"aga\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"A1\"]],"
           "\"analyzeTurns\":[0,1],\"maxVisits\":100000000}");
    say(t, "{\"id\":\"kept\"," EMPTY9 "}");
    say(t, "{\"id\":\"other\"," EMPTY9 ",\"maxVisits\":100000000}");
    say(t, "{\"id\":\"t0\",\"action\":\"terminate\",\"terminateId\":\"long\",\"turnNumbers\":[1]}");
    say(t, "{\"id\":\"t1\",\"action\":\"terminate\",\"terminateId\":\"long\"}");
    say(t, "{\"id\":\"t2\",\"action\":\"terminate\"}");
    talk_wait_for(t, "\"kept\"");
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* and "other" runs */
    say(t, "{\"id\":\"t3\",\"action\":\"terminate_all\"}");
    talk_finish(t);
    assert_true(is_true(answer_to(t, "long", 1), "noResults"));
    assert_null(cJSON_GetObjectItem(answer_to(t, "kept", 0), "noResults"));
    assert_int_equal((int)number_of(part(answer_to(t, "kept", 0), "rootInfo"), "visits"), 40);
    assert_true(number_of(part(answer_to(t, "other", 0), "rootInfo"), "visits") > 1);
    answer_to(t, "long", 0);
    assert_int_equal(t->n_answers, 4 + 4);
}

static void actions_echo_their_request(void **state)
{
    struct analyze_talk *t = *state;

    talk_open(t);
    say(t, "{\"id\":\"v\",\"action\":\"query_version\",\"extra\":7}");
    say(t, "{\"id\":\"m\",\"action\":\"query_models\"}");
    say(t, "{\"id\":\"c\",\"action\":\"clear_cache\"}");
    talk_finish(t);
    assert_int_equal(t->n_answers, 3);
    assert_string_equal(text_of(t->answers[0], "version"), "test");
    assert_int_equal((int)number_of(t->answers[0], "extra"), 7);
    assert_non_null(text_of(t->answers[0], "git_hash"));
    assert_string_equal(text_of(part(t->answers[1], "models")->child, "internalName"), "tiny");
    assert_string_equal(text_of(t->answers[2], "action"), "clear_cache");
}

static void equal_positions_have_equal_hashes(void **state)
{
    struct analyze_talk *t = *state;
    static const char *const games[] = {
        "[[\"B\",\"C3\"],[\"W\",\"D5\"]]", "[[\"B\",\"G3\"],[\"W\",\"F5\"]]", /* its mirror image */
        "[[\"B\",\"C3\"],[\"W\",\"D6\"]]", "[[\"B\",\"C3\"],[\"W\",\"D5\"],[\"B\",\"pass\"]]"};
    const cJSON *root[4];
    char line[300];

    talk_open(t);
    for (int i = 0; i < 4; i++) {
        snprintf(line, sizeof line, "{\"id\":\"%d\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,"
                                    "\"maxVisits\":1,\"moves\":%s}", i, games[i]);
        say(t, line);
    }
    talk_finish(t);
    for (int i = 0; i < 4; i++) {
        char id[2] = {(char)('0' + i), '\0'};

        root[i] = part(answer_to(t, id, i == 3 ? 3 : 2), "rootInfo");
        assert_int_equal((int)strlen(text_of(root[i], "thisHash")), 32);
    }
    assert_string_equal(text_of(root[0], "symHash"), text_of(root[1], "symHash"));
    assert_string_not_equal(text_of(root[0], "thisHash"), text_of(root[1], "thisHash"));
    assert_string_not_equal(text_of(root[0], "symHash"), text_of(root[2], "symHash"));
    assert_string_not_equal(text_of(root[0], "thisHash"), text_of(root[3], "thisHash"));
}

/* Records hold what their rules allowed; a finished game can still be looked at. */
static void records_of_other_rules_can_be_analysed(void **state)
{
    struct analyze_talk *t = *state;

    talk_open(t);
    say(t, "{\"id\":\"over\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"E5\"],"
           "[\"W\",\"pass\"],[\"B\",\"pass\"]]}");
    say(t, "{\"id\":\"on\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"E5\"],"
           "[\"W\",\"pass\"],[\"B\",\"pass\"],[\"W\",\"E6\"]]}");
    say(t, "{\"id\":\"suicide\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,\"initialStones\":"
           "[[\"B\",\"A3\"],[\"B\",\"B2\"],[\"B\",\"B1\"],[\"W\",\"A2\"]],\"moves\":[[\"W\",\"A1\"]]}");
    say(t, "{\"id\":\"lone\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,\"initialStones\":"
           "[[\"B\",\"A2\"],[\"B\",\"B1\"]],\"moves\":[[\"W\",\"A1\"]]}");
    say(t, "{\"id\":\"twice\",\"rules\":\"chinese\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"E5\"],"
           "[\"B\",\"E6\"]]}");
    talk_finish(t);
    assert_true(cJSON_GetArraySize(part(answer_to(t, "over", 3), "moveInfos")) > 0);
    assert_null(move_info(answer_to(t, "on", 4), "E6"));
    answer_to(t, "suicide", 1);
    assert_string_equal(text_of(part(answer_to(t, "twice", 2), "rootInfo"), "currentPlayer"), "W");
    assert_int_equal(t->n_answers, 5);
    for (int i = 0; i < 5; i++)
        if (strcmp(text_of(t->answers[i], "id"), "lone") == 0)
            assert_string_equal(text_of(t->answers[i], "field"), "moves");
}

static void handicap_stones_give_white_the_first_move_and_the_bonus(void **state)
{
    struct analyze_talk *t = *state;
    char line[400];
    double lead[2];

    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line,
                 "{\"id\":\"h\",\"rules\":\"chinese\",\"komi\":%s,\"boardXSize\":9,\"boardYSize\":9,"
                 "\"whiteHandicapBonus\":\"%s\",\"initialStones\":[[\"B\",\"C3\"],[\"B\",\"G7\"]],"
                 "\"moves\":[],\"maxVisits\":1}", i == 0 ? "0.5" : "2.5", i == 0 ? "N" : "0");
        ask(t, line);
        assert_string_equal(text_of(part(answer_to(t, "h", 0), "rootInfo"), "currentPlayer"), "W");
        lead[i] = number_of(part(answer_to(t, "h", 0), "rootInfo"), "rawLead");
    }
    assert_true(fabs(lead[0] - lead[1]) < 1e-6 || fabs(lead[0] - lead[1]) < 0.5); /* another symmetry */
}

static void time_and_memory_end_a_search(void **state)
{
    struct analyze_talk *t = *state;
    double began = tg_now();

    ask(t, "{\"id\":\"t\"," EMPTY9 ",\"maxVisits\":1000000000,\"overrideSettings\":{\"maxTime\":0.1}}");
    assert_true(tg_now() - began < 5.0);
    assert_true(number_of(part(answer_to(t, "t", 0), "rootInfo"), "visits") > 1);
    t->o.tree_bytes = 300000;
    ask(t, "{\"id\":\"m\"," EMPTY9 ",\"maxVisits\":1000000000}");
    double visits = number_of(part(answer_to(t, "m", 0), "rootInfo"), "visits");
    assert_true(visits > 100 && visits < 10000);
}

static void boards_of_several_sizes_are_searched_at_once(void **state)
{
    struct analyze_talk *t = *state;
    char line[300], id[16];

    t->o.threads = 2;
    talk_open(t);
    for (int size = 2; size <= 19; size++) {
        snprintf(line, sizeof line, "{\"id\":\"%d\",\"rules\":\"aga\",\"boardXSize\":%d,\"boardYSize\":%d,"
                                    "\"komi\":0,\"moves\":[],\"maxVisits\":20,\"includeOwnership\":true}", size, size,
                 (size + 19) / 2);
        say(t, line);
    }
    talk_finish(t);
    for (int size = 2; size <= 19; size++) {
        snprintf(id, sizeof id, "%d", size);
        assert_int_equal(cJSON_GetArraySize(part(answer_to(t, id, 0), "ownership")), size * ((size + 19) / 2));
        assert_int_equal((int)number_of(part(answer_to(t, id, 0), "rootInfo"), "visits"), 20);
    }
}

static void gomoku_is_analysed_too(void **state)
{
    struct analyze_talk *t = *state;

    talk_open(t);
    say(t, "{\"id\":\"g\",\"rules\":\"freestyle\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[[\"B\",\"E5\"]]}");
    say(t, "{\"id\":\"won\",\"rules\":\"freestyle\",\"boardXSize\":9,\"boardYSize\":9,\"initialStones\":"
           "[[\"B\",\"A1\"],[\"B\",\"B1\"],[\"B\",\"C1\"],[\"B\",\"D1\"],[\"W\",\"A9\"]],\"moves\":[[\"B\",\"E1\"]]}");
    talk_finish(t);
    assert_int_equal((int)number_of(part(answer_to(t, "g", 1), "rootInfo"), "visits"), 40);
    assert_true(number_of(part(answer_to(t, "won", 1), "rootInfo"), "winrate") == 1.0); /* Black's view */
    assert_int_equal(cJSON_GetArraySize(part(answer_to(t, "won", 1), "moveInfos")), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(rules_have_katrains_names_too),
        T(each_turn_asked_for_is_answered_once),
        T(the_view_turns_chances_points_and_ownership),
        T(policy_and_ownership_lie_row_by_row_from_the_top),
        T(ownership_is_the_mean_over_the_tree),
        T(moves_may_be_forbidden_to_a_side_down_to_a_depth),
        T(wrong_fields_are_named),
        T(lines_that_are_no_query_are_refused),
        T(settings_may_be_overridden_and_unknown_ones_draw_a_warning),
        T(a_wider_root_gets_more_moves),
        T(lines_of_play_have_their_length_and_visits),
        T(the_most_urgent_position_is_searched_first),
        T(a_search_reports_while_it_runs),
        T(a_terminated_search_answers_what_it_has),
        T(actions_echo_their_request),
        T(equal_positions_have_equal_hashes),
        T(records_of_other_rules_can_be_analysed),
        T(handicap_stones_give_white_the_first_move_and_the_bonus),
        T(time_and_memory_end_a_search),
        T(boards_of_several_sizes_are_searched_at_once),
        cmocka_unit_test_setup_teardown(gomoku_is_analysed_too, setup_gomoku, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
