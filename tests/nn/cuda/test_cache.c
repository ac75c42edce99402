/* test_cache.c - plans on disk: kept for the next process, shared without a lock, never believed blindly. */
#include "cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/file.h"
#include "tg_test.h"

static void put(struct plan_cache *c, const char *key, bool fused, const char *json)
{
    struct tg_error err;

    assert_ok(plan_cache_put(c, key, fused, json, &err), &err);
}

static void assert_has(const struct plan_cache *c, const char *key, bool fused, const char *json)
{
    const struct plan_cache_entry *e = plan_cache_find(c, key);

    assert_non_null(e);
    assert_string_equal(e->json, json);
    assert_int_equal(e->fused, fused);
}

static void plans_are_there_for_the_next_process(void **state)
{
    const char *dir = tg_test_mkdir();
    struct plan_cache c, again, other;

    (void)state;
    plan_cache_open(dir, "NVIDIA H100 80GB HBM3", 90, 91900, &c);
    assert_null(plan_cache_find(&c, "fwd a"));
    put(&c, "fwd a", true, "{\"plan\": 1}\n{}");
    put(&c, "fwd b", false, "{}");
    put(&c, "fwd b", true, "{2}");
    plan_cache_close(&c);
    plan_cache_open(dir, "NVIDIA H100 80GB HBM3", 90, 91900, &again);
    assert_has(&again, "fwd a", true, "{\"plan\": 1}\n{}");
    assert_has(&again, "fwd b", true, "{2}");
    plan_cache_open(dir, "NVIDIA H100 80GB HBM3", 90, 91901, &other); /* another cuDNN */
    assert_null(plan_cache_find(&other, "fwd a"));
    plan_cache_close(&again);
    plan_cache_close(&other);
    tg_test_rmdir(dir);
}

static void processes_keep_each_others_plans(void **state)
{
    const char *dir = tg_test_mkdir();
    struct plan_cache a, b;

    (void)state;
    plan_cache_open(dir, "device", 80, 1, &a);
    plan_cache_open(dir, "device", 80, 1, &b);
    put(&a, "of a", false, "1");
    put(&b, "of b", false, "2");
    plan_cache_refresh(&a);
    assert_has(&a, "of b", false, "2");
    assert_has(&b, "of a", false, "1");
    plan_cache_close(&a);
    plan_cache_close(&b);
    tg_test_rmdir(dir);
}

/* The file cut at every length, and with every byte changed: a plan that is found is one that was put. */
static void a_damaged_file_holds_fewer_plans_and_does_no_harm(void **state)
{
    const char *dir = tg_test_mkdir();
    struct plan_cache c, d;
    struct tg_error err;
    char *data;
    size_t n;

    (void)state;
    plan_cache_open(dir, "device", 80, 1, &c);
    put(&c, "fwd a", false, "{first}");
    put(&c, "fwd b", true, "{second}");
    assert_ok(tg_file_read(c.path, 1 << 16, &data, &n, &err), &err);
    for (size_t cut = 0; cut < n; cut++) {
        assert_ok(tg_file_replace(c.path, data, cut, &err), &err);
        plan_cache_open(dir, "device", 80, 1, &d);
        assert_true(d.n < 2);
        if (d.n == 1)
            assert_has(&d, "fwd a", false, "{first}");
        plan_cache_close(&d);
    }
    for (size_t at = 0; at < n; at++) {
        data[at] ^= 1;
        assert_ok(tg_file_replace(c.path, data, n, &err), &err);
        plan_cache_open(dir, "device", 80, 1, &d);
        assert_true(d.n <= 2);
        plan_cache_close(&d);
        data[at] ^= 1;
    }
    free(data);
    plan_cache_close(&c);
    tg_test_rmdir(dir);
}

static void a_folder_that_cannot_be_made_keeps_plans_in_memory(void **state)
{
    struct plan_cache c;

    (void)state;
    plan_cache_open("/proc/none", "device", 80, 1, &c);
    put(&c, "fwd a", false, "{}");
    assert_has(&c, "fwd a", false, "{}");
    plan_cache_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_there_for_the_next_process),
        cmocka_unit_test(processes_keep_each_others_plans),
        cmocka_unit_test(a_damaged_file_holds_fewer_plans_and_does_no_harm),
        cmocka_unit_test(a_folder_that_cannot_be_made_keeps_plans_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
