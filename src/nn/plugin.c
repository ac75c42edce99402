/* plugin.c - find and open the CUDA plugin at run time. The same program runs where there is no CUDA:
 * then this fails and says at what. dlopen counts openings, so nothing is kept here. */
#define _GNU_SOURCE /* dlinfo */
#include "plugin.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* CUDA's libraries by base name, in the order in which they need each other, and their versions. */
static const char *const libraries[][4] = {
    {"libcudart.so.13", "libcudart.so.12"},     {"libnvrtc.so.13", "libnvrtc.so.12"},
    {"libcublasLt.so.13", "libcublasLt.so.12"}, {"libcublas.so.13", "libcublas.so.12"},
    {"libcudnn.so.9"},                          {"libnccl.so.2"},
};

/* TENGEN_CUDA_PATH=DIR:DIR.. names folders that hold them where the system's linker does not look, such
 * as those of Python wheels (nvidia/cu13/lib, nvidia/cudnn/lib, nvidia/nccl/lib). Once open, a library
 * is found by its name. Those that are not there are left to the linker. */
static void open_libraries(const char *dirs)
{
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        for (int v = 0; v < 4 && libraries[i][v] != NULL; v++)
            for (const char *dir = dirs; dir != NULL && *dir != '\0';) {
                size_t n = strcspn(dir, ":");

                snprintf(path, sizeof path, "%.*s/%s", (int)n, dir, libraries[i][v]);
                if (access(path, R_OK) == 0 && dlopen(path, RTLD_NOW | RTLD_GLOBAL) != NULL)
                    break;
                dir += dir[n] == ':' ? n + 1 : n;
            }
}

/* cuDNN has its fused convolutions compiled by NVRTC, which opens its builtins by name, where the linker looks
 * and nowhere else: in a folder of wheels, or found through the plugin's own path, they would be missed, and
 * every fused convolution with them. Their name ends in the toolkit's version. */
static void open_builtins(const char *dir, size_t n)
{
    char path[PATH_MAX];
    glob_t found;

    if (snprintf(path, sizeof path, "%.*s/libnvrtc-builtins.so.1*", (int)n, dir) < (int)sizeof path &&
        glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_GLOBAL);
        globfree(&found);
    }
}

/* Beside NVRTC if it is open, else beside the runtime: then NVRTC, too. */
static void open_compiler(void)
{
    static const char *const beside[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libcudart.so.13", "libcudart.so.12"};

    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        void *library = dlopen(beside[i], RTLD_NOW | RTLD_NOLOAD);
        struct link_map *map;
        char path[PATH_MAX];
        const char *slash;

        if (library == NULL)
            continue;
        if (dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 && (slash = strrchr(map->l_name, '/')) != NULL) {
            size_t n = (size_t)(slash - map->l_name);

            open_builtins(map->l_name, n);
            if (i >= 2 && snprintf(path, sizeof path, "%.*s/%s", (int)n, map->l_name, beside[i - 2]) < (int)sizeof path)
                dlopen(path, RTLD_NOW | RTLD_GLOBAL);
        }
        dlclose(library);
        return;
    }
}

/* Where it may be: named by TENGEN_CUDA_PLUGIN; beside the program; in ../lib from there. */
static bool candidate(int i, char *path, size_t n)
{
    const char *named = getenv("TENGEN_CUDA_PLUGIN");
    char exe[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (named != NULL && named[0] != '\0')
        return i == 0 && snprintf(path, n, "%s", named) < (int)n;
    if (length <= 0 || i > 1)
        return false;
    exe[length] = '\0';
    char *slash = strrchr(exe, '/');

    if (slash == NULL)
        return false;
    *slash = '\0';
    return snprintf(path, n, "%s/%s%s", exe, i == 0 ? "" : "../lib/", NN_PLUGIN_FILE) < (int)n;
}

static enum tg_status open_file(const char *path, const struct nn_plugin **plugin, struct tg_error *err)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        const char *why = dlerror();

        return FAIL(err, TG_EDEVICE, "the CUDA plugin does not load: %s%s", why,
                    getenv("TENGEN_CUDA_PATH") == NULL && strstr(why, "cannot open shared object") != NULL
                        ? " (TENGEN_CUDA_PATH=DIR:DIR.. says where CUDA's libraries are)"
                        : "");
    }
    open_compiler();
    *plugin = dlsym(library, NN_PLUGIN_SYMBOL);
    if (*plugin == NULL || (*plugin)->abi != NN_PLUGIN_ABI) {
        dlclose(library);
        return FAIL(err, TG_EDEVICE, "%s belongs to another build of tengen", path);
    }
    return TG_OK;
}

enum tg_status nn_plugin_open(const struct nn_plugin **plugin, struct tg_error *err)
{
    const char *named = getenv("TENGEN_CUDA_PLUGIN");
    char path[PATH_MAX];

    for (int i = 0; candidate(i, path, sizeof path); i++)
        if (access(path, R_OK) == 0) {
            open_libraries(getenv("TENGEN_CUDA_PATH"));
            return open_file(path, plugin, err);
        }
    if (named != NULL && named[0] != '\0')
        return FAIL(err, TG_EDEVICE, "there is no CUDA plugin: TENGEN_CUDA_PLUGIN is \"%s\", which cannot be read",
                    named);
    return FAIL(err, TG_EDEVICE, "there is no CUDA plugin: %s is neither beside the program nor in ../lib "
                "(built with TENGEN_CUDA=off, or without a CUDA toolkit)", NN_PLUGIN_FILE);
}
