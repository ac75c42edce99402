/* slot.c - one game: openings, searches, moves, its end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

static bool same_player(const struct selfplay_player *a, const struct selfplay_player *b)
{
    return a->kind == RECORD_NETWORK && b->kind == RECORD_NETWORK && a->slot == b->slot;
}

static enum tg_status open_trees(struct slot *s, const struct walk *w, struct tg_error *err)
{
    bool one = same_player(&s->job.player[0], &s->job.player[1]) &&
               s->job.settings[0] == s->job.settings[1];

    for (int c = 0; c < 2; c++) {
        int which = one ? 0 : c;

        s->tree[c] = NULL;
        if (s->job.player[c].kind != RECORD_NETWORK)
            continue;
        if (s->own[which] == NULL)
            TRY(search_open(w->game, &s->own[which], err));
        s->tree[c] = s->own[which];
        search_clear(s->tree[c]);
    }
    return TG_OK;
}

enum tg_status slot_begin(struct slot *s, const struct walk *w, const struct selfplay_job *job,
                          struct tg_error *err)
{
    const struct selfplay_settings *o = job->settings[0];

    s->job = *job;
    s->searching = s->leaf_out = s->resigned = false;
    s->n_rows = 0;
    s->would_resign = -1;
    s->last_value[0] = s->last_value[1] = NAN;
    if (s->plies == NULL && (s->plies = malloc(GAME_MAX_PLIES * sizeof *s->plies)) == NULL)
        return FAIL(err, TG_ENOMEM, "moves of a game");
    TRY(open_trees(s, w, err));
    game_start(w->game, &job->setup, &s->pos);

    struct tg_rng fate = tg_rng_stream(job->seed, TG_RNG_GAME, (uint64_t)job->id, 1);
    s->holdout = tg_rng_double(&fate) < (double)o->resign_holdout;
    s->opening = tg_rng_stream(job->seed, TG_RNG_MATCH, job->opening_key, 0);
    s->n_opening = o->opening_exact || o->opening_plies <= 0
                       ? o->opening_plies
                       : (int)tg_rng_below(&s->opening, (uint32_t)o->opening_plies + 1);
    for (int c = 0; c < 2; c++)
        if (job->player[c].kind == RECORD_ENGINE)
            TRY(job->player[c].engine->start(job->player[c].engine->ctx, w->game, &s->pos, err));
    s->active = true;
    return TG_OK;
}

/* A uniform-random legal action; of a pass only where nothing else is legal. */
static int random_action(const struct walk *w, const struct position *pos, struct tg_rng *rng)
{
    int n = game_legal(w->game, pos, w->legal);
    int pass = w->game->n_points;

    if (n > 1 && w->legal[pass]) {
        w->legal[pass] = 0;
        n--;
    }
    uint32_t k = tg_rng_below(rng, (uint32_t)n);
    for (int a = 0;; a++)
        if (w->legal[a] && k-- == 0)
            return a;
}

static enum tg_status play(struct slot *s, const struct walk *w, int action, int32_t visits,
                           float value_black, bool has_row, struct tg_error *err)
{
    int mover = s->pos.to_move;

    s->plies[s->pos.ply] = (struct ply){.action = (int16_t)action, .has_row = has_row,
                                        .visits = visits, .value_black = value_black};
    for (int c = 0; c < 2; c++) {
        const struct selfplay_player *p = &s->job.player[c];

        if (p->kind == RECORD_ENGINE && (c != mover || s->pos.ply < s->n_opening))
            TRY(p->engine->played(p->engine->ctx, w->game, &s->pos, action, err));
        if (s->tree[c] != NULL && (c == 0 || s->tree[1] != s->tree[0]))
            search_advance(s->tree[c], action);
    }
    game_play(w->game, &s->pos, action);
    w->stats->plies++;
    return TG_OK;
}

/* A move without a search: an opening ply, or the random bot's. */
static enum tg_status play_random(struct slot *s, const struct walk *w, struct tg_rng *rng,
                                  enum record_kind kind, struct tg_error *err)
{
    int action = random_action(w, &s->pos, rng);

    if (s->job.record)
        TRY(rows_add(s, w, kind, NULL, NULL, err));
    return play(s, w, action, 0, NAN, s->job.record, err);
}

static enum tg_status begin_search(struct slot *s, const struct walk *w, struct tg_error *err)
{
    int mover = s->pos.to_move;
    const struct selfplay_settings *o = s->job.settings[mover];
    struct search_settings settings = o->search;
    struct tg_rng rng = tg_rng_stream(s->job.seed, TG_RNG_MOVE, (uint64_t)s->job.id,
                                      (uint64_t)s->pos.ply);

    if (w->number[s->job.player[mover].slot] >= 0) /* the network has changed since the game began */
        s->job.player[mover].net = w->number[s->job.player[mover].slot];
    s->cheap = o->cheap_share > 0 && tg_rng_double(&s->lottery) < (double)o->cheap_share;
    if (s->cheap) {
        settings.visits = o->cheap_visits;
        settings.noise_weight = 0;
        settings.forced_k = 0;
        settings.gumbel = false;
        settings.root_temp_early = settings.root_temp_late = 1;
        settings.root_fpu_reduction = settings.fpu_reduction;
    } else if (o->cheap_share > 0) {
        search_clear(s->tree[mover]); /* its visits were won without noise: not a target's */
    }
    TRY(search_start(s->tree[mover], &s->pos, &settings, &rng, err));
    s->searching = true;
    w->stats->searches++;
    return TG_OK;
}

/* Does the side to move give up? Counted, not done, in games that are held out. */
static bool resigns(struct slot *s, float value)
{
    int mover = s->pos.to_move;
    const struct selfplay_settings *o = s->job.settings[mover];
    float before = s->last_value[mover];

    s->last_value[mover] = value;
    if (o->resign_value <= 0 || s->pos.ply < o->resign_min_ply || !(value < -o->resign_value) ||
        !(before < -o->resign_value))
        return false;
    if (s->would_resign < 0)
        s->would_resign = mover;
    return !s->holdout;
}

static enum tg_status finish_search(struct slot *s, const struct walk *w, struct tg_error *err)
{
    int mover = s->pos.to_move;
    const struct selfplay_settings *o = s->job.settings[mover];
    struct search *tree = s->tree[mover];
    struct search_result r;
    int action = search_choose(tree);
    bool keep = s->job.record && (!s->cheap || o->record_cheap);

    s->searching = false;
    search_result(tree, &r);
    if (keep) {
        bool opponent = s->job.player[mover].net != s->job.player[!mover].net &&
                        s->job.player[mover].slot != 0;
        enum record_kind kind = opponent ? RECORD_OPPONENT : s->cheap ? RECORD_CHEAP : RECORD_FULL;
        bool target = search_policy_target(tree, w->target);

        TRY(rows_add(s, w, kind, &r, target ? w->target : NULL, err));
    }
    if (o->random_move_share > 0 && tg_rng_double(&s->lottery) < (double)o->random_move_share)
        action = random_action(w, &s->pos, &s->lottery);
    float value = r.win - r.loss;
    int32_t visits = r.visits;
    if (resigns(s, value))
        s->resigned = true;
    return play(s, w, action, visits, mover == GAME_BLACK ? value : -value, keep, err);
}

static enum tg_status engine_move(struct slot *s, const struct walk *w, struct tg_error *err)
{
    int mover = s->pos.to_move, action;
    const struct selfplay_engine *e = s->job.player[mover].engine;

    TRY(e->genmove(e->ctx, w->game, &s->pos, &action, err));
    if (action < 0) {
        s->resigned = true;
        s->would_resign = mover;
        return TG_OK;
    }
    if (!game_is_legal(w->game, &s->pos, action))
        return FAIL(err, TG_EINVAL, "game %lld, ply %d: the engine's move %d is illegal",
                    (long long)s->job.id, s->pos.ply, action);
    return play(s, w, action, 0, NAN, false, err);
}

static bool at_end(const struct slot *s, const struct walk *w)
{
    const struct selfplay_settings *o = s->job.settings[0];

    return s->pos.over || s->resigned || (o->max_plies > 0 && s->pos.ply >= o->max_plies) ||
           (o->end_when_decided && s->pos.ply > 0 && game_decided(w->game, &s->pos));
}

/* The move of this ply, or the start of its search. */
static enum tg_status next_ply(struct slot *s, const struct walk *w, struct tg_error *err)
{
    const struct selfplay_player *p = &s->job.player[s->pos.to_move];

    s->lottery = tg_rng_stream(s->job.seed, TG_RNG_BOT, (uint64_t)s->job.id, (uint64_t)s->pos.ply);
    if (s->pos.ply < s->n_opening)
        return play_random(s, w, &s->opening, RECORD_OPENING, err);
    switch (p->kind) {
    case RECORD_RANDOM_BOT: return play_random(s, w, &s->lottery, RECORD_OPPONENT, err);
    case RECORD_ENGINE: return engine_move(s, w, err);
    default: return begin_search(s, w, err);
    }
}

enum slot_state slot_advance(struct slot *s, const struct walk *w, struct tg_error *err)
{
    for (;;) {
        enum tg_status rc;

        if (s->searching) {
            int mover = s->pos.to_move;

            if (search_select(s->tree[mover], &s->leaf) == SEARCH_LEAF) {
                s->leaf_net = s->job.player[mover].slot;
                s->leaf_out = true;
                return SLOT_LEAF;
            }
            rc = finish_search(s, w, err);
        } else if (at_end(s, w)) {
            return SLOT_FINISHED;
        } else {
            rc = next_ply(s, w, err);
        }
        if (rc != TG_OK) {
            tg_trace_at(err, __FILE__, __LINE__, __func__);
            return SLOT_FAILED;
        }
    }
}

enum tg_status slot_evaluated(struct slot *s, const struct walk *w, const struct nn_batch *b,
                              struct tg_error *err)
{
    const struct nn_arch *arch = w->arch[s->leaf_net];
    const struct go_rules *rules = &s->job.setup.go;
    bool no_result = w->game->has_no_result && /* superko leaves no way to it */
                     (rules->ko == GO_KO_SIMPLE || rules->scoring == GO_SCORING_TERRITORY);
    int row = s->leaf_row;
    struct nn_eval e;

    nn_eval_row(arch, b->value + (size_t)row * NN_N_VALUE, b->score + (size_t)row * (size_t)arch->n_score,
                no_result, &e);
    struct search_eval eval = {
        .policy_logits = b->policy + (size_t)row * (size_t)w->game->n_actions,
        .win = e.win, .loss = e.loss, .no_result = e.no_result,
        .lead = w->game->has_score ? e.score_mean : 0,
        .score_stdev = w->game->has_score ? e.score_stdev : 0,
    };
    s->leaf_out = false;
    w->stats->evaluations++;
    return search_expand(s->tree[s->pos.to_move], s->leaf.id, &eval, err);
}

void slot_free(struct slot *s)
{
    search_close(s->own[0]);
    search_close(s->own[1]);
    free(s->plies);
    free(s->rows);
    free(s->surprise);
}
