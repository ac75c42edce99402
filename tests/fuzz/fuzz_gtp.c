/* Lines of GTP of any content, to an engine for Go or for Gomoku (the first byte says which): each gets
 * no answer, or one that is GTP. Commands that touch files are left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tengen/play.h"

static const char *const rules[] = {NULL, "freestyle", "standard", "captures-engine", "captures-subject"};

static int names_file(const uint8_t *line, size_t n)
{
    for (size_t i = 0; i + 3 <= n; i++)
        if (memcmp(line + i, "sgf", 3) == 0)
            return 1;
    return 0;
}

static void check(const char *answer, size_t n)
{
    if (n == 0)
        return;
    if ((answer[0] != '=' && answer[0] != '?') || n < 3 || strlen(answer) != n ||
        strstr(answer, "\n\n") != answer + n - 2)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct gtp_options o = {.visits = 4, .sec = -1.0, .version = "fuzz"};
    struct gtp_engine *e;
    struct tg_error err = {0};
    size_t at = 1;

    if (n == 0)
        return 0;
    o.player = (struct player_options){.backend = "cpu", .threads = 1, .seed = bytes[0]};
    o.player.kind = bytes[0] & 1 ? GAME_GOMOKU : GAME_GO;
    o.player.size = 2 + bytes[0] / 2 % 8;
    if (bytes[0] & 1)
        o.rules = rules[bytes[0] / 16 % 5];
    if (gtp_open(&o, NULL, &e, &err) != TG_OK)
        return 0;
    while (at < n) {
        const uint8_t *line = bytes + at, *end = memchr(line, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - line) : n - at, n_answer = 0;
        char *answer = NULL;
        FILE *out;

        at += length + 1;
        if (names_file(line, length) || (out = open_memstream(&answer, &n_answer)) == NULL)
            continue;
        gtp_execute(e, (const char *)line, length, out);
        fclose(out);
        check(answer, n_answer);
        free(answer);
    }
    gtp_close(e);
    return 0;
}
