/* comm.c - making and freeing communicators. */
#include "comm_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "tengen/file.h"

enum tg_status comm_mpi_init(int *argc, char ***argv, struct tg_error *err)
{
    int provided = MPI_THREAD_SINGLE;

    /* Blocking calls inside MPI (splitting communicators) then leave the core to whom we wait for.
     * Everything frequent polls in comm_wait anyway, so this costs nothing on a host of our own. */
    if (setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0) != 0)
        return FAIL(err, TG_ENOMEM, "setting OMPI_MCA_mpi_yield_when_idle");
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
    if (provided < MPI_THREAD_FUNNELED)
        return FAIL(err, TG_EINVAL, "this MPI allows no threads: level %d provided, %d needed",
                    provided, MPI_THREAD_FUNNELED);
    return TG_OK;
}

void comm_mpi_finalize(void) { MPI_Finalize(); }

static void free_comm(struct comm *c)
{
    if (c == NULL)
        return;
    free(c->members);
    free(c->gathered);
    free(c);
}

/* Wrap mpi, which *c owns from now on. Collective, also on the ranks that fail. */
static enum tg_status adopt(MPI_Comm mpi, const char *name, struct comm **c, struct tg_error *err)
{
    struct comm *made = calloc(1, sizeof *made);
    int size, missing, missing_anywhere = 0;

    *c = NULL;
    MPI_Comm_size(mpi, &size);
    if (made != NULL) {
        made->gathered = malloc((size_t)size * COMM_SUM_BLOCK * sizeof *made->gathered);
        made->members = malloc((size_t)size * sizeof *made->members);
    }
    missing = made == NULL || made->gathered == NULL || made->members == NULL;
    MPI_Allreduce(&missing, &missing_anywhere, 1, MPI_INT, MPI_MAX, mpi);
    if (missing_anywhere) {
        free_comm(made);
        MPI_Comm_free(&mpi);
        return FAIL(err, TG_ENOMEM, "communicator \"%s\"", name);
    }
    made->mpi = mpi;
    made->name = name;
    made->size = size;
    MPI_Comm_rank(mpi, &made->rank);
    MPI_Comm_rank(MPI_COMM_WORLD, &made->world_rank);
    MPI_Allgather(&made->world_rank, 1, MPI_INT, made->members, 1, MPI_INT, mpi);
    *c = made;
    return TG_OK;
}

/* Collective on mpi. */
static double ranks_per_core(MPI_Comm mpi)
{
    MPI_Comm host;
    int n;

    MPI_Comm_split_type(mpi, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &n);
    MPI_Comm_free(&host);
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    return n > cores ? n / cores : 0;
}

enum tg_status comm_open(MPI_Comm mpi, const char *name, struct comm **c, struct tg_error *err)
{
    MPI_Comm dup;

    comm_watch_enter("opening", &(struct comm){.name = name});
    MPI_Comm_dup(mpi, &dup);
    double crowd = ranks_per_core(dup);
    enum tg_status rc = adopt(dup, name, c, err);
    if (rc == TG_OK)
        (*c)->crowd = crowd;
    comm_watch_leave();
    return rc;
}

enum tg_status comm_subset(struct comm *c, bool member, const char *name, struct comm **out,
                           struct tg_error *err)
{
    MPI_Comm part;
    double start = tg_now();
    enum tg_status rc = TG_OK;

    *out = NULL;
    comm_watch_enter("splitting", c);
    MPI_Comm_split(c->mpi, member ? 0 : MPI_UNDEFINED, c->rank, &part);
    if (member)
        rc = adopt(part, name, out, err);
    if (*out != NULL)
        (*out)->crowd = c->crowd;
    comm_watch_leave();
    c->wait_sec += tg_now() - start;
    return rc;
}

/* TENGEN_HOST_RANKS=N, for tests: every N ranks of the world are taken for a host of their own. */
static void divide_host(const struct comm *c, MPI_Comm *part)
{
    const char *text = getenv("TENGEN_HOST_RANKS");
    int n = text != NULL ? atoi(text) : 0;
    MPI_Comm whole = *part;

    if (n < 1)
        return;
    MPI_Comm_split(whole, c->world_rank / n, c->rank, part);
    MPI_Comm_free(&whole);
}

enum tg_status comm_host(struct comm *c, struct comm **out, struct tg_error *err)
{
    MPI_Comm part;
    double start = tg_now();

    comm_watch_enter("splitting by host", c);
    MPI_Comm_split_type(c->mpi, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &part);
    divide_host(c, &part);
    enum tg_status rc = adopt(part, "host", out, err);
    if (*out != NULL)
        (*out)->crowd = c->crowd;
    comm_watch_leave();
    c->wait_sec += tg_now() - start;
    return rc;
}

void comm_host_number(struct comm *c, struct comm *host, int *number, int *n_hosts)
{
    int64_t before, total;

    comm_exscan_i64(c, host->rank == 0, &before, &total);
    comm_bcast(host, &before, sizeof before, 0);
    *number = (int)before;
    *n_hosts = (int)total;
}

void comm_close(struct comm *c)
{
    if (c == NULL)
        return;
    comm_mail_close(c);
    comm_link_close(c->link);
    comm_watch_enter("closing", c);
    MPI_Comm_free(&c->mpi);
    comm_watch_leave();
    free_comm(c);
}

int comm_rank(const struct comm *c) { return c->rank; }
int comm_size(const struct comm *c) { return c->size; }
const char *comm_name(const struct comm *c) { return c->name; }
MPI_Comm comm_mpi(const struct comm *c) { return c->mpi; }
void comm_log(struct comm *c, struct tg_log *log) { c->log = log; }

double comm_wait_sec(struct comm *c)
{
    double sec = c->wait_sec;

    c->wait_sec = 0.0;
    return sec;
}
