/* lookup.c - find rows of the option table by key, and say them in words. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

int option_find(const char *key)
{
    for (int i = 0; i < options_n; i++)
        if (strcmp(options[i].key, key) == 0)
            return i;
    return -1;
}

int option_shorthand(const char *section)
{
    static const struct {
        const char *section, *key;
    } all[] = {
        {"game", "game.kind"},
        {"game.rules", "game.rules.name"},
        {"net", "net.preset"},
        {"train.loss", "train.loss.preset"},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].section, section) == 0)
            return option_find(all[i].key);
    return -1;
}

int option_is_section(const char *path)
{
    size_t n = strlen(path);

    for (int i = 0; i < options_n; i++)
        if (strncmp(options[i].key, path, n) == 0 && options[i].key[n] == '.')
            return 1;
    return 0;
}

/* Edit distance: letters added, left out, changed, or swapped with their neighbour. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 64 };
    int d[MAX + 1][MAX + 1];
    int na = (int)strnlen(a, MAX), nb = (int)strnlen(b, MAX);

    for (int i = 0; i <= na; i++)
        for (int j = 0; j <= nb; j++) {
            int best = i == 0 ? j : j == 0 ? i : d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            if (i > 0 && j > 0 && d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (i > 0 && j > 0 && d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[na][nb];
}

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');

    return dot == NULL ? key : dot + 1;
}

/* How far key is from a known one. A slip in the last part counts twice as much as a section that is
 * wrong as a whole, so "visits" and "selfplay.vists" are both near search.visits; among equals, the
 * nearest as a whole. */
static int farness(const char *key, const char *known)
{
    int whole = distance(key, known), part = 2 * distance(last_part(key), last_part(known)) + 3;

    return (2 * whole < part ? 2 * whole : part) * 64 + whole;
}

static const struct {
    const char *section, *doc;
} sections[] = {
    {"", "The run"},
    {"game", "The game, its boards and rules"},
    {"game.rules", "Single rules; game.rules = \"NAME\" takes a whole set"},
    {"net", "The network; net = \"NAME\" takes a preset"},
    {"selfplay", "How games are played"},
    {"search", "The tree search of a move"},
    {"replay", "The window of rows that training draws from"},
    {"train", "Training"},
    {"train.loss", "Weights of the losses; train.loss = \"NAME\" takes a preset"},
    {"gate", "Matches of new networks against the champion"},
    {"cluster", "Ranks"},
    {"report", "What is written down"},
};
enum { N_SECTIONS = sizeof sections / sizeof *sections };

const char *option_nearest(const char *key)
{
    const char *nearest = NULL;
    int least = INT_MAX;

    for (int i = 1; i < N_SECTIONS + options_n; i++) {
        const char *known = i < N_SECTIONS ? sections[i].section : options[i - N_SECTIONS].key;

        if (farness(key, known) < least) {
            least = farness(key, known);
            nearest = known;
        }
    }
    return nearest;
}

static void join(const char *const *names, char *text, size_t n)
{
    size_t used = 0;

    text[0] = '\0';
    for (; *names != NULL && used < n; names++)
        used += (size_t)snprintf(text + used, n - used, "%s%s", used ? ", " : "", *names);
}

void option_describe(const struct option *option, char *text, size_t n)
{
    char names[256] = "";

    if (option->names != NULL)
        join(option->names, names, sizeof names);
    switch ((enum option_type)option->type) {
    case OPTION_INTEGER:
        snprintf(text, n, "a whole number from %.0f to %.0f", option->low, option->high);
        break;
    case OPTION_NUMBER:
        snprintf(text, n, "a number from %g to %.10g", option->low, option->high);
        break;
    case OPTION_HALVES:
        snprintf(text, n, "a number from %g to %g in steps of 0.5", option->low, option->high);
        break;
    case OPTION_BOOL:
        snprintf(text, n, "true or false");
        break;
    case OPTION_ENUM:
        snprintf(text, n, "one of %s", names);
        break;
    case OPTION_TEXT:
        if (names[0] != '\0')
            snprintf(text, n, "one of %s", names);
        else
            snprintf(text, n, "a text of at most %zu bytes", option->bytes - 1);
        break;
    case OPTION_SIZES:
        snprintf(text, n, "a list of board sizes from %g to %g", option->low, option->high);
        break;
    case OPTION_BLOCKS:
        snprintf(text, n, "a number of blocks or a list of them, at most %g", option->high);
        break;
    }
}

/* ---- tengen help config ---------------------------------------------------------------------- */

static int in_section(const char *key, const char *section)
{
    size_t n = strlen(section);
    const char *dot = strrchr(key, '.');

    return dot == NULL ? n == 0 : (size_t)(dot - key) == n && strncmp(key, section, n) == 0;
}

static void describe_default(const struct option *o, char *text, size_t n)
{
    if (o->def_text != NULL)
        snprintf(text, n, o->flags & OPTION_DERIVED ? "%s" : "\"%s\"", o->def_text);
    else if (o->type == OPTION_ENUM)
        snprintf(text, n, "%s", o->names[(int)o->def]);
    else if (o->type == OPTION_BOOL)
        snprintf(text, n, "%s", o->def != 0 ? "true" : "false");
    else
        snprintf(text, n, "%.10g", o->def);
}

static void print_option(FILE *out, const struct option *o)
{
    char range[320], def[64];

    option_describe(o, range, sizeof range);
    describe_default(o, def, sizeof def);
    fprintf(out, "  %s%s\n      %s\n      %s; default %s%s\n", o->key,
            o->flags & OPTION_VARIES ? " *" : "", o->doc, range, def,
            o->flags & OPTION_GO ? "; go only" : o->flags & OPTION_GOMOKU ? "; gomoku only" : "");
}

void script_help(FILE *out)
{
    fprintf(out,
            "A config is a Lua script that returns a table: return { search = { visits = 200 } },\n"
            "or return { [\"search.visits\"] = 200 }. On the command line: --set search.visits=200.\n"
            "Iterations count from 1.\n\n"
            "Options marked * may change during the run. In place of a value they take\n"
            "  a list                {{upto = 30, value = 100}, {upto = 60, value = 200}}\n"
            "                        (1 to 30, 31 to 60; the last value holds on)\n"
            "  a function            function(iteration) return ... end\n"
            "  a curve, if a number  schedule.linear{from = 1, to = 0, over = 50}, and cosine,\n"
            "                        exponential, step, warmup: see lua/schedule.lua\n"
            "and curriculum = function(iteration, stats) may return a table of new values at each\n"
            "iteration, such as {[\"search.visits\"] = 400}, or nil.\n");
    for (size_t s = 0; s < N_SECTIONS; s++) {
        fprintf(out, "\n%s\n", sections[s].doc);
        for (int i = 0; i < options_n; i++)
            if (in_section(options[i].key, sections[s].section))
                print_option(out, &options[i]);
    }
}
