#include "hevc/cabac/scan.h"

/* Scans of clauses 6.5.3 to 6.5.5: of the samples x + 4 * y of a sub-block. */
const uint8_t ffh_sample_scan[3][16] = {
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

const uint8_t *ffh_sub_block_scan(int log2_size, enum ffh_scan scan)
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

const uint8_t *ffh_sig_ctx(int log2_size, enum ffh_scan scan, int neighbours)
{
    return log2_size == 2 ? sig_ctx_4x4[scan] : sig_ctx_by_neighbours[scan][neighbours];
}

enum ffh_scan ffh_scan_of(int intra_pred_mode, int log2_size, int is_luma)
{
    if (log2_size != 2 && !(log2_size == 3 && is_luma))
        return FFH_SCAN_DIAGONAL;
    if (intra_pred_mode >= 6 && intra_pred_mode <= 14)
        return FFH_SCAN_VERTICAL;
    return intra_pred_mode >= 22 && intra_pred_mode <= 30 ? FFH_SCAN_HORIZONTAL : FFH_SCAN_DIAGONAL;
}

ffh_residual_contexts ffh_residual_contexts_of(ffh_contexts *contexts, int log2_size, int is_luma, enum ffh_scan scan)
{
    ffh_residual_contexts b = { .coded_sub_block = contexts->coded_sub_block_flag + (is_luma ? 0 : 2),
                                .sig_coeff = contexts->sig_coeff_flag + (is_luma ? 0 : 27),
                                .greater1 = contexts->coeff_abs_level_greater1_flag + (is_luma ? 0 : 16),
                                .greater2 = contexts->coeff_abs_level_greater2_flag + (is_luma ? 0 : 4),
                                .later_sig = is_luma && log2_size > 2 ? 3 : 0,
                                .later_set = is_luma ? 2 : 0 };

    b.sig_coeff_dc = b.sig_coeff;
    if (log2_size == 3)
        b.sig_coeff += is_luma && scan != FFH_SCAN_DIAGONAL ? 15 : 9;
    else if (log2_size > 3)
        b.sig_coeff += is_luma ? 21 : 12;
    return b;
}
