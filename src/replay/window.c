/* window.c - the newest rows in memory, one copy per host. */
#include "window.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tengen/hash.h"

/* ---- opening --------------------------------------------------------------------------------- */

static enum tg_status check_options(const struct record_layout *l,
                                    const struct replay_window_options *o, struct tg_error *err)
{
    if (o->capacity < 1 || (uint64_t)o->capacity > SIZE_MAX / 64 / l->row_bytes)
        return FAIL(err, TG_EINVAL, "a window of %" PRId64 " rows", o->capacity);
    if (!(o->alpha >= 0.0f && o->alpha <= 8.0f) || !(o->epsilon >= 0.0f && o->epsilon <= 1e6f))
        return FAIL(err, TG_EINVAL, "prioritised draws with alpha %g, epsilon %g: alpha has to be in "
                    "0..8, epsilon not negative", (double)o->alpha, (double)o->epsilon);
    if (o->alpha > 0.0f && o->capacity > WINDOW_MAX_PRIORITISED)
        return FAIL(err, TG_EINVAL, "prioritised draws from %" PRId64 " rows: at most %d", o->capacity,
                    WINDOW_MAX_PRIORITISED);
    return TG_OK;
}

/* The tree, as soon as draws are prioritised for the first time; it stays. Collective on the host. */
static enum tg_status open_tree(struct replay_window *w, struct tg_error *err)
{
    size_t n_bytes;
    void *memory;

    if (w->options.alpha == 0.0f || w->tree.nodes != NULL)
        return TG_OK;
    for (w->tree.n_leaves = 1; w->tree.n_leaves < w->options.capacity;)
        w->tree.n_leaves *= 2;
    n_bytes = 2 * (size_t)w->tree.n_leaves * sizeof(uint64_t);
    TRY(comm_shared_open(w->host, n_bytes, &w->tree_shared, &memory, err));
    w->tree.nodes = memory;
    w->n_bytes += n_bytes;
    return comm_rank(w->host) == 0 ? comm_shared_reserve(w->tree_shared, 0, n_bytes, err) : TG_OK;
}

/* In the shared memory lie the rows, then their priorities. */
static enum tg_status map(struct replay_window *w, struct tg_error *err)
{
    size_t rows = (size_t)w->options.capacity * w->layout.row_bytes;
    size_t priorities = (size_t)w->options.capacity * sizeof *w->priorities;
    void *memory;
    enum tg_status rc = TG_OK;

    w->n_bytes = rows + priorities;
    TRY(comm_shared_open(w->host, w->n_bytes, &w->shared, &memory, err));
    w->rows = memory;
    w->priorities = (float *)(void *)(w->rows + rows);
    if (comm_rank(w->host) == 0) /* rows are reserved as they come */
        rc = comm_shared_reserve(w->shared, rows, priorities, err);
    TRY(comm_agree(w->host, rc, err));
    return open_tree(w, err);
}

enum tg_status replay_window_open_on(struct comm *train, struct comm *host,
                                     const struct record_layout *l,
                                     const struct replay_window_options *options,
                                     struct replay_window **w, struct tg_error *err)
{
    struct replay_window *made = calloc(1, sizeof *made);
    enum tg_status rc = made == NULL ? FAIL(err, TG_ENOMEM, "replay window")
                                     : check_options(l, options, err);

    *w = NULL;
    if (made != NULL)
        made->host = host;
    else
        comm_close(host);
    TRY_OUT(comm_agree(train, rc, err));
    made->train = train;
    made->layout = *l;
    made->options = *options;
    TRY_OUT(comm_agree(train, map(made, err), err));
    *w = made;
    return TG_OK;
out:
    replay_window_close(made);
    return rc;
}

enum tg_status replay_window_open(struct comm *train, const struct record_layout *l,
                                  const struct replay_window_options *options,
                                  struct replay_window **w, struct tg_error *err)
{
    struct comm *host;

    *w = NULL;
    TRY(comm_host(train, &host, err));
    return replay_window_open_on(train, host, l, options, w, err);
}

void replay_window_close(struct replay_window *w)
{
    if (w == NULL)
        return;
    comm_shared_close(w->tree_shared);
    comm_shared_close(w->shared);
    comm_close(w->host);
    free(w);
}

/* ---- priorities ------------------------------------------------------------------------------ */

/* Take over the priorities of n slots from slot on (no wrapping). By one rank of the host. With alpha 0 the tree is
 * left behind; weigh_all makes up for it. */
static void weigh(struct replay_window *w, int64_t slot, int64_t n)
{
    if (!replay_window_prioritised(w))
        return;
    for (int64_t i = slot; i < slot + n; i++)
        w->tree.nodes[w->tree.n_leaves + i] = window_weight(&w->options, w->priorities[i]);
    weight_tree_rebuild(&w->tree, slot, n);
}

static void weigh_all(struct replay_window *w)
{
    weigh(w, 0, w->count < w->options.capacity ? w->head : w->options.capacity);
}

enum tg_status replay_window_set_alpha(struct replay_window *w, float alpha, struct tg_error *err)
{
    struct replay_window_options o = w->options;

    if (alpha == o.alpha) /* the same on all ranks */
        return TG_OK;
    o.alpha = alpha;
    TRY(check_options(&w->layout, &o, err));
    w->options = o;
    TRY(comm_agree(w->train, open_tree(w, err), err));
    if (comm_rank(w->host) == 0)
        weigh_all(w);
    comm_shared_sync(w->shared);
    return TG_OK;
}

/* Row number i of the window, counted from the oldest. */
static int64_t slot_of(const struct replay_window *w, int64_t i)
{
    return (w->head - w->count + i + w->options.capacity) % w->options.capacity;
}

struct observed {
    int64_t slot;
    float error;
    uint32_t unused;
};

/* A row that was drawn more than once takes its largest error: the result depends on no order. */
static void apply(struct replay_window *w, const struct observed *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        w->priorities[all[i].slot] = 0.0f;
    for (size_t i = 0; i < n; i++)
        w->priorities[all[i].slot] = fmaxf(w->priorities[all[i].slot], window_priority(all[i].error));
    for (size_t i = 0; i < n; i++)
        weight_tree_set(&w->tree, all[i].slot,
                        window_weight(&w->options, w->priorities[all[i].slot]));
}

static bool in_window(const struct replay_window *w, int64_t slot)
{
    int64_t age = (w->head - 1 - slot + w->options.capacity) % w->options.capacity;

    return slot >= 0 && slot < w->options.capacity && age < w->count;
}

enum tg_status replay_window_update(struct replay_window *w, const int64_t *slots,
                                    const float *errors, int n, struct tg_error *err)
{
    struct observed *mine, *all = NULL;
    size_t *starts, n_all;
    enum tg_status rc = TG_OK;

    if (!replay_window_prioritised(w))
        return TG_OK;
    mine = malloc(((size_t)n + 1) * sizeof *mine);
    starts = malloc(((size_t)comm_size(w->train) + 1) * sizeof *starts);
    if (mine == NULL || starts == NULL)
        rc = FAIL(err, TG_ENOMEM, "priorities of %d rows", n);
    TRY_OUT(comm_agree(w->train, rc, err));
    for (int i = 0; i < n; i++)
        mine[i] = (struct observed){.slot = slots[i], .error = errors[i]};
    TRY_OUT(comm_allgatherv(w->train, mine, (size_t)n * sizeof *mine, (void **)&all, starts, err));
    n_all = starts[comm_size(w->train)] / sizeof *all;
    for (size_t i = 0; i < n_all; i++) /* the same on all ranks */
        if (!in_window(w, all[i].slot))
            TRY_OUT(FAIL(err, TG_EINVAL, "slot %" PRId64 " holds no row of the window", all[i].slot));
    if (comm_rank(w->host) == 0)
        apply(w, all, n_all);
    comm_shared_sync(w->shared);
out:
    free(mine);
    free(starts);
    free(all);
    return rc;
}

void replay_window_priorities_get(const struct replay_window *w, float *priorities)
{
    for (int64_t i = 0; i < w->count; i++)
        priorities[i] = w->priorities[slot_of(w, i)];
}

enum tg_status replay_window_priorities_set(struct replay_window *w, const float *priorities,
                                            int64_t n, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    if (n != w->count)
        rc = FAIL(err, TG_EINVAL, "%" PRId64 " priorities for a window of %" PRId64 " rows", n, w->count);
    TRY(comm_agree(w->train, rc, err));
    if (comm_rank(w->host) == 0) {
        for (int64_t i = 0; i < n; i++)
            w->priorities[slot_of(w, i)] = window_priority(priorities[i]);
        weigh_all(w);
    }
    comm_shared_sync(w->shared);
    return TG_OK;
}

/* ---- appending ------------------------------------------------------------------------------- */

static enum tg_status check_file(const char *path, const struct replay_shard_info *info,
                                 struct tg_error *err)
{
    uint64_t hash, n_bytes;
    int failure = tg_hash_file(path, &hash, &n_bytes);

    if (failure != 0)
        return FAIL(err, TG_EIO, "%s: %s", path, strerror(failure));
    if (hash != info->hash || n_bytes != info->n_bytes)
        return FAIL(err, TG_EFORMAT, "%s: %" PRIu64 " bytes with hash %016" PRIx64 ", expected %"
                    PRIu64 " bytes with hash %016" PRIx64 ": damaged, or another file", path, n_bytes,
                    hash, info->n_bytes, info->hash);
    return TG_OK;
}

/* The part of a shard that one rank of the host reads: rows [first, first + n) of the shard, which
 * go to the slots from `slot` on, round the ring. */
struct part {
    int64_t first, n, slot;
    uint8_t *rows; /* owned */
};

int64_t window_part_begin(int64_t first, int64_t n_rows, int64_t rank, int64_t size)
{
    int64_t begin = first + (n_rows - first) * rank / size;

    if (rank == 0 || rank == size || n_rows - first < size * WINDOW_USUAL_CHUNK)
        return begin;
    begin = (begin + WINDOW_USUAL_CHUNK / 2) / WINDOW_USUAL_CHUNK * WINDOW_USUAL_CHUNK;
    return begin < first ? first : begin < n_rows ? begin : n_rows;
}

static struct part part_of(const struct replay_window *w, int64_t n_rows)
{
    int64_t first = n_rows < w->options.capacity ? 0 : n_rows - w->options.capacity;
    int64_t size = comm_size(w->host), rank = comm_rank(w->host);
    int64_t from = window_part_begin(first, n_rows, rank, size);

    return (struct part){.first = from, .n = window_part_begin(first, n_rows, rank + 1, size) - from,
                         .slot = (w->head + from - first) % w->options.capacity};
}

static enum tg_status read_part(const struct replay_window *w, const char *path, struct part *p,
                                struct tg_error *err)
{
    if (p->n == 0)
        return TG_OK;
    p->rows = malloc((size_t)p->n * w->layout.row_bytes);
    if (p->rows == NULL)
        return FAIL(err, TG_ENOMEM, "reading %" PRId64 " rows of %s", p->n, path);
    return replay_shard_rows(path, &w->layout, p->first, p->n, p->rows, err);
}

/* How many of n slots from slot on lie before the end of the ring; the rest are at its start. */
static int64_t stretch(const struct replay_window *w, int64_t slot, int64_t n)
{
    return slot + n <= w->options.capacity ? n : w->options.capacity - slot;
}

static enum tg_status reserve(struct replay_window *w, int64_t n, struct tg_error *err)
{
    size_t row_bytes = w->layout.row_bytes;
    int64_t here = stretch(w, w->head, n);

    if (comm_rank(w->host) != 0)
        return TG_OK;
    TRY(comm_shared_reserve(w->shared, (size_t)w->head * row_bytes, (size_t)here * row_bytes, err));
    return comm_shared_reserve(w->shared, 0, (size_t)(n - here) * row_bytes, err);
}

static void copy_rows(struct replay_window *w, int64_t slot, const uint8_t *rows, int64_t n)
{
    size_t row_bytes = w->layout.row_bytes;

    memcpy(w->rows + (size_t)slot * row_bytes, rows, (size_t)n * row_bytes);
    for (int64_t i = 0; i < n; i++) {
        struct record_head head;

        memcpy(&head, rows + (size_t)i * row_bytes, sizeof head);
        w->priorities[slot + i] = window_priority(head.priority);
    }
}

/* What cannot fail any more: every rank copies its part, the host's root does the sums. */
static void take_over(struct replay_window *w, const struct part *p, int64_t kept)
{
    int64_t here = stretch(w, p->slot, p->n);

    if (p->n > 0) {
        copy_rows(w, p->slot, p->rows, here);
        copy_rows(w, 0, p->rows + (size_t)here * w->layout.row_bytes, p->n - here);
    }
    comm_shared_sync(w->shared);
    if (comm_rank(w->host) == 0) {
        here = stretch(w, w->head, kept);
        weigh(w, w->head, here);
        weigh(w, 0, kept - here);
    }
    comm_shared_sync(w->shared);
}

enum tg_status replay_window_append(struct replay_window *w, const char *path,
                                    const struct replay_shard_info *info, struct tg_error *err)
{
    struct part p = part_of(w, info->n_rows);
    int64_t capacity = w->options.capacity;
    int64_t kept = info->n_rows < capacity ? info->n_rows : capacity;
    enum tg_status rc = TG_OK;

    if (comm_rank(w->host) == 0)
        rc = check_file(path, info, err);
    TRY_OUT(comm_agree(w->train, rc, err));
    rc = read_part(w, path, &p, err);
    if (rc == TG_OK)
        rc = reserve(w, kept, err);
    TRY_OUT(comm_agree(w->train, rc, err));
    take_over(w, &p, kept);
    w->head = (w->head + kept) % capacity;
    w->count = w->count + kept < capacity ? w->count + kept : capacity;
    w->total += info->n_rows;
out:
    free(p.rows);
    return rc;
}

enum tg_status replay_window_append_new(struct replay_window *w, const char *path,
                                        const struct replay_shard_info *info, double wait_sec, struct tg_log *log,
                                        struct tg_error *err)
{
    struct tg_error one = {0};
    enum tg_status rc = replay_window_append(w, path, info, &one);

    /* Numbers of naps, not clocks: all ranks try equally often. */
    for (double nap = 0.125, slept = 0; (rc == TG_EIO || rc == TG_EFORMAT) && slept < wait_sec; nap *= 2) {
        nap = nap < wait_sec - slept ? nap : wait_sec - slept;
        if (slept == 0 && comm_rank(w->train) == 0)
            tg_log(log, TG_LOG_WARN, "%s: it was written, so this is tried again for %.0f s", one.text, wait_sec);
        nanosleep(&(struct timespec){.tv_sec = (time_t)nap, .tv_nsec = (long)(1e9 * (nap - floor(nap)))}, NULL);
        slept += nap;
        comm_progress();
        memset(&one, 0, sizeof one);
        rc = replay_window_append(w, path, info, &one);
    }
    if (rc != TG_OK && err != NULL)
        *err = one;
    return rc;
}

/* ---- looking in ------------------------------------------------------------------------------ */

int64_t replay_window_rows(const struct replay_window *w) { return w->count; }
bool replay_window_prioritised(const struct replay_window *w) { return w->options.alpha > 0.0f; }
int64_t replay_window_total(const struct replay_window *w) { return w->total; }
size_t replay_window_bytes(const struct replay_window *w) { return w->n_bytes; }

const uint8_t *replay_window_row(const struct replay_window *w, int64_t slot)
{
    return w->rows + (size_t)slot * w->layout.row_bytes;
}
