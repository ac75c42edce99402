/* ahead.c - fused plans of a pass, compiled on several threads before the pass asks for them one by one: each takes
 * cuDNN seconds on one core, and a pass has up to twenty.
 *
 * A handle of cuDNN is one thread's. A description of the device may be shared, and a plan made with one goes to whom has
 * a handle as text (cuDNN Frontend, "Deviceless ahead-of-time compilation"), as plans from the disk do. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "net.h"
#include "tengen/file.h"

enum { MOST_JOBS = 96, MOST_THREADS = 16 };

const int64_t fused_kernels[FUSED_KERNELS] = {10 /* 256 x 64, 64 */, 2 /* 128 x 128, 64 */};

/* A kernel for a convolution, or (kernel -1) what cuDNN proposes. */
struct ahead_job {
    struct conv_spec spec;
    int64_t kernel;
    char *plans[FUSED]; /* owned [n] */
    int most;  /* plans wanted */
    int n;
    bool done; /* it was come to */
};

struct ahead {
    struct nn_net *net;
    struct device_prop prop; /* owned */
    size_t room; /* bytes of workspace */
    double until; /* tg_now(): no more are begun */
    struct ahead_job job[MOST_JOBS];
    int n, from; /* jobs [from, n) are to be done */
    atomic_int next;
};

int fused_kernels_for(const struct conv_spec *s) { return s->k == 1 ? 1 : FUSED_KERNELS; }

static void add(struct ahead *a, const struct conv_spec *s, int64_t kernel, int most)
{
    for (int i = 0; i < a->n; i++)
        if (a->job[i].kernel == kernel && conv_spec_same(&a->job[i].spec, s))
            return;
    if (a->n < MOST_JOBS)
        a->job[a->n++] = (struct ahead_job){.spec = *s, .kernel = kernel, .most = most};
}

static void collect(void *ctx, const struct conv_spec *s)
{
    struct ahead *a = ctx;

    for (int i = 0; s->fusion != 0 && !choice_is_known(a->net, s, a->room) && i < fused_kernels_for(s); i++)
        add(a, s, fused_kernels[i], 1);
}

static void compile(const struct ahead *a, struct ahead_job *j)
{
    struct conv_plan plans[FUSED];
    struct tg_error ignored; /* the pass meets what is wrong again, and says so */
    int n = 0;

    conv_plans_fused(&j->spec, &a->prop, a->room, j->kernel, j->most, plans, &n, &ignored);
    for (int i = 0; i < n; i++) {
        if (conv_plan_save(&plans[i], &j->plans[j->n], &ignored) == TG_OK)
            j->n++;
        conv_plan_close(&plans[i]);
    }
    j->done = true;
}

static void *work(void *ctx)
{
    struct ahead *a = ctx;
    int i;

    cudaSetDevice(a->net->device); /* a thread's own: where cuDNN would load what it has compiled */
    while ((i = atomic_fetch_add(&a->next, 1)) < a->n && tg_now() < a->until)
        compile(a, &a->job[i]);
    return NULL;
}

/* As many threads as this one may use cores. One that cannot be had is done without. */
static void work_all(struct ahead *a)
{
    pthread_t thread[MOST_THREADS];
    cpu_set_t cores;
    int n = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1, made = 0;

    atomic_store(&a->next, a->from);
    n = n < MOST_THREADS ? n : MOST_THREADS;
    n = n < a->n - a->from ? n : a->n - a->from;
    while (made < n - 1 && pthread_create(&thread[made], NULL, work, a) == 0)
        made++;
    work(a);
    while (made > 0)
        pthread_join(thread[--made], NULL);
    a->from = a->n;
}

/* What cuDNN proposes, where there is no kernel for a convolution; where there are, for one of those that differ in
 * what is fused alone, to be compared with them. */
static void add_proposals(struct ahead *a)
{
    int n = a->n;

    for (int i = 0; i < n; i++) {
        const struct conv_spec *s = &a->job[i].spec;
        bool none = true, first = true;

        for (int k = 0; k < n; k++) {
            if (conv_spec_same(&a->job[k].spec, s))
                none = none && a->job[k].n == 0;
            else if (k < i && a->job[k].spec.k == s->k && a->job[k].spec.n_out == s->n_out)
                first = false;
        }
        if (none || first)
            add(a, s, -1, none ? FUSED : 1);
    }
}

/* What the pass lacks becomes jobs. */
static void collect_all(struct ahead *a, const struct pass *p)
{
    struct pass walk = *p;
    struct tg_error ignored;

    plan_cache_refresh(&a->net->cache); /* another process may have compiled them */
    walk.mode = PASS_COLLECT;
    walk.collect = collect;
    walk.ctx = a;
    if (pass_forward(&walk, &ignored) == TG_OK && p->train)
        pass_backward(&walk, &ignored); /* of the stem and the heads too */
}

void ahead_open(const struct pass *p, double limit_sec)
{
    struct nn_net *net = p->net;
    struct ahead *a = net->plain || limit_sec <= 0 ? NULL : calloc(1, sizeof *a);
    struct tg_error ignored;
    double start = tg_now();

    ahead_close(net);
    if (a == NULL)
        return; /* or no memory: then they are compiled one by one */
    *a = (struct ahead){.net = net, .room = p->workspace_bytes, .until = start + limit_sec};
    collect_all(a, p);
    if (a->n == 0 || device_prop_describe(net->device, &a->prop, &ignored) != TG_OK) {
        free(a);
        return;
    }
    work_all(a);
    add_proposals(a);
    work_all(a);
    net->ahead = a;
    net->tuned_sec += tg_now() - start;
}

bool ahead_take(struct nn_net *net, const struct conv_spec *s, size_t room, int64_t kernel, struct conv_plan *plans,
                int most, int *n)
{
    struct ahead *a = net->ahead;

    for (int i = 0; a != NULL && a->room == room && i < a->n; i++) {
        struct ahead_job *j = &a->job[i];

        if (j->kernel != kernel || !j->done || !conv_spec_same(&j->spec, s))
            continue;
        int before = *n, wanted = j->n < most ? j->n : most;
        for (int k = 0; k < wanted; k++) {
            struct tg_error ignored;

            if (conv_plan_load(j->plans[k], &net->prop, &plans[*n], &ignored) == TG_OK)
                plans[(*n)++].kernel = kernel;
        }
        return *n - before == wanted; /* else they are compiled here, beside those that could be read */
    }
    return false;
}

void ahead_close(struct nn_net *net)
{
    struct ahead *a = net->ahead;

    for (int i = 0; a != NULL && i < a->n; i++)
        for (int k = 0; k < a->job[i].n; k++)
            free(a->job[i].plans[k]);
    if (a != NULL)
        device_prop_close(&a->prop);
    free(a);
    net->ahead = NULL;
}
