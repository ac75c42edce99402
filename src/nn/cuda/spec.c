/* spec.c - convolutions by name. */
#include <stdio.h>

#include "graph.h"
#include "tengen/nn.h"

static const char *const op_names[] = {"fwd", "dgrad", "wgrad"};
static const char *const precision_names[] = {"f32", "bf16", "f16"};
static const char *const act_names[] = {"identity", "relu", "mish", "silu"};

void conv_spec_text(const struct conv_spec *s, char *text, size_t n)
{
    int used = snprintf(text, n, "%s %dx%dx%d %d>%d k%d %s%s%s", op_names[s->op], s->rows, s->size,
                        s->size, s->n_in, s->n_out, s->k, precision_names[s->precision],
                        s->fusion & CONV_ROW_BIAS ? " rowbias" : "",
                        s->fusion & CONV_ADD ? " add" : "");

    if (s->fusion & CONV_NORM && used >= 0 && (size_t)used < n)
        snprintf(text + used, n - (size_t)used, " norm:%s%s", act_names[s->act],
                 s->fusion & CONV_RAW ? " raw" : "");
}

int conv_spec_tensors(const struct conv_spec *s, int64_t *ids)
{
    int n = 0;
    bool norm = s->fusion & CONV_NORM;

    ids[n++] = CONV_X;
    ids[n++] = CONV_W;
    if (!norm || s->fusion & CONV_RAW)
        ids[n++] = CONV_Y;
    if (s->fusion & CONV_ROW_BIAS)
        ids[n++] = CONV_T_ROW_BIAS;
    if (s->fusion & CONV_ADD)
        ids[n++] = CONV_T_ADD;
    if (norm) {
        ids[n++] = CONV_T_SCALE;
        ids[n++] = CONV_T_BIAS;
        ids[n++] = CONV_T_MASK;
        ids[n++] = CONV_T_OUT;
    }
    return n;
}
