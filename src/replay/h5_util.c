/* h5_util.c - what both sides of a shard need of HDF5. */
#include "h5_util.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static hid_t number_type(enum record_type type)
{
    switch (type) {
    case RECORD_U8:  return H5T_STD_U8LE;
    case RECORD_U16: return H5T_STD_U16LE;
    case RECORD_I16: return H5T_STD_I16LE;
    case RECORD_F32: return H5T_IEEE_F32LE;
    case RECORD_I32: return H5T_STD_I32LE;
    case RECORD_I64: return H5T_STD_I64LE;
    }
    return H5I_INVALID_HID;
}

/* The fields of a game by name; two numbers of a field are an array of two. */
static hid_t game_type(size_t bytes)
{
    int n;
    const struct record_column *fields = shard_game_fields(&n);
    hid_t line = H5Tcreate(H5T_COMPOUND, bytes);
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        hsize_t dims[1] = {fields[i].n_elems};
        hid_t type = dims[0] == 1 ? H5Tcopy(number_type(fields[i].type))
                                  : H5Tarray_create2(number_type(fields[i].type), 1, dims);

        H5Tinsert(line, fields[i].name, at, type);
        H5Tclose(type);
        at += fields[i].n_elems * record_type_bytes(fields[i].type);
    }
    return line;
}

hid_t h5_column_type(const struct shard_column *c)
{
    return c->is_game ? game_type(c->item_bytes) : H5Tcopy(number_type(c->type));
}

void h5_quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

static herr_t take_first(unsigned n, const H5E_error2_t *e, void *text)
{
    if (n == 0)
        snprintf(text, H5_REASON_CHARS, "HDF5: %s", e->desc != NULL ? e->desc : "unknown error");
    return 0;
}

void h5_reason(char text[H5_REASON_CHARS])
{
    snprintf(text, H5_REASON_CHARS, "HDF5 gives no reason");
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, text);
}

int h5_pwrite(int fd, const void *bytes, size_t n, uint64_t at)
{
    const char *from = bytes;

    while (n > 0) {
        ssize_t done = pwrite(fd, from, n, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        if (done == 0)
            return ENOSPC;
        from += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return 0;
}
