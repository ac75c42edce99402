/* ladders.c - the ladders of a board, and what is remembered of them.
 *
 * The leaves of a tree differ by few stones, so most ladders of a board were searched before. A search
 * is kept with all the stones that could have had a say in it (region_of): where a later board has the
 * same there, it would go the same way. And a board is kept by its hash with the stones that ladders
 * take, for its two successors show them too. */
#include <string.h>

#include "ladder.h"

/* A search that was made. */
struct known {
    uint8_t color, width, height; /* of the chain and the board; color 0: nothing is known */
    uint8_t found;                /* what ladder_search said */
    int16_t stone;                /* of the chain */
    int16_t libs[2], ko;          /* its liberties, the second 0 where there is one; that which is a ko, or 0 */
    uint16_t victim;              /* in the first of a set: the next to be replaced */
    uint64_t region[GO_CELL_WORDS], black[GO_CELL_WORDS], white[GO_CELL_WORDS]; /* the stones within */
    uint64_t guards[GO_CELL_WORDS]; /* stones whose chains have at least .. */
    int16_t need[3];                /* .. so many liberties, by color */
};

enum { WAYS = 4 }; /* surroundings of a chain that are remembered */
struct set {
    struct known ways[WAYS];
};

/* What go_ladders looks at. */
struct view {
    const struct go_state *s;
    uint64_t black[GO_CELL_WORDS], white[GO_CELL_WORDS];
    int16_t chains[GAME_MAX_POINTS]; /* heads of those with one or two liberties */
    int n_chains;
    struct set *sets; /* NULL: nothing is remembered */
    size_t n_sets;
    struct ladder *ladder;
    bool searched; /* the ladder has this board */
};

static void set_bit(uint64_t *bits, int cell) { bits[cell / 64] |= UINT64_C(1) << cell % 64; }

static void look(struct view *v)
{
    const struct go_state *s = v->s;

    memset(v->black, 0, sizeof v->black);
    memset(v->white, 0, sizeof v->white);
    v->n_chains = 0;
    for (int c = 1; c < s->n_cells; c++) {
        const struct go_cell *at = &s->cells[c];

        v->black[c / 64] |= (uint64_t)(at->color == GAME_BLACK_STONE) << c % 64;
        v->white[c / 64] |= (uint64_t)(at->color == GAME_WHITE_STONE) << c % 64;
        if (at->head == c && at->libs <= 2)
            v->chains[v->n_chains++] = (int16_t)c;
    }
}

/* to := the cells and those beside them. */
static void widen(const uint64_t *cells, int stride, uint64_t *to)
{
    for (int w = 0; w < GO_CELL_WORDS; w++) {
        uint64_t here = cells[w], below = w > 0 ? cells[w - 1] : 0,
                 above = w + 1 < GO_CELL_WORDS ? cells[w + 1] : 0;

        to[w] = here | here << 1 | below >> 63 | here >> 1 | above << 63 | here << stride |
                below >> (64 - stride) | here >> stride | above << (64 - stride);
    }
}

/* Sort the chains beside `from`: those that cannot come near an atari in this search leave their stones
 * there as guards, the others go into cells. colors: bits of enum game_stone. */
static void sort_chains(const struct view *v, const uint64_t *from, unsigned colors, struct known *k,
                        uint64_t *cells)
{
    const struct go_state *s = v->s;
    uint64_t beside[GO_CELL_WORDS];

    widen(from, s->stride, beside);
    for (int w = 0; w < GO_CELL_WORDS; w++) {
        uint64_t stones = (colors >> GAME_BLACK_STONE & 1 ? v->black[w] : 0) |
                          (colors >> GAME_WHITE_STONE & 1 ? v->white[w] : 0);

        for (;;) {
            uint64_t rest = beside[w] & stones & ~cells[w] & ~k->guards[w];
            int first, cur;

            if (rest == 0)
                break;
            first = cur = w * 64 + __builtin_ctzll(rest);
            if (s->cells[s->cells[first].head].libs >= k->need[s->cells[first].color]) {
                set_bit(k->guards, first);
                continue;
            }
            do {
                set_bit(cells, cur);
                cur = s->cells[cur].next;
            } while (cur != first);
        }
    }
}

static int count_beside(const uint64_t *cells, const uint64_t *stones, int stride)
{
    uint64_t beside[GO_CELL_WORDS];
    int n = 0;

    widen(stones, stride, beside);
    for (int w = 0; w < GO_CELL_WORDS; w++)
        n += __builtin_popcountll(cells[w] & beside[w]);
    return n;
}

/* What decided how the last search went. It asked for the liberties of chains beside where it might have
 * played, and for ataris beside the target and what joined it. A chain's liberties are its stones and
 * what lies around them; but of a chain that keeps enough whatever is filled, that is all that counts:
 * two where it attacks, five where it helps the defender to run away. */
static void region_of(const struct view *v, int target, struct known *k)
{
    const struct go_state *s = v->s;
    const uint64_t *considered = v->ladder->considered;
    const uint64_t *own = k->color == GAME_BLACK_STONE ? v->black : v->white;
    uint64_t cells[GO_CELL_WORDS], joined[GO_CELL_WORDS];
    int cur = target;

    k->need[GAME_BLACK_STONE] = (int16_t)count_beside(considered, v->black, s->stride);
    k->need[GAME_WHITE_STONE] = (int16_t)count_beside(considered, v->white, s->stride);
    k->need[k->color] = (int16_t)(k->need[k->color] + LADDER_SAFE);
    k->need[go_other(k->color)] = (int16_t)(k->need[go_other(k->color)] + 2);
    memcpy(cells, considered, sizeof cells);
    do {
        set_bit(cells, cur);
        cur = s->cells[cur].next;
    } while (cur != target);
    memcpy(joined, cells, sizeof joined);
    sort_chains(v, joined, 1U << GAME_BLACK_STONE | 1U << GAME_WHITE_STONE, k, cells);
    for (int w = 0; w < GO_CELL_WORDS; w++)
        joined[w] = cells[w] & own[w];
    sort_chains(v, joined, 1U << go_other(k->color), k, cells);
    widen(cells, s->stride, k->region);
}

static bool guarded(const struct go_state *s, const struct known *k)
{
    for (int w = 0; w < GO_CELL_WORDS; w++)
        for (uint64_t rest = k->guards[w]; rest != 0; rest &= rest - 1) {
            const struct go_cell *c = &s->cells[w * 64 + __builtin_ctzll(rest)];

            if (s->cells[c->head].libs < k->need[c->color])
                return false;
        }
    return true;
}

static bool same_region(const struct view *v, const struct known *k)
{
    uint64_t other = 0;

    for (int w = 0; w < GO_CELL_WORDS; w++)
        other |= ((k->black[w] ^ v->black[w]) | (k->white[w] ^ v->white[w])) & k->region[w];
    return other == 0;
}

static struct set *set_of(const struct view *v, uint8_t color, const int16_t libs[2])
{
    uint64_t name = (uint64_t)color | (uint64_t)libs[0] << 8 | (uint64_t)libs[1] << 24 |
                    (uint64_t)v->s->width << 40 | (uint64_t)v->s->height << 48;

    return &v->sets[(tg_mix64(name) >> 32) * v->n_sets >> 32];
}

/* What ladder_search says of this chain: remembered, or found now. */
static unsigned find(struct view *v, int chain, const int16_t libs[2])
{
    const struct go_state *s = v->s;
    struct known now = {.color = s->cells[chain].color, .width = (uint8_t)s->width,
                        .height = (uint8_t)s->height, .stone = (int16_t)chain, .libs = {libs[0], libs[1]},
                        .ko = s->ko == libs[0] || s->ko == libs[1] ? s->ko : 0};
    struct set *set = v->sets != NULL ? set_of(v, now.color, libs) : NULL;

    for (int i = 0; set != NULL && i < WAYS; i++) {
        const struct known *k = &set->ways[i];

        if (k->color == now.color && k->width == now.width && k->height == now.height &&
            k->libs[0] == libs[0] && k->libs[1] == libs[1] && k->ko == now.ko && same_region(v, k) &&
            guarded(s, k) && s->cells[k->stone].head == chain)
            return k->found;
    }
    if (!v->searched)
        ladder_board(v->ladder, s);
    v->searched = true;
    now.found = (uint8_t)ladder_search(v->ladder, chain, libs, libs[1] != 0 ? 2 : 1);
    if (set == NULL)
        return now.found;
    region_of(v, chain, &now);
    for (int w = 0; w < GO_CELL_WORDS; w++) {
        now.black[w] = v->black[w] & now.region[w];
        now.white[w] = v->white[w] & now.region[w];
    }
    unsigned victim = set->ways[0].victim;
    set->ways[victim % WAYS] = now;
    set->ways[0].victim = (uint16_t)(victim + 1);
    return now.found;
}

/* The first half of a memo's room is for boards, the second for searches. */
static void *half(struct game_memo *memo, int which, size_t item_bytes, size_t *n)
{
    *n = memo->n_bytes / 2 / item_bytes;
    return *n > 0 ? memo->room + (size_t)which * (memo->n_bytes / 16) : NULL;
}

static void find_all(const struct go_state *s, struct game_memo *memo, uint64_t *stones, uint64_t *working,
                     uint8_t prey)
{
    struct ladder ladder;
    struct view v = {.s = s, .ladder = &ladder};

    if (memo != NULL)
        v.sets = half(memo, 1, sizeof *v.sets, &v.n_sets);
    memset(stones, 0, GO_CELL_WORDS * sizeof *stones);
    look(&v);
    for (int i = 0; i < v.n_chains; i++) {
        int chain = v.chains[i], cur = chain;
        int16_t libs[2] = {0};
        unsigned found;

        ladder_liberties(s, chain, s->cells[chain].libs, libs);
        found = find(&v, chain, libs);
        if (found == 0)
            continue;
        do {
            set_bit(stones, cur);
            cur = s->cells[cur].next;
        } while (cur != chain);
        for (int k = 0; k < 2 && libs[1] != 0; k++)
            if (working != NULL && s->cells[chain].color == prey && (found >> k & 1) != 0)
                set_bit(working, libs[k]);
    }
}

/* A board whose ladders were found. */
struct line {
    uint64_t key; /* 0: free */
    uint64_t stones[GO_CELL_WORDS];
};

/* Where the memo keeps a board with these stones and this ko; *known: it is there. The line is the
 * board's from now on. NULL without a memo. */
static struct line *recall(struct game_memo *memo, const struct go_state *s, uint64_t stones, int ko, bool *known)
{
    uint64_t board = (uint64_t)s->width | (uint64_t)s->height << 8 | (uint64_t)ko << 16;
    uint64_t key = tg_mix64(stones ^ tg_mix64(board)) | 1;
    struct line *lines = NULL, *line;
    size_t n;

    *known = false;
    if (memo != NULL)
        lines = half(memo, 0, sizeof *lines, &n);
    if (lines == NULL)
        return NULL;
    line = &lines[(key >> 32) * n >> 32];
    *known = line->key == key;
    line->key = key;
    return line;
}

void go_ladders(const struct go_state *s, struct game_memo *memo, uint64_t stones[GO_CELL_WORDS],
                uint64_t working[GO_CELL_WORDS], uint8_t prey)
{
    bool known;
    struct line *line = recall(memo, s, s->hash, s->ko, &known);

    if (working != NULL)
        memset(working, 0, GO_CELL_WORDS * sizeof *working);
    find_all(s, memo, stones, working, prey); /* of a known board too: its working moves are not kept */
    if (line != NULL)
        memcpy(line->stones, stones, sizeof line->stones);
}

void go_ladders_before(const struct go_state *s, int ago, struct game_memo *memo,
                       uint64_t stones[GO_CELL_WORDS])
{
    const struct go_change *l = &s->last[ago - 1];
    bool known;
    struct line *line = recall(memo, s, l->hash_before, l->ko_before, &known);
    union go_board then;

    if (known) {
        memcpy(stones, line->stones, sizeof line->stones);
        return;
    }
    go_board_before(s, ago, &then.s);
    find_all(&then.s, memo, stones, NULL, GAME_EMPTY);
    if (line != NULL)
        memcpy(line->stones, stones, sizeof line->stones);
}
