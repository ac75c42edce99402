/* sgf_scan.c - the grammar of SGF: collections, trees, nodes, properties, values. */
#include "sgf_scan.h"

#include <ctype.h>
#include <string.h>

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

static void skip_space(struct sgf_scan *s)
{
    while (s->at < s->n && is_space(s->text[s->at]))
        s->at++;
}

void sgf_scan_init(struct sgf_scan *s, const char *text, size_t n, const char *path)
{
    *s = (struct sgf_scan){.path = path, .text = text, .n = n};
}

bool sgf_scan_game(struct sgf_scan *s)
{
    for (; s->at < s->n; s->at++) {
        if (s->text[s->at] != '(')
            continue;
        size_t open = s->at++;

        skip_space(s);
        if (s->at < s->n && s->text[s->at] == ';') {
            s->depth = 1;
            s->line_ended = false;
            s->n_variations = 0;
            return true;
        }
        s->at = open;
    }
    return false;
}

/* From behind "[" to behind the "]" that ends the value. */
static enum tg_status skip_value(struct sgf_scan *s, struct tg_error *err)
{
    size_t start = s->at;

    for (; s->at < s->n; s->at++) {
        if (s->text[s->at] == '\\')
            s->at++;
        else if (s->text[s->at] == ']') {
            s->at++;
            return TG_OK;
        }
    }
    return FAIL(err, TG_EFORMAT, "%s: byte %zu: a property value without its \"]\"", s->path, start);
}

/* From behind "(" to behind its ")". */
static enum tg_status skip_variation(struct sgf_scan *s, struct tg_error *err)
{
    size_t start = s->at, depth = 1;

    while (s->at < s->n && depth > 0) {
        char c = s->text[s->at++];

        if (c == '[')
            TRY(skip_value(s, err));
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
    }
    if (depth > 0)
        return FAIL(err, TG_EFORMAT, "%s: byte %zu: a variation without its \")\"", s->path, start);
    s->n_variations++;
    return TG_OK;
}

/* "AB": FF[3] and older allow small letters in between, which do not count. */
static void read_ident(struct sgf_scan *s, char ident[SGF_IDENT_MAX])
{
    size_t k = 0;

    for (; s->at < s->n && isalpha((unsigned char)s->text[s->at]); s->at++)
        if (is_upper(s->text[s->at]) && k < SGF_IDENT_MAX)
            ident[k++] = s->text[s->at];
    ident[k < SGF_IDENT_MAX ? k : 0] = '\0';
}

static enum tg_status read_value(struct sgf_scan *s, struct sgf_value *v, struct tg_error *err)
{
    v->at = s->at;
    s->at++; /* "[" */
    v->text = s->text + s->at;
    TRY(skip_value(s, err));
    v->n = (size_t)(s->text + s->at - 1 - v->text);
    return TG_OK;
}

enum tg_status sgf_scan_next(struct sgf_scan *s, enum sgf_event *event, struct sgf_value *v,
                             struct tg_error *err)
{
    for (;;) {
        skip_space(s);
        if (s->at >= s->n)
            return FAIL(err, TG_EFORMAT, "%s: byte %zu: the file ends within a game", s->path, s->n);
        char c = s->text[s->at];

        if (c == ')') {
            s->at++;
            s->line_ended = true;
            if (--s->depth == 0) {
                *event = SGF_END;
                return TG_OK;
            }
        } else if (c == '(') {
            s->at++;
            if (s->line_ended)
                TRY(skip_variation(s, err));
            else
                s->depth++; /* the first branch goes the main line on */
        } else if (s->line_ended) {
            return FAIL(err, TG_EFORMAT, "%s: byte %zu: \"(\" or \")\" should follow a variation",
                        s->path, s->at);
        } else if (c == ';') {
            s->at++;
            v->text = NULL; /* no property yet that a value could belong to */
            *event = SGF_NODE;
            return TG_OK;
        } else if (c == '[' && v->text != NULL) { /* a further value of the same property */
            *event = SGF_VALUE;
            return read_value(s, v, err);
        } else if (isalpha((unsigned char)c)) {
            read_ident(s, v->ident);
            skip_space(s);
            if (s->at >= s->n || s->text[s->at] != '[')
                return FAIL(err, TG_EFORMAT, "%s: byte %zu: property %s without a value", s->path,
                            s->at, v->ident);
            *event = SGF_VALUE;
            return read_value(s, v, err);
        } else {
            return FAIL(err, TG_EFORMAT, "%s: byte %zu: character %d is no SGF here", s->path, s->at,
                        (unsigned char)c);
        }
    }
}

void sgf_value_text(const struct sgf_value *v, char *text, size_t size)
{
    size_t k = 0;

    for (size_t i = 0; i < v->n && k + 1 < size; i++) {
        char c = v->text[i];

        if (c == '\\') {
            if (++i >= v->n)
                break;
            c = v->text[i];
            if (c == '\n' || c == '\r') { /* a soft line break: nothing, CR LF and LF CR whole */
                if (i + 1 < v->n && v->text[i + 1] != c
                    && (v->text[i + 1] == '\n' || v->text[i + 1] == '\r'))
                    i++;
                continue;
            }
        }
        text[k++] = is_space(c) ? ' ' : c == '\0' ? '?' : c;
    }
    text[k] = '\0';
}
