/* cudnn_call.h - cuDNN's statuses as ours. */
#pragma once

#include <cudnn.h>

#include "tengen/error.h"

/* What a failed call said, with cuDNN's own reason. */
enum tg_status cudnn_failed(struct tg_error *err, cudnnStatus_t status, const char *call,
                            const char *file, int line, const char *func);

/* Return on failure; needs `err`. */
#define CUDNN(call)                                                                                \
    do {                                                                                           \
        cudnnStatus_t cudnn_rc_ = (call);                                                          \
        if (cudnn_rc_ != CUDNN_STATUS_SUCCESS)                                                     \
            return cudnn_failed(err, cudnn_rc_, #call, __FILE__, __LINE__, __func__);              \
    } while (0)
