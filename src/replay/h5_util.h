/* h5_util.h - private to src/replay: types, messages, and whole writes. */
#pragma once

#include <hdf5.h>

#include "schema.h"

enum { H5_REASON_CHARS = 200 };

/* The type of a column on disk, little-endian; the caller closes it. */
hid_t h5_column_type(const struct shard_column *c);

/* HDF5 prints its error stack by itself unless told not to. */
void h5_quiet(void);
/* The innermost message of HDF5's error stack, "HDF5 gives no reason" if there is none. */
void h5_reason(char text[H5_REASON_CHARS]);

/* pwrite until all is written. 0, or errno. */
int h5_pwrite(int fd, const void *bytes, size_t n, uint64_t at);
