/* buffers.c - where the tensors of a pass are: one allocation, laid out twice (counted, then placed). */
#include <stdlib.h>
#include <string.h>

#include "net.h"

enum { ALIGN = 256 };

struct layer {
    const struct net_shape *s;
    size_t element;  /* bytes of an activation */
    size_t rows, points;
    bool train;
    char *base;
    size_t used;
};

static void *take(struct layer *l, size_t bytes)
{
    void *p = l->base != NULL ? l->base + l->used : NULL; /* NULL: only counting */

    l->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

static void *tensor(struct layer *l, int channels)
{
    return take(l, l->rows * l->points * (size_t)padded(channels) * l->element);
}

static float *floats(struct layer *l, size_t per_row) { return take(l, l->rows * per_row * sizeof(float)); }

static int16_t *places(struct layer *l, int per_row)
{
    return take(l, l->rows * (size_t)per_row * sizeof(int16_t));
}

/* Partial sums of a norm's gradients, and of n_grads rows of weights: per tile or per row. */
static float *tiles(struct layer *l, int channels)
{
    int n = norm_backward_tiles((int)l->rows, (int)l->points, padded(channels));

    return take(l, (size_t)n * 2 * (size_t)padded(channels) * sizeof(float));
}

static float *row_tiles(struct layer *l, int channels, int n_grads)
{
    return floats(l, (size_t)(2 + n_grads) * (size_t)padded(channels));
}

/* ---- inference: two streams a depth take turns ---------------------------------------------------- */

struct shared {
    void *stream[10][2], *u[10], *v, *z;
    float *pooled, *row_bias;
};

static int depth_width(const struct net_shape *s, int depth)
{
    int width = s->arch.trunk;

    for (int at = 0; at < s->arch.n_blocks; at++) {
        const struct shape_block *k = &s->blocks[at];

        if (k->depth == depth && k->width > width)
            width = k->width;
        if (k->kind == NN_BLOCK_NESTED && k->depth + 1 == depth && k->mid > width)
            width = k->mid;
    }
    return width;
}

static void take_shared(struct layer *l, struct shared *h)
{
    const struct net_shape *s = l->s;

    for (int d = 0; d <= s->max_depth; d++) {
        for (int i = 0; i < 2; i++)
            h->stream[d][i] = tensor(l, depth_width(s, d));
        h->u[d] = tensor(l, depth_width(s, d));
    }
    h->v = tensor(l, s->max_channels);
    h->z = tensor(l, s->max_channels);
    h->pooled = floats(l, (size_t)s->max_pooled);
    h->row_bias = floats(l, (size_t)s->max_channels);
}

/* The list of blocks [at, end) at one depth; the stream stands in h->stream[depth][turn]. */
static void share_list(const struct layer *l, const struct shared *h, int at, int end, int depth,
                       struct pass_buffers *b)
{
    for (int turn = 0; at < end; at += l->s->blocks[at].span, turn = !turn) {
        const struct shape_block *k = &l->s->blocks[at];
        bool last = at + k->span >= end, nested = k->kind == NN_BLOCK_NESTED;
        struct block_buffers *m = &b->blocks[at];

        m->u = h->u[depth];
        m->v = nested ? h->u[depth + 1] : h->v;
        m->z = nested ? h->stream[depth + 1][0] : k->kind == NN_BLOCK_GPOOL ? h->z : NULL;
        m->out = last ? NULL : h->stream[depth][!turn];
        m->pooled = h->pooled;
        m->row_bias = h->row_bias;
        if (nested)
            share_list(l, h, at + 1, at + k->span, depth + 1, b);
    }
}

static void place_inference(struct layer *l, struct pass_buffers *b)
{
    struct shared h = {0};
    const struct net_shape *s = l->s;

    take_shared(l, &h);
    b->stem = s->arch.n_blocks > 0 ? h.stream[0][0] : NULL;
    share_list(l, &h, 0, s->arch.n_blocks, 0, b);
    b->heads.u = h.u[0];
}

/* ---- training: everything is kept ----------------------------------------------------------------- */

static void place_block(struct layer *l, int at, struct pass_buffers *b)
{
    const struct shape_block *k = &l->s->blocks[at];
    struct block_buffers *m = &b->blocks[at];

    m->u = tensor(l, k->width);
    m->z = tensor(l, l->s->maps[k->conv1].n_out);
    m->v = tensor(l, k->mid);
    m->out = tensor(l, k->width);
    m->partial1 = tiles(l, k->width);
    if (k->kind != NN_BLOCK_GPOOL) {
        m->partial2 = tiles(l, k->mid);
        return;
    }
    m->partial2 = row_tiles(l, k->mid, 0);
    m->partialg = row_tiles(l, k->gpool, 0);
    m->pooled = floats(l, 3 * (size_t)k->gpool);
    m->row_bias = floats(l, (size_t)padded(k->mid));
    m->top = places(l, k->gpool);
}

static void place_head_gradients(struct layer *l, struct head_buffers *h)
{
    const struct nn_arch *a = &l->s->arch;

    h->logits = floats(l, l->points * (size_t)a->n_policy);
    h->raw_ownership = floats(l, l->points);
    h->d_logits = floats(l, l->points * (size_t)a->n_policy);
    h->d_pass = floats(l, (size_t)a->n_policy);
    h->d_value = floats(l, NN_N_VALUE);
    h->d_score = floats(l, (size_t)a->n_score);
    h->d_ownership = floats(l, l->points);
    h->d_row_bias = floats(l, (size_t)padded(a->p1));
    h->d_hidden = floats(l, (size_t)a->p1);
    h->d_fc2 = floats(l, (size_t)a->v2);
    h->d_pooled_g = floats(l, 3 * (size_t)a->g1);
    h->d_pooled_v = floats(l, 3 * (size_t)a->v1);
    h->d_z = tensor(l, l->s->maps[l->s->heads.conv].n_out);
    h->row_metrics = floats(l, NN_METRICS);
    h->partial_tip = tiles(l, a->trunk);
    h->partial_g1 = row_tiles(l, a->g1, 0);
    h->partial_p1 = row_tiles(l, a->p1, a->n_policy);
    h->partial_v1 = row_tiles(l, a->v1, 1);
}

static void place_training(struct layer *l, struct pass_buffers *b)
{
    const struct net_shape *s = l->s;

    b->stem = tensor(l, s->arch.trunk);
    b->heads.u = tensor(l, s->arch.trunk);
    for (int at = 0; at < s->arch.n_blocks; at++)
        place_block(l, at, b);
    for (int d = 0; d <= s->max_depth; d++)
        b->d_stream[d] = tensor(l, depth_width(s, d));
    b->d_mid = tensor(l, s->max_channels);
    b->d_in = tensor(l, s->max_channels);
    b->d_pooled = floats(l, (size_t)s->max_pooled);
    b->d_row_bias = floats(l, (size_t)s->max_channels);
    b->loss = take(l, sizeof *b->loss);
    place_head_gradients(l, &b->heads);
}

/* ---- both ----------------------------------------------------------------------------------------- */

static void place_common(struct layer *l, struct pass_buffers *b)
{
    const struct net_shape *s = l->s;
    const struct nn_arch *a = &s->arch;
    struct head_rows *r = &b->heads.rows;

    b->x = tensor(l, a->n_planes);
    b->mask = take(l, l->rows * l->points * l->element);
    b->area = floats(l, 1);
    b->stem_bias = floats(l, (size_t)padded(a->trunk));
    b->plain = tensor(l, s->max_channels);
    b->heads.z = tensor(l, s->maps[s->heads.conv].n_out);
    r->pooled_g = floats(l, 3 * (size_t)a->g1);
    r->pooled_v = floats(l, 3 * (size_t)a->v1);
    r->top_g = l->train ? places(l, a->g1) : NULL;
    r->row_bias = floats(l, (size_t)padded(a->p1));
    r->hidden = floats(l, (size_t)a->p1);
    r->hidden_act = floats(l, (size_t)a->p1);
    r->fc2 = floats(l, (size_t)a->v2);
    r->fc2_act = floats(l, (size_t)a->v2);
    r->pass = floats(l, (size_t)a->n_policy);
    r->value = floats(l, NN_N_VALUE);
    r->score = floats(l, (size_t)a->n_score);
}

enum tg_status pass_buffers_open(const struct net_shape *s, int precision, int rows, bool train, char *base,
                                 struct pass_buffers *b, size_t *bytes, struct tg_error *err)
{
    struct layer l = {.s = s, .element = precision_bytes(precision), .rows = (size_t)rows,
                      .points = (size_t)s->points, .train = train, .base = base};

    memset(b, 0, sizeof *b);
    b->blocks = calloc((size_t)s->arch.n_blocks + 1, sizeof *b->blocks);
    if (b->blocks == NULL)
        return FAIL(err, TG_ENOMEM, "the buffers of %d blocks", s->arch.n_blocks);
    place_common(&l, b);
    (train ? place_training : place_inference)(&l, b);
    *bytes = l.used;
    return TG_OK;
}

void pass_buffers_close(struct pass_buffers *b)
{
    free(b->blocks);
    memset(b, 0, sizeof *b);
}
