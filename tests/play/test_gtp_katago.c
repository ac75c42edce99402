/* What kata-raw-nn prints for a real network, against what KataGo prints, position by position.
 * Needs the reference data (../shared); skipped without it. */
#include <cjson/cJSON.h>
#include <math.h>

#include "gtp_talk.h"
#include "tengen/file.h"

/* Instrumented code is a hundred times slower: then a sample of the positions. */
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 20 };
#else
enum { EVERY = 1 };
#endif

struct worst {
    double value, points, policy, ownership;
    int n;
};

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    assert_non_null(item);
    return item->valuedouble;
}

/* The figure behind a key in the answer. */
static double figure(const char *answer, const char *key)
{
    char start[64];
    const char *at;

    snprintf(start, sizeof start, "\n%s ", key);
    at = strstr(answer, start);
    if (at == NULL)
        fail_msg("no %s in \"%.200s\"", key, answer);
    return strtod(at + strlen(start), NULL);
}

static void note(double *worst, double difference) { *worst = fmax(*worst, fabs(difference)); }

/* Compare height rows of figures behind `heading` with rows of JSON; null is NAN. */
static void compare_rows(const char *answer, const char *heading, const cJSON *rows, double *worst)
{
    const char *at = strstr(answer, heading);
    const cJSON *row, *cell;

    assert_non_null(at);
    at += strlen(heading);
    cJSON_ArrayForEach(row, rows) cJSON_ArrayForEach(cell, row)
    {
        char word[32];
        int n;

        assert_int_equal(sscanf(at, "%31s%n", word, &n), 1);
        at += n;
        if (cJSON_IsNull(cell) != (strcmp(word, "NAN") == 0))
            fail_msg("%s: %s where KataGo has %s", heading, word, cJSON_IsNull(cell) ? "null" : "a number");
        if (!cJSON_IsNull(cell))
            note(worst, atof(word) - cell->valuedouble);
    }
}

static void compare(struct talk *t, const cJSON *v, struct worst *w)
{
    const cJSON *board = cJSON_GetObjectItem(v, "board"), *move;
    char line[128];

    snprintf(line, sizeof line, "rectangular_boardsize %d %d", cJSON_GetArrayItem(board, 0)->valueint,
             cJSON_GetArrayItem(board, 1)->valueint);
    assert_answer(t, line, "=");
    snprintf(line, sizeof line, "kata-set-rules %s", cJSON_GetObjectItem(v, "rules")->valuestring);
    assert_answer(t, line, "=");
    snprintf(line, sizeof line, "komi %g", number(v, "komi"));
    assert_answer(t, line, "=");
    cJSON_ArrayForEach(move, cJSON_GetObjectItem(v, "moves"))
    {
        snprintf(line, sizeof line, "play %s %s", cJSON_GetArrayItem(move, 0)->valuestring,
                 cJSON_GetArrayItem(move, 1)->valuestring);
        assert_answer(t, line, "=");
    }
    snprintf(line, sizeof line, "kata-raw-nn %d", (int)number(v, "symmetry"));
    const char *answer = talk(t, line);
    assert_int_equal(answer[0], '=');
    static const char *const values[] = {"whiteWin", "whiteLoss", "noResult", "varTimeLeft",
                                         "shorttermWinlossError", "shorttermScoreError"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        note(&w->value, figure(answer, values[i]) - number(v, values[i]));
    note(&w->points, figure(answer, "whiteLead") - number(v, "whiteLead"));
    note(&w->points, figure(answer, "whiteScoreSelfplay") - number(v, "whiteScoreSelfplay"));
    note(&w->policy, figure(answer, "policyPass") - number(v, "policyPass"));
    compare_rows(answer, "policy\n", cJSON_GetObjectItem(v, "policy"), &w->policy);
    compare_rows(answer, "whiteOwnership\n", cJSON_GetObjectItem(v, "whiteOwnership"), &w->ownership);
    w->n++;
}

static void raw_outputs_are_katago_s_on_every_line(void **state)
{
    struct gtp_options o = talk_options();
    struct talk t = {0};
    struct worst w = {0};
    char net[1024], *text, *save = NULL;
    size_t n;
    int n_lines = 0;

    (void)state;
    snprintf(net, sizeof net, "%s", tg_test_shared("nets/g170-b6c96-s175395328-d26788732.bin.gz"));
    o.player.net = net;
    assert_ok(gtp_open(&o, NULL, &t.engine, &t.err), &t.err);
    assert_ok(tg_file_read(tg_test_shared("vectors/katago-raw-nn.jsonl"), 1 << 26, &text, &n, &t.err), &t.err);
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (n_lines++ % EVERY != 0)
            continue;
        cJSON *v = cJSON_Parse(line);

        assert_non_null(v);
        compare(&t, v, &w);
        cJSON_Delete(v);
    }
    print_message("%d positions: worst value %.2g, points %.2g, policy %.2g, ownership %.2g\n", w.n, w.value,
                  w.points, w.policy, w.ownership);
    assert_true(w.n >= 260 / EVERY);
    assert_true(w.value < 1e-3 && w.points < 0.01 && w.policy < 1e-4 && w.ownership < 1e-3);
    free(text);
    free(t.answer);
    gtp_close(t.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(raw_outputs_are_katago_s_on_every_line)};

    if (tg_test_shared("vectors/katago-raw-nn.jsonl") == NULL ||
        tg_test_shared("nets/g170-b6c96-s175395328-d26788732.bin.gz") == NULL) {
        fprintf(stderr, "skipped: no reference data (TENGEN_SHARED)\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
