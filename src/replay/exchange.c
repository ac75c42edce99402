/* exchange.c - from games on some ranks to chunks on others.
 *
 * A message to a rank holds, for each group that it assembles and each part of a game in it that the
 * sender has, a struct shard_piece per column and then the pieces' bytes. Sender and receiver walk
 * the plan in the same order, so nothing else needs to be said. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

/* Games have one line each in their table: too little to compress alone. It travels as it is, and
 * the rank that assembles the chunk compresses it whole. */
static bool travels_raw(enum shard_table_kind t) { return t == SHARD_GAMES; }

/* Items [from, to) of a column of a game, one behind the other, into b. */
static enum tg_status gather(const struct record_finished *f, enum shard_table_kind t,
                             const struct shard_column *c, int64_t from, int64_t to,
                             struct shard_buffer *b, struct tg_error *err)
{
    const unsigned char *src = shard_source(f, t, c) + (size_t)from * c->stride;
    size_t bytes = (size_t)(to - from) * c->item_bytes;

    b->n = 0;
    TRY(shard_buffer_reserve(b, bytes, err));
    unsigned char *dst = b->bytes;
    if (c->stride == c->item_bytes) {
        memcpy(dst, src, bytes);
    } else {
        for (int64_t i = from; i < to; i++, src += c->stride, dst += c->item_bytes)
            memcpy(dst, src, c->item_bytes);
    }
    b->n = bytes;
    return TG_OK;
}

static enum tg_status pack_game(struct staged_game *s, const struct shard_schema *schema,
                                struct shard_codec *codec, struct shard_buffer scratch[2],
                                struct tg_error *err)
{
    static const enum shard_table_kind tables[] = {SHARD_ROWS, SHARD_MOVES};
    int n_columns = schema->tables[SHARD_ROWS].n_columns + schema->tables[SHARD_MOVES].n_columns;
    struct shard_piece *piece = s->pieces = malloc((size_t)n_columns * sizeof *piece);

    if (piece == NULL)
        return FAIL(err, TG_ENOMEM, "staging a game");
    scratch[1].n = 0;
    for (int i = 0; i < 2; i++) {
        const struct shard_table *table = &schema->tables[tables[i]];
        int64_t items = shard_items(&s->f, tables[i]);

        for (int c = 0; c < table->n_columns; c++) {
            scratch[0].n = 0;
            if (items > 0)
                TRY(gather(&s->f, tables[i], &table->columns[c], 0, items, &scratch[0], err));
            TRY(shard_piece_pack(codec, scratch[0].bytes, scratch[0].n, &scratch[1], piece++, err));
        }
    }
    s->packed = malloc(scratch[1].n > 0 ? scratch[1].n : 1);
    if (s->packed == NULL)
        return FAIL(err, TG_ENOMEM, "staging a game of %zu bytes", scratch[1].n);
    memcpy(s->packed, scratch[1].bytes, scratch[1].n);
    return TG_OK;
}

enum tg_status staged_init(struct staged_game *s, struct record_finished *f,
                           const struct shard_schema *schema, struct shard_codec *codec,
                           struct shard_buffer scratch[2], struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    *s = (struct staged_game){.f = *f};
    f->moves = NULL;
    f->rows = NULL;
    f->root_values = NULL;
    f->root_visits = NULL;
    if (codec->level > 0)
        rc = pack_game(s, schema, codec, scratch, err);
    if (rc != TG_OK)
        staged_fini(s);
    return rc;
}

void staged_fini(struct staged_game *s)
{
    record_finished_free(&s->f);
    free(s->pieces);
    free(s->packed);
    s->pieces = NULL;
    s->packed = NULL;
}

void shard_chunks_fini(struct shard_chunks *k)
{
    shard_buffer_fini(&k->bytes);
    free(k->sizes);
    *k = (struct shard_chunks){.sizes = NULL};
}

/* What a whole game looks like in a table, as it was compressed when staged. */
static const struct shard_piece *packed_pieces(const struct staged_game *s,
                                               const struct shard_schema *schema,
                                               enum shard_table_kind t, const unsigned char **bytes)
{
    const struct shard_piece *p = s->pieces;

    *bytes = s->packed;
    if (t == SHARD_MOVES)
        for (int c = 0; c < schema->tables[SHARD_ROWS].n_columns; c++)
            *bytes += p++->n_bytes;
    return p;
}

struct sender {
    const struct plan *plan;
    const struct shard_schema *schema;
    struct staged_game *staged; /* this rank's */
    struct shard_codec *codec;
    struct shard_codec copy;    /* of level 0 */
    struct shard_buffer out, scratch;
};

/* A part of a game that was not compressed as such: it lies across a chunk's border, or raw. */
static enum tg_status send_fresh(struct sender *s, const struct plan_part *q,
                                 const struct record_finished *f, struct tg_error *err)
{
    const struct shard_table *table = &s->schema->tables[q->table];
    size_t header = s->out.n;
    struct shard_piece piece;

    TRY(shard_buffer_reserve(&s->out, (size_t)table->n_columns * sizeof piece, err));
    s->out.n += (size_t)table->n_columns * sizeof piece;
    for (int c = 0; c < table->n_columns; c++) {
        TRY(gather(f, q->table, &table->columns[c], q->from, q->to, &s->scratch, err));
        TRY(shard_piece_pack(travels_raw(q->table) ? &s->copy : s->codec, s->scratch.bytes,
                             s->scratch.n, &s->out, &piece, err));
        memcpy(s->out.bytes + header + (size_t)c * sizeof piece, &piece, sizeof piece);
    }
    return TG_OK;
}

static enum tg_status send_part(struct sender *s, const struct plan_part *q, struct tg_error *err)
{
    const struct staged_game *game = &s->staged[s->plan->games[q->game].index];
    int n_columns = s->schema->tables[q->table].n_columns;
    const unsigned char *bytes;
    size_t n = 0;

    if (!q->whole || travels_raw(q->table) || game->pieces == NULL)
        return send_fresh(s, q, &game->f, err);
    const struct shard_piece *pieces = packed_pieces(game, s->schema, q->table, &bytes);
    for (int c = 0; c < n_columns; c++)
        n += pieces[c].n_bytes;
    TRY(shard_buffer_append(&s->out, pieces, (size_t)n_columns * sizeof *pieces, err));
    return shard_buffer_append(&s->out, bytes, n, err);
}

/* All messages of this rank; starts [n_ranks + 1]. */
static enum tg_status write_messages(struct sender *s, int rank, size_t *starts, struct tg_error *err)
{
    const struct plan *p = s->plan;

    starts[0] = 0;
    for (int to = 0; to < p->n_ranks; to++) {
        for (int t = 0; t < SHARD_TABLES; t++)
            for (int64_t g = plan_group_begin(p, t, to); g < plan_group_begin(p, t, to + 1); g++)
                for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);)
                    if (p->games[q.game].rank == rank)
                        TRY(send_part(s, &q, err));
        starts[to + 1] = s->out.n;
    }
    return TG_OK;
}

/* A part of a group as it came in: its pieces and where their bytes are. */
struct arrived {
    const unsigned char *header, *bytes; /* of the next column's piece */
    int64_t n_items;
};

struct receiver {
    const struct plan *plan;
    const struct shard_schema *schema;
    struct shard_codec *codec;
    const unsigned char *in;
    size_t *at;              /* [n_ranks]: where each rank's message is being read */
    struct arrived *parts;   /* of the group in hand */
    int64_t n_parts, cap_parts;
    struct shard_buffer raw; /* a chunk that travelled raw */
};

static enum tg_status add_part(struct receiver *r, const struct plan_part *q, int n_columns,
                               struct tg_error *err)
{
    size_t *at = &r->at[r->plan->games[q->game].rank];
    struct shard_piece piece;

    if (r->n_parts == r->cap_parts) {
        int64_t cap = 2 * r->cap_parts + 64;
        struct arrived *grown = realloc(r->parts, (size_t)cap * sizeof *grown);

        if (grown == NULL)
            return FAIL(err, TG_ENOMEM, "a chunk of %jd games", (intmax_t)cap);
        r->parts = grown;
        r->cap_parts = cap;
    }
    struct arrived *a = &r->parts[r->n_parts++];
    a->header = r->in + *at;
    a->bytes = a->header + (size_t)n_columns * sizeof piece;
    a->n_items = q->to - q->from;
    *at += (size_t)n_columns * sizeof piece;
    for (int c = 0; c < n_columns; c++) {
        memcpy(&piece, a->header + (size_t)c * sizeof piece, sizeof piece);
        *at += piece.n_bytes;
    }
    return TG_OK;
}

/* The next column's piece of every part in turn, as one chunk. */
static enum tg_status assemble_chunk(struct receiver *r, enum shard_table_kind t,
                                     const struct shard_column *c, struct shard_chunks *k,
                                     struct tg_error *err)
{
    struct shard_chunk chunk;
    struct shard_piece piece;

    TRY(shard_chunk_begin(&chunk, r->codec, &k->bytes, err));
    r->raw.n = 0;
    for (int64_t i = 0; i < r->n_parts; i++) {
        struct arrived *a = &r->parts[i];

        memcpy(&piece, a->header, sizeof piece);
        if (travels_raw(t))
            TRY(shard_buffer_append(&r->raw, a->bytes, piece.n_bytes, err));
        else
            TRY(shard_chunk_add(&chunk, &piece, a->bytes, (size_t)a->n_items * c->item_bytes, err));
        a->header += sizeof piece;
        a->bytes += piece.n_bytes;
    }
    if (travels_raw(t))
        TRY(shard_chunk_add_raw(&chunk, r->raw.bytes, r->raw.n, err));
    return shard_chunk_end(&chunk, (size_t)r->plan->chunk_items[t] * c->item_bytes,
                           &k->sizes[k->n++], err);
}

static enum tg_status assemble(struct receiver *r, int rank, struct shard_chunks *k,
                               struct tg_error *err)
{
    const struct plan *p = r->plan;

    for (int t = 0; t < SHARD_TABLES; t++) {
        const struct shard_table *table = &r->schema->tables[t];

        for (int64_t g = plan_group_begin(p, t, rank); g < plan_group_begin(p, t, rank + 1); g++) {
            r->n_parts = 0;
            for (struct plan_part q = plan_parts(p, t, g); plan_part_next(p, &q);)
                TRY(add_part(r, &q, table->n_columns, err));
            for (int c = 0; c < table->n_columns; c++)
                TRY(assemble_chunk(r, t, &table->columns[c], k, err));
        }
    }
    return TG_OK;
}

/* Room for the sizes of this rank's chunks, and for most of their bytes. */
static enum tg_status chunks_init(struct shard_chunks *k, const struct plan *p,
                                  const struct shard_schema *schema, int rank, size_t n_bytes,
                                  struct tg_error *err)
{
    int64_t n = 0;

    for (int t = 0; t < SHARD_TABLES; t++)
        n += (plan_group_begin(p, t, rank + 1) - plan_group_begin(p, t, rank))
           * schema->tables[t].n_columns;
    k->sizes = malloc((size_t)(n + 1) * sizeof *k->sizes);
    if (k->sizes == NULL)
        return FAIL(err, TG_ENOMEM, "sizes of %jd chunks", (intmax_t)n);
    return shard_buffer_reserve(&k->bytes, n_bytes + n_bytes / 8 + 4096, err);
}

enum tg_status shard_exchange(const struct plan *p, struct comm *comm,
                              const struct shard_schema *schema, struct staged_game *staged,
                              struct shard_codec *codec, struct shard_chunks *chunks,
                              struct tg_error *err)
{
    struct sender s = {.plan = p, .schema = schema, .staged = staged, .codec = codec};
    struct receiver r = {.plan = p, .schema = schema, .codec = codec};
    size_t n_ranks = (size_t)p->n_ranks;
    size_t *starts = malloc(2 * (n_ranks + 1) * sizeof *starts), *in_starts = starts + n_ranks + 1;
    int rank = comm_rank(comm);
    enum tg_status rc = TG_OK;
    void *in = NULL;

    for (int64_t i = 0; i < p->n_games; i++)
        if (p->games[i].rank == rank) {
            staged[p->games[i].index].f.game.first_row = p->first[SHARD_ROWS][i];
            staged[p->games[i].index].f.game.first_move = p->first[SHARD_MOVES][i];
        }
    rc = starts == NULL ? FAIL(err, TG_ENOMEM, "messages") : write_messages(&s, rank, starts, err);
    TRY_OUT(comm_agree(comm, rc, err));
    TRY_OUT(comm_alltoallv(comm, s.out.bytes, starts, &in, in_starts, err));

    r.in = in;
    r.at = in_starts;
    rc = chunks_init(chunks, p, schema, rank, in_starts[n_ranks], err);
    if (rc == TG_OK)
        rc = assemble(&r, rank, chunks, err);
    TRY_OUT(comm_agree(comm, rc, err));
out:
    free(starts);
    free(in);
    free(r.parts);
    shard_buffer_fini(&r.raw);
    shard_buffer_fini(&s.out);
    shard_buffer_fini(&s.scratch);
    return rc;
}
