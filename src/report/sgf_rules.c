/* sgf_rules.c - rules as the text of SGF's RU. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sgf.h"

static const char *const go_names[] = {"tromp-taylor", "chinese", "chinese-ogs", "japanese",
                                       "stone-scoring", "aga", "new-zealand", "aga-button"};
static const char *const gomoku_names[] = {"freestyle", "standard", "captures-engine",
                                           "captures-subject"};

/* What other programs write for what game_rules_parse calls otherwise. */
static const struct { const char *theirs, *ours; } aliases[] = {
    {"nz", "new-zealand"}, {"cn", "chinese"}, {"jp", "japanese"}, {"tt", "tromp-taylor"},
};

static const char *const ko_words[] = {"SIMPLE", "POSITIONAL", "SITUATIONAL", NULL};
static const char *const scoring_words[] = {"AREA", "TERRITORY", NULL};
static const char *const tax_words[] = {"NONE", "SEKI", "ALL", NULL};
static const char *const bonus_words[] = {"0", "N", "N-1", NULL};
static const char *const flag_words[] = {"0", "1", NULL};
static const char *const threes_words[] = {"FREE", "RENJU", "LITERAL", NULL};

/* One rule as a key and a word, or a number where words is NULL. */
struct part {
    const char *key;
    const char *const *words;
    size_t offset; /* of the uint8_t in struct game_setup */
    bool always;   /* written also when it is 0 */
};

#define GO_PART(key, words, member, always) {key, words, offsetof(struct game_setup, go.member), always}
#define GOMOKU_PART(key, words, member) {key, words, offsetof(struct game_setup, gomoku.member), true}

static const struct part go_parts[] = {
    GO_PART("ko", ko_words, ko, true),
    GO_PART("score", scoring_words, scoring, true),
    GO_PART("tax", tax_words, tax, true),
    GO_PART("sui", flag_words, suicide, true),
    GO_PART("button", flag_words, button, false),
    GO_PART("whb", bonus_words, white_handicap_bonus, false),
    GO_PART("fpok", flag_words, friendly_pass, false),
};
static const struct part gomoku_parts[] = {
    GOMOKU_PART("goal", NULL, goal),
    GOMOKU_PART("exact", flag_words, exact_five),
    GOMOKU_PART("cap", flag_words, captures),
    GOMOKU_PART("pairs", NULL, capture_goal),
    GOMOKU_PART("threes", threes_words, double_three),
    GOMOKU_PART("exempt", flag_words, capture_exempts),
    GOMOKU_PART("breakable", flag_words, breakable_five),
    GOMOKU_PART("black", NULL, start_pairs[0]),
    GOMOKU_PART("white", NULL, start_pairs[1]),
};

static const struct part *parts_of(const struct game *g, size_t *n)
{
    *n = g->kind == GAME_GO ? sizeof go_parts / sizeof *go_parts
                            : sizeof gomoku_parts / sizeof *gomoku_parts;
    return g->kind == GAME_GO ? go_parts : gomoku_parts;
}

static const char *const *names_of(const struct game *g, size_t *n)
{
    *n = g->kind == GAME_GO ? sizeof go_names / sizeof *go_names
                            : sizeof gomoku_names / sizeof *gomoku_names;
    return g->kind == GAME_GO ? go_names : gomoku_names;
}

int sgf_game_number(const struct game *g) { return g->kind == GAME_GO ? SGF_GO : SGF_GOMOKU; }

static void spell_out(const struct game *g, const struct game_setup *setup,
                      char text[SGF_RULES_MAX])
{
    size_t n, at = 0;
    const struct part *parts = parts_of(g, &n);

    text[0] = '\0';
    for (size_t i = 0; i < n && at < SGF_RULES_MAX; i++) {
        uint8_t x = ((const uint8_t *)setup)[parts[i].offset];

        if (x == 0 && !parts[i].always)
            continue;
        if (parts[i].words != NULL)
            at += (size_t)snprintf(text + at, SGF_RULES_MAX - at, "%s%s", parts[i].key,
                                   parts[i].words[x]);
        else
            at += (size_t)snprintf(text + at, SGF_RULES_MAX - at, "%s%d", parts[i].key, x);
    }
}

void sgf_rules_text(const struct game *g, const struct game_setup *setup,
                    char text[SGF_RULES_MAX])
{
    char named_text[SGF_RULES_MAX];
    size_t n;
    const char *const *names = names_of(g, &n);

    spell_out(g, setup, text);
    for (size_t i = 0; i < n; i++) {
        struct game_setup named = *setup;

        memset(&named.gomoku, 0, sizeof named.gomoku);
        if (game_rules_parse(g, names[i], &named, NULL) != TG_OK)
            continue;
        spell_out(g, &named, named_text);
        if (strcmp(text, named_text) == 0) {
            snprintf(text, SGF_RULES_MAX, "%s", names[i]);
            return;
        }
    }
}

/* The value behind a part's key at *text, which moves past it. False: none of the part's. */
static bool read_value(const struct part *p, const char **text, uint8_t *x)
{
    size_t best = 0;

    if (p->words == NULL) {
        char *end;
        unsigned long number = isdigit((unsigned char)**text) ? strtoul(*text, &end, 10) : 256;

        if (number > 255)
            return false;
        *text = end;
        *x = (uint8_t)number;
        return true;
    }
    for (size_t i = 0; p->words[i] != NULL; i++) { /* the longest: "N-1" begins with "N" */
        size_t length = strlen(p->words[i]);

        if (length > best && strncmp(*text, p->words[i], length) == 0) {
            best = length;
            *x = (uint8_t)i;
        }
    }
    *text += best;
    return best > 0;
}

static bool read_parts(const struct game *g, const char *text, struct game_setup *setup)
{
    size_t n;
    const struct part *parts = parts_of(g, &n);

    if (*text == '\0')
        return false;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)setup)[parts[i].offset] = 0;
    while (*text != '\0') {
        const struct part *p = NULL;

        for (size_t i = 0; i < n && p == NULL; i++)
            if (strncmp(text, parts[i].key, strlen(parts[i].key)) == 0)
                p = &parts[i];
        if (p == NULL)
            return false;
        text += strlen(p->key);
        if (!read_value(p, &text, &((uint8_t *)setup)[p->offset]))
            return false;
    }
    return true;
}

bool sgf_rules_parse(const struct game *g, const char *text, struct game_setup *setup)
{
    struct game_setup parsed = *setup;
    char name[48];
    size_t n = 0;

    for (; text[n] != '\0' && n < sizeof name - 1; n++) {
        unsigned char c = (unsigned char)text[n];

        name[n] = c == ' ' || c == '_' ? '-' : (char)tolower(c);
    }
    name[n] = '\0';
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (strcmp(name, aliases[i].theirs) == 0)
            snprintf(name, sizeof name, "%s", aliases[i].ours);
    if (game_rules_parse(g, name, &parsed, NULL) != TG_OK && !read_parts(g, text, &parsed))
        return false;
    *setup = parsed;
    return true;
}
