/* match.c - tengen match: two players, N games, a result. */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "games.h"
#include "tengen/file.h"
#include "tengen/match.h"
#include "tengen/report.h"
#include "tengen/script.h"

struct side {
    const char *text;               /* as given */
    struct nn_model model;
    const struct nn_backend *backend; /* the match's, both sides' */
    struct nn_net *net;
    struct selfplay_engine engine;
    struct selfplay_player player;
};

struct match_command {
    const char *a, *b, *config, *rules, *sgf, *game, *backend;
    struct app_list set;
    int64_t games, visits, size, seed, threads, parallel, opening_plies;
    double komi, time;
    bool json, komi_given;
};

static enum tg_status read_args(int argc, char **argv, struct match_command *c, struct tg_error *err)
{
    const struct app_arg args[] = {
        {"--a", APP_ARG_TEXT, &c->a}, {"--b", APP_ARG_TEXT, &c->b},
        {"--config", APP_ARG_TEXT, &c->config}, {"--set", APP_ARG_LIST, &c->set},
        {"--games", APP_ARG_INT, &c->games}, {"--visits", APP_ARG_INT, &c->visits},
        {"--size", APP_ARG_INT, &c->size}, {"--rules", APP_ARG_TEXT, &c->rules},
        {"--komi", APP_ARG_NUMBER, &c->komi}, {"--seed", APP_ARG_INT, &c->seed},
        {"--threads", APP_ARG_INT, &c->threads}, {"--parallel", APP_ARG_INT, &c->parallel},
        {"--opening-plies", APP_ARG_INT, &c->opening_plies}, {"--time", APP_ARG_NUMBER, &c->time},
        {"--sgf", APP_ARG_TEXT, &c->sgf}, {"--game", APP_ARG_TEXT, &c->game},
        {"--backend", APP_ARG_TEXT, &c->backend}, {"--json", APP_ARG_FLAG, &c->json},
    };

    TRY(app_args(argc, argv, args, sizeof args / sizeof *args, err));
    if (c->a == NULL || c->b == NULL)
        return FAIL(err, TG_EINVAL, "match: name both players: --a NET --b NET|random|\"gtp:COMMAND\"");
    if (c->games < 1 || c->games > 1000000)
        return FAIL(err, TG_EINVAL, "--games %lld: not in 1..1000000", (long long)c->games);
    if (c->visits < 1 || c->visits > 10000000)
        return FAIL(err, TG_EINVAL, "--visits %lld: not in 1..10000000", (long long)c->visits);
    if (c->size != -1 && (c->size < 2 || c->size > GAME_MAX_SIZE))
        return FAIL(err, TG_EINVAL, "--size %lld: not in 2..%d", (long long)c->size, GAME_MAX_SIZE);
    return TG_OK;
}

static bool is_engine(const char *text) { return strncmp(text, "gtp:", 4) == 0; }

static enum tg_status load_side(struct side *s, const char *text, struct app *app, struct tg_error *err)
{
    s->text = text;
    if (strcmp(text, "random") == 0)
        s->player = (struct selfplay_player){RECORD_RANDOM_BOT, 0, -1, NULL};
    else if (is_engine(text))
        s->player = (struct selfplay_player){RECORD_ENGINE, 0, -1, &s->engine};
    else
        TRY(nn_model_load(text, &s->model, &app->log, err));
    return TG_OK;
}

/* The game: as the config says, else as the first network, else 9x9 Go. */
static enum tg_status configure(const struct match_command *c, const struct side sides[2],
                                struct run_options *o, struct tg_error *err)
{
    enum game_kind kind = GAME_GO;
    int size = 9, history = 0;

    if (c->config != NULL) {
        struct script *script;

        TRY(script_open(c->config, c->set.texts, c->set.n, &script, err));
        enum tg_status rc = script_options(script, INT32_MAX, o, err);
        script_close(script);
        if (rc != TG_OK)
            return rc;
        kind = (enum game_kind)o->game.kind;
        size = o->game.size;
        history = o->game.history;
    } else {
        TRY(script_defaults(o, err));
        for (int i = 1; i >= 0; i--)
            if (sides[i].model.params != NULL) {
                kind = sides[i].model.game;
                size = sides[i].model.size;
                history = sides[i].model.history;
            }
    }
    if (c->game != NULL && !game_kind_parse(c->game, &kind))
        return FAIL(err, TG_EINVAL, "--game %s: not go or gomoku", c->game);
    if (c->size > 0)
        size = (int)c->size;
    struct game game;
    TRY(game_init(&game, kind, size, history, err));
    if (c->config == NULL || c->size > 0) {
        struct game_setup old = o->game.setups.base;

        game_default_setup(&game, &o->game.setups.base);
        if (c->config != NULL) {
            o->game.setups.base.go = old.go;
            o->game.setups.base.gomoku = old.gomoku;
        }
        o->game.setups.n_sizes = 1;
        o->game.setups.sizes[0].width = o->game.setups.sizes[0].height = (uint8_t)size;
        o->game.setups.sizes[0].weight = 1;
    }
    if (c->rules != NULL)
        TRY(game_rules_parse(&game, c->rules, &o->game.setups.base, err));
    if (c->komi_given)
        o->game.setups.base.go.komi2 = (int16_t)(2 * c->komi);
    o->game.setups.komi_stdev = 0;
    o->game.setups.random_rules_share = 0;
    o->game.kind = kind;
    o->game.size = size;
    o->game.history = history;
    return TG_OK;
}

static enum tg_status open_side(struct side *s, int slot, const struct game *game, int device,
                                struct selfplay_pool *pool, const struct match_command *c,
                                struct app *app, struct tg_error *err)
{
    struct nn_net_options options = {.size = game->size, .threads = 1, .device = device, .log = &app->log};

    if (s->player.kind == RECORD_ENGINE)
        return match_engine_open(s->text + 4, c->time, &app->log, &s->engine, err);
    if (s->model.params == NULL)
        return TG_OK;
    TRY(nn_model_fits(&s->model, game, err));
    TRY(s->backend->open(&s->model.arch, &options, &s->net, err));
    TRY(s->backend->set(s->net, NN_PARAMS, s->model.params, err));
    s->player = (struct selfplay_player){RECORD_NETWORK, (uint8_t)slot, slot, NULL};
    return selfplay_network(pool, slot, s->backend, s->net, &s->model.arch, err);
}

static void close_side(struct side *s)
{
    if (s->net != NULL)
        s->backend->close(s->net);
    if (s->player.kind == RECORD_ENGINE && s->engine.ctx != NULL)
        match_engine_close(&s->engine);
    nn_model_close(&s->model);
}

struct kept {
    const struct game *game;
    const struct side *sides;
    bool sgf;           /* keep the games */
    struct kept_games games;
    struct tg_log *log;
    int n_games;        /* finished on this rank */
    double told;        /* when the log last heard of them */
};

/* Matches against engines take long: a line every half minute, from every rank. */
static void tell(struct kept *k)
{
    enum { EVERY_SEC = 30 };

    k->n_games++;
    if (tg_now() < k->told + EVERY_SEC)
        return;
    k->told = tg_now();
    tg_log(k->log, TG_LOG_INFO, "match: %d games finished on this rank", k->n_games);
}

static void keep(void *ctx, const struct record_finished *f, const struct selfplay_job *job)
{
    struct kept *k = ctx;
    const char *names[2];
    struct tg_error err = {0};

    for (int c = 0; c < 2; c++) {
        const struct selfplay_player *p = &job->player[c], *a = &k->sides[0].player;
        bool is_a = p->kind == a->kind && p->slot == a->slot && p->engine == a->engine && p->net == a->net;

        names[c] = k->sides[is_a ? 0 : 1].text;
    }
    if (k->sgf && kept_games_add(&k->games, k->game, f, names[0], names[1], &err) != TG_OK)
        tg_log(k->log, TG_LOG_WARN, "a game is not kept: %s", err.text);
    tell(k);
}

static void print_result(const struct match_command *c, const struct match_result *r)
{
    printf("%s against %s: %d wins, %d losses, %d draws in %d games: score %.3f, Elo %+.0f +- %.0f\n",
           c->a, c->b, r->wins, r->losses, r->draws, r->games, r->score, r->elo, r->elo_stderr);
    printf("as Black %d of %d, as White %d of %d; %d distinct games, %.1f plies on average\n",
           r->wins_black, r->games_black, r->wins - r->wins_black, r->games - r->games_black,
           r->distinct_games, r->plies);
    if (c->json)
        printf("{\"games\":%d,\"wins\":%d,\"losses\":%d,\"draws\":%d,\"score\":%.6f,"
               "\"distinct_games\":%d,\"elo\":%.2f,\"elo_stderr\":%.2f,\"wins_black\":%d,"
               "\"games_black\":%d,\"plies\":%.2f}\n",
               r->games, r->wins, r->losses, r->draws, r->score, r->distinct_games, r->elo,
               r->elo_stderr, r->wins_black, r->games_black, r->plies);
    fflush(stdout);
}

static enum tg_status play(struct app *app, const struct match_command *c, struct side sides[2],
                           struct match_result *result, struct tg_error *err)
{
    struct run_options o;
    struct game game;
    struct selfplay_pool *pool = NULL;
    struct comm *host = NULL;
    enum tg_status rc;

    TRY(comm_agree(app->world, configure(c, sides, &o, err), err));
    TRY(comm_host(app->world, &host, err));
    game_init(&game, (enum game_kind)o.game.kind, o.game.size, o.game.history, err);
    rc = nn_backend_find(c->backend, &sides[0].backend, err);
    sides[1].backend = sides[0].backend;
    TRY_OUT(comm_agree(app->world, rc, err));
    int threads = c->threads > 0 ? (int)c->threads : app_threads(comm_size(host));
    struct selfplay_pool_options pool_options = {
        .threads = threads, .groups_per_thread = strcmp(sides[0].backend->name, "cpu") == 0 ? 1 : 2,
        .parallel_games = c->parallel > 0 ? (int)c->parallel : 16 * threads};
    struct match_options m = o.gate.match;
    m.games = (int)c->games;
    m.seed = (uint64_t)c->seed;
    m.settings.search.visits = (int)c->visits;
    memset(&m.gate, 0, sizeof m.gate);
    if (c->opening_plies >= 0)
        m.settings.opening_plies = (int)c->opening_plies;
    struct kept kept = {.game = &game, .sides = sides, .log = &app->log, .told = tg_now(),
                        .sgf = c->sgf != NULL};
    rc = selfplay_open(&game, &pool_options, &app->log, &pool, err);
    for (int i = 0; i < 2 && rc == TG_OK; i++)
        rc = open_side(&sides[i], i, &game, comm_rank(host), pool, c, app, err);
    rc = comm_agree(app->world, rc, err);
    if (rc == TG_OK)
        rc = match_play(app->world, pool, &game, &o.game.setups, &sides[0].player, &sides[1].player, &m,
                        keep, &kept, result, err);
    if (rc == TG_OK && c->sgf != NULL)
        rc = kept_games_write(&kept.games, app->world, c->sgf, err);
    kept_games_free(&kept.games);
out:
    selfplay_close(pool);
    comm_close(host);
    return rc;
}

enum tg_status app_match(struct app *app, int argc, char **argv, struct tg_error *err)
{
    struct match_command c = {.games = 40, .visits = 100, .size = -1, .seed = 1, .opening_plies = -1,
                              .time = 60, .komi = 1e9, .backend = "cpu"};
    struct side *sides = calloc(2, sizeof *sides);
    struct match_result result = {0};
    enum tg_status rc;

    if (sides == NULL)
        return FAIL(err, TG_ENOMEM, "match");
    rc = read_args(argc, argv, &c, err);
    c.komi_given = c.komi < 1e8;
    if (rc == TG_OK)
        rc = load_side(&sides[0], c.a, app, err);
    if (rc == TG_OK)
        rc = load_side(&sides[1], c.b, app, err);
    rc = comm_agree(app->world, rc, err);
    if (rc == TG_OK)
        rc = play(app, &c, sides, &result, err);
    if (rc == TG_OK && comm_rank(app->world) == 0)
        print_result(&c, &result);
    close_side(&sides[0]);
    close_side(&sides[1]);
    free(sides);
    return rc;
}
