#include "ffh_params.h"

#include <string.h>

#include "ffh_nal.h"

enum { EXTENDED_SAR = 255 };

/* Opens the RBSP of a NAL unit of the expected type; the caller frees `rbsp`. */
static int open_rbsp(const uint8_t *nal, size_t size, int type, ffh_buf *rbsp, ffh_bitreader *r)
{
    if (ffh_nal_unit_type(nal, size) != type)
        return FFH_EDATA;
    int error = ffh_nal_to_rbsp(nal, size, rbsp);
    if (error < 0)
        return error;
    ffh_bitreader_init(r, rbsp->data, rbsp->size);
    return 0;
}

int ffh_parse_vps(const uint8_t *nal, size_t size, ffh_vps *vps)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    memset(vps, 0, sizeof(*vps));
    int error = open_rbsp(nal, size, FFH_NAL_VPS, &rbsp, &r);
    if (error == 0) {
        vps->vps_video_parameter_set_id = (uint8_t)ffh_get_u(&r, 4);
        ffh_skip_bits(&r, 2); /* vps_base_layer_internal_flag, vps_base_layer_available_flag */
        vps->vps_max_layers_minus1 = (uint8_t)ffh_get_u(&r, 6);
        vps->vps_max_sub_layers_minus1 = (uint8_t)ffh_get_u_range(&r, 3, 0, 6);
        ffh_skip_bits(&r, 1 + 16 + 8 * FFH_PTL_SIZE);
        error = r.error;
    }
    ffh_buf_free(&rbsp);
    return error;
}

/* clause 7.3.3 */
static void profile_tier_level(ffh_bitreader *r, unsigned max_sub_layers_minus1, uint8_t general[FFH_PTL_SIZE])
{
    uint32_t profile_present[8] = { 0 }, level_present[8] = { 0 };

    for (int i = 0; i < FFH_PTL_SIZE; i++)
        general[i] = (uint8_t)ffh_get_u(r, 8);
    for (unsigned i = 0; i < max_sub_layers_minus1; i++) {
        profile_present[i] = ffh_get_u(r, 1);
        level_present[i] = ffh_get_u(r, 1);
    }
    if (max_sub_layers_minus1)
        ffh_skip_bits(r, 2 * (8 - max_sub_layers_minus1));
    for (unsigned i = 0; i < max_sub_layers_minus1; i++)
        ffh_skip_bits(r, (profile_present[i] ? 88 : 0) + (level_present[i] ? 8 : 0));
}

/* clause 7.3.4 */
static void skip_scaling_list_data(ffh_bitreader *r)
{
    for (int size_id = 0; size_id < 4; size_id++) {
        for (int matrix_id = 0; matrix_id < 6; matrix_id += size_id == 3 ? 3 : 1) {
            if (!ffh_get_u(r, 1)) { /* scaling_list_pred_mode_flag */
                ffh_get_ue_range(r, 0, 5);
                continue;
            }
            int coefficients = FFH_MIN(64, 1 << (4 + (size_id << 1)));
            if (size_id > 1)
                ffh_get_se_range(r, -7, 247);
            for (int i = 0; i < coefficients; i++)
                ffh_get_se_range(r, -128, 127);
        }
    }
}

/* clause E.2.3 */
static void skip_sub_layer_hrd(ffh_bitreader *r, unsigned cpb_cnt, int sub_pic_params)
{
    for (unsigned i = 0; i < cpb_cnt; i++) {
        for (int j = 0; j < (sub_pic_params ? 4 : 2); j++)
            ffh_get_ue(r);
        ffh_skip_bits(r, 1);
    }
}

/* clause E.2.2 */
static void skip_hrd_parameters(ffh_bitreader *r, unsigned max_sub_layers_minus1)
{
    int sub_pic_params = 0;
    int nal_hrd = (int)ffh_get_u(r, 1), vcl_hrd = (int)ffh_get_u(r, 1);

    if (nal_hrd || vcl_hrd) {
        sub_pic_params = (int)ffh_get_u(r, 1);
        ffh_skip_bits(r, (sub_pic_params ? 19 : 0) + 8 + (sub_pic_params ? 4 : 0) + 15);
    }
    for (unsigned i = 0; i <= max_sub_layers_minus1 && !r->error; i++) {
        int low_delay = 0;
        unsigned cpb_cnt = 1;
        int fixed_general = (int)ffh_get_u(r, 1);
        int fixed_within_cvs = fixed_general ? 1 : (int)ffh_get_u(r, 1);
        if (fixed_within_cvs)
            ffh_get_ue(r);
        else
            low_delay = (int)ffh_get_u(r, 1);
        if (!low_delay)
            cpb_cnt = ffh_get_ue_range(r, 0, 31) + 1;
        if (nal_hrd)
            skip_sub_layer_hrd(r, cpb_cnt, sub_pic_params);
        if (vcl_hrd)
            skip_sub_layer_hrd(r, cpb_cnt, sub_pic_params);
    }
}

/* clause E.2.1 */
static void vui_parameters(ffh_bitreader *r, ffh_sps *sps)
{
    if (ffh_get_u(r, 1) && ffh_get_u(r, 8) == EXTENDED_SAR) /* aspect_ratio_info_present_flag */
        ffh_skip_bits(r, 32);
    if (ffh_get_u(r, 1)) /* overscan_info_present_flag */
        ffh_skip_bits(r, 1);
    if (ffh_get_u(r, 1)) { /* video_signal_type_present_flag */
        ffh_skip_bits(r, 4);
        if (ffh_get_u(r, 1)) /* colour_description_present_flag */
            ffh_skip_bits(r, 24);
    }
    sps->chroma_loc_info_present_flag = (uint8_t)ffh_get_u(r, 1);
    if (sps->chroma_loc_info_present_flag) {
        sps->chroma_sample_loc_type_top_field = (uint8_t)ffh_get_ue_range(r, 0, 5);
        ffh_get_ue_range(r, 0, 5); /* chroma_sample_loc_type_bottom_field */
    }
    ffh_skip_bits(r, 3); /* neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag */
    if (ffh_get_u(r, 1)) /* default_display_window_flag */
        for (int i = 0; i < 4; i++)
            ffh_get_ue(r);
    if (ffh_get_u(r, 1)) { /* vui_timing_info_present_flag */
        ffh_skip_bits(r, 64);
        if (ffh_get_u(r, 1)) /* vui_poc_proportional_to_timing_flag */
            ffh_get_ue(r);
        if (ffh_get_u(r, 1)) { /* vui_hrd_parameters_present_flag; commonInfPresentFlag is 1 here */
            skip_hrd_parameters(r, sps->sps_max_sub_layers_minus1);
        }
    }
    if (ffh_get_u(r, 1)) { /* bitstream_restriction_flag */
        ffh_skip_bits(r, 3);
        for (int i = 0; i < 5; i++)
            ffh_get_ue(r);
    }
}

static void picture_geometry(ffh_bitreader *r, ffh_sps *sps)
{
    sps->chroma_format_idc = (uint8_t)ffh_get_ue_range(r, 0, 3);
    if (sps->chroma_format_idc == 3)
        ffh_skip_bits(r, 1); /* separate_colour_plane_flag */
    sps->pic_width_in_luma_samples = (uint16_t)ffh_get_ue_range(r, 8, FFH_MAX_PICTURE_SIDE);
    sps->pic_height_in_luma_samples = (uint16_t)ffh_get_ue_range(r, 8, FFH_MAX_PICTURE_SIDE);
    if (ffh_get_u(r, 1)) { /* conformance_window_flag */
        sps->conf_win_left_offset = (uint16_t)ffh_get_ue_range(r, 0, FFH_MAX_PICTURE_SIDE);
        sps->conf_win_right_offset = (uint16_t)ffh_get_ue_range(r, 0, FFH_MAX_PICTURE_SIDE);
        sps->conf_win_top_offset = (uint16_t)ffh_get_ue_range(r, 0, FFH_MAX_PICTURE_SIDE);
        sps->conf_win_bottom_offset = (uint16_t)ffh_get_ue_range(r, 0, FFH_MAX_PICTURE_SIDE);
    }
    if (2 * (sps->conf_win_left_offset + sps->conf_win_right_offset) >= sps->pic_width_in_luma_samples ||
        2 * (sps->conf_win_top_offset + sps->conf_win_bottom_offset) >= sps->pic_height_in_luma_samples)
        r->error = FFH_EDATA;
    sps->bit_depth_luma = (uint8_t)(8 + ffh_get_ue_range(r, 0, 8));
    sps->bit_depth_chroma = (uint8_t)(8 + ffh_get_ue_range(r, 0, 8));
}

static void block_sizes(ffh_bitreader *r, ffh_sps *sps)
{
    sps->log2_min_luma_coding_block_size = (uint8_t)(3 + ffh_get_ue_range(r, 0, 3));
    sps->log2_ctb_size = (uint8_t)(sps->log2_min_luma_coding_block_size + ffh_get_ue_range(r, 0, 3));
    sps->log2_min_luma_transform_block_size = (uint8_t)(2 + ffh_get_ue_range(r, 0, 3));
    sps->log2_max_luma_transform_block_size =
        (uint8_t)(sps->log2_min_luma_transform_block_size + ffh_get_ue_range(r, 0, 3));
    sps->max_transform_hierarchy_depth_inter = (uint8_t)ffh_get_ue_range(r, 0, 4);
    sps->max_transform_hierarchy_depth_intra = (uint8_t)ffh_get_ue_range(r, 0, 4);

    unsigned min_cb = 1u << sps->log2_min_luma_coding_block_size;
    if (sps->log2_ctb_size < 4 || sps->log2_ctb_size > 6 ||
        sps->log2_min_luma_transform_block_size >= sps->log2_min_luma_coding_block_size ||
        sps->log2_max_luma_transform_block_size > FFH_MIN(sps->log2_ctb_size, 5) ||
        sps->pic_width_in_luma_samples % min_cb || sps->pic_height_in_luma_samples % min_cb)
        r->error = FFH_EDATA;
}

static void reference_structure(ffh_bitreader *r, ffh_sps *sps)
{
    sps->ref_pic_sets_begin = r->pos;
    unsigned count = ffh_get_ue_range(r, 0, FFH_MAX_SHORT_TERM_RPS);
    sps->num_short_term_ref_pic_sets = (uint8_t)count;
    for (unsigned i = 0; i < count && !r->error; i++)
        ffh_get_ref_pic_set(r, i, sps->st_ref_pic_set, count, &sps->st_ref_pic_set[i]);
    sps->ref_pic_sets_end = r->pos;
}

static void sps_extensions(ffh_bitreader *r, ffh_sps *sps)
{
    if (!ffh_get_u(r, 1)) /* sps_extension_present_flag */
        return;
    unsigned range_extension_flag = ffh_get_u(r, 1);
    sps->other_extension = ffh_get_u(r, 7) != 0;
    if (range_extension_flag)
        sps->range_extension = ffh_get_u(r, 9) != 0;
}

static int parse_sps_rbsp(ffh_bitreader *r, ffh_sps *sps)
{
    sps->sps_video_parameter_set_id = (uint8_t)ffh_get_u(r, 4);
    sps->sps_max_sub_layers_minus1 = (uint8_t)ffh_get_u_range(r, 3, 0, 6);
    sps->sps_temporal_id_nesting_flag = (uint8_t)ffh_get_u(r, 1);
    profile_tier_level(r, sps->sps_max_sub_layers_minus1, sps->general_profile_tier_level);
    sps->sps_seq_parameter_set_id = (uint8_t)ffh_get_ue_range(r, 0, 15);
    picture_geometry(r, sps);
    sps->pic_order_cnt_position = r->pos;
    sps->log2_max_pic_order_cnt_lsb = (uint8_t)(4 + ffh_get_ue_range(r, 0, 12));

    unsigned all_sub_layers = ffh_get_u(r, 1); /* sps_sub_layer_ordering_info_present_flag */
    for (unsigned i = all_sub_layers ? 0 : sps->sps_max_sub_layers_minus1; i <= sps->sps_max_sub_layers_minus1; i++) {
        sps->sps_max_dec_pic_buffering_minus1 = (uint8_t)ffh_get_ue_range(r, 0, FFH_MAX_DPB - 1);
        sps->sps_max_num_reorder_pics = (uint8_t)ffh_get_ue_range(r, 0, sps->sps_max_dec_pic_buffering_minus1);
        ffh_get_ue(r); /* sps_max_latency_increase_plus1 */
    }
    block_sizes(r, sps);
    if (ffh_get_u(r, 1) && ffh_get_u(r, 1)) /* scaling_list_enabled_flag, sps_scaling_list_data_present_flag */
        skip_scaling_list_data(r);
    sps->amp_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    sps->sample_adaptive_offset_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    sps->pcm_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (sps->pcm_enabled_flag) {
        ffh_skip_bits(r, 8);
        ffh_get_ue_range(r, 0, 2);
        ffh_get_ue_range(r, 0, 2);
        ffh_skip_bits(r, 1);
    }
    reference_structure(r, sps);
    sps->long_term_ref_pics_present_flag = (uint8_t)ffh_get_u(r, 1);
    if (sps->long_term_ref_pics_present_flag) {
        unsigned pictures = ffh_get_ue_range(r, 0, 32);
        ffh_skip_bits(r, (size_t)pictures * (sps->log2_max_pic_order_cnt_lsb + 1u));
    }
    sps->sps_temporal_mvp_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    sps->strong_intra_smoothing_enabled_flag = (uint8_t)ffh_get_u(r, 1);
    if (ffh_get_u(r, 1)) /* vui_parameters_present_flag */
        vui_parameters(r, sps);
    sps_extensions(r, sps);
    return r->error;
}

int ffh_parse_sps(const uint8_t *nal, size_t size, ffh_sps *sps)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    memset(sps, 0, sizeof(*sps));
    int error = open_rbsp(nal, size, FFH_NAL_SPS, &rbsp, &r);
    if (error == 0)
        error = parse_sps_rbsp(&r, sps);
    ffh_buf_free(&rbsp);
    return error;
}

static void skip_tiles(ffh_bitreader *r)
{
    unsigned columns_minus1 = ffh_get_ue_range(r, 0, 1023);
    unsigned rows_minus1 = ffh_get_ue_range(r, 0, 1023);
    if (!ffh_get_u(r, 1)) /* uniform_spacing_flag */
        for (unsigned i = 0; i < columns_minus1 + rows_minus1 && !r->error; i++)
            ffh_get_ue(r);
    ffh_skip_bits(r, 1); /* loop_filter_across_tiles_enabled_flag */
}

static void pps_extensions(ffh_bitreader *r, ffh_pps *pps)
{
    if (!ffh_get_u(r, 1)) /* pps_extension_present_flag */
        return;
    pps->pps_range_extension_flag = (uint8_t)ffh_get_u(r, 1);
    ffh_skip_bits(r, 7);
    if (!pps->pps_range_extension_flag)
        return;
    if (pps->transform_skip_enabled_flag)
        ffh_get_ue(r);
    ffh_skip_bits(r, 1); /* cross_component_prediction_enabled_flag */
    pps->chroma_qp_offset_list_enabled_flag = (uint8_t)ffh_get_u(r, 1);
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
        skip_scaling_list_data(r);
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
    int error = open_rbsp(nal, size, FFH_NAL_PPS, &rbsp, &r);
    if (error == 0)
        error = parse_pps_rbsp(&r, pps);
    ffh_buf_free(&rbsp);
    return error;
}
