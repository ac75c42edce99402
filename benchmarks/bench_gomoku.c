/* What a ply of gomoku costs: play and the full legal mask, over random and clustered games with
 * captures and forbidden double-threes on 19 x 19. Usage: game.bench_gomoku [games] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tengen/game.h"
#include "tengen/rng.h"

/* Of the processor, as other programs may want it too; asking costs most of the first column. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct totals {
    double play_sec, legal_sec, encode_sec;
    long n_plies, n_forbidden;
};

/* A random legal move; where clustered, one of several that touches a stone. */
static int pick(const struct game *g, const struct position *pos, const uint8_t *legal,
                bool clustered, struct tg_rng *rng)
{
    int a = -1;

    for (int tries = 0; tries < 400; tries++) {
        a = (int)tg_rng_below(rng, (uint32_t)g->n_points);
        if (!legal[a])
            continue;
        if (!clustered || pos->ply == 0)
            return a;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int x = a % g->size + dx, y = a / g->size + dy;

                if (x >= 0 && y >= 0 && x < g->size && y < g->size &&
                    pos->stones[y * g->size + x] != GAME_EMPTY)
                    return a;
            }
    }
    while (!legal[a])
        a = (a + 1) % g->n_points;
    return a;
}

static void run_game(const struct game *g, const struct game_setup *setup, bool clustered, int id,
                     struct totals *sum)
{
    static struct position pos;
    struct tg_rng rng = tg_rng_stream(1, TG_RNG_TEST, (uint64_t)id, clustered);
    uint8_t legal[GAME_MAX_ACTIONS];
    uint8_t planes[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES];
    float globals[GAME_MAX_GLOBALS];
    int n = 361;

    game_start(g, setup, &pos);
    game_legal(g, &pos, legal);
    while (!pos.over) {
        int a = pick(g, &pos, legal, clustered, &rng), n_empty = 0;
        double t0 = now(), t1, t2;

        game_play(g, &pos, a);
        t1 = now();
        n = game_legal(g, &pos, legal);
        t2 = now();
        game_encode(g, &pos, NULL, planes, globals);
        sum->encode_sec += now() - t2;
        sum->play_sec += t1 - t0;
        sum->legal_sec += t2 - t1;
        sum->n_plies++;
        for (int p = 0; p < g->n_points; p++)
            n_empty += pos.stones[p] == GAME_EMPTY;
        sum->n_forbidden += pos.over ? 0 : n_empty - n;
    }
}

int main(int argc, char **argv)
{
    static const char *const rules[] = {"freestyle", "captures-engine", "captures-subject"};
    int n_games = argc > 1 ? atoi(argv[1]) : 2000;
    struct game g;
    struct game_setup setup;
    struct tg_error err;

    if (game_init(&g, GAME_GOMOKU, 19, 5, &err) != TG_OK)
        return 1;
    printf("%-17s %-9s %8s %8s %9s %9s %9s\n", "rules", "moves", "plies", "forbid.", "play us",
           "legal us", "encode us");
    for (int r = 0; r < 3; r++)
        for (int clustered = 0; clustered < 2; clustered++) {
            struct totals sum = {0};

            game_default_setup(&g, &setup);
            if (game_rules_parse(&g, rules[r], &setup, &err) != TG_OK)
                return 1;
            setup.gomoku.capture_goal = 0; /* longer games */
            for (int i = 0; i < n_games; i++)
                run_game(&g, &setup, clustered, i, &sum);
            printf("%-17s %-9s %8ld %8.3f %9.3f %9.3f %9.3f\n", rules[r],
                   clustered ? "clustered" : "random", sum.n_plies,
                   (double)sum.n_forbidden / (double)sum.n_plies,
                   1e6 * sum.play_sec / (double)sum.n_plies,
                   1e6 * sum.legal_sec / (double)sum.n_plies,
                   1e6 * sum.encode_sec / (double)sum.n_plies);
        }
    return 0;
}
