/* shared.c - memory that the ranks of a host share.
 *
 * POSIX shared memory rather than an MPI window: a host without room then gives a status (an MPI
 * window ends the job), and memory is taken page by page as it is reserved. The name is unlinked as
 * soon as all ranks have opened it, so a killed run leaves nothing behind. */
#include "comm_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct comm_shared {
    struct comm *host; /* borrowed */
    void *memory;
    size_t n_bytes;
    int fd; /* -1: private memory of a host with one rank */
};

enum { NAME_CHARS = 64 };
static const size_t reserve_piece = (size_t)64 << 20;

/* Memory is taken as it is reserved, but what can never be there is refused at once. */
static enum tg_status check_size(const struct comm_shared *s, struct tg_error *err)
{
    struct statvfs fs;

    if (fstatvfs(s->fd, &fs) != 0 || fs.f_blocks == 0) /* 0: without a limit */
        return TG_OK;
    uint64_t all = (uint64_t)fs.f_blocks * fs.f_frsize;
    if (s->n_bytes > all)
        return FAIL(err, TG_ENOMEM, "shared memory of %zu bytes: this host's (/dev/shm) has %ju in all",
                    s->n_bytes, (uintmax_t)all);
    return TG_OK;
}

/* The root makes a fresh object under a name that no other run has. */
static enum tg_status create(struct comm_shared *s, char name[NAME_CHARS], struct tg_error *err)
{
    for (int attempt = 0; attempt < 1000; attempt++) {
        snprintf(name, NAME_CHARS, "/tengen-%ld-%d", (long)getpid(), attempt);
        s->fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
        if (s->fd >= 0 || errno != EEXIST)
            break;
    }
    if (s->fd < 0)
        return FAIL(err, TG_EIO, "shared memory %s: %s", name, strerror(errno));
    TRY(check_size(s, err));
    if (ftruncate(s->fd, (off_t)s->n_bytes) != 0)
        return FAIL(err, TG_ENOMEM, "shared memory of %zu bytes: %s", s->n_bytes, strerror(errno));
    return TG_OK;
}

static enum tg_status attach(struct comm_shared *s, const char *name, struct tg_error *err)
{
    if (s->fd < 0)
        s->fd = shm_open(name, O_RDWR, 0600);
    if (s->fd < 0)
        return FAIL(err, TG_EIO, "shared memory %s: %s", name, strerror(errno));
    s->memory = mmap(NULL, s->n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (s->memory == MAP_FAILED) {
        s->memory = NULL;
        return FAIL(err, TG_ENOMEM, "mapping %zu bytes of shared memory: %s", s->n_bytes,
                    strerror(errno));
    }
    return TG_OK;
}

static enum tg_status share(struct comm_shared *s, struct tg_error *err)
{
    char name[NAME_CHARS] = "";
    bool root = s->host->rank == 0;
    enum tg_status rc = comm_agree(s->host, root ? create(s, name, err) : TG_OK, err);

    if (rc == TG_OK) {
        comm_bcast(s->host, name, sizeof name, 0);
        rc = comm_agree(s->host, attach(s, name, err), err);
    }
    if (root && name[0] != '\0')
        shm_unlink(name);
    return rc;
}

/* Zeroed pages that the system gives out when they are first written. */
static enum tg_status allocate(struct comm_shared *s, struct tg_error *err)
{
    s->memory = calloc(1, s->n_bytes);
    return s->memory != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "window of %zu bytes", s->n_bytes);
}

enum tg_status comm_shared_open(struct comm *host, size_t n_bytes, struct comm_shared **s,
                                void **memory, struct tg_error *err)
{
    struct comm_shared *made = malloc(sizeof *made);
    enum tg_status rc = TG_OK;

    *s = NULL;
    *memory = NULL;
    if (made == NULL)
        rc = FAIL(err, TG_ENOMEM, "shared memory handle");
    else
        *made = (struct comm_shared){.host = host, .n_bytes = n_bytes > 0 ? n_bytes : 1, .fd = -1};
    TRY_OUT(comm_agree(host, rc, err));
    TRY_OUT(host->size == 1 ? allocate(made, err) : share(made, err));
    *s = made;
    *memory = made->memory;
    return TG_OK;
out:
    comm_shared_close(made);
    return rc;
}

enum tg_status comm_shared_reserve(struct comm_shared *s, size_t at, size_t n, struct tg_error *err)
{
    if (n > s->n_bytes || at > s->n_bytes - n)
        return FAIL(err, TG_EINVAL, "bytes %zu to %zu of %zu shared ones", at, at + n, s->n_bytes);
    if (s->fd < 0 || n == 0)
        return TG_OK;

    /* Some kernels give up what they have reserved when any signal comes, a request to stop for one: pieces
     * are short enough to come through between two. */
    for (size_t done = 0; done < n;) {
        size_t piece = n - done < reserve_piece ? n - done : reserve_piece;
        int failure = posix_fallocate(s->fd, (off_t)(at + done), (off_t)piece);

        if (failure == EINTR)
            continue;
        if (failure == EOPNOTSUPP || failure == EINVAL)
            return TG_OK;
        if (failure != 0)
            return FAIL(err, TG_ENOMEM, "%zu more bytes of shared memory (/dev/shm): %s", n,
                        strerror(failure));
        done += piece;
    }
    return TG_OK;
}

void comm_shared_sync(struct comm_shared *s)
{
    atomic_thread_fence(memory_order_seq_cst);
    comm_barrier(s->host);
    atomic_thread_fence(memory_order_seq_cst);
}

void comm_shared_close(struct comm_shared *s)
{
    if (s == NULL)
        return;
    if (s->fd < 0) {
        free(s->memory);
    } else {
        if (s->memory != NULL)
            munmap(s->memory, s->n_bytes);
        close(s->fd);
    }
    free(s);
}
