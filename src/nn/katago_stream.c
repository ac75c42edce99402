/* katago_stream.c - see the header. */
#include "katago_stream.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "netfile.h"

enum { WINDOW_BYTES = 1 << 16, MAX_PADDING = 100 /* before a binary block */ };

bool katago_is_gzip(const uint8_t *bytes, size_t n)
{
    return n >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

enum tg_status katago_open(struct katago_stream *s, const uint8_t *in, size_t n_in, const char *path,
                           struct tg_error *err)
{
    *s = (struct katago_stream){.path = path, .window = in, .end = n_in, .ended = true};
    if (!katago_is_gzip(in, n_in))
        return TG_OK;
    if (n_in > UINT_MAX)
        return FAIL(err, TG_EFORMAT, "%s: %zu packed bytes are too many", path, n_in);
    s->unpacked = malloc(WINDOW_BYTES);
    if (s->unpacked == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %d bytes", path, (int)WINDOW_BYTES);
    s->packed = true;
    s->ended = false;
    s->window = s->unpacked;
    s->end = 0;
    s->to_come = n_in * KATAGO_MAX_EXPANSION;
    if (s->to_come < KATAGO_EXPANSION_FLOOR)
        s->to_come = KATAGO_EXPANSION_FLOOR;
    s->z.next_in = in;
    s->z.avail_in = (uInt)n_in;
    if (inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK) { /* 16: a gzip header, nothing else */
        free(s->unpacked);
        s->unpacked = NULL;
        s->packed = false;
        return FAIL(err, TG_ENOMEM, "%s: no memory to unpack", path);
    }
    return TG_OK;
}

void katago_close(struct katago_stream *s)
{
    if (s->packed)
        inflateEnd(&s->z);
    free(s->unpacked);
    s->unpacked = NULL;
    s->packed = false;
}

/* Unpack the next window. The old one is used up. */
static enum tg_status refill(struct katago_stream *s, struct tg_error *err)
{
    int rc;

    s->at = s->end = 0;
    s->z.next_out = s->unpacked;
    s->z.avail_out = WINDOW_BYTES;
    rc = inflate(&s->z, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END)
        return FAIL(err, TG_EFORMAT, "%s: damaged gzip data: %s", s->path,
                    s->z.msg != NULL            ? s->z.msg
                    : s->z.avail_in == 0        ? "the file ends too early"
                                                : zError(rc));
    s->end = WINDOW_BYTES - s->z.avail_out;
    if (s->end > s->to_come)
        return FAIL(err, TG_EFORMAT, "%s: unpacks to more than %d times its size: no network does",
                    s->path, (int)KATAGO_MAX_EXPANSION);
    s->to_come -= s->end;
    if (rc == Z_STREAM_END) {
        s->ended = true;
        s->to_come = 0;
        if (s->z.avail_in > 0)
            return FAIL(err, TG_EFORMAT, "%s: %u bytes behind the end of the gzip data", s->path,
                        s->z.avail_in);
    }
    return TG_OK;
}

/* Make window[at] readable; *c is that byte, or -1 at the end. It is not taken. */
static enum tg_status peek(struct katago_stream *s, int *c, struct tg_error *err)
{
    while (s->at == s->end && !s->ended)
        TRY(refill(s, err));
    *c = s->at < s->end ? s->window[s->at] : -1;
    return TG_OK;
}

static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Skip white space; *c is the byte that stops it. */
static enum tg_status skip_space(struct katago_stream *s, size_t *n_skipped, int *c,
                                 struct tg_error *err)
{
    *n_skipped = 0;
    for (;;) {
        TRY(peek(s, c, err));
        if (!is_space(*c))
            return TG_OK;
        s->at++;
        (*n_skipped)++;
    }
}

enum tg_status katago_token(struct katago_stream *s, const char *what, char token[KATAGO_TOKEN_MAX],
                            struct tg_error *err)
{
    size_t n_skipped, n = 0;
    int c;

    TRY(skip_space(s, &n_skipped, &c, err));
    if (c < 0)
        return FAIL(err, TG_EFORMAT, "%s: the file ends where %s should be", s->path, what);
    while (c >= 0 && !is_space(c)) {
        if (c < ' ' || c > '~')
            return FAIL(err, TG_EFORMAT, "%s: byte 0x%02x where %s should be", s->path,
                        (unsigned)c, what);
        if (n == KATAGO_TOKEN_MAX - 1)
            return FAIL(err, TG_EFORMAT, "%s: a word of more than %d letters where %s should be",
                        s->path, KATAGO_TOKEN_MAX - 1, what);
        token[n++] = (char)c;
        s->at++;
        TRY(peek(s, &c, err));
    }
    token[n] = '\0';
    return TG_OK;
}

enum tg_status katago_int(struct katago_stream *s, const char *what, int low, int high, int *value,
                          struct tg_error *err)
{
    char token[KATAGO_TOKEN_MAX], *end;
    long x;

    TRY(katago_token(s, what, token, err));
    errno = 0;
    x = strtol(token, &end, 10);
    if (end == token || *end != '\0' || errno != 0)
        return FAIL(err, TG_EFORMAT, "%s: %s: \"%s\" is not an integer", s->path, what, token);
    if (x < low || x > high)
        return FAIL(err, TG_EFORMAT, "%s: %s: %ld is not in %d..%d", s->path, what, x, low, high);
    *value = (int)x;
    return TG_OK;
}

enum tg_status katago_real(struct katago_stream *s, const char *what, float *value,
                           struct tg_error *err)
{
    char token[KATAGO_TOKEN_MAX], *end;

    TRY(katago_token(s, what, token, err));
    *value = strtof(token, &end);
    if (end == token || *end != '\0')
        return FAIL(err, TG_EFORMAT, "%s: %s: \"%s\" is not a number", s->path, what, token);
    if (!isfinite(*value))
        return FAIL(err, TG_EFORMAT, "%s: %s: %s is not finite", s->path, what, token);
    return TG_OK;
}

enum tg_status katago_expect(struct katago_stream *s, const char *what, size_t n,
                             struct tg_error *err)
{
    size_t n_skipped, left, most;
    int c;

    TRY(skip_space(s, &n_skipped, &c, err));
    if (n_skipped > MAX_PADDING)
        return FAIL(err, TG_EFORMAT, "%s: %s: %zu blanks before the weights", s->path, what,
                    n_skipped);
    left = s->end - s->at + s->to_come;
    most = c == '@' ? left / sizeof(float) : (left + 1) / 2; /* a digit and a blank */
    if (n > most)
        return FAIL(err, TG_EFORMAT, "%s: %s: %zu weights, but the file ends before them", s->path,
                    what, n);
    return TG_OK;
}

static enum tg_status read_bytes(struct katago_stream *s, const char *what, size_t n, uint8_t *to,
                                 struct tg_error *err)
{
    while (n > 0) {
        size_t step;
        int c;

        TRY(peek(s, &c, err));
        if (c < 0)
            return FAIL(err, TG_EFORMAT, "%s: %s: the file ends %zu bytes too early", s->path, what,
                        n);
        step = s->end - s->at < n ? s->end - s->at : n;
        memcpy(to, s->window + s->at, step);
        s->at += step;
        to += step;
        n -= step;
    }
    return TG_OK;
}

static enum tg_status read_binary(struct katago_stream *s, const char *what, size_t n, float *values,
                                  struct tg_error *err)
{
    uint8_t mark[5];

    TRY(read_bytes(s, what, sizeof mark, mark, err));
    if (memcmp(mark, "@BIN@", sizeof mark) != 0)
        return FAIL(err, TG_EFORMAT, "%s: %s: no @BIN@ where the weights should start", s->path, what);
    TRY(read_bytes(s, what, n * sizeof *values, (uint8_t *)values, err));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return FAIL(err, TG_EFORMAT, "%s: %s: weight %zu of %zu is not finite", s->path, what, i,
                        n);
    return TG_OK;
}

enum tg_status katago_floats(struct katago_stream *s, const char *what, size_t n, float *values,
                             struct tg_error *err)
{
    size_t n_skipped;
    int c;

    TRY(skip_space(s, &n_skipped, &c, err));
    if (c == '@')
        return read_binary(s, what, n, values, err);
    for (size_t i = 0; i < n; i++)
        TRY(katago_real(s, what, &values[i], err));
    return TG_OK;
}

enum tg_status katago_end(struct katago_stream *s, struct tg_error *err)
{
    size_t n_skipped;
    int c;

    TRY(skip_space(s, &n_skipped, &c, err));
    if (c >= 0)
        return FAIL(err, TG_EFORMAT, "%s: more data behind the network's end", s->path);
    return TG_OK;
}
