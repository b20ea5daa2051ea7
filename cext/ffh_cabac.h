/*
 * CABAC encoding engine, H.265 clause 9.3.4 (tables of 9.3.4.3) and its inverse view in 9.3.2.5.
 *
 * `low` holds 10 + `pending` bits of the code word that are not written yet; a carry out of them is
 * propagated into the bytes already written, so there is no outstanding-bit counter.
 */
#ifndef FFH_CABAC_H
#define FFH_CABAC_H

#include "ffh_common.h"

/* pStateIdx * 2 + valMps */
typedef uint8_t ffh_cabac_ctx;

typedef struct ffh_cabac {
    uint64_t low;
    uint32_t range;
    int pending;
    uint8_t *start; /* first byte of this substream, for the carry */
    uint8_t *next;
} ffh_cabac;

extern const uint8_t ffh_cabac_range_lps[64][4];
extern const uint8_t ffh_cabac_next_lps[128];

/* Context initialisation of clause 9.3.2.2. */
ffh_cabac_ctx ffh_cabac_init_ctx(uint8_t init_value, int slice_qp);

/* Starts a substream at `to`; the caller guarantees room for whatever it encodes. */
void ffh_cabac_start(ffh_cabac *c, uint8_t *to);

/* Writes the complete bytes out of `low`. */
void ffh_cabac_flush_bytes(ffh_cabac *c);

/* Codes a terminating bin: end_of_slice_segment_flag or end_of_subset_one_bit. */
void ffh_cabac_put_terminate(ffh_cabac *c, unsigned bin);

/* After a terminating bin of 1: writes what is left, the one bit, and zeros up to a whole byte. */
void ffh_cabac_finish(ffh_cabac *c);

static inline void ffh_cabac_shift(ffh_cabac *c, int bits)
{
    c->low <<= bits;
    c->pending += bits;
    if (c->pending >= 32)
        ffh_cabac_flush_bytes(c);
}

static inline void ffh_cabac_put(ffh_cabac *c, ffh_cabac_ctx *ctx, unsigned bin)
{
    unsigned state = *ctx;
    uint32_t lps = ffh_cabac_range_lps[state >> 1][(c->range >> 6) & 3];

    c->range -= lps;
    if (bin != (state & 1)) {
        int shift = __builtin_clz(lps) - 23;
        c->low += c->range;
        c->range = lps << shift;
        *ctx = ffh_cabac_next_lps[state];
        ffh_cabac_shift(c, shift);
        return;
    }
    if (state < 124)
        *ctx = (ffh_cabac_ctx)(state + 2);
    if (c->range < 256) {
        c->range <<= 1;
        ffh_cabac_shift(c, 1);
    }
}

/* The `count` low bits of `bins` in bypass mode, most significant first; count <= 16. */
static inline void ffh_cabac_put_bypass(ffh_cabac *c, uint32_t bins, int count)
{
    c->low = (c->low << count) + (uint64_t)c->range * bins;
    c->pending += count;
    if (c->pending >= 32)
        ffh_cabac_flush_bytes(c);
}

#endif
