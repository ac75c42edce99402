/* PUCT and what it grows: counts, play strength on games with known answers, proven outcomes, each
 * setting of the tree proper. */
#include <math.h>
#include <string.h>

#include "fake.h"

static int setup_tictactoe(void **state)
{
    static struct fake f;

    fake_open(&f, GAME_GOMOKU, 3);
    *state = &f;
    return 0;
}

static int setup_go(void **state)
{
    static struct fake f;

    fake_open(&f, GAME_GO, 5);
    f.eval = fake_hashed;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    return 0;
}

static void root_visits_are_the_limit_and_one_more_than_the_childrens(void **state)
{
    struct fake *f = *state;
    static const int limits[] = {1, 2, 3, 50, 700};

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        f->set.visits = limits[i];
        struct search_result r = fake_search(f);

        assert_int_equal(r.visits, limits[i]);
        assert_int_equal(r.n_children, 26);
        fake_check_counts(&r);
    }
}

static void children_are_the_legal_moves_in_order_of_actions(void **state)
{
    struct fake *f = *state;
    uint8_t legal[GAME_MAX_ACTIONS];
    int k = 0;

    fake_play(f, "C3 C2 B4");
    struct search_result r = fake_search(f);

    game_legal(&f->game, &f->pos, legal);
    for (int a = 0; a < f->game.n_actions; a++)
        if (legal[a])
            assert_int_equal(r.children[k++].action, a);
    assert_int_equal(k, r.n_children);
}

static void priors_are_the_softmax_over_legal_moves(void **state)
{
    struct fake *f = *state;
    double sum = 0.0;

    fake_play(f, "C3");
    for (int a = 0; a < f->game.n_actions; a++)
        f->policy[a] = 0.37f * (float)(a * a % 53) - 9.0f;
    f->policy[4] = -INFINITY;       /* masked by the network */
    f->policy[5] = -1e30f;
    f->policy[12] = 1e30f;          /* the stone's point: not legal, not looked at */
    f->eval = fake_policy;
    f->set.visits = 1;
    struct search_result r = fake_search(f);

    for (int i = 0; i < r.n_children; i++)
        sum += exp(f->policy[r.children[i].action]);
    for (int i = 0; i < r.n_children; i++) {
        double p = exp(f->policy[r.children[i].action]) / sum;

        assert_true(fabs(r.children[i].raw_prior - p) <= 2e-6 * p + 1e-30);
    }
}

static void the_same_seed_gives_the_same_search(void **state)
{
    struct fake *f = *state;
    int32_t visits[26];
    float value;

    f->set.noise_weight = 0.25f;
    struct search_result r = fake_search(f);

    for (int i = 0; i < r.n_children; i++)
        visits[i] = r.children[i].visits;
    value = r.value;
    search_clear(f->s);
    r = fake_search(f);
    assert_memory_equal(&r.value, &value, sizeof value);
    for (int i = 0; i < r.n_children; i++)
        assert_int_equal(r.children[i].visits, visits[i]);
}

static void a_visit_is_an_evaluation_where_no_game_ends(void **state)
{
    struct fake *f = *state;

    f->set.visits = 60;
    f->policy[25] = -20.0f; /* nobody passes */
    f->eval = fake_policy;
    struct search_result r = fake_search(f);

    assert_int_equal(r.n_evaluated, 60);
    assert_true(r.max_depth >= 2);
}

static void results_are_for_the_player_to_move(void **state)
{
    struct fake *f = *state;

    f->set.visits = 1;
    for (int ply = 0; ply < 2; ply++) {
        struct search_result r = fake_search(f);
        struct fake_eval e = {.win = 0.0f};

        fake_hashed(f, &f->pos, &e);
        assert_float_equal(r.raw_win, e.win, 1e-6);
        assert_float_equal(r.win, e.win, 1e-6);
        assert_float_equal(r.loss, e.loss, 1e-6);
        assert_float_equal(r.value, e.win - e.loss, 1e-6);
        if (ply == 0)
            fake_play(f, "C3"); /* and once more for White */
    }
}

static void the_variation_starts_with_the_best_move_and_is_legal(void **state)
{
    struct fake *f = *state;
    int16_t pv[20];
    struct search_result r = fake_search(f);
    int n = search_pv(f->s, pv, 20);

    assert_true(n >= 2 && n <= r.max_depth);
    assert_int_equal(pv[0], r.children[r.best].action);
    for (int i = 0; i < n; i++) {
        assert_true(game_is_legal(&f->game, &f->pos, pv[i]));
        game_play(&f->game, &f->pos, pv[i]);
    }
}

static void a_win_in_one_is_found_without_proofs(void **state)
{
    struct fake *f = *state;

    f->set.proven = false;
    f->set.visits = 2000;
    fake_play(f, "A3 A2 B3 B2"); /* X: A3 B3, O: A2 B2; X to move wins at C3 */
    struct search_result r = fake_search(f);

    assert_int_equal(search_choose(f->s), fake_vertex(f, "C3"));
    assert_int_equal(r.visits, 2000);
    assert_true(r.value > 0.9f);
}

static void a_win_in_one_of_the_opponent_is_blocked_without_proofs(void **state)
{
    struct fake *f = *state;

    f->set.proven = false;
    f->set.visits = 2000;
    fake_play(f, "A3 B2 B3"); /* X threatens C3 */
    fake_search(f);
    assert_int_equal(search_choose(f->s), fake_vertex(f, "C3"));
}

/* Play every reply of the opponent against the search's moves; a loss fails. */
static void never_lost(struct fake *f, uint8_t me)
{
    struct position here;
    uint8_t legal[GAME_MAX_ACTIONS];

    if (f->pos.over) {
        assert_int_not_equal(f->pos.winner, me == GAME_BLACK ? GAME_WON_WHITE : GAME_WON_BLACK);
        return;
    }
    game_copy(&f->game, &here, &f->pos);
    if (f->pos.to_move == me) {
        fake_search(f);
        game_play(&f->game, &f->pos, search_choose(f->s));
        never_lost(f, me);
    } else {
        game_legal(&f->game, &here, legal);
        for (int a = 0; a < f->game.n_actions; a++) {
            if (!legal[a])
                continue;
            game_copy(&f->game, &f->pos, &here);
            game_play(&f->game, &f->pos, a);
            never_lost(f, me);
        }
    }
    game_copy(&f->game, &f->pos, &here);
}

static void tictactoe_is_never_lost(void **state)
{
    struct fake *f = *state;

    f->set.visits = 8000; /* values are 0 until a game ends: much has to be seen */
    for (int proven = 0; proven < 2; proven++)
        for (int gumbel = 0; gumbel < 2; gumbel++) {
            f->set.proven = proven != 0;
            f->set.gumbel = gumbel != 0;
            never_lost(f, GAME_BLACK);
            never_lost(f, GAME_WHITE);
        }
}

static void a_proven_win_ends_the_search_and_is_played(void **state)
{
    struct fake *f = *state;

    f->set.temp_early = 10.0f; /* no temperature may miss it */
    fake_play(f, "A1 A2 B1 B2"); /* the win is the last of the legal moves */
    int win = fake_vertex(f, "C1");
    struct search_result r = fake_search(f);

    assert_int_equal(r.proven, 1);
    assert_true(r.visits > 2 && r.visits < 20);
    assert_true(r.win == 1.0f && r.value == 1.0f);
    for (f->seed = 0; f->seed < 20; f->seed++) {
        fake_search(f);
        assert_int_equal(search_choose(f->s), win);
    }
    assert_int_equal(fake_child(&r, win)->proven, 1);

    float target[GAME_MAX_ACTIONS];

    assert_true(search_policy_target(f->s, target));
    assert_true(target[win] == 1.0f);

    f->set.proven = false;
    r = fake_search(f);
    assert_int_equal(r.proven, 0);
    assert_int_equal(r.visits, 200);
}

static void a_forced_win_is_proven_and_a_proven_loss_left_alone(void **state)
{
    struct fake *f = *state;
    float target[GAME_MAX_ACTIONS];
    int blunder;

    /* X at two opposite corners, O in the centre, then O's other corners lose: X forks. */
    fake_play(f, "A3 B2 C1");
    blunder = fake_vertex(f, "A1");
    f->set.visits = 1000;
    struct search_result r = fake_search(f);
    int visits = fake_child(&r, blunder)->visits;

    assert_int_equal(fake_child(&r, blunder)->proven, -1);
    assert_true(fake_child(&r, blunder)->value == -1.0f);
    assert_true(visits > 0 && visits < 100);
    assert_true(search_policy_target(f->s, target));
    assert_true(target[blunder] == 0.0f);

    f->set.proven = false;
    r = fake_search(f);
    assert_true(search_policy_target(f->s, target));
    assert_true(target[blunder] > 0.0f);
    assert_int_equal(fake_child(&r, blunder)->proven, 0);

    f->set.proven = true;
    fake_play(f, "A1");
    r = fake_search(f);
    assert_int_equal(r.proven, 1); /* X: C3 and B1 ... two threats */
    assert_true(r.visits < 1000);
}

static void a_lost_root_is_proven_lost(void **state)
{
    struct fake *f = *state;

    fake_play(f, "A3 B2 C1 A1 C3"); /* X threatens B3 and C2 */
    struct search_result r = fake_search(f);

    assert_int_equal(r.proven, -1);
    assert_true(r.loss == 1.0f && r.value == -1.0f);
    assert_true(game_is_legal(&f->game, &f->pos, search_choose(f->s)));

    int16_t pv[9]; /* whatever White does, Black's next move wins: the variation ends there */
    int n = search_pv(f->s, pv, 9);

    assert_int_equal(n, 2);
    for (int i = 0; i < n; i++)
        game_play(&f->game, &f->pos, pv[i]);
    assert_int_equal(f->pos.winner, GAME_WON_BLACK);
}

static void a_finished_game_is_done_at_once(void **state)
{
    struct fake *f = *state;

    fake_play(f, "A3 A2 B3 B2 C3");
    struct search_result r = fake_search(f);

    assert_int_equal(r.n_children, 0);
    assert_true(r.loss == 1.0f); /* White is to move and has lost */
    assert_int_equal(search_choose(f->s), -1);
}

static void a_draw_is_worth_draw_value_to_black(void **state)
{
    struct fake *f = *state;

    /* X O X / X O O / O X .: the last move, X's, draws */
    fake_play(f, "A3 B3 C3 B2 A2 C2 B1 A1");
    f->set.draw_value = 0.4f;
    f->set.visits = 1001;
    struct search_result r = fake_search(f);

    assert_int_equal(r.n_children, 1);
    assert_float_equal(r.children[0].value, 0.4f, 1e-5);
    assert_float_equal(r.win, 0.5f, 1e-5);
    assert_float_equal(r.value, 0.4f, 0.01);
    f->set.draw_value = 0.0f;
    r = fake_search(f);
    assert_float_equal(r.children[0].value, 0.0f, 1e-5);
}

static void a_draw_is_worth_minus_draw_value_to_white(void **state)
{
    struct fake *f = *state;

    fake_play(f, "A3 B3 C3 B2 A2 C2 B1"); /* O to move: A1 or C1, both draw or lose */
    f->set.draw_value = -0.5f;
    f->set.visits = 1000;
    struct search_result r = fake_search(f);

    assert_float_equal(r.children[r.best].value, 0.5f, 0.05);
}

static void no_result(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    (void)f;
    (void)pos;
    e->win = e->loss = 0.0f;
    e->no_result = 2.0f; /* not normalised */
}

static void no_result_is_worth_its_utility_to_black(void **state)
{
    struct fake *f = *state;

    f->eval = no_result;
    f->set.visits = 5;
    f->set.no_result_utility = 0.3f;
    struct search_result r = fake_search(f);

    assert_float_equal(r.value, 0.3f, 1e-5);
    assert_float_equal(r.no_result, 1.0f, 1e-5);
    fake_play(f, "C3");
    r = fake_search(f);
    assert_float_equal(r.value, -0.3f, 1e-5);
    f->set.no_result_utility = 0.0f;
    r = fake_search(f);
    assert_float_equal(r.value, 0.0f, 1e-5);
}

/* A random game on 2 x 2 under simple ko, up to where some move repeats the board for the third time: that
 * move, or -1. */
static int reach_no_result(struct fake *f, struct tg_rng *rng)
{
    static struct position next;
    uint8_t legal[GAME_MAX_ACTIONS];
    struct game_setup setup;

    game_default_setup(&f->game, &setup);
    setup.width = setup.height = 2;
    setup.go.ko = GO_KO_SIMPLE;
    game_start(&f->game, &setup, &f->pos);
    while (!f->pos.over && f->pos.ply < 200) {
        int n = game_legal(&f->game, &f->pos, legal), at = -1;
        uint32_t k = tg_rng_below(rng, (uint32_t)(n > 1 ? n - 1 : 1)); /* the pass is the last of them */

        for (int a = 0; a < f->game.n_actions; a++) {
            if (!legal[a])
                continue;
            game_copy(&f->game, &next, &f->pos);
            game_play(&f->game, &next, a);
            if (next.over && next.winner == GAME_NO_RESULT)
                return a;
            at = k-- == 0 ? a : at;
        }
        game_play(&f->game, &f->pos, at);
    }
    return -1;
}

static void a_game_that_ends_without_result_is_worth_that_too(void **state)
{
    struct fake *f = *state;
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 0, 0);
    int end = -1;

    f->eval = fake_uniform;
    f->set.no_result_utility = 0.3f;
    for (int k = 0; k < 50 && end < 0; k++)
        end = reach_no_result(f, &rng);
    assert_true(end >= 0);
    struct search_result r = fake_search(f);

    assert_float_equal(fake_child(&r, end)->value, f->pos.to_move == GAME_BLACK ? 0.3f : -0.3f, 1e-5);
}

/* Black leads by 5 wherever a stone is on C3, else not. */
static void leads_at_c3(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    float lead = pos->stones[12] == GAME_BLACK_STONE ? 5.0f : 0.0f;

    e->lead = pos->to_move == GAME_BLACK ? lead : -lead;
    e->stdev = f->param;
}

static void the_score_counts_by_its_weight(void **state)
{
    struct fake *f = *state;
    int c3 = fake_vertex(f, "C3");

    f->eval = leads_at_c3;
    f->set.visits = 150;
    f->set.score_weight = 0.5f;
    struct search_result r = fake_search(f);

    assert_int_equal(r.children[r.best].action, c3);
    assert_float_equal(fake_child(&r, c3)->lead, 5.0f, 1e-4);
    assert_float_equal(fake_child(&r, c3)->value, 0.25f, 0.02); /* atan(5 / 5) is a half of pi/2 */
    float sharp = fake_child(&r, c3)->value;

    f->param = 20.0f;
    r = fake_search(f);
    assert_true(fake_child(&r, c3)->value < 0.6f * sharp); /* an unsure lead is worth less */
    f->set.score_weight = 0.0f;
    r = fake_search(f);
    assert_float_equal(fake_child(&r, c3)->value, 0.0f, 1e-5);
}

static void the_score_of_a_finished_game_counts_too(void **state)
{
    struct fake *f = *state;
    int pass = fake_vertex(f, "pass");

    fake_play(f, "C3 A1 pass"); /* one point each: White's pass ends the game */
    f->pos.setup.go.komi2 = -10; /* Black leads by 5, as above */
    f->eval = fake_policy;
    f->policy[pass] = 5.0f;
    f->set.proven = false;
    f->set.score_weight = 0.5f;
    struct search_result r = fake_search(f);

    assert_float_equal(fake_child(&r, pass)->value, -1.25f, 1e-4);
    f->set.score_weight = 0.0f;
    r = fake_search(f);
    assert_float_equal(fake_child(&r, pass)->value, -1.0f, 1e-5);
}

static void first_play_urgency_narrows_the_root(void **state)
{
    struct fake *f = *state;
    int wide, narrow;

    f->set.visits = 60;
    f->set.root_fpu_reduction = 0.0f;
    struct search_result r = fake_search(f);

    wide = fake_visited(&r);
    f->set.root_fpu_reduction = 0.6f;
    r = fake_search(f);
    narrow = fake_visited(&r);
    assert_true(narrow < wide);
}

static void first_play_urgency_narrows_the_tree_below(void **state)
{
    struct fake *f = *state;
    int wide, narrow;

    f->set.visits = 300;
    f->set.fpu_reduction = -0.5f;
    wide = fake_search(f).max_depth;
    f->set.fpu_reduction = 1.0f;
    narrow = fake_search(f).max_depth;
    assert_true(narrow > wide); /* fewer branches, so deeper */
}

static void an_unvisited_child_shows_its_first_play_urgency(void **state)
{
    struct fake *f = *state;
    float seen = 0.0f;

    f->set.visits = 20;
    f->set.root_fpu_reduction = 0.4f;
    struct search_result r = fake_search(f);

    for (int i = 0; i < r.n_children; i++)
        seen += r.children[i].visits > 0 ? r.children[i].prior : 0.0f;
    for (int i = 0; i < r.n_children; i++)
        if (r.children[i].visits == 0)
            assert_float_equal(r.children[i].value, r.value - 0.4f * sqrtf(seen), 1e-5);
    assert_true(fake_visited(&r) < r.n_children);
}

static void exploration_constants_spread_the_visits(void **state)
{
    struct fake *f = *state;
    int plain, wide, growing;

    f->set.visits = 500;
    f->set.c_puct = 0.5f;
    f->set.c_puct_log = 0.0f;
    struct search_result r = fake_search(f);

    plain = fake_most(&r);
    f->set.c_puct = 3.0f;
    r = fake_search(f);
    wide = fake_most(&r);
    f->set.c_puct = 0.5f;
    f->set.c_puct_log = 1.0f;
    f->set.c_puct_base = 10.0f;
    r = fake_search(f);
    growing = fake_most(&r);
    assert_true(wide < plain);
    assert_true(growing < plain);
    f->set.c_puct_base = 1e6f; /* never starts to grow */
    r = fake_search(f);
    assert_int_equal(fake_most(&r), plain);
}

static void a_losing_last_pass_is_avoided(void **state)
{
    struct fake *f = *state;
    int pass = fake_vertex(f, "pass");

    fake_play(f, "C3 A1 pass"); /* White to move */
    f->pos.setup.go.komi2 = -101; /* passing loses */
    f->eval = fake_policy;
    f->policy[pass] = 8.0f;
    f->set.proven = false;
    f->set.visits = 1;
    fake_search(f);
    assert_int_equal(search_choose(f->s), pass);

    f->set.avoid_early_pass = true;
    for (int k = 0; k < 8; k++) {
        f->set.visits = k & 1 ? 100 : 1;
        f->set.gumbel = (k & 2) != 0;
        f->set.proven = (k & 4) != 0;
        struct search_result r = fake_search(f);

        assert_int_not_equal(search_choose(f->s), pass);
        assert_int_equal(fake_child(&r, pass)->visits, 0);
        assert_int_equal(r.visits, f->set.visits);
        fake_check_counts(&r);
    }
    f->set.gumbel = false;
    f->pos.setup.go.komi2 = 101; /* now the pass wins */
    f->set.visits = 1;
    fake_search(f);
    assert_int_equal(search_choose(f->s), pass);
}

static void an_evaluation_that_is_not_finite_is_refused(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;
    float logits[GAME_MAX_ACTIONS] = {0};
    struct search_eval good = {.policy_logits = logits, .win = 0.5f, .loss = 0.5f}, bad = good;

    fake_start(f);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
    bad.win = NAN;
    assert_fails(search_expand(f->s, leaf.id, &bad, &f->err), TG_EINVAL, "not finite", &f->err);
    logits[3] = NAN;
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF); /* the leaf can be had again */
    assert_fails(search_expand(f->s, leaf.id, &good, &f->err), TG_EINVAL, "not finite", &f->err);
    logits[3] = 0.0f;
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
    assert_ok(search_expand(f->s, leaf.id, &good, &f->err), &f->err);
}

static void a_setting_out_of_range_is_named(void **state)
{
    struct fake *f = *state;
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, 0, 0);

    f->set.noise_weight = 1.5f;
    assert_fails(search_start(f->s, &f->pos, &f->set, &rng, &f->err), TG_EINVAL, "noise_weight",
                 &f->err);
}

static void the_visit_limit_can_change_during_the_search(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;
    struct search_result r;

    fake_start(f);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
        fake_expand(f, &leaf);
    }
    search_set_visits(f->s, 10);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_DONE);
    search_result(f->s, &r);
    assert_int_equal(r.visits, 30);
    search_set_visits(f->s, 35);
    assert_int_equal(fake_run(f).visits, 35);
}

#define GO(test) cmocka_unit_test_setup_teardown(test, setup_go, teardown)
#define TICTACTOE(test) cmocka_unit_test_setup_teardown(test, setup_tictactoe, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GO(root_visits_are_the_limit_and_one_more_than_the_childrens),
        GO(children_are_the_legal_moves_in_order_of_actions),
        GO(priors_are_the_softmax_over_legal_moves),
        GO(the_same_seed_gives_the_same_search),
        GO(a_visit_is_an_evaluation_where_no_game_ends),
        GO(results_are_for_the_player_to_move),
        GO(the_variation_starts_with_the_best_move_and_is_legal),
        TICTACTOE(a_win_in_one_is_found_without_proofs),
        TICTACTOE(a_win_in_one_of_the_opponent_is_blocked_without_proofs),
        TICTACTOE(tictactoe_is_never_lost),
        TICTACTOE(a_proven_win_ends_the_search_and_is_played),
        TICTACTOE(a_forced_win_is_proven_and_a_proven_loss_left_alone),
        TICTACTOE(a_lost_root_is_proven_lost),
        TICTACTOE(a_finished_game_is_done_at_once),
        TICTACTOE(a_draw_is_worth_draw_value_to_black),
        TICTACTOE(a_draw_is_worth_minus_draw_value_to_white),
        GO(no_result_is_worth_its_utility_to_black),
        GO(a_game_that_ends_without_result_is_worth_that_too),
        GO(the_score_counts_by_its_weight),
        GO(the_score_of_a_finished_game_counts_too),
        GO(first_play_urgency_narrows_the_root),
        GO(first_play_urgency_narrows_the_tree_below),
        GO(an_unvisited_child_shows_its_first_play_urgency),
        GO(exploration_constants_spread_the_visits),
        GO(a_losing_last_pass_is_avoided),
        GO(an_evaluation_that_is_not_finite_is_refused),
        GO(a_setting_out_of_range_is_named),
        GO(the_visit_limit_can_change_during_the_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
