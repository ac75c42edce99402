/* analyze_cache.c - evaluations by the hash of what the network was shown: neighbouring turns of a
 * game, and the same position asked for again, need not be evaluated twice.
 *
 * A table of pointers, one entry a slot, the newest stays. Keys are 64 bits of XXH3 over the whole
 * input, so a wrong hit is as likely as a memory error. */
#include <stdlib.h>
#include <string.h>

#include "analyze_private.h"

enum { LOCKS = 64, USUAL_BYTES = 3072 }; /* an evaluation of 19x19 takes about that */

struct entry {
    uint64_t key;
    size_t n;
    float floats[];
};

struct cache {
    size_t n_slots;             /* a power of two */
    struct entry **slots;       /* owned */
    pthread_mutex_t locks[LOCKS]; /* of the slots with that rest */
};

struct cache *cache_open(size_t bytes)
{
    struct cache *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    for (c->n_slots = 1; 2 * c->n_slots * USUAL_BYTES <= bytes;)
        c->n_slots *= 2;
    c->slots = calloc(c->n_slots, sizeof *c->slots);
    if (c->slots == NULL) {
        free(c);
        return NULL;
    }
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_init(&c->locks[i], NULL);
    return c;
}

void cache_clear(struct cache *c)
{
    for (size_t i = 0; i < c->n_slots; i++) {
        pthread_mutex_lock(&c->locks[i % LOCKS]);
        free(c->slots[i]);
        c->slots[i] = NULL;
        pthread_mutex_unlock(&c->locks[i % LOCKS]);
    }
}

void cache_close(struct cache *c)
{
    if (c == NULL)
        return;
    cache_clear(c);
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&c->locks[i]);
    free(c->slots);
    free(c);
}

bool cache_find(struct cache *c, uint64_t key, float *floats, size_t n)
{
    size_t slot = key & (c->n_slots - 1);
    pthread_mutex_t *lock = &c->locks[slot % LOCKS];

    pthread_mutex_lock(lock);
    const struct entry *e = c->slots[slot];
    bool found = e != NULL && e->key == key && e->n == n;

    if (found)
        memcpy(floats, e->floats, n * sizeof *floats);
    pthread_mutex_unlock(lock);
    return found;
}

void cache_keep(struct cache *c, uint64_t key, const float *floats, size_t n)
{
    size_t slot = key & (c->n_slots - 1);
    pthread_mutex_t *lock = &c->locks[slot % LOCKS];
    struct entry *e = malloc(sizeof *e + n * sizeof *floats), *old;

    if (e == NULL)
        return; /* it is then evaluated again */
    e->key = key;
    e->n = n;
    memcpy(e->floats, floats, n * sizeof *floats);
    pthread_mutex_lock(lock);
    old = c->slots[slot];
    c->slots[slot] = e;
    pthread_mutex_unlock(lock);
    free(old);
}
