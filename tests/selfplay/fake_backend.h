/* fake_backend.h - a network without arithmetic: policy and value are a hash of the row, so they depend on
 * the position alone and tests need no device; the scores are what a test says. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "tengen/hash.h"
#include "tengen/nn.h"

struct nn_net {
    struct nn_arch arch;
    int size;
    uint64_t salt;
    float score[4];  /* raw outputs of every row */
    bool unturned;   /* the row's symmetry does not matter */
};

static enum tg_status fake_open(const struct nn_arch *arch, const struct nn_net_options *o,
                                struct nn_net **net, struct tg_error *err)
{
    (void)err;
    *net = calloc(1, sizeof **net);
    (*net)->arch = *arch;
    (*net)->size = o->size;
    (*net)->salt = (uint64_t)o->device;
    return TG_OK;
}

static void fake_close(struct nn_net *net) { free(net); }

static enum tg_status fake_batch_open(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                                      struct tg_error *err)
{
    size_t n = (size_t)capacity, points = (size_t)(net->size * net->size);
    (void)flags;
    (void)err;
    memset(b, 0, sizeof *b);
    b->capacity = capacity;
    b->planes = calloc(n, (size_t)net->arch.n_planes * ((points + 7) / 8));
    b->globals = calloc(n, (size_t)net->arch.n_globals * sizeof(float));
    b->symmetry = calloc(n, 1);
    b->policy = calloc(n, (points + 1) * sizeof(float));
    b->value = calloc(n, 3 * sizeof(float));
    b->score = calloc(n, (size_t)net->arch.n_score * sizeof(float));
    return TG_OK;
}

static void fake_batch_close(struct nn_net *net, struct nn_batch *b)
{
    (void)net;
    free(b->planes);
    free(b->globals);
    free(b->symmetry);
    free(b->policy);
    free(b->value);
    free(b->score);
    memset(b, 0, sizeof *b);
}

static enum tg_status fake_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    size_t points = (size_t)(net->size * net->size);
    size_t bytes = (size_t)net->arch.n_planes * ((points + 7) / 8);
    (void)err;
    for (size_t i = 0; i < (size_t)b->n; i++) {
        uint64_t h = tg_hash(b->planes + i * bytes, bytes, net->salt + (net->unturned ? 0 : b->symmetry[i]));
        for (size_t a = 0; a <= points; a++)
            b->policy[i * (points + 1) + a] = (float)(tg_mix64(h + a) >> 40) / (float)(1 << 23);
        for (size_t k = 0; k < 3; k++)
            b->value[i * 3 + k] = (float)(tg_mix64(h + 1000 + k) >> 40) / (float)(1 << 24);
        memcpy(b->score + i * (size_t)net->arch.n_score, net->score, sizeof net->score);
    }
    return TG_OK;
}

static enum tg_status fake_wait(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    (void)net;
    (void)b;
    (void)err;
    return TG_OK;
}

static const struct nn_backend fake_backend = {
    .name = "fake", .open = fake_open, .close = fake_close, .batch_open = fake_batch_open,
    .batch_close = fake_batch_close, .infer = fake_infer, .wait = fake_wait,
};
