/* seeds_model DIR: network files to start fuzz_model from, of each version and in our own format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nn/katago_file.h"
#include "tengen/file.h"
#include "tengen/nn.h"

static int failed(const struct tg_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

static int write_own(const char *dir, struct tg_error *err)
{
    char path[1024];
    struct nn_model m;
    struct nn_arch a;
    struct game go;

    snprintf(path, sizeof path, "%s/own", dir);
    if (nn_arch_preset("b2c16", 22, 19, &a, err) != TG_OK ||
        game_init(&go, GAME_GO, 9, 0, err) != TG_OK)
        return failed(err);
    a.trunk = 2;
    a.blocks[0].mid = a.blocks[1].mid = a.blocks[1].gpool = 2;
    a.blocks[0].gpool = 0;
    a.blocks[0].kind = NN_BLOCK_RESIDUAL;
    a.p1 = a.g1 = a.v1 = a.v2 = 2;
    if (nn_model_init(&a, &go, "seed", 1, &m, err) != TG_OK || nn_model_save(&m, path, err) != TG_OK)
        return failed(err);
    nn_model_close(&m);
    return 0;
}

int main(int argc, char **argv)
{
    struct tg_error err = {0};
    char path[1024];

    if (argc != 2 || tg_mkdirs(argv[1], &err) != TG_OK) {
        fprintf(stderr, "usage: seeds_model DIR\n");
        return 2;
    }
    for (int version = 8; version <= 16; version++)
        for (int kind = 0; kind < 3; kind++) { /* text, binary, packed */
            struct katago_file f = {
                .version = version, .binary = kind > 0, .nested = version >= 11, .metadata = version == 15};
            uint8_t *packed;
            size_t n;

            build_katago_file(&f);
            packed = gzipped(f.bytes, f.n, &n);
            snprintf(path, sizeof path, "%s/v%d-%d", argv[1], version, kind);
            if (tg_file_replace(path, kind == 2 ? packed : (uint8_t *)f.bytes, kind == 2 ? n : f.n,
                                &err) != TG_OK)
                return failed(&err);
            free(packed);
            free(f.bytes);
        }
    return write_own(argv[1], &err);
}
