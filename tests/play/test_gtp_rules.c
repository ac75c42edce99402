/* Gomoku's rules as GTP shows them: the reference vectors and random games against a slow oracle, by set_position,
 * play, tg-legal and tg-state alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../game/gomoku_oracle.h"
#include "gtp_talk.h"
#include "tengen/rng.h"

enum { LINE = 8192 };

static const char *const presets[] = {"freestyle", "standard", "captures-engine", "captures-subject"};
enum { N_PRESETS = sizeof presets / sizeof *presets };

static void open_talk(struct talk *t, const char *rules)
{
    struct gtp_options o = talk_options();

    memset(t, 0, sizeof *t);
    o.player.kind = GAME_GOMOKU;
    o.rules = rules;
    assert_ok(gtp_open(&o, NULL, &t->engine, &t->err), &t->err);
}

static void close_talk(struct talk *t)
{
    gtp_close(t->engine);
    free(t->answer);
}

/* Rows are counted from the top here, from the bottom in GTP. */
static const char *vertex(int x, int y, int height, char name[8])
{
    snprintf(name, 8, "%c%d", "ABCDEFGHJKLMNOPQRST"[x], height - y);
    return name;
}

/* Is the vertex among those of the last answer, "= A1 B1 .."? */
static bool lists(const struct talk *t, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = t->answer; (at = strstr(at, name)) != NULL; at += n)
        if (at[-1] == ' ' && (at[n] == ' ' || at[n] == '\n'))
            return true;
    return false;
}

/* ---- the reference vectors ------------------------------------------------------------------------- */

static int number(const cJSON *array, int i) { return cJSON_GetArrayItem(array, i)->valueint; }

static size_t put_stones(char *line, size_t n, const cJSON *list, char color, int size)
{
    char name[8];

    for (int i = 0; i < cJSON_GetArraySize(list); i++) {
        const cJSON *xy = cJSON_GetArrayItem(list, i);

        n += (size_t)snprintf(line + n, LINE - n, " %c %s", color,
                              vertex(number(xy, 0), number(xy, 1), size, name));
    }
    return n;
}

/* The verdict of these rules on the case, for both colours. */
static void check_double_three(const cJSON *json, const char *rules, bool forbidden)
{
    int size = cJSON_GetObjectItem(json, "size")->valueint;
    const cJSON *move = cJSON_GetObjectItem(json, "move");
    char line[LINE], name[8];
    struct talk t;

    open_talk(&t, rules);
    snprintf(line, sizeof line, "boardsize %d", size);
    assert_answer(&t, line, "=");
    vertex(number(move, 0), number(move, 1), size, name);
    for (int color = 0; color < 2; color++) {
        size_t n = (size_t)snprintf(line, sizeof line, "set_position");

        n = put_stones(line, n, cJSON_GetObjectItem(json, "mover_stones"), "bw"[color], size);
        put_stones(line, n, cJSON_GetObjectItem(json, "opponent_stones"), "wb"[color], size);
        assert_answer(&t, line, "=");
        snprintf(line, sizeof line, "tg-legal %c", "bw"[color]);
        talk(&t, line);
        if (lists(&t, name) == forbidden)
            fail_msg("%s, %s, %s: %s", cJSON_GetObjectItem(json, "id")->valuestring, rules, line, t.answer);
        snprintf(line, sizeof line, "play %c %s", "bw"[color], name);
        assert_int_equal(talk(&t, line)[0], forbidden ? '?' : '=');
    }
    close_talk(&t);
}

static bool is_off(const cJSON *json, const char *key) { return cJSON_IsFalse(cJSON_GetObjectItem(json, key)); }

/* The preset that a sequence is for; NULL: none has such rules. */
static const char *preset_of(const cJSON *json, int which)
{
    const cJSON *goal = cJSON_GetObjectItem(json, "capture_goal");

    if (is_off(json, "enable_capture") && is_off(json, "enable_doublethree"))
        return presets[which];
    if (is_off(json, "enable_capture") || is_off(json, "enable_doublethree") ||
        (goal != NULL && goal->valueint != 5))
        return NULL;
    return presets[2 + which];
}

static void check_sequence(const cJSON *json, const char *rules)
{
    const cJSON *moves = cJSON_GetObjectItem(json, "moves"), *expect = cJSON_GetObjectItem(json, "expect"), *item;
    int size = cJSON_GetObjectItem(json, "size")->valueint, n = cJSON_GetArraySize(moves);
    char line[LINE], name[8], last = 'B';
    struct talk t;

    open_talk(&t, rules);
    snprintf(line, sizeof line, "boardsize %d", size);
    assert_answer(&t, line, "=");
    for (int i = 0; i < n; i++) { /* one side may play twice */
        const cJSON *move = cJSON_GetArrayItem(moves, i);

        last = cJSON_GetArrayItem(move, 0)->valuestring[0];
        snprintf(line, sizeof line, "play %c %s", last, vertex(number(move, 1), number(move, 2), size, name));
        assert_answer(&t, line, "=");
    }
    if ((item = cJSON_GetObjectItem(expect, "p1_pairs")) != NULL) {
        snprintf(line, sizeof line, "\"pairs\":[%d,%d]", item->valueint,
                 cJSON_GetObjectItem(expect, "p2_pairs") != NULL
                     ? cJSON_GetObjectItem(expect, "p2_pairs")->valueint : 0);
        assert_says(&t, "tg-state", line);
    }
    if ((item = cJSON_GetObjectItem(expect, "terminal")) != NULL)
        assert_says(&t, "tg-state", cJSON_IsTrue(item) ? "\"terminal\":true" : "\"terminal\":false");
    if ((item = cJSON_GetObjectItem(expect, "win")) != NULL)
        assert_says(&t, "tg-state", !cJSON_IsTrue(item) ? "\"winner\":\"none\""
                                    : last == 'B'       ? "\"winner\":\"black\"" : "\"winner\":\"white\"");
    if ((item = cJSON_GetObjectItem(expect, "value_for_mover")) != NULL && item->valueint == 0)
        assert_says(&t, "tg-state", "\"winner\":\"draw\"");
    talk(&t, "tg-legal b");
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(expect, "removed"))
        assert_true(lists(&t, vertex(number(item, 0), number(item, 1), size, name)));
    close_talk(&t);
}

static void the_reference_vectors_hold_through_gtp(void **state)
{
    const char *path = tg_test_shared("vectors/gomoku-rules.jsonl");
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    char line[LINE];
    int n_threes = 0, n_sequences = 0;

    (void)state;
    if (file == NULL)
        skip(); /* no ../shared */
    while (fgets(line, sizeof line, file) != NULL) {
        cJSON *json = cJSON_Parse(line);

        assert_non_null(json);
        if (strcmp(cJSON_GetObjectItem(json, "kind")->valuestring, "double_three") == 0) {
            check_double_three(json, "captures-engine", cJSON_IsTrue(cJSON_GetObjectItem(json, "engine_forbidden")));
            check_double_three(json, "captures-subject",
                               cJSON_IsTrue(cJSON_GetObjectItem(json, "subject_literal_forbidden")));
            check_double_three(json, "freestyle", false);
            n_threes++;
        } else {
            for (int which = 0; which < 2; which++)
                if (preset_of(json, which) != NULL) {
                    check_sequence(json, preset_of(json, which));
                    n_sequences++;
                }
        }
        cJSON_Delete(json);
    }
    fclose(file);
    assert_true(n_threes >= 20 && n_sequences >= 10);
}

/* ---- random games ----------------------------------------------------------------------------------- */

/* tg-state and tg-legal of both colours are what the oracle says. */
static void compare(struct talk *t, struct oracle *o)
{
    const char *winner = !o->over                       ? "none"
                         : o->winner == GAME_WON_BLACK ? "black"
                         : o->winner == GAME_WON_WHITE ? "white" : "draw";
    char want[200], name[8];
    int mover = o->to_move;

    snprintf(want, sizeof want, "= {\"terminal\":%s,\"winner\":\"%s\",\"pairs\":[%d,%d],\"to_move\":\"%s\"}",
             o->over ? "true" : "false", winner, o->pairs[0], o->pairs[1], o->to_move ? "white" : "black");
    assert_answer(t, "tg-state", want);
    for (int color = 0; color < 2; color++) {
        talk(t, color == 0 ? "tg-legal black" : "tg-legal white");
        assert_int_equal(t->answer[0], '=');
        o->to_move = color;
        for (int y = 0; y < o->height; y++)
            for (int x = 0; x < o->width; x++)
                if (lists(t, vertex(x, y, o->height, name)) != (!o->over && oracle_legal(o, x, y)))
                    fail_msg("%s for colour %d: %s", name, color, t->answer);
        o->to_move = mover;
    }
}

/* A legal point, most often near the last one. */
static bool pick(struct oracle *o, struct tg_rng *rng, int *x, int *y)
{
    int last_x = *x, last_y = *y;

    for (int tries = 0; tries < 400; tries++) {
        bool near = tries < 40 && last_x >= 0;

        *x = near ? last_x + (int)tg_rng_below(rng, 7) - 3 : (int)tg_rng_below(rng, (uint32_t)o->width);
        *y = near ? last_y + (int)tg_rng_below(rng, 7) - 3 : (int)tg_rng_below(rng, (uint32_t)o->height);
        if (*x >= 0 && *y >= 0 && *x < o->width && *y < o->height && oracle_legal(o, *x, *y))
            return true;
    }
    return false;
}

static void play_out(struct talk *t, const char *rules, int width, int height, struct tg_rng *rng)
{
    struct game g;
    struct game_setup setup;
    struct oracle o;
    char line[64], name[8];
    int x = -1, y = -1;

    assert_ok(game_init(&g, GAME_GOMOKU, width > height ? width : height, 0, &t->err), &t->err);
    game_default_setup(&g, &setup);
    assert_ok(game_rules_parse(&g, rules, &setup, &t->err), &t->err);
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    oracle_start(&o, &setup);
    snprintf(line, sizeof line, "rectangular_boardsize %d %d", width, height);
    assert_answer(t, line, "=");
    for (compare(t, &o); !o.over && pick(&o, rng, &x, &y); compare(t, &o)) {
        snprintf(line, sizeof line, "play %c %s", "bw"[o.to_move], vertex(x, y, height, name));
        assert_answer(t, line, "=");
        oracle_play(&o, x, y);
    }
}

static void random_games_on_rectangles_are_the_oracle_s(void **state)
{
    static const int sizes[][2] = {{9, 9}, {7, 11}, {13, 5}, {6, 6}, {19, 7}};
    struct tg_rng rng = tg_rng_stream(11, TG_RNG_TEST, 0, 0);

    (void)state;
    for (int p = 0; p < N_PRESETS; p++) {
        struct talk t;

        open_talk(&t, presets[p]);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            play_out(&t, presets[p], sizes[s][0], sizes[s][1], &rng);
        close_talk(&t);
    }
}

/* Without a network moves are uniform over the legal ones; under every preset the game goes to its end. */
static void uniform_play_is_legal_under_every_preset(void **state)
{
    (void)state;
    for (int p = 0; p < N_PRESETS; p++) {
        struct talk t;

        open_talk(&t, presets[p]);
        assert_answer(&t, "boardsize 7", "=");
        for (int ply = 0; ply < 200; ply++) {
            char legal[LINE], name[16];

            if (strstr(talk(&t, "tg-state"), "\"terminal\":true") != NULL)
                break;
            snprintf(legal, sizeof legal, "%s", talk(&t, ply % 2 ? "tg-legal w" : "tg-legal b"));
            assert_int_equal(sscanf(talk(&t, ply % 2 ? "genmove w" : "genmove b"), "= %15s", name), 1);
            free(t.answer);
            t.answer = strdup(legal);
            if (!lists(&t, name))
                fail_msg("%s is not among %s", name, legal);
        }
        assert_says(&t, "tg-state", "\"terminal\":true");
        close_talk(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_vectors_hold_through_gtp),
        cmocka_unit_test(random_games_on_rectangles_are_the_oracle_s),
        cmocka_unit_test(uniform_play_is_legal_under_every_preset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
