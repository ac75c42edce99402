/* What a config may say, what each mistake is told, and where each option ends up. */
#include "../../src/script/options.h"

#include <math.h>

#include "config_text.h"

static struct run_options resolved(const char *config, const char *override, int64_t iteration)
{
    struct script *s;
    struct tg_error err = {0};
    struct run_options o;

    assert_ok(open_config(config, override, &s, &err), &err);
    assert_ok(script_options(s, iteration, &o, &err), &err);
    script_close(s);
    return o;
}

static void an_unknown_key_names_the_nearest(void **state)
{
    (void)state;
    assert_refused("return {search = {vists = 3}}", NULL, "x.lua: ", "no option search.vists",
                   "nearest is search.visits");
    assert_refused("return {[\"search.cpuct\"] = 3}", NULL, "search.cpuct", "search.c_puct");
    assert_refused("return {learning_rate = 1}", NULL, "learning_rate", "train.learning_rate");
    assert_refused("return {trian = {batch = 3}}", NULL, "trian", "nearest is train");
    assert_refused("return {game = {rules = {kos = 'simple'}}}", NULL, "nearest is game.rules.ko");
    assert_refused("return {search = {visits = {deep = 1}}}", NULL, "search.visits: a table is not");
    assert_refused("return {}", "train.bacth=3", "--set: ", "nearest is train.batch");
    assert_refused("return {net = {bckend = 'cpu'}}", NULL, "net.backend");
    assert_refused("return {search = {[\"visits\\0\"] = 3}}", NULL, "search");
    assert_refused("return {3}", NULL, "entry without a name");
    assert_refused("return {[('x'):rep(1000)] = 1}", NULL, "keys");
}

static void a_wrong_value_names_file_key_value_and_what_is_allowed(void **state)
{
    (void)state;
    assert_refused("return {search = {visits = 'many'}}", NULL, "x.lua: search.visits: \"many\" is not "
                   "a whole number from 1 to 1000000");
    assert_refused("return {search = {visits = 1.5}}", NULL, "1.5 is not a whole number");
    assert_refused("return {search = {visits = 0}}", NULL, "0 is not");
    assert_refused("return {search = {visits = '100'}}", NULL, "\"100\" is not");
    assert_refused("return {train = {learning_rate = 0/0}}", NULL, "nan is not a number from 0 to 100");
    assert_refused("return {train = {learning_rate = -1e-3}}", NULL, "-0.001 is not");
    assert_refused("return {train = {learning_rate = true}}", NULL, "true is not a number");
    assert_refused("return {train = {symmetries = 1}}", NULL, "1 is not true or false");
    assert_refused("return {train = {optimiser = 'adamm'}}", NULL, "\"adamm\" is not one of sgd, adam, adamw");
    assert_refused("return {net = {backend = 'tpu'}}", NULL, "one of auto, cpu, cuda, simulated");
    assert_refused("return {game = {komi = 7.25}}", NULL, "7.25 is not", "steps of 0.5");
    assert_refused("return {name = ('x'):rep(64)}", NULL, "name", "at most 63 bytes");
    assert_refused("return {name = 'a/b'}", NULL, "name", "a/b");
    assert_refused("return {search = 3}", NULL, "search is a section");
    assert_refused("return 3", NULL, "x.lua: a config returns a table", "number");
    assert_refused("", NULL, "returns nothing");
    assert_refused("return {", NULL, "x.lua:1:");
    assert_refused("return {search = {visits = 3}, [\"search.visits\"] = 3}", NULL, "set twice");
    assert_refused("return {curriculum = 3}", NULL, "curriculum");
    assert_refused("return {}", "search.visits", "key=value");
    assert_refused("return {}", "search.visits=", "--set", "nil");
    assert_refused("return {}", "search.visits=1 2", "--set search.visits=1 2");
    assert_refused("return {}", "seed=require('x')", "require");
    assert_refused("return {}", "curriculum=function() end", "only in a config");
}

static void names_of_other_modules_are_checked_too(void **state)
{
    (void)state;
    assert_refused("return {net = 'b7c77'}", NULL, "net.preset", "b6c96");
    assert_refused("return {game = {rules = 'chess'}}", NULL, "game.rules.name", "chess");
    assert_refused("return {game = {kind = 'go', size = 9, sizes = {19}}}", NULL, "19");
    assert_refused("return {cluster = {trainers = 'some'}}", NULL, "cluster.trainers", "1/host");
    assert_refused("return {cluster = {trainers = '0'}}", NULL, "cluster.trainers");
    assert_refused("return {gate = {games = 21}}", NULL, "gate.games", "odd");
    assert_refused("return {net = {stem = 4}}", NULL, "net", "4");
    assert_refused("return {net = {channels = 4}}", NULL, "net.channels without net.blocks");
    assert_refused("return {train = {rows_per_new_row = 0}}", NULL, "nothing would be trained");
    assert_refused("return {selfplay = {random_bot_share = 0.6, previous_share = 0.6}}", NULL,
                   "more than 1");
    assert_refused("return {game = {kind = 'gomoku', komi = 7}}", NULL, "game.komi", "gomoku");
    assert_refused("return {game = {history = 3}}", NULL, "game.history", "go");
    assert_refused("return {game = {rules = {captures = true}}}", NULL, "game.rules.captures");
}

/* ---- every row fills its field, and no other ---------------------------------------------------- */

/* Two different valid values of the row, as Lua. */
static void two_values(const struct option *o, char a[64], char b[64])
{
    switch ((enum option_type)o->type) {
    case OPTION_INTEGER:
        snprintf(a, 64, "%.0f", o->low + (o->low < 0 ? 0 : 2));
        snprintf(b, 64, "%.0f", o->low + (o->low < 0 ? 1 : 4));
        break;
    case OPTION_NUMBER:
        snprintf(a, 64, "%.9g", o->low + (o->high - o->low) * 0.25);
        snprintf(b, 64, "%.9g", o->low + (o->high - o->low) * 0.375);
        break;
    case OPTION_HALVES:
        snprintf(a, 64, "5.5");
        snprintf(b, 64, "-6");
        break;
    case OPTION_BOOL:
        snprintf(a, 64, "false");
        snprintf(b, 64, "true");
        break;
    case OPTION_ENUM:
        snprintf(a, 64, "'%s'", o->names[0]);
        snprintf(b, 64, "'%s'", o->names[1]);
        break;
    case OPTION_TEXT:
        snprintf(a, 64, "'%s'", o->names != NULL ? o->names[0] : "b2c16");
        snprintf(b, 64, "'%s'", o->names != NULL ? o->names[1] : "b3c32");
        break;
    case OPTION_SIZES:
        snprintf(a, 64, "{2, 3}");
        snprintf(b, 64, "{{2, 3, weight = 2}}");
        break;
    case OPTION_BLOCKS:
        snprintf(a, 64, "3");
        snprintf(b, 64, "{'residual'}");
        break;
    }
}

/* Rows whose values must agree with others, and what makes them do so. */
static const struct {
    const char *key, *a, *b, *rest;
} special[] = {
    {"game.kind", "'go'", "'gomoku'", ""},
    {"game.rules.name", "'tromp-taylor'", "'japanese'", ""},
    {"game.rules.capture_goal", "3", "4", "[\"game.rules.captures\"] = true"},
    {"game.rules.double_three", "'free'", "'renju'", ""},
    {"game.rules.capture_exempts", "false", "true", "[\"game.rules.captures\"] = true"},
    {"game.rules.breakable_five", "false", "true", "[\"game.rules.captures\"] = true"},
    {"game.rules.black_pairs", "1", "2", "[\"game.rules\"] = 'captures-engine'"},
    {"game.rules.white_pairs", "1", "2", "[\"game.rules\"] = 'captures-engine'"},
    {"net.stem", "3", "5", ""},
    {"net.channels", "8", "16", "[\"net.blocks\"] = {{'residual', mid = 8}}"},
    {"net.blocks", "3", "4", ""},
    {"net.backend", "'cpu'", "'cuda'", ""},
    {"selfplay.random_bot_share", "0.25", "0.5", ""},
    {"replay.capacity", "30000", "40000", ""},
    {"train.min_rows", "10", "20", ""},
    {"gate.games", "8", "10", ""},
    {"gate.sprt_elo0", "-5", "-6", ""},
    {"gate.sprt_elo1", "5", "6", ""},
    {"cluster.trainers", "'all'", "'2/host'", ""},
    {"cluster.rebalance", "false", "true", "[\"cluster.trainers\"] = '2'"},
};

static void config_of(const struct option *o, const char *value, const char *rest, char *text, size_t n)
{
    bool gomoku = (o->flags & OPTION_GOMOKU) != 0;

    snprintf(text, n, "return {[\"%s\"] = %s, %s%s%s}", o->key, value,
             gomoku ? "[\"game.kind\"] = 'gomoku'" : "", gomoku && rest[0] ? ", " : "", rest);
}

/* Bytes of run options that differ, first and last (behind it). */
static size_t difference(const struct run_options *a, const struct run_options *b, size_t *first,
                         size_t *end)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    size_t n = 0;

    for (size_t i = 0; i < sizeof *a; i++)
        if (x[i] != y[i]) {
            if (n++ == 0)
                *first = i;
            *end = i + 1;
        }
    return n;
}

/* Options that others follow: there more than the own field may change. */
static bool has_followers(const struct option *o)
{
    static const char *const some[] = {"game.", "selfplay.", "search.", "gate.", "net.", "train.loss."};

    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (strncmp(o->key, some[i], strlen(some[i])) == 0)
            return true;
    return false;
}

static void every_option_fills_its_field(void **state)
{
    static char text[512];

    (void)state;
    for (int i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        char a[64], b[64];
        const char *rest = "";

        two_values(o, a, b);
        for (size_t k = 0; k < sizeof special / sizeof *special; k++)
            if (strcmp(special[k].key, o->key) == 0) {
                snprintf(a, sizeof a, "%s", special[k].a);
                snprintf(b, sizeof b, "%s", special[k].b);
                rest = special[k].rest;
            }
        config_of(o, a, rest, text, sizeof text);
        struct run_options with_a = resolved(text, NULL, 0);
        config_of(o, b, rest, text, sizeof text);
        struct run_options with_b = resolved(text, NULL, 0);

        size_t first = 0, end = 0;
        if (difference(&with_a, &with_b, &first, &end) == 0)
            fail_msg("%s: %s and %s give the same options", o->key, a, b);
        if (o->offset >= sizeof(struct run_options))
            continue; /* a way to other fields: something changed, as it must */
        if (memcmp((char *)&with_a + o->offset, (char *)&with_b + o->offset, o->bytes) == 0)
            fail_msg("%s: %s and %s leave its field alone", o->key, a, b);
        if (!has_followers(o) && (first < o->offset || end > o->offset + o->bytes))
            fail_msg("%s changes bytes %zu to %zu, its field is %zu to %zu", o->key, first, end,
                     o->offset, o->offset + o->bytes);
    }
}

/* Bytes that no option fills: what follows from others, and padding (shorter than 8). */
static void every_field_has_an_option(void **state)
{
    static unsigned char covered[sizeof(struct run_options)];
    static const struct run_options none, *o = &none;
    const struct {
        size_t at, n;
    } derived[] = {
#define FIELD(f) {(size_t)((const char *)&o->f - (const char *)o), sizeof o->f}
        FIELD(game.setups.n_sizes),
        FIELD(game.setups.base.width),
        FIELD(game.setups.base.height),
        FIELD(game.setups.base.handicap),
        FIELD(game.setups.base.go.white_handicap_bonus), /* by the named rules; no handicaps here */
        FIELD(game.setups.base.go.friendly_pass),        /* by the named rules; matters to GTP alone */
        FIELD(net.arch),
        FIELD(train.loss.mask_pass),
        FIELD(gate.match),
        FIELD(curriculum),
#undef FIELD
    };
    size_t run = 0;

    (void)state;
    for (int i = 0; i < options_n; i++)
        if (options[i].offset < sizeof covered)
            memset(covered + options[i].offset, 1, options[i].bytes);
    for (size_t i = 0; i < sizeof derived / sizeof *derived; i++)
        memset(covered + derived[i].at, 1, derived[i].n);
    for (size_t i = 0; i < sizeof covered; i++) {
        run = covered[i] ? 0 : run + 1;
        if (run == 8 || (run >= 4 && i % 4 == 3 && i % 8 != 7))
            fail_msg("bytes %zu to %zu of struct run_options have no option", i - run + 1, i);
    }
}

static void values_arrive_as_written(void **state)
{
    struct run_options o = resolved(
        "return {name = 'r', seed = 9007199254740992, iterations = 7,\n"
        "game = {kind = 'go', size = 13, sizes = {9, {9, 13, weight = 3}, {13, weight = 2}}, komi = -6.5,\n"
        "  rules = {name = 'japanese', suicide = true}},\n"
        "net = {preset = 'b5c64', activation = 'mish', backend = 'cpu', start_from = 'a b.bin.gz'},\n"
        "selfplay = {games = 1e3, random_bot_share = 0.25},\n"
        "search = {visits = 77, c_puct = 2.5, gumbel = true, noise_weight = 0.5},\n"
        "replay = {capacity = 3000000000, priority_alpha = 0.5},\n"
        "train = {loss = {policy = 2}, optimiser = 'sgd', learning_rate = 0.25, importance_beta = 1},\n"
        "gate = {visits = 9, games = 50, opening_plies = 3}, cluster = {trainers = '2', lag = 1},\n"
        "report = {log_level = 'debug'}}", NULL, 0);

    (void)state;
    assert_string_equal(o.name, "r");
    assert_true(o.seed == UINT64_C(9007199254740992));
    assert_int_equal(o.iterations, 7);
    assert_int_equal(o.game.kind, GAME_GO);
    assert_int_equal(o.game.size, 13);
    assert_int_equal(o.game.setups.n_sizes, 3);
    assert_int_equal(o.game.setups.sizes[0].height, 9);
    assert_int_equal(o.game.setups.sizes[1].width, 9);
    assert_int_equal(o.game.setups.sizes[1].height, 13);
    assert_true(o.game.setups.sizes[1].weight == 3.0f && o.game.setups.sizes[2].weight == 2.0f);
    assert_int_equal(o.game.setups.base.go.komi2, -13);
    assert_int_equal(o.game.setups.base.go.scoring, GO_SCORING_TERRITORY); /* by the named rules */
    assert_int_equal(o.game.setups.base.go.suicide, 1);                    /* unlike them */
    assert_int_equal(o.net.arch.trunk, 64);
    assert_int_equal(o.net.arch.activation, NN_MISH);
    assert_int_equal(o.net.arch.n_planes, 22);
    assert_int_equal(o.net.arch.n_globals, 19);
    assert_string_equal(o.net.arch.name, "custom");
    assert_string_equal(o.net.backend, "cpu");
    assert_string_equal(o.net.start_from, "a b.bin.gz");
    assert_int_equal(o.selfplay.games, 1000);
    assert_true(o.selfplay.mix.random_bot == 0.25f);
    assert_int_equal(o.selfplay.settings.search.visits, 77);
    assert_true(o.selfplay.settings.search.c_puct == 2.5f && o.selfplay.settings.search.gumbel);
    assert_true(o.replay.capacity == INT64_C(3000000000) && o.replay.alpha == 0.5f);
    assert_true(o.train.loss.policy == 2.0f && o.train.loss.reply == 0.15f);
    assert_int_equal(o.train.optimiser, NN_SGD);
    assert_true(o.train.learning_rate == 0.25f && o.train.draw_beta == 1.0f);
    assert_int_equal(o.gate.gate.games, 50);
    assert_int_equal(o.cluster.lag, 1);
    assert_string_equal(o.report.log_level, "debug");
    assert_false(o.curriculum);
}

static void match_games_show_strength(void **state)
{
    struct run_options o = resolved(
        "return {search = {visits = 77, c_puct = 2.5, gumbel = true, fpu_reduction = 0.3, temp_plies = 9},\n"
        "gate = {games = 50, sprt = true},\n"
        "selfplay = {cheap_share = 0.5, record_cheap = true, resign_value = 0.9, max_plies = 99,\n"
        "opening_plies = 7, opening_exact = true, random_move_share = 0.1}}", NULL, 0);
    const struct selfplay_settings *m = &o.gate.match.settings;

    (void)state;
    assert_int_equal(o.gate.match.games, 50);
    assert_true(o.gate.match.gate.sprt);
    assert_int_equal(m->search.visits, 77);
    assert_true(m->search.c_puct == 2.5f && m->max_plies == 99 && m->opening_plies == 4);
    assert_true(m->search.noise_weight == 0.0f && m->search.forced_k == 0.0f && m->search.gumbel);
    assert_true(m->search.temp_early == 0.0f && m->search.temp_late == 0.0f);
    assert_true(m->search.temp_halflife == 0.0f && m->search.temp_plies == 0);
    assert_true(m->search.root_fpu_reduction == 0.3f && !m->search.prune_targets);
    assert_true(m->search.root_temp_early == 1.0f && m->search.root_temp_late == 1.0f);
    assert_true(m->cheap_share == 0.0f && m->random_move_share == 0.0f && m->resign_value == 0.0f);
    assert_false(m->opening_exact || m->record_cheap || m->policy_surprise > 0);
    o = resolved("return {search = {visits = 77}, gate = {visits = 9}}", NULL, 0);
    assert_int_equal(o.gate.match.settings.search.visits, 9);
    assert_int_equal(o.selfplay.settings.search.visits, 77);
}

static void a_tower_can_be_described(void **state)
{
    struct run_options o = resolved(
        "return {net = {channels = 64, blocks = {'residual', {'gpool', mid = 40, pooled = 24}, 'gpool',\n"
        "{'nested', mid = 32, {'gpool', 'residual'}}, 'nested', {'residual', mid = 8}}}}", NULL, 0);
    static const struct nn_block expected[] = {
        {NN_BLOCK_RESIDUAL, 0, 64, 0}, {NN_BLOCK_GPOOL, 0, 40, 24}, {NN_BLOCK_GPOOL, 0, 48, 16},
        {NN_BLOCK_NESTED, 2, 32, 0},   {NN_BLOCK_GPOOL, 0, 24, 8},  {NN_BLOCK_RESIDUAL, 0, 32, 0},
        {NN_BLOCK_NESTED, 2, 32, 0},   {NN_BLOCK_RESIDUAL, 0, 32, 0}, {NN_BLOCK_RESIDUAL, 0, 32, 0},
        {NN_BLOCK_RESIDUAL, 0, 8, 0},
    };

    (void)state;
    assert_int_equal(o.net.arch.n_blocks, 10);
    assert_memory_equal(o.net.arch.blocks, expected, sizeof expected);
    o = resolved("return {net = {channels = 20, blocks = 4}}", NULL, 0);
    assert_int_equal(o.net.arch.n_blocks, 4);
    assert_int_equal(o.net.arch.blocks[2].kind, NN_BLOCK_GPOOL);
    assert_int_equal(o.net.arch.blocks[3].mid, 20);
    assert_refused("return {net = {blocks = {'dense'}}}", NULL, "net.blocks");
    assert_refused("return {net = {blocks = {{'residual', pooled = 3}}}}", NULL, "net.blocks");
    assert_refused("return {net = {blocks = {}}}", NULL, "net.blocks");
    assert_refused("return {net = {blocks = 257}}", NULL, "net.blocks");
    assert_refused("local b = {'nested', {'residual'}} for i = 1, 20 do b = {'nested', {b}} end\n"
                   "return {net = {blocks = {b}}}", NULL, "net.blocks");
    assert_refused("local b = {'nested'} b[2] = {b} return {net = {blocks = {b}}}", NULL, "net.blocks");
}

static void classic_loss_is_policy_value_and_half_the_ownership(void **state)
{
    struct run_options o = resolved("return {train = {loss = 'classic'}}", NULL, 0);
    const struct nn_loss *l = &o.train.loss;

    (void)state;
    assert_true(l->policy == 1.0f && l->value == 1.0f && l->value_kind == NN_VALUE_MSE);
    assert_true(l->ownership == 0.5f && l->ownership_kind == NN_OWNERSHIP_MSE);
    assert_true(l->reply + l->soft_policy + l->score_mean + l->score_stdev + l->lead == 0);
    assert_false(l->mask_pass);
    o = resolved("return {game = 'gomoku', train = {loss = 'katago'}}", NULL, 0);
    assert_true(o.train.loss.mask_pass && o.train.loss.ownership == 0.0f && o.train.loss.lead == 0.0f);
    assert_true(o.train.loss.reply > 0.0f);
}

static void overrides_win_and_take_bare_text(void **state)
{
    struct run_options o = resolved("return {search = {visits = 5}, net = 'b2c16'}", "search.visits=7", 0);

    (void)state;
    assert_int_equal(o.selfplay.settings.search.visits, 7);
    assert_int_equal(resolved("return {}", "search.visits=2^5", 0).selfplay.settings.search.visits, 32);
    assert_string_equal(resolved("return {net = 'b2c16'}", "net=b3c32", 0).net.arch.name, "b3c32");
    assert_string_equal(resolved("return {}", "net.start_from=a=b c.gz", 0).net.start_from, "a=b c.gz");
    assert_string_equal(resolved("return {}", "name=\"q\"", 0).name, "q");
    assert_int_equal(resolved("return {}", "train.optimiser=sgd", 0).train.optimiser, NN_SGD);
    assert_true(!resolved("return {}", "search.proven=false", 0).selfplay.settings.search.proven);
    assert_int_equal(resolved("return {}", "game.sizes={5, {7, 9}}", 0).game.setups.sizes[1].height, 9);
    assert_int_equal(resolved("return {}", "selfplay={games = 3}", 0).selfplay.games, 3);
    assert_int_equal(resolved("return {}", "selfplay.games=function(i) return i * 2 end", 3).selfplay.games, 8);
}

static void a_missing_file_is_not_found(void **state)
{
    struct script *s;
    struct tg_error err = {0};

    (void)state;
    assert_fails(script_open("/nonexistent/x.lua", NULL, 0, &s, &err), TG_ENOTFOUND, "/nonexistent/x.lua",
                 &err);
    assert_null(s);
    script_close(NULL);
}

static void defaults_are_those_of_an_empty_config(void **state)
{
    struct run_options o = resolved("return {}", NULL, 0), d;
    struct tg_error err = {0};

    (void)state;
    assert_ok(script_defaults(&d, &err), &err);
    assert_memory_equal(&o, &d, sizeof o);
    assert_int_equal(d.selfplay.settings.search.visits, 160);
}

static void a_long_path_still_shows_the_file(void **state)
{
    char dir[256], path[512];
    struct tg_error err = {0};
    struct script *s;

    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/%0150d", dir, 7);
    assert_ok(tg_mkdirs(path, &err), &err);
    put_file(path, "long.lua", "return {search = {visits = 0}}");
    snprintf(path, sizeof path, "%s/%0150d/long.lua", dir, 7);
    assert_fails(script_open(path, NULL, 0, &s, &err), TG_EINVAL, "7/long.lua: search.visits", &err);
    tg_test_rmdir(dir);
}

static void help_shows_every_option(void **state)
{
    char *text = NULL;
    FILE *f = tmpfile();
    long n;

    (void)state;
    assert_non_null(f);
    script_help(f);
    n = ftell(f);
    assert_true(n > 0);
    text = calloc((size_t)n + 1, 1);
    assert_non_null(text);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)n, f), n);
    for (int i = 0; i < options_n; i++) {
        char line[128];

        snprintf(line, sizeof line, "\n  %s%s\n      %.40s", options[i].key,
                 options[i].flags & OPTION_VARIES ? " *" : "", options[i].doc);
        if (strstr(text, line) == NULL)
            fail_msg("help lacks %s", line);
    }
    free(text);
    fclose(f);
}

static void steps_may_say_until_or_be_pairs(void **state)
{
    static const char *const texts[] = {
        "return {iterations = 9, search = {visits = {{upto = 2, value = 8}, {upto = 9, value = 11}}}}",
        "return {iterations = 9, search = {visits = {{['until'] = 2, value = 8}, {['until'] = 9, value = 11}}}}",
        "return {iterations = 9, search = {visits = {{2, 8}, {9, 11}}}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(resolved(texts[i], NULL, 1).selfplay.settings.search.visits, 8);
        assert_int_equal(resolved(texts[i], NULL, 2).selfplay.settings.search.visits, 11);
    }
    /* boards stay boards */
    assert_int_equal(resolved("return {game = {size = 9, sizes = {{9, 7}, {5, 5}}}}", NULL, 0)
                         .game.setups.n_sizes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_may_say_until_or_be_pairs),
        cmocka_unit_test(an_unknown_key_names_the_nearest),
        cmocka_unit_test(a_wrong_value_names_file_key_value_and_what_is_allowed),
        cmocka_unit_test(names_of_other_modules_are_checked_too),
        cmocka_unit_test(every_option_fills_its_field),
        cmocka_unit_test(every_field_has_an_option),
        cmocka_unit_test(values_arrive_as_written),
        cmocka_unit_test(match_games_show_strength),
        cmocka_unit_test(a_tower_can_be_described),
        cmocka_unit_test(classic_loss_is_policy_value_and_half_the_ownership),
        cmocka_unit_test(overrides_win_and_take_bare_text),
        cmocka_unit_test(a_missing_file_is_not_found),
        cmocka_unit_test(defaults_are_those_of_an_empty_config),
        cmocka_unit_test(a_long_path_still_shows_the_file),
        cmocka_unit_test(help_shows_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
