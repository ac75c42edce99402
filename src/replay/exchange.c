/* exchange.c - from games on some ranks to chunks on others.
 *
 * A message to a rank holds, for each part of the groups that it assembles and that the sender has,
 * a struct shard_piece per column and then the pieces' bytes. Sender and receiver walk the plan in
 * the same order, so nothing else needs to be said. What a rank has for itself and was compressed
 * when staged is taken from there. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

/* Games have one line each in their table: too little to compress alone. It travels as it is, and
 * the rank that assembles the chunk compresses it whole. */
static bool travels_raw(enum shard_table_kind t) { return t == SHARD_GAMES; }

void shard_workspace_fini(struct shard_workspace *w)
{
    shard_buffer_fini(&w->gathered);
    shard_buffer_fini(&w->packed);
    shard_buffer_fini(&w->out);
    shard_buffer_fini(&w->raw);
    shard_buffer_fini(&w->chunks);
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
    size_t n_pieces = (size_t)(last.piece + schema->tables[SHARD_MOVES].n_columns);
    enum tg_status rc = TG_OK;

    *s = (struct staged_game){.game = f->game};
    s->pieces = malloc(n_pieces * sizeof *s->pieces);
    s->block_at = malloc((size_t)(last.block + 1) * sizeof *s->block_at);
    if (s->pieces == NULL || s->block_at == NULL)
        TRY_OUT(FAIL(err, TG_ENOMEM, "staging a game of %zu pieces", n_pieces));
    w->packed.n = 0;
    TRY_OUT(pack_table(s, f, schema, SHARD_HEADS, codec, w, err));
    TRY_OUT(pack_table(s, f, schema, SHARD_ARRAYS, codec, w, err));
    TRY_OUT(pack_table(s, f, schema, SHARD_MOVES, codec, w, err));
    s->packed = malloc(w->packed.n + 1);
    if (s->packed == NULL)
        TRY_OUT(FAIL(err, TG_ENOMEM, "staging a game of %zu bytes", w->packed.n));
    if (w->packed.n > 0)
        memcpy(s->packed, w->packed.bytes, w->packed.n);
    return TG_OK;
out:
    staged_fini(s);
    return rc;
}

void staged_fini(struct staged_game *s)
{
    free(s->pieces);
    free(s->block_at);
    free(s->packed);
    *s = (struct staged_game){.pieces = NULL};
}

/* ---- sending --------------------------------------------------------------------------------- */

struct exchange {
    const struct plan *plan;
    const struct shard_schema *schema;
    struct staged_game *staged; /* this rank's */
    struct shard_codec *codec;
    struct shard_workspace *w;
    int rank;
    const unsigned char *in;    /* messages received */
    size_t *at;                 /* [n_ranks]: where each rank's message is being read */
};

/* The part is a block of a staged game as it is. */
static bool is_packed(const struct plan_part *q) { return q->whole && !travels_raw(q->table); }

/* The block that a part lies in: its pieces, and where their bytes begin. */
static const struct shard_piece *block_of(const struct exchange *x, const struct plan_part *q,
                                          const unsigned char **bytes)
{
    const struct staged_game *s = &x->staged[x->plan->games[q->game].index];
    struct place at = place_of(&s->game, x->schema, q->table, q->from / shard_span(q->table));

    *bytes = s->packed + s->block_at[at.block];
    return s->pieces + at.piece;
}

/* Room for the pieces of a part's columns in the message; where it begins. */
static enum tg_status begin_part(struct exchange *x, int n_columns, size_t *header,
                                 struct tg_error *err)
{
    *header = x->w->out.n;
    TRY(shard_buffer_reserve(&x->w->out, (size_t)n_columns * sizeof(struct shard_piece), err));
    x->w->out.n += (size_t)n_columns * sizeof(struct shard_piece);
    return TG_OK;
}

static void set_piece(struct exchange *x, size_t header, int column, const struct shard_piece *piece)
{
    memcpy(x->w->out.bytes + header + (size_t)column * sizeof *piece, piece, sizeof *piece);
}

/* A line of the table of games. */
static enum tg_status send_game(struct exchange *x, const struct plan_part *q, struct tg_error *err)
{
    unsigned char line[SHARD_GAME_MAX_BYTES];
    struct shard_piece piece = {.n_bytes = 0};
    size_t header;

    TRY(begin_part(x, 1, &header, err));
    piece.n_bytes = (uint32_t)shard_game_pack(&x->staged[x->plan->games[q->game].index].game, line);
    TRY(shard_buffer_append(&x->w->out, line, piece.n_bytes, err));
    set_piece(x, header, 0, &piece);
    return TG_OK;
}

/* What a chunk's border leaves of a span. Everybody waits for a commit, and borders are rare: it is
 * stored, not compressed. */
static enum tg_status send_cut(struct exchange *x, const struct plan_part *q, struct tg_error *err)
{
    const struct shard_table *table = &x->schema->tables[q->table];
    int64_t n = shard_items(q->table, x->plan->games[q->game].n_rows, x->plan->games[q->game].n_moves);
    int64_t span = shard_span(q->table), first = q->from / span * span;
    struct shard_buffer *raw = &x->w->gathered;
    const unsigned char *bytes;
    const struct shard_piece *block = block_of(x, q, &bytes);
    size_t header;

    TRY(begin_part(x, table->n_columns, &header, err));
    for (int c = 0; c < table->n_columns; c++, bytes += block++->n_bytes) {
        size_t item = table->columns[c].item_bytes;
        size_t n_raw = (size_t)(n - first < span ? n - first : span) * item;
        struct shard_piece piece;

        raw->n = 0;
        TRY(shard_buffer_reserve(raw, n_raw, err));
        TRY(shard_piece_unpack(x->codec, block, bytes, raw->bytes, n_raw, err));
        TRY(shard_piece_store(x->codec, raw->bytes + (size_t)(q->from - first) * item,
                              (size_t)(q->to - q->from) * item, &x->w->out, &piece, err));
        set_piece(x, header, c, &piece);
    }
    return TG_OK;
}

static enum tg_status send_packed(struct exchange *x, const struct plan_part *q, struct tg_error *err)
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

static enum tg_status send_part(struct exchange *x, const struct plan_part *q, struct tg_error *err)
{
    if (travels_raw(q->table))
        return send_game(x, q, err);
    return q->whole ? send_packed(x, q, err) : send_cut(x, q, err);
}

/* All messages of this rank; starts [n_ranks + 1]. */
static enum tg_status write_messages(struct exchange *x, size_t *starts, struct tg_error *err)
{
    const struct plan *p = x->plan;

    x->w->out.n = 0;
    starts[0] = 0;
    for (int to = 0; to < p->n_ranks; to++) {
        for (int t = 0; t < SHARD_TABLES; t++)
            for (int64_t g = plan_group_begin(p, t, to); g < plan_group_begin(p, t, to + 1); g++)
                for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);) {
                    if (p->games[q.game].rank == x->rank && (to != x->rank || !is_packed(&q)))
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

static enum tg_status add_part(struct exchange *x, const struct plan_part *q, struct tg_error *err)
{
    int n_columns = x->schema->tables[q->table].n_columns, from = x->plan->games[q->game].rank;
    struct arrived a = {.n_items = q->to - q->from};
    struct shard_piece piece;

    if (from == x->rank && is_packed(q)) {
        const struct shard_piece *own = block_of(x, q, &a.bytes);
        size_t n = 0;

        for (int c = 0; c < n_columns; c++)
            n += own[c].n_bytes;
        prefetch(a.bytes, n);
        a.header = (const unsigned char *)own;
    } else {
        a.header = x->in + x->at[from];
        a.bytes = a.header + (size_t)n_columns * sizeof piece;
        x->at[from] += (size_t)n_columns * sizeof piece;
        for (int c = 0; c < n_columns; c++) {
            memcpy(&piece, a.header + (size_t)c * sizeof piece, sizeof piece);
            x->at[from] += piece.n_bytes;
        }
    }
    return shard_buffer_append(&x->w->parts, &a, sizeof a, err);
}

/* The next column's piece of every part in turn, as one chunk. */
static enum tg_status assemble_chunk(struct exchange *x, enum shard_table_kind t,
                                     const struct shard_column *c, struct tg_error *err)
{
    struct arrived *parts = (struct arrived *)(void *)x->w->parts.bytes;
    size_t n_parts = x->w->parts.n / sizeof *parts;
    struct shard_chunk chunk;
    struct shard_piece piece;
    uint32_t size;

    TRY(shard_chunk_begin(&chunk, x->codec, &x->w->chunks, err));
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
    TRY(shard_chunk_end(&chunk, (size_t)x->plan->chunk_items[t] * c->item_bytes, &size, err));
    return shard_buffer_append(&x->w->sizes, &size, sizeof size, err);
}

static enum tg_status assemble(struct exchange *x, struct tg_error *err)
{
    const struct plan *p = x->plan;

    x->w->chunks.n = x->w->sizes.n = 0;
    for (int t = 0; t < SHARD_TABLES; t++) {
        const struct shard_table *table = &x->schema->tables[t];
        int64_t end = plan_group_begin(p, t, x->rank + 1);

        for (int64_t g = plan_group_begin(p, t, x->rank); g < end; g++) {
            x->w->parts.n = 0;
            for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);)
                TRY(add_part(x, &q, err));
            for (int c = 0; c < table->n_columns; c++)
                TRY(assemble_chunk(x, t, &table->columns[c], err));
        }
    }
    return TG_OK;
}

enum tg_status shard_exchange(const struct plan *p, struct comm *comm,
                              const struct shard_schema *schema, struct staged_game *staged,
                              struct shard_codec *codec, struct shard_workspace *w,
                              struct shard_chunks *chunks, struct tg_error *err)
{
    struct exchange x = {.plan = p, .schema = schema, .staged = staged, .codec = codec, .w = w,
                         .rank = comm_rank(comm)};
    size_t n_ranks = (size_t)p->n_ranks;
    size_t *starts = malloc(2 * (n_ranks + 1) * sizeof *starts), *in_starts = starts + n_ranks + 1;
    enum tg_status rc = TG_OK;
    void *in = NULL;

    for (int64_t i = 0; i < p->n_games; i++)
        if (p->games[i].rank == x.rank) {
            staged[p->games[i].index].game.first_row = p->first[SHARD_HEADS][i];
            staged[p->games[i].index].game.first_move = p->first[SHARD_MOVES][i];
        }
    rc = starts == NULL ? FAIL(err, TG_ENOMEM, "messages") : write_messages(&x, starts, err);
    TRY_OUT(comm_agree(comm, rc, err));
    TRY_OUT(comm_alltoallv(comm, w->out.bytes, starts, &in, in_starts, err));
    x.in = in;
    x.at = in_starts;
    TRY_OUT(comm_agree(comm, assemble(&x, err), err));
    *chunks = (struct shard_chunks){.bytes = w->chunks.bytes,
                                    .sizes = (const uint32_t *)(const void *)w->sizes.bytes,
                                    .n = (int64_t)(w->sizes.n / sizeof(uint32_t))};
out:
    free(starts);
    free(in);
    return rc;
}
