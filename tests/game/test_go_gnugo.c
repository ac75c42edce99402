/* Our Go beside GNU Go: random games, and what each engine says of every position on the way: legal
 * moves, stones, captures; and of finished games the score.
 *
 * All commands of a game go to GNU Go in one file, so that it takes seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tengen/game.h"
#include "tengen/rng.h"
#include "tg_test.h"

static const char gnugo[] = "/usr/games/gnugo";

enum { MAX_PLIES = 320 }; /* GNU Go keeps 500 moves at most */

struct said {
    uint8_t legal[GAME_MAX_ACTIONS], stones[GAME_MAX_POINTS];
    int captures[2];
};

struct played {
    struct game g;
    struct position pos;
    struct said said[MAX_PLIES + 1]; /* before each ply, and at the end */
    int n;
};

static struct played p;
static char path_in[1200], path_out[1200];

static void ask(FILE *f)
{
    struct said *s = &p.said[p.n++];

    game_legal(&p.g, &p.pos, s->legal);
    if (p.pos.over)
        memset(s->legal, 0, sizeof s->legal);
    memcpy(s->stones, p.pos.stones, sizeof s->stones);
    s->captures[0] = p.pos.captures[0];
    s->captures[1] = p.pos.captures[1];
    fprintf(f, "all_legal %c\nlist_stones black\nlist_stones white\ncaptures black\n"
               "captures white\n", "bw"[p.pos.to_move]);
}

static bool fills_eye(int a)
{
    int x = a % p.g.size, y = a / p.g.size, last = p.g.size - 1, own = p.pos.to_move + 1;

    return (x == 0 || p.pos.stones[a - 1] == own) && (x == last || p.pos.stones[a + 1] == own) &&
           (y == 0 || p.pos.stones[a - p.g.size] == own) &&
           (y == last || p.pos.stones[a + p.g.size] == own);
}

/* With `sane`, moves fill no own eyes, and one passes only without another move. */
static int random_action(struct tg_rng *r, bool sane)
{
    uint8_t legal[GAME_MAX_ACTIONS];
    int moves[GAME_MAX_ACTIONS], n = 0;

    game_legal(&p.g, &p.pos, legal);
    for (int a = 0; a < p.g.n_points; a++)
        if (legal[a] && !(sane && fills_eye(a)))
            moves[n++] = a;
    if (n == 0 || (!sane && tg_rng_below(r, 30) == 0))
        return p.g.n_points;
    return moves[tg_rng_below(r, (uint32_t)n)];
}

/* Play a game and write it as GTP; with `judge`, ask for the score too. */
static void write_game(struct tg_rng *r, struct go_rules rules, int size, bool sane, bool judge)
{
    struct game_setup setup;
    struct tg_error err;
    FILE *f = fopen(path_in, "w");

    assert_non_null(f);
    assert_ok(game_init(&p.g, GAME_GO, size, 0, &err), &err);
    game_default_setup(&p.g, &setup);
    setup.go = rules;
    setup.go.komi2 = 15;
    game_start(&p.g, &setup, &p.pos);
    fprintf(f, "boardsize %d\nclear_board\nkomi 7.5\n", size);
    p.n = 0;
    while (!p.pos.over && p.pos.ply < MAX_PLIES) {
        char vertex[GAME_VERTEX_CHARS];
        int a = random_action(r, sane);

        ask(f);
        game_vertex_name(&p.g, &p.pos, a, vertex);
        fprintf(f, "play %c %s\n", "bw"[p.pos.to_move], vertex);
        game_play(&p.g, &p.pos, a);
    }
    ask(f);
    if (judge)
        fprintf(f, "final_score\nfinal_status_list dead\nfinal_status_list seki\n");
    fprintf(f, "quit\n");
    assert_int_equal(fclose(f), 0);
}

/* The first line of the next answer without its "="; fails where GNU Go refused. */
static char *answer(FILE *f)
{
    static char text[8192];

    do
        if (fgets(text, sizeof text, f) == NULL)
            fail_msg("GNU Go says no more");
    while (text[0] != '=' && text[0] != '?');
    if (text[0] != '=')
        fail_msg("GNU Go: %s", text);
    return text + 1;
}

/* Mark the points that the answer names. */
static void read_points(FILE *f, uint8_t *marks, uint8_t value)
{
    for (char *v = strtok(answer(f), " \n"); v != NULL; v = strtok(NULL, " \n")) {
        int a = game_vertex_parse(&p.g, &p.pos, v);

        assert_in_range(a, 0, p.g.n_points - 1);
        marks[a] = value;
    }
}

static void compare_position(FILE *f, const struct said *s, bool over)
{
    uint8_t legal[GAME_MAX_ACTIONS] = {0}, stones[GAME_MAX_POINTS] = {0};

    read_points(f, legal, 1);
    read_points(f, stones, GAME_BLACK_STONE);
    read_points(f, stones, GAME_WHITE_STONE);
    for (int a = 0; a < p.g.n_points; a++)
        if (!over && legal[a] != s->legal[a])
            fail_msg("ply %d of size %d: point %d is %slegal for GNU Go", (int)(s - p.said),
                     p.g.size, a, legal[a] ? "" : "il");
    assert_memory_equal(stones, s->stones, (size_t)p.g.n_points);
    assert_int_equal(atoi(answer(f)), s->captures[0]);
    assert_int_equal(atoi(answer(f)), s->captures[1]);
}

/* Run GNU Go on the game and compare every position. Returns its further answers, to be closed. */
static FILE *compare_game(const char *options)
{
    char command[4096];
    FILE *f;

    snprintf(command, sizeof command, "%s --mode gtp --chinese-rules %s --gtp-input %s > %s",
             gnugo, options, path_in, path_out);
    assert_int_equal(system(command), 0);
    f = fopen(path_out, "r");
    assert_non_null(f);
    for (int i = 0; i < 3; i++)
        answer(f);
    for (int i = 0; i < p.n; i++) {
        compare_position(f, &p.said[i], p.pos.over && i == p.n - 1);
        if (i < p.n - 1)
            answer(f); /* to play */
    }
    return f;
}

static void positions_are_the_same(const char *options, struct go_rules rules, uint64_t stream)
{
    struct tg_rng r = tg_rng_stream(17, TG_RNG_TEST, stream, 0);
    int n = 0;

    for (int game = 0; n < 2500; game++) {
        write_game(&r, rules, game % 3 == 0 ? 3 + game % 5 : 5 + game % 15, game % 4 == 1, false);
        fclose(compare_game(options));
        n += p.n;
    }
}

static void captures_and_simple_ko_are_gnugos(void **state)
{
    (void)state;
    positions_are_the_same("--simple-ko --forbid-suicide", (struct go_rules){.ko = GO_KO_SIMPLE},
                           0);
}

static void suicides_are_gnugos(void **state)
{
    (void)state;
    positions_are_the_same("--simple-ko --allow-suicide",
                           (struct go_rules){.ko = GO_KO_SIMPLE, .suicide = 1}, 1);
}

/* (GNU Go's superko overlooks suicides, so they are left out here.) */
static void superkos_are_gnugos(void **state)
{
    (void)state;
    positions_are_the_same("--positional-superko --forbid-suicide",
                           (struct go_rules){.ko = GO_KO_POSITIONAL}, 2);
    positions_are_the_same("--situational-superko --forbid-suicide",
                           (struct go_rules){.ko = GO_KO_SITUATIONAL}, 3);
}

/* Games played until nobody has a move but into his own eyes: where GNU Go finds nothing dead and
 * no seki, its judgement and the bare count agree. */
static void scores_of_finished_games_are_gnugos(void **state)
{
    struct tg_rng r = tg_rng_stream(17, TG_RNG_TEST, 4, 0);
    int n = 0;

    (void)state;
    for (int game = 0; game < 20; game++) {
        struct game_result result;
        const char *score;
        bool settled;
        double lead;
        FILE *f;

        write_game(&r, (struct go_rules){.ko = GO_KO_POSITIONAL}, 5 + game % 5, true, true);
        f = compare_game("--positional-superko --forbid-suicide");
        score = answer(f);
        lead = strtod(score + 3, NULL) * (score[1] == 'B' ? 1 : -1);
        settled = strtok(answer(f), " \n") == NULL;
        settled = strtok(answer(f), " \n") == NULL && settled && p.pos.over;
        fclose(f);
        if (!settled)
            continue;
        game_score(&p.g, &p.pos, &result);
        assert_float_equal(lead, result.score, 0.01);
        n++;
    }
    assert_true(n >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_and_simple_ko_are_gnugos),
        cmocka_unit_test(suicides_are_gnugos),
        cmocka_unit_test(superkos_are_gnugos),
        cmocka_unit_test(scores_of_finished_games_are_gnugos),
    };
    const char *dir;
    int rc;

    if (access(gnugo, X_OK) != 0 || (dir = tg_test_mkdir()) == NULL)
        return 77;
    snprintf(path_in, sizeof path_in, "%s/in.gtp", dir);
    snprintf(path_out, sizeof path_out, "%s/out.gtp", dir);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    tg_test_rmdir(dir);
    return rc;
}
