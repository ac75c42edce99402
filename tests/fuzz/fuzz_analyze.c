/* Lines of any content to the JSON analyzer, with a tiny network and two visits: every line that comes out is one
 * JSON object with a known shape. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "tengen/play.h"

/* The tiny network's file, made once; gone at exit as far as the fuzzer lets it. */
static char path[64];

static void remove_net(void) { unlink(path); }

static void make_net(void)
{
    struct tg_error err = {0};
    struct game game;
    struct nn_arch arch;
    struct nn_model m;

    snprintf(path, sizeof path, "/tmp/fuzz-analyze-%ld.tgn", (long)getpid());
    if (game_init(&game, GAME_GO, 9, 0, &err) != TG_OK ||
        nn_arch_preset("b2c16", game.n_planes, game.n_globals, &arch, &err) != TG_OK ||
        nn_model_init(&arch, &game, "fuzz", 1, &m, &err) != TG_OK || nn_model_save(&m, path, &err) != TG_OK)
        abort();
    nn_model_close(&m);
    atexit(remove_net);
}

static void check(char *text)
{
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        cJSON *json = cJSON_Parse(line);

        if (!cJSON_IsObject(json) ||
            !(cJSON_HasObjectItem(json, "error") || cJSON_HasObjectItem(json, "warning") ||
              cJSON_HasObjectItem(json, "action") || cJSON_HasObjectItem(json, "turnNumber")))
            abort();
        cJSON_Delete(json);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct analyze_options o;
    struct analyzer *a;
    struct tg_error err = {0};
    char *text = NULL;
    size_t n_text;
    FILE *out;

    if (path[0] == '\0')
        make_net();
    analyze_defaults(&o);
    o.net = path;
    o.threads = 1;
    o.visits = 2;
    o.sec = 0.002; /* a line may ask for very many */
    o.cache_bytes = 4096;
    o.tree_bytes = 1 << 20;
    if ((out = open_memstream(&text, &n_text)) == NULL || analyze_open(&o, NULL, out, &a, &err) != TG_OK)
        abort();
    for (size_t at = 0; at < n;) {
        const uint8_t *line = bytes + at, *end = memchr(line, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - line) : n - at;

        analyze_line(a, (const char *)line, length);
        at += length + 1;
    }
    analyze_finish(a);
    analyze_close(a);
    fclose(out);
    check(text);
    free(text);
    return 0;
}
