/*
 * Range coder with 16-bit probabilities: the one entropy coder of the network decoder.
 *
 * A carry-propagating byte coder in the manner of Martin's (1979); trailing zero bytes of a stream are left out, and
 * a decoder reads zeros behind the end, so that damaged bytes give wrong symbols but never a read outside the data.
 */
#ifndef FFH_UTIL_RANGE_H
#define FFH_UTIL_RANGE_H

#include "util/common.h"

enum { FFH_RANGE_BITS = 16, FFH_RANGE_TOTAL = 1 << FFH_RANGE_BITS };

/* Probability of a zero, in 1/65536, adapted by use. */
typedef uint16_t ffh_range_bit;
enum { FFH_RANGE_EVEN = FFH_RANGE_TOTAL / 2 };

/*
 * Encodes into `out` (borrowed), or decodes from `data` (borrowed) where `out` is NULL. One value serves both, so that
 * a syntax is written once: every function takes what to encode and returns what was encoded or decoded.
 */
typedef struct ffh_range {
    uint64_t low;
    uint32_t range;
    uint32_t code;
    uint64_t held; /* bytes that a carry could still change, `cache` first */
    uint8_t cache;
    ffh_buf *out;
    size_t start; /* where in `out` the stream begins */
    const uint8_t *data;
    size_t size;
    size_t pos;
} ffh_range;

void ffh_range_start_encoder(ffh_range *r, ffh_buf *out);
void ffh_range_start_decoder(ffh_range *r, const uint8_t *data, size_t size);

/* Ends an encoded stream in as few bytes as the interval allows. */
void ffh_range_finish(ffh_range *r);

/* The interval [from, from + width) of FFH_RANGE_TOTAL. */
void ffh_range_encode(ffh_range *r, uint32_t from, uint32_t width);

/* Where in FFH_RANGE_TOTAL the next symbol lies; to be followed by ffh_range_consume with its interval. */
uint32_t ffh_range_peek(const ffh_range *r);
void ffh_range_consume(ffh_range *r, uint32_t from, uint32_t width);

unsigned ffh_range_code_bit(ffh_range *r, ffh_range_bit *model, unsigned bit);

/* `count` equiprobable bits, at most 16. */
uint32_t ffh_range_code_bits(ffh_range *r, uint32_t bits, int count);

/* Exponential Golomb code of order 0 with adaptive prefix bits; values up to 2^models - 2. */
uint32_t ffh_range_code_golomb(ffh_range *r, ffh_range_bit *models, int count, uint32_t value);

#endif
