/* verify.c - every byte of a shard read, and what its rows and games must agree on. */
#include "tengen/replay.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "read_h5.h"

enum { BLOCK_ROWS = 2048 };

static bool all_finite(const float *x, int n)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static bool any_set(const uint16_t *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] != 0)
            return true;
    return false;
}

static bool any_byte(const uint8_t *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] != 0)
            return true;
    return false;
}

/* NULL, or what is wrong with a row taken by itself. */
static const char *row_fault(const struct record_layout *l, const uint8_t *row)
{
    struct record_head h;

    memcpy(&h, row, sizeof h);
    const float numbers[] = {h.value[0], h.value[1], h.value[2], h.score,
                             h.root_value[0], h.root_value[1], h.root_value[2], h.root_lead,
                             h.w_policy, h.w_reply, h.w_value, h.w_score, h.priority};
    if (!all_finite(numbers, (int)(sizeof numbers / sizeof *numbers))
        || !all_finite((const float *)(const void *)(row + l->globals), l->n_globals))
        return "a number is not finite";
    if (fabsf(h.value[0] + h.value[1] + h.value[2] - 1.0f) > 1e-3f || h.value[0] < 0.0f
        || h.value[1] < 0.0f || h.value[2] < 0.0f)
        return "the outcome is no distribution";
    if (h.w_policy < 0.0f || h.w_reply < 0.0f || h.w_value < 0.0f || h.w_score < 0.0f
        || h.priority < 0.0f)
        return "a weight is negative";
    if (h.kind > RECORD_OPPONENT || h.color > GAME_WHITE || h.ply < 0 || h.visits < 0 || h.age < 0
        || h.net < -1)
        return "a field is out of range";
    if (h.w_policy > 0.0f
        && !any_set((const uint16_t *)(const void *)(row + l->policy), l->n_actions))
        return "a policy target is empty";
    if (!any_byte(row + l->planes, l->plane_bytes))
        return "its board has no points";
    return NULL;
}

/* Walks the rows in the order of the games. */
struct cursor {
    const struct record_finished *games;
    int64_t n_games, game; /* the row's */
    int64_t row;           /* in the shard */
    int last_ply;          /* of the game's row before; -1 at its first */
};

static const char *order_fault(struct cursor *k, const struct record_head *h)
{
    while (k->game < k->n_games
           && k->row >= k->games[k->game].game.first_row + k->games[k->game].game.n_rows) {
        k->game++;
        k->last_ply = -1;
    }
    if (k->game >= k->n_games || k->games[k->game].game.id != h->game_id)
        return "it belongs to another game than its place says";
    if (h->ply < k->last_ply || h->ply > k->games[k->game].game.n_moves)
        return "its ply goes back, or lies behind the game's end";
    k->last_ply = h->ply;
    return NULL;
}

static enum tg_status verify_rows(const char *path, const struct record_layout *l, int64_t n_rows,
                                  struct cursor *k, uint8_t *rows, struct tg_error *err)
{
    for (int64_t at = 0; at < n_rows; at += BLOCK_ROWS) {
        int64_t n = n_rows - at < BLOCK_ROWS ? n_rows - at : BLOCK_ROWS;

        TRY(replay_shard_rows(path, l, at, n, rows, err));
        for (int64_t i = 0; i < n; i++, k->row++) {
            const uint8_t *row = rows + (size_t)i * l->row_bytes;
            const char *fault = row_fault(l, row);
            struct record_head head;

            memcpy(&head, row, sizeof head);
            if (fault == NULL)
                fault = order_fault(k, &head);
            if (fault != NULL)
                return FAIL(err, TG_EFORMAT, "%s: row %" PRId64 " (game %" PRId64 ", ply %d): %s", path,
                            k->row, head.game_id, head.ply, fault);
        }
    }
    return TG_OK;
}

/* Games in the order of their ids; rows and moves follow each other without a gap. */
static enum tg_status verify_games(const char *path, const struct replay_shard_info *info,
                                   const struct record_finished *games, struct tg_error *err)
{
    int64_t row = 0, move = 0;

    for (int64_t i = 0; i < info->n_games; i++) {
        const struct record_game *g = &games[i].game;

        if (g->first_row != row || g->first_move != move || (i > 0 && g->id <= games[i - 1].game.id))
            return FAIL(err, TG_EFORMAT, "%s: game %" PRId64 " is out of order", path, g->id);
        if (!isfinite(g->score) || g->winner >= GAME_UNDECIDED)
            return FAIL(err, TG_EFORMAT, "%s: game %" PRId64 " has no result", path, g->id);
        row += g->n_rows;
        move += g->n_moves;
    }
    if (row != info->n_rows || move != info->n_moves)
        return FAIL(err, TG_EFORMAT, "%s: its games have %" PRId64 " rows and %" PRId64
                    " moves, it has %" PRId64 " and %" PRId64, path, row, move, info->n_rows,
                    info->n_moves);
    return TG_OK;
}

enum tg_status replay_shard_verify(const char *path, const struct record_layout *l,
                                   struct tg_error *err)
{
    struct replay_shard_info info = {.n_rows = 0};
    struct record_finished *games = NULL;
    int64_t n_games = 0;
    uint8_t *rows = malloc(BLOCK_ROWS * l->row_bytes);
    enum tg_status rc = TG_OK;

    if (rows == NULL)
        return FAIL(err, TG_ENOMEM, "verifying %s", path);
    TRY_OUT(replay_shard_stat(path, &info, err));
    TRY_OUT(replay_shard_games(path, &games, &n_games, err));
    TRY_OUT(verify_games(path, &info, games, err));
    struct cursor k = {.games = games, .n_games = n_games, .last_ply = -1};
    TRY_OUT(verify_rows(path, l, info.n_rows, &k, rows, err));
out:
    for (int64_t i = 0; i < n_games; i++)
        record_finished_free(&games[i]);
    free(games);
    free(rows);
    return rc;
}
