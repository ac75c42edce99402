/* A config, a kept config or kept changes of any content: refused with a reason, or options that
 * resolve, and whose kept text opens again as the same config. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tengen/script.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

/* The options of both scripts are equal bytes, or both fail. */
static void must_agree(struct script *a, struct script *b, int64_t iteration)
{
    static struct run_options of_a, of_b;
    struct tg_error err_a = {0}, err_b = {0};
    enum tg_status rc = script_options(a, iteration, &of_a, &err_a);

    must(script_options(b, iteration, &of_b, &err_b) == rc);
    must(rc == TG_OK ? memcmp(&of_a, &of_b, sizeof of_a) == 0 : err_a.text[0] != '\0');
}

static void try_kept(const char *text)
{
    struct tg_error err = {0};
    struct script *s = NULL, *again = NULL;
    const struct script_stat stats[] = {{"games", 12000}, {"rows", 1e6}, {"elo", 100}};
    char *changes = NULL;

    if (script_open_text(text, &s, &err) != TG_OK) {
        must(err.text[0] != '\0' && s == NULL);
        return;
    }
    must(script_open_text(script_text(s), &again, &err) == TG_OK);
    must(script_hash(s) == script_hash(again));
    must_agree(s, again, 1);
    if (script_curriculum(s, 2, stats, 3, &changes, &err) == TG_OK) {
        must(script_apply(again, changes, &err) == TG_OK);
        must_agree(s, again, 2);
        free(changes);
    }
    script_close(s);
    script_close(again);
}

static void try_changes(const char *text)
{
    static const char config[] = "tengen config 1\nconfig 9 fuzz.lua\nreturn {}\n";
    static struct run_options o;
    struct tg_error err = {0};
    struct script *s;

    must(script_open_text(config, &s, &err) == TG_OK);
    if (script_apply(s, text, &err) != TG_OK)
        must(err.text[0] != '\0');
    else if (script_options(s, 3, &o, &err) != TG_OK)
        must(err.text[0] != '\0');
    script_close(s);
}

/* What the bytes begin with says which they are; most are a config. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n + 64);
    int head;

    if (text == NULL)
        return 0;
    if (n > 0 && (bytes[0] == '{' || (n > 6 && memcmp(bytes, "tengen", 6) == 0))) {
        memcpy(text, bytes, n);
        text[n] = '\0';
        bytes[0] == '{' ? try_changes(text) : try_kept(text);
    } else {
        head = snprintf(text, 64, "tengen config 1\nconfig %zu fuzz.lua\n", n);
        memcpy(text + head, bytes, n);
        memcpy(text + head + n, "\n", 2);
        try_kept(text);
    }
    free(text);
    return 0;
}
