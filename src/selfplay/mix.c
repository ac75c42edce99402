/* mix.c - which games an iteration consists of: opponents, colours, boards, rules. */
#include <math.h>

#include "tengen/rng.h"
#include "tengen/selfplay.h"

/* How many of the first k games of n are of a kind that has a share: whole numbers that grow evenly
 * and end at the share of n, rounded. */
static int64_t upto(double share, int64_t n, int64_t k)
{
    int64_t total = (int64_t)llround(share * (double)n);

    return n > 0 ? (int64_t)((__int128)total * k / n) : 0;
}

void selfplay_mix_pick(const struct selfplay_mix *mix, int64_t n, int64_t k,
                       enum selfplay_opponent *opponent, enum game_color *learner)
{
    double sum = (double)mix->random_bot + (double)mix->previous;
    double scale = sum > 1 ? 1 / sum : 1;
    double bot = scale * (double)mix->random_bot, previous = scale * (double)mix->previous;
    /* Spread "any opponent" over the ids, then the bot over those games. */
    int64_t n_bot = (int64_t)llround(bot * (double)n), n_previous = (int64_t)llround(previous * (double)n);
    int64_t n_any = n_bot + n_previous > n ? n : n_bot + n_previous;
    int64_t before = upto((double)n_any / (double)n, n, k), after = upto((double)n_any / (double)n, n, k + 1);

    if (after == before) {
        *opponent = SELFPLAY_SELF;
        *learner = GAME_BLACK;
        return;
    }
    int64_t bots_before = n_any > 0 ? n_bot * before / n_any : 0;
    int64_t bots_after = n_any > 0 ? n_bot * after / n_any : 0;
    int64_t of_kind = bots_after > bots_before ? bots_before : before - bots_before;
    *opponent = bots_after > bots_before ? SELFPLAY_RANDOM_BOT : SELFPLAY_PREVIOUS;
    *learner = of_kind % 2 == 0 ? GAME_BLACK : GAME_WHITE;
}

static void draw_rules(struct go_rules *rules, struct tg_rng *r)
{
    static const uint8_t taxes[] = {GO_TAX_NONE, GO_TAX_NONE, GO_TAX_SEKI, GO_TAX_SEKI, GO_TAX_ALL}; /* KataGo's */

    rules->ko = (uint8_t)tg_rng_below(r, 3);
    rules->suicide = (uint8_t)tg_rng_below(r, 2);
    rules->tax = taxes[tg_rng_below(r, sizeof taxes)];
    rules->scoring = GO_SCORING_AREA;
}

void selfplay_setup_draw(const struct game *game, const struct selfplay_setups *setups,
                         uint64_t seed, int64_t id, struct game_setup *setup)
{
    struct tg_rng r = tg_rng_stream(seed, TG_RNG_GAME, (uint64_t)id, 0);
    double total = 0, at;

    *setup = setups->base;
    for (int i = 0; i < setups->n_sizes; i++)
        total += (double)setups->sizes[i].weight;
    at = total * tg_rng_double(&r);
    for (int i = 0; i < setups->n_sizes; i++) {
        at -= (double)setups->sizes[i].weight;
        if (at < 0 || i == setups->n_sizes - 1) {
            setup->width = setups->sizes[i].width;
            setup->height = setups->sizes[i].height;
            break;
        }
    }
    if (game->kind != GAME_GO)
        return;
    if (setups->komi_stdev > 0) {
        double komi2 = setup->go.komi2 + 2 * (double)setups->komi_stdev * tg_rng_normal(&r);
        double limit = 2 * setup->width * setup->height;

        komi2 = komi2 > limit ? limit : komi2 < -limit ? -limit : komi2;
        setup->go.komi2 = (int16_t)lround(komi2);
    }
    if (tg_rng_double(&r) < (double)setups->random_rules_share)
        draw_rules(&setup->go, &r);
}
