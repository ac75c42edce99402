/* arena.c - the tree's memory: bump allocation, growth by doubling, copying of what is kept. */
#include <stdlib.h>

#include "internal.h"

bool arena_reserve(struct arena *a, size_t bytes)
{
    uint64_t need = a->used + (uint64_t)(bytes + ARENA_UNIT - 1) / ARENA_UNIT;

    if (need <= a->cap)
        return true;
    uint64_t cap = (uint64_t)a->cap * 2;

    if (cap < need)
        cap = need;
    if (cap > UINT32_MAX)
        cap = UINT32_MAX;
    if (need > cap)
        return false;
    unsigned char *mem = realloc(a->mem, (size_t)cap * ARENA_UNIT);

    if (mem == NULL)
        return false;
    a->mem = mem;
    a->cap = (uint32_t)cap;
    return true;
}

uint32_t arena_alloc(struct arena *a, size_t bytes)
{
    uint32_t index = a->used;

    if (!arena_reserve(a, bytes))
        return NODE_NONE;
    a->used += (uint32_t)((bytes + ARENA_UNIT - 1) / ARENA_UNIT);
    return index;
}

static uint32_t copy_block(struct arena *to, const struct arena *from, uint32_t index, size_t bytes)
{
    uint32_t copy = arena_alloc(to, bytes);

    if (copy != NODE_NONE)
        memcpy(arena_at(to, copy), arena_at(from, index), bytes);
    return copy;
}

/* Copy the node at index and all below it; NODE_NONE without memory. Recursion goes one ply down a
 * call, so at most as deep as a game is long. */
static uint32_t copy_subtree(struct search *s, struct arena *to, uint32_t index, uint32_t parent)
{
    const struct node *v = node_at(s, index);
    uint32_t at = copy_block(to, &s->arena, index, sizeof *v), children = NODE_NONE;
    uint32_t open = NODE_NONE;

    if (at == NODE_NONE)
        return NODE_NONE;
    if (v->children != NODE_NONE) {
        size_t bytes = (size_t)round_up_8(v->n_children) * (sizeof(float) + sizeof(int16_t));

        children = copy_block(to, &s->arena, v->children, bytes);
        if (children == NODE_NONE)
            return NODE_NONE;
    }
    if (v->open != NODE_NONE) {
        open = copy_block(to, &s->arena, v->open, (size_t)v->cap_open * 12);
        if (open == NODE_NONE)
            return NODE_NONE;
    }
    struct node *w = arena_at(to, at);

    w->parent = parent;
    w->children = children;
    w->open = open;
    for (int i = 0; i < v->n_open; i++) {
        uint32_t child = open_nodes(s, v)[i], copy = NODE_NONE;

        if (child != NODE_NONE && (copy = copy_subtree(s, to, child, at)) == NODE_NONE)
            return NODE_NONE;
        uint32_t *nodes = (uint32_t *)(void *)((float *)arena_at(to, open) + 2 * v->cap_open);

        nodes[i] = copy;
    }
    return at;
}

void arena_compact(struct search *s)
{
    struct arena to = {.used = 1};
    uint32_t root = arena_reserve(&to, (size_t)s->arena.cap * ARENA_UNIT / 4)
                        ? copy_subtree(s, &to, s->root, NODE_NONE)
                        : NODE_NONE;

    if (root == NODE_NONE) {
        free(to.mem);
        return;
    }
    free(s->arena.mem);
    s->arena = to;
    s->root = root;
}
