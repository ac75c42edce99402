/* help.h - private to src/app. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* The help of a command (NULL: the overview). False: there is no such topic. */
bool help_print(FILE *out, const char *topic);
