/* analyze_settings.c - how a query is to be searched, and what is to be reported of it. */
#include "analyze_settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "search_params.h"

enum { MAX_VISITS = 1000000000, MAX_PV = 1000 };

bool analyze_view_parse(const char *name, enum analyze_view *view)
{
    static const char *const names[] = {"BLACK", "WHITE", "SIDETOMOVE"};

    for (int i = 0; i < 3; i++)
        if (strcasecmp(name, names[i]) == 0) {
            *view = (enum analyze_view)i;
            return true;
        }
    return false;
}

static int to_visits(double x) { return x < MAX_VISITS ? (int)x : MAX_VISITS; }

/* KataGo's wide root noise flattens the root's policy and blurs its utilities; this is the first half. */
static void widen(struct search_settings *s, double noise)
{
    float factor = 1.0f + 4.0f * (float)noise;

    s->root_temp_early = fminf(s->root_temp_early * factor, 100.0f);
    s->root_temp_late = fminf(s->root_temp_late * factor, 100.0f);
}

/* ---- overrideSettings ---------------------------------------------------------------------------- */

enum result { SET, UNKNOWN, WRONG };

struct overrides {
    double wide;
};

static enum result override_number(struct query *q, struct overrides *o, const char *key, double x)
{
    const struct search_param *p = search_param_find(key);

    if (p != NULL) {
        if (!(x >= p->low && x <= p->high))
            return WRONG;
        *search_param_value(&q->settings, p) = (float)x;
        return SET;
    }
    if (strcmp(key, "maxVisits") == 0 || strcmp(key, "maxPlayouts") == 0) {
        if (!(x >= 1.0))
            return WRONG;
        q->visits = to_visits(x);
    } else if (strcmp(key, "maxTime") == 0) {
        if (!(x >= 0.0))
            return WRONG;
        q->sec = x;
    } else if (strcmp(key, "analysisPVLen") == 0) {
        if (!(x >= 1.0 && x <= MAX_PV))
            return WRONG;
        q->pv_moves = (int)x;
    } else if (strcmp(key, "wideRootNoise") == 0) {
        if (!(x >= 0.0 && x <= 5.0))
            return WRONG;
        o->wide = x;
    } else if (strcmp(key, "noResultUtilityForWhite") == 0) {
        if (!(x >= -1.0 && x <= 1.0))
            return WRONG;
        q->settings.no_result_utility = (float)-x;
    } else if (strcmp(key, "rootNoiseEnabled") == 0) {
        q->settings.noise_weight = x != 0.0 ? 0.25f : 0.0f;
    } else {
        return UNKNOWN;
    }
    return SET;
}

static enum result override_one(struct query *q, struct overrides *o, const cJSON *item)
{
    const char *text = cJSON_GetStringValue(item);
    double x = cJSON_IsTrue(item) ? 1.0 : cJSON_IsNumber(item) ? item->valuedouble : 0.0;

    if (strcmp(item->string, "reportAnalysisWinratesAs") == 0)
        return text != NULL && analyze_view_parse(text, &q->view) ? SET : WRONG;
    if (text != NULL) { /* KataGo takes numbers as texts, too */
        char *end;

        x = strcasecmp(text, "true") == 0 ? 1.0 : strtod(text, &end);
        if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0 && (end == text || *end != '\0'))
            return override_number(q, o, item->string, NAN) == UNKNOWN ? UNKNOWN : WRONG;
    }
    return override_number(q, o, item->string, x);
}

static bool read_overrides(struct reader *r, struct overrides *o)
{
    const cJSON *object = reader_field(r, "overrideSettings"), *item;
    char unknown[200] = "", why[120];

    if (object == NULL)
        return true;
    if (!cJSON_IsObject(object))
        return reader_refuse(r, "overrideSettings", "Must be an object");
    cJSON_ArrayForEach(item, object)
    {
        enum result result = override_one(r->q, o, item);

        if (result == WRONG) {
            snprintf(why, sizeof why, "Could not set settings: %.60s is out of range", item->string);
            return reader_refuse(r, "overrideSettings", why);
        }
        if (result == UNKNOWN && strlen(unknown) + strlen(item->string) + 2 < sizeof unknown) {
            strcat(unknown, unknown[0] != '\0' ? "," : "");
            strcat(unknown, item->string);
        }
    }
    if (unknown[0] != '\0')
        answer_warning(r->a, r->id, "overrideSettings", "Unknown config params: %s", unknown);
    return true;
}

/* ---- fields ------------------------------------------------------------------------------------- */

static bool read_number(struct reader *r, const char *field, double low, double high, double *value)
{
    const cJSON *item = reader_field(r, field);
    char why[80];

    if (item == NULL)
        return true;
    if (cJSON_IsNumber(item) && item->valuedouble >= low && item->valuedouble <= high) {
        *value = item->valuedouble;
        return true;
    }
    snprintf(why, sizeof why, "Must be a number from %g to %g", low, high);
    return reader_refuse(r, field, why);
}

static bool read_count(struct reader *r, const char *field, double high, double *value)
{
    const cJSON *item = reader_field(r, field);
    char why[80];

    if (item == NULL || json_integer(item, 1, high, value))
        return true;
    snprintf(why, sizeof why, "Must be an integer from 1 to %.0f", high);
    return reader_refuse(r, field, why);
}

static bool read_flags(struct reader *r)
{
    struct query *q = r->q;
    const struct {
        const char *field;
        bool *flag;
    } flags[] = {
        {"includeOwnership", &q->ownership},     {"includeOwnershipStdev", &q->stdev},
        {"includeMovesOwnership", &q->moves_ownership}, {"includeMovesOwnershipStdev", &q->moves_stdev},
        {"includePolicy", &q->policy},           {"includePVVisits", &q->pv_visits},
        {"includeNoResultValue", &q->no_result},
    };

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const cJSON *item = reader_field(r, flags[i].field);

        if (item != NULL && !cJSON_IsBool(item))
            return reader_refuse(r, flags[i].field, "Must be a boolean");
        *flags[i].flag = item != NULL && cJSON_IsTrue(item);
    }
    if (q->ownership || q->stdev)
        q->outlook_flags |= OUTLOOK_OWNERSHIP;
    if (q->moves_ownership || q->moves_stdev)
        q->outlook_flags |= OUTLOOK_MOVES_OWNERSHIP;
    return true;
}

bool reader_settings(struct reader *r)
{
    const struct analyze_options *o = &r->a->o;
    struct query *q = r->q;
    struct overrides overrides = {0};
    double fpu = NAN, temperature = NAN, visits = NAN, pv = NAN;

    q->settings = o->settings;
    q->visits = o->visits;
    q->sec = o->sec;
    q->pv_moves = o->pv_moves;
    q->view = o->view;
    if (!read_overrides(r, &overrides) || !read_count(r, "maxVisits", 1125899906842624.0, &visits) ||
        !read_count(r, "analysisPVLen", MAX_PV, &pv) ||
        !read_number(r, "rootFpuReductionMax", 0.0, 2.0, &fpu) ||
        !read_number(r, "rootPolicyTemperature", 0.01, 100.0, &temperature) || !read_flags(r) ||
        !read_number(r, "reportDuringSearchEvery", 0.001, 1e6, &q->report_sec) ||
        !read_number(r, "firstReportDuringSearchAfter", 0.001, 1e6, &q->first_report_sec))
        return false;
    if (!isnan(visits))
        q->visits = to_visits(visits);
    if (!isnan(pv))
        q->pv_moves = (int)pv;
    if (!isnan(fpu))
        q->settings.root_fpu_reduction = (float)fpu;
    if (!isnan(temperature))
        q->settings.root_temp_early = q->settings.root_temp_late = (float)temperature;
    widen(&q->settings, overrides.wide);
    q->settings.visits = q->visits;
    return true;
}
