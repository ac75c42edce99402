/* record.c - where the columns of a row lie, and its quantised targets. */
#include "tengen/record.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t record_type_bytes(enum record_type type)
{
    static const size_t bytes[] = {[RECORD_U8] = 1,  [RECORD_U16] = 2, [RECORD_I16] = 2,
                                   [RECORD_F32] = 4, [RECORD_I32] = 4, [RECORD_I64] = 8};

    return bytes[type];
}

#define HEAD(field, type, n) {#field, type, offsetof(struct record_head, field), n}

static const struct record_column head_columns[] = {
    HEAD(game_id, RECORD_I64, 1),    HEAD(value, RECORD_F32, 3),     HEAD(score, RECORD_F32, 1),
    HEAD(root_value, RECORD_F32, 3), HEAD(root_lead, RECORD_F32, 1), HEAD(w_policy, RECORD_F32, 1),
    HEAD(w_reply, RECORD_F32, 1),    HEAD(w_value, RECORD_F32, 1),   HEAD(w_score, RECORD_F32, 1),
    HEAD(priority, RECORD_F32, 1),   HEAD(net, RECORD_I32, 1),       HEAD(age, RECORD_I32, 1),
    HEAD(visits, RECORD_I32, 1),     HEAD(ply, RECORD_I16, 1),       HEAD(kind, RECORD_U8, 1),
    HEAD(color, RECORD_U8, 1),
};

enum { N_HEAD_COLUMNS = sizeof head_columns / sizeof *head_columns };

static_assert(N_HEAD_COLUMNS + 5 <= RECORD_MAX_COLUMNS, "room for the arrays after the head");

/* Append an array; the widest element types come first, so every offset is aligned. */
static size_t add_column(struct record_layout *l, const char *name, enum record_type type, size_t n)
{
    struct record_column *c = &l->columns[l->n_columns++];

    *c = (struct record_column){.name = name, .type = type, .offset = l->row_bytes, .n_elems = n};
    l->row_bytes += n * record_type_bytes(type);
    return c->offset;
}

void record_layout_init(struct record_layout *l, const struct game *game)
{
    memset(l, 0, sizeof *l);
    l->n_planes = game->n_planes;
    l->n_globals = game->n_globals;
    l->n_actions = game->n_actions;
    l->n_points = game->n_points;
    l->plane_bytes = game->plane_bytes;
    l->size = game->size;

    memcpy(l->columns, head_columns, sizeof head_columns);
    l->n_columns = N_HEAD_COLUMNS;
    l->row_bytes = sizeof(struct record_head);
    l->globals = add_column(l, "globals", RECORD_F32, (size_t)game->n_globals);
    l->policy = add_column(l, "policy", RECORD_U16, (size_t)game->n_actions);
    l->reply = add_column(l, "reply", RECORD_U8, (size_t)game->n_actions);
    l->planes = add_column(l, "planes", RECORD_U8, (size_t)game->n_planes * (size_t)game->plane_bytes);
    l->ownership = add_column(l, "ownership", RECORD_U8, 2 * (size_t)game->plane_bytes);
    l->row_bytes = (l->row_bytes + 7) / 8 * 8;
}

/* What the largest entry is multiplied by to become `top`; 0 if there is no positive entry. */
static float scale_to(const float *policy, int n, float top)
{
    float largest = 0.0f;

    for (int a = 0; a < n; a++)
        if (isfinite(policy[a]) && policy[a] > largest)
            largest = policy[a];
    return largest > 0.0f ? top / largest : 0.0f;
}

static float quantise(float p, float scale, float top)
{
    return isfinite(p) && p > 0.0f ? fminf(roundf(p * scale), top) : 0.0f;
}

void record_policy_pack(const struct record_layout *l, const float *policy, uint16_t *packed)
{
    float scale = scale_to(policy, l->n_actions, 65535.0f);

    for (int a = 0; a < l->n_actions; a++)
        packed[a] = (uint16_t)quantise(policy[a], scale, 65535.0f);
}

void record_reply_pack(const struct record_layout *l, const float *policy, uint8_t *packed)
{
    float scale = scale_to(policy, l->n_actions, 255.0f);

    for (int a = 0; a < l->n_actions; a++)
        packed[a] = (uint8_t)quantise(policy[a], scale, 255.0f);
}

void record_policy_unpack(const struct record_layout *l, const uint16_t *packed, float *policy)
{
    uint32_t sum = 0; /* 362 entries of 16 bits cannot overflow it */

    for (int a = 0; a < l->n_actions; a++)
        sum += packed[a];
    float scale = sum > 0 ? 1.0f / (float)sum : 0.0f;
    for (int a = 0; a < l->n_actions; a++)
        policy[a] = scale * (float)packed[a];
}

void record_reply_unpack(const struct record_layout *l, const uint8_t *packed, float *policy)
{
    uint32_t sum = 0;

    for (int a = 0; a < l->n_actions; a++)
        sum += packed[a];
    float scale = sum > 0 ? 1.0f / (float)sum : 0.0f;
    for (int a = 0; a < l->n_actions; a++)
        policy[a] = scale * (float)packed[a];
}

void record_ownership_pack(const struct record_layout *l, const int8_t *owners,
                           enum game_color to_move, uint8_t *packed)
{
    int8_t own = to_move == GAME_BLACK ? 1 : -1;
    uint8_t *mine = packed, *theirs = packed + l->plane_bytes;

    memset(packed, 0, 2 * (size_t)l->plane_bytes);
    for (int i = 0; i < l->n_points; i++) {
        uint8_t bit = (uint8_t)(0x80 >> (i & 7));

        if (owners[i] == own)
            mine[i / 8] = (uint8_t)(mine[i / 8] | bit);
        else if (owners[i] != 0)
            theirs[i / 8] = (uint8_t)(theirs[i / 8] | bit);
    }
}

void record_ownership_unpack(const struct record_layout *l, const uint8_t *packed, float *owners)
{
    const uint8_t *mine = packed, *theirs = packed + l->plane_bytes;

    for (int i = 0; i < l->n_points; i++) {
        int shift = 7 - (i & 7);

        owners[i] = (float)(mine[i / 8] >> shift & 1) - (float)(theirs[i / 8] >> shift & 1);
    }
}

void record_finished_free(struct record_finished *f)
{
    if (f == NULL)
        return;
    free(f->moves);
    free(f->rows);
    free(f->root_values);
    free(f->root_visits);
    f->moves = NULL;
    f->rows = NULL;
    f->root_values = NULL;
    f->root_visits = NULL;
}
