/* draw.c - which rows a step trains on, and how much each counts. */
#include "window.h"

#include <math.h>

#include "tengen/rng.h"

void weight_tree_set(const struct weight_tree *t, int64_t leaf, uint64_t weight)
{
    int64_t i = t->n_leaves + leaf;

    t->nodes[i] = weight;
    for (i /= 2; i >= 1; i /= 2)
        t->nodes[i] = t->nodes[2 * i] + t->nodes[2 * i + 1];
}

void weight_tree_rebuild(const struct weight_tree *t, int64_t first, int64_t n)
{
    int64_t low = t->n_leaves + first, high = low + n - 1;

    if (n <= 0)
        return;
    for (low /= 2, high /= 2; low >= 1; low /= 2, high /= 2)
        for (int64_t i = low; i <= high; i++)
            t->nodes[i] = t->nodes[2 * i] + t->nodes[2 * i + 1];
}

uint64_t weight_tree_prefix(const struct weight_tree *t, int64_t n)
{
    uint64_t sum = 0;

    if (n >= t->n_leaves)
        return t->nodes[1];
    for (int64_t i = t->n_leaves + n; i > 1; i /= 2)
        if (i % 2 != 0)
            sum += t->nodes[i - 1];
    return sum;
}

int64_t weight_tree_find(const struct weight_tree *t, uint64_t at)
{
    int64_t i = 1;

    while (i < t->n_leaves) {
        i *= 2;
        if (at >= t->nodes[i])
            at -= t->nodes[i++];
    }
    return i - t->n_leaves;
}

float window_priority(float error)
{
    const float tiny = 1e-6f;

    return isfinite(error) && fabsf(error) > 0.0f ? fabsf(error) : tiny;
}

uint64_t window_weight(const struct replay_window_options *o, float priority)
{
    double w = pow((double)priority + (double)o->epsilon, (double)o->alpha);
    double scaled = w * (double)(UINT64_C(1) << WEIGHT_BITS);

    if (!(scaled >= 1.0)) /* NaN too */
        return 1;
    return scaled < (double)(UINT64_C(1) << WEIGHT_MAX_BITS) ? (uint64_t)llround(scaled)
                                                              : UINT64_C(1) << WEIGHT_MAX_BITS;
}

/* Uniform in [0, n), n > 0. */
static uint64_t below(struct tg_rng *r, uint64_t n)
{
    uint64_t mask = n - 1, x;

    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do
        x = tg_rng_u64(r) & mask;
    while (x >= n);
    return x;
}

/* The newest n rows: slots [start, start + n_first) and then [0, n - n_first), oldest first. */
struct range {
    int64_t n, start, n_first;
    uint64_t base, weight_first, weight; /* of the leaves before, in the first part, in all */
};

static struct range range_of_newest(const struct replay_window *w, int64_t n_newest)
{
    int64_t capacity = w->options.capacity;
    struct range r = {.n = n_newest > 0 && n_newest < w->count ? n_newest : w->count};

    r.start = (w->head - r.n + capacity) % capacity;
    r.n_first = r.start + r.n <= capacity ? r.n : capacity - r.start;
    if (replay_window_prioritised(w)) {
        r.base = weight_tree_prefix(&w->tree, r.start);
        r.weight_first = weight_tree_prefix(&w->tree, r.start + r.n_first) - r.base;
        r.weight = r.weight_first + weight_tree_prefix(&w->tree, r.n - r.n_first);
    }
    return r;
}

static int64_t draw_uniform(const struct range *r, struct tg_rng *rng)
{
    int64_t i = (int64_t)below(rng, (uint64_t)r->n);

    return i < r->n_first ? r->start + i : i - r->n_first;
}

static int64_t draw_weighted(const struct replay_window *w, const struct range *r, struct tg_rng *rng)
{
    uint64_t at = below(rng, r->weight);

    at = at < r->weight_first ? r->base + at : at - r->weight_first;
    return weight_tree_find(&w->tree, at);
}

/* weights := (1 / (N P))^beta over the largest of the batch. */
static void importance(const struct replay_window *w, const struct range *r, float beta, int n,
                       const int64_t *slots, float *weights)
{
    double largest = 0.0;

    for (int i = 0; i < n; i++) {
        double p = (double)w->tree.nodes[w->tree.n_leaves + slots[i]] / (double)r->weight;
        double x = pow((double)r->n * p, -(double)beta);

        weights[i] = (float)x;
        largest = x > largest ? x : largest;
    }
    for (int i = 0; i < n; i++)
        weights[i] = (float)((double)weights[i] / largest);
}

enum tg_status replay_window_draw(struct replay_window *w, uint64_t seed, int64_t step,
                                  int64_t n_newest, float beta, int n, int64_t *slots,
                                  float *weights, struct tg_error *err)
{
    struct range r;

    if (w->count == 0)
        return FAIL(err, TG_EINVAL, "drawing from an empty replay window");
    if (n < 0 || n_newest < 0 || !(beta >= 0.0f))
        return FAIL(err, TG_EINVAL, "drawing %d rows of the newest %jd with beta %g", n,
                    (intmax_t)n_newest, (double)beta);
    r = range_of_newest(w, n_newest);
    for (int i = 0; i < n; i++) {
        struct tg_rng rng = tg_rng_stream(seed, TG_RNG_DRAW, (uint64_t)step, (uint64_t)i);

        slots[i] = replay_window_prioritised(w) ? draw_weighted(w, &r, &rng) : draw_uniform(&r, &rng);
        weights[i] = 1.0f;
    }
    if (replay_window_prioritised(w))
        importance(w, &r, beta, n, slots, weights);
    return TG_OK;
}
