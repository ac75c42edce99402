/* progress.c - one line that is drawn over and over on a terminal, or a plain line now and then. */
#include "progress.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tengen/file.h"

static const double redraw_sec = 0.25, retell_sec = 60;
enum { LINE = 256, NARROW = 40 };

/* Open MPI gives its ranks a pipe and copies it to its own standard error: is that a terminal? */
static int launchers_terminal(int fd)
{
    struct stat st;
    char path[64];
    int terminal;

    if (getenv("OMPI_COMM_WORLD_RANK") == NULL || fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))
        return -1;
    snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)getppid());
    terminal = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0 && !isatty(terminal)) {
        close(terminal);
        return -1;
    }
    return terminal;
}

void progress_init(struct progress *p, struct tg_log *log)
{
    memset(p, 0, sizeof *p);
    p->log = log;
    p->terminal = -1;
    if (log == NULL || log->level < TG_LOG_INFO)
        return;
    int fd = fileno(log->stream);
    if (fd >= 0 && isatty(fd)) {
        p->terminal = fd;
    } else if (fd >= 0) {
        p->terminal = launchers_terminal(fd);
        p->owned = p->terminal >= 0;
    }
    p->drawn = p->terminal >= 0 ? 0 : tg_now();
}

static int columns_of(int terminal)
{
    struct winsize size;

    if (ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col < NARROW)
        return 80;
    return size.ws_col;
}

/* ---- the text ----------------------------------------------------------------------------------- */

static void time_text(double sec, char text[32])
{
    long s = sec < 3.6e8 ? lround(sec) : 360000000;

    if (s < 3600)
        snprintf(text, 32, "%ld:%02ld", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf(text, 32, "%ld:%02ld h", s / 3600, s / 60 % 60);
    else
        snprintf(text, 32, "%.1f days", (double)s / 86400);
}

/* "842", "12.3k", "4.56M": at most six characters. */
static void count_text(double x, char text[32])
{
    const char *unit = x >= 999.5e6 ? "G" : x >= 999.5e3 ? "M" : x >= 9999.5 ? "k" : "";
    double scaled = x / (*unit == 'G' ? 1e9 : *unit == 'M' ? 1e6 : *unit == 'k' ? 1e3 : 1);

    snprintf(text, 32, "%.*f%s", *unit == '\0' ? 0 : scaled < 99.95 ? 1 : 0, scaled, unit);
}

static void rate_text(double x, char text[32])
{
    if (x < 99.95)
        snprintf(text, 32, "%.*f", x < 9.995 ? 2 : 1, x);
    else
        count_text(x, text);
}

/* Words for a wide terminal, or short ones. Returns the length. */
static size_t compose(const struct report_progress *now, bool wide, char *text, size_t n)
{
    char parts[5][64] = {""}, a[32];
    double done = now->done < 0 ? 0 : now->done > 1 ? 1 : now->done;
    size_t at = (size_t)snprintf(text, n, "%s%lld/%lld %s %3.0f%%", wide ? "iteration " : "",
                                 (long long)now->iteration + 1, (long long)now->iterations, now->phase,
                                 floor(100 * done));

    if (isfinite(now->games_per_sec)) {
        rate_text(now->games_per_sec, a);
        snprintf(parts[0], sizeof parts[0], "%s %s", a, wide ? "games/s" : "g/s");
    }
    if (isfinite(now->evals_per_sec)) {
        count_text(now->evals_per_sec, a);
        snprintf(parts[1], sizeof parts[1], "%s %s", a, wide ? "evals/s" : "ev/s");
    }
    count_text((double)now->rows, a);
    snprintf(parts[2], sizeof parts[2], "%s rows", a);
    if (isfinite(now->policy_loss) && isfinite(now->value_loss))
        snprintf(parts[3], sizeof parts[3], wide ? "policy %.3f value %.3f" : "p %.3f v %.3f",
                 now->policy_loss, now->value_loss);
    if (isfinite(now->left_sec) && now->left_sec >= 0) {
        time_text(now->left_sec, a);
        snprintf(parts[4], sizeof parts[4], "%s left", a);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i][0] != '\0' && at < n)
            at += (size_t)snprintf(text + at, n - at, "%s%s", wide ? "  " : " ", parts[i]);
    return at;
}

void progress_text(const struct report_progress *now, int columns, char *text, size_t n)
{
    char line[LINE];
    size_t room = columns > 0 && (size_t)columns < n - 1 ? (size_t)columns : n - 1;

    if (compose(now, true, line, sizeof line) > room)
        compose(now, false, line, sizeof line);
    snprintf(text, room + 1, "%s", line);
}

/* ---- showing it --------------------------------------------------------------------------------- */

static void draw(struct progress *p, const struct report_progress *now)
{
    char text[LINE];
    double sec = tg_now();

    if (sec - p->drawn < redraw_sec)
        return;
    progress_text(now, columns_of(p->terminal) - 1, text, sizeof text);
    fprintf(p->log->stream, "\r%s\033[K", text);
    fflush(p->log->stream);
    p->log->progress_shown = true;
    p->drawn = sec;
}

static void tell(struct progress *p, const struct report_progress *now)
{
    char text[LINE];
    double sec = tg_now();

    if (sec - p->drawn < retell_sec)
        return;
    progress_text(now, 0, text, sizeof text);
    tg_log(p->log, TG_LOG_INFO, "%s", text);
    p->drawn = sec;
}

void progress_show(struct progress *p, const struct report_progress *now)
{
    if (p->log == NULL)
        return;
    if (p->terminal >= 0)
        draw(p, now);
    else
        tell(p, now);
}

void progress_end(struct progress *p)
{
    if (p->log != NULL && p->terminal >= 0 && p->log->progress_shown) {
        fputs("\r\033[K", p->log->stream);
        fflush(p->log->stream);
        p->log->progress_shown = false;
    }
    if (p->owned)
        close(p->terminal);
    p->terminal = -1;
    p->owned = false;
}
