#include "ffh_contexts.h"

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
