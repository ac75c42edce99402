/* layout.c - the table of named tensors: one walk through the network in the order of the forward
 * pass, from which size, table and cost are taken. */
#include "layout.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct walk {
    const struct nn_arch *arch;
    struct nn_tensor *tensors; /* NULL: only count */
    int n_tensors;
    size_t n_params;
    double spatial, once; /* multiplications per point and per row */
    bool head;
    float gain; /* that keeps the variance through the activation */
};

/* Names come from a prefix such as "block3" and the layer's own; n is a block's number or -1. */
static void add(struct walk *w, const char *prefix, int n, const char *name, enum nn_tensor_kind kind,
                const int dims[4], float std)
{
    size_t count = 1;

    for (int d = 0; d < 4; d++)
        count *= (size_t)dims[d];
    if (w->tensors != NULL) {
        struct nn_tensor *t = &w->tensors[w->n_tensors];

        if (n < 0)
            snprintf(t->name, sizeof t->name, "%s/%s", prefix, name);
        else
            snprintf(t->name, sizeof t->name, "%s%d/%s", prefix, n, name);
        t->kind = (uint8_t)kind;
        memcpy(t->dims, dims, sizeof t->dims);
        t->offset = w->n_params;
        t->n = count;
        t->init_std = std;
        t->decay = kind == NN_TENSOR_CONV || kind == NN_TENSOR_MATMUL;
        t->head = w->head;
    }
    w->n_tensors++;
    w->n_params += count;
    w->spatial += kind == NN_TENSOR_CONV ? (double)count : 0.0;
    w->once += kind == NN_TENSOR_MATMUL ? (double)count : 0.0;
}

/* scale: of the standard deviation that keeps the variance. */
static void conv(struct walk *w, const char *prefix, int n, const char *name, int in, int out,
                 int side, float scale)
{
    float fan_in = (float)(in * side * side);

    add(w, prefix, n, name, NN_TENSOR_CONV, (int[4]){out, in, side, side},
        scale * w->gain / sqrtf(fan_in));
}

static void matmul(struct walk *w, const char *prefix, int n, const char *name, int in, int out,
                   float scale)
{
    add(w, prefix, n, name, NN_TENSOR_MATMUL, (int[4]){in, out, 1, 1},
        scale * w->gain / sqrtf((float)in));
}

static void bias(struct walk *w, const char *prefix, int n, const char *name, int channels)
{
    add(w, prefix, n, name, NN_TENSOR_BIAS, (int[4]){channels, 1, 1, 1}, 0.0f);
}

static void norm(struct walk *w, const char *prefix, int n, const char *name, int channels)
{
    char part[32];

    snprintf(part, sizeof part, "%s/scale", name);
    add(w, prefix, n, part, NN_TENSOR_SCALE, (int[4]){channels, 1, 1, 1}, 0.0f);
    snprintf(part, sizeof part, "%s/bias", name);
    bias(w, prefix, n, part, channels);
}

/* One block on a stream of `width` channels and those inside it; returns the entry behind them.
 * fixup scales the branch so that the sum over all blocks keeps its variance while they learn; the
 * convolution that ends a branch starts at 0. */
static int block(struct walk *w, int at, int width, float fixup)
{
    const struct nn_block *b = &w->arch->blocks[at];
    int next = at + 1;

    norm(w, "block", at, "norm1", width);
    switch ((enum nn_block_kind)b->kind) {
    case NN_BLOCK_RESIDUAL:
        conv(w, "block", at, "conv1", width, b->mid, 3, fixup);
        norm(w, "block", at, "norm2", b->mid);
        conv(w, "block", at, "conv2", b->mid, width, 3, 0.0f);
        break;
    case NN_BLOCK_GPOOL:
        conv(w, "block", at, "conv1r", width, b->mid, 3, 0.8f * fixup);
        conv(w, "block", at, "conv1g", width, b->gpool, 3, sqrtf(0.6f * fixup));
        norm(w, "block", at, "normg", b->gpool);
        matmul(w, "block", at, "gpool", 3 * b->gpool, b->mid, sqrtf(0.6f * fixup));
        norm(w, "block", at, "norm2", b->mid);
        conv(w, "block", at, "conv2", b->mid, width, 3, 0.0f);
        break;
    case NN_BLOCK_NESTED: {
        float part = powf(fixup, 1.0f / (1.0f + (float)b->n_inner));

        conv(w, "block", at, "conv1", width, b->mid, 1, part);
        for (int k = 0; k < b->n_inner; k++)
            next = block(w, next, b->mid, part);
        norm(w, "block", at, "norm2", b->mid);
        conv(w, "block", at, "conv2", b->mid, width, 1, 0.0f);
        break;
    }
    }
    return next;
}

static void policy_head(struct walk *w)
{
    const struct nn_arch *a = w->arch;

    conv(w, "policy", -1, "conv_p1", a->trunk, a->p1, 1, 0.8f);
    conv(w, "policy", -1, "conv_g1", a->trunk, a->g1, 1, 1.0f);
    norm(w, "policy", -1, "norm_g1", a->g1);
    matmul(w, "policy", -1, "gpool", 3 * a->g1, a->p1, 0.6f);
    norm(w, "policy", -1, "norm_p1", a->p1);
    conv(w, "policy", -1, "conv_p2", a->p1, a->n_policy, 1, 0.3f / w->gain);
    if (a->pass_hidden) {
        matmul(w, "policy", -1, "pass1", 3 * a->g1, a->p1, 1.0f);
        bias(w, "policy", -1, "pass1/bias", a->p1);
        matmul(w, "policy", -1, "pass2", a->p1, a->n_policy, 0.3f / w->gain);
    } else {
        matmul(w, "policy", -1, "pass", 3 * a->g1, a->n_policy, 0.3f / w->gain);
    }
}

static void value_head(struct walk *w)
{
    const struct nn_arch *a = w->arch;

    conv(w, "value", -1, "conv_v1", a->trunk, a->v1, 1, 1.0f);
    norm(w, "value", -1, "norm_v1", a->v1);
    matmul(w, "value", -1, "fc2", 3 * a->v1, a->v2, 1.0f);
    bias(w, "value", -1, "fc2/bias", a->v2);
    matmul(w, "value", -1, "fc3", a->v2, NN_N_VALUE, 1.0f / w->gain);
    bias(w, "value", -1, "fc3/bias", NN_N_VALUE);
    matmul(w, "value", -1, "score", a->v2, a->n_score, 1.0f / w->gain);
    bias(w, "value", -1, "score/bias", a->n_score);
    conv(w, "value", -1, "ownership", a->v1, 1, 1, 0.2f / w->gain);
}

static float gain_of(int activation)
{
    switch ((enum nn_activation)activation) {
    case NN_MISH: return sqrtf(2.210277f);
    case NN_RELU:
    case NN_SILU: return sqrtf(2.0f);
    case NN_IDENTITY: break;
    }
    return 1.0f;
}

static void walk(struct walk *w, const struct nn_arch *a)
{
    int n_top = nn_arch_top_blocks(a);

    w->arch = a;
    w->gain = gain_of(a->activation);
    conv(w, "stem", -1, "conv", a->n_planes, a->trunk, a->stem, 0.8f);
    matmul(w, "stem", -1, "globals", a->n_globals, a->trunk, 0.6f);
    for (int at = 0; at < a->n_blocks;)
        at = block(w, at, a->trunk, 1.0f / sqrtf((float)n_top));
    norm(w, "tip", -1, "norm", a->trunk);
    w->head = true;
    policy_head(w);
    value_head(w);
}

int nn_arch_block_span(const struct nn_arch *arch, int at)
{
    int span = 1;

    if (arch->blocks[at].kind == NN_BLOCK_NESTED)
        for (int k = 0; k < arch->blocks[at].n_inner; k++)
            span += nn_arch_block_span(arch, at + span);
    return span;
}

int nn_arch_top_blocks(const struct nn_arch *arch)
{
    int n = 0;

    for (int at = 0; at < arch->n_blocks; at += nn_arch_block_span(arch, at))
        n++;
    return n;
}

size_t nn_layout_count(const struct nn_arch *arch)
{
    struct walk w = {0};

    walk(&w, arch);
    return w.n_params;
}

double nn_arch_flops(const struct nn_arch *arch, int size)
{
    struct walk w = {0};

    walk(&w, arch);
    return 2.0 * (w.spatial * size * size + w.once);
}

enum tg_status nn_layout_open(const struct nn_arch *arch, struct nn_layout *l, struct tg_error *err)
{
    struct walk count = {0}, fill = {0};

    memset(l, 0, sizeof *l);
    TRY(nn_arch_check(arch, err));
    walk(&count, arch);
    fill.tensors = calloc((size_t)count.n_tensors, sizeof *fill.tensors);
    if (fill.tensors == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a table of %d tensors", count.n_tensors);
    walk(&fill, arch);
    l->tensors = fill.tensors;
    l->n_tensors = fill.n_tensors;
    l->n_params = fill.n_params;
    return TG_OK;
}

void nn_layout_close(struct nn_layout *l)
{
    free(l->tensors);
    memset(l, 0, sizeof *l);
}

const struct nn_tensor *nn_layout_find(const struct nn_layout *l, const char *name)
{
    for (int i = 0; i < l->n_tensors; i++)
        if (strcmp(l->tensors[i].name, name) == 0)
            return &l->tensors[i];
    return NULL;
}
