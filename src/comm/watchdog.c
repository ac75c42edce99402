/* watchdog.c - a thread that ends the job when ranks wait for what cannot come.
 *
 * A long wait is no failure while those who are waited for get on: a side of a big run may take hours longer
 * than the other. So every rank says in a shared file (the board) what it does and for how long nothing has
 * moved there, and a rank that has waited for the limit looks at the ranks of that communicator. It ends the
 * job if one of them is silent (stopped, or its host is dead), or one's own work stands still, or all wait.
 *
 * Hosts' clocks need not agree: silent is whose line this rank has seen unchanged for long by its own clock. And
 * time in which this process did not run (a suspended job, a file system that stood still) counts for nothing:
 * the others had as little of it, and first have to be seen again.
 *
 * MPI calls come from one thread of a process and the watchdog is one per process, so what it looks
 * at is one slot, not a parameter of every call. This is the module's only variable. */
#include "comm_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "tengen/file.h"

static struct {
    pthread_mutex_t lock;  /* what, c and moved; c lives while it is held and what is set */
    const char *what;      /* the operation under way; NULL: none */
    const struct comm *c;  /* its communicator */
    double moved;          /* tg_now() when it began; none: of the last sign that this rank's own work gets on */
    _Atomic(const char *) phase;
    _Atomic int board;     /* 1 + the file of all ranks' lines; 0: none */
    int rank;              /* of the world: the line's number */
    int depth;             /* of the operations under way: one is made of others. The thread that calls MPI */
} slot = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum { LINE_BYTES = COMM_BOARD_LINE, NAMED_RANKS = 8, NFS_MAGIC = 0x6969 /* statfs(2) */ };

/* What a rank's line said when it was last seen changed, and when that was by tg_now(); when 0: never seen. */
struct seen { double at, when; };

struct comm_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock */
    double limit_sec;
    struct tg_log *log; /* borrowed; may be NULL */
    int world_rank;
    int n_ranks;        /* lines of the board */
    char *path;         /* owned: of the board; NULL: there is none */
    char *lines;        /* owned [n_ranks * LINE_BYTES + 1], to read them into */
    struct seen *seen;  /* owned [n_ranks] */
    double ticked;      /* tg_now() when the thread last came round; 0: not yet */
    double board_next;  /* when this rank's is written next */
    double look_next;   /* when a long wait is judged next */
    double noted;       /* tg_now() when a wait that goes on was last spoken of */
};

/* The operation under way is now this one; NULL: none. */
static void set_slot(const char *what, const struct comm *c)
{
    pthread_mutex_lock(&slot.lock);
    slot.what = what;
    slot.c = c;
    slot.moved = tg_now();
    pthread_mutex_unlock(&slot.lock);
}

void comm_watch_enter(const char *what, const struct comm *c)
{
    if (slot.depth++ == 0)
        set_slot(what, c);
}

void comm_watch_leave(void)
{
    if (--slot.depth == 0)
        set_slot(NULL, NULL);
}

void comm_progress(void)
{
    if (slot.depth == 0)
        set_slot(NULL, NULL);
}

static void *abort_job(void *unused)
{
    (void)unused;
    MPI_Abort(MPI_COMM_WORLD, 1);
    return NULL;
}

/* MPI_Abort tells the other hosts, but it may itself hang in what we are stuck in: then leaving with
 * a failure makes the launcher end the others. */
static _Noreturn void end_job(void)
{
    pthread_t helper;

    if (pthread_create(&helper, NULL, abort_job, NULL) == 0)
        nanosleep(&(struct timespec){.tv_sec = 5}, NULL);
    _exit(1);
}

/* ---- the board ---------------------------------------------------------------------------------- */

static const char line_format[] =
    "%6d %-40.40s pid %8ld at %14.3f phase %-12.12s for %9.1f s in %-20.20s on %-12.12s";
static const char line_scan[] = "%d %40s pid %ld at %lf phase %12s for %lf s in %20c";
static const char at_work[] = "its own work"; /* in no operation */

struct line {
    int rank;
    char host[41], phase[13], what[21];
    long pid;
    double at;    /* when it was written, as wall_sec */
    double still; /* seconds that nothing had moved there then */
};

static double wall_sec(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

/* This rank's line. It cannot be had: then it is old, which is all that the others need to know. */
static void write_line(void)
{
    int board = atomic_load_explicit(&slot.board, memory_order_acquire) - 1;
    const char *phase = text_or(atomic_load_explicit(&slot.phase, memory_order_relaxed), "start");
    char host[41] = "", line[LINE_BYTES + 1];

    if (board < 0)
        return;
    gethostname(host, sizeof host - 1);
    pthread_mutex_lock(&slot.lock);
    int n = snprintf(line, sizeof line, line_format, slot.rank, text_or(host, "?"), (long)getpid(), wall_sec(),
                     phase, tg_now() - slot.moved, text_or(slot.what, at_work),
                     slot.what != NULL ? slot.c->name : "-");
    pthread_mutex_unlock(&slot.lock);
    memset(line + n, ' ', (size_t)(LINE_BYTES - n));
    line[LINE_BYTES - 1] = '\n';
    if (pwrite(board, line, LINE_BYTES, (off_t)slot.rank * LINE_BYTES) != LINE_BYTES)
        return;
}

void comm_phase(const char *phase)
{
    atomic_store_explicit(&slot.phase, phase, memory_order_relaxed);
    comm_progress();
    write_line();
}

/* The whole board; how many lines it has. It is opened anew: only then does NFS look what others have written. */
static int read_board(const struct comm_watchdog *w)
{
    int board = w->path != NULL ? open(w->path, O_RDONLY | O_CLOEXEC) : -1;
    size_t n = 0, all = (size_t)w->n_ranks * LINE_BYTES;
    ssize_t got = 1;

    while (board >= 0 && n < all && got > 0) {
        got = pread(board, w->lines + n, all - n, (off_t)n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (board >= 0)
        close(board);
    return (int)(n / LINE_BYTES);
}

static bool parse_line(const char *from, struct line *l)
{
    char text[LINE_BYTES + 1];

    memcpy(text, from, LINE_BYTES);
    text[LINE_BYTES] = '\0';
    memset(l, 0, sizeof *l);
    return sscanf(text, line_scan, &l->rank, l->host, &l->pid, &l->at, l->phase, &l->still, l->what) == 7;
}

/* Line r of those that read_board read; false: it says nothing. */
static bool line_of(const struct comm_watchdog *w, int r, struct line *l)
{
    return parse_line(w->lines + (size_t)r * LINE_BYTES, l);
}

bool comm_board_look(const char *path, char line[COMM_BOARD_LINE + 1], char host[41], long *pid)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC); /* anew each time: only so does NFS look again */
    struct line l = {0};

    memset(line, 0, COMM_BOARD_LINE + 1);
    bool read = fd >= 0 && pread(fd, line, LINE_BYTES, 0) == LINE_BYTES && parse_line(line, &l);
    if (fd >= 0)
        close(fd);
    if (!read)
        line[0] = '\0';
    memcpy(host, l.host, sizeof l.host);
    *pid = l.pid;
    return read;
}

/* Who has written since the last look; how many lines the board has. */
static int observe(struct comm_watchdog *w)
{
    int n_lines = read_board(w);
    struct line l;

    for (int r = 0; r < n_lines; r++)
        if (line_of(w, r, &l) && (w->seen[r].when <= 0 || l.at != w->seen[r].at))
            w->seen[r] = (struct seen){l.at, tg_now()};
    return n_lines;
}

/* How often the board is written and read: a tenth of the limit, at most every ten seconds. */
static double board_period(const struct comm_watchdog *w)
{
    return w->limit_sec / 10.0 < 10.0 ? w->limit_sec / 10.0 : 10.0;
}

static void keep_board(struct comm_watchdog *w)
{
    double now = tg_now();

    if (now < w->board_next)
        return;
    w->board_next = now + board_period(w);
    write_line();
}

/* Lines of several hosts lie in one page of the file. NFS would write back the whole page with what it last knew of
 * the others' lines, unless each write goes out by itself. */
static void write_through(int fd)
{
    struct statfs fs;
    int flags = fcntl(fd, F_GETFL);
    char self[40];

    if (fstatfs(fd, &fs) != 0 || fs.f_type != NFS_MAGIC || flags < 0)
        return;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd); /* fcntl cannot set this flag: open it again */
    int again = open(self, O_RDWR | O_DSYNC | O_CLOEXEC);
    if (again < 0)
        return;
    dup2(again, fd);
    close(again);
}

static enum tg_status board_room(struct comm_watchdog *w, int n_ranks, const char *path, struct tg_error *err)
{
    w->n_ranks = n_ranks;
    w->lines = malloc((size_t)n_ranks * LINE_BYTES + 1);
    w->seen = calloc((size_t)n_ranks, sizeof *w->seen);
    char *copy = strdup(path);
    if (w->lines == NULL || w->seen == NULL || copy == NULL) {
        free(copy);
        return FAIL(err, TG_ENOMEM, "board of %d ranks", n_ranks);
    }
    w->path = copy; /* the last: the thread looks at it */
    return TG_OK;
}

enum tg_status comm_watchdog_board(struct comm_watchdog *w, struct comm *c, const char *path,
                                   struct tg_error *err)
{
    enum tg_status room = TG_OK;
    int fd = -1;

    if (w != NULL) {
        pthread_mutex_lock(&w->lock);
        room = board_room(w, comm_size(c), path, err);
        pthread_mutex_unlock(&w->lock);
    }
    TRY(comm_agree(c, room, err));
    for (int turn = 0; turn < 2; turn++) { /* rank 0 makes it, then the others open it */
        enum tg_status rc = TG_OK;

        if (w != NULL && (comm_rank(c) != 0) == turn) {
            /* O_CREAT for the others too: then NFS asks the server, and not what it last knew of the directory */
            fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (turn == 0 ? O_TRUNC : 0), 0666);
            if (fd < 0)
                rc = FAIL(err, TG_EIO, "%s: %s", path, strerror(errno));
        }
        rc = comm_agree(c, rc, err);
        if (rc != TG_OK) {
            if (fd >= 0)
                close(fd);
            return rc;
        }
    }
    if (w == NULL)
        return TG_OK;
    write_through(fd);
    slot.rank = w->world_rank;
    atomic_store_explicit(&slot.board, fd + 1, memory_order_release);
    write_line();
    return TG_OK;
}

/* ---- judging a wait ----------------------------------------------------------------------------- */

/* The others of the communicator that this rank waits on. */
struct others {
    int n_silent, n_stuck; /* not heard of for half the limit; own work that has not moved for the limit */
    int n_moving, moving;  /* got on with something within the limit; one of them */
    char phase[13];        /* its phase */
    bool read;             /* a line of theirs could be read */
};

/* log: say who does not get on. */
static void look_at_others(struct comm_watchdog *w, const struct comm *c, struct tg_log *log, struct others *o)
{
    int n_lines = observe(w), n = c->members != NULL ? c->size : n_lines;

    memset(o, 0, sizeof *o);
    for (int i = 0; i < n; i++) {
        int r = c->members != NULL ? c->members[i] : i;
        struct line l;
        double age;

        if (r == w->world_rank || r >= n_lines || !line_of(w, r, &l))
            continue;
        o->read = true;
        age = tg_now() - w->seen[r].when;
        if (age >= w->limit_sec / 2.0) {
            if (++o->n_silent + o->n_stuck <= NAMED_RANKS)
                tg_log(log, TG_LOG_ERROR, "rank %d (host %s, process %ld) has not been heard of for %.0f s, last "
                       "in phase %s", r, l.host, l.pid, age, l.phase);
        } else if (l.still <= w->limit_sec) {
            o->n_moving++;
            o->moving = r;
            memcpy(o->phase, l.phase, sizeof o->phase);
        } else if (strncmp(l.what, at_work, sizeof at_work - 1) == 0) {
            if (o->n_silent + ++o->n_stuck <= NAMED_RANKS)
                tg_log(log, TG_LOG_ERROR, "rank %d (host %s, process %ld) is alive, but nothing has moved there "
                       "for %.0f s, in phase %s", r, l.host, l.pid, l.still, l.phase);
        }
    }
}

/* This wait goes on: said by one rank, once in a limit. */
static void note_wait(struct comm_watchdog *w, const char *phase, double waited, const struct others *o)
{
    if (slot.c->rank != 0 || tg_now() - w->noted < w->limit_sec)
        return;
    w->noted = tg_now();
    tg_log(w->log, TG_LOG_INFO,
           "rank %d (phase %s): %s on \"%s\" has waited %.0f s; it goes on, for others do: rank %d in phase %s",
           w->world_rank, phase, slot.what, slot.c->name, waited, o->moving, o->phase);
}

/* The others are watched for some time before a wait is judged. */
static bool watch_them(struct comm_watchdog *w, double waited)
{
    if (waited < 0.4 * w->limit_sec || tg_now() < w->look_next)
        return false;
    if (waited > w->limit_sec)
        return true;
    w->look_next = tg_now() + board_period(w);
    observe(w);
    return false;
}

/* After a time in which this thread did not come round, nor perhaps the whole job: it is as if it had not been. */
static void forgive_gap(struct comm_watchdog *w)
{
    double now = tg_now(), gap = w->ticked > 0 ? now - w->ticked : 0;

    w->ticked = now;
    if (gap < w->limit_sec / 4.0)
        return;
    for (int r = 0; w->path != NULL && r < w->n_ranks; r++)
        w->seen[r].when = now;
    pthread_mutex_lock(&slot.lock);
    slot.moved = slot.moved + gap < now ? slot.moved + gap : now;
    pthread_mutex_unlock(&slot.lock);
}

/* Ends the job if the operation under way has outlasted the limit, and the wait is in vain. */
static void look(struct comm_watchdog *w)
{
    const char *phase = text_or(atomic_load_explicit(&slot.phase, memory_order_relaxed), "start");
    struct others o;

    pthread_mutex_lock(&slot.lock);
    double waited = slot.what != NULL ? tg_now() - slot.moved : 0;
    pthread_mutex_unlock(&slot.lock);
    if (!watch_them(w, waited))
        return;
    pthread_mutex_lock(&slot.lock);
    waited = tg_now() - slot.moved;
    if (slot.what == NULL || waited <= w->limit_sec) { /* it has moved meanwhile */
        pthread_mutex_unlock(&slot.lock);
        return;
    }
    w->look_next = tg_now() + board_period(w);
    look_at_others(w, slot.c, NULL, &o);
    if (o.n_moving > 0 && o.n_silent == 0 && o.n_stuck == 0) {
        note_wait(w, phase, waited, &o);
        pthread_mutex_unlock(&slot.lock);
        return;
    }
    tg_log(w->log, TG_LOG_ERROR,
           "rank %d (phase %s): %s on \"%s\" has waited %.0f s, limit %.0f s: ending the job",
           w->world_rank, phase, slot.what, slot.c->name, waited, w->limit_sec);
    look_at_others(w, slot.c, w->log, &o);
    if (o.read && o.n_silent == 0 && o.n_stuck == 0)
        tg_log(w->log, TG_LOG_ERROR, "all other ranks of it are alive and wait too: the file \"ranks\" says where");
    end_job();
}

static void *watch(void *arg)
{
    struct comm_watchdog *w = arg;
    double period = w->limit_sec / 10.0 < 1.0 ? w->limit_sec / 10.0 : 1.0;

    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)(1e9 * period);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
        if (!w->stop) {
            forgive_gap(w);
            keep_board(w);
            look(w);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum tg_status comm_watchdog_start(double limit_sec, struct tg_log *log, struct comm_watchdog **w,
                                   struct tg_error *err)
{
    struct comm_watchdog *made;

    *w = NULL;
    if (limit_sec <= 0.0)
        return TG_OK;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return FAIL(err, TG_ENOMEM, "watchdog");
    made->limit_sec = limit_sec;
    made->log = log;
    MPI_Comm_rank(MPI_COMM_WORLD, &made->world_rank);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->wake, NULL);
    int failure = pthread_create(&made->thread, NULL, watch, made);
    if (failure != 0) {
        free(made);
        return FAIL(err, TG_ENOMEM, "watchdog thread: %s", strerror(failure));
    }
    *w = made;
    return TG_OK;
}

void comm_watchdog_stop(struct comm_watchdog *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    int board = atomic_exchange(&slot.board, 0) - 1;
    if (board >= 0)
        close(board);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w->path);
    free(w->lines);
    free(w->seen);
    free(w);
}
