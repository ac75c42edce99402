/* gtp_score.c - who has won, and which stones are dead.
 *
 * Under rules that let players stop before dead stones are taken off (territory scoring, or a
 * friendly pass) the network's ownership says which chains those are. Under the others, and without a
 * network, the board counts as it stands. */
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"

enum status { ALIVE, SEKI, DEAD };

/* Chains of a board with stones [S * S]. */
struct chains {
    int16_t chain[GAME_MAX_POINTS]; /* of each stone: the first point of its chain; -1: empty or off board */
    int16_t region[GAME_MAX_POINTS]; /* the same of empty points */
};

static int neighbours(const struct game *g, const struct position *pos, int point, int around[4])
{
    int x = point % g->size, y = point / g->size, n = 0;

    if (y > 0)
        around[n++] = point - g->size;
    if (x > 0)
        around[n++] = point - 1;
    if (x < pos->setup.width - 1)
        around[n++] = point + 1;
    if (y < pos->setup.height - 1)
        around[n++] = point + g->size;
    return n;
}

static bool on_board(const struct game *g, const struct position *pos, int point)
{
    return point % g->size < pos->setup.width && point / g->size < pos->setup.height;
}

/* label [S * S]: points joined to `from` through equal stones get its number. */
static void flood(const struct game *g, const struct position *pos, const uint8_t *stones, int from,
                  int16_t *label)
{
    int16_t todo[GAME_MAX_POINTS];
    int n = 0, around[4];

    todo[n++] = (int16_t)from;
    label[from] = (int16_t)from;
    while (n > 0) {
        int at = todo[--n], n_around = neighbours(g, pos, at, around);

        for (int i = 0; i < n_around; i++)
            if (label[around[i]] < 0 && stones[around[i]] == stones[from]) {
                label[around[i]] = (int16_t)from;
                todo[n++] = (int16_t)around[i];
            }
    }
}

static void find_chains(const struct game *g, const struct position *pos, const uint8_t *stones,
                        struct chains *k)
{
    for (int p = 0; p < g->n_points; p++)
        k->chain[p] = k->region[p] = -1;
    for (int p = 0; p < g->n_points; p++) {
        int16_t *label = stones[p] == GAME_EMPTY ? k->region : k->chain;

        if (on_board(g, pos, p) && label[p] < 0)
            flood(g, pos, stones, p, label);
    }
}

/* Mean over the symmetries of the network's ownership, +1 Black's. */
static enum tg_status mean_ownership(struct gtp_engine *e, float *black, struct tg_error *err)
{
    const struct game *g = player_game(e->player);
    struct player_eval eval;
    float sign = e->pos->to_move == GAME_BLACK ? 1.0f : -1.0f;

    memset(black, 0, (size_t)g->n_points * sizeof *black);
    for (int s = 0; s < GAME_SYMMETRIES; s++) {
        TRY(player_evaluate(e->player, e->pos, s, &eval, err));
        for (int p = 0; p < g->n_points; p++)
            black[p] += sign * eval.ownership[p] / GAME_SYMMETRIES;
    }
    return TG_OK;
}

/* dead [S * S]: the stones that come off the board before it is counted. */
static enum tg_status find_dead(struct gtp_engine *e, bool *dead, struct tg_error *err)
{
    const struct game *g = player_game(e->player);
    const struct go_rules *r = &e->setup.go;
    float black[GAME_MAX_POINTS], sum[GAME_MAX_POINTS] = {0};
    struct chains k;

    memset(dead, 0, GAME_MAX_POINTS * sizeof *dead);
    if (!player_has_net(e->player) || (r->scoring == GO_SCORING_AREA && !r->friendly_pass))
        return TG_OK;
    TRY(mean_ownership(e, black, err));
    find_chains(g, e->pos, e->pos->stones, &k);
    for (int p = 0; p < g->n_points; p++)
        if (k.chain[p] >= 0)
            sum[k.chain[p]] += e->pos->stones[p] == GAME_BLACK_STONE ? black[p] : -black[p];
    for (int p = 0; p < g->n_points; p++)
        dead[p] = k.chain[p] >= 0 && sum[k.chain[p]] < 0.0f;
    return TG_OK;
}

/* The score as the board stands but for these dead stones. Taking them off by set-up forgets prisoners
 * and prices of moves; what is forgotten is the difference that setting up all stones makes. */
static float score_without(struct gtp_engine *e, const bool *dead)
{
    const struct game *g = player_game(e->player);
    uint8_t stones[GAME_MAX_POINTS];
    struct game_result as_is, all, rest;
    int balance = 0, n_dead = 0;

    game_score(g, e->pos, &as_is);
    memcpy(stones, e->pos->stones, sizeof stones);
    for (int p = 0; p < g->n_points; p++) {
        if (!dead[p])
            continue;
        balance += stones[p] == GAME_WHITE_STONE ? 1 : -1;
        stones[p] = GAME_EMPTY;
        n_dead++;
    }
    game_copy(g, e->spare, e->pos);
    if (n_dead == 0 || game_set_stones(g, e->spare, e->pos->stones, e->pos->to_move, NULL) != TG_OK)
        return as_is.score;
    game_score(g, e->spare, &all);
    if (game_set_stones(g, e->spare, stones, e->pos->to_move, NULL) != TG_OK)
        return as_is.score;
    game_score(g, e->spare, &rest);
    if (e->setup.go.scoring == GO_SCORING_AREA)
        balance = 0; /* a prisoner is a point in territory scoring only */
    return rest.score + as_is.score - all.score + (float)balance;
}

static void print_score(struct gtp_call *c, float black)
{
    if (black == 0.0f)
        fputs("0", c->text);
    else
        fprintf(c->text, "%c+%g", black > 0.0f ? 'B' : 'W', (double)(black > 0.0f ? black : -black));
}

static void cmd_final_score(struct gtp_engine *e, struct gtp_call *c)
{
    bool dead[GAME_MAX_POINTS];
    struct tg_error err = {0};

    if (player_game(e->player)->kind != GAME_GO) {
        if (!e->pos->over)
            gtp_fail(c, "cannot score: the game is not over");
        else
            print_score(c, e->pos->winner == GAME_WON_BLACK   ? 1.0f
                           : e->pos->winner == GAME_WON_WHITE ? -1.0f
                                                              : 0.0f);
        return;
    }
    if (e->pos->over && e->pos->winner == GAME_NO_RESULT) {
        print_score(c, 0.0f);
        return;
    }
    if (find_dead(e, dead, &err) != TG_OK)
        gtp_fail(c, "%s", err.text);
    else
        print_score(c, score_without(e, dead));
}

/* status [S * S] of stones. In seki is what lives without an empty region of its own. */
static enum tg_status find_status(struct gtp_engine *e, enum status *status, struct tg_error *err)
{
    const struct game *g = player_game(e->player);
    uint8_t stones[GAME_MAX_POINTS], touches[GAME_MAX_POINTS] = {0};
    bool dead[GAME_MAX_POINTS], own_region[GAME_MAX_POINTS] = {false};
    struct chains k;
    int around[4];

    TRY(find_dead(e, dead, err));
    memcpy(stones, e->pos->stones, sizeof stones);
    for (int p = 0; p < g->n_points; p++)
        if (dead[p])
            stones[p] = GAME_EMPTY;
    find_chains(g, e->pos, stones, &k);
    for (int pass = 0; pass < 2; pass++) /* whom each region touches, then whom it belongs to */
        for (int p = 0; p < g->n_points; p++) {
            int n = k.region[p] < 0 ? 0 : neighbours(g, e->pos, p, around);

            for (int i = 0; i < n; i++) {
                if (stones[around[i]] == GAME_EMPTY)
                    continue;
                if (pass == 0)
                    touches[k.region[p]] |= stones[around[i]];
                else if (touches[k.region[p]] == stones[around[i]])
                    own_region[k.chain[around[i]]] = true;
            }
        }
    for (int p = 0; p < g->n_points; p++)
        status[p] = dead[p] ? DEAD : k.chain[p] >= 0 && !own_region[k.chain[p]] ? SEKI : ALIVE;
    return TG_OK;
}

static void cmd_final_status_list(struct gtp_engine *e, struct gtp_call *c)
{
    static const char *const names[] = {"alive", "seki", "dead"};
    const struct game *g = player_game(e->player);
    enum status status[GAME_MAX_POINTS];
    struct chains k;
    struct tg_error err = {0};
    const char *line = "";
    int wanted = 0;

    while (wanted < 3 && strcasecmp(c->args[0], names[wanted]) != 0)
        wanted++;
    if (wanted == 3 || g->kind != GAME_GO) {
        gtp_fail(c, "alive, seki or dead is wanted, of Go stones");
        return;
    }
    if (find_status(e, status, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return;
    }
    find_chains(g, e->pos, e->pos->stones, &k);
    for (int first = 0; first < g->n_points; first++) { /* a line for each chain */
        const char *before = line;

        if (k.chain[first] != first || (int)status[first] != wanted)
            continue;
        for (int p = first; p < g->n_points; p++) {
            char name[GAME_VERTEX_CHARS];

            if (k.chain[p] != first)
                continue;
            game_vertex_name(g, e->pos, p, name);
            fprintf(c->text, "%s%s", before, name);
            before = " ";
        }
        line = "\n";
    }
}

const struct gtp_command gtp_score_commands[] = {
    {"final_score", 0, 0, cmd_final_score},
    {"final_status_list", 1, 1, cmd_final_status_list},
    {NULL, 0, 0, NULL},
};
