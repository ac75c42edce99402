/* rebalance.c - see rebalance.h: a function of its arguments alone. */
#include "rebalance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* An iteration takes as long as its slower side. */
static double time_with(const struct rebalance_seen *s, int n_train)
{
    int n_play = s->n_play + s->n_train - n_train;

    return fmax(s->play_sec * s->n_play / n_play, s->train_sec * s->n_train / n_train);
}

/* The shortest iteration within the limits; of several as near as possible to what is there. */
static int best_number(const struct rebalance_limits *l, const struct rebalance_seen *s)
{
    int max = s->n_play + s->n_train - 1, best = 0;

    if (l->max < max)
        max = l->max;
    for (int n = l->min > 1 ? l->min : 1; n <= max; n++) {
        double less = best == 0 ? 1 : time_with(s, best) - time_with(s, n);

        if (less > 0 || (less == 0 && abs(n - s->n_train) < abs(best - s->n_train)))
            best = n;
    }
    return best > 0 ? best : s->n_train;
}

static int half_way(int from, int to)
{
    return to > from ? from + (to - from + 1) / 2 : from - (from - to + 1) / 2;
}

int rebalance_decide(struct rebalance *r, const struct rebalance_limits *limits,
                     const struct rebalance_seen *seen, char *text, size_t n)
{
    double longer = fmax(seen->play_sec, seen->train_sec), shorter = fmin(seen->play_sec, seen->train_sec);
    double waited = longer > 0 ? 1 - shorter / longer : 0;
    int side = waited <= limits->margin ? 0 : seen->train_sec > seen->play_sec ? 1 : -1;

    r->n_in_a_row = side == r->side && side != 0 ? r->n_in_a_row + 1 : side != 0;
    r->side = side;
    if (side == 0 || r->n_in_a_row < limits->patience)
        return seen->n_train;
    int best = best_number(limits, seen);
    if (best == seen->n_train || (best > seen->n_train) != (side > 0) ||
        time_with(seen, best) > (1 - limits->margin / 2) * longer)
        return seen->n_train;
    int moved = half_way(seen->n_train, best);
    snprintf(text, n, "%s waited for %.0f %% of the time (self-play took %.2f s, training %.2f s), %d times in a "
             "row: %d trainers become %d", side > 0 ? "self-play ranks" : "trainers", 100 * waited,
             seen->play_sec, seen->train_sec, r->n_in_a_row, seen->n_train, moved);
    *r = (struct rebalance){0, 0};
    return moved;
}
