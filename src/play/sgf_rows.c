#include "tengen/play.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "moves.h"

/* One game being turned into rows. */
struct making {
    const struct game *g;
    const struct sgf_game *sgf;
    struct record_layout layout;
    struct record_finished *f;
    struct position pos;
    float policy[GAME_MAX_ACTIONS];
};

static struct record_head *head_of(const struct making *m, int i)
{
    return (struct record_head *)(void *)(m->f->rows + (size_t)i * m->layout.row_bytes);
}

static enum tg_status reserve(struct record_finished *f, int n, size_t row_bytes, struct tg_error *err)
{
    size_t room = (size_t)n + 1;

    f->moves = malloc(room * sizeof *f->moves);
    f->root_values = malloc(room * sizeof *f->root_values);
    f->root_visits = calloc(room, sizeof *f->root_visits);
    f->rows = calloc(room, row_bytes);
    if (f->moves == NULL || f->root_values == NULL || f->root_visits == NULL || f->rows == NULL)
        return FAIL(err, TG_ENOMEM, "a game of %d moves", n);
    return TG_OK;
}

static void begin_row(struct making *m, int i, int64_t id)
{
    const struct record_layout *l = &m->layout;
    uint8_t *row = m->f->rows + (size_t)i * l->row_bytes;
    struct record_head *h = head_of(m, i);

    *h = (struct record_head){.game_id = id, .net = -1, .ply = m->pos.ply, .kind = RECORD_FULL,
                              .color = m->pos.to_move, .w_policy = 1.0f, .priority = 1.0f};
    game_encode(m->g, &m->pos, NULL, row + l->planes, (float *)(void *)(row + l->globals));
    m->policy[m->sgf->moves[i]] = 1.0f;
    record_policy_pack(l, m->policy, (uint16_t *)(void *)(row + l->policy));
    if (i > 0) {
        record_reply_pack(l, m->policy, row - l->row_bytes + l->reply);
        head_of(m, i - 1)->w_reply = 1.0f;
    }
    m->policy[m->sgf->moves[i]] = 0.0f;
}

/* Moves behind the end by the rules (a third pass, say) are left out. */
static enum tg_status play_through(struct making *m, int64_t id, struct tg_error *err)
{
    const struct sgf_game *sgf = m->sgf;
    char vertex[GAME_VERTEX_CHARS];
    const char *why;
    int i = 0;

    for (; i < sgf->n_moves && !m->pos.over; i++) {
        enum game_color color = (enum game_color)sgf->colors[i];

        moves_turn(&m->pos, color);
        begin_row(m, i, id);
        if (!moves_play(m->g, &m->pos, color, sgf->moves[i], false, &why)) {
            game_vertex_name(m->g, &m->pos, sgf->moves[i], vertex);
            return FAIL(err, TG_EINVAL, "move %d, %s: %s", i + 1, vertex, why);
        }
        m->f->moves[i] = sgf->moves[i];
        m->f->root_values[i] = NAN;
    }
    m->f->game.n_moves = m->f->game.n_rows = i;
    return TG_OK;
}

/* Who won, and is it known? */
static bool outcome_of(const struct making *m, uint8_t *winner)
{
    *winner = m->sgf->winner;
    if (*winner == GAME_UNDECIDED && m->pos.over)
        *winner = m->pos.winner;
    if (*winner == GAME_NO_RESULT && !(m->pos.over && m->pos.winner == GAME_NO_RESULT))
        *winner = GAME_UNDECIDED; /* void for reasons that no board shows */
    if (*winner != GAME_UNDECIDED)
        return true;
    *winner = GAME_DRAWN; /* of weight 0 */
    return false;
}

static void complete(struct making *m, bool known, uint8_t winner)
{
    const struct record_layout *l = &m->layout;
    struct game_result result;

    game_score(m->g, &m->pos, &result);
    bool played_out = known && m->g->has_score && m->g->has_ownership && winner != GAME_NO_RESULT &&
                      fabsf(m->sgf->score - result.score) < 0.01f;

    m->f->game.score = played_out || !isfinite(m->sgf->score) ? result.score : m->sgf->score;
    m->f->game.winner = winner;
    m->f->game.resigned = known && !m->pos.over && !isfinite(m->sgf->score);
    if (m->f->game.resigned)
        m->f->game.score = 0.0f;
    for (int i = 0; i < m->f->game.n_rows; i++) {
        struct record_head *h = head_of(m, i);
        bool black = h->color == GAME_BLACK;

        h->value[0] = h->value[1] = 0.0f;
        if (winner == GAME_DRAWN)
            h->value[0] = h->value[1] = 0.5f;
        else if (winner == GAME_NO_RESULT)
            h->value[2] = 1.0f;
        else
            h->value[black == (winner == GAME_WON_BLACK) ? 0 : 1] = 1.0f;
        h->w_value = known ? 1.0f : 0.0f;
        h->w_score = played_out ? 1.0f : 0.0f;
        h->score = played_out ? (black ? result.score : -result.score) : 0.0f;
        if (played_out)
            record_ownership_pack(l, result.ownership, (enum game_color)h->color,
                                  (uint8_t *)h + l->ownership);
    }
}

static enum tg_status start(struct making *m, struct tg_error *err)
{
    const struct sgf_game *sgf = m->sgf;

    if (sgf->n_moves == 0)
        return FAIL(err, TG_EINVAL, "no moves");
    game_start(m->g, &sgf->setup, &m->pos);
    if (sgf->has_setup)
        TRY(game_set_stones(m->g, &m->pos, sgf->stones, (enum game_color)sgf->to_move, err));
    return TG_OK;
}

enum tg_status sgf_rows(const struct game *g, const struct sgf_game *sgf, int64_t id,
                        struct record_finished *f, struct tg_error *err)
{
    struct making *m = calloc(1, sizeof *m);
    enum tg_status rc = TG_OK;
    uint8_t winner;

    memset(f, 0, sizeof *f);
    if (m == NULL)
        return FAIL(err, TG_ENOMEM, "a game");
    m->g = g;
    m->sgf = sgf;
    m->f = f;
    record_layout_init(&m->layout, g);
    TRY_OUT(start(m, err));
    TRY_OUT(reserve(f, sgf->n_moves, m->layout.row_bytes, err));
    f->game = (struct record_game){.id = id, .setup = sgf->setup, .net = {-1, -1},
                                   .player = {RECORD_ENGINE, RECORD_ENGINE}};
    TRY_OUT(play_through(m, id, err));
    bool known = outcome_of(m, &winner);
    complete(m, known, winner);
out:
    if (rc != TG_OK)
        record_finished_free(f);
    free(m);
    return rc;
}
