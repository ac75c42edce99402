/* version.c - tengen version, and the formats of networks: import, export. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "import_sgf.h"
#include "tengen/nn.h"

#ifndef TG_VERSION
#define TG_VERSION "unknown"
#endif
#ifndef TG_COMMIT
#define TG_COMMIT "unknown"
#endif

const char *app_build(void) { return "tengen " TG_VERSION " (" TG_COMMIT ")"; }

enum tg_status app_version(struct app *app, int argc, char **argv, struct tg_error *err)
{
    static const char *const backends[] = {"cpu", "cuda", "simulated"};

    (void)app;
    TRY(app_args(argc, argv, NULL, 0, err));
    printf("%s\ncompiler: %s\n", app_build(), __VERSION__);
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        const struct nn_backend *backend;
        struct tg_error why = {0};

        if (nn_backend_find(backends[i], &backend, &why) == TG_OK)
            printf("backend %s: ready\n", backends[i]);
        else
            printf("backend %s: %s\n", backends[i], why.text);
    }
    return TG_OK;
}

static void describe(const struct nn_model *m, const char *path)
{
    char text[200];

    nn_arch_describe(&m->arch, m->size, text, sizeof text);
    printf("%s: %s, %s\n", path, m->name, text);
}

enum tg_status app_import(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *in = NULL, *out = NULL;
    char path[1024];
    const struct app_arg args[] = {{NULL, APP_ARG_TEXT, &in}, {NULL, APP_ARG_TEXT, &out}};
    struct nn_model m = {0};
    enum tg_status rc;

    if (import_means_games(argc, argv))
        return app_import_sgf(app, argc, argv, err);
    TRY(app_args(argc, argv, args, 2, err));
    if (in == NULL)
        return FAIL(err, TG_EINVAL, "import: which network? tengen import NET.bin.gz [OUT.tgn]");
    TRY(nn_model_load(in, &m, &app->log, err));
    if (out == NULL) {
        snprintf(path, sizeof path, "%s.tgn", m.name);
        out = path;
    }
    rc = nn_model_save(&m, out, err);
    if (rc == TG_OK)
        describe(&m, out);
    nn_model_close(&m);
    return rc;
}

enum tg_status app_export(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *in = NULL, *out = NULL;
    const struct app_arg args[] = {{NULL, APP_ARG_TEXT, &in}, {NULL, APP_ARG_TEXT, &out}};
    struct nn_model m = {0};
    enum tg_status rc;

    TRY(app_args(argc, argv, args, 2, err));
    if (in == NULL || out == NULL)
        return FAIL(err, TG_EINVAL, "export: tengen export NET OUT.bin.gz");
    TRY(nn_model_load(in, &m, &app->log, err));
    rc = nn_model_export(&m, out, err);
    if (rc == TG_OK)
        describe(&m, out);
    nn_model_close(&m);
    return rc;
}
