#include <string.h>

#include "hevc/nal.h"
#include "hevc/params.h"
#include "hevc/params_read.h"

int ffh_parse_vps(const uint8_t *nal, size_t size, ffh_vps *vps)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    memset(vps, 0, sizeof(*vps));
    int error = ffh_open_rbsp(nal, size, FFH_NAL_VPS, &rbsp, &r);
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
    int columns = sps->chroma_format_idc == 1 || sps->chroma_format_idc == 2 ? 2 : 1; /* SubWidthC of table 6-1 */
    int rows = sps->chroma_format_idc == 1 ? 2 : 1;
    if (columns * (sps->conf_win_left_offset + sps->conf_win_right_offset) >= sps->pic_width_in_luma_samples ||
        rows * (sps->conf_win_top_offset + sps->conf_win_bottom_offset) >= sps->pic_height_in_luma_samples)
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
    unsigned flags = ffh_get_u(r, 1) ? ffh_get_u(r, 8) : 0; /* sps_extension_present_flag */

    sps->scc_extension = (flags & FFH_SCC_EXTENSION) != 0;
    if (flags & FFH_RANGE_EXTENSION)
        sps->range_extension = ffh_get_u(r, 9) != 0;
    if (!(flags & ~FFH_RANGE_EXTENSION))
        ffh_get_trailing_bits(r);
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
        ffh_skip_scaling_list_data(r);
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
        ffh_get_vui_parameters(r, sps);
    sps_extensions(r, sps);
    return r->error;
}

int ffh_parse_sps(const uint8_t *nal, size_t size, ffh_sps *sps)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    memset(sps, 0, sizeof(*sps));
    int error = ffh_open_rbsp(nal, size, FFH_NAL_SPS, &rbsp, &r);
    if (error == 0)
        error = parse_sps_rbsp(&r, sps);
    ffh_buf_free(&rbsp);
    return error;
}
