/* board.c - chains, liberties, captures. Knows nothing of rules, history or whose turn it is. */
#include <assert.h>
#include <string.h>

#include "go.h"

void go_board_clear(struct go_state *s, int size, int width, int height)
{
    memset(s, 0, sizeof *s);
    s->size = (int16_t)size;
    s->width = (int16_t)width;
    s->height = (int16_t)height;
    s->stride = (int16_t)(width + 1);
    s->n_cells = (int16_t)((width + 1) * (height + 2) + 1);
    memset(s->cells, 0, (size_t)s->n_cells * sizeof *s->cells);
    for (int c = 0; c < s->n_cells; c++)
        s->cells[c].color = GO_WALL;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            s->cells[go_cell_at(s, x, y)].color = GAME_EMPTY;
}

/* Remember a cell before it changes. */
static inline struct go_cell *touch(struct go_state *s, int cell, struct go_journal *j)
{
    if (j != NULL) {
        assert(j->n < j->cap);
        j->old[j->n++] = (struct go_old){.cell = (int16_t)cell, .was = s->cells[cell]};
    }
    return &s->cells[cell];
}

/* A journal knows which heads have one liberty. */
static inline void note_atari(struct go_journal *j, int head, bool atari)
{
    if (j != NULL) {
        j->atari[head / 64] &= ~(UINT64_C(1) << head % 64);
        j->atari[head / 64] |= (uint64_t)atari << head % 64;
    }
}

static inline void set_liberties(struct go_state *s, int head, int libs, struct go_journal *j)
{
    touch(s, head, j)->libs = (int16_t)libs;
    note_atari(j, head, libs == 1);
}

/* Add `by` to the liberties of each chain of these colours (bits) beside a cell, once a chain. */
static inline void add_liberty(struct go_state *s, int cell, unsigned colors, int by,
                               struct go_journal *j)
{
    int around[4];
    int seen[4], n_seen = 0;

    go_neighbours(s, cell, around);
    for (int i = 0; i < 4; i++) {
        int head, k = 0;

        if ((colors >> s->cells[around[i]].color & 1) == 0)
            continue;
        head = s->cells[around[i]].head;
        while (k < n_seen && seen[k] != head)
            k++;
        if (k < n_seen)
            continue;
        seen[n_seen++] = head;
        set_liberties(s, head, s->cells[head].libs + by, j);
    }
}

/* Chain b becomes part of chain a. Each stone of b is relabelled after its liberties were counted,
 * so that a liberty shared by two of them counts once. */
static void merge(struct go_state *s, int a, int b, struct go_journal *j)
{
    int cur = b, gained = 0;
    int16_t next;

    do {
        int around[4];

        go_neighbours(s, cur, around);
        for (int i = 0; i < 4; i++)
            if (s->cells[around[i]].color == GAME_EMPTY && !go_touches(s, around[i], a))
                gained++;
        touch(s, cur, j)->head = (int16_t)a;
        cur = s->cells[cur].next;
    } while (cur != b);
    note_atari(j, b, false);
    set_liberties(s, a, s->cells[a].libs + gained, j);
    next = s->cells[a].next;
    s->cells[a].next = s->cells[b].next;
    s->cells[b].next = next;
}

/* Take a chain off. Returns how many stones it had. */
static int remove_chain(struct go_state *s, int head, struct go_taken *taken, struct go_journal *j)
{
    uint8_t color = s->cells[head].color, other = go_other(color);
    int cur = head, n = 0;

    do {
        struct go_cell *c = touch(s, cur, j);
        int next = c->next;

        c->color = GAME_EMPTY;
        c->head = c->next = 0;
        if (j == NULL)
            s->hash ^= go_zobrist(cur, color);
        if (taken != NULL)
            taken->cells[taken->n++] = (int16_t)cur;
        add_liberty(s, cur, 1U << other, 1, j);
        n++;
        cur = next;
    } while (cur != head);
    if (taken != NULL)
        taken->color = color;
    return n;
}

void go_board_play(struct go_state *s, int cell, uint8_t color, struct go_taken *taken,
                   struct go_journal *j)
{
    int around[4];
    uint8_t other = go_other(color);
    struct go_cell *stone = touch(s, cell, j);
    int libs = 0, n_taken = 0, last_taken = 0, head = cell;

    go_neighbours(s, cell, around);
    stone->color = color;
    stone->head = stone->next = (int16_t)cell;
    for (int i = 0; i < 4; i++)
        libs += s->cells[around[i]].color == GAME_EMPTY;
    stone->libs = (int16_t)libs;
    note_atari(j, cell, libs == 1);
    if (j == NULL)
        s->hash ^= go_zobrist(cell, color);
    if (taken != NULL)
        taken->n = 0;
    if (libs < 4) {
        add_liberty(s, cell, 1U << GAME_BLACK_STONE | 1U << GAME_WHITE_STONE, -1, j);
        for (int i = 0; i < 4; i++)
            if (s->cells[around[i]].color == other &&
                s->cells[s->cells[around[i]].head].libs == 0) {
                last_taken = around[i];
                n_taken += remove_chain(s, s->cells[around[i]].head, taken, j);
            }
        for (int i = 0; i < 4; i++) {
            int beside = s->cells[around[i]].head;

            if (s->cells[around[i]].color != color || beside == head)
                continue;
            if (head == cell || s->cells[beside].libs > s->cells[head].libs) { /* walk the smaller one */
                merge(s, beside, head, j);
                head = beside;
            } else {
                merge(s, head, beside, j);
            }
        }
    }
    s->ko = 0;
    if (n_taken == 1 && stone->next == cell && stone->libs == 1)
        s->ko = (int16_t)last_taken;
    if (s->cells[head].libs == 0)
        remove_chain(s, head, taken, j);
}

void go_board_undo(struct go_state *s, struct go_journal *j, int n)
{
    while (j->n > n) {
        const struct go_old *old = &j->old[--j->n];

        s->cells[old->cell] = old->was;
        note_atari(j, old->cell, old->was.head == old->cell && old->was.libs == 1);
    }
}

enum go_legality go_board_legality(const struct go_state *s, int cell, uint8_t color, bool suicide)
{
    int around[4];
    bool own = false;

    go_neighbours(s, cell, around);
    if (s->cells[cell].color != GAME_EMPTY)
        return GO_ILLEGAL;
    for (int i = 0; i < 4; i++)
        if (s->cells[around[i]].color == GAME_EMPTY)
            return GO_PLAIN;
    for (int i = 0; i < 4; i++) {
        const struct go_cell *c = &s->cells[around[i]];

        if (c->color == GO_WALL)
            continue;
        if ((c->color == color) == (s->cells[c->head].libs > 1))
            return GO_PLAIN; /* joins a chain that keeps a liberty, or takes one */
        own |= c->color == color;
    }
    return suicide && own ? GO_SUICIDE : GO_ILLEGAL;
}

static uint64_t chain_hash(const struct go_state *s, int head)
{
    uint64_t hash = 0;
    int cur = head;

    do {
        hash ^= go_zobrist(cur, s->cells[head].color);
        cur = s->cells[cur].next;
    } while (cur != head);
    return hash;
}

/* Xor of the hashes of the chains of this colour beside a cell that have just one liberty. */
static uint64_t atari_hash(const struct go_state *s, int cell, uint8_t color)
{
    int around[4];
    int seen[4], n_seen = 0;
    uint64_t hash = 0;

    go_neighbours(s, cell, around);
    for (int i = 0; i < 4; i++) {
        int head = s->cells[around[i]].head, k = 0;

        if (s->cells[around[i]].color != color || s->cells[head].libs != 1)
            continue;
        while (k < n_seen && seen[k] != head)
            k++;
        if (k < n_seen)
            continue;
        seen[n_seen++] = head;
        hash ^= chain_hash(s, head);
    }
    return hash;
}

uint64_t go_board_hash_after(const struct go_state *s, int cell, uint8_t color)
{
    if (go_board_legality(s, cell, color, true) == GO_SUICIDE)
        return s->hash ^ atari_hash(s, cell, color);
    return s->hash ^ go_zobrist(cell, color) ^ atari_hash(s, cell, go_other(color));
}

int go_board_ko_capture(const struct go_state *s, int cell, uint8_t color)
{
    int around[4];
    uint8_t other = go_other(color);
    int found = 0;

    go_neighbours(s, cell, around);
    if (s->cells[cell].color != GAME_EMPTY)
        return 0;
    for (int i = 0; i < 4; i++) {
        const struct go_cell *c = &s->cells[around[i]];

        if (c->color == GO_WALL)
            continue;
        if (c->color != other)
            return 0;
        if (s->cells[c->head].libs == 1) {
            if (found != 0)
                return 0;
            found = around[i];
        }
    }
    return found != 0 && s->cells[found].next == found ? found : 0;
}

bool go_board_build(struct go_state *s)
{
    bool sound = true;

    s->hash = 0;
    for (int c = 0; c < s->n_cells; c++)
        s->cells[c].head = s->cells[c].next = s->cells[c].libs = 0;
    for (int c = 0; c < s->n_cells; c++) {
        uint8_t color = s->cells[c].color;
        int tail = c, cur = c, libs = 0;

        if (color != GAME_BLACK_STONE && color != GAME_WHITE_STONE)
            continue;
        s->hash ^= go_zobrist(c, color);
        if (s->cells[c].head != 0)
            continue;
        s->cells[c].head = (int16_t)c;
        for (;;) { /* `next` is the queue while the chain grows, and its ring at the end */
            int around[4];

            go_neighbours(s, cur, around);
            for (int i = 0; i < 4; i++) {
                struct go_cell *n = &s->cells[around[i]];

                if (n->color == color && n->head == 0) {
                    n->head = (int16_t)c;
                    s->cells[tail].next = (int16_t)around[i];
                    tail = around[i];
                } else if (n->color == GAME_EMPTY && n->libs != c) {
                    n->libs = (int16_t)c; /* on empty cells: the last chain that counted it */
                    libs++;
                }
            }
            if (cur == tail)
                break;
            cur = s->cells[cur].next;
        }
        s->cells[tail].next = (int16_t)c;
        s->cells[c].libs = (int16_t)libs;
        sound = sound && libs > 0;
    }
    return sound;
}

void go_board_before(const struct go_state *s, int ago, struct go_state *then)
{
    memcpy(then, s, sizeof *s + (size_t)s->n_cells * sizeof *s->cells);
    for (int i = 0; i < ago; i++) {
        const struct go_change *l = &s->last[i];

        if (l->placed != 0)
            then->cells[l->placed].color = GAME_EMPTY;
        for (int w = 0; w < GO_CELL_WORDS; w++)
            for (uint64_t rest = l->taken[w]; rest != 0; rest &= rest - 1)
                if (w * 64 + __builtin_ctzll(rest) != l->placed)
                    then->cells[w * 64 + __builtin_ctzll(rest)].color = l->taken_color;
        then->ko = l->ko_before;
    }
    go_board_build(then);
}
