/* graph.h - what is asked of cuDNN: one convolution and what is fused with it, as an operation graph,
 * and the plans that can execute it.
 *
 * Activations are [rows][y][x][channels] (NHWC), filters [out][y][x][in], channels padded to multiples
 * of 8. Sums are formed in fp32 whatever the type in memory. Nothing here needs a device: planning
 * takes the device's properties, which tests read from a file. */
#pragma once

#include <cudnn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "precision.h"
#include "tengen/error.h"

enum conv_op {
    CONV_FORWARD,    /* y := conv(x, w) and what the flags say */
    CONV_DATA_GRAD,  /* x := gradient of x from y */
    CONV_FILTER_GRAD /* w := gradient of w from x and y */
};

/* What is fused behind a forward convolution, in this order. Without CONV_NORM the raw sum is y. */
enum conv_fusion {
    CONV_ROW_BIAS = 1, /* + bias of row and channel */
    CONV_ADD = 2,      /* + the residual stream */
    CONV_NORM = 4,     /* out := act(scale * sum + bias) * mask */
    CONV_RAW = 8       /* with CONV_NORM: the sum itself is also wanted, as y */
};

struct conv_spec {
    int op;               /* enum conv_op */
    int rows, size;       /* boards, their side */
    int n_in, n_out;      /* padded channels */
    int k;                /* side of the filter, odd */
    int precision;        /* of activations and filters */
    int fusion;           /* CONV_FORWARD: enum conv_fusion */
    int act;              /* enum nn_activation, of CONV_NORM */
};

/* Tensors of a graph, as the identifiers under which their pointers are passed. */
enum conv_tensor {
    CONV_X = 1,    /* [rows][S][S][n_in] */
    CONV_W,        /* [n_out][k][k][n_in] */
    CONV_Y,        /* [rows][S][S][n_out] */
    CONV_T_ROW_BIAS, /* fp32 [rows][n_out] */
    CONV_T_ADD,    /* like y */
    CONV_T_SCALE,  /* fp32 [n_out] */
    CONV_T_BIAS,   /* fp32 [n_out] */
    CONV_T_MASK,   /* [rows][S][S], in the precision of x */
    CONV_T_OUT,    /* like y: normed, activated, masked */
    CONV_TENSORS
};

/* "fwd 64x19x19 96>96 k3 bf16 add norm:relu raw": names the graph in the cache and in errors. */
void conv_spec_text(const struct conv_spec *s, char *text, size_t n);
/* Which tensors the graph reads or writes: ids [CONV_TENSORS], returns their number. */
int conv_spec_tensors(const struct conv_spec *s, int64_t *ids);

/* What is planned for: a device, by a handle on it, or a description of one. */
struct device_prop {
    cudnnHandle_t handle;       /* owned; NULL: described */
    cudnnBackendDescriptor_t d; /* owned; the description */
};
/* The current device. */
enum tg_status device_prop_of_device(struct device_prop *p, struct tg_error *err);
/* The description of a device by its number in CUDA, with which several threads may plan at once, as they may not with
 * a handle. TG_EDEVICE: this cuDNN has none (before 9.8). */
enum tg_status device_prop_describe(int device, struct device_prop *p, struct tg_error *err);
/* From cuDNN's JSON description (n characters): for planning without a device. */
enum tg_status device_prop_of_json(const char *json, size_t n, struct device_prop *p,
                                   struct tg_error *err);
void device_prop_close(struct device_prop *p);

/* An executable plan. */
struct conv_plan {
    cudnnBackendDescriptor_t d; /* owned; NULL: none */
    size_t workspace;           /* bytes */
    int64_t engine;             /* cuDNN's number of the engine, for reports */
    int64_t kernel;             /* of conv_plans_fused; -1: cuDNN's heuristics chose */
};
void conv_plan_close(struct conv_plan *p);

/* The first n plans for the spec in the order of cuDNN's heuristics; *n_found may be 0, which is no
 * error: then this cuDNN cannot do it on that device, and err has its last word. Plans that are not deterministic, or that need
 * more workspace than max_workspace, or (fp32) round their inputs, are left out. The caller closes
 * plans [*n_found]. TG_EDEVICE if the graph itself is refused. */
enum tg_status conv_plans_find(const struct conv_spec *s, const struct device_prop *prop,
                               size_t max_workspace, int n, struct conv_plan *plans, int *n_found,
                               struct tg_error *err);

/* Fused graphs: the plan with this kernel of the engine that has tensor cores read shared memory themselves
 * (compute capability 9). cuDNN 9's heuristics do not name it for a fused convolution: what they name for an
 * H100 are kernels made for an A100. kernel -1: n plans of the heuristics, as conv_plans_find has them. Plans are
 * added to plans [*n_found], which has room for all; what the device or cuDNN does not have is left out. */
enum tg_status conv_plans_fused(const struct conv_spec *s, const struct device_prop *prop, size_t max_workspace,
                                int64_t kernel, int n, struct conv_plan *plans, int *n_found, struct tg_error *err);

/* The same for a finished graph (of graph.c): that of conv_plans_find, which adds to plans [*n_found], and that of
 * one kernel, false if there is none. */
enum tg_status conv_plans_of_graph(cudnnBackendDescriptor_t graph, int precision,
                                   const struct device_prop *prop, size_t max_workspace, int n,
                                   struct conv_plan *plans, int *n_found, struct tg_error *err);
bool conv_plan_of_kernel(cudnnBackendDescriptor_t graph, int precision, const struct device_prop *prop,
                         size_t max_workspace, int64_t kernel, struct conv_plan *p);

/* A plan as text (malloc'd), and back. TG_EDEVICE: this cuDNN or device does not take it. */
enum tg_status conv_plan_save(const struct conv_plan *p, char **json, struct tg_error *err);
enum tg_status conv_plan_load(const char *json, const struct device_prop *prop, struct conv_plan *p,
                              struct tg_error *err);

/* Enqueue on the handle's stream. pointers [CONV_TENSORS] by identifier; those the spec lacks are not
 * looked at. */
enum tg_status conv_plan_run(const struct conv_plan *p, const struct conv_spec *s,
                             cudnnHandle_t handle, void *const *pointers, void *workspace,
                             struct tg_error *err);
