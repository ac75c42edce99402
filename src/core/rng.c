#include "tengen/rng.h"

#include <math.h>

#include "tengen/hash.h"

void tg_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k[0], (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k[1], (uint32_t)p0};

        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

/* The key comes from seed and purpose, the upper half of the counter from a and b; both are mixed,
 * so that neighbouring ids give unrelated streams. The lower half counts blocks. */
struct tg_rng tg_rng_stream(uint64_t seed, enum tg_rng_purpose purpose, uint64_t a, uint64_t b)
{
    uint64_t key = tg_mix64(seed ^ tg_mix64((uint64_t)purpose));
    uint64_t id = tg_mix64(a + tg_mix64(b + UINT64_C(0x9E3779B97F4A7C15)));

    return (struct tg_rng){.key = {(uint32_t)key, (uint32_t)(key >> 32)},
                           .counter = {0, 0, (uint32_t)id, (uint32_t)(id >> 32)}};
}

uint32_t tg_rng_u32(struct tg_rng *r)
{
    if (r->n_left == 0) {
        tg_philox4x32(r->counter, r->key, r->out);
        if (++r->counter[0] == 0)
            r->counter[1]++;
        r->n_left = 4;
    }
    return r->out[--r->n_left];
}

uint64_t tg_rng_u64(struct tg_rng *r)
{
    uint64_t high = tg_rng_u32(r);

    return high << 32 | tg_rng_u32(r);
}

uint32_t tg_rng_below(struct tg_rng *r, uint32_t n)
{
    uint64_t m = (uint64_t)tg_rng_u32(r) * n; /* Lemire, "Fast random integer generation", 2019 */

    if ((uint32_t)m < n) {
        uint32_t reject_below = -n % n;

        while ((uint32_t)m < reject_below)
            m = (uint64_t)tg_rng_u32(r) * n;
    }
    return (uint32_t)(m >> 32);
}

double tg_rng_double(struct tg_rng *r) { return (double)(tg_rng_u64(r) >> 11) * 0x1p-53; }

/* Never 0, so its logarithm is finite. */
static double open_double(struct tg_rng *r) { return ((double)(tg_rng_u64(r) >> 12) + 0.5) * 0x1p-52; }

double tg_rng_normal(struct tg_rng *r)
{
    double radius = sqrt(-2.0 * log(open_double(r)));

    return radius * cos(6.283185307179586 * tg_rng_double(r)); /* Box-Muller */
}

double tg_rng_exponential(struct tg_rng *r) { return -log(open_double(r)); }
double tg_rng_gumbel(struct tg_rng *r) { return -log(-log(open_double(r))); }

/* Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; shapes below 1 by
 * their power of a uniform, in logarithms so that a tiny shape does not underflow to a NaN sum. */
double tg_rng_gamma(struct tg_rng *r, double shape)
{
    double boost = 1.0;

    if (shape < 1.0) {
        boost = exp(log(open_double(r)) / shape);
        shape += 1.0;
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);

    for (;;) {
        double x = tg_rng_normal(r), v = 1.0 + c * x;

        if (v <= 0.0)
            continue;
        v = v * v * v;
        if (log(open_double(r)) < 0.5 * x * x + d - d * v + d * log(v))
            return boost * d * v;
    }
}
