/* place.c - threads next to their device. */
#define _GNU_SOURCE /* cpu_set_t */
#include "place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin.h"

/* A file's first line. */
static bool read_line(const char *path, char *line, int n)
{
    FILE *f = fopen(path, "r");
    bool got = f != NULL && fgets(line, n, f) != NULL;

    if (f != NULL)
        fclose(f);
    return got;
}

/* "0-23,48-71" as a set. */
static bool parse_list(const char *list, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (const char *at = list; *at != '\0' && *at != '\n';) {
        char *end;
        long from = strtol(at, &end, 10), to = from;

        if (end == at || (*end == '-' && (end[1] < '0' || end[1] > '9')))
            return false;
        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        for (long i = from; i >= 0 && i <= to && i < CPU_SETSIZE; i++)
            CPU_SET((size_t)i, set);
        at = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\n' && *end != '\0')
            return false;
    }
    return CPU_COUNT(set) > 0;
}

bool place_processors(const char *sysfs, const char *bus, int *node, cpu_set_t *set)
{
    char path[512], line[4096], lower[32];
    size_t n = 0;

    for (; bus[n] != '\0' && n + 1 < sizeof lower; n++)
        lower[n] = (char)tolower((unsigned char)bus[n]);
    lower[n] = '\0';
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/numa_node", sysfs, lower);
    if (!read_line(path, line, sizeof line) || sscanf(line, "%d", node) != 1 || *node < 0)
        return false;
    snprintf(path, sizeof path, "%s/devices/system/node/node%d/cpulist", sysfs, *node);
    return read_line(path, line, sizeof line) && parse_list(line, set);
}

enum tg_status nn_backend_place(const struct nn_backend *backend, int device, char *text, size_t n,
                                unsigned char uuid[TG_DEVICE_UUID], struct tg_error *err)
{
    const struct nn_plugin *plugin;
    char name[288], bus[32];
    cpu_set_t near, now;
    int node;

    text[0] = '\0';
    memset(uuid, 0, TG_DEVICE_UUID);
    if (strcmp(backend->name, "cuda") != 0)
        return TG_OK;
    TRY(nn_plugin_open(&plugin, err));
    TRY(plugin->locate(device, name, sizeof name, bus, sizeof bus, uuid, err));
    if (!place_processors("/sys", bus, &node, &near)) {
        snprintf(text, n, "GPU %s at %s, of no known NUMA node", name, bus);
    } else if (sched_getaffinity(0, sizeof now, &now) != 0 || (CPU_AND(&near, &near, &now), CPU_COUNT(&near) == 0)) {
        snprintf(text, n, "GPU %s at %s, NUMA node %d: none of this rank's processors is there", name, bus, node);
    } else {
        sched_setaffinity(0, sizeof near, &near); /* a subset of what is allowed */
        snprintf(text, n, "GPU %s at %s, NUMA node %d, %d processors", name, bus, node, CPU_COUNT(&near));
    }
    return TG_OK;
}

/* A daemon has its pipe in this folder; without one, work of several processes takes turns on a device. */
void nn_backend_sharing(const struct nn_backend *backend, char *text, size_t n)
{
    const char *named = getenv("CUDA_MPS_PIPE_DIRECTORY"), *dir = named != NULL ? named : "/tmp/nvidia-mps";
    char path[512];

    text[0] = '\0';
    snprintf(path, sizeof path, "%s/control", dir);
    if (strcmp(backend->name, "cuda") == 0 && access(path, F_OK) != 0)
        snprintf(text, n, "no NVIDIA MPS daemon runs (there is no %s), so only one of them computes at a time; before "
                 "the run, on each host: nvidia-cuda-mps-control -d", path);
}
