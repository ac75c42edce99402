/* A network file of any content: it is refused with a reason, or it is a network whose numbers are
 * all sound. Files in our own format get right checksums first, or the fuzzer would never get past
 * them. Under AddressSanitizer no single allocation may exceed 64 times the file, beyond what zlib and the
 * read-ahead buffer take for any file. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/nn/netfile.h"
#include "fuzz.h"
#include "tengen/hash.h"

enum { FACTOR = 64, FIXED_BYTES = 1 << 17 }; /* of an allocation, per byte of the file; of any file */
enum { LEAD = 64 }; /* "tengen-net 1 ", three numbers of 16 digits, the newline */

static void repair(uint8_t *bytes, size_t n)
{
    char text[LEAD + 1];
    unsigned long long header_bytes;

    if (n < LEAD || memcmp(bytes, "tengen-net ", 11) != 0)
        return;
    memcpy(text, bytes, LEAD);
    text[LEAD] = '\0';
    header_bytes = strtoull(text + 13, NULL, 16);
    if (header_bytes > n - LEAD)
        header_bytes = n - LEAD;
    snprintf(text, sizeof text, "tengen-net 1 %016llx %016llx %016llx\n", header_bytes,
             (unsigned long long)tg_hash(bytes + LEAD, header_bytes, header_bytes),
             (unsigned long long)tg_hash(bytes + LEAD + header_bytes, n - LEAD - header_bytes, 0));
    memcpy(bytes, text, LEAD);
}

/* ---- allocations ------------------------------------------------------------------------------- */

extern int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *p, size_t n),
                                                     void (*on_free)(const volatile void *p))
    __attribute__((weak)); /* absent without a sanitizer: then nothing is watched */

static size_t allowed = SIZE_MAX;

static void on_malloc(const volatile void *p, size_t n)
{
    (void)p;
    if (n > allowed) {
        fprintf(stderr, "an allocation of %zu bytes, %zu are allowed\n", n, allowed);
        abort();
    }
}

static void on_free(const volatile void *p) { (void)p; }

static void watch_allocations(void)
{
    static bool installed;

    if (!installed && __sanitizer_install_malloc_and_free_hooks != NULL)
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    installed = true;
}

/* ---- the target -------------------------------------------------------------------------------- */

static void load(const uint8_t *copy, size_t n)
{
    struct tg_error err = {0};
    struct nn_model m;

    allowed = FACTOR * n + FIXED_BYTES;
    enum tg_status rc = nn_model_parse(copy, n, "fuzz", &m, NULL, &err);
    allowed = SIZE_MAX;
    if (rc == TG_OK) {
        if (nn_arch_check(&m.arch, &err) != TG_OK || m.layout.n_params == 0)
            abort();
        for (size_t i = 0; i < m.layout.n_params; i++)
            if (!isfinite(m.params[i]))
                abort();
        nn_model_close(&m);
    } else if (err.text[0] == '\0' || m.params != NULL || m.layout.tensors != NULL) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n + 1);

    if (copy == NULL)
        return 0;
    watch_allocations();
    memcpy(copy, bytes, n);
    repair(copy, n);
    load(copy, n);
    free(copy);
    return 0;
}
