/* What is remembered of ladders: the same as is found without it, on boards that differ by few stones. */
#include <stdio.h>
#include <stdlib.h>

#include "go.h"
#include "go_text.h"
#include "tengen/rng.h"

enum { N_LEAVES = 60 };

static struct drawn d;
static struct position leaves[N_LEAVES];

/* A legal move, mostly beside the last one, that fills no eye; or a pass. */
static int some_move(const struct position *pos, struct tg_rng *r)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int n = d.g.n_points, size = d.g.size, last = pos->recent[0];

    game_legal(&d.g, pos, legal);
    for (int tries = 0; tries < 400; tries++) {
        int a = (int)tg_rng_below(r, (uint32_t)n), x = a % size, y = a / size, own = pos->to_move + 1;
        bool near = last < 0 || last >= n || (abs(last % size - x) <= 2 && abs(last / size - y) <= 2);
        bool eye = (x == 0 || pos->stones[a - 1] == own) && (y == 0 || pos->stones[a - size] == own) &&
                   (x + 1 == pos->setup.width || pos->stones[a + 1] == own) &&
                   (y + 1 == pos->setup.height || pos->stones[a + size] == own);

        if (legal[a] && !eye && (near || tg_rng_below(r, 40) == 0))
            return a;
    }
    return n;
}

/* Grow a tree of leaves from the position d.pos, as a search would. Returns their number. */
static int grow_tree(struct tg_rng *r)
{
    int n = 1;

    game_copy(&d.g, &leaves[0], &d.pos);
    for (; n < N_LEAVES; n++) {
        int parent = (int)tg_rng_below(r, (uint32_t)n);

        if (tg_rng_below(r, 2) == 0)
            parent = n - 1;
        if (leaves[parent].over)
            parent = 0;
        game_copy(&d.g, &leaves[n], &leaves[parent]);
        game_play(&d.g, &leaves[n], some_move(&leaves[n], r));
    }
    return n;
}

static void assert_same_ladders(const struct position *pos, struct game_memo *memo)
{
    const struct go_state *s = go_const_state(pos);
    uint64_t stones[2][GO_CELL_WORDS], working[2][GO_CELL_WORDS];

    for (uint8_t prey = GAME_BLACK_STONE; prey <= GAME_WHITE_STONE; prey++) {
        go_ladders(s, NULL, stones[0], working[0], prey);
        go_ladders(s, memo, stones[1], working[1], prey);
        assert_memory_equal(stones[0], stones[1], sizeof *stones);
        assert_memory_equal(working[0], working[1], sizeof *working);
    }
    for (int ago = 1; ago <= 2 && ago <= pos->ply; ago++) {
        go_ladders_before(s, ago, NULL, stones[0]);
        go_ladders_before(s, ago, memo, stones[1]);
        assert_memory_equal(stones[0], stones[1], sizeof *stones);
    }
}

/* Fights on boards of all sizes and rules, some 50,000 positions through a memo that keeps all, one whose
 * places are fought for, and one without any place. */
static void a_memo_changes_nothing(void **state)
{
    static const char *const rules[] = {"tromp-taylor", "japanese", "chinese", "aga-button"};
    static uint64_t large[1 << 19], small[1 << 10], tiny[2];
    struct game_memo memos[] = {{large, sizeof large}, {small, sizeof small}, {tiny, sizeof tiny}};
    struct tg_rng r = tg_rng_stream(6, TG_RNG_TEST, 0, 0);

    (void)state;
    for (int game = 0; game < 100; game++) {
        draw_empty(&d, 3 + game % 17, 5 + game % 15, rules[game % 4]);
        d.setup.go.suicide = (uint8_t)(game % 2);
        game_start(&d.g, &d.setup, &d.pos);
        for (int ply = 0; ply < 160 && !d.pos.over; ply++) {
            if (ply % 20 == 10)
                for (int i = grow_tree(&r) - 1; i >= 0; i--)
                    assert_same_ladders(&leaves[i], &memos[game % 16 != 0 ? 0 : 1 + game / 16 % 2]);
            game_play(&d.g, &d.pos, some_move(&d.pos, &r));
        }
    }
}

/* Boards that went before are read from it: a false stone shows up in their planes, not in this one's. */
static void boards_are_remembered(void **state)
{
    static uint64_t room[1 << 12]; /* its first half: a key and seven words of bits for each board */
    struct game_memo memo = {room, sizeof room};
    uint64_t stones[GO_CELL_WORDS];
    int n = 0;

    (void)state;
    draw_empty(&d, 9, 9, "tromp-taylor");
    for (int ply = 0; ply < 3; ply++) {
        go_ladders(go_const_state(&d.pos), &memo, stones, NULL, GAME_EMPTY);
        game_play(&d.g, &d.pos, 20 * ply + 20);
    }
    for (int i = 0; i < 1 << 11; i += 8) {
        n += room[i] != 0;
        room[i + 1] |= UINT64_C(1) << 25;
    }
    assert_int_equal(n, 3);
    go_ladders(go_const_state(&d.pos), &memo, stones, NULL, GAME_EMPTY);
    assert_int_equal(stones[0], 0);
    for (int ago = 1; ago <= 2; ago++) {
        go_ladders_before(go_const_state(&d.pos), ago, &memo, stones);
        assert_int_equal(stones[0], UINT64_C(1) << 25);
    }
}

static size_t words_in_use(const uint64_t *room, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        used += room[i] != 0;
    return used;
}

/* A stone far away calls for no new search; one that breaks the ladder does. */
static void searches_are_remembered(void **state)
{
    static uint64_t room[1 << 15];
    struct game_memo memo = {room, sizeof room};
    uint64_t *searches = room + (1 << 14), stones[GO_CELL_WORDS];
    size_t used;

    (void)state;
    draw(&d, "tromp-taylor", GAME_BLACK,
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . . . . . . . . . . .\n"
         ". . . X . . . . . . . . .\n"
         ". X O X . . . . . . . . .\n"
         ". . X O . . . . . . . . .\n"
         ". . . X . . . . . . . . .\n");
    go_ladders(go_const_state(&d.pos), &memo, stones, NULL, GAME_EMPTY);
    used = words_in_use(searches, 1 << 14);
    assert_true(used > 0);
    game_play(&d.g, &d.pos, 2 * d.g.size + 2); /* Black, at the top on the left */
    go_ladders(go_const_state(&d.pos), &memo, stones, NULL, GAME_EMPTY);
    assert_int_equal(words_in_use(searches, 1 << 14), used);
    game_play(&d.g, &d.pos, 9 * d.g.size + 4); /* White, beside the fight */
    go_ladders(go_const_state(&d.pos), &memo, stones, NULL, GAME_EMPTY);
    assert_true(words_in_use(searches, 1 << 14) > used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memo_changes_nothing),
        cmocka_unit_test(boards_are_remembered),
        cmocka_unit_test(searches_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
