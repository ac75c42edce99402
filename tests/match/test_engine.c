/* The engine side of a match against small shell scripts that speak GTP, or do not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tengen/file.h"
#include "tengen/match.h"
#include "tg_test.h"

struct fixture {
    const char *dir;
    char command[1200], heard[1200]; /* the engine; where it notes what it was told */
    struct game game;
    struct game_setup setup;
    struct position pos;
    struct selfplay_engine engine;
    struct tg_error err;
};

/* A GTP engine in sh: notes each command, answers genmove with $1 run as a command. */
static const char script[] =
    "while read -r line; do\n"
    "  echo \"$line\" >> \"$HEARD\"\n"
    "  case \"$line\" in\n"
    "    genmove*) eval \"$GENMOVE\" ;;\n"
    "    'known_command kata-set-rules') printf '= %s\\n\\n' \"${KNOWS:-false}\" ;;\n"
    "    known_command*) printf '= true\\n\\n' ;;\n"
    "    play*) eval \"${PLAY:-printf '=\\n\\n'}\" ;;\n"
    "    quit) printf '=\\n\\n'; exit 0 ;;\n"
    "    *) printf '= \\n\\n' ;;\n"
    "  esac\n"
    "done\n";

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;
    char path[1100];

    memset(f, 0, sizeof *f);
    f->dir = tg_test_mkdir();
    snprintf(path, sizeof path, "%s/engine.sh", f->dir);
    snprintf(f->heard, sizeof f->heard, "%s/heard", f->dir);
    assert_ok(tg_file_replace(path, script, sizeof script - 1, &f->err), &f->err);
    assert_ok(game_init(&f->game, GAME_GO, 9, 0, &f->err), &f->err);
    game_default_setup(&f->game, &f->setup);
    game_start(&f->game, &f->setup, &f->pos);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    match_engine_close(&f->engine);
    tg_test_rmdir(f->dir);
    return 0;
}

/* Open the script with these shell assignments before it. */
static void open_script(struct fixture *f, const char *assignments, double limit_sec)
{
    snprintf(f->command, sizeof f->command, "HEARD=%s/heard %s sh %s/engine.sh", f->dir, assignments,
             f->dir);
    assert_ok(match_engine_open(f->command, limit_sec, NULL, &f->engine, &f->err), &f->err);
}

static enum tg_status start(struct fixture *f)
{
    return f->engine.start(f->engine.ctx, &f->game, &f->pos, &f->err);
}

static enum tg_status genmove(struct fixture *f, int *action)
{
    return f->engine.genmove(f->engine.ctx, &f->game, &f->pos, action, &f->err);
}

static void assert_heard(struct fixture *f, const char *text)
{
    char *data;
    size_t n;

    assert_ok(tg_file_read(f->heard, 1 << 20, &data, &n, &f->err), &f->err);
    if (strstr(data, text) == NULL)
        fail_msg("the engine was not told \"%s\" but\n%s", text, data);
    free(data);
}

static void a_game_is_told_and_moves_come_back(void **state)
{
    struct fixture *f = *state;
    int action;

    open_script(f, "GENMOVE=\"printf '= d5\\n\\n'\"", 10);
    f->setup.go.komi2 = 13;
    game_start(&f->game, &f->setup, &f->pos);
    assert_ok(start(f), &f->err);
    assert_heard(f, "boardsize 9\nclear_board\nkomi 6.5\n");
    int e5 = game_vertex_parse(&f->game, &f->pos, "E5");
    assert_ok(f->engine.played(f->engine.ctx, &f->game, &f->pos, e5, &f->err), &f->err);
    game_play(&f->game, &f->pos, e5);
    assert_ok(genmove(f, &action), &f->err);
    assert_int_equal(action, game_vertex_parse(&f->game, &f->pos, "D5"));
    assert_heard(f, "play b E5\ngenmove w\n");
}

static void rectangles_stones_and_rules_are_told(void **state)
{
    struct fixture *f = *state;
    uint8_t stones[GAME_MAX_POINTS] = {0};

    open_script(f, "KNOWS=true GENMOVE=\"printf '= pass\\n\\n'\"", 10);
    f->setup.width = 7;
    f->setup.height = 5;
    f->setup.go.suicide = 0;
    game_start(&f->game, &f->setup, &f->pos);
    stones[game_vertex_parse(&f->game, &f->pos, "A1")] = GAME_BLACK_STONE;
    stones[game_vertex_parse(&f->game, &f->pos, "G5")] = GAME_WHITE_STONE;
    assert_ok(game_set_stones(&f->game, &f->pos, stones, GAME_BLACK, &f->err), &f->err);
    assert_ok(start(f), &f->err);
    assert_heard(f, "rectangular_boardsize 7 5\n");
    assert_heard(f, "\"scoring\":\"AREA\",\"tax\":\"NONE\",\"suicide\":false");
    assert_heard(f, "set_position w G5 b A1\n");
}

static void resignation_and_illegal_moves_give_the_game_up(void **state)
{
    struct fixture *f = *state;
    int action;

    open_script(f, "GENMOVE=\"printf '= resign\\n\\n'\"", 10);
    assert_ok(start(f), &f->err);
    assert_ok(genmove(f, &action), &f->err);
    assert_int_equal(action, -1);
    match_engine_close(&f->engine);
    open_script(f, "GENMOVE=\"printf '= D5\\n\\n'\"", 10);
    game_play(&f->game, &f->pos, game_vertex_parse(&f->game, &f->pos, "D5"));
    assert_ok(genmove(f, &action), &f->err);
    assert_int_equal(action, -1);
}

static void a_silent_engine_fails_in_time(void **state)
{
    struct fixture *f = *state;
    int action;

    open_script(f, "GENMOVE='sleep 30'", 0.3);
    assert_ok(start(f), &f->err);
    double began = tg_now();
    assert_fails(genmove(f, &action), TG_EIO, "no answer in time", &f->err);
    assert_non_null(strstr(f->err.text, "genmove b"));
    assert_non_null(strstr(f->err.text, "engine.sh"));
    match_engine_close(&f->engine); /* ends the sleeping child of the shell, too */
    assert_true(tg_now() - began < 10);
}

static void a_dying_engine_is_named_with_its_last_line(void **state)
{
    struct fixture *f = *state;
    int action;

    open_script(f, "GENMOVE='echo out of memory; exit 3'", 10);
    assert_ok(start(f), &f->err);
    assert_fails(genmove(f, &action), TG_EIO, "no GTP", &f->err);
    assert_non_null(strstr(f->err.text, "out of memory"));
    match_engine_close(&f->engine);
    open_script(f, "GENMOVE='echo \"= D4\"; exit 3'", 10);
    assert_fails(genmove(f, &action), TG_EIO, "ended with status 3", &f->err);
    assert_non_null(strstr(f->err.text, "\"= D4\""));
    /* Writing to the dead must be an error, not a signal. */
    for (int i = 0; i < 3; i++)
        assert_int_equal(genmove(f, &action), TG_EIO);
}

static void a_command_that_is_no_engine_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_fails(match_engine_open("no-such-program-here", 5, NULL, &f->engine, &f->err), TG_EIO,
                 "ended with status 127", &f->err);
    assert_null(f->engine.ctx);
    assert_fails(match_engine_open("echo hello", 5, NULL, &f->engine, &f->err), TG_EIO, "hello",
                 &f->err);
    assert_fails(match_engine_open("yes | tr -d '\\n'", 5, NULL, &f->engine, &f->err), TG_EIO,
                 "4096 bytes", &f->err);
    assert_fails(match_engine_open("yes =", 5, NULL, &f->engine, &f->err), TG_EIO, "without end",
                 &f->err);
}

static void a_refused_move_is_an_error(void **state)
{
    struct fixture *f = *state;

    open_script(f, "PLAY=\"printf '? illegal move\\n\\n'\"", 10);
    assert_ok(start(f), &f->err);
    assert_fails(f->engine.played(f->engine.ctx, &f->game, &f->pos, 0, &f->err), TG_EIO,
                 "? illegal move", &f->err);
    assert_non_null(strstr(f->err.text, "play b A9"));
}

static void closing_ends_the_whole_process_group(void **state)
{
    struct fixture *f = *state;
    char path[1200], *data;
    size_t n;

    /* The shell leaves a child behind that would outlive it. */
    snprintf(path, sizeof path, "%s/pid", f->dir);
    snprintf(f->command, sizeof f->command,
             "sleep 100 & echo $! > %s/pid; HEARD=%s/heard sh %s/engine.sh", f->dir, f->dir, f->dir);
    assert_ok(match_engine_open(f->command, 5, NULL, &f->engine, &f->err), &f->err);
    assert_ok(tg_file_read(path, 100, &data, &n, &f->err), &f->err);
    pid_t child = (pid_t)atoi(data);
    free(data);
    assert_int_equal(kill(child, 0), 0);
    match_engine_close(&f->engine);
    for (int i = 0; i < 200 && kill(child, 0) == 0; i++) {
        char status[64], text[256] = "";
        FILE *stat;

        snprintf(status, sizeof status, "/proc/%d/stat", (int)child);
        stat = fopen(status, "r");
        if (stat == NULL)
            return;
        n = fread(text, 1, sizeof text - 1, stat);
        fclose(stat);
        if (strstr(text, ") Z ") != NULL)
            return; /* ended; nobody has reaped it yet */
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_not_equal(kill(child, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        CASE(a_game_is_told_and_moves_come_back),
        CASE(rectangles_stones_and_rules_are_told),
        CASE(resignation_and_illegal_moves_give_the_game_up),
        CASE(a_silent_engine_fails_in_time),
        CASE(a_dying_engine_is_named_with_its_last_line),
        CASE(a_command_that_is_no_engine_is_refused),
        CASE(a_refused_move_is_an_error),
        CASE(closing_ends_the_whole_process_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
