/* match.c - the games of a match, shared out over the ranks by pairs, and what they add up to.
 *
 * Game k belongs to pair k / 2; a is Black in even games and White in odd ones; both games of a pair
 * have the same board, rules and opening. Pair p is played on rank p % size. So colours balance and
 * the games are the same for any number of ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "match_private.h"
#include "tengen/hash.h"

enum { ROUND_PAIRS = 10 }; /* pairs of a round when SPRT may end the match */

/* What the games of this rank add up to; all counts, so that sums over ranks are exact. */
enum count {
    GAMES, WINS, DRAWS, LOSSES, GAMES_BLACK, WINS_BLACK, PLIES,
    SEARCHED_A, SEARCHED_B, BLUNDERS_A, BLUNDERS_B, COUNTS
};

struct tally {
    int64_t count[COUNTS];
    uint64_t *hashes; /* owned: of the move sequences of this rank's games */
    size_t n_hashes, cap_hashes;
};

struct match {
    struct comm *comm;
    const struct selfplay_setups *setups;
    struct selfplay_player player[2]; /* a, b */
    struct match_options o;
    int next_pair;  /* pairs before it were pushed, on some rank */
    int n_waiting;  /* games of this rank that were pushed and not added yet */
    struct tally tally;
};

/* Ids far from those of self-play, and different for each match of a run. */
static int64_t first_id(const struct match_options *o) { return (o->match_id + 1) << 32; }

static bool a_is_white(int64_t id) { return id & 1; }

static struct selfplay_job make_job(const struct match *m, const struct game *game, int k)
{
    int64_t id = first_id(&m->o) + k;
    bool swapped = a_is_white(id);
    struct selfplay_job job = {
        .id = id,
        .seed = m->o.seed,
        .opening_key = (uint64_t)(first_id(&m->o) + k / 2),
        .player = {m->player[swapped], m->player[!swapped]},
        .settings = {&m->o.settings, &m->o.settings},
    };

    selfplay_setup_draw(game, m->setups, m->o.seed, first_id(&m->o) + k / 2, &job.setup);
    return job;
}

/* values [n]: Black's win - loss at each ply, NaN where nobody searched; moves alternate from Black. */
void match_count_blunders(const float *values, int n, enum game_winner winner, double threshold,
                          int64_t searched[2], int64_t blunders[2])
{
    double end = winner == GAME_WON_BLACK ? 1.0 : winner == GAME_WON_WHITE ? -1.0 : 0.0;
    double after[2] = {end, -end}; /* what each side's value falls to */

    for (int ply = n - 1; ply >= 0; ply--) {
        int side = ply & 1;
        double value = side == GAME_BLACK ? (double)values[ply] : -(double)values[ply];

        if (isnan(value))
            continue;
        searched[side]++;
        blunders[side] += value - after[side] > threshold;
        after[side] = value;
    }
}

static enum tg_status count_game(struct match *m, const struct record_finished *f,
                                 const struct selfplay_job *job, struct tg_error *err)
{
    struct tally *t = &m->tally;
    bool swapped = a_is_white(job->id);
    float threshold = m->o.gate.blunder_threshold;
    uint8_t won_by_a = swapped ? GAME_WON_WHITE : GAME_WON_BLACK;
    uint8_t won_by_b = swapped ? GAME_WON_BLACK : GAME_WON_WHITE;
    int64_t *c = t->count;

    c[GAMES]++;
    c[WINS] += f->game.winner == won_by_a;
    c[LOSSES] += f->game.winner == won_by_b;
    c[DRAWS] += f->game.winner != won_by_a && f->game.winner != won_by_b;
    c[GAMES_BLACK] += !swapped;
    c[WINS_BLACK] += !swapped && f->game.winner == won_by_a;
    c[PLIES] += f->game.n_moves;
    int64_t searched[2] = {0}, blunders[2] = {0};
    match_count_blunders(f->root_values, f->game.n_moves, f->game.winner,
                         threshold > 0 ? (double)threshold : 0.5, searched, blunders);
    for (int side = 0; side < 2; side++) {
        c[SEARCHED_A + (side ^ (int)swapped)] += searched[side];
        c[BLUNDERS_A + (side ^ (int)swapped)] += blunders[side];
    }
    if (t->n_hashes == t->cap_hashes) {
        size_t cap = t->cap_hashes == 0 ? 64 : 2 * t->cap_hashes;
        uint64_t *more = realloc(t->hashes, cap * sizeof *more);

        if (more == NULL)
            return FAIL(err, TG_ENOMEM, "match of %zu games", cap);
        t->hashes = more;
        t->cap_hashes = cap;
    }
    t->hashes[t->n_hashes++] = tg_hash(f->moves, (size_t)f->game.n_moves * sizeof *f->moves,
                                       (uint64_t)job->setup.width << 8 | job->setup.height);
    return TG_OK;
}

static int by_number(const void *va, const void *vb)
{
    uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

    return a < b ? -1 : a > b;
}

/* Different move sequences over all ranks. Collective. */
static enum tg_status count_distinct(const struct match *m, int *n_distinct, struct tg_error *err)
{
    size_t *starts = malloc(((size_t)comm_size(m->comm) + 1) * sizeof *starts);
    void *all = NULL;
    enum tg_status rc = TG_OK;

    *n_distinct = 0;
    if (starts == NULL)
        rc = FAIL(err, TG_ENOMEM, "match: %d ranks", comm_size(m->comm));
    TRY_OUT(comm_agree(m->comm, rc, err));
    TRY_OUT(comm_allgatherv(m->comm, m->tally.hashes, m->tally.n_hashes * sizeof(uint64_t), &all,
                            starts, err));
    size_t n = starts[comm_size(m->comm)] / sizeof(uint64_t);
    uint64_t *hashes = all;
    if (n > 0)
        qsort(hashes, n, sizeof *hashes, by_number);
    for (size_t i = 0; i < n; i++)
        *n_distinct += i == 0 || hashes[i] != hashes[i - 1];
out:
    free(all);
    free(starts);
    return rc;
}

static double share(int64_t part, int64_t whole) { return whole > 0 ? (double)part / (double)whole : 0.0; }

static void fill_result(const int64_t *c, struct match_result *r)
{
    r->games = (int)c[GAMES];
    r->wins = (int)c[WINS];
    r->losses = (int)c[LOSSES];
    r->draws = (int)c[DRAWS];
    r->games_black = (int)c[GAMES_BLACK];
    r->wins_black = (int)c[WINS_BLACK];
    r->score = share(2 * c[WINS] + c[DRAWS], 2 * c[GAMES]);
    r->plies = share(c[PLIES], c[GAMES]);
    for (int i = 0; i < 2; i++)
        r->blunder_rate[i] = share(c[BLUNDERS_A + i], c[SEARCHED_A + i]);
    match_elo(r->score, r->games, r->draws, &r->elo, &r->elo_stderr);
}

/* ---- a match whose games are played beside others ------------------------------------------------ */

enum tg_status match_open(struct comm *comm, const struct selfplay_setups *setups,
                          const struct selfplay_player *a, const struct selfplay_player *b,
                          const struct match_options *o, struct match **match, struct tg_error *err)
{
    struct match *m = NULL;

    *match = NULL;
    if (o->games < 2 || o->games % 2 != 0) /* the same on all ranks */
        return FAIL(err, TG_EINVAL, "match of %d games: an even number, so that colours balance",
                    o->games);
    m = calloc(1, sizeof *m);
    TRY(comm_agree(comm, m == NULL ? FAIL(err, TG_ENOMEM, "match") : TG_OK, err));
    m->comm = comm;
    m->setups = setups;
    m->player[0] = *a;
    m->player[1] = *b;
    m->o = *o;
    *match = m;
    return TG_OK;
}

void match_close(struct match *m)
{
    if (m != NULL)
        free(m->tally.hashes);
    free(m);
}

bool match_owns(const struct match *m, int64_t game_id)
{
    return game_id >= first_id(&m->o) && game_id < first_id(&m->o) + m->o.games;
}

int match_waiting(const struct match *m) { return m->n_waiting; }

static int round_end(const struct match *m)
{
    int n_pairs = m->o.games / 2, end = m->next_pair + ROUND_PAIRS;

    return m->o.gate.sprt && end < n_pairs ? end : n_pairs;
}

enum tg_status match_push(struct match *m, const struct game *game, struct selfplay_pool *pool,
                          struct tg_error *err)
{
    int end = round_end(m);

    for (int k = 2 * m->next_pair; k < 2 * end; k++)
        if (k / 2 % comm_size(m->comm) == comm_rank(m->comm)) {
            struct selfplay_job job = make_job(m, game, k);

            TRY(selfplay_push(pool, &job, 1, err));
            m->n_waiting++;
        }
    m->next_pair = end;
    return TG_OK;
}

enum tg_status match_add(struct match *m, const struct record_finished *f,
                         const struct selfplay_job *job, struct tg_error *err)
{
    m->n_waiting--;
    return count_game(m, f, job, err);
}

enum tg_status match_tell(struct match *m, struct match_result *r, bool *more, struct tg_error *err)
{
    int64_t sum[COUNTS];
    double llr, lower, upper;

    memcpy(sum, m->tally.count, sizeof sum);
    comm_sum_i64(m->comm, sum, COUNTS);
    *r = (struct match_result){0};
    fill_result(sum, r);
    *more = m->next_pair < m->o.games / 2 &&
            match_sprt(&m->o.gate, r->wins, r->draws, r->losses, &llr, &lower, &upper) == MATCH_CONTINUE;
    return *more ? TG_OK : count_distinct(m, &r->distinct_games, err);
}

/* ---- a match that has the pool for itself --------------------------------------------------------- */

struct keeper {
    void (*keep)(void *ctx, const struct record_finished *game, const struct selfplay_job *job);
    void *ctx;
};

/* Take finished games until none of this rank's is waited for. */
static enum tg_status take_games(struct match *m, struct selfplay_pool *pool, const struct keeper *k,
                                 struct tg_error *err)
{
    while (m->n_waiting > 0) {
        struct record_finished f;
        struct selfplay_job job;
        bool got, idle;

        TRY(selfplay_take(pool, 0.2, &f, &job, &got, &idle, err));
        if (!got && idle)
            return FAIL(err, TG_EINVAL, "match: %d games never finished", m->n_waiting);
        if (!got)
            continue;
        enum tg_status rc = match_add(m, &f, &job, err);
        if (rc == TG_OK && k->keep != NULL)
            k->keep(k->ctx, &f, &job);
        record_finished_free(&f);
        if (rc != TG_OK)
            return rc;
    }
    return TG_OK;
}

/* An engine plays one game at a time. */
static enum tg_status play_singly(struct match *m, const struct game *game, struct selfplay_pool *pool,
                                  const struct keeper *k, struct tg_error *err)
{
    int end = round_end(m);

    for (int i = 2 * m->next_pair; i < 2 * end; i++) {
        struct selfplay_job job = make_job(m, game, i);

        if (i / 2 % comm_size(m->comm) != comm_rank(m->comm))
            continue;
        TRY(selfplay_push(pool, &job, 1, err));
        m->n_waiting = 1;
        TRY(take_games(m, pool, k, err));
    }
    m->next_pair = end;
    return TG_OK;
}

static enum tg_status play_round(struct match *m, const struct game *game, struct selfplay_pool *pool,
                                 const struct keeper *k, struct tg_error *err)
{
    if (m->player[0].kind == RECORD_ENGINE || m->player[1].kind == RECORD_ENGINE)
        return play_singly(m, game, pool, k, err);
    TRY(match_push(m, game, pool, err));
    return take_games(m, pool, k, err);
}

enum tg_status match_play(struct comm *comm, struct selfplay_pool *pool, const struct game *game,
                          const struct selfplay_setups *setups, const struct selfplay_player *a,
                          const struct selfplay_player *b, const struct match_options *o,
                          void (*keep)(void *ctx, const struct record_finished *game,
                                       const struct selfplay_job *job),
                          void *ctx, struct match_result *result, struct tg_error *err)
{
    struct keeper k = {keep, ctx};
    struct match *m;
    enum tg_status rc;

    *result = (struct match_result){0};
    TRY(match_open(comm, setups, a, b, o, &m, err));
    for (bool more = true; more;) {
        TRY_OUT(comm_agree(comm, play_round(m, game, pool, &k, err), err));
        TRY_OUT(match_tell(m, result, &more, err));
    }
out:
    match_close(m);
    return rc;
}
