#include "hevc/cabac/contexts.h"

enum { INIT_TYPES = 3 };

static void init_group(ffh_cabac_ctx *group, const uint8_t *init_values, size_t count, int slice_qp)
{
    for (size_t i = 0; i < count; i++)
        group[i] = ffh_cabac_init_ctx(init_values[i], slice_qp);
}

/* Tables 9-5 to 9-37; a row for each initType. Values that an I slice does not use are those of equal odds, 154. */
void ffh_contexts_init(ffh_contexts *contexts, int init_type, int slice_qp)
{
    static const uint8_t split_cu_flag[INIT_TYPES][3] = { { 139, 141, 157 }, { 107, 139, 126 }, { 107, 139, 126 } };
    static const uint8_t cu_transquant_bypass_flag[INIT_TYPES][1] = { { 154 }, { 154 }, { 154 } };
    static const uint8_t part_mode[INIT_TYPES][1] = { { 184 }, { 154 }, { 154 } };
    static const uint8_t prev_intra_luma_pred_flag[INIT_TYPES][1] = { { 184 }, { 154 }, { 183 } };
    static const uint8_t intra_chroma_pred_mode[INIT_TYPES][1] = { { 63 }, { 152 }, { 152 } };
    static const uint8_t split_transform_flag[INIT_TYPES][3] = { { 153, 138, 138 },
                                                                 { 124, 138, 94 },
                                                                 { 224, 167, 122 } };
    static const uint8_t cbf_luma[INIT_TYPES][2] = { { 111, 141 }, { 153, 111 }, { 153, 111 } };
    static const uint8_t cbf_chroma[INIT_TYPES][4] = { { 94, 138, 182, 154 },
                                                       { 149, 107, 167, 154 },
                                                       { 149, 92, 167, 154 } };
    static const uint8_t last_sig_coeff_prefix[INIT_TYPES][18] = {
        { 110, 110, 124, 125, 140, 153, 125, 127, 140, 109, 111, 143, 127, 111, 79, 108, 123, 63 },
        { 125, 110, 94, 110, 95, 79, 125, 111, 110, 78, 110, 111, 111, 95, 94, 108, 123, 108 },
        { 125, 110, 124, 110, 95, 94, 125, 111, 111, 79, 125, 126, 111, 111, 79, 108, 123, 93 },
    };
    static const uint8_t coded_sub_block_flag[INIT_TYPES][4] = { { 91, 171, 134, 141 },
                                                                 { 121, 140, 61, 154 },
                                                                 { 121, 140, 61, 154 } };
    static const uint8_t sig_coeff_flag[INIT_TYPES][42] = {
        { 111, 111, 125, 110, 110, 94,  124, 108, 124, 107, 125, 141, 179, 153, 125, 107, 125, 141, 179, 153, 125,
          107, 125, 141, 179, 153, 125, 140, 139, 182, 182, 152, 136, 152, 136, 153, 136, 139, 111, 136, 139, 111 },
        { 155, 154, 139, 153, 139, 123, 123, 63,  153, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154,
          166, 183, 140, 136, 153, 154, 170, 153, 123, 123, 107, 121, 107, 121, 167, 151, 183, 140, 151, 183, 140 },
        { 170, 154, 139, 153, 139, 123, 123, 63,  124, 166, 183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154,
          166, 183, 140, 136, 153, 154, 170, 153, 138, 138, 122, 121, 122, 121, 167, 151, 183, 140, 151, 183, 140 },
    };
    static const uint8_t greater1_flag[INIT_TYPES][24] = {
        { 140, 92,  137, 138, 140, 152, 138, 139, 153, 74,  149, 92,
          139, 107, 122, 152, 140, 179, 166, 182, 140, 227, 122, 197 },
        { 154, 196, 196, 167, 154, 152, 167, 182, 182, 134, 149, 136,
          153, 121, 136, 137, 169, 194, 166, 167, 154, 167, 137, 182 },
        { 154, 196, 167, 167, 154, 152, 167, 182, 182, 134, 149, 136,
          153, 121, 136, 122, 169, 208, 166, 167, 154, 152, 167, 182 },
    };
    static const uint8_t greater2_flag[INIT_TYPES][6] = { { 138, 153, 136, 167, 152, 152 },
                                                          { 107, 167, 91, 122, 107, 167 },
                                                          { 107, 167, 91, 107, 107, 167 } };
    static const uint8_t cu_qp_delta_abs[INIT_TYPES][2] = { { 154, 154 }, { 154, 154 }, { 154, 154 } };
    static const uint8_t transform_skip_flag[INIT_TYPES][2] = { { 139, 139 }, { 139, 139 }, { 139, 139 } };
    static const uint8_t cu_skip_flag[INIT_TYPES][3] = { { 154, 154, 154 }, { 197, 185, 201 }, { 197, 185, 201 } };
    static const uint8_t pred_mode_flag[INIT_TYPES][1] = { { 154 }, { 149 }, { 134 } };
    static const uint8_t inter_part_mode[INIT_TYPES][3] = { { 154, 154, 154 }, { 139, 154, 154 }, { 139, 154, 154 } };
    static const uint8_t merge_flag[INIT_TYPES][1] = { { 154 }, { 110 }, { 154 } };
    static const uint8_t merge_idx[INIT_TYPES][1] = { { 154 }, { 122 }, { 137 } };
    static const uint8_t inter_pred_idc[INIT_TYPES][5] = { { 154, 154, 154, 154, 154 },
                                                           { 95, 79, 63, 31, 31 },
                                                           { 95, 79, 63, 31, 31 } };
    static const uint8_t ref_idx[INIT_TYPES][2] = { { 154, 154 }, { 153, 153 }, { 153, 153 } };
    static const uint8_t abs_mvd_greater0_flag[INIT_TYPES][1] = { { 154 }, { 140 }, { 169 } };
    static const uint8_t abs_mvd_greater1_flag[INIT_TYPES][1] = { { 154 }, { 198 }, { 198 } };
    static const uint8_t mvp_flag[INIT_TYPES][1] = { { 154 }, { 168 }, { 168 } };
    static const uint8_t rqt_root_cbf[INIT_TYPES][1] = { { 154 }, { 79 }, { 79 } };

#define INIT(member, table) init_group((ffh_cabac_ctx *)&contexts->member, table[init_type], sizeof(table[0]), slice_qp)
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
    INIT(cu_qp_delta_abs, cu_qp_delta_abs);
    INIT(transform_skip_flag, transform_skip_flag);
    INIT(cu_skip_flag, cu_skip_flag);
    INIT(pred_mode_flag, pred_mode_flag);
    INIT(inter_part_mode, inter_part_mode);
    INIT(merge_flag, merge_flag);
    INIT(merge_idx, merge_idx);
    INIT(inter_pred_idc, inter_pred_idc);
    INIT(ref_idx, ref_idx);
    INIT(abs_mvd_greater0_flag, abs_mvd_greater0_flag);
    INIT(abs_mvd_greater1_flag, abs_mvd_greater1_flag);
    INIT(mvp_flag, mvp_flag);
    INIT(rqt_root_cbf, rqt_root_cbf);
#undef INIT
}
