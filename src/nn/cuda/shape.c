/* shape.c - walk the parameter table once, in its order. */
#include "shape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 64 }; /* elements between packed filters: 128 bytes in half precision */

struct builder {
    struct net_shape *s;
    int next; /* tensor of the layout */
};

static const struct nn_tensor *take(struct builder *b)
{
    assert(b->next < b->s->layout.n_tensors);
    return &b->s->layout.tensors[b->next++];
}

static int64_t take_offset(struct builder *b) { return (int64_t)take(b)->offset; }

static void at_least(int *most, int n)
{
    if (n > *most)
        *most = n;
}

static void add_part(struct conv_map *m, const struct nn_tensor *t)
{
    m->part[m->n_parts].offset = (int64_t)t->offset;
    m->part[m->n_parts].n_out = t->dims[0];
    m->part[m->n_parts].at = m->n_out;
    m->n_parts++;
    m->k = t->dims[2];
    m->real_in = t->dims[1];
    m->n_in = padded(t->dims[1]);
    m->n_out += padded(t->dims[0]);
}

/* The map's place, once all its parts are there; returns its index. */
static int place_map(struct builder *b, struct conv_map m)
{
    struct net_shape *s = b->s;

    m.packed = s->n_filters;
    int64_t n = conv_map_elements(&m);

    s->n_filters += (n + ALIGN - 1) / ALIGN * ALIGN;
    at_least(&s->max_out, m.n_out);
    at_least(&s->max_channels, m.n_in);
    at_least(&s->max_channels, m.n_out);
    s->maps[s->n_maps] = m;
    return s->n_maps++;
}

static int take_conv(struct builder *b, int n_parts)
{
    struct conv_map m = {0};

    while (n_parts-- > 0)
        add_part(&m, take(b));
    return place_map(b, m);
}

static int take_norm(struct builder *b)
{
    struct net_shape *s = b->s;
    const struct nn_tensor *scale = take(b), *bias = take(b);
    struct norm_map *n = &s->norms[s->n_norms];

    n->scale = (int64_t)scale->offset;
    n->bias = (int64_t)bias->offset;
    n->n = scale->dims[0];
    n->channels = padded(n->n);
    n->packed = s->n_packed_norms;
    s->n_packed_norms += 2 * (int64_t)n->channels;
    return s->n_norms++;
}

static int take_block(struct builder *b, int at, int width, int depth)
{
    const struct nn_block *spec = &b->s->arch.blocks[at];
    struct shape_block *k = &b->s->blocks[at];
    int next = at + 1;

    *k = (struct shape_block){.kind = spec->kind, .n_inner = spec->n_inner, .depth = depth,
                              .width = width, .mid = spec->mid, .gpool = spec->gpool, .normg = -1};
    at_least(&b->s->max_depth, depth);
    k->norm1 = take_norm(b);
    k->conv1 = take_conv(b, spec->kind == NN_BLOCK_GPOOL ? 2 : 1);
    if (spec->kind == NN_BLOCK_GPOOL) {
        k->normg = take_norm(b);
        k->pool_matmul = take_offset(b);
        at_least(&b->s->max_pooled, 3 * k->gpool);
    }
    for (int i = 0; spec->kind == NN_BLOCK_NESTED && i < k->n_inner; i++)
        next = take_block(b, next, k->mid, depth + 1);
    k->norm2 = take_norm(b);
    k->conv2 = take_conv(b, 1);
    k->span = next - at;
    return next;
}

static void take_heads(struct builder *b)
{
    const struct nn_arch *a = &b->s->arch;
    struct shape_heads *h = &b->s->heads;
    struct conv_map common = {0};

    h->tip = take_norm(b);
    add_part(&common, take(b)); /* p1 */
    add_part(&common, take(b)); /* g1 */
    h->norm_g1 = take_norm(b);
    h->gpool = take_offset(b);
    h->norm_p1 = take_norm(b);
    h->conv_p2 = take_offset(b);
    if (a->pass_hidden) {
        h->pass1 = take_offset(b);
        h->pass1_bias = take_offset(b);
        h->pass2 = take_offset(b);
    } else {
        h->pass = take_offset(b);
    }
    add_part(&common, take(b)); /* v1 */
    h->conv = place_map(b, common);
    h->norm_v1 = take_norm(b);
    h->fc2 = take_offset(b);
    h->fc2_bias = take_offset(b);
    h->fc3 = take_offset(b);
    h->fc3_bias = take_offset(b);
    h->score = take_offset(b);
    h->score_bias = take_offset(b);
    h->ownership = take_offset(b);
    assert(b->next == b->s->layout.n_tensors);
    at_least(&b->s->max_pooled, 3 * a->g1);
    at_least(&b->s->max_pooled, 3 * a->v1);
}

enum tg_status net_shape_open(const struct nn_arch *arch, int size, struct net_shape *s,
                              struct tg_error *err)
{
    struct builder b = {.s = s};

    memset(s, 0, sizeof *s);
    if (size < 2 || size > GAME_MAX_SIZE)
        return FAIL(err, TG_EINVAL, "board side %d: not in 2..%d", size, GAME_MAX_SIZE);
    TRY(nn_layout_open(arch, &s->layout, err));
    s->arch = *arch;
    s->size = size;
    s->points = size * size;
    s->maps = calloc((size_t)s->layout.n_tensors, sizeof *s->maps);
    s->norms = calloc((size_t)s->layout.n_tensors, sizeof *s->norms);
    s->blocks = calloc((size_t)arch->n_blocks + 1, sizeof *s->blocks);
    if (s->maps == NULL || s->norms == NULL || s->blocks == NULL) {
        net_shape_close(s);
        return FAIL(err, TG_ENOMEM, "no memory for a network of %d blocks", arch->n_blocks);
    }
    s->stem = take_conv(&b, 1);
    s->globals = take_offset(&b);
    for (int at = 0; at < arch->n_blocks;)
        at = take_block(&b, at, arch->trunk, 0);
    take_heads(&b);
    return TG_OK;
}

void net_shape_close(struct net_shape *s)
{
    nn_layout_close(&s->layout);
    free(s->maps);
    free(s->norms);
    free(s->blocks);
    memset(s, 0, sizeof *s);
}
