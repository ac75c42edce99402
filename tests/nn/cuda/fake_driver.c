/* fake_driver.c - a libcuda.so.1 for planning without a device.
 *
 * cuDNN compiles its fused kernels while it makes a plan, and then hands the machine code to the
 * driver. This one takes the code and says that all is well; nothing can be run with it. It has only
 * what cuDNN looks up, so the CUDA runtime still finds no device. Signatures are the driver's as far
 * as their arguments are looked at. */
#include <stddef.h>

enum { SUCCESS = 0, STUB = 34, NOT_SUPPORTED = 801, VERSION = 13000 };

static char something; /* what handles point at */

/* Functions that store one value where their argument number `at` points, and succeed. */
#define GIVES(name, type, value, before, ...)                                                      \
    int name before;                                                                               \
    int name before                                                                                \
    {                                                                                              \
        __VA_ARGS__;                                                                               \
        *out = (type)(value);                                                                      \
        return SUCCESS;                                                                            \
    }
GIVES(cuDriverGetVersion, int, VERSION, (int *out), (void)0)
GIVES(cuDeviceGetCount, int, 1, (int *out), (void)0)
GIVES(cuDeviceGet, int, i, (int *out, int i), (void)0)
GIVES(cuDeviceGetAttribute, int, 0, (int *out, int what, int device), (void)what, (void)device)
GIVES(cuCtxGetCurrent, void *, &something, (void **out), (void)0)
GIVES(cuCtxPopCurrent, void *, &something, (void **out), (void)0)
GIVES(cuCtxGetDevice, int, 0, (int *out), (void)0)
GIVES(cuCtxGetLimit, size_t, 0, (size_t *out, int what), (void)what)
GIVES(cuStreamGetCtx, void *, &something, (void *stream, void **out), (void)stream)
GIVES(cuGetErrorName, const char *, "", (int error, const char **out), (void)error)
GIVES(cuGetErrorString, const char *, "", (int error, const char **out), (void)error)
GIVES(cuLibraryLoadData, void *, &something, (void **out, const void *code), (void)code)
GIVES(cuLibraryGetKernel, void *, &something, (void **out, void *library, const char *name),
      (void)library, (void)name)
GIVES(cuKernelGetAttribute, int, 0, (int *out, int what, void *kernel, int device), (void)what,
      (void)kernel, (void)device)
GIVES(cuOccupancyMaxPotentialClusterSize, int, 8, (int *out, void *kernel, const void *config),
      (void)kernel, (void)config)

#define RETURNS(status, name)                                                                      \
    int name(void);                                                                                \
    int name(void) { return status; }
RETURNS(STUB, cuInit) /* the compiler then asks this driver nothing */
RETURNS(SUCCESS, cuCtxPushCurrent)
RETURNS(SUCCESS, cuLibraryUnload)
RETURNS(SUCCESS, cuKernelSetAttribute)

/* Looked up, but not needed to make a plan. */
RETURNS(NOT_SUPPORTED, cuLibraryLoadFromFile)
RETURNS(NOT_SUPPORTED, cuLaunchKernel)
RETURNS(NOT_SUPPORTED, cuLaunchKernelEx)
RETURNS(NOT_SUPPORTED, cuLaunchCooperativeKernel)
RETURNS(NOT_SUPPORTED, cuLinkAddData)
RETURNS(NOT_SUPPORTED, cuLinkComplete)
RETURNS(NOT_SUPPORTED, cuLinkCreate)
RETURNS(NOT_SUPPORTED, cuLinkDestroy)
