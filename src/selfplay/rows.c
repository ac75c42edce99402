/* rows.c - the training rows of a game: begun at each ply, completed when the outcome is known. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

static enum tg_status reserve(struct slot *s, const struct walk *w, struct tg_error *err)
{
    if (s->n_rows < s->cap_rows)
        return TG_OK;
    size_t cap = s->cap_rows > 0 ? 2 * s->cap_rows : 64;
    uint8_t *rows = realloc(s->rows, cap * w->layout->row_bytes);

    if (rows == NULL)
        return FAIL(err, TG_ENOMEM, "%zu rows of a game", cap);
    s->rows = rows;
    float *surprise = realloc(s->surprise, cap * sizeof *surprise);
    if (surprise == NULL)
        return FAIL(err, TG_ENOMEM, "%zu rows of a game", cap);
    s->surprise = surprise;
    s->cap_rows = cap;
    return TG_OK;
}

/* Kullback-Leibler divergence of the target from the network's own policy, in nats. */
static float surprise_of(const struct search_result *r, const float *target)
{
    double kl = 0;

    for (int i = 0; i < r->n_children; i++) {
        double t = (double)target[r->children[i].action];

        if (t > 0)
            kl += t * (log(t) - log((double)r->children[i].raw_prior + 1e-9));
    }
    return kl > 0 ? (float)kl : 0;
}

/* What each kind of move is a target of. The outcome is one of every position, so rows equal plies
 * (but for cheap searches that are not kept); a policy comes from the learner's full search alone. */
static void set_weights(struct record_head *h, bool has_target)
{
    h->w_policy = h->kind == RECORD_FULL && has_target ? 1 : 0;
    h->w_value = h->w_score = 1;
}

enum tg_status rows_add(struct slot *s, const struct walk *w, enum record_kind kind,
                        const struct search_result *r, const float *target, struct tg_error *err)
{
    const struct record_layout *l = w->layout;
    const struct selfplay_player *p = &s->job.player[s->pos.to_move];

    TRY(reserve(s, w, err));
    uint8_t *row = s->rows + s->n_rows * l->row_bytes;
    memset(row, 0, l->row_bytes);
    struct record_head *h = (struct record_head *)(void *)row;
    h->game_id = s->job.id;
    h->net = kind == RECORD_OPENING ? -1 : p->net;
    h->ply = s->pos.ply;
    h->kind = (uint8_t)kind;
    h->color = s->pos.to_move;
    set_weights(h, target != NULL);
    game_encode(w->game, &s->pos, w->memo, row + l->planes, (float *)(void *)(row + l->globals));
    s->surprise[s->n_rows] = 0;
    if (r != NULL) {
        h->visits = r->visits;
        h->root_value[0] = r->win;
        h->root_value[1] = r->loss;
        h->root_value[2] = r->no_result;
        h->root_lead = r->lead;
    }
    if (h->w_policy > 0) {
        record_policy_pack(l, target, (uint16_t *)(void *)(row + l->policy));
        s->surprise[s->n_rows] = surprise_of(r, target);
    }
    s->n_rows++;
    w->stats->rows++;
    return TG_OK;
}

static void outcome(enum game_winner winner, enum game_color viewer, float value[3])
{
    switch (winner) {
    case GAME_DRAWN: value[0] = value[1] = 0.5f, value[2] = 0; break;
    case GAME_NO_RESULT: value[0] = value[1] = 0, value[2] = 1; break;
    default: {
        bool won = (winner == GAME_WON_BLACK) == (viewer == GAME_BLACK);
        value[0] = won ? 1 : 0;
        value[1] = won ? 0 : 1;
        value[2] = 0;
    }
    }
}

/* The reply target is the next ply's policy, where that ply has one. */
static void fill_reply(uint8_t *row, const uint8_t *next, const struct record_layout *l, float *scratch)
{
    struct record_head *h = (struct record_head *)(void *)row;
    const struct record_head *after = (const struct record_head *)(const void *)next;

    if (after->ply != h->ply + 1 || after->w_policy <= 0 || h->kind == RECORD_OPENING)
        return;
    record_policy_unpack(l, (const uint16_t *)(const void *)(next + l->policy), scratch);
    record_reply_pack(l, scratch, row + l->reply);
    h->w_reply = 1;
}

/* Policy-surprise weighting (KataGo): a share of the game's weight goes to where the search changed
 * the network's mind most. The mean weight of the game's policy rows stays 1. */
static void weigh_surprise(struct slot *s, const struct record_layout *l, float share)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < s->n_rows; i++)
        if (((struct record_head *)(void *)(s->rows + i * l->row_bytes))->w_policy > 0) {
            sum += (double)s->surprise[i];
            n++;
        }
    if (n == 0 || sum <= 0)
        return;
    for (size_t i = 0; i < s->n_rows; i++) {
        struct record_head *h = (struct record_head *)(void *)(s->rows + i * l->row_bytes);
        float weight = 1 - share + share * (float)((double)s->surprise[i] * (double)n / sum);

        if (h->w_policy <= 0)
            continue;
        h->w_policy *= weight;
        h->w_reply *= weight;
        h->w_value *= weight;
        h->w_score *= weight;
    }
}

static void complete(struct slot *s, const struct walk *w, const struct game_result *result)
{
    const struct record_layout *l = w->layout;

    for (size_t i = 0; i < s->n_rows; i++) {
        uint8_t *row = s->rows + i * l->row_bytes;
        struct record_head *h = (struct record_head *)(void *)row;

        outcome(result->winner, h->color, h->value);
        h->score = h->color == GAME_BLACK ? result->score : -result->score;
        if (s->resigned || !w->game->has_score)
            h->w_score = 0; /* the board was not played out */
        else if (w->game->has_ownership)
            record_ownership_pack(l, result->ownership, h->color, row + l->ownership);
        if (i + 1 < s->n_rows)
            fill_reply(row, row + l->row_bytes, l, w->target);
        if (h->visits > 0) {
            float seen = h->root_value[0] - h->root_value[1], was = h->value[0] - h->value[1];

            h->priority = fabsf(seen - was);
        } else {
            h->priority = 1;
        }
    }
    if (s->job.settings[0]->policy_surprise > 0)
        weigh_surprise(s, l, s->job.settings[0]->policy_surprise);
}

static void judge(const struct slot *s, const struct walk *w, struct game_result *result)
{
    game_score(w->game, &s->pos, result);
    if (s->pos.over)
        result->winner = s->pos.winner;
    if (s->resigned) {
        result->winner = s->would_resign == GAME_BLACK ? GAME_WON_WHITE : GAME_WON_BLACK;
        result->score = 0;
    }
}

enum tg_status rows_finish(struct slot *s, const struct walk *w, struct record_finished *f,
                           struct tg_error *err)
{
    struct game_result result;
    size_t n_moves = (size_t)s->pos.ply, n_bytes = s->n_rows * w->layout->row_bytes;
    int loser = s->would_resign;

    judge(s, w, &result);
    complete(s, w, &result);
    memset(f, 0, sizeof *f);
    f->moves = malloc((n_moves + 1) * sizeof *f->moves);
    f->root_values = malloc((n_moves + 1) * sizeof *f->root_values);
    f->root_visits = malloc((n_moves + 1) * sizeof *f->root_visits);
    f->rows = malloc(n_bytes + 1);
    if (f->moves == NULL || f->root_values == NULL || f->root_visits == NULL || f->rows == NULL) {
        record_finished_free(f);
        return FAIL(err, TG_ENOMEM, "a finished game of %zu moves", n_moves);
    }
    for (size_t i = 0; i < n_moves; i++) {
        f->moves[i] = s->plies[i].action;
        f->root_values[i] = s->plies[i].value_black;
        f->root_visits[i] = s->plies[i].visits;
    }
    if (n_bytes > 0)
        memcpy(f->rows, s->rows, n_bytes);
    f->game = (struct record_game){
        .id = s->job.id,
        .seed = s->job.seed,
        .setup = s->job.setup,
        .net = {s->job.player[0].net, s->job.player[1].net},
        .player = {s->job.player[0].kind, s->job.player[1].kind},
        .winner = result.winner,
        .resigned = s->resigned,
        .resign_held_out = !s->resigned && loser >= 0,
        .n_opening = (int16_t)(s->n_opening < s->pos.ply ? s->n_opening : s->pos.ply),
        .score = result.score,
        .n_moves = (int32_t)n_moves,
        .n_rows = (int32_t)s->n_rows,
    };
    if (f->game.resign_held_out)
        f->game.resign_wrong = result.winner != (loser == GAME_BLACK ? GAME_WON_WHITE : GAME_WON_BLACK);
    return TG_OK;
}
