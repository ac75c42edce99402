/* sgf_write.c - a finished game as SGF, FF[4]. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sgf.h"

/* Text [.. a NUL], what SGF would read otherwise escaped. */
static void put_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == ']' || *text == '\\' || *text == ':')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void put_result(FILE *out, const struct game *g, const struct record_game *r)
{
    char side = r->winner == GAME_WON_BLACK ? 'B' : 'W';

    switch (r->winner) {
    case GAME_WON_BLACK:
    case GAME_WON_WHITE:
        if (r->resigned)
            fprintf(out, "RE[%c+R]", side);
        else if (g->has_score && r->score != 0)
            fprintf(out, "RE[%c+%g]", side, fabs((double)r->score));
        else
            fprintf(out, "RE[%c+]", side);
        break;
    case GAME_DRAWN: fputs("RE[0]", out); break;
    case GAME_NO_RESULT: fputs("RE[Void]", out); break;
    default: fputs("RE[?]", out); break;
    }
}

static void put_root(FILE *out, const struct game *g, const struct record_game *r,
                     const char *black, const char *white)
{
    const struct game_setup *s = &r->setup;
    char rules[SGF_RULES_MAX];

    fprintf(out, "(;FF[4]GM[%d]CA[UTF-8]AP[Tengen]", sgf_game_number(g));
    if (s->width == s->height)
        fprintf(out, "SZ[%d]", s->width);
    else
        fprintf(out, "SZ[%d:%d]", s->width, s->height);
    if (g->kind == GAME_GO)
        fprintf(out, "KM[%g]", s->go.komi2 / 2.0);
    if (s->handicap > 1)
        fprintf(out, "HA[%d]", s->handicap);
    sgf_rules_text(g, s, rules);
    fprintf(out, "RU[%s]PB[", rules);
    put_text(out, black);
    fputs("]PW[", out);
    put_text(out, white);
    fprintf(out, "]GN[game %lld]", (long long)r->id);
    put_result(out, g, r);
    fputc('\n', out);
}

static void put_move(FILE *out, const struct game *g, const struct record_finished *f, int i)
{
    int action = f->moves[i], x = action % g->size, y = action / g->size;

    fprintf(out, ";%c[", i % 2 == 0 ? 'B' : 'W');
    if (action < g->n_points)
        fprintf(out, "%c%c", 'a' + x, 'a' + y);
    fputc(']', out);
    if (i < f->game.n_opening)
        fputs("C[random opening move]", out);
    else if (f->root_values != NULL && isfinite(f->root_values[i])) {
        fprintf(out, "C[Black %.1f %%", 50 * (1 + (double)f->root_values[i]));
        if (f->root_visits != NULL && f->root_visits[i] > 0)
            fprintf(out, ", %d visits", f->root_visits[i]);
        fputc(']', out);
    }
    if (i % 8 == 7)
        fputc('\n', out);
}

enum tg_status sgf_write(FILE *out, const struct game *g, const struct record_finished *f,
                         const char *black, const char *white, struct tg_error *err)
{
    for (int i = 0; i < f->game.n_moves; i++)
        if (f->moves[i] < 0 || f->moves[i] >= g->n_actions)
            return FAIL(err, TG_EINVAL, "game %lld: move %d is no action: %d", (long long)f->game.id,
                        i + 1, f->moves[i]);
    put_root(out, g, &f->game, black, white);
    for (int i = 0; i < f->game.n_moves; i++)
        put_move(out, g, f, i);
    fputs(")\n", out);
    if (ferror(out))
        return FAIL(err, TG_EIO, "writing game %lld: %s", (long long)f->game.id, strerror(errno));
    return TG_OK;
}
