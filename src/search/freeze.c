/* freeze.c - a tree as bytes, to be gone on with by the same build: arena, root and random stream. */
#include <stdlib.h>

#include "internal.h"

/* What a tree is besides its arena and the root's arrays. */
struct frozen {
    struct search_settings set;
    struct tg_rng rng;
    struct position root_pos;
    uint32_t root, used, next_id;
    int32_t limit, max_depth, banned_slot, gumbel_start, n_actions;
    int64_t n_evaluated;
    uint8_t prepared, out_of_memory;
};

/* The root's own arrays [A], in this order. */
enum { N_ARRAYS = 4 };
static void arrays_of(const struct search *s, void *arrays[N_ARRAYS])
{
    arrays[0] = s->raw_prior;
    arrays[1] = s->gumbel;
    arrays[2] = s->logit;
    arrays[3] = s->base_visits;
}
_Static_assert(sizeof(float) == sizeof(int32_t), "the arrays have items of one size");

size_t search_freeze_bytes(const struct search *s)
{
    return sizeof(struct frozen) + N_ARRAYS * (size_t)s->game->n_actions * sizeof(float) +
           (size_t)(s->arena.used - 1) * ARENA_UNIT;
}

void search_freeze(struct search *s, void *bytes)
{
    unsigned char *at = bytes;
    struct frozen f;
    void *arrays[N_ARRAYS];
    size_t array_bytes = (size_t)s->game->n_actions * sizeof(float);

    while (s->n_flights > 0)
        search_cancel(s, s->flights[0].id);
    memset(&f, 0, sizeof f);
    f.set = s->set;
    f.rng = s->rng;
    f.root_pos = s->root_pos;
    f.root = s->root;
    f.used = s->arena.used;
    f.next_id = s->next_id;
    f.limit = s->limit;
    f.max_depth = s->max_depth;
    f.banned_slot = s->banned_slot;
    f.gumbel_start = s->gumbel_start;
    f.n_actions = s->game->n_actions;
    f.n_evaluated = s->n_evaluated;
    f.prepared = s->prepared;
    f.out_of_memory = s->out_of_memory;
    memcpy(at, &f, sizeof f);
    at += sizeof f;
    arrays_of(s, arrays);
    for (int i = 0; i < N_ARRAYS; i++, at += array_bytes)
        memcpy(at, arrays[i], array_bytes);
    memcpy(at, s->arena.mem + ARENA_UNIT, (size_t)(f.used - 1) * ARENA_UNIT); /* unit 0 is none */
}

enum tg_status search_thaw(struct search *s, const void *bytes, size_t n, struct tg_error *err)
{
    const unsigned char *at = bytes;
    struct frozen f;
    void *arrays[N_ARRAYS];
    size_t array_bytes = (size_t)s->game->n_actions * sizeof(float);

    search_clear(s);
    if (n < sizeof f)
        return FAIL(err, TG_EFORMAT, "a frozen tree of %zu bytes", n);
    memcpy(&f, at, sizeof f);
    at += sizeof f;
    if (f.n_actions != s->game->n_actions || f.used < 1 || f.root >= f.used ||
        n != sizeof f + N_ARRAYS * array_bytes + (size_t)(f.used - 1) * ARENA_UNIT)
        return FAIL(err, TG_EFORMAT, "a frozen tree of %zu bytes is not what its head says", n);
    if (!arena_reserve(&s->arena, (size_t)(f.used - 1) * ARENA_UNIT))
        return FAIL(err, TG_ENOMEM, "a frozen tree of %zu bytes", n);
    arrays_of(s, arrays);
    for (int i = 0; i < N_ARRAYS; i++, at += array_bytes)
        memcpy(arrays[i], at, array_bytes);
    memcpy(s->arena.mem + ARENA_UNIT, at, (size_t)(f.used - 1) * ARENA_UNIT);
    s->arena.used = f.used;
    s->root = f.root;
    s->set = f.set;
    s->rng = f.rng;
    s->root_pos = f.root_pos;
    s->next_id = f.next_id;
    s->limit = f.limit;
    s->max_depth = f.max_depth;
    s->banned_slot = f.banned_slot;
    s->gumbel_start = f.gumbel_start;
    s->n_evaluated = f.n_evaluated;
    s->prepared = f.prepared;
    s->out_of_memory = f.out_of_memory;
    return TG_OK;
}
