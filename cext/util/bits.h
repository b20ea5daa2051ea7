/*
 * Bit reader and writer over an RBSP (no start codes, no emulation prevention), H.265 clause 7.2 and 9.2.
 */
#ifndef FFH_UTIL_BITS_H
#define FFH_UTIL_BITS_H

#include "util/common.h"

/*
 * Reads from memory that the caller keeps alive. Reading past the end gives zeros and sets the sticky
 * `error`, so a parser checks once, at its end.
 */
typedef struct ffh_bitreader {
    const uint8_t *data;
    size_t size_bits;
    size_t pos;
    int error;
} ffh_bitreader;

void ffh_bitreader_init(ffh_bitreader *r, const uint8_t *data, size_t size);

uint32_t ffh_get_u(ffh_bitreader *r, unsigned bits); /* u(n), n <= 32 */
uint32_t ffh_get_ue(ffh_bitreader *r);               /* ue(v) */
int32_t ffh_get_se(ffh_bitreader *r);                /* se(v) */
void ffh_skip_bits(ffh_bitreader *r, size_t bits);

/* Reads a value and sets the sticky error where it lies outside low..high (then returns low). */
uint32_t ffh_get_u_range(ffh_bitreader *r, unsigned bits, uint32_t low, uint32_t high);
uint32_t ffh_get_ue_range(ffh_bitreader *r, uint32_t low, uint32_t high);
int32_t ffh_get_se_range(ffh_bitreader *r, int32_t low, int32_t high);

/* Position of rbsp_stop_one_bit, in bits, or where the reader stands if it is past it. */
size_t ffh_rbsp_end(const ffh_bitreader *r);

/* Whether more_rbsp_data() of clause 7.2 holds. */
int ffh_more_rbsp_data(const ffh_bitreader *r);

/* Appends to `out`, which it does not own; errors are those of the buffer. */
typedef struct ffh_bitwriter {
    ffh_buf *out;
    uint64_t cache;
    unsigned cached_bits;
} ffh_bitwriter;

void ffh_bitwriter_init(ffh_bitwriter *w, ffh_buf *out);

unsigned ffh_ue_bits(uint32_t value);   /* that ue(v) takes */
unsigned ffh_ceil_log2(uint32_t value); /* Ceil( Log2( value ) ) */

/*
 * Writers name the syntax element as the specification does, so that a writer reads like its table.
 */
void ffh_put_u(ffh_bitwriter *w, const char *name, unsigned bits, uint32_t value);
void ffh_put_ue(ffh_bitwriter *w, const char *name, uint32_t value);
void ffh_put_se(ffh_bitwriter *w, const char *name, int32_t value);

/* Copies what lies between the reader and position `end`, in bits. */
void ffh_copy_bits(ffh_bitwriter *w, ffh_bitreader *r, size_t end);

/* rbsp_trailing_bits() and byte_alignment(): a one, then zeros up to the next byte. */
void ffh_put_trailing_bits(ffh_bitwriter *w);

#endif
