/* gtp_analysis.c - what the engine thinks: raw network outputs and running analyses, in the formats of
 * KataGo and Leela Zero.
 *
 * Values are for the side to move (KataGo's default), ownership too. It is the network's at the root. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"
#include "tengen/file.h"

/* ---- kata-raw-nn ------------------------------------------------------------------------------------ */

static void print_probability(FILE *out, float p)
{
    if (p < 0.0f)
        fputs("    NAN ", out);
    else
        fprintf(out, "%8.6f ", (double)p);
}

static void print_raw(const struct gtp_engine *e, const struct player_eval *v, int symmetry, FILE *out)
{
    const struct game *g = player_game(e->player);
    bool white = e->pos->to_move == GAME_WHITE;
    double sign = white ? 1.0 : -1.0;
    double mean = (double)v->eval.score_mean, stdev = (double)v->eval.score_stdev;

    fprintf(out, "symmetry %d\n", symmetry);
    fprintf(out, "whiteWin %.6f\n", (double)(white ? v->eval.win : v->eval.loss));
    fprintf(out, "whiteLoss %.6f\n", (double)(white ? v->eval.loss : v->eval.win));
    fprintf(out, "noResult %.6f\n", (double)v->eval.no_result);
    fprintf(out, "whiteLead %.3f\n", sign * (double)v->eval.lead);
    fprintf(out, "whiteScoreSelfplay %.3f\n", sign * mean);
    fprintf(out, "whiteScoreSelfplaySq %.3f\n", mean * mean + stdev * stdev);
    fprintf(out, "varTimeLeft %.3f\n", (double)v->eval.variance_time);
    fprintf(out, "shorttermWinlossError %.3f\n", (double)v->eval.value_error);
    fprintf(out, "shorttermScoreError %.3f\n", (double)v->eval.score_error);
    fputs("policy\n", out);
    for (int y = 0; y < e->setup.height; y++) {
        for (int x = 0; x < e->setup.width; x++)
            print_probability(out, v->policy[y * g->size + x]);
        fputc('\n', out);
    }
    fputs("policyPass ", out);
    print_probability(out, v->policy[g->n_points]);
    fputs("\nwhiteOwnership\n", out);
    for (int y = 0; y < e->setup.height; y++) {
        for (int x = 0; x < e->setup.width; x++)
            fprintf(out, "%10.7f ", sign * (double)v->ownership[y * g->size + x]);
        fputc('\n', out);
    }
}

static void cmd_raw_nn(struct gtp_engine *e, struct gtp_call *c)
{
    struct tg_error err = {0};
    struct player_eval *v;
    int first = 0, last = GAME_SYMMETRIES - 1;

    if (strcasecmp(c->args[0], "all") != 0) {
        if (!gtp_read_int(c->args[0], 0, GAME_SYMMETRIES - 1, &first)) {
            gtp_fail(c, "a symmetry from 0 to 7 is wanted, or all");
            return;
        }
        last = first;
    }
    v = malloc(sizeof *v);
    if (v == NULL) {
        gtp_fail(c, "out of memory");
        return;
    }
    for (int s = first; s <= last && !c->failed; s++) {
        /* KataGo's tensor has the board's shape: what is not square cannot be transposed. */
        int seen = e->setup.width == e->setup.height ? s : s & 3;

        if (player_evaluate(e->player, e->pos, seen, v, &err) != TG_OK)
            gtp_fail(c, "%s", err.text);
        else
            print_raw(e, v, s, c->text);
    }
    free(v);
}

/* ---- analyses ---------------------------------------------------------------------------------------- */

enum format { LEELA, KATAGO };
enum { PV_MAX = 15 };

struct analysis {
    struct gtp_engine *e;
    FILE *out;
    enum format format;
    enum game_color color;
    double interval_sec;
    int min_moves, max_moves;
    bool ownership, root_info;
    float owners[GAME_MAX_POINTS];
};

/* Lower end of the winrate: what few visits claim is doubted. */
static double lower_bound(double winrate, int visits)
{
    double low = winrate - 1.5 * sqrt(fmax(winrate * (1 - winrate), 0.01) / (visits + 1.0));

    return low > 0.0 ? low : 0.0;
}

static int by_visits(const void *va, const void *vb)
{
    const struct search_child *a = va, *b = vb;

    if (a->visits != b->visits)
        return a->visits > b->visits ? -1 : 1;
    return a->raw_prior > b->raw_prior ? -1 : a->raw_prior < b->raw_prior;
}

static void print_pv(const struct analysis *a, struct search *s, int action)
{
    int16_t pv[PV_MAX];
    int n = search_pv_of(s, action, pv, PV_MAX);
    char name[GAME_VERTEX_CHARS];

    fputs(" pv", a->out);
    for (int i = 0; i < n; i++) {
        game_vertex_name(player_game(a->e->player), a->e->pos, pv[i], name);
        fprintf(a->out, " %s", name);
    }
}

static void print_move(const struct analysis *a, struct search *s, const struct search_child *m,
                       int order)
{
    double winrate = 0.5 * (1.0 + (double)m->value), lcb;
    char name[GAME_VERTEX_CHARS];

    winrate = winrate < 0.0 ? 0.0 : winrate > 1.0 ? 1.0 : winrate;
    lcb = m->proven != 0 ? winrate : lower_bound(winrate, m->visits);
    game_vertex_name(player_game(a->e->player), a->e->pos, m->action, name);
    fprintf(a->out, "%sinfo move %s visits %d", order > 0 ? " " : "", name, m->visits);
    if (a->format == LEELA)
        fprintf(a->out, " winrate %d prior %d lcb %d", (int)lround(10000 * winrate),
                (int)lround(10000 * (double)m->raw_prior), (int)lround(10000 * lcb));
    else
        fprintf(a->out,
                " utility %.6g winrate %.6g scoreMean %.6g scoreLead %.6g scoreSelfplay %.6g "
                "prior %.6g lcb %.6g utilityLcb %.6g weight %d",
                (double)m->value, winrate, (double)m->lead, (double)m->lead, (double)m->lead,
                (double)m->raw_prior, lcb, 2 * lcb - 1, m->visits);
    fprintf(a->out, " order %d", order);
    print_pv(a, s, m->action);
}

static void print_root(const struct analysis *a, const struct search_result *r)
{
    fprintf(a->out,
            " rootInfo visits %d utility %.6g winrate %.6g scoreMean %.6g scoreLead %.6g scoreSelfplay "
            "%.6g rawWinrate %.6g rawLead %.6g",
            r->visits, (double)r->value, (double)(r->win + 0.5f * r->no_result), (double)r->lead,
            (double)r->lead, (double)r->lead, (double)(r->raw_win + 0.5f * r->raw_no_result),
            (double)r->raw_lead);
}

static void print_ownership(const struct analysis *a)
{
    const struct game *g = player_game(a->e->player);

    fputs(" ownership", a->out);
    for (int y = 0; y < a->e->setup.height; y++)
        for (int x = 0; x < a->e->setup.width; x++)
            fprintf(a->out, " %.6g", (double)a->owners[y * g->size + x]);
}

/* One line about all moves that were visited. */
static void report(void *ctx, struct search *s)
{
    const struct analysis *a = ctx;
    struct search_child moves[GAME_MAX_ACTIONS];
    struct search_result r;
    int n_shown = 0;

    search_result(s, &r);
    if (r.n_children == 0)
        return;
    memcpy(moves, r.children, (size_t)r.n_children * sizeof *moves);
    qsort(moves, (size_t)r.n_children, sizeof *moves, by_visits);
    for (int i = 0; i < r.n_children && n_shown < a->max_moves; i++)
        if (moves[i].visits > 0 || i < a->min_moves)
            print_move(a, s, &moves[i], n_shown++);
    if (n_shown == 0)
        return;
    if (a->root_info)
        print_root(a, &r);
    if (a->ownership)
        print_ownership(a);
    fputc('\n', a->out);
    fflush(a->out);
}

static bool read_bool(const char *word, bool *value)
{
    *value = strcasecmp(word, "true") == 0 || strcmp(word, "1") == 0;
    return *value || strcasecmp(word, "false") == 0 || strcmp(word, "0") == 0;
}

/* [COLOR] [INTERVAL] then pairs of key and value. */
static bool read_analysis(struct gtp_call *c, struct analysis *a)
{
    int i = 0, centisec = 100;
    bool good = true;

    if (i < c->n && moves_color(c->args[i], &a->color))
        i++;
    if (i < c->n && gtp_read_int(c->args[i], 0, 1000000, &centisec))
        i++;
    for (; i + 1 < c->n && good; i += 2) {
        const char *key = c->args[i], *value = c->args[i + 1];
        bool other;

        if (strcasecmp(key, "interval") == 0)
            good = gtp_read_int(value, 0, 1000000, &centisec);
        else if (strcasecmp(key, "minmoves") == 0)
            good = gtp_read_int(value, 0, 1000, &a->min_moves);
        else if (strcasecmp(key, "maxmoves") == 0)
            good = gtp_read_int(value, 1, 1000, &a->max_moves);
        else if (strcasecmp(key, "ownership") == 0 && a->format == KATAGO)
            good = read_bool(value, &a->ownership);
        else if (strcasecmp(key, "rootInfo") == 0 && a->format == KATAGO)
            good = read_bool(value, &a->root_info);
        else if (a->format == KATAGO && (strcasecmp(key, "pvVisits") == 0 ||
                 strcasecmp(key, "movesOwnership") == 0 || strcasecmp(key, "ownershipStdev") == 0))
            good = read_bool(value, &other) && !other; /* not to be had here */
        else
            good = false;
    }
    if (!good || i < c->n)
        gtp_fail(c, "unknown or wrong argument: %s", c->args[good ? i : i - 2]);
    a->interval_sec = centisec / 100.0;
    return good && i == c->n;
}

static bool prepare(struct analysis *a, struct gtp_call *c)
{
    struct gtp_engine *e = a->e;
    struct tg_error err = {0};
    struct player_eval *v;

    if (!player_has_net(e->player)) {
        gtp_fail(c, "no network is loaded");
        return false;
    }
    if (e->pos->over) {
        gtp_fail(c, "the game is over");
        return false;
    }
    game_copy(player_game(e->player), e->spare, e->pos);
    moves_turn(e->spare, a->color);
    if (!a->ownership)
        return true;
    v = malloc(sizeof *v);
    if (v == NULL || player_evaluate(e->player, e->spare, 0, v, &err) != TG_OK)
        gtp_fail(c, "%s", v == NULL ? "out of memory" : err.text);
    else
        memcpy(a->owners, v->ownership, sizeof a->owners);
    free(v);
    return !c->failed;
}

static bool input_waits(void *ctx)
{
    const struct analysis *a = ctx;

    return a->e->waiting(a->e->waiting_ctx);
}

/* Think and report; the moves seen at the end are always reported. False: the call failed before
 * anything was written. */
static bool analyse(struct analysis *a, struct gtp_call *c, const struct player_limits *limits,
                    bool until_input)
{
    struct gtp_engine *e = a->e;
    struct tg_error err = {0};
    struct player_watch w = {.ctx = a, .interval_sec = fmax(a->interval_sec, 0.01), .report = report};

    if (until_input && e->waiting != NULL) {
        w.interrupted = input_waits;
        w.until_interrupted = true;
    }
    if (a->interval_sec <= 0.0)
        w.report = NULL;
    fprintf(c->out, "=%s\n", c->id);
    fflush(c->out);
    c->streamed = true;
    if (player_think(e->player, e->spare, limits, &w, &err) != TG_OK)
        tg_log(e->log, TG_LOG_ERROR, "%s", err.text); /* the answer has begun: too late to say so there */
    else
        report(a, player_search(e->player));
    return true;
}

static struct analysis begin(struct gtp_engine *e, struct gtp_call *c, enum format format)
{
    return (struct analysis){.e = e, .out = c->out, .format = format, .max_moves = 1000,
                             .color = (enum game_color)e->pos->to_move};
}

static void run_analysis(struct gtp_engine *e, struct gtp_call *c, enum format format)
{
    struct analysis a = begin(e, c, format);
    struct player_limits limits = {.visits = e->o.visits, .sec = -1.0};

    if (e->waiting != NULL)
        limits.visits = 10000000; /* until input comes, or the tree is as large as it may be */
    else if (e->o.sec >= 0.0)
        limits.sec = e->o.sec;
    if (!read_analysis(c, &a) || !prepare(&a, c))
        return;
    analyse(&a, c, &limits, true);
    fputc('\n', c->out);
    fflush(c->out);
}

static void run_genmove_analysis(struct gtp_engine *e, struct gtp_call *c, enum format format)
{
    struct analysis a = begin(e, c, format);
    double began = tg_now();
    char name[GAME_VERTEX_CHARS];
    const char *why;

    if (!read_analysis(c, &a) || !prepare(&a, c))
        return;
    struct player_limits limits = gtp_limits(e, a.color);
    analyse(&a, c, &limits, false);
    int action = player_choose(e->player, e->spare);
    game_vertex_name(player_game(e->player), e->pos, action, name);
    if (gtp_play(e, a.color, action, &why))
        fprintf(c->out, "play %s\n", name);
    fputc('\n', c->out);
    fflush(c->out);
    gtp_clock_spent(&e->clock, a.color, tg_now() - began);
}

static void cmd_lz_analyze(struct gtp_engine *e, struct gtp_call *c) { run_analysis(e, c, LEELA); }
static void cmd_kata_analyze(struct gtp_engine *e, struct gtp_call *c) { run_analysis(e, c, KATAGO); }

static void cmd_lz_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    run_genmove_analysis(e, c, LEELA);
}

static void cmd_kata_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    run_genmove_analysis(e, c, KATAGO);
}

const struct gtp_command gtp_analysis_commands[] = {
    {"kata-raw-nn", 1, 1, cmd_raw_nn},
    {"lz-analyze", 0, -1, cmd_lz_analyze},
    {"kata-analyze", 0, -1, cmd_kata_analyze},
    {"lz-genmove_analyze", 0, -1, cmd_lz_genmove},
    {"kata-genmove_analyze", 0, -1, cmd_kata_genmove},
    {NULL, 0, 0, NULL},
};
