#include "ffh_residual.h"

#include <stdlib.h>

/* Scans of clauses 6.5.3 to 6.5.5: of the samples x + 4 * y of a sub-block. */
static const uint8_t sample_scan[3][16] = {
    { 0, 4, 1, 8, 5, 2, 12, 9, 6, 3, 13, 10, 7, 14, 11, 15 },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
    { 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15 },
};

/* Of sub-blocks x | y << 4. Those of 8x8 blocks follow the scan of samples, those of larger ones are diagonal. */
#define P(x, y) ((x) | (y) << 4)
static const uint8_t scan_2x2[3][4] = {
    { P(0, 0), P(0, 1), P(1, 0), P(1, 1) },
    { P(0, 0), P(1, 0), P(0, 1), P(1, 1) },
    { P(0, 0), P(0, 1), P(1, 0), P(1, 1) },
};
static const uint8_t scan_4x4[16] = { P(0, 0), P(0, 1), P(1, 0), P(0, 2), P(1, 1), P(2, 0), P(0, 3), P(1, 2),
                                      P(2, 1), P(3, 0), P(1, 3), P(2, 2), P(3, 1), P(2, 3), P(3, 2), P(3, 3) };
static const uint8_t scan_8x8[64] = {
    P(0, 0), P(0, 1), P(1, 0), P(0, 2), P(1, 1), P(2, 0), P(0, 3), P(1, 2), P(2, 1), P(3, 0), P(0, 4), P(1, 3), P(2, 2),
    P(3, 1), P(4, 0), P(0, 5), P(1, 4), P(2, 3), P(3, 2), P(4, 1), P(5, 0), P(0, 6), P(1, 5), P(2, 4), P(3, 3), P(4, 2),
    P(5, 1), P(6, 0), P(0, 7), P(1, 6), P(2, 5), P(3, 4), P(4, 3), P(5, 2), P(6, 1), P(7, 0), P(1, 7), P(2, 6), P(3, 5),
    P(4, 4), P(5, 3), P(6, 2), P(7, 1), P(2, 7), P(3, 6), P(4, 5), P(5, 4), P(6, 3), P(7, 2), P(3, 7), P(4, 6), P(5, 5),
    P(6, 4), P(7, 3), P(4, 7), P(5, 6), P(6, 5), P(7, 4), P(5, 7), P(6, 6), P(7, 5), P(6, 7), P(7, 6), P(7, 7),
};
#undef P

static const uint8_t *sub_block_scan(int log2_size, enum ffh_scan scan)
{
    static const uint8_t single = 0;
    if (log2_size == 2)
        return &single;
    if (log2_size == 3)
        return scan_2x2[scan];
    return log2_size == 4 ? scan_4x4 : scan_8x8;
}

/* sigCtx without the offsets of the block (9.3.4.2.5) by scan, coded neighbours right | below << 1, scan position */
static const uint8_t sig_ctx_by_neighbours[3][4][16] = {
    { { 2, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
      { 2, 1, 2, 0, 1, 2, 0, 0, 1, 2, 0, 0, 1, 0, 0, 0 },
      { 2, 2, 1, 2, 1, 0, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0 },
      { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 } },
    { { 2, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 },
      { 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
      { 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0 },
      { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 } },
    { { 2, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 },
      { 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0 },
      { 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
      { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 } },
};
static const uint8_t sig_ctx_4x4[3][16] = {
    { 0, 2, 1, 6, 3, 4, 7, 6, 4, 5, 7, 8, 5, 8, 8, 8 },
    { 0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 8 },
    { 0, 2, 6, 7, 1, 3, 6, 7, 4, 4, 8, 8, 5, 5, 8, 8 },
};

/* One sub-block: which scan positions are not zero, and their magnitudes and signs in coding order, the last first. */
typedef struct sub_block {
    uint32_t significant;
    uint32_t signs;
    int count;
    uint16_t levels[17];
} sub_block;

/* Contexts of one kind of block, and what of the sub-block before still matters. */
typedef struct block {
    ffh_cabac_ctx *coded_sub_block, *sig_coeff, *sig_coeff_dc, *greater1, *greater2;
    int later_set;       /* ctxSet of sub-blocks but the first one */
    int greater1_is_out; /* greater1Ctx of the last sub-block ended at 0 */
} block;

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
    int offset = is_luma ? 3 * (log2_size - 2) + ((log2_size - 1) >> 2) : 15;
    int shift = is_luma ? (log2_size + 1) >> 2 : log2_size - 2;

    for (int i = 0; i < prefix; i++)
        ffh_cabac_put(c, &contexts[offset + (i >> shift)], 1);
    if (prefix < 2 * log2_size - 1)
        ffh_cabac_put(c, &contexts[offset + (prefix >> shift)], 0);
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
static inline void put_levels(ffh_cabac *c, block *b, const sub_block *s, int is_first)
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
static inline void put_sub_block(ffh_cabac *c, block *b, const sub_block *s, ffh_cabac_ctx *sig_coeff,
                                 const uint8_t *sig_ctx, int from, int infers_dc, int is_first)
{
    for (int n = from; n > 0; n--)
        ffh_cabac_put(c, &sig_coeff[sig_ctx[n]], s->significant >> n & 1);
    if (from >= 0 && (!infers_dc || s->significant >> 1))
        ffh_cabac_put(c, is_first ? b->sig_coeff_dc : &sig_coeff[sig_ctx[0]], s->significant & 1);
    if (s->count)
        put_levels(c, b, s, is_first);
}

static block contexts_of(ffh_contexts *contexts, int log2_size, int is_luma, enum ffh_scan scan)
{
    block b = { .coded_sub_block = contexts->coded_sub_block_flag + (is_luma ? 0 : 2),
                .sig_coeff = contexts->sig_coeff_flag + (is_luma ? 0 : 27),
                .greater1 = contexts->coeff_abs_level_greater1_flag + (is_luma ? 0 : 16),
                .greater2 = contexts->coeff_abs_level_greater2_flag + (is_luma ? 0 : 4),
                .later_set = is_luma ? 2 : 0 };

    b.sig_coeff_dc = b.sig_coeff;
    if (log2_size == 3)
        b.sig_coeff += is_luma && scan != FFH_SCAN_DIAGONAL ? 15 : 9;
    else if (log2_size > 3)
        b.sig_coeff += is_luma ? 21 : 12;
    return b;
}

void ffh_put_residual(ffh_cabac *cabac, ffh_contexts *contexts, const int16_t *tiles, ptrdiff_t stride, int log2_size,
                      int is_luma, enum ffh_scan scan)
{
    ffh_cabac c = *cabac; /* which stays in registers */
    block b = contexts_of(contexts, log2_size, is_luma, scan);
    const uint8_t *outer = sub_block_scan(log2_size, scan), *inner = sample_scan[scan];
    uint8_t coded[9][9] = { { 0 } }; /* coded_sub_block_flag, with a border of zeros to the right and below */
    int offset = is_luma && log2_size > 2 ? 3 : 0; /* of sigCtx outside the first sub-block */
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
        const uint8_t *sig_ctx = log2_size == 2 ? sig_ctx_4x4[scan] : sig_ctx_by_neighbours[scan][neighbours];
        put_sub_block(&c, &b, &s, b.sig_coeff + (i ? offset : 0), sig_ctx, from, i > 0 && i < last, i == 0);
    }
    *cabac = c;
}
