/* import_sgf.c - tengen import GAMES.sgf .. --out DIR: shards of rows from games of people or engines.
 *
 * Files are shared out over the ranks; games are numbered by file and place in it, so the shards do not
 * depend on how many ranks there are. A game that cannot be used is named and left out. */
#include "import_sgf.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tengen/file.h"
#include "tengen/play.h"
#include "tengen/replay.h"
#include "tengen/script.h"

enum { MAX_DEPTH = 8, MAX_FILE_BYTES = 64 << 20, GAMES_PER_FILE = 1000000, FILES_PER_ROUND = 64 };

struct import {
    struct app *app;
    const char *out, *config, *game_name, *rules;
    int64_t size, shard_rows;
    struct game game;
    char **files; /* owned */
    size_t n_files, cap_files;
    struct replay_writer *writer;
    int64_t next_shard, n_games, n_rows, n_skipped, n_shards;
};

/* ---- files ---------------------------------------------------------------------------------------- */

static bool is_sgf(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && strcasecmp(path + n - 4, ".sgf") == 0;
}

static bool is_directory(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static enum tg_status add_file(struct import *im, const char *path, struct tg_error *err)
{
    if (im->n_files == im->cap_files) {
        size_t cap = 2 * im->cap_files + 64;
        char **files = realloc(im->files, cap * sizeof *files);

        if (files == NULL)
            return FAIL(err, TG_ENOMEM, "%zu files", cap);
        im->files = files;
        im->cap_files = cap;
    }
    im->files[im->n_files] = strdup(path);
    if (im->files[im->n_files] == NULL)
        return FAIL(err, TG_ENOMEM, "%zu files", im->n_files);
    im->n_files++;
    return TG_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* All games below a directory, sorted by the caller. */
static enum tg_status add_directory(struct import *im, const char *dir, int depth, struct tg_error *err)
{
    DIR *d = opendir(dir);
    enum tg_status rc = TG_OK;

    if (d == NULL)
        return FAIL(err, TG_EIO, "%s: %s", dir, strerror(errno));
    for (struct dirent *e; rc == TG_OK && (e = readdir(d)) != NULL;) {
        char path[1024];

        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        if (is_sgf(path) && !is_directory(path))
            rc = add_file(im, path, err);
        else if (is_directory(path) && depth < MAX_DEPTH)
            rc = add_directory(im, path, depth + 1, err);
    }
    closedir(d);
    return rc;
}

static enum tg_status add_path(struct import *im, const char *path, struct tg_error *err)
{
    size_t first = im->n_files;

    if (!is_directory(path))
        return add_file(im, path, err);
    TRY(add_directory(im, path, 0, err));
    qsort(im->files + first, im->n_files - first, sizeof *im->files, by_name);
    return TG_OK;
}

/* The number behind the last shard that is there. */
static enum tg_status find_next_shard(struct import *im, struct tg_error *err)
{
    DIR *d = opendir(im->out);
    int64_t number;
    int used;

    if (d == NULL)
        return FAIL(err, TG_EIO, "%s: %s", im->out, strerror(errno));
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        used = 0;
        if (sscanf(e->d_name, "shard-%" SCNd64 ".h5%n", &number, &used) == 1 && used > 0 &&
            e->d_name[used] == '\0' && number >= im->next_shard)
            im->next_shard = number + 1;
    }
    closedir(d);
    return TG_OK;
}

/* ---- games ---------------------------------------------------------------------------------------- */

/* The next game of a collection: its bytes from *at on, which moves behind it. False: there is none. */
static bool next_game(const char *text, size_t n, size_t *at, const char **game, size_t *n_game)
{
    size_t start = *at, depth = 0;
    bool value = false;

    while (start < n && text[start] != '(')
        start++;
    for (size_t i = start; i < n; i++) {
        if (value && text[i] == '\\')
            i++;
        else if (text[i] == ']')
            value = false;
        else if (value)
            continue;
        else if (text[i] == '[')
            value = true;
        else if (text[i] == '(')
            depth++;
        else if (text[i] == ')' && --depth == 0) {
            *game = text + start;
            *n_game = i + 1 - start;
            *at = i + 1;
            return true;
        }
    }
    *game = text + start; /* what is left, if anything: the reader will say what is wrong with it */
    *n_game = n - start;
    *at = n;
    return *n_game > 0;
}

static void skip(struct import *im, const char *name, const char *why)
{
    im->n_skipped++;
    tg_log(&im->app->log, TG_LOG_WARN, "%s: left out: %s", name, why);
}

static enum tg_status take_game(struct import *im, const char *name, const char *text, size_t n, int64_t id,
                                struct tg_error *err)
{
    struct sgf_game *games = NULL;
    struct record_finished f;
    struct tg_error why = {0};
    int n_games = 0;

    if (sgf_read(text, n, name, &im->game, &games, &n_games, &why) != TG_OK) {
        im->n_skipped++;
        tg_log(&im->app->log, TG_LOG_WARN, "left out: %s", why.text);
        return TG_OK;
    }
    if (games->n_variations > 0)
        tg_log(&im->app->log, TG_LOG_INFO, "%s: %d variations left out", name, games->n_variations);
    if (im->rules != NULL && games->rules[0] == '\0')
        game_rules_parse(&im->game, im->rules, &games->setup, NULL);
    enum tg_status rc = sgf_rows(&im->game, games, id, &f, &why);
    sgf_free(games, n_games);
    if (rc == TG_ENOMEM) {
        *err = why;
        return rc;
    }
    if (rc != TG_OK) {
        skip(im, name, why.text);
        return TG_OK;
    }
    im->n_games++;
    im->n_rows += f.game.n_rows;
    return replay_writer_push(im->writer, &f, err);
}

static enum tg_status take_file(struct import *im, size_t index, struct tg_error *err)
{
    const char *path = im->files[index], *game;
    char *text, name[1100];
    size_t n, n_game, at = 0;
    struct tg_error why = {0};
    enum tg_status rc = TG_OK;
    int64_t k = 0;

    if (tg_file_read(path, MAX_FILE_BYTES, &text, &n, &why) != TG_OK) {
        im->n_skipped++;
        tg_log(&im->app->log, TG_LOG_WARN, "left out: %s", why.text);
        return TG_OK;
    }
    for (; rc == TG_OK && k < GAMES_PER_FILE && next_game(text, n, &at, &game, &n_game); k++) {
        bool alone = k == 0 && memchr(text + at, '(', n - at) == NULL;

        snprintf(name, sizeof name, alone ? "%s" : "%s, game %" PRId64, path, k + 1);
        rc = take_game(im, name, game, n_game, (int64_t)index * GAMES_PER_FILE + k, err);
    }
    if (k == 0)
        skip(im, path, "no game in it: SGF begins with \"(;\"");
    free(text);
    return rc;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static enum tg_status commit(struct import *im, struct tg_error *err)
{
    struct replay_shard_info info;

    TRY(replay_writer_commit(im->writer, im->next_shard, 0, &info, err));
    if (info.n_rows == 0)
        return TG_OK;
    if (comm_rank(im->app->world) == 0)
        printf("%s/%s: %" PRId64 " games, %" PRId64 " rows, %.1f MB\n", im->out, info.name, info.n_games,
               info.n_rows, (double)info.n_bytes / 1e6);
    im->next_shard++;
    im->n_shards++;
    return TG_OK;
}

/* Rounds of some files a rank, a shard whenever enough rows are there. Collective. */
static enum tg_status take_files(struct import *im, struct tg_error *err)
{
    size_t rank = (size_t)comm_rank(im->app->world), size = (size_t)comm_size(im->app->world);

    for (size_t first = 0; first < im->n_files; first += FILES_PER_ROUND * size) {
        size_t end = first + FILES_PER_ROUND * size;
        enum tg_status rc = TG_OK;

        for (size_t i = first + rank; rc == TG_OK && i < end && i < im->n_files; i += size)
            rc = take_file(im, i, err);
        TRY(comm_agree(im->app->world, rc, err));
        int64_t staged = replay_writer_staged(im->writer);

        comm_sum_i64(im->app->world, &staged, 1);
        if (staged >= im->shard_rows)
            TRY(commit(im, err));
    }
    return commit(im, err);
}

/* The game: a config's, or as the arguments say. */
static enum tg_status configure(struct import *im, struct tg_error *err)
{
    enum game_kind kind = GAME_GO;
    int size = (int)im->size, history = 0;

    if (!game_kind_parse(im->game_name, &kind))
        return FAIL(err, TG_EINVAL, "--game %s: not go or gomoku", im->game_name);
    if (im->config != NULL) {
        struct run_options *o = calloc(1, sizeof *o);
        struct script *script = NULL;
        enum tg_status rc = o == NULL ? FAIL(err, TG_ENOMEM, "options")
                                      : script_open(im->config, NULL, 0, &script, err);

        if (rc == TG_OK)
            rc = script_options(script, 0, o, err);
        if (rc == TG_OK) {
            kind = (enum game_kind)o->game.kind;
            size = o->game.size;
            history = o->game.history;
        }
        script_close(script);
        free(o);
        if (rc != TG_OK)
            return rc;
    }
    if (size == 0)
        size = kind == GAME_GO ? 19 : 15;
    TRY(game_init(&im->game, kind, size, history, err));
    struct game_setup setup;
    game_default_setup(&im->game, &setup);
    return im->rules == NULL ? TG_OK : game_rules_parse(&im->game, im->rules, &setup, err);
}

static enum tg_status check_out(struct import *im, struct tg_error *err)
{
    char path[1100];
    struct stat s;

    snprintf(path, sizeof path, "%.1000s/manifest.json", im->out);
    if (stat(path, &s) == 0)
        return FAIL(err, TG_EINVAL, "%s is a run, whose shards are its own: give a directory for the games "
                    "and name it as the run's replay.pretrain", im->out);
    TRY(tg_mkdirs(im->out, err));
    return find_next_shard(im, err);
}

static enum tg_status import(struct import *im, struct tg_error *err)
{
    struct comm *world = im->app->world;
    struct replay_options options = {.chunk_rows = 4096, .deflate = 1, .build = app_build()};
    int64_t sums[3];

    TRY(comm_agree(world, configure(im, err), err));
    TRY(comm_agree(world, comm_rank(world) == 0 ? check_out(im, err) : TG_OK, err));
    comm_bcast(world, &im->next_shard, sizeof im->next_shard, 0);
    TRY(replay_writer_open(world, im->out, &im->game, &options, &im->writer, err));
    enum tg_status rc = take_files(im, err);
    replay_writer_close(im->writer);
    if (rc != TG_OK)
        return rc;
    sums[0] = im->n_games, sums[1] = im->n_rows, sums[2] = im->n_skipped;
    comm_sum_i64(world, sums, 3);
    if (comm_rank(world) == 0)
        printf("%" PRId64 " games, %" PRId64 " rows in %" PRId64 " shards; %" PRId64 " games or files left out\n",
               sums[0], sums[1], im->n_shards, sums[2]);
    return sums[0] > 0 ? TG_OK : FAIL(err, TG_EFORMAT, "no game could be used");
}

bool import_means_games(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (is_sgf(argv[i]) || strncmp(argv[i], "--out", 5) == 0 || is_directory(argv[i]))
            return true;
    return false;
}

/* Options into *im, paths into its files. rest [argc] is scratch. */
static enum tg_status read_args(struct import *im, int argc, char **argv, char **rest, struct tg_error *err)
{
    const struct app_arg args[] = {
        {"--out", APP_ARG_TEXT, &im->out},     {"--config", APP_ARG_TEXT, &im->config},
        {"--game", APP_ARG_TEXT, &im->game_name}, {"--size", APP_ARG_INT, &im->size},
        {"--rules", APP_ARG_TEXT, &im->rules}, {"--shard-rows", APP_ARG_INT, &im->shard_rows},
    };
    int n = 0;

    for (int i = 0; i < argc; i++) { /* every option takes a value, in this word or the next */
        bool option = i == 0 || argv[i][0] == '-';

        if (!option) {
            TRY(add_path(im, argv[i], err));
            continue;
        }
        rest[n++] = argv[i];
        if (i > 0 && strchr(argv[i], '=') == NULL && i + 1 < argc)
            rest[n++] = argv[++i];
    }
    TRY(app_args(n, rest, args, sizeof args / sizeof *args, err));
    if (im->out == NULL)
        return FAIL(err, TG_EINVAL, "import: into which directory? --out DIR");
    if (im->n_files == 0)
        return FAIL(err, TG_EINVAL, "import: which games? GAMES.sgf or a directory of them");
    if (im->size != 0 && (im->size < 2 || im->size > GAME_MAX_SIZE))
        return FAIL(err, TG_EINVAL, "--size %" PRId64 ": not in 2..%d", im->size, GAME_MAX_SIZE);
    if (im->shard_rows < 1)
        return FAIL(err, TG_EINVAL, "--shard-rows %" PRId64 ": at least 1", im->shard_rows);
    return TG_OK;
}

static enum tg_status with_mpi(struct import *im, int argc, char **argv, struct tg_error *err)
{
    struct app *app = im->app;
    enum tg_status rc;

    TRY(comm_mpi_init(&argc, &argv, err));
    rc = comm_open(MPI_COMM_WORLD, "world", &app->world, err);
    if (rc == TG_OK) {
        app->log.rank = comm_rank(app->world);
        app->log.show_rank = comm_size(app->world) > 1;
        rc = import(im, err);
    }
    if (rc != TG_OK && app->world != NULL && comm_rank(app->world) != 0)
        err->text[0] = '\0'; /* agreed: the first rank prints it */
    fflush(stdout);
    comm_close(app->world);
    app->world = NULL;
    comm_mpi_finalize();
    return rc;
}

enum tg_status app_import_sgf(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct import im = {.app = app, .game_name = "go", .shard_rows = 500000};
    char **rest = malloc(((size_t)argc + 1) * sizeof *rest);
    enum tg_status rc = rest == NULL ? FAIL(err, TG_ENOMEM, "arguments")
                                     : read_args(&im, argc, argv, rest, err);

    if (rc == TG_OK)
        rc = with_mpi(&im, argc, argv, err);
    for (size_t i = 0; i < im.n_files; i++)
        free(im.files[i]);
    free(im.files);
    free(rest);
    return rc;
}
