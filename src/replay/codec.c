/* codec.c - deflate pieces, strung together to chunks; Fletcher-32. */
#include "codec.h"

#include <stdlib.h>
#include <string.h>

enum { FLETCHER_MOD = 65535, WINDOW_BITS = 15, MEM_LEVEL = 8, SMALL_MEM_LEVEL = 4, SMALL_BYTES = 4096 };
enum { STORED_BYTES = 65535, STORED_HEADER = 5 }; /* of a stored block, and before them */
enum { ZLIB_HEADER = 2, ZLIB_END = 6, CHECKSUM = 4 }; /* bytes of a chunk around its pieces */

enum tg_status shard_buffer_reserve(struct shard_buffer *b, size_t more, struct tg_error *err)
{
    if (more <= b->cap - b->n)
        return TG_OK;

    size_t cap = b->n + more > 2 * b->cap ? b->n + more : 2 * b->cap;
    unsigned char *grown = realloc(b->bytes, cap);
    if (grown == NULL)
        return FAIL(err, TG_ENOMEM, "buffer of %zu bytes", cap);
    b->bytes = grown;
    b->cap = cap;
    return TG_OK;
}

enum tg_status shard_buffer_append(struct shard_buffer *b, const void *bytes, size_t n,
                                   struct tg_error *err)
{
    TRY(shard_buffer_reserve(b, n, err));
    if (n > 0)
        memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
    return TG_OK;
}

void shard_buffer_fini(struct shard_buffer *b)
{
    free(b->bytes);
    *b = (struct shard_buffer){.bytes = NULL};
}

/* 65536, 4096, 256, 16, 15, 14, .. 1: any number of zeros is a few of the first three and at most two of the rest. */
static size_t zero_run(int i) { return i < 4 ? (size_t)1 << (16 - 4 * i) : (size_t)(SHARD_ZERO_RUNS - i); }

static enum tg_status pack_zeros(struct shard_codec *c, struct tg_error *err)
{
    void *zeros = calloc(1, zero_run(0));
    enum tg_status rc = zeros == NULL ? FAIL(err, TG_ENOMEM, "a compressor's buffer") : TG_OK;

    for (int i = 0; i < SHARD_ZERO_RUNS && rc == TG_OK; i++)
        rc = shard_piece_pack(c, zeros, zero_run(i), &c->zeros, &c->zero_pieces[i], err);
    free(zeros);
    return rc;
}

/* Negative window bits: without zlib's header and trailer, which a chunk has once. */
static int begin(z_stream *z, int level, int mem_level)
{
    return deflateInit2(z, level, Z_DEFLATED, -WINDOW_BITS, mem_level, Z_DEFAULT_STRATEGY);
}

enum tg_status shard_codec_init(struct shard_codec *c, int level, struct tg_error *err)
{
    memset(c, 0, sizeof *c);
    c->level = level;
    if (level > 0
        && (begin(&c->large, level, MEM_LEVEL) != Z_OK
            || begin(&c->small, level, SMALL_MEM_LEVEL) != Z_OK
            || inflateInit2(&c->back, -WINDOW_BITS) != Z_OK))
        return FAIL(err, TG_ENOMEM, "a compressor of level %d", level);
    return pack_zeros(c, err);
}

void shard_codec_fini(struct shard_codec *c)
{
    if (c->level > 0) {
        deflateEnd(&c->large); /* refuses a stream that was never begun */
        deflateEnd(&c->small);
        inflateEnd(&c->back);
    }
    c->level = 0;
    shard_buffer_fini(&c->zeros);
}

enum tg_status shard_piece_pack(struct shard_codec *c, const void *raw, size_t n,
                                struct shard_buffer *out, struct shard_piece *piece,
                                struct tg_error *err)
{
    z_stream *z = n > SMALL_BYTES ? &c->large : &c->small;

    *piece = (struct shard_piece){.n_bytes = 0, .adler = (uint32_t)adler32(0, NULL, 0)};
    if (n == 0)
        return TG_OK;
    if (n > UINT32_MAX / 2)
        return FAIL(err, TG_EINVAL, "a piece of %zu bytes", n);
    if (c->level == 0) {
        piece->n_bytes = (uint32_t)n;
        return shard_buffer_append(out, raw, n, err);
    }
    TRY(shard_buffer_reserve(out, deflateBound(z, n) + 16, err));
    deflateReset(z);
    z->next_in = (Bytef *)(uintptr_t)raw; /* zlib does not write there */
    z->avail_in = (uInt)n;
    z->next_out = out->bytes + out->n;
    z->avail_out = (uInt)(out->cap - out->n < UINT32_MAX ? out->cap - out->n : UINT32_MAX);
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in != 0 || z->avail_out == 0)
        return FAIL(err, TG_ENOMEM, "compressing %zu bytes", n);
    piece->n_bytes = (uint32_t)z->total_out;
    piece->adler = (uint32_t)adler32(piece->adler, raw, (uInt)n);
    out->n += piece->n_bytes;
    return TG_OK;
}

size_t shard_piece_stored(const struct shard_codec *c, size_t n)
{
    return c->level > 0 ? n + (n + STORED_BYTES - 1) / STORED_BYTES * STORED_HEADER : n;
}

enum tg_status shard_piece_store(struct shard_codec *c, const void *raw, size_t n,
                                 struct shard_buffer *out, struct shard_piece *piece,
                                 struct tg_error *err)
{
    const unsigned char *from = raw;
    size_t start = out->n;

    if (c->level == 0)
        return shard_piece_pack(c, raw, n, out, piece, err);
    piece->adler = (uint32_t)adler32(adler32(0, NULL, 0), raw, (uInt)n);
    for (size_t at = 0; at < n; at += STORED_BYTES) {
        size_t len = n - at < STORED_BYTES ? n - at : STORED_BYTES;
        unsigned char block[STORED_HEADER] = {0, (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)~len,
                                              (unsigned char)(~len >> 8)};

        TRY(shard_buffer_append(out, block, sizeof block, err)); /* not the last; length, and inverted */
        TRY(shard_buffer_append(out, from + at, len, err));
    }
    piece->n_bytes = (uint32_t)(out->n - start);
    return TG_OK;
}

enum tg_status shard_piece_unpack(struct shard_codec *c, const struct shard_piece *piece,
                                  const void *packed, void *raw, size_t n, struct tg_error *err)
{
    if (c->level == 0) {
        memcpy(raw, packed, n);
        return TG_OK;
    }
    inflateReset(&c->back);
    c->back.next_in = (Bytef *)(uintptr_t)packed;
    c->back.avail_in = piece->n_bytes;
    c->back.next_out = raw;
    c->back.avail_out = (uInt)n;
    if (n > 0 && (inflate(&c->back, Z_SYNC_FLUSH) != Z_OK || c->back.avail_out != 0))
        return FAIL(err, TG_EFORMAT, "a staged game is damaged in memory");
    return TG_OK;
}

enum tg_status shard_chunk_begin(struct shard_chunk *k, struct shard_codec *c,
                                 struct shard_buffer *out, struct tg_error *err)
{
    static const unsigned char zlib_header[ZLIB_HEADER] = {0x78, 0x01}; /* 32 KiB window, fast */

    *k = (struct shard_chunk){.codec = c, .out = out, .start = out->n,
                              .adler = (uint32_t)adler32(0, NULL, 0)};
    return c->level > 0 ? shard_buffer_append(out, zlib_header, sizeof zlib_header, err) : TG_OK;
}

enum tg_status shard_chunk_add(struct shard_chunk *k, const struct shard_piece *piece,
                               const void *packed, size_t n_raw, struct tg_error *err)
{
    TRY(shard_buffer_append(k->out, packed, piece->n_bytes, err));
    if (k->codec->level > 0)
        k->adler = (uint32_t)adler32_combine(k->adler, piece->adler, (z_off_t)n_raw);
    k->n_raw += n_raw;
    return TG_OK;
}

enum tg_status shard_chunk_add_raw(struct shard_chunk *k, const void *raw, size_t n,
                                   struct tg_error *err)
{
    struct shard_piece piece;

    TRY(shard_piece_pack(k->codec, raw, n, k->out, &piece, err));
    k->adler = (uint32_t)adler32_combine(k->adler, piece.adler, (z_off_t)n);
    k->n_raw += n;
    return TG_OK;
}

/* How often zero_pieces[i] stands in *n zeros, from which those are taken. */
static size_t take_zeros(int i, size_t *n)
{
    size_t times = *n / zero_run(i);

    *n -= times * zero_run(i);
    return times;
}

/* n zeros: compressed runs may be repeated, as pieces refer to nothing. */
static enum tg_status fill_up(struct shard_chunk *k, size_t n, struct tg_error *err)
{
    const struct shard_codec *c = k->codec;
    const unsigned char *packed = c->zeros.bytes;

    for (int i = 0; i < SHARD_ZERO_RUNS; packed += c->zero_pieces[i++].n_bytes)
        for (size_t times = take_zeros(i, &n); times > 0; times--)
            TRY(shard_chunk_add(k, &c->zero_pieces[i], packed, zero_run(i), err));
    return TG_OK;
}

size_t shard_chunk_measure(const struct shard_codec *c, size_t n_packed, size_t n_raw, size_t chunk_bytes)
{
    size_t n = c->level > 0 ? ZLIB_HEADER + n_packed + ZLIB_END : n_packed, zeros = chunk_bytes - n_raw;

    for (int i = 0; i < SHARD_ZERO_RUNS; i++)
        n += take_zeros(i, &zeros) * c->zero_pieces[i].n_bytes;
    return n + CHECKSUM;
}

enum tg_status shard_chunk_end(struct shard_chunk *k, size_t chunk_bytes, uint32_t *n_bytes,
                               struct tg_error *err)
{
    TRY(fill_up(k, chunk_bytes - k->n_raw, err));
    if (k->codec->level > 0) { /* an empty last block, and the checksum, highest byte first */
        unsigned char end[ZLIB_END] = {0x03, 0x00, (unsigned char)(k->adler >> 24), (unsigned char)(k->adler >> 16),
                                       (unsigned char)(k->adler >> 8), (unsigned char)k->adler};

        TRY(shard_buffer_append(k->out, end, sizeof end, err));
    }

    uint32_t sum = shard_fletcher32(k->out->bytes + k->start, k->out->n - k->start);
    unsigned char check[CHECKSUM] = {(unsigned char)sum, (unsigned char)(sum >> 8), (unsigned char)(sum >> 16),
                                     (unsigned char)(sum >> 24)};
    TRY(shard_buffer_append(k->out, check, sizeof check, err));
    *n_bytes = (uint32_t)(k->out->n - k->start);
    return TG_OK;
}

/* Sums of 16-bit big-endian words modulo 65535, where 65535 itself, not 0, stands for a sum that is
 * a multiple of it: only all zeros give 0. */
static uint32_t fold(uint64_t sum) { return sum == 0 ? 0 : (uint32_t)((sum - 1) % FLETCHER_MOD + 1); }

/* The words are summed little-endian, in blocks that a compiler turns into vectors: swapping the
 * bytes of a word multiplies it by 256 modulo 65535, and so it does the sums. */
uint32_t shard_fletcher32(const unsigned char *bytes, size_t n)
{
    enum { BLOCK = 128 }; /* words: both sums of a block stay below 2^30 */
    uint64_t sum1 = 0, sum2 = 0;
    size_t words = n / 2;

    for (; words >= BLOCK; words -= BLOCK, bytes += 2 * BLOCK) {
        uint32_t block1 = 0, block2 = 0;

        for (uint32_t i = 0; i < BLOCK; i++) {
            uint16_t word;

            memcpy(&word, bytes + 2 * i, sizeof word);
            block1 += word;
            block2 += (BLOCK - i) * word;
        }
        sum2 = fold(sum2 + BLOCK * sum1 + block2);
        sum1 = fold(sum1 + block1);
    }
    for (; words > 0; words--, bytes += 2) {
        sum1 += (uint64_t)bytes[1] << 8 | bytes[0];
        sum2 += sum1;
    }
    if (n % 2 != 0) {
        sum1 += bytes[0];
        sum2 += sum1;
    }
    return fold(256 * sum2) << 16 | fold(256 * sum1);
}

static const char *inflate_exactly(const unsigned char *packed, size_t n, unsigned char *raw,
                                   size_t n_raw)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)n, .next_out = raw,
                  .avail_out = (uInt)n_raw};

    if (inflateInit(&z) != Z_OK)
        return "no memory to decompress it";
    int end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (end != Z_STREAM_END)
        return "its compressed data are damaged";
    return z.avail_out == 0 ? NULL : "it decompresses to too few bytes";
}

const char *shard_chunk_unpack(const unsigned char *packed, size_t n, int deflate, int checksum,
                               unsigned char *raw, size_t n_raw)
{
    if (checksum) {
        if (n < 4)
            return "it is too short for its checksum";
        n -= 4;
        const unsigned char *c = packed + n;
        uint32_t stored = (uint32_t)c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16
                        | (uint32_t)c[3] << 24;
        if (stored != shard_fletcher32(packed, n))
            return "its checksum does not match";
    }
    if (deflate)
        return inflate_exactly(packed, n, raw, n_raw);
    if (n != n_raw)
        return "it has the wrong size";
    memcpy(raw, packed, n);
    return NULL;
}
