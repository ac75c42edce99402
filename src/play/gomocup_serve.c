/* gomocup_serve.c - the dialogue on standard input and output. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "tengen/play.h"

enum tg_status gomocup_serve(struct gomocup_engine *e, struct tg_error *err)
{
    struct lines in;
    const char *line;
    size_t n;
    bool going = true;

    lines_init(&in, STDIN_FILENO);
    while (going) {
        switch (lines_next(&in, &line, &n)) {
        case LINES_LINE: going = gomocup_execute(e, line, n, stdout); break;
        case LINES_TOO_LONG: fputs("ERROR line too long\n", stdout); fflush(stdout); break;
        case LINES_END: going = false; break;
        case LINES_ERROR: return FAIL(err, TG_EIO, "reading standard input: %s", strerror(errno));
        }
        if (ferror(stdout))
            return FAIL(err, TG_EIO, "writing standard output: %s", strerror(errno));
    }
    return TG_OK;
}
