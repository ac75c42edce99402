/* gtp_analysis.c - what the engine thinks: raw network outputs and running analyses, in the formats of
 * KataGo and Leela Zero.
 *
 * Values are for the side to move (KataGo's default), ownership too: the mean over the tree. */
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
enum { PV_MAX = 16 };

struct analysis {
    struct gtp_engine *e;
    FILE *out;
    enum format format;
    enum game_color color;
    double interval_sec;
    int min_moves, max_moves;
    bool ownership, stdev, moves_ownership, moves_stdev, pv_visits, no_result, root_info;
    bool allowed;          /* "allow" was said */
    int32_t *banned_until; /* owned [2 * A], or NULL */
};

static void print_pv(const struct analysis *a, struct search *s, int action)
{
    int16_t pv[PV_MAX];
    int32_t visits[PV_MAX];
    int n = search_pv_of(s, action, pv, PV_MAX);
    char name[GAME_VERTEX_CHARS];

    fputs(" pv", a->out);
    for (int i = 0; i < n; i++) {
        game_vertex_name(player_game(a->e->player), a->e->pos, pv[i], name);
        fprintf(a->out, " %s", name);
    }
    if (!a->pv_visits)
        return;
    search_line_visits(s, pv, n, visits);
    fputs(" pvVisits", a->out);
    for (int i = 0; i < n; i++)
        fprintf(a->out, " %d", visits[i]);
}

static void print_points(const struct analysis *a, const char *key, const float *value, float sign)
{
    const struct game *g = player_game(a->e->player);

    fprintf(a->out, " %s", key);
    for (int y = 0; y < a->e->setup.height; y++)
        for (int x = 0; x < a->e->setup.width; x++)
            fprintf(a->out, " %.6g", (double)(sign * value[y * g->size + x]));
}

/* Of a move, or of the root (-1). */
static void print_ownership(const struct analysis *a, int action, bool mean, bool stdev)
{
    float owner[GAME_MAX_POINTS], spread[GAME_MAX_POINTS];
    const char *of = action < 0 ? "ownership" : "movesOwnership";

    if (!(mean || stdev) || !outlook_owner(player_outlook(a->e->player), action, owner, spread))
        return;
    if (mean)
        print_points(a, of, owner, a->color == GAME_BLACK ? 1.0f : -1.0f);
    if (stdev)
        print_points(a, action < 0 ? "ownershipStdev" : "movesOwnershipStdev", spread, 1.0f);
}

static void print_figures(const struct analysis *a, const struct outlook_figures *f)
{
    fprintf(a->out,
            " utility %.6g winrate %.6f scoreMean %.6g scoreStdev %.6g scoreLead %.6g scoreSelfplay %.6g",
            f->utility, f->winrate, f->lead, f->score_stdev, f->lead, f->score);
    if (a->no_result)
        fprintf(a->out, " noResultValue %.6g", f->no_result);
}

static void print_move(const struct analysis *a, struct search *s, const struct outlook_move *m, int order)
{
    char name[GAME_VERTEX_CHARS];

    game_vertex_name(player_game(a->e->player), a->e->pos, m->action, name);
    fprintf(a->out, "%sinfo move %s visits %d", order > 0 ? " " : "", name, m->is.visits);
    if (a->format == LEELA) {
        fprintf(a->out, " winrate %d prior %d lcb %d", (int)lround(10000 * m->is.winrate),
                (int)lround(10000 * m->prior), (int)lround(10000 * m->lcb));
    } else {
        fprintf(a->out, " edgeVisits %d", m->is.visits);
        print_figures(a, &m->is);
        fprintf(a->out, " prior %.6g lcb %.6g utilityLcb %.6g weight %d", m->prior, m->lcb,
                m->utility_lcb, m->is.visits);
    }
    fprintf(a->out, " order %d", order);
    print_pv(a, s, m->action);
    print_ownership(a, m->action, a->moves_ownership, a->moves_stdev);
}

static void print_root(const struct analysis *a, struct search *s, const struct outlook_figures *root)
{
    struct search_result r;

    search_result(s, &r);
    fprintf(a->out, " rootInfo visits %d", root->visits);
    print_figures(a, root);
    fprintf(a->out, " rawWinrate %.6g rawLead %.6g", (double)(r.raw_win + 0.5f * r.raw_no_result),
            (double)r.raw_lead);
}

/* One line about all moves that were visited. */
static void report(void *ctx, struct search *s)
{
    const struct analysis *a = ctx;
    struct outlook_move moves[GAME_MAX_ACTIONS];
    struct outlook_figures root;
    int n = outlook_moves(player_outlook(a->e->player), s, a->min_moves, &root, moves);

    if (n > a->max_moves)
        n = a->max_moves;
    for (int i = 0; i < n; i++)
        print_move(a, s, &moves[i], i);
    if (n == 0)
        return;
    if (a->root_info)
        print_root(a, s, &root);
    print_ownership(a, -1, a->ownership, a->stdev);
    fputc('\n', a->out);
    fflush(a->out);
}

/* ---- arguments ----------------------------------------------------------------------------------------- */

static bool read_bool(const char *word, bool *value)
{
    *value = strcasecmp(word, "true") == 0 || strcmp(word, "1") == 0;
    return *value || strcasecmp(word, "false") == 0 || strcmp(word, "0") == 0;
}

/* "avoid COLOR VERTEX,VERTEX,.. DEPTH", or allow; args point behind the word. */
static bool read_ban(struct analysis *a, char *const *args, bool allow)
{
    const struct game *g = player_game(a->e->player);
    enum game_color color;
    int depth;

    if (a->banned_until == NULL)
        a->banned_until = calloc(2 * (size_t)g->n_actions, sizeof *a->banned_until);
    if (a->banned_until == NULL || !moves_color(args[0], &color) || !gtp_read_int(args[2], 1, 10000, &depth) ||
        (allow && a->allowed))
        return false;
    int32_t *until = a->banned_until + (color == GAME_BLACK ? 0 : g->n_actions);

    a->allowed = a->allowed || allow;
    for (int i = 0; allow && i < g->n_actions; i++)
        until[i] = depth;
    for (const char *at = args[1]; *at != '\0';) {
        char name[GAME_VERTEX_CHARS];
        size_t n = strcspn(at, ",");

        snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name), at);
        int action = game_vertex_parse(g, a->e->pos, name);
        if (action < 0)
            return false;
        until[action] = allow ? 0 : depth;
        at += n + (at[n] == ',');
    }
    return true;
}

static bool read_flag(struct analysis *a, const char *key, const char *value, bool *good)
{
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        {"ownership", &a->ownership},           {"ownershipStdev", &a->stdev},
        {"movesOwnership", &a->moves_ownership}, {"movesOwnershipStdev", &a->moves_stdev},
        {"pvVisits", &a->pv_visits},            {"noResultValue", &a->no_result},
        {"rootInfo", &a->root_info},
    };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcasecmp(flags[i].key, key) == 0) {
            *good = a->format == KATAGO && read_bool(value, flags[i].flag);
            return true;
        }
    return false;
}

/* A key and what follows it. Returns how many words; 0: wrong. */
static int read_key(struct analysis *a, char *const *args, int n, int *centisec)
{
    bool allow = strcasecmp(args[0], "allow") == 0, good = false;

    if (allow || strcasecmp(args[0], "avoid") == 0)
        return n >= 4 && read_ban(a, args + 1, allow) ? 4 : 0;
    if (n < 2)
        return 0;
    if (strcasecmp(args[0], "interval") == 0)
        good = gtp_read_int(args[1], 0, 1000000, centisec);
    else if (strcasecmp(args[0], "minmoves") == 0)
        good = gtp_read_int(args[1], 0, 1000, &a->min_moves);
    else if (strcasecmp(args[0], "maxmoves") == 0)
        good = gtp_read_int(args[1], 1, 1000, &a->max_moves);
    else
        read_flag(a, args[0], args[1], &good);
    return good ? 2 : 0;
}

/* [COLOR] [INTERVAL] then keys with their values. */
static bool read_analysis(struct gtp_call *c, struct analysis *a)
{
    int i = 0, centisec = 100, used;

    if (i < c->n && moves_color(c->args[i], &a->color))
        i++;
    if (i < c->n && gtp_read_int(c->args[i], 0, 1000000, &centisec))
        i++;
    for (; i < c->n; i += used) {
        used = read_key(a, c->args + i, c->n - i, &centisec);
        if (used > 0)
            continue;
        gtp_fail(c, "unknown or wrong argument: %s", c->args[i]);
        return false;
    }
    a->interval_sec = centisec / 100.0;
    return true;
}

/* ---- running ----------------------------------------------------------------------------------------------- */

static bool prepare(struct analysis *a, struct gtp_call *c)
{
    struct gtp_engine *e = a->e;

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
    return true;
}

static bool input_waits(void *ctx)
{
    const struct analysis *a = ctx;

    return a->e->waiting(a->e->waiting_ctx);
}

/* Think and report; what is known at the end is always reported. */
static void analyse(struct analysis *a, struct gtp_call *c, struct player_limits *limits, bool until_input,
                    bool stay)
{
    struct gtp_engine *e = a->e;
    struct tg_error err = {0};
    struct player_watch w = {.ctx = a, .interval_sec = fmax(a->interval_sec, 0.01), .report = report};

    if (until_input && e->waiting != NULL) {
        w.interrupted = input_waits;
        w.until_interrupted = stay;
    }
    if (a->interval_sec <= 0.0)
        w.report = NULL;
    limits->banned_until = a->banned_until;
    fprintf(c->out, "=%s\n", c->id);
    fflush(c->out);
    c->streamed = true;
    if (player_think(e->player, e->spare, limits, &w, &err) != TG_OK)
        tg_log(e->log, TG_LOG_ERROR, "%s", err.text); /* the answer has begun: too late to say so there */
    else
        report(a, player_search(e->player));
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
    if (read_analysis(c, &a) && prepare(&a, c)) {
        analyse(&a, c, &limits, true, true);
        fputc('\n', c->out);
        fflush(c->out);
    }
    free(a.banned_until);
}

/* A move, with its analysis: played, or only told; the search may end when a line comes in. */
static void run_move_analysis(struct gtp_engine *e, struct gtp_call *c, enum format format, bool play,
                              bool cancellable)
{
    struct analysis a = begin(e, c, format);
    double began = tg_now();
    char name[GAME_VERTEX_CHARS];
    const char *why;

    if (read_analysis(c, &a) && prepare(&a, c)) {
        struct player_limits limits = gtp_limits(e, a.color);

        analyse(&a, c, &limits, cancellable, false);
        int action = player_choose(e->player, e->spare);
        game_vertex_name(player_game(e->player), e->pos, action, name);
        if (!play || gtp_play(e, a.color, action, &why))
            fprintf(c->out, "play %s\n", name);
        fputc('\n', c->out);
        fflush(c->out);
        if (play)
            gtp_clock_spent(&e->clock, a.color, tg_now() - began);
    }
    free(a.banned_until);
}

static void cmd_lz_analyze(struct gtp_engine *e, struct gtp_call *c) { run_analysis(e, c, LEELA); }
static void cmd_kata_analyze(struct gtp_engine *e, struct gtp_call *c) { run_analysis(e, c, KATAGO); }

static void cmd_lz_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    run_move_analysis(e, c, LEELA, true, false);
}

static void cmd_kata_genmove(struct gtp_engine *e, struct gtp_call *c)
{
    run_move_analysis(e, c, KATAGO, true, false);
}

static void cmd_search_analyze(struct gtp_engine *e, struct gtp_call *c)
{
    run_move_analysis(e, c, KATAGO, false, false);
}

static void cmd_search_analyze_cancellable(struct gtp_engine *e, struct gtp_call *c)
{
    run_move_analysis(e, c, KATAGO, false, true);
}

const struct gtp_command gtp_analysis_commands[] = {
    {"kata-raw-nn", 1, 1, cmd_raw_nn},
    {"lz-analyze", 0, -1, cmd_lz_analyze},
    {"kata-analyze", 0, -1, cmd_kata_analyze},
    {"analyze", 0, -1, cmd_kata_analyze},
    {"lz-genmove_analyze", 0, -1, cmd_lz_genmove},
    {"kata-genmove_analyze", 0, -1, cmd_kata_genmove},
    {"genmove_analyze", 0, -1, cmd_kata_genmove},
    {"kata-search_analyze", 0, -1, cmd_search_analyze},
    {"kata-search_analyze_cancellable", 0, -1, cmd_search_analyze_cancellable},
    {NULL, 0, 0, NULL},
};
