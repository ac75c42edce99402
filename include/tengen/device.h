/* device.h - what a device can do with its memory for those who know no devices: copy it, and sum it
 * over ranks. A span in device memory carries this table; its functions come from the plugin. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tengen/error.h"
#include "tengen/span.h"

enum { TG_DEVICE_UUID = 16, TG_DEVICE_GROUP_ID = 128 };

/* Ranks that sum device memory among each other without the host. */
struct tg_device_group;

struct tg_device {
    const char *name; /* of what sums: "NCCL 2.28.9" needs no more than "NCCL" */
    /* The physical device behind the span: equal for ranks that share one. */
    enum tg_status (*identify)(const struct tg_span *span, unsigned char uuid[TG_DEVICE_UUID],
                               struct tg_error *err);
    /* Elements [at, at + n) to or from host memory; done when it returns. */
    enum tg_status (*to_host)(const struct tg_span *span, size_t at, size_t n, void *host,
                              struct tg_error *err);
    enum tg_status (*from_host)(const struct tg_span *span, size_t at, size_t n, const void *host,
                                struct tg_error *err);

    /* A name for a new group, made by one rank and told to the others. */
    enum tg_status (*group_id)(unsigned char id[TG_DEVICE_GROUP_ID], struct tg_error *err);
    /* Start joining; no call of a group blocks. The group is joined when group_poll says so. */
    enum tg_status (*group_open)(const struct tg_span *span,
                                 const unsigned char id[TG_DEVICE_GROUP_ID], int rank, int size,
                                 struct tg_device_group **group, struct tg_error *err);
    /* Is what was asked for done? A failure of any rank that the group hears of is TG_EDEVICE. */
    enum tg_status (*group_poll)(struct tg_device_group *group, bool *done, struct tg_error *err);
    /* Enqueue the sum over the group, in place, behind what produces the span. */
    enum tg_status (*group_sum)(struct tg_device_group *group, const struct tg_span *span,
                                struct tg_error *err);
    /* Enqueue: span := that of rank root. */
    enum tg_status (*group_bcast)(struct tg_device_group *group, const struct tg_span *span, int root,
                                  struct tg_error *err);
    /* Never blocks: what is under way is given up. NULL is allowed. */
    void (*group_close)(struct tg_device_group *group);
};
