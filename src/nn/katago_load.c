/* katago_load.c - a network of KataGo's (versions 8 to 16) as one of ours.
 *
 * The file is read once, from front to back. The architecture follows from the shapes met on the
 * way, so weights are first kept as they come, each piece with the name of the tensor it belongs to,
 * and are put into the flat parameters when the end has been seen. Batch norms become a scale and a
 * bias at once. Every shape is checked against its neighbours before its weights are read. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "katago_stream.h"
#include "netfile.h"

enum {
    OLDEST = 8,  /* older ones read other inputs */
    NEWEST = 16, /* 17 brought transformers */
    MAX_CHANNELS = 4096,
    MAX_DEPTH = 4 /* of nested blocks */
};

/* Weights read, in the file's order. */
struct piece {
    char tensor[80];
    enum nn_tensor_kind kind;
    int dims[4]; /* as in nn_tensor */
    size_t at, n; /* in loader.values */
};

struct loader {
    struct katago_stream s;
    struct tg_log *log;
    int version;
    struct nn_arch arch;
    float *values; /* owned: n_values of cap_values in use */
    size_t n_values, cap_values;
    struct piece *pieces; /* owned */
    size_t n_pieces, cap_pieces;
};

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Read a block of n floats to the end of l->values; *at is where it starts. */
static enum tg_status read_values(struct loader *l, const char *what, size_t n, size_t *at,
                                  struct tg_error *err)
{
    TRY(katago_expect(&l->s, what, n, err));
    if (l->cap_values - l->n_values < n) {
        size_t cap = l->n_values + n + l->cap_values / 2;
        float *grown = realloc(l->values, cap * sizeof *grown);

        if (grown == NULL)
            return FAIL(err, TG_ENOMEM, "%s: %zu bytes", l->s.path, cap * sizeof *grown);
        l->values = grown;
        l->cap_values = cap;
    }
    TRY(katago_floats(&l->s, what, n, l->values + l->n_values, err));
    *at = l->n_values;
    l->n_values += n;
    return TG_OK;
}

/* values [at, at + n) are this tensor. */
static enum tg_status add_piece(struct loader *l, const char *prefix, const char *suffix,
                                enum nn_tensor_kind kind, const int dims[4], size_t at, size_t n,
                                struct tg_error *err)
{
    struct piece *p;

    if (l->n_pieces == l->cap_pieces) {
        size_t cap = l->cap_pieces == 0 ? 64 : l->cap_pieces * 2;
        struct piece *grown = realloc(l->pieces, cap * sizeof *grown);

        if (grown == NULL)
            return FAIL(err, TG_ENOMEM, "%s: %zu bytes", l->s.path, cap * sizeof *grown);
        l->pieces = grown;
        l->cap_pieces = cap;
    }
    p = &l->pieces[l->n_pieces++];
    snprintf(p->tensor, sizeof p->tensor, "%s%s", prefix, suffix);
    p->kind = kind;
    memcpy(p->dims, dims, sizeof p->dims);
    p->at = at;
    p->n = n;
    return TG_OK;
}

static enum tg_status must_be(struct loader *l, const char *layer, const char *what, int is,
                              int should_be, struct tg_error *err)
{
    if (is != should_be)
        return FAIL(err, TG_EFORMAT, "%s: layer %s: %s is %d where %d fits its neighbours",
                    l->s.path, layer, what, is, should_be);
    return TG_OK;
}

/* ---- layers: the tensor it fills, the channels in and out (out 0: any, and told) ------------- */

static enum tg_status read_conv(struct loader *l, const char *tensor, int side, int in, int *out,
                                struct tg_error *err)
{
    char name[KATAGO_TOKEN_MAX];
    int height, width, n_in, n_out, dilation_y, dilation_x;
    size_t n, at;

    TRY(katago_token(&l->s, tensor, name, err));
    TRY(katago_int(&l->s, name, 1, 99, &height, err));
    TRY(katago_int(&l->s, name, 1, 99, &width, err));
    TRY(katago_int(&l->s, name, 1, MAX_CHANNELS, &n_in, err));
    TRY(katago_int(&l->s, name, 1, MAX_CHANNELS, &n_out, err));
    TRY(katago_int(&l->s, name, 1, 99, &dilation_y, err));
    TRY(katago_int(&l->s, name, 1, 99, &dilation_x, err));
    if (dilation_y != 1 || dilation_x != 1)
        return FAIL(err, TG_EFORMAT, "%s: layer %s: dilation %dx%d is not supported", l->s.path,
                    name, dilation_y, dilation_x);
    if (height != width || (side != 0 ? width != side : width != 1 && width != 3 && width != 5))
        return FAIL(err, TG_EFORMAT, "%s: layer %s: a %dx%d kernel is not supported here", l->s.path,
                    name, height, width);
    TRY(must_be(l, name, "channels in", n_in, in, err));
    TRY(must_be(l, name, "channels out", n_out, *out == 0 ? n_out : *out, err));
    n = (size_t)height * (size_t)width * (size_t)n_in * (size_t)n_out;
    TRY(read_values(l, name, n, &at, err));
    *out = n_out;
    if (side == 0)
        l->arch.stem = width;
    return add_piece(l, tensor, "", NN_TENSOR_CONV, (int[4]){n_out, n_in, height, width}, at, n, err);
}

static enum tg_status read_matmul(struct loader *l, const char *tensor, int in, int *out,
                                  struct tg_error *err)
{
    char name[KATAGO_TOKEN_MAX];
    int n_in, n_out;
    size_t n, at;

    TRY(katago_token(&l->s, tensor, name, err));
    TRY(katago_int(&l->s, name, 1, 3 * MAX_CHANNELS, &n_in, err));
    TRY(katago_int(&l->s, name, 1, MAX_CHANNELS, &n_out, err));
    TRY(must_be(l, name, "channels in", n_in, in, err));
    TRY(must_be(l, name, "channels out", n_out, *out == 0 ? n_out : *out, err));
    n = (size_t)n_in * (size_t)n_out;
    TRY(read_values(l, name, n, &at, err));
    *out = n_out;
    return add_piece(l, tensor, "", NN_TENSOR_MATMUL, (int[4]){n_in, n_out, 1, 1}, at, n, err);
}

static enum tg_status read_bias(struct loader *l, const char *tensor, int channels,
                                struct tg_error *err)
{
    char name[KATAGO_TOKEN_MAX];
    int n;
    size_t at;

    TRY(katago_token(&l->s, tensor, name, err));
    TRY(katago_int(&l->s, name, 1, MAX_CHANNELS, &n, err));
    TRY(must_be(l, name, "channels", n, channels, err));
    TRY(read_values(l, name, (size_t)n, &at, err));
    return add_piece(l, tensor, "", NN_TENSOR_BIAS, (int[4]){n, 1, 1, 1}, at, (size_t)n, err);
}

/* y = (x - mean) / sqrt(variance + epsilon) * scale + bias, as one scale and one bias: they take the
 * place of mean and variance in l->values. */
static enum tg_status read_norm(struct loader *l, const char *prefix, int channels,
                                struct tg_error *err)
{
    char name[KATAGO_TOKEN_MAX];
    int c, has_scale, has_bias;
    float epsilon;
    size_t at, variance_at, scale_at = 0, bias_at = 0;

    TRY(katago_token(&l->s, prefix, name, err));
    TRY(katago_int(&l->s, name, 1, MAX_CHANNELS, &c, err));
    TRY(katago_real(&l->s, name, &epsilon, err));
    TRY(katago_int(&l->s, name, 0, 1, &has_scale, err));
    TRY(katago_int(&l->s, name, 0, 1, &has_bias, err));
    TRY(must_be(l, name, "channels", c, channels, err));

    size_t n = (size_t)c;
    TRY(read_values(l, name, n, &at, err));
    TRY(read_values(l, name, n, &variance_at, err));
    if (has_scale)
        TRY(read_values(l, name, n, &scale_at, err));
    if (has_bias)
        TRY(read_values(l, name, n, &bias_at, err));
    for (size_t i = 0; i < n; i++) {
        double spread = sqrt((double)l->values[variance_at + i] + (double)epsilon);
        double scale = (has_scale ? (double)l->values[scale_at + i] : 1.0) / spread;
        double bias = (has_bias ? (double)l->values[bias_at + i] : 0.0) -
                      (double)l->values[at + i] * scale;

        if (!isfinite((float)scale) || !isfinite((float)bias))
            return FAIL(err, TG_EFORMAT, "%s: layer %s: channel %zu has no finite scale and bias",
                        l->s.path, name, i);
        l->values[at + i] = (float)scale;
        l->values[variance_at + i] = (float)bias;
    }
    l->n_values = at + 2 * n;
    TRY(add_piece(l, prefix, "/scale", NN_TENSOR_SCALE, (int[4]){c, 1, 1, 1}, at, n, err));
    return add_piece(l, prefix, "/bias", NN_TENSOR_BIAS, (int[4]){c, 1, 1, 1}, variance_at, n, err);
}

/* Our networks have one activation everywhere. */
static enum tg_status read_activation(struct loader *l, struct tg_error *err)
{
    static const char *const names[] = {
        [NN_IDENTITY] = "ACTIVATION_IDENTITY", [NN_RELU] = "ACTIVATION_RELU",
        [NN_MISH] = "ACTIVATION_MISH", [NN_SILU] = "ACTIVATION_SILU"};
    char name[KATAGO_TOKEN_MAX], kind[KATAGO_TOKEN_MAX];
    int activation = NN_RELU; /* versions up to 10 know no other */

    TRY(katago_token(&l->s, "an activation", name, err));
    if (l->version >= 11) {
        TRY(katago_token(&l->s, "the kind of an activation", kind, err));
        for (activation = 0; activation < 4; activation++)
            if (strcmp(kind, names[activation]) == 0)
                break;
        if (activation == 4)
            return FAIL(err, TG_EFORMAT, "%s: layer %s: unknown activation %s", l->s.path, name, kind);
    }
    if (l->arch.activation < 0)
        l->arch.activation = activation;
    if (l->arch.activation != activation)
        return FAIL(err, TG_EFORMAT,
                    "%s: layer %s: activation %s after %s: one network, one activation is supported",
                    l->s.path, name, names[activation], names[l->arch.activation]);
    return TG_OK;
}

static enum tg_status read_norm_act(struct loader *l, const char *prefix, int channels,
                                    struct tg_error *err)
{
    TRY(read_norm(l, prefix, channels, err));
    return read_activation(l, err);
}

/* ---- the tower ------------------------------------------------------------------------------- */

static enum tg_status read_blocks(struct loader *l, int n, int width, int depth,
                                  struct tg_error *err);

/* "block3" and "/conv1" as one name. */
struct label {
    char text[80];
};
static struct label label(int index, const char *suffix)
{
    struct label t;

    snprintf(t.text, sizeof t.text, "block%d%s", index, suffix);
    return t;
}

static enum tg_status read_residual(struct loader *l, int index, int width, struct tg_error *err)
{
    struct nn_block *b = &l->arch.blocks[index];
    int mid = 0;

    b->kind = NN_BLOCK_RESIDUAL;
    TRY(read_norm_act(l, label(index, "/norm1").text, width, err));
    TRY(read_conv(l, label(index, "/conv1").text, 3, width, &mid, err));
    TRY(read_norm_act(l, label(index, "/norm2").text, mid, err));
    TRY(read_conv(l, label(index, "/conv2").text, 3, mid, &width, err));
    b->mid = (uint16_t)mid;
    return TG_OK;
}

static enum tg_status read_gpool(struct loader *l, int index, int width, struct tg_error *err)
{
    struct nn_block *b = &l->arch.blocks[index];
    int mid = 0, gpool = 0;

    b->kind = NN_BLOCK_GPOOL;
    TRY(read_norm_act(l, label(index, "/norm1").text, width, err));
    TRY(read_conv(l, label(index, "/conv1r").text, 3, width, &mid, err));
    TRY(read_conv(l, label(index, "/conv1g").text, 3, width, &gpool, err));
    TRY(read_norm_act(l, label(index, "/normg").text, gpool, err));
    TRY(read_matmul(l, label(index, "/gpool").text, 3 * gpool, &mid, err));
    TRY(read_norm_act(l, label(index, "/norm2").text, mid, err));
    TRY(read_conv(l, label(index, "/conv2").text, 3, mid, &width, err));
    b->mid = (uint16_t)mid;
    b->gpool = (uint16_t)gpool;
    return TG_OK;
}

static enum tg_status read_nested(struct loader *l, int index, int width, int depth,
                                  struct tg_error *err)
{
    struct nn_block *b = &l->arch.blocks[index];
    int mid = 0, n_inner;

    if (depth >= MAX_DEPTH)
        return FAIL(err, TG_EFORMAT, "%s: blocks nested more than %d deep", l->s.path, (int)MAX_DEPTH);
    TRY(katago_int(&l->s, "inner blocks of a nested block", 1, NN_MAX_BLOCKS - 1, &n_inner, err));
    b->kind = NN_BLOCK_NESTED;
    b->n_inner = (uint8_t)n_inner;
    TRY(read_norm_act(l, label(index, "/norm1").text, width, err));
    TRY(read_conv(l, label(index, "/conv1").text, 1, width, &mid, err));
    b->mid = (uint16_t)mid;
    TRY(read_blocks(l, n_inner, mid, depth + 1, err));
    TRY(read_norm_act(l, label(index, "/norm2").text, mid, err));
    return read_conv(l, label(index, "/conv2").text, 1, mid, &width, err);
}

static enum tg_status read_blocks(struct loader *l, int n, int width, int depth, struct tg_error *err)
{
    char kind[KATAGO_TOKEN_MAX], name[KATAGO_TOKEN_MAX];

    for (int i = 0; i < n; i++) {
        int index = l->arch.n_blocks;

        if (index == NN_MAX_BLOCKS)
            return FAIL(err, TG_EFORMAT, "%s: more than %d blocks", l->s.path, (int)NN_MAX_BLOCKS);
        l->arch.n_blocks++;
        TRY(katago_token(&l->s, "a kind of block", kind, err));
        TRY(katago_token(&l->s, "the name of a block", name, err));
        if (strcmp(kind, "ordinary_block") == 0)
            TRY(read_residual(l, index, width, err));
        else if (strcmp(kind, "gpool_block") == 0)
            TRY(read_gpool(l, index, width, err));
        else if (strcmp(kind, "nested_bottleneck_block") == 0)
            TRY(read_nested(l, index, width, depth, err));
        else
            return FAIL(err, TG_EFORMAT,
                        "%s: block %s is a %s; ordinary_block, gpool_block and "
                        "nested_bottleneck_block are supported",
                        l->s.path, name, kind);
    }
    return TG_OK;
}

/* The layers of a metadata encoder, which our networks have not: read and forgotten. */
static enum tg_status skip_metadata(struct loader *l, struct tg_error *err)
{
    size_t n_values = l->n_values, n_pieces = l->n_pieces;
    char name[KATAGO_TOKEN_MAX];
    int n_meta, h1 = 0, h2 = 0;

    TRY(katago_token(&l->s, "the metadata encoder", name, err));
    TRY(katago_int(&l->s, "metadata inputs", 1, MAX_CHANNELS, &n_meta, err));
    TRY(read_matmul(l, "metadata/mul1", n_meta, &h1, err));
    TRY(read_bias(l, "metadata/bias1", h1, err));
    TRY(read_activation(l, err));
    TRY(read_matmul(l, "metadata/mul2", h1, &h2, err));
    TRY(read_bias(l, "metadata/bias2", h2, err));
    TRY(read_activation(l, err));
    TRY(read_matmul(l, "metadata/mul3", h2, &l->arch.trunk, err));
    l->n_values = n_values;
    l->n_pieces = n_pieces;
    tg_log(l->log, TG_LOG_WARN,
           "%s: its metadata encoder (player ranks and the like) is left out: the network will play "
           "without those inputs",
           l->s.path);
    return TG_OK;
}

static enum tg_status skip_placeholders(struct loader *l, int n, struct tg_error *err)
{
    int zero;

    for (int i = 0; i < n; i++)
        TRY(katago_int(&l->s, "a number reserved for later versions", 0, 0, &zero, err));
    return TG_OK;
}

static enum tg_status read_trunk(struct loader *l, bool metadata, struct tg_error *err)
{
    char name[KATAGO_TOKEN_MAX];
    int n_blocks, ignored, norm_kind;

    TRY(katago_token(&l->s, "the trunk", name, err));
    TRY(katago_int(&l->s, "blocks of the trunk", 1, NN_MAX_BLOCKS, &n_blocks, err));
    TRY(katago_int(&l->s, "channels of the trunk", 1, MAX_CHANNELS, &l->arch.trunk, err));
    for (int i = 0; i < 4; i++) /* of its blocks: mid, regular, dilated, pooled; blocks say it again */
        TRY(katago_int(&l->s, "channels of blocks", 0, MAX_CHANNELS, &ignored, err));
    if (l->version >= 15) {
        TRY(katago_int(&l->s, "kind of norm at the trunk's end", 0, 9, &norm_kind, err));
        if (norm_kind != 0)
            return FAIL(err, TG_EFORMAT, "%s: norm of kind %d at the trunk's end is not supported",
                        l->s.path, norm_kind);
        TRY(skip_placeholders(l, 5, err));
    }
    TRY(read_conv(l, "stem/conv", 0, l->arch.n_planes, &l->arch.trunk, err));
    TRY(read_matmul(l, "stem/globals", l->arch.n_globals, &l->arch.trunk, err));
    if (metadata)
        TRY(skip_metadata(l, err));
    TRY(read_blocks(l, n_blocks, l->arch.trunk, 0, err));
    return read_norm_act(l, "tip/norm", l->arch.trunk, err);
}

/* ---- the heads ------------------------------------------------------------------------------- */

static enum tg_status read_policy_head(struct loader *l, struct tg_error *err)
{
    struct nn_arch *a = &l->arch;
    char name[KATAGO_TOKEN_MAX];

    a->n_policy = l->version >= 16 ? 4 : l->version >= 12 ? 2 : 1;
    a->policy_role[0] = NN_POLICY_MOVE;
    a->policy_role[1] = NN_POLICY_OPTIMISTIC;
    a->policy_role[2] = a->policy_role[3] = NN_POLICY_OTHER;
    a->pass_hidden = l->version >= 15;
    for (int i = a->n_policy; i < NN_MAX_POLICY; i++)
        a->policy_role[i] = 0;

    TRY(katago_token(&l->s, "the policy head", name, err));
    TRY(read_conv(l, "policy/conv_p1", 1, a->trunk, &a->p1, err));
    TRY(read_conv(l, "policy/conv_g1", 1, a->trunk, &a->g1, err));
    TRY(read_norm_act(l, "policy/norm_g1", a->g1, err));
    TRY(read_matmul(l, "policy/gpool", 3 * a->g1, &a->p1, err));
    TRY(read_norm_act(l, "policy/norm_p1", a->p1, err));
    TRY(read_conv(l, "policy/conv_p2", 1, a->p1, &a->n_policy, err));
    if (!a->pass_hidden)
        return read_matmul(l, "policy/pass", 3 * a->g1, &a->n_policy, err);
    TRY(read_matmul(l, "policy/pass1", 3 * a->g1, &a->p1, err));
    TRY(read_bias(l, "policy/pass1/bias", a->p1, err));
    TRY(read_activation(l, err));
    return read_matmul(l, "policy/pass2", a->p1, &a->n_policy, err);
}

static enum tg_status read_value_head(struct loader *l, struct tg_error *err)
{
    struct nn_arch *a = &l->arch;
    char name[KATAGO_TOKEN_MAX];
    int n_value = NN_N_VALUE, one = 1;

    a->n_score = l->version >= 9 ? 6 : 4;
    TRY(katago_token(&l->s, "the value head", name, err));
    TRY(read_conv(l, "value/conv_v1", 1, a->trunk, &a->v1, err));
    TRY(read_norm_act(l, "value/norm_v1", a->v1, err));
    TRY(read_matmul(l, "value/fc2", 3 * a->v1, &a->v2, err));
    TRY(read_bias(l, "value/fc2/bias", a->v2, err));
    TRY(read_activation(l, err));
    TRY(read_matmul(l, "value/fc3", a->v2, &n_value, err));
    TRY(read_bias(l, "value/fc3/bias", n_value, err));
    TRY(read_matmul(l, "value/score", a->v2, &a->n_score, err));
    TRY(read_bias(l, "value/score/bias", a->n_score, err));
    return read_conv(l, "value/ownership", 1, a->v1, &one, err);
}

/* ---- the whole file -------------------------------------------------------------------------- */

static enum tg_status read_scales(struct loader *l, struct tg_error *err)
{
    struct nn_scales *s = &l->arch.scales;
    float *in_file_order[] = {&s->td_score, &s->score_mean, &s->score_stdev, &s->lead,
                              &s->variance_time, &s->value_error, &s->score_error};

    *s = nn_scales_default;
    if (l->version >= 13)
        for (size_t i = 0; i < sizeof in_file_order / sizeof *in_file_order; i++) {
            TRY(katago_real(&l->s, "a scale of the outputs", in_file_order[i], err));
            if (*in_file_order[i] <= 0)
                return FAIL(err, TG_EFORMAT, "%s: scale %zu of the outputs is %g: not positive",
                            l->s.path, i, (double)*in_file_order[i]);
        }
    return TG_OK;
}

static enum tg_status read_header(struct loader *l, char name[NN_NAME_MAX], bool *metadata,
                                  struct tg_error *err)
{
    char token[KATAGO_TOKEN_MAX];
    int meta_version = 0;
    struct game go;

    TRY(katago_token(&l->s, "the network's name", token, err));
    if (strlen(token) >= NN_NAME_MAX)
        return FAIL(err, TG_EFORMAT, "%s: name of more than %d letters", l->s.path, NN_NAME_MAX - 1);
    memcpy(name, token, strlen(token) + 1);
    TRY(katago_int(&l->s, "version", 0, 9999, &l->version, err));
    if (l->version < OLDEST || l->version > NEWEST)
        return FAIL(err, TG_EFORMAT,
                    "%s: KataGo network of version %d; versions %d to %d are supported", l->s.path,
                    l->version, (int)OLDEST, (int)NEWEST);
    TRY(katago_int(&l->s, "input planes", 1, 999, &l->arch.n_planes, err));
    TRY(katago_int(&l->s, "global inputs", 1, 999, &l->arch.n_globals, err));
    TRY(game_init(&go, GAME_GO, GAME_MAX_SIZE, 0, err));
    if (l->arch.n_planes != go.n_planes || l->arch.n_globals != go.n_globals)
        return FAIL(err, TG_EFORMAT, "%s: %d input planes and %d globals, not %d and %d", l->s.path,
                    l->arch.n_planes, l->arch.n_globals, go.n_planes, go.n_globals);
    TRY(read_scales(l, err));
    if (l->version >= 15) {
        TRY(katago_int(&l->s, "version of the metadata encoder", 0, 1, &meta_version, err));
        TRY(skip_placeholders(l, 7, err)); /* the first would ask for other pass-alive inputs */
    }
    *metadata = meta_version > 0;
    return TG_OK;
}

/* One piece to its place, in our order of axes. */
static void place(const struct piece *p, const float *values, float *to)
{
    const float *from = values + p->at;

    if (p->kind != NN_TENSOR_CONV) {
        memcpy(to, from, p->n * sizeof *to);
        return;
    }
    size_t n_out = (size_t)p->dims[0], n_in = (size_t)p->dims[1];
    size_t area = (size_t)p->dims[2] * (size_t)p->dims[3];

    for (size_t yx = 0; yx < area; yx++) /* the file has [y][x][in][out] */
        for (size_t i = 0; i < n_in; i++)
            for (size_t o = 0; o < n_out; o++)
                to[(o * n_in + i) * area + yx] = *from++;
}

/* Fill m->params from the pieces. Every tensor gets exactly one. */
static enum tg_status place_all(const struct loader *l, struct nn_model *m, struct tg_error *err)
{
    size_t n_placed = 0;

    for (size_t i = 0; i < l->n_pieces; i++) {
        const struct piece *p = &l->pieces[i];
        const struct nn_tensor *t = nn_layout_find(&m->layout, p->tensor);

        if (t == NULL || t->n != p->n || t->kind != p->kind ||
            memcmp(t->dims, p->dims, sizeof p->dims) != 0)
            return FAIL(err, TG_EFORMAT, "%s: tensor %s [%d %d %d %d] has no place in this network",
                        l->s.path, p->tensor, p->dims[0], p->dims[1], p->dims[2], p->dims[3]);
        place(p, l->values, m->params + t->offset);
        n_placed += p->n;
    }
    if (n_placed != m->layout.n_params || l->n_pieces != (size_t)m->layout.n_tensors)
        return FAIL(err, TG_EFORMAT, "%s: %zu of %zu parameters", l->s.path, n_placed,
                    m->layout.n_params);
    return TG_OK;
}

static enum tg_status load(struct loader *l, struct nn_model *m, struct tg_error *err)
{
    bool metadata = false;

    TRY(read_header(l, m->name, &metadata, err));
    TRY(read_trunk(l, metadata, err));
    TRY(read_policy_head(l, err));
    TRY(read_value_head(l, err));
    TRY(katago_end(&l->s, err));

    l->arch.source_version = l->version;
    snprintf(l->arch.name, sizeof l->arch.name, "custom");
    if (nn_arch_check(&l->arch, err) != TG_OK) {
        struct tg_error why = *err;

        return FAIL(err, TG_EFORMAT, "%s: %.500s", l->s.path, why.text);
    }
    m->arch = l->arch;
    m->game = GAME_GO;
    m->size = GAME_MAX_SIZE;
    TRY(nn_layout_open(&m->arch, &m->layout, err));
    m->params = malloc(m->layout.n_params * sizeof *m->params);
    if (m->params == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %zu parameters", l->s.path, m->layout.n_params);
    TRY(place_all(l, m, err));
    m->hash = nn_model_hash(m);
    return TG_OK;
}

enum tg_status katago_parse(const uint8_t *bytes, size_t n, const char *path, struct nn_model *m,
                            struct tg_log *log, struct tg_error *err)
{
    struct loader l = {.log = log, .arch.activation = -1};
    enum tg_status rc;

    memset(m, 0, sizeof *m);
    TRY_OUT(katago_open(&l.s, bytes, n, path, err));
    TRY_OUT(load(&l, m, err));
out:
    katago_close(&l.s);
    free(l.values);
    free(l.pieces);
    if (rc != TG_OK)
        nn_model_close(m);
    return rc;
}
