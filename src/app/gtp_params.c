/* gtp_params.c - parameters of the search that may be asked for and changed while playing, by KataGo's
 * names where it has them. */
#include <math.h>
#include <string.h>

#include "gtp_engine.h"

enum where { VISITS, SECONDS, SETTING };

static const struct param {
    const char *name;
    enum where where;
    size_t offset; /* SETTING: of a float in struct search_settings */
    double low, high;
} params[] = {
    {"maxVisits", VISITS, 0, 1, 1e7},
    {"maxTime", SECONDS, 0, 0.001, 1e6},
    {"cpuctExploration", SETTING, offsetof(struct search_settings, c_puct), 0, 10},
    {"cpuctExplorationLog", SETTING, offsetof(struct search_settings, c_puct_log), 0, 10},
    {"cpuctExplorationBase", SETTING, offsetof(struct search_settings, c_puct_base), 10, 100000},
    {"fpuReductionMax", SETTING, offsetof(struct search_settings, fpu_reduction), 0, 2},
    {"rootFpuReductionMax", SETTING, offsetof(struct search_settings, root_fpu_reduction), 0, 2},
    {"staticScoreUtilityFactor", SETTING, offsetof(struct search_settings, score_weight), 0, 1},
    {"rootPolicyTemperatureEarly", SETTING, offsetof(struct search_settings, root_temp_early), 0.1, 10},
    {"rootPolicyTemperature", SETTING, offsetof(struct search_settings, root_temp_late), 0.1, 10},
    {"chosenMoveTemperatureEarly", SETTING, offsetof(struct search_settings, temp_early), 0, 5},
    {"chosenMoveTemperature", SETTING, offsetof(struct search_settings, temp_late), 0, 5},
    {"chosenMoveTemperatureHalflife", SETTING, offsetof(struct search_settings, temp_halflife), 0.1, 1e5},
    {"virtualLoss", SETTING, offsetof(struct search_settings, virtual_loss), 0.1, 10},
};
enum { N_PARAMS = sizeof params / sizeof *params };

static const struct param *find(const char *name)
{
    for (int i = 0; i < N_PARAMS; i++)
        if (strcmp(params[i].name, name) == 0)
            return &params[i];
    return NULL;
}

static float *setting(struct gtp_engine *e, const struct param *p)
{
    return (float *)(void *)((char *)player_settings(e->player) + p->offset);
}

static void cmd_list_params(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    for (int i = 0; i < N_PARAMS; i++)
        fprintf(c->text, "%s%s", i > 0 ? " " : "", params[i].name);
}

static void cmd_get_param(struct gtp_engine *e, struct gtp_call *c)
{
    const struct param *p = find(c->args[0]);

    if (p == NULL)
        gtp_fail(c, "unknown parameter");
    else if (p->where == VISITS)
        fprintf(c->text, "%d", e->o.visits);
    else
        fprintf(c->text, "%g", p->where == SECONDS ? e->o.sec : (double)*setting(e, p));
}

static void cmd_set_param(struct gtp_engine *e, struct gtp_call *c)
{
    const struct param *p = find(c->args[0]);
    double value;

    if (p == NULL) {
        gtp_fail(c, "unknown parameter");
        return;
    }
    if (!gtp_read_number(c->args[1], &value) || value < p->low || value > p->high ||
        (p->where == VISITS && value != floor(value))) {
        gtp_fail(c, "%s must be %s from %g to %g", p->name,
                 p->where == VISITS ? "a whole number" : "a number", p->low, p->high);
        return;
    }
    if (p->where == VISITS)
        e->o.visits = (int)value;
    else if (p->where == SECONDS)
        e->o.sec = value;
    else
        *setting(e, p) = (float)value;
}

const struct gtp_command gtp_param_commands[] = {
    {"kata-list-params", 0, 0, cmd_list_params},
    {"kata-get-param", 1, 1, cmd_get_param},
    {"kata-set-param", 2, 2, cmd_set_param},
    {NULL, 0, 0, NULL},
};
