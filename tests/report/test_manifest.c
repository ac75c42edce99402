/* The manifest: everything survives, any damage is found, nothing is mistaken for a new run. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tengen/file.h"
#include "tengen/hash.h"
#include "tengen/report.h"
#include "tengen/rng.h"
#include "tg_test.h"

struct fixture {
    char dir[64];
    struct manifest m;
    struct tg_error err;
};

/* Every byte of an object that no text occupies: words whose value any integer field can hold and JSON
 * can carry. A field that save or load forgets comes back as 0. */
static void fill(void *object, size_t n)
{
    const uint64_t word = UINT64_C(0x0000123456789abc);

    for (size_t i = 0; i < n; i += sizeof word)
        memcpy((char *)object + i, &word, n - i < sizeof word ? n - i : sizeof word);
}

#define SET_TEXT(field, text)                                                                      \
    do {                                                                                           \
        memset(field, 0, sizeof(field));                                                           \
        snprintf(field, sizeof(field), "%s", text);                                                \
    } while (0)

static void add_items(struct fixture *f)
{
    struct replay_shard_info shard;
    struct manifest_net net;
    struct manifest_match match;

    for (int i = 0; i < 3; i++) {
        fill(&shard, sizeof shard);
        SET_TEXT(shard.name, "shard-00000001.h5");
        shard.hash = UINT64_MAX - (uint64_t)i;
        assert_ok(manifest_add_shard(&f->m, &shard, &f->err), &f->err);
        fill(&net, sizeof net);
        net.number = i;
        net.champion = i != 1;
        net.hash = UINT64_C(0x8000000000000001) + (uint64_t)i;
        assert_ok(manifest_add_net(&f->m, &net, &f->err), &f->err);
        fill(&match, sizeof match);
        SET_TEXT(match.decision, "rolled back");
        match.a = i;
        match.b = i == 0 ? -1 : 0;
        match.result.score = 1.0 / 3.0;
        assert_ok(manifest_add_match(&f->m, &match, &f->err), &f->err);
    }
    assert_ok(manifest_add_config(&f->m, 4, 77, "return { -- \"a\\b\"\n\tx = 1, \x01 \xc3\xa9 }", &f->err),
              &f->err);
    assert_ok(manifest_add_change(&f->m, 5, "{\"search.visits\":200}", &f->err), &f->err);
    assert_ok(manifest_add_quarantine(&f->m, "shard-00000007.h5", "checksum", 6, &f->err), &f->err);
    const struct manifest_roles roles = {.iteration = 7, .ranks = 6, .trainers = 2, .configured = "4", .reason = "too many"};
    assert_ok(manifest_add_roles(&f->m, &roles, &f->err), &f->err);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct manifest *m = &f->m;

    snprintf(f->dir, sizeof f->dir, "%s", tg_test_mkdir());
    assert_ok(manifest_init(m, "x", 1, &f->err), &f->err);
    fill(m, offsetof(struct manifest, shards));
    m->open.appended = true; /* any other byte is no bool */
    SET_TEXT(m->name, "a \"name\"\n");
    SET_TEXT(m->build, "tengen 0.1");
    SET_TEXT(m->created, "2026-01-02T03:04:05Z");
    SET_TEXT(m->status, "stopped");
    SET_TEXT(m->game, "go, board side 9, history 0");
    SET_TEXT(m->net, "b6c96");
    SET_TEXT(m->hardware, "2 hosts");
    m->seed = UINT64_MAX;
    m->champion = 2;
    m->latest = 1;
    m->baseline = 0;
    m->elapsed_sec = 0.1;
    add_items(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    manifest_close(&f->m);
    tg_test_rmdir(f->dir);
    free(f);
    return 0;
}

static void path_of(const struct fixture *f, const char *name, char path[128])
{
    snprintf(path, 128, "%.60s/%s", f->dir, name);
}

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *out;

    unlink(path); /* a file cut to nothing and written again is flushed by some file systems: slow */
    out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    fclose(out);
}

/* The saved manifest as text, which the caller frees. */
static char *saved(struct fixture *f, size_t *n)
{
    char path[128], *text;

    path_of(f, "manifest.json", path);
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(tg_file_read(path, 1 << 20, &text, n, &f->err), &f->err);
    return text;
}

/* ---- what survives ------------------------------------------------------------------------------ */

static void every_field_survives_a_save_and_a_load(void **state)
{
    struct fixture *f = *state;
    struct manifest back;

    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(manifest_load(&back, f->dir, &f->err), &f->err);
    assert_memory_equal(&back, &f->m, offsetof(struct manifest, baseline));
    assert_int_equal(back.baseline, f->m.baseline);
    assert_memory_equal(&back.elapsed_sec, &f->m.elapsed_sec,
                        offsetof(struct manifest, shards) - offsetof(struct manifest, elapsed_sec));
    assert_int_equal(back.n_shards, 3);
    assert_int_equal(back.n_nets, 3);
    assert_int_equal(back.n_matches, 3);
    for (int i = 0; i < 3; i++) {
        const struct manifest_net *a = &f->m.nets[i], *b = &back.nets[i];
        const struct manifest_match *p = &f->m.matches[i], *q = &back.matches[i];

        assert_memory_equal(&back.shards[i], &f->m.shards[i], sizeof *back.shards);
        assert_int_equal(b->number, i);
        assert_memory_equal(&b->iteration, &a->iteration,
                            offsetof(struct manifest_net, champion)
                                - offsetof(struct manifest_net, iteration));
        assert_int_equal(b->champion, a->champion);
        assert_memory_equal(&q->result, &p->result, offsetof(struct match_result, score));
        assert_memory_equal(&q->result.score, &p->result.score, 3 * sizeof(double));
        assert_int_equal(q->result.distinct_games, p->result.distinct_games);
        assert_memory_equal(&q->result.plies, &p->result.plies, 3 * sizeof(double));
        assert_string_equal(q->decision, p->decision);
        assert_memory_equal(&q->llr, &p->llr, 3 * sizeof(double));
        assert_int_equal(q->iteration, p->iteration);
        assert_int_equal(q->a, p->a);
        assert_int_equal(q->b, p->b);
    }
    assert_int_equal(back.configs[0].iteration, 4);
    assert_int_equal(back.configs[0].hash, 77);
    assert_string_equal(back.configs[0].text, f->m.configs[0].text);
    assert_int_equal(back.changes[0].iteration, 5);
    assert_string_equal(back.changes[0].json, f->m.changes[0].json);
    assert_string_equal(back.quarantined[0].file, "shard-00000007.h5");
    assert_string_equal(back.quarantined[0].reason, "checksum");
    assert_int_equal(back.quarantined[0].iteration, 6);
    assert_int_equal(back.n_roles, 1);
    assert_memory_equal(&back.roles[0], &f->m.roles[0], sizeof back.roles[0]);
    manifest_close(&back);
}

static void counts_up_to_2_to_the_53_are_exact(void **state)
{
    struct fixture *f = *state;
    struct manifest back;

    f->m.n_rows = (INT64_C(1) << 53) - 1;
    f->m.n_steps = INT64_C(1234567890123457);
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(manifest_load(&back, f->dir, &f->err), &f->err);
    assert_int_equal(back.n_rows, f->m.n_rows);
    assert_int_equal(back.n_steps, f->m.n_steps);
    manifest_close(&back);
}

static void a_number_that_is_not_finite_comes_back_as_nan(void **state)
{
    struct fixture *f = *state;
    struct manifest back;

    f->m.matches[1].llr = (double)INFINITY;
    f->m.matches[2].elo = (double)NAN;
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(manifest_load(&back, f->dir, &f->err), &f->err);
    assert_true(isnan(back.matches[1].llr));
    assert_true(isnan(back.matches[2].elo));
    manifest_close(&back);
}

static void a_loaded_manifest_goes_on_growing(void **state)
{
    struct fixture *f = *state;
    struct manifest m;

    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(manifest_load(&m, f->dir, &f->err), &f->err);
    for (int i = 3; i < 100; i++) {
        struct manifest_net net = {.number = i};

        assert_ok(manifest_add_net(&m, &net, &f->err), &f->err);
    }
    assert_ok(manifest_save(&m, f->dir, &f->err), &f->err);
    manifest_close(&m);
    assert_ok(manifest_load(&m, f->dir, &f->err), &f->err);
    assert_int_equal(m.n_nets, 100);
    assert_int_equal(m.nets[99].number, 99);
    manifest_close(&m);
}

/* Of a run of years, on many hosts; here in one piece of text, as that is quickly made. */
static void what_is_saved_can_be_loaded_however_large(void **state)
{
    enum { BYTES = 257 << 20 };
    struct fixture *f = *state;
    struct manifest back;
    struct tg_error err = {0};
    char *text = malloc(BYTES + 1);

    assert_non_null(text);
    memset(text, ',', BYTES);
    text[BYTES] = '\0';
    assert_ok(manifest_add_config(&f->m, 7, 7, text, &err), &err);
    assert_ok(manifest_save(&f->m, f->dir, &err), &err);
    assert_ok(manifest_load(&back, f->dir, &err), &err);
    assert_string_equal(back.configs[back.n_configs - 1].text, text);
    manifest_close(&back);
    free(text);
}

static void the_one_before_is_kept(void **state)
{
    struct fixture *f = *state;
    char path[128], *first, *kept;
    size_t n, n_kept;

    first = saved(f, &n);
    f->m.iterations++;
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    path_of(f, "manifest.json.bak", path);
    assert_ok(tg_file_read(path, 1 << 20, &kept, &n_kept, &f->err), &f->err);
    assert_int_equal(n_kept, n);
    assert_memory_equal(kept, first, n);
    free(first);
    free(kept);
}

/* ---- what is found ------------------------------------------------------------------------------ */

static void no_truncation_passes(void **state)
{
    struct fixture *f = *state;
    char path[128], *text;
    size_t n;
    struct manifest back;

    text = saved(f, &n);
    path_of(f, "manifest.json", path);
    for (size_t length = 0; length < n; length++) {
        write_file(path, text, length);
        assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "manifest.json", &f->err);
    }
    free(text);
}

static void no_flipped_bit_passes(void **state)
{
    struct fixture *f = *state;
    struct tg_rng r = tg_rng_stream(7, TG_RNG_TEST, 1, 0);
    char path[128], *text;
    size_t n;
    struct manifest back;

    text = saved(f, &n);
    path_of(f, "manifest.json", path);
    for (int k = 0; k < 600; k++) { /* the first bytes one by one, then anywhere */
        size_t bit = k < 300 ? (size_t)k : tg_rng_below(&r, (uint32_t)(8 * n));

        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        write_file(path, text, n);
        assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "manifest.json", &f->err);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
    }
    free(text);
}

static void damage_is_told_with_what_to_do(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct manifest back;

    path_of(f, "manifest.json", path);
    write_file(path, "{}", 2);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "choose another directory", &f->err);
    free(saved(f, &(size_t){0})); /* {} becomes the one before */
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    write_file(path, "{}", 2);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "Copy manifest.json.bak over it",
                 &f->err);
}

static void a_lost_manifest_is_no_new_run(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct manifest back;

    assert_fails(manifest_load(&back, f->dir, &f->err), TG_ENOTFOUND, "no run", &f->err);
    path_of(f, "replay", path);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_ENOTFOUND, "no run", &f->err);
    path_of(f, "replay/shard-00000000.h5", path);
    write_file(path, "", 0);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "holds shards", &f->err);
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    assert_ok(manifest_save(&f->m, f->dir, &f->err), &f->err);
    path_of(f, "manifest.json", path);
    assert_int_equal(unlink(path), 0);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "manifest.json.bak", &f->err);
}

/* ---- content that is whole but wrong ------------------------------------------------------------ */

/* The checksum stands in the second line and covers all that follows it. */
static void reseal(char *text, size_t n)
{
    char *sum = memchr(text, '\n', n), hex[17];
    size_t body;

    if (sum == NULL || (size_t)(sum - text) + 40 > n)
        return;
    body = (size_t)(sum - text) + 1 + sizeof "\"checksum\": \"0123456789abcdef\",";
    if (body > n)
        return;
    snprintf(hex, sizeof hex, "%016" PRIx64, tg_hash(text + body, n - body, 0));
    memcpy(sum + 14, hex, 16);
}

static void wrong_content_is_named_even_under_a_right_checksum(void **state)
{
    static const struct { const char *from, *to, *word; } cases[] = {
        {"\"version\": 1", "\"version\": 9", "version 9"},
        {"tengen-manifest", "tengen-xanifest", "not a Tengen manifest"},
        {"\"rows\": ", "\"rowz\": ", "\"rows\" is missing"},
        {"\"champion\": 2", "\"champion\": 7", "champion 7"},
        {"\"champion\": 2", "\"champion\":\"2", "not JSON"},
        {"\"champion\": 2", "\"champion\":.2", "not JSON"},
        {"\"champion\": true", "\"champion\":1e300", "wrong kind"},
        {"\"iteration\": 4", "\"iteration\": {", "not JSON"},
        {"\"seed\": \"ffff", "\"seed\": \"FFFF", "\"seed\" is of the wrong kind"},
        {"\"status\": \"stopped\"", "\"status\": [[[[[[[[[", "not JSON"},
        {"\"number\": 1,", "\"number\": 5,", "nets[1] has number 5"},
        {"\"a\": 1,", "\"a\": 9,", "no such networks"},
        {"shard-0000", "sha/d-0000", "name with /"},
    };
    struct fixture *f = *state;
    char path[128];
    struct manifest back;

    path_of(f, "manifest.json", path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        char *text = saved(f, &n), *at = strstr(text, cases[i].from);

        assert_non_null(at);
        memcpy(at, cases[i].to, strlen(cases[i].to));
        reseal(text, n);
        write_file(path, text, n);
        assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, cases[i].word, &f->err);
        assert_int_equal(unlink(path), 0);
        free(text);
    }
}

static void random_changes_under_a_right_checksum_never_crash(void **state)
{
    struct fixture *f = *state;
    struct tg_rng r = tg_rng_stream(8, TG_RNG_TEST, 2, 0);
    char path[128], *text;
    size_t n;
    int n_good = 0;

    text = saved(f, &n);
    path_of(f, "manifest.json", path);
    for (int k = 0; k < 600; k++) {
        struct manifest back;
        char *copy = malloc(n);

        memcpy(copy, text, n);
        for (uint32_t i = 0; i <= tg_rng_below(&r, 3); i++)
            copy[60 + tg_rng_below(&r, (uint32_t)n - 60)] = "\"{}[],:-0129eE.ntfu\\ x"[tg_rng_below(&r, 22)];
        reseal(copy, n);
        write_file(path, copy, n);
        enum tg_status rc = manifest_load(&back, f->dir, &f->err);
        assert_true(rc == TG_OK || rc == TG_EFORMAT);
        n_good += rc == TG_OK;
        manifest_close(&back); /* empty on failure */
        free(copy);
    }
    assert_in_range(n_good, 10, 590); /* the changes do reach the code behind the checksum */
    free(text);
}

static void nesting_beyond_any_manifest_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[128], *text = malloc(200000);
    size_t n;
    struct manifest back;

    n = (size_t)sprintf(text, "{\n\"checksum\": \"0123456789abcdef\",\n\"a\": ");
    memset(text + n, '[', 150000);
    n += 150000;
    reseal(text, n);
    path_of(f, "manifest.json", path);
    write_file(path, text, n);
    assert_fails(manifest_load(&back, f->dir, &f->err), TG_EFORMAT, "nested", &f->err);
    free(text);
}

static void a_directory_name_that_is_too_long_is_refused(void **state)
{
    char dir[RUN_PATH_MAX], path[RUN_PATH_MAX];
    struct tg_error err;

    (void)state;
    assert_ok(run_path("a/b", RUN_SHARD, 12, path, &err), &err);
    assert_string_equal(path, "a/b/replay/shard-00000012.h5");
    assert_ok(run_path("r", RUN_CHECKPOINT, 1234567, path, &err), &err);
    assert_string_equal(path, "r/checkpoint/checkpoint-1234567.tgc");
    memset(dir, 'd', sizeof dir - 1);
    dir[sizeof dir - 1] = '\0';
    assert_fails(run_path(dir, RUN_LOG, 0, path, &err), TG_EINVAL, "too long", &err);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_field_survives_a_save_and_a_load),
        T(counts_up_to_2_to_the_53_are_exact),
        T(a_number_that_is_not_finite_comes_back_as_nan),
        T(a_loaded_manifest_goes_on_growing),
        T(what_is_saved_can_be_loaded_however_large),
        T(the_one_before_is_kept),
        T(no_truncation_passes),
        T(no_flipped_bit_passes),
        T(damage_is_told_with_what_to_do),
        T(a_lost_manifest_is_no_new_run),
        T(wrong_content_is_named_even_under_a_right_checksum),
        T(random_changes_under_a_right_checksum_never_crash),
        T(nesting_beyond_any_manifest_is_refused),
        cmocka_unit_test(a_directory_name_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
