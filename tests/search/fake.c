#include "fake.h"

#include <stdio.h>
#include <string.h>

#include "tengen/hash.h"

void fake_open(struct fake *f, enum game_kind kind, int size)
{
    struct game_setup setup;

    memset(f, 0, sizeof *f);
    assert_ok(game_init(&f->game, kind, size, 2, &f->err), &f->err);
    game_default_setup(&f->game, &setup);
    game_start(&f->game, &setup, &f->pos);
    assert_ok(search_open(&f->game, &f->s, &f->err), &f->err);
    search_default_settings(&f->set);
    f->set.visits = 200;
    f->set.reuse_tree = false;
    f->set.avoid_early_pass = false;
    f->seed = 1;
    f->n_leaves = 1;
    f->eval = fake_uniform;
}

void fake_close(struct fake *f) { search_close(f->s); }

int fake_vertex(const struct fake *f, const char *vertex)
{
    int action = game_vertex_parse(&f->game, &f->pos, vertex);

    assert_true(action >= 0);
    return action;
}

void fake_play(struct fake *f, const char *vertices)
{
    char text[256], *save = NULL;

    snprintf(text, sizeof text, "%s", vertices);
    for (char *v = strtok_r(text, " ", &save); v != NULL; v = strtok_r(NULL, " ", &save)) {
        int action = fake_vertex(f, v);

        assert_true(game_is_legal(&f->game, &f->pos, action));
        game_play(&f->game, &f->pos, action);
    }
}

void fake_expand(struct fake *f, const struct search_leaf *leaf)
{
    static struct fake_eval e;

    e = (struct fake_eval){.win = 0.5f, .loss = 0.5f};
    f->eval(f, leaf->pos, &e);
    struct search_eval eval = {.policy_logits = e.logits, .win = e.win, .loss = e.loss,
                               .no_result = e.no_result, .lead = e.lead, .score_stdev = e.stdev};

    assert_ok(search_expand(f->s, leaf->id, &eval, &f->err), &f->err);
}

void fake_start(struct fake *f)
{
    struct tg_rng rng = tg_rng_stream(f->seed, TG_RNG_TEST, 0, (uint64_t)f->pos.ply);

    assert_ok(search_start(f->s, &f->pos, &f->set, &rng, &f->err), &f->err);
}

struct search_result fake_run(struct fake *f)
{
    struct search_result r;
    enum { MOST = 64 };
    static struct position leaf_pos[MOST];
    struct search_leaf leaf[MOST];
    enum search_next next;
    int n = 0;

    do {
        next = search_select(f->s, &leaf[n]);
        if (next == SEARCH_LEAF) {
            game_copy(&f->game, &leaf_pos[n], leaf[n].pos);
            leaf[n].pos = &leaf_pos[n];
            n++;
        }
        assert_true(next != SEARCH_WAIT || n > 0);
        assert_true(next != SEARCH_DONE || n == 0);
        if (next == SEARCH_WAIT || n == f->n_leaves)
            while (n > 0)
                fake_expand(f, &leaf[--n]); /* newest first: not the order they were taken in */
    } while (next != SEARCH_DONE);
    search_result(f->s, &r);
    return r;
}

struct search_result fake_search(struct fake *f)
{
    fake_start(f);
    return fake_run(f);
}

const struct search_child *fake_child(const struct search_result *r, int action)
{
    for (int i = 0; i < r->n_children; i++)
        if (r->children[i].action == action)
            return &r->children[i];
    fail_msg("no child for action %d", action);
    return NULL;
}

int fake_visited(const struct search_result *r)
{
    int n = 0;

    for (int i = 0; i < r->n_children; i++)
        n += r->children[i].visits > 0;
    return n;
}

int fake_most(const struct search_result *r)
{
    int most = 0;

    for (int i = 0; i < r->n_children; i++)
        most = r->children[i].visits > most ? r->children[i].visits : most;
    return most;
}

void fake_check_counts(const struct search_result *r)
{
    int sum = 1;

    for (int i = 0; i < r->n_children; i++)
        sum += r->children[i].visits;
    assert_int_equal(sum, r->visits);
}

void fake_uniform(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    (void)f;
    (void)pos;
    (void)e;
}

static float unit(uint64_t x) { return (float)(tg_mix64(x) >> 40) * 0x1p-24f; }

void fake_hashed(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    e->win = 0.1f + 0.8f * unit(pos->hash + 17);
    e->loss = 1.0f - e->win;
    for (int a = 0; a < f->game.n_actions; a++)
        e->logits[a] = 4.0f * unit(pos->hash + 1000 * (uint64_t)(a + 1));
}

void fake_policy(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    (void)pos;
    memcpy(e->logits, f->policy, sizeof e->logits);
}

float fake_first_move_value(int action) { return 1.6f * unit((uint64_t)action + 5) - 0.8f; }

void fake_by_first_move(const struct fake *f, const struct position *pos, struct fake_eval *e)
{
    int depth = pos->ply - f->pos.ply;
    float value = 0.0f;

    memcpy(e->logits, f->policy, sizeof e->logits);
    if (depth >= 1 && depth <= GAME_RECENT)
        value = fake_first_move_value(pos->recent[depth - 1]);
    if (depth % 2 == 1)
        value = -value;
    e->win = 0.5f + 0.5f * value;
    e->loss = 1.0f - e->win;
}
