/* hang.c - rank 1 stays away from a barrier; the watchdog's limit is half a second. */
#include <stdlib.h>
#include <time.h>

#include "tengen/comm.h"

int main(int argc, char **argv)
{
    struct tg_log log = {.level = TG_LOG_INFO, .stream = stderr};
    struct comm *c;
    struct comm_watchdog *w;

    if (comm_mpi_init(&argc, &argv, NULL) != TG_OK
        || comm_open(MPI_COMM_WORLD, "train", &c, NULL) != TG_OK
        || comm_watchdog_start(0.5, &log, &w, NULL) != TG_OK)
        return 3;
    comm_phase("drill");
    if (comm_rank(c) == 1)
        nanosleep(&(struct timespec){.tv_sec = 40}, NULL);
    comm_barrier(c);
    return 0; /* not reached: it would end the job with status 0 */
}
