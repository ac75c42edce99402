/* Several leaves of one tree in flight, and what is kept from one search to the next. */
#include <math.h>
#include <string.h>

#include "fake.h"

enum { ACTIONS = 26 };

static int setup(void **state)
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

static void the_unexpanded_root_has_one_leaf(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf, other;

    fake_start(f);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
    assert_int_equal(leaf.pos->ply, f->pos.ply);
    assert_int_equal(search_select(f->s, &other), SEARCH_WAIT);
    fake_expand(f, &leaf);
    assert_int_equal(search_select(f->s, &other), SEARCH_LEAF);
}

static void leaves_in_flight_end_in_consistent_counts(void **state)
{
    struct fake *f = *state;
    static const int sizes[] = {2, 8, 33};

    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int gumbel = 0; gumbel < 2; gumbel++) {
            f->n_leaves = sizes[k];
            f->set.gumbel = gumbel != 0;
            f->set.visits = 301;
            struct search_result r = fake_search(f);

            assert_int_equal(r.visits, 301);
            fake_check_counts(&r);
        }
}

static void few_leaves_in_flight_find_the_same_move_as_one(void **state)
{
    struct fake *f = *state;

    f->eval = fake_by_first_move;
    f->set.visits = 400;
    struct search_result r = fake_search(f);
    int best = r.children[r.best].action;

    f->n_leaves = 4;
    r = fake_search(f);
    assert_int_equal(r.children[r.best].action, best);
}

/* How many leaves can be had at once from a root that likes one move most. */
static int leaves_at_once(struct fake *f)
{
    struct search_leaf leaf;
    int n = 0;

    fake_start(f);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
    fake_expand(f, &leaf);
    while (n < 30 && search_select(f->s, &leaf) == SEARCH_LEAF)
        n++;
    return n;
}

static void virtual_loss_spreads_the_leaves(void **state)
{
    struct fake *f = *state;

    f->eval = fake_policy;
    f->policy[4] = 3.0f;
    f->set.virtual_loss = 0.0f;
    assert_int_equal(leaves_at_once(f), 1); /* the second walk ends at the first's leaf */
    f->set.virtual_loss = 1.0f;
    assert_true(leaves_at_once(f) >= 5);
}

static void a_cancelled_leaf_leaves_no_trace(void **state)
{
    struct fake *f = *state;
    int32_t visits[ACTIONS];
    float value[ACTIONS];

    for (int cancel = 0; cancel < 2; cancel++) {
        struct search_leaf leaf, extra[3];
        static struct position pos;
        struct search_result r;

        fake_start(f);
        while (search_select(f->s, &leaf) == SEARCH_LEAF) {
            int n = 0;

            game_copy(&f->game, &pos, leaf.pos);
            while (cancel && n < 3 && search_select(f->s, &extra[n]) == SEARCH_LEAF)
                n++;
            while (n > 0)
                search_cancel(f->s, extra[--n].id);
            leaf.pos = &pos;
            fake_expand(f, &leaf);
        }
        search_result(f->s, &r);
        fake_check_counts(&r);
        for (int i = 0; i < ACTIONS; i++)
            if (cancel) {
                assert_int_equal(r.children[i].visits, visits[i]);
                assert_float_equal(r.children[i].value, value[i], 1e-6);
            } else {
                visits[i] = r.children[i].visits;
                value[i] = r.children[i].value;
            }
    }
}

static void an_old_leaf_is_refused(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;
    float logits[ACTIONS] = {0};
    struct search_eval eval = {.policy_logits = logits, .win = 1.0f};

    for (int reuse = 0; reuse < 2; reuse++) {
        f->set.reuse_tree = reuse != 0;
        search_clear(f->s);
        fake_start(f);
        search_select(f->s, &leaf);
        fake_expand(f, &leaf);
        search_select(f->s, &leaf);
        fake_start(f); /* cancels what is in flight */
        assert_fails(search_expand(f->s, leaf.id, &eval, &f->err), TG_EINVAL, "not in flight",
                     &f->err);
        search_cancel(f->s, leaf.id); /* no harm */
        struct search_result r = fake_run(f);

        assert_int_equal(r.visits, 200);
        fake_check_counts(&r);
    }
}

static void nothing_is_done_while_a_leaf_is_in_flight(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;

    f->set.visits = 1;
    fake_start(f);
    search_select(f->s, &leaf);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_WAIT);
    search_cancel(f->s, leaf.id);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_LEAF);
    fake_expand(f, &leaf);
    assert_int_equal(search_select(f->s, &leaf), SEARCH_DONE);
}

static void an_advanced_tree_keeps_its_visits_and_values(void **state)
{
    struct fake *f = *state;
    struct search_child before;
    int16_t pv[2][16];
    int n[2];
    struct search_result r;

    f->set.reuse_tree = true;
    f->set.visits = 500;
    r = fake_search(f);
    before = r.children[r.best];
    n[0] = search_pv(f->s, pv[0], 16);
    search_advance(f->s, before.action);
    game_play(&f->game, &f->pos, before.action);
    fake_start(f);
    search_result(f->s, &r);
    assert_int_equal(r.visits, before.visits);
    assert_float_equal(r.value, -before.value, 1e-6);
    assert_int_equal(r.n_evaluated, 0);
    fake_check_counts(&r);
    n[1] = search_pv(f->s, pv[1], 16);
    assert_int_equal(n[1], n[0] - 1);
    assert_memory_equal(pv[1], pv[0] + 1, (size_t)n[1] * sizeof **pv);
    r = fake_run(f);
    assert_int_equal(r.visits, 500); /* those reused are counted */
    assert_true(r.n_evaluated <= 500 - before.visits);
    fake_check_counts(&r);
}

static void what_cannot_be_reused_is_not(void **state)
{
    struct fake *f = *state;
    struct search_result r;

    f->set.reuse_tree = true;
    for (int k = 0; k < 5; k++) {
        struct position here;

        game_copy(&f->game, &here, &f->pos);
        r = fake_search(f);
        search_advance(f->s, fake_vertex(f, "C3"));
        fake_play(f, k == 1 ? "C2" : "C3");
        f->set.reuse_tree = k != 2;
        if (k == 3)
            f->set.draw_value = 0.5f;
        if (k == 4)
            f->pos.setup.go.komi2++;
        fake_start(f);
        search_result(f->s, &r);
        assert_int_equal(r.visits > 0, k == 0); /* the first is an ordinary reuse */
        f->set.reuse_tree = true;
        f->set.draw_value = 0.0f;
        game_copy(&f->game, &f->pos, &here);
    }
}

static void a_reused_root_gets_fresh_noise(void **state)
{
    struct fake *f = *state;
    float prior[2][ACTIONS] = {{0}};
    struct search_result r;

    f->set.reuse_tree = true;
    f->set.noise_weight = 0.25f;
    r = fake_search(f);
    int action = r.children[r.best].action;

    search_advance(f->s, action);
    game_play(&f->game, &f->pos, action);
    for (int k = 0; k < 2; k++) {
        int moved = 0;

        f->seed = 8 + (uint64_t)k;
        fake_start(f);
        search_result(f->s, &r);
        assert_true(r.visits > 1 && r.n_children == ACTIONS - 1);
        for (int i = 0; i < r.n_children; i++) {
            prior[k][i] = r.children[i].prior;
            moved += fabsf(prior[k][i] - r.children[i].raw_prior) > 1e-4f;
        }
        assert_true(moved > 15);
    }
    assert_memory_not_equal(prior[0], prior[1], sizeof prior[0]);
}

static void the_same_root_searched_again_is_noised_once(void **state)
{
    struct fake *f = *state;
    float prior[ACTIONS], raw[ACTIONS];
    struct search_result r;

    f->set.reuse_tree = true;
    f->set.noise_weight = 0.25f;
    f->set.root_temp_early = 1.5f;
    r = fake_search(f);
    for (int i = 0; i < ACTIONS; i++) {
        prior[i] = r.children[i].prior;
        raw[i] = r.children[i].raw_prior;
    }
    fake_start(f); /* the same stream */
    search_result(f->s, &r);
    assert_int_equal(r.visits, 200);
    for (int i = 0; i < ACTIONS; i++) {
        assert_float_equal(r.children[i].prior, prior[i], 1e-6);
        assert_float_equal(r.children[i].raw_prior, raw[i], 1e-6);
    }
    f->set.visits = 300;
    r = fake_search(f);
    assert_int_equal(r.visits, 300);
    fake_check_counts(&r);
}

static void a_game_with_reuse_needs_no_more_memory_than_its_visits(void **state)
{
    struct fake *f = *state;
    size_t most = 0;

    f->set.reuse_tree = true;
    f->set.visits = 400;
    f->set.temp_early = 1.0f;
    f->set.temp_halflife = 0.0f;
    for (int ply = 0; ply < 120 && !f->pos.over; ply++) {
        struct search_result r = fake_search(f);
        int action = search_choose(f->s);

        fake_check_counts(&r);
        most = search_bytes(f->s) > most ? search_bytes(f->s) : most;
        search_advance(f->s, action);
        game_play(&f->game, &f->pos, action);
    }
    assert_true(f->pos.ply > 20);
    assert_true(most <= 400 * 1024); /* 80 + 6 * 32 a node, the open slots, doubling */
    assert_true(most >= 400 * 80);
}

/* Evaluate a leaf; Black's moves on the first two rows are banned above depth 3. */
static void expand_banned(struct fake *f, const struct search_leaf *leaf, bool all)
{
    uint8_t banned[ACTIONS] = {0};
    struct fake_eval e = {.win = 0.5f, .loss = 0.5f};

    f->eval(f, leaf->pos, &e);
    struct search_eval eval = {.policy_logits = e.logits, .win = e.win, .loss = e.loss, .lead = e.lead};
    if (leaf->depth < 3 && leaf->pos->to_move == GAME_BLACK) {
        memset(banned, 1, all ? ACTIONS : 10);
        eval.banned = banned;
    }
    assert_ok(search_expand(f->s, leaf->id, &eval, &f->err), &f->err);
}

static void banned_moves_are_not_searched_down_to_their_depth(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;
    struct search_result r;
    int n_deep = 0;

    f->set.visits = 600;
    fake_start(f);
    while (search_select(f->s, &leaf) == SEARCH_LEAF) {
        assert_int_equal(leaf.depth, leaf.pos->ply - f->pos.ply);
        for (int d = 0; d < leaf.depth; d++) { /* recent[0] is the newest */
            int action = leaf.pos->recent[leaf.depth - 1 - d];

            assert_true(d >= 3 || d % 2 == 1 || action >= 10); /* Black is at the root */
            n_deep += d >= 3 && action < 10;
        }
        expand_banned(f, &leaf, false);
    }
    search_result(f->s, &r);
    assert_int_equal(r.visits, 600);
    assert_int_equal(r.n_children, ACTIONS - 10);
    fake_check_counts(&r);
    assert_true(n_deep > 0);
}

static void a_ban_of_everything_is_none(void **state)
{
    struct fake *f = *state;
    struct search_leaf leaf;
    struct search_result r;

    fake_start(f);
    while (search_select(f->s, &leaf) == SEARCH_LEAF)
        expand_banned(f, &leaf, true);
    search_result(f->s, &r);
    assert_int_equal(r.n_children, ACTIONS);
    fake_check_counts(&r);
}

static void leaves_name_the_root_s_move_above_them(void **state)
{
    struct fake *f = *state;
    int32_t visits[ACTIONS] = {0}, line[8];
    int16_t pv[8];
    struct search_leaf leaf;
    struct search_result r;

    f->set.proven = false;
    fake_start(f);
    while (search_select(f->s, &leaf) == SEARCH_LEAF) {
        if (leaf.depth > 0) {
            assert_int_equal(leaf.root_action, leaf.pos->recent[leaf.depth - 1]);
            visits[leaf.root_action]++;
        } else {
            assert_int_equal(leaf.root_action, -1);
        }
        fake_expand(f, &leaf);
    }
    search_result(f->s, &r);
    for (int i = 0; i < r.n_children; i++) {
        const struct search_child *c = &r.children[i];

        assert_true(c->visits >= visits[c->action]); /* finished games are not handed out */
        assert_true(c->win >= 0 && c->loss >= 0 && c->win + c->loss < 1.001f);
        if (c->visits > 0)
            assert_float_equal(c->value, c->win - c->loss, 1e-5);
    }
    int n = search_pv_of(f->s, r.children[r.best].action, pv, 8);
    search_line_visits(f->s, pv, n, line);
    assert_int_equal(line[0], r.children[r.best].visits);
    for (int i = 1; i < n; i++)
        assert_true(line[i] > 0 && line[i] < line[i - 1]);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_unexpanded_root_has_one_leaf),
        T(leaves_in_flight_end_in_consistent_counts),
        T(few_leaves_in_flight_find_the_same_move_as_one),
        T(virtual_loss_spreads_the_leaves),
        T(a_cancelled_leaf_leaves_no_trace),
        T(an_old_leaf_is_refused),
        T(nothing_is_done_while_a_leaf_is_in_flight),
        T(an_advanced_tree_keeps_its_visits_and_values),
        T(what_cannot_be_reused_is_not),
        T(a_reused_root_gets_fresh_noise),
        T(the_same_root_searched_again_is_noised_once),
        T(banned_moves_are_not_searched_down_to_their_depth),
        T(a_ban_of_everything_is_none),
        T(leaves_name_the_root_s_move_above_them),
        T(a_game_with_reuse_needs_no_more_memory_than_its_visits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
