/* ops.c - no collectives among emulated devices. */
#include "device_ops.h"

const struct tg_device tg_device_cuda = {.name = "emulated"};
