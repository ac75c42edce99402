/* moves.h - private to src/play: playing what a person's record says onto a board, whoever's turn it
 * is by the rules. */
#pragma once

#include "tengen/game.h"

/* Give the turn to color without a pass. */
void moves_turn(struct position *pos, enum game_color color);
/* Go on after the end of a game of Go, to take dead stones off, say: what was repeated is forgotten,
 * the score as it stands is kept (as komi where stones alone do not say it). False: cannot be. */
bool moves_reopen(const struct game *g, struct position *pos);
/* Play for color. tolerant: also what only superko or the ban of suicide forbids, as records of
 * other rules hold. False: *why says what is wrong. */
bool moves_play(const struct game *g, struct position *pos, enum game_color color, int action,
                bool tolerant, const char **why);
/* "B", "w", "black", .. */
bool moves_color(const char *word, enum game_color *color);
