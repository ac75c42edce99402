/* layout_h5.c - let HDF5 describe a file whose data are written without it.
 *
 * HDF5 1.10 writes filtered chunks in parallel only by compressing them inside the collective call,
 * one core a rank, while everybody waits; and what a full disk does to that call depends on the MPI.
 * Our chunks are compressed already and lie on many ranks. So their places follow from their sizes,
 * every rank writes its own, and while the disk takes them one rank builds the structure with a file
 * driver that hands out those places, skips chunk data, and puts the metadata behind them. */
#include "layout_h5.h"

#include <assert.h>
#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h5_util.h"

/* What the driver and its caller share. The driver never fails towards HDF5, which could then not
 * close the file: the first errno is kept, and the rest of the file goes nowhere. */
struct skip_state {
    int fd;
    int failure; /* errno */
    const struct shard_place *places; /* [cap] */
    int64_t n, cap;                   /* places handed out */
};

struct skip_info {
    struct skip_state *state;
};

struct skip_file {
    H5FD_t pub; /* first: HDF5's own part */
    struct skip_state *state;
    haddr_t eoa, eof;
};

static H5FD_t *skip_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const struct skip_info *info = H5Pget_driver_info(fapl);
    struct skip_file *f = calloc(1, sizeof *f);

    (void)name;
    (void)flags;
    (void)maxaddr;
    if (f == NULL || info == NULL) {
        free(f);
        return NULL;
    }
    f->state = info->state;
    return &f->pub;
}

static herr_t skip_close(H5FD_t *file)
{
    free(file);
    return 0;
}

static herr_t skip_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = 0;
    return 0;
}

static haddr_t skip_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct skip_file *)file)->eoa;
}

static herr_t skip_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t addr)
{
    (void)type;
    ((struct skip_file *)file)->eoa = addr;
    return 0;
}

/* The superblock comes first, what else HDF5 asks for behind all chunks. */
static haddr_t skip_alloc(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, hsize_t size)
{
    struct skip_file *f = (struct skip_file *)file;
    struct skip_state *s = f->state;
    haddr_t at = f->eoa;

    (void)dxpl;
    if (type == H5FD_MEM_DRAW) {
        bool expected = s->n < s->cap && s->places[s->n].n_bytes == size;

        assert(expected);
        return expected ? s->places[s->n++].at : HADDR_UNDEF;
    }
    if (at > 0 && s->cap > 0 && at < s->places[s->cap - 1].at)
        at = s->places[s->cap - 1].at + s->places[s->cap - 1].n_bytes;
    f->eoa = at + size;
    return at;
}

static haddr_t skip_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct skip_file *)file)->eof;
}

static herr_t skip_read(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t n, void *bytes)
{
    struct skip_state *s = ((struct skip_file *)file)->state;
    char *at = bytes;

    (void)type;
    (void)dxpl;
    while (n > 0) {
        ssize_t got = pread(s->fd, at, n, (off_t)addr);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) { /* never written: zeros, as from a hole */
            memset(at, 0, n);
            break;
        }
        at += got;
        addr += (haddr_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static herr_t skip_write(H5FD_t *file, H5FD_mem_t type, hid_t dxpl, haddr_t addr, size_t n,
                         const void *bytes)
{
    struct skip_file *f = (struct skip_file *)file;
    struct skip_state *s = f->state;

    (void)dxpl;
    if (addr + n > f->eof)
        f->eof = addr + n;
    if (type != H5FD_MEM_DRAW && s->failure == 0)
        s->failure = h5_pwrite(s->fd, bytes, n, addr);
    return 0;
}

static herr_t skip_truncate(H5FD_t *file, hid_t dxpl, hbool_t closing)
{
    struct skip_file *f = (struct skip_file *)file;
    struct skip_state *s = f->state;

    (void)dxpl;
    (void)closing;
    if (s->failure == 0 && ftruncate(s->fd, (off_t)f->eoa) != 0)
        s->failure = errno;
    f->eof = f->eoa;
    return 0;
}

static const H5FD_class_t skip_class = {
    .name = "tengen-skip",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct skip_info),
    .open = skip_open,
    .close = skip_close,
    .query = skip_query,
    .alloc = skip_alloc,
    .get_eoa = skip_get_eoa,
    .set_eoa = skip_set_eoa,
    .get_eof = skip_get_eof,
    .read = skip_read,
    .write = skip_write,
    .truncate = skip_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY, /* no chunk goes where metadata were */
};

int64_t shard_chunk_count(const struct plan *p, const struct shard_schema *schema)
{
    int64_t n = 0;

    for (int t = 0; t < SHARD_TABLES; t++)
        n += p->n_groups[t] * schema->tables[t].n_columns;
    return n;
}

void shard_place_chunks(const struct plan *p, const struct shard_schema *schema, int64_t align,
                        struct shard_place *places)
{
    uint64_t at = SHARD_DATA_BEGIN;

    for (int t = 0; t < SHARD_TABLES; t++)
        for (int64_t g = 0; g < p->n_groups[t]; g++) {
            if (align > 0)
                at = (at + (uint64_t)align - 1) / (uint64_t)align * (uint64_t)align;
            for (int c = 0; c < schema->tables[t].n_columns; c++, places++) {
                places->at = at;
                at += places->n_bytes;
            }
        }
}

static bool add_integer(hid_t file, const char *name, int64_t value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = a >= 0 && H5Awrite(a, H5T_NATIVE_INT64, &value) >= 0;

    H5Aclose(a);
    H5Sclose(space);
    return ok;
}

static bool add_text(hid_t file, const char *name, const char *text)
{
    hid_t space = H5Screate(H5S_SCALAR), type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, strlen(text) + 1);
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = a >= 0 && H5Awrite(a, type, text) >= 0;

    H5Aclose(a);
    H5Tclose(type);
    H5Sclose(space);
    return ok;
}

static bool add_attributes(hid_t file, const struct plan *p, const struct shard_attributes *a)
{
    return add_integer(file, "schema_version", SHARD_SCHEMA_VERSION)
        && add_integer(file, "number", a->number) && add_integer(file, "iteration", a->iteration)
        && add_integer(file, "n_rows", p->n_items[SHARD_HEADS])
        && add_integer(file, "n_games", p->n_items[SHARD_GAMES])
        && add_integer(file, "n_moves", p->n_items[SHARD_MOVES])
        && add_text(file, "game", game_kind_name(a->game->kind))
        && add_integer(file, "size", a->game->size)
        && add_integer(file, "history", a->game->history)
        && add_text(file, "config_hash", a->config_hash != NULL ? a->config_hash : "")
        && add_text(file, "build", a->build != NULL ? a->build : "");
}

static hid_t create_column(hid_t file, const struct shard_column *c, int64_t n_items, int chunk_items,
                           int deflate)
{
    hsize_t dims[2] = {(hsize_t)n_items, c->n_elems}, chunk[2] = {(hsize_t)chunk_items, c->n_elems};
    int rank = c->n_elems == 1 ? 1 : 2;
    hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dims, NULL);
    hid_t type = h5_column_type(c);

    H5Pset_obj_track_times(create, false); /* the same games give the same file */
    H5Pset_fill_time(create, H5D_FILL_TIME_NEVER);
    H5Pset_chunk(create, rank, chunk);
    if (deflate > 0)
        H5Pset_deflate(create, (unsigned)deflate);
    H5Pset_fletcher32(create);
    hid_t set = H5Dcreate2(file, c->name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Tclose(type);
    H5Sclose(space);
    H5Pclose(create);
    return set;
}

/* Datasets of a table, open in sets [n_columns]. */
static bool create_table(hid_t file, const struct shard_table *table, int64_t n_items,
                         int chunk_items, int deflate, hid_t *sets)
{
    bool ok = true;

    for (int c = 0; c < table->n_columns; c++) {
        sets[c] = create_column(file, &table->columns[c], n_items, chunk_items, deflate);
        ok = ok && sets[c] >= 0;
    }
    return ok;
}

/* Chunks group by group, so that what one rank assembles lies together in the file. nothing stands
 * for the bytes that the driver skips. */
static bool index_chunks(const struct shard_table *table, const hid_t *sets, int64_t n_groups, int chunk_items,
                         const struct shard_place *places, const void *nothing)
{
    for (int64_t g = 0; g < n_groups; g++)
        for (int c = 0; c < table->n_columns; c++, places++) {
            hsize_t at[2] = {(hsize_t)(g * chunk_items), 0};

            if (H5Dwrite_chunk(sets[c], H5P_DEFAULT, 0, at, places->n_bytes, nothing) < 0)
                return false;
        }
    return true;
}

static bool build(hid_t file, const struct plan *p, const struct shard_schema *schema,
                  const struct shard_attributes *a, const struct shard_place *places, const void *nothing)
{
    hid_t create = H5Pcreate(H5P_GROUP_CREATE);

    H5Pset_obj_track_times(create, false);
    hid_t moves = H5Gcreate2(file, "moves", H5P_DEFAULT, create, H5P_DEFAULT);
    H5Pclose(create);
    bool ok = moves >= 0 && add_attributes(file, p, a);
    H5Gclose(moves);
    for (int t = 0; t < SHARD_TABLES && ok; t++) {
        const struct shard_table *table = &schema->tables[t];
        hid_t sets[SHARD_MAX_COLUMNS];

        ok = create_table(file, table, p->n_items[t], p->chunk_items[t], a->deflate, sets)
          && index_chunks(table, sets, p->n_groups[t], p->chunk_items[t], places, nothing);
        places += p->n_groups[t] * table->n_columns;
        for (int c = 0; c < table->n_columns; c++)
            H5Dclose(sets[c]);
    }
    return ok;
}

/* The newest format of HDF5 1.10: all metadata carry checksums, indices of fixed size. */
static hid_t create_file(const char *path, struct skip_state *state, hid_t driver)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    struct skip_info info = {.state = state};

    H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_driver(access, driver, &info);
    H5Pset_obj_track_times(create, false);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, create, access);
    H5Pclose(create);
    H5Pclose(access);
    return file;
}

static enum tg_status layout_in(struct skip_state *state, const char *path, const struct plan *p,
                                const struct shard_schema *schema, const struct shard_attributes *a,
                                const void *nothing, struct tg_error *err)
{
    hid_t driver = H5FDregister(&skip_class);
    hid_t file = create_file(path, state, driver);
    bool ok = file >= 0 && build(file, p, schema, a, state->places, nothing);
    char reason[H5_REASON_CHARS];

    h5_reason(reason);
    if (file >= 0)
        ok = H5Fclose(file) >= 0 && ok;
    H5FDunregister(driver);
    if (state->failure != 0)
        return FAIL(err, TG_EIO, "writing %s: %s", path, strerror(state->failure));
    if (!ok || state->n != state->cap)
        return FAIL(err, TG_EIO, "laying out %s: %s", path, reason);
    return TG_OK;
}

enum tg_status shard_layout(int fd, const char *path, const struct plan *p, const struct shard_schema *schema,
                            const struct shard_attributes *a, const struct shard_place *places,
                            struct tg_error *err)
{
    struct skip_state state = {.fd = fd, .places = places, .cap = shard_chunk_count(p, schema)};
    uint32_t largest = 1;
    enum tg_status rc;

    h5_quiet();
    for (int64_t i = 0; i < state.cap; i++)
        largest = places[i].n_bytes > largest ? places[i].n_bytes : largest;
    void *nothing = calloc(1, largest);
    if (nothing == NULL)
        return FAIL(err, TG_ENOMEM, "laying out %s", path);
    rc = layout_in(&state, path, p, schema, a, nothing, err);
    free(nothing);
    return rc;
}
