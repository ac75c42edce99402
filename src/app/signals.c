/* signals.c - a request to stop: the handler sets a flag, the loop looks at it. */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static volatile sig_atomic_t stop_signal;

static void on_signal(int number) { stop_signal = number; }

void run_signals_install(void)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

bool run_stop_requested(const struct run *run)
{
    char path[RUN_PATH_MAX];

    if (stop_signal != 0)
        return true;
    return run_path(run->dir, RUN_STOP, 0, path, NULL) == TG_OK && access(path, F_OK) == 0;
}
