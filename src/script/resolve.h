/* resolve.h - all options of one iteration from the layers that speak of them. */
#pragma once

#include "layer.h"

/* layers [n]: later ones win. iteration counts from 1. file names the config in messages. */
enum tg_status resolve(const struct layer *const *layers, int n, struct sandbox *sb,
                       const char *file, int64_t iteration, struct run_options *o,
                       struct tg_error *err);
