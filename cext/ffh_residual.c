#include "ffh_residual.h"

#include <stdlib.h>
#include <string.h>

static void init_group(ffh_cabac_ctx *group, const uint8_t *init_values, size_t count, int slice_qp)
{
    for (size_t i = 0; i < count; i++)
        group[i] = ffh_cabac_init_ctx(init_values[i], slice_qp);
}

/* Tables 9-5 to 9-37, columns of initType 0 */
void ffh_contexts_init(ffh_contexts *contexts, int slice_qp)
{
    static const uint8_t split_cu_flag[] = { 139, 141, 157 };
    static const uint8_t cu_transquant_bypass_flag[] = { 154 };
    static const uint8_t part_mode[] = { 184 };
    static const uint8_t prev_intra_luma_pred_flag[] = { 184 };
    static const uint8_t intra_chroma_pred_mode[] = { 63 };
    static const uint8_t split_transform_flag[] = { 153, 138, 138 };
    static const uint8_t cbf_luma[] = { 111, 141 };
    static const uint8_t cbf_chroma[] = { 94, 138, 182, 154 };
    static const uint8_t last_sig_coeff_prefix[] = { 110, 110, 124, 125, 140, 153, 125, 127, 140,
                                                     109, 111, 143, 127, 111, 79,  108, 123, 63 };
    static const uint8_t coded_sub_block_flag[] = { 91, 171, 134, 141 };
    static const uint8_t sig_coeff_flag[] = { 111, 111, 125, 110, 110, 94,  124, 108, 124, 107, 125, 141, 179, 153,
                                              125, 107, 125, 141, 179, 153, 125, 107, 125, 141, 179, 153, 125, 140,
                                              139, 182, 182, 152, 136, 152, 136, 153, 136, 139, 111, 136, 139, 111 };
    static const uint8_t greater1_flag[] = { 140, 92,  137, 138, 140, 152, 138, 139, 153, 74,  149, 92,
                                             139, 107, 122, 152, 140, 179, 166, 182, 140, 227, 122, 197 };
    static const uint8_t greater2_flag[] = { 138, 153, 136, 167, 152, 152 };

#define INIT(member, table) init_group((ffh_cabac_ctx *)&contexts->member, table, sizeof(table), slice_qp)
    INIT(split_cu_flag, split_cu_flag);
    INIT(cu_transquant_bypass_flag, cu_transquant_bypass_flag);
    INIT(part_mode, part_mode);
    INIT(prev_intra_luma_pred_flag, prev_intra_luma_pred_flag);
    INIT(intra_chroma_pred_mode, intra_chroma_pred_mode);
    INIT(split_transform_flag, split_transform_flag);
    INIT(cbf_luma, cbf_luma);
    INIT(cbf_chroma, cbf_chroma);
    INIT(last_sig_coeff_x_prefix, last_sig_coeff_prefix);
    INIT(last_sig_coeff_y_prefix, last_sig_coeff_prefix);
    INIT(coded_sub_block_flag, coded_sub_block_flag);
    INIT(sig_coeff_flag, sig_coeff_flag);
    INIT(coeff_abs_level_greater1_flag, greater1_flag);
    INIT(coeff_abs_level_greater2_flag, greater2_flag);
#undef INIT
}

/* Scans of clause 6.5.3 to 6.5.5 as x | y << 4: inside a 4x4 sub-block (and of the 4x4 sub-blocks of a 16x16 block,
 * which are always diagonal), and of the sub-blocks of 8x8 and 32x32 blocks. */
#define P(x, y) ((x) | (y) << 4)
static const uint8_t scan_4x4[3][16] = {
    { P(0, 0), P(0, 1), P(1, 0), P(0, 2), P(1, 1), P(2, 0), P(0, 3), P(1, 2), P(2, 1), P(3, 0), P(1, 3), P(2, 2),
      P(3, 1), P(2, 3), P(3, 2), P(3, 3) },
    { P(0, 0), P(1, 0), P(2, 0), P(3, 0), P(0, 1), P(1, 1), P(2, 1), P(3, 1), P(0, 2), P(1, 2), P(2, 2), P(3, 2),
      P(0, 3), P(1, 3), P(2, 3), P(3, 3) },
    { P(0, 0), P(0, 1), P(0, 2), P(0, 3), P(1, 0), P(1, 1), P(1, 2), P(1, 3), P(2, 0), P(2, 1), P(2, 2), P(2, 3),
      P(3, 0), P(3, 1), P(3, 2), P(3, 3) },
};
static const uint8_t scan_2x2[3][4] = {
    { P(0, 0), P(0, 1), P(1, 0), P(1, 1) },
    { P(0, 0), P(1, 0), P(0, 1), P(1, 1) },
    { P(0, 0), P(0, 1), P(1, 0), P(1, 1) },
};
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
    return log2_size == 4 ? scan_4x4[FFH_SCAN_DIAGONAL] : scan_8x8;
}

/* sigCtx without the offsets of the block (9.3.4.2.5), by coded neighbours, then position x | y << 2 */
static const uint8_t sig_ctx_by_neighbours[4][16] = {
    { 2, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 },
    { 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
    { 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0 },
    { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 },
};
static const uint8_t sig_ctx_4x4[16] = { 0, 1, 4, 5, 2, 3, 4, 5, 6, 6, 8, 8, 7, 7, 8, 8 };

typedef struct block {
    ffh_cabac *c;
    ffh_contexts *contexts;
    const int16_t *residual;
    int log2_size;
    int is_luma;
    enum ffh_scan scan;
    const uint8_t *inner;         /* scan inside a sub-block */
    uint8_t coded[9][9];          /* coded_sub_block_flag, with a border of zeros to the right and below */
    int previous_greater1_is_out; /* greater1Ctx of the last sub-block ended at 0 */
} block;

static int coefficient(const block *b, int sub_x, int sub_y, int position)
{
    int x = (sub_x << 2) + (position & 15), y = (sub_y << 2) + (position >> 4);
    return b->residual[(y << b->log2_size) + x];
}

static void put_last_prefix(ffh_cabac *c, ffh_cabac_ctx *contexts, int prefix, int log2_size, int is_luma)
{
    int offset = is_luma ? 3 * (log2_size - 2) + ((log2_size - 1) >> 2) : 15;
    int shift = is_luma ? (log2_size + 1) >> 2 : log2_size - 2;

    for (int i = 0; i < prefix; i++)
        ffh_cabac_put(c, &contexts[offset + (i >> shift)], 1);
    if (prefix < 2 * log2_size - 1)
        ffh_cabac_put(c, &contexts[offset + (prefix >> shift)], 0);
}

/* Prefix of last_sig_coeff_x/y (7.4.9.11): the largest one whose range begins at or before the position. */
static int last_prefix(int position)
{
    if (position < 4)
        return position;
    int log2 = 31 - __builtin_clz((unsigned)position);
    return 2 * log2 + ((position >> (log2 - 1)) & 1);
}

static void put_last_suffix(ffh_cabac *c, int position, int prefix)
{
    int bits = (prefix >> 1) - 1;
    if (prefix > 3)
        ffh_cabac_put_bypass(c, (uint32_t)position & ((1u << bits) - 1), bits);
}

static void put_last_position(block *b, int x, int y)
{
    if (b->scan == FFH_SCAN_VERTICAL) {
        int swap = x;
        x = y;
        y = swap;
    }
    int prefix_x = last_prefix(x), prefix_y = last_prefix(y);
    put_last_prefix(b->c, b->contexts->last_sig_coeff_x_prefix, prefix_x, b->log2_size, b->is_luma);
    put_last_prefix(b->c, b->contexts->last_sig_coeff_y_prefix, prefix_y, b->log2_size, b->is_luma);
    put_last_suffix(b->c, x, prefix_x);
    put_last_suffix(b->c, y, prefix_y);
}

/* 9.3.3.11; an escape of at most 2^16 fits the longest code word of 32 bins */
static void put_coeff_abs_level_remaining(ffh_cabac *c, uint32_t value, int rice)
{
    if (value < 4u << rice) {
        uint32_t prefix = value >> rice;
        ffh_cabac_put_bypass(c, (1u << (prefix + 1)) - 2, (int)prefix + 1);
        ffh_cabac_put_bypass(c, value & ((1u << rice) - 1), rice);
        return;
    }
    int bits = rice + 1, ones = 4;
    value -= 4u << rice;
    while (value >= 1u << bits) {
        value -= 1u << bits;
        bits++;
        ones++;
    }
    ffh_cabac_put_bypass(c, (1u << ones) - 1, ones);
    ffh_cabac_put_bypass(c, 0, 1);
    ffh_cabac_put_bypass(c, value, bits);
}

static int sig_coeff_ctx(const block *b, int sub_x, int sub_y, int neighbours, int position)
{
    int x = position & 15, y = position >> 4;
    int ctx;

    if (b->log2_size == 2)
        ctx = sig_ctx_4x4[(y << 2) + x];
    else if (!(sub_x | sub_y | x | y))
        ctx = 0;
    else {
        ctx = sig_ctx_by_neighbours[neighbours][(y << 2) + x];
        if (b->is_luma) {
            ctx += sub_x | sub_y ? 3 : 0;
            ctx += b->log2_size == 3 ? (b->scan == FFH_SCAN_DIAGONAL ? 9 : 15) : 21;
        } else
            ctx += b->log2_size == 3 ? 9 : 12;
    }
    return b->is_luma ? ctx : 27 + ctx;
}

/* Greater-1 and greater-2 flags, signs and remainders of the levels of one sub-block, in coding order. */
static void put_levels(block *b, const int *levels, int count, int is_first_sub_block)
{
    int set = (is_first_sub_block || !b->is_luma ? 0 : 2) + b->previous_greater1_is_out;
    ffh_cabac_ctx *greater1 = b->contexts->coeff_abs_level_greater1_flag + (b->is_luma ? 0 : 16) + 4 * set;
    int greater1_ctx = 1, first_greater1 = -1, flags = FFH_MIN(count, 8);
    uint32_t signs = 0;

    for (int i = 0; i < flags; i++) {
        int bin = abs(levels[i]) > 1;
        ffh_cabac_put(b->c, &greater1[greater1_ctx], (unsigned)bin);
        if (bin) {
            greater1_ctx = 0;
            first_greater1 = first_greater1 < 0 ? i : first_greater1;
        } else if (greater1_ctx)
            greater1_ctx = FFH_MIN(greater1_ctx + 1, 3);
    }
    b->previous_greater1_is_out = !greater1_ctx;
    if (first_greater1 >= 0)
        ffh_cabac_put(b->c, &b->contexts->coeff_abs_level_greater2_flag[(b->is_luma ? 0 : 4) + set],
                      abs(levels[first_greater1]) > 2);
    for (int i = 0; i < count; i++)
        signs = signs << 1 | (levels[i] < 0);
    ffh_cabac_put_bypass(b->c, signs, count);

    int rice = 0;
    for (int i = 0; i < count; i++) {
        int level = abs(levels[i]);
        int base = i >= 8 ? 1 : i == first_greater1 ? 3 : 2;
        if (level < base)
            continue;
        put_coeff_abs_level_remaining(b->c, (uint32_t)(level - base), rice);
        if (level > 3 << rice)
            rice = FFH_MIN(rice + 1, 4);
    }
}

/* One sub-block; `from` is the scan position of its last coefficient that is coded by sig_coeff_flag. */
static void put_sub_block(block *b, int sub_x, int sub_y, int from, int infers_dc, const int *all)
{
    int neighbours = b->coded[sub_y][sub_x + 1] | b->coded[sub_y + 1][sub_x] << 1;
    int levels[16], count = 0;

    if (from < 15 && all[from + 1])
        levels[count++] = all[from + 1];
    for (int n = from; n >= 0; n--) {
        if (n > 0 || !infers_dc || count)
            ffh_cabac_put(b->c, &b->contexts->sig_coeff_flag[sig_coeff_ctx(b, sub_x, sub_y, neighbours, b->inner[n])],
                          all[n] != 0);
        if (all[n])
            levels[count++] = all[n];
    }
    if (count)
        put_levels(b, levels, count, !(sub_x | sub_y));
}

static int gather_sub_block(const block *b, int sub_x, int sub_y, int *all)
{
    int any = 0;
    for (int n = 0; n < 16; n++) {
        all[n] = coefficient(b, sub_x, sub_y, b->inner[n]);
        any |= all[n];
    }
    return any != 0;
}

void ffh_put_residual(ffh_cabac *c, ffh_contexts *contexts, const int16_t *residual, int log2_size, int is_luma,
                      enum ffh_scan scan)
{
    block b = { .c = c,
                .contexts = contexts,
                .residual = residual,
                .log2_size = log2_size,
                .is_luma = is_luma,
                .scan = scan,
                .inner = scan_4x4[scan] };
    const uint8_t *outer = sub_block_scan(log2_size, scan);
    int all[16], last = 15, i = (1 << 2 * (log2_size - 2)) - 1;

    while (!gather_sub_block(&b, outer[i] & 15, outer[i] >> 4, all))
        i--;
    while (!all[last])
        last--;
    int sub_x = outer[i] & 15, sub_y = outer[i] >> 4;
    put_last_position(&b, (sub_x << 2) + (b.inner[last] & 15), (sub_y << 2) + (b.inner[last] >> 4));
    put_sub_block(&b, sub_x, sub_y, last - 1, 0, all);
    b.coded[sub_y][sub_x] = 1;

    while (--i >= 0) {
        sub_x = outer[i] & 15;
        sub_y = outer[i] >> 4;
        int coded = gather_sub_block(&b, sub_x, sub_y, all);
        if (i > 0) {
            int ctx = (b.coded[sub_y][sub_x + 1] | b.coded[sub_y + 1][sub_x]) + (is_luma ? 0 : 2);
            ffh_cabac_put(c, &contexts->coded_sub_block_flag[ctx], (unsigned)coded);
            if (!coded)
                continue;
        }
        b.coded[sub_y][sub_x] = 1;
        put_sub_block(&b, sub_x, sub_y, 15, i > 0, all);
    }
}
