/* adopt.c - start from another network's parameters. */
#include <string.h>

#include "tengen/nn.h"

static int least(int a, int b) { return a < b ? a : b; }

/* The common corner of two tensors of four dimensions. */
static void copy_overlap(const struct nn_tensor *to, float *dst, const struct nn_tensor *from,
                         const float *src)
{
    const int *d = to->dims, *s = from->dims;
    int n[4];

    for (int i = 0; i < 4; i++)
        n[i] = least(d[i], s[i]);
    for (int a = 0; a < n[0]; a++)
        for (int b = 0; b < n[1]; b++)
            for (int c = 0; c < n[2]; c++)
                memcpy(dst + ((size_t)(a * d[1] + b) * (size_t)d[2] + (size_t)c) * (size_t)d[3],
                       src + ((size_t)(a * s[1] + b) * (size_t)s[2] + (size_t)c) * (size_t)s[3],
                       (size_t)n[3] * sizeof *dst);
}

/* The trunk must be the same: heads may differ. */
static enum tg_status same_trunk(const struct nn_model *m, const struct nn_model *from,
                                 struct tg_error *err)
{
    const struct nn_arch *a = &m->arch, *b = &from->arch;

    if (a->n_planes != b->n_planes || a->n_globals != b->n_globals)
        return FAIL(err, TG_EINVAL, "%s reads %d planes and %d globals, this run's network %d and %d",
                    from->name, b->n_planes, b->n_globals, a->n_planes, a->n_globals);
    if (a->trunk != b->trunk || a->stem != b->stem || a->n_blocks != b->n_blocks ||
        a->activation != b->activation ||
        memcmp(a->blocks, b->blocks, (size_t)a->n_blocks * sizeof *a->blocks) != 0)
        return FAIL(err, TG_EINVAL, "%s has another trunk (%d blocks, %d channels, stem %d) than the run's "
                    "network (%d, %d, %d): name its shape under net", from->name, b->n_blocks, b->trunk,
                    b->stem, a->n_blocks, a->trunk, a->stem);
    return TG_OK;
}

enum tg_status nn_model_adopt(struct nn_model *m, const struct nn_model *from, struct tg_error *err)
{
    TRY(same_trunk(m, from, err));
    for (int i = 0; i < m->layout.n_tensors; i++) {
        const struct nn_tensor *to = &m->layout.tensors[i];
        const struct nn_tensor *source = nn_layout_find(&from->layout, to->name);

        if (source != NULL && source->kind == to->kind)
            copy_overlap(to, m->params + to->offset, source, from->params + source->offset);
    }
    return TG_OK;
}
