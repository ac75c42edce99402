/* main.c - find the command, run it, say what went wrong, exit with the right status. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "help.h"
#include "tengen/file.h"

static const struct command {
    const char *name;
    enum tg_status (*run)(struct app *app, int argc, char **argv, struct tg_error *err);
    bool mpi; /* works on all ranks of an mpirun */
} commands[] = {
    {"train", app_train, true},     {"match", app_match, true},     {"gtp", app_gtp, false},
    {"analyze", app_analyze, false},{"plan", app_plan, false},
    {"gomocup", app_gomocup, false},{"bench", app_bench, true},     {"inspect", app_inspect, false},
    {"status", app_status, false},  {"report", app_report, false},  {"import", app_import, false},
    {"export", app_export, false},  {"version", app_version, false},{"help", app_help, false},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* 0 done, 75 stopped on request, 2 wrong usage or config, 1 any other failure. */
static int exit_status(enum tg_status rc, bool stopped)
{
    if (rc == TG_OK)
        return stopped ? APP_STOPPED : 0;
    return rc == TG_EINVAL || rc == TG_ENOTFOUND ? 2 : 1;
}

/* Agreed errors are the same on all ranks: one of them prints. */
static void print_error(struct app *app, const struct tg_error *err)
{
    fflush(stdout);
    if ((app->world != NULL && comm_rank(app->world) != 0) || err->text[0] == '\0')
        return;
    tg_log(&app->log, TG_LOG_ERROR, "%s", err->text);
    for (int i = 0; i < err->n_trace; i++)
        tg_log(&app->log, TG_LOG_DEBUG, "  at %s:%d (%s)", err->trace[i].file, err->trace[i].line,
               err->trace[i].func);
}

static int run_mpi(struct app *app, const struct command *command, int argc, char **argv)
{
    struct tg_error err = {0};
    enum tg_status rc = comm_mpi_init(&argc, &argv, &err);

    if (rc == TG_OK)
        rc = comm_open(MPI_COMM_WORLD, "world", &app->world, &err);
    if (rc == TG_OK) {
        app->log.rank = comm_rank(app->world);
        app->log.show_rank = comm_size(app->world) > 1;
        rc = command->run(app, argc, argv, &err);
    }
    if (rc != TG_OK)
        print_error(app, &err);
    comm_close(app->world);
    comm_mpi_finalize();
    return exit_status(rc, app->stopped);
}

int main(int argc, char **argv)
{
    struct app app = {.log = {.level = TG_LOG_INFO, .stream = stderr}, .started = tg_now()};
    struct tg_error err = {0};
    const char *level = getenv("TENGEN_LOG");

    if (level != NULL && !tg_log_level_parse(level, &app.log.level))
        tg_log(&app.log, TG_LOG_WARN, "TENGEN_LOG=%s: not error, warn, info or debug", level);
    if (argc < 2) {
        help_print(stderr, NULL);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        argv[1] = (char[]){"help"};
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = (char[]){"version"};
    const struct command *command = find(argv[1]);
    if (command == NULL) {
        tg_log(&app.log, TG_LOG_ERROR, "unknown command \"%s\"; tengen help lists them", argv[1]);
        return 2;
    }
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            help_print(stdout, command->name);
            return 0;
        }
    if (command->mpi)
        return run_mpi(&app, command, argc - 1, argv + 1);
    enum tg_status rc = command->run(&app, argc - 1, argv + 1, &err);
    if (rc != TG_OK)
        print_error(&app, &err);
    if (fflush(stdout) != 0)
        return 1;
    return exit_status(rc, false);
}
