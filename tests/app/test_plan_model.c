/* test_plan_model.c - the arithmetic of tengen plan, on figures that can be checked by hand. */
#include <math.h>
#include <string.h>

#include "../../src/app/plan.h"
#include "../../src/app/run.h"
#include "tg_test.h"

struct fixture {
    struct run_options o;
    struct nn_device core, gpu;
    struct plan_machine m;
    struct plan_roles r;
    struct plan_game g;
    struct plan_past past;
    struct tg_error err;
};

/* A batch takes 100 us and 10 us a row, a thread 5 us a row beside it; a training row three times as much. */
static void set_device(struct nn_device *d, bool per_thread)
{
    *d = (struct nn_device){.per_thread = per_thread, .host_sec = 7e-6, .slow = 1,
                            .infer = {2, {1, 1001}, {110e-6, 10110e-6}},
                            .train = {2, {1, 1001}, {330e-6, 30330e-6}}};
}

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    assert_ok(script_defaults(&f.o, &f.err), &f.err);
    set_device(&f.core, true);
    set_device(&f.gpu, false);
    f.o.selfplay.settings.cheap_share = 0;
    f.o.selfplay.settings.search.visits = 100;
    f.o.selfplay.threads = 1;
    f.o.selfplay.parallel_games = 40;
    f.o.selfplay.games = 400;
    f.o.gate.gate.games = 0;
    f.m = (struct plan_machine){.ranks = 1, .hosts = 1, .cores = 1, .device = &f.core, .scale = 1, .network = 1e9,
                                .disk = 1e9};
    f.g = (struct plan_game){.plies = 10, .spread = 0.2, .evals_per_visit = 1, .rows_per_ply = 1,
                             .row_disk_bytes = 100, .sgf_ply_bytes = 10, .match_plies = 20,
                             .host_sec = 5e-6};
    assert_ok(plan_roles(&f.o, &f.m, &f.r, &f.err), &f.err);
    *state = &f;
    return 0;
}

static void assert_about(double x, double want)
{
    if (!(fabs(x - want) <= 1e-6 * fabs(want)))
        fail_msg("%.9g is not %.9g", x, want);
}

static void roles_follow_the_config(void **state)
{
    struct fixture *f = *state;

    f->m.ranks = 16, f->m.hosts = 2, f->m.cores = 32;
    f->o.selfplay.threads = 0;
    assert_ok(plan_roles(&f->o, &f->m, &f->r, &f->err), &f->err);
    assert_true(f->r.all && f->r.play == 16 && f->r.train == 16 && f->r.threads == 4);
    assert_about(f->r.crowd, 1);
    strcpy(f->o.cluster.trainers, "1/host");
    assert_ok(plan_roles(&f->o, &f->m, &f->r, &f->err), &f->err);
    assert_true(!f->r.all && f->r.play == 14 && f->r.train == 2);
    strcpy(f->o.cluster.trainers, "16");
    assert_fails(plan_roles(&f->o, &f->m, &f->r, &f->err), TG_EINVAL, "leaves 0 for self-play", &f->err);
    strcpy(f->o.cluster.trainers, "all");
    f->o.selfplay.threads = 8; /* 64 threads on 32 cores */
    assert_ok(plan_roles(&f->o, &f->m, &f->r, &f->err), &f->err);
    assert_about(f->r.crowd, 2);
    f->o.cluster.mode = RUN_CONTINUOUS;
    assert_fails(plan_roles(&f->o, &f->m, &f->r, &f->err), TG_EINVAL, "trainers of its own", &f->err);
}

static void a_core_works_and_walks_in_turn(void **state)
{
    struct fixture *f = *state;

    /* 40 rows: 500 us for the network, 200 us of the thread */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 40 / 700e-6);
    /* two networks: two batches of 20 rows, 300 us each */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 2), 40 / 800e-6);
    f->r.threads = 2, f->r.crowd = 1; /* two groups of 20 rows, each on its core */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 2 * 20 / 400e-6);
    f->r.crowd = 2; /* ... which they share */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 2 * 20 / 800e-6);
}

static void a_device_works_while_threads_walk(void **state)
{
    struct fixture *f = *state;

    f->m.device = &f->gpu; /* two groups of 20 rows: 300 us each on the device, 100 us each of the thread */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 20 / 300e-6);
    f->g.host_sec = 50e-6; /* 1000 us each: the thread is the slower one */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 20 / 1000e-6);
    f->m.scale = 10; /* a network ten times as large */
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 40, 1), 20 / 3000e-6);
    assert_about(plan_eval_rate(&f->g, &f->m, &f->r, 1, 1), 1 / 1100e-6); /* one game waits for itself */
}

static void the_last_games_take_longer(void **state)
{
    struct fixture *f = *state;
    double tail, full = 40 / 700e-6, half = 20 / 400e-6;

    /* 400 games of 1000 evaluations: 380 at full rate, 20 games' worth with half of the places; the longest one
     * has 700 evaluations to go, 20 at a time */
    double sec = plan_games_sec(&f->o, &f->m, &f->r, &f->g, 400, 1000, 1, &tail);
    assert_about(tail, fmax(20 * 1000 / half, 0.7 * 1000 * 20 / half));
    assert_about(sec, 380 * 1000 / full + tail);
    assert_about(plan_games_sec(&f->o, &f->m, &f->r, &f->g, 0, 1000, 1, &tail), 0);
}

static void a_step_is_shared_and_summed(void **state)
{
    struct fixture *f = *state;

    f->m.device = &f->gpu;
    f->o.train.batch = 400;
    f->gpu.update_sec = 1e-3;
    assert_about(plan_step_sec(&f->o, &f->m, &f->r, 1e6), 12300e-6 + 1e-3);
    f->r.train = 4; /* 100 rows each; 8 MB round the ring, three quarters of it twice; two rounds of messages */
    assert_about(plan_step_sec(&f->o, &f->m, &f->r, 1e6), 3300e-6 + 1e-3 + 1.5 * 8e6 / 1e9 + 40e-6);
}

static void iterations_add_up(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c;

    f->o.train.batch = 100;
    f->o.train.rows_per_new_row = 2;
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 0, &f->past, &c);
    assert_about(c.games, 400);
    assert_about(c.rows, 4000);
    assert_about(c.evals, 400 * 1000);
    assert_about(c.steps, 80);
    assert_about(c.wall, c.play + c.tail + c.train + c.match + c.commit + c.save);
    assert_about(c.commit, 0.02 + 4000 * 1000 / 224e6 + 4000 * 100 / 1e9);
    assert_about(c.save, 3 * 0.006 + 20e6 / 1e9);
    assert_about(c.age, 0); /* the first iteration's rows are all there is */
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 1, &f->past, &c);
    assert_about(c.age, 0.5);
    f->o.train.min_rows = 1000000; /* no training yet */
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 2, &f->past, &c);
    assert_true(c.steps == 0 && c.train == 0 && c.save == 0);
}

static void training_lags_where_trainers_do_nothing_else_or_as_told(void **state)
{
    struct fixture *f = *state;

    f->o.cluster.lag = -1;
    assert_int_equal(run_lag(&f->o, true), 0);
    assert_int_equal(run_lag(&f->o, false), 1);
    for (f->o.cluster.lag = 0; f->o.cluster.lag <= 1; f->o.cluster.lag++)
        assert_true(run_lag(&f->o, true) == f->o.cluster.lag && run_lag(&f->o, false) == f->o.cluster.lag);
}

static void with_lag_training_goes_on_beside_self_play(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c;

    f->m.ranks = 2, f->m.cores = 2;
    f->o.train.batch = 100;
    f->o.train.rows_per_new_row = 2;
    strcpy(f->o.cluster.trainers, "1");
    assert_ok(plan_roles(&f->o, &f->m, &f->r, &f->err), &f->err);
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 0, &f->past, &c);
    assert_true(c.rows == 4000 && c.steps == 0 && c.save == 0); /* there is nothing to train on yet */
    f->o.selfplay.games = 200;
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 1, &f->past, &c);
    assert_about(c.steps, 80); /* of the rows before */
    assert_about(c.wall, fmax(c.play + c.tail, c.train) + c.match + c.commit + c.save);
    assert_about(c.age, 1);
}

static void in_continuous_mode_the_slower_side_sets_the_pace(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c;

    f->m.ranks = 2, f->m.cores = 2;
    strcpy(f->o.cluster.trainers, "1");
    f->o.cluster.mode = RUN_CONTINUOUS;
    assert_ok(plan_roles(&f->o, &f->m, &f->r, &f->err), &f->err);
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 0, &f->past, &c);
    assert_true(c.tail == 0 && c.wait_play == 0);
    assert_about(c.wall, fmax(c.play, c.train + c.save));
    double games = c.games, play = c.play;
    f->o.train.rows_per_new_row = 400; /* training takes longer: more games come meanwhile */
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 1, &f->past, &c);
    assert_true(c.games > games);
    assert_about(c.games / c.wall, 400 / play);
    assert_about(c.wait_train, 0);
}

static void a_match_has_its_own_length_and_two_networks(void **state)
{
    struct fixture *f = *state;
    struct plan_cost one, two;
    double tail, evals = 20 * 50; /* of a game: match_plies of so many visits */

    f->o.gate.gate.games = 20;
    f->o.gate.gate.every = 1;
    f->o.gate.match.settings.search.visits = 50;
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 0, &f->past, &one);
    assert_about(one.matches, 20);
    assert_about(one.match, plan_games_sec(&f->o, &f->m, &f->r, &f->g, 20, evals, 2, &tail));
    f->o.gate.gate.min_baseline_score = 0.5f;
    plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, 1, &f->past, &two);
    assert_about(two.matches, 40);
    assert_about(two.match, 2 * one.match);
}

static void matches_come_when_they_are_due(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c;

    f->o.gate.gate.games = 20;
    f->o.gate.gate.every = 3;
    for (int i = 0; i < 6; i++) {
        plan_iteration(&f->o, &f->m, &f->r, &f->g, 1e6, 1000, i, &f->past, &c);
        assert_true((c.match > 0) == (i % 3 == 2) && (c.matches > 0) == (i % 3 == 2));
    }
}

static void an_iteration_leaves_files(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c = {.games = 400, .rows = 4000, .steps = 80, .matches = 20};
    struct plan_space s = {0};

    f->o.report.sgf_games = 4;
    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &s);
    assert_about(s.shards, 16e3 + 4000 * 100);
    assert_about(s.nets, 400 + 4e6);
    assert_about(s.sgf, 4 * (150 + 100) + 20 * (150 + 200)); /* match games are as long as they are */
    assert_about(s.inodes, 4); /* shard, network, games, match */
    assert_about(s.checkpoints, 0);
    double logs = s.logs;
    c.steps = c.matches = 0;
    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &s);
    assert_about(s.inodes, 6);
    assert_true(s.logs - logs < 0.6 * logs); /* shorter lines, no entry of a network or a match */
}

static void the_baselines_games_are_a_file_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c = {.games = 400, .rows = 4000, .steps = 80, .matches = 20};
    struct plan_space one = {0}, two = {0};

    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &one);
    f->o.gate.gate.min_baseline_score = 0.5f;
    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &two);
    assert_about(two.inodes - one.inodes, 1);
    f->o.cluster.mode = RUN_CONTINUOUS; /* which plays none */
    assert_int_equal(plan_match_turns(&f->o), 1);
}

static void in_continuous_mode_shards_come_as_games_do(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c = {.games = 1200, .rows = 4000};
    struct plan_space s = {0};

    f->o.report.sgf_games = 0;
    f->o.cluster.mode = RUN_CONTINUOUS;
    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &s); /* 400 games a commit */
    assert_about(s.shards, 3 * 16e3 + 4000 * 100);
    assert_about(s.inodes, 3);
}

static void every_host_may_write_a_shard(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c = {.games = 400, .rows = 4000};
    struct plan_space s = {0};

    f->m.ranks = f->m.hosts = 3;
    f->o.report.sgf_games = 0;
    f->o.replay.layout = REPLAY_PER_HOST;
    plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &s);
    assert_about(s.shards, 3 * 16e3 + 4000 * 100);
    assert_about(s.inodes, 3);
}

static void a_checkpoint_holds_the_windows_priorities(void **state)
{
    struct fixture *f = *state;
    struct plan_space s = {0};

    f->o.replay.capacity = 1000;
    plan_space_checkpoint(&f->o, 1e6, 700, &s);
    assert_about(s.checkpoints, 300 + 16e6 + 4 * 700);
    plan_space_checkpoint(&f->o, 1e6, 8000, &s);
    assert_about(s.checkpoints, 2 * (300 + 16e6) + 4 * 1700);
    assert_about(s.inodes, 2);
}

static void the_config_is_kept_three_times(void **state)
{
    struct plan_space s = {0};

    (void)state;
    plan_space_config("a = \"b\"\n", &s); /* 8 characters, 11 in JSON */
    assert_about(s.logs, 8 + 2 * 11);
}

static void some_files_are_there_once(void **state)
{
    struct fixture *f = *state;
    struct plan_space s = {0};
    struct game game;

    assert_ok(game_init(&game, GAME_GO, 9, 0, &f->err), &f->err);
    f->o.replay.capacity = 1000;
    plan_space_rest(&f->o, &f->m, &f->r, &game, 1e6, 500, 8000, &s);
    assert_about(s.nets, 400 + 4e6); /* number 0 */
    assert_about(s.inodes, 13);
    double memory = s.memory;
    f->o.replay.capacity = 3000; /* rows more than there will be are not counted */
    plan_space_rest(&f->o, &f->m, &f->r, &game, 1e6, 500, 2500, &s);
    assert_about(s.memory - memory, 1500 * 500);
}

static void prioritised_draws_take_memory_from_their_first_iteration_on(void **state)
{
    struct fixture *f = *state;
    struct plan_cost c = {.games = 400, .rows = 4000};
    struct plan_space s = {0}, without = {0};
    struct game game;

    assert_ok(game_init(&game, GAME_GO, 9, 0, &f->err), &f->err);
    f->o.replay.capacity = 1000;
    for (int i = 0; i < 3; i++) {
        f->o.replay.alpha = i == 1 ? 0.5f : 0;
        plan_space_add(&f->o, &f->m, &f->g, &c, 1e6, &s);
    }
    plan_space_rest(&f->o, &f->m, &f->r, &game, 1e6, 500, 8000, &s);
    plan_space_rest(&f->o, &f->m, &f->r, &game, 1e6, 500, 8000, &without);
    assert_about(s.memory - without.memory, 1000 * 17);
}

static void defaults_follow_the_board(void **state)
{
    struct fixture *f = *state;
    struct plan_game g;

    f->o.selfplay.settings.cheap_share = 0.75f;
    plan_game_default(&f->o, &f->core, &g); /* Go on 9x9 */
    assert_about(g.plies, 0.9 * 81);
    assert_about(g.rows_per_ply, 0.25);
    assert_about(g.host_sec, 7e-6); /* as the table has it */
    assert_about(g.row_disk_bytes, 120 + 81 / 4.0 + 100 / 6.0);
    f->o.selfplay.settings.search.visits = 1600; /* which find no more moves than 400 */
    plan_game_default(&f->o, &f->core, &g);
    assert_about(g.row_disk_bytes, 120 + 81 / 4.0 + 400 / 6.0);
    f->o.selfplay.settings.max_plies = 50;
    plan_game_default(&f->o, &f->core, &g);
    assert_about(g.plies, 50);
}

static void another_network_goes_by_its_arithmetic(void **state)
{
    struct fixture *f = *state;
    struct game game;
    double scale;

    assert_ok(game_init(&game, GAME_GO, 9, 0, &f->err), &f->err);
    strcpy(f->core.net, "b6c96"); /* the default network */
    f->core.size = 9;
    assert_ok(plan_scale(&f->core, &f->o, &game, &scale, &f->err), &f->err);
    assert_about(scale, 1);
    strcpy(f->core.net, "b10c128");
    assert_ok(plan_scale(&f->core, &f->o, &game, &scale, &f->err), &f->err);
    assert_true(scale > 0.2 && scale < 0.6);
    strcpy(f->core.net, "b1c1");
    assert_fails(plan_scale(&f->core, &f->o, &game, &scale, &f->err), TG_EINVAL, "b1c1", &f->err);
}

static void the_window_grows_by_its_power_law(void **state)
{
    struct run_options *o = &((struct fixture *)*state)->o;

    o->replay.window_min = 20000;
    o->replay.window_alpha = 0.75f;
    o->replay.window_beta = 0.4f;
    o->replay.window_max = 0;
    assert_int_equal(run_window_rows(o, 20000), 0); /* all of them */
    assert_in_range(run_window_rows(o, 320000), 94665, 94667); /* 20000 (1 + 0.4 (16^0.75 - 1) / 0.75) */
    o->replay.window_max = 50000;
    assert_int_equal(run_window_rows(o, 320000), 50000);
    assert_int_equal(run_window_rows(o, 20000), 50000);
    o->replay.window_alpha = 0;
    o->replay.window_max = 0;
    assert_int_equal(run_window_rows(o, 320000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(roles_follow_the_config, setup),
        cmocka_unit_test_setup(a_core_works_and_walks_in_turn, setup),
        cmocka_unit_test_setup(a_device_works_while_threads_walk, setup),
        cmocka_unit_test_setup(the_last_games_take_longer, setup),
        cmocka_unit_test_setup(a_step_is_shared_and_summed, setup),
        cmocka_unit_test_setup(iterations_add_up, setup),
        cmocka_unit_test_setup(training_lags_where_trainers_do_nothing_else_or_as_told, setup),
        cmocka_unit_test_setup(with_lag_training_goes_on_beside_self_play, setup),
        cmocka_unit_test_setup(in_continuous_mode_the_slower_side_sets_the_pace, setup),
        cmocka_unit_test_setup(a_match_has_its_own_length_and_two_networks, setup),
        cmocka_unit_test_setup(matches_come_when_they_are_due, setup),
        cmocka_unit_test_setup(an_iteration_leaves_files, setup),
        cmocka_unit_test_setup(the_baselines_games_are_a_file_of_their_own, setup),
        cmocka_unit_test_setup(in_continuous_mode_shards_come_as_games_do, setup),
        cmocka_unit_test_setup(every_host_may_write_a_shard, setup),
        cmocka_unit_test_setup(a_checkpoint_holds_the_windows_priorities, setup),
        cmocka_unit_test_setup(the_config_is_kept_three_times, setup),
        cmocka_unit_test_setup(some_files_are_there_once, setup),
        cmocka_unit_test_setup(prioritised_draws_take_memory_from_their_first_iteration_on, setup),
        cmocka_unit_test_setup(defaults_follow_the_board, setup),
        cmocka_unit_test_setup(another_network_goes_by_its_arithmetic, setup),
        cmocka_unit_test_setup(the_window_grows_by_its_power_law, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
