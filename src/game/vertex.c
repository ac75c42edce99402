/* vertex.c - points as people write them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tengen/game.h"

static const char columns[] = "ABCDEFGHJKLMNOPQRST"; /* no I, as on a Go board */

void game_vertex_name(const struct game *g, const struct position *pos, int action,
                      char name[GAME_VERTEX_CHARS])
{
    int row = pos->setup.height - action / g->size;

    if (action == g->n_points)
        snprintf(name, GAME_VERTEX_CHARS, "pass");
    else
        snprintf(name, GAME_VERTEX_CHARS, "%c%u", columns[action % g->size], (unsigned)row & 0xff);
}

int game_vertex_parse(const struct game *g, const struct position *pos, const char *name)
{
    const char *column;
    char *end;
    long row;

    if (strcasecmp(name, "pass") == 0)
        return g->has_pass ? g->n_points : -1;
    if (name[0] == '\0')
        return -1;
    column = strchr(columns, name[0] & ~0x20);
    if (column == NULL || *column == '\0' || name[1] < '1' || name[1] > '9')
        return -1;
    row = strtol(name + 1, &end, 10);
    if (*end != '\0' || row > pos->setup.height || column - columns >= pos->setup.width)
        return -1;
    return (pos->setup.height - (int)row) * g->size + (int)(column - columns);
}

void game_draw(const struct game *g, const struct position *pos, char *text, size_t n)
{
    char all[(GAME_MAX_SIZE + 1) * (2 * GAME_MAX_SIZE + 8)], *at = all;
    int w = pos->setup.width, h = pos->setup.height;
    int last = pos->recent[0] < g->n_points ? pos->recent[0] : -1; /* -1 too where there is none */

    at += sprintf(at, "   ");
    for (int x = 0; x < w; x++)
        at += sprintf(at, " %c", columns[x]);
    at += sprintf(at, "\n");
    for (int y = 0; y < h; y++) {
        int last_x = last >= 0 && last / g->size == y ? last % g->size : -2;

        at += sprintf(at, "%2d ", h - y);
        for (int x = 0; x <= w; x++) { /* a bracket or a blank, then the point */
            *at++ = x == last_x ? '(' : x == last_x + 1 ? ')' : ' ';
            if (x < w)
                *at++ = ".XO"[pos->stones[y * g->size + x]];
        }
        at += sprintf(at, "%d\n", h - y);
    }
    snprintf(text, n, "%s", all);
}
