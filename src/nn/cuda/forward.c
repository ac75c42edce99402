/* forward.c - the network from planes to outputs. Every stream position has two tensors: its raw sum,
 * and the activated input of whatever reads it next, both written by the convolution before. */
#include "net.h"

#include "cuda_call.h"

struct boards pass_boards(const struct pass *p)
{
    return (struct boards){.rows = p->rows, .points = p->net->shape.points, .mask = p->buf->mask,
                           .area = p->buf->area};
}

struct norm_ref pass_norm(const struct pass *p, int norm)
{
    const struct norm_map *n = &p->net->shape.norms[norm];
    const float *packed = p->net->packed_norms + n->packed;

    return (struct norm_ref){packed, packed + n->channels};
}

const float *pass_param(const struct pass *p, int64_t offset) { return p->net->params + offset; }

struct head_shape pass_head_shape(const struct pass *p)
{
    const struct nn_arch *a = &p->net->shape.arch;

    return (struct head_shape){.p1 = a->p1, .g1 = a->g1, .v1 = a->v1, .v2 = a->v2,
                               .n_policy = a->n_policy, .n_score = a->n_score, .act = a->activation,
                               .p1_channels = padded(a->p1), .pass_hidden = a->pass_hidden};
}

struct head_weights pass_head_weights(const struct pass *p)
{
    const struct shape_heads *h = &p->net->shape.heads;
    const float *w = p->net->params;

    return (struct head_weights){
        .gpool = w + h->gpool, .pass = w + h->pass, .pass1 = w + h->pass1,
        .pass1_bias = w + h->pass1_bias, .pass2 = w + h->pass2, .conv_p2 = w + h->conv_p2,
        .fc2 = w + h->fc2, .fc2_bias = w + h->fc2_bias, .fc3 = w + h->fc3, .fc3_bias = w + h->fc3_bias,
        .score = w + h->score, .score_bias = w + h->score_bias, .ownership = w + h->ownership};
}

void *pass_elements(const struct pass *p, void *tensor, int64_t n)
{
    return (char *)tensor + (size_t)n * precision_bytes(p->net->precision);
}

/* raw := conv(x) (+ row_bias) (+ add), where it is wanted; out := its norm, activated and masked (norm
 * -1: none). */
static enum tg_status conv_norm(struct pass *p, int map, void *x, float *row_bias, void *add, void *raw,
                                int norm, void *out, struct tg_error *err)
{
    void *w = pass_elements(p, p->net->filters, p->net->shape.maps[map].packed);
    void *pointers[CONV_TENSORS] = {[CONV_X] = x, [CONV_W] = w, [CONV_Y] = raw,
                                    [CONV_T_ROW_BIAS] = row_bias, [CONV_T_ADD] = add,
                                    [CONV_T_MASK] = p->buf->mask, [CONV_T_OUT] = out};
    int fusion = (row_bias != NULL ? CONV_ROW_BIAS : 0) | (add != NULL ? CONV_ADD : 0);

    if (norm >= 0) {
        struct norm_ref n = pass_norm(p, norm);

        fusion |= CONV_NORM | (raw != NULL ? CONV_RAW : 0);
        pointers[CONV_T_SCALE] = (void *)n.scale;
        pointers[CONV_T_BIAS] = (void *)n.bias;
    }
    struct conv_spec spec = conv_spec_of(p, CONV_FORWARD, map, fusion);

    return conv_run(p, &spec, pointers, err);
}

/* The pooled part of z becomes a bias on the regular part; v := that, activated. z stays
 * without it: the way back adds it again, in fp32 as here. */
static enum tg_status gpool_forward(struct pass *p, const struct shape_block *k,
                                    const struct block_buffers *m, struct tg_error *err)
{
    int regular = padded(k->mid), stride = regular + padded(k->gpool), act = p->net->shape.arch.activation;
    struct pool_dense_args pool = {
        .b = pass_boards(p),
        .pool = {.x = pass_elements(p, m->z, regular), .x_stride = stride, .channels = padded(k->gpool),
                 .n = k->gpool, .act = act, .norm = pass_norm(p, k->normg), .pooled = m->pooled,
                 .top = m->top},
        .weight = pass_param(p, k->pool_matmul), .n_out = k->mid, .stride = regular,
        .row_bias = m->row_bias};
    struct norm_forward_args norm = {
        .b = pass_boards(p), .channels = regular, .act = act, .in = m->z, .in_stride = stride,
        .row_bias = m->row_bias, .row_bias_stride = regular, .norm = pass_norm(p, k->norm2), .out = m->v};

    if (p->mode == PASS_COLLECT)
        return TG_OK;
    launch_pool(p->net->precision, &pool, p->stream);
    launch_norm_forward(p->net->precision, &norm, p->stream);
    LAUNCHED();
    return TG_OK;
}

/* Blocks [at, end) of one depth on stream x. On entry the first one's u is there; the last one leaves
 * `after`, the norm that follows it, in last_out. */
static enum tg_status blocks_forward(struct pass *p, int at, int end, void *x, int after, void *last_out,
                                     struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;

    for (int next; at < end; at = next) {
        const struct shape_block *k = &s->blocks[at];
        const struct block_buffers *m = &p->buf->blocks[at];

        next = at + k->span;
        switch ((enum nn_block_kind)k->kind) {
        case NN_BLOCK_RESIDUAL:
            TRY(conv_norm(p, k->conv1, m->u, NULL, NULL, m->z, k->norm2, m->v, err));
            break;
        case NN_BLOCK_GPOOL:
            TRY(conv_norm(p, k->conv1, m->u, NULL, NULL, m->z, -1, NULL, err));
            TRY(gpool_forward(p, k, m, err));
            break;
        case NN_BLOCK_NESTED:
            TRY(conv_norm(p, k->conv1, m->u, NULL, NULL, m->z, s->blocks[at + 1].norm1,
                          p->buf->blocks[at + 1].u, err));
            TRY(blocks_forward(p, at + 1, next, m->z, k->norm2, m->v, err));
            break;
        }
        bool last = next >= end;

        TRY(conv_norm(p, k->conv2, m->v, NULL, x, m->out, last ? after : s->blocks[next].norm1,
                      last ? last_out : p->buf->blocks[next].u, err));
        x = m->out;
    }
    return TG_OK;
}

static enum tg_status heads_forward(struct pass *p, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    const struct shape_heads *h = &s->heads;
    const struct conv_map *map = &s->maps[h->conv];
    struct head_buffers *m = &p->buf->heads;
    struct head_rows rows = m->rows;
    int act = s->arch.activation, g1 = map->part[1].at, v1 = map->part[2].at;

    TRY(conv_norm(p, h->conv, m->u, NULL, NULL, m->z, -1, NULL, err));
    if (p->mode == PASS_COLLECT)
        return TG_OK;
    if (!p->train) {
        rows.value = p->io->value;
        rows.score = p->io->score;
    }
    struct head_rows_args r = {
        .b = pass_boards(p), .shape = pass_head_shape(p), .w = pass_head_weights(p), .out = rows,
        .g = {.x = pass_elements(p, m->z, g1), .x_stride = map->n_out, .channels = v1 - g1,
              .n = s->arch.g1, .act = act, .norm = pass_norm(p, h->norm_g1), .pooled = rows.pooled_g,
              .top = rows.top_g},
        .v = {.x = pass_elements(p, m->z, v1), .x_stride = map->n_out, .channels = map->n_out - v1,
              .n = s->arch.v1, .act = act, .norm = pass_norm(p, h->norm_v1), .square = true,
              .pooled = rows.pooled_v}};
    struct head_points_args points = {
        .b = r.b, .shape = r.shape, .w = r.w, .p1 = m->z, .v1 = r.v.x, .stride = map->n_out,
        .row_bias = rows.row_bias, .pass = rows.pass, .norm_p1 = pass_norm(p, h->norm_p1),
        .norm_v1 = r.v.norm, .symmetry = p->io->symmetry,
        .to = p->net->turns + GAME_SYMMETRIES * s->points,
        .policy = p->train ? NULL : p->io->policy, .ownership = p->train ? NULL : p->io->ownership,
        .logits = m->logits, .raw_ownership = m->raw_ownership};

    launch_head_rows(p->net->precision, &r, p->stream);
    launch_head_points(p->net->precision, &points, p->stream);
    LAUNCHED();
    return TG_OK;
}

static enum tg_status input_forward(struct pass *p, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    const struct nn_arch *a = &s->arch;
    struct input_args input = {
        .rows = p->rows, .points = s->points, .n_planes = a->n_planes, .channels = padded(a->n_planes),
        .plane_bytes = (s->points + 7) / 8, .planes = p->io->planes, .symmetry = p->io->symmetry,
        .from = p->net->turns, .x = p->buf->x, .mask = p->buf->mask, .area = p->buf->area,
        .n_globals = a->n_globals, .n_out = a->trunk, .stride = padded(a->trunk), .globals = p->io->globals,
        .weight = pass_param(p, s->globals), .globals_bias = p->buf->stem_bias};

    launch_input(p->net->precision, &input, p->stream);
    LAUNCHED();
    return TG_OK;
}

enum tg_status pass_forward(struct pass *p, struct tg_error *err)
{
    const struct net_shape *s = &p->net->shape;
    bool blocks = s->arch.n_blocks > 0;

    if (p->mode == PASS_RUN)
        TRY(input_forward(p, err));
    TRY(conv_norm(p, s->stem, p->buf->x, p->buf->stem_bias, NULL, p->buf->stem,
                  blocks ? s->blocks[0].norm1 : s->heads.tip, blocks ? p->buf->blocks[0].u : p->buf->heads.u,
                  err));
    TRY(blocks_forward(p, 0, s->arch.n_blocks, p->buf->stem, s->heads.tip, p->buf->heads.u, err));
    return heads_forward(p, err);
}
