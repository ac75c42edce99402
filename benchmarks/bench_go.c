/* bench_go.c - what a Go position costs: play, legality, copy, encoding, scoring.
 *
 * Positions come from games of random moves that fill no own eyes; "leaf" encodes leaves of trees that
 * grow from them, by moves that are mostly near each other, and "memo" does so with a memo, as a search
 * does. Each operation runs over the same positions several times; the fastest pass counts. Prints a
 * table in nanoseconds a call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tengen/game.h"
#include "tengen/rng.h"

enum { N_PLIES = 2000, N_PASSES = 7, N_LEAVES = 100, MEMO_WORDS = 1 << 16 };

struct sample {
    struct position *before; /* [N_PLIES] */
    struct position *leaves; /* [N_PLIES]: N_LEAVES grew from every N_LEAVESth of them */
    int16_t action[N_PLIES];
    struct game_memo memo;
};

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* other load beside us does not count */
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* All on-board neighbours are stones of the mover. */
static bool fills_eye(const struct game *g, const struct position *pos, int a)
{
    int x = a % g->size, y = a / g->size, own = pos->to_move + 1;

    return (x == 0 || pos->stones[a - 1] == own) &&
           (x == pos->setup.width - 1 || pos->stones[a + 1] == own) &&
           (y == 0 || pos->stones[a - g->size] == own) &&
           (y == pos->setup.height - 1 || pos->stones[a + g->size] == own);
}

static int random_action(const struct game *g, const struct position *pos, struct tg_rng *r)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int good[GAME_MAX_ACTIONS], n = 0;

    game_legal(g, pos, legal);
    for (int a = 0; a < g->n_points; a++)
        if (legal[a] && !fills_eye(g, pos, a))
            good[n++] = a;
    return n > 0 ? good[tg_rng_below(r, (uint32_t)n)] : g->n_points;
}

/* The mover's neighbourhood first: within two points of the last move. */
static int near_action(const struct game *g, const struct position *pos, struct tg_rng *r)
{
    int last = pos->recent[0], size = g->size;

    for (int tries = 0; last >= 0 && last < g->n_points && tries < 20; tries++) {
        int x = last % size - 2 + (int)tg_rng_below(r, 5), y = last / size - 2 + (int)tg_rng_below(r, 5);

        if (x >= 0 && x < size && y >= 0 && y < size && game_is_legal(g, pos, y * size + x) &&
            !fills_eye(g, pos, y * size + x))
            return y * size + x;
    }
    return random_action(g, pos, r);
}

static void grow_leaves(const struct game *g, struct sample *s, struct tg_rng *r)
{
    for (int i = 0; i < N_PLIES; i++) {
        int root = i - i % N_LEAVES, parent = i;

        if (i > root)
            parent = tg_rng_below(r, 2) == 0 ? i - 1 : root + (int)tg_rng_below(r, (uint32_t)(i - root));
        if (i == root || s->leaves[parent].over)
            game_copy(g, &s->leaves[i], &s->before[root]);
        else
            game_copy(g, &s->leaves[i], &s->leaves[parent]);
        game_play(g, &s->leaves[i], near_action(g, &s->leaves[i], r));
    }
}

static void take_sample(const struct game *g, const char *rules, struct sample *s)
{
    struct tg_rng r = tg_rng_stream(7, TG_RNG_TEST, (uint64_t)g->size, 0);
    struct game_setup setup;
    struct tg_error err;
    static struct position pos;

    pos.over = 1;
    game_default_setup(g, &setup);
    if (game_rules_parse(g, rules, &setup, &err) != TG_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (int i = 0; i < N_PLIES; i++) {
        if (pos.over)
            game_start(g, &setup, &pos);
        s->action[i] = (int16_t)random_action(g, &pos, &r);
        game_copy(g, &s->before[i], &pos);
        game_play(g, &pos, s->action[i]);
    }
    grow_leaves(g, s, &r);
}

enum op { OP_COPY, OP_PLAY, OP_LEGAL, OP_ENCODE, OP_LEAF, OP_MEMO, OP_SCORE, OP_DECIDED, N_OPS };
static const char *const op_names[N_OPS] = {"copy", "copy+play", "legal", "encode",
                                            "leaf", "memo",      "score", "decided"};

static unsigned run_op(const struct game *g, enum op op, struct sample *s, int i)
{
    static struct position pos;
    static struct game_result result;
    static uint8_t planes[GAME_MAX_PLANES * GAME_MAX_PLANE_BYTES], legal[GAME_MAX_ACTIONS];
    static float globals[GAME_MAX_GLOBALS];

    switch (op) {
    case OP_COPY: game_copy(g, &pos, &s->before[i]); return pos.to_move;
    case OP_PLAY:
        game_copy(g, &pos, &s->before[i]);
        game_play(g, &pos, s->action[i]);
        return pos.to_move;
    case OP_LEGAL: return (unsigned)game_legal(g, &s->before[i], legal);
    case OP_ENCODE: game_encode(g, &s->before[i], NULL, planes, globals); return planes[g->plane_bytes];
    case OP_LEAF: game_encode(g, &s->leaves[i], NULL, planes, globals); return planes[g->plane_bytes];
    case OP_MEMO: game_encode(g, &s->leaves[i], &s->memo, planes, globals); return planes[g->plane_bytes];
    case OP_SCORE: game_score(g, &s->before[i], &result); return result.winner;
    default: return game_decided(g, &s->before[i]);
    }
}

int main(void)
{
    static const int sizes[] = {9, 13, 19};
    static const char *const rules[] = {"tromp-taylor", "chinese"};
    static struct sample s;
    unsigned sink = 0;

    s.before = calloc(N_PLIES, sizeof *s.before);
    s.leaves = calloc(N_PLIES, sizeof *s.leaves);
    s.memo = (struct game_memo){calloc(MEMO_WORDS, sizeof *s.memo.room), MEMO_WORDS * sizeof *s.memo.room};
    if (s.before == NULL || s.leaves == NULL || s.memo.room == NULL)
        return 1;
    printf("%-14s %5s", "ns a call", "size");
    for (int op = 0; op < N_OPS; op++)
        printf(" %9s", op_names[op]);
    printf("\n");
    for (size_t k = 0; k < 2 * sizeof sizes / sizeof *sizes; k++) {
        struct game g;

        if (game_init(&g, GAME_GO, sizes[k / 2], 0, NULL) != TG_OK)
            return 1;
        take_sample(&g, rules[k % 2], &s);
        printf("%-14s %5d", rules[k % 2], sizes[k / 2]);
        for (int op = 0; op < N_OPS; op++) {
            double best = 1e30;

            for (int pass = 0; pass < N_PASSES; pass++) {
                double start, took;

                memset(s.memo.room, 0, s.memo.n_bytes);
                start = now_ns();
                for (int i = 0; i < N_PLIES; i++)
                    sink += run_op(&g, (enum op)op, &s, i);
                took = (now_ns() - start) / N_PLIES;
                best = took < best ? took : best;
            }
            printf(" %9.0f", best);
        }
        printf("\n");
    }
    free(s.before);
    free(s.leaves);
    free(s.memo.room);
    return sink == 1; /* keeps the results alive */
}
