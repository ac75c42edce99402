/* read_h5.c - the HDF5 side of reading. */
#include "read_h5.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "h5_util.h"

/* deflate makes at most 1032 bytes out of one: no file holds more than this per byte of its own. */
enum { MAX_EXPANSION = 1100 };

static enum tg_status read_integer(struct shard_reader *r, const char *name, int64_t *value,
                                   struct tg_error *err)
{
    hid_t a = H5Aopen(r->file, name, H5P_DEFAULT), space = -1, type = -1;
    bool ok = false;

    if (a >= 0) {
        space = H5Aget_space(a);
        type = H5Aget_type(a);
        ok = space >= 0 && type >= 0 && H5Sget_simple_extent_npoints(space) == 1
          && H5Tequal(type, H5T_STD_I64LE) > 0 && H5Aread(a, H5T_NATIVE_INT64, value) >= 0;
    }
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(a);
    return ok ? TG_OK : FAIL(err, TG_EFORMAT, "%s: attribute \"%s\" is missing or damaged", r->path,
                             name);
}

static enum tg_status read_text(struct shard_reader *r, const char *name, char *text, size_t n,
                                struct tg_error *err)
{
    hid_t a = H5Aopen(r->file, name, H5P_DEFAULT), space = -1, type = -1;
    bool ok = false;

    memset(text, 0, n);
    if (a >= 0) {
        space = H5Aget_space(a);
        type = H5Aget_type(a);
        ok = space >= 0 && type >= 0 && H5Sget_simple_extent_npoints(space) == 1
          && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0
          && H5Tget_size(type) <= n && H5Aread(a, type, text) >= 0;
    }
    text[n - 1] = '\0';
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(a);
    return ok ? TG_OK : FAIL(err, TG_EFORMAT, "%s: attribute \"%s\" is missing or damaged", r->path,
                             name);
}

static enum tg_status read_attributes(struct shard_reader *r, struct tg_error *err)
{
    static const char *const counts[SHARD_TABLES] = {[SHARD_HEADS] = "n_rows",
                                                     [SHARD_ARRAYS] = "n_rows",
                                                     [SHARD_GAMES] = "n_games",
                                                     [SHARD_MOVES] = "n_moves"};
    int64_t version = 0;

    TRY(read_integer(r, "schema_version", &version, err));
    if (version != SHARD_SCHEMA_VERSION)
        return FAIL(err, TG_EFORMAT, "%s: schema version %" PRId64 ", this program reads %d", r->path,
                    version, SHARD_SCHEMA_VERSION);
    TRY(read_integer(r, "number", &r->number, err));
    TRY(read_integer(r, "iteration", &r->iteration, err));
    TRY(read_integer(r, "size", &r->size, err));
    TRY(read_integer(r, "history", &r->history, err));
    TRY(read_text(r, "game", r->game, sizeof r->game, err));
    for (int t = 0; t < SHARD_TABLES; t++) {
        TRY(read_integer(r, counts[t], &r->n_items[t], err));
        if (r->n_items[t] < 0 || (uint64_t)r->n_items[t] > r->file_bytes * MAX_EXPANSION)
            return FAIL(err, TG_EFORMAT, "%s: %s is %" PRId64 " in a file of %" PRIu64 " bytes",
                        r->path, counts[t], r->n_items[t], r->file_bytes);
    }
    if (r->size < 2 || r->size > GAME_MAX_SIZE)
        return FAIL(err, TG_EFORMAT, "%s: board size %" PRId64, r->path, r->size);
    return TG_OK;
}

/* A dataset as its chunks need it. */
struct column_set {
    hid_t set;
    int64_t chunk_items;
    size_t chunk_bytes;
    bool deflate, checksum;
};

/* Only the filters that our chunks may have, in their order. NULL, or what is wrong. */
static const char *read_filters(hid_t create, struct column_set *s)
{
    int n = H5Pget_nfilters(create);

    for (int i = 0; i < n; i++) {
        unsigned flags, config, values[8];
        size_t n_values = 8;
        H5Z_filter_t id = H5Pget_filter2(create, (unsigned)i, &flags, &n_values, values, 0, NULL,
                                         &config);

        if (id == H5Z_FILTER_DEFLATE && !s->deflate && !s->checksum)
            s->deflate = true;
        else if (id == H5Z_FILTER_FLETCHER32 && !s->checksum)
            s->checksum = true;
        else
            return "unexpected filters";
    }
    return n < 0 ? "its filters cannot be read" : NULL;
}

static const char *read_chunking(hid_t create, const struct shard_column *c, int rank,
                                 struct column_set *s)
{
    hsize_t chunk[2] = {0, 1};

    if (H5Pget_layout(create) != H5D_CHUNKED || H5Pget_chunk(create, rank, chunk) != rank)
        return "it is not chunked";
    if (chunk[0] < 1 || (rank == 2 && chunk[1] != c->n_elems)
        || chunk[0] > SHARD_MAX_CHUNK_BYTES / c->item_bytes)
        return "unexpected chunk shape";
    s->chunk_items = (int64_t)chunk[0];
    s->chunk_bytes = (size_t)chunk[0] * c->item_bytes;
    return read_filters(create, s);
}

static const char *check_set(const struct shard_column *c, int64_t n_items, struct column_set *s)
{
    hid_t type = H5Dget_type(s->set), space = H5Dget_space(s->set), expected = h5_column_type(c);
    hid_t create = H5Dget_create_plist(s->set);
    int rank = c->n_elems == 1 ? 1 : 2;
    hsize_t dims[2] = {0, c->n_elems};
    const char *fault = NULL;

    if (type < 0 || space < 0 || create < 0)
        fault = "its header is damaged";
    else if (H5Tequal(type, expected) <= 0)
        fault = "unexpected element type";
    else if (H5Sget_simple_extent_ndims(space) != rank
             || H5Sget_simple_extent_dims(space, dims, NULL) != rank
             || dims[0] != (hsize_t)n_items || (rank == 2 && dims[1] != c->n_elems))
        fault = "unexpected shape";
    else
        fault = read_chunking(create, c, rank, s);
    H5Pclose(create);
    H5Sclose(space);
    H5Tclose(expected);
    H5Tclose(type);
    return fault;
}

/* The raw bytes of chunk number i, into r->raw. */
static const char *read_chunk(struct shard_reader *r, const struct column_set *s, int64_t i,
                              struct tg_error *err)
{
    hsize_t at[2] = {(hsize_t)(i * s->chunk_items), 0}, n = 0;
    uint32_t mask = 0;

    if (H5Dget_chunk_storage_size(s->set, at, &n) < 0 || n == 0)
        return "a chunk is missing";
    if (n > r->file_bytes || n > 2 * (uint64_t)SHARD_MAX_CHUNK_BYTES)
        return "a chunk is longer than the file";
    r->packed.n = r->raw.n = 0;
    if (shard_buffer_reserve(&r->packed, (size_t)n, err) != TG_OK
        || shard_buffer_reserve(&r->raw, s->chunk_bytes, err) != TG_OK)
        return "no memory for a chunk";
    if (H5Dread_chunk(s->set, H5P_DEFAULT, at, &mask, r->packed.bytes) < 0)
        return "a chunk cannot be read";
    if (mask != 0)
        return "a chunk skips filters";
    return shard_chunk_unpack(r->packed.bytes, (size_t)n, s->deflate, s->checksum, r->raw.bytes,
                              s->chunk_bytes);
}

static void scatter(const struct shard_column *c, const unsigned char *src, int64_t n,
                    unsigned char *dst)
{
    if (c->stride == c->item_bytes) {
        memcpy(dst, src, (size_t)n * c->item_bytes);
        return;
    }
    for (int64_t i = 0; i < n; i++, src += c->item_bytes, dst += c->stride)
        memcpy(dst, src, c->item_bytes);
}

static enum tg_status read_items(struct shard_reader *r, const struct shard_column *c,
                                 const struct column_set *s, int64_t first, int64_t n,
                                 unsigned char *dst, struct tg_error *err)
{
    for (int64_t end = first + n; first < end;) {
        int64_t chunk = first / s->chunk_items, skip = first % s->chunk_items;
        int64_t take = s->chunk_items - skip < end - first ? s->chunk_items - skip : end - first;
        const char *fault = read_chunk(r, s, chunk, err);

        if (fault != NULL)
            return FAIL(err, TG_EFORMAT, "%s: \"%s\", items from %" PRId64 ": %s", r->path, c->name,
                        chunk * s->chunk_items, fault);
        scatter(c, r->raw.bytes + (size_t)skip * c->item_bytes, take, dst);
        dst += (size_t)take * c->stride;
        first += take;
    }
    return TG_OK;
}

enum tg_status shard_read_column(struct shard_reader *r, const struct shard_column *c,
                                 enum shard_table_kind t, int64_t first, int64_t n, bool may_lack,
                                 unsigned char *dst, struct tg_error *err)
{
    struct column_set s = {.set = -1};
    enum tg_status rc = TG_OK;
    htri_t there = H5Lexists(r->file, c->name, H5P_DEFAULT);

    if (there == 0 && may_lack)
        return TG_OK;
    s.set = H5Dopen2(r->file, c->name, H5P_DEFAULT);
    if (s.set < 0)
        return FAIL(err, TG_EFORMAT, "%s: \"%s\" is missing or damaged", r->path, c->name);
    const char *fault = check_set(c, r->n_items[t], &s);
    if (fault != NULL)
        rc = FAIL(err, TG_EFORMAT, "%s: \"%s\": %s", r->path, c->name, fault);
    else
        rc = read_items(r, c, &s, first, n, dst, err);
    H5Dclose(s.set);
    return rc;
}

/* No locks: a shard never changes, and some parallel file systems have none. */
static hid_t open_file(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);

    H5Pset_file_locking(access, false, true);
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    return file;
}

enum tg_status shard_reader_init(struct shard_reader *r, const char *path, struct tg_error *err)
{
    struct stat st;
    char reason[H5_REASON_CHARS];

    *r = (struct shard_reader){.path = path, .file = -1};
    h5_quiet();
    if (stat(path, &st) != 0)
        return FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    r->file_bytes = (uint64_t)st.st_size;
    r->file = open_file(path);
    if (r->file < 0) {
        h5_reason(reason);
        return FAIL(err, TG_EFORMAT, "%s: not a readable shard (%s)", path, reason);
    }
    return read_attributes(r, err);
}

void shard_reader_fini(struct shard_reader *r)
{
    if (r->file >= 0)
        H5Fclose(r->file);
    shard_buffer_fini(&r->packed);
    shard_buffer_fini(&r->raw);
    r->file = -1;
}
