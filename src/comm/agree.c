/* agree.c - one rank's failure becomes everybody's. */
#include "comm_private.h"

#include <stdio.h>
#include <string.h>

/* The text of the first rank that failed, with its number. A text that has passed an agreement of
 * another communicator already names the rank at fault. */
static void failure_text(const struct comm *c, const struct tg_error *err, char text[TG_ERROR_TEXT])
{
    const char *own = err != NULL && err->text[0] != '\0' ? err->text : "failed";

    if (c->size == 1 || strncmp(own, "rank ", 5) == 0)
        snprintf(text, TG_ERROR_TEXT, "%s", own);
    else
        snprintf(text, TG_ERROR_TEXT, "rank %d: %.*s", c->world_rank, TG_ERROR_TEXT - 24, own);
}

enum tg_status comm_agree(struct comm *c, enum tg_status mine, struct tg_error *err)
{
    /* Both by maximum: the worst status, and the lowest rank that has one. */
    int vote[2] = {(int)mine, mine != TG_OK ? c->size - c->rank : 0};
    char text[TG_ERROR_TEXT] = "";
    MPI_Request q;

    MPI_Iallreduce(MPI_IN_PLACE, vote, 2, MPI_INT, MPI_MAX, c->mpi, &q);
    comm_wait(c, &q, "agreement");
    if (vote[0] == TG_OK)
        return TG_OK;

    int first = c->size - vote[1];
    enum tg_status code = (enum tg_status)vote[0];
    if (c->rank == first)
        failure_text(c, err, text);
    comm_bcast(c, text, sizeof text, first);
    if (mine == TG_OK)
        return FAIL(err, code, "%s", text);
    if (err != NULL) { /* keep the trace of what failed here */
        err->code = code;
        memcpy(err->text, text, sizeof text);
        tg_trace_at(err, __FILE__, __LINE__, __func__);
    }
    return code;
}
