/* args.c - command-line arguments. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

static enum tg_status store(const struct app_arg *arg, const char *text, struct tg_error *err)
{
    const char *name = arg->name != NULL ? arg->name : "argument";
    char *end;

    errno = 0;
    switch (arg->kind) {
    case APP_ARG_FLAG: *(bool *)arg->value = true; return TG_OK;
    case APP_ARG_TEXT: *(const char **)arg->value = text; return TG_OK;
    case APP_ARG_INT:
        *(int64_t *)arg->value = strtoll(text, &end, 10);
        if (end == text || *end != '\0' || errno != 0)
            return FAIL(err, TG_EINVAL, "%s %s: not a whole number", name, text);
        return TG_OK;
    case APP_ARG_NUMBER:
        *(double *)arg->value = strtod(text, &end);
        if (end == text || *end != '\0' || errno != 0)
            return FAIL(err, TG_EINVAL, "%s %s: not a number", name, text);
        return TG_OK;
    case APP_ARG_LIST: {
        struct app_list *list = arg->value;

        if (list->n == APP_LIST_MAX)
            return FAIL(err, TG_EINVAL, "%s given more than %d times", name, APP_LIST_MAX);
        list->texts[list->n++] = text;
        return TG_OK;
    }
    }
    return TG_OK;
}

/* The option that text names, with *value behind its "=", or NULL. */
static const struct app_arg *find(const struct app_arg *args, size_t n, const char *text,
                                  const char **value)
{
    *value = NULL;
    for (size_t i = 0; i < n; i++) {
        if (args[i].name == NULL)
            continue;
        size_t length = strlen(args[i].name);

        if (strncmp(text, args[i].name, length) != 0)
            continue;
        if (text[length] == '=')
            *value = text + length + 1;
        if (text[length] == '=' || text[length] == '\0')
            return &args[i];
    }
    return NULL;
}

static const struct app_arg *next_positional(const struct app_arg *args, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++)
        if (args[i].name == NULL && (args[i].kind == APP_ARG_LIST || k-- == 0))
            return &args[i];
    return NULL;
}

enum tg_status app_args(int argc, char **argv, const struct app_arg *args, size_t n,
                        struct tg_error *err)
{
    size_t n_positional = 0;

    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct app_arg *arg;

        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            arg = next_positional(args, n, n_positional++);
            if (arg == NULL)
                return FAIL(err, TG_EINVAL, "%s: one argument too many: %s (see tengen help %s)", argv[0],
                            argv[i], argv[0]);
            TRY(store(arg, argv[i], err));
            continue;
        }
        arg = find(args, n, argv[i], &value);
        if (arg == NULL)
            return FAIL(err, TG_EINVAL, "%s: unknown option %s (see tengen help %s)", argv[0], argv[i],
                        argv[0]);
        if (arg->kind != APP_ARG_FLAG && value == NULL) {
            if (i + 1 == argc)
                return FAIL(err, TG_EINVAL, "%s: %s needs a value", argv[0], argv[i]);
            value = argv[++i];
        }
        TRY(store(arg, value, err));
    }
    return TG_OK;
}

int app_threads(int ranks_on_host)
{
    cpu_set_t set;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int mine = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)cores;

    if (mine >= cores && ranks_on_host > 0) /* not bound: the ranks share all cores */
        mine = (int)cores / ranks_on_host;
    return mine < 1 ? 1 : mine;
}
