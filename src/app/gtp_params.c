/* gtp_params.c - parameters that may be asked for and changed while playing, by KataGo's names where it
 * has them. */
#include <math.h>
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

static void set_number(struct gtp_engine *e, struct gtp_call *c, const struct search_param *p)
{
    double value;

    if (!gtp_read_number(c->args[1], &value) || value < p->low || value > p->high)
        gtp_fail(c, "%s must be a number from %g to %g", p->name, p->low, p->high);
    else
        *search_param_value(player_settings(e->player), p) = (float)value;
}

static void cmd_set_param(struct gtp_engine *e, struct gtp_call *c)
{
    const struct search_param *p = search_param_find(c->args[0]);
    double sec;

    if (strcmp(c->args[0], "maxVisits") == 0) {
        if (!gtp_read_int(c->args[1], 1, MAX_VISITS, &e->o.visits))
            gtp_fail(c, "maxVisits must be a whole number from 1 to %d", MAX_VISITS);
    } else if (strcmp(c->args[0], "maxTime") == 0) {
        if (!gtp_read_number(c->args[1], &sec) || sec < 0.001 || sec > max_sec)
            gtp_fail(c, "maxTime must be a number from 0.001 to %g", max_sec);
        else
            e->o.sec = sec;
    } else if (p != NULL) {
        set_number(e, c, p);
    } else {
        gtp_fail(c, "unknown parameter");
    }
}

const struct gtp_command gtp_param_commands[] = {
    {"kata-list-params", 0, 0, cmd_list_params},
    {"kata-get-param", 1, 1, cmd_get_param},
    {"kata-set-param", 2, 2, cmd_set_param},
    {NULL, 0, 0, NULL},
};
