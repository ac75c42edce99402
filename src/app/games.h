/* games.h - private to src/app: games of a match as SGF, in the order of their numbers, whoever played them and
 * however they ended after one another. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/game.h"
#include "tengen/record.h"

struct kept_game { int64_t id; size_t n_bytes; char *text; };
struct kept_games { struct kept_game *all; size_t n, cap; }; /* owned; all 0: none */

/* Add a finished game as SGF; nothing is taken over. After a failure (TG_ENOMEM, TG_EINVAL: no legal record) it is
 * left out. */
enum tg_status kept_games_add(struct kept_games *k, const struct game *g, const struct record_finished *f,
                              const char *black, const char *white, struct tg_error *err);
/* All ranks' games into the file, replaced atomically: the same bytes for any number of ranks and threads. Only rank 0
 * of c reads path. Collective. TG_EIO, TG_ENOMEM, agreed. */
enum tg_status kept_games_write(const struct kept_games *k, struct comm *c, const char *path, struct tg_error *err);
void kept_games_free(struct kept_games *k); /* k is empty then */
