/* katago_save.c - a network of ours as a KataGo file that KataGo's engine loads (".bin.gz").
 *
 * The walk is that of katago_load.c, the weights go from the flat parameters to a deflate stream.
 * What only training uses (the channels for the reply and the soft policy) is left out. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

#include "layout.h"
#include "netfile.h"
#include "tengen/file.h"

enum { MAX_ROLES = 4 };

/* ---- which version ---------------------------------------------------------------------------- */

/* The channels of the move policy's own kind, which an engine can use. */
static int kept_channels(const struct nn_arch *a, int channels[NN_MAX_POLICY])
{
    int n = 0;

    for (int c = 0; c < a->n_policy; c++)
        if (a->policy_role[c] != NN_POLICY_REPLY && a->policy_role[c] != NN_POLICY_SOFT)
            channels[n++] = c;
    return n;
}

static bool has_nested(const struct nn_arch *a)
{
    for (int i = 0; i < a->n_blocks; i++)
        if (a->blocks[i].kind == NN_BLOCK_NESTED)
            return true;
    return false;
}

/* Versions below 13 imply the scales. Those of the error outputs only count where there are some. */
static bool default_scales(const struct nn_arch *a)
{
    const struct nn_scales *s = &a->scales, *d = &nn_scales_default;

    return s->score_mean == d->score_mean && s->score_stdev == d->score_stdev &&
           s->lead == d->lead && s->variance_time == d->variance_time &&
           (a->n_score == 4 || (s->value_error == d->value_error && s->score_error == d->score_error));
}

static int version_channels(int version) { return version >= 16 ? 4 : version >= 12 ? 2 : 1; }

/* Which formula turns the two error outputs into errors: it changed twice. */
static int error_formula(int version) { return version == 9 ? 9 : version < 14 ? 10 : 14; }

/* Can this version say all of it? A version with more policy channels than the network has gets
 * copies of the move policy, one with more score outputs gets constants; so more is no obstacle. */
static bool version_fits(int version, const struct nn_arch *a)
{
    int channels[NN_MAX_POLICY];
    int n_policy = kept_channels(a, channels);

    if (version < 11 && (a->activation != NN_RELU || has_nested(a)))
        return false; /* no word for either */
    if (version < 13 && !default_scales(a))
        return false; /* no place for them */
    if ((version >= 15) != a->pass_hidden)
        return false;
    int formula = error_formula(a->source_version != 0 ? a->source_version : 14);
    if (a->n_score == 6 && (version == 8 || error_formula(version) != formula))
        return false;
    return n_policy == version_channels(version) || (n_policy == 1 && version < 16);
}

/* A network that came from KataGo goes back as it came where it still can. Else the oldest version
 * that fits: it is what the most engines read. So a relu network without nested blocks, with the
 * usual scales and four score outputs is version 8; mish, silu and nested blocks ask for 11, other
 * scales for 13, six score outputs for 14 (ours are of its formula), a pass through a hidden layer
 * for 15. */
int katago_version_for(const struct nn_arch *a, const char **why)
{
    int channels[NN_MAX_POLICY];

    *why = "";
    if (a->source_version != 0 && version_fits(a->source_version, a))
        return a->source_version;
    for (int version = 8; version <= 16; version++)
        if (version_fits(version, a))
            return version;
    *why = kept_channels(a, channels) > 2 && !a->pass_hidden
               ? "more than two policy channels without a hidden layer for the pass"
               : "its policy channels, scales and score outputs belong to different versions";
    return 0;
}

/* ---- a growing deflate stream ----------------------------------------------------------------- */

struct saver {
    const struct nn_model *m;
    int version;
    int channels[MAX_ROLES]; /* which of our policy channels each of the file's is */
    int n_channels;
    z_stream z;
    uint8_t *file; /* owned: n bytes of cap */
    size_t n, cap;
    bool failed; /* no memory: what follows is dropped, and told at the end */
};

static void deflate_bytes(struct saver *s, const void *bytes, size_t n, int flush)
{
    const uint8_t *next = bytes;
    int rc = Z_OK;

    do {
        size_t step = n < (1U << 30) ? n : (1U << 30);

        s->z.next_in = next;
        s->z.avail_in = (uInt)step;
        while (!s->failed && (s->z.avail_in > 0 || (flush == Z_FINISH && rc != Z_STREAM_END))) {
            if (s->cap - s->n < 1 << 16) {
                size_t cap = s->cap + s->cap / 2 + (1 << 18);
                uint8_t *grown = realloc(s->file, cap);

                if (grown == NULL) {
                    s->failed = true;
                    return;
                }
                s->file = grown;
                s->cap = cap;
            }
            s->z.next_out = s->file + s->n;
            s->z.avail_out = 1 << 16;
            rc = deflate(&s->z, flush);
            s->failed = rc != Z_OK && rc != Z_STREAM_END;
            s->n += (1 << 16) - s->z.avail_out;
        }
        next += step;
        n -= step;
    } while (n > 0);
}

static void put(struct saver *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct saver *s, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        s->failed = true;
    else
        deflate_bytes(s, text, (size_t)n, Z_NO_FLUSH);
}

static void begin_floats(struct saver *s) { put(s, "@BIN@"); }
static void put_float(struct saver *s, float x) { deflate_bytes(s, &x, sizeof x, Z_NO_FLUSH); }
static void put_block(struct saver *s, const float *x, size_t n)
{
    begin_floats(s);
    deflate_bytes(s, x, n * sizeof *x, Z_NO_FLUSH);
    put(s, "\n");
}

/* ---- layers ----------------------------------------------------------------------------------- */

static const float *tensor(const struct saver *s, const char *name, const struct nn_tensor **t)
{
    *t = nn_layout_find(&s->m->layout, name);
    return s->m->params + (*t)->offset; /* the layout is of this architecture: it is there */
}

/* A convolution. channels [n_out] says which of our outputs are written, NULL: all. */
static void put_conv(struct saver *s, const char *name, const int *channels, int n_out)
{
    const struct nn_tensor *t;
    const float *w = tensor(s, name, &t);
    int n_in = t->dims[1], side = t->dims[2], area = side * side;
    float row[4096];

    if (channels == NULL)
        n_out = t->dims[0];
    put(s, "%s\n%d\n%d\n%d\n%d\n1\n1\n", name, side, side, n_in, n_out);
    begin_floats(s);
    for (int yx = 0; yx < area; yx++)
        for (int i = 0; i < n_in; i++) {
            for (int o = 0; o < n_out; o++)
                row[o] = w[((size_t)(channels == NULL ? o : channels[o]) * (size_t)n_in + (size_t)i) *
                               (size_t)area + (size_t)yx];
            deflate_bytes(s, row, (size_t)n_out * sizeof *row, Z_NO_FLUSH);
        }
    put(s, "\n");
}

static void put_matmul(struct saver *s, const char *name)
{
    const struct nn_tensor *t;
    const float *w = tensor(s, name, &t);

    put(s, "%s\n%d\n%d\n", name, t->dims[0], t->dims[1]);
    put_block(s, w, t->n);
}

/* A matrix with these of its n_out columns; -1 stands for a column of zeros. */
static void put_columns(struct saver *s, const char *name, const int *columns, int n_out)
{
    const struct nn_tensor *t;
    const float *w = tensor(s, name, &t);

    put(s, "%s\n%d\n%d\n", name, t->dims[0], n_out);
    begin_floats(s);
    for (int i = 0; i < t->dims[0]; i++)
        for (int o = 0; o < n_out; o++)
            put_float(s, columns[o] < 0 ? 0.0F : w[i * t->dims[1] + columns[o]]);
    put(s, "\n");
}

/* A bias, with n_more zeros behind it. */
static void put_bias(struct saver *s, const char *name, int n_more)
{
    const struct nn_tensor *t;
    const float *b = tensor(s, name, &t);

    put(s, "%s\n%d\n", name, t->dims[0] + n_more);
    begin_floats(s);
    deflate_bytes(s, b, t->n * sizeof *b, Z_NO_FLUSH);
    for (int i = 0; i < n_more; i++)
        put_float(s, 0.0F);
    put(s, "\n");
}

/* A norm of mean 0 and variance 1, whose epsilon is lost in rounding. Scale and bias are always
 * written: an engine of 2020 read 1 for a bias left out. */
static void put_norm(struct saver *s, const char *prefix)
{
    const struct nn_tensor *t;
    const float *w;
    char name[80];

    snprintf(name, sizeof name, "%s/scale", prefix);
    w = tensor(s, name, &t);
    put(s, "%s\n%d\n1e-20\n1\n1\n", prefix, t->dims[0]);
    for (float value = 0.0F; value <= 1.0F; value++) { /* the mean, then the variance */
        begin_floats(s);
        for (int c = 0; c < t->dims[0]; c++)
            put_float(s, value);
        put(s, "\n");
    }
    put_block(s, w, t->n);
    snprintf(name, sizeof name, "%s/bias", prefix);
    w = tensor(s, name, &t);
    put_block(s, w, t->n);
}

static void put_activation(struct saver *s, const char *prefix)
{
    static const char *const names[] = {
        [NN_IDENTITY] = "ACTIVATION_IDENTITY", [NN_RELU] = "ACTIVATION_RELU",
        [NN_MISH] = "ACTIVATION_MISH", [NN_SILU] = "ACTIVATION_SILU"};

    put(s, "%s/act\n", prefix);
    if (s->version >= 11)
        put(s, "%s\n", names[s->m->arch.activation]);
}

static void put_norm_act(struct saver *s, const char *prefix)
{
    put_norm(s, prefix);
    put_activation(s, prefix);
}

/* ---- the tower -------------------------------------------------------------------------------- */

struct label {
    char text[80];
};
static struct label label(int index, const char *suffix)
{
    struct label t;

    snprintf(t.text, sizeof t.text, "block%d/%s", index, suffix);
    return t;
}

/* Block `at` and those inside it; returns the entry behind them. */
static int put_block_at(struct saver *s, int at)
{
    static const char *const kinds[] = {"ordinary_block", "gpool_block", "nested_bottleneck_block"};
    const struct nn_block *b = &s->m->arch.blocks[at];
    int next = at + 1;

    put(s, "%s\nblock%d\n", kinds[b->kind], at);
    if (b->kind == NN_BLOCK_NESTED)
        put(s, "%d\n", b->n_inner);
    put_norm_act(s, label(at, "norm1").text);
    if (b->kind == NN_BLOCK_GPOOL) {
        put_conv(s, label(at, "conv1r").text, NULL, 0);
        put_conv(s, label(at, "conv1g").text, NULL, 0);
        put_norm_act(s, label(at, "normg").text);
        put_matmul(s, label(at, "gpool").text);
    } else {
        put_conv(s, label(at, "conv1").text, NULL, 0);
    }
    if (b->kind == NN_BLOCK_NESTED)
        for (int k = 0; k < b->n_inner; k++)
            next = put_block_at(s, next);
    put_norm_act(s, label(at, "norm2").text);
    put_conv(s, label(at, "conv2").text, NULL, 0);
    return next;
}

/* The trunk's line says the widths of its blocks once for all. Newer engines only look whether they
 * are positive; those of 2020 also want mid = regular + dilated and all blocks to agree. */
static void put_widths(struct saver *s)
{
    const struct nn_arch *a = &s->m->arch;
    int mid = 0, regular = 0, gpool = 0;

    for (int i = 0; i < a->n_blocks; i++) {
        if (a->blocks[i].kind == NN_BLOCK_RESIDUAL && mid == 0)
            mid = a->blocks[i].mid;
        if (a->blocks[i].kind == NN_BLOCK_GPOOL && gpool == 0) {
            regular = a->blocks[i].mid;
            gpool = a->blocks[i].gpool;
        }
    }
    if (mid == 0)
        mid = regular + gpool > 0 ? regular + gpool : a->trunk;
    if (gpool == 0) {
        gpool = mid / 2 > 0 ? mid / 2 : 1;
        regular = mid > 1 ? mid - gpool : 1;
    }
    put(s, "trunk\n%d\n%d\n%d\n%d\n%d\n%d\n", nn_arch_top_blocks(a), a->trunk, mid, regular,
        mid > regular ? mid - regular : 1, gpool);
}

static void put_trunk(struct saver *s)
{
    put_widths(s);
    if (s->version >= 15)
        put(s, "0 0 0 0 0 0\n"); /* an ordinary norm at the end; reserved */
    put_conv(s, "stem/conv", NULL, 0);
    put_matmul(s, "stem/globals");
    for (int at = 0; at < s->m->arch.n_blocks;)
        at = put_block_at(s, at);
    put_norm_act(s, "tip/norm");
}

/* ---- heads and the whole file ----------------------------------------------------------------- */

static void put_policy_head(struct saver *s)
{
    put(s, "policyhead\n");
    put_conv(s, "policy/conv_p1", NULL, 0);
    put_conv(s, "policy/conv_g1", NULL, 0);
    put_norm_act(s, "policy/norm_g1");
    put_matmul(s, "policy/gpool");
    put_norm_act(s, "policy/norm_p1");
    put_conv(s, "policy/conv_p2", s->channels, s->n_channels);
    if (s->version < 15) {
        put_columns(s, "policy/pass", s->channels, s->n_channels);
        return;
    }
    put_matmul(s, "policy/pass1");
    put_bias(s, "policy/pass1/bias", 0);
    put_activation(s, "policy/pass1");
    put_columns(s, "policy/pass2", s->channels, s->n_channels);
}

/* Where the version has two error outputs and the network none they are constants (of a zero): to
 * a search that weighs evaluations by their error all are then equally certain. */
static void put_value_head(struct saver *s)
{
    static const int outputs[] = {0, 1, 2, 3, 4, 5}, outputs_of_4[] = {0, 1, 2, 3, -1, -1};
    int n_score = s->version >= 9 ? 6 : 4, n_own = s->m->arch.n_score;

    put(s, "valuehead\n");
    put_conv(s, "value/conv_v1", NULL, 0);
    put_norm_act(s, "value/norm_v1");
    put_matmul(s, "value/fc2");
    put_bias(s, "value/fc2/bias", 0);
    put_activation(s, "value/fc2");
    put_matmul(s, "value/fc3");
    put_bias(s, "value/fc3/bias", 0);
    put_columns(s, "value/score", n_own == 4 ? outputs_of_4 : outputs, n_score);
    put_bias(s, "value/score/bias", n_score - n_own);
    put_conv(s, "value/ownership", NULL, 0);
}

/* KataGo takes letters, digits, "_" and "-" alone. */
static void put_name(struct saver *s)
{
    char name[NN_NAME_MAX];
    int n = 0;

    for (const char *c = s->m->name; *c != '\0' && n < NN_NAME_MAX - 1; c++)
        name[n++] = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                            (*c >= '0' && *c <= '9') || *c == '_'
                        ? *c
                        : '-';
    name[n] = '\0';
    put(s, "%s\n", n > 0 ? name : "tengen");
}

static void put_all(struct saver *s)
{
    const struct nn_arch *a = &s->m->arch;
    const struct nn_scales *k = &a->scales;

    put_name(s);
    put(s, "%d\n%d\n%d\n", s->version, a->n_planes, a->n_globals);
    if (s->version >= 13)
        put(s, "%.9g\n%.9g\n%.9g\n%.9g\n%.9g\n%.9g\n%.9g\n", (double)k->td_score,
            (double)k->score_mean, (double)k->score_stdev, (double)k->lead,
            (double)k->variance_time, (double)k->value_error, (double)k->score_error);
    if (s->version >= 15)
        put(s, "0 0 0 0 0 0 0 0\n"); /* no metadata encoder, ordinary pass-alive inputs, reserved */
    put_trunk(s);
    put_policy_head(s);
    put_value_head(s);
    deflate_bytes(s, "", 0, Z_FINISH);
}

static enum tg_status prepare(struct saver *s, struct tg_error *err)
{
    const struct nn_arch *a = &s->m->arch;
    int kept[NN_MAX_POLICY], n_kept;
    struct game go;
    const char *why;

    TRY(game_init(&go, GAME_GO, GAME_MAX_SIZE, 0, err));
    TRY(nn_model_fits(s->m, &go, err)); /* KataGo's engine encodes Go and nothing else */
    TRY(nn_arch_check(a, err));
    TRY(nn_model_check_params(s->m, err));
    s->version = katago_version_for(a, &why);
    if (s->version == 0)
        return FAIL(err, TG_EINVAL, "network %s cannot be said in KataGo's format: %s", s->m->name, why);
    if (nn_arch_top_blocks(a) == 0)
        return FAIL(err, TG_EINVAL, "network %s has no blocks: KataGo's engine wants one", s->m->name);
    n_kept = kept_channels(a, kept);
    s->n_channels = version_channels(s->version);
    for (int c = 0; c < s->n_channels; c++)
        s->channels[c] = kept[c < n_kept ? c : 0];
    return TG_OK;
}

enum tg_status nn_model_export(const struct nn_model *m, const char *path, struct tg_error *err)
{
    struct saver s = {.m = m};
    enum tg_status rc;

    TRY(prepare(&s, err));
    if (deflateInit2(&s.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return FAIL(err, TG_ENOMEM, "%s: no memory to compress", path);
    put_all(&s);
    deflateEnd(&s.z);
    rc = s.failed ? FAIL(err, TG_ENOMEM, "%s: no memory for the file", path)
                  : tg_file_replace(path, s.file, s.n, err);
    free(s.file);
    return rc;
}
