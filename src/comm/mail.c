/* mail.c - messages from one rank to another, when the other gets to them. */
#include "comm_private.h"

#include <stdlib.h>
#include <string.h>

struct comm_mail {
    MPI_Request request;
    struct comm_mail *next;
    unsigned char bytes[];
};

/* Free what has been sent. */
static void reap(struct comm *c)
{
    for (struct comm_mail **m = &c->mail; *m != NULL;) {
        struct comm_mail *one = *m;
        int done = 0;

        MPI_Test(&one->request, &done, MPI_STATUS_IGNORE);
        if (done) {
            *m = one->next;
            free(one);
        } else {
            m = &one->next;
        }
    }
}

enum tg_status comm_post(struct comm *c, int to, const void *bytes, size_t n, struct tg_error *err)
{
    struct comm_mail *m = malloc(sizeof *m + n), **end = &c->mail;

    reap(c);
    if (m == NULL)
        return FAIL(err, TG_ENOMEM, "a message of %zu bytes on \"%s\"", n, c->name);
    memcpy(m->bytes, bytes, n);
    m->next = NULL;
    MPI_Isend(m->bytes, (int)n, MPI_BYTE, to, COMM_TAG_MAIL, c->mpi, &m->request);
    while (*end != NULL)
        end = &(*end)->next;
    *end = m;
    return TG_OK;
}

bool comm_fetch(struct comm *c, void *bytes, size_t n)
{
    MPI_Status status;
    MPI_Request q;
    int there = 0, length = 0;

    reap(c);
    MPI_Iprobe(MPI_ANY_SOURCE, COMM_TAG_MAIL, c->mpi, &there, &status);
    if (!there)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &length);
    if ((size_t)length != n)
        return false; /* our own mistake: all messages of a communicator have one length */
    MPI_Irecv(bytes, length, MPI_BYTE, status.MPI_SOURCE, COMM_TAG_MAIL, c->mpi, &q);
    comm_wait(c, &q, "message");
    return true;
}

void comm_mail_close(struct comm *c)
{
    while (c->mail != NULL) {
        struct comm_mail *m = c->mail;

        comm_wait(c, &m->request, "message not fetched");
        c->mail = m->next;
        free(m);
    }
}
