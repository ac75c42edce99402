/* The network that KataGo published, read by us and run on positions that we encode, says what
 * KataGo's own engine says: ../shared/vectors/katago-raw-nn.jsonl (260 positions of many sizes and
 * rule sets, in all symmetries; figures rounded to 6 decimals, points to 3). */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/file.h"
#include "tengen/nn.h"
#include "tg_test.h"

static const char net_name[] = "nets/g170-b6c96-s175395328-d26788732.bin.gz";
static const char vectors_name[] = "vectors/katago-raw-nn.jsonl";

struct fixture {
    struct tg_error err;
    struct nn_model m;
    const struct nn_backend *backend;
    char *vectors; /* one JSON object a line */
    struct game game[GAME_MAX_SIZE + 1]; /* by side, as far as needed: net[side] is not NULL */
    struct nn_net *net[GAME_MAX_SIZE + 1];
    struct nn_batch batch[GAME_MAX_SIZE + 1];
};

/* ---- one line -------------------------------------------------------------------------------- */

static double number(const cJSON *line, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);

    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *string(const cJSON *line, const char *key)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, key));

    assert_non_null(s);
    return s;
}

static int board_side(const cJSON *line, int which)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(line, "board"), which)->valueint;
}

/* Network and batch for a tensor of this side. */
static void open_side(struct fixture *f, int side)
{
    struct nn_net_options options = {.size = side, .threads = 1};

    if (f->net[side] != NULL)
        return;
    assert_ok(game_init(&f->game[side], GAME_GO, side, 0, &f->err), &f->err);
    assert_ok(nn_model_fits(&f->m, &f->game[side], &f->err), &f->err);
    assert_ok(f->backend->open(&f->m.arch, &options, &f->net[side], &f->err), &f->err);
    assert_ok(f->backend->set(f->net[side], NN_PARAMS, f->m.params, &f->err), &f->err);
    assert_ok(f->backend->batch_open(f->net[side], 1, NN_BATCH_OWNERSHIP, &f->batch[side], &f->err),
              &f->err);
}

static void play_line(struct fixture *f, const struct game *g, const cJSON *line,
                      struct position *pos)
{
    struct game_setup setup;
    const cJSON *move;

    game_default_setup(g, &setup);
    setup.width = (uint8_t)board_side(line, 0);
    setup.height = (uint8_t)board_side(line, 1);
    assert_ok(game_rules_parse(g, string(line, "rules"), &setup, &f->err), &f->err);
    setup.go.komi2 = (int16_t)lround(2 * number(line, "komi"));
    assert_ok(game_setup_check(g, &setup, &f->err), &f->err);
    game_start(g, &setup, pos);
    cJSON_ArrayForEach(move, cJSON_GetObjectItemCaseSensitive(line, "moves"))
    {
        const char *color = cJSON_GetArrayItem(move, 0)->valuestring;
        int action = game_vertex_parse(g, pos, cJSON_GetArrayItem(move, 1)->valuestring);

        assert_int_equal(pos->to_move, color[0] == 'B' ? GAME_BLACK : GAME_WHITE);
        if (!game_is_legal(g, pos, action))
            fail_msg("line %s: ply %d: %s is not legal here", string(line, "id"), pos->ply,
                     cJSON_GetArrayItem(move, 1)->valuestring);
        game_play(g, pos, action);
    }
    assert_int_equal(pos->to_move, string(line, "to_move")[0] == 'B' ? GAME_BLACK : GAME_WHITE);
}

/* ---- what differs ----------------------------------------------------------------------------- */

/* The largest differences of one position; square: of the score's second moment, relative to it;
 * illegal: points that one side calls legal, the other not. */
struct diff {
    double value, points, square, policy, ownership;
    int illegal;
};

static void note(double *worst, double a, double b)
{
    if (!(fabs(a - b) <= *worst))
        *worst = fabs(a - b);
}

static void compare_value(const struct nn_arch *arch, const struct nn_batch *b,
                          const struct position *pos, const cJSON *line, struct diff *d)
{
    bool no_result = pos->setup.go.ko == GO_KO_SIMPLE || pos->setup.go.scoring == GO_SCORING_TERRITORY;
    double sign = pos->to_move == GAME_WHITE ? 1 : -1;
    struct nn_eval e;

    nn_eval_row(arch, b->value, b->score, no_result, &e);
    note(&d->value, sign > 0 ? e.win : e.loss, number(line, "whiteWin"));
    note(&d->value, sign > 0 ? e.loss : e.win, number(line, "whiteLoss"));
    note(&d->value, e.no_result, number(line, "noResult"));
    note(&d->points, sign * e.lead, number(line, "whiteLead"));
    note(&d->points, sign * e.score_mean, number(line, "whiteScoreSelfplay"));
    double square = e.score_mean * e.score_mean + e.score_stdev * e.score_stdev;
    double expected = number(line, "whiteScoreSelfplaySq");
    note(&d->square, square / (expected + 1), expected / (expected + 1));
}

static void compare_policy(const struct game *g, const struct nn_batch *b, const struct position *pos,
                           const cJSON *line, struct diff *d)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(line, "policy");
    uint8_t legal[GAME_MAX_ACTIONS];
    double top = -1e30, sum = 0;

    game_legal(g, pos, legal);
    for (int a = 0; a < g->n_actions; a++)
        if (legal[a])
            top = fmax(top, b->policy[a]);
    for (int a = 0; a < g->n_actions; a++)
        sum += legal[a] ? exp(b->policy[a] - top) : 0;
    for (int y = 0; y < pos->setup.height; y++)
        for (int x = 0; x < pos->setup.width; x++) {
            const cJSON *p = cJSON_GetArrayItem(cJSON_GetArrayItem(rows, y), x);
            int a = y * g->size + x;

            if (cJSON_IsNumber(p) != legal[a])
                d->illegal++;
            else if (legal[a])
                note(&d->policy, exp(b->policy[a] - top) / sum, p->valuedouble);
        }
    note(&d->policy, exp(b->policy[g->n_points] - top) / sum, number(line, "policyPass"));
}

static void compare_ownership(const struct game *g, const struct nn_batch *b,
                              const struct position *pos, const cJSON *line, struct diff *d)
{
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(line, "whiteOwnership");
    double sign = pos->to_move == GAME_WHITE ? 1 : -1;

    for (int y = 0; y < pos->setup.height; y++)
        for (int x = 0; x < pos->setup.width; x++)
            note(&d->ownership, sign * b->ownership[y * g->size + x],
                 cJSON_GetArrayItem(cJSON_GetArrayItem(rows, y), x)->valuedouble);
}

/* ---- the tests -------------------------------------------------------------------------------- */

static struct diff run_line(struct fixture *f, const cJSON *line)
{
    int side = board_side(line, 0) > board_side(line, 1) ? board_side(line, 0) : board_side(line, 1);
    static struct position pos; /* too large for a stack that sanitizers grow */
    struct diff d = {0};
    struct nn_batch *b = &f->batch[side];

    open_side(f, side);
    play_line(f, &f->game[side], line, &pos);
    b->n = 1;
    b->symmetry[0] = (uint8_t)number(line, "symmetry");
    if (board_side(line, 0) != board_side(line, 1))
        b->symmetry[0] &= 3; /* that engine's tensor was the board, and it transposes squares alone */
    game_encode(&f->game[side], &pos, NULL, b->planes, b->globals);
    assert_ok(f->backend->infer(f->net[side], b, &f->err), &f->err);
    assert_ok(f->backend->wait(f->net[side], b, &f->err), &f->err);
    compare_value(&f->m.arch, b, &pos, line, &d);
    compare_policy(&f->game[side], b, &pos, line, &d);
    compare_ownership(&f->game[side], b, &pos, line, &d);
    return d;
}

static void we_say_what_katago_says(void **state)
{
    struct fixture *f = *state;
    int n_lines = 0, n_bad = 0;
    struct diff worst = {0};

    for (char *at = f->vectors, *end; *at != '\0'; at = end + 1) {
        end = strchr(at, '\n');
        if (end == NULL)
            break;
        *end = '\0';
        cJSON *line = cJSON_Parse(at);
        assert_non_null(line);
        struct diff d = run_line(f, line);
        n_lines++;
        if (d.value > 1e-3 || d.points > 0.01 || d.square > 1e-3 || d.policy > 1e-4 ||
            d.ownership > 1e-3 || d.illegal > 0) {
            n_bad++;
            print_message("%s %dx%d %s: value %.5f, points %.4f, square %.5f, policy %.6f, "
                          "ownership %.5f, illegal %d\n",
                          string(line, "id"), board_side(line, 0), board_side(line, 1),
                          string(line, "rules"), d.value, d.points, d.square, d.policy, d.ownership,
                          d.illegal);
        }
        note(&worst.value, d.value, 0);
        note(&worst.points, d.points, 0);
        note(&worst.square, d.square, 0);
        note(&worst.policy, d.policy, 0);
        note(&worst.ownership, d.ownership, 0);
        cJSON_Delete(line);
    }
    print_message("%d positions; worst: value %.1e, points %.1e, square %.1e, policy %.1e, "
                  "ownership %.1e\n",
                  n_lines, worst.value, worst.points, worst.square, worst.policy, worst.ownership);
    assert_int_equal(n_lines, 260);
    assert_int_equal(n_bad, 0);
}

static void the_published_network_is_as_documented(void **state)
{
    struct fixture *f = *state;
    const struct nn_arch *a = &f->m.arch;

    assert_string_equal(f->m.name, "g170-b6c96-s175395328-d26788732");
    assert_int_equal(a->source_version, 8);
    assert_int_equal(a->n_blocks, 6);
    assert_int_equal(a->trunk, 96);
    assert_int_equal(a->stem, 5);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(a->blocks[i].kind, i == 2 || i == 4 ? NN_BLOCK_GPOOL : NN_BLOCK_RESIDUAL);
        assert_int_equal(a->blocks[i].mid, i == 2 || i == 4 ? 64 : 96);
    }
    assert_int_equal(a->p1, 32);
    assert_int_equal(a->v2, 64);
    assert_int_equal(a->n_score, 4);
}

static void it_goes_out_and_in_again_unchanged(void **state)
{
    struct fixture *f = *state;
    struct nn_model back;
    char dir[64], path[128];

    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/x.bin.gz", dir);
    assert_ok(nn_model_export(&f->m, path, &f->err), &f->err);
    assert_ok(nn_model_load(path, &back, NULL, &f->err), &f->err);
    assert_memory_equal(&back.arch, &f->m.arch, sizeof back.arch);
    assert_memory_equal(back.params, f->m.params, back.layout.n_params * sizeof(float));
    nn_model_close(&back);
    snprintf(path, sizeof path, "%s/x.net", dir);
    assert_ok(nn_model_save(&f->m, path, &f->err), &f->err);
    assert_ok(nn_model_load(path, &back, NULL, &f->err), &f->err);
    assert_memory_equal(&back.arch, &f->m.arch, sizeof back.arch);
    assert_memory_equal(back.params, f->m.params, back.layout.n_params * sizeof(float));
    nn_model_close(&back);
    tg_test_rmdir(dir);
}

static int setup(void **state)
{
    static struct fixture f;
    size_t n;

    assert_ok(nn_model_load(tg_test_shared(net_name), &f.m, NULL, &f.err), &f.err);
    assert_ok(tg_file_read(tg_test_shared(vectors_name), (size_t)1 << 26, &f.vectors, &n, &f.err),
              &f.err);
    assert_ok(nn_backend_find("cpu", &f.backend, &f.err), &f.err);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    for (int side = 0; side <= GAME_MAX_SIZE; side++)
        if (f->net[side] != NULL) {
            f->backend->batch_close(f->net[side], &f->batch[side]);
            f->backend->close(f->net[side]);
        }
    nn_model_close(&f->m);
    free(f->vectors);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_network_is_as_documented),
        cmocka_unit_test(it_goes_out_and_in_again_unchanged),
        cmocka_unit_test(we_say_what_katago_says),
    };

    if (tg_test_shared(net_name) == NULL || tg_test_shared(vectors_name) == NULL) {
        print_message("skipped: no %s and %s\n", net_name, vectors_name);
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
