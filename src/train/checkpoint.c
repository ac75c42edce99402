/* checkpoint.c - everything that training needs to go on, in one file.
 *
 * "TGCKPT03", struct head, four arrays [P] (parameters, running average, both moments), the window's
 * priorities [n_priorities], the XXH3 of all before it. Little-endian, as the machines are. Files of the
 * version before ("TGCKPT02") have a shorter head and are read, too. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/hash.h"
#include "trainer.h"

static const char magic[8] = "TGCKPT03", magic2[8] = "TGCKPT02";
static const enum nn_array arrays[] = {NN_PARAMS, NN_EMA, NN_MOMENT1, NN_MOMENT2};
enum { N_ARRAYS = sizeof arrays / sizeof *arrays };

struct head {
    char magic[8];
    uint64_t n_params, seed;
    int64_t step, n_rows, n_priorities;
    uint64_t arch_hash;
    /* an unfinished trainer_run */
    int64_t open, skipped_in_a_row;
    double age_sum;
    struct train_stats sums;
    struct nn_scale scale; /* factor 0: the network had none */
};

/* The head of version 2 was this one up to here. */
enum { HEAD2_BYTES = offsetof(struct head, sums) + offsetof(struct train_stats, n_rescaled) };
_Static_assert(HEAD2_BYTES == 264 && sizeof(struct head) == 280, "checkpoints that lie on disk look so");

/* Two networks whose tensors are laid out alike hash alike. */
static uint64_t arch_hash(const struct nn_arch *a)
{
    uint64_t h = tg_hash(a->blocks, (size_t)a->n_blocks * sizeof *a->blocks, 1);
    const int shape[] = {a->n_planes, a->n_globals, a->trunk, a->stem, a->n_blocks, a->activation,
                         a->p1, a->g1, a->n_policy, a->pass_hidden, a->v1, a->v2, a->n_score};

    return tg_hash(shape, sizeof shape, h);
}

static enum tg_status put(FILE *f, const char *path, const void *data, size_t n, uint64_t *hash,
                          struct tg_error *err)
{
    *hash = tg_hash(data, n, *hash);
    if (n > 0 && fwrite(data, 1, n, f) != n)
        return FAIL(err, TG_EIO, "writing %s: %s", path, strerror(errno));
    return TG_OK;
}

static enum tg_status write_all(struct trainer *t, struct replay_window *w, FILE *f, const char *path,
                                struct tg_error *err)
{
    int64_t n = w != NULL ? replay_window_rows(w) : 0;
    size_t longest = t->n_params > (size_t)n ? t->n_params : (size_t)n;
    float *buffer = malloc((longest + 1) * sizeof *buffer);
    struct head h = {.n_params = t->n_params, .seed = t->seed, .step = t->step,
                     .n_rows = t->n_rows, .n_priorities = n, .arch_hash = arch_hash(&t->arch)};
    const struct nn_scale *scale = t->backend->scale(t->net);
    uint64_t hash = 0;
    enum tg_status rc = TG_OK;

    if (buffer == NULL)
        return FAIL(err, TG_ENOMEM, "checkpoint of %zu parameters", t->n_params);
    memcpy(h.magic, magic, sizeof magic);
    if (t->open) {
        h.open = 1;
        h.skipped_in_a_row = t->skipped_in_a_row;
        h.age_sum = t->age_sum;
        h.sums = t->sums;
    }
    if (scale != NULL)
        h.scale = *scale;
    TRY_OUT(put(f, path, &h, sizeof h, &hash, err));
    for (int i = 0; i < N_ARRAYS; i++) {
        TRY_OUT(t->backend->get(t->net, arrays[i], buffer, err));
        TRY_OUT(put(f, path, buffer, t->n_params * sizeof *buffer, &hash, err));
    }
    if (n > 0)
        replay_window_priorities_get(w, buffer);
    TRY_OUT(put(f, path, buffer, (size_t)n * sizeof *buffer, &hash, err));
    uint64_t last = hash;
    TRY_OUT(put(f, path, &last, sizeof last, &hash, err));
    if (fflush(f) != 0 || fsync(fileno(f)) != 0)
        rc = FAIL(err, TG_EIO, "writing %s: %s", path, strerror(errno));
out:
    free(buffer);
    return rc;
}

static enum tg_status save(struct trainer *t, struct replay_window *w, const char *path,
                           struct tg_error *err)
{
    char tmp[1024];
    FILE *f;
    enum tg_status rc;

    if (snprintf(tmp, sizeof tmp, "%s.tmp", path) >= (int)sizeof tmp)
        return FAIL(err, TG_EINVAL, "path too long: %s", path);
    f = fopen(tmp, "wb");
    if (f == NULL)
        return FAIL(err, TG_EIO, "%s: %s", tmp, strerror(errno));
    rc = write_all(t, w, f, tmp, err);
    if (fclose(f) != 0 && rc == TG_OK)
        rc = FAIL(err, TG_EIO, "writing %s: %s", tmp, strerror(errno));
    if (rc == TG_OK)
        rc = tg_file_rename(tmp, path, err);
    if (rc != TG_OK)
        unlink(tmp);
    return rc;
}

enum tg_status trainer_save(struct trainer *t, struct replay_window *w, const char *path,
                            struct tg_error *err)
{
    return comm_agree(t->comm, comm_rank(t->comm) == 0 ? save(t, w, path, err) : TG_OK, err);
}

/* *bytes: how long it is; what it lacks is 0. */
static enum tg_status read_head(FILE *f, const char *path, const struct trainer *t, struct head *h,
                                size_t *bytes, struct tg_error *err)
{
    struct stat st;

    memset(h, 0, sizeof *h);
    bool whole = fread(h, HEAD2_BYTES, 1, f) == 1, older = memcmp(h->magic, magic2, sizeof magic2) == 0;

    *bytes = older ? HEAD2_BYTES : sizeof *h;
    if (whole && !older)
        whole = fread((char *)h + HEAD2_BYTES, sizeof *h - HEAD2_BYTES, 1, f) == 1;
    if (!whole || (!older && memcmp(h->magic, magic, sizeof magic) != 0))
        return FAIL(err, TG_EFORMAT, "%s is no checkpoint (or a truncated one)", path);
    if (h->n_params != t->n_params || h->arch_hash != arch_hash(&t->arch))
        return FAIL(err, TG_EFORMAT, "%s is of another network: %llu parameters, this one has %zu", path,
                    (unsigned long long)h->n_params, t->n_params);
    if (fstat(fileno(f), &st) != 0 || h->n_priorities < 0 || h->n_priorities > INT64_C(1) << 40 ||
        (uint64_t)st.st_size != *bytes + N_ARRAYS * h->n_params * sizeof(float) +
                                    (uint64_t)h->n_priorities * sizeof(float) + sizeof(uint64_t))
        return FAIL(err, TG_EFORMAT, "%s: %lld bytes are not what its head says: truncated or damaged",
                    path, (long long)st.st_size);
    return TG_OK;
}

/* Read it whole into one buffer of floats (arrays, then priorities), checked before any of it is used. */
static enum tg_status load(const struct trainer *t, const char *path, struct head *h, float **data,
                           struct tg_error *err)
{
    enum tg_status rc = TG_OK;
    FILE *f = fopen(path, "rb");
    uint64_t hash, stored;
    size_t head_bytes;

    *data = NULL;
    if (f == NULL)
        return FAIL(err, errno == ENOENT ? TG_ENOTFOUND : TG_EIO, "%s: %s", path, strerror(errno));
    TRY_OUT(read_head(f, path, t, h, &head_bytes, err));
    hash = tg_hash(h, head_bytes, 0);
    size_t n_total = N_ARRAYS * t->n_params + (size_t)h->n_priorities, at = 0;
    *data = malloc((n_total + 1) * sizeof **data);
    if (*data == NULL) {
        rc = FAIL(err, TG_ENOMEM, "checkpoint %s", path);
        goto out;
    }
    for (int i = 0; i <= N_ARRAYS; i++) {
        size_t n = i < N_ARRAYS ? t->n_params : (size_t)h->n_priorities;

        if (fread(*data + at, sizeof **data, n, f) != n) {
            rc = FAIL(err, TG_EIO, "%s: read error", path);
            goto out;
        }
        hash = tg_hash(*data + at, n * sizeof **data, hash);
        at += n;
    }
    if (fread(&stored, sizeof stored, 1, f) != 1 || stored != hash)
        rc = FAIL(err, TG_EFORMAT, "%s: checksum mismatch: the checkpoint is damaged", path);
out:
    fclose(f);
    if (rc != TG_OK) {
        free(*data);
        *data = NULL;
    }
    return rc;
}

/* Rank 0's array into the networks of all ranks, from device to device where that can be. */
static enum tg_status spread(struct trainer *t, enum nn_array which, const float *array, struct tg_error *err)
{
    enum tg_status rc = comm_rank(t->comm) == 0 ? t->backend->set(t->net, which, array, err) : TG_OK;

    TRY(comm_agree(t->comm, rc, err));
    TRY(comm_bcast_span(t->comm, t->backend->span(t->net, which), 0, err));
    return comm_agree(t->comm, t->backend->set(t->net, which, NULL, err), err);
}

enum tg_status trainer_load(struct trainer *t, struct replay_window *w, const char *path,
                            struct tg_error *err)
{
    struct head h = {0};
    float *data = NULL, *priorities = NULL;
    struct nn_scale *scale = t->backend->scale(t->net);
    enum tg_status rc = comm_rank(t->comm) == 0 ? load(t, path, &h, &data, err) : TG_OK;

    TRY(comm_agree(t->comm, rc, err));
    comm_bcast(t->comm, &h, sizeof h, 0);
    for (int i = 0; i < N_ARRAYS; i++)
        TRY_OUT(spread(t, arrays[i], data != NULL ? data + (size_t)i * t->n_params : NULL, err));
    priorities = data != NULL ? data + N_ARRAYS * t->n_params : malloc(((size_t)h.n_priorities + 1) * sizeof *data);
    TRY_OUT(comm_agree(t->comm, priorities == NULL ? FAIL(err, TG_ENOMEM, "checkpoint %s", path) : TG_OK, err));
    comm_bcast(t->comm, priorities, (size_t)h.n_priorities * sizeof *priorities, 0);
    t->step = h.step;
    t->n_rows = h.n_rows;
    t->open = h.open != 0;
    t->sums = h.sums;
    t->skipped_in_a_row = (int)h.skipped_in_a_row;
    t->age_sum = comm_rank(t->comm) == 0 ? h.age_sum : 0;
    if (scale != NULL && h.scale.factor > 0)
        *scale = h.scale;
    if (w != NULL && h.n_priorities == replay_window_rows(w))
        TRY_OUT(replay_window_priorities_set(w, priorities, h.n_priorities, err));
out:
    if (data == NULL)
        free(priorities);
    free(data);
    return rc;
}
