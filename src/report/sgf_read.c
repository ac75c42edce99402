/* sgf_read.c - the games of an SGF collection: board, rules, stones set up, the main line's moves. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sgf.h"
#include "sgf_scan.h"

enum { MAX_BYTES = 64 << 20, MAX_GAMES = 100000, MAX_MOVES = GAME_MAX_PLIES };

struct reader {
    const struct game *g;
    const char *path;
    struct sgf_game *game;  /* the one being read */
    int room;               /* for moves */
    bool root;              /* in its first node */
    bool said_to_move;
};

static enum tg_status bad(const struct reader *r, const struct sgf_value *v, const char *what,
                          struct tg_error *err)
{
    char text[24];

    sgf_value_text(v, text, sizeof text);
    return FAIL(err, TG_EFORMAT, "%s: byte %zu: %s[%s]: %s", r->path, v->at, v->ident, text, what);
}

static bool parse_number(const char *text, double *x)
{
    char copy[32], *end;
    size_t n = strlen(text);

    if (n == 0 || n >= sizeof copy || strspn(text, "+-0123456789.,") != n)
        return false;
    memcpy(copy, text, n + 1);
    for (char *p = copy; *p != '\0'; p++)
        if (*p == ',')
            *p = '.';
    *x = strtod(copy, &end);
    return *end == '\0' && isfinite(*x);
}

/* ---- what the root says of the game ------------------------------------------------------------- */

static enum tg_status set_size(struct reader *r, const struct sgf_value *v, const char *text,
                               struct tg_error *err)
{
    int width, height;
    char rest;
    int n = sscanf(text, "%3d:%3d%c", &width, &height, &rest);

    if (n == 1 && sscanf(text, "%3d%c", &width, &rest) == 1)
        height = width;
    else if (n != 2)
        return bad(r, v, "no board size", err);
    if (width < 1 || height < 1 || width > 52 || height > 52)
        return bad(r, v, "no board size", err);
    if (width > r->g->size || height > r->g->size)
        return bad(r, v, "larger than the boards in use here", err);
    r->game->setup.width = (uint8_t)width;
    r->game->setup.height = (uint8_t)height;
    return TG_OK;
}

static enum tg_status set_game(struct reader *r, const struct sgf_value *v, const char *text,
                               struct tg_error *err)
{
    double number;

    if (!parse_number(text, &number) || number != sgf_game_number(r->g))
        return bad(r, v, r->g->kind == GAME_GO ? "not a game of Go, which is GM[1]"
                                               : "not a game of Gomoku, which is GM[4]", err);
    return TG_OK;
}

static enum tg_status set_komi(struct reader *r, const struct sgf_value *v, const char *text,
                               struct tg_error *err)
{
    double komi;

    if (text[0] == '\0' || r->g->kind != GAME_GO)
        return TG_OK;
    if (!parse_number(text, &komi) || fabs(komi) > 1000)
        return bad(r, v, "no komi", err);
    if (2 * komi != floor(2 * komi))
        return bad(r, v, "komi must be a multiple of one half", err);
    r->game->setup.go.komi2 = (int16_t)(2 * komi);
    return TG_OK;
}

static enum tg_status set_handicap(struct reader *r, const struct sgf_value *v, const char *text,
                                   struct tg_error *err)
{
    double n;

    if (text[0] == '\0' || r->g->kind != GAME_GO)
        return TG_OK;
    if (!parse_number(text, &n) || n < 0 || n > 255 || n != floor(n))
        return bad(r, v, "no number of handicap stones", err);
    r->game->setup.handicap = n >= 2 ? (uint8_t)n : 0;
    return TG_OK;
}

/* RE; what is not understood leaves the game without a result. */
static void set_result(struct reader *r, const char *text)
{
    struct sgf_game *game = r->game;
    char side = (char)toupper((unsigned char)text[0]);
    double score;

    game->winner = GAME_UNDECIDED;
    game->score = NAN;
    if ((side == 'B' || side == 'W') && text[1] == '+') {
        game->winner = side == 'B' ? GAME_WON_BLACK : GAME_WON_WHITE;
        if (parse_number(text + 2, &score))
            game->score = (float)(side == 'B' ? score : -score);
    } else if (strcmp(text, "0") == 0 || side == 'D' || side == 'J') { /* Draw, Jigo */
        game->winner = GAME_DRAWN;
        game->score = 0;
    } else if (side == 'V') { /* Void */
        game->winner = GAME_NO_RESULT;
    }
}

/* ---- points -------------------------------------------------------------------------------------- */

static int coordinate(char c) { return c >= 'a' && c <= 'z' ? c - 'a' : c >= 'A' && c <= 'Z' ? c - 'A' + 26 : 99; }

static bool parse_point(struct reader *r, const char *text, int *x, int *y)
{
    *x = coordinate(text[0]);
    *y = coordinate(text[1]);
    return *x < r->game->setup.width && *y < r->game->setup.height;
}

/* "aa", or a rectangle "aa:cc". */
static enum tg_status set_stones(struct reader *r, const struct sgf_value *v, const char *text,
                                 uint8_t stone, struct tg_error *err)
{
    struct sgf_game *game = r->game;
    size_t n = strlen(text);
    int x0, y0, x1, y1;

    if (game->n_moves > 0)
        return bad(r, v, "stones are set up after the first move, which is not supported", err);
    if ((n != 2 && (n != 5 || text[2] != ':')) || !parse_point(r, text, &x0, &y0)
        || !parse_point(r, n == 5 ? text + 3 : text, &x1, &y1))
        return bad(r, v, "no point of this board", err);
    for (int y = y0 < y1 ? y0 : y1; y <= (y0 < y1 ? y1 : y0); y++)
        memset(&game->stones[y * r->g->size + (x0 < x1 ? x0 : x1)], stone,
               (size_t)(abs(x1 - x0) + 1));
    game->has_setup = true;
    return TG_OK;
}

static enum tg_status room_for_move(struct reader *r, struct tg_error *err)
{
    struct sgf_game *game = r->game;
    int room = r->room > 0 ? 2 * r->room : 64;
    void *moves, *colors;

    if (game->n_moves < r->room)
        return TG_OK;
    moves = realloc(game->moves, (size_t)room * sizeof *game->moves);
    if (moves != NULL)
        game->moves = moves;
    colors = realloc(game->colors, (size_t)room * sizeof *game->colors);
    if (colors != NULL)
        game->colors = colors;
    if (moves == NULL || colors == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %d moves", r->path, room);
    r->room = room;
    return TG_OK;
}

static enum tg_status add_move(struct reader *r, const struct sgf_value *v, const char *text,
                               enum game_color color, struct tg_error *err)
{
    struct sgf_game *game = r->game;
    int x = 0, y = 0, action;
    bool pass = text[0] == '\0' || strcmp(text, "tt") == 0; /* no board here has a point tt */

    if (pass && !r->g->has_pass)
        return bad(r, v, "this game has no pass", err);
    if (!pass && (strlen(text) != 2 || !parse_point(r, text, &x, &y)))
        return bad(r, v, "no point of this board", err);
    if (game->n_moves == MAX_MOVES)
        return bad(r, v, "more moves than any game here may have", err);
    TRY(room_for_move(r, err));
    action = pass ? r->g->n_points : y * r->g->size + x;
    game->moves[game->n_moves] = (int16_t)action;
    game->colors[game->n_moves] = (uint8_t)color;
    if (game->n_moves++ == 0 && !r->said_to_move)
        game->to_move = (uint8_t)color;
    return TG_OK;
}

static enum tg_status set_to_move(struct reader *r, const struct sgf_value *v, const char *text,
                                  struct tg_error *err)
{
    char c = (char)toupper((unsigned char)text[0]);

    if (c != 'B' && c != 'W' && c != '1' && c != '2')
        return bad(r, v, "neither Black nor White", err);
    if (r->game->n_moves > 0)
        return bad(r, v, "the side to move is set after the first move, which is not supported", err);
    r->game->to_move = c == 'W' || c == '2' ? GAME_WHITE : GAME_BLACK;
    r->said_to_move = true;
    return TG_OK;
}

/* ---- a game ------------------------------------------------------------------------------------- */

static enum tg_status take_value(struct reader *r, const struct sgf_value *v, struct tg_error *err)
{
    static const char *const known[] = {"SZ", "GM", "KM", "HA", "RU", "RE", "PB", "PW",
                                        "AB", "AW", "AE", "B",  "W",  "PL"};
    enum { SZ, GM, KM, HA, RU, RE, PB, PW, AB, AW, AE, B, W, PL, UNKNOWN } which = SZ;
    char text[SGF_RULES_MAX];

    while (which < UNKNOWN && strcmp(v->ident, known[which]) != 0)
        which++;
    if (which == UNKNOWN)
        return TG_OK;
    sgf_value_text(v, text, sizeof text);
    switch (which) {
    case SZ: return TG_OK; /* read_size */
    case GM: return r->root ? set_game(r, v, text, err) : TG_OK;
    case KM: return set_komi(r, v, text, err);
    case HA: return set_handicap(r, v, text, err);
    case RU:
        snprintf(r->game->rules, sizeof r->game->rules, "%.47s", text);
        sgf_rules_parse(r->g, text, &r->game->setup);
        return TG_OK;
    case RE: set_result(r, text); return TG_OK;
    case PB:
    case PW:
        snprintf(r->game->players[which == PW], sizeof r->game->players[0], "%.47s", text);
        return TG_OK;
    case AB: return set_stones(r, v, text, GAME_BLACK_STONE, err);
    case AW: return set_stones(r, v, text, GAME_WHITE_STONE, err);
    case AE: return set_stones(r, v, text, GAME_EMPTY, err);
    case B: return add_move(r, v, text, GAME_BLACK, err);
    case W: return add_move(r, v, text, GAME_WHITE, err);
    case PL: return set_to_move(r, v, text, err);
    case UNKNOWN: break;
    }
    return TG_OK;
}

/* SZ stands anywhere in the root node, and its points and rules depend on it: so it is read ahead. */
static enum tg_status read_size(struct reader *r, struct sgf_scan s, struct tg_error *err)
{
    struct sgf_value v = {0};
    enum sgf_event event;

    TRY(sgf_scan_next(&s, &event, &v, err)); /* the root */
    for (;;) {
        char text[16];

        TRY(sgf_scan_next(&s, &event, &v, err));
        if (event != SGF_VALUE)
            break;
        if (strcmp(v.ident, "SZ") != 0)
            continue;
        sgf_value_text(&v, text, sizeof text);
        return set_size(r, &v, text, err);
    }
    if (r->game->setup.width > r->g->size)
        return FAIL(err, TG_EFORMAT, "%s: byte %zu: a board of 19x19, for no SZ says otherwise, and "
                    "those in use here have %dx%d", r->path, s.at, r->g->size, r->g->size);
    return TG_OK;
}

static void start_game(struct reader *r, struct sgf_game *game)
{
    memset(game, 0, sizeof *game);
    game_default_setup(r->g, &game->setup);
    if (r->g->kind == GAME_GO) /* what FF[4] says of a game without SZ */
        game->setup.width = game->setup.height = 19;
    game->to_move = GAME_BLACK;
    game->winner = GAME_UNDECIDED;
    game->score = NAN;
    r->game = game;
    r->room = 0;
    r->said_to_move = false;
    r->root = true;
}

static enum tg_status read_game(struct reader *r, struct sgf_scan *s, struct tg_error *err)
{
    struct sgf_value v = {0};
    enum sgf_event event = SGF_NODE;
    struct tg_error why = {0};
    size_t start = s->at;

    TRY(read_size(r, *s, err));
    for (int n_nodes = 0; event != SGF_END;) {
        TRY(sgf_scan_next(s, &event, &v, err));
        if (event == SGF_NODE)
            r->root = n_nodes++ == 0;
        else if (event == SGF_VALUE)
            TRY(take_value(r, &v, err));
    }
    r->game->n_variations = s->n_variations;
    if (r->game->n_moves == 0 && !r->said_to_move && r->game->setup.handicap > 1)
        r->game->to_move = GAME_WHITE;
    if (game_setup_check(r->g, &r->game->setup, &why) != TG_OK)
        return FAIL(err, TG_EFORMAT, "%s: byte %zu: %.400s", r->path, start, why.text);
    return TG_OK;
}

enum tg_status sgf_read(const char *text, size_t n, const char *path, const struct game *g,
                        struct sgf_game **games, int *n_games, struct tg_error *err)
{
    struct reader r = {.g = g, .path = path};
    struct sgf_scan s;
    enum tg_status rc = TG_OK;
    int room = 0;

    *games = NULL;
    *n_games = 0;
    if (n > MAX_BYTES)
        return FAIL(err, TG_EFORMAT, "%s: %zu bytes of SGF, more than %d", path, n, MAX_BYTES);
    sgf_scan_init(&s, text, n, path);
    while (rc == TG_OK && sgf_scan_game(&s)) {
        if (*n_games == MAX_GAMES) {
            rc = FAIL(err, TG_EFORMAT, "%s: more than %d games", path, MAX_GAMES);
            break;
        }
        if (*n_games == room) {
            struct sgf_game *grown = realloc(*games, (size_t)(room = 2 * room + 1) * sizeof *grown);

            if (grown == NULL) {
                rc = FAIL(err, TG_ENOMEM, "%s: %d games", path, room);
                break;
            }
            *games = grown;
        }
        start_game(&r, &(*games)[(*n_games)++]);
        rc = read_game(&r, &s, err);
    }
    if (rc == TG_OK && *n_games == 0)
        rc = FAIL(err, TG_EFORMAT, "%s: no game in it: SGF begins with \"(;\"", path);
    if (rc != TG_OK) {
        sgf_free(*games, *n_games);
        *games = NULL;
        *n_games = 0;
    }
    return rc;
}

void sgf_free(struct sgf_game *games, int n_games)
{
    for (int i = 0; i < n_games; i++) {
        free(games[i].moves);
        free(games[i].colors);
    }
    free(games);
}
