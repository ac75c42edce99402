/* init.c - parameters to start from. */
#include "tengen/nn.h"
#include "tengen/rng.h"

/* Standard deviation of a standard normal truncated at two. */
static const double TRUNCATED_STD = 0.87962566103423978;

static double truncated_normal(struct tg_rng *rng)
{
    double x;

    do
        x = tg_rng_normal(rng);
    while (x < -2.0 || x > 2.0);
    return x / TRUNCATED_STD;
}

void nn_params_init(const struct nn_arch *arch, const struct nn_layout *l, uint64_t seed,
                    float *params)
{
    (void)arch;
    for (int i = 0; i < l->n_tensors; i++) {
        const struct nn_tensor *t = &l->tensors[i];
        struct tg_rng rng = tg_rng_stream(seed, TG_RNG_INIT, (uint64_t)i, 0);
        float mean = t->kind == NN_TENSOR_SCALE ? 1.0f : 0.0f;

        for (size_t k = 0; k < t->n; k++)
            params[t->offset + k] =
                t->init_std > 0.0f ? (float)(truncated_normal(&rng) * (double)t->init_std) : mean;
    }
}
