/* plan_print.c - the plan as text, and as one JSON object. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "tengen/report.h"

/* ---- units -------------------------------------------------------------------------------------- */

static const char *duration(double sec, char text[32])
{
    if (sec >= 2 * 86400)
        snprintf(text, 32, "%.1f days", sec / 86400);
    else if (sec >= 2 * 3600)
        snprintf(text, 32, "%.1f h", sec / 3600);
    else if (sec >= 120)
        snprintf(text, 32, "%.1f min", sec / 60);
    else
        snprintf(text, 32, "%.3g s", sec);
    return text;
}

static const char *bytes(double n, char text[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    int u = 0;

    for (; n >= 1000 && u < 5; u++)
        n /= 1000;
    snprintf(text, 32, "%.3g %s", n, units[u]);
    return text;
}

/* ---- text --------------------------------------------------------------------------------------- */

static void print_games(const struct plan_games *games)
{
    const struct plan_game *g = &games->later;

    printf("  games       %.1f plies, %.2f rows a ply, %.2f evaluations a visit, a row %.0f bytes in a shard\n", g->plies,
           g->rows_per_ply, g->evals_per_visit, g->row_disk_bytes);
    if (g->measured)
        printf("              source: the run, its newest third; iterations 1 to %" PRId64 " as they were there\n",
               games->n_first);
    else
        printf("              source: assumed, no run was given\n");
}

static void print_head(const struct plan *p)
{
    const struct nn_device *d = p->machine.device;

    printf("%s: \"%s\", %s\n", p->config, p->name, p->net);
    printf("  device      %s; %s on %dx%d", d->device, d->net, d->size, d->size);
    if (d->slow != 1)
        printf(", slowed %g times", d->slow);
    printf("\n              source: %s\n", d->source);
    if (fabs(p->machine.scale - 1) > 1e-6)
        printf("              this network: %.3g times the table's (by arithmetic: FLOP per evaluation)\n",
               p->machine.scale);
    printf("  ranks       %d on %d hosts: %d play, %d train%s; %d threads a rank\n", p->machine.ranks,
           p->machine.hosts, p->roles.play, p->roles.train, p->roles.all ? " (the same)" : "", p->roles.threads);
    print_games(&p->games);
}

static void print_work(const struct plan *p)
{
    const struct plan_cost *c = &p->sums.cost;
    char text[32];

    printf("\n  iterations  %" PRId64 "\n  games       %.4g, and %.4g in matches\n  rows        %.4g\n"
           "  evaluations %.4g\n  steps       %.4g\n", p->sums.iterations, c->games, c->matches, c->rows, c->evals,
           c->steps);
    printf("  wall time   %s\n", duration(c->wall, text));
    printf("  %-11s %.4g\n", p->machine.device->per_thread ? "core-hours" : "GPU-hours",
           c->wall / 3600 * p->machine.ranks * (p->machine.device->per_thread ? p->roles.threads : 1));
    printf("  sample age  %.2f networks\n", c->age);
}

static void print_space(const struct plan *p)
{
    const struct plan_space *s = &p->space;
    char all[32], a[32], b[32], c[32], d[32], e[32];

    printf("  disk        %s: shards %s, networks %s, checkpoints %s, games %s, logs %s\n",
           bytes(s->shards + s->nets + s->checkpoints + s->sgf + s->logs, all), bytes(s->shards, a), bytes(s->nets, b),
           bytes(s->checkpoints, c), bytes(s->sgf, d), bytes(s->logs, e));
    printf("  inodes      %.0f\n  memory      %s a host\n", s->inodes, bytes(s->memory, all));
}

static void print_parts(const struct plan *p)
{
    const struct plan_cost *one = &p->sums.cost, *two = &p->sums_twice.cost;
    const struct { const char *name; double one, two; } parts[] = {
        {"self-play", one->play, two->play}, {"last games", one->tail, two->tail},
        {"training", one->train, two->train}, {"match", one->match, two->match},
        {"commit", one->commit, two->commit}, {"save", one->save, two->save},
    };
    char a[32], b[32];

    printf("\n  time in     %12d ranks %12d ranks%s\n", p->machine.ranks, p->twice.ranks,
           p->o.cluster.mode == RUN_CONTINUOUS ? "   (all at once: the slower sets the pace)" : "");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        printf("  %-11s %18s %18s\n", parts[i].name, duration(parts[i].one, a), duration(parts[i].two, b));
    printf("  %-11s %18s %18s\n", "all", duration(one->wall, a), duration(two->wall, b));
    printf("  waiting     %10.1f %% play, %4.1f %% train; then %.1f %% play, %.1f %% train\n", 100 * one->wait_play,
           100 * one->wait_train, 100 * two->wait_play, 100 * two->wait_train);
}

/* What twice the ranks get done, of twice as much. More games come of it where training sets the pace. */
static double efficiency(const struct plan *p)
{
    const struct plan_cost *one = &p->sums.cost, *two = &p->sums_twice.cost;

    return two->games / two->wall / (2 * one->games / one->wall);
}

static void print_doubling(const struct plan *p)
{
    const struct plan_cost *two = &p->sums_twice.cost;

    if (!p->can_double) {
        printf("\n  twice the ranks: the roles do not allow it\n");
        return;
    }
    print_parts(p);
    printf("  Twice the ranks: %.2f times as fast, %.0f %% of ideal, sample age %.2f.\n",
           2 * efficiency(p), 100 * efficiency(p), two->age);
}

void plan_print(const struct plan *p)
{
    print_head(p);
    print_work(p);
    print_space(p);
    print_doubling(p);
}

/* ---- schedules ---------------------------------------------------------------------------------- */

enum { VALUE_CHARS = 256, MOST_LINES = 24 };

/* The value as people write it: numbers in five digits. */
static enum tg_status value_at(struct script *s, int i, int64_t iteration, char text[VALUE_CHARS],
                               struct tg_error *err)
{
    char *end;

    TRY(script_scheduled_value(s, i, iteration, text, VALUE_CHARS, err));
    double x = strtod(text, &end);
    if (end != text && *end == '\0')
        snprintf(text, VALUE_CHARS, "%.5g", x);
    return TG_OK;
}

static void print_range(int64_t from, int64_t to, const char *value)
{
    if (from == to)
        printf("    %" PRId64 ": %s\n", from, value);
    else
        printf("    %" PRId64 "-%" PRId64 ": %s\n", from, to, value);
}

/* Ranges with one value; or only their number. */
static enum tg_status walk_ranges(struct script *s, int i, int64_t iterations, bool print, int64_t *n,
                                  struct tg_error *err)
{
    char now[VALUE_CHARS], last[VALUE_CHARS];
    int64_t from = 0;

    *n = 1;
    TRY(value_at(s, i, 0, last, err));
    for (int64_t k = 1; k < iterations; k++) {
        TRY(value_at(s, i, k, now, err));
        if (strcmp(now, last) == 0)
            continue;
        if (print)
            print_range(from + 1, k, last);
        from = k;
        ++*n;
        memcpy(last, now, sizeof last);
    }
    if (print)
        print_range(from + 1, iterations, last);
    return TG_OK;
}

/* A curve: too many ranges to list. */
static enum tg_status print_samples(struct script *s, int i, int64_t iterations, struct tg_error *err)
{
    char now[VALUE_CHARS];

    for (int64_t line = 0; line < MOST_LINES; line++) {
        int64_t k = line * (iterations - 1) / (MOST_LINES - 1);

        TRY(value_at(s, i, k, now, err));
        print_range(k + 1, k + 1, now);
    }
    return TG_OK;
}

static enum tg_status print_schedule(struct script *s, int i, int64_t iterations, struct tg_error *err)
{
    int64_t n;

    TRY(walk_ranges(s, i, iterations, false, &n, err));
    printf("  %s%s\n", script_scheduled(s, i), n > MOST_LINES ? " (a curve: some of its iterations)" : "");
    return n > MOST_LINES ? print_samples(s, i, iterations, err) : walk_ranges(s, i, iterations, true, &n, err);
}

enum tg_status plan_print_schedules(struct script *s, int64_t iterations, struct tg_error *err)
{
    if (script_scheduled(s, 0) != NULL)
        printf("\nschedules, by iteration\n");
    for (int i = 0; script_scheduled(s, i) != NULL; i++)
        TRY(print_schedule(s, i, iterations, err));
    return TG_OK;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void put(const char *key, double x)
{
    printf(",\"%s\":", key);
    report_json_number(stdout, x, 10);
}

void plan_print_json(const struct plan *p)
{
    const struct plan_cost *c = &p->sums.cost, *two = &p->sums_twice.cost;
    const struct plan_space *s = &p->space;
    const struct plan_game *g = &p->games.later;

    printf("{\"config\":");
    report_json_text(stdout, p->config);
    printf(",\"device\":");
    report_json_text(stdout, p->machine.device->device);
    printf(",\"measured\":%s,\"ranks\":%d,\"hosts\":%d", p->machine.device->measured ? "true" : "false", p->machine.ranks,
           p->machine.hosts);
    put("iterations", (double)p->sums.iterations), put("games", c->games), put("match_games", c->matches);
    put("rows", c->rows), put("evaluations", c->evals), put("steps", c->steps);
    put("wall_sec", c->wall), put("device_hours", c->wall / 3600 * p->machine.ranks), put("sample_age", c->age);
    put("selfplay_sec", c->play), put("last_games_sec", c->tail), put("train_sec", c->train), put("match_sec", c->match);
    put("commit_sec", c->commit), put("save_sec", c->save), put("start_sec", p->sums.start),
    put("wait_play", c->wait_play), put("wait_train", c->wait_train);
    put("disk_bytes", s->shards + s->nets + s->checkpoints + s->sgf + s->logs), put("shard_bytes", s->shards);
    put("net_bytes", s->nets), put("checkpoint_bytes", s->checkpoints), put("sgf_bytes", s->sgf), put("log_bytes", s->logs);
    put("inodes", s->inodes), put("host_memory_bytes", s->memory), put("plies", g->plies);
    put("rows_per_ply", g->rows_per_ply), put("evals_per_visit", g->evals_per_visit);
    put("row_disk_bytes", g->row_disk_bytes), put("match_plies", g->match_plies), put("host_us", 1e6 * g->host_sec);
    if (p->can_double)
        put("twice_wall_sec", two->wall), put("twice_efficiency", efficiency(p)), put("twice_sample_age", two->age);
    printf("}\n");
}
