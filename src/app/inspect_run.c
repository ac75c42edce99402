/* inspect_run.c - a run's directory: its manifest, and with --verify every file that it names. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "inspect.h"
#include "tengen/file.h"
#include "tengen/hash.h"
#include "tengen/nn.h"
#include "tengen/report.h"
#include "tengen/script.h"

enum { MAX_FAULTS = 100 };

struct audit {
    const struct inspect *o;
    const struct manifest *m;
    char *faults[MAX_FAULTS]; /* owned */
    int n_faults;             /* also those beyond MAX_FAULTS */
    int64_t n_shards, n_nets, n_checkpoints; /* files found sound */
    int64_t n_set_aside, n_configs, n_matches;
    struct place *games;      /* owned [n_games]: of all sound shards */
    int64_t n_games, cap_games;
};

/* Where a game lies. */
struct place { int64_t id, shard; };

static void fault(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct audit *a, const char *fmt, ...)
{
    char text[TG_ERROR_TEXT + 64];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (a->n_faults < MAX_FAULTS)
        a->faults[a->n_faults] = strdup(text);
    a->n_faults++;
    if (!a->o->json)
        printf("  FAULT   %s\n", text);
}

/* ---- shards ------------------------------------------------------------------------------------- */

static bool set_aside(const struct manifest *m, const char *name)
{
    for (int64_t i = 0; i < m->n_quarantined; i++)
        if (strcmp(m->quarantined[i].file, name) == 0)
            return true;
    return false;
}

static enum tg_status verify_content(const char *path, const struct manifest *m, struct tg_error *err)
{
    struct record_layout layout;
    struct game game;
    char words[128];

    TRY(replay_shard_game(path, &game, err));
    snprintf(words, sizeof words, "%s, board side %d, history %d", game_kind_name(game.kind), game.size,
             game.history);
    if (m->game[0] != '\0' && strcmp(words, m->game) != 0)
        return FAIL(err, TG_EFORMAT, "%s: rows of another game (%s) than the run's (%s)", path, words,
                    m->game);
    record_layout_init(&layout, &game);
    return replay_shard_verify(path, &layout, err);
}

/* Remember the shard's games, for audit_games. */
static enum tg_status collect_games(struct audit *a, const char *path, int64_t shard, struct tg_error *err)
{
    struct record_finished *games;
    int64_t n;

    TRY(replay_shard_games(path, &games, &n, err));
    if (a->n_games + n > a->cap_games) {
        int64_t cap = 2 * a->cap_games + n;
        struct place *grown = realloc(a->games, (size_t)cap * sizeof *grown);

        if (grown != NULL) {
            a->games = grown;
            a->cap_games = cap;
        }
    }
    for (int64_t i = 0; i < n; i++) {
        if (a->n_games < a->cap_games)
            a->games[a->n_games++] = (struct place){games[i].game.id, shard};
        record_finished_free(&games[i]);
    }
    free(games);
    return TG_OK;
}

static int by_id(const void *va, const void *vb)
{
    const struct place *a = va, *b = vb;

    return a->id < b->id ? -1 : a->id > b->id;
}

/* No game was written twice. */
static void audit_games(struct audit *a)
{
    if (a->n_games > 1)
        qsort(a->games, (size_t)a->n_games, sizeof *a->games, by_id);
    for (int64_t i = 1; i < a->n_games; i++)
        if (a->games[i].id == a->games[i - 1].id)
            fault(a, "game %" PRId64 " is in shards %" PRId64 " and %" PRId64, a->games[i].id,
                  a->games[i - 1].shard, a->games[i].shard);
}

static void audit_shard(struct audit *a, const struct replay_shard_info *s)
{
    struct replay_shard_info found;
    struct tg_error why = {0};
    char path[RUN_PATH_MAX];

    if (s->n_rows == 0 && s->name[0] == '\0')
        return; /* an iteration without rows has no file */
    if (set_aside(a->m, s->name)) {
        a->n_set_aside++;
        return;
    }
    if (run_path(a->o->path, RUN_SHARD, s->number, path, &why) != TG_OK
        || replay_shard_stat(path, &found, &why) != TG_OK)
        fault(a, "%s", why.text);
    else if (found.hash != s->hash || found.n_bytes != s->n_bytes)
        fault(a, "%s: hash %016" PRIx64 " of %" PRIu64 " bytes; the manifest says %016" PRIx64 " of %"
              PRIu64, path, found.hash, found.n_bytes, s->hash, s->n_bytes);
    else if (found.n_rows != s->n_rows || found.n_games != s->n_games || found.n_moves != s->n_moves
             || found.number != s->number || found.iteration != s->iteration)
        fault(a, "%s: %" PRId64 " rows, %" PRId64 " games, %" PRId64 " moves; the manifest says %" PRId64
              ", %" PRId64 ", %" PRId64, path, found.n_rows, found.n_games, found.n_moves, s->n_rows,
              s->n_games, s->n_moves);
    else if (verify_content(path, a->m, &why) != TG_OK || collect_games(a, path, s->number, &why) != TG_OK)
        fault(a, "%s", why.text);
    else
        a->n_shards++;
}

/* The shards of completed iterations must add up to what the run says it made. */
static void audit_sums(struct audit *a)
{
    const struct manifest *m = a->m;
    int64_t rows = 0, games = 0, moves = 0;

    for (int64_t i = 0; i < m->n_shards; i++)
        if (m->shards[i].iteration < m->iterations) {
            rows += m->shards[i].n_rows;
            games += m->shards[i].n_games;
            moves += m->shards[i].n_moves;
        }
    if (rows != m->n_rows || games != m->n_games || moves != m->n_plies)
        fault(a, "the shards add up to %" PRId64 " rows, %" PRId64 " games and %" PRId64 " plies; the "
              "manifest says %" PRId64 ", %" PRId64 " and %" PRId64, rows, games, moves, m->n_rows,
              m->n_games, m->n_plies);
}

/* ---- networks, checkpoint ----------------------------------------------------------------------- */

static void audit_net(struct audit *a, const struct manifest_net *net)
{
    struct nn_model m = {0};
    struct tg_error why = {0};
    char path[RUN_PATH_MAX];

    if (run_path(a->o->path, RUN_NET, net->number, path, &why) != TG_OK
        || nn_model_load(path, &m, NULL, &why) != TG_OK)
        fault(a, "%s", why.text);
    else if (m.hash != net->hash || m.step != net->step)
        fault(a, "%s: hash %016" PRIx64 " at step %" PRId64 "; the manifest says %016" PRIx64
              " at step %" PRId64, path, m.hash, m.step, net->hash, net->step);
    else
        a->n_nets++;
    nn_model_close(&m);
}

static void audit_checkpoint(struct audit *a)
{
    uint64_t hash, n_bytes;
    struct tg_error why = {0};
    char path[RUN_PATH_MAX];
    int failure;

    if (a->m->checkpoint < 0)
        return;
    if (run_path(a->o->path, RUN_CHECKPOINT, a->m->checkpoint, path, &why) != TG_OK)
        fault(a, "%s", why.text);
    else if ((failure = tg_hash_file(path, &hash, &n_bytes)) != 0)
        fault(a, "%s: %s", path, strerror(failure));
    else if (hash != a->m->checkpoint_hash)
        fault(a, "%s: hash %016" PRIx64 "; the manifest says %016" PRIx64, path, hash,
              a->m->checkpoint_hash);
    else
        a->n_checkpoints++;
}

/* A kept config must be the one that its hash names. One that this Tengen's options have outgrown
 * cannot be told. */
static void audit_config(struct audit *a, const struct manifest_config *c)
{
    struct tg_error why = {0};
    struct script *script;

    if (script_open_text(c->text, &script, &why) != TG_OK) {
        if (!a->o->json)
            printf("  note    the config from iteration %" PRId64 " does not open: %.300s\n",
                   c->iteration + 1, why.text);
        return;
    }
    if (script_hash(script) != c->hash)
        fault(a, "the config from iteration %" PRId64 ": hash %016" PRIx64 "; the manifest says %016"
              PRIx64, c->iteration + 1, script_hash(script), c->hash);
    else
        a->n_configs++;
    script_close(script);
}

/* ---- matches ------------------------------------------------------------------------------------ */

/* The game that the manifest has in words: its tensors are those of its SGF files. */
static bool game_of_words(const struct manifest *m, struct game *g)
{
    char name[16];
    enum game_kind kind;
    int size, history;

    return sscanf(m->game, "%15[a-z], board side %d, history %d", name, &size, &history) == 3
           && game_kind_parse(name, &kind) && game_init(g, kind, size, history, NULL) == TG_OK;
}

/* Wins, losses and other games of network r->a in its SGF file, and how many it played as Black. */
static void recount(const struct manifest_match *r, const struct sgf_game *games, int n,
                    struct match_result *found)
{
    char name[32];

    snprintf(name, sizeof name, "network %d", r->a);
    *found = (struct match_result){.games = n};
    for (int i = 0; i < n; i++) {
        bool black = strcmp(games[i].players[GAME_BLACK], name) == 0;
        uint8_t won = black ? GAME_WON_BLACK : GAME_WON_WHITE, lost = black ? GAME_WON_WHITE : GAME_WON_BLACK;

        found->games_black += black;
        found->wins += games[i].winner == won;
        found->losses += games[i].winner == lost;
        found->wins_black += black && games[i].winner == won;
    }
    found->draws = n - found->wins - found->losses;
}

/* The games of a match are kept, and are what the manifest says of it. */
static void audit_match(struct audit *a, const struct game *g, const struct manifest_match *r)
{
    const struct match_result *said = &r->result;
    struct match_result found;
    struct sgf_game *games = NULL;
    struct tg_error why = {0};
    char path[RUN_PATH_MAX], *text = NULL;
    size_t bytes;
    int n = 0;
    enum run_file file = strcmp(r->decision, "baseline") == 0 ? RUN_BASELINE : RUN_MATCH;

    if (run_path(a->o->path, file, r->iteration + 1, path, &why) != TG_OK
        || tg_file_read(path, 64 << 20, &text, &bytes, &why) != TG_OK
        || sgf_read(text, bytes, path, g, &games, &n, &why) != TG_OK) {
        fault(a, "%s", why.text);
    } else {
        recount(r, games, n, &found);
        if (found.games != said->games || found.wins != said->wins || found.losses != said->losses
            || found.games_black != said->games_black || found.wins_black != said->wins_black)
            fault(a, "%s: %d games, %d won and %d lost by network %d, %d and %d of them as Black; the "
                  "manifest says %d, %d, %d, %d and %d", path, found.games, found.wins, found.losses, r->a,
                  found.games_black, found.wins_black, said->games, said->wins, said->losses,
                  said->games_black, said->wins_black);
        else
            a->n_matches++;
    }
    sgf_free(games, n);
    free(text);
}

static void audit_matches(struct audit *a)
{
    struct game g;

    if (a->m->n_matches == 0)
        return;
    if (!game_of_words(a->m, &g)) {
        fault(a, "the manifest's game: \"%s\" is none", a->m->game);
        return;
    }
    for (int64_t i = 0; i < a->m->n_matches; i++)
        audit_match(a, &g, &a->m->matches[i]);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void print_run(const struct inspect *o, const struct manifest *m)
{
    uint64_t bytes = 0;

    for (int64_t i = 0; i < m->n_shards; i++)
        bytes += m->shards[i].n_bytes;
    printf("%s: run \"%s\", %s\n", o->path, m->name, m->status);
    printf("  game    %s\n  network %s\n  made    %s by %s, on %s\n", m->game, m->net, m->created,
           m->build, m->hardware);
    printf("  done    %" PRId64 " iterations: %" PRId64 " games, %" PRId64 " plies, %" PRId64 " rows, %"
           PRId64 " steps (%" PRId64 " skipped)\n", m->iterations, m->n_games, m->n_plies, m->n_rows,
           m->n_steps, m->n_skipped);
    printf("  files   %" PRId64 " shards (%.1f MB), %" PRId64 " networks (champion %d, latest %d), ",
           m->n_shards, (double)bytes / 1e6, m->n_nets, m->champion, m->latest);
    if (m->checkpoint >= 0)
        printf("checkpoint after iteration %" PRId64 "\n", m->checkpoint + 1);
    else
        printf("no checkpoint yet\n");
    printf("  history %" PRId64 " matches, %" PRId64 " configs, %" PRId64 " curriculum changes, %" PRId64
           " files set aside\n", m->n_matches, m->n_configs, m->n_changes, m->n_quarantined);
}

static void print_json(const struct inspect *o, const struct manifest *m, const struct audit *a)
{
    const struct { const char *name; int64_t value; } counts[] = {
        {"iterations", m->iterations}, {"rows", m->n_rows}, {"games", m->n_games},
        {"plies", m->n_plies}, {"steps", m->n_steps}, {"skipped_steps", m->n_skipped},
        {"shards", m->n_shards}, {"nets", m->n_nets}, {"champion", m->champion},
        {"latest", m->latest}, {"checkpoint", m->checkpoint}, {"matches", m->n_matches},
        {"configs", m->n_configs}, {"changes", m->n_changes}, {"quarantined", m->n_quarantined},
    };
    const struct { const char *name, *text; } texts[] = {
        {"file", o->path}, {"name", m->name}, {"status", m->status}, {"game", m->game},
        {"net", m->net}, {"created", m->created}, {"build", m->build}, {"hardware", m->hardware},
    };

    printf("{\"kind\":\"run\"");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        printf(",\"%s\":", texts[i].name);
        report_json_text(stdout, texts[i].text);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        printf(",\"%s\":%" PRId64, counts[i].name, counts[i].value);
    printf(",\"elapsed_sec\":");
    report_json_number(stdout, m->elapsed_sec, 10);
    printf(",\"verified\":%s", o->verify ? "true" : "false");
    if (o->verify) {
        printf(",\"sound_shards\":%" PRId64 ",\"sound_nets\":%" PRId64 ",\"sound_checkpoints\":%" PRId64
               ",\"sound_matches\":%" PRId64 ",\"n_faults\":%d,\"faults\":[", a->n_shards, a->n_nets, a->n_checkpoints, a->n_matches, a->n_faults);
        for (int i = 0; i < a->n_faults && i < MAX_FAULTS; i++) {
            if (i > 0)
                putchar(',');
            report_json_text(stdout, a->faults[i] != NULL ? a->faults[i] : "");
        }
        putchar(']');
    }
    printf("}\n");
}

static void audit_all(struct audit *a)
{
    for (int64_t i = 0; i < a->m->n_shards; i++)
        audit_shard(a, &a->m->shards[i]);
    audit_sums(a);
    audit_games(a);
    for (int64_t i = 0; i < a->m->n_nets; i++)
        audit_net(a, &a->m->nets[i]);
    audit_checkpoint(a);
    audit_matches(a);
    for (int64_t i = 0; i < a->m->n_configs; i++)
        audit_config(a, &a->m->configs[i]);
}

enum tg_status inspect_run(const struct inspect *o, struct app *app, struct tg_error *err)
{
    struct manifest m;
    struct audit a = {.o = o, .m = &m};

    (void)app;
    TRY(manifest_load(&m, o->path, err));
    if (!o->json)
        print_run(o, &m);
    if (o->verify)
        audit_all(&a);
    if (o->json)
        print_json(o, &m, &a);
    else if (o->verify && a.n_faults == 0)
        printf("  sound   %" PRId64 " shards, %" PRId64 " networks, %" PRId64 " checkpoint, %" PRId64
               " configs, %" PRId64 " matches: every hash, count, row and game; %" PRId64 " shards were set aside "
               "before\n", a.n_shards, a.n_nets, a.n_checkpoints, a.n_configs, a.n_matches, a.n_set_aside);
    for (int i = 0; i < a.n_faults && i < MAX_FAULTS; i++)
        free(a.faults[i]);
    free(a.games);
    manifest_close(&m);
    if (a.n_faults > 0)
        return FAIL(err, TG_EFORMAT, "%s: %d faults found", o->path, a.n_faults);
    return TG_OK;
}
