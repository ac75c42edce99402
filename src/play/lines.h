/* lines.h - private to src/play: lines from a file descriptor, of bounded length, with a look at whether
 * more is waiting. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { LINES_BYTES = 65536 };

struct lines {
    int fd;
    size_t first, n;    /* bytes [first, first + n) of the buffer are read and not yet handed out */
    bool end, skipping; /* no more will come; the rest of a line that was too long is dropped */
    char buffer[LINES_BYTES];
};

enum lines_result { LINES_LINE, LINES_TOO_LONG, LINES_END, LINES_ERROR };

void lines_init(struct lines *l, int fd);
/* The next line without its newline, borrowed until the next call. The last one needs no newline.
 * LINES_TOO_LONG once for a line that does not fit; it is dropped whole. Blocks. */
enum lines_result lines_next(struct lines *l, const char **line, size_t *n);
/* Is a byte, or the end of the input, to be had without waiting? */
bool lines_waiting(struct lines *l);
