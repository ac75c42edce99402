/* go_text.h - Go positions drawn as text, for tests: rows from the top, each ended by a newline
 * (the last may go without), X Black, O White, anything else empty; other letters name points. */
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "tengen/game.h"
#include "tg_test.h"

struct drawn {
    struct game g;
    struct game_setup setup;
    struct tg_error err;
    struct position pos;
    int16_t named[128]; /* action of the point that a character names, -1: none */
};

/* The game and rules for a board, empty. */
static inline void draw_empty(struct drawn *d, int width, int height, const char *rules)
{
    int size = width > height ? width : height;

    assert_ok(game_init(&d->g, GAME_GO, size, 0, &d->err), &d->err);
    game_default_setup(&d->g, &d->setup);
    d->setup.width = (uint8_t)width;
    d->setup.height = (uint8_t)height;
    assert_ok(game_rules_parse(&d->g, rules, &d->setup, &d->err), &d->err);
    assert_ok(game_setup_check(&d->g, &d->setup, &d->err), &d->err);
    game_start(&d->g, &d->setup, &d->pos);
    memset(d->named, -1, sizeof d->named);
}

/* Set up what the text draws. */
static inline void draw(struct drawn *d, const char *rules, enum game_color to_move,
                        const char *text)
{
    uint8_t stones[GAME_MAX_POINTS] = {0};
    int width = 0, height = 0, x = 0, y = 0;

    for (const char *t = text; *t != '\0'; t++) {
        if (*t != ' ' && *t != '\n' && ++x > width)
            width = x;
        if (*t == '\n' || t[1] == '\0') {
            height++;
            x = 0;
        }
    }
    draw_empty(d, width, height, rules);
    for (const char *t = text; *t != '\0'; t++) {
        int p = y * d->g.size + x;

        if (isspace((unsigned char)*t))
            continue;
        if (*t == 'X')
            stones[p] = GAME_BLACK_STONE;
        else if (*t == 'O')
            stones[p] = GAME_WHITE_STONE;
        else
            d->named[*t & 127] = (int16_t)p;
        if (++x == width) {
            x = 0;
            y++;
        }
    }
    assert_ok(game_set_stones(&d->g, &d->pos, stones, to_move, &d->err), &d->err);
}

static inline int at(const struct drawn *d, char name)
{
    assert_true(d->named[name & 127] >= 0);
    return d->named[name & 127];
}

static inline bool legal_at(const struct drawn *d, char name)
{
    return game_is_legal(&d->g, &d->pos, at(d, name));
}

static inline void play_at(struct drawn *d, char name)
{
    if (!legal_at(d, name))
        fail_msg("'%c' is not legal", name);
    game_play(&d->g, &d->pos, at(d, name));
}

static inline void pass(struct drawn *d) { game_play(&d->g, &d->pos, d->g.n_points); }

/* The board must be this text (named points are empty). */
static inline void assert_board(const struct drawn *d, const char *text)
{
    int i = 0, w = d->pos.setup.width;

    for (const char *t = text; *t != '\0'; t++) {
        int p = i / w * d->g.size + i % w;
        uint8_t want = *t == 'X' ? GAME_BLACK_STONE : *t == 'O' ? GAME_WHITE_STONE : GAME_EMPTY;

        if (isspace((unsigned char)*t))
            continue;
        if (d->pos.stones[p] != want) {
            char board[2048];

            game_draw(&d->g, &d->pos, board, sizeof board);
            fail_msg("the board is\n%sexpected\n%s", board, text);
        }
        i++;
    }
    assert_int_equal(i, w * d->pos.setup.height);
}

static inline float score_now(const struct drawn *d)
{
    struct game_result r;

    game_score(&d->g, &d->pos, &r);
    return r.score;
}
