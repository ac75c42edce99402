/* model.c - a network at rest: made, told apart, saved and loaded in our own format.
 *
 * The file is
 *     tengen-net 1 HEADER_BYTES HEADER_HASH PARAMS_HASH \n     sizes and hashes in 16 hex digits
 *     HEADER_BYTES of text, "key value" lines in a fixed order, blank lines up to a multiple of 64
 *     P floats, little-endian
 * and nothing else. Hashes are XXH3; the header's is seeded with its size. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "netfile.h"
#include "tengen/file.h"
#include "tengen/hash.h"

enum {
    FORMAT = 1,
    MAX_HEADER = 1 << 16,
    ALIGNMENT = 64 /* of the floats in the file */
};
static const char magic[] = "tengen-net ";
static const size_t max_file_bytes = (size_t)6 << 30; /* nn_arch_check lets no more be */

static const char *const activation_names[] = {"identity", "relu", "mish", "silu"};
static const char *const block_names[] = {"residual", "gpool", "nested"};
static const char *const role_names[] = {"move", "reply", "soft", "optimistic", "other"};

/* The first line; its length does not vary, and every byte of it counts. */
struct lead {
    uint64_t header_bytes, header_hash, params_hash;
};
enum { LEAD_BYTES = sizeof magic - 1 + 2 + 3 * 17 };

static void format_lead(const struct lead *lead, char text[LEAD_BYTES + 1])
{
    snprintf(text, LEAD_BYTES + 1, "%s%d %016llx %016llx %016llx\n", magic, FORMAT,
             (unsigned long long)lead->header_bytes, (unsigned long long)lead->header_hash,
             (unsigned long long)lead->params_hash);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct text {
    char s[MAX_HEADER];
    size_t n; /* n == MAX_HEADER: it did not fit */
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(t->s + t->n, sizeof t->s - t->n, fmt, ap);
    va_end(ap);
    t->n = n < 0 || (size_t)n >= sizeof t->s - t->n ? sizeof t->s : t->n + (size_t)n;
}

static void put_arch(struct text *t, const struct nn_arch *a)
{
    const struct nn_scales *s = &a->scales;

    put(t, "arch %s\ninputs %d %d\ntrunk %d %d\nactivation %s\nblocks %d\n", a->name, a->n_planes,
        a->n_globals, a->trunk, a->stem, activation_names[a->activation], a->n_blocks);
    for (int i = 0; i < a->n_blocks; i++) {
        const struct nn_block *b = &a->blocks[i];

        put(t, "%s %d", block_names[b->kind], b->mid);
        if (b->kind != NN_BLOCK_RESIDUAL)
            put(t, " %d", b->kind == NN_BLOCK_GPOOL ? b->gpool : b->n_inner);
        put(t, "\n");
    }
    put(t, "policy_head %d %d %d\npolicy_channels %d\n", a->p1, a->g1, a->pass_hidden, a->n_policy);
    for (int i = 0; i < a->n_policy; i++)
        put(t, "policy %s\n", role_names[a->policy_role[i]]);
    put(t, "value_head %d %d %d\n", a->v1, a->v2, a->n_score);
    put(t, "scales %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n", (double)s->td_score,
        (double)s->score_mean, (double)s->score_stdev, (double)s->lead, (double)s->variance_time,
        (double)s->value_error, (double)s->score_error);
    put(t, "source_version %d\n", a->source_version);
}

/* A name goes into a line of the header, and into KataGo's words. */
static bool is_name(const char *name)
{
    size_t n = strnlen(name, NN_NAME_MAX);

    for (size_t i = 0; i < n; i++)
        if (name[i] < ' ' || name[i] > '~')
            return false;
    return n < NN_NAME_MAX;
}

static enum tg_status put_header(struct text *t, const struct nn_model *m, struct tg_error *err)
{
    if (!is_name(m->name) || !is_name(m->arch.name))
        return FAIL(err, TG_EINVAL, "a network's name may have %d printable ASCII letters",
                    NN_NAME_MAX - 1);
    put(t, "name %s\ngame %s\nsize %d\nhistory %d\nstep %lld\nn_rows %lld\n", m->name,
        game_kind_name(m->game), m->size, m->history, (long long)m->step, (long long)m->n_rows);
    put_arch(t, &m->arch);
    put(t, "parameters %zu\n", m->layout.n_params);
    do
        put(t, "\n");
    while (t->n < sizeof t->s && (LEAD_BYTES + t->n) % ALIGNMENT != 0);
    if (t->n == sizeof t->s)
        return FAIL(err, TG_EINVAL, "the header of network %s does not fit", m->name);
    return TG_OK;
}

uint64_t nn_model_hash(const struct nn_model *m)
{
    return tg_hash(m->params, m->layout.n_params * sizeof *m->params, 0);
}

enum tg_status nn_model_check_params(const struct nn_model *m, struct tg_error *err)
{
    for (int i = 0; i < m->layout.n_tensors; i++) {
        const struct nn_tensor *t = &m->layout.tensors[i];

        for (size_t k = 0; k < t->n; k++)
            if (!isfinite(m->params[t->offset + k]))
                return FAIL(err, TG_EINVAL, "network %s: %s[%zu] is not finite", m->name, t->name, k);
    }
    return TG_OK;
}

enum tg_status nn_model_save(struct nn_model *m, const char *path, struct tg_error *err)
{
    struct text *header = calloc(1, sizeof *header);
    uint8_t *file = NULL;
    char first[LEAD_BYTES + 1];
    struct lead lead;
    size_t bytes;
    enum tg_status rc;

    if (header == NULL)
        return FAIL(err, TG_ENOMEM, "%s: no memory for the header", path);
    TRY_OUT(nn_arch_check(&m->arch, err));
    TRY_OUT(nn_model_check_params(m, err));
    TRY_OUT(put_header(header, m, err));
    bytes = LEAD_BYTES + header->n + m->layout.n_params * sizeof(float);
    file = malloc(bytes);
    if (file == NULL) {
        rc = FAIL(err, TG_ENOMEM, "%s: %zu bytes", path, bytes);
        goto out;
    }
    uint8_t *params = file + LEAD_BYTES + header->n;
    memcpy(params, m->params, m->layout.n_params * sizeof(float));
    memcpy(file + LEAD_BYTES, header->s, header->n);
    lead.header_bytes = header->n;
    lead.header_hash = tg_hash(header->s, header->n, header->n);
    lead.params_hash = nn_model_hash(m);
    format_lead(&lead, first);
    memcpy(file, first, LEAD_BYTES);
    TRY_OUT(tg_file_replace(path, file, bytes, err));
    m->hash = lead.params_hash;
out:
    free(file);
    free(header);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    const char *path;
    char *at; /* the rest of the header, NUL behind it; lines are cut off as they are read */
};

/* The value of the next line, which must have this key. */
static enum tg_status line(struct reader *r, const char *key, char **value, struct tg_error *err)
{
    size_t n = strlen(key);
    char *end = strchr(r->at, '\n');

    if (end == NULL || strncmp(r->at, key, n) != 0 || r->at[n] != ' ')
        return FAIL(err, TG_EFORMAT, "%s: the header has no \"%s\" where it should", r->path, key);
    *end = '\0';
    *value = r->at + n + 1;
    r->at = end + 1;
    return TG_OK;
}

/* The integers of the next line: n of them, each in low..high. */
static enum tg_status integers(struct reader *r, const char *key, int n, int64_t low, int64_t high,
                               int64_t *x, struct tg_error *err)
{
    char *value, *end;

    TRY(line(r, key, &value, err));
    for (int i = 0; i < n; i++, value = end) {
        errno = 0;
        x[i] = strtoll(value, &end, 10);
        if (end == value || errno != 0 || *end != (i == n - 1 ? '\0' : ' '))
            return FAIL(err, TG_EFORMAT, "%s: %s: number %d of %d is none", r->path, key, i + 1, n);
        if (x[i] < low || x[i] > high)
            return FAIL(err, TG_EFORMAT, "%s: %s: %lld is not in %lld..%lld", r->path, key,
                        (long long)x[i], (long long)low, (long long)high);
    }
    return TG_OK;
}

static enum tg_status word(struct reader *r, const char *key, const char *const *words, int n_words,
                           int *index, struct tg_error *err)
{
    char *value;

    TRY(line(r, key, &value, err));
    for (*index = 0; *index < n_words; (*index)++)
        if (strcmp(value, words[*index]) == 0)
            return TG_OK;
    return FAIL(err, TG_EFORMAT, "%s: %s: no such kind: %.40s", r->path, key, value);
}

static enum tg_status name_line(struct reader *r, const char *key, char name[NN_NAME_MAX],
                                struct tg_error *err)
{
    char *value;

    TRY(line(r, key, &value, err));
    if (!is_name(value))
        return FAIL(err, TG_EFORMAT, "%s: %s: not %d printable letters or fewer", r->path, key,
                    NN_NAME_MAX - 1);
    memcpy(name, value, strlen(value) + 1);
    return TG_OK;
}

static enum tg_status read_block(struct reader *r, struct nn_block *b, struct tg_error *err)
{
    int64_t x[2] = {0, 0};
    int kind;

    for (kind = 0; kind < 2; kind++)
        if (strncmp(r->at, block_names[kind], strlen(block_names[kind])) == 0)
            break;
    TRY(integers(r, block_names[kind], kind == NN_BLOCK_RESIDUAL ? 1 : 2, 1, UINT16_MAX, x, err));
    if (kind == NN_BLOCK_NESTED && x[1] > UINT8_MAX)
        return FAIL(err, TG_EFORMAT, "%s: %lld inner blocks", r->path, (long long)x[1]);
    b->kind = (uint8_t)kind;
    b->mid = (uint16_t)x[0];
    b->gpool = kind == NN_BLOCK_GPOOL ? (uint16_t)x[1] : 0;
    b->n_inner = kind == NN_BLOCK_NESTED ? (uint8_t)x[1] : 0;
    return TG_OK;
}

static enum tg_status read_scales(struct reader *r, struct nn_scales *s, struct tg_error *err)
{
    float *scale[] = {&s->td_score,      &s->score_mean,  &s->score_stdev, &s->lead,
                      &s->variance_time, &s->value_error, &s->score_error};
    char *value, *end;

    TRY(line(r, "scales", &value, err));
    for (int i = 0; i < 7; i++, value = end) {
        *scale[i] = strtof(value, &end);
        if (end == value || *end != (i == 6 ? '\0' : ' '))
            return FAIL(err, TG_EFORMAT, "%s: scale %d is no number", r->path, i);
    }
    return TG_OK;
}

static enum tg_status read_arch(struct reader *r, struct nn_arch *a, struct tg_error *err)
{
    int64_t x[3];
    int role;

    TRY(name_line(r, "arch", a->name, err));
    TRY(integers(r, "inputs", 2, 1, 999, x, err));
    a->n_planes = (int)x[0];
    a->n_globals = (int)x[1];
    TRY(integers(r, "trunk", 2, 1, UINT16_MAX, x, err));
    a->trunk = (int)x[0];
    a->stem = (int)x[1];
    TRY(word(r, "activation", activation_names, 4, &a->activation, err));
    TRY(integers(r, "blocks", 1, 0, NN_MAX_BLOCKS, x, err));
    a->n_blocks = (int)x[0];
    for (int i = 0; i < a->n_blocks; i++)
        TRY(read_block(r, &a->blocks[i], err));
    TRY(integers(r, "policy_head", 3, 0, UINT16_MAX, x, err));
    a->p1 = (int)x[0];
    a->g1 = (int)x[1];
    a->pass_hidden = x[2] != 0;
    TRY(integers(r, "policy_channels", 1, 1, NN_MAX_POLICY, x, err));
    a->n_policy = (int)x[0];
    for (int i = 0; i < a->n_policy; i++) {
        TRY(word(r, "policy", role_names, 5, &role, err));
        a->policy_role[i] = (uint8_t)role;
    }
    TRY(integers(r, "value_head", 3, 0, UINT16_MAX, x, err));
    a->v1 = (int)x[0];
    a->v2 = (int)x[1];
    a->n_score = (int)x[2];
    TRY(read_scales(r, &a->scales, err));
    TRY(integers(r, "source_version", 1, 0, 999, x, err));
    a->source_version = (int)x[0];
    return TG_OK;
}

/* The header's text into m, all but layout and parameters; *n_params is what it says of them. */
static enum tg_status read_header(struct reader *r, struct nn_model *m, size_t *n_params,
                                  struct tg_error *err)
{
    char game[NN_NAME_MAX];
    int64_t x;

    TRY(name_line(r, "name", m->name, err));
    TRY(name_line(r, "game", game, err));
    if (!game_kind_parse(game, &m->game))
        return FAIL(err, TG_EFORMAT, "%s: no such game: %s", r->path, game);
    TRY(integers(r, "size", 1, 2, GAME_MAX_SIZE, &x, err));
    m->size = (int)x;
    TRY(integers(r, "history", 1, 0, GAME_RECENT, &x, err));
    m->history = (int)x;
    TRY(integers(r, "step", 1, 0, INT64_MAX, &m->step, err));
    TRY(integers(r, "n_rows", 1, 0, INT64_MAX, &m->n_rows, err));
    TRY(read_arch(r, &m->arch, err));
    TRY(integers(r, "parameters", 1, 0, INT64_MAX, &x, err));
    *n_params = (size_t)x;
    if (r->at[strspn(r->at, "\n")] != '\0')
        return FAIL(err, TG_EFORMAT, "%s: more lines in the header than expected", r->path);
    return TG_OK;
}

/* Does what the header says agree with itself, with its game and with the bytes behind it? */
static enum tg_status check_model(struct nn_model *m, size_t n_params, size_t param_bytes,
                                  const char *path, struct tg_error *err)
{
    struct tg_error why = {0};
    struct game game;

    if (nn_arch_check(&m->arch, &why) != TG_OK ||
        game_init(&game, m->game, m->size, m->history, &why) != TG_OK ||
        nn_model_fits(m, &game, &why) != TG_OK)
        return FAIL(err, TG_EFORMAT, "%s: %.500s", path, why.text);
    if (nn_layout_count(&m->arch) != n_params)
        return FAIL(err, TG_EFORMAT, "%s: %zu parameters, but its architecture has %zu", path,
                    n_params, nn_layout_count(&m->arch));
    if (n_params != param_bytes / sizeof(float) || param_bytes % sizeof(float) != 0)
        return FAIL(err, TG_EFORMAT, "%s: %zu bytes of parameters, where %zu floats should be", path,
                    param_bytes, n_params);
    return TG_OK;
}

static enum tg_status read_params(struct nn_model *m, const uint8_t *bytes, const char *path,
                                  struct tg_error *err)
{
    size_t n;

    TRY(nn_layout_open(&m->arch, &m->layout, err));
    n = m->layout.n_params;
    m->params = malloc(n * sizeof *m->params);
    if (m->params == NULL)
        return FAIL(err, TG_ENOMEM, "%s: %zu parameters", path, n);
    memcpy(m->params, bytes, n * sizeof *m->params);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(m->params[i]))
            return FAIL(err, TG_EFORMAT, "%s: parameter %zu is not finite", path, i);
    return TG_OK;
}

/* Our format. m is zero; the caller closes it on failure. */
static enum tg_status parse(const uint8_t *bytes, size_t n, const char *path, struct nn_model *m,
                            char *header, struct tg_error *err)
{
    char text[LEAD_BYTES + 1], *end;
    struct lead lead;
    size_t n_params = 0;

    if (n < LEAD_BYTES)
        return FAIL(err, TG_EFORMAT, "%s: ends within its first line", path);
    memcpy(text, bytes, LEAD_BYTES);
    text[LEAD_BYTES] = '\0';
    if (strtol(text + sizeof magic - 1, &end, 10) != FORMAT)
        return FAIL(err, TG_EFORMAT, "%s: not version %d of the format of Tengen's networks", path,
                    (int)FORMAT);
    lead.header_bytes = strtoull(end, &end, 16);
    lead.header_hash = strtoull(end, &end, 16);
    lead.params_hash = strtoull(end, &end, 16);
    format_lead(&lead, text);
    if (memcmp(text, bytes, LEAD_BYTES) != 0)
        return FAIL(err, TG_EFORMAT, "%s: its first line is damaged", path);
    if (lead.header_bytes > n - LEAD_BYTES || lead.header_bytes >= MAX_HEADER)
        return FAIL(err, TG_EFORMAT, "%s: ends within its header", path);

    memcpy(header, bytes + LEAD_BYTES, lead.header_bytes);
    header[lead.header_bytes] = '\0';
    if (tg_hash(header, lead.header_bytes, lead.header_bytes) != lead.header_hash)
        return FAIL(err, TG_EFORMAT, "%s: its header is damaged: wrong checksum", path);
    TRY(read_header(&(struct reader){.path = path, .at = header}, m, &n_params, err));

    const uint8_t *params = bytes + LEAD_BYTES + lead.header_bytes;
    size_t param_bytes = n - LEAD_BYTES - lead.header_bytes;
    TRY(check_model(m, n_params, param_bytes, path, err));
    m->hash = tg_hash(params, param_bytes, 0);
    if (m->hash != lead.params_hash)
        return FAIL(err, TG_EFORMAT, "%s: its parameters are damaged: wrong checksum", path);
    return read_params(m, params, path, err);
}

enum tg_status nn_model_parse(const uint8_t *bytes, size_t n, const char *path, struct nn_model *m,
                              struct tg_log *log, struct tg_error *err)
{
    enum tg_status rc;
    char *header;

    memset(m, 0, sizeof *m);
    if (n == 0)
        return FAIL(err, TG_EFORMAT, "%s: an empty file", path);
    if (n < sizeof magic - 1 || memcmp(bytes, magic, sizeof magic - 1) != 0)
        return katago_parse(bytes, n, path, m, log, err);
    header = malloc(n < MAX_HEADER ? n + 1 : MAX_HEADER);
    if (header == NULL)
        return FAIL(err, TG_ENOMEM, "%s: no memory for the header", path);
    rc = parse(bytes, n, path, m, header, err);
    free(header);
    if (rc != TG_OK)
        nn_model_close(m);
    return rc;
}

enum tg_status nn_model_load(const char *path, struct nn_model *m, struct tg_log *log,
                             struct tg_error *err)
{
    enum tg_status rc;
    char *bytes;
    size_t n;

    memset(m, 0, sizeof *m);
    TRY(tg_file_read(path, max_file_bytes, &bytes, &n, err));
    rc = nn_model_parse((const uint8_t *)bytes, n, path, m, log, err);
    free(bytes);
    return rc;
}

/* ---- in memory ------------------------------------------------------------------------------- */

enum tg_status nn_model_init(const struct nn_arch *arch, const struct game *game, const char *name,
                             uint64_t seed, struct nn_model *m, struct tg_error *err)
{
    enum tg_status rc;

    memset(m, 0, sizeof *m);
    m->arch = *arch;
    m->game = game->kind;
    m->size = game->size;
    m->history = game->history;
    if (strlen(name) >= sizeof m->name)
        return FAIL(err, TG_EINVAL, "network name of more than %zu letters: %s", sizeof m->name - 1,
                    name);
    memcpy(m->name, name, strlen(name) + 1);
    TRY_OUT(nn_model_fits(m, game, err));
    TRY_OUT(nn_layout_open(arch, &m->layout, err));
    m->params = malloc(m->layout.n_params * sizeof *m->params);
    if (m->params == NULL) {
        rc = FAIL(err, TG_ENOMEM, "network %s: %zu parameters", name, m->layout.n_params);
        goto out;
    }
    nn_params_init(arch, &m->layout, seed, m->params);
out:
    if (rc != TG_OK)
        nn_model_close(m);
    return rc;
}

enum tg_status nn_model_fits(const struct nn_model *m, const struct game *game, struct tg_error *err)
{
    if (m->game != game->kind)
        return FAIL(err, TG_EINVAL, "network %s plays %s, not %s", m->name, game_kind_name(m->game),
                    game_kind_name(game->kind));
    if (m->history != game->history)
        return FAIL(err, TG_EINVAL, "network %s sees %d past moves, this game shows %d", m->name,
                    m->history, game->history);
    if (m->arch.n_planes != game->n_planes || m->arch.n_globals != game->n_globals)
        return FAIL(err, TG_EINVAL, "network %s reads %d planes and %d globals, %s has %d and %d",
                    m->name, m->arch.n_planes, m->arch.n_globals, game_kind_name(game->kind),
                    game->n_planes, game->n_globals);
    return TG_OK;
}

void nn_model_close(struct nn_model *m)
{
    nn_layout_close(&m->layout);
    free(m->params);
    m->params = NULL;
}
