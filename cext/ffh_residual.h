/*
 * residual_coding() of a transquant-bypass block, H.265 clauses 7.3.8.11 and 9.3.4.2.4 to 9.3.4.2.7.
 */
#ifndef FFH_RESIDUAL_H
#define FFH_RESIDUAL_H

#include "ffh_cabac.h"

/* Contexts of an I slice (initType 0), grouped as the tables of clause 9.3.2.2 are. */
typedef struct ffh_contexts {
    ffh_cabac_ctx split_cu_flag[3];
    ffh_cabac_ctx cu_transquant_bypass_flag;
    ffh_cabac_ctx part_mode;
    ffh_cabac_ctx prev_intra_luma_pred_flag;
    ffh_cabac_ctx intra_chroma_pred_mode;
    ffh_cabac_ctx split_transform_flag[3];
    ffh_cabac_ctx cbf_luma[2];
    ffh_cabac_ctx cbf_chroma[4];
    ffh_cabac_ctx last_sig_coeff_x_prefix[18];
    ffh_cabac_ctx last_sig_coeff_y_prefix[18];
    ffh_cabac_ctx coded_sub_block_flag[4];
    ffh_cabac_ctx sig_coeff_flag[42];
    ffh_cabac_ctx coeff_abs_level_greater1_flag[24];
    ffh_cabac_ctx coeff_abs_level_greater2_flag[6];
} ffh_contexts;

void ffh_contexts_init(ffh_contexts *contexts, int slice_qp);

enum ffh_scan { FFH_SCAN_DIAGONAL = 0, FFH_SCAN_HORIZONTAL = 1, FFH_SCAN_VERTICAL = 2 };

/* Codes (1 << log2_size)^2 residual samples, at least one of which is not zero. They come as 4x4 tiles of 16 samples,
 * row after row; `stride` is the number of tiles from one row of tiles to the next. */
void ffh_put_residual(ffh_cabac *c, ffh_contexts *contexts, const int16_t *tiles, ptrdiff_t stride, int log2_size,
                      int is_luma, enum ffh_scan scan);

#endif
