/* loop.c - the cycle: games become rows, rows a shard, the window's rows gradients, gradients a
 * candidate, and the candidate plays.
 *
 * Every rank runs this loop; a phase does nothing on ranks whose role has no part in it. With lag 1
 * trainer and self-play ranks are different ones, so run_play and run_train go on at the same time:
 * the trainers work on what was committed before. With lag 0 the rows of an iteration are trained on
 * before the next one is played. */
#include "run.h"

/* One iteration. After it everything that the next one needs is on disk. */
static enum tg_status iterate(struct run *run, struct tg_error *err)
{
    TRY(run_resolve(run, err));
    if (run->lag == 0) {
        TRY(run_play(run, err));
        TRY(run_commit(run, err));
        TRY(run_train(run, err));
    } else {
        TRY(run_play(run, err));
        TRY(run_train(run, err));
        TRY(run_commit(run, err));
    }
    TRY(run_publish(run, err));
    TRY(run_judge(run, err));
    TRY(run_checkpoint(run, err));
    return run_tell(run, err);
}

/* Rank 0 decides, all ranks learn it. */
static bool stop_agreed(struct run *run)
{
    unsigned char stop = comm_rank(run->world) == 0 && run_stop_requested(run);

    comm_bcast(run->world, &stop, 1, 0);
    return stop != 0;
}

enum tg_status run_loop(struct run *run, bool *stopped, struct tg_error *err)
{
    *stopped = false;
    while (run->at.iteration < run->o.iterations) {
        if (stop_agreed(run)) {
            *stopped = true;
            break;
        }
        TRY(iterate(run, err));
    }
    return TG_OK;
}
