/* The positions of the reference data: two readings of double-three, and move sequences. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "tengen/game.h"
#include "tg_test.h"

enum { SKIP = 77 };

struct table {
    FILE *file;
    char line[8192];
    struct game g;
    struct position pos;
    struct tg_error err;
};

/* The next line of this kind (or of any kind that starts so), or NULL. The caller deletes it. */
static cJSON *next_case(struct table *t, const char *kind)
{
    while (fgets(t->line, sizeof t->line, t->file) != NULL) {
        cJSON *json = cJSON_Parse(t->line);

        assert_non_null(json);
        if (strncmp(cJSON_GetObjectItem(json, "kind")->valuestring, kind, strlen(kind)) == 0)
            return json;
        cJSON_Delete(json);
    }
    return NULL;
}

static int number(const cJSON *array, int i) { return cJSON_GetArrayItem(array, i)->valueint; }

static int point_of(const struct table *t, const cJSON *xy, int first)
{
    return number(xy, first + 1) * t->g.size + number(xy, first);
}

static void start(struct table *t, int size, const char *rules, const cJSON *options)
{
    const cJSON *goal = cJSON_GetObjectItem(options, "capture_goal");
    struct game_setup setup;

    assert_ok(game_init(&t->g, GAME_GOMOKU, size, 5, &t->err), &t->err);
    game_default_setup(&t->g, &setup);
    assert_ok(game_rules_parse(&t->g, rules, &setup, &t->err), &t->err);
    if (goal != NULL)
        setup.gomoku.capture_goal = (uint8_t)goal->valueint;
    if (cJSON_IsFalse(cJSON_GetObjectItem(options, "enable_capture"))) {
        setup.gomoku.captures = setup.gomoku.capture_goal = 0;
        setup.gomoku.capture_exempts = setup.gomoku.breakable_five = 0;
    }
    if (cJSON_IsFalse(cJSON_GetObjectItem(options, "enable_doublethree")))
        setup.gomoku.double_three = GOMOKU_THREES_FREE;
    assert_ok(game_setup_check(&t->g, &setup, &t->err), &t->err);
    game_start(&t->g, &setup, &t->pos);
}

static void put_all(const struct table *t, const cJSON *list, uint8_t stone, uint8_t *stones)
{
    for (int i = 0; i < cJSON_GetArraySize(list); i++)
        stones[point_of(t, cJSON_GetArrayItem(list, i), 0)] = stone;
}

/* The case in the colour given and in the other one: the rule knows no colour. */
static void check_verdict(struct table *t, const cJSON *json, const char *rules, const char *key)
{
    bool expected = cJSON_IsTrue(cJSON_GetObjectItem(json, key));

    for (enum game_color color = GAME_BLACK; color <= GAME_WHITE; color++) {
        uint8_t stones[GAME_MAX_POINTS] = {0}, legal[GAME_MAX_ACTIONS];
        int move;

        start(t, cJSON_GetObjectItem(json, "size")->valueint, rules, NULL);
        put_all(t, cJSON_GetObjectItem(json, "mover_stones"),
                color == GAME_BLACK ? GAME_BLACK_STONE : GAME_WHITE_STONE, stones);
        put_all(t, cJSON_GetObjectItem(json, "opponent_stones"),
                color == GAME_BLACK ? GAME_WHITE_STONE : GAME_BLACK_STONE, stones);
        move = point_of(t, cJSON_GetObjectItem(json, "move"), 0);
        assert_ok(game_set_stones(&t->g, &t->pos, stones, color, &t->err), &t->err);
        game_legal(&t->g, &t->pos, legal);
        if (game_is_legal(&t->g, &t->pos, move) == expected || legal[move] == expected)
            fail_msg("%s, %s: %s should be %d", cJSON_GetObjectItem(json, "id")->valuestring, rules,
                     key, expected);
    }
}

static void double_threes_are_judged_as_in_the_vectors(void **state)
{
    struct table *t = *state;
    int n = 0;

    for (cJSON *json; (json = next_case(t, "double_three")) != NULL; n++, cJSON_Delete(json)) {
        check_verdict(t, json, "captures-engine", "engine_forbidden");
        check_verdict(t, json, "captures-subject", "subject_literal_forbidden");
    }
    assert_true(n >= 20);
}

static void check_expectations(const struct table *t, const cJSON *json)
{
    const cJSON *expect = cJSON_GetObjectItem(json, "expect"), *item;
    const struct position *pos = &t->pos;
    int n_empty = 0;

    for (int p = 0; p < t->g.n_points; p++)
        n_empty += pos->stones[p] == GAME_EMPTY;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(expect, "removed"))
        assert_int_equal(pos->stones[point_of(t, item, 0)], GAME_EMPTY);
    if ((item = cJSON_GetObjectItem(expect, "p1_pairs")) != NULL)
        assert_int_equal(pos->captures[GAME_BLACK], item->valueint);
    if ((item = cJSON_GetObjectItem(expect, "p2_pairs")) != NULL)
        assert_int_equal(pos->captures[GAME_WHITE], item->valueint);
    if ((item = cJSON_GetObjectItem(expect, "empty")) != NULL)
        assert_int_equal(n_empty, item->valueint);
    if ((item = cJSON_GetObjectItem(expect, "terminal")) != NULL)
        assert_int_equal(pos->over, cJSON_IsTrue(item));
    if ((item = cJSON_GetObjectItem(expect, "value_for_mover")) != NULL)
        assert_int_equal(pos->winner == GAME_DRAWN ? 0 : pos->winner == pos->recent_color[0] ? 1 : -1,
                         item->valueint);
    if ((item = cJSON_GetObjectItem(expect, "win")) != NULL)
        assert_int_equal(pos->over && pos->winner == pos->recent_color[0], cJSON_IsTrue(item));
    item = cJSON_GetObjectItem(expect, "history_recent_first");
    for (int i = 0; i < cJSON_GetArraySize(item); i++)
        assert_int_equal(pos->recent[i], point_of(t, cJSON_GetArrayItem(item, i), 0));
}

/* "sequence_same_colour" lets one side move again and again: all but its last stone are set up. */
static void play_case(struct table *t, const cJSON *json, bool same_color)
{
    const cJSON *moves = cJSON_GetObjectItem(json, "moves");
    int n = cJSON_GetArraySize(moves);
    uint8_t stones[GAME_MAX_POINTS] = {0};

    for (int i = 0; i < n; i++) {
        const cJSON *move = cJSON_GetArrayItem(moves, i);
        int a = point_of(t, move, 1);

        if (same_color && i < n - 1) {
            stones[a] = GAME_BLACK_STONE;
            continue;
        }
        if (same_color)
            assert_ok(game_set_stones(&t->g, &t->pos, stones, GAME_BLACK, &t->err), &t->err);
        assert_int_equal(cJSON_GetArrayItem(move, 0)->valuestring[0], "BW"[t->pos.to_move]);
        assert_true(game_is_legal(&t->g, &t->pos, a));
        game_play(&t->g, &t->pos, a);
    }
}

static void sequences_end_as_in_the_vectors(void **state)
{
    static const char *const rules[] = {"captures-engine", "captures-subject"};
    struct table *t = *state;
    int n = 0;

    for (cJSON *json; (json = next_case(t, "sequence")) != NULL; n++, cJSON_Delete(json))
        for (int r = 0; r < 2; r++) {
            start(t, cJSON_GetObjectItem(json, "size")->valueint, rules[r], json);
            play_case(t, json, strstr(cJSON_GetObjectItem(json, "kind")->valuestring, "same") != NULL);
            check_expectations(t, json);
        }
    assert_true(n >= 7);
}

static int rewind_table(void **state)
{
    rewind(((struct table *)*state)->file);
    return 0;
}

int main(void)
{
    static struct table t;
    const char *path = tg_test_shared("vectors/gomoku-rules.jsonl");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(double_threes_are_judged_as_in_the_vectors,
                                                 rewind_table, NULL, &t),
        cmocka_unit_test_prestate_setup_teardown(sequences_end_as_in_the_vectors, rewind_table,
                                                 NULL, &t),
    };
    int rc;

    if (path == NULL || (t.file = fopen(path, "r")) == NULL) {
        printf("skipped: no ../shared/vectors/gomoku-rules.jsonl (or $TENGEN_SHARED)\n");
        return SKIP;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    fclose(t.file);
    return rc;
}
