/* eval.c - raw outputs in plain terms: probabilities and points. */
#include <math.h>

#include "tengen/nn.h"

static float softplus(float x) { return x > 0.0f ? x + log1pf(expf(-x)) : log1pf(expf(x)); }

/* KataGo's error outputs changed their meaning twice. */
static float error_output(const struct nn_arch *a, float raw, float scale, float scale_v9)
{
    if (a->source_version == 9)
        return scale_v9 * softplus(raw);
    if (a->source_version != 0 && a->source_version < 14)
        return sqrtf(softplus(raw) * scale);
    return softplus(0.5f * raw) * sqrtf(scale);
}

void nn_eval_row(const struct nn_arch *arch, const float value[3], const float *score,
                 bool allow_no_result, struct nn_eval *eval)
{
    const struct nn_scales *s = &arch->scales;
    float top = fmaxf(value[0], value[1]);

    if (allow_no_result)
        top = fmaxf(top, value[2]);
    float win = expf(value[0] - top), loss = expf(value[1] - top);
    float none = allow_no_result ? expf(value[2] - top) : 0.0f, sum = win + loss + none;

    eval->win = win / sum;
    eval->loss = loss / sum;
    eval->no_result = none / sum;
    float counted = 1.0f - eval->no_result;
    float mean = s->score_mean * score[0], stdev = s->score_stdev * softplus(score[1]);
    float square = (mean * mean + stdev * stdev) * counted; /* second moment, a void game counts 0 */

    eval->score_mean = mean * counted;
    eval->score_stdev = sqrtf(fmaxf(0.0f, square - eval->score_mean * eval->score_mean));
    eval->lead = s->lead * score[2] * counted;
    eval->variance_time = s->variance_time * softplus(score[3]);
    eval->value_error = eval->score_error = -1.0f;
    if (arch->n_score >= 6) {
        eval->value_error = error_output(arch, score[4], s->value_error, 1.0f);
        eval->score_error = error_output(arch, score[5], s->score_error, 10.0f);
    }
}
