/* Events, JSON lines, progress, history and the HTML page. */
#define _XOPEN_SOURCE 700 /* pseudo-terminals */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../src/report/crc32c.h"
#include "../../src/report/progress.h"
#include "tengen/file.h"
#include "tengen/report.h"
#include "tengen/rng.h"
#include "tg_test.h"

struct fixture {
    char dir[64];
    struct tg_log log;
    char *logged; /* what the log wrote, after fclose or fflush */
    size_t n_logged;
    struct tg_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    snprintf(f->dir, sizeof f->dir, "%s", tg_test_mkdir());
    f->log = (struct tg_log){.level = TG_LOG_INFO};
    f->log.stream = open_memstream(&f->logged, &f->n_logged);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    tg_test_rmdir(f->dir);
    fclose(f->log.stream);
    free(f->logged);
    free(f);
    return 0;
}

static void path_of(const struct fixture *f, const char *name, char path[RUN_PATH_MAX])
{
    snprintf(path, RUN_PATH_MAX, "%s/%s", f->dir, name);
}

static char *read_all(struct fixture *f, const char *name, size_t *n)
{
    char path[RUN_PATH_MAX], *text;

    path_of(f, name, path);
    assert_ok(tg_file_read(path, 1 << 24, &text, n, &f->err), &f->err);
    return text;
}

static void write_all(const struct fixture *f, const char *name, const char *text, size_t n)
{
    char path[RUN_PATH_MAX];
    FILE *out;

    path_of(f, name, path);
    out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    fclose(out);
}

static struct report *open_report(struct fixture *f)
{
    struct report *r;

    assert_ok(report_open(f->dir, &f->log, &r, &f->err), &f->err);
    return r;
}

static void tell(struct fixture *f, struct report *r, int64_t step, double loss, double rate)
{
    const struct report_scalar scalars[] = {
        {"loss/total", loss}, {"selfplay/games_per_sec", rate}, {"match/elo", (double)NAN},
        {"lr", (double)INFINITY}};

    assert_ok(report_scalars(r, "iteration", step, scalars, 4, &f->err), &f->err);
}

/* ---- checksums and events ------------------------------------------------------------------------ */

static void crc32c_gives_the_known_answers(void **state)
{
    uint8_t bytes[32];

    (void)state;
    assert_int_equal(crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c("", 0), 0);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x8a9136aa); /* RFC 3720, B.4 */
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(bytes, sizeof bytes), 0x46dd794e);
    assert_int_equal(crc32c_masked("123456789", 9), 0xc78ab0e5); /* ((crc >> 15) | (crc << 17)) + 0xa282ead8 */
}

/* A message being read. */
struct wire { const uint8_t *at, *end; };

static uint64_t take_varint(struct wire *w)
{
    uint64_t x = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(w->at < w->end);
        x |= (uint64_t)(*w->at & 127) << shift;
        if (*w->at++ < 128)
            return x;
    }
    fail_msg("a varint without an end");
    return 0;
}

static void take_bytes(struct wire *w, void *to, size_t n)
{
    assert_true((size_t)(w->end - w->at) >= n);
    memcpy(to, w->at, n);
    w->at += n;
}

static struct wire take_message(struct wire *w)
{
    uint64_t n = take_varint(w);
    struct wire inner = {w->at, w->at + n};

    assert_true(n <= (uint64_t)(w->end - w->at));
    w->at += n;
    return inner;
}

struct scalar { char tag[64]; float value; };
struct event { double wall_time; int64_t step; char version[32]; struct scalar scalars[8]; int n; };

static void take_value(struct wire w, struct scalar *s)
{
    while (w.at < w.end) {
        uint64_t key = take_varint(&w);

        if (key == (1 << 3 | 2)) { /* tag */
            struct wire text = take_message(&w);

            snprintf(s->tag, sizeof s->tag, "%.*s", (int)(text.end - text.at), (const char *)text.at);
        } else {
            assert_int_equal(key, 2 << 3 | 5); /* simple_value */
            take_bytes(&w, &s->value, 4);
        }
    }
}

static void take_event(struct wire w, struct event *e)
{
    memset(e, 0, sizeof *e);
    while (w.at < w.end) {
        uint64_t key = take_varint(&w);

        if (key == (1 << 3 | 1)) { /* wall_time */
            take_bytes(&w, &e->wall_time, 8);
        } else if (key == (2 << 3 | 0)) { /* step */
            e->step = (int64_t)take_varint(&w);
        } else if (key == (3 << 3 | 2)) { /* file_version */
            struct wire text = take_message(&w);

            snprintf(e->version, sizeof e->version, "%.*s", (int)(text.end - text.at),
                     (const char *)text.at);
        } else {
            struct wire summary;

            assert_int_equal(key, 5 << 3 | 2); /* summary */
            summary = take_message(&w);
            while (summary.at < summary.end) {
                assert_int_equal(take_varint(&summary), 1 << 3 | 2);
                assert_true(e->n < 8);
                take_value(take_message(&summary), &e->scalars[e->n++]);
            }
        }
    }
}

static uint64_t little_endian(const uint8_t *at, int n)
{
    uint64_t x = 0;

    for (int i = n; i > 0; i--)
        x = x << 8 | at[i - 1];
    return x;
}

/* All events of a file, its frames and checksums looked at. */
static int read_events(struct fixture *f, const char *name, struct event *events, int max)
{
    size_t n, at = 0;
    uint8_t *bytes = (uint8_t *)read_all(f, name, &n);
    int k = 0;

    while (at < n) {
        uint64_t length;

        assert_true(n - at >= 16 && k < max);
        length = little_endian(bytes + at, 8);
        assert_int_equal(little_endian(bytes + at + 8, 4), crc32c_masked(bytes + at, 8));
        assert_true(length <= n - at - 16);
        assert_int_equal(little_endian(bytes + at + 12 + length, 4),
                         crc32c_masked(bytes + at + 12, length));
        take_event((struct wire){bytes + at + 12, bytes + at + 12 + length}, &events[k++]);
        at += 16 + length;
    }
    free(bytes);
    return k;
}

/* Names of the event files, in order. */
static int event_files(const struct fixture *f, char names[4][128])
{
    struct dirent **list;
    int n = scandir(f->dir, &list, NULL, alphasort), k = 0;

    for (int i = 0; i < n; i++) {
        if (strncmp(list[i]->d_name, "events.out.tfevents.", 20) == 0 && k < 4)
            snprintf(names[k++], 128, "%.127s", list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return k;
}

static void scalars_arrive_in_the_event_file(void **state)
{
    struct fixture *f = *state;
    struct report *r = open_report(f);
    struct event events[4];
    char names[4][128];

    tell(f, r, 7, 1.5, 20);
    tell(f, r, 300, -0.25, 21);
    report_close(r);
    assert_int_equal(event_files(f, names), 1);
    assert_int_equal(read_events(f, names[0], events, 4), 3);
    assert_string_equal(events[0].version, "brain.Event:2");
    assert_true(fabs(events[0].wall_time - (double)time(NULL)) < 60);
    assert_int_equal(events[1].step, 7);
    assert_int_equal(events[1].n, 2); /* what is not finite is left out */
    assert_string_equal(events[1].scalars[0].tag, "loss/total");
    assert_true(events[1].scalars[0].value == 1.5f);
    assert_string_equal(events[1].scalars[1].tag, "selfplay/games_per_sec");
    assert_int_equal(events[2].step, 300);
    assert_true(events[2].scalars[0].value == -0.25f);
    assert_true(events[2].wall_time >= events[1].wall_time);
}

static void each_start_has_its_own_event_file_and_goes_on_in_the_same_lines(void **state)
{
    struct fixture *f = *state;
    char names[4][128], *text;
    size_t n, n_first;
    struct report *r = open_report(f);

    tell(f, r, 0, 1, 1);
    report_close(r);
    assert_int_equal(event_files(f, names), 1);
    free(read_all(f, names[0], &n_first));
    r = open_report(f);
    tell(f, r, 1, 2, 2);
    report_close(r);
    assert_int_equal(event_files(f, names), 2);
    free(read_all(f, names[0], &n));
    assert_int_equal(n, n_first);
    text = read_all(f, "log.jsonl", &n);
    assert_non_null(strstr(text, "\"step\":0,"));
    assert_non_null(strstr(text, "\"step\":1,"));
    free(text);
}

/* ---- JSON lines ---------------------------------------------------------------------------------- */

static void each_line_is_an_object_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct report *r = open_report(f);
    char *text, *line;
    size_t n;
    int k = 0;

    tell(f, r, 12, 0.1, 1e6);
    assert_ok(report_event(r, "note", "a \"quoted\"\nline \x01 with \\ \xc3\xa9", &f->err), &f->err);
    report_close(r);
    text = read_all(f, "log.jsonl", &n);
    for (line = text; *line != '\0'; line = strchr(line, '\n') + 1, k++) {
        cJSON *json = cJSON_ParseWithLength(line, (size_t)(strchr(line, '\n') - line));

        assert_true(cJSON_IsObject(json));
        assert_true(fabs(cJSON_GetObjectItem(json, "time")->valuedouble - (double)time(NULL)) < 60);
        if (k == 0) {
            assert_string_equal(cJSON_GetObjectItem(json, "kind")->valuestring, "iteration");
            assert_int_equal(cJSON_GetObjectItem(json, "step")->valueint, 12);
            assert_true(cJSON_GetObjectItem(json, "loss/total")->valuedouble == 0.1);
            assert_null(cJSON_GetObjectItem(json, "match/elo"));
            assert_null(cJSON_GetObjectItem(json, "lr"));
        } else {
            assert_string_equal(cJSON_GetObjectItem(json, "text")->valuestring,
                                "a \"quoted\"\nline \x01 with \\ \xc3\xa9");
        }
        cJSON_Delete(json);
    }
    assert_int_equal(k, 2);
    free(text);
}

static void a_torn_last_line_is_cut_off(void **state)
{
    struct fixture *f = *state;
    char *long_line = malloc(10002), *text;
    struct { const char *before; size_t n, n_left; } cases[] = {
        {"{\"a\":1}\n{\"b\":2}\n", 16, 16}, /* nothing torn */
        {"{\"a\":1}\n{\"b\":", 13, 8},
        {"{\"a\":1}\n\n", 9, 9},
        {"{\"a\"", 4, 0},                    /* not one whole line */
        {"", 0, 0},
        {long_line, 10002, 2},               /* longer than what is read at once */
    };

    memset(long_line, 'x', 10002);
    memcpy(long_line, "1\n", 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        bool torn = cases[i].n_left < cases[i].n;

        write_all(f, "log.jsonl", cases[i].before, cases[i].n);
        rewind(f->log.stream);
        report_close(open_report(f));
        text = read_all(f, "log.jsonl", &n);
        assert_int_equal(n, cases[i].n_left);
        assert_memory_equal(text, cases[i].before, n);
        free(text);
        fputc('\0', f->log.stream);
        fflush(f->log.stream);
        assert_int_equal(strstr(f->logged, "was torn") != NULL, torn);
    }
    free(long_line);
}

static void what_cannot_be_written_is_an_error_that_names_it(void **state)
{
    struct fixture *f = *state;
    char path[RUN_PATH_MAX];
    struct report *r = NULL;

    path_of(f, "no/such", path);
    assert_fails(report_open(path, &f->log, &r, &f->err), TG_EIO, "no/such/log.jsonl", &f->err);
    assert_null(r);
    path_of(f, "log.jsonl", path);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_fails(report_open(f->dir, &f->log, &r, &f->err), TG_EIO, "log.jsonl", &f->err);
    assert_null(r);
}

/* ---- history ------------------------------------------------------------------------------------- */

static void a_history_holds_what_was_told(void **state)
{
    struct fixture *f = *state;
    struct report *r = open_report(f);
    struct report_history h;
    const struct report_series *s;

    for (int i = 0; i < 100; i++)
        tell(f, r, i + 1, 1.0 / (i + 1), i == 50 ? (double)NAN : i);
    assert_ok(report_event(r, "note", "between", &f->err), &f->err);
    report_close(r);
    assert_ok(report_history_load(f->dir, &h, &f->err), &f->err);
    assert_int_equal(h.n_lines, 101);
    assert_int_equal(h.n_bad, 0);
    s = report_history_find(&h, "loss/total");
    assert_non_null(s);
    assert_int_equal(s->n, 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(s->steps[i], i + 1);
        assert_true(fabs(s->values[i] * (i + 1) - 1) < 1e-9);
    }
    assert_int_equal(report_history_find(&h, "selfplay/games_per_sec")->n, 99);
    assert_null(report_history_find(&h, "match/elo"));
    assert_null(report_history_find(&h, "time"));
    assert_true(h.first_time > 0 && h.last_time >= h.first_time);
    report_history_close(&h);
}

static void what_was_done_again_counts_once(void **state)
{
    struct fixture *f = *state;
    static const int steps[] = {1, 2, 3, 4, 5, 3, 4, 4, 6};
    static const double values[] = {1, 2, 3, 4, 5, 33, 44, 444, 66};
    static const double expect[] = {1, 2, 33, 444, 66};
    struct report *r = open_report(f);
    struct report_history h;
    const struct report_series *s;

    for (int i = 0; i < 9; i++)
        tell(f, r, steps[i], values[i], 0);
    report_close(r);
    assert_ok(report_history_load(f->dir, &h, &f->err), &f->err);
    s = report_history_find(&h, "loss/total");
    assert_int_equal(s->n, 5);
    for (int i = 0; i < 5; i++)
        assert_true(s->values[i] == expect[i]);
    assert_int_equal(s->steps[4], 6);
    report_history_close(&h);
}

static void damaged_lines_are_skipped_and_counted(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "{\"step\":1,\"x\":1}\n{\"step\":2,\"x\n[1,2]\n\n{\"step\":3,\"x\":3}\n"
                               "{\"step\":\"4\",\"x\":4}\n{\"step\":5,\"x\":5}";
    struct report_history h;

    assert_ok(report_history_load(f->dir, &h, &f->err), &f->err); /* no file: no history */
    assert_int_equal(h.n_series, 0);
    write_all(f, "log.jsonl", text, sizeof text - 1);
    assert_ok(report_history_load(f->dir, &h, &f->err), &f->err);
    assert_int_equal(h.n_lines, 6); /* the last one has no end yet */
    assert_int_equal(h.n_bad, 3);
    assert_int_equal(report_history_find(&h, "x")->n, 2);
    assert_int_equal(report_history_find(&h, "x")->steps[1], 3);
    report_history_close(&h);
}

static void a_history_of_random_bytes_never_crashes(void **state)
{
    struct fixture *f = *state;
    struct tg_rng r = tg_rng_stream(1, TG_RNG_TEST, 3, 3);

    for (int k = 0; k < 200; k++) {
        char text[2000];
        size_t at = 0;

        while (at < sizeof text - 64) {
            at += (size_t)snprintf(text + at, sizeof text - at, "{\"step\":%u,\"t%u\":%u.5}\n",
                                   tg_rng_below(&r, 9), tg_rng_below(&r, 400), tg_rng_below(&r, 99));
            if (tg_rng_below(&r, 2) == 0)
                text[at - 1 - tg_rng_below(&r, 12)] = (char)tg_rng_below(&r, 256);
        }
        write_all(f, "log.jsonl", text, at);
        struct report_history h;
        assert_ok(report_history_load(f->dir, &h, &f->err), &f->err);
        for (size_t i = 0; i < h.n_series; i++)
            for (size_t j = 1; j < h.series[i].n; j++)
                assert_true(h.series[i].steps[j] > h.series[i].steps[j - 1]);
        report_history_close(&h);
    }
}

/* ---- progress ------------------------------------------------------------------------------------ */

static const struct report_progress sample = {
    .iteration = 2, .iterations = 20, .phase = "self-play", .done = 0.456, .games_per_sec = 3.456,
    .evals_per_sec = 12345, .rows = 54321, .policy_loss = 3.25, .value_loss = 0.875, .left_sec = 3700};

static void the_progress_line_says_all_and_fits(void **state)
{
    struct report_progress p = sample;
    char text[200];

    (void)state;
    progress_text(&p, 0, text, sizeof text);
    assert_string_equal(text, "iteration 3/20 self-play  45%  3.46 games/s  12.3k evals/s  54.3k rows  "
                              "policy 3.250 value 0.875  1:01 h left");
    progress_text(&p, 79, text, sizeof text);
    assert_string_equal(text, "3/20 self-play  45% 3.46 g/s 12.3k ev/s 54.3k rows p 3.250 v 0.875 "
                              "1:01 h left");
    progress_text(&p, 40, text, sizeof text);
    assert_int_equal(strlen(text), 40);
    p.games_per_sec = p.evals_per_sec = p.policy_loss = p.value_loss = p.left_sec = (double)NAN;
    p.done = 1;
    p.rows = 4560000;
    progress_text(&p, 0, text, sizeof text);
    assert_string_equal(text, "iteration 3/20 self-play 100%  4.6M rows");
}

static void without_a_terminal_a_line_a_minute_is_told(void **state)
{
    struct fixture *f = *state;
    struct report_progress now = sample;
    struct progress p;
    int n_lines = 0;

    progress_init(&p, &f->log);
    for (int minute = 0; minute < 3; minute++) {
        for (int i = 0; i <= 100; i++) {
            now.done = i / 100.0;
            progress_show(&p, &now);
        }
        now.iteration++;
        p.drawn -= 61; /* a minute goes by */
    }
    progress_end(&p);
    fflush(f->log.stream);
    for (const char *c = f->logged; *c != '\0'; c++)
        n_lines += *c == '\n';
    assert_int_equal(n_lines, 2); /* none in the first minute */
    assert_null(strchr(f->logged, '\r'));
    assert_non_null(strstr(f->logged, "iteration 4/20 self-play   0%  3.46 games/s"));
    assert_non_null(strstr(f->logged, "iteration 5/20"));
}

/* What stands on the terminal's input side by now. */
static size_t drain(int master, char *text, size_t n)
{
    size_t at = 0;
    ssize_t got;

    while (at < n - 1 && (got = read(master, text + at, n - 1 - at)) > 0)
        at += (size_t)got;
    text[at] = '\0';
    return at;
}

static int count(const char *text, const char *what)
{
    int n = 0;

    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void on_a_terminal_one_line_is_redrawn_and_makes_way_for_the_log(void **state)
{
    struct fixture *f = *state;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    char text[8192];
    struct report *r;
    struct report_progress p = sample;
    struct tg_log log = {.level = TG_LOG_INFO};

    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        skip();
    fcntl(master, F_SETFL, O_NONBLOCK);
    log.stream = fopen(ptsname(master), "w");
    assert_non_null(log.stream);
    assert_ok(report_open(f->dir, &log, &r, &f->err), &f->err);
    for (int i = 0; i < 1000; i++)
        report_progress(r, &p);
    drain(master, text, sizeof text);
    assert_int_equal(count(text, "\r3/20 self-play  45%"), 1); /* within a quarter of a second */
    assert_int_equal(count(text, "\n"), 0);
    assert_true(log.progress_shown);
    tg_log(&log, TG_LOG_INFO, "hello");
    drain(master, text, sizeof text);
    assert_int_equal(strncmp(text, "\r\033[K", 4), 0);
    assert_int_equal(count(text, "hello"), 1);
    double until = tg_now() + 0.6;
    while (tg_now() < until)
        report_progress(r, &p);
    drain(master, text, sizeof text);
    assert_in_range(count(text, "\r3/20"), 2, 3); /* at most four a second */
    report_close(r);
    drain(master, text, sizeof text);
    assert_string_equal(text, "\r\033[K");
    assert_false(log.progress_shown);
    fclose(log.stream);
    close(master);
}

/* ---- the page ------------------------------------------------------------------------------------ */

static void the_page_holds_the_curves_and_nothing_from_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct report *r = open_report(f);
    struct manifest m;
    char *text;
    size_t n;

    for (int i = 1; i <= 1000; i++)
        tell(f, r, i, 2.0 / i, 5 + i % 3);
    report_close(r);
    assert_ok(manifest_init(&m, "<script>\"&", 1, &f->err), &f->err);
    for (int i = 0; i < 3; i++) {
        struct manifest_net net = {.number = i};
        struct manifest_match match = {.iteration = i, .a = i, .b = -1, .decision = "promoted",
                                       .result = {.games = 40, .wins = 30, .losses = 10, .score = 0.75},
                                       .elo = i == 1 ? (double)NAN : 100.0 * i, .elo_stderr = 20};

        assert_ok(manifest_add_net(&m, &net, &f->err), &f->err);
        assert_ok(manifest_add_match(&m, &match, &f->err), &f->err);
    }
    assert_ok(manifest_add_config(&m, 0, 9, "return { a = 1 < 2 } -- </pre>", &f->err), &f->err);
    assert_ok(manifest_save(&m, f->dir, &f->err), &f->err);
    manifest_close(&m);
    assert_ok(report_html(f->dir, &f->err), &f->err);
    text = read_all(f, "report.html", &n);
    assert_int_equal(count(text, "<svg"), 3); /* rating, total loss, games per second */
    assert_int_equal(count(text, "<polyline"), 3);
    assert_non_null(strstr(text, "&lt;script&gt;&quot;&amp;"));
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "-- </pre>"));
    assert_non_null(strstr(text, "1 &lt; 2"));
    assert_null(strstr(text, "http"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf,"));
    assert_true(n < 60000); /* a thousand points are averaged to some hundred */
    free(text);
}

static void a_page_of_a_run_without_figures_is_a_page(void **state)
{
    struct fixture *f = *state;
    struct manifest m;
    char *text;
    size_t n;

    assert_fails(report_html(f->dir, &f->err), TG_ENOTFOUND, "no run", &f->err);
    assert_ok(manifest_init(&m, "new", 1, &f->err), &f->err);
    assert_ok(manifest_save(&m, f->dir, &f->err), &f->err);
    manifest_close(&m);
    assert_ok(report_html(f->dir, &f->err), &f->err);
    text = read_all(f, "report.html", &n);
    assert_int_equal(count(text, "<svg"), 0);
    assert_int_equal(count(text, "</html>"), 1);
    free(text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_known_answers),
        T(scalars_arrive_in_the_event_file),
        T(each_start_has_its_own_event_file_and_goes_on_in_the_same_lines),
        T(each_line_is_an_object_of_its_own),
        T(a_torn_last_line_is_cut_off),
        T(what_cannot_be_written_is_an_error_that_names_it),
        T(a_history_holds_what_was_told),
        T(what_was_done_again_counts_once),
        T(damaged_lines_are_skipped_and_counted),
        T(a_history_of_random_bytes_never_crashes),
        cmocka_unit_test(the_progress_line_says_all_and_fits),
        T(without_a_terminal_a_line_a_minute_is_told),
        T(on_a_terminal_one_line_is_redrawn_and_makes_way_for_the_log),
        T(the_page_holds_the_curves_and_nothing_from_elsewhere),
        T(a_page_of_a_run_without_figures_is_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
