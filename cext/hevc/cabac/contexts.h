/*
 * Context variables of the slice data and their initial values, H.265 clause 9.3.2.
 */
#ifndef FFH_HEVC_CABAC_CONTEXTS_H
#define FFH_HEVC_CABAC_CONTEXTS_H

#include "hevc/cabac/cabac.h"

/* Grouped as the tables of clause 9.3.2.2 are; I slices use those up to coeff_abs_level_greater2_flag. */
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
    ffh_cabac_ctx cu_qp_delta_abs[2];
    ffh_cabac_ctx transform_skip_flag[2];
    ffh_cabac_ctx cu_skip_flag[3];
    ffh_cabac_ctx pred_mode_flag;
    ffh_cabac_ctx inter_part_mode[3]; /* after the first bin of part_mode */
    ffh_cabac_ctx merge_flag;
    ffh_cabac_ctx merge_idx;
    ffh_cabac_ctx inter_pred_idc[5];
    ffh_cabac_ctx ref_idx[2];
    ffh_cabac_ctx abs_mvd_greater0_flag;
    ffh_cabac_ctx abs_mvd_greater1_flag;
    ffh_cabac_ctx mvp_flag;
    ffh_cabac_ctx rqt_root_cbf;
} ffh_contexts;

/* `init_type` is initType of clause 9.3.2.2: 0 in I slices, 1 or 2 in P and B slices. */
void ffh_contexts_init(ffh_contexts *contexts, int init_type, int slice_qp);

#endif
