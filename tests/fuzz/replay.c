/* replay.c - main of a fuzz target where there is no libFuzzer: runs it on each file named. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"
#include "tengen/file.h"

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct tg_error err = {0};
        char *bytes;
        size_t n;

        if (tg_file_read(argv[i], (size_t)1 << 30, &bytes, &n, &err) != TG_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)bytes, n);
        free(bytes);
    }
    printf("%d files replayed\n", argc - 1);
    return 0;
}
