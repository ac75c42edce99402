/* loop.c - the cycle: games become rows, rows a shard, the window's rows gradients, gradients a
 * candidate, and the candidate plays.
 *
 * Every rank runs this loop; a phase does nothing on ranks whose role has no part in it. With lag 1
 * trainer and self-play ranks are different ones, so run_play and run_train go on at the same time:
 * the trainers work on what was committed before. With lag 0 the rows of an iteration are trained on
 * before the next one is played. */
#include "run.h"

/* One iteration. After it everything that the next one needs is on disk. Where a request from outside
 * cuts a phase short, all ranks come out here with run->cut. */
static enum tg_status iterate(struct run *run, struct tg_error *err)
{
    TRY(run_resolve(run, err));
    TRY(run_play(run, err));
    if (run->lag > 0)
        TRY(run_train(run, err));
    if (run_cut(run))
        return TG_OK;
    TRY(run_commit(run, err));
    if (run->lag == 0) {
        TRY(run_train(run, err));
        if (run_cut(run))
            return TG_OK;
    }
    TRY(run_publish(run, err));
    TRY(run_judge(run, err));
    if (run->cut)
        return TG_OK;
    TRY(run_checkpoint(run, err));
    if (run->figures.trained && run->lag > 0)
        run_judge_roles(run, run->figures.play_sec, run->figures.train_sec);
    return run_tell(run, err);
}

enum tg_status run_loop(struct run *run, bool *stopped, struct tg_error *err)
{
    *stopped = false;
    while (run->at.iteration < run->o.iterations) {
        if (run_stop_agreed(run)) {
            *stopped = true;
            break;
        }
        TRY(run_change_roles(run, err));
        if (run->o.cluster.mode == RUN_CONTINUOUS && !run_pretraining(run)) {
            TRY(run_continuous(run, err)); /* to the end, a stop, or a change of roles */
            continue;
        }
        TRY(iterate(run, err));
        if (run->cut)
            TRY(run_leave(run, err));
        run->checkpointing = false;
    }
    return TG_OK;
}
