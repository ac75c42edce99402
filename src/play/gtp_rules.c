/* gtp_rules.c - rules that are asked for and changed while playing. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gtp_engine.h"
#include "rules_text.h"

enum { WORD = 64 };

static void cmd_get_rules(struct gtp_engine *e, struct gtp_call *c)
{
    if (player_game(e->player)->kind != GAME_GO) {
        gtp_fail(c, "these are Go rules; the game is Gomoku");
        return;
    }
    rules_text_json(&e->setup.go, c->text);
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

/* {"key":value,..} onto Tromp-Taylor rules; territory brings its usual tax. */
static bool read_json(const char *at, struct go_rules *r, char *wrong, size_t n)
{
    bool taxed = false;
    char key[WORD], value[WORD];

    rules_text_begin(r);
    snprintf(wrong, n, "no JSON object");
    if (*at++ != '{')
        return false;
    at += strspn(at, " ");
    while (*at != '}') {
        if (!json_word(&at, key) || *at != ':' || (at++, !json_word(&at, value)))
            return false;
        if (!rules_text_set(r, key, value)) {
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

static void adopt_named(struct gtp_engine *e, struct gtp_call *c, const char *name)
{
    struct game_setup setup = e->setup;
    struct tg_error err = {0};

    if (rules_text_named(player_game(e->player), name, &setup, &err) != TG_OK)
        gtp_fail(c, "%s", err.text);
    else
        adopt(e, c, &setup);
}

static void cmd_set_rules(struct gtp_engine *e, struct gtp_call *c)
{
    struct game_setup setup = e->setup;
    char *text, wrong[2 * WORD + 32];

    text = gtp_join(c);
    if (text == NULL)
        gtp_fail(c, "out of memory");
    else if (text[0] != '{')
        adopt_named(e, c, text);
    else if (player_game(e->player)->kind != GAME_GO)
        gtp_fail(c, "these are Go rules; the game is Gomoku");
    else if (!read_json(text, &setup.go, wrong, sizeof wrong))
        gtp_fail(c, "%s", wrong);
    else
        adopt(e, c, &setup);
    free(text);
}

static void cmd_set_rule(struct gtp_engine *e, struct gtp_call *c)
{
    struct game_setup setup = e->setup;

    if (player_game(e->player)->kind != GAME_GO || !rules_text_set(&setup.go, c->args[0], c->args[1]))
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
