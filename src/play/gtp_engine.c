/* gtp_engine.c - lines become commands, commands become answers. */
#include "gtp_engine.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void cmd_protocol_version(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    fputs("2", c->text);
}

static void cmd_name(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    fputs("Tengen", c->text);
}

static void cmd_version(struct gtp_engine *e, struct gtp_call *c)
{
    fputs(e->o.version, c->text);
}

static void cmd_quit(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    c->quit = true;
}

/* Nothing runs between two commands: there is nothing to stop. (During an analysis any line stops it.) */
static void cmd_stop(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    (void)c;
}

static void cmd_list_commands(struct gtp_engine *e, struct gtp_call *c);
static void cmd_known_command(struct gtp_engine *e, struct gtp_call *c);

static const struct gtp_command basic_commands[] = {
    {"protocol_version", 0, 0, cmd_protocol_version},
    {"name", 0, 0, cmd_name},
    {"version", 0, 0, cmd_version},
    {"known_command", 1, 1, cmd_known_command},
    {"list_commands", 0, 0, cmd_list_commands},
    {"quit", 0, 0, cmd_quit},
    {"stop", 0, 0, cmd_stop},
    {NULL, 0, 0, NULL},
};

static const struct gtp_command *const tables[] = {
    basic_commands,     gtp_board_commands,    gtp_move_commands,     gtp_rules_commands,
    gtp_score_commands, gtp_handicap_commands, gtp_analysis_commands, gtp_param_commands,
    gtp_sgf_commands,   gtp_info_commands,
};
enum { N_TABLES = sizeof tables / sizeof *tables };

static const struct gtp_command *find(const char *name)
{
    for (int t = 0; t < N_TABLES; t++)
        for (const struct gtp_command *k = tables[t]; k->name != NULL; k++)
            if (strcmp(k->name, name) == 0)
                return k;
    return NULL;
}

static void cmd_list_commands(struct gtp_engine *e, struct gtp_call *c)
{
    const char *before = "";

    (void)e;
    for (int t = 0; t < N_TABLES; t++)
        for (const struct gtp_command *k = tables[t]; k->name != NULL; k++) {
            fprintf(c->text, "%s%s", before, k->name);
            before = "\n";
        }
}

static void cmd_known_command(struct gtp_engine *e, struct gtp_call *c)
{
    (void)e;
    fputs(find(c->args[0]) != NULL ? "true" : "false", c->text);
}

void gtp_fail(struct gtp_call *c, const char *fmt, ...)
{
    va_list ap;

    rewind(c->text); /* what was collected before the failure is no part of the answer */
    c->failed = true;
    va_start(ap, fmt);
    vfprintf(c->text, fmt, ap);
    va_end(ap);
    fputc('\0', c->text);
}

char *gtp_join(const struct gtp_call *c)
{
    size_t n = 1;

    for (int i = 0; i < c->n; i++)
        n += strlen(c->args[i]) + 1;
    char *text = malloc(n), *at = text;

    if (text == NULL)
        return NULL;
    *at = '\0';
    for (int i = 0; i < c->n; i++)
        at += sprintf(at, "%s%s", i > 0 ? " " : "", c->args[i]);
    return text;
}

/* As the protocol wants it: no control characters, tabs are spaces, nothing behind a #. Cut into words
 * in place; words [n / 2 + 1]. Returns how many. */
static int cut_line(char *line, size_t n, char **words)
{
    int n_words = 0;
    size_t kept = 0;

    for (size_t i = 0; i < n && line[i] != '#'; i++) {
        unsigned char ch = (unsigned char)line[i];

        if (ch == '\t')
            line[kept++] = ' ';
        else if (ch >= 32 && ch != 127)
            line[kept++] = (char)ch;
    }
    line[kept] = '\0';
    for (char *at = line; *at != '\0';) {
        at += strspn(at, " ");
        if (*at == '\0')
            break;
        words[n_words++] = at;
        at += strcspn(at, " ");
        if (*at == ' ')
            *at++ = '\0';
    }
    return n_words;
}

/* The answer in c->text, of n bytes. A NUL in it ends it. */
static void print_answer(const struct gtp_call *c, char *text)
{
    for (char *at = text; c->failed && (at = strchr(at, '\n')) != NULL;)
        *at = ' '; /* an error is one line */
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
        text[n - 1] = '\0'; /* an empty line would end the answer too soon */
    fprintf(c->out, "%c%s%s%s\n\n", c->failed ? '?' : '=', c->id, text[0] != '\0' ? " " : "", text);
    fflush(c->out);
}

static void run_command(struct gtp_engine *e, struct gtp_call *c, const char *name)
{
    const struct gtp_command *command = find(name);

    if (command == NULL)
        gtp_fail(c, "unknown command");
    else if (c->n < command->min_args || (command->max_args >= 0 && c->n > command->max_args))
        gtp_fail(c, "%s takes %s%d argument%s", name,
                 command->max_args != command->min_args ? "at least " : "", command->min_args,
                 command->min_args == 1 ? "" : "s");
    else
        command->run(e, c);
}

static bool is_id(const char *word)
{
    size_t n = strspn(word, "0123456789");

    return n > 0 && n <= 18 && word[n] == '\0';
}

bool gtp_execute(struct gtp_engine *e, const char *line, size_t n, FILE *out)
{
    struct gtp_call c = {.id = "", .out = out};
    char *copy = malloc(n + 1), **words = malloc((n / 2 + 1) * sizeof *words), *text = NULL;
    size_t n_text;
    int n_words, first = 0;

    if (copy != NULL && words != NULL)
        c.text = open_memstream(&text, &n_text);
    if (c.text == NULL) {
        fputs("? out of memory\n\n", out);
        goto out;
    }
    if (n > 0)
        memcpy(copy, line, n);
    n_words = cut_line(copy, n, words);
    if (n_words > 0 && is_id(words[0]))
        c.id = words[first++];
    if (first == n_words && first == 0)
        goto out; /* an empty line is no command */
    c.args = words + first + 1;
    c.n = n_words - first - 1;
    if (first == n_words)
        gtp_fail(&c, "no command");
    else
        run_command(e, &c, words[first]);
    fflush(c.text);
    if (!c.streamed)
        print_answer(&c, text);
out:
    if (c.text != NULL)
        fclose(c.text);
    free(text);
    free(words);
    free(copy);
    return !c.quit;
}

void gtp_refuse_line(FILE *out)
{
    fputs("? line too long\n\n", out);
    fflush(out);
}

void gtp_on_input(struct gtp_engine *e, bool (*waiting)(void *ctx), void *ctx)
{
    e->waiting = waiting;
    e->waiting_ctx = ctx;
}

enum tg_status gtp_open(const struct gtp_options *o, struct tg_log *log, struct gtp_engine **engine,
                        struct tg_error *err)
{
    struct gtp_engine *e = calloc(1, sizeof *e);
    enum tg_status rc = TG_OK;

    *engine = NULL;
    if (e == NULL)
        return FAIL(err, TG_ENOMEM, "a GTP engine");
    e->o = *o;
    e->log = log;
    e->moves = malloc(GTP_MAX_MOVES * sizeof *e->moves);
    e->pos = malloc(sizeof *e->pos);
    e->spare = malloc(sizeof *e->spare);
    if (e->moves == NULL || e->pos == NULL || e->spare == NULL) {
        rc = FAIL(err, TG_ENOMEM, "a GTP engine");
        goto out;
    }
    TRY_OUT(player_open(&o->player, log, &e->player, err));
    const struct game *g = player_game(e->player);
    game_default_setup(g, &e->setup);
    if (o->rules != NULL)
        TRY_OUT(game_rules_parse(g, o->rules, &e->setup, err));
    TRY_OUT(game_setup_check(g, &e->setup, err));
    gtp_clock_set(&e->clock, GTP_CLOCK_NONE, 0, 0, 0);
    game_start(g, &e->setup, e->pos);
    *engine = e;
    return TG_OK;
out:
    gtp_close(e);
    return rc;
}

void gtp_close(struct gtp_engine *e)
{
    if (e == NULL)
        return;
    player_close(e->player);
    free(e->moves);
    free(e->pos);
    free(e->spare);
    free(e);
}
