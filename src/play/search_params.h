/* search_params.h - private to src/play: numbers of the search by the names that KataGo's clients
 * use for them. */
#pragma once

#include "tengen/search.h"

struct search_param {
    const char *name;
    size_t offset; /* of a float in struct search_settings */
    double low, high;
};

/* All of them, the last without a name. */
extern const struct search_param search_params[];
/* NULL: not one of them. */
const struct search_param *search_param_find(const char *name);
float *search_param_value(struct search_settings *s, const struct search_param *p);
