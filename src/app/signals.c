/* signals.c - signals are counted; what they mean is control.c's. */
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "run.h"

static const struct { int number; const char *name; } signals[RUN_SIGNALS] = {
    [RUN_USR1] = {SIGUSR1, "SIGUSR1"},
    [RUN_USR2] = {SIGUSR2, "SIGUSR2"},
    [RUN_TERM] = {SIGTERM, "SIGTERM"},
    [RUN_INT] = {SIGINT, "SIGINT"},
};

/* A handler can reach nothing but a variable of this kind. */
static volatile sig_atomic_t counts[RUN_SIGNALS];

static void on_signal(int number)
{
    for (int i = 0; i < RUN_SIGNALS; i++)
        if (signals[i].number == number)
            counts[i]++;
}

void run_signals_install(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < RUN_SIGNALS; i++)
        sigaction(signals[i].number, &action, NULL);
}

int run_signals_count(enum run_signal s) { return counts[s]; }
const char *run_signal_name(enum run_signal s) { return signals[s].name; }
