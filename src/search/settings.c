/* settings.c - defaults and checks; what an evaluation or a finished game is worth. */
#include <math.h>

#include "internal.h"

void search_default_settings(struct search_settings *s)
{
    *s = (struct search_settings){
        .visits = 800,
        .c_puct = 1.0f,
        .c_puct_log = 0.45f,
        .c_puct_base = 500.0f,
        .fpu_reduction = 0.2f,
        .root_fpu_reduction = 0.1f,
        .noise_total = 10.83f,
        .noise_shaped = true,
        .root_temp_early = 1.0f,
        .root_temp_late = 1.0f,
        .gumbel_considered = 16,
        .gumbel_c_visit = 50.0f,
        .gumbel_c_scale = 1.0f,
        .temp_halflife = 19.0f,
        .proven = true,
        .reuse_tree = true,
        .virtual_loss = 1.0f,
        .avoid_early_pass = true,
    };
}

enum tg_status settings_check(const struct search_settings *set, struct tg_error *err)
{
    const struct {
        const char *name;
        float value, low, high;
    } limits[] = {
        {"visits", (float)set->visits, 1.0f, 1e9f},
        {"c_puct", set->c_puct, 0.0f, 1e3f},
        {"c_puct_log", set->c_puct_log, 0.0f, 1e3f},
        {"c_puct_base", set->c_puct_base, set->c_puct_log != 0.0f ? 1.0f : 0.0f, 1e9f},
        {"fpu_reduction", set->fpu_reduction, -10.0f, 10.0f},
        {"root_fpu_reduction", set->root_fpu_reduction, -10.0f, 10.0f},
        {"noise_weight", set->noise_weight, 0.0f, 1.0f},
        {"noise_alpha", set->noise_alpha, 0.0f, 1e4f},
        {"noise_total", set->noise_total,
         set->noise_weight > 0.0f && set->noise_alpha == 0.0f ? 1e-3f : 0.0f, 1e6f},
        {"root_temp_early", set->root_temp_early, 0.01f, 100.0f},
        {"root_temp_late", set->root_temp_late, 0.01f, 100.0f},
        {"forced_k", set->forced_k, 0.0f, 1e3f},
        {"gumbel_considered", (float)set->gumbel_considered, set->gumbel ? 1.0f : 0.0f, 1e6f},
        {"gumbel_c_visit", set->gumbel_c_visit, 0.0f, 1e6f},
        {"gumbel_c_scale", set->gumbel_c_scale, 0.0f, 1e6f},
        {"temp_early", set->temp_early, 0.0f, 100.0f},
        {"temp_late", set->temp_late, 0.0f, 100.0f},
        {"temp_halflife", set->temp_halflife, 0.0f, 1e6f},
        {"temp_plies", (float)set->temp_plies, 0.0f, 1e6f},
        {"move_prune_visits", set->move_prune_visits, 0.0f, 1e9f},
        {"score_weight", set->score_weight, 0.0f, 10.0f},
        {"no_result_utility", set->no_result_utility, -1.0f, 1.0f},
        {"draw_value", set->draw_value, -1.0f, 1.0f},
        {"virtual_loss", set->virtual_loss, 0.0f, 1e3f},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (!(limits[i].value >= limits[i].low && limits[i].value <= limits[i].high))
            return FAIL(err, TG_EINVAL, "search setting %s = %g: not in %g..%g", limits[i].name,
                        (double)limits[i].value, (double)limits[i].low, (double)limits[i].high);
    return TG_OK;
}

bool settings_same_values(const struct search_settings *a, const struct search_settings *b)
{
    return a->score_weight == b->score_weight && a->no_result_utility == b->no_result_utility &&
           a->draw_value == b->draw_value && a->proven == b->proven &&
           a->avoid_early_pass == b->avoid_early_pass;
}

float settings_temperature(const struct search_settings *set, const struct position *pos,
                           float early, float late)
{
    if (set->temp_plies > 0)
        return pos->ply < set->temp_plies ? early : late;
    if (set->temp_halflife <= 0.0f)
        return early;

    float side = sqrtf((float)pos->setup.width * (float)pos->setup.height);
    float halflife = set->temp_halflife * side / 19.0f;

    return late + (early - late) * exp2f(-(float)pos->ply / halflife);
}

/* The score's share of the utility: the mean of (2/pi) atan(lead / b) over a normal distribution of
 * the lead (5-point Gauss-Hermite), b the side of a square of the board's area. */
static double score_utility(const struct position *pos, double lead, double stdev)
{
    static const double at[5] = {-2.856970013872806, -1.355626179974266, 0.0, 1.355626179974266,
                                 2.856970013872806};
    static const double weight[5] = {0.011257411327721, 0.222075922005613, 0.533333333333333,
                                     0.222075922005613, 0.011257411327721};
    double b = sqrt((double)pos->setup.width * pos->setup.height), mean = 0.0;

    if (!(stdev > 0.0))
        return 0.6366197723675814 * atan(lead / b);
    for (int i = 0; i < 5; i++)
        mean += weight[i] * atan((lead + at[i] * stdev) / b);
    return 0.6366197723675814 * mean;
}

struct outcome outcome_of_eval(const struct search_settings *set, const struct position *pos,
                               uint8_t to_move, const struct search_eval *eval)
{
    double sum = (double)eval->win + eval->loss + eval->no_result;
    double scale = sum > 0.0 ? 1.0 / sum : 0.0;
    double win = eval->win * scale, loss = eval->loss * scale;
    bool black = to_move == GAME_BLACK;
    struct outcome o = {.win = black ? win : loss,
                        .loss = black ? loss : win,
                        .lead = black ? eval->lead : -eval->lead};

    o.utility = o.win - o.loss + eval->no_result * scale * set->no_result_utility;
    if (set->score_weight != 0.0f)
        o.utility += set->score_weight * score_utility(pos, o.lead, eval->score_stdev);
    return o;
}

struct outcome outcome_of_end(const struct search_settings *set, const struct game *game,
                              const struct position *pos)
{
    struct game_result result;
    struct outcome o = {0};

    game_score(game, pos, &result);
    o.lead = result.score;
    switch (pos->winner) {
    case GAME_WON_BLACK: o.win = 1.0; o.utility = 1.0; break;
    case GAME_WON_WHITE: o.loss = 1.0; o.utility = -1.0; break;
    case GAME_DRAWN: o.win = o.loss = 0.5; o.utility = set->draw_value; break;
    default: o.utility = set->no_result_utility; break;
    }
    if (set->score_weight != 0.0f && game->has_score && pos->winner != GAME_NO_RESULT)
        o.utility += set->score_weight * score_utility(pos, o.lead, 0.0);
    return o;
}
