/* backend.c - the list of backends, and host memory for batches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "plugin.h"

static const struct nn_backend *const backends[] = {&nn_backend_cpu, &nn_backend_simulated};

/* The plugin's backend, if a device is there for it. */
static enum tg_status find_cuda(const struct nn_backend **backend, struct tg_error *err)
{
    const struct nn_plugin *plugin;
    char text[256];

    TRY(nn_plugin_open(&plugin, err));
    TRY(plugin->ready(text, sizeof text, err));
    *backend = plugin->backend;
    return TG_OK;
}

enum tg_status nn_backend_find(const char *name, const struct nn_backend **backend,
                               struct tg_error *err)
{
    struct tg_error ignored;

    if (strcmp(name, "cuda") == 0)
        return find_cuda(backend, err);
    if (strcmp(name, "auto") == 0) { /* the best device there is */
        if (find_cuda(backend, &ignored) != TG_OK)
            *backend = &nn_backend_cpu;
        return TG_OK;
    }
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strcmp(name, backends[i]->name) == 0) {
            *backend = backends[i];
            return TG_OK;
        }
    return FAIL(err, TG_EINVAL, "no backend \"%s\"; there are cpu, cuda, simulated and auto", name);
}

const char *nn_metric_name(enum nn_metric metric)
{
    static const char *const names[NN_METRICS] = {
        [NN_METRIC_TOTAL] = "loss",
        [NN_METRIC_POLICY] = "policy",
        [NN_METRIC_REPLY] = "reply",
        [NN_METRIC_SOFT] = "soft_policy",
        [NN_METRIC_VALUE] = "value",
        [NN_METRIC_OWNERSHIP] = "ownership",
        [NN_METRIC_SCORE_MEAN] = "score_mean",
        [NN_METRIC_SCORE_STDEV] = "score_stdev",
        [NN_METRIC_LEAD] = "lead",
        [NN_METRIC_POLICY_ENTROPY] = "policy_entropy",
        [NN_METRIC_POLICY_HITS] = "policy_hits",
        [NN_METRIC_VALUE_HITS] = "value_hits",
        [NN_METRIC_POLICY_ROWS] = "policy_rows",
        [NN_METRIC_VALUE_ROWS] = "value_rows",
        [NN_METRIC_ROWS] = "rows",
    };
    return names[metric];
}

/* Float arrays of a batch: where their pointers are, and elements per row. */
struct want {
    float **at;
    size_t n;
};

static bool alloc_floats(const struct want *want, int n, int capacity)
{
    for (int i = 0; i < n; i++) {
        *want[i].at = calloc((size_t)capacity * want[i].n, sizeof(float));
        if (*want[i].at == NULL)
            return false;
    }
    return true;
}

static bool alloc_batch(const struct nn_arch *arch, int size, int flags, struct nn_batch *b)
{
    size_t points = (size_t)(size * size), rows = (size_t)b->capacity;
    struct nn_targets *t = &b->t;
    const struct want plain[] = {{&b->globals, (size_t)arch->n_globals},
                                 {&b->policy, points + 1},
                                 {&b->value, NN_N_VALUE},
                                 {&b->score, (size_t)arch->n_score}};
    const struct want own = {&b->ownership, points};
    const struct want train[] = {{&t->policy, points + 1}, {&t->w_policy, 1},
                                 {&t->reply, points + 1},  {&t->w_reply, 1},
                                 {&t->value, NN_N_VALUE},  {&t->w_value, 1},
                                 {&t->score, 1},           {&t->w_score, 1},
                                 {&t->ownership, points},  {&t->row_weight, 1},
                                 {&t->value_error, 1}};

    b->planes = calloc(rows, (size_t)arch->n_planes * ((points + 7) / 8));
    b->symmetry = calloc(rows, 1);
    return b->planes != NULL && b->symmetry != NULL &&
           alloc_floats(plain, sizeof plain / sizeof *plain, b->capacity) &&
           (!(flags & NN_BATCH_OWNERSHIP) || alloc_floats(&own, 1, b->capacity)) &&
           (!(flags & NN_BATCH_TRAIN) ||
            alloc_floats(train, sizeof train / sizeof *train, b->capacity));
}

enum tg_status nn_batch_alloc(const struct nn_arch *arch, int size, int capacity, int flags,
                              struct nn_batch *b, struct tg_error *err)
{
    memset(b, 0, sizeof *b);
    if (capacity < 1 || capacity > 1 << 20)
        return FAIL(err, TG_EINVAL, "a batch of %d rows: not in 1..2^20", capacity);
    b->capacity = capacity;
    if (!alloc_batch(arch, size, flags, b)) {
        nn_batch_free(b);
        return FAIL(err, TG_ENOMEM, "no memory for a batch of %d rows", capacity);
    }
    return TG_OK;
}

void nn_batch_free(struct nn_batch *b)
{
    void *const owned[] = {b->planes, b->globals, b->symmetry, b->policy, b->value, b->score,
                           b->ownership, b->t.policy, b->t.reply, b->t.value, b->t.ownership,
                           b->t.w_policy, b->t.w_reply, b->t.w_value, b->t.score, b->t.w_score,
                           b->t.row_weight, b->t.value_error};

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    memset(b, 0, sizeof *b);
}

struct nn_scale *nn_no_scale(struct nn_net *net)
{
    (void)net;
    return NULL;
}
