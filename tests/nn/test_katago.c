/* KataGo's format: files of every version are read to the last weight, broken ones are refused with
 * the reason, and what is exported is read back as it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/nn/netfile.h"
#include "katago_file.h"
#include "tengen/rng.h"
#include "tg_test.h"

/* ---- import ---------------------------------------------------------------------------------- */

static void check_layer(const struct nn_model *m, const struct written *w)
{
    char name[80];
    const struct nn_tensor *t;

    snprintf(name, sizeof name, w->kind == 'n' ? "%s/scale" : "%s", w->tensor);
    t = nn_layout_find(&m->layout, name);
    if (t == NULL)
        fail_msg("no tensor %s", name);
    const float *p = m->params + t->offset;
    for (int o = 0; o < w->out; o++)
        switch (w->kind) {
        case 'b': assert_true(p[o] == weight(w->id, o)); break;
        case 'm':
            for (int i = 0; i < w->in; i++)
                assert_true(p[i * w->out + o] == weight(w->id, i * w->out + o));
            break;
        case 'c': /* ours is [out][in][y][x] */
            for (int i = 0; i < w->in; i++)
                for (int yx = 0; yx < w->side * w->side; yx++)
                    assert_true(p[(o * w->in + i) * w->side * w->side + yx] ==
                                weight(w->id, (yx * w->in + i) * w->out + o));
            break;
        default: {
            double scale = (w->has_scale ? weight(w->id, 2 * w->out + o) : 1) /
                           sqrt(weight(w->id, w->out + o) + 1 + 0.001);
            double bias = (w->has_bias ? weight(w->id, 3 * w->out + o) : 0) - weight(w->id, o) * scale;

            assert_float_equal(p[o], scale, 1e-6);
            assert_float_equal(p[w->out + o], bias, 1e-6); /* its bias follows the scale */
        }
        }
}

static void check_arch(const struct nn_arch *a, int version, bool nested)
{
    assert_int_equal(a->source_version, version);
    assert_int_equal(a->trunk, TRUNK);
    assert_int_equal(a->stem, 3);
    assert_int_equal(a->n_blocks, nested ? 6 : 2);
    assert_int_equal(a->blocks[0].kind, NN_BLOCK_RESIDUAL);
    assert_int_equal(a->blocks[0].mid, MID);
    assert_int_equal(a->blocks[1].kind, NN_BLOCK_GPOOL);
    assert_int_equal(a->blocks[1].mid, REGULAR);
    assert_int_equal(a->blocks[1].gpool, POOLED);
    if (nested) {
        assert_int_equal(a->blocks[2].kind, NN_BLOCK_NESTED);
        assert_int_equal(a->blocks[2].n_inner, 2);
        assert_int_equal(a->blocks[3].kind, NN_BLOCK_NESTED);
        assert_int_equal(a->blocks[3].n_inner, 1);
        assert_int_equal(a->blocks[3].mid, 2);
        assert_int_equal(a->blocks[5].kind, NN_BLOCK_GPOOL);
    }
    assert_int_equal(a->n_policy, version >= 16 ? 4 : version >= 12 ? 2 : 1);
    assert_int_equal(a->policy_role[0], NN_POLICY_MOVE);
    if (version >= 12)
        assert_int_equal(a->policy_role[1], NN_POLICY_OPTIMISTIC);
    assert_int_equal(a->pass_hidden, version >= 15);
    assert_int_equal(a->n_score, version >= 9 ? 6 : 4);
    assert_true(a->scales.lead == (version >= 13 ? 23.0F : 20.0F));
    assert_true(a->scales.value_error == (version >= 13 ? 0.5F : 0.25F));
}

static void load_and_check(const struct katago_file *f, const void *bytes, size_t n)
{
    struct tg_error err = {0};
    struct nn_model m;
    size_t n_params = 0;

    assert_ok(nn_model_parse(bytes, n, "test", &m, NULL, &err), &err);
    assert_string_equal(m.name, "test-net");
    assert_int_equal(m.game, GAME_GO);
    check_arch(&m.arch, f->version, f->nested);
    for (int i = 0; i < f->n_layers; i++)
        if (f->layers[i].tensor[0] != '\0') { /* the metadata encoder's have no place */
            const struct written *w = &f->layers[i];

            check_layer(&m, w);
            n_params += (size_t)w->out * (size_t)(w->kind == 'n'   ? 2
                                                  : w->kind == 'b' ? 1
                                                  : w->kind == 'm' ? w->in
                                                                   : w->side * w->side * w->in);
        }
    assert_int_equal(n_params, m.layout.n_params);
    nn_model_close(&m);
}

static void every_version_is_read_to_the_last_weight(void **state)
{
    (void)state;
    for (int version = 8; version <= 16; version++)
        for (int binary = 0; binary <= 1; binary++)
            for (int nested = 0; nested <= (version >= 11); nested++) {
                struct katago_file f = {.version = version, .binary = binary, .nested = nested};
                size_t n_packed;
                uint8_t *packed;

                f.metadata = version >= 15 && nested;
                f.activation = nested ? "ACTIVATION_MISH" : NULL;
                build_katago_file(&f);
                load_and_check(&f, f.bytes, f.n);
                packed = gzipped(f.bytes, f.n, &n_packed);
                load_and_check(&f, packed, n_packed);
                free(packed);
                free(f.bytes);
            }
}

static void activations_are_told_apart(void **state)
{
    static const char *const names[] = {"ACTIVATION_IDENTITY", "ACTIVATION_RELU", "ACTIVATION_MISH",
                                        "ACTIVATION_SILU"};
    static const int kinds[] = {NN_IDENTITY, NN_RELU, NN_MISH, NN_SILU};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct katago_file f = {.version = 14, .activation = names[i]};
        struct tg_error err = {0};
        struct nn_model m;

        build_katago_file(&f);
        assert_ok(nn_model_parse((uint8_t *)f.bytes, f.n, "test", &m, NULL, &err), &err);
        assert_int_equal(m.arch.activation, kinds[i]);
        nn_model_close(&m);
        free(f.bytes);
    }
}

static void a_metadata_encoder_is_left_out_with_a_warning(void **state)
{
    struct katago_file f = {.version = 15, .metadata = true};
    struct tg_error err = {0};
    struct nn_model m;
    char text[400] = {0};
    (void)state;
    struct tg_log log = {.level = TG_LOG_WARN, .stream = tmpfile()};
    build_katago_file(&f);
    assert_ok(nn_model_parse((uint8_t *)f.bytes, f.n, "test", &m, &log, &err), &err);
    rewind(log.stream);
    assert_true(fread(text, 1, sizeof text - 1, log.stream) > 0);
    assert_non_null(strstr(text, "metadata"));
    fclose(log.stream);
    nn_model_close(&m);
    free(f.bytes);
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* A text file of this version with the first occurrence of `from` behind `after` replaced. */
static struct katago_file altered(int version, const char *after, const char *from, const char *to)
{
    struct katago_file f = {.version = version, .nested = version >= 11}, g = {0};
    char *at;

    build_katago_file(&f);
    at = strstr(f.bytes, after);
    at = at != NULL ? strstr(at, from) : NULL;
    if (at == NULL)
        fail_msg("no %s behind %s in the test's own file", from, after);
    add_bytes(&g, f.bytes, (size_t)(at - f.bytes));
    add_bytes(&g, to, strlen(to));
    add_bytes(&g, at + strlen(from), f.n - (size_t)(at - f.bytes) - strlen(from));
    free(f.bytes);
    return g;
}

static void what_we_cannot_play_is_refused_by_name(void **state)
{
    static const struct {
        int version;
        const char *after, *from, *to, *word;
    } cases[] = {
        {16, "test-net", "\n16\n", "\n17\n", "version 17"},
        {8, "test-net", "\n8\n", "\n7\n", "version 7"},
        {8, "test-net", "\n22\n", "\n23\n", "23 input planes"},
        {8, "test-net", "\n19\n", "\n16\n", "16 globals"},
        {8, "", "ordinary_block", "transformer_attention_block", "transformer_attention_block"},
        {8, "c:block0/conv1", "\n1\n1\n", "\n1\n2\n", "dilation 1x2"},
        {8, "c:block0/conv1", "\n3\n3\n", "\n5\n5\n", "5x5 kernel"},
        {8, "c:block0/conv1", "\n3\n3\n", "\n3\n1\n", "3x1 kernel"},
        {8, "c:stem/conv", "\n3\n3\n", "\n7\n7\n", "7x7 kernel"},
        {8, "c:block0/conv1", "\n6\n5\n", "\n7\n5\n", "channels in is 7 where 6"},
        {8, "c:block0/conv2", "\n5\n6\n", "\n5\n7\n", "channels out is 7 where 6"},
        {8, "n:block1/normg", "\n3\n", "\n4\n", "channels is 4 where 3"},
        {8, "m:block1/gpool", "\n9\n", "\n10\n", "channels in is 10 where 9"},
        {8, "m:policy/pass", "\n1\n", "\n2\n", "channels out is 2 where 1"},
        {8, "m:value/fc3", "\n3\n", "\n4\n", "channels out is 4 where 3"},
        {8, "m:value/score", "\n4\n", "\n6\n", "channels out is 6 where 4"},
        {12, "c:policy/conv_p2", "\n4\n2\n", "\n4\n1\n", "channels out is 1 where 2"},
        {8, "c:stem/conv", "\n22\n6\n", "\n22\n99999999999\n", "is not in"},
        {8, "c:stem/conv", "\n22\n6\n", "\n22\n5000\n", "5000 is not in"},
        {8, "c:stem/conv", "\n22\n6\n", "\n22\n-6\n", "-6 is not in"},
        {8, "trunk", "\n2\n", "\n0\n", "0 is not in"},
        {8, "trunk", "\n2\n", "\n300\n", "300 is not in"},
        {8, "trunk", "\n2\n", "\n1\n", "gpool_block"}, /* one more block than it says */
        {11, "a:", "ACTIVATION_RELU", "ACTIVATION_GELU", "ACTIVATION_GELU"},
        {11, "block1", "ACTIVATION_RELU", "ACTIVATION_MISH", "ACTIVATION_MISH after ACTIVATION_RELU"},
        {15, "trunk", "\n3\n0\n0\n", "\n3\n1\n0\n", "norm of kind 1"},
        {15, "151", "\n0\n0\n", "\n0\n1\n", "reserved for later versions"},
        {15, "151", "\n0\n0\n", "\n2\n0\n", "metadata encoder"},
        {13, "test-net", "\n41\n", "\n-41\n", "not positive"},
        {13, "test-net", "\n41\n", "\n1e99\n", "not finite"},
        {11, "B2", "\n2\n", "\n0\n", "0 is not in"},
        {8, "n:block0/norm1", "0.001", "-9", "no finite scale"},
        {8, "n:block0/norm1", "0.001", "x", "not a number"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct katago_file f = altered(cases[i].version, cases[i].after, cases[i].from, cases[i].to);
        struct tg_error err = {0};
        struct nn_model m;

        assert_fails(nn_model_parse((uint8_t *)f.bytes, f.n, "bad.txt", &m, NULL, &err), TG_EFORMAT,
                     cases[i].word, &err);
        assert_non_null(strstr(err.text, "bad.txt"));
        assert_null(m.params);
        free(f.bytes);
    }
}

static void blocks_may_not_nest_without_end(void **state)
{
    struct katago_file f = {.version = 11};
    struct tg_error err = {0};
    struct nn_model m;
    (void)state;
    words(&f, "deep\n11\n22\n19\ntrunk\n1\n%d\n5\n4\n1\n1\n", TRUNK);
    conv(&f, "stem/conv", 3, 22, TRUNK);
    matmul(&f, "stem/globals", 19, TRUNK);
    for (int depth = 0; depth < 20; depth++) {
        words(&f, "nested_bottleneck_block\nB\n1\n");
        norm_act(&f, "x", TRUNK);
        conv(&f, "x", 1, TRUNK, TRUNK);
    }
    assert_fails(nn_model_parse((uint8_t *)f.bytes, f.n, "deep", &m, NULL, &err), TG_EFORMAT, "deep",
                 &err);
    assert_non_null(strstr(err.text, "nested"));
    free(f.bytes);
}

static void weights_that_are_not_finite_are_refused(void **state)
{
    static const float bad[] = {(float)NAN, (float)INFINITY, -(float)INFINITY};
    struct katago_file f = {.version = 8, .binary = true};
    struct tg_error err = {0};
    struct nn_model m;
    (void)state;
    build_katago_file(&f);
    char *first = memchr(f.bytes, '@', f.n);
    for (int i = 0; i < 3; i++) {
        memcpy(first + 5 + 4 * i, &bad[i], sizeof(float));
        assert_fails(nn_model_parse((uint8_t *)f.bytes, f.n, "nan", &m, NULL, &err), TG_EFORMAT,
                     "not finite", &err);
        memset(first + 5 + 4 * i, 0, sizeof(float));
    }
    free(f.bytes);
}

static void a_cut_file_is_refused_at_every_length(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) { /* text, binary, packed */
        struct katago_file f = {.version = 15, .binary = kind > 0, .nested = true};
        struct tg_error err = {0};
        struct nn_model m;

        build_katago_file(&f);
        while (f.bytes[f.n - 1] == '\n')
            f.n--;
        size_t n = f.n, step = 29;
        uint8_t *bytes = kind == 2 ? gzipped(f.bytes, f.n, &n) : (uint8_t *)f.bytes;
        /* A copy of the exact length each time: a read beyond it is the sanitizer's. */
        for (size_t cut = 0; cut < n; cut += cut + 300 < n && cut > 300 ? step : 1) {
            uint8_t *part = malloc(cut + 1);
            memcpy(part, bytes, cut);
            /* the last text number may lose digits and still be one */
            if (kind != 0 || cut < n - 12)
                assert_int_equal(nn_model_parse(part, cut, "cut", &m, NULL, &err), TG_EFORMAT);
            free(part);
        }
        if (kind == 2)
            free(bytes);
        free(f.bytes);
    }
}

static void damaged_files_never_crash(void **state)
{
    struct tg_rng r = tg_rng_stream(5, TG_RNG_TEST, 1, 0);
    int n_packed_read = 0;
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct katago_file f = {.version = 16, .binary = kind > 0, .nested = true};
        struct tg_error err = {0};
        struct nn_model m;
        size_t n;

        build_katago_file(&f);
        n = f.n;
        uint8_t *bytes = kind == 2 ? gzipped(f.bytes, f.n, &n) : (uint8_t *)f.bytes;
        for (int i = 0; i < 2000; i++) {
            size_t at = tg_rng_below(&r, (uint32_t)n);
            uint8_t bit = (uint8_t)(1 << tg_rng_below(&r, 8));

            bytes[at] ^= bit;
            if (nn_model_parse(bytes, n, "flipped", &m, NULL, &err) == TG_OK) {
                for (size_t p = 0; p < m.layout.n_params; p++)
                    assert_true(isfinite(m.params[p]));
                nn_model_close(&m);
                n_packed_read += kind == 2;
            }
            bytes[at] ^= bit;
        }
        if (kind == 2)
            free(bytes);
        free(f.bytes);
    }
    /* gzip's check sum finds all but changes of the name, time and system in its own header */
    assert_true(n_packed_read < 40);
}

static void data_behind_the_end_is_refused(void **state)
{
    struct katago_file f = {.version = 8, .binary = true};
    struct tg_error err = {0};
    struct nn_model m;
    size_t n;
    (void)state;
    build_katago_file(&f);
    uint8_t *packed = gzipped(f.bytes, f.n, &n);
    packed = realloc(packed, n + 1);
    packed[n] = 0;
    assert_fails(nn_model_parse(packed, n + 1, "x", &m, NULL, &err), TG_EFORMAT, "behind the end", &err);
    packed[n - 8] ^= 1; /* the check sum */
    assert_fails(nn_model_parse(packed, n, "x", &m, NULL, &err), TG_EFORMAT, "damaged gzip", &err);
    add_bytes(&f, "  x", 3);
    assert_fails(nn_model_parse((uint8_t *)f.bytes, f.n, "x", &m, NULL, &err), TG_EFORMAT,
                 "behind the network's end", &err);
    free(packed);
    free(f.bytes);
}

/* A small file that unpacks to much is stopped before it does. */
static void a_gzip_bomb_is_stopped(void **state)
{
    struct katago_file f = {.version = 8};
    struct tg_error err = {0};
    struct nn_model m;
    size_t n;
    (void)state;
    words(&f, "bomb\n8\n22\n19\ntrunk\n1\n4096\n1\n1\n1\n1\nc\n5\n5\n22\n4096\n1\n1\n");
    for (int i = 0; i < 22 * 25 * 4096; i++)
        add_bytes(&f, "0\n", 2);
    uint8_t *packed = gzipped(f.bytes, f.n, &n);
    assert_true(n < 10000);
    assert_fails(nn_model_parse(packed, n, "bomb", &m, NULL, &err), TG_EFORMAT, "weights", &err);
    free(packed);
    free(f.bytes);
    f = (struct katago_file){0};
    for (int i = 0; i < 4000000; i++)
        add_bytes(&f, " ", 1);
    packed = gzipped(f.bytes, f.n, &n);
    assert_fails(nn_model_parse(packed, n, "bomb", &m, NULL, &err), TG_EFORMAT, "times its size", &err);
    free(packed);
    free(f.bytes);
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const texts[] = {"", "\n", "{\"a\": 1}", "PK\3\4", "\x1f\x8b", "\x1f\x8b\x08",
                                        "tengen-net", "tengen-net 1 ", "name", "name 8", "n 8 22 19"};
    struct tg_error err = {0};
    struct nn_model m;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_fails(nn_model_parse((const uint8_t *)texts[i], strlen(texts[i]), "some.file", &m, NULL,
                                    &err),
                     TG_EFORMAT, "some.file", &err);
}

/* ---- export ---------------------------------------------------------------------------------- */

static struct nn_arch preset(const char *name)
{
    struct tg_error err = {0};
    struct nn_arch a;

    assert_ok(nn_arch_preset(name, 22, 19, &a, &err), &err);
    return a;
}

static void the_oldest_version_that_fits_is_written(void **state)
{
    struct nn_arch a = preset("b3c32");
    const char *why;
    (void)state;
    assert_int_equal(katago_version_for(&a, &why), 8);
    a.activation = NN_MISH;
    assert_int_equal(katago_version_for(&a, &why), 11);
    a.scales.lead = 10;
    assert_int_equal(katago_version_for(&a, &why), 13);
    a = preset("b3c32");
    a.n_score = 6;
    assert_int_equal(katago_version_for(&a, &why), 14);
    a.source_version = 9; /* imported: its error outputs are of an older formula */
    assert_int_equal(katago_version_for(&a, &why), 9);
    a.source_version = 12;
    assert_int_equal(katago_version_for(&a, &why), 12);
    a.pass_hidden = true; /* and now nothing fits both */
    assert_int_equal(katago_version_for(&a, &why), 0);
    a = preset("b18c384nbt");
    assert_int_equal(katago_version_for(&a, &why), 15);
    a.pass_hidden = false;
    assert_int_equal(katago_version_for(&a, &why), 11);
}

/* A model with all parameters random, so that no weight equals its neighbour. */
static void random_model(const struct nn_arch *a, const char *name, struct nn_model *m)
{
    struct tg_rng r = tg_rng_stream(7, TG_RNG_TEST, 2, 0);
    struct tg_error err = {0};
    struct game go;

    assert_ok(game_init(&go, GAME_GO, 9, 0, &err), &err);
    assert_ok(nn_model_init(a, &go, name, 3, m, &err), &err);
    for (size_t i = 0; i < m->layout.n_params; i++)
        m->params[i] = (float)(tg_rng_normal(&r) * 0.2);
}

/* Every tensor of b is the same in a, or the columns of a's that were kept. */
static void assert_same_function(const struct nn_model *a, const struct nn_model *b)
{
    for (int i = 0; i < b->layout.n_tensors; i++) {
        const struct nn_tensor *tb = &b->layout.tensors[i], *ta = nn_layout_find(&a->layout, tb->name);
        const float *pa, *pb = b->params + tb->offset;

        assert_non_null(ta);
        pa = a->params + ta->offset;
        if (ta->n == tb->n) {
            assert_memory_equal(pa, pb, ta->n * sizeof *pa);
        } else if (tb->kind == NN_TENSOR_CONV) { /* [out][in]: policy channels that were kept */
            assert_string_equal(tb->name, "policy/conv_p2");
            assert_memory_equal(pa, pb, (size_t)ta->dims[1] * sizeof *pa); /* the move's */
        } else { /* [in][out] or [out] */
            int ca = tb->kind == NN_TENSOR_BIAS ? ta->dims[0] : ta->dims[1];
            int cb = tb->kind == NN_TENSOR_BIAS ? tb->dims[0] : tb->dims[1];
            bool score = strncmp(tb->name, "value/score", 11) == 0;
            int n_rows = tb->kind == NN_TENSOR_BIAS ? 1 : ta->dims[0];

            for (int r = 0; r < n_rows; r++)
                for (int c = 0; c < cb; c++) /* one policy channel is there, or four outputs */
                    assert_true(pb[r * cb + c] == (!score  ? pa[r * ca]
                                                   : c < 4 ? pa[r * ca + c]
                                                           : 0.0F));
        }
    }
}

static void an_export_is_read_back_as_it_was(void **state)
{
    struct nn_arch archs[6];
    struct tg_error err = {0};
    char dir[64], path[128];
    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/x.bin.gz", dir);
    for (int i = 0; i < 6; i++)
        archs[i] = preset(i < 2 ? "b3c32" : "b2c16");
    archs[1].n_policy = 1;
    archs[2].activation = NN_SILU; /* 11: two constant outputs are added */
    archs[3].scales.variance_time = 3.25F; /* 13: two policy channels */
    archs[4].pass_hidden = true;           /* 15 */
    archs[4].n_score = 6;
    archs[5].stem = 5;
    archs[5].n_blocks = 3;
    archs[5].blocks[2] = archs[5].blocks[1];
    archs[5].blocks[1] = archs[5].blocks[0];
    archs[5].blocks[0] = (struct nn_block){.kind = NN_BLOCK_NESTED, .n_inner = 2, .mid = 8};
    for (int i = 0; i < 6; i++) {
        struct nn_model m, back;

        random_model(&archs[i], "a net, of 2024", &m);
        assert_ok(nn_model_export(&m, path, &err), &err);
        assert_ok(nn_model_load(path, &back, NULL, &err), &err);
        assert_string_equal(back.name, "a-net--of-2024");
        assert_int_equal(back.arch.activation, m.arch.activation);
        assert_int_equal(back.arch.n_blocks, m.arch.n_blocks);
        assert_memory_equal(&back.arch.blocks, &m.arch.blocks, sizeof m.arch.blocks);
        assert_memory_equal(&back.arch.scales, &m.arch.scales, sizeof m.arch.scales);
        assert_same_function(&m, &back);
        nn_model_close(&m);
        nn_model_close(&back);
    }
    tg_test_rmdir(dir);
}

/* All channels of an imported net are kept, so a second export has the same weights. */
static void imports_go_back_as_the_version_they_came_from(void **state)
{
    struct tg_error err = {0};
    char dir[64], path[128];
    (void)state;
    snprintf(dir, sizeof dir, "%s", tg_test_mkdir());
    snprintf(path, sizeof path, "%s/x.bin.gz", dir);
    for (int version = 8; version <= 16; version++) {
        struct katago_file f = {.version = version, .binary = true, .nested = version >= 11};
        struct nn_model m, back;

        build_katago_file(&f);
        assert_ok(nn_model_parse((uint8_t *)f.bytes, f.n, "test", &m, NULL, &err), &err);
        assert_ok(nn_model_export(&m, path, &err), &err);
        assert_ok(nn_model_load(path, &back, NULL, &err), &err);
        assert_int_equal(back.arch.source_version, version);
        assert_memory_equal(&back.arch, &m.arch, sizeof m.arch);
        assert_int_equal(back.hash, m.hash);
        nn_model_close(&m);
        nn_model_close(&back);
        free(f.bytes);
    }
    tg_test_rmdir(dir);
}

static void what_katago_cannot_say_is_not_exported(void **state)
{
    struct nn_arch a = preset("b2c16");
    struct tg_error err = {0};
    struct nn_model m;
    (void)state;
    random_model(&a, "n", &m);
    m.game = GAME_GOMOKU;
    assert_fails(nn_model_export(&m, "/nonexistent/x", &err), TG_EINVAL, "gomoku", &err);
    m.game = GAME_GO;
    assert_fails(nn_model_export(&m, "/nonexistent/x", &err), TG_EIO, "/nonexistent/x", &err);
    m.params[5] = (float)NAN;
    assert_fails(nn_model_export(&m, "/nonexistent/x", &err), TG_EINVAL, "not finite", &err);
    nn_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_read_to_the_last_weight),
        cmocka_unit_test(activations_are_told_apart),
        cmocka_unit_test(a_metadata_encoder_is_left_out_with_a_warning),
        cmocka_unit_test(what_we_cannot_play_is_refused_by_name),
        cmocka_unit_test(blocks_may_not_nest_without_end),
        cmocka_unit_test(weights_that_are_not_finite_are_refused),
        cmocka_unit_test(a_cut_file_is_refused_at_every_length),
        cmocka_unit_test(damaged_files_never_crash),
        cmocka_unit_test(data_behind_the_end_is_refused),
        cmocka_unit_test(a_gzip_bomb_is_stopped),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(the_oldest_version_that_fits_is_written),
        cmocka_unit_test(an_export_is_read_back_as_it_was),
        cmocka_unit_test(imports_go_back_as_the_version_they_came_from),
        cmocka_unit_test(what_katago_cannot_say_is_not_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
