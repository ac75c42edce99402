/* hash.h - 64-bit hashes: one to mix numbers, one to check bytes (XXH3). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A bijection that scatters neighbouring numbers (the finaliser of SplitMix64). */
static inline uint64_t tg_mix64(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* XXH3 of bytes; seed chains pieces: hash(b, n, hash(a, m, 0)). Not cryptographic. */
uint64_t tg_hash(const void *bytes, size_t n, uint64_t seed);

/* XXH3 of a whole file's bytes into *hash, its size into *n_bytes. 0, or errno. */
int tg_hash_file(const char *path, uint64_t *hash, uint64_t *n_bytes);
