/* train.c - backward passes and updates, all on the net's own stream. */
#include <math.h>
#include <string.h>

#include "cuda_call.h"
#include "net.h"

/* ---- staging -------------------------------------------------------------------------------------- */

/* One array: n rows from the host, zeros behind them. */
static enum tg_status stage_array(const struct nn_net *net, void *to, const void *from, size_t row_bytes,
                                  int n, int capacity, struct tg_error *err)
{
    size_t used = (size_t)n * row_bytes, all = (size_t)capacity * row_bytes;

    if (used > 0)
        CUDA(cudaMemcpyAsync(to, from, used, cudaMemcpyHostToDevice, net->stream));
    if (used < all)
        CUDA(cudaMemsetAsync((char *)to + used, 0, all - used, net->stream));
    return TG_OK;
}

/* Rows of b, which may be a part of the batch it was opened as; rows that are missing get weight 0. */
static enum tg_status stage(const struct nn_net *net, const struct gpu_batch *g, const struct nn_batch *b,
                            struct tg_error *err)
{
    const struct net_shape *s = &net->shape;
    const struct nn_targets *t = &b->t, *d = &g->on_device.t;
    size_t points = (size_t)s->points, number = sizeof(float);
    const struct {
        void *to;
        const void *from;
        size_t row_bytes;
    } arrays[] = {
        {g->on_device.symmetry, b->symmetry, 1},
        {g->on_device.globals, b->globals, (size_t)s->arch.n_globals * number},
        {g->on_device.planes, b->planes, (size_t)s->arch.n_planes * ((points + 7) / 8)},
        {d->w_policy, t->w_policy, number},
        {d->w_reply, t->w_reply, number},
        {d->w_value, t->w_value, number},
        {d->w_score, t->w_score, number},
        {d->row_weight, t->row_weight, number},
        {d->score, t->score, number},
        {d->value, t->value, NN_N_VALUE * number},
        {d->policy, t->policy, (points + 1) * number},
        {d->reply, t->reply, (points + 1) * number},
        {d->ownership, t->ownership, points * number},
    };

    if (b->n == g->capacity && b->planes == g->on_host.planes && t->policy == g->on_host.t.policy) {
        CUDA(cudaMemcpyAsync(g->device, g->host, g->targets_end, cudaMemcpyHostToDevice, net->stream));
        return TG_OK;
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        TRY(stage_array(net, arrays[i].to, arrays[i].from, arrays[i].row_bytes, b->n, g->capacity, err));
    return TG_OK;
}

/* ---- backward ------------------------------------------------------------------------------------- */

enum { BUCKET_PARAMS = 4 << 20 }; /* 16 MB: enough for the bandwidth of a ring */

/* Where the next piece ends. */
static int64_t bucket_end(const struct pass *p)
{
    return p->bucket > 0 ? p->net->buckets[p->bucket - 1].from
                         : (int64_t)p->net->shape.layout.n_params + NN_METRICS;
}

static bool section_due(const struct pass *p, int64_t from)
{
    return bucket_end(p) - from >= BUCKET_PARAMS && p->bucket + 2 < MAX_SEGMENTS;
}

static enum tg_status section_done(struct pass *p, int64_t from, struct tg_error *err)
{
    struct nn_net *net = p->net;

    net->buckets[p->bucket] = (struct grad_bucket){from, bucket_end(p)};
    p->bucket++;
    if (from > 0)
        return player_cut(p->player, err);
    net->n_buckets = p->bucket;
    return TG_OK;
}

static enum tg_status backward_body(struct player *player, void *ctx, bool first, struct tg_error *err)
{
    struct gpu_batch *g = ctx;
    struct nn_net *net = player->net;
    struct pass p = {.net = net, .mode = PASS_RUN, .rows = g->capacity, .train = true, .tune = first,
                     .buf = &g->train_buffers, .io = &g->on_device, .stream = net->stream,
                     .cudnn = g->cudnn, .workspace = g->workspace, .workspace_bytes = g->workspace_bytes,
                     .section_due = section_due, .section_done = section_done, .player = player,
                     .side = player->recording ? net->side : NULL};

    net->side->n_works = 0; /* whatever a record that failed has left */
    choices_prepare(&p);
    enum tg_status rc = pass_forward(&p, err);

    if (rc == TG_OK)
        rc = pass_backward(&p, err);
    choices_settle(&p);
    return rc;
}

static enum tg_status enqueue_backward(struct nn_net *net, struct nn_batch *b, bool first,
                                       struct tg_error *err)
{
    struct gpu_batch *g = b->device;
    struct player player = {.net = net, .r = &g->train_recorded, .stream = net->stream,
                            .ends = net->bucket_done};
    size_t sums = (net->shape.layout.n_params + NN_METRICS) * sizeof(float);

    if (!player.r->ready && cudnnSetStream(g->cudnn, net->stream) != CUDNN_STATUS_SUCCESS)
        return FAIL(err, TG_EDEVICE, "cuDNN does not take the stream of a network");
    CUDA(cudaStreamWaitEvent(net->stream, g->done, 0));
    if (first)
        CUDA(cudaMemsetAsync(net->sums, 0, sums, net->stream));
    TRY(stage(net, g, b, err));
    CUDA(cudaMemcpyAsync(g->train_buffers.loss, g->settings, sizeof *g->settings, cudaMemcpyHostToDevice,
                         net->stream));
    TRY(player_play(&player, backward_body, g, err));
    CUDA(cudaMemcpyAsync(b->t.value_error, g->on_device.t.value_error, (size_t)b->n * sizeof(float),
                         cudaMemcpyDeviceToHost, net->stream));
    CUDA(cudaEventRecord(g->done, net->stream));
    return TG_OK;
}

enum tg_status gpu_backward(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                            int n_rows_global, bool first, struct tg_error *err)
{
    struct gpu_batch *g = b->device;

    if (!net->train)
        return FAIL(err, TG_EINVAL, "this network was not opened for training");
    if (b->t.policy == NULL)
        return FAIL(err, TG_EINVAL, "this batch was not opened for training");
    if (n_rows_global < 1 || b->n < 0 || b->n > b->capacity)
        return FAIL(err, TG_EINVAL, "%d rows of a batch for %d, of %d in all", b->n, b->capacity,
                    n_rows_global);
    CUDA(cudaSetDevice(net->device));
    CUDA(cudaEventSynchronize(g->done)); /* the pinned settings are free again */
    *g->settings = (struct loss_settings){.loss = *loss, .per_row = net->scale.factor / (float)n_rows_global};
    if (g->train_recorded.ready)
        return enqueue_backward(net, b, first, err);
    gpu_setup_lock();
    enum tg_status rc = enqueue_backward(net, b, first, err);

    gpu_setup_unlock();
    return rc;
}

/* ---- update --------------------------------------------------------------------------------------- */

static enum tg_status pack(const struct nn_net *net, struct tg_error *err)
{
    const struct net_shape *s = &net->shape;
    struct pack_args a = {.maps = net->maps, .norms = net->norms, .n_maps = s->n_maps,
                          .n_norms = s->n_norms, .max_out = s->max_out, .params = net->params,
                          .filters = net->filters, .packed_norms = net->packed_norms};

    launch_pack(net->precision, &a, net->stream);
    LAUNCHED();
    return TG_OK;
}

enum tg_status gpu_pack(struct nn_net *net, struct tg_error *err)
{
    TRY(pack(net, err));
    CUDA(cudaEventRecord(net->params_ready, net->stream));
    return TG_OK;
}

static void describe_update(const struct nn_net *net, const struct nn_update *u, struct update_settings *s)
{
    double b1 = (double)u->momentum, b2 = (double)u->beta2;

    s->step = (struct element_step){.kind = u->kind, .decoupled = u->decoupled,
                                    .lr = (double)u->learning_rate, .b1 = b1, .b2 = b2,
                                    .epsilon = (double)u->epsilon,
                                    .weight_decay = (double)u->weight_decay, .keep = (double)u->ema,
                                    .bias1 = 1.0 - pow(b1, (double)u->step),
                                    .bias2 = 1.0 - pow(b2, (double)u->step)};
    s->clip_norm = (double)u->clip_norm;
    s->max_norm = (double)u->max_norm;
    s->per_grad = 1.0 / (double)net->scale.factor;
}

/* Settings in, norm, decision, step, packed copies, outcome out: a graph of its own, because ranks sum
 * between the backward pass and this. */
static enum tg_status update_body(struct player *player, void *ctx, bool first, struct tg_error *err)
{
    struct nn_net *net = player->net;
    size_t n = net->shape.layout.n_params;
    struct update_host *host = net->update_host;
    struct update_args a = {.n_params = (int64_t)n, .settings = net->update_settings, .sums = net->sums,
                            .decays = net->decays, .params = net->params, .ema = net->ema,
                            .moment1 = net->moment1, .moment2 = net->moment2,
                            .partial = net->norm_partial, .outcome = net->outcome};

    (void)ctx, (void)first;
    CUDA(cudaMemcpyAsync(net->update_settings, &host->settings, sizeof host->settings,
                         cudaMemcpyHostToDevice, net->stream));
    launch_update(&a, net->stream);
    LAUNCHED();
    TRY(pack(net, err));
    CUDA(cudaMemcpyAsync(&host->outcome, net->outcome, sizeof host->outcome, cudaMemcpyDeviceToHost,
                         net->stream));
    CUDA(cudaMemcpyAsync(host->metrics, net->sums + n, sizeof host->metrics, cudaMemcpyDeviceToHost,
                         net->stream));
    return TG_OK;
}

static enum tg_status enqueue_update(struct nn_net *net, struct tg_error *err)
{
    struct player player = {.net = net, .r = net->update, .stream = net->stream};

    if (net->update->ready)
        return player_play(&player, update_body, NULL, err);
    gpu_setup_lock();
    enum tg_status rc = player_play(&player, update_body, NULL, err);

    gpu_setup_unlock();
    return rc;
}

/* The sums are the same on all ranks, so the scale is. Metrics are not scaled: where one of them is not
 * finite, no scale would have helped. */
static void adapt_scale(struct nn_net *net, struct nn_update_result *result)
{
    struct nn_scale *s = &net->scale;
    bool sound = true;

    if (net->precision != PRECISION_F16)
        return;
    for (int i = 0; i < NN_METRICS; i++)
        sound = sound && isfinite(result->metrics[i]);
    if (isfinite(result->grad_norm)) {
        if (++s->n_steps < STEPS_PER_DOUBLING)
            return;
        s->factor = fminf(s->factor * 2.0f, MOST_LOSS_SCALE);
        s->n_steps = 0;
    } else if (sound) {
        result->rescaled = s->factor > 1.0f;
        *s = (struct nn_scale){.factor = fmaxf(s->factor / 2.0f, 1.0f)};
    }
}

enum tg_status gpu_update(struct nn_net *net, const struct nn_update *u, struct nn_update_result *result,
                          struct tg_error *err)
{
    struct update_host *host = net->update_host;

    if (!net->train)
        return FAIL(err, TG_EINVAL, "this network was not opened for training");
    if (u->kind != NN_SGD && u->step < 1)
        return FAIL(err, TG_EINVAL, "Adam's step %lld: the first is 1", (long long)u->step);
    CUDA(cudaSetDevice(net->device));
    memset(result, 0, sizeof *result);
    describe_update(net, u, &host->settings);
    TRY(gpu_wait_readers(net, err));
    TRY(enqueue_update(net, err));
    CUDA(cudaEventRecord(net->params_ready, net->stream));
    CUDA(cudaStreamSynchronize(net->stream));
    result->grad_norm = host->outcome.norm;
    result->skipped = host->outcome.skipped != 0;
    for (int i = 0; i < NN_METRICS; i++)
        result->metrics[i] = (double)host->metrics[i];
    adapt_scale(net, result);
    return TG_OK;
}
