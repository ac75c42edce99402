/* schema.c - which datasets a shard has. */
#include "schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards hold numbers as memory does");

/* The fields of a game that are kept; a field of 8 unsigned bits that is an enum or a flag stays one
 * byte, the seed is stored as a signed number with the same bits. */
#define GAME(name, field, type, n) {name, type, offsetof(struct record_game, field), n}

static const struct record_column game_fields[] = {
    GAME("id", id, RECORD_I64, 1),
    GAME("seed", seed, RECORD_I64, 1),
    GAME("first_row", first_row, RECORD_I64, 1),
    GAME("first_move", first_move, RECORD_I64, 1),
    GAME("n_rows", n_rows, RECORD_I32, 1),
    GAME("n_moves", n_moves, RECORD_I32, 1),
    GAME("net", net, RECORD_I32, 2),
    GAME("player", player, RECORD_U8, 2),
    GAME("winner", winner, RECORD_U8, 1),
    GAME("score", score, RECORD_F32, 1),
    GAME("resigned", resigned, RECORD_U8, 1),
    GAME("resign_held_out", resign_held_out, RECORD_U8, 1),
    GAME("resign_wrong", resign_wrong, RECORD_U8, 1),
    GAME("n_opening", n_opening, RECORD_I16, 1),
    GAME("width", setup.width, RECORD_U8, 1),
    GAME("height", setup.height, RECORD_U8, 1),
    GAME("handicap", setup.handicap, RECORD_U8, 1),
    GAME("go_ko", setup.go.ko, RECORD_U8, 1),
    GAME("go_scoring", setup.go.scoring, RECORD_U8, 1),
    GAME("go_tax", setup.go.tax, RECORD_U8, 1),
    GAME("go_suicide", setup.go.suicide, RECORD_U8, 1),
    GAME("go_button", setup.go.button, RECORD_U8, 1),
    GAME("go_white_handicap_bonus", setup.go.white_handicap_bonus, RECORD_U8, 1),
    GAME("go_friendly_pass", setup.go.friendly_pass, RECORD_U8, 1),
    GAME("go_komi2", setup.go.komi2, RECORD_I16, 1),
    GAME("gomoku_goal", setup.gomoku.goal, RECORD_U8, 1),
    GAME("gomoku_exact_five", setup.gomoku.exact_five, RECORD_U8, 1),
    GAME("gomoku_captures", setup.gomoku.captures, RECORD_U8, 1),
    GAME("gomoku_capture_goal", setup.gomoku.capture_goal, RECORD_U8, 1),
    GAME("gomoku_double_three", setup.gomoku.double_three, RECORD_U8, 1),
    GAME("gomoku_capture_exempts", setup.gomoku.capture_exempts, RECORD_U8, 1),
    GAME("gomoku_breakable_five", setup.gomoku.breakable_five, RECORD_U8, 1),
    GAME("gomoku_start_pairs", setup.gomoku.start_pairs, RECORD_U8, 2),
};

/* Moves are three arrays of a game: the offset says which. */
enum { MOVE_ACTION, MOVE_ROOT_VALUE, MOVE_ROOT_VISITS };

static const struct record_column move_columns[] = {
    {"moves/action", RECORD_I16, MOVE_ACTION, 1},
    {"moves/root_value", RECORD_F32, MOVE_ROOT_VALUE, 1},
    {"moves/root_visits", RECORD_I32, MOVE_ROOT_VISITS, 1},
};

static void add(struct shard_table *t, const struct record_column *column, size_t stride)
{
    struct shard_column *c = &t->columns[t->n_columns++];

    assert(t->n_columns <= SHARD_MAX_COLUMNS);
    snprintf(c->name, sizeof c->name, "%s", column->name);
    c->type = column->type;
    c->n_elems = column->n_elems;
    c->item_bytes = c->n_elems * record_type_bytes(c->type);
    c->offset = column->offset;
    c->stride = stride != 0 ? stride : c->item_bytes;
}

static void add_rows(struct shard_schema *s, const struct record_layout *l)
{
    for (int i = 0; i < l->n_columns; i++) {
        const struct record_column *c = &l->columns[i];
        bool head = c->n_elems * record_type_bytes(c->type) <= SHARD_HEAD_BYTES;

        add(&s->tables[head ? SHARD_HEADS : SHARD_ARRAYS], c, l->row_bytes);
    }
}

static void add_games(struct shard_table *t)
{
    const struct record_game none = {.id = 0};
    unsigned char packed[SHARD_GAME_MAX_BYTES];
    struct record_column line = {.name = "games", .type = RECORD_U8, .n_elems = 1};

    add(t, &line, 0);
    t->columns[0].is_game = true;
    t->columns[0].item_bytes = t->columns[0].stride = shard_game_pack(&none, packed);
}

const struct record_column *shard_game_fields(int *n)
{
    *n = (int)(sizeof game_fields / sizeof *game_fields);
    return game_fields;
}

size_t shard_game_pack(const struct record_game *g, unsigned char packed[SHARD_GAME_MAX_BYTES])
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof game_fields / sizeof *game_fields; i++) {
        size_t n = game_fields[i].n_elems * record_type_bytes(game_fields[i].type);

        assert(at + n <= SHARD_GAME_MAX_BYTES);
        memcpy(packed + at, (const unsigned char *)g + game_fields[i].offset, n);
        at += n;
    }
    return at;
}

void shard_game_unpack(const unsigned char *packed, struct record_game *g)
{
    for (size_t i = 0; i < sizeof game_fields / sizeof *game_fields; i++) {
        size_t n = game_fields[i].n_elems * record_type_bytes(game_fields[i].type);

        memcpy((unsigned char *)g + game_fields[i].offset, packed, n);
        packed += n;
    }
}

void shard_schema_init(struct shard_schema *s, const struct record_layout *l)
{
    memset(s, 0, sizeof *s);
    if (l != NULL)
        add_rows(s, l);
    add_games(&s->tables[SHARD_GAMES]);
    for (size_t i = 0; i < sizeof move_columns / sizeof *move_columns; i++)
        add(&s->tables[SHARD_MOVES], &move_columns[i], 0);
}

const unsigned char *shard_source(const struct record_finished *f, enum shard_table_kind table,
                                  const struct shard_column *c)
{
    const void *moves[] = {[MOVE_ACTION] = f->moves,
                           [MOVE_ROOT_VALUE] = f->root_values,
                           [MOVE_ROOT_VISITS] = f->root_visits};

    if (table == SHARD_MOVES)
        return moves[c->offset];
    return f->rows + c->offset;
}

int64_t shard_items(enum shard_table_kind table, int64_t n_rows, int64_t n_moves)
{
    return table == SHARD_GAMES ? 1 : table == SHARD_MOVES ? n_moves : n_rows;
}

int64_t shard_span(enum shard_table_kind table)
{
    return table == SHARD_ARRAYS ? SHARD_SPAN : INT32_MAX;
}
