/* A real outside engine: GNU Go plays itself through our side of the dialogue. */
#include <stdlib.h>
#include <string.h>

#include "tengen/match.h"
#include "tg_test.h"

static void gnugo_plays_a_whole_game_by_our_rules(void **state)
{
    struct selfplay_engine side[2];
    struct game game;
    struct game_setup setup;
    struct position pos;
    struct tg_error err;
    int action = 0;

    (void)state;
    assert_ok(game_init(&game, GAME_GO, 7, 0, &err), &err);
    game_default_setup(&game, &setup);
    assert_ok(game_rules_parse(&game, "chinese", &setup, &err), &err);
    game_start(&game, &setup, &pos);
    for (int i = 0; i < 2; i++) {
        assert_ok(match_engine_open("gnugo --mode gtp --level 1", 30, NULL, &side[i], &err), &err);
        assert_ok(side[i].start(side[i].ctx, &game, &pos, &err), &err);
    }
    while (!pos.over && pos.ply < 200) {
        struct selfplay_engine *mover = &side[pos.to_move], *other = &side[!pos.to_move];

        assert_ok(mover->genmove(mover->ctx, &game, &pos, &action, &err), &err);
        if (action < 0)
            break;
        assert_true(game_is_legal(&game, &pos, action));
        assert_ok(other->played(other->ctx, &game, &pos, action, &err), &err);
        game_play(&game, &pos, action);
    }
    assert_true(pos.over || action < 0);
    assert_true(pos.ply > 10);
    for (int i = 0; i < 2; i++)
        match_engine_close(&side[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gnugo_plays_a_whole_game_by_our_rules)};

    if (system("PATH=$PATH:/usr/games command -v gnugo >/dev/null 2>&1") != 0)
        return 77; /* GNU Go is not installed */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
