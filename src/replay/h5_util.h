/* h5_util.h - private to src/replay: types, messages, and whole writes. */
#pragma once

#include <hdf5.h>

#include "tengen/record.h"

enum { H5_REASON_CHARS = 200 };

/* On disk: little-endian. */
hid_t h5_file_type(enum record_type type);

/* HDF5 prints its error stack by itself unless told not to. */
void h5_quiet(void);
/* The innermost message of HDF5's error stack, "HDF5 gives no reason" if there is none. */
void h5_reason(char text[H5_REASON_CHARS]);

/* pwrite until all is written. 0, or errno. */
int h5_pwrite(int fd, const void *bytes, size_t n, uint64_t at);
