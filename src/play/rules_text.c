/* rules_text.c - one table of rules, keys and values. */
#include "rules_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const ko_names[] = {"SIMPLE", "POSITIONAL", "SITUATIONAL"};
static const char *const scoring_names[] = {"AREA", "TERRITORY"};
static const char *const tax_names[] = {"NONE", "SEKI", "ALL"};
static const char *const bonus_names[] = {"0", "N", "N-1"};
static const char *const bool_names[] = {"false", "true"};

/* Where a rule's value is kept and what its values are called. */
static const struct rule {
    const char *key;
    size_t offset; /* of a uint8_t in struct go_rules */
    const char *const *names;
    int n_names;
} rules[] = {
    {"friendlyPassOk", offsetof(struct go_rules, friendly_pass), bool_names, 2},
    {"hasButton", offsetof(struct go_rules, button), bool_names, 2},
    {"ko", offsetof(struct go_rules, ko), ko_names, 3},
    {"scoring", offsetof(struct go_rules, scoring), scoring_names, 2},
    {"suicide", offsetof(struct go_rules, suicide), bool_names, 2},
    {"tax", offsetof(struct go_rules, tax), tax_names, 3},
    {"whiteHandicapBonus", offsetof(struct go_rules, white_handicap_bonus), bonus_names, 3},
};
enum { N_RULES = sizeof rules / sizeof *rules };

static uint8_t *value_of(struct go_rules *r, const struct rule *rule)
{
    return (uint8_t *)r + rule->offset;
}

void rules_text_write(const struct go_rules *r, FILE *out)
{
    fprintf(out, "ko%sscore%stax%ssui%d", ko_names[r->ko], scoring_names[r->scoring], tax_names[r->tax],
            r->suicide);
    if (r->button)
        fputs("button1", out);
    if (r->white_handicap_bonus != GO_BONUS_NONE)
        fprintf(out, "whb%s", bonus_names[r->white_handicap_bonus]);
    if (r->friendly_pass)
        fputs("fpok1", out);
}

void rules_text_json(const struct go_rules *r, FILE *out)
{
    struct go_rules copy = *r;

    for (int i = 0; i < N_RULES; i++) {
        const char *quote = rules[i].names == bool_names ? "" : "\"";

        fprintf(out, "%s\"%s\":%s%s%s", i == 0 ? "{" : ",", rules[i].key, quote,
                rules[i].names[*value_of(&copy, &rules[i])], quote);
    }
    fputc('}', out);
}

void rules_text_begin(struct go_rules *r)
{
    *r = (struct go_rules){.ko = GO_KO_POSITIONAL, .suicide = 1, .komi2 = r->komi2};
}

bool rules_text_set(struct go_rules *r, const char *key, const char *value)
{
    for (int i = 0; i < N_RULES; i++)
        for (int v = 0; v < rules[i].n_names; v++)
            if (strcmp(rules[i].key, key) == 0 && strcasecmp(rules[i].names[v], value) == 0) {
                *value_of(r, &rules[i]) = (uint8_t)v;
                return true;
            }
    return false;
}

enum tg_status rules_text_named(const struct game *g, const char *given, struct game_setup *setup,
                                struct tg_error *err)
{
    char name[64];
    size_t n = 0;

    for (; given[n] != '\0' && n < sizeof name - 1; n++)
        name[n] = given[n] == '_' || given[n] == ' ' ? '-' : (char)tolower((unsigned char)given[n]);
    name[n] = '\0';
    return game_rules_parse(g, name, setup, err);
}
