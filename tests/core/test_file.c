#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/hash.h"
#include "tg_test.h"

static void replace_then_read_gives_the_bytes_back(void **state)
{
    struct tg_error err = {0};
    char dir[256], path[512], *data;
    size_t n;
    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/a/b/c", dir);
    assert_ok(tg_mkdirs(path, &err), &err);
    assert_ok(tg_mkdirs(path, &err), &err);
    snprintf(path, sizeof path, "%s/a/b/c/f", dir);
    assert_ok(tg_file_replace(path, "one", 3, &err), &err);
    assert_ok(tg_file_replace(path, "two\0three", 9, &err), &err);
    assert_ok(tg_file_read(path, 100, &data, &n, &err), &err);
    assert_int_equal(n, 9);
    assert_memory_equal(data, "two\0three", 10);
    free(data);
    assert_fails(tg_file_read(path, 8, &data, &n, &err), TG_EFORMAT, "9 bytes", &err);
    tg_test_rmdir(dir);
}

static void a_failed_replace_leaves_the_old_file(void **state)
{
    struct tg_error err = {0};
    char *data;
    size_t n;
    (void)state;
    assert_fails(tg_file_read("/nonexistent/x", 8, &data, &n, &err), TG_ENOTFOUND, "/nonexistent/x", &err);
    assert_fails(tg_file_replace("/nonexistent/x", "a", 1, &err), TG_EIO, "/nonexistent/x", &err);
    assert_fails(tg_mkdirs("/dev/null/x", &err), TG_EIO, "/dev/null", &err);
}

static void hash_changes_with_one_bit(void **state)
{
    char a[64] = {0}, b[64] = {0};
    (void)state;
    b[40] = 1;
    assert_int_not_equal(tg_hash(a, 64, 0), tg_hash(b, 64, 0));
    assert_int_not_equal(tg_hash(a, 64, 0), tg_hash(a, 64, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replace_then_read_gives_the_bytes_back),
        cmocka_unit_test(a_failed_replace_leaves_the_old_file),
        cmocka_unit_test(hash_changes_with_one_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
