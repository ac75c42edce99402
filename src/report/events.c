/* events.c - TensorBoard's event file: protocol-buffer messages (event.proto) framed as TFRecord does
 * it: length u64, its masked CRC-32C u32, the message, its masked CRC-32C u32, little endian. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crc32c.h"
#include "event.pb-c.h"

struct events {
    FILE *file;
    char path[RUN_PATH_MAX + 128];
    uint8_t *buffer; /* owned: one packed message, [capacity] */
    size_t capacity;
};

static void put_le(uint8_t *at, uint64_t x, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        at[i] = (uint8_t)(x >> (8 * i));
}

static enum tg_status write_event(struct events *e, const Tengen__Event *event,
                                  struct tg_error *err)
{
    size_t n = tengen__event__get_packed_size(event);
    uint8_t lead[12], tail[4];

    if (n > e->capacity) {
        uint8_t *grown = realloc(e->buffer, 2 * n);

        if (grown == NULL)
            return FAIL(err, TG_ENOMEM, "%s: an event of %zu bytes", e->path, n);
        e->buffer = grown;
        e->capacity = 2 * n;
    }
    tengen__event__pack(event, e->buffer);
    put_le(lead, n, 8);
    put_le(lead + 8, crc32c_masked(lead, 8), 4);
    put_le(tail, crc32c_masked(e->buffer, n), 4);
    if (fwrite(lead, sizeof lead, 1, e->file) != 1 || fwrite(e->buffer, n, 1, e->file) != 1
        || fwrite(tail, sizeof tail, 1, e->file) != 1 || fflush(e->file) != 0)
        return FAIL(err, TG_EIO, "writing %s: %s", e->path, strerror(errno));
    return TG_OK;
}

/* A name of its own for each start of a run: TensorBoard reads a directory's files by name, and stops
 * following one that has a newer neighbour. */
static enum tg_status create(struct events *e, const char *dir, struct tg_error *err)
{
    char host[64] = "host";

    gethostname(host, sizeof host - 1);
    for (int serial = 0; serial < 1000; serial++) {
        int n = snprintf(e->path, sizeof e->path, "%s/events.out.tfevents.%lld.%s.%ld.%d", dir,
                         (long long)time(NULL), host, (long)getpid(), serial);
        if (n >= (int)sizeof e->path)
            return FAIL(err, TG_EINVAL, "the run directory's name is too long: %.60s..", dir);
        int fd = open(e->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

        if (fd >= 0) {
            e->file = fdopen(fd, "wb");
            return e->file != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "%s: %s", e->path, strerror(errno));
        }
        if (errno != EEXIST)
            break;
    }
    return FAIL(err, TG_EIO, "%s: %s", e->path, strerror(errno));
}

enum tg_status events_open(const char *dir, double wall_time, struct events **out,
                           struct tg_error *err)
{
    struct events *e = calloc(1, sizeof *e);
    Tengen__Event first = TENGEN__EVENT__INIT;
    char version[] = "brain.Event:2";
    enum tg_status rc;

    *out = NULL;
    if (e == NULL)
        return FAIL(err, TG_ENOMEM, "events in %s", dir);
    first.has_wall_time = 1;
    first.wall_time = wall_time;
    first.file_version = version;
    TRY_OUT(create(e, dir, err));
    TRY_OUT(write_event(e, &first, err));
    *out = e;
    return TG_OK;
out:
    events_close(e);
    return rc;
}

void events_close(struct events *e)
{
    if (e == NULL)
        return;
    if (e->file != NULL)
        fclose(e->file);
    free(e->buffer);
    free(e);
}

enum tg_status events_scalars(struct events *e, double wall_time, int64_t step,
                              const struct report_scalar *scalars, size_t n, struct tg_error *err)
{
    Tengen__Event event = TENGEN__EVENT__INIT;
    Tengen__Summary summary = TENGEN__SUMMARY__INIT;
    Tengen__Summary__Value *values = calloc(n + 1, sizeof *values);
    Tengen__Summary__Value **pointers = calloc(n + 1, sizeof *pointers);
    enum tg_status rc = TG_OK;

    if (values == NULL || pointers == NULL) {
        rc = FAIL(err, TG_ENOMEM, "%zu scalars", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        Tengen__Summary__Value *v = &values[summary.n_value];

        if (!isfinite(scalars[i].value))
            continue;
        tengen__summary__value__init(v);
        v->tag = (char *)(uintptr_t)scalars[i].tag; /* read only; the generated type is not const */
        v->has_simple_value = 1;
        v->simple_value = (float)scalars[i].value;
        pointers[summary.n_value++] = v;
    }
    summary.value = pointers;
    event.has_wall_time = event.has_step = 1;
    event.wall_time = wall_time;
    event.step = step;
    event.summary = &summary;
    if (summary.n_value > 0)
        rc = write_event(e, &event, err);
out:
    free(values);
    free(pointers);
    return rc;
}
