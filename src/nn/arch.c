/* arch.c - architectures: the presets, what makes one valid, what it costs. */
#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "tengen/nn.h"

enum { MAX_CHANNELS = 4096, MAX_HEAD = 2048, MAX_NESTING = 8 };
static const size_t MAX_PARAMS = (size_t)1 << 30;

/* A preset: n_blocks blocks; every gpool_every-th from gpool_first on has global pooling. */
struct preset {
    const char *name;
    int n_blocks, trunk, mid, gpool, gpool_first, gpool_every;
    int p1, g1, v1, v2;
    bool nested; /* n_blocks nested bottlenecks of two inner blocks; pooling in the first of them */
    int activation;
};

static const struct preset presets[] = {
    {"b2c16", 2, 16, 16, 8, 2, 8, 8, 8, 8, 16, false, NN_RELU},
    {"b3c32", 3, 32, 32, 16, 2, 8, 16, 16, 16, 24, false, NN_RELU},
    {"b4c48", 4, 48, 48, 16, 3, 8, 16, 16, 16, 32, false, NN_RELU},
    {"b5c64", 5, 64, 64, 16, 3, 8, 24, 24, 24, 48, false, NN_RELU},
    {"b6c96", 6, 96, 96, 32, 3, 2, 32, 32, 32, 64, false, NN_RELU},
    {"b10c128", 10, 128, 128, 32, 5, 3, 32, 32, 32, 80, false, NN_RELU},
    {"b15c192", 15, 192, 192, 64, 7, 5, 32, 32, 32, 96, false, NN_RELU},
    {"b20c256", 20, 256, 256, 64, 7, 5, 48, 48, 48, 112, false, NN_RELU},
    {"b40c256", 40, 256, 256, 64, 6, 5, 48, 48, 96, 128, false, NN_RELU},
    {"b18c384nbt", 18, 384, 192, 64, 3, 3, 48, 48, 96, 128, true, NN_MISH},
};
enum { N_PRESETS = sizeof presets / sizeof *presets };

/* The last block never pools: what it would gather reaches the heads' own pooling anyway. */
static bool pools(const struct preset *p, int block)
{
    return block >= p->gpool_first && (block - p->gpool_first) % p->gpool_every == 0 &&
           (block < p->n_blocks || p->n_blocks == 2);
}

static struct nn_block plain_block(int mid)
{
    return (struct nn_block){.kind = NN_BLOCK_RESIDUAL, .mid = (uint16_t)mid};
}

static struct nn_block gpool_block(int mid, int gpool)
{
    return (struct nn_block){
        .kind = NN_BLOCK_GPOOL, .mid = (uint16_t)(mid - gpool), .gpool = (uint16_t)gpool};
}

static void fill_blocks(const struct preset *p, struct nn_arch *a)
{
    for (int b = 1; b <= p->n_blocks; b++) {
        if (p->nested)
            a->blocks[a->n_blocks++] = (struct nn_block){
                .kind = NN_BLOCK_NESTED, .n_inner = 2, .mid = (uint16_t)p->mid};
        a->blocks[a->n_blocks++] =
            pools(p, b) ? gpool_block(p->mid, p->gpool) : plain_block(p->mid);
        if (p->nested)
            a->blocks[a->n_blocks++] = plain_block(p->mid);
    }
}

static void list_presets(char *text, size_t n)
{
    size_t used = 0;

    for (int i = 0; i < N_PRESETS && used < n; i++)
        used += (size_t)snprintf(text + used, n - used, "%s%s", i ? ", " : "", presets[i].name);
}

const struct nn_scales nn_scales_default = {20.0f, 20.0f, 20.0f, 20.0f, 40.0f, 0.25f, 30.0f};

enum tg_status nn_arch_preset(const char *name, int n_planes, int n_globals, struct nn_arch *arch,
                              struct tg_error *err)
{
    const struct preset *p = NULL;
    char known[256];

    for (int i = 0; i < N_PRESETS; i++)
        if (strcmp(name, presets[i].name) == 0)
            p = &presets[i];
    if (p == NULL) {
        list_presets(known, sizeof known);
        return FAIL(err, TG_EINVAL, "no network preset \"%s\"; there are %s", name, known);
    }
    memset(arch, 0, sizeof *arch);
    snprintf(arch->name, sizeof arch->name, "%s", p->name);
    arch->n_planes = n_planes;
    arch->n_globals = n_globals;
    arch->trunk = p->trunk;
    arch->stem = 3;
    fill_blocks(p, arch);
    arch->activation = p->activation;
    arch->p1 = p->p1;
    arch->g1 = p->g1;
    arch->n_policy = 3;
    arch->policy_role[0] = NN_POLICY_MOVE;
    arch->policy_role[1] = NN_POLICY_REPLY;
    arch->policy_role[2] = NN_POLICY_SOFT;
    arch->pass_hidden = p->nested;
    arch->v1 = p->v1;
    arch->v2 = p->v2;
    arch->n_score = 4;
    arch->scales = nn_scales_default;
    return nn_arch_check(arch, err);
}

static bool in(int x, int low, int high) { return low <= x && x <= high; }

/* Check one block and those inside it; *i moves behind them. */
static enum tg_status check_block(const struct nn_arch *a, int *i, int depth, struct tg_error *err)
{
    int at = *i;

    if (at >= a->n_blocks)
        return FAIL(err, TG_EINVAL, "a nested block has fewer blocks behind it than it says");
    const struct nn_block *b = &a->blocks[(*i)++];

    if (b->kind > NN_BLOCK_NESTED)
        return FAIL(err, TG_EINVAL, "block %d: no such kind: %d", at, b->kind);
    if (!in(b->mid, 1, MAX_CHANNELS))
        return FAIL(err, TG_EINVAL, "block %d: %d channels: not in 1..%d", at, b->mid, MAX_CHANNELS);
    if (b->kind == NN_BLOCK_GPOOL && !in(b->gpool, 1, MAX_CHANNELS))
        return FAIL(err, TG_EINVAL, "block %d: %d pooled channels: not in 1..%d", at, b->gpool,
                    MAX_CHANNELS);
    if (b->kind != NN_BLOCK_NESTED)
        return TG_OK;
    if (b->n_inner == 0 || depth >= MAX_NESTING)
        return FAIL(err, TG_EINVAL, "block %d: %d inner blocks at depth %d: want one or more, depth "
                    "below %d", at, b->n_inner, depth, MAX_NESTING);
    for (int k = 0; k < b->n_inner; k++)
        TRY(check_block(a, i, depth + 1, err));
    return TG_OK;
}

static enum tg_status check_heads(const struct nn_arch *a, struct tg_error *err)
{
    if (!in(a->p1, 1, MAX_HEAD) || !in(a->g1, 1, MAX_HEAD) || !in(a->v1, 1, MAX_HEAD) ||
        !in(a->v2, 1, MAX_HEAD))
        return FAIL(err, TG_EINVAL, "head widths p1 %d, g1 %d, v1 %d, v2 %d: each must be in 1..%d",
                    a->p1, a->g1, a->v1, a->v2, MAX_HEAD);
    if (!in(a->n_policy, 1, NN_MAX_POLICY))
        return FAIL(err, TG_EINVAL, "%d policy channels: not in 1..%d", a->n_policy, NN_MAX_POLICY);
    if (a->policy_role[0] != NN_POLICY_MOVE)
        return FAIL(err, TG_EINVAL, "policy channel 0 has role %d: it must be the move policy",
                    a->policy_role[0]);
    for (int c = 1; c < a->n_policy; c++)
        if (a->policy_role[c] > NN_POLICY_OTHER)
            return FAIL(err, TG_EINVAL, "policy channel %d: no such role: %d", c, a->policy_role[c]);
    if (a->n_score != 4 && a->n_score != 6)
        return FAIL(err, TG_EINVAL, "%d score outputs: must be 4 or 6", a->n_score);
    return TG_OK;
}

static enum tg_status check_scales(const struct nn_scales *s, struct tg_error *err)
{
    const float scale[] = {s->td_score,      s->score_mean,  s->score_stdev, s->lead,
                           s->variance_time, s->value_error, s->score_error};

    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++)
        if (!(scale[i] > 0.0f && scale[i] < 1e6f))
            return FAIL(err, TG_EINVAL, "output scale %zu is %g: not in 0..1e6", i, (double)scale[i]);
    return TG_OK;
}

enum tg_status nn_arch_check(const struct nn_arch *a, struct tg_error *err)
{
    if (memchr(a->name, 0, sizeof a->name) == NULL)
        return FAIL(err, TG_EINVAL, "the architecture's name does not end");
    if (!in(a->n_planes, 1, GAME_MAX_PLANES) || !in(a->n_globals, 1, GAME_MAX_GLOBALS))
        return FAIL(err, TG_EINVAL, "%d planes and %d global inputs: at least 1, at most %d and %d",
                    a->n_planes, a->n_globals, GAME_MAX_PLANES, GAME_MAX_GLOBALS);
    if (!in(a->trunk, 1, MAX_CHANNELS))
        return FAIL(err, TG_EINVAL, "%d trunk channels: not in 1..%d", a->trunk, MAX_CHANNELS);
    if (a->stem != 1 && a->stem != 3 && a->stem != 5)
        return FAIL(err, TG_EINVAL, "first convolution %d x %d: must be 1, 3 or 5", a->stem, a->stem);
    if (!in(a->n_blocks, 0, NN_MAX_BLOCKS))
        return FAIL(err, TG_EINVAL, "%d blocks: not in 0..%d", a->n_blocks, NN_MAX_BLOCKS);
    if (!in(a->activation, NN_IDENTITY, NN_SILU))
        return FAIL(err, TG_EINVAL, "no such activation: %d", a->activation);
    for (int i = 0; i < a->n_blocks;)
        TRY(check_block(a, &i, 0, err));
    TRY(check_heads(a, err));
    TRY(check_scales(&a->scales, err));
    if (nn_layout_count(a) > MAX_PARAMS)
        return FAIL(err, TG_EINVAL, "%zu parameters: more than %zu", nn_layout_count(a), MAX_PARAMS);
    return TG_OK;
}

void nn_arch_describe(const struct nn_arch *arch, int size, char *text, size_t n)
{
    double flops = nn_arch_flops(arch, size), params = (double)nn_layout_count(arch);
    int n_top = nn_arch_top_blocks(arch);

    snprintf(text, n, "%s: %d blocks, %d channels, %.2f %s parameters, %.3g %s per %dx%d evaluation",
             arch->name, n_top, arch->trunk, params >= 1e6 ? params / 1e6 : params / 1e3,
             params >= 1e6 ? "M" : "k", flops >= 1e9 ? flops / 1e9 : flops / 1e6,
             flops >= 1e9 ? "GFLOP" : "MFLOP", size, size);
}
