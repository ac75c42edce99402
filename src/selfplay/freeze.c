/* freeze.c - a game in flight as bytes, and back. For the same build only: structs as they lie in
 * memory, their sizes in front. */
#include <stdlib.h>
#include <string.h>

#include "pool.h"

enum { FORMAT = 2 };

struct head {
    uint32_t format, head_bytes, ply_bytes, row_bytes;
    int64_t id;
    uint64_t seed;
    uint8_t player[2], searching, cheap, holdout, resigned;
    int32_t net[2];
    int32_t n_opening, would_resign;
    float last_value[2];
    struct tg_rng lottery, opening;
    struct position pos;
    uint64_t n_rows, tree_bytes[2]; /* of the slot's own trees; 0: not in use */
};

/* Is tree number i of the slot in use? */
static bool has_tree(const struct slot *s, int i)
{
    return s->own[i] != NULL && (s->tree[0] == s->own[i] || s->tree[1] == s->own[i]);
}

static void fill_head(const struct slot *s, const struct walk *w, struct head *h)
{
    memset(h, 0, sizeof *h);
    h->format = FORMAT;
    h->head_bytes = sizeof *h;
    h->ply_bytes = sizeof *s->plies;
    h->row_bytes = (uint32_t)w->layout->row_bytes;
    h->id = s->job.id;
    h->seed = s->job.seed;
    for (int c = 0; c < 2; c++) {
        h->player[c] = s->job.player[c].kind;
        h->net[c] = s->job.player[c].net;
        h->last_value[c] = s->last_value[c];
        h->tree_bytes[c] = has_tree(s, c) ? search_freeze_bytes(s->own[c]) : 0;
    }
    h->searching = s->searching;
    h->cheap = s->cheap;
    h->holdout = s->holdout;
    h->resigned = s->resigned;
    h->n_opening = s->n_opening;
    h->would_resign = s->would_resign;
    h->lottery = s->lottery;
    h->opening = s->opening;
    h->pos = s->pos;
    h->n_rows = s->n_rows;
}

bool selfplay_frozen_self(const struct selfplay_frozen *game)
{
    struct head h;

    if (game->n_bytes < sizeof h)
        return false;
    memcpy(&h, game->bytes, sizeof h);
    return h.player[0] == RECORD_NETWORK && h.player[1] == RECORD_NETWORK &&
           (h.tree_bytes[0] == 0 || h.tree_bytes[1] == 0); /* both sides share a tree */
}

static uint8_t *put(uint8_t *at, const void *from, size_t n)
{
    if (n > 0)
        memcpy(at, from, n);
    return at + n;
}

enum tg_status slot_freeze(const struct slot *s, const struct walk *w, struct selfplay_frozen *frozen,
                           struct tg_error *err)
{
    size_t plies = (size_t)s->pos.ply * sizeof *s->plies, rows = s->n_rows * w->layout->row_bytes;
    struct head h;

    if (s->job.player[0].kind == RECORD_ENGINE || s->job.player[1].kind == RECORD_ENGINE)
        return FAIL(err, TG_EINVAL, "game %lld: an outside engine's game cannot be kept",
                    (long long)s->job.id);
    fill_head(s, w, &h);
    frozen->id = h.id;
    frozen->n_bytes = sizeof h + plies + rows + s->n_rows * sizeof *s->surprise +
                      (size_t)h.tree_bytes[0] + (size_t)h.tree_bytes[1];
    frozen->bytes = malloc(frozen->n_bytes);
    if (frozen->bytes == NULL)
        return FAIL(err, TG_ENOMEM, "keeping a game of %zu bytes", frozen->n_bytes);
    uint8_t *at = put(frozen->bytes, &h, sizeof h);
    at = put(at, s->plies, plies);
    at = put(at, s->rows, rows);
    at = put(at, s->surprise, s->n_rows * sizeof *s->surprise);
    for (int c = 0; c < 2; c++) {
        if (h.tree_bytes[c] > 0)
            search_freeze(s->own[c], at);
        at += h.tree_bytes[c];
    }
    return TG_OK;
}

/* Is what the head says the game of this job, in this build's shape, of n bytes? */
static bool fits(const struct head *h, const struct walk *w, const struct selfplay_job *job, size_t n)
{
    size_t row = w->layout->row_bytes + sizeof(float);

    return h->format == FORMAT && h->head_bytes == sizeof *h && h->ply_bytes == sizeof(struct ply) &&
           h->row_bytes == w->layout->row_bytes && h->id == job->id && h->seed == job->seed &&
           h->player[0] == job->player[0].kind && h->player[1] == job->player[1].kind &&
           h->pos.ply >= 0 && h->pos.ply <= GAME_MAX_PLIES && h->n_rows <= (uint64_t)h->pos.ply &&
           h->tree_bytes[0] <= n && h->tree_bytes[1] <= n &&
           n == sizeof *h + (size_t)h->pos.ply * sizeof(struct ply) + (size_t)h->n_rows * row +
                    (size_t)h->tree_bytes[0] + (size_t)h->tree_bytes[1];
}

static enum tg_status thaw_rows(struct slot *s, const struct walk *w, const struct head *h,
                                const uint8_t *rows, struct tg_error *err)
{
    size_t row = w->layout->row_bytes, n = (size_t)h->n_rows;

    if (n > s->cap_rows) {
        uint8_t *grown = realloc(s->rows, n * row);
        if (grown != NULL)
            s->rows = grown;
        float *surprise = grown != NULL ? realloc(s->surprise, n * sizeof *surprise) : NULL;
        if (surprise == NULL)
            return FAIL(err, TG_ENOMEM, "%zu rows of a game", n);
        s->surprise = surprise;
        s->cap_rows = n;
    }
    if (n > 0) {
        memcpy(s->rows, rows, n * row);
        memcpy(s->surprise, rows + n * row, n * sizeof *s->surprise);
    }
    s->n_rows = n;
    return TG_OK;
}

enum tg_status slot_thaw(struct slot *s, const struct walk *w, const struct selfplay_job *job,
                         const uint8_t *bytes, size_t n, struct tg_error *err)
{
    const uint8_t *at = bytes + sizeof(struct head);
    struct head h;

    if (n < sizeof h)
        return FAIL(err, TG_EFORMAT, "kept game %lld: %zu bytes", (long long)job->id, n);
    memcpy(&h, bytes, sizeof h);
    if (!fits(&h, w, job, n))
        return FAIL(err, TG_EFORMAT, "kept game %lld: of another build or job", (long long)job->id);
    TRY(slot_begin(s, w, job, err));
    s->active = false; /* until all of it is here */
    memcpy(s->plies, at, (size_t)h.pos.ply * sizeof *s->plies);
    at += (size_t)h.pos.ply * sizeof *s->plies;
    TRY(thaw_rows(s, w, &h, at, err));
    at += h.n_rows * (w->layout->row_bytes + sizeof(float));
    for (int c = 0; c < 2; c++) {
        if (has_tree(s, c) != (h.tree_bytes[c] > 0))
            return FAIL(err, TG_EFORMAT, "kept game %lld: other trees than its job's",
                        (long long)job->id);
        if (h.tree_bytes[c] > 0)
            TRY(search_thaw(s->own[c], at, (size_t)h.tree_bytes[c], err));
        at += h.tree_bytes[c];
        s->last_value[c] = h.last_value[c];
        s->job.player[c].net = h.net[c];
    }
    s->job.setup = h.pos.setup;
    s->pos = h.pos;
    s->searching = h.searching;
    s->cheap = h.cheap;
    s->holdout = h.holdout;
    s->resigned = h.resigned;
    s->n_opening = h.n_opening;
    s->would_resign = h.would_resign;
    s->lottery = h.lottery;
    s->opening = h.opening;
    s->active = true;
    return TG_OK;
}
