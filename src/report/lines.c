/* lines.c - log.jsonl opened for appending, a torn last line cut off. */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's length up to and with its last newline; -1: it cannot be read. */
static off_t whole_lines(int fd, off_t size)
{
    char block[4096];

    while (size > 0) {
        size_t n = size < (off_t)sizeof block ? (size_t)size : sizeof block;
        ssize_t got = pread(fd, block, n, size - (off_t)n);

        if (got < (ssize_t)n)
            return -1;
        for (size_t i = n; i > 0; i--)
            if (block[i - 1] == '\n')
                return size - (off_t)(n - i);
        size -= (off_t)n;
    }
    return 0;
}

enum tg_status lines_open(const char *path, FILE **file, size_t *n_cut, struct tg_error *err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    *file = NULL;
    *n_cut = 0;
    if (fd < 0)
        return FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return FAIL(err, TG_EIO, "%s: not a regular file", path);
    }
    off_t whole = whole_lines(fd, st.st_size);
    if (whole < 0 || (whole < st.st_size && ftruncate(fd, whole) != 0)) {
        int reason = errno;

        close(fd);
        return FAIL(err, TG_EIO, "%s: cutting off a torn last line: %s", path, strerror(reason));
    }
    *n_cut = (size_t)(st.st_size - whole);
    *file = fdopen(fd, "a");
    if (*file == NULL) {
        close(fd);
        return FAIL(err, TG_ENOMEM, "%s: %s", path, strerror(errno));
    }
    return TG_OK;
}
