/* test_plugin.c - CUDA's libraries that nothing names when the plugin is opened, but that cuDNN's compiler wants
 * later, by names that the linker does not find.
 * usage: test_plugin PLUGIN FOLDER, of a libcudart.so.13, libnvrtc.so.13 and libnvrtc-builtins.so.13.9 */
#define _GNU_SOURCE /* RTLD_NOLOAD */
#include "../../../src/nn/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "tg_test.h"

static const char *folder;

static bool is_open(const char *name) { return dlopen(name, RTLD_NOW | RTLD_NOLOAD) != NULL; }

static void the_compiler_is_opened_beside_the_runtime(void **state)
{
    const struct nn_plugin *plugin;
    struct tg_error err;
    char path[1024];

    (void)state;
    snprintf(path, sizeof path, "%s/libcudart.so.13", folder);
    assert_non_null(dlopen(path, RTLD_NOW)); /* as the linker does, for the plugin */
    assert_false(is_open("libnvrtc.so.13"));
    assert_false(is_open("libnvrtc-builtins.so.13.9"));
    assert_ok(nn_plugin_open(&plugin, &err), &err);
    assert_true(is_open("libnvrtc.so.13"));
    assert_true(is_open("libnvrtc-builtins.so.13.9"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_compiler_is_opened_beside_the_runtime)};

    if (argc != 3)
        return 2;
    setenv("TENGEN_CUDA_PLUGIN", argv[1], 1);
    unsetenv("TENGEN_CUDA_PATH");
    folder = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
