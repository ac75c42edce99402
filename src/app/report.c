/* report.c - tengen report: a run's story and curves as one HTML page. */
#include <stdio.h>

#include "app.h"
#include "tengen/report.h"

enum tg_status app_report(struct app *app, int argc, char **argv, struct tg_error *err)
{
    const char *dir = NULL;
    char path[RUN_PATH_MAX];
    const struct app_arg args[] = {{NULL, APP_ARG_TEXT, &dir}};

    (void)app;
    TRY(app_args(argc, argv, args, 1, err));
    if (dir == NULL)
        return FAIL(err, TG_EINVAL, "report: on which run? tengen report RUN");
    TRY(report_html(dir, err));
    TRY(run_path(dir, RUN_HTML, 0, path, err));
    printf("%s\n", path);
    return TG_OK;
}
