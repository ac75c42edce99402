/* netfile.h - private to src/nn: the two formats of a network file, on bytes in memory. */
#pragma once

#include "tengen/nn.h"

/* The model in these bytes, whatever format they are in; path is for messages alone. On failure
 * nothing is left to close. This is what the fuzzer calls. */
enum tg_status nn_model_parse(const uint8_t *bytes, size_t n, const char *path, struct nn_model *m,
                              struct tg_log *log, struct tg_error *err);

/* KataGo's format only, gzipped or not, its numbers as text or binary. */
enum tg_status katago_parse(const uint8_t *bytes, size_t n, const char *path, struct nn_model *m,
                            struct tg_log *log, struct tg_error *err);

/* KataGo's version that says all this architecture does; 0: there is none, and *why says why. */
int katago_version_for(const struct nn_arch *arch, const char **why);

bool katago_is_gzip(const uint8_t *bytes, size_t n);

/* The softplus scales that KataGo's versions up to 12 imply. */
extern const struct nn_scales katago_default_scales;

/* Four bytes, the lowest first, as a float, and back. */
float nn_float_from_le(const uint8_t b[4]);
void nn_float_to_le(float x, uint8_t b[4]);
