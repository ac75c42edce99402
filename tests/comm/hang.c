/* hang.c - two ranks of which one waits in vain; the watchdog's limit is half a second without a board, else two.
 *   hang                rank 1 stays away from a barrier
 *   hang stuck PATH     the same, with a board
 *   hang crossed PATH   each waits in a barrier of another communicator
 * and some that wait long, but not in vain; status 0:
 *   hang skewed PATH    rank 1's clock is an hour slow, and it comes after three limits; its line says that it gets on
 *   hang suspended PATH both are stopped (SIGSTOP) for two limits, rank 1 a little longer */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tengen/comm.h"

static void nap(double sec)
{
    time_t whole = (time_t)sec;

    nanosleep(&(struct timespec){.tv_sec = whole, .tv_nsec = (long)(1e9 * (sec - (double)whole))}, NULL);
}

/* Lines of rank 1 as a watchdog would write them, but for the clock: rank 0's, with another number and time. */
static int keep_skewed(const char *path)
{
    enum { LINE = 192 };
    char line[LINE + 1] = "", stamp[40];
    int fd = open(path, O_RDWR);

    for (int i = 0; fd >= 0 && i < 60; i++, nap(0.1)) {
        if (pread(fd, line, LINE, 0) != LINE || strstr(line, " at ") == NULL)
            continue; /* rank 0 is about to write its own */
        snprintf(stamp, sizeof stamp, "%14.3f", (double)time(NULL) - 3600 + 0.1 * (i % 10));
        memcpy(strstr(line, " at ") + 4, stamp, 14);
        snprintf(stamp, sizeof stamp, "%9.1f", 0.0);
        memcpy(strstr(line, " for ") + 5, stamp, 9);
        line[5] = '1';
        if (pwrite(fd, line, LINE, LINE) != LINE)
            return 3;
    }
    return fd >= 0 ? close(fd) : 3;
}

static int be_suspended(int rank)
{
    char command[120];

    snprintf(command, sizeof command, "(sleep 1; kill -STOP %ld; sleep %d.%d; kill -CONT %ld) &", (long)getpid(), 4,
             4 * rank, (long)getpid());
    return system(command);
}

/* A long wait of rank 0 that is not in vain. */
static int be_patient(const char *what, struct comm *c, struct comm_watchdog *w, const char *board)
{
    bool late = comm_rank(c) == 1, skewed = strcmp(what, "skewed") == 0;

    if (skewed && late && keep_skewed(board) != 0)
        return 3;
    if (!skewed && be_suspended(comm_rank(c)) != 0)
        return 3;
    for (int i = 0; !skewed && late && i < 20; i++, nap(0.1))
        comm_progress();
    comm_barrier(c);
    comm_watchdog_stop(w);
    comm_mpi_finalize();
    return 0;
}

int main(int argc, char **argv)
{
    struct tg_log log = {.level = TG_LOG_INFO, .stream = stderr};
    bool board = argc == 3, crossed = board && strcmp(argv[1], "crossed") == 0;
    bool skewed = board && strcmp(argv[1], "skewed") == 0, suspended = board && strcmp(argv[1], "suspended") == 0;
    struct comm *c, *other;
    struct comm_watchdog *w;

    if (comm_mpi_init(&argc, &argv, NULL) != TG_OK || comm_open(MPI_COMM_WORLD, "train", &c, NULL) != TG_OK ||
        comm_open(MPI_COMM_WORLD, "other", &other, NULL) != TG_OK ||
        comm_watchdog_start(skewed && comm_rank(c) == 1 ? 0 : board ? 2 : 0.5, &log, &w, NULL) != TG_OK)
        return 3;
    if (board && comm_watchdog_board(w, c, argv[2], NULL) != TG_OK)
        return 3;
    comm_phase("drill");
    if (skewed || suspended)
        return be_patient(argv[1], c, w, argv[2]);
    if (comm_rank(c) == 1 && !crossed)
        nap(40);
    comm_barrier(crossed && comm_rank(c) == 1 ? other : c);
    return 0; /* not reached: it would end the job with status 0 */
}
