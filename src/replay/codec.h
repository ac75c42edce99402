/* codec.h - private to src/replay: chunks as HDF5's deflate and Fletcher32 filters write them.
 *
 * A game is compressed when it is staged, while nobody waits; a commit then only strings the pieces
 * of many games together. That works because deflate streams can be concatenated: each piece ends on
 * a byte boundary (a sync flush) and refers to nothing before it, and Adler-32 sums combine. What
 * stands on disk is an ordinary zlib stream, read by any HDF5. */
#pragma once

#include <stdint.h>
#include <zlib.h>

#include "tengen/error.h"

/* Bytes that grow. fini frees. */
struct shard_buffer {
    unsigned char *bytes;
    size_t n, cap;
};
enum tg_status shard_buffer_reserve(struct shard_buffer *b, size_t more, struct tg_error *err);
enum tg_status shard_buffer_append(struct shard_buffer *b, const void *bytes, size_t n,
                                   struct tg_error *err);
void shard_buffer_fini(struct shard_buffer *b);

/* Part of a chunk: compressed bytes, and the checksum of the raw ones. */
struct shard_piece {
    uint32_t n_bytes, adler;
};

enum { SHARD_ZERO_RUNS = 4 + 15 };

/* A compressor that is used again and again; level 0 copies. Starting a piece clears tables, which
 * takes longer than a short piece itself: those go through a stream with small tables. */
struct shard_codec {
    z_stream large, small;
    z_stream back; /* decompresses pieces */
    int level;
    struct shard_buffer zeros; /* runs of zeros, compressed once: of four lengths, the last 16, and of all below 16 */
    struct shard_piece zero_pieces[SHARD_ZERO_RUNS];
};
enum tg_status shard_codec_init(struct shard_codec *c, int level, struct tg_error *err);
void shard_codec_fini(struct shard_codec *c);

/* Compress raw bytes, appended to out. */
enum tg_status shard_piece_pack(struct shard_codec *c, const void *raw, size_t n,
                                struct shard_buffer *out, struct shard_piece *piece,
                                struct tg_error *err);

/* The same without compressing, in a fraction of the time: deflate's stored blocks. */
enum tg_status shard_piece_store(struct shard_codec *c, const void *raw, size_t n,
                                 struct shard_buffer *out, struct shard_piece *piece,
                                 struct tg_error *err);

/* How many bytes that makes of n. */
size_t shard_piece_stored(const struct shard_codec *c, size_t n);

/* The raw bytes [n] of a piece that shard_piece_pack made. */
enum tg_status shard_piece_unpack(struct shard_codec *c, const struct shard_piece *piece,
                                  const void *packed, void *raw, size_t n, struct tg_error *err);

/* The size on disk of a chunk of chunk_bytes, of which pieces of n_packed bytes in all make n_raw. */
size_t shard_chunk_measure(const struct shard_codec *c, size_t n_packed, size_t n_raw, size_t chunk_bytes);

/* A chunk under construction at the end of out: begin, add pieces, end. */
struct shard_chunk {
    struct shard_codec *codec;
    struct shard_buffer *out;
    size_t start;    /* in out */
    size_t n_raw;    /* bytes so far */
    uint32_t adler;
};
enum tg_status shard_chunk_begin(struct shard_chunk *k, struct shard_codec *c,
                                 struct shard_buffer *out, struct tg_error *err);
enum tg_status shard_chunk_add(struct shard_chunk *k, const struct shard_piece *piece,
                               const void *packed, size_t n_raw, struct tg_error *err);
/* The same for bytes that are still to be compressed. */
enum tg_status shard_chunk_add_raw(struct shard_chunk *k, const void *raw, size_t n,
                                   struct tg_error *err);
/* Fill up with zeros to chunk_bytes and close; *n_bytes: size of the chunk on disk. */
enum tg_status shard_chunk_end(struct shard_chunk *k, size_t chunk_bytes, uint32_t *n_bytes,
                               struct tg_error *err);

/* The raw bytes [n_raw] of a chunk as it stands on disk. Returns what is wrong with it, or NULL. */
const char *shard_chunk_unpack(const unsigned char *packed, size_t n, int deflate, int checksum,
                               unsigned char *raw, size_t n_raw);

uint32_t shard_fletcher32(const unsigned char *bytes, size_t n);
