/* crc32c.h - private to src/report: the checksum of TFRecord files. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) of bytes [n]. */
uint32_t crc32c(const void *bytes, size_t n);
/* As TFRecord stores it: rotated and shifted, so that a checksum of checksums is harmless. */
uint32_t crc32c_masked(const void *bytes, size_t n);
