/* Games as rows: what an SGF file becomes is what self-play would have recorded of the same game. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tg_test.h"
#include "tengen/play.h"
#include "tengen/selfplay.h"

static struct tg_error err;

/* ---- against self-play -------------------------------------------------------------------------- */

/* Play one game of the random bot against itself. */
static void play(const struct game *g, const struct game_setup *setup, int64_t id, struct record_finished *f)
{
    struct selfplay_pool_options options = {.threads = 1, .parallel_games = 1, .groups_per_thread = 1};
    struct selfplay_settings settings = {.max_plies = 0};
    struct selfplay_job job = {.id = id, .seed = 5, .opening_key = (uint64_t)id, .setup = *setup,
                               .record = true, .settings = {&settings, &settings}}, done;
    struct selfplay_pool *pool;
    bool got = false, idle = false;

    search_default_settings(&settings.search);
    for (int c = 0; c < 2; c++)
        job.player[c] = (struct selfplay_player){RECORD_RANDOM_BOT, 0, -1, NULL};
    assert_ok(selfplay_open(g, &options, NULL, &pool, &err), &err);
    assert_ok(selfplay_push(pool, &job, 1, &err), &err);
    while (!got)
        assert_ok(selfplay_take(pool, 1.0, f, &done, &got, &idle, &err), &err);
    selfplay_close(pool);
}

static void import_text(const struct game *g, const char *text, struct record_finished *f)
{
    struct sgf_game *games;
    int n;

    assert_ok(sgf_read(text, strlen(text), "test", g, &games, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_ok(sgf_rows(g, games, 77, f, &err), &err);
    sgf_free(games, n);
}

static void compare(const struct game *g, const struct record_finished *a, const struct record_finished *b)
{
    struct record_layout l;
    float policy[GAME_MAX_ACTIONS];

    record_layout_init(&l, g);
    assert_int_equal(a->game.n_rows, b->game.n_rows);
    assert_int_equal(a->game.n_moves, b->game.n_moves);
    assert_int_equal(a->game.winner, b->game.winner);
    assert_float_equal(a->game.score, b->game.score, 0);
    for (int i = 0; i < a->game.n_rows; i++) {
        const uint8_t *x = a->rows + (size_t)i * l.row_bytes, *y = b->rows + (size_t)i * l.row_bytes;
        const struct record_head *h = (const void *)x, *k = (const void *)y;

        assert_memory_equal(x + l.planes, y + l.planes, (size_t)(l.n_planes * l.plane_bytes));
        assert_memory_equal(x + l.globals, y + l.globals, (size_t)l.n_globals * sizeof(float));
        assert_memory_equal(h->value, k->value, sizeof h->value);
        assert_int_equal(h->ply, k->ply);
        assert_int_equal(h->color, k->color);
        assert_float_equal(h->w_value, k->w_value, 0);
        assert_float_equal(h->w_score, k->w_score, 0);
        assert_float_equal(h->score, k->score, 0);
        assert_memory_equal(x + l.ownership, y + l.ownership, 2 * (size_t)l.plane_bytes);
        assert_true(h->w_policy == 1.0f && h->game_id == 77);
        record_policy_unpack(&l, (const uint16_t *)(const void *)(x + l.policy), policy);
        assert_true(policy[b->moves[i]] == 1.0f);
        if (i + 1 < a->game.n_rows) {
            record_reply_unpack(&l, x + l.reply, policy);
            assert_true(h->w_reply == 1.0f && policy[b->moves[i + 1]] == 1.0f);
        } else {
            assert_true(h->w_reply == 0.0f);
        }
    }
}

static void check_kind(enum game_kind kind, const char *rules, int width, int height)
{
    struct game g;
    struct game_setup setup;
    struct record_finished played, read;
    char *text;
    size_t n;

    assert_ok(game_init(&g, kind, 9, 2, &err), &err);
    game_default_setup(&g, &setup);
    assert_ok(game_rules_parse(&g, rules, &setup, &err), &err);
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    for (int64_t id = 0; id < 3; id++) {
        FILE *out = open_memstream(&text, &n);

        play(&g, &setup, id, &played);
        assert_ok(sgf_write(out, &g, &played, "a", "b", &err), &err);
        fclose(out);
        import_text(&g, text, &read);
        compare(&g, &read, &played);
        record_finished_free(&read);
        record_finished_free(&played);
        free(text);
    }
}

static void rows_are_those_of_self_play(void **state)
{
    (void)state;
    check_kind(GAME_GO, "tromp-taylor", 9, 9);
    check_kind(GAME_GO, "aga-button", 7, 5);
    check_kind(GAME_GO, "japanese", 5, 5);
    check_kind(GAME_GOMOKU, "freestyle", 9, 9);
    check_kind(GAME_GOMOKU, "captures-subject", 9, 9);
}

/* ---- games of people -------------------------------------------------------------------------------- */

static void setup_go(struct game *g) { assert_ok(game_init(g, GAME_GO, 9, 0, &err), &err); }

static const struct record_head *head(const struct game *g, const struct record_finished *f, int i)
{
    struct record_layout l;

    record_layout_init(&l, g);
    return (const void *)(f->rows + (size_t)i * l.row_bytes);
}

static void a_resigned_game_teaches_the_outcome_but_no_score(void **state)
{
    struct game g;
    struct record_finished f;

    (void)state;
    setup_go(&g);
    import_text(&g, "(;GM[1]SZ[9]RE[W+R];B[ee];W[cc];B[gg])", &f);
    assert_int_equal(f.game.n_rows, 3);
    assert_true(f.game.resigned && f.game.winner == GAME_WON_WHITE);
    for (int i = 0; i < 3; i++) {
        assert_true(head(&g, &f, i)->value[i == 1 ? 0 : 1] == 1.0f);
        assert_true(head(&g, &f, i)->w_value == 1.0f && head(&g, &f, i)->w_score == 0.0f);
    }
    record_finished_free(&f);
}

static void a_score_that_the_board_does_not_show_is_not_taught(void **state)
{
    struct game g;
    struct record_finished f;

    (void)state;
    setup_go(&g);
    /* One black stone alone owns all: Black leads by 81 - 7.5. */
    import_text(&g, "(;GM[1]SZ[9]KM[7.5]RE[B+73.5];B[ee];W[];B[])", &f);
    assert_true(head(&g, &f, 0)->w_score == 1.0f && head(&g, &f, 0)->score == 73.5f);
    assert_true(head(&g, &f, 1)->score == -73.5f);
    record_finished_free(&f);
    import_text(&g, "(;GM[1]SZ[9]KM[7.5]RE[B+3.5];B[ee];W[];B[])", &f);
    assert_true(head(&g, &f, 0)->w_score == 0.0f && head(&g, &f, 0)->w_value == 1.0f);
    record_finished_free(&f);
}

static void a_game_without_a_result_teaches_its_moves(void **state)
{
    static const char *const texts[] = {"(;GM[1]SZ[9];B[ee];W[cc])", "(;GM[1]SZ[9]RE[Void];B[ee];W[cc])",
                                        "(;GM[1]SZ[9]RE[?];B[ee];W[cc])"};
    struct game g;
    struct record_finished f;

    (void)state;
    setup_go(&g);
    for (int i = 0; i < 3; i++) {
        import_text(&g, texts[i], &f);
        assert_true(head(&g, &f, 0)->w_value == 0.0f && head(&g, &f, 0)->w_policy == 1.0f);
        record_finished_free(&f);
    }
    import_text(&g, "(;GM[1]SZ[9]KM[7.5];B[ee];W[];B[])", &f); /* over: the board says it */
    assert_true(head(&g, &f, 0)->w_value == 1.0f && f.game.winner == GAME_WON_BLACK);
    record_finished_free(&f);
}

static void handicap_stones_stand_in_the_first_row(void **state)
{
    struct game g;
    struct record_finished f;
    struct record_layout l;

    (void)state;
    setup_go(&g);
    record_layout_init(&l, &g);
    import_text(&g, "(;GM[1]SZ[9]HA[2]AB[gc][cg]RE[B+R];W[ee];B[cc])", &f);
    const uint8_t *opponent = f.rows + l.planes + 2 * (size_t)l.plane_bytes; /* plane 2 */
    int stones = 0;

    for (int i = 0; i < l.plane_bytes; i++)
        stones += __builtin_popcount(opponent[i]);
    assert_int_equal(head(&g, &f, 0)->color, GAME_WHITE);
    assert_int_equal(stones, 2);
    record_finished_free(&f);
}

static void games_that_cannot_be_played_say_where(void **state)
{
    static const struct { const char *text, *word; } cases[] = {
        {"(;GM[1]SZ[9];B[ee];W[ee])", "move 2, E5"},
        {"(;GM[1]SZ[9])", "no moves"},
        {"(;GM[1]SZ[9]AB[ab][ba]AW[aa];B[ee])", "liberty"},
        {"(;GM[1]SZ[9]RU[Chinese]AB[ab][ba];W[aa])", "move 1, A9"},
    };
    struct game g;
    struct record_finished f;

    (void)state;
    setup_go(&g);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sgf_game *games;
        int n;

        assert_ok(sgf_read(cases[i].text, strlen(cases[i].text), "t", &g, &games, &n, &err), &err);
        assert_fails(sgf_rows(&g, games, 1, &f, &err), TG_EINVAL, cases[i].word, &err);
        sgf_free(games, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_self_play),
        cmocka_unit_test(a_resigned_game_teaches_the_outcome_but_no_score),
        cmocka_unit_test(a_score_that_the_board_does_not_show_is_not_taught),
        cmocka_unit_test(a_game_without_a_result_teaches_its_moves),
        cmocka_unit_test(handicap_stones_stand_in_the_first_row),
        cmocka_unit_test(games_that_cannot_be_played_say_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
