/* katago_file.h - writes KataGo files for tests, from the format's description and apart from the
 * code under test: a small network of each version, its weights told by layer and index. */
#pragma once

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum { TRUNK = 6, MID = 5, POOLED = 3, REGULAR = 4, P1 = 4, G1 = 3, V1 = 5, V2 = 7, META = 9 };

/* What was written where: [y][x][in][out] of a convolution, [in][out] of a matrix, [out] else. */
struct written {
    char tensor[64]; /* its name in our layout */
    int kind;        /* 'c', 'm', 'b' as above; 'n': a norm: mean, variance, scale, bias [out] each */
    int side, in, out, id;
    bool has_scale, has_bias;
};

struct katago_file {
    int version;
    bool binary, nested, metadata;
    const char *activation; /* from version 11 on; NULL: relu */
    char *bytes;            /* owned: n of cap */
    size_t n, cap;
    struct written layers[160];
    int n_layers;
};

/* Weight i of layer id: small, finite, and different. */
static inline float weight(int id, int i)
{
    uint32_t h = (uint32_t)(id * 7919 + i) * 2654435761U;

    return (float)((int)(h >> 16) - 32768) / 65536.0F;
}

static inline void add_bytes(struct katago_file *f, const void *bytes, size_t n)
{
    if (f->n + n + 1 > f->cap) {
        f->cap = 2 * (f->n + n + 1);
        f->bytes = realloc(f->bytes, f->cap);
        if (f->bytes == NULL)
            abort();
    }
    memcpy(f->bytes + f->n, bytes, n);
    f->n += n;
    f->bytes[f->n] = '\0';
}

static inline void words(struct katago_file *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline void words(struct katago_file *f, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add_bytes(f, text, strlen(text));
}

/* Weights first, first + 1, .. of layer id; offset is added to each (a variance must be positive). */
static inline void floats(struct katago_file *f, int id, int first, int n, float offset)
{
    if (f->binary)
        add_bytes(f, "@BIN@", 5);
    for (int i = 0; i < n; i++) {
        float x = weight(id, first + i) + offset;

        if (f->binary)
            add_bytes(f, &x, sizeof x);
        else
            words(f, i + 1 < n ? "%.9g " : "%.9g", (double)x);
    }
    add_bytes(f, "\n", 1);
}

static inline int note(struct katago_file *f, const char *tensor, int kind, int side, int in, int out)
{
    struct written *w = &f->layers[f->n_layers];

    snprintf(w->tensor, sizeof w->tensor, "%s", tensor);
    w->kind = kind;
    w->side = side;
    w->in = in;
    w->out = out;
    w->id = f->n_layers++;
    return w->id;
}

static inline void conv(struct katago_file *f, const char *tensor, int side, int in, int out)
{
    words(f, "c:%s\n%d\n%d\n%d\n%d\n1\n1\n", tensor, side, side, in, out);
    floats(f, note(f, tensor, 'c', side, in, out), 0, side * side * in * out, 0);
}

static inline void matmul(struct katago_file *f, const char *tensor, int in, int out)
{
    words(f, "m:%s\n%d\n%d\n", tensor, in, out);
    floats(f, note(f, tensor, 'm', 0, in, out), 0, in * out, 0);
}

static inline void matbias(struct katago_file *f, const char *tensor, int out)
{
    words(f, "b:%s\n%d\n", tensor, out);
    floats(f, note(f, tensor, 'b', 0, 0, out), 0, out, 0);
}

/* Every other norm has no scale, every third no bias: all four kinds occur. */
static inline void norm(struct katago_file *f, const char *tensor, int c)
{
    int id = note(f, tensor, 'n', 0, 0, c);
    struct written *w = &f->layers[id];

    w->has_scale = id % 2 == 0;
    w->has_bias = id % 3 != 0;
    words(f, "n:%s\n%d\n0.001\n%d\n%d\n", tensor, c, w->has_scale, w->has_bias);
    floats(f, id, 0, c, 0);
    floats(f, id, c, c, 1);
    if (w->has_scale)
        floats(f, id, 2 * c, c, 0);
    if (w->has_bias)
        floats(f, id, 3 * c, c, 0);
}

static inline void act(struct katago_file *f)
{
    words(f, "a:\n");
    if (f->version >= 11)
        words(f, "%s\n", f->activation != NULL ? f->activation : "ACTIVATION_RELU");
}

/* "block3/conv1" */
static inline const char *in_block(int block, const char *layer)
{
    static char text[4][64];
    static int turn;
    char *t = text[turn++ % 4];

    snprintf(t, sizeof text[0], "block%d/%s", block, layer);
    return t;
}

static inline void norm_act(struct katago_file *f, const char *tensor, int c)
{
    norm(f, tensor, c);
    act(f);
}

static inline void ordinary_block(struct katago_file *f, int block, int width)
{
    words(f, "ordinary_block\nB%d\n", block);
    norm_act(f, in_block(block, "norm1"), width);
    conv(f, in_block(block, "conv1"), 3, width, MID);
    norm_act(f, in_block(block, "norm2"), MID);
    conv(f, in_block(block, "conv2"), 3, MID, width);
}

static inline void gpool_block(struct katago_file *f, int block, int width)
{
    words(f, "gpool_block\nB%d\n", block);
    norm_act(f, in_block(block, "norm1"), width);
    conv(f, in_block(block, "conv1r"), 3, width, REGULAR);
    conv(f, in_block(block, "conv1g"), 3, width, POOLED);
    norm_act(f, in_block(block, "normg"), POOLED);
    matmul(f, in_block(block, "gpool"), 3 * POOLED, REGULAR);
    norm_act(f, in_block(block, "norm2"), REGULAR);
    conv(f, in_block(block, "conv2"), 3, REGULAR, width);
}

/* Block 2 holds block 3, a nested one with block 4 in it, and block 5. */
static inline void nested_blocks(struct katago_file *f)
{
    words(f, "nested_bottleneck_block\nB2\n2\n");
    norm_act(f, "block2/norm1", TRUNK);
    conv(f, "block2/conv1", 1, TRUNK, 4);
    words(f, "nested_bottleneck_block\nB3\n1\n");
    norm_act(f, "block3/norm1", 4);
    conv(f, "block3/conv1", 1, 4, 2);
    ordinary_block(f, 4, 2);
    norm_act(f, "block3/norm2", 2);
    conv(f, "block3/conv2", 1, 2, 4);
    gpool_block(f, 5, 4);
    norm_act(f, "block2/norm2", 4);
    conv(f, "block2/conv2", 1, 4, TRUNK);
}

static inline void metadata(struct katago_file *f)
{
    words(f, "meta\n%d\n", META);
    matmul(f, "", META, 8);
    matbias(f, "", 8);
    act(f);
    matmul(f, "", 8, 7);
    matbias(f, "", 7);
    act(f);
    matmul(f, "", 7, TRUNK);
}

static inline void policy_head(struct katago_file *f)
{
    int n_policy = f->version >= 16 ? 4 : f->version >= 12 ? 2 : 1;

    words(f, "policyhead\n");
    conv(f, "policy/conv_p1", 1, TRUNK, P1);
    conv(f, "policy/conv_g1", 1, TRUNK, G1);
    norm_act(f, "policy/norm_g1", G1);
    matmul(f, "policy/gpool", 3 * G1, P1);
    norm_act(f, "policy/norm_p1", P1);
    conv(f, "policy/conv_p2", 1, P1, n_policy);
    if (f->version < 15) {
        matmul(f, "policy/pass", 3 * G1, n_policy);
        return;
    }
    matmul(f, "policy/pass1", 3 * G1, P1);
    matbias(f, "policy/pass1/bias", P1);
    act(f);
    matmul(f, "policy/pass2", P1, n_policy);
}

static inline void value_head(struct katago_file *f)
{
    int n_score = f->version >= 9 ? 6 : 4;

    words(f, "valuehead\n");
    conv(f, "value/conv_v1", 1, TRUNK, V1);
    norm_act(f, "value/norm_v1", V1);
    matmul(f, "value/fc2", 3 * V1, V2);
    matbias(f, "value/fc2/bias", V2);
    act(f);
    matmul(f, "value/fc3", V2, 3);
    matbias(f, "value/fc3/bias", 3);
    matmul(f, "value/score", V2, n_score);
    matbias(f, "value/score/bias", n_score);
    conv(f, "value/ownership", 1, V1, 1);
}

/* The whole file, from the settings in f. bytes is to be freed. */
static inline void build_katago_file(struct katago_file *f)
{
    words(f, "test-net\n%d\n22\n19\n", f->version);
    if (f->version >= 13)
        words(f, "20\n21\n22\n23\n41\n0.5\n151\n");
    if (f->version >= 15)
        words(f, "%d\n0\n0\n0\n0\n0\n0\n0\n", f->metadata);
    words(f, "trunk\n%d\n%d\n%d\n%d\n%d\n%d\n", f->nested ? 3 : 2, TRUNK, MID, REGULAR, 1, POOLED);
    if (f->version >= 15)
        words(f, "0\n0\n0\n0\n0\n0\n");
    conv(f, "stem/conv", 3, 22, TRUNK);
    matmul(f, "stem/globals", 19, TRUNK);
    if (f->metadata)
        metadata(f);
    ordinary_block(f, 0, TRUNK);
    gpool_block(f, 1, TRUNK);
    if (f->nested)
        nested_blocks(f);
    norm_act(f, "tip/norm", TRUNK);
    policy_head(f);
    value_head(f);
}

/* bytes as a gzip file, to be freed. */
static inline uint8_t *gzipped(const void *bytes, size_t n, size_t *n_packed)
{
    size_t cap = n + n / 100 + 1000;
    uint8_t *packed = malloc(cap);
    z_stream z = {0};

    if (packed == NULL || deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    z.next_in = bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)cap;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    *n_packed = z.total_out;
    deflateEnd(&z);
    return packed;
}
