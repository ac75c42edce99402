/* area.c - who owns what: pass-alive chains (Benson 1976), territory, independent life. */
#include <string.h>

#include "go.h"

/* A connected set of points without stones of one colour, at least one of them empty. */
struct region {
    int16_t from, n;        /* its points in life.points */
    int16_t vital[4];       /* heads of chains that touch every (empty) point of it */
    uint8_t n_vital, inner; /* inner: points that touch no stone of the colour, counted to 2 */
    bool has_other;         /* a stone of the other colour is inside */
    bool near_dead;         /* a chain around it is not known to live */
};

enum { MAX_REGIONS = GAME_MAX_POINTS / 2 + 2 }; /* no two touch, each has a point */

struct life {
    const struct go_state *s;
    uint8_t color;
    bool suicide;
    int n_regions, n_chains, n_points;
    struct region regions[MAX_REGIONS];
    int16_t points[GO_MAX_CELLS];
    int16_t region_of[GO_MAX_CELLS]; /* -1: none */
    int16_t chains[GAME_MAX_POINTS]; /* heads of the colour */
    int16_t n_vital[GO_MAX_CELLS];   /* of a head: regions vital to it and near no dead chain */
    bool dead[GO_MAX_CELLS];         /* of a head: not pass-alive */
};

static void start_vital(const struct life *l, int cell, struct region *r)
{
    int around[4];

    go_neighbours(l->s, cell, around);
    for (int i = 0; i < 4; i++)
        if (l->s->cells[around[i]].color == l->color) {
            int16_t head = l->s->cells[around[i]].head;
            int k = 0;

            while (k < r->n_vital && r->vital[k] != head)
                k++;
            if (k == r->n_vital)
                r->vital[r->n_vital++] = head;
        }
}

/* Flood the region of an empty cell. */
static void grow_region(struct life *l, int cell)
{
    const struct go_state *s = l->s;
    struct region *r = &l->regions[l->n_regions];

    *r = (struct region){.from = (int16_t)l->n_points};
    start_vital(l, cell, r);
    l->region_of[cell] = (int16_t)l->n_regions;
    l->points[l->n_points++] = (int16_t)cell;
    for (int i = r->from; i < l->n_points; i++) {
        int cur = l->points[i], around[4];
        bool inner = true;

        go_neighbours(s, cur, around);
        for (int k = 0; k < 4; k++) {
            uint8_t color = s->cells[around[k]].color;

            if (color == l->color) {
                inner = false;
            } else if (color != GO_WALL && l->region_of[around[k]] < 0) {
                l->region_of[around[k]] = (int16_t)l->n_regions;
                l->points[l->n_points++] = (int16_t)around[k];
            }
        }
        if (inner && r->inner < 2)
            r->inner++;
        if (s->cells[cur].color != GAME_EMPTY)
            r->has_other = true;
        if (s->cells[cur].color == GAME_EMPTY || l->suicide) {
            int kept = 0;

            for (int k = 0; k < r->n_vital; k++)
                if (go_touches(s, cur, r->vital[k]))
                    r->vital[kept++] = r->vital[k];
            r->n_vital = (uint8_t)kept;
        }
    }
    r->n = (int16_t)(l->n_points - r->from);
    l->n_regions++;
}

static void find_regions(struct life *l)
{
    const struct go_state *s = l->s;

    memset(l->region_of, 0xff, (size_t)s->n_cells * sizeof *l->region_of);
    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            int cell = go_cell_at(s, x, y);

            if (s->cells[cell].color == GAME_EMPTY && l->region_of[cell] < 0)
                grow_region(l, cell);
            if (s->cells[cell].color == l->color && s->cells[cell].head == cell) {
                l->chains[l->n_chains++] = (int16_t)cell;
                l->n_vital[cell] = 0;
                l->dead[cell] = false;
            }
        }
    for (int i = 0; i < l->n_regions; i++)
        for (int k = 0; k < l->regions[i].n_vital; k++)
            l->n_vital[l->regions[i].vital[k]]++;
}

/* The chain may die, so the regions it borders are no eyes of anybody. */
static void mark_dead(struct life *l, int head)
{
    const struct go_state *s = l->s;
    int cur = head;

    l->dead[head] = true;
    do {
        int around[4];

        go_neighbours(s, cur, around);
        for (int i = 0; i < 4; i++) {
            struct region *r;

            if (s->cells[around[i]].color == GO_WALL || s->cells[around[i]].color == l->color)
                continue;
            r = &l->regions[l->region_of[around[i]]];
            if (r->near_dead)
                continue;
            r->near_dead = true;
            for (int k = 0; k < r->n_vital; k++)
                l->n_vital[r->vital[k]]--;
        }
        cur = s->cells[cur].next;
    } while (cur != head);
}

/* Benson: until nothing changes, a chain with fewer than two vital regions is not pass-alive. */
static void find_dead(struct life *l)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (int i = 0; i < l->n_chains; i++) {
            int head = l->chains[i];

            if (!l->dead[head] && l->n_vital[head] < 2) {
                mark_dead(l, head);
                changed = true;
            }
        }
    }
}

static void claim(const struct life *l, const struct region *r, bool over, uint8_t *owner)
{
    for (int i = r->from; i < r->from + r->n; i++)
        if (over || owner[l->points[i]] == GAME_EMPTY)
            owner[l->points[i]] = l->color;
}

/* Add to owner what one colour has. all: also empty regions that touch this colour alone. */
static void color_area(const struct go_state *s, uint8_t color, bool all, bool suicide,
                       uint8_t *owner)
{
    struct life l;

    l.s = s;
    l.color = color;
    l.suicide = suicide;
    l.n_regions = l.n_chains = l.n_points = 0;
    find_regions(&l);
    if (l.n_chains == 0)
        return; /* an empty board is nobody's */
    find_dead(&l);
    for (int i = 0; i < l.n_chains; i++) {
        int cur = l.chains[i];

        if (l.dead[cur])
            continue;
        do {
            owner[cur] = color;
            cur = s->cells[cur].next;
        } while (cur != l.chains[i]);
    }
    for (int i = 0; i < l.n_regions; i++) {
        const struct region *r = &l.regions[i];

        if (!r->near_dead && (r->inner <= 1 || (all && !r->has_other)))
            claim(&l, r, true, owner);
        else if (all && !r->has_other)
            claim(&l, r, false, owner);
    }
}

/* Set to[] := value over the component of equal owner around a cell. */
static void flood(const struct go_state *s, const uint8_t *owner, int cell, uint8_t value,
                  uint8_t *to)
{
    int16_t queue[GAME_MAX_POINTS];
    int n = 0;

    to[cell] = value;
    queue[n++] = (int16_t)cell;
    for (int i = 0; i < n; i++) {
        int around[4];

        go_neighbours(s, queue[i], around);
        for (int k = 0; k < 4; k++)
            if (s->cells[around[k]].color != GO_WALL && owner[around[k]] == owner[cell] &&
                to[around[k]] != value) {
                to[around[k]] = value;
                queue[n++] = (int16_t)around[k];
            }
    }
}

/* A point of a group that shares liberties with the other side: beside a neutral empty point, or a
 * stone of its owner in atari. */
static bool in_seki(const struct go_state *s, const uint8_t *owner, int cell)
{
    int around[4];

    if (s->cells[cell].color == owner[cell] && s->cells[s->cells[cell].head].libs == 1)
        return true;
    go_neighbours(s, cell, around);
    for (int i = 0; i < 4; i++)
        if (s->cells[around[i]].color == GAME_EMPTY && owner[around[i]] == GAME_EMPTY)
            return true;
    return false;
}

/* owner: everything (GO_AREA_ALL) on entry, what lives independently on return. */
static int independent(const struct go_state *s, struct go_area_keep keep, uint8_t *owner)
{
    enum { UNSEEN, SEKI, COUNTED };
    uint8_t kind[GO_MAX_CELLS] = {UNSEEN}, all[GO_MAX_CELLS];
    int white_more = 0;

    memcpy(all, owner, (size_t)s->n_cells);
    for (int c = 0; c < s->n_cells; c++)
        if (all[c] != GAME_EMPTY && kind[c] == UNSEEN && in_seki(s, all, c))
            flood(s, all, c, SEKI, kind);
    for (int c = 0; c < s->n_cells; c++) {
        bool stone;

        if (all[c] == GAME_EMPTY)
            continue;
        if (kind[c] == UNSEEN) {
            flood(s, all, c, COUNTED, kind);
            white_more += all[c] == GAME_WHITE_STONE ? 1 : -1;
        }
        stone = s->cells[c].color == all[c];
        if (kind[c] == SEKI && !(stone ? keep.stones : keep.territories))
            owner[c] = GAME_EMPTY;
    }
    return white_more;
}

int go_area(const struct go_state *s, enum go_area kind, struct go_area_keep keep, bool suicide,
            uint8_t *owner)
{
    memset(owner, GAME_EMPTY, (size_t)s->n_cells);
    color_area(s, GAME_BLACK_STONE, kind != GO_AREA_ALIVE, suicide, owner);
    color_area(s, GAME_WHITE_STONE, kind != GO_AREA_ALIVE, suicide, owner);
    if (kind == GO_AREA_ALIVE)
        return 0;
    for (int c = 0; c < s->n_cells; c++)
        if (owner[c] == GAME_EMPTY && s->cells[c].color != GO_WALL)
            owner[c] = s->cells[c].color;
    return kind == GO_AREA_INDEPENDENT ? independent(s, keep, owner) : 0;
}

/* Territory scoring: stones without independent life count if they stood there before the second
 * encore; in the phases before it all do. */
static void keep_stones(const struct go_state *s, uint8_t *owner)
{
    for (int c = 0; c < s->n_cells; c++) {
        uint8_t color = s->cells[c].color;
        int second = color == GAME_BLACK_STONE ? GO_SECOND_BLACK : GO_SECOND_WHITE;

        if (owner[c] != GAME_EMPTY || color == GAME_EMPTY || color == GO_WALL)
            continue;
        if (s->phase < 2 || (s->cells[c].marks & second) != 0)
            owner[c] = color;
    }
}

int go_area_score(const struct position *pos, uint8_t *owner)
{
    const struct go_state *s = go_const_state(pos);
    const struct go_rules *r = &pos->setup.go;
    bool area = r->scoring == GO_SCORING_AREA, all = area && r->tax == GO_TAX_NONE;
    struct go_area_keep keep = {.territories = !area && r->tax == GO_TAX_NONE, .stones = area};
    int white_more = go_area(s, all ? GO_AREA_ALL : GO_AREA_INDEPENDENT, keep, r->suicide, owner);
    int balance = r->tax == GO_TAX_ALL ? -2 * white_more : 0;

    if (!area)
        keep_stones(s, owner);
    for (int c = 0; c < s->n_cells; c++)
        balance += (owner[c] == GAME_WHITE_STONE) - (owner[c] == GAME_BLACK_STONE);
    return balance;
}
