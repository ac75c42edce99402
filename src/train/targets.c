/* targets.c - a packed row becomes one row of a training batch. */
#include <string.h>

#include "trainer.h"

void targets_fill(const struct record_layout *l, const struct train_options *o, const uint8_t *row,
                  uint8_t symmetry, float row_weight, int i, struct nn_batch *b)
{
    const struct record_head *h = (const struct record_head *)(const void *)row;
    size_t at = (size_t)i, planes = (size_t)(l->n_planes * l->plane_bytes);
    size_t actions = (size_t)l->n_actions, points = (size_t)l->n_points;
    struct nn_targets *t = &b->t;
    /* a position without a search has no root value to mix in */
    float mix = h->visits > 0 ? o->value_mix : 0;

    memcpy(b->planes + at * planes, row + l->planes, planes);
    memcpy(b->globals + at * (size_t)l->n_globals, row + l->globals,
           (size_t)l->n_globals * sizeof(float));
    b->symmetry[at] = symmetry;
    record_policy_unpack(l, (const uint16_t *)(const void *)(row + l->policy), t->policy + at * actions);
    record_reply_unpack(l, row + l->reply, t->reply + at * actions);
    record_ownership_unpack(l, row + l->ownership, t->ownership + at * points);
    for (int k = 0; k < NN_N_VALUE; k++)
        t->value[at * NN_N_VALUE + (size_t)k] = (1 - mix) * h->value[k] + mix * h->root_value[k];
    t->score[at] = h->score;
    t->w_policy[at] = h->w_policy;
    t->w_reply[at] = h->w_reply;
    t->w_value[at] = h->w_value;
    t->w_score[at] = h->w_score;
    t->row_weight[at] = row_weight;
}
