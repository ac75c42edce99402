#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

void lines_init(struct lines *l, int fd)
{
    l->fd = fd;
    l->first = l->n = 0;
    l->end = l->skipping = false;
}

/* More bytes into the buffer, which has room for at least one. False: reading failed. */
static bool fill(struct lines *l)
{
    if (l->first > 0) {
        memmove(l->buffer, l->buffer + l->first, l->n);
        l->first = 0;
    }
    ssize_t got;
    do
        got = read(l->fd, l->buffer + l->n, sizeof l->buffer - l->n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return false;
    l->end = got == 0;
    l->n += (size_t)got;
    return true;
}

enum lines_result lines_next(struct lines *l, const char **line, size_t *n)
{
    for (;;) {
        char *start = l->buffer + l->first, *newline = memchr(start, '\n', l->n);

        if (newline != NULL || (l->end && l->n > 0)) {
            size_t length = newline != NULL ? (size_t)(newline - start) : l->n;
            size_t used = newline != NULL ? length + 1 : length;
            bool dropped = l->skipping;

            l->first += used;
            l->n -= used;
            l->skipping = false;
            if (dropped)
                continue;
            *line = start;
            *n = length;
            return LINES_LINE;
        }
        if (l->end)
            return LINES_END;
        if (l->n == sizeof l->buffer) { /* then first is 0: no newline in all of it */
            bool told = l->skipping;

            l->n = 0;
            l->skipping = true;
            if (!told)
                return LINES_TOO_LONG;
        }
        if (!fill(l))
            return LINES_ERROR;
    }
}

bool lines_waiting(struct lines *l)
{
    struct pollfd p = {.fd = l->fd, .events = POLLIN};

    return l->n > 0 || l->end || poll(&p, 1, 0) > 0;
}
