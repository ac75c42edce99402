/* import_sgf.h - private to src/app. */
#pragma once

#include "app.h"

/* Is this `tengen import` about games? (Else about a network.) */
bool import_means_games(int argc, char **argv);
/* tengen import GAMES.sgf|DIR... --out DIR. Initialises MPI itself. */
enum tg_status app_import_sgf(struct app *app, int argc, char **argv, struct tg_error *err);
