/* exchange.c - from games on some ranks to chunks on others.
 *
 * A message to a rank holds, for each part of the groups that it assembles and that the sender has,
 * a struct shard_piece per column and then the pieces' bytes. Sender and receiver walk the plan in
 * the same order, so nothing else needs to be said. What a rank has for itself is taken from where it was
 * staged, but for the table of games. */
#include "exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Games have one line each in their table: too little to compress alone. It travels as it is, and
 * the rank that assembles the chunk compresses it whole. */
static bool travels_raw(enum shard_table_kind t) { return t == SHARD_GAMES; }

void shard_workspace_fini(struct shard_workspace *w)
{
    shard_buffer_fini(&w->gathered);
    shard_buffer_fini(&w->table);
    shard_buffer_fini(&w->packed);
    shard_buffer_fini(&w->out);
    shard_buffer_fini(&w->raw);
    shard_buffer_fini(&w->chunks);
    shard_buffer_fini(&w->kept);
    shard_buffer_fini(&w->span);
    for (int i = 0; i < SHARD_CUTS; i++)
        shard_buffer_fini(&w->cuts[i]);
    shard_buffer_fini(&w->parts);
    shard_buffer_fini(&w->sizes);
}

/* ---- staging --------------------------------------------------------------------------------- */

static int64_t n_spans(const struct record_game *g)
{
    return (g->n_rows + SHARD_SPAN - 1) / SHARD_SPAN;
}

/* Which block and which piece a span of a table begins with. */
struct place {
    int64_t block, piece;
};

static struct place place_of(const struct record_game *g, const struct shard_schema *schema,
                             enum shard_table_kind t, int64_t span)
{
    int64_t heads = schema->tables[SHARD_HEADS].n_columns;
    int64_t arrays = schema->tables[SHARD_ARRAYS].n_columns;

    switch (t) {
    case SHARD_HEADS:
        return (struct place){.block = 0, .piece = 0};
    case SHARD_ARRAYS:
        return (struct place){.block = 1 + span, .piece = heads + span * arrays};
    default:
        return (struct place){.block = 1 + n_spans(g), .piece = heads + n_spans(g) * arrays};
    }
}

/* Items [from, to) of a column of a game, one behind the other, into b. */
static enum tg_status gather(const struct record_finished *f, enum shard_table_kind t,
                             const struct shard_column *c, int64_t from, int64_t to,
                             struct shard_buffer *b, struct tg_error *err)
{
    const unsigned char *src = shard_source(f, t, c) + (size_t)from * c->stride;
    size_t bytes = (size_t)(to - from) * c->item_bytes;

    b->n = 0;
    TRY(shard_buffer_reserve(b, bytes, err));
    b->n = bytes;
    unsigned char *dst = b->bytes;
    if (c->stride == c->item_bytes) {
        memcpy(dst, src, bytes);
    } else {
        for (int64_t i = from; i < to; i++, src += c->stride, dst += c->item_bytes)
            memcpy(dst, src, c->item_bytes);
    }
    return TG_OK;
}

/* All blocks of a table, appended to the workspace. */
static enum tg_status pack_table(struct staged_game *s, const struct record_finished *f,
                                 const struct shard_schema *schema, enum shard_table_kind t,
                                 struct shard_codec *codec, struct shard_workspace *w,
                                 struct tg_error *err)
{
    const struct shard_table *table = &schema->tables[t];
    int64_t n = shard_items(t, f->game.n_rows, f->game.n_moves), span = shard_span(t);

    for (int64_t from = 0; from < n; from += span) {
        int64_t to = n - from < span ? n : from + span;
        struct place at = place_of(&f->game, schema, t, from / span);

        s->block_at[at.block] = w->packed.n;
        for (int c = 0; c < table->n_columns; c++) {
            TRY(gather(f, t, &table->columns[c], from, to, &w->gathered, err));
            TRY(shard_piece_pack(codec, w->gathered.bytes, w->gathered.n, &w->packed,
                                 &s->pieces[at.piece + c], err));
        }
    }
    return TG_OK;
}

enum tg_status staged_init(struct staged_game *s, const struct record_finished *f,
                           const struct shard_schema *schema, struct shard_codec *codec,
                           struct shard_workspace *w, struct tg_error *err)
{
    struct place last = place_of(&f->game, schema, SHARD_MOVES, 0);
    size_t blocks = (size_t)(last.block + 1) * sizeof *s->block_at;
    size_t pieces = (size_t)(last.piece + schema->tables[SHARD_MOVES].n_columns) * sizeof *s->pieces;
    unsigned char *at;

    *s = (struct staged_game){.game = f->game};
    w->table.n = w->packed.n = 0;
    TRY(shard_buffer_reserve(&w->table, blocks + pieces, err));
    s->block_at = (size_t *)(void *)w->table.bytes;
    s->pieces = (struct shard_piece *)(void *)(w->table.bytes + blocks);
    TRY(pack_table(s, f, schema, SHARD_HEADS, codec, w, err));
    TRY(pack_table(s, f, schema, SHARD_ARRAYS, codec, w, err));
    TRY(pack_table(s, f, schema, SHARD_MOVES, codec, w, err));
    at = malloc(blocks + pieces + w->packed.n);
    if (at == NULL)
        return FAIL(err, TG_ENOMEM, "staging a game of %zu bytes", w->packed.n);
    memcpy(at, w->table.bytes, blocks + pieces);
    if (w->packed.n > 0)
        memcpy(at + blocks + pieces, w->packed.bytes, w->packed.n);
    s->block_at = (size_t *)(void *)at;
    s->pieces = (struct shard_piece *)(void *)(at + blocks);
    s->packed = at + blocks + pieces;
    return TG_OK;
}

void staged_fini(struct staged_game *s)
{
    free(s->block_at);
    *s = (struct staged_game){.block_at = NULL};
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The block that a part lies in: its pieces, and where their bytes begin. */
static const struct shard_piece *block_of(const struct shard_exchange *x, const struct plan_part *q,
                                          const unsigned char **bytes)
{
    const struct staged_game *s = &x->staged[x->plan->games[q->game].index];
    struct place at = place_of(&s->game, x->schema, q->table, q->from / shard_span(q->table));

    *bytes = s->packed + s->block_at[at.block];
    return s->pieces + at.piece;
}

/* Room for the pieces of a part's columns in out; where it begins. */
static enum tg_status begin_part(struct shard_buffer *out, int n_columns, size_t *header, struct tg_error *err)
{
    *header = out->n;
    TRY(shard_buffer_reserve(out, (size_t)n_columns * sizeof(struct shard_piece), err));
    out->n += (size_t)n_columns * sizeof(struct shard_piece);
    return TG_OK;
}

static void set_piece(struct shard_buffer *out, size_t header, int column, const struct shard_piece *piece)
{
    memcpy(out->bytes + header + (size_t)column * sizeof *piece, piece, sizeof *piece);
}

/* A line of the table of games. */
static enum tg_status send_game(struct shard_exchange *x, const struct plan_part *q, struct tg_error *err)
{
    unsigned char line[SHARD_GAME_MAX_BYTES];
    struct shard_piece piece = {.n_bytes = 0};
    size_t header;

    TRY(begin_part(&x->w->out, 1, &header, err));
    piece.n_bytes = (uint32_t)shard_game_pack(&x->staged[x->plan->games[q->game].index].game, line);
    TRY(shard_buffer_append(&x->w->out, line, piece.n_bytes, err));
    set_piece(&x->w->out, header, 0, &piece);
    return TG_OK;
}

/* The span that a part is cut from, decompressed: its columns one behind the other, of *n items each. A border cuts
 * a span for two groups, often the same rank's: the last one is kept. */
static enum tg_status unpack_span(struct shard_exchange *x, const struct plan_part *q, int64_t *n, struct tg_error *err)
{
    const struct shard_table *table = &x->schema->tables[q->table];
    const struct plan_game *g = &x->plan->games[q->game];
    int64_t all = shard_items(q->table, g->n_rows, g->n_moves), span = shard_span(q->table);
    int64_t first = q->from / span * span;
    struct shard_buffer *raw = &x->w->span;
    const unsigned char *begin, *bytes;
    const struct shard_piece *block = block_of(x, q, &begin);

    *n = all - first < span ? all - first : span;
    if (begin == x->spanned)
        return TG_OK;
    bytes = begin;
    x->spanned = NULL;
    raw->n = 0;
    for (int c = 0; c < table->n_columns; c++, bytes += block++->n_bytes) {
        size_t n_raw = (size_t)*n * table->columns[c].item_bytes;

        TRY(shard_buffer_reserve(raw, n_raw, err));
        TRY(shard_piece_unpack(x->codec, block, bytes, raw->bytes + raw->n, n_raw, err));
        raw->n += n_raw;
    }
    x->spanned = begin;
    return TG_OK;
}

/* What a chunk's border leaves of a span, as a message has it. Everybody waits for a commit, and borders are
 * rare: it is stored, not compressed. */
static enum tg_status pack_cut(struct shard_exchange *x, const struct plan_part *q, struct shard_buffer *out,
                               struct tg_error *err)
{
    const struct shard_table *table = &x->schema->tables[q->table];
    int64_t n, first = q->from / shard_span(q->table) * shard_span(q->table);
    size_t header, at = 0;

    TRY(begin_part(out, table->n_columns, &header, err));
    TRY(unpack_span(x, q, &n, err));
    for (int c = 0; c < table->n_columns; c++) {
        size_t item = table->columns[c].item_bytes;
        struct shard_piece piece;

        TRY(shard_piece_store(x->codec, x->w->span.bytes + at + (size_t)(q->from - first) * item,
                              (size_t)(q->to - q->from) * item, out, &piece, err));
        set_piece(out, header, c, &piece);
        at += (size_t)n * item;
    }
    return TG_OK;
}

/* The same without its bytes. */
static enum tg_status measure_cut(struct shard_exchange *x, const struct plan_part *q, struct shard_buffer *out,
                                  struct tg_error *err)
{
    const struct shard_table *table = &x->schema->tables[q->table];
    size_t header;

    TRY(begin_part(out, table->n_columns, &header, err));
    for (int c = 0; c < table->n_columns; c++) {
        size_t n_raw = (size_t)(q->to - q->from) * table->columns[c].item_bytes;
        struct shard_piece piece = {.n_bytes = (uint32_t)shard_piece_stored(x->codec, n_raw)};

        set_piece(out, header, c, &piece);
    }
    return TG_OK;
}

static enum tg_status send_packed(struct shard_exchange *x, const struct plan_part *q, struct tg_error *err)
{
    int n_columns = x->schema->tables[q->table].n_columns;
    const unsigned char *bytes;
    const struct shard_piece *pieces = block_of(x, q, &bytes);
    size_t n = 0;

    for (int c = 0; c < n_columns; c++)
        n += pieces[c].n_bytes;
    TRY(shard_buffer_append(&x->w->out, pieces, (size_t)n_columns * sizeof *pieces, err));
    return shard_buffer_append(&x->w->out, bytes, n, err);
}

static enum tg_status send_part(struct shard_exchange *x, const struct plan_part *q, struct tg_error *err)
{
    if (travels_raw(q->table))
        return send_game(x, q, err);
    return q->whole ? send_packed(x, q, err) : pack_cut(x, q, &x->w->out, err);
}

/* All messages of this rank; starts [n_ranks + 1]. */
static enum tg_status write_messages(struct shard_exchange *x, size_t *starts, struct tg_error *err)
{
    const struct plan *p = x->plan;

    x->w->out.n = 0;
    starts[0] = 0;
    for (int to = 0; to < p->n_ranks; to++) {
        for (int t = 0; t < SHARD_TABLES; t++)
            for (int64_t g = plan_group_begin(p, t, to); g < plan_group_begin(p, t, to + 1); g++)
                for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);) {
                    if (p->games[q.game].rank == x->rank && (to != x->rank || travels_raw(t)))
                        TRY(send_part(x, &q, err));
                }
        starts[to + 1] = x->w->out.n;
    }
    return TG_OK;
}

/* ---- assembling ------------------------------------------------------------------------------ */

/* A part of the group in hand: its pieces and their bytes, of the columns still to come. */
struct arrived {
    const unsigned char *header, *bytes;
    int64_t n_items;
};

/* Staged games lie where they were played, out of every cache: fetch one before its columns are read in turn. */
static void prefetch(const void *bytes, size_t n)
{
    enum { CACHE_LINE = 64 };

    for (size_t i = 0; i < n; i += CACHE_LINE)
        __builtin_prefetch((const char *)bytes + i);
}

static enum tg_status add_part(struct shard_exchange *x, const struct plan_part *q, bool fetch,
                               struct tg_error *err)
{
    int n_columns = x->schema->tables[q->table].n_columns, from = x->plan->games[q->game].rank;
    struct arrived a = {.n_items = q->to - q->from};
    struct shard_piece piece;

    if (from == x->rank && q->whole && !travels_raw(q->table)) {
        const struct shard_piece *own = block_of(x, q, &a.bytes);
        size_t n = 0;

        for (int c = 0; c < n_columns && fetch; c++)
            n += own[c].n_bytes;
        prefetch(a.bytes, n);
        a.header = (const unsigned char *)own;
    } else if (from == x->rank && !travels_raw(q->table)) {
        assert(x->n_cuts < SHARD_CUTS);
        struct shard_buffer *cut = &x->w->cuts[x->n_cuts++];

        cut->n = 0;
        TRY(fetch ? pack_cut(x, q, cut, err) : measure_cut(x, q, cut, err));
        a.header = cut->bytes;
        a.bytes = a.header + (size_t)n_columns * sizeof piece;
    } else {
        a.header = (const unsigned char *)x->in + x->at[from];
        a.bytes = a.header + (size_t)n_columns * sizeof piece;
        x->at[from] += (size_t)n_columns * sizeof piece;
        for (int c = 0; c < n_columns; c++) {
            memcpy(&piece, a.header + (size_t)c * sizeof piece, sizeof piece);
            x->at[from] += piece.n_bytes;
        }
    }
    return shard_buffer_append(&x->w->parts, &a, sizeof a, err);
}

/* The parts of a group. fetch: their bytes are read soon. */
static enum tg_status list_parts(struct shard_exchange *x, enum shard_table_kind t, int64_t group, bool fetch,
                                 struct tg_error *err)
{
    x->w->parts.n = 0;
    x->n_cuts = 0;
    for (struct plan_part q = plan_parts(x->plan, t, group); plan_part_next(x->plan, &q);)
        TRY(add_part(x, &q, fetch, err));
    return TG_OK;
}

/* The next column's piece of every part in turn, as one chunk at the end of out. */
static enum tg_status assemble_chunk(struct shard_exchange *x, enum shard_table_kind t,
                                     const struct shard_column *c, struct shard_buffer *out, uint32_t *size,
                                     struct tg_error *err)
{
    struct arrived *parts = (struct arrived *)(void *)x->w->parts.bytes;
    size_t n_parts = x->w->parts.n / sizeof *parts;
    struct shard_chunk chunk;
    struct shard_piece piece;

    TRY(shard_chunk_begin(&chunk, x->codec, out, err));
    x->w->raw.n = 0;
    for (struct arrived *a = parts; a < parts + n_parts; a++) {
        memcpy(&piece, a->header, sizeof piece);
        if (travels_raw(t))
            TRY(shard_buffer_append(&x->w->raw, a->bytes, piece.n_bytes, err));
        else
            TRY(shard_chunk_add(&chunk, &piece, a->bytes, (size_t)a->n_items * c->item_bytes, err));
        a->header += sizeof piece;
        a->bytes += piece.n_bytes;
    }
    if (travels_raw(t))
        TRY(shard_chunk_add_raw(&chunk, x->w->raw.bytes, x->w->raw.n, err));
    return shard_chunk_end(&chunk, (size_t)x->plan->chunk_items[t] * c->item_bytes, size, err);
}

/* The sizes of a group's chunks. What is compressed here is kept, as its size cannot be known before. */
static enum tg_status measure_group(struct shard_exchange *x, enum shard_table_kind t, int64_t group,
                                    struct tg_error *err)
{
    const struct shard_table *table = &x->schema->tables[t];

    TRY(list_parts(x, t, group, false, err));
    const struct arrived *parts = (const struct arrived *)(void *)x->w->parts.bytes;
    size_t n_parts = x->w->parts.n / sizeof *parts;
    for (int c = 0; c < table->n_columns; c++) {
        size_t item = table->columns[c].item_bytes, n_packed = 0, n_items = 0;
        uint32_t size;

        if (travels_raw(t)) {
            TRY(assemble_chunk(x, t, &table->columns[c], &x->w->kept, &size, err));
        } else {
            for (size_t i = 0; i < n_parts; i++) {
                struct shard_piece piece;

                memcpy(&piece, parts[i].header + (size_t)c * sizeof piece, sizeof piece);
                n_packed += piece.n_bytes;
                n_items += (size_t)parts[i].n_items;
            }
            size = (uint32_t)shard_chunk_measure(x->codec, n_packed, n_items * item,
                                                 (size_t)x->plan->chunk_items[t] * item);
        }
        TRY(shard_buffer_append(&x->w->sizes, &size, sizeof size, err));
    }
    return TG_OK;
}

/* Before the first chunk, and again before the first that is assembled. */
static void rewind_messages(struct shard_exchange *x)
{
    memcpy(x->at, x->starts, ((size_t)x->plan->n_ranks + 1) * sizeof *x->at);
}

static enum tg_status measure(struct shard_exchange *x, struct tg_error *err)
{
    const struct plan *p = x->plan;

    x->w->kept.n = x->w->sizes.n = 0;
    rewind_messages(x);
    for (int t = 0; t < SHARD_TABLES; t++)
        for (int64_t g = plan_group_begin(p, t, x->rank); g < plan_group_begin(p, t, x->rank + 1); g++)
            TRY(measure_group(x, t, g, err));
    rewind_messages(x);
    x->group = plan_group_begin(p, 0, x->rank);
    x->sizes = (const uint32_t *)(const void *)x->w->sizes.bytes;
    x->n = (int64_t)(x->w->sizes.n / sizeof(uint32_t));
    return TG_OK;
}

enum tg_status shard_exchange_open(struct shard_exchange *x, const struct plan *p, struct comm *comm,
                                   const struct shard_schema *schema, struct staged_game *staged,
                                   struct shard_codec *codec, struct shard_workspace *w, struct tg_error *err)
{
    size_t n = (size_t)p->n_ranks + 1;
    enum tg_status rc;

    *x = (struct shard_exchange){.plan = p, .schema = schema, .staged = staged, .codec = codec, .w = w,
                                 .rank = comm_rank(comm)};
    x->starts = malloc(n * sizeof *x->starts);
    x->at = malloc(n * sizeof *x->at);
    for (int64_t i = 0; i < p->n_games; i++)
        if (p->games[i].rank == x->rank) {
            staged[p->games[i].index].game.first_row = p->first[SHARD_HEADS][i];
            staged[p->games[i].index].game.first_move = p->first[SHARD_MOVES][i];
        }
    rc = x->starts == NULL || x->at == NULL ? FAIL(err, TG_ENOMEM, "messages") : write_messages(x, x->at, err);
    TRY(comm_agree(comm, rc, err));
    TRY(comm_alltoallv(comm, w->out.bytes, x->at, &x->in, x->starts, err));
    return comm_agree(comm, measure(x, err), err);
}

void shard_exchange_close(struct shard_exchange *x)
{
    free(x->starts);
    free(x->at);
    free(x->in);
    *x = (struct shard_exchange){.n = 0};
}

enum tg_status shard_exchange_next(struct shard_exchange *x, struct shard_buffer *out, struct tg_error *err)
{
    const struct shard_table *table;
    uint32_t size = x->sizes[x->next++];

    while (x->group == plan_group_begin(x->plan, x->table, x->rank + 1))
        x->group = plan_group_begin(x->plan, ++x->table, x->rank);
    table = &x->schema->tables[x->table];
    if (x->column == 0) /* of every table: messages are read from their beginning to their end */
        TRY(list_parts(x, x->table, x->group, true, err));
    if (travels_raw(x->table)) {
        TRY(shard_buffer_append(out, x->w->kept.bytes + x->kept_at, size, err));
        x->kept_at += size;
    } else {
        uint32_t got;

        TRY(assemble_chunk(x, x->table, &table->columns[x->column], out, &got, err));
        if (got != size)
            return FAIL(err, TG_EFORMAT, "a chunk of %u bytes was measured as %u", got, size);
    }
    if (++x->column == table->n_columns) {
        x->column = 0;
        x->group++;
    }
    return TG_OK;
}
