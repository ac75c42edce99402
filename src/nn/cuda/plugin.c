/* plugin.c - what the program finds in this library. */
#include "../plugin.h"

#include <nccl.h>
#include <stdio.h>
#include <string.h>

#include "cuda_call.h"
#include "net.h"

/* "2 x NVIDIA H100 80GB HBM3, CUDA 13.0, cuDNN 9.19.0, NCCL 2.28.9" */
static enum tg_status ready(char *text, size_t n, struct tg_error *err)
{
    struct cudaDeviceProp d;
    int n_devices = 0, runtime = 0, nccl = 0, cudnn = (int)cudnnGetVersion();
    cudaError_t rc = cudaGetDeviceCount(&n_devices);

    cudaRuntimeGetVersion(&runtime);
    ncclGetVersion(&nccl);
    if (rc != cudaSuccess || n_devices < 1)
        return FAIL(err, TG_EDEVICE, "no CUDA device: %s (CUDA %d.%d)",
                    rc != cudaSuccess ? cudaGetErrorString(rc) : "the driver lists none", runtime / 1000,
                    runtime / 10 % 100);
    CUDA(cudaGetDeviceProperties(&d, 0));
    if (d.major < GPU_LEAST_MAJOR)
        return FAIL(err, TG_EDEVICE, "%s has compute capability %d.%d: %d.0 is needed", d.name, d.major, d.minor,
                    (int)GPU_LEAST_MAJOR);
    snprintf(text, n, "%d x %s, CUDA %d.%d, cuDNN %d.%d.%d, NCCL %d.%d.%d", n_devices, d.name,
             runtime / 1000, runtime / 10 % 100, cudnn / 10000, cudnn / 100 % 100, cudnn % 100,
             nccl / 10000, nccl / 100 % 100, nccl % 100);
    return TG_OK;
}

static enum tg_status locate(int ordinal, char *name, size_t n, char *bus, size_t n_bus,
                             unsigned char uuid[TG_DEVICE_UUID], struct tg_error *err)
{
    struct cudaDeviceProp d;
    int device;

    TRY(gpu_pick_device(ordinal, &device, err));
    CUDA(cudaGetDeviceProperties(&d, device));
    snprintf(name, n, "%d (%s)", device, d.name);
    memcpy(uuid, d.uuid.bytes, TG_DEVICE_UUID);
    CUDA(cudaDeviceGetPCIBusId(bus, (int)n_bus, device));
    return TG_OK;
}

extern const struct nn_plugin tengen_cuda_plugin;
__attribute__((visibility("default"))) const struct nn_plugin tengen_cuda_plugin = {
    .abi = NN_PLUGIN_ABI, .backend = &nn_backend_cuda, .ready = ready, .locate = locate};
