/* katago_stream.h - KataGo's file as tokens and blocks of floats, unpacked on the way.
 *
 * The file is words between white space, mixed with blocks of floats whose length follows from the
 * words before. A block is as many decimal words, or "@BIN@" and that many little-endian float32. */
#pragma once

#define ZLIB_CONST
#include <zlib.h>

#include "tengen/nn.h"

enum {
    KATAGO_TOKEN_MAX = 128,       /* longest word, its NUL included */
    KATAGO_MAX_EXPANSION = 16,    /* unpacked bytes per byte of the file; weights hardly shrink */
    KATAGO_EXPANSION_FLOOR = 65536 /* a small file may unpack to this much in any case */
};

/* Reads n_in borrowed bytes. Errors name path. */
struct katago_stream {
    const char *path;
    const uint8_t *window; /* what can be read now is window[at, end) */
    size_t at, end;
    size_t to_come;        /* bytes that may still follow the window, at most */
    bool packed, ended;    /* the source is gzip; nothing follows the window */
    z_stream z;
    uint8_t *unpacked;     /* owned: the window's storage where packed */
};

enum tg_status katago_open(struct katago_stream *s, const uint8_t *in, size_t n_in, const char *path,
                           struct tg_error *err);
void katago_close(struct katago_stream *s);

/* The next word. what is it that should stand here, for the message. */
enum tg_status katago_token(struct katago_stream *s, const char *what, char token[KATAGO_TOKEN_MAX],
                            struct tg_error *err);
/* The next word, an integer of low..high. */
enum tg_status katago_int(struct katago_stream *s, const char *what, int low, int high, int *value,
                          struct tg_error *err);
/* The next word, a finite number. */
enum tg_status katago_real(struct katago_stream *s, const char *what, float *value,
                           struct tg_error *err);
/* TG_EFORMAT if a block of n floats cannot follow here: asked before room is made for it. */
enum tg_status katago_expect(struct katago_stream *s, const char *what, size_t n,
                             struct tg_error *err);
/* The next block, n finite floats, into values. */
enum tg_status katago_floats(struct katago_stream *s, const char *what, size_t n, float *values,
                             struct tg_error *err);
/* Nothing but white space follows, and the packed file's own check sum is right. */
enum tg_status katago_end(struct katago_stream *s, struct tg_error *err);
