/* tg_test.h - cmocka plus what our tests share. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tengen/error.h"

/* Fail at the caller's line, in the error's own words. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != TG_OK)                                                                       \
            fail_msg("%s: %s (from %s:%d)", #call, (err)->text, (err)->trace[0].file,              \
                     (err)->trace[0].line);                                                        \
    } while (0)

/* The call must fail with this status, and its error text must contain the word. */
#define assert_fails(call, status, word, err)                                                      \
    do {                                                                                           \
        enum tg_status fails_rc_ = (call);                                                         \
        if (fails_rc_ != (status) || strstr((err)->text, (word)) == NULL)                          \
            fail_msg("%s: status %d, \"%s\"; expected status %d and \"%s\"", #call,                \
                     (int)fails_rc_, (err)->text, (int)(status), (word));                          \
    } while (0)

/* The path of a file of the reference data (../shared, or $TENGEN_SHARED), or NULL where it is
 * absent. Static storage, overwritten by the next call. */
const char *tg_test_shared(const char *name);

/* The path of a file in the source tree. Static storage, overwritten by the next call. */
const char *tg_test_source(const char *name);

/* Make a fresh directory for this test; the caller removes it with tg_test_rmdir. Static storage. */
const char *tg_test_mkdir(void);
void tg_test_rmdir(const char *dir);

/* Run a cmocka group between MPI_Init and MPI_Finalize; exit status is the worst of all ranks.
 * (Only in tests that name RANKS.) */
int mpi_test_main(int *argc, char ***argv, int (*run)(void));
