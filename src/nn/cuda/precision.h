/* precision.h - the types that activations and filters may have. */
#pragma once

#include <stddef.h>

enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_F16, N_PRECISIONS };

/* Of one element. */
static inline size_t precision_bytes(int precision) { return precision == PRECISION_F32 ? 4 : 2; }
