/* bench_search.c - microseconds per visit of the tree alone: no network, a fixed evaluation.
 *
 * usage: bench_search [visits [searches]]. For each game: time in search_select, of it the game's
 * own part (replaying the leaf's moves and listing its legal ones, done again under the clock), and
 * time in search_expand. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tengen/search.h"

struct times {
    double select, game, expand;
    long n;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* What search_select spends in the game for this leaf, again. */
static double replay(const struct game *game, const struct position *root,
                     const struct position *leaf)
{
    static struct position pos;
    uint8_t legal[GAME_MAX_ACTIONS];
    int depth = leaf->ply - root->ply;
    double start = now();

    game_copy(game, &pos, root);
    for (int d = depth < GAME_RECENT ? depth : GAME_RECENT; d > 0 && !pos.over; d--)
        game_play(game, &pos, leaf->recent[d - 1]);
    game_legal(game, &pos, legal);
    return now() - start;
}

static int one_search(struct search *s, const struct game *game, const struct position *root,
                      const struct search_settings *set, uint64_t seed, struct times *t)
{
    struct tg_rng rng = tg_rng_stream(seed, TG_RNG_TEST, 0, 0);
    struct tg_error err;
    struct search_leaf leaf;
    float logits[GAME_MAX_ACTIONS];

    for (int a = 0; a < game->n_actions; a++)
        logits[a] = 2.0f * (float)tg_rng_normal(&rng);
    if (search_start(s, root, set, &rng, &err) != TG_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (;;) {
        double t0 = now();
        enum search_next next = search_select(s, &leaf);
        double t1 = now();

        t->select += t1 - t0;
        if (next == SEARCH_DONE)
            break;
        t->game += replay(game, root, leaf.pos);

        float win = (float)tg_rng_double(&rng);
        struct search_eval eval = {.policy_logits = logits, .win = win, .loss = 1.0f - win};
        double t2 = now();

        if (search_expand(s, leaf.id, &eval, &err) != TG_OK) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        t->expand += now() - t2;
        t->n++;
    }
    return search_choose(s);
}

static void bench(const char *name, enum game_kind kind, int size, int visits, int searches,
                  bool gumbel)
{
    struct game game;
    struct game_setup setup;
    static struct position pos;
    struct search *s = NULL;
    struct search_settings set;
    struct search_result r = {0};
    struct times t = {0};
    struct tg_error err;
    int depth = 0;

    if (game_init(&game, kind, size, 5, &err) != TG_OK || search_open(&game, &s, &err) != TG_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    search_default_settings(&set);
    set.visits = visits;
    set.gumbel = gumbel;
    set.temp_early = set.temp_late = 1.0f;
    set.reuse_tree = false;
    game_default_setup(&game, &setup);
    game_start(&game, &setup, &pos);
    for (int i = 0; i < searches && !pos.over; i++) {
        int action = one_search(s, &game, &pos, &set, (uint64_t)i, &t);

        search_result(s, &r);
        depth += r.max_depth;
        game_play(&game, &pos, action);
    }
    double n = (double)t.n, cost = 2 * 0.02; /* the clock's own */

    printf("%-12s %6d visits%s: select %5.2f (game %5.2f, tree %5.2f)  expand %5.2f  "
           "tree total %5.2f us per visit; mean depth %.1f, %zu KiB\n",
           name, visits, gumbel ? " gumbel" : "", t.select / n, t.game / n,
           (t.select - t.game) / n, t.expand / n, (t.select - t.game + t.expand) / n - cost,
           (double)depth / searches, search_bytes(s) / 1024);
    search_close(s);
}

int main(int argc, char **argv)
{
    int visits = argc > 1 ? atoi(argv[1]) : 100, searches = argc > 2 ? atoi(argv[2]) : 40;

    for (int gumbel = 0; gumbel < 2; gumbel++) {
        bench("go 9x9", GAME_GO, 9, visits, searches, gumbel != 0);
        bench("go 19x19", GAME_GO, 19, visits, searches, gumbel != 0);
        bench("gomoku 15x15", GAME_GOMOKU, 15, visits, searches, gumbel != 0);
    }
    return 0;
}
