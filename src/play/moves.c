#include "moves.h"

#include <string.h>
#include <strings.h>

bool moves_color(const char *word, enum game_color *color)
{
    if (strcasecmp(word, "b") == 0 || strcasecmp(word, "black") == 0)
        *color = GAME_BLACK;
    else if (strcasecmp(word, "w") == 0 || strcasecmp(word, "white") == 0)
        *color = GAME_WHITE;
    else
        return false;
    return true;
}

void moves_turn(struct position *pos, enum game_color color)
{
    if (pos->to_move == color)
        return;
    pos->to_move = (uint8_t)color;
    pos->hash ^= UINT64_C(0x7C3E51F0A9D2B684); /* another side to move is another position */
}

/* Territory scoring counts prisoners and moves, which a set-up board does not have. */
static void keep_score(const struct game *g, struct position *pos, float before)
{
    uint8_t stones[GAME_MAX_POINTS];
    enum game_color to_move = (enum game_color)pos->to_move;
    struct game_setup old = pos->setup;
    struct game_result now;

    game_score(g, pos, &now);
    if (pos->setup.go.scoring != GO_SCORING_TERRITORY || now.score == before)
        return;
    memcpy(stones, pos->stones, sizeof stones);
    pos->setup.go.komi2 = (int16_t)(old.go.komi2 + (int)(2.0f * (now.score - before)));
    if (game_setup_check(g, &pos->setup, NULL) != TG_OK)
        pos->setup = old;
    game_set_stones(g, pos, stones, to_move, NULL);
}

bool moves_reopen(const struct game *g, struct position *pos)
{
    uint8_t stones[GAME_MAX_POINTS];
    enum game_color to_move = (enum game_color)pos->to_move;
    struct game_result before;

    if (g->kind != GAME_GO)
        return false;
    game_score(g, pos, &before);
    memcpy(stones, pos->stones, sizeof stones);
    if (game_set_stones(g, pos, stones, to_move, NULL) != TG_OK || pos->over)
        return false;
    if (before.winner != GAME_NO_RESULT)
        keep_score(g, pos, before.score);
    return true;
}

/* Is it only superko or the ban of suicide that forbids this? */
static bool tolerable(const struct game *g, struct position *pos, int action)
{
    struct go_rules rules = pos->setup.go;

    if (g->kind != GAME_GO)
        return false;
    pos->setup.go.ko = GO_KO_SIMPLE;
    pos->setup.go.suicide = 1;
    bool legal = game_is_legal(g, pos, action);
    pos->setup.go = rules;
    return legal;
}

bool moves_play(const struct game *g, struct position *pos, enum game_color color, int action,
                bool tolerant, const char **why)
{
    if (pos->over && !moves_reopen(g, pos)) {
        *why = "the game is over";
        return false;
    }
    moves_turn(pos, color);
    if (!game_is_legal(g, pos, action) && !(tolerant && tolerable(g, pos, action))) {
        *why = "illegal move";
        return false;
    }
    game_play(g, pos, action);
    return true;
}
