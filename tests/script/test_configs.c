/* Every config that we ship loads, and resolves from its first to its last iteration. */
#include <dirent.h>

#include "config_text.h"

enum { MAX_CONFIGS = 64 };

static int list_configs(char names[MAX_CONFIGS][128])
{
    DIR *dir = opendir(tg_test_source("configs"));
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t len = strlen(e->d_name);

        if (len < 5 || len >= 128 || strcmp(e->d_name + len - 4, ".lua") != 0)
            continue;
        assert_true(n < MAX_CONFIGS);
        snprintf(names[n++], 128, "%.127s", e->d_name);
    }
    closedir(dir);
    return n;
}

static struct script *open_shipped(const char *name)
{
    struct tg_error err = {0};
    char path[512], relative[160];
    struct script *s;

    snprintf(relative, sizeof relative, "configs/%s", name);
    snprintf(path, sizeof path, "%s", tg_test_source(relative));
    assert_ok(script_open(path, NULL, 0, &s, &err), &err);
    return s;
}

static void all_resolve_at_every_iteration(void **state)
{
    static char names[MAX_CONFIGS][128];
    int n = list_configs(names);

    (void)state;
    assert_true(n >= 11);
    for (int i = 0; i < n; i++) {
        struct script *s = open_shipped(names[i]);
        struct run_options o;
        struct tg_error err = {0};
        char expected[128];

        assert_ok(script_options(s, 0, &o, &err), &err);
        snprintf(expected, sizeof expected, "%s.lua", o.name);
        assert_string_equal(expected, names[i]); /* a run is found under its config's name */
        for (int64_t k = 1; k < o.iterations; k += o.iterations > 500 ? 97 : 1)
            assert_ok(script_options(s, k, &o, &err), &err);
        assert_ok(script_options(s, o.iterations - 1, &o, &err), &err);
        script_close(s);
    }
}

static void all_open_again_from_their_text(void **state)
{
    static char names[MAX_CONFIGS][128];
    int n = list_configs(names);

    (void)state;
    for (int i = 0; i < n; i++) {
        struct script *s = open_shipped(names[i]), *again;
        struct run_options a, b;
        struct tg_error err = {0};

        assert_ok(script_open_text(script_text(s), &again, &err), &err);
        assert_ok(script_options(s, 3, &a, &err), &err);
        assert_ok(script_options(again, 3, &b, &err), &err);
        assert_memory_equal(&a, &b, sizeof a);
        script_close(s);
        script_close(again);
    }
}

/* Ask with so many games and rows; give the visits that hold then. */
static int visits_at(struct script *s, double games, double rows)
{
    const struct script_stat stats[] = {{"games", games}, {"rows", rows}};
    struct tg_error err = {0};
    struct run_options o;
    char *changes;

    assert_ok(script_curriculum(s, 1, stats, 2, &changes, &err), &err);
    free(changes);
    assert_ok(script_options(s, 1, &o, &err), &err);
    return o.selfplay.settings.search.visits;
}

static void the_curriculum_deepens_the_search_by_games(void **state)
{
    struct script *s = open_shipped("curriculum-go.lua");

    (void)state;
    assert_int_equal(visits_at(s, 0, 0), 100);
    assert_int_equal(visits_at(s, 9999, 0), 100);
    assert_int_equal(visits_at(s, 10000, 0), 200);
    assert_int_equal(visits_at(s, 29999, 0), 200);
    assert_int_equal(visits_at(s, 30000, 0), 400);
    assert_int_equal(visits_at(s, 79999, 0), 400);
    assert_int_equal(visits_at(s, 80000, 0), 600);
    assert_int_equal(visits_at(s, 1e9, 0), 600);
    script_close(s);
}

static void katagos_growth_follows_the_rows(void **state)
{
    struct script *s = open_shipped("go19-b10c128.lua");

    (void)state;
    assert_int_equal(visits_at(s, 0, 0), 600);
    assert_int_equal(visits_at(s, 0, 2.4e7), 600);
    assert_int_equal(visits_at(s, 0, 2.6e7), 1000);
    script_close(s);
}

static void v4_follows_its_days(void **state)
{
    static const struct {
        int iteration, visits, games;
        double rate, temp, noise;
        int window, opening, gate_visits;
    } days[] = {
        {1, 200, 3000, 2e-3, 1.0, 0.25, 500, 0, 600}, {5, 200, 3000, 2e-3, 1.0, 0.25, 500, 0, 600},
        {31, 400, 2500, 1e-3, 0.75, 0.25, 500, 0, 600}, {90, 600, 2000, 1e-3, 0.75, 0.3, 500, 0, 600},
        {100, 1000, 1800, 1e-3, 0.75, 0.3, 500, 0, 600}, {101, 1600, 1800, 1e-3, 0.75, 0.3, 500, 0, 600},
        {137, 2400, 1200, 8e-4, 0.85, 0.35, 400, 0, 800}, {138, 1600, 1200, 1e-3, 1.1, 0.42, 450, 0, 1000},
        {151, 800, 1200, 1e-3, 1.3, 0.5, 250, 6, 1000}, {201, 800, 1200, 1e-3, 1.3, 0.5, 250, 4, 1000},
        {209, 1000, 1200, 8e-4, 1.2, 0.45, 350, 0, 1000}, {252, 1600, 1200, 1e-3, 1.2, 0.38, 250, 4, 1000},
    };
    struct script *s = open_shipped("gomoku19-v4.lua");

    (void)state;
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        struct run_options o;
        struct tg_error err = {0};

        assert_ok(script_options(s, days[i].iteration - 1, &o, &err), &err);
        assert_int_equal(o.selfplay.settings.search.visits, days[i].visits);
        assert_int_equal(o.selfplay.games, days[i].games);
        assert_true(o.train.learning_rate == (float)days[i].rate);
        assert_true(o.selfplay.settings.search.temp_early == (float)days[i].temp);
        assert_true(o.selfplay.settings.search.noise_weight == (float)days[i].noise);
        assert_int_equal(o.replay.window_max, 1000 * days[i].window);
        assert_int_equal(o.selfplay.settings.opening_plies, days[i].opening);
        assert_int_equal(o.gate.match.settings.search.visits, days[i].gate_visits);
        assert_int_equal(o.net.arch.n_blocks, 12);
        assert_int_equal(o.game.setups.base.gomoku.double_three, GOMOKU_THREES_RENJU);
    }
    script_close(s);
}

static void merge_takes_sections_apart_and_lists_whole(void **state)
{
    struct tg_error err = {0};
    struct script *s;
    char dir[256], path[512], lua[512], *text;
    size_t n;

    (void)state;
    snprintf(lua, sizeof lua, "%s", tg_test_source("lua/merge.lua"));
    assert_ok(tg_file_read(lua, 1 << 20, &text, &n, &err), &err);
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    put_file(dir, "merge.lua", text);
    free(text);
    put_file(dir, "x.lua",
             "local a = {game = {kind = 'go', sizes = {7, 8, 9}}, search = {visits = 3, c_puct = 2},\n"
             "  train = {learning_rate = {kind = 'linear', from = 1, to = 2, over = 3}}, gate = {every = 7}}\n"
             "local b = require 'merge'(a, {game = {sizes = {5}}, search = {visits = 4}, gate = {games = 2},\n"
             "  train = {learning_rate = {kind = 'step', from = 1, every = 3}}})\n"
             "assert(a.search.visits == 3 and #a.game.sizes == 3)\nreturn b");
    snprintf(path, sizeof path, "%s/x.lua", dir);
    assert_ok(script_open(path, NULL, 0, &s, &err), &err);
    struct run_options o;
    assert_ok(script_options(s, 3, &o, &err), &err);
    assert_int_equal(o.game.setups.n_sizes, 1);
    assert_int_equal(o.selfplay.settings.search.visits, 4);
    assert_true(o.selfplay.settings.search.c_puct == 2.0f);
    assert_true(o.train.learning_rate == 0.1f);
    assert_true(o.gate.gate.every == 7 && o.gate.gate.games == 2);
    script_close(s);
    tg_test_rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_resolve_at_every_iteration),
        cmocka_unit_test(all_open_again_from_their_text),
        cmocka_unit_test(the_curriculum_deepens_the_search_by_games),
        cmocka_unit_test(katagos_growth_follows_the_rows),
        cmocka_unit_test(v4_follows_its_days),
        cmocka_unit_test(merge_takes_sections_apart_and_lists_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
