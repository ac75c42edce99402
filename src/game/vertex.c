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
    if (action == g->n_points)
        snprintf(name, GAME_VERTEX_CHARS, "pass");
    else
        snprintf(name, GAME_VERTEX_CHARS, "%c%d", columns[action % g->size],
                 pos->setup.height - action / g->size);
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
    size_t at = 0;
    int w = pos->setup.width, h = pos->setup.height;

#define PUT(...)                                                                                   \
    do {                                                                                           \
        int put_ = snprintf(text + at, n - at, __VA_ARGS__);                                       \
        at = put_ < 0 || (size_t)put_ >= n - at ? n - 1 : at + (size_t)put_;                       \
    } while (0)
    PUT("   ");
    for (int x = 0; x < w; x++)
        PUT(" %c", columns[x]);
    PUT("\n");
    for (int y = 0; y < h; y++) {
        PUT("%2d ", h - y);
        for (int x = 0; x < w; x++) {
            int p = y * g->size + x;

            PUT("%c%c", pos->recent[0] == p ? '(' : pos->recent[0] == p - 1 && x > 0 ? ')' : ' ',
                ".XO"[pos->stones[p]]);
        }
        PUT("%c%d\n", w > 0 && pos->recent[0] == y * g->size + w - 1 ? ')' : ' ', h - y);
    }
#undef PUT
}
