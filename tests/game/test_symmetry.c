#include <string.h>

#include "tengen/game.h"
#include "tengen/rng.h"
#include "tg_test.h"

static void inverses_undo(void **state)
{
    (void)state;
    for (int size = 2; size <= 19; size++)
        for (int s = 0; s < GAME_SYMMETRIES; s++)
            for (int a = 0; a <= size * size; a++) {
                int there = game_symmetry(size, s, a);
                assert_int_equal(game_symmetry(size, game_symmetry_inverse(s), there), a);
            }
}

/* Bit 0 flips y, bit 1 flips x, bit 2 transposes last: the corner (1, 0) of 3 x 3. */
static void bits_mean_what_they_say(void **state)
{
    static const int expected[8] = {1, 7, 1, 7, 3, 5, 3, 5};
    (void)state;
    for (int s = 0; s < 8; s++)
        assert_int_equal(game_symmetry(3, s, 1), expected[s]);
}

static void planes_move_like_points(void **state)
{
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, 2, 0);
    uint8_t src[3 * 46], dst[3 * 46];
    (void)state;
    for (int size = 2; size <= 19; size += 3)
        for (int s = 0; s < 8; s++) {
            int bytes = (size * size + 7) / 8;
            memset(src, 0, sizeof src);
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < size * size; p++)
                    if (tg_rng_below(&r, 2))
                        src[c * bytes + p / 8] |= (uint8_t)(0x80 >> p % 8);
            game_symmetry_planes(size, s, 3, src, dst);
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < size * size; p++) {
                    int q = game_symmetry(size, s, p);
                    assert_int_equal(src[c * bytes + p / 8] >> (7 - p % 8) & 1,
                                     dst[c * bytes + q / 8] >> (7 - q % 8) & 1);
                }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inverses_undo),
        cmocka_unit_test(bits_mean_what_they_say),
        cmocka_unit_test(planes_move_like_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
