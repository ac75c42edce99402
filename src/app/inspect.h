/* inspect.h - private to src/app: the two halves of tengen inspect. */
#pragma once

#include "app.h"

struct inspect {
    const char *path;
    bool json, verify;
};

/* A run's directory: what its manifest says; with verify, whether the files agree with it. TG_EFORMAT
 * if they do not: what is wrong was printed. */
enum tg_status inspect_run(const struct inspect *o, struct app *app, struct tg_error *err);
