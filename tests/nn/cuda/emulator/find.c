/* find.c - the emulated backend as the tests' only one. */
#include "net.h"

enum tg_status emulated_backend_find(const char *name, const struct nn_backend **backend,
                                     struct tg_error *err);
enum tg_status emulated_backend_find(const char *name, const struct nn_backend **backend,
                                     struct tg_error *err)
{
    (void)name, (void)err;
    *backend = &nn_backend_cuda;
    return TG_OK;
}
