/* place.h - private to src/nn: the processors next to a device. */
#pragma once

#include <sched.h>
#include <stdbool.h>

/* *set := the processors of the NUMA domain of the PCI device `bus` ("0000:41:00.0", letters of any
 * case), as the files under sysfs (normally "/sys") say; *node := its number. False where they do not. */
bool place_processors(const char *sysfs, const char *bus, int *node, cpu_set_t *set);
