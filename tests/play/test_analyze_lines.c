/* Lines that a client would not send: whatever comes in, each line that goes out is one JSON object, and
 * the analyzer lives. */
#include "analyze_talk.h"
#include "tengen/rng.h"

enum { LINES = 10000 };

static const char *const good[] = {
    "{\"id\":\"a\",\"rules\":\"tromp-taylor\",\"komi\":7.5,\"boardXSize\":5,\"boardYSize\":5,\"moves\":"
    "[[\"B\",\"C3\"],[\"W\",\"pass\"],[\"B\",\"(1,2)\"]],\"analyzeTurns\":[0,3],\"priorities\":[1,-2]}",
    "{\"id\":\"b\",\"rules\":{\"ko\":\"SIMPLE\",\"scoring\":\"TERRITORY\",\"tax\":\"SEKI\",\"suicide\":false},"
    "\"boardXSize\":4,\"boardYSize\":6,\"initialStones\":[[\"B\",\"A1\"],[\"W\",\"B2\"]],\"initialPlayer\":\"W\","
    "\"moves\":[],\"includeOwnership\":true,\"includePolicy\":true,\"includePVVisits\":true}",
    "{\"id\":\"c\",\"rules\":\"japanese\",\"boardXSize\":5,\"boardYSize\":5,\"moves\":[],\"avoidMoves\":"
    "[{\"player\":\"B\",\"moves\":[\"C3\",\"pass\"],\"untilDepth\":2}],\"overrideSettings\":{\"cpuctExploration\":1.5}}",
    "{\"id\":\"d\",\"action\":\"terminate\",\"terminateId\":\"a\",\"turnNumbers\":[1,2]}",
    "{\"id\":\"e\",\"action\":\"query_version\"}",
};
enum { N_GOOD = sizeof good / sizeof *good };

static const char *const pieces[] = {"{", "}", "[", "]", "\"", ",", ":", "null", "1e999", "-1", "true",
                                     "\"pass\"", "\\u0000", "\\", "\xc3\xa9", "\xff", "99999999999999999999",
                                     "\"boardXSize\":19", "[[[[[[[[", "0.0000001", "\"id\":\"z\","};
enum { N_PIECES = sizeof pieces / sizeof *pieces };

static int setup(void **state)
{
    static struct analyze_talk t;

    talk_prepare(&t, GAME_GO);
    t.o.threads = 2;
    t.o.visits = 2;
    t.o.sec = 0.01; /* a changed line may ask for very many */
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    talk_close(*state);
    return 0;
}

/* One change somewhere in line [n] of room `cap`. */
static size_t change(struct tg_rng *rng, char *line, size_t n, size_t cap)
{
    size_t at = tg_rng_below(rng, (uint32_t)n + 1), cut = tg_rng_below(rng, 12);
    const char *piece = pieces[tg_rng_below(rng, N_PIECES)];

    switch (tg_rng_below(rng, 4)) {
    case 0: /* a byte */
        if (at < n)
            line[at] = (char)tg_rng_u32(rng);
        return n;
    case 1: /* some bytes are gone */
        if (at + cut > n)
            cut = n - at;
        memmove(line + at, line + at + cut, n - at - cut);
        return n - cut;
    case 2: /* something more */
        cut = strlen(piece);
        break;
    default: /* something of the line again */
        piece = NULL;
        if (at + cut > n)
            cut = n - at;
    }
    if (n + cut > cap)
        return n;
    memmove(line + at + cut, line + at, n - at);
    if (piece != NULL)
        memcpy(line + at, piece, cut);
    return n + cut;
}

static void ten_thousand_changed_lines_do_no_harm(void **state)
{
    struct analyze_talk *t = *state;
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 0, 0);
    int n_errors = 0, n_analyses = 0;
    char line[2048];

    talk_open(t);
    for (int i = 0; i < LINES; i++) {
        const char *from = good[tg_rng_below(&rng, N_GOOD)];
        size_t n = strlen(from);

        memcpy(line, from, n);
        for (uint32_t k = 1 + tg_rng_below(&rng, 3); k > 0; k--)
            n = change(&rng, line, n, sizeof line);
        analyze_line(t->a, line, n);
    }
    say(t, "{\"id\":\"alive\",\"rules\":\"aga\",\"boardXSize\":9,\"boardYSize\":9,\"moves\":[]}");
    talk_finish(t); /* reads every line as JSON */
    answer_to(t, "alive", 0);
    for (int i = 0; i < t->n_answers; i++) {
        n_errors += cJSON_HasObjectItem(t->answers[i], "error");
        n_analyses += cJSON_HasObjectItem(t->answers[i], "turnNumber"); /* terminated ones too */
    }
    assert_true(n_errors > LINES / 4); /* the changes are felt */
    assert_true(n_analyses > LINES / 20); /* and do not spoil everything */
}

static void every_beginning_of_a_line_is_refused(void **state)
{
    struct analyze_talk *t = *state;

    talk_open(t);
    for (size_t n = 1; n < strlen(good[0]); n++)
        analyze_line(t->a, good[0], n);
    talk_finish(t);
    assert_int_equal(t->n_answers, (int)strlen(good[0]) - 1);
    for (int i = 0; i < t->n_answers; i++)
        assert_non_null(text_of(t->answers[i], "error"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_changed_lines_do_no_harm, setup, teardown),
        cmocka_unit_test_setup_teardown(every_beginning_of_a_line_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
