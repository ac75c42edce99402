/* lane.c - allocate a lane. Border and padding must be 0, so everything starts as 0. */
#include "lane.h"

#include <stdlib.h>
#include <string.h>

#include "winograd.h"

static void *take(struct lane *l, size_t bytes)
{
    if (l->n_owned == l->max_owned) {
        int max = l->max_owned * 2 + 64;
        void **grown = realloc(l->owned, (size_t)max * sizeof *grown);

        l->failed |= grown == NULL;
        if (grown == NULL)
            return NULL;
        l->owned = grown;
        l->max_owned = max;
    }
    bytes = (bytes + 127) / 64 * 64;
    void *p = aligned_alloc(64, bytes);

    l->failed |= p == NULL;
    if (p != NULL) {
        memset(p, 0, bytes);
        l->owned[l->n_owned++] = p;
    }
    return p;
}

static float *floats(struct lane *l, size_t n) { return take(l, n * sizeof(float)); }
static float *tensor(struct lane *l, int n_blocks) { return floats(l, (size_t)n_blocks * l->stride); }
static float *per_row(struct lane *l, int n) { return floats(l, (size_t)l->cap * (size_t)n); }

static void take_common(struct lane *l)
{
    const struct cpu_plan *p = l->plan;
    const struct nn_arch *a = &p->arch;
    size_t border = (size_t)(p->size + p->stem.k - 1);
    size_t domain = winograd_tensor(&p->wino, p->max_blocks, winograd_rows(&p->wino, l->cap));

    l->mask = per_row(l, p->points);
    l->area = per_row(l, 1);
    l->input = tensor(l, p->stem.n_in_blocks);
    l->globals = per_row(l, a->n_globals);
    l->act = tensor(l, p->max_blocks);
    l->heads = tensor(l, p->heads.conv.n_out_blocks);
    l->logits = tensor(l, 1);
    l->own = tensor(l, 1);
    l->pooled = per_row(l, 3 * p->max_blocks * 8);
    l->pooled_g = per_row(l, 3 * a->g1);
    l->pooled_v = per_row(l, 3 * a->v1);
    l->top_g = take(l, (size_t)l->cap * (size_t)a->g1 * sizeof *l->top_g);
    l->row_bias = per_row(l, p->max_blocks * 8);
    l->pass_hidden = per_row(l, a->p1);
    l->pass = per_row(l, 8);
    l->fc2 = per_row(l, a->v2);
    l->value = per_row(l, 4);
    l->score = per_row(l, 8);
    l->pad = floats(l, (size_t)(p->wino.padded * p->wino.padded) * 8);
    l->pad_direct = floats(l, border * border * 8 * (size_t)p->stem.n_in_blocks);
    l->tiles_in = floats(l, domain);
    l->tiles_out = floats(l, domain);
}

static void take_inference(struct lane *l)
{
    for (int d = 0; d <= l->plan->max_depth; d++)
        l->stream[d] = tensor(l, l->plan->max_blocks);
    l->raw = tensor(l, l->plan->max_blocks);
}

static void take_saved(struct lane *l)
{
    const struct cpu_plan *p = l->plan;

    l->saved = take(l, ((size_t)p->arch.n_blocks + 1) * sizeof *l->saved);
    if (l->saved == NULL)
        return;
    for (int at = 0; at < p->arch.n_blocks; at++) {
        const struct cpu_block *k = &p->blocks[at];
        struct saved_block *s = &l->saved[at];

        s->out = tensor(l, blocks_of(k->width));
        *(k->kind == NN_BLOCK_NESTED ? &s->inner : &s->raw) = tensor(l, k->conv1.n_out_blocks);
        if (k->kind == NN_BLOCK_GPOOL) {
            s->pooled = per_row(l, 3 * k->gpool);
            s->top = take(l, (size_t)l->cap * (size_t)k->gpool * sizeof *s->top);
        }
    }
}

static void take_training(struct lane *l)
{
    const struct cpu_plan *p = l->plan;
    const struct nn_arch *a = &p->arch;

    l->stem_out = tensor(l, blocks_of(a->trunk));
    for (int d = 0; d <= p->max_depth; d++)
        l->grad_stream[d] = tensor(l, p->max_blocks);
    l->grad_raw = tensor(l, p->max_blocks);
    l->grad_heads = tensor(l, p->heads.conv.n_out_blocks);
    l->grad_logits = tensor(l, 1);
    l->grad_own = tensor(l, 1);
    l->grad_filter = floats(l, p->max_filter);
    l->grad_flat = floats(l, 16 * 9 * 8 * (size_t)p->max_blocks);
    l->grad_pad = floats(l, (size_t)(p->wino.padded * p->wino.padded) * 8);
    l->grad_pass = per_row(l, 8);
    l->grad_value = per_row(l, 4);
    l->grad_score = per_row(l, 8);
    l->grad_fc2 = per_row(l, a->v2);
    l->grad_hidden = per_row(l, a->p1);
    l->grad_pooled = per_row(l, 3 * p->max_blocks * 8);
    l->grad_pooled_v = per_row(l, 3 * a->v1);
    l->grad_row_bias = per_row(l, p->max_blocks * 8);
    l->grads = floats(l, p->layout.n_params);
}

int lane_rows(const struct cpu_plan *plan)
{
    enum { TILES = 80, MOST = 32 };
    int rows = (TILES + plan->wino.tiles - 1) / plan->wino.tiles;

    return rows > MOST ? MOST : rows;
}

enum tg_status lane_open(const struct cpu_plan *plan, const float *params, const float *packed,
                         int cap, bool train, struct lane *l, struct tg_error *err)
{
    memset(l, 0, sizeof *l);
    l->plan = plan;
    l->params = params;
    l->packed = packed;
    l->cap = cap;
    l->stride = (size_t)(cap * plan->points) * 8 + 16; /* never a power of two: cache sets */
    take_common(l);
    if (train) {
        take_saved(l);
        take_training(l);
    } else {
        take_inference(l);
    }
    if (l->failed) {
        lane_close(l);
        return FAIL(err, TG_ENOMEM, "no memory for the activations of %d rows", cap);
    }
    return TG_OK;
}

void lane_close(struct lane *l)
{
    for (int i = 0; i < l->n_owned; i++)
        free(l->owned[i]);
    free(l->owned);
    memset(l, 0, sizeof *l);
}
