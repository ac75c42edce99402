/* walk.c - select, expand, cancel: the search's inner loop. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

float walk_c_puct(const struct search_settings *set, float visits)
{
    if (set->c_puct_log == 0.0f)
        return set->c_puct;
    return set->c_puct + set->c_puct_log * logf((visits + set->c_puct_base) / set->c_puct_base);
}

float walk_fpu(const struct search *s, const struct node *v, float reduction)
{
    const float *prior = node_priors(s, v);
    float seen = 0.0f;

    if (v->n_open > 0) {
        const float *n = open_n(s, v);

        for (int i = 0; i < v->n_open; i++)
            seen += n[i] > 0.0f ? prior[i] : 0.0f;
    }
    return node_value(v, v->to_move) - reduction * sqrtf(seen);
}

/* PUCT: q + c * prior * sqrt(N) / (1 + n) over the open slots and the best unopened one. */
static int pick_puct(const struct search *s, const struct node *v, float reduction)
{
    const float *prior = node_priors(s, v);
    float visits = (float)v->visits + s->set.virtual_loss * (float)v->in_flight;
    float scale = walk_c_puct(&s->set, visits) * sqrtf(visits);
    float fpu = walk_fpu(s, v, reduction), best = -INFINITY;
    int at = 0, n_open = v->n_open;

    if (n_open > 0) {
        const float *n = open_n(s, v), *q = open_q(s, v);
        float *score = s->scratch;

        for (int i = 0; i < n_open; i++)
            score[i] = (n[i] > 0.0f ? q[i] : fpu) + scale * prior[i] / (1.0f + n[i]);
        for (int i = 0; i < n_open; i++)
            if (score[i] > best) {
                best = score[i];
                at = i;
            }
    }
    if (n_open < v->n_children && fpu + scale * prior[n_open] > best)
        return n_open;
    return at;
}

/* A child of the root that has some visits but fewer than forced playouts owe it, or NO_SLOT. */
static int pick_forced(const struct search *s, const struct node *root)
{
    const float *prior = node_priors(s, root);

    if (s->set.forced_k <= 0.0f || s->set.noise_weight <= 0.0f || root->n_open == 0)
        return NO_SLOT;
    const float *n = open_n(s, root), *q = open_q(s, root);

    for (int i = 0; i < root->n_open; i++)
        if (n[i] > 0.0f && q[i] > -Q_PROVEN && n[i] < root_forced(s, prior[i], root->visits))
            return i;
    return NO_SLOT;
}

static int pick_root(const struct search *s, const struct node *root)
{
    int forced;

    if (s->set.gumbel)
        return gumbel_pick(s, root);
    forced = pick_forced(s, root);
    return forced != NO_SLOT ? forced : pick_puct(s, root, s->set.root_fpu_reduction);
}

/* Down from the root to a node not yet expanded, finished or proven; NODE_NONE without memory. */
static uint32_t descend(struct search *s, int *depth)
{
    uint32_t index = s->root;

    for (*depth = 0;; ++*depth) {
        struct node *v = node_at(s, index);

        if (v->state != NODE_EXPANDED || v->proven != 0)
            return index;
        int slot = index == s->root ? pick_root(s, v) : pick_puct(s, v, s->set.fpu_reduction);

        if (slot < v->n_open) {
            index = open_nodes(s, v)[slot];
            continue;
        }
        tree_swap(s, v, slot, v->n_open); /* Gumbel may want another than the best prior */
        index = tree_open(s, index);
        ++*depth;
        return index;
    }
}

/* s->pos := the position of a node. */
static void replay(struct search *s, uint32_t index, int depth)
{
    int16_t path[GAME_MAX_PLIES];

    for (int d = depth; d > 0; d--) {
        const struct node *v = node_at(s, index);

        path[d - 1] = node_actions(s, node_at(s, v->parent))[v->slot];
        index = v->parent;
    }
    game_copy(s->game, &s->pos, &s->root_pos);
    for (int d = 0; d < depth; d++)
        game_play(s->game, &s->pos, path[d]);
}

/* The same visit again of a node whose worth is known exactly. */
static void visit_known(struct search *s, uint32_t index)
{
    const struct node *v = node_at(s, index);
    struct outcome o = {v->raw_utility, v->raw_win, v->raw_loss, v->raw_lead};

    if (v->state != NODE_TERMINAL) {
        o = (struct outcome){.utility = v->proven,
                             .win = v->proven > 0,
                             .loss = v->proven < 0,
                             .lead = v->sum.lead / v->visits};
    }
    tree_backup(s, index, &o, 0);
}

/* The move at the root above this node. */
static int16_t root_action(const struct search *s, uint32_t index)
{
    while (node_at(s, index)->parent != s->root)
        index = node_at(s, index)->parent;
    return node_actions(s, node_at(s, s->root))[node_at(s, index)->slot];
}

static bool take_off(struct search *s, uint32_t index, int depth, struct search_leaf *leaf)
{
    if (s->n_flights == s->cap_flights) {
        int cap = s->cap_flights * 2;
        struct flight *flights = realloc(s->flights, (size_t)cap * sizeof *flights);

        if (flights == NULL)
            return false;
        s->flights = flights;
        s->cap_flights = cap;
    }
    s->flights[s->n_flights++] = (struct flight){++s->next_id, index};
    node_at(s, index)->state = NODE_FLYING;
    tree_fly(s, index, 1);
    *leaf = (struct search_leaf){.pos = &s->pos, .id = s->next_id, .depth = depth, .root_action = -1};
    if (depth > 0)
        leaf->root_action = root_action(s, index);
    return true;
}

static enum search_next wait_or_done(const struct search *s)
{
    return s->n_flights > 0 ? SEARCH_WAIT : SEARCH_DONE;
}

enum search_next search_select(struct search *s, struct search_leaf *leaf)
{
    while (s->root != NODE_NONE && !s->out_of_memory) {
        const struct node *root = node_at(s, s->root);
        int depth;

        if (root->visits + s->n_flights >= s->limit || root->proven != 0 ||
            root->state == NODE_TERMINAL)
            break;
        uint32_t index = descend(s, &depth);

        s->out_of_memory = index == NODE_NONE;
        if (s->out_of_memory)
            break;
        struct node *v = node_at(s, index);

        if (depth > s->max_depth)
            s->max_depth = depth;
        if (v->state == NODE_FLYING)
            return SEARCH_WAIT;
        if (v->state == NODE_NEW) {
            replay(s, index, depth);
            if (v->children == NODE_NONE && !tree_reach(s, index, &s->pos)) {
                s->out_of_memory = true;
                break;
            }
            if (node_at(s, index)->state == NODE_NEW) {
                s->out_of_memory = !take_off(s, index, depth, leaf);
                if (!s->out_of_memory)
                    return SEARCH_LEAF;
                break;
            }
        }
        visit_known(s, index);
    }
    return wait_or_done(s);
}

/* The node in flight under this id, which ends its flight; NODE_NONE if there is none. */
static uint32_t land(struct search *s, uint32_t id)
{
    for (int i = 0; i < s->n_flights; i++)
        if (s->flights[i].id == id) {
            uint32_t index = s->flights[i].node;

            s->flights[i] = s->flights[--s->n_flights];
            return index;
        }
    return NODE_NONE;
}

static bool finite_eval(const struct search_eval *e)
{
    return isfinite(e->win + e->loss + e->no_result + e->lead + e->score_stdev) && e->win >= 0.0f &&
           e->loss >= 0.0f && e->no_result >= 0.0f;
}

enum tg_status search_expand(struct search *s, uint32_t leaf_id, const struct search_eval *eval,
                             struct tg_error *err)
{
    uint32_t index = land(s, leaf_id);

    if (index == NODE_NONE)
        return FAIL(err, TG_EINVAL, "leaf %u is not in flight", leaf_id);
    struct node *v = node_at(s, index);

    if (eval->banned != NULL)
        tree_ban(s, v, eval->banned);
    if (!finite_eval(eval) || !tree_set_priors(s, v, eval->policy_logits)) {
        v->state = NODE_NEW;
        tree_fly(s, index, -1);
        return FAIL(err, TG_EINVAL,
                    "evaluation is not finite: win %g loss %g no result %g lead %g",
                    (double)eval->win, (double)eval->loss, (double)eval->no_result,
                    (double)eval->lead);
    }
    struct outcome o = outcome_of_eval(&s->set, &s->root_pos, v->to_move, eval);

    v->state = NODE_EXPANDED;
    v->raw_win = (float)o.win;
    v->raw_loss = (float)o.loss;
    v->raw_lead = (float)o.lead;
    v->raw_utility = (float)o.utility;
    s->n_evaluated++;
    tree_backup(s, index, &o, 1);
    if (index == s->root)
        root_prepare(s);
    /* the next walk's needs: a node, its moves, and twice the open slots of its parent */
    size_t next = sizeof(struct node) + (size_t)s->game->n_actions * 20 + 512;

    if (!arena_reserve(&s->arena, next))
        return FAIL(err, TG_ENOMEM, "no memory for %zu more bytes of a search tree of %zu", next,
                    search_bytes(s));
    return TG_OK;
}

void search_cancel(struct search *s, uint32_t leaf_id)
{
    uint32_t index = land(s, leaf_id);

    if (index == NODE_NONE)
        return;
    node_at(s, index)->state = NODE_NEW;
    tree_fly(s, index, -1);
}
