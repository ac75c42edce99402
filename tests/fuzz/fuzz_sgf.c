/* SGF of any content: it is refused with a reason, or its games are sound; and what is sound can be
 * written and reads back alike. The first byte picks game and board. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tengen/report.h"

static void check(const struct game *g, const struct sgf_game *x)
{
    if (game_setup_check(g, &x->setup, NULL) != TG_OK || x->winner > GAME_UNDECIDED || x->to_move > GAME_WHITE)
        abort();
    for (int i = 0; i < x->n_moves; i++) {
        int a = x->moves[i];

        if (a < 0 || a >= g->n_actions || x->colors[i] > GAME_WHITE
            || (a < g->n_points && (a % g->size >= x->setup.width || a / g->size >= x->setup.height)))
            abort();
    }
    for (int i = 0; i < g->n_points; i++)
        if (x->stones[i] > GAME_WHITE_STONE)
            abort();
}

/* Write the game's moves as if the colours alternated, and read them again. */
static void rewrite(const struct game *g, const struct sgf_game *x)
{
    struct record_finished f = {
        .game = {.setup = x->setup, .winner = x->winner, .n_moves = x->n_moves,
                 .score = isnan(x->score) ? 0 : x->score},
        .moves = x->moves};
    struct sgf_game *again;
    char *text = NULL;
    size_t n;
    int n_again;
    FILE *out = open_memstream(&text, &n);

    if (out == NULL)
        return;
    if (sgf_write(out, g, &f, x->rules, "]\\:", NULL) != TG_OK)
        abort();
    fclose(out);
    if (sgf_read(text, n, "again", g, &again, &n_again, NULL) != TG_OK || n_again != 1
        || again->n_moves != x->n_moves || again->winner != x->winner
        || (x->n_moves > 0 && memcmp(again->moves, x->moves, (size_t)x->n_moves * sizeof *x->moves) != 0)
        || again->setup.width != x->setup.width || again->setup.go.komi2 != x->setup.go.komi2)
        abort();
    sgf_free(again, n_again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct { enum game_kind kind; int size; } choices[] = {
        {GAME_GO, 19}, {GAME_GO, 9}, {GAME_GOMOKU, 15}, {GAME_GOMOKU, 3}};
    struct tg_error err = {0};
    struct sgf_game *games;
    struct game g;
    int n_games;

    if (n < 1)
        return 0;
    if (game_init(&g, choices[bytes[0] % 4].kind, choices[bytes[0] % 4].size, 0, &err) != TG_OK)
        abort();
    if (sgf_read((const char *)bytes + 1, n - 1, "fuzz", &g, &games, &n_games, &err) != TG_OK) {
        if (err.text[0] == '\0' || games != NULL || n_games != 0)
            abort();
        return 0;
    }
    for (int i = 0; i < n_games; i++) {
        check(&g, &games[i]);
        rewrite(&g, &games[i]);
    }
    sgf_free(games, n_games);
    return 0;
}
