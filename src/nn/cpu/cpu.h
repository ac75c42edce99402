/* cpu.h - a network on the CPU. */
#pragma once

#include "lane.h"
#include "sums.h"
#include "team.h"

struct nn_net {
    struct cpu_plan plan;
    int n_threads;
    float *params, *packed;         /* owned: flat; as the kernels want them */
    /* training only */
    float *ema, *moment1, *moment2; /* owned, flat */
    struct sums sums;
    double *norms;                  /* owned: scratch of the update, one per slice */
    struct team *team;
    struct lane *lanes;             /* owned [n_threads] */
    struct tg_span span;
};

enum { SLICE = 1 << 16 }; /* parameters a thread updates at a time; fixes the order of the norm */

/* train.c */
enum tg_status cpu_backward(struct nn_net *net, struct nn_batch *b, const struct nn_loss *loss,
                            int n_rows_global, bool first, struct tg_error *err);
enum tg_status cpu_update(struct nn_net *net, const struct nn_update *u,
                          struct nn_update_result *result, struct tg_error *err);
/* net->packed := net->params, on the team where there is one. */
void cpu_pack(struct nn_net *net);
