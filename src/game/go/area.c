/* area.c - who owns what: pass-alive chains (Benson 1976), territory, independent life. */
#include <string.h>

#include "go.h"

/* The points of a row that belong together: neighbours, none of them a stone of the colour. */
struct run {
    uint32_t x;          /* bits */
    int16_t y, next;     /* next: of the same region, -1: none */
    int16_t parent;      /* while regions are found: towards one run of the region */
};

/* A connected set of points without stones of one colour, at least one of them empty. */
struct region {
    int16_t runs;           /* the first */
    int16_t vital[4];       /* heads of chains that touch every (empty) point of it */
    uint8_t n_vital;
    int16_t inner;          /* points that touch no stone of the colour */
    bool has_other;         /* a stone of the other colour is inside */
    bool open;              /* an (empty) point touches no stone of the colour: nothing is vital */
    bool near_dead;         /* a chain around it is not known to live */
};

enum { MAX_REGIONS = GAME_MAX_POINTS / 2 + 2, MAX_RUNS = GAME_MAX_SIZE * (GAME_MAX_SIZE + 1) / 2 };

/* The board by rows: bit x of row y for each colour. */
struct rows {
    uint32_t of[3][GAME_MAX_SIZE]; /* by enum game_stone */
};

struct life {
    const struct go_state *s;
    uint8_t color;
    bool suicide;
    int n_regions, n_chains, n_runs;
    struct region regions[MAX_REGIONS];
    struct run runs[MAX_RUNS];
    uint32_t wanted[GAME_MAX_SIZE];  /* by row: what a vital chain has to touch */
    int16_t region_of[GO_MAX_CELLS]; /* of points without a stone of the colour, once chains are judged */
    int16_t chains[GAME_MAX_POINTS]; /* heads of the colour */
    int16_t n_vital[GO_MAX_CELLS];   /* of a head: regions vital to it and near no dead chain */
    bool dead[GO_MAX_CELLS];         /* of a head: not pass-alive */
};

static void by_rows(const struct go_state *s, struct rows *r)
{
    for (int y = 0; y < s->height; y++) {
        const struct go_cell *cells = &s->cells[go_cell_at(s, 0, y)];
        uint32_t black = 0, white = 0;

        for (int x = 0; x < s->width; x++) {
            black |= (uint32_t)(cells[x].color == GAME_BLACK_STONE) << x;
            white |= (uint32_t)(cells[x].color == GAME_WHITE_STONE) << x;
        }
        r->of[GAME_BLACK_STONE][y] = black;
        r->of[GAME_WHITE_STONE][y] = white;
        r->of[GAME_EMPTY][y] = ((UINT32_C(1) << s->width) - 1) & ~(black | white);
    }
}

static int root_of(struct run *runs, int i)
{
    while (runs[i].parent != i)
        i = runs[i].parent = runs[runs[i].parent].parent;
    return i;
}

/* Two roots become one, the lower of them. */
static int join(struct run *runs, int a, int b)
{
    int low = a < b ? a : b;

    runs[a].parent = runs[b].parent = (int16_t)low;
    return low;
}

/* Cut the points without stones of the colour into runs, and join those that touch. */
static void find_runs(struct life *l, const struct rows *r)
{
    int above = 0, n = 0; /* [above, row) are the runs of the row before */

    for (int y = 0; y < l->s->height; y++) {
        uint32_t rest = r->of[GAME_EMPTY][y] | r->of[go_other(l->color)][y];
        int row = n;

        for (; rest != 0; n++) {
            uint32_t x = rest & ~(rest + (rest & -rest)); /* up to the first gap */
            int root = n;

            rest ^= x;
            l->runs[n] = (struct run){.x = x, .y = (int16_t)y, .parent = (int16_t)n};
            while (above < row && l->runs[above].x < (x & -x))
                above++; /* it lies before this run and so before those that follow */
            for (int i = above; i < row && (l->runs[i].x & -l->runs[i].x) <= x; i++)
                if ((l->runs[i].x & x) != 0)
                    root = join(l->runs, root, root_of(l->runs, i));
        }
        above = row;
    }
    l->n_runs = n;
}

/* A run joins its region. beside: the points of its row that touch a stone of the colour. */
static void add_run(struct life *l, const struct rows *r, int i, struct region *g, uint32_t beside)
{
    struct run *run = &l->runs[i];

    run->next = g->runs;
    g->runs = (int16_t)i;
    g->inner = (int16_t)(g->inner + __builtin_popcount(run->x & ~beside));
    g->has_other = g->has_other || (run->x & r->of[go_other(l->color)][run->y]) != 0;
    g->open = g->open || (run->x & l->wanted[run->y] & ~beside) != 0;
}

static void join_runs(struct life *l, const struct rows *r)
{
    const uint32_t *own = r->of[l->color];
    int16_t region_of_root[MAX_RUNS];

    memset(region_of_root, -1, (size_t)l->n_runs * sizeof *region_of_root);
    for (int i = 0; i < l->n_runs; i++) {
        int y = l->runs[i].y, root = root_of(l->runs, i);
        uint32_t beside = own[y] << 1 | own[y] >> 1 | (y > 0 ? own[y - 1] : 0) |
                          (y + 1 < l->s->height ? own[y + 1] : 0);

        if (region_of_root[root] < 0) {
            region_of_root[root] = (int16_t)l->n_regions;
            l->regions[l->n_regions++] = (struct region){.runs = -1};
        }
        add_run(l, r, i, &l->regions[region_of_root[root]], beside);
    }
}

/* Keep of the vital chains those that touch this cell too. */
static void keep_vital(const struct life *l, int cell, struct region *g)
{
    int kept = 0;

    for (int k = 0; k < g->n_vital; k++)
        if (go_touches(l->s, cell, g->vital[k]))
            g->vital[kept++] = g->vital[k];
    g->n_vital = (uint8_t)kept;
}

static void start_vital(const struct life *l, int cell, struct region *g)
{
    int around[4];

    go_neighbours(l->s, cell, around);
    for (int i = 0; i < 4; i++)
        if (l->s->cells[around[i]].color == l->color) {
            int16_t head = l->s->cells[around[i]].head;
            int k = 0;

            while (k < g->n_vital && g->vital[k] != head)
                k++;
            if (k == g->n_vital)
                g->vital[g->n_vital++] = head;
        }
}

static void find_vital(const struct life *l, struct region *g)
{
    bool first = true;

    for (int i = g->runs; i >= 0 && (first || g->n_vital > 0); i = l->runs[i].next)
        for (uint32_t x = l->runs[i].x & l->wanted[l->runs[i].y]; x != 0; x &= x - 1) {
            int cell = go_cell_at(l->s, __builtin_ctz(x), l->runs[i].y);

            if (first)
                start_vital(l, cell, g);
            else
                keep_vital(l, cell, g);
            first = false;
        }
}

static void find_regions(struct life *l, const struct rows *r)
{
    for (int y = 0; y < l->s->height; y++)
        l->wanted[y] = r->of[GAME_EMPTY][y] | (l->suicide ? r->of[go_other(l->color)][y] : 0);
    find_runs(l, r);
    join_runs(l, r);
    for (int y = 0; y < l->s->height; y++)
        for (uint32_t x = r->of[l->color][y]; x != 0; x &= x - 1) {
            int cell = go_cell_at(l->s, __builtin_ctz(x), y);

            if (l->s->cells[cell].head != cell)
                continue;
            l->chains[l->n_chains++] = (int16_t)cell;
            l->n_vital[cell] = 0;
            l->dead[cell] = false;
        }
    for (int i = 0; i < l->n_regions; i++) {
        if (!l->regions[i].open)
            find_vital(l, &l->regions[i]);
        for (int k = 0; k < l->regions[i].n_vital; k++)
            l->n_vital[l->regions[i].vital[k]]++;
    }
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

static void name_regions(struct life *l)
{
    for (int g = 0; g < l->n_regions; g++)
        for (int i = l->regions[g].runs; i >= 0; i = l->runs[i].next)
            for (uint32_t x = l->runs[i].x; x != 0; x &= x - 1)
                l->region_of[go_cell_at(l->s, __builtin_ctz(x), l->runs[i].y)] = (int16_t)g;
}

/* Benson: until nothing changes, a chain with fewer than two vital regions is not pass-alive. false: no
 * chain is, which mostly shows at a glance. */
static bool find_alive(struct life *l)
{
    int n_alive = 0;
    bool changed = true;

    for (int i = 0; i < l->n_chains; i++)
        n_alive += l->n_vital[l->chains[i]] >= 2;
    if (n_alive == 0)
        return false;
    name_regions(l);
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
    return true;
}

static void claim(const struct life *l, const struct region *r, bool over, uint8_t *owner)
{
    for (int i = r->runs; i >= 0; i = l->runs[i].next)
        for (uint32_t x = l->runs[i].x; x != 0; x &= x - 1) {
            int cell = go_cell_at(l->s, __builtin_ctz(x), l->runs[i].y);

            if (over || owner[cell] == GAME_EMPTY)
                owner[cell] = l->color;
        }
}

static void claim_chains(const struct life *l, uint8_t *owner)
{
    for (int i = 0; i < l->n_chains; i++) {
        int cur = l->chains[i];

        if (l->dead[cur])
            continue;
        do {
            owner[cur] = l->color;
            cur = l->s->cells[cur].next;
        } while (cur != l->chains[i]);
    }
}

/* Add to owner what one colour has. all: also empty regions that touch this colour alone. */
static void color_area(const struct go_state *s, const struct rows *rows, uint8_t color, bool all, bool suicide,
                       uint8_t *owner)
{
    struct life l;
    bool alive;

    l.s = s;
    l.color = color;
    l.suicide = suicide;
    l.n_regions = l.n_chains = 0;
    find_regions(&l, rows);
    if (l.n_chains == 0)
        return; /* an empty board is nobody's */
    alive = find_alive(&l);
    if (alive)
        claim_chains(&l, owner);
    for (int i = 0; i < l.n_regions; i++) {
        const struct region *r = &l.regions[i];

        if (alive && !r->near_dead && (r->inner <= 1 || (all && !r->has_other)))
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
    struct rows rows;

    memset(owner, GAME_EMPTY, (size_t)s->n_cells);
    by_rows(s, &rows);
    color_area(s, &rows, GAME_BLACK_STONE, kind != GO_AREA_ALIVE, suicide, owner);
    color_area(s, &rows, GAME_WHITE_STONE, kind != GO_AREA_ALIVE, suicide, owner);
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
