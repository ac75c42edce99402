/* heads.c - policy and value heads, there and back. */
#include <string.h>

#include "conv.h"
#include "dense.h"
#include "network.h"
#include "pool.h"

static const float *part(const struct lane *l, const float *heads, int i)
{
    return heads + (size_t)l->plan->heads.conv.part[i].block * l->stride;
}

static float act(const struct lane *l, float x)
{
    v8 y = v8_zero();

    ACT_SWITCH(l->plan->arch.activation, y = v8_act(ACT, v8_set(x)))
    return y[0];
}

static float act_slope(const struct lane *l, float x)
{
    v8 y = v8_zero();

    ACT_SWITCH(l->plan->arch.activation, y = v8_act_slope(ACT, v8_set(x)))
    return y[0];
}

static void pass_forward(struct lane *l, int row)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    const float *pooled = l->pooled_g + row * 3 * a->g1;
    float *pass = l->pass + row * 8;

    memset(pass, 0, 8 * sizeof *pass);
    if (!a->pass_hidden) {
        dense(l->params + h->pass, 3 * a->g1, a->n_policy, pooled, pass);
        return;
    }
    float *hidden = l->pass_hidden + row * a->p1;

    memcpy(hidden, l->params + h->pass1_bias, (size_t)a->p1 * sizeof *hidden);
    dense(l->params + h->pass1, 3 * a->g1, a->p1, pooled, hidden);
    for (int i = 0; i < a->p1; i++) {
        float u = act(l, hidden[i]);

        dense(l->params + h->pass2 + (size_t)(i * a->n_policy), 1, a->n_policy, &u, pass);
    }
}

static void policy_forward(struct lane *l)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    struct prologue norm_g1 = lane_prologue(l, &h->norm_g1), norm_p1 = lane_prologue(l, &h->norm_p1);
    int width = blocks_of(a->p1) * 8;

    pool_forward(l, part(l, l->heads, 1), a->g1, &norm_g1, POOL_MAX, l->pooled_g, l->top_g);
    memset(l->row_bias, 0, (size_t)(l->rows * width) * sizeof(float));
    for (int row = 0; row < l->rows; row++) {
        dense(l->params + h->gpool, 3 * a->g1, a->p1, l->pooled_g + row * 3 * a->g1,
              l->row_bias + row * width);
        pass_forward(l, row);
    }
    pool_spread(l, blocks_of(a->p1), l->row_bias, l->heads); /* p1 is the first part */
    conv_forward(l, &h->conv_p2, l->heads, &norm_p1, NULL, l->logits);
}

static void value_forward(struct lane *l, bool ownership)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    struct prologue norm_v1 = lane_prologue(l, &h->norm_v1);

    pool_forward(l, part(l, l->heads, 2), a->v1, &norm_v1, POOL_SQUARE, l->pooled_v, NULL);
    for (int row = 0; row < l->rows; row++) {
        float *fc2 = l->fc2 + row * a->v2, *value = l->value + row * 4, *score = l->score + row * 8;

        memcpy(fc2, l->params + h->fc2_bias, (size_t)a->v2 * sizeof *fc2);
        dense(l->params + h->fc2, 3 * a->v1, a->v2, l->pooled_v + row * 3 * a->v1, fc2);
        memcpy(value, l->params + h->fc3_bias, NN_N_VALUE * sizeof *value);
        memcpy(score, l->params + h->score_bias, (size_t)a->n_score * sizeof *score);
        for (int i = 0; i < a->v2; i++) {
            float u = act(l, fc2[i]);

            dense(l->params + h->fc3 + (size_t)(i * NN_N_VALUE), 1, NN_N_VALUE, &u, value);
            dense(l->params + h->score + (size_t)(i * a->n_score), 1, a->n_score, &u, score);
        }
    }
    if (ownership)
        conv_forward(l, &h->ownership, part(l, l->heads, 2), &norm_v1, NULL, l->own);
}

void heads_forward(struct lane *l, const float *stream, bool ownership)
{
    struct prologue tip = lane_prologue(l, &l->plan->heads.tip);

    conv_forward(l, &l->plan->heads.conv, stream, &tip, NULL, l->heads);
    policy_forward(l);
    value_forward(l, ownership);
}

/* Back through a hidden layer of one row: d [n] := slope(z) * (w2 dy), with w2 [n][n_out]; the
 * gradient of w2 is added to. */
static void hidden_back(const struct lane *l, const float *z, int n, size_t w2, int n_out,
                        const float *dy, float *d)
{
    for (int i = 0; i < n; i++) {
        float u = act(l, z[i]), du = 0.0f;

        dense_back(l->params + w2 + (size_t)(i * n_out), 1, n_out, &u, dy,
                   l->grads + w2 + (size_t)(i * n_out), &du);
        d[i] += du;
    }
}

static void through_act(const struct lane *l, const float *z, int n, float *d, float *bias_grads)
{
    for (int i = 0; i < n; i++) {
        d[i] *= act_slope(l, z[i]);
        bias_grads[i] += d[i];
    }
}

static void pass_backward(struct lane *l, int row, float *d_pooled)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    const float *pooled = l->pooled_g + row * 3 * a->g1, *d = l->grad_pass + row * 8;

    if (!a->pass_hidden) {
        dense_back(l->params + h->pass, 3 * a->g1, a->n_policy, pooled, d, l->grads + h->pass,
                   d_pooled);
        return;
    }
    const float *z = l->pass_hidden + row * a->p1;
    float *d_hidden = l->grad_hidden + row * a->p1;

    memset(d_hidden, 0, (size_t)a->p1 * sizeof *d_hidden);
    hidden_back(l, z, a->p1, h->pass2, a->n_policy, d, d_hidden);
    through_act(l, z, a->p1, d_hidden, l->grads + h->pass1_bias);
    dense_back(l->params + h->pass1, 3 * a->g1, a->p1, pooled, d_hidden, l->grads + h->pass1,
               d_pooled);
}

static void policy_backward(struct lane *l)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    struct prologue norm_g1 = lane_prologue(l, &h->norm_g1), norm_p1 = lane_prologue(l, &h->norm_p1);
    struct norm_grads grads_g1 = norm_grads_of(l, &h->norm_g1);
    struct norm_grads grads_p1 = norm_grads_of(l, &h->norm_p1);
    int n_blocks = blocks_of(a->p1), n_pooled = 3 * a->g1;

    conv_backward(l, &h->conv_p2, l->heads, &norm_p1, l->grad_logits, l->grad_heads, false,
                  &grads_p1);
    pool_gather(l, n_blocks, l->grad_heads, l->grad_row_bias);
    memset(l->grad_pooled, 0, (size_t)(l->rows * n_pooled) * sizeof(float));
    for (int row = 0; row < l->rows; row++) {
        dense_back(l->params + h->gpool, n_pooled, a->p1, l->pooled_g + row * n_pooled,
                   l->grad_row_bias + row * n_blocks * 8, l->grads + h->gpool,
                   l->grad_pooled + row * n_pooled);
        pass_backward(l, row, l->grad_pooled + row * n_pooled);
    }
    pool_backward(l, part(l, l->heads, 1), a->g1, &norm_g1, POOL_MAX, l->grad_pooled, l->top_g,
                  l->grad_heads + (size_t)h->conv.part[1].block * l->stride, &grads_g1);
}

static void value_backward(struct lane *l, bool ownership)
{
    const struct nn_arch *a = &l->plan->arch;
    const struct cpu_heads *h = &l->plan->heads;
    struct prologue norm_v1 = lane_prologue(l, &h->norm_v1);
    struct norm_grads grads_v1 = norm_grads_of(l, &h->norm_v1);
    float *d_v1 = l->grad_heads + (size_t)h->conv.part[2].block * l->stride;
    int n_pooled = 3 * a->v1;

    memset(l->grad_pooled_v, 0, (size_t)(l->rows * n_pooled) * sizeof(float));
    for (int row = 0; row < l->rows; row++) {
        const float *z = l->fc2 + row * a->v2, *d_value = l->grad_value + row * 4;
        const float *d_score = l->grad_score + row * 8;
        float *d = l->grad_fc2 + row * a->v2;

        memset(d, 0, (size_t)a->v2 * sizeof *d);
        hidden_back(l, z, a->v2, h->fc3, NN_N_VALUE, d_value, d);
        hidden_back(l, z, a->v2, h->score, a->n_score, d_score, d);
        through_act(l, z, a->v2, d, l->grads + h->fc2_bias);
        for (int i = 0; i < NN_N_VALUE; i++)
            l->grads[h->fc3_bias + (size_t)i] += d_value[i];
        for (int i = 0; i < a->n_score; i++)
            l->grads[h->score_bias + (size_t)i] += d_score[i];
        dense_back(l->params + h->fc2, n_pooled, a->v2, l->pooled_v + row * n_pooled, d,
                   l->grads + h->fc2, l->grad_pooled_v + row * n_pooled);
    }
    pool_backward(l, part(l, l->heads, 2), a->v1, &norm_v1, POOL_SQUARE, l->grad_pooled_v, NULL,
                  d_v1, &grads_v1);
    if (ownership)
        conv_backward(l, &h->ownership, part(l, l->heads, 2), &norm_v1, l->grad_own, d_v1, true,
                      &grads_v1);
}

void heads_backward(struct lane *l, const float *stream, bool ownership, float *d_stream)
{
    const struct cpu_heads *h = &l->plan->heads;
    struct prologue tip = lane_prologue(l, &h->tip);
    struct norm_grads grads_tip = norm_grads_of(l, &h->tip);

    policy_backward(l);
    value_backward(l, ownership);
    conv_backward(l, &h->conv, stream, &tip, l->grad_heads, d_stream, false, &grads_tip);
}
