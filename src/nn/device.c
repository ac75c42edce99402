/* device.c - tables of how long a device takes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/nn.h"

enum { LINE_CHARS = 640 };

struct line { const char *path; int number; char *key, *value; };

/* "KEY VALUE  # comment" in text -> key and value, in place; false: nothing stands there. */
static bool split(char *text, struct line *l)
{
    text[strcspn(text, "#\r\n")] = '\0';
    l->key = text + strspn(text, " \t");
    size_t n = strcspn(l->key, " \t");

    l->value = l->key + n + strspn(l->key + n, " \t");
    l->key[n] = '\0';
    for (size_t end = strlen(l->value); end > 0 && strchr(" \t", l->value[end - 1]) != NULL; end--)
        l->value[end - 1] = '\0';
    return n > 0;
}

static enum tg_status read_text(const struct line *l, char *to, size_t n, struct tg_error *err)
{
    if (l->value[0] == '\0' || strlen(l->value) >= n)
        return FAIL(err, TG_EFORMAT, "%s:%d: %s: a text of 1 to %zu characters", l->path, l->number, l->key, n - 1);
    memcpy(to, l->value, strlen(l->value) + 1);
    return TG_OK;
}

static enum tg_status read_usec(const struct line *l, double *sec, struct tg_error *err)
{
    char *end;
    double usec = strtod(l->value, &end);

    if (end == l->value || *end != '\0' || !(usec >= 0 && usec < 1e9))
        return FAIL(err, TG_EFORMAT, "%s:%d: %s: not microseconds from 0 to 1e9", l->path, l->number, l->key);
    *sec = 1e-6 * usec;
    return TG_OK;
}

static enum tg_status read_point(const struct line *l, struct nn_latency *to, struct tg_error *err)
{
    double rows, usec;
    int used = 0;

    if (sscanf(l->value, "%lf %lf%n", &rows, &usec, &used) != 2 || l->value[used] != '\0' || !(rows >= 1.0) ||
        !(usec > 0.0 && usec < 1e9) || to->n == NN_LATENCY_POINTS || (to->n > 0 && rows <= to->rows[to->n - 1]))
        return FAIL(err, TG_EFORMAT, "%s:%d: not \"%s ROWS MICROSECONDS\" with rising rows, %d lines at most",
                    l->path, l->number, l->key, (int)NN_LATENCY_POINTS);
    to->rows[to->n] = rows;
    to->sec[to->n++] = 1e-6 * usec;
    return TG_OK;
}

static enum tg_status read_choice(const struct line *l, const char *no, const char *yes, bool *is,
                                  struct tg_error *err)
{
    *is = strcmp(l->value, yes) == 0;
    if (!*is && strcmp(l->value, no) != 0)
        return FAIL(err, TG_EFORMAT, "%s:%d: %s %s: want %s or %s", l->path, l->number, l->key, l->value, no, yes);
    return TG_OK;
}

static enum tg_status read_size(const struct line *l, int *size, struct tg_error *err)
{
    char *end;
    long n = strtol(l->value, &end, 10);

    if (end == l->value || *end != '\0' || n < 2 || n > GAME_MAX_SIZE)
        return FAIL(err, TG_EFORMAT, "%s:%d: size %s: not in 2..%d", l->path, l->number, l->value, GAME_MAX_SIZE);
    *size = (int)n;
    return TG_OK;
}

static enum tg_status read_line(const struct line *l, struct nn_device *d, struct tg_error *err)
{
    if (strcmp(l->key, "device") == 0)
        return read_text(l, d->device, sizeof d->device, err);
    if (strcmp(l->key, "source") == 0)
        return read_text(l, d->source, sizeof d->source, err);
    if (strcmp(l->key, "net") == 0)
        return read_text(l, d->net, sizeof d->net, err);
    if (strcmp(l->key, "size") == 0)
        return read_size(l, &d->size, err);
    if (strcmp(l->key, "unit") == 0)
        return read_choice(l, "rank", "thread", &d->per_thread, err);
    if (strcmp(l->key, "infer") == 0)
        return read_point(l, &d->infer, err);
    if (strcmp(l->key, "train") == 0)
        return read_point(l, &d->train, err);
    if (strcmp(l->key, "update") == 0)
        return read_usec(l, &d->update_sec, err);
    if (strcmp(l->key, "host") == 0)
        return read_usec(l, &d->host_sec, err);
    return FAIL(err, TG_EFORMAT, "%s:%d: unknown key \"%s\": device, source, net, size, unit, infer, train, update, "
                "host", l->path, l->number, l->key);
}

/* Where nothing was measured of training: a forward and two backward products of the same size. */
static void default_train(struct nn_device *d)
{
    if (d->train.n > 0)
        return;
    d->train = d->infer;
    for (int i = 0; i < d->train.n; i++)
        d->train.sec[i] *= 3.0;
}

static enum tg_status check(const char *path, struct nn_device *d, struct tg_error *err)
{
    if (d->infer.n == 0)
        return FAIL(err, TG_EFORMAT, "%s: no line \"infer ROWS MICROSECONDS\": an empty table", path);
    if (d->device[0] == '\0' || d->net[0] == '\0' || d->size == 0)
        return FAIL(err, TG_EFORMAT, "%s: does not say its device, net and size", path);
    d->measured = strncmp(d->source, "measured", 8) == 0;
    if (!d->measured && strncmp(d->source, "assumed", 7) != 0)
        return FAIL(err, TG_EFORMAT, "%s: source: has to begin with \"measured\" or \"assumed\", and say how", path);
    default_train(d);
    return TG_OK;
}

static void stretch(struct nn_latency *l, double factor)
{
    for (int i = 0; i < l->n; i++)
        l->sec[i] *= factor;
}

static enum tg_status read_file(const char *path, struct nn_device *d, struct tg_error *err)
{
    FILE *f = fopen(path, "r");
    char text[LINE_CHARS];
    struct line l = {.path = path};
    enum tg_status rc = TG_OK;

    if (f == NULL)
        return FAIL(err, TG_EIO, "cannot open the device table %s", path);
    while (rc == TG_OK && fgets(text, sizeof text, f) != NULL) {
        l.number++;
        if (strchr(text, '\n') == NULL && !feof(f))
            rc = FAIL(err, TG_EFORMAT, "%s:%d: a line of more than %d characters", path, l.number, LINE_CHARS - 2);
        else if (split(text, &l))
            rc = read_line(&l, d, err);
    }
    fclose(f);
    return rc == TG_OK ? check(path, d, err) : rc;
}

enum tg_status nn_device_load(const char *option, struct nn_device *d, struct tg_error *err)
{
    const char *comma = strstr(option, ",slow=");
    size_t n = comma != NULL ? (size_t)(comma - option) : strlen(option);
    char path[512], *end = NULL;

    memset(d, 0, sizeof *d);
    d->slow = comma != NULL ? strtod(comma + 6, &end) : 1.0;
    if (comma != NULL && (end == comma + 6 || *end != '\0' || !(d->slow >= 1e-3 && d->slow <= 1e6)))
        return FAIL(err, TG_EINVAL, "%s: slow: not a factor from 0.001 to 1e6", option);
    if (n == 0 || n >= sizeof path)
        return FAIL(err, TG_EINVAL, "\"%.80s\": not a device table's path", option);
    memcpy(path, option, n);
    path[n] = '\0';
    TRY(read_file(path, d, err));
    stretch(&d->infer, d->slow);
    stretch(&d->train, d->slow);
    d->update_sec *= d->slow;
    return TG_OK;
}

double nn_latency_sec(const struct nn_latency *l, double rows)
{
    if (rows <= l->rows[0])
        return l->sec[0];
    for (int i = 1; i < l->n; i++)
        if (rows <= l->rows[i]) {
            double part = (rows - l->rows[i - 1]) / (l->rows[i] - l->rows[i - 1]);

            return l->sec[i - 1] + part * (l->sec[i] - l->sec[i - 1]);
        }
    return l->sec[l->n - 1] * rows / l->rows[l->n - 1];
}
