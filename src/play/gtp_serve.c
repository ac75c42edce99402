/* gtp_serve.c - the dialogue on standard input and output.
 *
 * Input is read with read(), not stdio, so that an analysis can ask whether more of it is waiting. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lines.h"
#include "tengen/play.h"

static bool waiting(void *ctx) { return lines_waiting(ctx); }

enum tg_status gtp_serve(struct gtp_engine *e, struct tg_error *err)
{
    struct lines in;
    const char *line;
    size_t n;
    bool going = true;

    lines_init(&in, STDIN_FILENO);
    gtp_on_input(e, waiting, &in);
    while (going) {
        switch (lines_next(&in, &line, &n)) {
        case LINES_LINE: going = gtp_execute(e, line, n, stdout); break;
        case LINES_TOO_LONG: gtp_refuse_line(stdout); break;
        case LINES_END: going = false; break;
        case LINES_ERROR: return FAIL(err, TG_EIO, "reading standard input: %s", strerror(errno));
        }
        if (ferror(stdout))
            return FAIL(err, TG_EIO, "writing standard output: %s", strerror(errno));
    }
    return TG_OK;
}
