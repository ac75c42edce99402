#include <math.h>

#include "tengen/rng.h"
#include "tg_test.h"

/* Random123's kat_vectors for philox4x32-10. */
static void philox_gives_the_published_blocks(void **state)
{
    static const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t out[4];
        tg_philox4x32(known[i].counter, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void streams_of_neighbouring_ids_differ_and_repeat(void **state)
{
    struct tg_rng a = tg_rng_stream(1, TG_RNG_GAME, 5, 0), b = tg_rng_stream(1, TG_RNG_GAME, 6, 0);
    struct tg_rng c = tg_rng_stream(1, TG_RNG_GAME, 5, 0), d = tg_rng_stream(1, TG_RNG_MOVE, 5, 0);
    uint64_t first = tg_rng_u64(&a);
    (void)state;
    assert_int_not_equal(first, tg_rng_u64(&b));
    assert_int_not_equal(first, tg_rng_u64(&d));
    assert_int_equal(first, tg_rng_u64(&c));
}

static void moments(double (*draw)(struct tg_rng *), double mean, double variance)
{
    struct tg_rng r = tg_rng_stream(7, TG_RNG_TEST, 0, 0);
    double sum = 0, sum2 = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        double x = draw(&r);
        sum += x;
        sum2 += x * x;
    }
    double m = sum / N, v = sum2 / N - m * m;
    assert_true(fabs(m - mean) < 5 * sqrt(variance / N));
    assert_true(fabs(v - variance) < 0.03 * variance);
}

static double gamma_small(struct tg_rng *r) { return tg_rng_gamma(r, 0.3); }
static double gamma_large(struct tg_rng *r) { return tg_rng_gamma(r, 4.0); }

static void distributions_have_their_moments(void **state)
{
    (void)state;
    moments(tg_rng_double, 0.5, 1.0 / 12);
    moments(tg_rng_normal, 0, 1);
    moments(tg_rng_exponential, 1, 1);
    moments(tg_rng_gumbel, 0.5772156649, 1.6449340668);
    moments(gamma_small, 0.3, 0.3);
    moments(gamma_large, 4, 4);
}

static void below_is_uniform_and_in_range(void **state)
{
    struct tg_rng r = tg_rng_stream(3, TG_RNG_TEST, 1, 0);
    int count[7] = {0};
    (void)state;
    for (int i = 0; i < 70000; i++)
        count[tg_rng_below(&r, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(count[i], 9600, 10400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_blocks),
        cmocka_unit_test(streams_of_neighbouring_ids_differ_and_repeat),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(below_is_uniform_and_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
