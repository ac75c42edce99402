/* json.c - JSON to a stream; bounds before parsing. */
#include "json.h"

#include <math.h>
#include <stdbool.h>

#include "tengen/report.h"

enum { MAX_DEPTH = 16 };

void report_json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        switch (*p) {
        case '"': fputs("\\\"", out); break;
        case '\\': fputs("\\\\", out); break;
        case '\n': fputs("\\n", out); break;
        case '\t': fputs("\\t", out); break;
        default:
            if (*p < 0x20)
                fprintf(out, "\\u%04x", *p);
            else
                fputc(*p, out);
        }
    fputc('"', out);
}

void report_json_number(FILE *out, double x, int digits)
{
    if (isfinite(x))
        fprintf(out, "%.*g", digits, x);
    else
        fputs("null", out);
}

enum tg_status json_check(const char *text, size_t n, struct tg_error *err)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        if (quoted) {
            if (c == '\\')
                i++;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > MAX_DEPTH)
                return FAIL(err, TG_EFORMAT, "nested deeper than %d", MAX_DEPTH);
        } else if (c == '}' || c == ']') {
            depth -= depth > 0;
        }
    }
    return TG_OK;
}
