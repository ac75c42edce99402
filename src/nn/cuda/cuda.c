/* cuda.c - the backend's table: networks on a device, arrays in and out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_call.h"
#include "device_ops.h"
#include "net.h"

/* ---- devices -------------------------------------------------------------------------------------- */

enum tg_status gpu_pick_device(int ordinal, int *device, struct tg_error *err)
{
    int n = 0;
    cudaError_t rc = cudaGetDeviceCount(&n);

    if (rc != cudaSuccess || n < 1)
        return FAIL(err, TG_EDEVICE, "no CUDA device: %s",
                    rc != cudaSuccess ? cudaGetErrorString(rc) : "the driver lists none");
    *device = ordinal > 0 ? ordinal % n : 0;
    CUDA(cudaSetDevice(*device));
    return TG_OK;
}

/* "bf16", "fp16", "fp32", "bf16-plain" or "fp16-plain" may stand before the cache folder: "fp32:/scratch/plans". */
static int parse_extra(const char *extra, bool *plain, const char **folder)
{
    static const struct {
        const char *name;
        int precision;
        bool plain;
    } names[] = {{"bf16", PRECISION_BF16, false}, {"fp16", PRECISION_F16, false}, {"fp32", PRECISION_F32, true},
                 {"bf16-plain", PRECISION_BF16, true}, {"fp16-plain", PRECISION_F16, true}};

    *folder = extra;
    for (size_t i = 0; extra != NULL && i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i].name);

        if (strncmp(extra, names[i].name, n) == 0 && (extra[n] == ':' || extra[n] == '\0')) {
            *folder = extra[n] == ':' ? extra + n + 1 : NULL;
            *plain = names[i].plain;
            return names[i].precision;
        }
    }
    return PRECISION_BF16;
}

static enum tg_status open_device(struct nn_net *net, const struct nn_net_options *options,
                                  struct tg_error *err)
{
    struct cudaDeviceProp d;
    const char *folder;
    int least, most;

    net->precision = parse_extra(options->extra, &net->plain, &folder);
    net->scale.factor = net->precision == PRECISION_F16 ? FIRST_LOSS_SCALE : 1.0f;
    TRY(gpu_pick_device(options->device, &net->device, err));
    CUDA(cudaGetDeviceProperties(&d, net->device));
    if (d.major < GPU_LEAST_MAJOR)
        return FAIL(err, TG_EDEVICE, "%s has compute capability %d.%d: %d.0 is needed", d.name, d.major, d.minor,
                    (int)GPU_LEAST_MAJOR);
    TRY(device_prop_of_device(&net->prop, err));
    plan_cache_open(folder, d.name, d.major * 10 + d.minor, cudnnGetVersion(), &net->cache);
    CUDA(cudaDeviceGetStreamPriorityRange(&least, &most));
    CUDA(cudaStreamCreateWithPriority(&net->stream, cudaStreamNonBlocking, most));
    CUDA(cudaEventCreateWithFlags(&net->params_ready, cudaEventDisableTiming));
    return TG_OK;
}

/* ---- open and close ------------------------------------------------------------------------------- */

static enum tg_status device_zeros(const struct nn_net *net, void *pointer, size_t bytes, struct tg_error *err)
{
    void **p = pointer;

    CUDA(cudaMalloc(p, bytes));
    CUDA(cudaMemsetAsync(*p, 0, bytes, net->stream));
    return TG_OK;
}

static enum tg_status device_copy(const struct nn_net *net, void *pointer, const void *from, size_t bytes,
                                  struct tg_error *err)
{
    void **p = pointer;

    CUDA(cudaMalloc(p, bytes));
    CUDA(cudaMemcpyAsync(*p, from, bytes, cudaMemcpyHostToDevice, net->stream));
    CUDA(cudaStreamSynchronize(net->stream)); /* from may go */
    return TG_OK;
}

/* Where a board point lands in the network under each symmetry, and which one lands at each. */
static enum tg_status open_turns(struct nn_net *net, struct tg_error *err)
{
    uint16_t turns[2 * GAME_SYMMETRIES * GAME_MAX_POINTS];
    int points = net->shape.points, n = GAME_SYMMETRIES * points;

    for (int s = 0; s < GAME_SYMMETRIES; s++)
        for (int p = 0; p < points; p++) {
            int q = game_symmetry(net->shape.size, s, p);

            turns[n + s * points + p] = (uint16_t)q;
            turns[s * points + q] = (uint16_t)p;
        }
    return device_copy(net, &net->turns, turns, (size_t)(2 * n) * sizeof *turns, err);
}

static enum tg_status open_decays(struct nn_net *net, struct tg_error *err)
{
    const struct nn_layout *l = &net->shape.layout;
    uint8_t *decays = calloc(l->n_params, 1);

    if (decays == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %zu parameters", l->n_params);
    for (int i = 0; i < l->n_tensors; i++)
        memset(decays + l->tensors[i].offset, l->tensors[i].decay, l->tensors[i].n);
    enum tg_status rc = device_copy(net, &net->decays, decays, l->n_params, err);

    free(decays);
    return rc;
}

/* Its kernels give way to those of the net's own stream, on which all others wait. */
static enum tg_status open_side(struct nn_net *net, struct tg_error *err)
{
    struct side *s = calloc(1, sizeof *s);
    int least, most;

    if (s == NULL)
        return FAIL(err, TG_ENOMEM, "a second stream");
    net->side = s;
    CUDA(cudaDeviceGetStreamPriorityRange(&least, &most));
    CUDA(cudaStreamCreateWithPriority(&s->stream, cudaStreamNonBlocking, least));
    CUDA(cudaMalloc(&s->workspace, TRAIN_WORKSPACE));
    CUDA(cudaEventCreateWithFlags(&s->split, cudaEventDisableTiming));
    for (int i = 0; i < SIDE_WORKS; i++)
        CUDA(cudaEventCreateWithFlags(&s->work[i].done, cudaEventDisableTiming));
    if (cudnnCreate(&s->cudnn) != CUDNN_STATUS_SUCCESS ||
        cudnnSetStream(s->cudnn, s->stream) != CUDNN_STATUS_SUCCESS)
        return FAIL(err, TG_EDEVICE, "no handle of cuDNN for a second stream");
    return TG_OK;
}

static void close_side(struct side *s)
{
    if (s == NULL)
        return;
    if (s->cudnn != NULL)
        cudnnDestroy(s->cudnn);
    for (int i = 0; i < SIDE_WORKS; i++)
        if (s->work[i].done != NULL)
            cudaEventDestroy(s->work[i].done);
    if (s->split != NULL)
        cudaEventDestroy(s->split);
    if (s->workspace != NULL)
        cudaFree(s->workspace);
    if (s->stream != NULL)
        cudaStreamDestroy(s->stream);
    free(s);
}

static enum tg_status open_training(struct nn_net *net, struct tg_error *err)
{
    size_t n = net->shape.layout.n_params, element = precision_bytes(net->precision);

    TRY(device_zeros(net, &net->ema, n * sizeof(float), err));
    TRY(device_zeros(net, &net->moment1, n * sizeof(float), err));
    TRY(device_zeros(net, &net->moment2, n * sizeof(float), err));
    TRY(device_zeros(net, &net->sums, (n + NN_METRICS) * sizeof(float), err));
    TRY(device_zeros(net, &net->filter_grads, (size_t)net->shape.n_filters * element, err));
    TRY(device_zeros(net, &net->norm_partial, NORM_BLOCKS * sizeof(double), err));
    TRY(device_zeros(net, &net->outcome, sizeof *net->outcome, err));
    TRY(device_zeros(net, &net->update_settings, sizeof *net->update_settings, err));
    TRY(open_decays(net, err));
    TRY(open_side(net, err));
    CUDA(cudaHostAlloc((void **)&net->update_host, sizeof *net->update_host, cudaHostAllocDefault));
    net->update = calloc(1, sizeof *net->update);
    if (net->update == NULL)
        return FAIL(err, TG_ENOMEM, "a recorded update");
    for (int i = 0; i < MAX_SEGMENTS; i++)
        CUDA(cudaEventCreateWithFlags(&net->bucket_done[i], cudaEventDisableTiming));
    net->span = (struct tg_span){.ptr = net->sums, .n = n + NN_METRICS, .dtype = TG_F32, .mem = TG_DEVICE,
                                 .stream = net->stream, .device = &tg_device_cuda, .owner = net};
    return TG_OK;
}

static enum tg_status fill_net(struct nn_net *net, const struct nn_arch *arch,
                               const struct nn_net_options *options, struct tg_error *err)
{
    TRY(open_device(net, options, err));
    TRY(net_shape_open(arch, options->size, &net->shape, err));
    const struct net_shape *s = &net->shape;

    TRY(open_turns(net, err));
    TRY(device_copy(net, &net->maps, s->maps, (size_t)s->n_maps * sizeof *s->maps, err));
    TRY(device_copy(net, &net->norms, s->norms, (size_t)s->n_norms * sizeof *s->norms, err));
    TRY(device_zeros(net, &net->filters, (size_t)s->n_filters * precision_bytes(net->precision), err));
    TRY(device_zeros(net, &net->packed_norms, (size_t)s->n_packed_norms * sizeof(float), err));
    TRY(device_zeros(net, &net->params, s->layout.n_params * sizeof(float), err));
    if (net->train)
        TRY(open_training(net, err));
    TRY(gpu_pack(net, err));
    CUDA(cudaStreamSynchronize(net->stream));
    return TG_OK;
}

static void cuda_close(struct nn_net *net)
{
    if (net == NULL)
        return;
    void *const memory[] = {net->turns,   net->maps,    net->norms,        net->filters, net->packed_norms,
                            net->params,  net->ema,     net->moment1,      net->moment2, net->sums,
                            net->decays,  net->outcome, net->filter_grads, net->norm_partial,
                            net->update_settings};

    gpu_setup_lock();
    cudaSetDevice(net->device);
    if (net->stream != NULL)
        cudaStreamSynchronize(net->stream);
    choices_close(net);
    if (net->update != NULL)
        recorded_close(net->update);
    free(net->update);
    close_side(net->side);
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i] != NULL)
            cudaFree(memory[i]);
    if (net->update_host != NULL)
        cudaFreeHost(net->update_host);
    for (int i = 0; i < MAX_SEGMENTS; i++)
        if (net->bucket_done[i] != NULL)
            cudaEventDestroy(net->bucket_done[i]);
    if (net->params_ready != NULL)
        cudaEventDestroy(net->params_ready);
    if (net->stream != NULL)
        cudaStreamDestroy(net->stream);
    device_prop_close(&net->prop);
    plan_cache_close(&net->cache);
    net_shape_close(&net->shape);
    gpu_setup_unlock();
    pthread_mutex_destroy(&net->lock);
    free(net);
}

static enum tg_status cuda_open(const struct nn_arch *arch, const struct nn_net_options *options,
                                struct nn_net **net, struct tg_error *err)
{
    struct nn_net *n = calloc(1, sizeof *n);
    enum tg_status rc;

    *net = NULL;
    if (n == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a network");
    pthread_mutex_init(&n->lock, NULL);
    n->train = options->train;
    n->log = options->log;
    gpu_setup_lock();
    rc = fill_net(n, arch, options, err);
    gpu_setup_unlock();
    if (rc == TG_OK)
        *net = n;
    else
        cuda_close(n);
    return rc;
}

/* ---- arrays --------------------------------------------------------------------------------------- */

static float *array_of(struct nn_net *net, enum nn_array which)
{
    switch (which) {
    case NN_PARAMS: return net->params;
    case NN_EMA: return net->ema;
    case NN_MOMENT1: return net->moment1;
    case NN_MOMENT2: return net->moment2;
    case NN_GRADS: return net->sums;
    }
    return NULL;
}

static enum tg_status cuda_set(struct nn_net *net, enum nn_array which, const float *host,
                               struct tg_error *err)
{
    float *array = which == NN_GRADS ? NULL : array_of(net, which);

    if (array == NULL)
        return FAIL(err, TG_EINVAL, "array %d cannot be set in this network", (int)which);
    CUDA(cudaSetDevice(net->device));
    TRY(gpu_wait_readers(net, err));
    if (host != NULL)
        CUDA(cudaMemcpyAsync(array, host, net->shape.layout.n_params * sizeof *host, cudaMemcpyHostToDevice,
                             net->stream));
    if (which == NN_PARAMS)
        TRY(gpu_pack(net, err));
    CUDA(cudaStreamSynchronize(net->stream));
    return TG_OK;
}

/* What fills it goes through the net's stream, behind those who read. */
static struct tg_span cuda_span(struct nn_net *net, enum nn_array which)
{
    float *array = which == NN_GRADS ? NULL : array_of(net, which);
    struct tg_error ignored;
    struct tg_span span = {.ptr = array, .dtype = TG_F32, .mem = TG_DEVICE, .stream = net->stream,
                           .device = &tg_device_cuda, .owner = net};

    if (array != NULL && cudaSetDevice(net->device) == cudaSuccess && gpu_wait_readers(net, &ignored) == TG_OK)
        span.n = net->shape.layout.n_params;
    return span;
}

static enum tg_status cuda_get(struct nn_net *net, enum nn_array which, float *host, struct tg_error *err)
{
    float *array = array_of(net, which);

    if (array == NULL)
        return FAIL(err, TG_EINVAL, "this network has no array %d: it was not opened for training",
                    (int)which);
    CUDA(cudaSetDevice(net->device));
    CUDA(cudaMemcpyAsync(host, array, net->shape.layout.n_params * sizeof *host, cudaMemcpyDeviceToHost,
                         net->stream));
    CUDA(cudaStreamSynchronize(net->stream));
    for (size_t i = 0; which == NN_GRADS && i < net->shape.layout.n_params; i++)
        host[i] /= net->scale.factor;
    return TG_OK;
}

static struct tg_span cuda_reduce_span(struct nn_net *net) { return net->span; }

static struct nn_scale *cuda_scale(struct nn_net *net)
{
    return net->train && net->precision == PRECISION_F16 ? &net->scale : NULL;
}

const struct nn_backend nn_backend_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .close = cuda_close,
    .batch_open = gpu_batch_open,
    .batch_close = gpu_batch_close,
    .set = cuda_set,
    .get = cuda_get,
    .span = cuda_span,
    .infer = gpu_infer,
    .wait = gpu_wait,
    .ready = gpu_ready,
    .backward = gpu_backward,
    .reduce_span = cuda_reduce_span,
    .update = gpu_update,
    .scale = cuda_scale,
};
