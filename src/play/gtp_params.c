/* gtp_params.c - parameters that may be asked for and changed while playing, by KataGo's names where it
 * has them. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gtp_engine.h"
#include "search_params.h"

enum { MAX_VISITS = 10000000 };
static const double max_sec = 1e6;

static void cmd_list_params(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    fputs("maxVisits maxTime", c->text);
    for (const struct search_param *p = search_params; p->name != NULL; p++)
        fprintf(c->text, " %s", p->name);
}

static void cmd_get_param(struct gtp_engine *e, struct gtp_call *c)
{
    const struct search_param *p = search_param_find(c->args[0]);

    if (strcmp(c->args[0], "maxVisits") == 0)
        fprintf(c->text, "%d", e->o.visits);
    else if (strcmp(c->args[0], "maxTime") == 0)
        fprintf(c->text, "%g", e->o.sec);
    else if (p != NULL)
        fprintf(c->text, "%g", (double)*search_param_value(player_settings(e->player), p));
    else
        gtp_fail(c, "unknown parameter");
}

static void set_number(struct gtp_engine *e, struct gtp_call *c, const struct search_param *p,
                       const char *text)
{
    double value;

    if (!gtp_read_number(text, &value) || value < p->low || value > p->high)
        gtp_fail(c, "%s must be a number from %g to %g", p->name, p->low, p->high);
    else
        *search_param_value(player_settings(e->player), p) = (float)value;
}

/* False: the call has failed. */
static bool set_param(struct gtp_engine *e, struct gtp_call *c, const char *name, const char *value)
{
    const struct search_param *p = search_param_find(name);
    double sec;

    if (strcmp(name, "maxVisits") == 0) {
        if (!gtp_read_int(value, 1, MAX_VISITS, &e->o.visits))
            gtp_fail(c, "maxVisits must be a whole number from 1 to %d", MAX_VISITS);
    } else if (strcmp(name, "maxTime") == 0) {
        if (!gtp_read_number(value, &sec) || sec < 0.001 || sec > max_sec)
            gtp_fail(c, "maxTime must be a number from 0.001 to %g", max_sec);
        else
            e->o.sec = sec;
    } else if (p != NULL) {
        set_number(e, c, p, value);
    } else {
        gtp_fail(c, "unknown parameter");
    }
    return !c->failed;
}

static void cmd_set_param(struct gtp_engine *e, struct gtp_call *c)
{
    set_param(e, c, c->args[0], c->args[1]);
}

static void cmd_get_params(struct gtp_engine *e, struct gtp_call *c)
{
    fprintf(c->text, "{\"maxVisits\":%d,\"maxTime\":%g", e->o.visits, e->o.sec);
    for (const struct search_param *p = search_params; p->name != NULL; p++)
        fprintf(c->text, ",\"%s\":%g", p->name, (double)*search_param_value(player_settings(e->player), p));
    fputc('}', c->text);
}

/* {"name":value,..}: all of it, or nothing. */
static void cmd_set_params(struct gtp_engine *e, struct gtp_call *c)
{
    struct search_settings settings = *player_settings(e->player);
    struct gtp_options o = e->o;
    char *text = gtp_join(c);
    cJSON *json = text != NULL ? cJSON_Parse(text) : NULL;
    const cJSON *item;

    if (!cJSON_IsObject(json))
        gtp_fail(c, "a JSON object of parameters is wanted");
    cJSON_ArrayForEach(item, json)
    {
        char number[32];

        snprintf(number, sizeof number, "%.9g", cJSON_IsNumber(item) ? item->valuedouble : NAN);
        if (c->failed || !set_param(e, c, item->string, cJSON_IsString(item) ? item->valuestring : number))
            break;
    }
    if (c->failed) {
        *player_settings(e->player) = settings;
        e->o = o;
    }
    cJSON_Delete(json);
    free(text);
}

const struct gtp_command gtp_param_commands[] = {
    {"kata-list-params", 0, 0, cmd_list_params},
    {"kata-get-param", 1, 1, cmd_get_param},
    {"kata-set-param", 2, 2, cmd_set_param},
    {"kata-get-params", 0, 0, cmd_get_params},
    {"kata-set-params", 1, -1, cmd_set_params},
    {NULL, 0, 0, NULL},
};
