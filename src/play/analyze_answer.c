/* analyze_answer.c - answers: one JSON object a line, in KataGo's fields and layouts.
 *
 * Winrates, utilities, points and ownership are told for the query's view; the policy is the
 * network's own. Ownership and policy lie row by row from the top left, the pass last. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"
#include "tengen/hash.h"
#include "tengen/report.h"

/* ---- lines ---------------------------------------------------------------------------------------- */

static void send_line(struct analyzer *a, const char *line)
{
    pthread_mutex_lock(&a->out_lock);
    fputs(line, a->out);
    fputc('\n', a->out);
    fflush(a->out);
    pthread_mutex_unlock(&a->out_lock);
}

static void complain(struct analyzer *a, const char *kind, const char *id, const char *field,
                     const char *fmt, va_list ap)
{
    char text[1024], *line = NULL;
    size_t n;
    FILE *out = open_memstream(&line, &n);

    if (out == NULL) {
        send_line(a, "{\"error\":\"out of memory\"}");
        return;
    }
    vsnprintf(text, sizeof text, fmt, ap);
    fprintf(out, "{\"%s\":", kind);
    report_json_text(out, text);
    if (field != NULL) {
        fputs(",\"field\":", out);
        report_json_text(out, field);
    }
    if (id != NULL) {
        fputs(",\"id\":", out);
        report_json_text(out, id);
    }
    fputc('}', out);
    fclose(out);
    send_line(a, line);
    free(line);
}

void answer_error(struct analyzer *a, const char *id, const char *field, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(a, "error", id, field, fmt, ap);
    va_end(ap);
}

void answer_warning(struct analyzer *a, const char *id, const char *field, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    complain(a, "warning", id, field, fmt, ap);
    va_end(ap);
}

void answer_json(struct analyzer *a, const cJSON *json)
{
    char *line = cJSON_PrintUnformatted(json);

    send_line(a, line != NULL ? line : "{\"error\":\"out of memory\"}");
    free(line);
}

void answer_nothing(struct analyzer *a, const struct task *t)
{
    char *line = NULL;
    size_t n;
    FILE *out = open_memstream(&line, &n);

    if (out == NULL)
        return;
    fputs("{\"id\":", out);
    report_json_text(out, t->query->id);
    fprintf(out, ",\"isDuringSearch\":false,\"noResults\":true,\"turnNumber\":%d}", t->turn);
    fclose(out);
    send_line(a, line);
    free(line);
}

/* ---- an analysis ------------------------------------------------------------------------------------ */

struct answer {
    FILE *out;
    struct task *t;
    bool flip; /* the view is not that of the side to move */
    float *owner, *stdev; /* [S * S] scratch */
};

static void number(const struct answer *x, const char *key, double value)
{
    fprintf(x->out, ",\"%s\":", key);
    report_json_number(x->out, value, 9);
}

static double chance(const struct answer *x, double p) { return x->flip ? 1.0 - p : p; }
static double points(const struct answer *x, double p) { return x->flip && p != 0.0 ? -p : p; }

static void print_figures(const struct answer *x, const struct outlook_figures *f)
{
    fprintf(x->out, "\"visits\":%d", f->visits);
    number(x, "winrate", chance(x, f->winrate));
    number(x, "scoreLead", points(x, f->lead));
    number(x, "scoreSelfplay", points(x, f->score));
    number(x, "scoreStdev", f->score_stdev);
    number(x, "utility", points(x, f->utility));
    number(x, "weight", f->visits);
    if (x->t->query->no_result)
        number(x, "noResultValue", f->no_result);
}

/* What the board's points hold, row by row, times sign. */
static void print_points(const struct answer *x, const char *key, const float *value, float sign)
{
    const struct query *q = x->t->query;
    const char *before = "[";

    fprintf(x->out, ",\"%s\":", key);
    for (int py = 0; py < q->setup.height; py++)
        for (int px = 0; px < q->setup.width; px++) {
            fputs(before, x->out);
            report_json_number(x->out, (double)(sign * value[py * q->game->size + px]), 6);
            before = ",";
        }
    fputc(']', x->out);
}

static void print_owner(const struct answer *x, int action, bool mean, bool stdev)
{
    bool white = x->t->query->view == ANALYZE_WHITE ||
                 (x->t->query->view == ANALYZE_MOVER && x->t->pos->to_move == GAME_WHITE);

    if (!(mean || stdev) || !outlook_owner(x->t->outlook, action, x->owner, x->stdev))
        return;
    if (mean)
        print_points(x, "ownership", x->owner, white ? -1.0f : 1.0f);
    if (stdev)
        print_points(x, "ownershipStdev", x->stdev, 1.0f);
}

static void print_line(const struct answer *x, int action)
{
    enum { MOST = 1001 };
    int16_t pv[MOST];
    int32_t visits[MOST];
    char name[GAME_VERTEX_CHARS];
    const struct query *q = x->t->query;
    int n = search_pv_of(x->t->search, action, pv, q->pv_moves + 1);

    fputs(",\"pv\":[", x->out);
    for (int i = 0; i < n; i++) {
        game_vertex_name(q->game, x->t->pos, pv[i], name);
        fprintf(x->out, "%s\"%s\"", i > 0 ? "," : "", name);
    }
    fputc(']', x->out);
    if (!q->pv_visits)
        return;
    search_line_visits(x->t->search, pv, n, visits);
    fputs(",\"pvVisits\":[", x->out);
    for (int i = 0; i < n; i++)
        fprintf(x->out, "%s%d", i > 0 ? "," : "", visits[i]);
    fputc(']', x->out);
}

static void print_move(const struct answer *x, const struct outlook_move *m, int order)
{
    const struct query *q = x->t->query;
    char name[GAME_VERTEX_CHARS];

    game_vertex_name(q->game, x->t->pos, m->action, name);
    fprintf(x->out, "%s{\"move\":\"%s\",\"order\":%d,", order > 0 ? "," : "", name, order);
    print_figures(x, &m->is);
    fprintf(x->out, ",\"edgeVisits\":%d", m->is.visits);
    number(x, "scoreMean", points(x, m->is.lead));
    number(x, "prior", m->prior);
    number(x, "lcb", chance(x, m->lcb));
    number(x, "utilityLcb", points(x, m->utility_lcb));
    number(x, "playSelectionValue", m->is.visits);
    print_line(x, m->action);
    print_owner(x, m->action, q->moves_ownership, q->moves_stdev);
    fputc('}', x->out);
}

/* The position as seen through a symmetry of the board: stones, legal moves, side to move. */
static uint64_t hash_through(const struct task *t, const uint8_t *legal, int symmetry)
{
    const struct query *q = t->query;
    int width = q->setup.width, height = q->setup.height;
    uint8_t seen[GAME_MAX_POINTS + 3];
    int n = 0;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int fx = symmetry & 2 ? width - 1 - x : x, fy = symmetry & 1 ? height - 1 - y : y;
            int p = symmetry & 4 ? fx * q->game->size + fy : fy * q->game->size + fx;

            seen[n++] = (uint8_t)(t->pos->stones[p] | legal[p] << 2);
        }
    seen[n++] = t->pos->to_move;
    seen[n++] = (uint8_t)width;
    seen[n++] = (uint8_t)height;
    return tg_hash(seen, (size_t)n, 0);
}

static void print_hashes(const struct answer *x)
{
    const struct query *q = x->t->query;
    uint8_t legal[GAME_MAX_ACTIONS];
    int n = q->setup.width == q->setup.height ? 8 : 4;

    game_legal(q->game, x->t->pos, legal);
    uint64_t this = hash_through(x->t, legal, 0), least = this;
    for (int s = 1; s < n; s++) {
        uint64_t other = hash_through(x->t, legal, s);

        least = other < least ? other : least;
    }
    fprintf(x->out, ",\"thisHash\":\"%016llX%016llX\"", (unsigned long long)this,
            (unsigned long long)tg_mix64(this));
    fprintf(x->out, ",\"symHash\":\"%016llX%016llX\"", (unsigned long long)least,
            (unsigned long long)tg_mix64(least));
}

static void print_root(const struct answer *x, const struct outlook_figures *root)
{
    const struct nn_eval *e = &x->t->root;

    fputs("\"rootInfo\":{", x->out);
    print_figures(x, root);
    fprintf(x->out, ",\"currentPlayer\":\"%s\"", x->t->pos->to_move == GAME_BLACK ? "B" : "W");
    print_hashes(x);
    if (x->t->has_root) {
        number(x, "rawWinrate", chance(x, (double)(e->win + 0.5f * e->no_result)));
        number(x, "rawLead", points(x, (double)e->lead));
        number(x, "rawScoreSelfplay", points(x, (double)e->score_mean));
        number(x, "rawScoreSelfplayStdev", (double)e->score_stdev);
        number(x, "rawNoResultProb", (double)e->no_result);
        number(x, "rawStWrError", (double)e->value_error);
        number(x, "rawStScoreError", (double)e->score_error);
        number(x, "rawVarTimeLeft", (double)e->variance_time);
    }
    fputc('}', x->out);
}

static void print_policy(const struct answer *x)
{
    const struct query *q = x->t->query;

    if (!q->policy || !x->t->has_root)
        return;
    fputs(",\"policy\":[", x->out);
    for (int py = 0; py < q->setup.height; py++)
        for (int px = 0; px < q->setup.width; px++) {
            report_json_number(x->out, (double)x->t->policy[py * q->game->size + px], 7);
            fputc(',', x->out);
        }
    report_json_number(x->out, (double)x->t->policy[q->game->n_points], 7);
    fputc(']', x->out);
}

static void print_analysis(const struct answer *x, struct outlook_move *moves, bool during)
{
    struct outlook_figures root;
    const struct query *q = x->t->query;
    int n = outlook_moves(x->t->outlook, x->t->search, 0, &root, moves);

    fputs("{\"id\":", x->out);
    report_json_text(x->out, q->id);
    fprintf(x->out, ",\"turnNumber\":%d,\"isDuringSearch\":%s,\"moveInfos\":[", x->t->turn,
            during ? "true" : "false");
    for (int i = 0; i < n; i++)
        print_move(x, &moves[i], i);
    fputs("],", x->out);
    print_root(x, &root);
    print_policy(x);
    print_owner(x, -1, q->ownership, q->stdev);
    fputc('}', x->out);
}

void answer_analysis(struct analyzer *a, struct task *t, bool during)
{
    const struct query *q = t->query;
    size_t n_points = (size_t)q->game->n_points, n;
    bool white = t->pos->to_move == GAME_WHITE;
    char *line = NULL;
    struct answer x = {.t = t, .flip = q->view != ANALYZE_MOVER && (q->view == ANALYZE_WHITE) != white};
    struct outlook_move *moves = malloc((size_t)q->game->n_actions * sizeof *moves);

    x.owner = malloc(2 * n_points * sizeof *x.owner);
    x.out = moves != NULL && x.owner != NULL ? open_memstream(&line, &n) : NULL;
    if (x.out == NULL) {
        answer_error(a, q->id, "id", "out of memory");
    } else {
        x.stdev = x.owner + n_points;
        print_analysis(&x, moves, during);
        fclose(x.out);
        send_line(a, line);
    }
    free(moves);
    free(x.owner);
    free(line);
}
