/* plugin.h - what libtengen_cuda.so hands to the program: one table under one name. */
#pragma once

#include "tengen/device.h"
#include "tengen/nn.h"

/* The symbol, and the file. */
#define NN_PLUGIN_SYMBOL "tengen_cuda_plugin"
#define NN_PLUGIN_FILE "libtengen_cuda.so"

struct nn_plugin {
    size_t abi; /* NN_PLUGIN_ABI of its build */
    const struct nn_backend *backend;
    /* TG_OK if there is a device that can be used; text then names devices and libraries. */
    enum tg_status (*ready)(char *text, size_t n, struct tg_error *err);
    /* Where the device behind an ordinal is: "2 (NVIDIA H100 80GB HBM3)" and "0000:41:00.0"; which one it is. */
    enum tg_status (*locate)(int ordinal, char *name, size_t n, char *bus, size_t n_bus,
                             unsigned char uuid[TG_DEVICE_UUID], struct tg_error *err);
};

/* Equal where the structs that both sides share look alike: a plugin of another build is refused. */
#define NN_PLUGIN_ABI                                                                              \
    (((((((sizeof(struct nn_arch) * 131 + sizeof(struct nn_batch)) * 131 +                         \
          sizeof(struct nn_net_options)) * 131 + sizeof(struct nn_loss)) * 131 +                   \
        sizeof(struct nn_update)) * 131 + sizeof(struct nn_update_result)) * 131 +                 \
      sizeof(struct nn_backend)) * 131 + sizeof(struct tg_span)) * 131 + sizeof(struct tg_error)

/* plugin.c: open the plugin. TG_EDEVICE says what is missing. */
enum tg_status nn_plugin_open(const struct nn_plugin **plugin, struct tg_error *err);
