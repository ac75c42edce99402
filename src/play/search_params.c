#include "search_params.h"

#include <string.h>

const struct search_param search_params[] = {
    {"cpuctExploration", offsetof(struct search_settings, c_puct), 0, 10},
    {"cpuctExplorationLog", offsetof(struct search_settings, c_puct_log), 0, 10},
    {"cpuctExplorationBase", offsetof(struct search_settings, c_puct_base), 10, 100000},
    {"fpuReductionMax", offsetof(struct search_settings, fpu_reduction), 0, 2},
    {"rootFpuReductionMax", offsetof(struct search_settings, root_fpu_reduction), 0, 2},
    {"staticScoreUtilityFactor", offsetof(struct search_settings, score_weight), 0, 1},
    {"rootPolicyTemperatureEarly", offsetof(struct search_settings, root_temp_early), 0.01, 100},
    {"rootPolicyTemperature", offsetof(struct search_settings, root_temp_late), 0.01, 100},
    {"chosenMoveTemperatureEarly", offsetof(struct search_settings, temp_early), 0, 5},
    {"chosenMoveTemperature", offsetof(struct search_settings, temp_late), 0, 5},
    {"chosenMoveTemperatureHalflife", offsetof(struct search_settings, temp_halflife), 0.1, 1e5},
    {"virtualLoss", offsetof(struct search_settings, virtual_loss), 0.1, 10},
    {NULL, 0, 0, 0},
};

const struct search_param *search_param_find(const char *name)
{
    for (const struct search_param *p = search_params; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

float *search_param_value(struct search_settings *s, const struct search_param *p)
{
    return (float *)(void *)((char *)s + p->offset);
}
