/* sgf.h - private to src/report: what reading and writing SGF share. */
#pragma once

#include "tengen/report.h"

enum { SGF_RULES_MAX = 128, SGF_GO = 1, SGF_GOMOKU = 4 }; /* GM */

/* The value of GM for this game. */
int sgf_game_number(const struct game *g);
/* RU for these rules: a name where one fits, else all of them in KataGo's notation (go) or one like
 * it (gomoku). */
void sgf_rules_text(const struct game *g, const struct game_setup *setup,
                    char text[SGF_RULES_MAX]);
/* The reverse, forgiving about case and other programs' names. False: not understood, *setup is as it
 * was. Board and komi are left alone. */
bool sgf_rules_parse(const struct game *g, const char *text, struct game_setup *setup);
