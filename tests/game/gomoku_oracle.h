/* gomoku_oracle.h - the rules of gomoku once more, slow and by the book: every question is answered
 * by looking at all points and all windows. Shares no code with src/game/gomoku. */
#pragma once

#include "tengen/game.h"

struct oracle {
    struct gomoku_rules rules;
    int width, height;
    char at[GAME_MAX_SIZE][GAME_MAX_SIZE]; /* [y][x]: 'X', 'O' or '.' */
    int pairs[2], to_move;
    bool pending, over;
    enum game_winner winner;
};

void oracle_start(struct oracle *o, const struct game_setup *setup);
bool oracle_legal(struct oracle *o, int x, int y);
void oracle_play(struct oracle *o, int x, int y);
