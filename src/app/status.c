/* status.c - tengen status: the story of a run, from its manifest and log. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "app.h"
#include "tengen/report.h"

enum { LAST_MATCHES = 20 };

static void print_duration(double sec)
{
    int64_t s = isfinite(sec) && sec > 0 && sec < 1e12 ? (int64_t)sec : 0;

    if (s >= 86400)
        printf("%" PRId64 " d ", s / 86400);
    printf("%02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600 % 24, s / 60 % 60, s % 60);
}

/* When the run was last heard of: its log has a line an iteration, which may take hours; ranks that live write to the
 * board every few seconds. */
static double last_sign(const char *dir, const struct report_history *h)
{
    char path[RUN_PATH_MAX];
    struct stat st;

    if (run_path(dir, RUN_RANKS, 0, path, NULL) != TG_OK || stat(path, &st) != 0)
        return h->last_time;
    return fmax(h->last_time, (double)st.st_mtime);
}

static void print_progress(const char *dir, const struct manifest *m, const struct report_history *h)
{
    double other = m->elapsed_sec - m->selfplay_sec - m->train_sec - m->match_sec;
    double whole = m->elapsed_sec > 0 ? m->elapsed_sec : 1, last = last_sign(dir, h);

    printf("%s: \"%s\", %s", dir, m->name, m->status);
    if (last > 0 && strcmp(m->status, "running") == 0) {
        printf("; last heard of ");
        print_duration((double)time(NULL) - last);
        printf(" ago");
    }
    printf("\n  game        %s\n  network     %s\n  made        %s by %s\n  hardware    %s\n  seed        %"
           PRIu64 "\n", m->game, m->net, m->created, m->build, m->hardware, m->seed);
    printf("  done        %" PRId64 " iterations: %" PRId64 " games, %" PRId64 " plies, %" PRId64
           " rows, %" PRId64 " steps (%" PRId64 " skipped)\n", m->iterations, m->n_games, m->n_plies,
           m->n_rows, m->n_steps, m->n_skipped);
    printf("  time        ");
    print_duration(m->elapsed_sec);
    printf(": self-play %.0f %%, training %.0f %%, matches %.0f %%, the rest %.0f %%\n",
           100 * m->selfplay_sec / whole, 100 * m->train_sec / whole, 100 * m->match_sec / whole,
           100 * (other > 0 ? other : 0) / whole);
    printf("  networks    %" PRId64 ": champion %d, latest %d\n", m->n_nets, m->champion, m->latest);
}

/* "first -> last", of the series of this tag. */
static void print_series(const struct report_history *h, const char *label, const char *tag,
                         const char *unit)
{
    const struct report_series *s = report_history_find(h, tag);

    if (s == NULL || s->n == 0)
        return;
    printf("  %-11s %.4g%s", label, s->values[s->n - 1], unit);
    if (s->n > 1)
        printf(" (at iteration %" PRId64 ": %.4g%s)", s->steps[0], s->values[0], unit);
    putchar('\n');
}

static void print_figures(const struct report_history *h)
{
    printf("Last iteration:\n");
    print_series(h, "self-play", "selfplay/games_per_sec", " games/s");
    print_series(h, "", "selfplay/evals_per_sec", " evaluations/s");
    print_series(h, "sample age", "train/sample_age", " networks");
    print_series(h, "loss", "loss/total", "");
    print_series(h, "policy", "loss/policy", "");
    print_series(h, "value", "loss/value", "");
    print_series(h, "value hits", "train/value_hits", "");
    print_series(h, "lr", "train/learning_rate", "");
}

static void player(int32_t number, char text[24])
{
    if (number < 0)
        snprintf(text, 24, "random bot");
    else
        snprintf(text, 24, "network %" PRId32, number);
}

static void print_matches(const struct manifest *m)
{
    int64_t first = m->n_matches > LAST_MATCHES ? m->n_matches - LAST_MATCHES : 0, n_promoted = 0;

    for (int64_t i = 0; i < m->n_matches; i++)
        n_promoted += strcmp(m->matches[i].decision, "promoted") == 0;
    printf("Matches: %" PRId64 ", %" PRId64 " promotions%s\n", m->n_matches, n_promoted,
           first > 0 ? "; the last ones:" : "");
    for (int64_t i = first; i < m->n_matches; i++) {
        const struct manifest_match *r = &m->matches[i];
        char a[24], b[24];

        player(r->a, a);
        player(r->b, b);
        printf("  iteration %4" PRId64 "  %s : %s  %d-%d-%d  %5.1f %%  rating %+.0f +- %.0f", r->iteration + 1,
               a, b, r->result.wins, r->result.losses, r->result.draws, 100 * r->result.score, r->elo,
               r->elo_stderr);
        if (r->llr != 0)
            printf("  LLR %+.2f", r->llr);
        printf("  %s\n", r->decision);
    }
}

static void print_changes(const struct manifest *m)
{
    printf("Config: %" PRId64 " revision%s\n", m->n_configs, m->n_configs == 1 ? "" : "s");
    for (int64_t i = 0; i < m->n_configs; i++)
        printf("  from iteration %" PRId64 "  %016" PRIx64 "  (%zu bytes of text)\n",
               m->configs[i].iteration + 1, m->configs[i].hash, strlen(m->configs[i].text));
    if (m->n_changes > 0)
        printf("Curriculum:\n");
    for (int64_t i = 0; i < m->n_changes; i++)
        printf("  from iteration %" PRId64 "  %s\n", m->changes[i].iteration + 1, m->changes[i].json);
    if (m->n_quarantined > 0)
        printf("Set aside:\n");
    for (int64_t i = 0; i < m->n_quarantined; i++)
        printf("  iteration %" PRId64 "  %s: %s\n", m->quarantined[i].iteration + 1,
               m->quarantined[i].file, m->quarantined[i].reason);
}

enum tg_status app_status(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *dir = NULL;
    const struct app_arg args[] = {{NULL, APP_ARG_TEXT, &dir}};
    struct manifest m;
    struct report_history h;
    enum tg_status rc;

    (void)app;
    TRY(app_args(argc, argv, args, 1, err));
    if (dir == NULL)
        return FAIL(err, TG_EINVAL, "status: of which run? tengen status RUN");
    TRY(manifest_load(&m, dir, err));
    rc = report_history_load(dir, &h, err);
    if (rc == TG_OK) {
        print_progress(dir, &m, &h);
        if (h.n_series > 0)
            print_figures(&h);
        if (m.n_matches > 0)
            print_matches(&m);
        print_changes(&m);
        report_history_close(&h);
    }
    manifest_close(&m);
    return rc;
}
