/* tree.c - nodes: reach, expand, back up, prove. */
#include <assert.h>
#include <math.h>

#include "internal.h"

uint32_t tree_new_node(struct search *s, uint32_t parent, int slot)
{
    uint32_t index = arena_alloc(&s->arena, sizeof(struct node));

    if (index != NODE_NONE)
        *node_at(s, index) = (struct node){.parent = parent, .slot = (uint16_t)slot};
    return index;
}

static void set_terminal(struct search *s, uint32_t index, const struct position *pos)
{
    struct node *v = node_at(s, index);
    struct outcome o = outcome_of_end(&s->set, s->game, pos);

    v->state = NODE_TERMINAL;
    v->raw_win = (float)o.win;
    v->raw_loss = (float)o.loss;
    v->raw_lead = (float)o.lead;
    v->raw_utility = (float)o.utility;
    if (s->set.proven && (pos->winner == GAME_WON_BLACK || pos->winner == GAME_WON_WHITE))
        tree_prove(s, index, pos->winner == GAME_WON_BLACK ? 1 : -1);
}

bool tree_reach(struct search *s, uint32_t index, const struct position *pos)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    struct node *v = node_at(s, index);

    v->to_move = pos->to_move;
    if (pos->over) {
        set_terminal(s, index, pos);
        return true;
    }
    int n = game_legal(s->game, pos, legal), k = 0;
    size_t bytes = (size_t)round_up_8(n) * (sizeof(float) + sizeof(int16_t));
    uint32_t block = arena_alloc(&s->arena, bytes);

    assert(n > 0);
    if (block == NODE_NONE)
        return false;
    v = node_at(s, index);
    v->children = block;
    v->n_children = (uint16_t)n;
    int16_t *action = node_actions(s, v);

    for (int a = 0; a < s->game->n_actions; a++) {
        action[k] = (int16_t)a; /* overwritten unless legal; k < n, so inside the block */
        k += legal[a] != 0;
        if (k == n)
            break;
    }
    for (; k < round_up_8(n); k++)
        action[k] = -1;
    return true;
}

void tree_swap(const struct search *s, const struct node *v, int i, int j)
{
    float *prior = node_priors(s, v), p = prior[i];
    int16_t *action = node_actions(s, v), a = action[i];

    prior[i] = prior[j];
    action[i] = action[j];
    prior[j] = p;
    action[j] = a;
}

void tree_best_forward(const struct search *s, const struct node *v)
{
    const float *prior = node_priors(s, v);
    float best = -1.0f;
    int n = v->n_children, first = v->n_open, at = first;

    for (int i = first; i < n; i++)
        if (prior[i] > best) {
            best = prior[i];
            at = i;
        }
    if (at != first)
        tree_swap(s, v, at, first);
}

/* Twice the room for open children. */
static bool grow_open(struct search *s, uint32_t index)
{
    struct node *v = node_at(s, index);
    int cap = v->cap_open == 0 ? 4 : 2 * v->cap_open;

    if (cap > round_up_8(v->n_children))
        cap = round_up_8(v->n_children);
    uint32_t block = arena_alloc(&s->arena, (size_t)cap * 12);

    if (block == NODE_NONE)
        return false;
    v = node_at(s, index);
    float *to = arena_at(&s->arena, block);

    if (v->n_open > 0) {
        memcpy(to, open_n(s, v), v->n_open * sizeof *to);
        memcpy(to + cap, open_q(s, v), v->n_open * sizeof *to);
        memcpy(to + 2 * cap, open_nodes(s, v), v->n_open * sizeof(uint32_t));
    }
    v->open = block;
    v->cap_open = (uint16_t)cap;
    return true;
}

uint32_t tree_open(struct search *s, uint32_t index)
{
    struct node *v = node_at(s, index);
    int slot = v->n_open;

    if (slot == v->cap_open && !grow_open(s, index))
        return NODE_NONE;
    uint32_t child = tree_new_node(s, index, slot);

    if (child == NODE_NONE)
        return NODE_NONE;
    v = node_at(s, index);
    v->n_open++;
    open_nodes(s, v)[slot] = child;
    tree_sync_slot(s, v, slot);
    tree_best_forward(s, v);
    return child;
}

void tree_sync_slot(const struct search *s, struct node *v, int slot)
{
    const struct node *c = child_at(s, v, slot);
    float *n = open_n(s, v) + slot, *q = open_q(s, v) + slot;
    float flying, sign = sign_of(v->to_move);

    if (v == node_at(s, s->root) && slot == s->banned_slot) {
        *n = 1.0f;
        *q = -Q_PROVEN;
        return;
    }
    flying = s->set.virtual_loss * (float)c->in_flight;
    *n = (float)c->visits + flying;
    if (*n > 0.0f)
        *q = (sign * (float)c->sum.utility - flying) / *n;
    if (c->proven != 0)
        *q = sign * (float)c->proven * Q_PROVEN;
}

void tree_backup(struct search *s, uint32_t index, const struct outcome *o, int flight)
{
    for (;;) {
        struct node *v = node_at(s, index);

        v->visits++;
        v->in_flight = (uint16_t)(v->in_flight - flight);
        v->sum.utility += o->utility;
        v->sum.win += o->win;
        v->sum.loss += o->loss;
        v->sum.lead += o->lead;
        if (v->parent == NODE_NONE)
            return;
        tree_sync_slot(s, node_at(s, v->parent), v->slot);
        index = v->parent;
    }
}

void tree_fly(struct search *s, uint32_t index, int count)
{
    for (;;) {
        struct node *v = node_at(s, index);

        v->in_flight = (uint16_t)(v->in_flight + count);
        if (v->parent == NODE_NONE)
            return;
        tree_sync_slot(s, node_at(s, v->parent), v->slot);
        index = v->parent;
    }
}

void tree_prove(struct search *s, uint32_t index, int8_t winner)
{
    struct node *v = node_at(s, index);

    v->proven = winner;
    while (v->parent != NODE_NONE) {
        struct node *p = node_at(s, v->parent);

        tree_sync_slot(s, p, v->slot);
        if (p->proven != 0)
            return;
        if (sign_of(p->to_move) * (float)winner < 0.0f && ++p->n_lost < p->n_children)
            return; /* lost, but the player has other moves */
        p->proven = winner;
        v = p;
    }
}

/* exp(x) for x in [-87, 0], relative error below 1e-6; no branches, so that loops vectorise. */
static inline float exp_below_0(float x)
{
    union {
        int32_t i;
        float f;
    } two_to_k;
    int32_t k = (int32_t)(x * 1.44269504f - 0.5f);
    float kf = (float)k, r = (x - kf * 0.693359375f) + kf * 2.12194440e-4f, p;

    p = 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    two_to_k.i = (int32_t)((uint32_t)(k + 127) << 23);
    return p * two_to_k.f;
}

void tree_ban(const struct search *s, struct node *v, const uint8_t *banned)
{
    int16_t kept[GAME_MAX_ACTIONS + 8], *action = node_actions(s, v);
    int n = 0;

    for (int i = 0; i < v->n_children; i++)
        if (!banned[action[i]])
            kept[n++] = action[i];
    if (n == 0 || n == v->n_children)
        return;
    v->n_children = (uint16_t)n;
    for (int i = n; i < round_up_8(n); i++)
        kept[i] = -1;
    memcpy(node_actions(s, v), kept, (size_t)round_up_8(n) * sizeof *kept); /* behind fewer priors now */
}

bool tree_set_priors(struct search *s, struct node *v, const float *logits)
{
    float *prior = node_priors(s, v), *x = s->scratch, most = -INFINITY;
    float lane[8] = {0};
    const int16_t *action = node_actions(s, v);
    int n = v->n_children, cap = round_up_8(n);
    bool nan = false;

    for (int i = 0; i < n; i++) {
        x[i] = logits[action[i]];
        nan |= x[i] != x[i];
        most = x[i] > most ? x[i] : most;
    }
    for (int i = n; i < cap; i++)
        x[i] = -INFINITY;
    if (nan || !isfinite(most))
        return false;
    for (int i = 0; i < cap; i++) { /* two loops: one would not vectorise */
        float d = x[i] - most;

        x[i] = d > -87.0f ? d : -87.0f;
    }
    for (int i = 0; i < cap; i++)
        prior[i] = exp_below_0(x[i]);
    for (int i = n; i < cap; i++)
        prior[i] = 0.0f;
    for (int i = 0; i < cap; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += prior[i + j];
    for (int width = 4; width > 0; width /= 2)
        for (int j = 0; j < width; j++)
            lane[j] += lane[j + width];
    float scale = 1.0f / lane[0];

    for (int i = 0; i < cap; i++)
        prior[i] *= scale;
    tree_best_forward(s, v);
    return true;
}
