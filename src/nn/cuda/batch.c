/* batch.c - rows on their way to the device and back: one pinned block, one copy each way. */
#include <stdlib.h>
#include <string.h>

#include "cuda_call.h"
#include "net.h"

enum { ALIGN = 256, MAX_CAPACITY = 1 << 15, SMALLEST_BUCKET = 8 };

/* ---- the block ------------------------------------------------------------------------------------ */

struct layer {
    char *base;
    size_t used;
};

static void *take(struct layer *l, size_t bytes)
{
    void *p = l->base != NULL ? l->base + l->used : NULL;

    l->used += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return p;
}

static float *floats(struct layer *l, int capacity, size_t per_row)
{
    return take(l, (size_t)capacity * per_row * sizeof(float));
}

/* What is copied for a few rows stands last in its part: planes; policy or ownership. */
static size_t lay_out(const struct net_shape *s, int capacity, int flags, char *base, struct gpu_batch *g,
                      struct batch_arrays *a)
{
    const struct nn_arch *arch = &s->arch;
    size_t points = (size_t)s->points;
    struct layer l = {base, 0};
    struct nn_targets *t = &a->t;

    memset(a, 0, sizeof *a);
    a->symmetry = take(&l, (size_t)capacity);
    a->globals = floats(&l, capacity, (size_t)arch->n_globals);
    a->planes = take(&l, (size_t)capacity * (size_t)arch->n_planes * ((points + 7) / 8));
    if (flags & NN_BATCH_TRAIN) {
        t->w_policy = floats(&l, capacity, 1);
        t->w_reply = floats(&l, capacity, 1);
        t->w_value = floats(&l, capacity, 1);
        t->w_score = floats(&l, capacity, 1);
        t->row_weight = floats(&l, capacity, 1);
        t->score = floats(&l, capacity, 1);
        t->value = floats(&l, capacity, NN_N_VALUE);
        t->policy = floats(&l, capacity, points + 1);
        t->reply = floats(&l, capacity, points + 1);
        t->ownership = floats(&l, capacity, points);
    }
    g->targets_end = g->out_at = l.used;
    a->value = floats(&l, capacity, NN_N_VALUE);
    a->score = floats(&l, capacity, (size_t)arch->n_score);
    a->policy = floats(&l, capacity, points + 1);
    if (flags & NN_BATCH_OWNERSHIP)
        a->ownership = floats(&l, capacity, points);
    if (flags & NN_BATCH_TRAIN)
        t->value_error = floats(&l, capacity, 1);
    return l.used;
}

static enum tg_status open_block(struct nn_net *net, struct gpu_batch *g, int flags, struct tg_error *err)
{
    size_t n = lay_out(&net->shape, g->capacity, flags, NULL, g, &g->on_host);

    CUDA(cudaHostAlloc((void **)&g->host, n, cudaHostAllocDefault));
    CUDA(cudaMalloc((void **)&g->device, n));
    memset(g->host, 0, n);
    CUDA(cudaMemsetAsync(g->device, 0, n, g->stream));
    lay_out(&net->shape, g->capacity, flags, g->host, g, &g->on_host);
    lay_out(&net->shape, g->capacity, flags, g->device, g, &g->on_device);
    return TG_OK;
}

/* ---- buckets -------------------------------------------------------------------------------------- */

/* The full batch, and halves of it in multiples of eight rows. */
static int smaller_bucket(int rows)
{
    return rows <= SMALLEST_BUCKET ? 0
                                   : (rows / 2 + SMALLEST_BUCKET - 1) / SMALLEST_BUCKET * SMALLEST_BUCKET;
}

int gpu_bucket(int capacity, int n)
{
    int rows = capacity;

    for (int less = smaller_bucket(rows); less >= n && less > 0 && less < rows; less = smaller_bucket(rows))
        rows = less;
    return rows;
}

/* One memory for all buckets: passes of a batch follow each other. */
static enum tg_status open_inference(struct nn_net *net, struct gpu_batch *g, struct tg_error *err)
{
    struct pass_buffers count;
    size_t bytes;

    TRY(pass_buffers_open(&net->shape, net->precision, g->capacity, false, NULL, &count, &bytes, err));
    pass_buffers_close(&count);
    CUDA(cudaMalloc(&g->memory, bytes));
    CUDA(cudaMemsetAsync(g->memory, 0, bytes, g->stream));
    return TG_OK;
}

/* Tensors move when the number of rows changes; a pass writes all that it reads, padding included. */
static enum tg_status bucket_of(struct nn_net *net, struct gpu_batch *g, int rows, int *at,
                                struct tg_error *err)
{
    size_t bytes;

    for (*at = 0; *at < g->n_buckets; ++*at)
        if (g->recorded[*at].rows == rows)
            return TG_OK;
    if (g->n_buckets == MAX_BUCKETS)
        return FAIL(err, TG_EDEVICE, "a batch with more than %d sizes", (int)MAX_BUCKETS);
    TRY(pass_buffers_open(&net->shape, net->precision, rows, false, g->memory, &g->buffers[*at], &bytes,
                          err));
    g->recorded[g->n_buckets++].rows = rows;
    return TG_OK;
}

/* ---- open and close ------------------------------------------------------------------------------- */

/* Of another batch of this capacity, or NULL. */
static struct train_memory *find_train_memory(struct nn_net *net, int capacity)
{
    struct train_memory *m = NULL;

    pthread_mutex_lock(&net->lock);
    for (const struct gpu_batch *g = net->batches; g != NULL && m == NULL; g = g->next)
        if (g->capacity == capacity)
            m = g->train_memory;
    pthread_mutex_unlock(&net->lock);
    return m;
}

static enum tg_status open_train_memory(struct nn_net *net, struct gpu_batch *g, size_t bytes,
                                        struct tg_error *err)
{
    g->train_memory = find_train_memory(net, g->capacity);
    if (g->train_memory != NULL) {
        g->train_memory->users++;
        return TG_OK;
    }
    g->train_memory = calloc(1, sizeof *g->train_memory);
    if (g->train_memory == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a batch");
    g->train_memory->users = 1;
    CUDA(cudaMalloc(&g->train_memory->memory, bytes));
    CUDA(cudaMemsetAsync(g->train_memory->memory, 0, bytes, g->stream));
    return TG_OK;
}

static void close_train_memory(struct train_memory *m)
{
    if (m == NULL || --m->users > 0)
        return;
    cudaFree(m->memory);
    free(m);
}

static enum tg_status open_training(struct nn_net *net, struct gpu_batch *g, struct tg_error *err)
{
    size_t bytes;

    if (!net->train)
        return FAIL(err, TG_EINVAL, "a batch for training of a network that was not opened for it");
    TRY(pass_buffers_open(&net->shape, net->precision, g->capacity, true, NULL, &g->train_buffers, &bytes,
                          err));
    pass_buffers_close(&g->train_buffers);
    TRY(open_train_memory(net, g, bytes, err));
    CUDA(cudaHostAlloc((void **)&g->settings, sizeof *g->settings, cudaHostAllocDefault));
    return pass_buffers_open(&net->shape, net->precision, g->capacity, true, g->train_memory->memory,
                             &g->train_buffers, &bytes, err);
}

static enum tg_status fill_batch(struct nn_net *net, struct gpu_batch *g, int flags, struct tg_error *err)
{
    cudnnStatus_t made;

    CUDA(cudaSetDevice(net->device));
    CUDA(cudaStreamCreateWithFlags(&g->stream, cudaStreamNonBlocking));
    CUDA(cudaEventCreateWithFlags(&g->done, cudaEventDisableTiming | cudaEventBlockingSync));
    CUDA(cudaEventRecord(g->done, g->stream));
    TRY(open_block(net, g, flags, err));
    g->workspace_bytes = flags & NN_BATCH_TRAIN ? (size_t)TRAIN_WORKSPACE : (size_t)INFER_WORKSPACE;
    CUDA(cudaMalloc(&g->workspace, g->workspace_bytes));
    made = cudnnCreate(&g->cudnn);
    if (made != CUDNN_STATUS_SUCCESS)
        return FAIL(err, TG_EDEVICE, "cuDNN: %s", cudnnGetErrorString(made));
    TRY(flags & NN_BATCH_TRAIN ? open_training(net, g, err) : open_inference(net, g, err));
    CUDA(cudaStreamSynchronize(g->stream)); /* zeroed, whichever stream comes next */
    return TG_OK;
}

static void free_batch(struct gpu_batch *g)
{
    for (int i = 0; i < g->n_buckets; i++) {
        recorded_close(&g->recorded[i]);
        pass_buffers_close(&g->buffers[i]);
    }
    recorded_close(&g->train_recorded);
    pass_buffers_close(&g->train_buffers);
    if (g->cudnn != NULL)
        cudnnDestroy(g->cudnn);
    cudaFree(g->memory);
    close_train_memory(g->train_memory);
    cudaFree(g->workspace);
    cudaFree(g->device);
    if (g->host != NULL)
        cudaFreeHost(g->host);
    if (g->settings != NULL)
        cudaFreeHost(g->settings);
    if (g->done != NULL)
        cudaEventDestroy(g->done);
    if (g->stream != NULL)
        cudaStreamDestroy(g->stream);
    free(g);
}

enum tg_status gpu_batch_open(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                              struct tg_error *err)
{
    double elements = (double)capacity * net->shape.points * net->shape.max_channels;
    enum tg_status rc;

    memset(b, 0, sizeof *b);
    if (capacity < 1 || capacity > MAX_CAPACITY || elements > 2147483647.0)
        return FAIL(err, TG_EINVAL, "a batch of %d rows: at most %d, and 2^31 numbers in a tensor", capacity,
                    (int)MAX_CAPACITY);
    struct gpu_batch *g = calloc(1, sizeof *g);

    if (g == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a batch");
    g->capacity = capacity;
    gpu_setup_lock();
    rc = fill_batch(net, g, flags, err);
    if (rc != TG_OK)
        free_batch(g);
    gpu_setup_unlock();
    TRY(rc);
    const struct batch_arrays *a = &g->on_host;

    *b = (struct nn_batch){.capacity = capacity, .planes = a->planes, .globals = a->globals,
                           .symmetry = a->symmetry, .policy = a->policy, .value = a->value,
                           .score = a->score, .ownership = a->ownership, .t = a->t, .device = g};
    pthread_mutex_lock(&net->lock);
    g->next = net->batches;
    net->batches = g;
    pthread_mutex_unlock(&net->lock);
    return TG_OK;
}

void gpu_batch_close(struct nn_net *net, struct nn_batch *b)
{
    struct gpu_batch *g = b->device;

    if (g == NULL)
        return;
    cudaSetDevice(net->device);
    cudaEventSynchronize(g->done);
    pthread_mutex_lock(&net->lock);
    for (struct gpu_batch **at = &net->batches; *at != NULL; at = &(*at)->next)
        if (*at == g) {
            *at = g->next;
            break;
        }
    pthread_mutex_unlock(&net->lock);
    gpu_setup_lock();
    free_batch(g);
    gpu_setup_unlock();
    memset(b, 0, sizeof *b);
}

enum tg_status gpu_wait_readers(struct nn_net *net, struct tg_error *err)
{
    cudaError_t rc = cudaSuccess;

    pthread_mutex_lock(&net->lock);
    for (struct gpu_batch *g = net->batches; g != NULL && rc == cudaSuccess; g = g->next)
        rc = cudaStreamWaitEvent(net->stream, g->done, 0);
    pthread_mutex_unlock(&net->lock);
    CUDA(rc);
    return TG_OK;
}

/* ---- inference ------------------------------------------------------------------------------------ */

struct inference {
    struct gpu_batch *g;
    int rows;
    struct pass_buffers *buffers;
};

/* In, through, out. */
static enum tg_status infer_body(struct player *player, void *ctx, bool first, struct tg_error *err)
{
    struct inference *f = ctx;
    struct gpu_batch *g = f->g;
    struct nn_net *net = player->net;
    const struct net_shape *s = &net->shape;
    struct pass p = {.net = net, .mode = PASS_RUN, .rows = f->rows, .buf = f->buffers,
                     .tune = first && f->rows == g->capacity, .io = &g->on_device, .stream = g->stream,
                     .cudnn = g->cudnn, .workspace = g->workspace,
                     .workspace_bytes = g->workspace_bytes};
    size_t rows = (size_t)f->rows, points = (size_t)s->points;
    size_t in = (size_t)((char *)g->on_host.planes - g->host) +
                rows * (size_t)s->arch.n_planes * ((points + 7) / 8);
    char *out_end = g->on_host.ownership != NULL ? (char *)(g->on_host.ownership + rows * points)
                                                 : (char *)(g->on_host.policy + rows * (points + 1));

    CUDA(cudaMemcpyAsync(g->device, g->host, in, cudaMemcpyHostToDevice, g->stream));
    choices_prepare(&p);
    enum tg_status rc = pass_forward(&p, err);
    choices_settle(&p);
    if (rc != TG_OK)
        return rc;
    CUDA(cudaMemcpyAsync(g->host + g->out_at, g->device + g->out_at,
                         (size_t)(out_end - g->host) - g->out_at, cudaMemcpyDeviceToHost, g->stream));
    return TG_OK;
}

/* setup: the caller holds the setup lock. */
static enum tg_status enqueue_inference(struct nn_net *net, struct gpu_batch *g, int rows, bool setup,
                                        struct tg_error *err)
{
    struct inference f = {.g = g, .rows = rows};
    int at;

    if (g->memory == NULL)
        TRY(open_inference(net, g, err));
    TRY(bucket_of(net, g, rows, &at, err));
    f.buffers = &g->buffers[at];
    struct player player = {.net = net, .r = &g->recorded[at], .stream = g->stream};

    if (setup && cudnnSetStream(g->cudnn, g->stream) != CUDNN_STATUS_SUCCESS)
        return FAIL(err, TG_EDEVICE, "cuDNN does not take the stream of a batch");
    CUDA(cudaStreamWaitEvent(g->stream, net->params_ready, 0));
    CUDA(cudaStreamWaitEvent(g->stream, g->done, 0));
    return player_play(&player, infer_body, &f, err);
}

static bool recorded_is_ready(const struct gpu_batch *g, int rows)
{
    for (int i = 0; i < g->n_buckets; i++)
        if (g->recorded[i].rows == rows)
            return g->recorded[i].ready;
    return false;
}

static enum tg_status infer_rows(struct nn_net *net, struct gpu_batch *g, int n, struct tg_error *err)
{
    int rows = gpu_bucket(g->capacity, n);

    if (recorded_is_ready(g, rows))
        return enqueue_inference(net, g, rows, false, err);
    gpu_setup_lock();
    enum tg_status rc = enqueue_inference(net, g, rows, true, err);

    gpu_setup_unlock();
    return rc;
}

enum tg_status gpu_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    struct gpu_batch *g = b->device;

    if (b->n < 0 || b->n > b->capacity)
        return FAIL(err, TG_EINVAL, "%d rows in a batch for %d", b->n, b->capacity);
    if (b->planes != g->on_host.planes || b->policy != g->on_host.policy)
        return FAIL(err, TG_EINVAL, "a batch with other arrays than it was opened with");
    CUDA(cudaSetDevice(net->device));
    if (b->n > 0)
        TRY(infer_rows(net, g, b->n, err));
    CUDA(cudaEventRecord(g->done, g->stream));
    return TG_OK;
}

enum tg_status gpu_wait(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    struct gpu_batch *g = b->device;

    CUDA(cudaSetDevice(net->device));
    CUDA(cudaEventSynchronize(g->done));
    return TG_OK;
}

bool gpu_ready(struct nn_net *net, struct nn_batch *b)
{
    struct gpu_batch *g = b->device;

    (void)net;
    return cudaEventQuery(g->done) != cudaErrorNotReady;
}
