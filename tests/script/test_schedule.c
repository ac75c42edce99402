/* Options that change during a run: schedules, functions, curriculum; and going on from the kept text. */
#include <math.h>

#include "config_text.h"

static struct script *opened(const char *config, const char *override)
{
    struct script *s;
    struct tg_error err = {0};

    assert_ok(open_config(config, override, &s, &err), &err);
    return s;
}

static struct run_options at(struct script *s, int64_t iteration)
{
    struct run_options o;
    struct tg_error err = {0};

    assert_ok(script_options(s, iteration, &o, &err), &err);
    return o;
}

static double rate(struct script *s, int64_t iteration)
{
    return (double)at(s, iteration).train.learning_rate;
}

static void steps_hold_up_to_and_with_their_iteration(void **state)
{
    struct script *s = opened(
        "return {iterations = 200, train = {learning_rate = {{upto = 30, value = .5}, {upto = 137, value = .25}}},\n"
        "game = {sizes = {{upto = 2, value = {5, 7}}, {upto = 3, value = {9}}}},\n"
        "search = {proven = {{upto = 1, value = false}, {upto = 2, value = true}}}}", NULL);

    (void)state; /* iterations here count from 0: 29 is the thirtieth */
    assert_true(rate(s, 0) == .5 && rate(s, 29) == .5);
    assert_true(rate(s, 30) == .25 && rate(s, 136) == .25);
    assert_true(rate(s, 137) == .25 && rate(s, 100000) == .25);
    assert_int_equal(at(s, 1).game.setups.n_sizes, 2);
    assert_int_equal(at(s, 2).game.setups.n_sizes, 1);
    assert_true(!at(s, 0).selfplay.settings.search.proven && at(s, 1).selfplay.settings.search.proven);
    script_close(s);
}

static void scheduled_options_can_be_listed(void **state)
{
    struct script *s = opened(
        "return {search = {visits = {{upto = 2, value = 10}, {upto = 9, value = 20}}, c_puct = 2},\n"
        "train = {batch = function(i) return 16 * i end, learning_rate = {{3, .5}, {4, .25}}}}",
        "train.learning_rate=0.125"); /* one value for all iterations wins over the list */
    struct tg_error err = {0};
    char text[64];

    (void)state;
    assert_string_equal(script_scheduled(s, 0), "search.visits");
    assert_string_equal(script_scheduled(s, 1), "train.batch");
    assert_null(script_scheduled(s, 2));
    assert_ok(script_scheduled_value(s, 0, 1, text, sizeof text, &err), &err);
    assert_string_equal(text, "10");
    assert_ok(script_scheduled_value(s, 0, 2, text, sizeof text, &err), &err);
    assert_string_equal(text, "20");
    assert_ok(script_scheduled_value(s, 1, 2, text, sizeof text, &err), &err);
    assert_string_equal(text, "48");
    assert_fails(script_scheduled_value(s, 2, 0, text, sizeof text, &err), TG_EINVAL, "there is none", &err);
    script_close(s);
}

static void bad_steps_are_refused(void **state)
{
    (void)state;
    assert_refused("return {search = {visits = {{upto = 3, value = 1}, {upto = 3, value = 2}}}}", NULL,
                   "x.lua: search.visits", "upto = 3 in entry 2", "after 3");
    assert_refused("return {search = {visits = {{upto = 0, value = 1}}}}", NULL, "upto = 0");
    assert_refused("return {search = {visits = {{upto = 1.5, value = 1}}}}", NULL, "entry 1");
    assert_refused("return {search = {visits = {{upto = 3, value = 0}}}}", NULL, "0 is not a whole number");
    assert_refused("return {search = {visits = {{upto = 3, valeu = 4}}}}", NULL, "entry 1");
    assert_refused("return {search = {visits = {{upto = 3, value = 4}, 5}}}", NULL, "entry 2");
    assert_refused("return {search = {visits = {{upto = 3, value = 4}, x = 5}}}", NULL, "nothing else");
    assert_refused("return {seed = {{upto = 3, value = 4}}}", NULL, "seed is fixed for the whole run");
    assert_refused("return {seed = function() return 3 end}", NULL, "seed: a function is not");
    assert_refused("return {net = {preset = function() return 'b2c16' end}}", NULL, "net.preset");
}

static void curves_go_from_end_to_end(void **state)
{
    static const struct {
        const char *curve;
        double first, second, middle, last, after; /* iterations 1, 2, 6, 11, 99 of a curve over 11 */
    } cases[] = {
        {"{kind = 'linear', from = 1, to = 3, over = 11}", 1, 1.2, 2, 3, 3},
        {"{kind = 'cosine', from = 4, to = 2, over = 11}", 4, 3 + 0.9510565162951535, 3, 2, 2},
        {"{kind = 'exponential', from = 1, to = 4, over = 11}", 1, 1.148698354997035, 2, 4, 4},
        {"{kind = 'warmup', to = 11, over = 11}", 1, 2, 6, 11, 11},
        {"{kind = 'step', from = 8, every = 5, factor = 0.5, to = 1.5}", 8, 8, 4, 2, 1.5},
        {"{kind = 'warmup', to = 2, over = 2, next = {kind = 'linear', from = 2, to = 1, over = 9, "
         "next = 0.5}}", 1, 2, 1.625, 1, 0.5},
        {"{kind = 'linear', from = 1, to = 3, over = 1}", 3, 3, 3, 3, 3},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "return {train = {learning_rate = %s}}", cases[i].curve);
        struct script *s = opened(text, NULL);
        const double expected[] = {cases[i].first, cases[i].second, cases[i].middle, cases[i].last,
                                   cases[i].after};
        const int64_t when[] = {0, 1, 5, 10, 98};

        for (int k = 0; k < 5; k++)
            if (fabs(rate(s, when[k]) - expected[k]) > 1e-6)
                fail_msg("%s: iteration %lld gives %.9g, not %.9g", cases[i].curve,
                         (long long)when[k] + 1, rate(s, when[k]), expected[k]);
        script_close(s);
    }
}

static void curves_of_whole_and_half_numbers_are_rounded(void **state)
{
    struct script *s = opened(
        "return {search = {visits = {kind = 'linear', from = 100, to = 110, over = 4}},\n"
        "game = {komi = {kind = 'linear', from = 0, to = 1, over = 4}}}", NULL);

    (void)state;
    assert_int_equal(at(s, 1).selfplay.settings.search.visits, 103);
    assert_int_equal(at(s, 2).selfplay.settings.search.visits, 107);
    assert_int_equal(at(s, 1).game.setups.base.go.komi2, 1);
    assert_int_equal(at(s, 3).game.setups.base.go.komi2, 2);
    script_close(s);
}

static void bad_curves_are_refused(void **state)
{
    (void)state;
    assert_refused("return {search = {visits = {kind = 'sine', from = 1, to = 2, over = 3}}}", NULL,
                   "\"sine\"", "cosine");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2}}}", NULL, "over");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2, over = 3, factor = 3}}}",
                   NULL, "no field factor");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2e6, over = 3}}}", NULL,
                   "reaches 2000000");
    assert_refused("return {search = {visits = {kind = 'linear', from = 0, to = 2, over = 3}}}", NULL,
                   "reaches 0");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2, over = 0}}}", NULL,
                   "lasts 0 iterations");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2, over = 3, next = 0}}}",
                   NULL, "reaches 0");
    assert_refused("return {search = {visits = {kind = 'linear', from = 1, to = 2, over = 3, next = 'x'}}}",
                   NULL, "next");
    assert_refused("local c = {kind = 'linear', from = 1, to = 2, over = 3} c.next = c\n"
                   "return {search = {visits = c}}", NULL, "next", "8");
    assert_refused("return {search = {proven = {kind = 'linear', from = 1, to = 2, over = 3}}}", NULL,
                   "search.proven", "numbers");
    assert_refused("return {search = {noise_weight = {kind = 'exponential', from = 1, to = 0, over = 3}}}",
                   NULL, "exponential");
    assert_refused("return {search = {noise_weight = {kind = 'step', from = 1, every = 3, factor = 2}}}",
                   NULL, "factor 2");
}

static void functions_are_asked_and_checked_each_iteration(void **state)
{
    struct script *s = opened("return {iterations = 4, search = {visits = function(i) return 100 * i end},\n"
                              "selfplay = {games = function(i) return i == 3 and 0.5 or i end}}", NULL);
    struct run_options o;
    struct tg_error err = {0};

    (void)state;
    assert_int_equal(at(s, 0).selfplay.settings.search.visits, 100);
    assert_int_equal(at(s, 3).selfplay.settings.search.visits, 400);
    assert_fails(script_options(s, 2, &o, &err), TG_EINVAL, "x.lua: selfplay.games: 0.5 is not a whole",
                 &err);
    script_close(s);
    /* The first and last iteration are tried when the config is opened. */
    assert_refused("return {iterations = 4, selfplay = {games = function(i) return 4 - i end}}", NULL,
                   "selfplay.games: 0 is not");
}

/* ---- curriculum --------------------------------------------------------------------------------- */

static const char curriculum_config[] =
    "return {search = {visits = 50}, train = {learning_rate = {kind = 'linear', from = 1, to = 2, over = 11}},\n"
    "curriculum = function(iteration, stats)\n"
    "  if iteration == 2 then return {search = {visits = stats.games}, [\"train.learning_rate\"] = 0.1} end\n"
    "  if iteration == 3 then return {game = {sizes = {5, {7, 9, weight = 2.5}}, komi = 6.5}, net = {}} end\n"
    "  if iteration == 4 then return {search = {vists = 3}} end\n"
    "  if iteration == 5 then return {game = {size = 5}} end\n"
    "  if iteration == 6 then return {search = {visits = function() return 3 end}} end\n"
    "  if iteration == 7 then return {search = {visits = 8}, train = {epochs = 0, rows_per_new_row = 0}} end\n"
    "  if iteration == 8 then return 7 end\n"
    "  if iteration == 9 then return {search = {visits = stats.gmaes}} end\n"
    "end}";

static enum tg_status ask(struct script *s, int64_t iteration, char **changes, struct tg_error *err)
{
    const struct script_stat stats[] = {{"games", 77}, {"elo", 12.5}};

    return script_curriculum(s, iteration, stats, 2, changes, err);
}

static void changes_hold_from_their_iteration_on(void **state)
{
    struct script *s = opened(curriculum_config, NULL);
    struct tg_error err = {0};
    char *changes;

    (void)state;
    assert_true(at(s, 0).curriculum);
    assert_ok(ask(s, 0, &changes, &err), &err);
    assert_string_equal(changes, "{}");
    free(changes);
    assert_int_equal(at(s, 0).selfplay.settings.search.visits, 50);
    assert_ok(ask(s, 1, &changes, &err), &err);
    assert_string_equal(changes, "{\"search.visits\":77,\"train.learning_rate\":0.10000000000000001}");
    free(changes);
    assert_int_equal(at(s, 1).selfplay.settings.search.visits, 77);
    assert_int_equal(at(s, 1).gate.match.settings.search.visits, 77); /* what follows, follows */
    assert_ok(ask(s, 2, &changes, &err), &err);
    assert_string_equal(changes, "{\"game.sizes\":[[5,5,1],[7,9,2.5]],\"game.komi\":6.5}");
    free(changes);
    assert_int_equal(at(s, 9).selfplay.settings.search.visits, 77);
    assert_true(rate(s, 9) == (double)0.1f); /* in place of the curve */
    assert_int_equal(at(s, 9).game.setups.sizes[1].height, 9);
    assert_int_equal(at(s, 9).game.setups.base.go.komi2, 13);
    script_close(s);
}

static void a_bad_answer_is_refused_and_changes_nothing(void **state)
{
    struct script *s = opened(curriculum_config, NULL);
    struct tg_error err = {0};
    char *changes;

    (void)state;
    assert_fails(ask(s, 3, &changes, &err), TG_EINVAL, "x.lua: curriculum: there is no option search.vists",
                 &err);
    assert_null(changes);
    assert_fails(ask(s, 4, &changes, &err), TG_EINVAL, "game.size is fixed", &err);
    assert_fails(ask(s, 5, &changes, &err), TG_EINVAL, "search.visits: a function is not", &err);
    assert_fails(ask(s, 6, &changes, &err), TG_EINVAL, "nothing would be trained", &err);
    assert_fails(ask(s, 7, &changes, &err), TG_EINVAL, "not a number", &err);
    assert_fails(ask(s, 8, &changes, &err), TG_EINVAL, "stats has no \"gmaes\"", &err);
    assert_int_equal(at(s, 9).selfplay.settings.search.visits, 50);
    /* Before there are any stats all are 0. */
    assert_fails(script_curriculum(s, 8, NULL, 0, &changes, &err), TG_EINVAL, "search.visits: 0 is not", &err);
    script_close(s);
}

static void an_override_wins_over_curriculum(void **state)
{
    struct script *s = opened(curriculum_config, "search.visits=9");
    struct tg_error err = {0};
    char *changes;

    (void)state;
    assert_ok(ask(s, 1, &changes, &err), &err);
    free(changes);
    assert_int_equal(at(s, 1).selfplay.settings.search.visits, 9);
    assert_true(rate(s, 1) == (double)0.1f);
    script_close(s);
}

static void kept_changes_give_the_same_options_as_asking(void **state)
{
    struct script *asked = opened(curriculum_config, NULL), *kept = opened(curriculum_config, NULL);
    struct tg_error err = {0};
    char *changes;

    (void)state;
    for (int64_t i = 0; i < 3; i++) {
        assert_ok(ask(asked, i, &changes, &err), &err);
        assert_ok(script_apply(kept, changes, &err), &err);
        free(changes);
    }
    struct run_options a = at(asked, 5), b = at(kept, 5);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.game.setups.n_sizes, 2);
    script_close(asked);
    script_close(kept);
}

static void kept_changes_are_not_trusted(void **state)
{
    static const char *const bad[] = {
        "", "{", "[]", "{\"search.visits\":}", "{\"search.visits\":1}x", "{\"search.visits\":\"\\ud800\"}",
        "{\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "{\"search.visits\":1e999}", "{\"x\":nul}",
        "{\"search.visits\":\"abc", "{\"a\":tru", "{\"\\u00",
    };
    struct script *s = opened("return {}", NULL);
    struct tg_error err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(script_apply(s, bad[i], &err), TG_EFORMAT, "not a JSON object", &err);
    assert_fails(script_apply(s, "{\"search.vists\":1}", &err), TG_EINVAL, "search.vists", &err);
    assert_fails(script_apply(s, "{\"search.visits\":-1}", &err), TG_EINVAL, "-1", &err);
    assert_fails(script_apply(s, "{\"seed\":2}", &err), TG_EINVAL, "seed is fixed", &err);
    assert_int_equal(at(s, 0).selfplay.settings.search.visits, 160);
    assert_ok(script_apply(s, " { \"search.visits\" : 1.5e1 , \"game.rules.name\":\"\\u006aapa\\u006Eese\","
                              "\"search.proven\":false, \"game.komi\": null } ", &err), &err);
    assert_int_equal(at(s, 0).selfplay.settings.search.visits, 15);
    assert_int_equal(at(s, 0).game.setups.base.go.scoring, GO_SCORING_TERRITORY);
    assert_false(at(s, 0).selfplay.settings.search.proven);
    script_close(s);
}

/* ---- the kept text -------------------------------------------------------------------------------- */

static void a_run_goes_on_from_its_text_alone(void **state)
{
    const char *const overrides[] = {"search.visits=9", "name=go\xc3\xb6n", "train.batch=64"};
    struct tg_error err = {0};
    struct script *s, *again;
    char dir[256], path[512], *text;

    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    put_file(dir, "m-1.lua", "-- caf\xc3\xa9\nreturn {rate = function(i) return 1 / i end}\n\n");
    put_file(dir, "late.lua", "return 5");
    put_file(dir, "x.lua", "local m = require 'm-1'\nreturn {train = {learning_rate = m.rate, batch = 5},\n"
                           "selfplay = {games = function() return require 'late' end}}");
    snprintf(path, sizeof path, "%s/x.lua", dir);
    assert_fails(script_open(path, overrides, 3, &s, &err), TG_EINVAL, "name", &err);
    assert_ok(script_open(path, (const char *const[]){overrides[0], overrides[2]}, 2, &s, &err), &err);
    tg_test_rmdir(dir);

    text = strdup(script_text(s));
    assert_non_null(text);
    assert_ok(script_open_text(text, &again, &err), &err);
    assert_string_equal(script_text(again), text);
    assert_true(script_hash(again) == script_hash(s));
    for (int64_t i = 0; i < 3; i++) {
        struct run_options a = at(s, i), b = at(again, i);
        assert_memory_equal(&a, &b, sizeof a);
    }
    assert_int_equal(at(again, 1).selfplay.settings.search.visits, 9);
    assert_int_equal(at(again, 1).train.batch, 64);
    assert_int_equal(at(again, 1).selfplay.games, 5);
    assert_true(rate(again, 3) == 0.25);
    script_close(s);
    script_close(again);

    /* Cut anywhere it is refused, or a whole config still. */
    for (size_t n = strlen(text); n-- > 0;) {
        char kept = text[n];

        text[n] = '\0';
        if (script_open_text(text, &again, &err) == TG_OK) { /* a piece less at the end */
            assert_string_equal(script_text(again), text);
            script_close(again);
        } else {
            assert_null(again);
        }
        text[n] = kept;
    }
    free(text);
}

static void a_kept_text_in_a_file_is_a_config(void **state)
{
    struct script *s = opened("return {search = {visits = 3}, name = 'kept'}", "train.batch=7"), *again;
    const char *const more[] = {"search.visits=4", "train.batch=8", "search.visits=5"};
    struct tg_error err = {0};
    char dir[256], path[512], damaged[512];

    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    put_file(dir, "kept.lua", script_text(s));
    snprintf(path, sizeof path, "%s/kept.lua", dir);
    assert_ok(script_open(path, NULL, 0, &again, &err), &err);
    assert_true(script_hash(again) == script_hash(s));
    assert_int_equal(at(again, 0).train.batch, 7);
    script_close(again);
    assert_ok(script_open(path, more, 3, &again, &err), &err);
    assert_int_equal(at(again, 0).train.batch, 8);
    assert_int_equal(at(again, 0).selfplay.settings.search.visits, 5);
    script_close(again);
    snprintf(damaged, sizeof damaged, "%.*s", (int)strlen(script_text(s)) - 3, script_text(s));
    put_file(dir, "kept.lua", damaged);
    assert_fails(script_open(path, NULL, 0, &again, &err), TG_EINVAL, "kept.lua: a kept config", &err);
    script_close(s);
    tg_test_rmdir(dir);
}

static void the_hash_is_of_the_content_not_the_place(void **state)
{
    struct script *a = opened("return {seed = 3}", NULL), *b = opened("return {seed = 3}", NULL);
    struct script *c = opened("return {seed = 4}", NULL), *d = opened("return {seed = 3}", "seed=3");

    (void)state;
    assert_true(script_hash(a) == script_hash(b));
    assert_true(script_hash(a) != script_hash(c) && script_hash(a) != script_hash(d));
    script_close(a);
    script_close(b);
    script_close(c);
    script_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_hold_up_to_and_with_their_iteration),
        cmocka_unit_test(scheduled_options_can_be_listed),
        cmocka_unit_test(bad_steps_are_refused),
        cmocka_unit_test(curves_go_from_end_to_end),
        cmocka_unit_test(curves_of_whole_and_half_numbers_are_rounded),
        cmocka_unit_test(bad_curves_are_refused),
        cmocka_unit_test(functions_are_asked_and_checked_each_iteration),
        cmocka_unit_test(changes_hold_from_their_iteration_on),
        cmocka_unit_test(a_bad_answer_is_refused_and_changes_nothing),
        cmocka_unit_test(an_override_wins_over_curriculum),
        cmocka_unit_test(kept_changes_give_the_same_options_as_asking),
        cmocka_unit_test(kept_changes_are_not_trusted),
        cmocka_unit_test(a_run_goes_on_from_its_text_alone),
        cmocka_unit_test(a_kept_text_in_a_file_is_a_config),
        cmocka_unit_test(the_hash_is_of_the_content_not_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
