#include "tg_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *tg_test_shared(const char *name)
{
    static char path[1024];
    const char *dir = getenv("TENGEN_SHARED");

    snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "../shared", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

const char *tg_test_source(const char *name)
{
    static char path[1024];
    const char *dir = getenv("TENGEN_SOURCE");

    snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : ".", name);
    return path;
}

const char *tg_test_mkdir(void)
{
    static char path[200];
    const char *dir = getenv("TENGEN_TEST_DIR");

    snprintf(path, sizeof path, "%.150s/tengen-test-XXXXXX", dir != NULL ? dir : "/tmp");
    return mkdtemp(path);
}

void tg_test_rmdir(const char *dir)
{
    char command[1200];

    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    if (system(command) != 0)
        fprintf(stderr, "could not remove %s\n", dir);
}
