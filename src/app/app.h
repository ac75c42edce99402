/* app.h - private to src/app: what every command gets, and the commands. */
#pragma once

#include "tengen/comm.h"
#include "tengen/error.h"
#include "tengen/log.h"

struct app {
    struct tg_log log;
    struct comm *world; /* NULL in commands that run without MPI */
    double started;     /* tg_now() at the start of the process */
    bool stopped;       /* the run was stopped on request: exit status APP_STOPPED */
};

/* Commands. argv[0] is the command's name. TG_EINVAL is a usage or config error (exit status 2). */
enum tg_status app_train(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_match(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_plan(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_bench(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_gtp(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_analyze(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_gomocup(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_inspect(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_status(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_report(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_import(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_export(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_version(struct app *app, int argc, char **argv, struct tg_error *err);
enum tg_status app_help(struct app *app, int argc, char **argv, struct tg_error *err);

/* The run was stopped on request and can be submitted again: exit status 75 (EX_TEMPFAIL). */
enum { APP_STOPPED = 75 };

/* ---- arguments ------------------------------------------------------------------------------- */

enum app_arg_kind { APP_ARG_FLAG, APP_ARG_TEXT, APP_ARG_INT, APP_ARG_NUMBER, APP_ARG_LIST };
enum { APP_LIST_MAX = 64 };

/* Texts given with a repeated option, such as --set. */
struct app_list { const char *texts[APP_LIST_MAX]; int n; };

struct app_arg {
    const char *name;       /* "--run", or NULL for a positional argument */
    enum app_arg_kind kind;
    void *value;            /* bool, const char *, int64_t, double, struct app_list */
};

/* Read argv[1..] into the args [n]; --name value and --name=value. TG_EINVAL names what is unknown,
 * missing its value, or no number. */
enum tg_status app_args(int argc, char **argv, const struct app_arg *args, size_t n,
                        struct tg_error *err);

/* Cores this process may use, shared with the other ranks of its host: at least 1. */
int app_threads(int ranks_on_host);

/* One line about this build: version, commit, compiler. */
const char *app_build(void);
