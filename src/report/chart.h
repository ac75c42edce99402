/* chart.h - private to src/report: curves as inline SVG. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CHART_SERIES = 4, CHART_POINTS = 400 };

struct chart_series {
    const char *label;
    const double *x, *y;  /* [n], x increasing; borrowed */
    const double *error;  /* [n]: half the height of a bar; NULL: none */
    const bool *marked;   /* [n]: a larger dot; NULL: none */
    size_t n;
};

struct chart {
    const char *title, *unit; /* unit: behind the last values in the legend, "" for none */
    bool from_zero;           /* the y axis begins at 0 */
    struct chart_series series[CHART_SERIES];
    size_t n_series;
};

/* Write a <figure>. Points that are not finite are left out; long series are averaged in groups. */
void chart_put(FILE *out, const struct chart *c);

/* Text with what HTML would read as markup escaped. */
void html_text(FILE *out, const char *text);
