/* go.c - the game: whose turn, ko and superko, passes and phases, the end, the result.
 *
 * The rules are KataGo's, including its territory scoring: after two passes come two encores in
 * which dead stones are taken by play; a move costs its player a point before the second encore. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "go.h"

static uint8_t stone_of(int color) { return (uint8_t)(color + 1); }

/* ---- ko words ---- */

static uint64_t side_hash(int color)
{
    return color == GAME_WHITE ? UINT64_C(0x5D1A6E90B2C4F378) & ~(uint64_t)GO_WORD_TAGS : 0;
}

/* Positions are told apart by the side to move unless the ko rule is positional. */
static bool sides_count(const struct position *pos)
{
    return pos->setup.go.ko != GO_KO_POSITIONAL || go_const_state(pos)->phase > 0;
}

/* The situation with these stones and this side to move, as a ko word without tags. */
static uint64_t situation(const struct position *pos, uint64_t stones, int to_move)
{
    uint64_t hash = stones ^ go_const_state(pos)->blocked_hash;

    return sides_count(pos) ? hash ^ side_hash(to_move) : hash;
}

static uint64_t seen_bit(uint64_t hash) { return UINT64_C(1) << (hash >> 53) % 64; }

static void push_word(struct go_state *s, uint64_t word)
{
    go_words(s)[s->n_words++] = word;
    s->seen[word >> 59] |= seen_bit(word);
}

static void forget_words(struct go_state *s)
{
    s->n_words = s->cycle_start = 0;
    memset(s->seen, 0, sizeof s->seen);
}

static int count_situations(const struct go_state *s, int from, uint64_t hash)
{
    const uint64_t *words = go_const_words(s);
    int n = 0;

    for (int i = from; i < s->n_words; i++)
        n += (words[i] & ~(uint64_t)GO_WORD_PASSED) == hash;
    return n;
}

static bool has_word(const struct go_state *s, uint64_t word)
{
    const uint64_t *words = go_const_words(s);

    for (int i = 0; i < s->n_words; i++)
        if (words[i] == word)
            return true;
    return false;
}

/* What is kept of a ko capture in the encore: nobody repeats it with the same stones there. */
static uint64_t take_word(uint64_t stones, int cell, int color)
{
    return (tg_mix64(stones ^ tg_mix64((uint64_t)(cell * 2 + color))) & ~(uint64_t)GO_WORD_TAGS) |
           GO_WORD_TAKE;
}

/* ---- legality ---- */

/* Would this play, legal on the board, recreate a situation of the game? */
static bool repeats(const struct position *pos, int cell, enum go_legality kind)
{
    const struct go_state *s = go_const_state(pos);
    uint64_t hash;

    if (s->phase > 0)
        return s->has_ko_takes && has_word(s, take_word(s->hash, cell, pos->to_move));
    if (pos->setup.go.ko == GO_KO_SIMPLE)
        return false;
    if (kind != GO_SUICIDE && (s->cells[cell].marks & GO_EVER) == 0)
        return false; /* a stone where there never was one */
    hash = situation(pos, go_board_hash_after(s, cell, stone_of(pos->to_move)),
                     GAME_WHITE - pos->to_move);
    return (s->seen[hash >> 59] & seen_bit(hash)) != 0 && count_situations(s, 0, hash) > 0;
}

/* In the encore: the blocked stone that playing here would take in a ko, or that stands here and
 * could be taken so. Such a play lifts the block and changes nothing else. 0: none. */
static int pass_for_ko(const struct position *pos, int cell)
{
    const struct go_state *s = go_const_state(pos);
    uint8_t color = stone_of(pos->to_move);
    int stone = cell;

    if (s->phase == 0)
        return 0;
    if (s->cells[cell].color == GAME_EMPTY)
        stone = go_board_ko_capture(s, cell, color);
    if (stone == 0 || s->cells[stone].color != go_other(color) ||
        (s->cells[stone].marks & GO_BLOCKED) == 0)
        return 0;
    return s->cells[stone].next == stone && s->cells[stone].libs == 1 ? stone : 0;
}

/* Legal at a glance: beside an empty point there is no capture, suicide or ko, and no repetition where
 * no stone ever was. */
static bool is_plain(const struct position *pos, int cell)
{
    const struct go_state *s = go_const_state(pos);
    const struct go_cell *c = &s->cells[cell];
    bool superko = s->phase == 0 && pos->setup.go.ko != GO_KO_SIMPLE;

    return c->color == GAME_EMPTY && !(superko && (c->marks & GO_EVER) != 0) &&
           (c[-s->stride].color == GAME_EMPTY || c[-1].color == GAME_EMPTY ||
            c[1].color == GAME_EMPTY || c[s->stride].color == GAME_EMPTY);
}

enum go_ban go_ban(const struct position *pos, int cell)
{
    const struct go_state *s = go_const_state(pos);
    enum go_legality kind;

    if (is_plain(pos, cell))
        return GO_FREE;
    if (s->phase > 0 && pass_for_ko(pos, cell) != 0)
        return GO_FREE;
    if (s->phase == 0 && cell == s->ko)
        return GO_FORBIDDEN;
    kind = go_board_legality(s, cell, stone_of(pos->to_move), pos->setup.go.suicide);
    if (kind == GO_ILLEGAL)
        return GO_FORBIDDEN;
    return repeats(pos, cell, kind) ? GO_SUPERKO : GO_FREE;
}

static bool go_is_legal(const struct game *g, const struct position *pos, int action)
{
    if (action == g->n_points)
        return true;
    if (action % g->size >= pos->setup.width || action / g->size >= pos->setup.height)
        return false;
    return go_ban(pos, go_cell_of(go_const_state(pos), action)) == GO_FREE;
}

static int go_legal(const struct game *g, const struct position *pos, uint8_t *legal)
{
    const struct go_state *s = go_const_state(pos);
    int n = 1;

    memset(legal, 0, (size_t)g->n_actions);
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            bool free = go_ban(pos, go_cell_at(s, x, y)) == GO_FREE;

            legal[y * g->size + x] = free;
            n += free;
        }
    legal[g->n_points] = 1;
    return n;
}

/* ---- the end ---- */

bool go_pass_ends_repeated(const struct position *pos)
{
    const struct go_state *s = go_const_state(pos);
    uint64_t word = situation(pos, s->hash, pos->to_move) | GO_WORD_PASSED;

    return (s->phase > 0 || pos->setup.go.ko == GO_KO_SIMPLE) && has_word(s, word);
}

bool go_pass_ends_phase(const struct position *pos)
{
    return go_const_state(pos)->end_passes >= 1 || go_pass_ends_repeated(pos);
}

int go_white_extra2(const struct position *pos)
{
    return pos->setup.go.komi2 + go_handicap2(&pos->setup) + go_const_state(pos)->bonus2;
}

static void go_score(const struct game *g, const struct position *pos, struct game_result *result)
{
    const struct go_state *s = go_const_state(pos);
    uint8_t owner[GO_MAX_CELLS];
    int white2;

    if (pos->over && pos->winner == GAME_NO_RESULT) {
        result->winner = GAME_NO_RESULT;
        return;
    }
    white2 = 2 * go_area_score(pos, owner) + go_white_extra2(pos);
    if (s->button)
        white2 += pos->to_move == GAME_WHITE ? 1 : -1;
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            uint8_t who = owner[go_cell_at(s, x, y)];

            result->ownership[y * g->size + x] =
                (int8_t)((who == GAME_BLACK_STONE) - (who == GAME_WHITE_STONE));
        }
    result->score = (float)-white2 / 2;
    result->winner = white2 > 0 ? GAME_WON_WHITE : white2 < 0 ? GAME_WON_BLACK : GAME_DRAWN;
}

static bool go_decided(const struct game *g, const struct position *pos)
{
    const struct go_state *s = go_const_state(pos);
    uint8_t owner[GO_MAX_CELLS];

    (void)g;
    go_area(s, GO_AREA_ALIVE, (struct go_area_keep){0}, pos->setup.go.suicide, owner);
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++)
            if (owner[go_cell_at(s, x, y)] == GAME_EMPTY)
                return false;
    return true;
}

static void finish(const struct game *g, struct position *pos)
{
    struct game_result result = {0};

    go_score(g, pos, &result);
    pos->over = 1;
    pos->winner = result.winner;
}

/* ---- playing ---- */

static void set_blocked(struct go_state *s, int cell, bool blocked)
{
    bool was = (s->cells[cell].marks & GO_BLOCKED) != 0;

    if (was == blocked)
        return;
    s->cells[cell].marks ^= GO_BLOCKED;
    s->blocked_hash ^= go_zobrist(cell, GO_WALL);
}

static void start_encore(struct position *pos)
{
    struct go_state *s = go_state(pos);

    s->phase++;
    s->phase_turns = 0;
    s->end_passes = 0;
    s->has_ko_takes = 0;
    for (int c = 0; c < s->n_cells; c++) {
        set_blocked(s, c, false);
        if (s->phase == 2 && s->cells[c].color == GAME_BLACK_STONE)
            s->cells[c].marks |= GO_SECOND_BLACK;
        if (s->phase == 2 && s->cells[c].color == GAME_WHITE_STONE)
            s->cells[c].marks |= GO_SECOND_WHITE;
    }
    forget_words(s);
    push_word(s, situation(pos, s->hash, pos->to_move));
}

/* Passing, before the turn changes. true: the phase ends. */
static bool play_pass(struct position *pos)
{
    struct go_state *s = go_state(pos);
    bool ends;

    s->last[0].placed = 0;
    s->ko = 0;
    if (s->button) {
        s->button = 0;
        s->bonus2 = (int16_t)(s->bonus2 + (pos->to_move == GAME_WHITE ? 1 : -1));
        s->end_passes = 0;
        forget_words(s); /* positions with the button are others */
        return false;
    }
    ends = go_pass_ends_phase(pos);
    s->end_passes++;
    go_words(s)[s->n_words - 1] |= GO_WORD_PASSED; /* the last word is always a situation */
    if (s->phase > 0 || pos->setup.go.ko == GO_KO_SIMPLE)
        s->cycle_start = s->n_words;
    return ends;
}

static void record_capture(struct position *pos, const struct go_taken *taken)
{
    struct go_state *s = go_state(pos);
    struct go_change *l = &s->last[0];
    int taker = taken->color == GAME_WHITE_STONE ? GAME_BLACK : GAME_WHITE;

    l->taken_color = taken->color;
    for (int i = 0; i < taken->n; i++) {
        l->taken[taken->cells[i] / 64] |= UINT64_C(1) << taken->cells[i] % 64;
        pos->stones[go_point_of(s, taken->cells[i])] = GAME_EMPTY;
        if (s->phase > 0)
            set_blocked(s, taken->cells[i], false);
    }
    pos->captures[taker] = (int16_t)(pos->captures[taker] + taken->n);
}

/* Playing a stone, before the turn changes. */
static void play_stone(struct position *pos, int action)
{
    struct go_state *s = go_state(pos);
    int cell = go_cell_of(s, action);
    uint64_t before = s->hash;
    struct go_taken taken;

    s->end_passes = 0;
    s->last[0].placed = (int16_t)cell;
    s->cells[cell].marks |= GO_EVER;
    pos->stones[action] = stone_of(pos->to_move);
    go_board_play(s, cell, stone_of(pos->to_move), &taken, NULL);
    if (taken.n > 0)
        record_capture(pos, &taken);
    if (s->phase > 0 && s->ko != 0) {
        set_blocked(s, cell, true);
        if (s->n_words + 2 + GAME_MAX_PLIES - pos->ply < GO_STATE_WORDS_FREE) {
            push_word(s, take_word(before, cell, pos->to_move));
            s->has_ko_takes = 1;
        }
        s->ko = 0; /* the encore has its own ko rule */
    }
    if (pos->setup.go.scoring == GO_SCORING_TERRITORY && s->phase <= 1)
        s->bonus2 = (int16_t)(s->bonus2 + (pos->to_move == GAME_WHITE ? -2 : 2));
}

static void rehash(struct position *pos)
{
    const struct go_state *s = go_const_state(pos);
    uint64_t rest = (uint64_t)pos->to_move | (uint64_t)s->ko << 1 | (uint64_t)s->phase << 11 |
                    (uint64_t)(s->end_passes & 3) << 13 | (uint64_t)s->button << 15 |
                    (uint64_t)(uint16_t)s->bonus2 << 16;

    pos->hash = s->hash ^ s->blocked_hash ^ tg_mix64(s->seed ^ tg_mix64(rest));
}

static void go_play(const struct game *g, struct position *pos, int action)
{
    struct go_state *s = go_state(pos);
    bool pass = action == g->n_points, ends = false;
    int blocked = pass ? 0 : pass_for_ko(pos, go_cell_of(s, action));

    s->last[1] = s->last[0];
    memset(&s->last[0], 0, sizeof s->last[0]);
    s->last[0].ko_before = s->ko;
    s->last[0].hash_before = s->hash;
    if (pass) {
        ends = play_pass(pos);
    } else if (blocked != 0) {
        s->end_passes = 0;
        set_blocked(s, blocked, false);
        s->ko = 0;
    } else {
        play_stone(pos, action);
    }
    pos->to_move = (uint8_t)(GAME_WHITE - pos->to_move);
    s->phase_turns++;
    push_word(s, situation(pos, s->hash, pos->to_move));
    if (ends && pos->setup.go.scoring == GO_SCORING_TERRITORY && s->phase < 2)
        start_encore(pos);
    else if (ends)
        finish(g, pos);
    if (!pass && (s->phase > 0 || pos->setup.go.ko == GO_KO_SIMPLE) &&
        count_situations(s, s->cycle_start, go_words(s)[s->n_words - 1]) >= 3) {
        pos->over = 1;
        pos->winner = GAME_NO_RESULT;
    }
    rehash(pos);
}

/* ---- setting up ---- */

static uint64_t setup_seed(const struct game_setup *setup)
{
    const struct go_rules *r = &setup->go;
    const int parts[] = {setup->width,  setup->height, r->ko,     r->scoring,
                         r->tax,        r->suicide,    r->button, r->friendly_pass,
                         go_handicap2(setup) + r->komi2};
    uint64_t seed = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        seed = tg_mix64(seed ^ (uint64_t)(int64_t)parts[i]);
    return seed;
}

static void go_start(const struct game *g, struct position *pos)
{
    struct go_state *s = go_state(pos);

    go_board_clear(s, g->size, pos->setup.width, pos->setup.height);
    s->seed = setup_seed(&pos->setup);
    s->button = pos->setup.go.button;
    push_word(s, situation(pos, s->hash, pos->to_move));
    rehash(pos);
}

static enum tg_status go_set_stones(const struct game *g, struct position *pos,
                                    struct tg_error *err)
{
    struct go_state *s = go_state(pos);

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            struct go_cell *c = &s->cells[go_cell_at(s, x, y)];
            uint8_t stone = pos->stones[y * g->size + x];

            if (stone > GAME_WHITE_STONE)
                return FAIL(err, TG_EINVAL, "point (%d, %d): %d is no stone", x, y, stone);
            c->color = stone;
            if (stone == GAME_EMPTY)
                continue;
            c->marks |= GO_EVER;
            if (pos->setup.go.scoring == GO_SCORING_TERRITORY) /* as if they had been played */
                s->bonus2 = (int16_t)(s->bonus2 + (stone == GAME_WHITE_STONE ? -2 : 2));
        }
    if (!go_board_build(s))
        return FAIL(err, TG_EINVAL, "a chain has no liberty");
    forget_words(s);
    push_word(s, situation(pos, s->hash, pos->to_move));
    rehash(pos);
    return TG_OK;
}

static size_t go_state_bytes(const struct position *pos)
{
    const struct go_state *s = go_const_state(pos);

    return (size_t)((const char *)(go_const_words(s) + s->n_words) - (const char *)s);
}

static enum tg_status go_init(struct game *g, int history, struct tg_error *err)
{
    (void)history;
    (void)err;
    g->n_planes = GO_PLANES;
    g->n_globals = GO_GLOBALS;
    g->has_pass = g->has_score = g->has_ownership = g->has_no_result = true;
    return TG_OK;
}

const struct game_class game_class_go = {
    .name = "go",
    .init = go_init,
    .default_setup = go_default_setup,
    .rules_parse = go_rules_parse,
    .setup_check = go_setup_check,
    .start = go_start,
    .set_stones = go_set_stones,
    .state_bytes = go_state_bytes,
    .is_legal = go_is_legal,
    .legal = go_legal,
    .play = go_play,
    .score = go_score,
    .decided = go_decided,
    .encode = go_encode,
};
