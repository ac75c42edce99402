/* pulse.c - sums over all ranks that go on beside everything else. */
#include "comm_private.h"

#include <stdlib.h>

#include "tengen/file.h"

struct comm_pulse {
    struct comm *comm;   /* owned: messages of its own */
    int n;               /* items, the hidden last one included: ranks that are leaving */
    double period_sec, next;
    int64_t *mine;       /* owned: [n] mine, [n] sent, [n] arriving, [n] last sums */
    int64_t *sent, *arriving, *sums;
    int64_t number;
    MPI_Request request;
    bool under_way, ended;
};

enum tg_status comm_pulse_open(struct comm *c, int n_items, double period_sec,
                               struct comm_pulse **pulse, struct tg_error *err)
{
    struct comm_pulse *p = calloc(1, sizeof *p);
    enum tg_status rc = TG_OK;

    *pulse = NULL;
    if (p != NULL)
        p->mine = calloc(4 * ((size_t)n_items + 1), sizeof *p->mine);
    if (p == NULL || p->mine == NULL)
        rc = FAIL(err, TG_ENOMEM, "pulse of %d items", n_items);
    TRY_OUT(comm_agree(c, rc, err));
    p->n = n_items + 1;
    p->sent = p->mine + p->n;
    p->arriving = p->sent + p->n;
    p->sums = p->arriving + p->n;
    p->period_sec = period_sec;
    TRY_OUT(comm_open(c->mpi, "pulse", &p->comm, err));
    *pulse = p;
    return TG_OK;
out:
    if (p != NULL)
        free(p->mine);
    free(p);
    return rc;
}

void comm_pulse_set(struct comm_pulse *p, int item, int64_t value) { p->mine[item] = value; }
int64_t comm_pulse_number(const struct comm_pulse *p) { return p->number; }
const int64_t *comm_pulse_sums(const struct comm_pulse *p) { return p->sums; }

static void start(struct comm_pulse *p, double now)
{
    for (int i = 0; i < p->n; i++)
        p->sent[i] = p->mine[i];
    MPI_Iallreduce(p->sent, p->arriving, p->n, MPI_INT64_T, MPI_SUM, p->comm->mpi, &p->request);
    p->under_way = true;
    p->next = now + p->period_sec;
}

bool comm_pulse_poll(struct comm_pulse *p)
{
    int done = 0;

    if (p->ended)
        return false;
    if (!p->under_way) {
        double now = tg_now();

        if (now < p->next)
            return false;
        start(p, now);
    }
    MPI_Test(&p->request, &done, MPI_STATUS_IGNORE);
    if (!done)
        return false;
    p->under_way = false;
    for (int i = 0; i < p->n; i++)
        p->sums[i] = p->arriving[i];
    p->number++;
    p->ended = p->sums[p->n - 1] == p->comm->size;
    return true;
}

void comm_pulse_close(struct comm_pulse *p)
{
    if (p == NULL)
        return;
    p->mine[p->n - 1] = 1;
    p->period_sec = 0.0; /* the sums now come one after the other, until one says that all are leaving */
    p->next = 0.0;
    while (!p->ended) {
        if (!p->under_way)
            start(p, 0.0);
        comm_wait(p->comm, &p->request, "last pulse");
        comm_pulse_poll(p); /* finds the request done */
    }
    comm_close(p->comm);
    free(p->mine);
    free(p);
}
