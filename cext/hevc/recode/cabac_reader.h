/*
 * CABAC decoding engine, H.265 clause 9.3.4.3. Contexts stay with the caller: reading a bin does not change them.
 */
#ifndef FFH_HEVC_RECODE_CABAC_READER_H
#define FFH_HEVC_RECODE_CABAC_READER_H

#include "hevc/cabac/cabac.h"

/* Reads from memory that the caller keeps alive; what lies past its end are zeros, and sets the sticky `error`. */
typedef struct ffh_cabac_reader {
    uint64_t value; /* ivlOffset, followed by `ahead` bits that are fetched and not yet used */
    uint32_t range;
    int ahead;
    const uint8_t *data;
    size_t size;
    size_t next; /* byte to be fetched */
    int error;
} ffh_cabac_reader;

/* Starts at byte `at` of an RBSP. */
void ffh_cabac_reader_start(ffh_cabac_reader *r, const uint8_t *data, size_t size, size_t at);

/* Decodes a terminating bin. */
unsigned ffh_cabac_get_terminate(ffh_cabac_reader *r);

/* After a terminating bin of 1: the byte that follows the one bit and the zeros that end the substream. */
size_t ffh_cabac_reader_end(const ffh_cabac_reader *r);

/* Makes at least 32 bits ready. */
void ffh_cabac_fetch(ffh_cabac_reader *r);

static inline unsigned ffh_cabac_get(ffh_cabac_reader *r, ffh_cabac_ctx state)
{
    if (r->ahead < 16)
        ffh_cabac_fetch(r);
    uint32_t lps = ffh_cabac_range_lps[state >> 1][(r->range >> 6) & 3];
    uint32_t mps = r->range - lps;
    uint64_t boundary = (uint64_t)mps << r->ahead;
    unsigned is_lps = r->value >= boundary;

    r->value -= is_lps ? boundary : 0;
    r->range = is_lps ? lps : mps;
    int shift = __builtin_clz(r->range) - 23;
    r->range <<= shift;
    r->ahead -= shift;
    return (state & 1) ^ is_lps;
}

/* `count` bins in bypass mode, the first one the most significant; count <= 16. */
static inline uint32_t ffh_cabac_get_bypass(ffh_cabac_reader *r, int count)
{
    uint32_t bins = 0;

    if (r->ahead < 16)
        ffh_cabac_fetch(r);
    while (count--) {
        uint64_t boundary = (uint64_t)r->range << --r->ahead;
        unsigned bin = r->value >= boundary;
        r->value -= bin ? boundary : 0;
        bins = bins << 1 | bin;
    }
    return bins;
}

#endif
