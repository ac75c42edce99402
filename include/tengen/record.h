/* record.h - what self-play leaves behind: training rows and the games they came from.
 *
 * The one definition of a row. Self-play fills it, replay stores it column by column under the names
 * of the layout, training draws it. A row is a struct record_head followed by arrays whose lengths
 * depend on the game; struct record_layout says where they lie. Rows are complete when their game
 * ends and never change afterwards (a row's current priority lives in the replay window).
 * Everything is seen by the side to move unless its name says otherwise. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tengen/game.h"

enum record_kind {         /* how the move of this row came about */
    RECORD_FULL,           /* a full search: its visits are a policy target */
    RECORD_CHEAP,          /* a search with few visits (playout-cap randomisation) */
    RECORD_OPENING,        /* a random opening move: no search, no policy target */
    RECORD_OPPONENT        /* an opponent's move (random bot, older network): no policy target */
};

struct record_head {
    int64_t game_id;
    float value[3];        /* outcome: win, loss, no result; sums to 1, a draw is 1/2, 1/2, 0 */
    float score;           /* final points by which the side to move led */
    float root_value[3];   /* the search's means: win, loss, no result */
    float root_lead;       /* points */
    float w_policy, w_reply, w_value, w_score; /* 0: not a target; w_score: score and ownership */
    float priority;        /* |value error| when the row was made */
    int32_t net;           /* number of the published network that searched; -1: none */
    int32_t age;           /* networks published since, when the row was committed */
    int32_t visits;        /* of the root */
    int16_t ply;
    uint8_t kind;          /* enum record_kind */
    uint8_t color;         /* side to move, enum game_color */
};

enum record_type { RECORD_U8, RECORD_U16, RECORD_I16, RECORD_F32, RECORD_I32, RECORD_I64 };
size_t record_type_bytes(enum record_type type);

struct record_column {
    const char *name;       /* also the dataset's name on disk */
    enum record_type type;
    size_t offset, n_elems; /* in the row, bytes; elements */
};

enum { RECORD_MAX_COLUMNS = 32 };

struct record_layout {
    int n_columns;
    struct record_column columns[RECORD_MAX_COLUMNS];
    size_t row_bytes;       /* a multiple of 8 */
    size_t planes;          /* offset of u8 [C * plane_bytes], as game_encode writes them */
    size_t globals;         /* offset of f32 [G] */
    size_t policy;          /* offset of u16 [A]: policy target, largest entry scaled to 65535 or less */
    size_t reply;           /* offset of u8 [A]: the next ply's policy target, largest entry 255 */
    size_t ownership;       /* offset of u8 [2 * plane_bytes]: bits side to move's, bits the opponent's */
    int n_planes, n_globals, n_actions, n_points, plane_bytes, size;
};

/* The layout of this game's rows. */
void record_layout_init(struct record_layout *l, const struct game *game);

/* Quantise a distribution [A] into the row's policy / reply, and back to one that sums to 1 (all 0
 * where there is no target). */
void record_policy_pack(const struct record_layout *l, const float *policy, uint16_t *packed);
void record_policy_unpack(const struct record_layout *l, const uint16_t *packed, float *policy);
void record_reply_pack(const struct record_layout *l, const float *policy, uint8_t *packed);
void record_reply_unpack(const struct record_layout *l, const uint8_t *packed, float *policy);
/* owners [S*S]: +1 Black's, -1 White's; packed and unpacked for the side to move. */
void record_ownership_pack(const struct record_layout *l, const int8_t *owners,
                           enum game_color to_move, uint8_t *packed);
void record_ownership_unpack(const struct record_layout *l, const uint8_t *packed, float *owners);

/* Who played a side of a game. */
enum record_player { RECORD_NETWORK, RECORD_RANDOM_BOT, RECORD_ENGINE };

/* A finished game. Fixed size, so that a table of it can be written in parallel; the moves of all
 * games of a shard lie in one array. */
struct record_game {
    int64_t id;
    uint64_t seed;
    struct game_setup setup;
    int32_t net[2];          /* published network of Black and White; -1: none */
    uint8_t player[2];       /* enum record_player of Black and White */
    uint8_t winner;          /* enum game_winner */
    uint8_t resigned;        /* ended by resignation */
    uint8_t resign_held_out; /* would have been resigned, but played on to check */
    uint8_t resign_wrong;    /* held out, and the side that would have resigned did not lose */
    int16_t n_opening;       /* random opening plies at its start */
    float score;             /* points by which Black led at the end */
    int32_t n_moves;
    int32_t n_rows;
    int64_t first_row;       /* in its shard; set by the commit */
    int64_t first_move;      /* in its shard's move array; set by the commit */
};

/* A game as it travels from self-play to the writer. */
struct record_finished {
    struct record_game game;
    int16_t *moves;      /* owned [n_moves], actions on the tensor */
    uint8_t *rows;       /* owned [n_rows * row_bytes] */
    float *root_values;  /* owned [n_moves]: Black's mean win - loss by the search, NaN where none */
    int32_t *root_visits;/* owned [n_moves] */
};
void record_finished_free(struct record_finished *f);
