/* gtp_talk.h - a GTP engine in memory for tests: one line in, its answer as text. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tg_test.h"
#include "tengen/play.h"

struct talk {
    struct gtp_engine *engine;
    char *answer; /* of the last line; owned */
    size_t n;
    bool going;
    struct tg_error err;
};

static inline struct gtp_options talk_options(void)
{
    return (struct gtp_options){.player = {.backend = "cpu", .kind = GAME_GO, .threads = 2, .seed = 1},
                                .visits = 16, .sec = -1.0, .version = "test"};
}

static inline void talk_bytes(struct talk *t, const char *line, size_t n)
{
    FILE *out;

    free(t->answer);
    t->answer = NULL;
    out = open_memstream(&t->answer, &t->n);
    assert_non_null(out);
    t->going = gtp_execute(t->engine, line, n, out);
    fclose(out);
}

static inline const char *talk(struct talk *t, const char *line)
{
    talk_bytes(t, line, strlen(line));
    return t->answer;
}

/* The answer must be this, its two newlines apart. */
#define assert_answer(t, line, expected)                                                           \
    do {                                                                                           \
        char want_[512];                                                                           \
        snprintf(want_, sizeof want_, "%s\n\n", expected);                                         \
        if (strcmp(talk(t, line), want_) != 0)                                                     \
            fail_msg("%s: \"%s\", expected \"%s\"", line, (t)->answer, want_);                     \
    } while (0)

/* The answer must be a failure whose text contains the word. */
#define assert_refused(t, line, word)                                                              \
    do {                                                                                           \
        if (talk(t, line)[0] != '?' || strstr((t)->answer, word) == NULL)                          \
            fail_msg("%s: \"%s\", expected a refusal with \"%s\"", line, (t)->answer, word);       \
    } while (0)

/* The answer must be a success that contains the word. */
#define assert_says(t, line, word)                                                                 \
    do {                                                                                           \
        if (talk(t, line)[0] != '=' || strstr((t)->answer, word) == NULL)                          \
            fail_msg("%s: \"%s\", expected success with \"%s\"", line, (t)->answer, word);         \
    } while (0)
