/*
 * CABAC encoding engine, H.265 clause 9.3.4 (tables of 9.3.4.3) and its inverse view in 9.3.2.5.
 *
 * `low` holds 10 + `pending` bits of the code word that are not written yet; a carry out of them is
 * propagated into the bytes already written, so there is no outstanding-bit counter.
 */
#ifndef FFH_HEVC_CABAC_CABAC_H
#define FFH_HEVC_CABAC_CABAC_H

#include "util/common.h"

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
extern const uint8_t ffh_cabac_next_state[2][128]; /* after the more, and after the less probable symbol */

/* Context initialisation of clause 9.3.2.2. */
ffh_cabac_ctx ffh_cabac_init_ctx(uint8_t init_value, int slice_qp);

/* Starts a substream at `to`; the caller guarantees room for whatever it encodes. */
void ffh_cabac_start(ffh_cabac *c, uint8_t *to);

/* Makes room for `extra` more bytes in the buffer that holds the substream, and sets its size to what is written.
 * Returns 0 or FFH_ENOMEM. */
int ffh_cabac_reserve(ffh_cabac *c, ffh_buf *to, size_t extra);

/* Room for all that a block of CTU size can take: 16 context bins of under 6 bits and a code word of 32 bins in each of
 * 1.5 samples a luma sample. */
#define FFH_CABAC_CTU_BYTES(log2_ctb) (((size_t)20 << 2 * (log2_ctb)) + 64)

/* Adds one to the bytes written before `next`. */
void ffh_cabac_carry(const uint8_t *start, uint8_t *next);

/* Codes a terminating bin: end_of_slice_segment_flag or end_of_subset_one_bit. */
void ffh_cabac_put_terminate(ffh_cabac *c, unsigned bin);

/* After a terminating bin of 1: writes what is left, the one bit, and zeros up to a whole byte. */
void ffh_cabac_finish(ffh_cabac *c);

/* Writes the first `count` bytes of the pending bits. */
static inline void ffh_cabac_write(ffh_cabac *c, int count)
{
    int left = c->pending - 8 * count;
    uint64_t bytes = c->low >> (10 + left);

    if (bytes >> 8 * count)
        ffh_cabac_carry(c->start, c->next);
    for (int i = 8 * (count - 1); i >= 0; i -= 8)
        *c->next++ = (uint8_t)(bytes >> i);
    c->low &= (UINT64_C(1) << (10 + left)) - 1;
    c->pending = left;
}

static inline void ffh_cabac_shift(ffh_cabac *c, int bits)
{
    c->low <<= bits;
    c->pending += bits;
    if (c->pending >= 32)
        ffh_cabac_write(c, 4);
}

static inline void ffh_cabac_put(ffh_cabac *c, ffh_cabac_ctx *ctx, unsigned bin)
{
    unsigned state = *ctx, is_lps = (state ^ bin) & 1;
    uint32_t lps = ffh_cabac_range_lps[state >> 1][(c->range >> 6) & 3];
    uint32_t mps = c->range - lps;

    *ctx = ffh_cabac_next_state[is_lps][state];
    c->low += mps & (0 - is_lps);
    c->range = is_lps ? lps : mps;
    int shift = __builtin_clz(c->range) - 23;
    c->range <<= shift;
    ffh_cabac_shift(c, shift);
}

/* The `count` low bits of `bins` in bypass mode, most significant first; count <= 16. */
static inline void ffh_cabac_put_bypass(ffh_cabac *c, uint32_t bins, int count)
{
    c->low = (c->low << count) + (uint64_t)c->range * bins;
    c->pending += count;
    if (c->pending >= 32)
        ffh_cabac_write(c, 4);
}

#endif
