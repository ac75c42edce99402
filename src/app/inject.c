/* inject.c - failures on demand, for tests: --inject WHAT@RANK:PHASE[:ITERATION].
 *
 * kill: SIGKILL at the start of the phase. stop: as if SIGTERM had come. hang: SIGSTOP, for the watchdog. disk-full: from then on this rank's files cannot
 * grow beyond some kilobytes. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "run.h"

enum tg_status run_inject_parse(const char *text, struct run_inject *inject, struct tg_error *err)
{
    static const char *const kinds[] = {"kill", "stop", "hang", "disk-full"};
    const char *at = strchr(text, '@'), *colon;
    char *end;

    memset(inject, 0, sizeof *inject);
    inject->kind = INJECT_NONE;
    for (size_t i = 0; at != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i]) == (size_t)(at - text) && strncmp(text, kinds[i], (size_t)(at - text)) == 0)
            inject->kind = (enum inject_kind)(i + 1);
    if (inject->kind == INJECT_NONE)
        return FAIL(err, TG_EINVAL, "--inject %s: not kill@, stop@, hang@ or disk-full@ RANK:PHASE[:ITERATION]", text);
    inject->rank = (int)strtol(at + 1, &end, 10);
    if (end == at + 1 || *end != ':')
        return FAIL(err, TG_EINVAL, "--inject %s: no rank behind @", text);
    colon = strchr(end + 1, ':');
    snprintf(inject->phase, sizeof inject->phase, "%.*s",
             (int)(colon != NULL ? (size_t)(colon - end - 1) : strlen(end + 1)), end + 1);
    inject->iteration = colon != NULL ? strtoll(colon + 1, NULL, 10) : 1;
    return TG_OK;
}

void run_phase(struct run *run, const char *phase)
{
    const struct run_inject *i = &run->inject;

    comm_phase(phase);
    if (i->kind == INJECT_NONE || i->rank != comm_rank(run->world) || strcmp(i->phase, phase) != 0 ||
        i->iteration != run->at.iteration + 1)
        return;
    if (i->kind == INJECT_DISK_FULL) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096});
        return;
    }
    raise(i->kind == INJECT_KILL ? SIGKILL : i->kind == INJECT_STOP ? SIGTERM : SIGSTOP);
}
