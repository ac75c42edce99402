/* cuda_call.h - the CUDA runtime's errors as ours. */
#pragma once

#include <cuda_runtime_api.h>

#include "tengen/error.h"

/* Return on failure; needs `err`. */
#define CUDA(call)                                                                                 \
    do {                                                                                           \
        cudaError_t cuda_rc_ = (call);                                                             \
        if (cuda_rc_ != cudaSuccess)                                                               \
            return tg_fail_at(err, cuda_rc_ == cudaErrorMemoryAllocation ? TG_ENOMEM : TG_EDEVICE, \
                              __FILE__, __LINE__, __func__, "CUDA: %s (%s)",                       \
                              cudaGetErrorString(cuda_rc_), #call);                                \
    } while (0)

/* After launchers: what a launch failed at. */
#define LAUNCHED() CUDA(cudaGetLastError())
