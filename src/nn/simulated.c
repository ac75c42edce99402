/* simulated.c - a device that takes time and computes nothing: every evaluation is a uniform policy
 * and an even value. With it the protocol between hundreds of ranks can be timed on a small machine.
 *
 * Its option is a device table (nn.h). Like a device it works on one batch at a time, in the order they
 * came. Gradients are 0, so parameters stay what they are. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends.h"

struct nn_net {
    struct nn_arch arch;
    struct nn_layout layout;
    int size;
    bool train;
    struct nn_device device;
    float *arrays[NN_MOMENT2 + 1]; /* owned [P]; all but the parameters only for training */
    int64_t *sums;                 /* owned [P + 1]: zeros, and the number of rows */
    struct tg_span span;
    pthread_mutex_t lock;
    double busy_until;             /* seconds; under lock */
};

/* Without a table: no device there is, only something to wait for. */
static const struct nn_device no_table = {
    .infer = {4, {1, 64, 256, 1024}, {150e-6, 250e-6, 600e-6, 2100e-6}},
    .train = {4, {1, 64, 256, 1024}, {450e-6, 750e-6, 1800e-6, 6300e-6}},
};

static double now_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sleep_until(double sec)
{
    struct timespec t = {.tv_sec = (time_t)sec};

    t.tv_nsec = (long)((sec - (double)t.tv_sec) * 1e9);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        continue; /* a signal */
}

/* When work of that length is done that is handed in now. */
static double enqueue(struct nn_net *net, double sec)
{
    double now = now_sec();

    pthread_mutex_lock(&net->lock);
    net->busy_until = (net->busy_until > now ? net->busy_until : now) + sec;
    double done = net->busy_until;
    pthread_mutex_unlock(&net->lock);
    return done;
}

static void sim_close(struct nn_net *net)
{
    if (net == NULL)
        return;
    for (int i = NN_PARAMS; i <= NN_MOMENT2; i++)
        free(net->arrays[i]);
    free(net->sums);
    nn_layout_close(&net->layout);
    pthread_mutex_destroy(&net->lock);
    free(net);
}

static enum tg_status fill_net(struct nn_net *n, const struct nn_arch *arch,
                               const struct nn_net_options *options, struct tg_error *err)
{
    n->arch = *arch;
    n->size = options->size;
    n->train = options->train;
    n->device = no_table;
    if (options->size < 2 || options->size > GAME_MAX_SIZE)
        return FAIL(err, TG_EINVAL, "board side %d: not in 2..%d", options->size, GAME_MAX_SIZE);
    if (options->extra != NULL && options->extra[0] != '\0')
        TRY(nn_device_load(options->extra, &n->device, err));
    TRY(nn_layout_open(arch, &n->layout, err));
    for (int i = NN_PARAMS; i <= (n->train ? NN_MOMENT2 : NN_PARAMS); i++) {
        n->arrays[i] = calloc(n->layout.n_params, sizeof(float));
        if (n->arrays[i] == NULL)
            return FAIL(err, TG_ENOMEM, "no memory for %zu parameters", n->layout.n_params);
    }
    n->sums = calloc(n->layout.n_params + 1, sizeof *n->sums);
    if (n->sums == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for %zu gradients", n->layout.n_params);
    n->span = (struct tg_span){
        .ptr = n->sums, .n = n->layout.n_params + 1, .dtype = TG_I64, .mem = TG_HOST};
    return TG_OK;
}

static enum tg_status sim_open(const struct nn_arch *arch, const struct nn_net_options *options,
                               struct nn_net **net, struct tg_error *err)
{
    struct nn_net *n = calloc(1, sizeof *n);
    enum tg_status rc;

    *net = NULL;
    if (n == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a network");
    pthread_mutex_init(&n->lock, NULL);
    TRY_OUT(fill_net(n, arch, options, err));
    *net = n;
    return TG_OK;
out:
    sim_close(n);
    return rc;
}

static void sim_batch_close(struct nn_net *net, struct nn_batch *b)
{
    (void)net;
    free(b->device);
    nn_batch_free(b);
}

static enum tg_status sim_batch_open(struct nn_net *net, int capacity, int flags, struct nn_batch *b,
                                     struct tg_error *err)
{
    TRY(nn_batch_alloc(&net->arch, net->size, capacity, flags, b, err));
    b->device = calloc(1, sizeof(double)); /* when the batch is done */
    if (b->device == NULL) {
        sim_batch_close(net, b);
        return FAIL(err, TG_ENOMEM, "no memory for a batch");
    }
    return TG_OK;
}

static enum tg_status sim_set(struct nn_net *net, enum nn_array which, const float *host,
                              struct tg_error *err)
{
    if (which > NN_MOMENT2 || net->arrays[which] == NULL)
        return FAIL(err, TG_EINVAL, "array %d cannot be set in this network", (int)which);
    if (host != NULL)
        memcpy(net->arrays[which], host, net->layout.n_params * sizeof *host);
    return TG_OK;
}

static struct tg_span sim_span(struct nn_net *net, enum nn_array which)
{
    float *array = which <= NN_MOMENT2 ? net->arrays[which] : NULL;

    return (struct tg_span){.ptr = array, .n = array != NULL ? net->layout.n_params : 0, .dtype = TG_F32,
                            .mem = TG_HOST};
}

static enum tg_status sim_get(struct nn_net *net, enum nn_array which, float *host,
                              struct tg_error *err)
{
    if (which == NN_GRADS)
        memset(host, 0, net->layout.n_params * sizeof *host);
    else if (net->arrays[which] != NULL)
        memcpy(host, net->arrays[which], net->layout.n_params * sizeof *host);
    else
        return FAIL(err, TG_EINVAL, "this network has no array %d: it was not opened for training",
                    (int)which);
    return TG_OK;
}

static enum tg_status sim_infer(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    size_t n = (size_t)b->n, points = (size_t)(net->size * net->size);

    if (b->n < 0 || b->n > b->capacity)
        return FAIL(err, TG_EINVAL, "%d rows in a batch for %d", b->n, b->capacity);
    memset(b->policy, 0, n * (points + 1) * sizeof(float));
    memset(b->value, 0, n * NN_N_VALUE * sizeof(float));
    memset(b->score, 0, n * (size_t)net->arch.n_score * sizeof(float));
    if (b->ownership != NULL)
        memset(b->ownership, 0, n * points * sizeof(float));
    *(double *)b->device = enqueue(net, nn_latency_sec(&net->device.infer, b->n));
    return TG_OK;
}

static enum tg_status sim_wait(struct nn_net *net, struct nn_batch *b, struct tg_error *err)
{
    (void)net, (void)err;
    sleep_until(*(double *)b->device);
    return TG_OK;
}

static bool sim_ready(struct nn_net *net, struct nn_batch *b)
{
    (void)net;
    return now_sec() >= *(double *)b->device;
}

static enum tg_status sim_backward(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                                   int n_rows_global, bool first, struct tg_error *err)
{
    int64_t *n_rows = &net->sums[net->layout.n_params];

    (void)loss;
    if (!net->train || b->t.policy == NULL)
        return FAIL(err, TG_EINVAL, "this network or batch was not opened for training");
    if (b->n < 0 || b->n > b->capacity || n_rows_global < 1)
        return FAIL(err, TG_EINVAL, "%d rows of a batch for %d, of %d in all", b->n, b->capacity,
                    n_rows_global);
    if (first)
        memset(net->sums, 0, (net->layout.n_params + 1) * sizeof *net->sums);
    *n_rows += b->n;
    memset(b->t.value_error, 0, (size_t)b->n * sizeof(float));
    sleep_until(enqueue(net, nn_latency_sec(&net->device.train, b->n)));
    return TG_OK;
}

static struct tg_span sim_reduce_span(struct nn_net *net) { return net->span; }

static enum tg_status sim_update(struct nn_net *net, const struct nn_update *u,
                                 struct nn_update_result *result, struct tg_error *err)
{
    size_t n = net->layout.n_params;
    double keep = (double)u->ema, done = enqueue(net, net->device.update_sec);

    if (!net->train)
        return FAIL(err, TG_EINVAL, "this network was not opened for training");
    memset(result, 0, sizeof *result);
    result->metrics[NN_METRIC_ROWS] = (double)net->sums[n];
    for (size_t i = 0; i < n; i++)
        net->arrays[NN_EMA][i] = (float)(keep * (double)net->arrays[NN_EMA][i] +
                                         (1.0 - keep) * (double)net->arrays[NN_PARAMS][i]);
    sleep_until(done);
    return TG_OK;
}

const struct nn_backend nn_backend_simulated = {
    .name = "simulated",
    .open = sim_open,
    .close = sim_close,
    .batch_open = sim_batch_open,
    .batch_close = sim_batch_close,
    .set = sim_set,
    .get = sim_get,
    .span = sim_span,
    .infer = sim_infer,
    .wait = sim_wait,
    .ready = sim_ready,
    .backward = sim_backward,
    .reduce_span = sim_reduce_span,
    .update = sim_update,
    .scale = nn_no_scale,
};
