/* search.c - a tree's life: open, start, advance, close. */
#include <stdlib.h>

#include "internal.h"

enum { FIRST_ARENA_BYTES = 16384, FIRST_FLIGHTS = 8 };

enum tg_status search_open(const struct game *game, struct search **search, struct tg_error *err)
{
    size_t n = (size_t)round_up_8(game->n_actions);
    struct search *s = calloc(1, sizeof *s);

    *search = NULL;
    if (s == NULL)
        return FAIL(err, TG_ENOMEM, "no memory for a search");
    s->game = game;
    s->cap_flights = FIRST_FLIGHTS;
    s->flights = malloc(FIRST_FLIGHTS * sizeof *s->flights);
    s->raw_prior = calloc(n, sizeof *s->raw_prior);
    s->gumbel = calloc(n, sizeof *s->gumbel);
    s->logit = calloc(n, sizeof *s->logit);
    s->base_visits = calloc(n, sizeof *s->base_visits);
    s->scratch = calloc(n, sizeof *s->scratch);
    s->result = calloc(n, sizeof *s->result);
    if (s->flights == NULL || s->raw_prior == NULL || s->gumbel == NULL || s->logit == NULL ||
        s->base_visits == NULL || s->scratch == NULL || s->result == NULL ||
        !arena_reserve(&s->arena, FIRST_ARENA_BYTES)) {
        search_close(s);
        return FAIL(err, TG_ENOMEM, "no memory for a search of %d actions", game->n_actions);
    }
    search_clear(s);
    *search = s;
    return TG_OK;
}

void search_close(struct search *s)
{
    if (s == NULL)
        return;
    free(s->arena.mem);
    free(s->flights);
    free(s->raw_prior);
    free(s->gumbel);
    free(s->logit);
    free(s->base_visits);
    free(s->scratch);
    free(s->result);
    free(s);
}

size_t search_bytes(const struct search *s)
{
    return (size_t)s->arena.cap * ARENA_UNIT;
}

static void forget_root(struct search *s)
{
    s->prepared = false;
    s->banned_slot = NO_SLOT;
    s->limit = 0;
    s->max_depth = 0;
    s->n_evaluated = 0;
}

void search_clear(struct search *s)
{
    s->arena.used = 1; /* index 0 is none */
    s->root = NODE_NONE;
    s->n_flights = 0;
    s->out_of_memory = false;
    forget_root(s);
}

static bool same_setup(const struct game_setup *a, const struct game_setup *b)
{
    const struct go_rules *g = &a->go, *h = &b->go;
    const struct gomoku_rules *m = &a->gomoku, *k = &b->gomoku;

    return a->width == b->width && a->height == b->height && a->handicap == b->handicap &&
           g->ko == h->ko && g->scoring == h->scoring && g->tax == h->tax &&
           g->suicide == h->suicide && g->button == h->button &&
           g->white_handicap_bonus == h->white_handicap_bonus &&
           g->friendly_pass == h->friendly_pass && g->komi2 == h->komi2 && m->goal == k->goal &&
           m->exact_five == k->exact_five && m->captures == k->captures &&
           m->capture_goal == k->capture_goal && m->double_three == k->double_three &&
           m->capture_exempts == k->capture_exempts && m->breakable_five == k->breakable_five &&
           m->start_pairs[0] == k->start_pairs[0] && m->start_pairs[1] == k->start_pairs[1];
}

/* The same board reached by the same last moves: what a network sees of both is equal too. */
static bool same_position(const struct game *g, const struct position *a, const struct position *b)
{
    return a->hash == b->hash && a->ply == b->ply && a->to_move == b->to_move &&
           a->over == b->over && a->winner == b->winner && a->captures[0] == b->captures[0] &&
           a->captures[1] == b->captures[1] && same_setup(&a->setup, &b->setup) &&
           memcmp(a->recent, b->recent, sizeof a->recent) == 0 &&
           memcmp(a->stones, b->stones, (size_t)g->n_points) == 0;
}

static enum tg_status plant_root(struct search *s, struct tg_error *err)
{
    s->root = tree_new_node(s, NODE_NONE, 0);
    if (s->root == NODE_NONE || !tree_reach(s, s->root, &s->root_pos)) {
        s->root = NODE_NONE;
        return FAIL(err, TG_ENOMEM, "no memory for the root of a search");
    }
    struct node *root = node_at(s, s->root);

    if (root->state == NODE_TERMINAL) {
        struct outcome o = {root->raw_utility, root->raw_win, root->raw_loss, root->raw_lead};

        tree_backup(s, s->root, &o, 0);
    }
    return TG_OK;
}

static void cancel_all(struct search *s)
{
    while (s->n_flights > 0)
        search_cancel(s, s->flights[0].id);
}

enum tg_status search_start(struct search *s, const struct position *pos,
                            const struct search_settings *settings, const struct tg_rng *rng,
                            struct tg_error *err)
{
    TRY(settings_check(settings, err));
    cancel_all(s);
    bool keep = settings->reuse_tree && s->root != NODE_NONE &&
                settings_same_values(settings, &s->set) &&
                same_position(s->game, pos, &s->root_pos);

    s->set = *settings;
    s->rng = *rng;
    s->limit = settings->visits;
    s->out_of_memory = false;
    game_copy(s->game, &s->root_pos, pos);
    if (!keep) {
        search_clear(s);
        s->limit = settings->visits;
        return plant_root(s, err);
    }
    s->max_depth = 0;
    s->n_evaluated = 0;
    if (!s->prepared)
        arena_compact(s); /* the root has moved: drop what it left behind */
    if (node_at(s, s->root)->state == NODE_EXPANDED)
        root_prepare(s);
    return TG_OK;
}

const struct position *search_root(const struct search *s) { return &s->root_pos; }

void search_set_visits(struct search *s, int visits) { s->limit = visits; }

void search_advance(struct search *s, int action)
{
    const struct node *root;
    uint32_t next = NODE_NONE;

    cancel_all(s);
    if (s->root == NODE_NONE)
        return;
    root = node_at(s, s->root);
    for (int i = 0; i < root->n_open; i++)
        if (node_actions(s, root)[i] == action)
            next = open_nodes(s, root)[i];
    if (next == NODE_NONE || node_at(s, next)->visits == 0) {
        search_clear(s);
        return;
    }
    s->root = next;
    node_at(s, next)->parent = NODE_NONE;
    game_play(s->game, &s->root_pos, action);
    forget_root(s);
}
