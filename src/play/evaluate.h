/* evaluate.h - private to src/play: between positions and rows of a network's batch. */
#pragma once

#include "tengen/game.h"
#include "tengen/nn.h"
#include "tengen/search.h"

/* Rules under which a game may end without result; elsewhere the network's share of it is void. */
bool evaluate_no_result(const struct game *g, const struct position *pos);
/* Of a memo that one tree is searched with. */
enum { EVALUATE_MEMO_BYTES = 4 << 20 };
/* pos into a row of b, which the network will see turned by symmetry; memo: as game_encode's. */
void evaluate_encode(const struct game *g, const struct position *pos, struct game_memo *memo,
                     int symmetry, struct nn_batch *b, int row);
/* What came out of a row: value [3] and score [n_score] in plain terms. */
void evaluate_read(const struct nn_arch *arch, const struct game *g, const struct position *pos,
                   const float *value, const float *score, struct nn_eval *e);
/* The same as a search wants it; logits [A] are borrowed. */
struct search_eval evaluate_for_search(const struct game *g, const struct nn_eval *e, const float *logits);
/* banned [A] from until [2 * A] (by color; a move is out above that depth), at a leaf of this depth with
 * color to move. Returns banned, or NULL where nothing is: as struct search_eval wants it. */
const uint8_t *evaluate_banned(const struct game *g, const int32_t *until, enum game_color color,
                               int depth, uint8_t *banned);
/* policy [A] from logits: sums to 1 over the legal actions, -1 on the others. */
void evaluate_policy(const struct game *g, const struct position *pos, const float *logits,
                     float *policy);
