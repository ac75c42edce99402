/* plan.c - the order of a shard. */
#include "plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const struct plan_game *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* Everybody's games, sorted. */
static enum tg_status gather(struct plan *p, struct comm *comm, struct plan_game *mine, int64_t n,
                             struct tg_error *err)
{
    size_t *starts = malloc(((size_t)p->n_ranks + 1) * sizeof *starts);
    enum tg_status rc = starts == NULL ? FAIL(err, TG_ENOMEM, "list of games") : TG_OK;
    void *all = NULL;

    TRY_OUT(comm_agree(comm, rc, err));
    for (int64_t i = 0; i < n; i++)
        mine[i].rank = comm_rank(comm);
    TRY_OUT(comm_allgatherv(comm, mine, (size_t)n * sizeof *mine, &all, starts, err));
    p->games = all;
    p->n_games = (int64_t)(starts[p->n_ranks] / sizeof *mine);
    qsort(p->games, (size_t)p->n_games, sizeof *p->games, by_id);
    for (int64_t i = 1; i < p->n_games; i++)
        if (p->games[i].id == p->games[i - 1].id)
            TRY_OUT(FAIL(err, TG_EINVAL, "game %" PRId64 " was finished twice, on ranks %d and %d of "
                         "\"%s\"", p->games[i].id, p->games[i - 1].rank, p->games[i].rank,
                         comm_name(comm)));
out:
    free(starts);
    return rc;
}

static void add_up(struct plan *p, int chunk_rows)
{
    const int chunks[SHARD_TABLES] = {SHARD_HEADS_CHUNK, chunk_rows, SHARD_GAMES_CHUNK,
                                      SHARD_MOVES_CHUNK};

    for (int t = 0; t < SHARD_TABLES; t++) {
        int64_t at = 0;

        for (int64_t i = 0; i < p->n_games; i++) {
            p->first[t][i] = at;
            at += shard_items(t, p->games[i].n_rows, p->games[i].n_moves);
        }
        p->first[t][p->n_games] = at;
        p->n_items[t] = at;
        p->chunk_items[t] = at == 0 ? 1 : at < chunks[t] ? (int)at : chunks[t];
        p->n_groups[t] = (at + p->chunk_items[t] - 1) / p->chunk_items[t];
    }
}

enum tg_status plan_init(struct plan *p, struct comm *comm, struct plan_game *mine, int64_t n,
                         int chunk_rows, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    memset(p, 0, sizeof *p);
    p->n_ranks = comm_size(comm);
    TRY(gather(p, comm, mine, n, err));
    for (int t = 0; t < SHARD_TABLES; t++) {
        p->first[t] = malloc(((size_t)p->n_games + 1) * sizeof *p->first[t]);
        if (p->first[t] == NULL)
            rc = FAIL(err, TG_ENOMEM, "places of %" PRId64 " games", p->n_games);
    }
    TRY(comm_agree(comm, rc, err));
    add_up(p, chunk_rows);
    return TG_OK;
}

void plan_fini(struct plan *p)
{
    for (int t = 0; t < SHARD_TABLES; t++)
        free(p->first[t]);
    free(p->games);
    memset(p, 0, sizeof *p);
}

int64_t plan_group_begin(const struct plan *p, enum shard_table_kind t, int rank)
{
    return (rank * p->n_groups[t] + p->n_ranks - 1) / p->n_ranks;
}

struct plan_part plan_parts(const struct plan *p, enum shard_table_kind t, int64_t group)
{
    struct plan_part q = {.table = t, .next = group * p->chunk_items[t]};
    int64_t low = 0, high = p->n_games;

    q.end = q.next + p->chunk_items[t];
    if (q.end > p->n_items[t])
        q.end = p->n_items[t];
    while (low < high) { /* the first game that ends behind the group's begin */
        int64_t mid = low + (high - low) / 2;

        if (p->first[t][mid + 1] > q.next)
            high = mid;
        else
            low = mid + 1;
    }
    q.next_game = low;
    return q;
}

bool plan_part_next(const struct plan *p, struct plan_part *q)
{
    const int64_t *first = p->first[q->table];
    int64_t span = shard_span(q->table), n, span_end;

    if (q->next >= q->end)
        return false;
    while (first[q->next_game + 1] <= q->next) /* games of no items too */
        q->next_game++;
    q->game = q->next_game;
    n = first[q->game + 1] - first[q->game];
    q->from = q->next - first[q->game];
    span_end = (q->from / span + 1) * span < n ? (q->from / span + 1) * span : n;
    q->to = q->end - first[q->game] < span_end ? q->end - first[q->game] : span_end;
    q->whole = q->from % span == 0 && q->to == span_end;
    q->next = first[q->game] + q->to;
    return true;
}
