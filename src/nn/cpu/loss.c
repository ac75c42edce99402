/* loss.c - see loss.h and the comment at struct nn_loss. */
#include "loss.h"

#include <math.h>
#include <string.h>

/* One row: where its outputs and targets are. */
struct row {
    struct lane *l;
    const struct nn_batch *b;
    const struct nn_loss *loss;
    struct row_metrics *m;
    int in_lane, in_batch;
    double share;         /* row weight */
    double per_row;       /* 1 / n_rows_global */
    int n_on;             /* on-board points */
    int16_t on[GAME_MAX_POINTS], at[GAME_MAX_POINTS]; /* in the board's orientation; in the lane */
};

static void row_points(struct row *r)
{
    const struct cpu_plan *p = r->l->plan;
    int bytes = (p->points + 7) / 8;
    const uint8_t *mask = r->b->planes + (size_t)r->in_batch * (size_t)(p->arch.n_planes * bytes);
    const uint16_t *to = p->turned[r->b->symmetry[r->in_batch] & 7];

    r->n_on = 0;
    for (int i = 0; i < p->points; i++)
        if (mask[i >> 3] & 0x80 >> (i & 7)) {
            r->on[r->n_on] = (int16_t)i;
            r->at[r->n_on++] = (int16_t)(r->in_lane * p->points + to[i]);
        }
}

/* One policy channel: its logits in the order of r->on with the pass last, their softmax, and the
 * target in the same order. */
struct policy {
    int n;
    double z[GAME_MAX_ACTIONS], p[GAME_MAX_ACTIONS], t[GAME_MAX_ACTIONS];
    double log_sum; /* of e^z */
};

static void policy_softmax(const struct row *r, int channel, struct policy *q)
{
    double top = -INFINITY, sum = 0.0;

    q->n = 0;
    for (int i = 0; i < r->n_on; i++)
        q->z[q->n++] = (double)r->l->logits[r->at[i] * 8 + channel];
    if (!r->loss->mask_pass)
        q->z[q->n++] = (double)r->l->pass[r->in_lane * 8 + channel];
    for (int i = 0; i < q->n; i++)
        top = fmax(top, q->z[i]);
    for (int i = 0; i < q->n; i++)
        sum += q->p[i] = exp(q->z[i] - top);
    for (int i = 0; i < q->n; i++)
        q->p[i] /= sum;
    q->log_sum = top + log(sum);
}

static void policy_target(const struct row *r, const float *target, bool soft, struct policy *q)
{
    int n_actions = r->l->plan->points + 1;
    double sum = 0.0;

    target += (size_t)r->in_batch * (size_t)n_actions;
    for (int i = 0; i < r->n_on; i++)
        q->t[i] = (double)target[r->on[i]];
    if (!r->loss->mask_pass)
        q->t[r->n_on] = (double)target[n_actions - 1];
    if (!soft)
        return;
    for (int i = 0; i < q->n; i++)
        sum += q->t[i] = sqrt(sqrt(q->t[i] + 1e-7));
    for (int i = 0; i < q->n; i++)
        q->t[i] /= sum;
}

/* Cross entropy; its gradient times `scale` into the heads' gradients. */
static double policy_loss(const struct row *r, int channel, const struct policy *q, double scale)
{
    double loss = 0.0, mass = 0.0;

    for (int i = 0; i < q->n; i++) {
        mass += q->t[i];
        if (q->t[i] != 0.0)
            loss += q->t[i] * (q->log_sum - q->z[i]);
    }
    for (int i = 0; i < q->n; i++) {
        float g = (float)(scale * (mass * q->p[i] - q->t[i]));

        if (i < r->n_on)
            r->l->grad_logits[r->at[i] * 8 + channel] = g;
        else
            r->l->grad_pass[r->in_lane * 8 + channel] = g;
    }
    return loss;
}

static int channel_of(const struct row *r, enum nn_policy_role role)
{
    const struct nn_arch *a = &r->l->plan->arch;

    for (int c = 0; c < a->n_policy; c++)
        if (a->policy_role[c] == role)
            return c;
    return -1;
}

/* One of the policy losses. Returns its share of the total; *loss gets the plain cross entropy. */
static double policy_term(struct row *r, enum nn_policy_role role, float weight, const float *target,
                          const float *w, enum nn_metric metric, struct policy *q)
{
    int channel = channel_of(r, role);
    double rows = r->share * (double)w[r->in_batch];

    if (channel < 0 || rows == 0.0 || weight == 0.0f)
        return 0.0;
    policy_softmax(r, channel, q);
    policy_target(r, target, role == NN_POLICY_SOFT, q);
    double loss = rows * policy_loss(r, channel, q, (double)weight * rows * r->per_row);

    row_metrics_add(r->m, metric, loss);
    return (double)weight * loss;
}

static void policy_metrics(const struct row *r, const struct policy *q)
{
    double rows = r->share * (double)r->b->t.w_policy[r->in_batch], entropy = 0.0;
    int best = 0, wanted = 0;

    for (int i = 0; i < q->n; i++) {
        if (q->t[i] > 0.0)
            entropy -= q->t[i] * log(q->t[i]);
        best = q->z[i] > q->z[best] ? i : best;
        wanted = q->t[i] > q->t[wanted] ? i : wanted;
    }
    row_metrics_add(r->m, NN_METRIC_POLICY_ENTROPY, rows * entropy);
    row_metrics_add(r->m, NN_METRIC_POLICY_HITS, best == wanted ? rows : 0.0);
    row_metrics_add(r->m, NN_METRIC_POLICY_ROWS, rows);
}

static double policy_losses(struct row *r)
{
    const struct nn_targets *t = &r->b->t;
    const struct nn_loss *w = r->loss;
    struct policy q = {.n = 0};
    double total = policy_term(r, NN_POLICY_MOVE, w->policy, t->policy, t->w_policy,
                               NN_METRIC_POLICY, &q);

    if (q.n > 0)
        policy_metrics(r, &q);
    total += policy_term(r, NN_POLICY_REPLY, w->reply, t->reply, t->w_reply, NN_METRIC_REPLY, &q);
    return total + policy_term(r, NN_POLICY_SOFT, w->soft_policy, t->policy, t->w_policy,
                               NN_METRIC_SOFT, &q);
}

static double value_loss(struct row *r)
{
    const float *target = r->b->t.value + (size_t)r->in_batch * NN_N_VALUE;
    const float *out = r->l->value + r->in_lane * 4;
    double rows = r->share * (double)r->b->t.w_value[r->in_batch], p[3], sum = 0.0, loss = 0.0;
    double top = fmax(fmax((double)out[0], (double)out[1]), (double)out[2]);

    for (int k = 0; k < 3; k++)
        sum += p[k] = exp((double)out[k] - top);
    for (int k = 0; k < 3; k++)
        p[k] /= sum;
    double v = p[0] - p[1], z = (double)target[0] - (double)target[1];

    r->b->t.value_error[r->in_batch] = (float)fabs(v - z);
    if (rows == 0.0)
        return 0.0;
    double scale = (double)r->loss->value * rows * r->per_row;

    if (r->loss->value_kind == NN_VALUE_MSE) {
        loss = (v - z) * (v - z);
        for (int k = 0; k < 3; k++) {
            double dv = k == 0 ? p[0] : k == 1 ? -p[1] : 0.0;

            r->l->grad_value[r->in_lane * 4 + k] = (float)(scale * 2.0 * (v - z) * (dv - v * p[k]));
        }
    } else {
        double mass = (double)target[0] + (double)target[1] + (double)target[2];

        for (int k = 0; k < 3; k++) {
            if (target[k] != 0.0f)
                loss -= (double)target[k] * ((double)out[k] - top - log(sum));
            r->l->grad_value[r->in_lane * 4 + k] =
                (float)(scale * (mass * p[k] - (double)target[k]));
        }
    }
    row_metrics_add(r->m, NN_METRIC_VALUE, rows * loss);
    row_metrics_add(r->m, NN_METRIC_VALUE_ROWS, rows);
    row_metrics_add(r->m, NN_METRIC_VALUE_HITS, z == 0.0 ? 0.5 * rows : v * z > 0.0 ? rows : 0.0);
    return (double)r->loss->value * rows * loss;
}

static double ownership_loss(struct row *r)
{
    const float *target = r->b->t.ownership + (size_t)r->in_batch * (size_t)r->l->plan->points;
    double rows = r->share * (double)r->b->t.w_score[r->in_batch], loss = 0.0;
    double scale = (double)r->loss->ownership * rows * r->per_row / fmax(1.0, (double)r->n_on);
    bool mse = r->loss->ownership_kind == NN_OWNERSHIP_MSE;

    if (rows == 0.0 || r->loss->ownership == 0.0f)
        return 0.0;
    for (int i = 0; i < r->n_on; i++) {
        double x = (double)r->l->own[r->at[i] * 8], y = (double)target[r->on[i]], u = tanh(x);

        if (mse) {
            loss += (u - y) * (u - y);
            r->l->grad_own[r->at[i] * 8] = (float)(scale * 2.0 * (u - y) * (1.0 - u * u));
        } else { /* of the probability 1 / (1 + e^-2x) against (1 + y) / 2 */
            loss += fabs(x) + log1p(exp(-2.0 * fabs(x))) - x * y;
            r->l->grad_own[r->at[i] * 8] = (float)(scale * (u - y));
        }
    }
    loss *= rows / fmax(1.0, (double)r->n_on);
    row_metrics_add(r->m, NN_METRIC_OWNERSHIP, loss);
    return (double)r->loss->ownership * loss;
}

/* Huber loss and its derivative. */
static double huber(double error, double delta, double *slope)
{
    if (fabs(error) <= delta) {
        *slope = error;
        return 0.5 * error * error;
    }
    *slope = error > 0.0 ? delta : error < 0.0 ? -delta : error; /* a NaN stays one */
    return delta * (fabs(error) - 0.5 * delta);
}

/* One Huber term on score output k, whose derivative by the raw output is d_raw. */
static double score_term(struct row *r, int k, double error, double delta, double d_raw,
                         float weight, double rows, enum nn_metric metric)
{
    double slope, loss = rows * huber(error, delta, &slope);

    if (weight == 0.0f)
        return 0.0;
    r->l->grad_score[r->in_lane * 8 + k] = (float)((double)weight * rows * r->per_row * slope * d_raw);
    row_metrics_add(r->m, metric, loss);
    return (double)weight * loss;
}

static double score_losses(struct row *r)
{
    const struct nn_scales *s = &r->l->plan->arch.scales;
    const float *out = r->l->score + r->in_lane * 8;
    double rows = r->share * (double)r->b->t.w_score[r->in_batch];
    double score = (double)r->b->t.score[r->in_batch], x = (double)out[1];

    if (rows == 0.0)
        return 0.0;
    double error = (double)s->score_mean * (double)out[0] - score;
    double softplus = fmax(x, 0.0) + log1p(exp(-fabs(x))), sigmoid = 1.0 / (1.0 + exp(-x));
    double stdev_error = (double)s->score_stdev * softplus - 1.2533141373155003 * fabs(error);
    double lead_error = (double)s->lead * (double)out[2] - score;

    return score_term(r, 0, error, 12.0, (double)s->score_mean, r->loss->score_mean, rows,
                      NN_METRIC_SCORE_MEAN) +
           score_term(r, 1, stdev_error, 10.0, (double)s->score_stdev * sigmoid,
                      r->loss->score_stdev, rows, NN_METRIC_SCORE_STDEV) +
           score_term(r, 2, lead_error, 8.0, (double)s->lead, r->loss->lead, rows, NN_METRIC_LEAD);
}

void loss_rows(struct lane *l, struct nn_batch *b, int first, const struct nn_loss *loss,
               int n_rows_global, struct row_metrics *m)
{
    struct row r = {.l = l, .b = b, .loss = loss, .m = m, .per_row = 1.0 / (double)n_rows_global};
    size_t board_bytes = (size_t)(l->rows * l->plan->points) * 32;

    memset(l->grad_logits, 0, board_bytes);
    memset(l->grad_own, 0, board_bytes);
    memset(l->grad_pass, 0, (size_t)l->rows * 8 * sizeof(float));
    memset(l->grad_value, 0, (size_t)l->rows * 4 * sizeof(float));
    memset(l->grad_score, 0, (size_t)l->rows * 8 * sizeof(float));
    for (int i = 0; i < l->rows; i++) {
        r.in_lane = i;
        r.in_batch = first + i;
        r.share = (double)b->t.row_weight[first + i];
        row_points(&r);
        double total = policy_losses(&r);

        total += value_loss(&r);
        total += ownership_loss(&r);
        total += score_losses(&r);
        row_metrics_add(m, NN_METRIC_TOTAL, total);
        row_metrics_add(m, NN_METRIC_ROWS, r.share);
    }
}
