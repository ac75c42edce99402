/* engine.c - an outside engine behind struct selfplay_engine: a child process and a GTP dialogue.
 *
 * The dialogue never blocks without a deadline, and an engine that dies while we write to it must not
 * take us along: SIGPIPE is held back around each write. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/match.h"

enum { LINE_BYTES = 4096, REPLY_LINES = 1000 };
static const double start_limit_sec = 60.0; /* for all commands but genmove */

struct engine {
    char *command;      /* owned */
    double limit_sec;
    struct tg_log *log; /* borrowed */
    pid_t pid;          /* also its process group; 0: not started */
    int to, from;       /* pipes to its standard input and from its output; -1: closed */
    char input[LINE_BYTES];
    size_t n_input;     /* bytes of input read and not yet taken as lines */
    char doing[LINE_BYTES]; /* the command that it was given last */
    char line[LINE_BYTES];  /* the last line it said */
    bool knows_set_position, knows_rules;
};

/* ---- process ----------------------------------------------------------------------------------- */

static enum tg_status make_pipe(int ends[2], struct tg_error *err)
{
    if (pipe(ends) != 0)
        return FAIL(err, TG_EIO, "pipe: %s", strerror(errno));
    /* The ends must not leak into other children: an engine ends when its input is closed. */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return TG_OK;
}

static int spawn_shell(struct engine *e, int in, int out)
{
    /* Debian keeps GNU Go and Pachi where root's PATH does not look. */
    static const char path[] = "PATH=\"$PATH:/usr/games\"; export PATH\n";
    char *script = malloc(sizeof path + strlen(e->command));
    char *argv[] = {"sh", "-c", script, NULL};
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, usual;

    if (script == NULL)
        return ENOMEM;
    strcat(strcpy(script, path), e->command);
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (e->log == NULL || e->log->level < TG_LOG_DEBUG) /* its chatter would drown the log */
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    int failure = posix_spawn(&e->pid, "/bin/sh", &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    free(script);
    if (failure != 0)
        e->pid = 0;
    return failure;
}

static enum tg_status start_process(struct engine *e, struct tg_error *err)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, failure;
    enum tg_status rc;

    TRY_OUT(make_pipe(in, err));
    TRY_OUT(make_pipe(out, err));
    failure = spawn_shell(e, in[0], out[1]);
    if (failure != 0) {
        rc = FAIL(err, TG_EIO, "starting engine '%s': %s", e->command, strerror(failure));
        goto out;
    }
    e->to = in[1];
    e->from = out[0];
    in[1] = out[0] = -1;
    fcntl(e->to, F_SETFL, O_NONBLOCK);
out:
    for (int i = 0; i < 2; i++) {
        if (in[i] >= 0)
            close(in[i]);
        if (out[i] >= 0)
            close(out[i]);
    }
    return rc;
}

/* Has the child ended? Does not reap it, so its process group's number stays ours. */
static bool has_ended(const struct engine *e, siginfo_t *how)
{
    memset(how, 0, sizeof *how);
    return waitid(P_PID, (id_t)e->pid, how, WEXITED | WNOHANG | WNOWAIT) != 0 || how->si_pid != 0;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); }

static void end_process(struct engine *e, double patience_sec)
{
    siginfo_t how;

    if (e->pid == 0)
        return;
    for (double until = tg_now() + patience_sec; !has_ended(e, &how) && tg_now() < until;)
        nap();
    kill(-e->pid, SIGKILL); /* whatever the shell left behind, too */
    while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    e->pid = 0;
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* What became of the engine, and the last thing it said. */
static enum tg_status fail_engine(const struct engine *e, const char *doing, const char *what,
                                  struct tg_error *err)
{
    return FAIL(err, TG_EIO, "engine '%s': %s at \"%.100s\"; its last line: \"%.200s\"", e->command,
                what, doing, e->line);
}

static enum tg_status fail_ended(const struct engine *e, const char *doing, struct tg_error *err)
{
    char what[80] = "it closed its output";
    siginfo_t how;

    for (int i = 0; i < 20 && !has_ended(e, &how); i++)
        nap(); /* the pipe closes a moment before the process is gone */
    if (has_ended(e, &how) && how.si_code == CLD_EXITED)
        snprintf(what, sizeof what, "it ended with status %d", how.si_status);
    else if (has_ended(e, &how))
        snprintf(what, sizeof what, "it was ended by signal %d", how.si_status);
    return fail_engine(e, doing, what, err);
}

/* Wait until fd is ready or the deadline has passed; false then. */
static bool wait_ready(int fd, short events, double deadline)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        double left = deadline - tg_now();
        int n = poll(&p, 1, left <= 0 ? 0 : left > 1000 ? 1000000 : (int)(left * 1000) + 1);

        if (n > 0)
            return true;
        if (n == 0 && tg_now() >= deadline)
            return false;
        if (n < 0 && errno != EINTR)
            return true; /* the read or write that follows reports it */
    }
}

/* write() whose EPIPE comes without its signal, which would end the process. */
static ssize_t write_no_signal(int fd, const char *bytes, size_t n)
{
    sigset_t pipe_set, old, pending;
    ssize_t done;
    bool was_pending;
    int failure;

    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
    done = write(fd, bytes, n);
    failure = errno;
    if (done < 0 && failure == EPIPE && !was_pending)
        while (sigtimedwait(&pipe_set, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            continue;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = failure;
    return done;
}

static enum tg_status send_line(struct engine *e, const char *line, double deadline,
                                struct tg_error *err)
{
    for (size_t n = strlen(line); n > 0;) {
        if (!wait_ready(e->to, POLLOUT, deadline))
            return fail_engine(e, line, "it reads no commands", err);
        ssize_t done = write_no_signal(e->to, line, n);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (done < 0)
            return fail_ended(e, line, err);
        line += done;
        n -= (size_t)done;
    }
    return TG_OK;
}

/* e->line := the next line, without its end. */
static enum tg_status read_line(struct engine *e, const char *doing, double deadline,
                                struct tg_error *err)
{
    for (;;) {
        char *end = memchr(e->input, '\n', e->n_input);

        if (end != NULL) {
            size_t n = (size_t)(end - e->input);

            memcpy(e->line, e->input, n);
            while (n > 0 && strchr("\r\t ", e->line[n - 1]) != NULL)
                n--;
            e->line[n] = '\0';
            e->n_input -= (size_t)(end + 1 - e->input);
            memmove(e->input, end + 1, e->n_input);
            return TG_OK;
        }
        if (e->n_input == sizeof e->input)
            return fail_engine(e, doing, "a line of more than 4096 bytes", err);
        if (!wait_ready(e->from, POLLIN, deadline))
            return fail_engine(e, doing, "no answer in time", err);
        ssize_t n = read(e->from, e->input + e->n_input, sizeof e->input - e->n_input);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_ended(e, doing, err);
        e->n_input += (size_t)n;
    }
}

/* Send the command in e->doing and take its answer; e->line is then the answer's first line,
 * *reply what stands behind its "=" or "?". *ok: the engine did it. */
static enum tg_status converse(struct engine *e, double limit_sec, const char **reply, bool *ok,
                               struct tg_error *err)
{
    double deadline = tg_now() + limit_sec;
    const char *doing = e->doing;
    char first[LINE_BYTES];
    int n_lines = 0;

    TRY(send_line(e, doing, deadline, err));
    TRY(send_line(e, "\n", deadline, err));
    do
        TRY(read_line(e, doing, deadline, err));
    while (e->line[0] == '\0' && ++n_lines < REPLY_LINES);
    if (e->line[0] != '=' && e->line[0] != '?')
        return fail_engine(e, doing, "an answer that is no GTP", err);
    memcpy(first, e->line, sizeof first);
    do
        TRY(read_line(e, doing, deadline, err));
    while (e->line[0] != '\0' && ++n_lines < REPLY_LINES);
    if (n_lines >= REPLY_LINES)
        return fail_engine(e, doing, "an answer without end", err);
    memcpy(e->line, first, sizeof first);
    *ok = first[0] == '=';
    *reply = e->line + 1 + strspn(e->line + 1, " \t");
    return TG_OK;
}

/* Put a command together; false: it is too long. */
static bool say(struct engine *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool say(struct engine *e, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(e->doing, sizeof e->doing, fmt, ap);
    va_end(ap);
    return n >= 0 && n < (int)sizeof e->doing;
}

/* The command said must succeed. */
static enum tg_status demand(struct engine *e, const char **reply, struct tg_error *err)
{
    bool ok;

    TRY(converse(e, start_limit_sec, reply, &ok, err));
    return ok ? TG_OK : fail_engine(e, e->doing, "it refused", err);
}

#define COMMAND(e, reply, err, ...)                                                                \
    do {                                                                                           \
        if (!say((e), __VA_ARGS__))                                                                \
            return FAIL((err), TG_EINVAL, "engine '%s': a command too long", (e)->command);        \
        TRY(demand((e), (reply), (err)));                                                          \
    } while (0)

/* ---- the games --------------------------------------------------------------------------------- */

static const char *const color_names[] = {"b", "w"};

static enum tg_status send_rules(struct engine *e, const struct go_rules *r, struct tg_error *err)
{
    static const char *const ko[] = {"SIMPLE", "POSITIONAL", "SITUATIONAL"};
    static const char *const scoring[] = {"AREA", "TERRITORY"};
    static const char *const tax[] = {"NONE", "SEKI", "ALL"};
    static const char *const bonus[] = {"0", "N", "N-1"};
    const char *reply;
    bool ok;

    say(e,
        "kata-set-rules {\"ko\":\"%s\",\"scoring\":\"%s\",\"tax\":\"%s\",\"suicide\":%s,"
        "\"hasButton\":%s,\"whiteHandicapBonus\":\"%s\",\"friendlyPassOk\":%s}",
        ko[r->ko], scoring[r->scoring], tax[r->tax], r->suicide ? "true" : "false",
        r->button ? "true" : "false", bonus[r->white_handicap_bonus],
        r->friendly_pass ? "true" : "false");
    TRY(converse(e, start_limit_sec, &reply, &ok, err));
    if (!ok)
        tg_log(e->log, TG_LOG_WARN, "engine '%s' plays by other rules: %s", e->command, reply);
    return TG_OK;
}

/* The stones of a position that is not empty. Those of a Go position can be played in any order: no
 * chain is without liberties before all its enemies are there, and then it has some. */
static enum tg_status send_stones(struct engine *e, const struct game *g,
                                  const struct position *pos, struct tg_error *err)
{
    char all[LINE_BYTES], vertex[GAME_VERTEX_CHARS];
    const char *reply;
    size_t n = 0;

    for (int a = 0; a < g->n_points; a++) {
        if (pos->stones[a] == GAME_EMPTY)
            continue;
        int color = pos->stones[a] == GAME_WHITE_STONE;
        game_vertex_name(g, pos, a, vertex);
        if (!e->knows_set_position && g->kind == GAME_GO)
            COMMAND(e, &reply, err, "play %s %s", color_names[color], vertex);
        n += (size_t)snprintf(all + n, sizeof all - n, " %s %s", color_names[color], vertex);
    }
    if (n > 0 && e->knows_set_position)
        COMMAND(e, &reply, err, "set_position%s", all);
    else if (n > 0 && g->kind != GAME_GO)
        return FAIL(err, TG_EINVAL, "engine '%s' has no set_position: it cannot be given stones",
                    e->command);
    return TG_OK;
}

static enum tg_status engine_start(void *ctx, const struct game *g, const struct position *pos,
                                   struct tg_error *err)
{
    struct engine *e = ctx;
    const struct game_setup *s = &pos->setup;
    const char *reply;

    if (s->width == s->height)
        COMMAND(e, &reply, err, "boardsize %d", s->width);
    else
        COMMAND(e, &reply, err, "rectangular_boardsize %d %d", s->width, s->height);
    COMMAND(e, &reply, err, "clear_board");
    if (g->kind == GAME_GO) {
        if (e->knows_rules)
            TRY(send_rules(e, &s->go, err));
        COMMAND(e, &reply, err, "komi %g", s->go.komi2 / 2.0);
    }
    return send_stones(e, g, pos, err);
}

static enum tg_status engine_played(void *ctx, const struct game *g, const struct position *pos,
                                    int action, struct tg_error *err)
{
    struct engine *e = ctx;
    char vertex[GAME_VERTEX_CHARS];
    const char *reply;

    game_vertex_name(g, pos, action, vertex);
    COMMAND(e, &reply, err, "play %s %s", color_names[pos->to_move], vertex);
    return TG_OK;
}

static enum tg_status engine_genmove(void *ctx, const struct game *g, const struct position *pos,
                                     int *action, struct tg_error *err)
{
    struct engine *e = ctx;
    const char *reply;
    char word[16] = "";
    bool ok;

    say(e, "genmove %s", color_names[pos->to_move]);
    TRY(converse(e, e->limit_sec, &reply, &ok, err));
    if (!ok)
        return fail_engine(e, e->doing, "it refused", err);
    sscanf(reply, "%15s", word);
    if (strcmp(word, "resign") == 0 || strcmp(word, "RESIGN") == 0) {
        *action = -1;
        return TG_OK;
    }
    *action = game_vertex_parse(g, pos, word);
    if (*action < 0)
        return fail_engine(e, e->doing, "its move is no vertex", err);
    if (!game_is_legal(g, pos, *action)) {
        tg_log(e->log, TG_LOG_WARN, "engine '%s' played %s, which is illegal: counted as resignation",
               e->command, word);
        *action = -1;
    }
    return TG_OK;
}

/* ---- open and close ---------------------------------------------------------------------------- */

static enum tg_status greet(struct engine *e, struct tg_error *err)
{
    const char *reply;

    COMMAND(e, &reply, err, "name");
    tg_log(e->log, TG_LOG_DEBUG, "engine '%s' is %s", e->command, reply);
    COMMAND(e, &reply, err, "known_command set_position");
    e->knows_set_position = strncmp(reply, "true", 4) == 0;
    COMMAND(e, &reply, err, "known_command kata-set-rules");
    e->knows_rules = strncmp(reply, "true", 4) == 0;
    return TG_OK;
}

enum tg_status match_engine_open(const char *command, double limit_sec, struct tg_log *log,
                                 struct selfplay_engine *engine, struct tg_error *err)
{
    struct engine *e = calloc(1, sizeof *e);
    enum tg_status rc = TG_OK;

    *engine = (struct selfplay_engine){0};
    if (e == NULL)
        return FAIL(err, TG_ENOMEM, "engine '%s'", command);
    engine->ctx = e;
    e->to = e->from = -1;
    e->log = log;
    e->limit_sec = limit_sec;
    e->command = strdup(command);
    if (e->command == NULL) {
        rc = FAIL(err, TG_ENOMEM, "engine '%s'", command);
        goto out;
    }
    TRY_OUT(start_process(e, err));
    TRY_OUT(greet(e, err));
    engine->start = engine_start;
    engine->played = engine_played;
    engine->genmove = engine_genmove;
    return TG_OK;
out:
    match_engine_close(engine);
    return rc;
}

void match_engine_close(struct selfplay_engine *engine)
{
    struct engine *e = engine->ctx;

    if (e == NULL)
        return;
    if (e->to >= 0) {
        (void)!write_no_signal(e->to, "quit\n", 5);
        close(e->to);
    }
    end_process(e, 1.0);
    if (e->from >= 0)
        close(e->from);
    free(e->command);
    free(e);
    *engine = (struct selfplay_engine){0};
}
