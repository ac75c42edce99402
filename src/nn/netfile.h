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

/* TG_EINVAL names a parameter that is not finite: neither format takes it. */
enum tg_status nn_model_check_params(const struct nn_model *m, struct tg_error *err);

/* What nn_model.hash is. */
uint64_t nn_model_hash(const struct nn_model *m);

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && sizeof(float) == 4,
               "both formats hold float32, the lowest byte first, and are copied as they are");
