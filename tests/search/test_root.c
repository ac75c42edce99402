/* The root's own: temperature of the policy, Dirichlet noise, forced playouts and their pruning,
 * Gumbel with sequential halving. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"

enum { ACTIONS = 26 }; /* Go 5x5 on the empty board: all of them legal */

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

static void priors_of(struct fake *f, float *prior)
{
    struct search_result r = fake_search(f);

    assert_int_equal(r.n_children, ACTIONS);
    for (int i = 0; i < ACTIONS; i++)
        prior[i] = r.children[i].prior;
}

static float highest(const float *x)
{
    float most = 0.0f;

    for (int i = 0; i < ACTIONS; i++)
        most = fmaxf(most, x[i]);
    return most;
}

static void noise_changes_the_roots_visits_and_another_stream_other_noise(void **state)
{
    struct fake *f = *state;
    int32_t visits[3][ACTIONS];

    for (int k = 0; k < 3; k++) {
        f->set.noise_weight = k == 0 ? 0.0f : 0.25f;
        f->seed = (uint64_t)k;
        struct search_result r = fake_search(f);
        double sum = 0.0, raw = 0.0;

        for (int i = 0; i < ACTIONS; i++) {
            visits[k][i] = r.children[i].visits;
            sum += r.children[i].prior;
            raw += r.children[i].raw_prior;
            if (k == 0)
                assert_true(r.children[i].prior == r.children[i].raw_prior);
        }
        assert_float_equal(sum, 1.0, 1e-5);
        assert_float_equal(raw, 1.0, 1e-5);
    }
    assert_memory_not_equal(visits[0], visits[1], sizeof visits[0]);
    assert_memory_not_equal(visits[1], visits[2], sizeof visits[0]);
}

static void without_noise_the_stream_does_not_matter(void **state)
{
    struct fake *f = *state;
    int32_t visits[2][ACTIONS];

    for (int k = 0; k < 2; k++) {
        f->seed = (uint64_t)k;
        struct search_result r = fake_search(f);

        for (int i = 0; i < ACTIONS; i++)
            visits[k][i] = r.children[i].visits;
    }
    assert_memory_equal(visits[0], visits[1], sizeof visits[0]);
}

static void a_small_alpha_makes_spiky_noise_and_a_large_one_flat(void **state)
{
    struct fake *f = *state;
    float prior[ACTIONS];

    f->eval = fake_uniform;
    f->set.visits = 2;
    f->set.noise_weight = 1.0f;
    f->set.noise_shaped = false;
    f->set.noise_alpha = 0.02f;
    priors_of(f, prior);
    assert_true(highest(prior) > 0.3f);
    f->set.noise_alpha = 1000.0f;
    priors_of(f, prior);
    assert_true(highest(prior) < 0.05f);
    /* a total concentration is shared by the legal moves */
    f->set.noise_alpha = 0.0f;
    f->set.noise_total = 0.5f;
    priors_of(f, prior);
    assert_true(highest(prior) > 0.3f);
    f->set.noise_total = 26000.0f;
    priors_of(f, prior);
    assert_true(highest(prior) < 0.05f);
}

/* The mean noise over many streams, on a policy with two good moves among 24 poor ones. */
static float mean_noise_on_good_moves(struct fake *f)
{
    double sum = 0.0;
    float prior[ACTIONS];

    for (f->seed = 0; f->seed < 300; f->seed++) {
        priors_of(f, prior);
        sum += prior[3] + prior[7];
    }
    return (float)(sum / 300 / 2);
}

static void shaped_noise_prefers_moves_of_the_policy(void **state)
{
    struct fake *f = *state;

    f->eval = fake_policy;
    f->policy[3] = f->policy[7] = 6.0f;
    f->set.visits = 2;
    f->set.noise_weight = 1.0f;
    f->set.noise_shaped = false;
    assert_float_equal(mean_noise_on_good_moves(f), 1.0f / ACTIONS, 0.01f);
    f->set.noise_shaped = true; /* half of it goes to the two: 0.5/26 + 0.5/2 */
    assert_float_equal(mean_noise_on_good_moves(f), 0.5f / ACTIONS + 0.25f, 0.02f);
}

static void root_temperature_flattens_the_policy(void **state)
{
    struct fake *f = *state;
    float plain[ACTIONS], flat[ACTIONS], sum = 0.0f;

    f->set.visits = 2;
    priors_of(f, plain);
    f->set.root_temp_early = 2.0f;
    priors_of(f, flat);
    for (int i = 0; i < ACTIONS; i++)
        sum += sqrtf(plain[i]);
    for (int i = 0; i < ACTIONS; i++)
        assert_float_equal(flat[i], sqrtf(plain[i]) / sum, 1e-5);
}

static void root_temperature_goes_from_early_to_late(void **state)
{
    struct fake *f = *state;
    struct search_result r;

    f->set.visits = 2;
    f->set.root_temp_early = 3.0f;
    f->set.root_temp_late = 1.0f;
    f->set.temp_halflife = 19.0f / 5.0f; /* one ply on this board */
    fake_play(f, "C3 B2 D4 B3 D2 C4 E1 A5 A1 E5");
    r = fake_search(f);
    for (int i = 0; i < r.n_children; i++) /* 3 - 2 / 1024 gone */
        assert_float_equal(r.children[i].prior, r.children[i].raw_prior, 1e-3);
    f->set.temp_halflife = 0.0f; /* stays early */
    r = fake_search(f);
    assert_true(fabsf(r.children[r.best].prior - r.children[r.best].raw_prior) > 0.01f);
}

/* How far the worst served child that has a visit is below its forced playouts. */
static float worst_debt(const struct search_result *r, float k)
{
    float worst = 0.0f;

    for (int i = 0; i < r->n_children; i++) {
        float due = sqrtf(k * r->children[i].prior * (float)(r->visits - 1));

        if (r->children[i].visits > 0)
            worst = fmaxf(worst, due - (float)r->children[i].visits);
    }
    return worst;
}

static void forced_playouts_give_each_child_its_due(void **state)
{
    struct fake *f = *state;

    f->eval = fake_by_first_move;
    f->set.visits = 600;
    f->set.noise_weight = 0.25f;
    f->set.c_puct = 0.6f;
    f->set.c_puct_log = 0.0f;
    struct search_result r = fake_search(f);

    assert_true(worst_debt(&r, 2.0f) > 3.0f);
    f->set.forced_k = 2.0f;
    r = fake_search(f);
    assert_true(worst_debt(&r, 2.0f) <= 1.0f); /* one: the last visit raised the due */
    f->set.forced_k = 0.5f;
    r = fake_search(f);
    assert_true(worst_debt(&r, 0.5f) <= 1.0f && worst_debt(&r, 2.0f) > 3.0f);
    f->set.forced_k = 2.0f;
    f->set.noise_weight = 0.0f; /* no noise, no forced playouts */
    r = fake_search(f);
    assert_true(worst_debt(&r, 2.0f) > 3.0f);
}

static void pruning_takes_forced_playouts_out_of_the_target(void **state)
{
    struct fake *f = *state;
    float plain[ACTIONS], pruned[ACTIONS];
    int dropped = 0, best;

    f->eval = fake_by_first_move;
    f->set.visits = 600;
    f->set.noise_weight = 0.25f;
    f->set.forced_k = 2.0f;
    f->set.c_puct = 0.6f;
    f->set.c_puct_log = 0.0f;
    struct search_result r = fake_search(f);

    best = r.children[r.best].action;
    assert_true(search_policy_target(f->s, plain));
    for (int i = 0; i < ACTIONS; i++)
        assert_float_equal(plain[i], (float)r.children[i].visits / (float)(r.visits - 1), 1e-6);
    f->set.prune_targets = true;
    r = fake_search(f);
    assert_true(search_policy_target(f->s, pruned));

    /* In units of the best move's visits, nobody gains, and none loses more than was forced. */
    for (int i = 0; i < ACTIONS; i++) {
        float left = pruned[i] / pruned[best] * (float)r.children[best].visits;
        float due = sqrtf(2.0f * r.children[i].prior * (float)(r.visits - 1));

        assert_true(left <= (float)r.children[i].visits + 0.01f);
        assert_true(left >= (float)r.children[i].visits - due - 1.01f);
        dropped += plain[i] > 0.0f && pruned[i] == 0.0f;
    }
    assert_true(pruned[best] > plain[best] + 0.1f);
    assert_true(dropped >= 3);

    f->set.forced_k = 0.0f; /* nothing forced, nothing pruned */
    r = fake_search(f);
    assert_true(search_policy_target(f->s, pruned));
    for (int i = 0; i < ACTIONS; i++)
        assert_float_equal(pruned[i], (float)r.children[i].visits / (float)(r.visits - 1), 1e-6);
}

static void there_is_no_target_without_a_visit(void **state)
{
    struct fake *f = *state;
    float target[ACTIONS];

    f->set.visits = 1;
    for (int gumbel = 0; gumbel < 2; gumbel++) {
        f->set.gumbel = gumbel != 0;
        fake_search(f);
        assert_false(search_policy_target(f->s, target));
        f->set.visits = 2;
        fake_search(f);
        assert_true(search_policy_target(f->s, target));
        f->set.visits = 1;
    }
}

static int descending(const void *a, const void *b) { return *(const int *)b - *(const int *)a; }

static void gumbel_visits_its_considered_actions_in_halving_counts(void **state)
{
    struct fake *f = *state;
    static const struct {
        int considered, simulations, counts[9];
    } cases[] = {
        {4, 16, {6, 6, 2, 2, 0}},            /* 2 levels: 4 x 2, then 2 x 4 */
        {8, 48, {14, 14, 6, 6, 2, 2, 2, 2, 0}}, /* 3 levels of 16 */
        {2, 10, {5, 5, 0}},
        {1, 7, {7, 0}},
        {8, 5, {1, 1, 1, 1, 1, 0}}, /* fewer simulations than actions */
    };

    f->set.gumbel = true;
    f->set.temp_early = 1.0f;
    f->set.proven = false;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        int visits[ACTIONS];

        f->set.gumbel_considered = cases[k].considered;
        f->set.visits = 1 + cases[k].simulations;
        struct search_result r = fake_search(f);

        for (int i = 0; i < ACTIONS; i++)
            visits[i] = r.children[i].visits;
        qsort(visits, ACTIONS, sizeof *visits, descending);
        for (int i = 0; i == 0 || cases[k].counts[i - 1] > 0; i++)
            assert_int_equal(visits[i], cases[k].counts[i]);
        assert_int_equal(r.children[r.best].visits, visits[0]);
        assert_int_equal(search_choose(f->s), r.children[r.best].action);
    }
}

/* Against the expectation of a move drawn from the prior, where every value is known. */
static void gumbel_improves_on_the_prior_with_few_visits(void **state)
{
    struct fake *f = *state;
    static const int visits[] = {3, 5, 17};

    f->eval = fake_by_first_move;
    f->set.gumbel = true;
    f->set.temp_early = 1.0f;
    f->set.gumbel_considered = 4;
    for (int a = 0; a < ACTIONS; a++) /* the better a move, the less the network likes it */
        f->policy[a] = -1.5f * fake_first_move_value(a);
    for (size_t k = 0; k < sizeof visits / sizeof *visits; k++) {
        double prior = 0.0, target_mean = 0.0, chosen = 0.0;

        f->set.visits = visits[k];
        for (f->seed = 0; f->seed < 300; f->seed++) {
            float target[ACTIONS], sum = 0.0f;
            struct search_result r = fake_search(f);

            assert_true(search_policy_target(f->s, target));
            for (int i = 0; i < ACTIONS; i++) {
                prior += r.children[i].prior * fake_first_move_value(i) / 300;
                target_mean += target[i] * fake_first_move_value(i) / 300;
                sum += target[i];
            }
            assert_float_equal(sum, 1.0f, 1e-5);
            chosen += fake_first_move_value(search_choose(f->s)) / 300.0;
        }
        assert_true(target_mean > prior + 0.05);
        assert_true(chosen > prior + 0.05);
    }
}

/* The two that are left at the end have equal visits: the one whose logit and noise are more together is
 * played. Where values do not count that is the one which was visited first. */
static void the_last_two_are_told_apart_with_the_noise(void **state)
{
    struct fake *f = *state;
    int against_the_prior = 0;

    f->set.gumbel = true;
    f->set.temp_early = 1.0f;
    f->set.gumbel_considered = 2;
    f->set.gumbel_c_scale = 0.0f;
    f->set.proven = false;
    for (f->seed = 0; f->seed < 30; f->seed++) {
        f->set.visits = 2;
        fake_search(f);
        int first = search_choose(f->s);

        f->set.visits = 11;
        struct search_result r = fake_search(f);

        assert_int_equal(fake_child(&r, first)->visits, 5);
        assert_int_equal(search_choose(f->s), first);
        for (int i = 0; i < ACTIONS; i++)
            against_the_prior += r.children[i].visits == 5 &&
                                 r.children[i].raw_prior > fake_child(&r, first)->raw_prior;
    }
    assert_true(against_the_prior > 5);
}

static void gumbel_takes_the_place_of_dirichlet_noise(void **state)
{
    struct fake *f = *state;

    f->set.gumbel = true;
    f->set.noise_weight = 0.5f;
    f->set.visits = 9;
    struct search_result r = fake_search(f);

    for (int i = 0; i < ACTIONS; i++)
        assert_float_equal(r.children[i].prior, r.children[i].raw_prior, 1e-6);
}

/* softmax(logit + sigma(completed q)), worked out here from the search's result: the logits are those of
 * the policy at the root's temperature. */
static void gumbel_target_is_the_improved_policy(void **state)
{
    struct fake *f = *state;
    double score[ACTIONS], sum = 0.0, mass = 0.0, weighted = 0.0, visits, mixed, most;
    float target[ACTIONS];

    f->eval = fake_by_first_move;
    for (int a = 0; a < ACTIONS; a++)
        f->policy[a] = 0.1f * (float)(a % 7);
    f->set.gumbel = true;
    f->set.gumbel_considered = 6;
    f->set.gumbel_c_scale = 0.1f;
    f->set.root_temp_early = 2.0f;
    f->set.visits = 30;
    struct search_result r = fake_search(f);

    assert_true(search_policy_target(f->s, target));
    visits = r.visits - 1;
    most = fake_most(&r);
    for (int i = 0; i < ACTIONS; i++) {
        mass += r.children[i].visits > 0 ? r.children[i].prior : 0.0f;
        weighted += r.children[i].visits > 0 ? r.children[i].prior * r.children[i].value : 0.0f;
    }
    mixed = (0.0 + visits * weighted / mass) / (1.0 + visits); /* the root's own value is 0 */
    for (int i = 0; i < ACTIONS; i++) {
        double q = r.children[i].visits > 0 ? r.children[i].value : mixed;

        score[i] = sqrt((double)r.children[i].raw_prior) * exp((50.0 + most) * 0.1 * q / 2.0);
        sum += score[i];
    }
    for (int i = 0; i < ACTIONS; i++)
        assert_float_equal(target[i], (float)(score[i] / sum), 1e-4);
}

static void gumbel_noise_follows_the_move_temperature(void **state)
{
    struct fake *f = *state;
    int first[2] = {0}, differs[2] = {0};

    f->set.gumbel = true;
    f->set.gumbel_considered = 4;
    f->set.visits = 9;
    for (int noisy = 0; noisy < 2; noisy++) {
        f->set.temp_early = (float)noisy;
        for (f->seed = 0; f->seed < 20; f->seed++) {
            fake_search(f);
            if (f->seed == 0)
                first[noisy] = search_choose(f->s);
            differs[noisy] += search_choose(f->s) != first[noisy];
        }
    }
    assert_int_equal(differs[0], 0);
    assert_true(differs[1] > 5);
}

static void gumbel_scale_decides_how_much_values_count(void **state)
{
    struct fake *f = *state;
    float target[ACTIONS], top[2];

    f->eval = fake_by_first_move;
    f->set.gumbel = true;
    f->set.visits = 33;
    for (int k = 0; k < 2; k++) {
        f->set.gumbel_c_scale = k == 0 ? 1.0f : 0.0f;
        fake_search(f);
        assert_true(search_policy_target(f->s, target));
        top[k] = highest(target);
    }
    assert_true(top[0] > 0.5f);
    assert_float_equal(top[1], 1.0f / ACTIONS, 1e-4); /* values do not count: the prior */
    f->set.gumbel_c_scale = 0.02f;
    fake_search(f);
    search_policy_target(f->s, target);
    float wide = highest(target);

    f->set.gumbel_c_visit = 0.0f;
    fake_search(f);
    search_policy_target(f->s, target);
    assert_true(highest(target) < wide);
}

static void gumbel_halves_its_own_visits_where_a_tree_is_reused(void **state)
{
    struct fake *f = *state;
    int before[ACTIONS + 1] = {0}, own[ACTIONS + 1], n = 0;

    f->set.reuse_tree = true;
    f->set.visits = 400;
    fake_search(f);
    search_advance(f->s, fake_vertex(f, "C3"));
    fake_play(f, "C3");
    f->set.gumbel = true;
    f->set.gumbel_considered = 4;
    fake_start(f);
    struct search_result r;

    search_result(f->s, &r);
    assert_true(r.visits > 5);
    search_set_visits(f->s, 0);
    for (int i = 0; i < r.n_children; i++)
        before[r.children[i].action] = r.children[i].visits;
    f->set.visits = r.visits + 16;
    r = fake_search(f);
    for (int i = 0; i < r.n_children; i++)
        own[n++] = r.children[i].visits - before[r.children[i].action];
    qsort(own, (size_t)n, sizeof *own, descending);
    assert_true(own[0] == 6 && own[1] == 6 && own[2] == 2 && own[3] == 2 && own[4] == 0);
    fake_check_counts(&r);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(noise_changes_the_roots_visits_and_another_stream_other_noise),
        T(without_noise_the_stream_does_not_matter),
        T(a_small_alpha_makes_spiky_noise_and_a_large_one_flat),
        T(shaped_noise_prefers_moves_of_the_policy),
        T(root_temperature_flattens_the_policy),
        T(root_temperature_goes_from_early_to_late),
        T(forced_playouts_give_each_child_its_due),
        T(pruning_takes_forced_playouts_out_of_the_target),
        T(there_is_no_target_without_a_visit),
        T(gumbel_visits_its_considered_actions_in_halving_counts),
        T(gumbel_improves_on_the_prior_with_few_visits),
        T(the_last_two_are_told_apart_with_the_noise),
        T(gumbel_takes_the_place_of_dirichlet_noise),
        T(gumbel_target_is_the_improved_policy),
        T(gumbel_noise_follows_the_move_temperature),
        T(gumbel_scale_decides_how_much_values_count),
        T(gumbel_halves_its_own_visits_where_a_tree_is_reused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
