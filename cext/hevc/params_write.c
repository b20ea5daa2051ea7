#include <string.h>

#include "hevc/nal.h"
#include "hevc/params.h"

int ffh_finish_nal(ffh_bitwriter *w, ffh_buf *rbsp, int nal_unit_type, ffh_buf *out)
{
    ffh_put_trailing_bits(w);
    ffh_put_nal_header(out, nal_unit_type);
    if (!rbsp->error)
        ffh_append_escaped(out, rbsp->data, rbsp->size);
    int error = rbsp->error ? rbsp->error : out->error;
    ffh_buf_free(rbsp);
    return error;
}

static void put_profile_tier_level(ffh_bitwriter *w, const ffh_sps *sps)
{
    for (int i = 0; i < FFH_PTL_SIZE; i++)
        ffh_put_u(w, "general_profile_tier_level", 8, sps->general_profile_tier_level[i]);
}

int ffh_write_vps(const ffh_sps *sps, ffh_buf *out)
{
    ffh_buf rbsp = { 0 };
    ffh_bitwriter w;
    ffh_bitwriter_init(&w, &rbsp);

    ffh_put_u(&w, "vps_video_parameter_set_id", 4, sps->sps_video_parameter_set_id);
    ffh_put_u(&w, "vps_base_layer_internal_flag", 1, 1);
    ffh_put_u(&w, "vps_base_layer_available_flag", 1, 1);
    ffh_put_u(&w, "vps_max_layers_minus1", 6, 0);
    ffh_put_u(&w, "vps_max_sub_layers_minus1", 3, 0);
    ffh_put_u(&w, "vps_temporal_id_nesting_flag", 1, 1);
    ffh_put_u(&w, "vps_reserved_0xffff_16bits", 16, 0xffff);
    put_profile_tier_level(&w, sps);
    ffh_put_u(&w, "vps_sub_layer_ordering_info_present_flag", 1, 1);
    ffh_put_ue(&w, "vps_max_dec_pic_buffering_minus1", sps->sps_max_dec_pic_buffering_minus1);
    ffh_put_ue(&w, "vps_max_num_reorder_pics", sps->sps_max_num_reorder_pics);
    ffh_put_ue(&w, "vps_max_latency_increase_plus1", 0);
    ffh_put_u(&w, "vps_max_layer_id", 6, 0);
    ffh_put_ue(&w, "vps_num_layer_sets_minus1", 0);
    ffh_put_u(&w, "vps_timing_info_present_flag", 1, 0);
    ffh_put_u(&w, "vps_extension_flag", 1, 0);
    return ffh_finish_nal(&w, &rbsp, FFH_NAL_VPS, out);
}

int ffh_write_sps(const ffh_sps *sps, ffh_buf *out)
{
    ffh_buf rbsp = { 0 };
    ffh_bitwriter w;
    ffh_bitwriter_init(&w, &rbsp);

    ffh_put_u(&w, "sps_video_parameter_set_id", 4, sps->sps_video_parameter_set_id);
    ffh_put_u(&w, "sps_max_sub_layers_minus1", 3, 0);
    ffh_put_u(&w, "sps_temporal_id_nesting_flag", 1, 1);
    put_profile_tier_level(&w, sps);
    ffh_put_ue(&w, "sps_seq_parameter_set_id", sps->sps_seq_parameter_set_id);
    ffh_put_ue(&w, "chroma_format_idc", sps->chroma_format_idc);
    ffh_put_ue(&w, "pic_width_in_luma_samples", sps->pic_width_in_luma_samples);
    ffh_put_ue(&w, "pic_height_in_luma_samples", sps->pic_height_in_luma_samples);
    ffh_put_u(&w, "conformance_window_flag", 1, 1);
    ffh_put_ue(&w, "conf_win_left_offset", sps->conf_win_left_offset);
    ffh_put_ue(&w, "conf_win_right_offset", sps->conf_win_right_offset);
    ffh_put_ue(&w, "conf_win_top_offset", sps->conf_win_top_offset);
    ffh_put_ue(&w, "conf_win_bottom_offset", sps->conf_win_bottom_offset);
    ffh_put_ue(&w, "bit_depth_luma_minus8", sps->bit_depth_luma - 8u);
    ffh_put_ue(&w, "bit_depth_chroma_minus8", sps->bit_depth_chroma - 8u);
    ffh_put_ue(&w, "log2_max_pic_order_cnt_lsb_minus4", sps->log2_max_pic_order_cnt_lsb - 4u);
    ffh_put_u(&w, "sps_sub_layer_ordering_info_present_flag", 1, 1);
    ffh_put_ue(&w, "sps_max_dec_pic_buffering_minus1", sps->sps_max_dec_pic_buffering_minus1);
    ffh_put_ue(&w, "sps_max_num_reorder_pics", sps->sps_max_num_reorder_pics);
    ffh_put_ue(&w, "sps_max_latency_increase_plus1", 0);
    ffh_put_ue(&w, "log2_min_luma_coding_block_size_minus3", sps->log2_min_luma_coding_block_size - 3u);
    ffh_put_ue(&w, "log2_diff_max_min_luma_coding_block_size",
               (uint32_t)(sps->log2_ctb_size - sps->log2_min_luma_coding_block_size));
    ffh_put_ue(&w, "log2_min_luma_transform_block_size_minus2", sps->log2_min_luma_transform_block_size - 2u);
    ffh_put_ue(&w, "log2_diff_max_min_luma_transform_block_size",
               (uint32_t)(sps->log2_max_luma_transform_block_size - sps->log2_min_luma_transform_block_size));
    ffh_put_ue(&w, "max_transform_hierarchy_depth_inter", 0);
    ffh_put_ue(&w, "max_transform_hierarchy_depth_intra", sps->max_transform_hierarchy_depth_intra);
    ffh_put_u(&w, "scaling_list_enabled_flag", 1, 0);
    ffh_put_u(&w, "amp_enabled_flag", 1, 0);
    ffh_put_u(&w, "sample_adaptive_offset_enabled_flag", 1, sps->sample_adaptive_offset_enabled_flag);
    ffh_put_u(&w, "pcm_enabled_flag", 1, 0);
    ffh_put_ue(&w, "num_short_term_ref_pic_sets", 0);
    ffh_put_u(&w, "long_term_ref_pics_present_flag", 1, 0);
    ffh_put_u(&w, "sps_temporal_mvp_enabled_flag", 1, 0);
    ffh_put_u(&w, "strong_intra_smoothing_enabled_flag", 1, sps->strong_intra_smoothing_enabled_flag);
    ffh_put_u(&w, "vui_parameters_present_flag", 1, 0);
    ffh_put_u(&w, "sps_extension_present_flag", 1, 0);
    return ffh_finish_nal(&w, &rbsp, FFH_NAL_SPS, out);
}

int ffh_write_pps(const ffh_pps *pps, ffh_buf *out)
{
    ffh_buf rbsp = { 0 };
    ffh_bitwriter w;
    ffh_bitwriter_init(&w, &rbsp);

    ffh_put_ue(&w, "pps_pic_parameter_set_id", pps->pps_pic_parameter_set_id);
    ffh_put_ue(&w, "pps_seq_parameter_set_id", pps->pps_seq_parameter_set_id);
    ffh_put_u(&w, "dependent_slice_segments_enabled_flag", 1, 0);
    ffh_put_u(&w, "output_flag_present_flag", 1, 0);
    ffh_put_u(&w, "num_extra_slice_header_bits", 3, 0);
    ffh_put_u(&w, "sign_data_hiding_enabled_flag", 1, 0);
    ffh_put_u(&w, "cabac_init_present_flag", 1, 0);
    ffh_put_ue(&w, "num_ref_idx_l0_default_active_minus1", 0);
    ffh_put_ue(&w, "num_ref_idx_l1_default_active_minus1", 0);
    ffh_put_se(&w, "init_qp_minus26", pps->init_qp_minus26);
    ffh_put_u(&w, "constrained_intra_pred_flag", 1, 0);
    ffh_put_u(&w, "transform_skip_enabled_flag", 1, 0);
    ffh_put_u(&w, "cu_qp_delta_enabled_flag", 1, 0);
    ffh_put_se(&w, "pps_cb_qp_offset", 0);
    ffh_put_se(&w, "pps_cr_qp_offset", 0);
    ffh_put_u(&w, "pps_slice_chroma_qp_offsets_present_flag", 1, 0);
    ffh_put_u(&w, "weighted_pred_flag", 1, 0);
    ffh_put_u(&w, "weighted_bipred_flag", 1, 0);
    ffh_put_u(&w, "transquant_bypass_enabled_flag", 1, pps->transquant_bypass_enabled_flag);
    ffh_put_u(&w, "tiles_enabled_flag", 1, 0);
    ffh_put_u(&w, "entropy_coding_sync_enabled_flag", 1, pps->entropy_coding_sync_enabled_flag);
    ffh_put_u(&w, "pps_loop_filter_across_slices_enabled_flag", 1, 0);
    ffh_put_u(&w, "deblocking_filter_control_present_flag", 1, 1);
    ffh_put_u(&w, "deblocking_filter_override_enabled_flag", 1, 0);
    ffh_put_u(&w, "pps_deblocking_filter_disabled_flag", 1, 1);
    ffh_put_u(&w, "pps_scaling_list_data_present_flag", 1, 0);
    ffh_put_u(&w, "lists_modification_present_flag", 1, 0);
    ffh_put_ue(&w, "log2_parallel_merge_level_minus2", 0);
    ffh_put_u(&w, "slice_segment_header_extension_present_flag", 1, 0);
    ffh_put_u(&w, "pps_extension_present_flag", 1, 0);
    return ffh_finish_nal(&w, &rbsp, FFH_NAL_PPS, out);
}

void ffh_neural_track_sps(ffh_sps *sps)
{
    /* Main profile, compatible with Main 10, progressive, frames only, level 1 (clause A.3.2, A.4). */
    static const uint8_t profile_tier_level[FFH_PTL_SIZE] = { 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 30 };

    memset(sps, 0, sizeof(*sps));
    memcpy(sps->general_profile_tier_level, profile_tier_level, FFH_PTL_SIZE);
    sps->sps_temporal_id_nesting_flag = 1;
    sps->chroma_format_idc = 1;
    sps->pic_width_in_luma_samples = 64;
    sps->pic_height_in_luma_samples = 64;
    sps->bit_depth_luma = 8;
    sps->bit_depth_chroma = 8;
    sps->log2_max_pic_order_cnt_lsb = 4;
    sps->log2_min_luma_coding_block_size = 3;
    sps->log2_ctb_size = 6;
    sps->log2_min_luma_transform_block_size = 2;
    sps->log2_max_luma_transform_block_size = 5;
}
