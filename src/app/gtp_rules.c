/* gtp_rules.c - Go rules as words and as KataGo's JSON. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"

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
enum { N_RULES = sizeof rules / sizeof *rules, WORD = 64 };

static uint8_t *value_of(struct go_rules *r, const struct rule *rule)
{
    return (uint8_t *)r + rule->offset;
}

void gtp_write_rules(const struct go_rules *r, FILE *out)
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

static void cmd_get_rules(struct gtp_engine *e, struct gtp_call *c)
{
    if (player_game(e->player)->kind != GAME_GO) {
        gtp_fail(c, "these are Go rules; the game is Gomoku");
        return;
    }
    for (int i = 0; i < N_RULES; i++) {
        const char *quote = rules[i].names == bool_names ? "" : "\"";

        fprintf(c->text, "%s\"%s\":%s%s%s", i == 0 ? "{" : ",", rules[i].key, quote,
                rules[i].names[*value_of(&e->setup.go, &rules[i])], quote);
    }
    fputc('}', c->text);
}

/* A word of JSON at *at, quoted or bare. */
static bool json_word(const char **at, char word[WORD])
{
    size_t n = 0;
    bool quoted;

    *at += strspn(*at, " ");
    quoted = **at == '"';
    *at += quoted;
    while (**at != '\0' && (quoted ? **at != '"' : strchr(" ,:{}\"", **at) == NULL) && n < WORD - 1)
        word[n++] = *(*at)++;
    word[n] = '\0';
    if (quoted && **at != '"')
        return false;
    *at += quoted;
    *at += strspn(*at, " ");
    return quoted || n > 0;
}

static bool set_rule(struct go_rules *r, const char *key, const char *value)
{
    for (int i = 0; i < N_RULES; i++)
        for (int v = 0; v < rules[i].n_names; v++)
            if (strcmp(rules[i].key, key) == 0 && strcasecmp(rules[i].names[v], value) == 0) {
                *value_of(r, &rules[i]) = (uint8_t)v;
                return true;
            }
    return false;
}

/* {"key":value,..} onto Tromp-Taylor rules; territory brings its usual tax. */
static bool read_json(const char *at, struct go_rules *r, char *wrong, size_t n)
{
    bool taxed = false;
    char key[WORD], value[WORD];

    *r = (struct go_rules){.ko = GO_KO_POSITIONAL, .suicide = 1, .komi2 = r->komi2};
    snprintf(wrong, n, "no JSON object");
    if (*at++ != '{')
        return false;
    at += strspn(at, " ");
    while (*at != '}') {
        if (!json_word(&at, key) || *at != ':' || (at++, !json_word(&at, value)))
            return false;
        if (!set_rule(r, key, value)) {
            snprintf(wrong, n, "unknown rule %s:%s", key, value);
            return false;
        }
        taxed = taxed || strcmp(key, "tax") == 0;
        if (*at == ',')
            at++;
        else if (*at != '}')
            return false;
        at += strspn(at, " ");
    }
    if (!taxed && r->scoring == GO_SCORING_TERRITORY)
        r->tax = GO_TAX_SEKI;
    return at[1 + strspn(at + 1, " ")] == '\0';
}

/* Go on under these rules, if every move so far was legal under them. */
static void adopt(struct gtp_engine *e, struct gtp_call *c, const struct game_setup *setup)
{
    struct game_setup old = e->setup;
    struct tg_error err = {0};

    if (game_setup_check(player_game(e->player), setup, &err) != TG_OK) {
        gtp_fail(c, "%s", err.text);
        return;
    }
    e->setup = *setup;
    if (gtp_replay(e))
        return;
    e->setup = old;
    gtp_replay(e);
    gtp_fail(c, "a move of this game is illegal under these rules");
}

/* A rule set's name in any case, with _ for -. */
static void adopt_named(struct gtp_engine *e, struct gtp_call *c, const char *given)
{
    struct game_setup setup = e->setup;
    struct tg_error err = {0};
    char name[WORD];
    size_t n = 0;

    for (; given[n] != '\0' && n < sizeof name - 1; n++)
        name[n] = given[n] == '_' ? '-' : (char)tolower((unsigned char)given[n]);
    name[n] = '\0';
    if (game_rules_parse(player_game(e->player), name, &setup, &err) != TG_OK)
        gtp_fail(c, "%s", err.text);
    else
        adopt(e, c, &setup);
}

/* The arguments as they were written, but for the number of spaces. */
static void join(const struct gtp_call *c, char *text, size_t n)
{
    text[0] = '\0';
    for (int i = 0; i < c->n; i++) {
        strncat(text, i > 0 ? " " : "", n - strlen(text) - 1);
        strncat(text, c->args[i], n - strlen(text) - 1);
    }
}

static void cmd_set_rules(struct gtp_engine *e, struct gtp_call *c)
{
    struct game_setup setup = e->setup;
    char text[1024], wrong[2 * WORD + 32];

    if (c->args[0][0] != '{') {
        adopt_named(e, c, c->args[0]);
        return;
    }
    join(c, text, sizeof text);
    if (player_game(e->player)->kind != GAME_GO)
        gtp_fail(c, "these are Go rules; the game is Gomoku");
    else if (!read_json(text, &setup.go, wrong, sizeof wrong))
        gtp_fail(c, "%s", wrong);
    else
        adopt(e, c, &setup);
}

static void cmd_set_rule(struct gtp_engine *e, struct gtp_call *c)
{
    struct game_setup setup = e->setup;

    if (player_game(e->player)->kind != GAME_GO || !set_rule(&setup.go, c->args[0], c->args[1]))
        gtp_fail(c, "unknown rule");
    else
        adopt(e, c, &setup);
}

static void cmd_kgs_rules(struct gtp_engine *e, struct gtp_call *c)
{
    adopt_named(e, c, strcasecmp(c->args[0], "chinese") == 0 ? "chinese-kgs" : c->args[0]);
}

const struct gtp_command gtp_rules_commands[] = {
    {"kata-get-rules", 0, 0, cmd_get_rules},
    {"kata-set-rules", 1, -1, cmd_set_rules},
    {"kata-set-rule", 2, 2, cmd_set_rule},
    {"kgs-rules", 1, 1, cmd_kgs_rules},
    {NULL, 0, 0, NULL},
};
