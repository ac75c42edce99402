/* lock.c - one job at a time in a run's directory.
 *
 * Rank 0 holds a lock on the file "lock" from before it reads the manifest to the end of the process; the system
 * lets it go however the process ends, and file servers do so for a host that died, some minutes later. Where the
 * file system knows no locks (Lustre mounted without them) the file "ranks" tells: a job that lives writes its
 * line there every ten seconds or more often. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "tengen/file.h"

enum { HELD_SEC = 150,   /* a dead host's lock is let go within this: NFS 4 takes 90 s */
       WATCH_SEC = 25 }; /* two turns of the board, and some */

/* What rank 0 of a job here has written last. */
struct sign {
    char line[COMM_BOARD_LINE + 1], host[41];
    long pid;
};

static void look(const struct run *run, struct sign *s)
{
    char path[RUN_PATH_MAX];

    memset(s, 0, sizeof *s);
    if (run_path(run->dir, RUN_RANKS, 0, path, NULL) == TG_OK)
        comm_board_look(path, s->line, s->host, &s->pid);
}

/* Take the lock, if it is free; *known: the file system has locks. */
static bool try_lock(int fd, bool *known)
{
    bool none = getenv("TENGEN_NO_LOCKS") != NULL; /* for tests */

    if (!none && flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    *known = !none && (errno == EWOULDBLOCK || errno == EINTR);
    return false;
}

static enum tg_status in_use(const struct run *run, const struct sign *s, struct tg_error *err)
{
    const char *tasks = getenv("SLURM_NTASKS");
    bool alone = tasks != NULL && atoi(tasks) > 1 && comm_size(run->world) == 1; /* the other is of the same srun */

    return FAIL(err, TG_EIO, "%s: another job works in this directory (rank 0: host %s, process %ld): two would spoil "
                "each other's files; end it, or choose another --run directory%s", run->dir, s->host, s->pid,
                alone ? ". Or has srun started ranks that do not know each other? Open MPI needs srun --mpi=pmix" : "");
}

/* Did the last job here say that it was through? */
static bool ended_in_order(const struct run *run)
{
    struct manifest m;

    if (manifest_load(&m, run->dir, NULL) != TG_OK)
        return true; /* there is none, or it is an error of its own */
    bool is = strcmp(m.status, "running") != 0;
    manifest_close(&m);
    return is;
}

/* Until the lock is free, or a sign of life comes, or neither for long enough. */
static enum tg_status wait_for(struct run *run, int fd, struct tg_error *err)
{
    struct sign first, now;
    bool known = true;
    bool mine = try_lock(fd, &known);
    double start = tg_now();

    if (mine || (!known && ended_in_order(run)))
        return TG_OK;
    if (known)
        tg_log(&run->app->log, TG_LOG_WARN, "%s: its lock is held: waiting for up to %d s, in case that it is a dead "
               "job's", run->dir, HELD_SEC);
    for (look(run, &first); tg_now() - start < (known ? HELD_SEC : WATCH_SEC);) {
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
        if (known && try_lock(fd, &known))
            return TG_OK;
        look(run, &now);
        if (now.line[0] != '\0' && strcmp(first.line, now.line) != 0)
            return in_use(run, &now, err);
    }
    if (!known)
        return TG_OK;
    return FAIL(err, TG_EIO, "%s: another job holds the lock of this directory, but gives no sign of life. If none is "
                "there any more, remove the file \"lock\" in it and start again", run->dir);
}

enum tg_status run_lock(struct run *run, struct tg_error *err)
{
    char path[RUN_PATH_MAX];

    TRY(run_path(run->dir, RUN_LOCK, 0, path, err));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
    run->lock = 1 + fd;
    return wait_for(run, fd, err);
}

void run_unlock(struct run *run)
{
    if (run->lock > 0)
        close(run->lock - 1);
    run->lock = 0;
}
