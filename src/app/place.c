/* place.c - which device is this rank's, and its threads beside it. */
#include <stdlib.h>
#include <string.h>

#include "run.h"

enum { LINE = 400, MAX_LINES = 64 };

/* Rank 0 tells where everybody is. */
static enum tg_status tell(struct run *run, const char *mine, struct tg_error *err)
{
    void *all = NULL;
    size_t *starts = malloc(((size_t)comm_size(run->world) + 1) * sizeof *starts);
    enum tg_status rc = starts == NULL ? FAIL(err, TG_ENOMEM, "places of ranks") : TG_OK;

    TRY_OUT(comm_agree(run->world, rc, err));
    TRY_OUT(comm_allgatherv(run->world, mine, strlen(mine), &all, starts, err));
    for (int r = 0; comm_rank(run->world) == 0 && r < comm_size(run->world) && r < MAX_LINES; r++)
        if (starts[r + 1] > starts[r])
            tg_log(&run->app->log, TG_LOG_INFO, "rank %d: %.*s", r, (int)(starts[r + 1] - starts[r]),
                   (const char *)all + starts[r]);
out:
    free(all);
    free(starts);
    return rc;
}

enum tg_status run_place(struct run *run, struct tg_error *err)
{
    char text[LINE];

    /* before threads are bound: what they are bound to may be shared with other ranks */
    run->threads = run->o.selfplay.threads > 0 ? run->o.selfplay.threads : app_threads(comm_size(run->host));
    run->device = comm_rank(run->host);
    TRY(comm_agree(run->world, nn_backend_place(run->backend, run->device, text, sizeof text, err), err));
    return tell(run, text, err);
}
