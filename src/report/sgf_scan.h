/* sgf_scan.h - private to src/report: SGF as a stream of properties along the main line.
 *
 * Nothing is allocated and nothing recurses, so no input can exhaust memory or stack here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tengen/error.h"

struct sgf_scan {
    const char *path; /* for errors; borrowed */
    const char *text;
    size_t n, at;
    size_t depth;     /* of open parentheses */
    bool line_ended;  /* the main line is over: what still comes are variations */
    int n_variations; /* skipped ones */
};

enum { SGF_IDENT_MAX = 8 };

/* One value of a property. */
struct sgf_value {
    char ident[SGF_IDENT_MAX]; /* upper case; "" if it is longer than any we know */
    const char *text;          /* between the brackets, escapes as they stand */
    size_t n;
    size_t at;                 /* byte in the file, for errors */
};

enum sgf_event { SGF_NODE, SGF_VALUE, SGF_END };

void sgf_scan_init(struct sgf_scan *s, const char *text, size_t n, const char *path);
/* Go to the next game tree, "(;", whatever stands before it. False: there is none. */
bool sgf_scan_game(struct sgf_scan *s);
/* The next node or value of the main line, or the end of its game. TG_EFORMAT names file and byte. */
enum tg_status sgf_scan_next(struct sgf_scan *s, enum sgf_event *event, struct sgf_value *v,
                             struct tg_error *err);
/* A value as plain text: escapes and line breaks resolved. Cut off at size - 1 bytes. */
void sgf_value_text(const struct sgf_value *v, char *text, size_t size);
