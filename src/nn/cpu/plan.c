/* plan.c - walk the parameter table once, in its order, and note where everything is. */
#include "plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../layout.h"
#include "gemm.h"

struct builder {
    struct cpu_plan *plan;
    int next; /* tensor of the layout */
};

static const struct nn_tensor *take(struct builder *b)
{
    assert(b->next < b->plan->layout.n_tensors);
    return &b->plan->layout.tensors[b->next++];
}

static void widest(struct builder *b, int n_blocks)
{
    if (n_blocks > b->plan->max_blocks)
        b->plan->max_blocks = n_blocks;
}

static void add_part(struct cpu_conv *c, const struct nn_tensor *t)
{
    c->part[c->n_parts].offset = t->offset;
    c->part[c->n_parts].n_out = t->dims[0];
    c->part[c->n_parts].block = c->n_out_blocks;
    c->n_parts++;
    c->n_out_blocks += blocks_of(t->dims[0]);
}

/* Room in the packed copy, in multiples of 64 bytes. */
static size_t packed(struct builder *b, size_t n)
{
    size_t at = b->plan->n_packed;

    b->plan->n_packed += (n + 15) / 16 * 16;
    return at;
}

/* A convolution of the next tensors. */
static void take_conv(struct builder *b, int n_parts, struct cpu_conv *c)
{
    for (int i = 0; i < n_parts; i++) {
        const struct nn_tensor *t = take(b);

        c->k = t->dims[2];
        c->n_in = t->dims[1];
        add_part(c, t);
    }
    c->n_in_blocks = blocks_of(c->n_in);
    int positions = b->plan->wino.n * b->plan->wino.n;
    size_t matrices = c->k == 3
                          ? (size_t)positions * winograd_matrix(c->n_in_blocks, c->n_out_blocks)
                          : (size_t)(c->k * c->k) * gemm_packed(c->n_in_blocks, c->n_out_blocks);

    c->forward = packed(b, matrices);
    c->backward = b->plan->train ? packed(b, matrices) : 0;
    widest(b, c->n_in_blocks);
    widest(b, c->n_out_blocks);
    if (matrices > b->plan->max_filter)
        b->plan->max_filter = matrices;
}

static void take_norm(struct builder *b, struct cpu_norm *n)
{
    const struct nn_tensor *scale = take(b), *bias = take(b);

    n->n = scale->dims[0];
    n->n_blocks = blocks_of(n->n);
    n->scale = scale->offset;
    n->bias = bias->offset;
    n->packed = packed(b, (size_t)n->n_blocks * 16);
}

static int take_block(struct builder *b, int at, int width, int depth)
{
    const struct nn_block *spec = &b->plan->arch.blocks[at];
    struct cpu_block *k = &b->plan->blocks[at];
    int next = at + 1;

    k->kind = spec->kind;
    k->n_inner = spec->n_inner;
    k->width = width;
    k->mid = spec->mid;
    k->gpool = spec->gpool;
    k->depth = depth;
    if (depth > b->plan->max_depth)
        b->plan->max_depth = depth;
    take_norm(b, &k->norm1);
    switch ((enum nn_block_kind)spec->kind) {
    case NN_BLOCK_RESIDUAL:
        take_conv(b, 1, &k->conv1);
        break;
    case NN_BLOCK_GPOOL:
        take_conv(b, 2, &k->conv1);
        take_norm(b, &k->normg);
        k->pool_matmul = take(b)->offset;
        break;
    case NN_BLOCK_NESTED:
        take_conv(b, 1, &k->conv1);
        for (int i = 0; i < k->n_inner; i++)
            next = take_block(b, next, k->mid, depth + 1);
        break;
    }
    take_norm(b, &k->norm2);
    take_conv(b, 1, &k->conv2);
    k->span = next - at;
    return next;
}

/* p1 and g1 are neighbours in the table; v1 joins them in one convolution when its turn comes, so
 * its place in the packed copy is only then known. */
static void take_heads(struct builder *b, struct cpu_heads *h)
{
    const struct nn_arch *a = &b->plan->arch;

    take_norm(b, &h->tip);
    const struct nn_tensor *p1 = take(b), *g1 = take(b);
    take_norm(b, &h->norm_g1);
    h->gpool = take(b)->offset;
    take_norm(b, &h->norm_p1);
    take_conv(b, 1, &h->conv_p2);
    if (a->pass_hidden) {
        h->pass1 = take(b)->offset;
        h->pass1_bias = take(b)->offset;
        h->pass2 = take(b)->offset;
    } else {
        h->pass = take(b)->offset;
    }
    add_part(&h->conv, p1);
    add_part(&h->conv, g1);
    take_conv(b, 1, &h->conv); /* v1 */
    take_norm(b, &h->norm_v1);
    h->fc2 = take(b)->offset;
    h->fc2_bias = take(b)->offset;
    h->fc3 = take(b)->offset;
    h->fc3_bias = take(b)->offset;
    h->score = take(b)->offset;
    h->score_bias = take(b)->offset;
    take_conv(b, 1, &h->ownership);
    assert(b->next == b->plan->layout.n_tensors);
}

/* The tiling with the fewest multiplications. */
static struct winograd choose_tiling(int size)
{
    struct winograd best = {0};

    for (int m = 3; m <= 4; m++) {
        struct winograd w = {.m = m, .n = m + 2, .side = (size + m - 1) / m};

        w.tiles = w.side * w.side;
        w.padded = w.side * m + 2;
        if (best.m == 0 || w.tiles * w.n * w.n < best.tiles * best.n * best.n)
            best = w;
    }
    return best;
}

enum tg_status plan_open(const struct nn_arch *arch, int size, bool train, struct cpu_plan *p,
                         struct tg_error *err)
{
    struct builder b = {.plan = p};

    memset(p, 0, sizeof *p);
    if (size < 2 || size > GAME_MAX_SIZE)
        return FAIL(err, TG_EINVAL, "board side %d: not in 2..%d", size, GAME_MAX_SIZE);
    TRY(nn_layout_open(arch, &p->layout, err));
    p->arch = *arch;
    p->size = size;
    p->points = size * size;
    p->train = train;
    for (int s = 0; s < GAME_SYMMETRIES; s++)
        for (int i = 0; i < p->points; i++)
            p->turned[s][i] = (uint16_t)game_symmetry(size, s, i);
    p->wino = choose_tiling(size);
    p->blocks = calloc((size_t)arch->n_blocks + 1, sizeof *p->blocks);
    if (p->blocks == NULL) {
        plan_close(p);
        return FAIL(err, TG_ENOMEM, "no memory for a network of %d blocks", arch->n_blocks);
    }
    take_conv(&b, 1, &p->stem);
    p->globals = take(&b)->offset;
    for (int at = 0; at < arch->n_blocks;)
        at = take_block(&b, at, arch->trunk, 0);
    take_heads(&b, &p->heads);
    return TG_OK;
}

void plan_close(struct cpu_plan *p)
{
    nn_layout_close(&p->layout);
    free(p->blocks);
    memset(p, 0, sizeof *p);
}

void plan_convs(const struct cpu_plan *p, void (*visit)(void *ctx, const struct cpu_conv *c),
                void *ctx)
{
    visit(ctx, &p->stem);
    for (int at = 0; at < p->arch.n_blocks; at++) {
        visit(ctx, &p->blocks[at].conv1);
        visit(ctx, &p->blocks[at].conv2);
    }
    visit(ctx, &p->heads.conv);
    visit(ctx, &p->heads.conv_p2);
    visit(ctx, &p->heads.ownership);
}

void plan_norms(const struct cpu_plan *p, void (*visit)(void *ctx, const struct cpu_norm *n),
                void *ctx)
{
    for (int at = 0; at < p->arch.n_blocks; at++) {
        visit(ctx, &p->blocks[at].norm1);
        visit(ctx, &p->blocks[at].norm2);
        if (p->blocks[at].kind == NN_BLOCK_GPOOL)
            visit(ctx, &p->blocks[at].normg);
    }
    visit(ctx, &p->heads.tip);
    visit(ctx, &p->heads.norm_g1);
    visit(ctx, &p->heads.norm_p1);
    visit(ctx, &p->heads.norm_v1);
}
