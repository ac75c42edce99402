/* hang.c - two ranks of which one waits in vain; the watchdog's limit is half a second without a board, else two.
 *   hang                rank 1 stays away from a barrier
 *   hang stuck PATH     the same, with a board
 *   hang crossed PATH   each waits in a barrier of another communicator */
#include <string.h>
#include <time.h>

#include "tengen/comm.h"

int main(int argc, char **argv)
{
    struct tg_log log = {.level = TG_LOG_INFO, .stream = stderr};
    bool board = argc == 3, crossed = board && strcmp(argv[1], "crossed") == 0;
    struct comm *c, *other;
    struct comm_watchdog *w;

    if (comm_mpi_init(&argc, &argv, NULL) != TG_OK || comm_open(MPI_COMM_WORLD, "train", &c, NULL) != TG_OK ||
        comm_open(MPI_COMM_WORLD, "other", &other, NULL) != TG_OK ||
        comm_watchdog_start(board ? 2 : 0.5, &log, &w, NULL) != TG_OK)
        return 3;
    if (board && comm_watchdog_board(w, c, argv[2], NULL) != TG_OK)
        return 3;
    comm_phase("drill");
    if (comm_rank(c) == 1 && !crossed)
        nanosleep(&(struct timespec){.tv_sec = 40}, NULL);
    comm_barrier(crossed && comm_rank(c) == 1 ? other : c);
    return 0; /* not reached: it would end the job with status 0 */
}
