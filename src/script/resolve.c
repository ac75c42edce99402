/* resolve.c - fill every field of the run's options: first what stands for itself, then what follows
 * from it (board, rules, network, losses, the search of matches), then what the config says of those
 * in particular; check what no single option can be blamed for. */
#include "resolve.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- layers → fields -------------------------------------------------------------------------- */

static const struct layer *speaker(const struct layer *const *layers, int n, int option)
{
    for (int k = n - 1; k >= 0; k--)
        if (layers[k]->of[option].kind != BINDING_NONE)
            return layers[k];
    return NULL;
}

struct pass {
    const struct layer *const *layers;
    int n;
    struct sandbox *sb;
    int64_t iteration;
    struct settings *s;
};

static enum tg_status fill_option(const struct pass *p, int i, const struct layer *layer,
                                  struct tg_error *err)
{
    struct value value;
    bool owned = true;

    if (layer == NULL)
        TRY(value_default(&options[i], &value, err));
    else
        TRY(layer_value(layer, p->sb, i, p->iteration, &value, &owned, err));
    value_store(&value, &options[i], p->s);
    if (owned)
        value_free(&value);
    return TG_OK;
}

/* An option of the other game would be read by nobody. */
static enum tg_status check_game_of(const struct option *o, const struct layer *layer,
                                    const struct settings *s, struct tg_error *err)
{
    int wrong = s->o.game.kind == GAME_GO ? OPTION_GOMOKU : OPTION_GO;

    if (o->flags & wrong)
        return FAIL(err, TG_EINVAL, "%s: %s: game.kind is %s, which has no such option",
                    layer->origin, o->key, game_kind_name((enum game_kind)s->o.game.kind));
    return TG_OK;
}

static enum tg_status fill(const struct pass *p, bool derived, struct tg_error *err)
{
    for (int i = 0; i < options_n; i++) {
        const struct layer *layer = speaker(p->layers, p->n, i);

        if (derived != ((options[i].flags & OPTION_DERIVED) != 0) || (derived && layer == NULL))
            continue;
        TRY(fill_option(p, i, layer, err));
        if (layer != NULL)
            TRY(check_game_of(&options[i], layer, p->s, err));
    }
    return TG_OK;
}

/* ---- what follows ------------------------------------------------------------------------------ */

/* Put file and key before the message of another module. */
static enum tg_status blame(const char *file, const char *key, enum tg_status rc,
                            struct tg_error *err)
{
    char text[TG_ERROR_TEXT];

    if (rc == TG_OK || err == NULL)
        return rc;
    snprintf(text, sizeof text, "%s", err->text);
    return FAIL(err, rc, "%s: %s: %.500s", file, key, text);
}

static enum tg_status derive_game(struct settings *s, const char *file, struct game *game,
                                  struct tg_error *err)
{
    struct selfplay_setups *setups = &s->o.game.setups;

    if (s->o.game.kind == GAME_GO)
        s->o.game.history = 0;
    TRY(blame(file, "game", game_init(game, (enum game_kind)s->o.game.kind, s->o.game.size,
                                      s->o.game.history, err), err));
    game_default_setup(game, &setups->base);
    if (s->via.rules[0] != '\0')
        TRY(blame(file, "game.rules.name",
                  game_rules_parse(game, s->via.rules, &setups->base, err), err));
    setups->n_sizes = 1;
    setups->sizes[0].width = setups->sizes[0].height = (uint8_t)s->o.game.size;
    setups->sizes[0].weight = 1;
    return TG_OK;
}

/* The weights that KataGo's training gives to the heads that we have; its policy loss of the soft
 * target counts 8 times. Classic: the trio of policy, squared value error and half the squared ownership
 * error. */
static void derive_loss(struct settings *s, const struct game *game)
{
    struct nn_loss *loss = &s->o.train.loss;

    if (strcmp(s->via.loss, "classic") == 0)
        *loss = (struct nn_loss){.policy = 1, .value = 1, .ownership = 0.5f,
                                 .value_kind = NN_VALUE_MSE,
                                 .ownership_kind = NN_OWNERSHIP_MSE};
    else
        *loss = (struct nn_loss){.policy = 1.0f, .reply = 0.15f, .soft_policy = 8.0f,
                                 .value = 0.72f, .ownership = 1.5f, .score_mean = 0.0015f,
                                 .score_stdev = 0.001f, .lead = 0.006f,
                                 .value_kind = NN_VALUE_CROSS_ENTROPY,
                                 .ownership_kind = NN_OWNERSHIP_CROSS_ENTROPY};
    loss->mask_pass = !game->has_pass;
    if (!game->has_ownership)
        loss->ownership = 0;
    if (!game->has_score)
        loss->score_mean = loss->score_stdev = loss->lead = 0;
}

/* A match shows strength: no noise, no forced or random moves after the opening, the best move
 * (temperature 0 takes the chance out of Gumbel search too). */
static void derive_match(struct settings *s)
{
    struct match_options *m = &s->o.gate.match;
    int opening_plies = m->settings.opening_plies;

    m->games = s->o.gate.gate.games;
    m->gate = s->o.gate.gate;
    m->settings = s->o.selfplay.settings;
    m->settings.opening_plies = opening_plies;
    m->settings.opening_exact = false;
    m->settings.cheap_share = 0;
    m->settings.record_cheap = false;
    m->settings.random_move_share = 0;
    m->settings.resign_value = 0;
    m->settings.policy_surprise = 0;

    struct search_settings *search = &m->settings.search;
    search->noise_weight = 0;
    search->root_temp_early = search->root_temp_late = 1;
    search->root_fpu_reduction = search->fpu_reduction;
    search->forced_k = 0;
    search->prune_targets = false;
    search->temp_early = search->temp_late = 0;
    search->temp_halflife = 0;
    search->temp_plies = 0;
}

static enum tg_status derive(struct settings *s, const char *file, struct tg_error *err)
{
    struct game game;

    TRY(derive_game(s, file, &game, err));
    TRY(blame(file, "net.preset",
              nn_arch_preset(s->via.preset, game.n_planes, game.n_globals, &s->o.net.arch, err), err));
    derive_loss(s, &game);
    derive_match(s);
    return TG_OK;
}

/* ---- what must fit together --------------------------------------------------------------------- */

static enum tg_status check_boards(const struct settings *s, const char *file, struct tg_error *err)
{
    const struct selfplay_setups *setups = &s->o.game.setups;
    struct game game;

    TRY(game_init(&game, (enum game_kind)s->o.game.kind, s->o.game.size, s->o.game.history, err));
    for (int i = 0; i < setups->n_sizes; i++) {
        struct game_setup setup = setups->base;

        setup.width = setups->sizes[i].width;
        setup.height = setups->sizes[i].height;
        TRY(blame(file, "game", game_setup_check(&game, &setup, err), err));
    }
    return TG_OK;
}

static bool is_set(const struct pass *p, const char *key)
{
    return speaker(p->layers, p->n, option_find(key)) != NULL;
}

static enum tg_status check_net(const struct pass *p, const char *file, struct tg_error *err)
{
    static const char *const shape[] = {
        "net.channels",       "net.blocks",         "net.stem",        "net.activation",
        "net.policy_channels", "net.policy_pooled", "net.value_channels", "net.value_hidden"};
    struct nn_arch *arch = &p->s->o.net.arch;

    if (is_set(p, "net.channels") && !is_set(p, "net.blocks"))
        return FAIL(err, TG_EINVAL, "%s: net.channels without net.blocks: the preset's blocks have "
                    "widths of their own", file);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        if (is_set(p, shape[i]))
            snprintf(arch->name, sizeof arch->name, "custom");
    TRY(blame(file, "net", nn_arch_check(arch, err), err));
    return TG_OK;
}

static enum tg_status check_losses(const struct pass *p, const char *file, struct tg_error *err)
{
    const struct nn_loss *l = &p->s->o.train.loss;

    if (!(l->policy + l->reply + l->soft_policy + l->value + l->ownership + l->score_mean +
              l->score_stdev + l->lead > 0))
        return FAIL(err, TG_EINVAL, "%s: train.loss: all weights are 0", file);
    return TG_OK;
}

/* "all", "3", "1/host". */
static enum tg_status check_trainers(const char *trainers, const char *file, struct tg_error *err)
{
    char *end;

    if (strcmp(trainers, "all") == 0)
        return TG_OK;
    if (isdigit((unsigned char)trainers[0])) {
        long n = strtol(trainers, &end, 10);

        if (n >= 1 && n <= 1000000 && (*end == '\0' || strcmp(end, "/host") == 0))
            return TG_OK;
    }
    return FAIL(err, TG_EINVAL, "%s: cluster.trainers: \"%s\" is not all, a count such as 2, or a "
                "count per host such as 1/host", file, trainers);
}

/* Moving ranks between two sides needs two sides that work at the same time. */
static enum tg_status check_rebalance(const struct run_options *o, const char *file, struct tg_error *err)
{
    if (!o->cluster.rebalance)
        return TG_OK;
    if (strcmp(o->cluster.trainers, "all") == 0)
        return FAIL(err, TG_EINVAL, "%s: cluster.rebalance needs trainers of their own: cluster.trainers = a "
                    "number of ranks to begin with, or \"1/host\"", file);
    if (o->cluster.lag == 0)
        return FAIL(err, TG_EINVAL, "%s: cluster.rebalance with cluster.lag = 0: one side always waits for the "
                    "other", file);
    if (o->cluster.trainers_max > 0 && o->cluster.trainers_max < o->cluster.trainers_min)
        return FAIL(err, TG_EINVAL, "%s: cluster.trainers_max, %d, is below cluster.trainers_min, %d", file,
                    o->cluster.trainers_max, o->cluster.trainers_min);
    return TG_OK;
}

/* The name becomes part of file names. */
static enum tg_status check_name(const char *name, const char *file, struct tg_error *err)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    if (n == 0 || name[n] != '\0' || name[0] == '.')
        return FAIL(err, TG_EINVAL, "%s: name: \"%s\" is not made of letters, digits, _ . -", file,
                    name);
    return TG_OK;
}

static enum tg_status check_rest(const struct run_options *o, const char *file, struct tg_error *err)
{
    TRY(check_name(o->name, file, err));
    TRY(check_trainers(o->cluster.trainers, file, err));
    TRY(check_rebalance(o, file, err));
    if (o->gate.gate.games % 2 != 0)
        return FAIL(err, TG_EINVAL, "%s: gate.games: %d is odd: each opening is played with both "
                    "colours", file, o->gate.gate.games);
    if (o->gate.gate.sprt && !(o->gate.gate.sprt_elo1 > o->gate.gate.sprt_elo0))
        return FAIL(err, TG_EINVAL, "%s: gate.sprt_elo1: %g is not above gate.sprt_elo0, %g", file,
                    (double)o->gate.gate.sprt_elo1, (double)o->gate.gate.sprt_elo0);
    if (o->selfplay.mix.random_bot + o->selfplay.mix.previous > 1)
        return FAIL(err, TG_EINVAL, "%s: selfplay.random_bot_share %g and selfplay.previous_share %g "
                    "are together more than 1", file, (double)o->selfplay.mix.random_bot,
                    (double)o->selfplay.mix.previous);
    if (!(o->train.epochs > 0) && !(o->train.rows_per_new_row > 0))
        return FAIL(err, TG_EINVAL, "%s: train.epochs and train.rows_per_new_row are both 0: nothing "
                    "would be trained", file);
    if (o->train.min_rows > o->replay.capacity)
        return FAIL(err, TG_EINVAL, "%s: train.min_rows: %lld rows never fit into replay.capacity, "
                    "%lld", file, (long long)o->train.min_rows, (long long)o->replay.capacity);
    return TG_OK;
}

enum tg_status resolve(const struct layer *const *layers, int n, struct sandbox *sb,
                       const char *file, int64_t iteration, struct run_options *o,
                       struct tg_error *err)
{
    struct settings s;
    struct pass p = {layers, n, sb, iteration, &s};

    memset(&s, 0, sizeof s); /* padding too: the options are broadcast and hashed as bytes */
    TRY(fill(&p, false, err));
    TRY(derive(&s, file, err));
    TRY(fill(&p, true, err));
    TRY(check_boards(&s, file, err));
    TRY(check_net(&p, file, err));
    TRY(check_losses(&p, file, err));
    TRY(check_rest(&s.o, file, err));
    s.o.curriculum = layers[LAYER_CONFIG]->curriculum != 0;
    memcpy(o, &s.o, sizeof *o);
    return TG_OK;
}
