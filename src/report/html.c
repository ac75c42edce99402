/* html.c - tengen report: a run on one page, with nothing loaded from anywhere. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "chart.h"
#include "tengen/file.h"
#include "tengen/report.h"

static const struct plot {
    const char *title, *unit;
    bool from_zero;
    struct { const char *label, *tag; } series[CHART_SERIES];
} plots[] = {
    {"Policy loss", "", false,
     {{"loss", "loss/policy"}, {"floor: entropy of the targets", "loss/policy_entropy"},
      {"reply", "loss/reply"}}},
    {"Value loss", "", false, {{"loss", "loss/value"}}},
    {"Total loss", "", false, {{"total", "loss/total"}}},
    {"Score and ownership losses", "", false,
     {{"ownership", "loss/ownership"}, {"score mean", "loss/score_mean"},
      {"score stdev", "loss/score_stdev"}, {"lead", "loss/lead"}}},
    {"Hits", "", true,
     {{"policy's top move is the search's", "train/policy_hits"},
      {"value's sign is the outcome's", "train/value_hits"}}},
    {"Self-play games per second", "/s", true, {{"games", "selfplay/games_per_sec"}}},
    {"Evaluations per second", "/s", true, {{"evaluations", "selfplay/evals_per_sec"}}},
    {"Age of the samples, in networks", "", true,
     {{"when drawn", "train/sample_age"}, {"when made", "selfplay/row_age"}}},
    {"Plies per game", "", false, {{"plies", "selfplay/plies_per_game"}}},
    {"Seconds per iteration", " s", true,
     {{"self-play", "time/selfplay_sec"}, {"training", "time/train_sec"},
      {"matches", "time/match_sec"}, {"commit", "time/commit_sec"}}},
    {"Learning rate", "", true, {{"rate", "train/learning_rate"}}},
    {"Norm of the gradient", "", true, {{"norm", "train/grad_norm"}}},
};

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fcfcfa;--fg:#1f2328;--soft:#6b7280;--line:#e3e5e8}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#16181c;--fg:#e6e8ea;--soft:#9aa1ab;"
    "--line:#2c3036}}\n"
    "body{font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--fg);margin:0 auto;"
    "max-width:1320px;padding:16px 20px}\n"
    "h1{font-size:22px;margin:8px 0}h2{font-size:17px;margin:28px 0 8px}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0}dt{color:var(--soft)}"
    "dd{margin:0}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr));gap:20px}\n"
    "figure{margin:0}figcaption{font-size:13px}figcaption span{margin-left:12px}svg{width:100%;"
    "height:auto}\n"
    ".g{stroke:var(--line)}.t{fill:var(--soft);font-size:11px}\n"
    "polyline{fill:none;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round}"
    "circle{fill:currentColor}.e{stroke:currentColor;opacity:.35}\n"
    ".c0{color:#2563eb}.c1{color:#d97706}.c2{color:#059669}.c3{color:#9333ea}\n"
    "@media(prefers-color-scheme:dark){.c0{color:#7aa7ff}.c1{color:#f0a94a}.c2{color:#4cc79a}"
    ".c3{color:#c08bf5}}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}"
    "td,th{padding:3px 12px 3px 0;text-align:right;border-bottom:1px solid var(--line)}"
    "td:last-child,th:last-child{text-align:left}\n"
    "pre{overflow-x:auto;font-size:12px;border:1px solid var(--line);padding:8px}\n";

/* ---- head --------------------------------------------------------------------------------------- */

static void put_item(FILE *out, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void put_item(FILE *out, const char *label, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fprintf(out, "<dt>%s</dt><dd>", label);
    html_text(out, text);
    fputs("</dd>\n", out);
}

static void put_head(FILE *out, const struct manifest *m)
{
    double whole = m->elapsed_sec > 0 ? m->elapsed_sec : 1;

    fputs("<!doctype html>\n<html lang=en><meta charset=utf-8>"
          "<meta name=viewport content=\"width=device-width\">\n<title>", out);
    html_text(out, m->name);
    fprintf(out, "</title>\n<style>\n%s</style>\n<h1>", style);
    html_text(out, m->name);
    fputs("</h1>\n<dl>\n", out);
    put_item(out, "status", "%s after %" PRId64 " iterations", m->status, m->iterations);
    put_item(out, "game", "%s", m->game);
    put_item(out, "network", "%s", m->net);
    put_item(out, "made", "%s by %s, seed %" PRIu64, m->created, m->build, m->seed);
    put_item(out, "hardware", "%s", m->hardware);
    put_item(out, "so far", "%" PRId64 " games, %" PRId64 " plies, %" PRId64 " rows, %" PRId64
             " steps (%" PRId64 " skipped)", m->n_games, m->n_plies, m->n_rows, m->n_steps,
             m->n_skipped);
    put_item(out, "time", "%.1f minutes: self-play %.0f %%, training %.0f %%, matches %.0f %%",
             m->elapsed_sec / 60, 100 * m->selfplay_sec / whole, 100 * m->train_sec / whole,
             100 * m->match_sec / whole);
    put_item(out, "networks", "%" PRId64 ": champion %d, latest %d", m->n_nets, m->champion, m->latest);
    fputs("</dl>\n", out);
}

/* ---- curves ------------------------------------------------------------------------------------- */

static enum tg_status put_ratings(FILE *out, const struct manifest *m, struct tg_error *err)
{
    size_t n = 0, n_all = (size_t)m->n_matches;
    double *numbers = calloc(3 * n_all + 1, sizeof *numbers);
    bool *promoted = calloc(n_all + 1, sizeof *promoted);
    enum tg_status rc = TG_OK;

    if (numbers == NULL || promoted == NULL) {
        rc = FAIL(err, TG_ENOMEM, "%zu matches", n_all);
    } else {
        for (size_t i = 0; i < n_all; i++) {
            const struct manifest_match *r = &m->matches[i];

            if (strcmp(r->decision, "baseline") == 0)
                continue; /* the match that decides is rated with it */
            numbers[n] = (double)r->iteration + 1;
            numbers[n_all + n] = r->elo;
            numbers[2 * n_all + n] = r->elo_stderr;
            promoted[n++] = strcmp(r->decision, "promoted") == 0;
        }
        chart_put(out, &(struct chart){
            .title = "Rating (Elo, first network 0)", .unit = "", .n_series = 1,
            .series = {{"candidate; large dots: promoted", numbers, numbers + n_all, numbers + 2 * n_all,
                        promoted, n}}});
    }
    free(numbers);
    free(promoted);
    return rc;
}

static enum tg_status put_plot(FILE *out, const struct plot *p, const struct report_history *h,
                               struct tg_error *err)
{
    struct chart c = {.title = p->title, .unit = p->unit, .from_zero = p->from_zero};
    double *x[CHART_SERIES] = {NULL};
    enum tg_status rc = TG_OK;

    for (size_t k = 0; k < CHART_SERIES && p->series[k].tag != NULL && rc == TG_OK; k++) {
        const struct report_series *s = report_history_find(h, p->series[k].tag);
        bool any = false;

        for (size_t i = 0; s != NULL && i < s->n; i++)
            any = any || s->values[i] != 0;
        if (!any)
            continue; /* a loss that is switched off */
        x[k] = malloc(s->n * sizeof **x);
        if (x[k] == NULL) {
            rc = FAIL(err, TG_ENOMEM, "%zu points", s->n);
            break;
        }
        for (size_t i = 0; i < s->n; i++)
            x[k][i] = (double)s->steps[i];
        c.series[c.n_series++] = (struct chart_series){p->series[k].label, x[k], s->values, NULL, NULL,
                                                       s->n};
    }
    if (rc == TG_OK)
        chart_put(out, &c);
    for (size_t k = 0; k < CHART_SERIES; k++)
        free(x[k]);
    return rc;
}

/* ---- tables ------------------------------------------------------------------------------------- */

static void put_player(FILE *out, int32_t number)
{
    if (number < 0)
        fputs("<td>random</td>", out);
    else
        fprintf(out, "<td>%" PRId32 "</td>", number);
}

static void put_cell(FILE *out, const char *fmt, double x) __attribute__((format(printf, 2, 0)));
static void put_cell(FILE *out, const char *fmt, double x)
{
    char text[64] = "";

    if (isfinite(x))
        snprintf(text, sizeof text, fmt, x);
    fprintf(out, "<td>%s</td>", text);
}

static void put_matches(FILE *out, const struct manifest *m)
{
    if (m->n_matches == 0)
        return;
    fputs("<h2>Matches</h2>\n<div class=wide><table><tr><th>iteration</th><th>network</th>"
          "<th>against</th><th>won</th><th>lost</th><th>drawn</th><th>score</th><th>distinct</th>"
          "<th>rating</th><th>&plusmn;</th><th>LLR</th><th>decision</th></tr>\n", out);
    for (int64_t i = m->n_matches - 1; i >= 0; i--) {
        const struct manifest_match *r = &m->matches[i];

        fprintf(out, "<tr><td>%" PRId64 "</td>", r->iteration + 1);
        put_player(out, r->a);
        put_player(out, r->b);
        fprintf(out, "<td>%d</td><td>%d</td><td>%d</td>", r->result.wins, r->result.losses,
                r->result.draws);
        put_cell(out, "%.1f %%", 100 * r->result.score);
        fprintf(out, "<td>%d</td>", r->result.distinct_games);
        put_cell(out, "%+.0f", r->elo);
        put_cell(out, "%.0f", r->elo_stderr);
        put_cell(out, "%+.2f", r->llr);
        fputs("<td>", out);
        html_text(out, r->decision);
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

static void put_texts(FILE *out, const struct manifest *m)
{
    fputs("<h2>Config</h2>\n", out);
    for (int64_t i = m->n_configs - 1; i >= 0; i--) {
        fprintf(out, "<details%s><summary>from iteration %" PRId64 " (%016" PRIx64 ")</summary><pre>",
                i == m->n_configs - 1 ? " open" : "", m->configs[i].iteration + 1, m->configs[i].hash);
        html_text(out, m->configs[i].text);
        fputs("</pre></details>\n", out);
    }
    if (m->n_changes > 0)
        fputs("<h2>Curriculum</h2>\n<dl>\n", out);
    for (int64_t i = 0; i < m->n_changes; i++) {
        fprintf(out, "<dt>from iteration %" PRId64 "</dt><dd>", m->changes[i].iteration + 1);
        html_text(out, m->changes[i].json);
        fputs("</dd>\n", out);
    }
    fputs(m->n_changes > 0 ? "</dl>\n" : "", out);
    if (m->n_quarantined > 0)
        fputs("<h2>Files set aside</h2>\n<dl>\n", out);
    for (int64_t i = 0; i < m->n_quarantined; i++)
        put_item(out, "file", "%s, in iteration %" PRId64 ": %s", m->quarantined[i].file,
                 m->quarantined[i].iteration + 1, m->quarantined[i].reason);
    fputs(m->n_quarantined > 0 ? "</dl>\n" : "", out);
}

/* ---- the page ----------------------------------------------------------------------------------- */

static enum tg_status put_page(FILE *out, const struct manifest *m, const struct report_history *h,
                               struct tg_error *err)
{
    put_head(out, m);
    fputs("<h2>Curves, by iteration</h2>\n<div class=charts>\n", out);
    TRY(put_ratings(out, m, err));
    for (size_t i = 0; i < sizeof plots / sizeof *plots; i++)
        TRY(put_plot(out, &plots[i], h, err));
    fputs("</div>\n", out);
    put_matches(out, m);
    put_texts(out, m);
    fputs("</html>\n", out);
    return TG_OK;
}

enum tg_status report_html(const char *dir, struct tg_error *err)
{
    struct manifest m;
    struct report_history h = {0};
    char path[RUN_PATH_MAX], *text = NULL;
    size_t n = 0;
    FILE *out = NULL;
    enum tg_status rc;

    TRY(run_path(dir, RUN_HTML, 0, path, err));
    TRY(manifest_load(&m, dir, err));
    TRY_OUT(report_history_load(dir, &h, err));
    out = open_memstream(&text, &n);
    if (out == NULL)
        TRY_OUT(FAIL(err, TG_ENOMEM, "%s: %s", path, strerror(errno)));
    rc = put_page(out, &m, &h, err);
    if (fclose(out) != 0 && rc == TG_OK)
        rc = FAIL(err, TG_ENOMEM, "%s: %zu bytes", path, n);
    if (rc == TG_OK)
        rc = tg_file_replace(path, text, n, err);
out:
    free(text);
    report_history_close(&h);
    manifest_close(&m);
    return rc;
}
