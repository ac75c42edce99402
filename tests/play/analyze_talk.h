/* analyze_talk.h - an analyzer in memory for tests: lines in, all answers as JSON when it is done. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tg_test.h"
#include "tengen/play.h"

struct analyze_talk {
    const char *dir;
    char net[300];
    struct analyze_options o;
    struct analyzer *a;
    FILE *out;
    char *text; /* owned */
    size_t n;
    cJSON **answers; /* owned [n_answers], in the order they came */
    int n_answers;
    struct tg_error err;
};

/* A directory with a tiny network of this game, and options for it: one thread, 40 visits. */
static inline void talk_prepare(struct analyze_talk *t, enum game_kind kind)
{
    struct game game;
    struct nn_arch arch;
    struct nn_model m;

    memset(t, 0, sizeof *t);
    t->dir = tg_test_mkdir();
    snprintf(t->net, sizeof t->net, "%s/net.tgn", t->dir);
    assert_ok(game_init(&game, kind, 9, 3, &t->err), &t->err);
    assert_ok(nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &t->err), &t->err);
    assert_ok(nn_model_init(&arch, &game, "tiny", 3, &m, &t->err), &t->err);
    assert_ok(nn_model_save(&m, t->net, &t->err), &t->err);
    nn_model_close(&m);
    analyze_defaults(&t->o);
    t->o.net = t->net;
    t->o.threads = 1;
    t->o.visits = 40;
    t->o.cache_bytes = 1 << 20;
    t->o.version = "test";
}

static inline void talk_open(struct analyze_talk *t)
{
    t->out = open_memstream(&t->text, &t->n);
    assert_non_null(t->out);
    assert_ok(analyze_open(&t->o, NULL, t->out, &t->a, &t->err), &t->err);
}

static inline void talk_drop_answers(struct analyze_talk *t)
{
    for (int i = 0; i < t->n_answers; i++)
        cJSON_Delete(t->answers[i]);
    free(t->answers);
    free(t->text);
    t->answers = NULL;
    t->text = NULL;
    t->n_answers = 0;
}

/* Every line is one JSON object. */
static inline void talk_read(struct analyze_talk *t)
{
    for (char *line = t->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        cJSON *json = cJSON_Parse(line);

        if (!cJSON_IsObject(json))
            fail_msg("no JSON object: %.300s", line);
        t->answers = realloc(t->answers, ((size_t)t->n_answers + 1) * sizeof *t->answers);
        assert_non_null(t->answers);
        t->answers[t->n_answers++] = json;
    }
}

/* Wait for all answers and read them. The next talk_open begins anew. */
static inline void talk_finish(struct analyze_talk *t)
{
    analyze_finish(t->a);
    analyze_close(t->a);
    t->a = NULL;
    fclose(t->out);
    talk_read(t);
}

/* Until this stands in what the analyzer has said. */
static inline void talk_wait_for(struct analyze_talk *t, const char *what)
{
    for (bool found = false; !found;) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        flockfile(t->out); /* its threads write there */
        fflush(t->out);
        found = t->text != NULL && strstr(t->text, what) != NULL;
        funlockfile(t->out);
    }
}

static inline void say(struct analyze_talk *t, const char *line) { analyze_line(t->a, line, strlen(line)); }

/* Say one line to an analyzer of its own, and read all answers. */
static inline void ask(struct analyze_talk *t, const char *line)
{
    talk_drop_answers(t);
    talk_open(t);
    say(t, line);
    talk_finish(t);
}

static inline void talk_close(struct analyze_talk *t)
{
    talk_drop_answers(t);
    tg_test_rmdir(t->dir);
}

static inline const char *text_of(const cJSON *json, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static inline double number_of(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

    if (!cJSON_IsNumber(item))
        fail_msg("no number \"%s\"", key);
    return item->valuedouble;
}

static inline bool is_true(const cJSON *json, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static inline const cJSON *part(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);

    if (item == NULL)
        fail_msg("no \"%s\"", key);
    return item;
}

/* The final answer to this id and turn; there must be exactly one. */
static inline const cJSON *answer_to(const struct analyze_talk *t, const char *id, int turn)
{
    const cJSON *found = NULL;

    for (int i = 0; i < t->n_answers; i++) {
        const cJSON *x = t->answers[i], *number = cJSON_GetObjectItemCaseSensitive(x, "turnNumber");

        if (number == NULL || number->valueint != turn || strcmp(text_of(x, "id"), id) != 0 ||
            is_true(x, "isDuringSearch"))
            continue;
        if (found != NULL)
            fail_msg("two answers to %s, turn %d", id, turn);
        found = x;
    }
    if (found == NULL)
        fail_msg("no answer to %s, turn %d: %.400s", id, turn,
                 t->n_answers > 0 ? cJSON_PrintUnformatted(t->answers[0]) : "nothing");
    return found;
}
