/* match_private.h - what match.c shows to its tests. */
#pragma once

#include "tengen/match.h"

/* Add up the plies that Black and White searched, and those after which the mover's own value falls by
 * more than the threshold until its next search, or until the end if it had no other. values [n]:
 * Black's win - loss at each ply, NaN where nobody searched. */
void match_count_blunders(const float *values, int n, enum game_winner winner, double threshold,
                          int64_t searched[2], int64_t blunders[2]);
