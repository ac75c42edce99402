/* shard.c - reading a shard: what it says of itself, its rows, its games. */
#include "tengen/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "read_h5.h"
#include "tengen/hash.h"

/* One column of each table stands for the table: its length must be the count. */
static enum tg_status check_counts(struct shard_reader *r, struct tg_error *err)
{
    struct shard_schema schema;
    struct shard_column row_id = {.name = "game_id", .type = RECORD_I64, .n_elems = 1,
                                  .item_bytes = 8, .stride = 8};
    unsigned char none[8];

    shard_schema_init(&schema, NULL);
    TRY(shard_read_column(r, &row_id, SHARD_HEADS, 0, 0, false, none, err));
    for (int t = SHARD_GAMES; t < SHARD_TABLES; t++)
        TRY(shard_read_column(r, &schema.tables[t].columns[0], t, 0, 0, false, none, err));
    return TG_OK;
}

enum tg_status replay_shard_stat(const char *path, struct replay_shard_info *info,
                                 struct tg_error *err)
{
    const char *slash = strrchr(path, '/');
    struct shard_reader r;
    enum tg_status rc = TG_OK;

    memset(info, 0, sizeof *info);
    TRY_OUT(shard_reader_init(&r, path, err));
    TRY_OUT(check_counts(&r, err));
    snprintf(info->name, sizeof info->name, "%s", slash != NULL ? slash + 1 : path);
    info->number = r.number;
    info->iteration = r.iteration;
    info->n_rows = r.n_items[SHARD_HEADS];
    info->n_games = r.n_items[SHARD_GAMES];
    info->n_moves = r.n_items[SHARD_MOVES];
    int failure = tg_hash_file(path, &info->hash, &info->n_bytes);
    if (failure != 0)
        rc = FAIL(err, TG_EIO, "%s: %s", path, strerror(failure));
out:
    shard_reader_fini(&r);
    return rc;
}

enum tg_status replay_shard_rows(const char *path, const struct record_layout *l, int64_t first,
                                 int64_t n, uint8_t *rows, struct tg_error *err)
{
    struct shard_schema schema;
    struct shard_reader r;
    enum tg_status rc = TG_OK;

    shard_schema_init(&schema, l);
    TRY_OUT(shard_reader_init(&r, path, err));
    if (first < 0 || n < 0 || first > r.n_items[SHARD_HEADS] || n > r.n_items[SHARD_HEADS] - first)
        TRY_OUT(FAIL(err, TG_EINVAL, "%s: rows %" PRId64 " to %" PRId64 " of %" PRId64, path, first,
                     first + n, r.n_items[SHARD_HEADS]));
    memset(rows, 0, (size_t)n * l->row_bytes);
    for (int t = SHARD_HEADS; t <= SHARD_ARRAYS; t++)
        for (int c = 0; c < schema.tables[t].n_columns; c++) {
            const struct shard_column *column = &schema.tables[t].columns[c];

            TRY_OUT(shard_read_column(&r, column, t, first, n, true, rows + column->offset, err));
        }
out:
    shard_reader_fini(&r);
    return rc;
}

/* Moves [first, first + n) of a shard, its games one behind the other. */
struct some_moves {
    int64_t first, n;
    int16_t *moves;
    float *values;
    int32_t *visits;
};

static enum tg_status read_moves(struct shard_reader *r, const struct shard_table *table,
                                 struct some_moves *m, struct tg_error *err)
{
    size_t n = (size_t)m->n + 1;
    void *arrays[3];

    m->moves = malloc(n * sizeof *m->moves);
    m->values = malloc(n * sizeof *m->values);
    m->visits = malloc(n * sizeof *m->visits);
    if (m->moves == NULL || m->values == NULL || m->visits == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %" PRId64 " moves", r->path, m->n);
    arrays[0] = m->moves;
    arrays[1] = m->values;
    arrays[2] = m->visits;
    for (int c = 0; c < table->n_columns; c++)
        TRY(shard_read_column(r, &table->columns[c], SHARD_MOVES, m->first, m->n, false, arrays[c], err));
    return TG_OK;
}

/* NULL, or what is wrong with a game that a reader would rely on. */
static const char *game_fault(const struct shard_reader *r, const struct record_game *g)
{
    if (g->n_moves < 0 || g->first_move < 0 || g->first_move > r->n_items[SHARD_MOVES] - g->n_moves)
        return "its moves lie outside the shard";
    if (g->n_rows < 0 || g->first_row < 0 || g->first_row > r->n_items[SHARD_HEADS] - g->n_rows)
        return "its rows lie outside the shard";
    if (g->setup.width < 1 || g->setup.width > r->size || g->setup.height < 1
        || g->setup.height > r->size)
        return "its board does not fit the shard's tensor";
    if (g->winner > GAME_UNDECIDED || g->player[0] > RECORD_ENGINE || g->player[1] > RECORD_ENGINE)
        return "unknown winner or player";
    return NULL;
}

/* *copy := n elements of from, or NULL for none. */
static bool duplicate(const void *from, size_t elem, int32_t n, void **copy)
{
    *copy = n > 0 ? malloc((size_t)n * elem) : NULL;
    if (*copy != NULL)
        memcpy(*copy, from, (size_t)n * elem);
    return n == 0 || *copy != NULL;
}

/* The moves of a game without fault. */
static enum tg_status take_moves(const struct shard_reader *r, const struct some_moves *m,
                                 struct record_finished *f, struct tg_error *err)
{
    const struct record_game *g = &f->game;
    int64_t first = g->first_move - m->first;
    void *moves, *values, *visits;

    for (int64_t i = 0; i < g->n_moves; i++)
        if (m->moves[first + i] < 0 || m->moves[first + i] > r->size * r->size)
            return FAIL(err, TG_EFORMAT, "%s: game %" PRId64 ": a move is no action", r->path, g->id);
    bool ok = duplicate(m->moves + first, sizeof *m->moves, g->n_moves, &moves)
            & duplicate(m->values + first, sizeof *m->values, g->n_moves, &values)
            & duplicate(m->visits + first, sizeof *m->visits, g->n_moves, &visits);
    f->moves = moves;
    f->root_values = values;
    f->root_visits = visits;
    return ok ? TG_OK : FAIL(err, TG_ENOMEM, "%s: %d moves", r->path, g->n_moves);
}

/* The table of games, moves left out. */
static enum tg_status read_table(struct shard_reader *r, const struct shard_column *c,
                                 struct record_finished *games, struct tg_error *err)
{
    int64_t n = r->n_items[SHARD_GAMES];
    unsigned char *packed = malloc((size_t)(n + 1) * c->item_bytes);
    enum tg_status rc;

    if (packed == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %" PRId64 " games", r->path, n);
    TRY_OUT(shard_read_column(r, c, SHARD_GAMES, 0, n, false, packed, err));
    for (int64_t i = 0; i < n; i++)
        shard_game_unpack(packed + (size_t)i * c->item_bytes, &games[i].game);
out:
    free(packed);
    return rc;
}

/* Games with ids in [from, to). */
struct wanted { int64_t from, to; };

static bool is_wanted(const struct wanted *w, const struct record_finished *f)
{
    return f->game.id >= w->from && f->game.id < w->to;
}

/* Where the moves of the wanted games lie; they have no fault. */
static enum tg_status find_moves(const struct shard_reader *r, const struct record_finished *games, int64_t n,
                                 const struct wanted *w, struct some_moves *m, struct tg_error *err)
{
    int64_t end = 0;

    m->first = INT64_MAX;
    for (int64_t i = 0; i < n; i++) {
        const struct record_game *g = &games[i].game;
        const char *fault = is_wanted(w, &games[i]) ? game_fault(r, g) : NULL;

        if (fault != NULL)
            return FAIL(err, TG_EFORMAT, "%s: game %" PRId64 ": %s", r->path, g->id, fault);
        if (!is_wanted(w, &games[i]))
            continue;
        m->first = g->first_move < m->first ? g->first_move : m->first;
        end = g->first_move + g->n_moves > end ? g->first_move + g->n_moves : end;
    }
    m->first = m->first < end ? m->first : 0;
    m->n = end - m->first;
    return TG_OK;
}

static enum tg_status read_games(struct shard_reader *r, const struct wanted *w, struct record_finished **games,
                                 struct tg_error *err)
{
    int64_t n = r->n_items[SHARD_GAMES];
    struct record_finished *made = calloc((size_t)n + 1, sizeof *made);
    struct some_moves m = {.moves = NULL};
    struct shard_schema schema;
    enum tg_status rc = TG_OK;

    *games = made;
    if (made == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %" PRId64 " games", r->path, n);
    shard_schema_init(&schema, NULL);
    TRY_OUT(read_table(r, &schema.tables[SHARD_GAMES].columns[0], made, err));
    TRY_OUT(find_moves(r, made, n, w, &m, err));
    TRY_OUT(read_moves(r, &schema.tables[SHARD_MOVES], &m, err));
    for (int64_t i = 0; i < n; i++)
        if (is_wanted(w, &made[i]))
            TRY_OUT(take_moves(r, &m, &made[i], err));
out:
    free(m.moves);
    free(m.values);
    free(m.visits);
    return rc;
}

enum tg_status replay_shard_games(const char *path, struct record_finished **games, int64_t *n,
                                  struct tg_error *err)
{
    return replay_shard_games_between(path, INT64_MIN, INT64_MAX, games, n, err);
}

enum tg_status replay_shard_games_between(const char *path, int64_t from, int64_t to, struct record_finished **games,
                                          int64_t *n, struct tg_error *err)
{
    const struct wanted w = {from, to};
    struct shard_reader r;
    enum tg_status rc = TG_OK;

    *games = NULL;
    *n = 0;
    TRY_OUT(shard_reader_init(&r, path, err));
    TRY_OUT(read_games(&r, &w, games, err));
    *n = r.n_items[SHARD_GAMES];
out:
    if (rc != TG_OK && *games != NULL) {
        for (int64_t i = 0; i < r.n_items[SHARD_GAMES]; i++)
            record_finished_free(&(*games)[i]);
        free(*games);
        *games = NULL;
    }
    shard_reader_fini(&r);
    return rc;
}

/* The games' part of the rows that were read. */
static enum tg_status hand_out(const struct record_layout *l, struct record_finished *games, int64_t n,
                               const uint8_t *rows, struct tg_error *err)
{
    for (int64_t i = 0; i < n; i++) {
        size_t bytes = (size_t)games[i].game.n_rows * l->row_bytes;

        games[i].rows = malloc(bytes + 1);
        if (games[i].rows == NULL) {
            while (i-- > 0) {
                free(games[i].rows);
                games[i].rows = NULL;
            }
            return FAIL(err, TG_ENOMEM, "rows of %" PRId64 " games", n);
        }
        memcpy(games[i].rows, rows, bytes);
        rows += bytes;
    }
    return TG_OK;
}

enum tg_status replay_shard_games_rows(const char *path, const struct record_layout *l,
                                       struct record_finished *games, int64_t n, struct tg_error *err)
{
    int64_t first = n > 0 ? games[0].game.first_row : 0, n_rows = 0;
    uint8_t *rows;
    enum tg_status rc;

    for (int64_t i = 0; i < n; n_rows += games[i++].game.n_rows)
        if (games[i].game.first_row != first + n_rows)
            return FAIL(err, TG_EFORMAT, "%s: game %" PRId64 ": its rows do not follow those of the game before",
                        path, games[i].game.id);
    rows = malloc((size_t)n_rows * l->row_bytes + 1);
    if (rows == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %" PRId64 " rows", path, n_rows);
    rc = replay_shard_rows(path, l, first, n_rows, rows, err);
    if (rc == TG_OK)
        rc = hand_out(l, games, n, rows, err);
    free(rows);
    return rc;
}
