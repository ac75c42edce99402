/* plan.h - private to src/replay: which item of which game stands where in a shard, and which rank
 * assembles which chunks. A function of the games alone, but for the ranks that hold and assemble
 * them; equal on all ranks. */
#pragma once

#include "schema.h"
#include "tengen/comm.h"

struct plan_game {
    int64_t id;
    int32_t n_rows, n_moves;
    int32_t rank, index; /* who holds it, and its place in that rank's staging */
};

struct plan {
    int n_ranks;
    int64_t n_games;
    struct plan_game *games;       /* owned [n_games], by id */
    int64_t *first[SHARD_TABLES];  /* owned [n_games + 1]: where each game's items begin */
    int64_t n_items[SHARD_TABLES];
    int chunk_items[SHARD_TABLES]; /* items a chunk */
    int64_t n_groups[SHARD_TABLES];
};

/* mine [n]: this rank's games, of which id, n_rows, n_moves and index are set. Collective;
 * TG_EINVAL if an id occurs twice. plan_fini in any case. */
enum tg_status plan_init(struct plan *p, struct comm *comm, struct plan_game *mine, int64_t n,
                         int chunk_rows, struct tg_error *err);
void plan_fini(struct plan *p);

/* Rank r assembles groups [plan_group_begin(r), plan_group_begin(r + 1)) of a table. */
int64_t plan_group_begin(const struct plan *p, enum shard_table_kind t, int rank);

/* What a group consists of, one after the other: parts of games, none of which reaches beyond a span.
 * for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);) .. */
struct plan_part {
    enum shard_table_kind table;
    int64_t game;     /* index in p->games */
    int64_t from, to; /* this part: items of the game, counted from its own first */
    bool whole;       /* a whole span of the game */
    int64_t end;      /* of the group, in items */
    int64_t next_game, next; /* where to go on: game, item of the table */
};
struct plan_part plan_parts(const struct plan *p, enum shard_table_kind t, int64_t group);
bool plan_part_next(const struct plan *p, struct plan_part *q);
