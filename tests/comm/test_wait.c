/* test_wait.c - how a wait gives up the core. */
#include "../../src/comm/comm_private.h"
#include "tg_test.h"

static void assert_about(double x, double want) { assert_true(x > 0.999 * want && x < 1.001 * want); }

static void with_a_core_of_its_own_a_rank_yields_then_sleeps(void **state)
{
    (void)state;
    assert_true(comm_nap_usec(0, 0) == 0 && comm_nap_usec(0.0049, 0) == 0);
    assert_about(comm_nap_usec(0.005, 0), 50);
    assert_about(comm_nap_usec(0.02, 0), 200); /* a hundredth of the time waited */
    assert_about(comm_nap_usec(60, 0), 2000);
}

static void where_ranks_outnumber_cores_it_sleeps_at_once(void **state)
{
    (void)state;
    assert_about(comm_nap_usec(0, 5), 250);
    assert_about(comm_nap_usec(0.1, 5), 1000);
    assert_about(comm_nap_usec(0, 128), 6400); /* all of them look as often as 2 ranks with a core each would */
    assert_about(comm_nap_usec(60, 128), 6400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_a_core_of_its_own_a_rank_yields_then_sleeps),
        cmocka_unit_test(where_ranks_outnumber_cores_it_sleeps_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
