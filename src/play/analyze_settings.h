/* analyze_settings.h - private to analyze_query.c and analyze_settings.c: a query being read. */
#pragma once

#include "analyze_private.h"

struct reader {
    struct analyzer *a;
    const char *id;
    const cJSON *json;
    struct query *q;       /* being filled */
    struct position empty; /* a board of its size, for vertices; later scratch */
};

/* Answer the error; false. */
bool reader_refuse(const struct reader *r, const char *field, const char *why);
const cJSON *reader_field(const struct reader *r, const char *name); /* NULL: not there */
bool json_integer(const cJSON *item, double low, double high, double *value);

/* Fields that say how to search and what to report, overrideSettings among them. */
bool reader_settings(struct reader *r);
