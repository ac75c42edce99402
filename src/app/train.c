/* train.c - tengen train CONFIG. */
#include <stdlib.h>
#include <unistd.h>

#include "run.h"
#include "tengen/file.h"

static enum tg_status finish(struct run *run, bool stopped, struct tg_error *err)
{
    enum tg_status rc = TG_OK;

    if (comm_rank(run->world) == 0) {
        struct manifest *m = &run->manifest;
        char stop[RUN_PATH_MAX];

        snprintf(m->status, sizeof m->status, stopped ? "stopped" : "completed");
        snprintf(m->stop_reason, sizeof m->stop_reason, "%s", stopped ? run->stop_reason : "");
        rc = manifest_save(m, run->dir, err);
        if (run_path(run->dir, RUN_STOP, 0, stop, NULL) == TG_OK)
            unlink(stop); /* it has been obeyed, or came too late to be: the next start goes on */
        tg_log(&run->app->log, TG_LOG_INFO, "%s: %s after %lld iterations, %lld games, %lld rows, %lld steps",
               run->dir, m->status, (long long)m->iterations, (long long)m->n_games,
               (long long)m->n_rows, (long long)m->n_steps);
    }
    return comm_agree(run->world, rc, err);
}

enum tg_status app_train(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct run *run = calloc(1, sizeof *run);
    bool stopped = false;
    enum tg_status rc;

    if (run == NULL)
        return FAIL(err, TG_ENOMEM, "run");
    run->app = app;
    run->command.iterations = run->command.seed = -1;
    const struct app_arg args[] = {
        {NULL, APP_ARG_TEXT, &run->command.config},
        {"--run", APP_ARG_TEXT, &run->command.dir},
        {"--set", APP_ARG_LIST, &run->command.set},
        {"--iterations", APP_ARG_INT, &run->command.iterations},
        {"--seed", APP_ARG_INT, &run->command.seed},
        {"--inject", APP_ARG_TEXT, &run->command.inject},
        {"--walltime", APP_ARG_TEXT, &run->command.walltime},
    };
    TRY_OUT(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (run->command.config == NULL) {
        rc = FAIL(err, TG_EINVAL, "train: which config? tengen train CONFIG (see tengen help train)");
        goto out;
    }
    if (run->command.inject != NULL)
        TRY_OUT(run_inject_parse(run->command.inject, &run->inject, err));
    run_signals_install();
    TRY_OUT(run_open(run, err));
    run->opened = tg_now();
    run_progress_init(run);
    run->first_iteration = run->at.iteration;
    TRY_OUT(run_loop(run, &stopped, err));
    TRY_OUT(finish(run, stopped, err));
    app->stopped = stopped;
out:
    run_close(run);
    free(run);
    return rc;
}
