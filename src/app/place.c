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

/* Do ranks of this host share a device? */
static enum tg_status shared(struct run *run, const unsigned char uuid[TG_DEVICE_UUID], bool *are,
                             struct tg_error *err)
{
    static const unsigned char none[TG_DEVICE_UUID];
    int n = comm_size(run->host);
    unsigned char (*all)[TG_DEVICE_UUID] = malloc((size_t)n * sizeof *all);
    enum tg_status rc = TG_OK;

    *are = false;
    TRY_OUT(comm_agree(run->world, all == NULL ? FAIL(err, TG_ENOMEM, "devices of ranks") : TG_OK, err));
    comm_allgather(run->host, uuid, all, sizeof *all);
    for (int a = 1; a < n; a++)
        for (int b = 0; b < a; b++)
            *are = *are || (memcmp(all[a], all[b], sizeof *all) == 0 && memcmp(all[a], none, sizeof none) != 0);
out:
    free(all);
    return rc;
}

/* The first host where ranks share a device and lack what that needs speaks for all. */
static enum tg_status warn_of_sharing(struct run *run, const unsigned char uuid[TG_DEVICE_UUID],
                                      struct tg_error *err)
{
    char lacks[LINE] = "";
    int64_t before, n_hosts;
    bool are;

    TRY(shared(run, uuid, &are, err));
    if (are && comm_rank(run->host) == 0)
        nn_backend_sharing(run->backend, lacks, sizeof lacks);
    comm_exscan_i64(run->world, lacks[0] != '\0', &before, &n_hosts);
    if (lacks[0] != '\0' && before == 0)
        tg_log(&run->app->log, TG_LOG_WARN, "ranks share a GPU on %lld of %d hosts, and %s", (long long)n_hosts,
               run->n_hosts, lacks);
    return TG_OK;
}

enum tg_status run_place(struct run *run, struct tg_error *err)
{
    unsigned char uuid[TG_DEVICE_UUID];
    char text[LINE];

    /* before threads are bound: what they are bound to may be shared with other ranks */
    run->threads = run->o.selfplay.threads > 0 ? run->o.selfplay.threads : app_threads(comm_size(run->host));
    run->device = comm_rank(run->host);
    TRY(comm_agree(run->world, nn_backend_place(run->backend, run->device, text, sizeof text, uuid, err), err));
    TRY(tell(run, text, err));
    return warn_of_sharing(run, uuid, err);
}
