/* chart.c - a line chart: axes with round numbers, up to four series, error bars. */
#include "chart.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 620, HEIGHT = 230, LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 24, TICKS = 5 };

struct frame { double x0, x1, y0, y1; }; /* ranges of the data */

void html_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default:
            if ((unsigned char)*text >= 0x20 || *text == '\n' || *text == '\t')
                fputc(*text, out);
        }
}

static double px(const struct frame *f, double x)
{
    return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDTH - LEFT - RIGHT);
}

static double py(const struct frame *f, double y)
{
    return HEIGHT - BOTTOM - (y - f->y0) / (f->y1 - f->y0) * (HEIGHT - TOP - BOTTOM);
}

/* 1, 2 or 5 times a power of ten, about a TICKS-th of the range. */
static double round_step(double range)
{
    double raw = range / TICKS, power = pow(10, floor(log10(raw))), lead = raw / power;

    return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

static bool usable(const struct chart_series *s, size_t i)
{
    return isfinite(s->x[i]) && isfinite(s->y[i]) && fabs(s->x[i]) < 1e15 && fabs(s->y[i]) < 1e15;
}

static double error_of(const struct chart_series *s, size_t i)
{
    return s->error != NULL && isfinite(s->error[i]) && s->error[i] < 1e15 ? s->error[i] : 0;
}

/* Spread a range that has no height, or leave some air around it. */
static void pad(double *low, double *high, bool from_zero, double share)
{
    double range = *high - *low;

    if (range <= fabs(*high) * 1e-9)
        range = fabs(*high) > 0 ? fabs(*high) : 1;
    *high += share * range;
    *low -= share * range;
    if (from_zero)
        *low = 0;
    if (*high <= *low)
        *high = *low + range;
}

/* False: no point at all. */
static bool find_frame(const struct chart *c, struct frame *f)
{
    *f = (struct frame){DBL_MAX, -DBL_MAX, DBL_MAX, -DBL_MAX};
    for (size_t k = 0; k < c->n_series; k++)
        for (size_t i = 0; i < c->series[k].n; i++) {
            const struct chart_series *s = &c->series[k];

            if (!usable(s, i))
                continue;
            f->x0 = fmin(f->x0, s->x[i]);
            f->x1 = fmax(f->x1, s->x[i]);
            f->y0 = fmin(f->y0, s->y[i] - error_of(s, i));
            f->y1 = fmax(f->y1, s->y[i] + error_of(s, i));
        }
    if (f->x0 > f->x1)
        return false;
    if (f->x0 == f->x1)
        f->x1 = f->x0 + 1;
    pad(&f->y0, &f->y1, c->from_zero && f->y0 >= 0, 0.06);
    return true;
}

static void put_axes(FILE *out, const struct frame *f)
{
    double step = round_step(f->y1 - f->y0);

    for (int k = 0; k <= 2 * TICKS; k++) {
        double y = (ceil(f->y0 / step) + k) * step;

        if (y > f->y1)
            break;
        fprintf(out, "<line class=g x1=%d x2=%d y1=%.1f y2=%.1f />", LEFT, WIDTH - RIGHT, py(f, y),
                py(f, y));
        fprintf(out, "<text class=t x=%d y=%.1f text-anchor=end>%.6g</text>", LEFT - 6, py(f, y) + 4,
                fabs(y) < step * 1e-6 ? 0 : y);
    }
    step = fmax(1, round_step(f->x1 - f->x0));
    for (int k = 0; k <= 2 * TICKS; k++) {
        double x = (ceil(f->x0 / step) + k) * step;

        if (x > f->x1)
            break;
        fprintf(out, "<text class=t x=%.1f y=%d text-anchor=middle>%.6g</text>", px(f, x), HEIGHT - 6,
                x);
    }
}

static void put_bars(FILE *out, const struct chart_series *s, const struct frame *f)
{
    for (size_t i = 0; i < s->n; i++)
        if (usable(s, i) && error_of(s, i) > 0)
            fprintf(out, "<line class=e x1=%.1f x2=%.1f y1=%.1f y2=%.1f />", px(f, s->x[i]),
                    px(f, s->x[i]), py(f, s->y[i] - s->error[i]), py(f, s->y[i] + s->error[i]));
}

/* Each group of neighbours becomes one point, their mean. */
static void put_line(FILE *out, const struct chart_series *s, const struct frame *f)
{
    size_t group = (s->n + CHART_POINTS - 1) / CHART_POINTS;

    fputs("<polyline points=\"", out);
    for (size_t at = 0; at < s->n; at += group) {
        double x = 0, y = 0;
        int n = 0;

        for (size_t i = at; i < at + group && i < s->n; i++)
            if (usable(s, i)) {
                x += s->x[i];
                y += s->y[i];
                n++;
            }
        if (n > 0)
            fprintf(out, "%.1f,%.1f ", px(f, x / n), py(f, y / n));
    }
    fputs("\" />", out);
}

static void put_dots(FILE *out, const struct chart_series *s, const struct frame *f)
{
    if (s->n > CHART_POINTS)
        return;
    for (size_t i = 0; i < s->n; i++)
        if (usable(s, i))
            fprintf(out, "<circle cx=%.1f cy=%.1f r=%s><title>iteration %.0f: %.5g</title></circle>",
                    px(f, s->x[i]), py(f, s->y[i]),
                    s->marked != NULL && s->marked[i] ? "4.5" : s->n > 60 ? "1.2" : "2.2", s->x[i],
                    s->y[i]);
}

void chart_put(FILE *out, const struct chart *c)
{
    struct frame f;

    if (!find_frame(c, &f))
        return;
    fputs("<figure><figcaption><b>", out);
    html_text(out, c->title);
    fputs("</b>", out);
    for (size_t k = 0; k < c->n_series; k++) {
        const struct chart_series *s = &c->series[k];
        size_t last = s->n;

        while (last > 0 && !usable(s, last - 1))
            last--;
        fprintf(out, " <span class=c%zu>", k);
        html_text(out, s->label);
        fputs("</span>", out);
        if (last > 0)
            fprintf(out, " %.4g%s", s->y[last - 1], c->unit);
    }
    fprintf(out, "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=img>", WIDTH, HEIGHT);
    put_axes(out, &f);
    for (size_t k = 0; k < c->n_series; k++) {
        fprintf(out, "\n<g class=c%zu>", k);
        put_bars(out, &c->series[k], &f);
        put_line(out, &c->series[k], &f);
        put_dots(out, &c->series[k], &f);
        fputs("</g>", out);
    }
    fputs("\n</svg></figure>\n", out);
}
