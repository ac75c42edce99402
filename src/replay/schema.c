/* schema.c - which datasets a shard has. */
#include "schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards are little-endian, written as they are");

/* The fields of a game that are kept; a field of 8 unsigned bits that is an enum or a flag stays one
 * byte, the seed is stored as a signed number with the same bits. */
#define GAME(name, field, type, n) {name, type, offsetof(struct record_game, field), n}

static const struct record_column game_columns[] = {
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
    {"moves", RECORD_I16, MOVE_ACTION, 1},
    {"root_values", RECORD_F32, MOVE_ROOT_VALUE, 1},
    {"root_visits", RECORD_I32, MOVE_ROOT_VISITS, 1},
};

static void fill(struct shard_table *t, const char *group, const struct record_column *columns, int n,
                 size_t stride)
{
    assert(n <= SHARD_MAX_COLUMNS);
    t->n_columns = n;
    for (int i = 0; i < n; i++) {
        struct shard_column *c = &t->columns[i];

        snprintf(c->name, sizeof c->name, "%s%s", group, columns[i].name);
        c->type = columns[i].type;
        c->n_elems = columns[i].n_elems;
        c->item_bytes = c->n_elems * record_type_bytes(c->type);
        c->offset = columns[i].offset;
        c->stride = stride != 0 ? stride : c->item_bytes;
    }
}

void shard_schema_init(struct shard_schema *s, const struct record_layout *l)
{
    memset(s, 0, sizeof *s);
    if (l != NULL)
        fill(&s->tables[SHARD_ROWS], "", l->columns, l->n_columns, l->row_bytes);
    fill(&s->tables[SHARD_GAMES], "games/", game_columns,
         (int)(sizeof game_columns / sizeof *game_columns), sizeof(struct record_game));
    fill(&s->tables[SHARD_MOVES], "games/", move_columns,
         (int)(sizeof move_columns / sizeof *move_columns), 0);
}

const unsigned char *shard_source(const struct record_finished *f, enum shard_table_kind table,
                                  const struct shard_column *c)
{
    switch (table) {
    case SHARD_ROWS:
        return f->rows + c->offset;
    case SHARD_GAMES:
        return (const unsigned char *)&f->game + c->offset;
    default:
        break;
    }
    const void *arrays[] = {[MOVE_ACTION] = f->moves,
                            [MOVE_ROOT_VALUE] = f->root_values,
                            [MOVE_ROOT_VISITS] = f->root_visits};
    return arrays[c->offset];
}

int64_t shard_items(const struct record_finished *f, enum shard_table_kind table)
{
    return table == SHARD_ROWS ? f->game.n_rows : table == SHARD_GAMES ? 1 : f->game.n_moves;
}
