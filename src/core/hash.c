#include "tengen/hash.h"

#include <errno.h>
#include <stdio.h>
#include <xxhash.h>

uint64_t tg_hash(const void *bytes, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, n, seed);
}

int tg_hash_file(const char *path, uint64_t *hash, uint64_t *n_bytes)
{
    unsigned char block[1 << 16];
    size_t n;
    FILE *f = fopen(path, "rb");
    int failure = 0;

    *hash = 0;
    *n_bytes = 0;
    if (f == NULL)
        return errno;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        *hash = tg_hash(block, n, *hash);
        *n_bytes += n;
    }
    if (ferror(f))
        failure = errno != 0 ? errno : EIO;
    fclose(f);
    return failure;
}
