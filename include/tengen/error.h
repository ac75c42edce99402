/* error.h - a status that travels up, and the reason it carries. */
#pragma once

enum tg_status {
    TG_OK = 0,
    TG_EINVAL,  /* the caller's or the user's mistake: a wrong option, an illegal move */
    TG_ENOMEM,
    TG_EIO,     /* the operating system refused: no such file, no space, a broken pipe */
    TG_EFORMAT, /* data that is not what it should be: a bad checksum, a truncated file */
    TG_EDEVICE, /* an accelerator is missing or failed */
    TG_ENOTFOUND
};

enum { TG_TRACE_MAX = 8, TG_ERROR_TEXT = 640 };

/* Lives in the caller, never allocates. text says what failed and with which values; trace lists
 * the call sites it came up through, innermost first. */
struct tg_error {
    enum tg_status code;
    char text[TG_ERROR_TEXT];
    int n_trace;
    struct tg_trace {
        const char *file, *func;
        int line;
    } trace[TG_TRACE_MAX];
};

/* Fill err (which may be NULL), start its trace here and return code. */
enum tg_status tg_fail_at(struct tg_error *err, enum tg_status code, const char *file, int line,
                          const char *func, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
void tg_trace_at(struct tg_error *err, const char *file, int line, const char *func);

#define FAIL(err, code, ...) tg_fail_at((err), (code), __FILE__, __LINE__, __func__, __VA_ARGS__)

/* Return (TRY) or clean up (TRY_OUT, which needs `rc` and the label `out`) on failure. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum tg_status try_rc_ = (call);                                                           \
        if (try_rc_ != TG_OK) {                                                                    \
            tg_trace_at(err, __FILE__, __LINE__, __func__);                                        \
            return try_rc_;                                                                        \
        }                                                                                          \
    } while (0)
#define TRY_OUT(call)                                                                              \
    do {                                                                                           \
        rc = (call);                                                                               \
        if (rc != TG_OK) {                                                                         \
            tg_trace_at(err, __FILE__, __LINE__, __func__);                                        \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)
