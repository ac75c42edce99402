/* gomocup_engine.c - commands of a Gomoku manager and our answers.
 *
 * Coordinates are "x,y" from 0, the same as ours. The side that moves first is Black. */
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "player.h"
#include "gtp_clock.h"
#include "tengen/file.h"
#include "tengen/play.h"

enum { MAX_WORDS = 4, WORD = 40, VISITS_WITHOUT_CLOCK = 800, VISITS_BY_CLOCK = 10000000 };

struct entry {
    int16_t action;
    uint8_t mine;
};

struct gomocup_engine {
    struct gomocup_options o;
    struct tg_log *log;     /* borrowed */
    struct player *player;
    struct game_setup setup;
    bool started;           /* START or RECTSTART was accepted */
    bool exact_five;        /* INFO rule; else the rule set's own */
    bool rule_told;
    struct position *pos;   /* owned */
    int16_t moves[GAME_MAX_POINTS];
    int n_moves;            /* since the board was empty or set up */
    bool set_up;            /* moves follow stones, not the empty board */
    uint8_t stones[GAME_MAX_POINTS];
    uint8_t to_move;
    /* BOARD is collecting stones until DONE. */
    bool collecting, spoiled;
    struct entry entries[GAME_MAX_POINTS];
    int n_entries;
    double turn_sec;        /* negative: no limit */
    double match_sec;       /* of the whole game; 0: no limit */
    struct gtp_clock clock; /* what is left of it */
};

/* ---- answers --------------------------------------------------------------------------------------- */

static void answer(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void answer(FILE *out, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
    fputc('\n', out);
    fflush(out);
}

/* ---- words ------------------------------------------------------------------------------------------ */

/* Numbers parted by commas and blanks. Returns how many there are; -1: something else stands there. */
static int read_numbers(const char *text, int *numbers, int most)
{
    int n = 0;

    for (;;) {
        char *end;

        text += strspn(text, " \t");
        if (*text == '\0')
            return n;
        long value = strtol(text, &end, 10);
        if (end == text || n == most || value < -INT_MAX || value > INT_MAX)
            return -1;
        numbers[n++] = (int)value;
        text = end + strspn(end, " \t");
        if (*text == ',' && text[1] != '\0')
            text++;
        else if (*text != '\0')
            return -1;
    }
}

/* "x,y" as an action on this board; -1: it is none. */
static int read_point(const struct gomocup_engine *e, const char *text)
{
    int xy[2];

    if (read_numbers(text, xy, 2) != 2 || xy[0] < 0 || xy[0] >= e->setup.width || xy[1] < 0 ||
        xy[1] >= e->setup.height)
        return -1;
    return xy[1] * player_game(e->player)->size + xy[0];
}

/* ---- the game ---------------------------------------------------------------------------------------- */

static void apply_rule(struct gomocup_engine *e, struct game_setup *setup)
{
    const struct game *g = player_game(e->player);

    game_default_setup(g, setup);
    if (e->o.rules != NULL)
        game_rules_parse(g, e->o.rules, setup, NULL); /* was checked at open */
    if (e->rule_told)
        setup->gomoku.exact_five = e->exact_five;
}

static void new_game(struct gomocup_engine *e)
{
    struct game_setup setup;

    apply_rule(e, &setup);
    setup.width = e->setup.width;
    setup.height = e->setup.height;
    e->setup = setup;
    e->n_moves = 0;
    e->set_up = false;
    player_forget(e->player);
    game_start(player_game(e->player), &e->setup, e->pos);
}

/* The whole match time, or no clock if it is 0. */
static void wind_clock(struct gomocup_engine *e)
{
    gtp_clock_set(&e->clock, GTP_CLOCK_ABSOLUTE, e->match_sec, 0, 0);
}

static void start(struct gomocup_engine *e, int width, int height, FILE *out)
{
    int least = width < height ? width : height, size = width > height ? width : height;
    struct tg_error err = {0};

    if (least < 5 || size > GAME_MAX_SIZE) {
        answer(out, "ERROR unsupported size: boards from 5 to %d are played", GAME_MAX_SIZE);
        return;
    }
    if (player_resize(e->player, size, &err) != TG_OK) {
        e->started = false;
        answer(out, "ERROR %s", err.text);
        return;
    }
    e->setup.width = (uint8_t)width;
    e->setup.height = (uint8_t)height;
    e->started = true;
    wind_clock(e);
    new_game(e);
    answer(out, "OK");
}

static bool play(struct gomocup_engine *e, int action)
{
    const struct game *g = player_game(e->player);

    if (e->n_moves == GAME_MAX_POINTS || !game_is_legal(g, e->pos, action))
        return false;
    game_play(g, e->pos, action);
    player_advance(e->player, action);
    e->moves[e->n_moves++] = (int16_t)action;
    return true;
}

static void replay(struct gomocup_engine *e)
{
    const struct game *g = player_game(e->player);

    player_forget(e->player);
    game_start(g, &e->setup, e->pos);
    if (e->set_up)
        game_set_stones(g, e->pos, e->stones, (enum game_color)e->to_move, NULL);
    for (int i = 0; i < e->n_moves; i++)
        game_play(g, e->pos, e->moves[i]);
}

static struct player_limits limits(const struct gomocup_engine *e)
{
    struct player_limits l = {.visits = e->o.visits, .sec = -1.0, .hard_sec = -1.0};
    int left = (e->setup.width * e->setup.height / 2 - e->pos->ply) / 2;

    gtp_clock_budget(&e->clock, (enum game_color)e->pos->to_move, left > 15 ? left : 15, &l.sec,
                     &l.hard_sec);
    if (e->turn_sec >= 0.0) {
        double safe = e->turn_sec > 0.6 ? 0.99 * e->turn_sec - 0.2 : 0.66 * e->turn_sec;

        if (l.sec < 0.0 || safe < l.sec)
            l.sec = safe;
        if (l.hard_sec < 0.0 || safe < l.hard_sec)
            l.hard_sec = safe;
        if (e->turn_sec == 0.0) /* as fast as possible, but not blindly */
            l = (struct player_limits){.visits = 1, .sec = -1.0};
    }
    if (l.visits == 0)
        l.visits = l.sec < 0.0 ? VISITS_WITHOUT_CLOCK : VISITS_BY_CLOCK;
    return l;
}

static void move(struct gomocup_engine *e, FILE *out)
{
    const struct game *g = player_game(e->player);
    enum game_color me = (enum game_color)e->pos->to_move;
    double began = tg_now();
    struct tg_error err = {0};

    if (e->pos->over) {
        answer(out, "ERROR the game is over");
        return;
    }
    struct player_limits l = limits(e);
    if (player_think(e->player, e->pos, &l, NULL, &err) != TG_OK)
        tg_log(e->log, TG_LOG_ERROR, "%s", err.text); /* a move there must be: it will be a random one */
    int action = player_choose(e->player, e->pos);
    play(e, action);
    gtp_clock_spent(&e->clock, me, tg_now() - began);
    answer(out, "%d,%d", action % g->size, action / g->size);
}

/* ---- commands ----------------------------------------------------------------------------------------- */

static void cmd_start(struct gomocup_engine *e, const char *text, FILE *out)
{
    int n;

    if (read_numbers(text, &n, 1) != 1)
        answer(out, "ERROR START wants a size");
    else
        start(e, n, n, out);
}

static void cmd_rectstart(struct gomocup_engine *e, const char *text, FILE *out)
{
    int n[2];

    if (read_numbers(text, n, 2) != 2)
        answer(out, "ERROR RECTSTART wants width,height");
    else
        start(e, n[0], n[1], out);
}

static void cmd_restart(struct gomocup_engine *e, const char *text, FILE *out)
{
    (void)text;
    wind_clock(e);
    new_game(e);
    answer(out, "OK");
}

static void cmd_begin(struct gomocup_engine *e, const char *text, FILE *out)
{
    (void)text;
    if (e->pos->ply > 0 || e->set_up)
        answer(out, "ERROR BEGIN on a board that is not empty");
    else
        move(e, out);
}

static void cmd_turn(struct gomocup_engine *e, const char *text, FILE *out)
{
    int action = read_point(e, text);

    if (action < 0)
        answer(out, "ERROR TURN wants x,y on the board");
    else if (!play(e, action))
        answer(out, "ERROR %s", e->pos->over ? "the game is over" : "this move is illegal");
    else
        move(e, out);
}

/* The manager makes a move for us: one that we suggested, or one of its own. */
static void cmd_play(struct gomocup_engine *e, const char *text, FILE *out)
{
    int action = read_point(e, text), size = player_game(e->player)->size;

    if (action < 0 || !play(e, action))
        answer(out, "ERROR this move is illegal");
    else
        answer(out, "%d,%d", action % size, action / size);
}

static void cmd_takeback(struct gomocup_engine *e, const char *text, FILE *out)
{
    int action = read_point(e, text);

    if (action < 0 || e->n_moves == 0 || e->moves[e->n_moves - 1] != action) {
        answer(out, "ERROR only the last move can be taken back");
        return;
    }
    e->n_moves--;
    replay(e);
    answer(out, "OK");
}

static void cmd_board(struct gomocup_engine *e, const char *text, FILE *out)
{
    (void)text;
    (void)out;
    e->collecting = true;
    e->spoiled = false;
    e->n_entries = 0;
}

/* "x,y,field": 1 is ours, 2 the opponent's. */
static void collect(struct gomocup_engine *e, const char *text)
{
    int n[3];

    if (read_numbers(text, n, 3) != 3 || n[0] < 0 || n[0] >= e->setup.width || n[1] < 0 ||
        n[1] >= e->setup.height || (n[2] != 1 && n[2] != 2) || e->n_entries == GAME_MAX_POINTS) {
        e->spoiled = true;
        return;
    }
    e->entries[e->n_entries++] =
        (struct entry){(int16_t)(n[1] * player_game(e->player)->size + n[0]), n[2] == 1};
}

/* The stones as moves in the order they were told, if that was a game; it keeps what a network sees of
 * the past. */
static bool play_entries(struct gomocup_engine *e)
{
    for (int i = 0; i < e->n_entries; i++) {
        bool mine = (e->n_entries - i) % 2 == 0; /* the last was the opponent's */

        if (e->entries[i].mine != mine || e->pos->over || !play(e, e->entries[i].action))
            return false;
    }
    return true;
}

static bool place_entries(struct gomocup_engine *e)
{
    int balance = 0;

    new_game(e);
    memset(e->stones, GAME_EMPTY, sizeof e->stones);
    for (int i = 0; i < e->n_entries; i++)
        balance += e->entries[i].mine ? 1 : -1;
    enum game_color me = balance < 0 ? GAME_WHITE : GAME_BLACK; /* the opponent moved first */
    for (int i = 0; i < e->n_entries; i++) {
        enum game_color color = e->entries[i].mine ? me : (enum game_color)(GAME_WHITE - me);

        if (e->stones[e->entries[i].action] != GAME_EMPTY)
            return false;
        e->stones[e->entries[i].action] = (uint8_t)(GAME_BLACK_STONE + color);
    }
    e->to_move = (uint8_t)me;
    e->set_up = true;
    replay(e);
    return true;
}

static void finish_board(struct gomocup_engine *e, FILE *out)
{
    e->collecting = false;
    new_game(e);
    if (e->spoiled) {
        answer(out, "ERROR a line of BOARD was not x,y,1 or x,y,2 on this board");
        return;
    }
    if (!play_entries(e) && !place_entries(e)) {
        new_game(e);
        answer(out, "ERROR two stones on one point");
        return;
    }
    move(e, out);
}

static void set_rule(struct gomocup_engine *e, int rule, FILE *out)
{
    e->rule_told = true;
    e->exact_five = rule & 1;
    if (rule & ~1)
        answer(out, "MESSAGE of rule %d only freestyle (0) and exactly five (1) are played here", rule);
    if (e->started && e->pos->ply == 0 && !e->set_up)
        new_game(e); /* told after START, before the first move */
}

/* INFO is never answered. Unknown keys are no errors: managers send what they like. */
static void cmd_info(struct gomocup_engine *e, const char *text, FILE *out)
{
    char key[WORD] = "";
    int skip = 0, n;

    if (sscanf(text, "%39s %n", key, &skip) < 1 || read_numbers(text + skip, &n, 1) != 1)
        return;
    if (strcasecmp(key, "timeout_turn") == 0)
        e->turn_sec = n < 0 ? -1.0 : n / 1000.0;
    else if (strcasecmp(key, "timeout_match") == 0) {
        e->match_sec = n > 0 ? n / 1000.0 : 0.0;
        wind_clock(e);
    } else if (strcasecmp(key, "time_left") == 0) {
        for (int color = 0; color < 2 && e->match_sec > 0; color++)
            gtp_clock_told(&e->clock, (enum game_color)color, n / 1000.0, 0);
    } else if (strcasecmp(key, "max_memory") == 0 && n > 0) {
        player_limit_tree(e->player, (size_t)n / 4); /* it may double while it grows; nets need some */
    } else if (strcasecmp(key, "rule") == 0) {
        set_rule(e, n, out);
    }
}

static void cmd_about(struct gomocup_engine *e, const char *text, FILE *out)
{
    (void)text;
    answer(out, "name=\"Tengen\", version=\"%s\", author=\"the Tengen maintainers\", www=\"\", "
                "country=\"-\"", e->o.version);
}

static const struct command {
    const char *name;
    bool needs_start;
    void (*run)(struct gomocup_engine *e, const char *text, FILE *out);
} commands[] = {
    {"START", false, cmd_start},   {"RECTSTART", false, cmd_rectstart},
    {"RESTART", true, cmd_restart}, {"BEGIN", true, cmd_begin},
    {"TURN", true, cmd_turn},      {"PLAY", true, cmd_play},
    {"BOARD", true, cmd_board},    {"TAKEBACK", true, cmd_takeback},
    {"INFO", false, cmd_info},     {"ABOUT", false, cmd_about},
};

/* text [n]: printable characters of the line, blanks for the others, trimmed at both ends. */
static char *clean(const char *line, size_t n)
{
    char *text = malloc(n + 1), *at = text;

    if (text == NULL)
        return NULL;
    while (n > 0 && (unsigned char)line[n - 1] <= ' ')
        n--;
    while (n > 0 && (unsigned char)*line <= ' ') {
        line++;
        n--;
    }
    for (size_t i = 0; i < n; i++)
        *at++ = (unsigned char)line[i] > ' ' && line[i] != 127 ? line[i] : ' ';
    *at = '\0';
    return text;
}

static bool execute(struct gomocup_engine *e, const char *text, FILE *out)
{
    size_t length = strcspn(text, " ");

    if (text[0] == '\0')
        return true;
    if (e->collecting) {
        if (strcasecmp(text, "DONE") == 0)
            finish_board(e, out);
        else
            collect(e, text);
        return true;
    }
    if (strcasecmp(text, "END") == 0)
        return false;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strlen(commands[i].name) != length || strncasecmp(commands[i].name, text, length) != 0)
            continue;
        if (commands[i].needs_start && !e->started)
            answer(out, "ERROR no board: START comes first");
        else
            commands[i].run(e, text + length, out);
        return true;
    }
    answer(out, "UNKNOWN command");
    return true;
}

bool gomocup_execute(struct gomocup_engine *e, const char *line, size_t n, FILE *out)
{
    char *text = clean(line, n);
    bool going = true;

    if (text == NULL)
        answer(out, "ERROR out of memory");
    else
        going = execute(e, text, out);
    free(text);
    return going;
}

enum tg_status gomocup_open(const struct gomocup_options *o, struct tg_log *log,
                            struct gomocup_engine **engine, struct tg_error *err)
{
    struct gomocup_engine *e = calloc(1, sizeof *e);
    struct player_options player = o->player;
    struct game_setup setup;
    enum tg_status rc = TG_OK;

    *engine = NULL;
    if (e == NULL)
        return FAIL(err, TG_ENOMEM, "a Gomocup engine");
    e->o = *o;
    e->log = log;
    e->turn_sec = -1.0;
    e->pos = malloc(sizeof *e->pos);
    if (e->pos == NULL) {
        rc = FAIL(err, TG_ENOMEM, "a Gomocup engine");
        goto out;
    }
    player.kind = GAME_GOMOKU;
    TRY_OUT(player_open(&player, log, &e->player, err));
    if (player_game(e->player)->kind != GAME_GOMOKU) {
        rc = FAIL(err, TG_EINVAL, "%s: a network for %s, not for gomoku", o->player.net,
                  game_kind_name(player_game(e->player)->kind));
        goto out;
    }
    game_default_setup(player_game(e->player), &setup);
    if (o->rules != NULL)
        TRY_OUT(game_rules_parse(player_game(e->player), o->rules, &setup, err));
    wind_clock(e);
    *engine = e;
    return TG_OK;
out:
    gomocup_close(e);
    return rc;
}

void gomocup_close(struct gomocup_engine *e)
{
    if (e == NULL)
        return;
    player_close(e->player);
    free(e->pos);
    free(e);
}
