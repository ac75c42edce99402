/* fuzz.h - the one function of a fuzz target, by libFuzzer's name for it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Try these bytes as input. Anything wrong ends the program: abort or a sanitizer's report. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
