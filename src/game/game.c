/* game.c - what all games share: the table of games and the head of a position. */
#include "tengen/game.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static const struct game_class *const classes[GAME_KINDS] = {
    [GAME_GO] = &game_class_go,
    [GAME_GOMOKU] = &game_class_gomoku,
};

const char *game_kind_name(enum game_kind kind) { return classes[kind]->name; }

bool game_kind_parse(const char *name, enum game_kind *kind)
{
    for (int k = 0; k < GAME_KINDS; k++)
        if (strcmp(name, classes[k]->name) == 0) {
            *kind = (enum game_kind)k;
            return true;
        }
    return false;
}

enum tg_status game_init(struct game *g, enum game_kind kind, int size, int history,
                         struct tg_error *err)
{
    memset(g, 0, sizeof *g);
    if (size < 2 || size > GAME_MAX_SIZE)
        return FAIL(err, TG_EINVAL, "board size %d: not in 2..%d", size, GAME_MAX_SIZE);
    g->cls = classes[kind];
    g->kind = kind;
    g->size = size;
    g->n_points = size * size;
    g->n_actions = g->n_points + 1;
    g->plane_bytes = (g->n_points + 7) / 8;
    TRY(g->cls->init(g, history, err));
    assert(g->n_planes <= GAME_MAX_PLANES && g->n_globals <= GAME_MAX_GLOBALS);
    return TG_OK;
}

void game_default_setup(const struct game *g, struct game_setup *setup)
{
    memset(setup, 0, sizeof *setup);
    setup->width = (uint8_t)g->size;
    setup->height = (uint8_t)g->size;
    g->cls->default_setup(g, setup);
}

enum tg_status game_rules_parse(const struct game *g, const char *name, struct game_setup *setup,
                                struct tg_error *err)
{
    return g->cls->rules_parse(name, setup, err);
}

enum tg_status game_setup_check(const struct game *g, const struct game_setup *setup,
                                struct tg_error *err)
{
    if (setup->width < 2 || setup->width > g->size || setup->height < 2 || setup->height > g->size)
        return FAIL(err, TG_EINVAL, "board %d x %d: each side must be in 2..%d, the tensor's side",
                    setup->width, setup->height, g->size);
    return g->cls->setup_check(g, setup, err);
}

static void fill_head(struct position *pos)
{
    pos->ply = 0;
    pos->over = 0;
    pos->winner = GAME_UNDECIDED;
    pos->hash = 0;
    pos->captures[0] = pos->captures[1] = 0;
    for (int i = 0; i < GAME_RECENT; i++) {
        pos->recent[i] = -1;
        pos->recent_color[i] = GAME_NOBODY;
    }
}

void game_start(const struct game *g, const struct game_setup *setup, struct position *pos)
{
    pos->setup = *setup;
    fill_head(pos);
    pos->to_move = GAME_BLACK;
    memset(pos->stones, GAME_EMPTY, sizeof pos->stones);
    g->cls->start(g, pos);
}

enum tg_status game_set_stones(const struct game *g, struct position *pos, const uint8_t *stones,
                               enum game_color to_move, struct tg_error *err)
{
    struct game_setup setup = pos->setup;

    game_start(g, &setup, pos);
    for (int y = 0; y < setup.height; y++)
        for (int x = 0; x < setup.width; x++)
            pos->stones[y * g->size + x] = stones[y * g->size + x];
    pos->to_move = (uint8_t)to_move;
    return g->cls->set_stones(g, pos, err);
}

void game_copy(const struct game *g, struct position *dst, const struct position *src)
{
    memcpy(dst, src, offsetof(struct position, state) + g->cls->state_bytes(src));
}

bool game_is_legal(const struct game *g, const struct position *pos, int action)
{
    return !pos->over && action >= 0 && action < g->n_actions && g->cls->is_legal(g, pos, action);
}

int game_legal(const struct game *g, const struct position *pos, uint8_t *legal)
{
    if (pos->over) {
        memset(legal, 0, (size_t)g->n_actions);
        return 0;
    }
    return g->cls->legal(g, pos, legal);
}

void game_play(const struct game *g, struct position *pos, int action)
{
    assert(!pos->over);
    memmove(pos->recent + 1, pos->recent, (GAME_RECENT - 1) * sizeof *pos->recent);
    memmove(pos->recent_color + 1, pos->recent_color, (GAME_RECENT - 1) * sizeof *pos->recent_color);
    pos->recent[0] = (int16_t)action;
    pos->recent_color[0] = pos->to_move;
    pos->ply++;
    g->cls->play(g, pos, action);
    if (pos->ply >= GAME_MAX_PLIES && !pos->over) {
        struct game_result result;

        g->cls->score(g, pos, &result);
        pos->over = 1;
        pos->winner = result.winner;
    }
}

void game_score(const struct game *g, const struct position *pos, struct game_result *result)
{
    memset(result, 0, sizeof *result);
    g->cls->score(g, pos, result);
}

bool game_decided(const struct game *g, const struct position *pos)
{
    return g->cls->decided(g, pos);
}

void game_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                 uint8_t *planes, float *globals)
{
    memset(planes, 0, (size_t)g->n_planes * (size_t)g->plane_bytes);
    memset(globals, 0, (size_t)g->n_globals * sizeof *globals);
    g->cls->encode(g, pos, memo, planes, globals);
}
