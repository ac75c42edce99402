/* choose.c - reading a search: result, policy target, move choice, principal variation. */
#include <math.h>

#include "internal.h"

/* Proven outcome of a child for the player who moves at v. */
static int proven_for(const struct node *v, const struct node *c)
{
    return c == NULL ? 0 : (int)sign_of(v->to_move) * c->proven;
}

static int child_visits(const struct search *s, const struct node *v, int slot)
{
    const struct node *c = child_at(s, v, slot);

    return c == NULL ? 0 : c->visits;
}

/* Subtract from the visits those that only forced playouts explain (KataGo paper, 3.2): a child
 * other than the most visited loses up to what it was forced, as long as PUCT would not have walked
 * to it instead of the most visited; what is left with one visit or none is dropped. */
static void prune_forced(const struct search *s, const struct node *root, float *weight)
{
    const float *prior = node_priors(s, root);
    float c = walk_c_puct(&s->set, (float)root->visits) * sqrtf((float)root->visits);
    int top = 0;

    for (int i = 1; i < root->n_open; i++)
        if (weight[i] > weight[top])
            top = i;
    if (weight[top] <= 0.0f)
        return;
    float bar = node_value(child_at(s, root, top), root->to_move);

    bar += c * prior[top] / (1.0f + weight[top]);

    for (int i = 0; i < root->n_open; i++) {
        if (i == top || weight[i] <= 0.0f)
            continue;
        float q = node_value(child_at(s, root, i), root->to_move);

        if (q >= bar)
            continue;
        float enough = ceilf(c * prior[i] / (bar - q) - 1.0f);
        float kept = fmaxf(enough, weight[i] - floorf(root_forced(s, prior[i], root->visits)));

        if (kept < weight[i])
            weight[i] = kept > 1.0f ? kept : 0.0f;
    }
}

/* weight [n_children] := visits by slot: without the banned pass; pruned; where a win is proven
 * those moves alone, proven losses only where nothing else was visited. */
static void visit_weights(const struct search *s, const struct node *root, float *weight)
{
    bool won = false, open = false;

    for (int i = 0; i < root->n_children; i++) {
        int proven = proven_for(root, child_at(s, root, i));

        weight[i] = i == s->banned_slot ? 0.0f : (float)child_visits(s, root, i);
        won |= proven > 0 && weight[i] > 0.0f;
        open |= proven == 0 && weight[i] > 0.0f;
    }
    for (int i = 0; i < root->n_open; i++) {
        int proven = proven_for(root, child_at(s, root, i));

        if ((won && proven <= 0) || (open && proven < 0))
            weight[i] = 0.0f;
    }
    if (!won && s->set.prune_targets && s->set.forced_k > 0.0f && s->set.noise_weight > 0.0f)
        prune_forced(s, root, weight);
}

static const struct node *expanded_root(const struct search *s)
{
    const struct node *root = s->root == NODE_NONE ? NULL : node_at(s, s->root);

    return root != NULL && root->state == NODE_EXPANDED ? root : NULL;
}

bool search_policy_target(struct search *s, float *target)
{
    const struct node *root = expanded_root(s);
    float weight[GAME_MAX_ACTIONS], sum = 0.0f;

    memset(target, 0, (size_t)s->game->n_actions * sizeof *target);
    if (root == NULL || root->visits < 2)
        return false;
    if (s->set.gumbel)
        gumbel_policy(s, root, weight);
    else
        visit_weights(s, root, weight);
    for (int i = 0; i < root->n_children; i++)
        sum += weight[i];
    if (sum <= 0.0f)
        return false;
    for (int i = 0; i < root->n_children; i++)
        target[node_actions(s, root)[i]] = weight[i] / sum;
    return true;
}

/* The best slot of an expanded node: a proven win, else by `weight`, else by prior. */
static int best_slot(const struct search *s, const struct node *v, const float *weight)
{
    const float *prior = node_priors(s, v);
    int best = NO_SLOT;

    for (int i = 0; i < v->n_children; i++) {
        int proven = proven_for(v, child_at(s, v, i));

        if (v == node_at(s, s->root) && i == s->banned_slot)
            continue;
        if (best == NO_SLOT) {
            best = i;
            continue;
        }
        int best_proven = proven_for(v, child_at(s, v, best));
        bool won = proven > 0, best_won = best_proven > 0;

        if (won != best_won ? won
                            : weight[i] > weight[best] ||
                                  (weight[i] == weight[best] && prior[i] > prior[best]))
            best = i;
    }
    return best;
}

static int root_best(const struct search *s, const struct node *root)
{
    float weight[GAME_MAX_ACTIONS];
    int best;

    visit_weights(s, root, weight);
    best = best_slot(s, root, weight);
    if (!s->set.gumbel || proven_for(root, child_at(s, root, best)) > 0)
        return best;
    return gumbel_winner(s, root);
}

/* A slot drawn by weight^(1 / temperature). */
static int draw(struct search *s, const struct node *root, const float *weight, float temperature)
{
    struct tg_rng rng = s->rng;
    double share[GAME_MAX_ACTIONS], sum = 0.0;
    float most = 0.0f;
    int last = 0;

    for (int i = 0; i < root->n_children; i++)
        most = weight[i] > most ? weight[i] : most;
    for (int i = 0; i < root->n_children; i++) {
        bool out = weight[i] < s->set.move_prune_visits && weight[i] < most;

        share[i] = out ? 0.0 : pow((double)(weight[i] / most), 1.0 / (double)temperature);
        sum += share[i];
    }
    double x = tg_rng_double(&rng) * sum;

    for (int i = 0; i < root->n_children; i++) {
        if (share[i] <= 0.0)
            continue;
        last = i;
        x -= share[i];
        if (x < 0.0)
            break;
    }
    return last;
}

int search_choose(struct search *s)
{
    const struct node *root = expanded_root(s);
    float weight[GAME_MAX_ACTIONS], sum = 0.0f;
    float temperature = settings_temperature(&s->set, &s->root_pos, s->set.temp_early,
                                             s->set.temp_late);

    if (root == NULL) { /* not even the root was evaluated: any legal move */
        uint8_t legal[GAME_MAX_ACTIONS];
        struct tg_rng rng = s->rng;
        int n = s->root == NODE_NONE ? 0 : game_legal(s->game, &s->root_pos, legal);
        uint32_t k = n > 0 ? tg_rng_below(&rng, (uint32_t)n) : 0;

        for (int a = 0; n > 0 && a < s->game->n_actions; a++)
            if (legal[a] && k-- == 0)
                return a;
        return -1;
    }
    int slot = root_best(s, root);

    visit_weights(s, root, weight);
    for (int i = 0; i < root->n_children; i++)
        sum += weight[i];
    if (!s->set.gumbel && sum > 0.0f && temperature > 1e-3f)
        slot = draw(s, root, weight, temperature);
    return node_actions(s, root)[slot];
}

/* The most visited moves from v on, appended to actions. */
static int follow(const struct search *s, const struct node *v, int16_t *actions, int n, int max)
{
    float weight[GAME_MAX_ACTIONS];

    while (v != NULL && v->state == NODE_EXPANDED && n < max) {
        for (int i = 0; i < v->n_children; i++)
            weight[i] = (float)child_visits(s, v, i);
        int slot = best_slot(s, v, weight);
        if (child_visits(s, v, slot) == 0)
            break;
        actions[n++] = node_actions(s, v)[slot];
        v = child_at(s, v, slot);
    }
    return n;
}

int search_pv(struct search *s, int16_t *actions, int max)
{
    const struct node *root = expanded_root(s);
    int slot = root != NULL ? root_best(s, root) : 0;

    if (root == NULL || max < 1 || child_visits(s, root, slot) == 0)
        return 0;
    return search_pv_of(s, node_actions(s, root)[slot], actions, max);
}

int search_pv_of(struct search *s, int action, int16_t *actions, int max)
{
    const struct node *root = expanded_root(s), *child = NULL;

    if (max < 1)
        return 0;
    actions[0] = (int16_t)action;
    for (int i = 0; root != NULL && i < root->n_open; i++)
        if (node_actions(s, root)[i] == action)
            child = child_at(s, root, i);
    return follow(s, child, actions, 1, max);
}

static const struct node *child_by(const struct search *s, const struct node *v, int action)
{
    for (int i = 0; i < v->n_open; i++)
        if (node_actions(s, v)[i] == action)
            return child_at(s, v, i);
    return NULL;
}

void search_line_visits(struct search *s, const int16_t *actions, int n, int32_t *visits)
{
    const struct node *v = expanded_root(s);

    for (int i = 0; i < n; i++) {
        v = v != NULL && v->state == NODE_EXPANDED ? child_by(s, v, actions[i]) : NULL;
        visits[i] = v != NULL ? v->visits : 0;
    }
}

/* How often color won in the visits of v. */
static float win_share(const struct node *v, int color)
{
    return (float)((color == GAME_BLACK ? v->sum.win : v->sum.loss) / v->visits);
}

static void fill_child(const struct search *s, const struct node *root, int slot, float fpu,
                       struct search_child *out)
{
    const struct node *c = child_at(s, root, slot);
    int action = node_actions(s, root)[slot];
    float sign = sign_of(root->to_move), prior = node_priors(s, root)[slot];

    *out = (struct search_child){
        .action = (int16_t)action,
        .visits = child_visits(s, root, slot),
        .prior = prior,
        .raw_prior = s->prepared ? s->raw_prior[action] : prior,
        .value = fpu,
        .lead = sign * (float)(root->sum.lead / root->visits),
        .win = win_share(root, root->to_move),
        .loss = win_share(root, !root->to_move),
        .proven = (int8_t)proven_for(root, c),
    };
    if (out->visits > 0) {
        out->value = node_value(c, root->to_move);
        out->lead = sign * (float)(c->sum.lead / c->visits);
        out->win = win_share(c, root->to_move);
        out->loss = win_share(c, !root->to_move);
    }
    if (out->proven != 0) {
        out->value = out->proven;
        out->win = out->proven > 0;
        out->loss = out->proven < 0;
    }
}

static void fill_means(const struct node *root, struct search_result *r)
{
    bool black = root->to_move == GAME_BLACK;
    float sign = sign_of(root->to_move);
    double n = root->visits > 0 ? root->visits : 1;

    r->visits = root->visits;
    r->win = (float)((black ? root->sum.win : root->sum.loss) / n);
    r->loss = (float)((black ? root->sum.loss : root->sum.win) / n);
    r->lead = sign * (float)(root->sum.lead / n);
    r->value = sign * (float)(root->sum.utility / n);
    r->raw_win = black ? root->raw_win : root->raw_loss;
    r->raw_loss = black ? root->raw_loss : root->raw_win;
    r->raw_lead = sign * root->raw_lead;
    r->proven = (int8_t)(sign * root->proven);
    if (r->proven != 0) {
        r->win = r->proven > 0;
        r->loss = r->proven < 0;
        r->value = r->proven;
    }
    if (root->visits > 0) {
        r->no_result = fmaxf(0.0f, 1.0f - r->win - r->loss);
        r->raw_no_result = fmaxf(0.0f, 1.0f - r->raw_win - r->raw_loss);
    }
}

void search_result(struct search *s, struct search_result *r)
{
    const struct node *root = s->root == NODE_NONE ? NULL : node_at(s, s->root);
    int slots[GAME_MAX_ACTIONS], n = 0, best;

    *r = (struct search_result){.children = s->result,
                                .max_depth = s->max_depth,
                                .n_evaluated = s->n_evaluated};
    if (root == NULL)
        return;
    fill_means(root, r);
    if (root->state != NODE_EXPANDED)
        return;
    memset(slots, -1, sizeof slots);
    for (int i = 0; i < root->n_children; i++)
        slots[node_actions(s, root)[i]] = i;
    best = root_best(s, root);
    float fpu = walk_fpu(s, root, s->set.root_fpu_reduction);

    for (int a = 0; a < s->game->n_actions; a++) {
        if (slots[a] < 0)
            continue;
        if (slots[a] == best)
            r->best = n;
        fill_child(s, root, slots[a], fpu, &s->result[n++]);
    }
    r->n_children = n;
}
