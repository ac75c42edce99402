/* analyze_serve.c - lines from standard input. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/play.h"

enum got { GOT_LINE, GOT_TOO_MUCH, GOT_END };

/* The next line into buffer [ANALYZE_MAX_LINE], without its newline. The rest of one that is longer is
 * skipped. */
static enum got read_line(FILE *in, char *buffer, size_t *n)
{
    bool more = true;
    int c;

    *n = 0;
    while ((c = getc(in)) != EOF && c != '\n') {
        if (*n == ANALYZE_MAX_LINE)
            more = false;
        else
            buffer[(*n)++] = (char)c;
    }
    if (c == EOF && *n == 0)
        return GOT_END;
    return more ? GOT_LINE : GOT_TOO_MUCH;
}

enum tg_status analyze_serve(struct analyzer *a, bool wait, struct tg_error *err)
{
    char *buffer = malloc(ANALYZE_MAX_LINE);
    enum got got;
    size_t n;

    if (buffer == NULL)
        return FAIL(err, TG_ENOMEM, "a line of %d bytes", ANALYZE_MAX_LINE);
    while ((got = read_line(stdin, buffer, &n)) != GOT_END && !ferror(stdout)) {
        if (got == GOT_TOO_MUCH)
            analyze_refuse_line(a);
        else
            analyze_line(a, buffer, n);
    }
    free(buffer);
    if (ferror(stdin))
        return FAIL(err, TG_EIO, "reading standard input: %s", strerror(errno));
    if (wait && !ferror(stdout))
        analyze_finish(a);
    if (ferror(stdout))
        return FAIL(err, TG_EIO, "writing standard output: %s", strerror(errno));
    return TG_OK;
}
