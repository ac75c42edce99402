/* rules.c - named rule sets and what of a set-up can be played. */
#include <string.h>

#include "go.h"

static const struct named_rules {
    const char *name;
    struct go_rules rules; /* komi left out */
} named[] = {
    {"tromp-taylor", {.ko = GO_KO_POSITIONAL, .suicide = 1}},
    {"chinese",
     {.ko = GO_KO_SIMPLE, .white_handicap_bonus = GO_BONUS_N, .friendly_pass = 1}},
    {"chinese-ogs",
     {.ko = GO_KO_POSITIONAL, .white_handicap_bonus = GO_BONUS_N, .friendly_pass = 1}},
    {"chinese-kgs",
     {.ko = GO_KO_POSITIONAL, .white_handicap_bonus = GO_BONUS_N, .friendly_pass = 1}},
    {"japanese", {.ko = GO_KO_SIMPLE, .scoring = GO_SCORING_TERRITORY, .tax = GO_TAX_SEKI}},
    {"korean", {.ko = GO_KO_SIMPLE, .scoring = GO_SCORING_TERRITORY, .tax = GO_TAX_SEKI}},
    {"stone-scoring", {.ko = GO_KO_SIMPLE, .tax = GO_TAX_ALL, .friendly_pass = 1}},
    {"aga",
     {.ko = GO_KO_SITUATIONAL, .white_handicap_bonus = GO_BONUS_N_MINUS_1, .friendly_pass = 1}},
    {"bga",
     {.ko = GO_KO_SITUATIONAL, .white_handicap_bonus = GO_BONUS_N_MINUS_1, .friendly_pass = 1}},
    {"new-zealand", {.ko = GO_KO_SITUATIONAL, .suicide = 1, .friendly_pass = 1}},
    {"aga-button",
     {.ko = GO_KO_SITUATIONAL, .white_handicap_bonus = GO_BONUS_N_MINUS_1, .friendly_pass = 1,
      .button = 1}},
};
enum { N_NAMED = sizeof named / sizeof *named };

enum tg_status go_rules_parse(const char *name, struct game_setup *setup, struct tg_error *err)
{
    char all[256] = "";

    for (int i = 0; i < N_NAMED; i++) {
        if (strcmp(name, named[i].name) == 0) {
            int16_t komi2 = setup->go.komi2;

            setup->go = named[i].rules;
            setup->go.komi2 = komi2;
            return TG_OK;
        }
        strncat(all, i == 0 ? "" : ", ", sizeof all - strlen(all) - 1);
        strncat(all, named[i].name, sizeof all - strlen(all) - 1);
    }
    return FAIL(err, TG_EINVAL, "rules \"%s\" unknown; go has: %s", name, all);
}

void go_default_setup(const struct game *g, struct game_setup *setup)
{
    (void)g;
    setup->go = named[0].rules;
    setup->go.komi2 = 15;
}

enum tg_status go_setup_check(const struct game *g, const struct game_setup *setup,
                              struct tg_error *err)
{
    const struct go_rules *r = &setup->go;
    int area2 = 2 * setup->width * setup->height;

    (void)g;
    if (r->ko > GO_KO_SITUATIONAL)
        return FAIL(err, TG_EINVAL, "ko rule %d: not an enum go_ko", r->ko);
    if (r->scoring > GO_SCORING_TERRITORY)
        return FAIL(err, TG_EINVAL, "scoring %d: not an enum go_scoring", r->scoring);
    if (r->tax > GO_TAX_ALL)
        return FAIL(err, TG_EINVAL, "tax %d: not an enum go_tax", r->tax);
    if (r->white_handicap_bonus > GO_BONUS_N_MINUS_1)
        return FAIL(err, TG_EINVAL, "handicap bonus %d: not an enum go_handicap_bonus",
                    r->white_handicap_bonus);
    if (r->suicide > 1 || r->button > 1 || r->friendly_pass > 1)
        return FAIL(err, TG_EINVAL, "suicide, button and friendly pass are 0 or 1");
    if (r->button && r->scoring != GO_SCORING_AREA)
        return FAIL(err, TG_EINVAL, "the button needs area scoring");
    if (r->komi2 > area2 + 300 || r->komi2 < -area2 - 300)
        return FAIL(err, TG_EINVAL, "komi %.1f: out of reach on a board of %d points",
                    r->komi2 / 2.0, area2 / 2);
    return TG_OK;
}

int go_handicap2(const struct game_setup *setup)
{
    if (setup->handicap < 2)
        return 0;
    switch (setup->go.white_handicap_bonus) {
    case GO_BONUS_N: return 2 * setup->handicap;
    case GO_BONUS_N_MINUS_1: return 2 * (setup->handicap - 1);
    default: return 0;
    }
}
