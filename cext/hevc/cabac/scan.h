/*
 * Orders in which the coefficients of a block are coded, and the contexts that their places select
 * (H.265 clauses 6.5.3 to 6.5.5, 7.4.9.11 and 9.3.4.2.4 to 9.3.4.2.7).
 */
#ifndef FFH_HEVC_CABAC_SCAN_H
#define FFH_HEVC_CABAC_SCAN_H

#include "hevc/cabac/contexts.h"

enum ffh_scan { FFH_SCAN_DIAGONAL = 0, FFH_SCAN_HORIZONTAL = 1, FFH_SCAN_VERTICAL = 2 };

/* scanIdx of an intra block of 1 << log2_size samples; that of all others is FFH_SCAN_DIAGONAL. */
enum ffh_scan ffh_scan_of(int intra_pred_mode, int log2_size, int is_luma);

/* The coefficients x + 4 * y of a sub-block, by scan and scan position. */
extern const uint8_t ffh_sample_scan[3][16];

/* The sub-blocks x | y << 4 of a block, by scan position. */
const uint8_t *ffh_sub_block_scan(int log2_size, enum ffh_scan scan);

/* sigCtx without the offsets of the block, by scan position in a sub-block whose right and lower neighbours are coded
 * or not (right | below << 1). */
const uint8_t *ffh_sig_ctx(int log2_size, enum ffh_scan scan, int neighbours);

/* ctxInc of bin `i` of last_sig_coeff_x_prefix and last_sig_coeff_y_prefix (9.3.4.2.3). */
static inline int ffh_last_prefix_ctx(int i, int log2_size, int is_luma)
{
    if (!is_luma)
        return 15 + (i >> (log2_size - 2));
    return 3 * (log2_size - 2) + ((log2_size - 1) >> 2) + (i >> ((log2_size + 1) >> 2));
}

/* Contexts of one kind of block, and what of the sub-block before still matters. */
typedef struct ffh_residual_contexts {
    ffh_cabac_ctx *coded_sub_block, *sig_coeff, *sig_coeff_dc, *greater1, *greater2;
    int later_sig;       /* added to sigCtx outside the first sub-block */
    int later_set;       /* ctxSet of sub-blocks but the first one */
    int greater1_is_out; /* greater1Ctx of the last sub-block ended at 0 */
} ffh_residual_contexts;

ffh_residual_contexts ffh_residual_contexts_of(ffh_contexts *contexts, int log2_size, int is_luma, enum ffh_scan scan);

#endif
