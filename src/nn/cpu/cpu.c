/* cpu.c - the CPU backend: networks, batches, inference. infer runs in its caller's thread; each
 * batch has a lane of its own, so batches may be evaluated side by side. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "../backends.h"
#include "network.h"

static float *floats(size_t n)
{
    size_t bytes = (n * sizeof(float) + 127) / 64 * 64;
    float *p = aligned_alloc(64, bytes);

    if (p != NULL)
        memset(p, 0, bytes);
    return p;
}

static void cpu_close(struct nn_net *net)
{
    if (net == NULL)
        return;
    team_close(net->team);
    if (net->lanes != NULL) {
        for (int i = 0; i < net->n_threads; i++)
            lane_close(&net->lanes[i]);
    }
    free(net->lanes);
    sums_close(&net->sums);
    free(net->norms);
    free(net->ema);
    free(net->moment1);
    free(net->moment2);
    free(net->params);
    free(net->packed);
    plan_close(&net->plan);
    free(net);
}

static enum tg_status open_training(struct nn_net *net, struct tg_error *err)
{
    size_t n = net->plan.layout.n_params;

    net->lanes = calloc((size_t)net->n_threads, sizeof *net->lanes);
    if (net->lanes == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %d threads", net->n_threads);
    net->ema = floats(n);
    net->moment1 = floats(n);
    net->moment2 = floats(n);
    net->norms = calloc(n / SLICE + 1, sizeof *net->norms);
    if (net->ema == NULL || net->moment1 == NULL || net->moment2 == NULL || net->norms == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for moments and average of %zu parameters", n);
    TRY(sums_open(n, &net->sums, err));
    for (int i = 0; i < net->n_threads; i++) {
        TRY(lane_open(&net->plan, net->params, net->packed, NN_CHUNK_ROWS, true, &net->lanes[i],
                      err));
        net->lanes[i].sums = &net->sums;
    }
    net->span = (struct tg_span){
        .ptr = net->sums.value, .n = sums_n(&net->sums), .dtype = TG_I64, .mem = TG_HOST};
    return team_open(net->n_threads, &net->team, err);
}

static enum tg_status fill_net(struct nn_net *net, const struct nn_arch *arch,
                               const struct nn_net_options *options, struct tg_error *err)
{
    TRY(plan_open(arch, options->size, options->train, &net->plan, err));
    net->params = floats(net->plan.layout.n_params);
    net->packed = floats(net->plan.n_packed);
    if (net->params == NULL || net->packed == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %zu parameters and %zu packed ones",
                    net->plan.layout.n_params, net->plan.n_packed);
    return options->train ? open_training(net, err) : TG_OK;
}

static enum tg_status cpu_open(const struct nn_arch *arch, const struct nn_net_options *options,
                               struct nn_net **net, struct tg_error *err)
{
    struct nn_net *n = calloc(1, sizeof *n);
    enum tg_status rc;

    *net = NULL;
    if (n == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a network");
    n->n_threads = options->threads > 1 ? options->threads : 1;
    TRY_OUT(fill_net(n, arch, options, err));
    *net = n;
    return TG_OK;
out:
    cpu_close(n);
    return rc;
}

static void cpu_batch_close(struct nn_net *net, struct nn_batch *b)
{
    (void)net;
    if (b->device != NULL)
        lane_close(b->device);
    free(b->device);
    nn_batch_free(b);
}

static enum tg_status cpu_batch_open(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                                     struct tg_error *err)
{
    int rows = lane_rows(&net->plan);
    enum tg_status rc;

    TRY(nn_batch_alloc(&net->plan.arch, net->plan.size, capacity, flags, b, err));
    b->device = calloc(1, sizeof(struct lane));
    if (b->device == NULL) {
        cpu_batch_close(net, b);
        return FAIL(err, TG_ENOMEM, "no memory for a batch");
    }
    TRY_OUT(lane_open(&net->plan, net->params, net->packed, rows < capacity ? rows : capacity, false,
                      b->device, err));
    return TG_OK;
out:
    cpu_batch_close(net, b);
    return rc;
}

static float *array_of(struct nn_net *net, enum nn_array which)
{
    switch (which) {
    case NN_PARAMS: return net->params;
    case NN_EMA: return net->ema;
    case NN_MOMENT1: return net->moment1;
    case NN_MOMENT2: return net->moment2;
    case NN_GRADS: break;
    }
    return NULL;
}

static enum tg_status cpu_set(struct nn_net *net, enum nn_array which, const float *host,
                              struct tg_error *err)
{
    float *array = array_of(net, which);

    if (array == NULL)
        return FAIL(err, TG_EINVAL, "array %d cannot be set in this network", (int)which);
    if (host != NULL)
        memcpy(array, host, net->plan.layout.n_params * sizeof *host);
    if (which == NN_PARAMS)
        cpu_pack(net);
    return TG_OK;
}

static struct tg_span cpu_span(struct nn_net *net, enum nn_array which)
{
    float *array = array_of(net, which);

    return (struct tg_span){.ptr = array, .n = array != NULL ? net->plan.layout.n_params : 0,
                            .dtype = TG_F32, .mem = TG_HOST};
}

static enum tg_status cpu_get(struct nn_net *net, enum nn_array which, float *host,
                              struct tg_error *err)
{
    const float *array = array_of(net, which);
    size_t n = net->plan.layout.n_params;

    if (array != NULL) {
        memcpy(host, array, n * sizeof *host);
    } else if (which == NN_GRADS && net->sums.value != NULL) {
        for (size_t i = 0; i < n; i++)
            host[i] = (float)sums_number(net->sums.value[i]);
    } else {
        return FAIL(err, TG_EINVAL, "this network has no array %d: it was not opened for training",
                    (int)which);
    }
    return TG_OK;
}

/* One row's outputs, turned back. */
static void output_row(const struct lane *l, struct nn_batch *b, int row, int to_row)
{
    const struct cpu_plan *p = l->plan;
    int points = p->points, n_score = p->arch.n_score;
    const uint16_t *at = p->turned[b->symmetry[to_row] & 7];
    float *policy = b->policy + (size_t)to_row * (size_t)(points + 1);

    for (int i = 0; i < points; i++)
        policy[i] = l->logits[(row * points + at[i]) * 8];
    policy[points] = l->pass[row * 8];
    memcpy(b->value + (size_t)to_row * NN_N_VALUE, l->value + row * 4, NN_N_VALUE * sizeof(float));
    memcpy(b->score + (size_t)to_row * (size_t)n_score, l->score + row * 8,
           (size_t)n_score * sizeof(float));
    if (b->ownership != NULL)
        for (int i = 0; i < points; i++)
            b->ownership[(size_t)to_row * (size_t)points + (size_t)i] =
                tanhf(l->own[(row * points + at[i]) * 8]);
}

static enum tg_status cpu_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    struct lane *l = b->device;

    (void)net;
    if (b->n < 0 || b->n > b->capacity)
        return FAIL(err, TG_EINVAL, "%d rows in a batch for %d", b->n, b->capacity);
    for (int first = 0; first < b->n; first += l->cap) {
        int n = b->n - first < l->cap ? b->n - first : l->cap;

        network_input(l, b, first, n);
        network_forward(l, b->ownership != NULL);
        for (int row = 0; row < n; row++)
            output_row(l, b, row, first + row);
    }
    return TG_OK;
}

static enum tg_status cpu_wait(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    (void)net, (void)b, (void)err;
    return TG_OK; /* infer returns when it is done */
}

static bool cpu_ready(struct nn_net *net, struct nn_batch *b)
{
    (void)net, (void)b;
    return true;
}

static struct tg_span cpu_reduce_span(struct nn_net *net) { return net->span; }

const struct nn_backend nn_backend_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .batch_open = cpu_batch_open,
    .batch_close = cpu_batch_close,
    .set = cpu_set,
    .get = cpu_get,
    .span = cpu_span,
    .infer = cpu_infer,
    .wait = cpu_wait,
    .ready = cpu_ready,
    .backward = cpu_backward,
    .reduce_span = cpu_reduce_span,
    .update = cpu_update,
    .scale = nn_no_scale,
};
