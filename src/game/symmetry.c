/* symmetry.c - the eight symmetries of the square tensor. */
#include <string.h>

#include "tengen/game.h"

int game_symmetry(int size, int symmetry, int action)
{
    int x = action % size, y = action / size;

    if (action == size * size)
        return action;
    if (symmetry & 1)
        y = size - 1 - y;
    if (symmetry & 2)
        x = size - 1 - x;
    return symmetry & 4 ? x * size + y : y * size + x;
}

/* Flips undo themselves; behind a transposition the flip of y comes back as a flip of x. */
int game_symmetry_inverse(int symmetry)
{
    if ((symmetry & 4) == 0)
        return symmetry;
    return 4 | (symmetry & 1) << 1 | (symmetry & 2) >> 1;
}

void game_symmetry_planes(int size, int symmetry, int n_planes, const uint8_t *src, uint8_t *dst)
{
    int bytes = (size * size + 7) / 8;
    int16_t to[GAME_MAX_POINTS];

    if (symmetry == 0) {
        memcpy(dst, src, (size_t)(n_planes * bytes));
        return;
    }
    for (int p = 0; p < size * size; p++)
        to[p] = (int16_t)game_symmetry(size, symmetry, p);
    memset(dst, 0, (size_t)(n_planes * bytes));
    for (int c = 0; c < n_planes; c++, src += bytes, dst += bytes)
        for (int b = 0; b < bytes; b++)
            for (unsigned rest = src[b]; rest != 0; rest &= rest - 1) { /* the set bits only */
                int p = b * 8 + 7 - __builtin_ctz(rest);

                dst[to[p] >> 3] |= (uint8_t)(0x80 >> (to[p] & 7));
            }
}
