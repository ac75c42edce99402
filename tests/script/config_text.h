/* config_text.h - open a config that a test writes down in place. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/file.h"
#include "tengen/script.h"
#include "tg_test.h"

/* Write text to dir/name. */
static inline void put_file(const char *dir, const char *name, const char *text)
{
    char path[1024];
    FILE *f;

    assert_true(snprintf(path, sizeof path, "%s/%s", dir, name) < (int)sizeof path);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* Open text as the config conf/x.lua of a fresh directory, with up to one override. */
static inline enum tg_status open_config(const char *text, const char *override, struct script **s,
                                         struct tg_error *err)
{
    const char *dir = tg_test_mkdir();
    char kept[256], path[512];
    enum tg_status rc;

    snprintf(kept, sizeof kept, "%s", dir);
    put_file(kept, "x.lua", text);
    snprintf(path, sizeof path, "%s/x.lua", kept);
    rc = script_open(path, &override, override != NULL, s, err);
    tg_test_rmdir(kept);
    return rc;
}

/* The config must be refused, with a message that has all these words (NULL-terminated). */
#define assert_refused(config_, set_, ...)                                                          \
    do {                                                                                           \
        struct script *refused_s_ = NULL;                                                          \
        struct tg_error refused_e_ = {0};                                                          \
        const char *const words_[] = {__VA_ARGS__, NULL};                                          \
        if (open_config(config_, set_, &refused_s_, &refused_e_) != TG_EINVAL)                    \
            fail_msg("not refused with TG_EINVAL: %s (%s)", config_, refused_e_.text);                \
        assert_null(refused_s_);                                                                   \
        for (const char *const *w_ = words_; *w_ != NULL; w_++)                                    \
            if (strstr(refused_e_.text, *w_) == NULL)                                              \
                fail_msg("%s: \"%s\" lacks \"%s\"", config_, refused_e_.text, *w_);                   \
    } while (0)
