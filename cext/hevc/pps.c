#include <string.h>

#include "hevc/nal.h"
#include "hevc/params.h"
#include "hevc/params_read.h"

static void skip_tiles(ffh_bitreader *r)
{
    unsigned columns_minus1 = ffh_get_ue_range(r, 0, 1023);
    unsigned rows_minus1 = ffh_get_ue_range(r, 0, 1023);
    if (!ffh_get_u(r, 1)) /* uniform_spacing_flag */
        for (unsigned i = 0; i < columns_minus1 + rows_minus1 && !r->error; i++)
            ffh_get_ue(r);
    ffh_skip_bits(r, 1); /* loop_filter_across_tiles_enabled_flag */
}

/* pps_range_extension() */
static void range_extension(ffh_bitreader *r, ffh_pps *pps)
{
    if (pps->transform_skip_enabled_flag)
        ffh_get_ue(r);   /* log2_max_transform_skip_block_size_minus2 */
    ffh_skip_bits(r, 1); /* cross_component_prediction_enabled_flag */
    pps->chroma_qp_offset_list_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (pps->chroma_qp_offset_list_enabled_flag) {
        ffh_get_ue_range(r, 0, 3); /* diff_cu_chroma_qp_offset_depth */
        uint32_t offsets = 2 * (ffh_get_ue_range(r, 0, 5) + 1);
        for (uint32_t i = 0; i < offsets; i++)
            ffh_get_se_range(r, -12, 12);
    }
    ffh_get_ue(r); /* log2_sao_offset_scale_luma */
    ffh_get_ue(r); /* log2_sao_offset_scale_chroma */
}

static void pps_extensions(ffh_bitreader *r, ffh_pps *pps)
{
    unsigned flags = ffh_get_u(r, 1) ? ffh_get_u(r, 8) : 0; /* pps_extension_present_flag */

    pps->pps_range_extension_flag = (flags & FFH_RANGE_EXTENSION) != 0;
    pps->scc_extension = (flags & FFH_SCC_EXTENSION) != 0;
    if (pps->pps_range_extension_flag)
        range_extension(r, pps);
    if (!(flags & ~FFH_RANGE_EXTENSION))
        ffh_get_trailing_bits(r);
}

static int parse_pps_rbsp(ffh_bitreader *r, ffh_pps *pps)
{
    pps->pps_pic_parameter_set_id = (uint8_t)ffh_get_ue_range(r, 0, 63);
    pps->pps_seq_parameter_set_id = (uint8_t)ffh_get_ue_range(r, 0, 15);
    pps->dependent_slice_segments_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    pps->output_flag_present_flag = (uint8_t)ffh_get_u(r, 1);
    pps->num_extra_slice_header_bits = (uint8_t)ffh_get_u(r, 3);
    pps->sign_data_hiding_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    pps->cabac_init_present_flag = (uint8_t)ffh_get_u(r, 1);
    pps->defaults_begin = r->pos;
    for (int list = 0; list < 2; list++)
        pps->num_ref_idx_default_active_minus1[list] = (uint8_t)ffh_get_ue_range(r, 0, 14);
    pps->init_qp_minus26 = (int8_t)ffh_get_se_range(r, -74, 25);
    pps->defaults_end = r->pos;
    ffh_skip_bits(r, 1); /* constrained_intra_pred_flag */
    pps->transform_skip_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    pps->cu_qp_delta_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (pps->cu_qp_delta_enabled_flag)
        pps->diff_cu_qp_delta_depth = (uint8_t)ffh_get_ue_range(r, 0, 3);
    ffh_get_se_range(r, -12, 12);
    ffh_get_se_range(r, -12, 12);
    pps->pps_slice_chroma_qp_offsets_present_flag = (uint8_t)ffh_get_u(r, 1);
    pps->weighted_pred_flag = (uint8_t)ffh_get_u(r, 1);
    pps->weighted_bipred_flag = (uint8_t)ffh_get_u(r, 1);
    pps->transquant_bypass_position = r->pos;
    pps->transquant_bypass_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    pps->tiles_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    pps->entropy_coding_sync_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (pps->tiles_enabled_flag)
        skip_tiles(r);
    pps->pps_loop_filter_across_slices_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (ffh_get_u(r, 1)) { /* deblocking_filter_control_present_flag */
        pps->deblocking_filter_override_enabled_flag = (uint8_t)ffh_get_u(r, 1);
        pps->pps_deblocking_filter_disabled_flag = (uint8_t)ffh_get_u(r, 1);
        if (!pps->pps_deblocking_filter_disabled_flag) {
            ffh_get_se_range(r, -6, 6);
            ffh_get_se_range(r, -6, 6);
        }
    }
    if (ffh_get_u(r, 1)) /* pps_scaling_list_data_present_flag */
        ffh_skip_scaling_list_data(r);
    pps->lists_modification_present_flag = (uint8_t)ffh_get_u(r, 1);
    ffh_get_ue_range(r, 0, 4);
    pps->slice_segment_header_extension_present_flag = (uint8_t)ffh_get_u(r, 1);
    pps_extensions(r, pps);
    return r->error;
}

int ffh_parse_pps(const uint8_t *nal, size_t size, ffh_pps *pps)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    memset(pps, 0, sizeof(*pps));
    int error = ffh_open_rbsp(nal, size, FFH_NAL_PPS, &rbsp, &r);
    if (error == 0)
        error = parse_pps_rbsp(&r, pps);
    ffh_buf_free(&rbsp);
    return error;
}
