#include "tengen/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum tg_status tg_file_read(const char *path, size_t max_bytes, char **data, size_t *n,
                            struct tg_error *err)
{
    struct stat st;
    FILE *f = fopen(path, "rb");

    *data = NULL;
    *n = 0;
    if (f == NULL)
        return FAIL(err, errno == ENOENT ? TG_ENOTFOUND : TG_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        fclose(f);
        return FAIL(err, TG_EIO, "%s: not a regular file", path);
    }
    if ((uintmax_t)st.st_size > max_bytes) {
        fclose(f);
        return FAIL(err, TG_EFORMAT, "%s: %jd bytes, more than the %zu allowed here", path,
                    (intmax_t)st.st_size, max_bytes);
    }
    *data = malloc((size_t)st.st_size + 1);
    if (*data == NULL) {
        fclose(f);
        return FAIL(err, TG_ENOMEM, "%s: %jd bytes", path, (intmax_t)st.st_size);
    }
    *n = fread(*data, 1, (size_t)st.st_size, f);
    (*data)[*n] = '\0';
    int bad = ferror(f);
    fclose(f);
    if (bad) {
        free(*data);
        *data = NULL;
        return FAIL(err, TG_EIO, "%s: read error", path);
    }
    return TG_OK;
}

static int sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    char *slash;
    int fd, rc;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else if (slash == dir)
        slash[1] = '\0';
    else
        *slash = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return -1;
    rc = fsync(fd);
    close(fd);
    return rc != 0 && errno == EINVAL ? 0 : rc; /* some file systems cannot sync a directory */
}

enum tg_status tg_file_rename(const char *from, const char *to, struct tg_error *err)
{
    if (rename(from, to) != 0)
        return FAIL(err, TG_EIO, "%s -> %s: %s", from, to, strerror(errno));
    if (sync_directory_of(to) != 0)
        return FAIL(err, TG_EIO, "syncing the directory of %s: %s", to, strerror(errno));
    return TG_OK;
}

enum tg_status tg_file_replace(const char *path, const void *data, size_t n, struct tg_error *err)
{
    char tmp[PATH_MAX];
    FILE *f;

    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return FAIL(err, TG_EINVAL, "path too long: %s", path);
    f = fopen(tmp, "wb");
    if (f == NULL)
        return FAIL(err, TG_EIO, "%s: %s", tmp, strerror(errno));
    int bad = fwrite(data, 1, n, f) != n || fflush(f) != 0 || fsync(fileno(f)) != 0 ? errno : 0;
    if (fclose(f) != 0 && bad == 0)
        bad = errno;
    if (bad != 0) {
        unlink(tmp);
        return FAIL(err, TG_EIO, "writing %s: %s", tmp, strerror(bad));
    }
    return tg_file_rename(tmp, path, err);
}

enum tg_status tg_mkdirs(const char *path, struct tg_error *err)
{
    char part[PATH_MAX];

    if (path[0] == '\0' || snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return FAIL(err, TG_EINVAL, "directory name of %zu bytes", strlen(path));
    for (char *p = part + 1;; p++) {
        char at = *p;

        if (at != '/' && at != '\0')
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return FAIL(err, TG_EIO, "creating directory %s: %s", part, strerror(errno));
        *p = at;
        if (at == '\0')
            break;
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return FAIL(err, TG_EIO, "%s is not a directory", path);
    return TG_OK;
}

double tg_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
