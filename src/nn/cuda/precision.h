/* precision.h - the types that activations and filters may have. */
#pragma once

enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_F16, N_PRECISIONS };
