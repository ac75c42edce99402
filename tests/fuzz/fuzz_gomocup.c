/* Lines of a Gomoku manager of any content: no harm, and answers in whole lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tengen/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const rules[] = {NULL, "standard", "captures-engine", "captures-subject"};
    struct gomocup_options o = {.player = {.backend = "cpu", .threads = 1}, .version = "fuzz"};
    struct gomocup_engine *e;
    struct tg_error err = {0};
    size_t at = 1;

    if (n == 0)
        return 0;
    o.player.seed = bytes[0];
    o.rules = rules[bytes[0] % 4];
    if (gomocup_open(&o, NULL, &e, &err) != TG_OK)
        return 0;
    while (at < n) {
        const uint8_t *line = bytes + at, *end = memchr(line, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - line) : n - at, n_answer = 0;
        char *answer = NULL;
        FILE *out = open_memstream(&answer, &n_answer);

        at += length + 1;
        if (out == NULL)
            continue;
        gomocup_execute(e, (const char *)line, length, out);
        fclose(out);
        if (n_answer > 0 && answer[n_answer - 1] != '\n')
            abort();
        free(answer);
    }
    gomocup_close(e);
    return 0;
}
