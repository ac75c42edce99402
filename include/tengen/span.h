/* span.h - n elements somewhere: what nn fills and comm reduces. Always borrowed. */
#pragma once

#include <stddef.h>

struct tg_device; /* what a device can do with its memory: tengen/device.h */

enum tg_dtype { TG_F32, TG_F16, TG_BF16, TG_I64 };
enum tg_mem { TG_HOST, TG_DEVICE };

struct tg_span {
    void *ptr;
    size_t n; /* elements, not bytes */
    enum tg_dtype dtype;
    enum tg_mem mem;
    void *stream; /* cudaStream_t the data is produced on; NULL for TG_HOST */
    const struct tg_device *device; /* TG_DEVICE only; else NULL */
    void *owner;                    /* what device's functions want to know of it */
};
