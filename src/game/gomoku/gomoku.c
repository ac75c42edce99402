/* gomoku.c - the m,n,k game with captures and forbidden double-threes behind game.h: set-up, play,
 * the end of the game. */
#include "gomoku.h"

#include <string.h>

#include "tengen/hash.h"

enum { MAX_GOAL = GAME_MAX_SIZE, MAX_CAPTURE_GOAL = 20 };

static const uint64_t white_key = UINT64_C(0x8f1d3c6a52b7e94d); /* of the hash: White is to move */
static const uint64_t pending_key = UINT64_C(0x3ac95e0d7b4216f8); /* a row waits for its answer */

static enum tg_status init(struct game *g, int history, struct tg_error *err)
{
    if (history < 0 || history > GAME_RECENT)
        return FAIL(err, TG_EINVAL, "%d planes of past moves: not in 0..%d", history, GAME_RECENT);
    g->history = history;
    g->n_planes = gomoku_n_planes(history);
    g->n_globals = gomoku_n_globals();
    return TG_OK;
}

/* Five, or as many as a smaller board has room for (five if no board is set yet). */
static uint8_t usual_goal(const struct game_setup *setup)
{
    uint8_t side = setup->width > setup->height ? setup->width : setup->height;

    return side >= 2 && side < 5 ? side : 5;
}

static void default_setup(const struct game *g, struct game_setup *setup)
{
    (void)g;
    setup->gomoku = (struct gomoku_rules){.goal = usual_goal(setup)};
}

static const struct {
    const char *name;
    struct gomoku_rules rules;
} rule_sets[] = {
    {"freestyle", {.goal = 5}},
    {"standard", {.goal = 5, .exact_five = 1}},
    {"captures-engine",
     {.goal = 5, .captures = 1, .capture_goal = 5, .double_three = GOMOKU_THREES_RENJU}},
    {"captures-subject",
     {.goal = 5, .captures = 1, .capture_goal = 5, .double_three = GOMOKU_THREES_LITERAL,
      .capture_exempts = 1, .breakable_five = 1}},
};

static enum tg_status rules_parse(const char *name, struct game_setup *setup, struct tg_error *err)
{
    for (size_t i = 0; i < sizeof rule_sets / sizeof *rule_sets; i++)
        if (strcmp(name, rule_sets[i].name) == 0) {
            setup->gomoku = rule_sets[i].rules;
            return TG_OK;
        }
    return FAIL(err, TG_EINVAL,
                "no gomoku rules are named \"%s\": freestyle, standard, captures-engine or "
                "captures-subject", name);
}

static enum tg_status setup_check(const struct game *g, const struct game_setup *setup,
                                  struct tg_error *err)
{
    const struct gomoku_rules *r = &setup->gomoku;

    (void)g;
    if (setup->handicap != 0)
        return FAIL(err, TG_EINVAL, "handicap %d: gomoku has none", setup->handicap);
    if (r->goal < 2 || r->goal > MAX_GOAL)
        return FAIL(err, TG_EINVAL, "%d in a row: not in 2..%d", r->goal, MAX_GOAL);
    if (r->exact_five > 1 || r->captures > 1 || r->capture_exempts > 1 || r->breakable_five > 1)
        return FAIL(err, TG_EINVAL, "exact_five %d, captures %d, capture_exempts %d, "
                    "breakable_five %d: each is 0 or 1",
                    r->exact_five, r->captures, r->capture_exempts, r->breakable_five);
    if (r->double_three > GOMOKU_THREES_LITERAL)
        return FAIL(err, TG_EINVAL, "double_three %d: not in 0..2", r->double_three);
    if (r->double_three != GOMOKU_THREES_FREE && r->goal != 5)
        return FAIL(err, TG_EINVAL, "double-threes are about five in a row, not %d", r->goal);
    if (!r->captures && (r->capture_goal != 0 || r->breakable_five || r->capture_exempts))
        return FAIL(err, TG_EINVAL, "capture_goal %d, breakable_five %d, capture_exempts %d: "
                    "nothing without captures",
                    r->capture_goal, r->breakable_five, r->capture_exempts);
    if (r->capture_goal > MAX_CAPTURE_GOAL)
        return FAIL(err, TG_EINVAL, "capture_goal %d: not in 0..%d", r->capture_goal,
                    MAX_CAPTURE_GOAL);
    for (int c = 0; c < 2; c++)
        if (r->start_pairs[c] != 0 && r->start_pairs[c] >= r->capture_goal)
            return FAIL(err, TG_EINVAL, "start_pairs %d: not below capture_goal %d",
                        r->start_pairs[c], r->capture_goal);
    return TG_OK;
}

static uint64_t pairs_key(enum game_color color, int pairs)
{
    return tg_mix64(UINT64_C(0x7061697273000000) + (uint64_t)color * 4096 + (uint64_t)pairs);
}

/* Boards and rules that differ give other hashes to like stones. */
static uint64_t setup_key(const struct game_setup *setup)
{
    const struct gomoku_rules *r = &setup->gomoku;
    const uint8_t all[] = {setup->width, setup->height, r->goal, r->exact_five, r->captures,
                           r->capture_goal, r->double_three, r->capture_exempts, r->breakable_five};
    uint64_t key = 0;

    for (size_t i = 0; i < sizeof all; i++)
        key = tg_mix64(key ^ all[i]);
    return key;
}

static void start(const struct game *g, struct position *pos)
{
    struct gomoku_state *st = gomoku_state(pos);

    (void)g;
    memset(st, 0, sizeof *st);
    st->n_empty = (int16_t)(pos->setup.width * pos->setup.height);
    pos->hash = setup_key(&pos->setup);
    for (enum game_color c = GAME_BLACK; c <= GAME_WHITE; c++) {
        pos->captures[c] = pos->setup.gomoku.start_pairs[c];
        pos->hash ^= pairs_key(c, pos->captures[c]);
    }
}

static size_t state_bytes(const struct position *pos)
{
    (void)pos;
    return sizeof(struct gomoku_state);
}

static bool is_legal(const struct game *g, const struct position *pos, int action)
{
    int x = action % g->size, y = action / g->size;

    return x < pos->setup.width && y < pos->setup.height && pos->stones[action] == GAME_EMPTY &&
           !gomoku_is_forbidden(g, pos, x, y);
}

static int legal(const struct game *g, const struct position *pos, uint8_t *mask)
{
    uint32_t forbidden[GAME_MAX_SIZE];
    int n = gomoku_state_const(pos)->n_empty;

    memset(mask, 0, (size_t)g->n_actions);
    for (int y = 0; y < pos->setup.height; y++)
        for (int p = y * g->size; p < y * g->size + pos->setup.width; p++)
            mask[p] = pos->stones[p] == GAME_EMPTY;
    if (gomoku_forbidden(g, pos, forbidden))
        for (int y = 0; y < pos->setup.height; y++)
            for (uint32_t rest = forbidden[y]; rest != 0; rest &= rest - 1, n--)
                mask[y * g->size + 31 - __builtin_ctz(rest)] = 0;
    return n;
}

/* Only a full board leaves no legal move. An open three has empty points on both sides of the new
 * stone; a corner of the convex hull of all empty points has them on one side at most of any line,
 * so that point is never forbidden. */
static bool has_legal_move(const struct position *pos)
{
    return gomoku_state_const(pos)->n_empty > 0;
}

static void end(struct position *pos, enum game_winner winner)
{
    pos->over = 1;
    pos->winner = (uint8_t)winner;
}

static void set_pending(struct position *pos, bool pending)
{
    struct gomoku_state *st = gomoku_state(pos);

    if (st->pending != pending)
        pos->hash ^= pending_key;
    st->pending = pending;
}

/* `me` has played (x, y), captures are done, the opponent is to move. In this order: enough pairs
 * win (they also answer a row), a row that the move should have broken wins for the opponent, an
 * own row wins or waits for the reply, and without a legal move it is a draw. */
static void settle(const struct game *g, struct position *pos, enum game_color me, int x, int y)
{
    const struct gomoku_rules *rules = &pos->setup.gomoku;
    enum game_color opponent = 1 - me;
    bool answered = gomoku_state(pos)->pending;

    set_pending(pos, false);
    if (rules->capture_goal > 0 && pos->captures[me] >= rules->capture_goal)
        end(pos, me == GAME_BLACK ? GAME_WON_BLACK : GAME_WON_WHITE);
    else if (answered && gomoku_row_stands(g, pos, opponent))
        end(pos, me == GAME_BLACK ? GAME_WON_WHITE : GAME_WON_BLACK);
    else if (gomoku_row_through(g, pos, x, y)) {
        if (rules->breakable_five && gomoku_row_breakable(g, pos))
            set_pending(pos, true);
        else
            end(pos, me == GAME_BLACK ? GAME_WON_BLACK : GAME_WON_WHITE);
    }
    if (!pos->over && !has_legal_move(pos))
        end(pos, GAME_DRAWN);
}

static void play(const struct game *g, struct position *pos, int action)
{
    enum game_color me = pos->to_move;
    int x = action % g->size, y = action / g->size;
    int16_t captured[GOMOKU_MAX_CAPTURED];
    int n = gomoku_captured(g, pos, x, y, me, captured);

    gomoku_put(g, pos, x, y, me);
    for (int i = 0; i < n; i++)
        gomoku_take(g, pos, captured[i] % g->size, captured[i] / g->size);
    pos->hash ^= pairs_key(me, pos->captures[me]);
    pos->captures[me] = (int16_t)(pos->captures[me] + n / 2);
    pos->hash ^= pairs_key(me, pos->captures[me]) ^ white_key;
    pos->to_move = (uint8_t)(1 - me);
    settle(g, pos, me, x, y);
}

/* A row that stands already ends nothing: only a move can. */
static enum tg_status set_stones(const struct game *g, struct position *pos, struct tg_error *err)
{
    (void)err; /* all stones are fine */
    for (int y = 0; y < pos->setup.height; y++)
        for (int x = 0; x < pos->setup.width; x++) {
            uint8_t stone = pos->stones[y * g->size + x];

            if (stone != GAME_EMPTY)
                gomoku_put(g, pos, x, y, stone == GAME_BLACK_STONE ? GAME_BLACK : GAME_WHITE);
        }
    if (pos->to_move == GAME_WHITE)
        pos->hash ^= white_key;
    if (!has_legal_move(pos))
        end(pos, GAME_DRAWN);
    return TG_OK;
}

static void score(const struct game *g, const struct position *pos, struct game_result *result)
{
    (void)g;
    result->winner = pos->over ? pos->winner : (uint8_t)GAME_DRAWN;
}

static bool decided(const struct game *g, const struct position *pos)
{
    (void)g;
    (void)pos;
    return false;
}

const struct game_class game_class_gomoku = {
    .name = "gomoku",
    .init = init,
    .default_setup = default_setup,
    .rules_parse = rules_parse,
    .setup_check = setup_check,
    .start = start,
    .set_stones = set_stones,
    .state_bytes = state_bytes,
    .is_legal = is_legal,
    .legal = legal,
    .play = play,
    .score = score,
    .decided = decided,
    .encode = gomoku_encode,
};
