/* games.c - games of a match as SGF, in the order of their numbers. */
#include "games.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tengen/file.h"
#include "tengen/report.h"

/* ---- on one rank --------------------------------------------------------------------------------- */

static bool make_room(struct kept_games *k)
{
    if (k->n < k->cap)
        return true;
    size_t cap = 2 * k->cap + 16;
    struct kept_game *grown = realloc(k->all, cap * sizeof *grown);

    if (grown == NULL)
        return false;
    k->all = grown;
    k->cap = cap;
    return true;
}

enum tg_status kept_games_add(struct kept_games *k, const struct game *g, const struct record_finished *f,
                              const char *black, const char *white, struct tg_error *err)
{
    struct kept_game one = {.id = f->game.id};
    FILE *out = make_room(k) ? open_memstream(&one.text, &one.n_bytes) : NULL;
    enum tg_status rc;

    if (out == NULL)
        return FAIL(err, TG_ENOMEM, "game %lld as SGF", (long long)f->game.id);
    rc = sgf_write(out, g, f, black, white, err);
    if (fclose(out) != 0 && rc == TG_OK)
        rc = FAIL(err, TG_ENOMEM, "game %lld as SGF", (long long)f->game.id);
    if (rc != TG_OK) {
        free(one.text);
        return rc;
    }
    k->all[k->n++] = one;
    return TG_OK;
}

void kept_games_free(struct kept_games *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->all[i].text);
    free(k->all);
    *k = (struct kept_games){0};
}

/* ---- of all ranks -------------------------------------------------------------------------------- */

/* On the way a game is its number, the length of its text, and the text. */
struct head { int64_t id; uint64_t n_bytes; };

/* *bytes (malloc'd) := all games of this rank. */
static enum tg_status pack(const struct kept_games *k, char **bytes, size_t *n, struct tg_error *err)
{
    size_t at = 0;

    for (size_t i = *n = 0; i < k->n; i++)
        *n += sizeof(struct head) + k->all[i].n_bytes;
    *bytes = malloc(*n + 1);
    if (*bytes == NULL)
        return FAIL(err, TG_ENOMEM, "%zu games as SGF", k->n);
    for (size_t i = 0; i < k->n; i++) {
        struct head h = {k->all[i].id, k->all[i].n_bytes};

        memcpy(*bytes + at, &h, sizeof h);
        memcpy(*bytes + at + sizeof h, k->all[i].text, k->all[i].n_bytes);
        at += sizeof h + k->all[i].n_bytes;
    }
    return TG_OK;
}

static int by_number(const void *va, const void *vb)
{
    const struct kept_game *a = va, *b = vb;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* *text (malloc'd) := the texts of the packed games, in the order of their numbers. */
static enum tg_status sort_texts(char *packed, size_t n_packed, char **text, size_t *n, struct tg_error *err)
{
    struct kept_games k = {0};

    *n = 0;
    *text = malloc(n_packed + 1);
    for (size_t at = 0; at < n_packed;) {
        struct head h;

        if (!make_room(&k)) {
            free(*text);
            *text = NULL;
            break;
        }
        memcpy(&h, packed + at, sizeof h);
        k.all[k.n++] = (struct kept_game){h.id, h.n_bytes, packed + at + sizeof h};
        at += sizeof h + h.n_bytes;
    }
    if (k.n > 0)
        qsort(k.all, k.n, sizeof *k.all, by_number);
    for (size_t i = 0; *text != NULL && i < k.n; i++) {
        memcpy(*text + *n, k.all[i].text, k.all[i].n_bytes);
        *n += k.all[i].n_bytes;
    }
    free(k.all); /* the texts are packed's */
    return *text != NULL ? TG_OK : FAIL(err, TG_ENOMEM, "%zu bytes of games as SGF", n_packed);
}

enum tg_status kept_games_write(const struct kept_games *k, struct comm *c, const char *path, struct tg_error *err)
{
    size_t *starts = malloc(((size_t)comm_size(c) + 1) * sizeof *starts), n = 0;
    char *mine = NULL, *text = NULL;
    void *all = NULL;
    enum tg_status rc = starts == NULL ? FAIL(err, TG_ENOMEM, "games of %d ranks", comm_size(c))
                                       : pack(k, &mine, &n, err);

    TRY_OUT(comm_agree(c, rc, err));
    TRY_OUT(comm_allgatherv(c, mine, n, &all, starts, err));
    if (comm_rank(c) == 0) {
        rc = sort_texts(all, starts[comm_size(c)], &text, &n, err);
        if (rc == TG_OK)
            rc = tg_file_replace(path, text, n, err);
    }
    rc = comm_agree(c, rc, err);
out:
    free(starts);
    free(mine);
    free(all);
    free(text);
    return rc;
}
