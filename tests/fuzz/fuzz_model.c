/* A network file of any content: it is refused with a reason, or it is a network whose numbers are
 * all sound. Files in our own format get right checksums first, or the fuzzer would never get past
 * them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/nn/netfile.h"
#include "fuzz.h"
#include "tengen/hash.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct tg_error err = {0};
    struct nn_model m;
    uint8_t *copy = malloc(n + 1);

    if (copy == NULL)
        return 0;
    memcpy(copy, bytes, n);
    repair(copy, n);
    if (nn_model_parse(copy, n, "fuzz", &m, NULL, &err) == TG_OK) {
        if (nn_arch_check(&m.arch, &err) != TG_OK || m.layout.n_params == 0)
            abort();
        for (size_t i = 0; i < m.layout.n_params; i++)
            if (!isfinite(m.params[i]))
                abort();
        nn_model_close(&m);
    } else if (err.text[0] == '\0' || m.params != NULL || m.layout.tensors != NULL) {
        abort();
    }
    free(copy);
    return 0;
}
