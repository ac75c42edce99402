/* rng.h - counter-based random streams: Philox4x32-10 (Salmon et al., "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011).
 *
 * A stream is named by (run seed, purpose, two numbers such as game id and ply), so what it yields
 * depends on no rank, thread or order of calls. It is plain data: copying it saves it. */
#pragma once

#include <stdint.h>

enum tg_rng_purpose {
    TG_RNG_INIT = 1,  /* network initialisation: (tensor, 0) */
    TG_RNG_GAME,      /* per-game set-up: (game id, kind) */
    TG_RNG_MOVE,      /* move choice, noise: (game id, ply) */
    TG_RNG_SYMMETRY,  /* symmetry of an evaluation: (position hash, game id) */
    TG_RNG_DRAW,      /* replay draws: (step, slot) */
    TG_RNG_MATCH,     /* match openings: (match, pair) */
    TG_RNG_BOT,       /* the uniform-random player: (game id, ply) */
    TG_RNG_TEST
};

struct tg_rng {
    uint32_t key[2], counter[4];
    uint32_t out[4];
    uint32_t n_left; /* unused words of out */
};

struct tg_rng tg_rng_stream(uint64_t seed, enum tg_rng_purpose purpose, uint64_t a, uint64_t b);
uint32_t tg_rng_u32(struct tg_rng *r);
uint64_t tg_rng_u64(struct tg_rng *r);
uint32_t tg_rng_below(struct tg_rng *r, uint32_t n); /* uniform in [0, n), n > 0, unbiased */
double tg_rng_double(struct tg_rng *r);              /* uniform in [0, 1), 53 bits */
double tg_rng_normal(struct tg_rng *r);              /* mean 0, variance 1 */
double tg_rng_exponential(struct tg_rng *r);         /* mean 1 */
double tg_rng_gamma(struct tg_rng *r, double shape); /* scale 1, any shape > 0 */
double tg_rng_gumbel(struct tg_rng *r);              /* standard Gumbel */

/* One Philox4x32-10 block, as in Random123's known-answer vectors. */
void tg_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
