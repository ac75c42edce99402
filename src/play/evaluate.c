#include "evaluate.h"

#include <math.h>

bool evaluate_no_result(const struct game *g, const struct position *pos)
{
    return g->has_no_result && (pos->setup.go.ko == GO_KO_SIMPLE ||
                                pos->setup.go.scoring == GO_SCORING_TERRITORY);
}

void evaluate_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                     int symmetry, struct nn_batch *b, int row)
{
    game_encode(g, pos, memo, b->planes + (size_t)row * (size_t)(g->n_planes * g->plane_bytes),
                b->globals + (size_t)row * (size_t)g->n_globals);
    b->symmetry[row] = (uint8_t)symmetry;
}

void evaluate_read(const struct nn_arch *arch, const struct game *g, const struct position *pos,
                   const float *value, const float *score, struct nn_eval *e)
{
    nn_eval_row(arch, value, score, evaluate_no_result(g, pos), e);
    if (arch->source_version > 0 && arch->source_version < 9)
        e->variance_time = -1.0f; /* KataGo does not use what its older nets say of it */
}

struct search_eval evaluate_for_search(const struct game *g, const struct nn_eval *e, const float *logits)
{
    return (struct search_eval){.policy_logits = logits, .win = e->win, .loss = e->loss,
                                .no_result = e->no_result,
                                .lead = g->has_score ? e->score_mean : 0.0f,
                                .score_stdev = g->has_score ? e->score_stdev : 0.0f};
}

const uint8_t *evaluate_banned(const struct game *g, const int32_t *until, enum game_color color,
                               int depth, uint8_t *banned)
{
    bool any = false;

    if (until == NULL)
        return NULL;
    until += color == GAME_BLACK ? 0 : g->n_actions;
    for (int a = 0; a < g->n_actions; a++) {
        banned[a] = until[a] > depth;
        any = any || banned[a];
    }
    return any ? banned : NULL;
}

void evaluate_policy(const struct game *g, const struct position *pos, const float *logits,
                     float *policy)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    float top = -INFINITY, sum = 0.0f;

    game_legal(g, pos, legal);
    for (int a = 0; a < g->n_actions; a++)
        if (legal[a] && logits[a] > top)
            top = logits[a];
    for (int a = 0; a < g->n_actions; a++) {
        policy[a] = legal[a] ? expf(logits[a] - top) : -1.0f;
        sum += legal[a] ? policy[a] : 0.0f;
    }
    for (int a = 0; a < g->n_actions; a++)
        policy[a] = legal[a] ? policy[a] / sum : -1.0f;
}
