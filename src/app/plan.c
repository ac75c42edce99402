/* plan.c - tengen plan: a run's cost before it is submitted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"
#include "app.h"
#include "tengen/record.h"

enum { MOST_ITERATIONS = 200000 };
static const double start_sec = 0.5; /* of the program, to the first game */

struct command {
    const char *config, *device, *run;
    struct app_list set;
    int64_t ranks, hosts, cores, iterations;
    double plies, rows_per_ply, network, disk;
    bool json;
};

static enum tg_status read_command(int argc, char **argv, struct command *c, struct tg_error *err)
{
    *c = (struct command){.ranks = 0, .hosts = 1, .cores = sysconf(_SC_NPROCESSORS_ONLN), .iterations = -1,
                          .network = 10, .disk = 200};
    const struct app_arg args[] = {
        {NULL, APP_ARG_TEXT, &c->config},          {"--ranks", APP_ARG_INT, &c->ranks},
        {"--hosts", APP_ARG_INT, &c->hosts},       {"--device", APP_ARG_TEXT, &c->device},
        {"--set", APP_ARG_LIST, &c->set},          {"--run", APP_ARG_TEXT, &c->run},
        {"--cores", APP_ARG_INT, &c->cores},       {"--iterations", APP_ARG_INT, &c->iterations},
        {"--plies", APP_ARG_NUMBER, &c->plies},    {"--rows-per-ply", APP_ARG_NUMBER, &c->rows_per_ply},
        {"--network", APP_ARG_NUMBER, &c->network}, {"--disk", APP_ARG_NUMBER, &c->disk},
        {"--json", APP_ARG_FLAG, &c->json},
    };

    TRY(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (c->config == NULL || c->device == NULL || c->ranks == 0)
        return FAIL(err, TG_EINVAL, "plan: wants CONFIG, --ranks N and --device TABLE (see tengen help plan)");
    if (c->ranks < 1 || c->ranks > 1 << 24 || c->hosts < 1 || c->hosts > c->ranks || c->cores < 1 ||
        c->cores > 1 << 16)
        return FAIL(err, TG_EINVAL, "plan: --ranks from 1 on, --hosts from 1 to the ranks, --cores of a host from 1 on");
    if (!(c->plies >= 0 && c->plies <= GAME_MAX_PLIES) || !(c->rows_per_ply >= 0 && c->rows_per_ply <= 1) ||
        !(c->network > 0) || !(c->disk > 0))
        return FAIL(err, TG_EINVAL, "plan: --plies up to %d, --rows-per-ply up to 1, --network and --disk above 0",
                    GAME_MAX_PLIES);
    return TG_OK;
}

/* ---- the iterations ----------------------------------------------------------------------------- */

static void add_cost(struct plan_cost *sum, const struct plan_cost *c)
{
    sum->games += c->games, sum->rows += c->rows, sum->evals += c->evals;
    sum->steps += c->steps, sum->matches += c->matches;
    sum->play += c->play, sum->tail += c->tail, sum->train += c->train;
    sum->match += c->match, sum->commit += c->commit, sum->save += c->save;
    sum->wait_play += c->wait_play * c->wall, sum->wait_train += c->wait_train * c->wall;
    sum->age += c->age * c->wall;
    sum->wall += c->wall;
}

static void finish_sums(struct plan_sums *s, int64_t iterations)
{
    struct plan_cost *c = &s->cost;

    s->iterations = iterations;
    s->start = start_sec;
    c->wait_play /= c->wall, c->wait_train /= c->wall, c->age /= c->wall;
    c->wall += s->start;
}

/* The script's curriculum with what is forecast; what only a run can know is 0 there. */
static enum tg_status ask_curriculum(struct script *s, const struct plan *p, int64_t next, double wall,
                                     struct tg_error *err)
{
    const struct plan_cost *c = &p->sums.cost;
    const struct script_stat stats[] = {
        {"elo", 0}, {"games", floor(c->games)}, {"rows", floor(c->rows)}, {"steps", c->steps}, {"policy_loss", 0},
        {"value_loss", 0}, {"score", 0.5}, {"games_per_sec", wall > 0 ? c->games / wall : 0},
    };
    char *changes = NULL;

    TRY(script_curriculum(s, next, stats, sizeof stats / sizeof *stats, &changes, err));
    free(changes);
    return TG_OK;
}

struct passes { struct plan_past one, twice; }; /* rows that were made, on so many ranks and on twice as many */

static enum tg_status add_iteration(struct script *s, struct plan *p, const struct game *game, int64_t i, bool kept,
                                    struct passes *passes, struct tg_error *err)
{
    struct record_layout l;
    struct nn_layout layout;
    const struct plan_game *g = plan_game_at(&p->games, i);
    struct plan_cost c;

    TRY(script_options(s, i, &p->o, err));
    TRY(nn_layout_open(&p->o.net.arch, &layout, err));
    record_layout_init(&l, game);
    double n_params = (double)layout.n_params, row = (double)l.row_bytes;
    nn_layout_close(&layout);
    plan_iteration(&p->o, &p->machine, &p->roles, g, n_params, row, i, &passes->one, &c);
    add_cost(&p->sums.cost, &c);
    plan_space_add(&p->o, &p->machine, g, &c, n_params, &p->space);
    if (kept)
        plan_space_checkpoint(&p->o, n_params, p->sums.cost.rows, &p->space);
    if (p->can_double) {
        plan_iteration(&p->o, &p->twice, &p->roles_twice, g, n_params, row, i, &passes->twice, &c);
        add_cost(&p->sums_twice.cost, &c);
    }
    if (p->o.curriculum)
        TRY(ask_curriculum(s, p, i + 1, c.wall, err));
    return TG_OK;
}

static enum tg_status go_through(struct script *s, struct plan *p, const struct game *game, int64_t iterations,
                                 struct tg_error *err)
{
    struct passes *passes = calloc(1, sizeof *passes);
    struct record_layout l;
    struct nn_layout layout;
    enum tg_status rc = passes == NULL ? FAIL(err, TG_ENOMEM, "plan") : TG_OK;

    for (int64_t i = 0; rc == TG_OK && i < iterations; i++)
        rc = add_iteration(s, p, game, i, i >= iterations - p->o.report.keep_checkpoints, passes, err);
    free(passes);
    TRY(rc);
    TRY(nn_layout_open(&p->o.net.arch, &layout, err));
    record_layout_init(&l, game);
    plan_space_rest(&p->o, &p->machine, &p->roles, game, (double)layout.n_params, (double)l.row_bytes,
                    p->sums.cost.rows, &p->space);
    plan_space_config(script_text(s), &p->space);
    nn_layout_close(&layout);
    finish_sums(&p->sums, iterations);
    if (p->can_double)
        finish_sums(&p->sums_twice, iterations);
    return TG_OK;
}

/* ---- the command -------------------------------------------------------------------------------- */

/* What an option says holds for all iterations. */
static enum tg_status find_games(const struct command *c, const struct game *game, const struct nn_device *device,
                                 struct plan *p, struct tg_error *err)
{
    plan_game_default(&p->o, device, &p->games.later);
    if (c->run != NULL)
        TRY(plan_games_of_run(c->run, game, device, &p->games, err));
    for (int64_t i = 0; i <= p->games.n_first; i++) {
        struct plan_game *g = i < p->games.n_first ? &p->games.first[i] : &p->games.later;

        if (c->plies > 0)
            g->plies = g->match_plies = c->plies;
        if (c->rows_per_ply > 0)
            g->rows_per_ply = c->rows_per_ply;
    }
    return TG_OK;
}

static enum tg_status find_machine(const struct command *c, const struct game *game, const struct nn_device *device,
                                   struct plan *p, struct tg_error *err)
{
    struct tg_error ignored;

    p->machine = (struct plan_machine){.ranks = (int)c->ranks, .hosts = (int)c->hosts, .cores = (int)c->cores,
                                       .device = device, .network = 1e9 * c->network, .disk = 1e6 * c->disk};
    TRY(plan_scale(device, &p->o, game, &p->machine.scale, err));
    TRY(plan_roles(&p->o, &p->machine, &p->roles, err));
    p->twice = p->machine;
    p->twice.ranks *= 2;
    p->twice.hosts *= 2;
    p->can_double = plan_roles(&p->o, &p->twice, &p->roles_twice, &ignored) == TG_OK;
    return TG_OK;
}

static enum tg_status make_plan(const struct command *c, struct script *s, struct plan *p, struct tg_error *err)
{
    struct nn_device device;
    struct game game;

    TRY(script_options(s, 0, &p->o, err));
    TRY(nn_device_load(c->device, &device, err));
    TRY(game_init(&game, (enum game_kind)p->o.game.kind, p->o.game.size, p->o.game.history, err));
    int64_t iterations = c->iterations >= 0 ? c->iterations : p->o.iterations;
    if (iterations < 1 || iterations > MOST_ITERATIONS)
        return FAIL(err, TG_EINVAL, "plan: %lld iterations: 1 to %d are gone through; --iterations N says how many",
                    (long long)iterations, MOST_ITERATIONS);
    snprintf(p->name, sizeof p->name, "%s", p->o.name);
    nn_arch_describe(&p->o.net.arch, p->o.game.size, p->net, sizeof p->net);
    TRY(find_machine(c, &game, &device, p, err));
    TRY(find_games(c, &game, &device, p, err));
    TRY(go_through(s, p, &game, iterations, err));
    if (c->json) {
        plan_print_json(p);
        return TG_OK;
    }
    plan_print(p);
    return plan_print_schedules(s, iterations, err);
}

enum tg_status app_plan(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct plan *p = calloc(1, sizeof *p);
    struct script *s = NULL;
    struct command c;
    enum tg_status rc;

    (void)app;
    if (p == NULL)
        return FAIL(err, TG_ENOMEM, "plan");
    TRY_OUT(read_command(argc, argv, &c, err));
    p->config = c.config;
    TRY_OUT(script_open(c.config, c.set.texts, c.set.n, &s, err));
    rc = make_plan(&c, s, p, err);
out:
    script_close(s);
    plan_games_close(&p->games);
    free(p);
    return rc;
}
