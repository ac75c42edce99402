/* device_ops.h - what this device can do with its memory for others (nccl.c). */
#pragma once

#include "tengen/device.h"

extern const struct tg_device tg_device_cuda;
