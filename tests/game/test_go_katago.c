/* Games that KataGo played and judged: it accepts our moves, and forbids what we forbid. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/game.h"
#include "tg_test.h"

static const cJSON *field(const cJSON *o, const char *name)
{
    const cJSON *f = cJSON_GetObjectItem(o, name);

    if (f == NULL)
        fail_msg("no field %s", name);
    return f;
}

/* policy holds null where KataGo allows no move. */
static int compare_legal(const struct game *g, const struct position *pos, const cJSON *line)
{
    const char *id = field(line, "id")->valuestring;
    uint8_t legal[GAME_MAX_ACTIONS];
    const cJSON *row, *point;
    int y = 0, n = 0;

    game_legal(g, pos, legal);
    cJSON_ArrayForEach(row, field(line, "policy"))
    {
        int x = 0;

        cJSON_ArrayForEach(point, row)
        {
            if (legal[y * g->size + x] != !cJSON_IsNull(point))
                fail_msg("%s: point (%d, %d) is %slegal here", id, x, y,
                         legal[y * g->size + x] ? "" : "il");
            x++;
            n++;
        }
        y++;
    }
    return n;
}

static void replay(const cJSON *line)
{
    const cJSON *board = field(line, "board"), *move;
    int width = cJSON_GetArrayItem(board, 0)->valueint;
    int height = cJSON_GetArrayItem(board, 1)->valueint;
    static struct position pos;
    struct game_setup setup;
    struct tg_error err;
    struct game g;

    assert_ok(game_init(&g, GAME_GO, width > height ? width : height, 0, &err), &err);
    game_default_setup(&g, &setup);
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    setup.go.komi2 = (int16_t)(2 * field(line, "komi")->valuedouble);
    assert_ok(game_rules_parse(&g, field(line, "rules")->valuestring, &setup, &err), &err);
    assert_ok(game_setup_check(&g, &setup, &err), &err);
    game_start(&g, &setup, &pos);
    cJSON_ArrayForEach(move, field(line, "moves"))
    {
        const char *vertex = cJSON_GetArrayItem(move, 1)->valuestring;
        bool white = cJSON_GetArrayItem(move, 0)->valuestring[0] == 'W';
        int action = game_vertex_parse(&g, &pos, vertex);

        if (white != (pos.to_move == GAME_WHITE) || !game_is_legal(&g, &pos, action))
            fail_msg("%s: ply %d, %s is not legal here", field(line, "id")->valuestring, pos.ply,
                     vertex);
        game_play(&g, &pos, action);
    }
    assert_false(pos.over);
    assert_int_equal(compare_legal(&g, &pos, line), width * height);
}

static void katago_allows_what_we_allow(void **state)
{
    FILE *f = *state;
    static char text[1 << 16];
    int n = 0;

    while (fgets(text, sizeof text, f) != NULL) {
        cJSON *line = cJSON_Parse(text);

        assert_non_null(line);
        replay(line);
        cJSON_Delete(line);
        n++;
    }
    assert_int_equal(n, 260);
    fclose(f);
}

int main(void)
{
    const char *path = tg_test_shared("vectors/katago-raw-nn.jsonl");
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(katago_allows_what_we_allow, f),
    };

    if (f == NULL)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
