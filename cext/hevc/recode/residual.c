#include "hevc/recode/internal.h"

enum { MAX_PREFIX = 19 }; /* of coeff_abs_level_remaining; levels of 16 bits need no more */

/* The significant coefficients of a sub-block: how many, and the scan positions of the first and the last coded one. */
typedef struct significant {
    int count;
    int highest, lowest;
} significant;

static int recode_last_prefix(ffh_recoder *e, ffh_cabac_ctx *contexts, int log2_size, int is_luma)
{
    int prefix = 0;

    while (prefix < 2 * log2_size - 1 && ffh_recode(e, &contexts[ffh_last_prefix_ctx(prefix, log2_size, is_luma)]))
        prefix++;
    return prefix;
}

static int recode_last_suffix(ffh_recoder *e, int prefix)
{
    int bits = (prefix >> 1) - 1;
    return prefix <= 3 ? prefix : ((2 + (prefix & 1)) << bits) + (int)ffh_recode_bypass(e, bits);
}

/* The last significant coefficient as x | y << 8 */
static int recode_last_position(ffh_recoder *e, int log2_size, int is_luma, enum ffh_scan scan)
{
    int prefix_x = recode_last_prefix(e, e->contexts.last_sig_coeff_x_prefix, log2_size, is_luma);
    int prefix_y = recode_last_prefix(e, e->contexts.last_sig_coeff_y_prefix, log2_size, is_luma);
    int x = recode_last_suffix(e, prefix_x), y = recode_last_suffix(e, prefix_y);

    return scan == FFH_SCAN_VERTICAL ? y | x << 8 : x | y << 8;
}

static int index_of(const uint8_t *scan, int place)
{
    int index = 0;
    while (scan[index] != place)
        index++;
    return index;
}

static void add_position(significant *s, int position)
{
    if (!s->count++)
        s->highest = position;
    s->lowest = position;
}

/* sig_coeff_flags from scan position `from` down */
static void recode_significance(ffh_recoder *e, const ffh_residual_contexts *b, const uint8_t *sig_ctx, int from,
                                int infers_dc, int is_first, significant *s)
{
    ffh_cabac_ctx *sig_coeff = b->sig_coeff + (is_first ? 0 : b->later_sig);

    for (int n = from; n > 0; n--)
        if (ffh_recode(e, &sig_coeff[sig_ctx[n]])) {
            add_position(s, n);
            infers_dc = 0;
        }
    if (from >= 0 && (infers_dc || ffh_recode(e, is_first ? b->sig_coeff_dc : &sig_coeff[sig_ctx[0]])))
        add_position(s, 0);
}

/* 9.3.3.11 */
static uint32_t recode_coeff_abs_level_remaining(ffh_recoder *e, int rice)
{
    int prefix = 0;

    while (prefix <= MAX_PREFIX && ffh_recode_bypass(e, 1))
        prefix++;
    if (prefix > MAX_PREFIX) {
        e->in.error = FFH_EDATA;
        return 0;
    }
    if (prefix <= 3)
        return ((uint32_t)prefix << rice) + ffh_recode_bypass(e, rice);
    uint32_t high = ffh_recode_bypass(e, prefix - 3);
    return (((1u << (prefix - 3)) + 2 + high) << rice) + ffh_recode_bypass(e, rice);
}

/* Greater-1 and greater-2 flags, signs and remainders. */
static void recode_levels(ffh_recoder *e, ffh_residual_contexts *b, const significant *s, int is_first)
{
    int set = (is_first ? 0 : b->later_set) + b->greater1_is_out;
    int greater1_ctx = 1, first_greater1 = -1, flags = FFH_MIN(s->count, 8);
    int levels[16], hides_sign = e->pps->sign_data_hiding_enabled_flag && s->highest - s->lowest > 3;

    for (int i = 0; i < s->count; i++) {
        levels[i] = 1;
        if (i >= flags || !ffh_recode(e, &b->greater1[4 * set + greater1_ctx])) {
            greater1_ctx += i < flags && greater1_ctx > 0 && greater1_ctx < 3;
            continue;
        }
        levels[i] = 2;
        greater1_ctx = 0;
        first_greater1 = first_greater1 < 0 ? i : first_greater1;
    }
    b->greater1_is_out = !greater1_ctx;
    if (first_greater1 >= 0)
        levels[first_greater1] += (int)ffh_recode(e, &b->greater2[set]);
    ffh_recode_bypass(e, s->count - hides_sign);

    int rice = 0;
    for (int i = 0; i < s->count && !e->in.error; i++) {
        int most = i >= flags ? 1 : i == first_greater1 ? 3 : 2;
        if (levels[i] < most)
            continue;
        uint32_t level = (uint32_t)most + recode_coeff_abs_level_remaining(e, rice);
        rice += level > 3u << rice && rice < 4;
    }
}

void ffh_recode_residual(ffh_recoder *e, int log2_size, int is_luma, enum ffh_scan scan)
{
    const uint8_t *outer = ffh_sub_block_scan(log2_size, scan), *inner = ffh_sample_scan[scan];
    uint8_t coded[9][9] = { { 0 } }; /* coded_sub_block_flag, with a border of zeros to the right and below */

    if (e->pps->transform_skip_enabled_flag && log2_size == 2)
        ffh_recode(e, &e->contexts.transform_skip_flag[!is_luma]);
    int place = recode_last_position(e, log2_size, is_luma, scan), x = place & 255, y = place >> 8;
    int last = index_of(outer, x >> 2 | (y >> 2) << 4), position = index_of(inner, (x & 3) + 4 * (y & 3));
    ffh_residual_contexts b = ffh_residual_contexts_of(&e->contexts, log2_size, is_luma, scan);

    for (int i = last; i >= 0 && !e->in.error; i--) {
        int block_x = outer[i] & 15, block_y = outer[i] >> 4, from = 15;
        int neighbours = coded[block_y][block_x + 1] | coded[block_y + 1][block_x] << 1;
        significant s = { 0 };

        if (i == last) {
            add_position(&s, position);
            from = position - 1;
        } else if (i > 0 && !ffh_recode(e, &b.coded_sub_block[neighbours != 0])) {
            continue;
        }
        coded[block_y][block_x] = 1;
        recode_significance(e, &b, ffh_sig_ctx(log2_size, scan, neighbours), from, i > 0 && i < last, i == 0, &s);
        if (s.count)
            recode_levels(e, &b, &s, i == 0);
    }
}
