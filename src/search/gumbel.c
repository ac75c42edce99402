/* gumbel.c - planning at the root with Gumbel variables and sequential halving (Danihelka et al.,
 * "Policy improvement by planning with Gumbel", 2022). Utilities enter as (u + 1) / 2. */
#include <math.h>

#include "internal.h"

/* What the child is worth to the player at the root, in [0, 1]; mixed where it has no visit. */
static float completed(const struct search *s, const struct node *root, int slot, float mixed)
{
    const struct node *c = child_at(s, root, slot);

    if (c == NULL || (c->visits == 0 && c->proven == 0))
        return mixed;
    if (c->proven != 0)
        return c->proven * sign_of(root->to_move) > 0.0f ? 1.0f : 0.0f;
    return 0.5f + 0.5f * node_value(c, root->to_move);
}

/* The root's own evaluation, mixed with the values of the visited children by their priors. */
static float mixed_value(const struct search *s, const struct node *root)
{
    const float *prior = node_priors(s, root);
    float raw = 0.5f + 0.5f * sign_of(root->to_move) * root->raw_utility;
    float mass = 0.0f, sum = 0.0f, visits = 0.0f;

    for (int i = 0; i < root->n_open; i++) {
        const struct node *c = child_at(s, root, i);

        if (c == NULL || c->visits == 0)
            continue;
        mass += prior[i];
        sum += prior[i] * completed(s, root, i, 0.0f);
        visits += (float)c->visits;
    }
    if (mass <= 0.0f)
        return raw;
    return (raw + visits * (sum / mass)) / (1.0f + visits);
}

/* score [n] := logit + sigma(completed value), without Gumbel variables. */
static void improved_logits(const struct search *s, const struct node *root, float *score)
{
    const int16_t *action = node_actions(s, root);
    float mixed = mixed_value(s, root);
    int most = 0;

    for (int i = 0; i < root->n_open; i++) {
        const struct node *c = child_at(s, root, i);

        if (c != NULL && c->visits > most)
            most = c->visits;
    }
    float scale = (s->set.gumbel_c_visit + (float)most) * s->set.gumbel_c_scale;

    for (int i = 0; i < root->n_children; i++)
        score[i] = s->logit[action[i]] + scale * completed(s, root, i, mixed);
}

/* Visits and flights of this search, not those reused. */
static int own_visits(const struct search *s, const struct node *root, int slot, bool flights)
{
    const struct node *c = child_at(s, root, slot);

    if (c == NULL)
        return 0;
    return c->visits + (flights ? c->in_flight : 0) - s->base_visits[node_actions(s, root)[slot]];
}

/* The visits that a child still in the running has when simulation k of n begins: m children are
 * visited in rounds; each halving level gets an equal share of the n simulations. */
static int considered_visits(int m, int n, int k)
{
    int levels = 0, visits = 0;

    if (m <= 1)
        return k;
    while (1 << levels < m)
        levels++;
    for (int in = m;; in = in / 2 > 2 ? in / 2 : 2) {
        int rounds = n / (levels * in) > 1 ? n / (levels * in) : 1;

        if (k < rounds * in)
            return visits + k / in;
        k -= rounds * in;
        visits += rounds;
    }
}

int gumbel_pick(const struct search *s, const struct node *root)
{
    float score[GAME_MAX_ACTIONS], best = -INFINITY;
    const int16_t *action = node_actions(s, root);
    int start = s->gumbel_start, n = s->limit - start, k = root->visits - start + s->n_flights;
    int free = root->n_children - (s->banned_slot != NO_SLOT);
    int m = s->set.gumbel_considered < free ? s->set.gumbel_considered : free;
    int want = considered_visits(m, n, k), at = NO_SLOT, nearest = 0;

    improved_logits(s, root, score);
    for (int i = 0; i < root->n_children; i++) {
        int visits = own_visits(s, root, i, true);

        if (i == s->banned_slot)
            continue;
        /* Normally some child has exactly the wanted visits; after a cancelled leaf the nearest. */
        int miss = visits > want ? visits - want : want - visits;
        float x = score[i] + s->gumbel[action[i]];

        if (at == NO_SLOT || miss < nearest || (miss == nearest && x > best)) {
            at = i;
            nearest = miss;
            best = x;
        }
    }
    return at;
}

int gumbel_winner(const struct search *s, const struct node *root)
{
    float score[GAME_MAX_ACTIONS], best = -INFINITY;
    const int16_t *action = node_actions(s, root);
    int at = 0, most = 0;

    improved_logits(s, root, score);
    for (int i = 0; i < root->n_children; i++) {
        int visits = own_visits(s, root, i, false);
        float x = score[i] + s->gumbel[action[i]];

        if (i == s->banned_slot)
            continue;
        if (visits > most || (visits == most && x > best)) {
            at = i;
            most = visits;
            best = x;
        }
    }
    return at;
}

void gumbel_policy(const struct search *s, const struct node *root, float *weight)
{
    float most = -INFINITY;

    improved_logits(s, root, weight);
    for (int i = 0; i < root->n_children; i++)
        if (i != s->banned_slot && weight[i] > most)
            most = weight[i];
    for (int i = 0; i < root->n_children; i++)
        weight[i] = i == s->banned_slot ? 0.0f : expf(weight[i] - most);
}
