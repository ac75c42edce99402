/* gomoku_board.h - boards drawn as text, for the gomoku tests. */
#pragma once

#include <string.h>

#include "tengen/game.h"
#include "tg_test.h"

struct drawn {
    struct game g;
    struct position pos;
    int mark; /* the point drawn as '*': empty, the one the test is about; -1 */
    struct tg_error err;
};

/* A board of these rules with the stones of `text`: rows of X, O, '.', '*' parted by blanks. The
 * tensor is as large as the longer side. */
static inline void draw_with(struct drawn *b, const struct gomoku_rules *rules, const char *text,
                             enum game_color to_move)
{
    uint8_t stones[GAME_MAX_POINTS] = {0};
    struct game_setup setup = {.gomoku = *rules};
    int width = (int)strcspn(text, " "), height = 1, size;

    for (const char *c = text; *c != '\0'; c++)
        height += *c == ' ';
    size = width > height ? width : height;
    assert_int_equal(strlen(text), height * (width + 1) - 1);
    assert_ok(game_init(&b->g, GAME_GOMOKU, size, 2, &b->err), &b->err);
    setup.width = (uint8_t)width;
    setup.height = (uint8_t)height;
    b->mark = -1;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            char c = text[y * (width + 1) + x];

            stones[y * size + x] = c == 'X' ? GAME_BLACK_STONE : c == 'O' ? GAME_WHITE_STONE : 0;
            if (c == '*')
                b->mark = y * size + x;
        }
    assert_ok(game_setup_check(&b->g, &setup, &b->err), &b->err);
    game_start(&b->g, &setup, &b->pos);
    assert_ok(game_set_stones(&b->g, &b->pos, stones, to_move, &b->err), &b->err);
}

static inline struct gomoku_rules named_rules(const char *name)
{
    struct game_setup setup = {.width = 19, .height = 19};
    struct game g;
    struct tg_error err;

    assert_ok(game_init(&g, GAME_GOMOKU, 19, 0, &err), &err);
    assert_ok(game_rules_parse(&g, name, &setup, &err), &err);
    return setup.gomoku;
}

static inline void draw(struct drawn *b, const char *rules, const char *text,
                        enum game_color to_move)
{
    struct gomoku_rules r = named_rules(rules);

    draw_with(b, &r, text, to_move);
}

static inline void play_xy(struct drawn *b, int x, int y)
{
    int a = y * b->g.size + x;

    assert_true(game_is_legal(&b->g, &b->pos, a));
    game_play(&b->g, &b->pos, a);
}

/* The stones must be as drawn. */
static inline void assert_drawn(const struct drawn *b, const char *text)
{
    char now[GAME_MAX_SIZE * (GAME_MAX_SIZE + 1)], *at = now;

    for (int y = 0; y < b->pos.setup.height; y++) {
        for (int x = 0; x < b->pos.setup.width; x++)
            *at++ = ".XO"[b->pos.stones[y * b->g.size + x]];
        *at++ = ' ';
    }
    at[-1] = '\0';
    assert_string_equal(now, text);
}
