/* root.c - what the root has beside other nodes: policy temperature, Dirichlet noise, a banned
 * pass, forced playouts, Gumbel variables. */
#include <math.h>

#include "internal.h"

float root_forced(const struct search *s, float prior, int root_visits)
{
    return sqrtf(s->set.forced_k * prior * (float)(root_visits - 1));
}

/* prior [n] := prior^(1 / temperature), normalised. */
static void apply_temperature(float *prior, int n, float temperature)
{
    float most = 0.0f, sum = 0.0f;

    if (temperature == 1.0f)
        return;
    for (int i = 0; i < n; i++)
        most = prior[i] > most ? prior[i] : most;
    for (int i = 0; i < n; i++) {
        prior[i] = powf(prior[i] / most, 1.0f / temperature);
        sum += prior[i];
    }
    for (int i = 0; i < n; i++)
        prior[i] /= sum;
}

/* alpha [n]: the concentration, flat, or half of it on moves whose log prior (capped at a
 * hundredth) is above the average. */
static void concentration(const struct search_settings *set, const float *prior, int n,
                          float *alpha)
{
    float total = set->noise_alpha > 0.0f ? set->noise_alpha * (float)n : set->noise_total;
    float mean = 0.0f, sum = 0.0f;

    for (int i = 0; i < n; i++)
        alpha[i] = total / (float)n;
    if (!set->noise_shaped)
        return;
    for (int i = 0; i < n; i++)
        mean += logf(fminf(prior[i], 0.01f) + 1e-20f) / (float)n;
    for (int i = 0; i < n; i++)
        sum += fmaxf(0.0f, logf(fminf(prior[i], 0.01f) + 1e-20f) - mean);
    if (sum <= 1e-6f)
        return; /* a flat policy has no shape */
    for (int i = 0; i < n; i++) {
        float above = fmaxf(0.0f, logf(fminf(prior[i], 0.01f) + 1e-20f) - mean);

        alpha[i] = 0.5f * total / (float)n + 0.5f * total * above / sum;
    }
}

/* prior [n] := (1 - weight) prior + weight * Dirichlet(alpha). */
static void add_noise(struct search *s, float *prior, int n)
{
    double gamma[GAME_MAX_ACTIONS], sum = 0.0;
    float alpha[GAME_MAX_ACTIONS], weight = s->set.noise_weight;

    if (weight <= 0.0f || n < 2)
        return;
    concentration(&s->set, prior, n, alpha);
    for (int i = 0; i < n; i++)
        sum += gamma[i] = tg_rng_gamma(&s->rng, alpha[i]);
    if (!(sum > 0.0))
        return; /* all of them underflowed */
    for (int i = 0; i < n; i++)
        prior[i] = (1.0f - weight) * prior[i] + weight * (float)(gamma[i] / sum);
}

/* The slot of a pass that ends the game at once with the opponent as winner; else NO_SLOT. */
static int losing_pass(struct search *s, const struct node *root)
{
    const int16_t *action = node_actions(s, root);
    int pass = s->game->n_points, slot = 0;

    if (!s->set.avoid_early_pass || !s->game->has_pass || root->n_children < 2)
        return NO_SLOT;
    while (slot < root->n_children && action[slot] != pass)
        slot++;
    if (slot == root->n_children)
        return NO_SLOT;
    game_copy(s->game, &s->pos, &s->root_pos);
    game_play(s->game, &s->pos, pass);
    if (!s->pos.over || s->pos.winner == GAME_DRAWN || s->pos.winner == GAME_NO_RESULT)
        return NO_SLOT;
    return (s->pos.winner == GAME_WON_BLACK) == (root->to_move == GAME_BLACK) ? NO_SLOT : slot;
}

/* Open the slot (which moves to n_open) and close it to selection. */
static void ban(struct search *s, int slot)
{
    struct node *root = node_at(s, s->root);

    if (slot >= root->n_open) {
        tree_swap(s, root, slot, root->n_open);
        slot = root->n_open;
        if (tree_open(s, s->root) == NODE_NONE)
            return; /* it is then only a move that loses */
        root = node_at(s, s->root);
    }
    s->banned_slot = slot;
    if (s->set.proven && child_at(s, root, slot)->proven == 0 && ++root->n_lost == root->n_children)
        root->proven = root->to_move == GAME_BLACK ? -1 : 1;
    tree_sync_slot(s, root, slot);
}

/* prior [n] in the order of actions, so that the draws do not depend on the tree's history. */
static void stir(struct search *s, const int16_t *action, float *prior, int n)
{
    apply_temperature(prior, n, settings_temperature(&s->set, &s->root_pos, s->set.root_temp_early,
                                                     s->set.root_temp_late));
    if (!s->set.gumbel) {
        add_noise(s, prior, n);
        return;
    }
    float scale = settings_temperature(&s->set, &s->root_pos, s->set.temp_early, s->set.temp_late);

    for (int i = 0; i < n; i++) {
        s->gumbel[action[i]] = scale * (float)tg_rng_gumbel(&s->rng);
        s->logit[action[i]] = logf(prior[i] + 1e-30f);
    }
}

void root_prepare(struct search *s)
{
    struct node *root = node_at(s, s->root);
    float *prior = node_priors(s, root), stirred[GAME_MAX_ACTIONS];
    const int16_t *action = node_actions(s, root);
    int16_t slot_of[GAME_MAX_ACTIONS], legal[GAME_MAX_ACTIONS];
    int n = root->n_children, k = 0;

    memset(slot_of, -1, sizeof slot_of);
    for (int i = 0; i < n; i++) {
        const struct node *c = child_at(s, root, i);

        slot_of[action[i]] = (int16_t)i;
        if (!s->prepared)
            s->raw_prior[action[i]] = prior[i];
        s->base_visits[action[i]] = c != NULL ? c->visits : 0;
    }
    for (int a = 0; a < s->game->n_actions; a++)
        if (slot_of[a] >= 0) {
            legal[k] = (int16_t)a;
            stirred[k++] = s->raw_prior[a];
        }
    stir(s, legal, stirred, n);
    for (int i = 0; i < n; i++)
        prior[slot_of[legal[i]]] = stirred[i];
    s->gumbel_start = root->visits;
    tree_best_forward(s, root);
    if (!s->prepared) {
        int slot = losing_pass(s, root);

        if (slot != NO_SLOT)
            ban(s, slot);
    }
    s->prepared = true;
}
