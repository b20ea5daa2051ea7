#include "hevc/cabac/residual.h"

#include <stdlib.h>

/* One sub-block: which scan positions are not zero, and their magnitudes and signs in coding order, the last first. */
typedef struct sub_block {
    uint32_t significant;
    uint32_t signs;
    int count;
    uint16_t levels[17];
} sub_block;

static inline void gather(const int16_t *tile, const uint8_t *scan, sub_block *s)
{
    uint32_t significant = 0, signs = 0;
    int count = 0;

    for (int n = 15; n >= 0; n--) {
        int value = tile[scan[n]];
        unsigned is_significant = value != 0;
        s->levels[count] = (uint16_t)abs(value);
        signs = signs << is_significant | (value < 0);
        significant = significant << 1 | is_significant;
        count += (int)is_significant;
    }
    s->significant = significant;
    s->signs = signs;
    s->count = count;
}

static inline void put_last_prefix(ffh_cabac *c, ffh_cabac_ctx *contexts, int prefix, int log2_size, int is_luma)
{
    for (int i = 0; i < prefix; i++)
        ffh_cabac_put(c, &contexts[ffh_last_prefix_ctx(i, log2_size, is_luma)], 1);
    if (prefix < 2 * log2_size - 1)
        ffh_cabac_put(c, &contexts[ffh_last_prefix_ctx(prefix, log2_size, is_luma)], 0);
}

/* Prefix of last_sig_coeff_x/y (7.4.9.11): the largest one whose range begins at or before the position. */
static inline int last_prefix(int position)
{
    if (position < 4)
        return position;
    int log2 = 31 - __builtin_clz((unsigned)position);
    return 2 * log2 + ((position >> (log2 - 1)) & 1);
}

static inline void put_last_suffix(ffh_cabac *c, int position, int prefix)
{
    int bits = (prefix >> 1) - 1;
    if (prefix > 3)
        ffh_cabac_put_bypass(c, (uint32_t)position & ((1u << bits) - 1), bits);
}

static inline void put_last_position(ffh_cabac *c, ffh_contexts *contexts, int x, int y, int log2_size, int is_luma,
                                     enum ffh_scan scan)
{
    int first = scan == FFH_SCAN_VERTICAL ? y : x, second = scan == FFH_SCAN_VERTICAL ? x : y;
    int prefix_x = last_prefix(first), prefix_y = last_prefix(second);

    put_last_prefix(c, contexts->last_sig_coeff_x_prefix, prefix_x, log2_size, is_luma);
    put_last_prefix(c, contexts->last_sig_coeff_y_prefix, prefix_y, log2_size, is_luma);
    put_last_suffix(c, first, prefix_x);
    put_last_suffix(c, second, prefix_y);
}

/* 9.3.3.11; an escape of at most 2^16 fits the longest code word of 32 bins */
static inline void put_coeff_abs_level_remaining(ffh_cabac *c, uint32_t value, int rice)
{
    if (value < 4u << rice) {
        uint32_t prefix = value >> rice;
        uint32_t unary = (2u << prefix) - 2;
        ffh_cabac_put_bypass(c, unary << rice | (value & ((1u << rice) - 1)), (int)prefix + 1 + rice);
        return;
    }
    int bits = rice + 1, ones = 4;
    value -= 4u << rice;
    while (value >= 1u << bits) {
        value -= 1u << bits;
        bits++;
        ones++;
    }
    ffh_cabac_put_bypass(c, (2u << ones) - 2, ones + 1);
    ffh_cabac_put_bypass(c, value, bits);
}

/* Greater-1 and greater-2 flags, signs and remainders. */
static inline void put_levels(ffh_cabac *c, ffh_residual_contexts *b, const sub_block *s, int is_first)
{
    int set = (is_first ? 0 : b->later_set) + b->greater1_is_out;
    ffh_cabac_ctx *greater1 = b->greater1 + 4 * set;
    int greater1_ctx = 1, first_greater1 = -1, flags = FFH_MIN(s->count, 8);

    for (int i = 0; i < flags; i++) {
        /* greater1Ctx: 1 to 3 count ones, 0 comes after the first larger level and stays */
        static const uint8_t next_ctx[2][4] = { { 0, 2, 3, 3 }, { 0, 0, 0, 0 } };
        unsigned bin = s->levels[i] > 1;
        ffh_cabac_put(c, &greater1[greater1_ctx], bin);
        greater1_ctx = next_ctx[bin][greater1_ctx];
        first_greater1 = bin && first_greater1 < 0 ? i : first_greater1;
    }
    b->greater1_is_out = !greater1_ctx;
    if (first_greater1 >= 0)
        ffh_cabac_put(c, &b->greater2[set], s->levels[first_greater1] > 2);
    ffh_cabac_put_bypass(c, s->signs, s->count);

    int rice = 0, i = first_greater1 < 0 ? flags : first_greater1;
    for (; i < s->count; i++) {
        int level = s->levels[i];
        int base = i >= 8 ? 1 : i == first_greater1 ? 3 : 2;
        if (level < base)
            continue;
        put_coeff_abs_level_remaining(c, (uint32_t)(level - base), rice);
        rice += level > 3 << rice && rice < 4;
    }
}

/* One sub-block; `from` is the scan position of its last coefficient that is coded by sig_coeff_flag. */
static inline void put_sub_block(ffh_cabac *c, ffh_residual_contexts *b, const sub_block *s, ffh_cabac_ctx *sig_coeff,
                                 const uint8_t *sig_ctx, int from, int infers_dc, int is_first)
{
    for (int n = from; n > 0; n--)
        ffh_cabac_put(c, &sig_coeff[sig_ctx[n]], s->significant >> n & 1);
    if (from >= 0 && (!infers_dc || s->significant >> 1))
        ffh_cabac_put(c, is_first ? b->sig_coeff_dc : &sig_coeff[sig_ctx[0]], s->significant & 1);
    if (s->count)
        put_levels(c, b, s, is_first);
}

void ffh_put_residual(ffh_cabac *cabac, ffh_contexts *contexts, const int16_t *tiles, ptrdiff_t stride, int log2_size,
                      int is_luma, enum ffh_scan scan)
{
    ffh_cabac c = *cabac; /* which stays in registers */
    ffh_residual_contexts b = ffh_residual_contexts_of(contexts, log2_size, is_luma, scan);
    const uint8_t *outer = ffh_sub_block_scan(log2_size, scan), *inner = ffh_sample_scan[scan];
    uint8_t coded[9][9] = { { 0 } }; /* coded_sub_block_flag, with a border of zeros to the right and below */
    int last = (1 << 2 * (log2_size - 2)) - 1, from = 15;
    sub_block s;

    for (;; last--) {
        gather(tiles + ((outer[last] >> 4) * stride + (outer[last] & 15)) * 16, inner, &s);
        if (s.significant)
            break;
    }
    for (int i = last; i >= 0; i--) {
        int x = outer[i] & 15, y = outer[i] >> 4;
        int neighbours = coded[y][x + 1] | coded[y + 1][x] << 1;
        if (i == last) {
            int position = 31 - __builtin_clz(s.significant);
            put_last_position(&c, contexts, (x << 2) + (inner[position] & 3), (y << 2) + (inner[position] >> 2),
                              log2_size, is_luma, scan);
            from = position - 1;
        } else {
            gather(tiles + (y * stride + x) * 16, inner, &s);
            from = 15;
            if (i > 0)
                ffh_cabac_put(&c, &b.coded_sub_block[neighbours != 0], s.significant != 0);
            if (i > 0 && !s.significant)
                continue;
        }
        coded[y][x] = 1;
        const uint8_t *sig_ctx = ffh_sig_ctx(log2_size, scan, neighbours);
        put_sub_block(&c, &b, &s, b.sig_coeff + (i ? b.later_sig : 0), sig_ctx, from, i > 0 && i < last, i == 0);
    }
    *cabac = c;
}
