/* rules_text.h - private to src/play: Go rules as KataGo and its clients write them. */
#pragma once

#include <stdio.h>

#include "tengen/game.h"

/* As in SGF's RU: koPOSITIONALscoreAREAtaxNONEsui0 .. */
void rules_text_write(const struct go_rules *r, FILE *out);
/* As a JSON object. */
void rules_text_json(const struct go_rules *r, FILE *out);
/* What a JSON object without keys means: Tromp-Taylor, komi as it is. */
void rules_text_begin(struct go_rules *r);
/* One rule by KataGo's key. False: no such rule or value. */
bool rules_text_set(struct go_rules *r, const char *key, const char *value);
/* A rule set's name in any case, with _ or a space for -, into *setup. */
enum tg_status rules_text_named(const struct game *g, const char *name, struct game_setup *setup,
                                struct tg_error *err);
