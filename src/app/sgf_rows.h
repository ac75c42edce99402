/* sgf_rows.h - private to src/app: games that others played as rows to learn from. */
#pragma once

#include "tengen/error.h"
#include "tengen/record.h"
#include "tengen/report.h"

/* The rows of a game from SGF, one a move: the policy is the move that was played, the outcome is the
 * file's result (where it says none, that of a game that is over on the board), score and ownership
 * count only where the board as it stands has the very score that the file says: a game that was
 * played out. *f is the caller's. TG_EINVAL says why the game cannot be used. */
enum tg_status sgf_rows(const struct game *g, const struct sgf_game *sgf, int64_t id,
                        struct record_finished *f, struct tg_error *err);
