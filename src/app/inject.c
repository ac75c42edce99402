/* inject.c - failures on demand, for tests: --inject WHAT@RANK:PHASE[:ITERATION]. At the start of that phase:
 *   kill          SIGKILL
 *   stop          as if SIGTERM had come
 *   hang          SIGSTOP, for the watchdog
 *   disk-full     from then on this rank's files cannot grow beyond some kilobytes
 *   torn-write    the end of the newest file of the run is lost, then SIGKILL: as when the power fails
 *   bit-flip      one bit of the newest file is wrong, then SIGKILL
 *   nan-gradient  the next steps of training meet targets that are no numbers
 *   slow-rank     from then on this rank takes a nap wherever it polls */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

enum tg_status run_inject_parse(const char *text, struct run_inject *inject, struct tg_error *err)
{
    static const char *const kinds[] = {"kill", "stop", "hang", "disk-full",
                                        "torn-write", "bit-flip", "nan-gradient", "slow-rank"};
    const char *at = strchr(text, '@'), *colon;
    char *end;

    memset(inject, 0, sizeof *inject);
    inject->kind = INJECT_NONE;
    for (size_t i = 0; at != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i]) == (size_t)(at - text) && strncmp(text, kinds[i], (size_t)(at - text)) == 0)
            inject->kind = (enum inject_kind)(i + 1);
    if (inject->kind == INJECT_NONE)
        return FAIL(err, TG_EINVAL, "--inject %s: not kill, stop, hang, disk-full, torn-write, bit-flip, "
                    "nan-gradient or slow-rank @RANK:PHASE[:ITERATION]", text);
    inject->rank = (int)strtol(at + 1, &end, 10);
    if (end == at + 1 || *end != ':')
        return FAIL(err, TG_EINVAL, "--inject %s: no rank behind @", text);
    colon = strchr(end + 1, ':');
    snprintf(inject->phase, sizeof inject->phase, "%.*s",
             (int)(colon != NULL ? (size_t)(colon - end - 1) : strlen(end + 1)), end + 1);
    inject->iteration = colon != NULL ? strtoll(colon + 1, NULL, 10) : 1;
    return TG_OK;
}

/* The newest file of this directory, if it is newer than *newest. */
static void look_for_newest(const struct run *run, enum run_file what, char path[RUN_PATH_MAX],
                            struct timespec *newest)
{
    char dir[RUN_PATH_MAX], one[2 * RUN_PATH_MAX];
    DIR *d = run_path(run->dir, what, 0, dir, NULL) == TG_OK ? opendir(dir) : NULL;

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        struct stat st;

        snprintf(one, sizeof one, "%s/%s", dir, e->d_name);
        if (strlen(one) >= RUN_PATH_MAX || stat(one, &st) != 0 || !S_ISREG(st.st_mode) ||
            st.st_mtim.tv_sec < newest->tv_sec ||
            (st.st_mtim.tv_sec == newest->tv_sec && st.st_mtim.tv_nsec <= newest->tv_nsec))
            continue;
        *newest = st.st_mtim;
        snprintf(path, RUN_PATH_MAX, "%.1000s", one);
    }
    if (d != NULL)
        closedir(d);
}

static void damage_newest(const struct run *run, bool tear)
{
    char path[RUN_PATH_MAX] = "";
    struct timespec newest = {0};
    struct stat st;
    unsigned char byte;

    look_for_newest(run, RUN_REPLAY, path, &newest);
    look_for_newest(run, RUN_NETS, path, &newest);
    look_for_newest(run, RUN_CHECKPOINTS, path, &newest);
    int fd = open(path, O_RDWR);
    if (fd < 0 || fstat(fd, &st) != 0)
        return;
    tg_log(&run->app->log, TG_LOG_WARN, "damaging %s", path);
    if (tear && ftruncate(fd, st.st_size * 2 / 3) != 0)
        tg_log(&run->app->log, TG_LOG_WARN, "it cannot be cut");
    if (!tear && pread(fd, &byte, 1, st.st_size / 2) == 1) {
        byte ^= 16;
        if (pwrite(fd, &byte, 1, st.st_size / 2) != 1)
            tg_log(&run->app->log, TG_LOG_WARN, "it cannot be written");
    }
    close(fd);
}

static void strike(struct run *run)
{
    enum { BAD_STEPS = 3, FULL_BYTES = 4096 };

    switch (run->inject.kind) {
    case INJECT_NONE: break;
    case INJECT_KILL: raise(SIGKILL); break;
    case INJECT_STOP: raise(SIGTERM); break;
    case INJECT_HANG: raise(SIGSTOP); break;
    case INJECT_DISK_FULL:
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){FULL_BYTES, FULL_BYTES});
        break;
    case INJECT_TORN_WRITE:
    case INJECT_BIT_FLIP:
        damage_newest(run, run->inject.kind == INJECT_TORN_WRITE);
        raise(SIGKILL);
        break;
    case INJECT_NAN_GRADIENT:
        if (run->trainer != NULL)
            trainer_poison(run->trainer, BAD_STEPS);
        break;
    case INJECT_SLOW_RANK: run->slow = true; break;
    }
}

void run_phase(struct run *run, const char *phase)
{
    const struct run_inject *i = &run->inject;

    comm_phase(phase);
    if (i->kind != INJECT_NONE && i->rank == comm_rank(run->world) && strcmp(i->phase, phase) == 0 &&
        i->iteration == run->at.iteration + 1)
        strike(run);
}
