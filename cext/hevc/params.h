/*
 * Parameter sets: what the splice needs of VPS, SPS and PPS (H.265 clause 7.3.2), range-checked, and the
 * writing of small parameter sets of our own. Members are named as the syntax elements are.
 */
#ifndef FFH_HEVC_PARAMS_H
#define FFH_HEVC_PARAMS_H

#include "hevc/ref_pic_set.h"

#define FFH_MAX_PICTURE_SIDE 16384
#define FFH_PTL_SIZE 12

typedef struct ffh_vps {
    uint8_t vps_video_parameter_set_id;
    uint8_t vps_max_layers_minus1;
    uint8_t vps_max_sub_layers_minus1;
} ffh_vps;

typedef struct ffh_sps {
    uint8_t sps_video_parameter_set_id;
    uint8_t sps_max_sub_layers_minus1;
    uint8_t sps_temporal_id_nesting_flag;
    uint8_t general_profile_tier_level[FFH_PTL_SIZE]; /* general_profile_space .. general_level_idc as coded */
    uint8_t sps_seq_parameter_set_id;
    uint8_t chroma_format_idc;
    uint16_t pic_width_in_luma_samples;
    uint16_t pic_height_in_luma_samples;
    uint16_t conf_win_left_offset; /* in chroma units, as all four */
    uint16_t conf_win_right_offset;
    uint16_t conf_win_top_offset;
    uint16_t conf_win_bottom_offset;
    uint8_t bit_depth_luma;
    uint8_t bit_depth_chroma;
    uint8_t log2_max_pic_order_cnt_lsb;
    size_t pic_order_cnt_position; /* of log2_max_pic_order_cnt_lsb_minus4, in bits from the beginning of the RBSP */
    uint8_t sps_max_dec_pic_buffering_minus1; /* of the highest sub-layer */
    uint8_t sps_max_num_reorder_pics;
    uint8_t log2_min_luma_coding_block_size;
    uint8_t log2_ctb_size;
    uint8_t log2_min_luma_transform_block_size;
    uint8_t log2_max_luma_transform_block_size;
    uint8_t max_transform_hierarchy_depth_inter;
    uint8_t max_transform_hierarchy_depth_intra;
    uint8_t amp_enabled_flag;
    uint8_t sample_adaptive_offset_enabled_flag;
    uint8_t pcm_enabled_flag;
    uint8_t num_short_term_ref_pic_sets;
    ffh_ref_pic_set st_ref_pic_set[FFH_MAX_SHORT_TERM_RPS];
    size_t ref_pic_sets_begin, ref_pic_sets_end; /* num_short_term_ref_pic_sets and all sets */
    uint8_t long_term_ref_pics_present_flag;
    uint8_t sps_temporal_mvp_enabled_flag;
    uint8_t strong_intra_smoothing_enabled_flag;
    uint8_t chroma_loc_info_present_flag;
    uint8_t chroma_sample_loc_type_top_field;
    uint8_t range_extension; /* any tool of sps_range_extension() that changes lossless intra coding */
    uint8_t scc_extension;   /* sps_scc_extension() present; multilayer and 3D ones change nothing in the base layer */
} ffh_sps;

typedef struct ffh_pps {
    uint8_t pps_pic_parameter_set_id;
    uint8_t pps_seq_parameter_set_id;
    uint8_t dependent_slice_segments_enabled_flag;
    uint8_t output_flag_present_flag;
    uint8_t num_extra_slice_header_bits;
    uint8_t sign_data_hiding_enabled_flag;
    uint8_t cabac_init_present_flag;
    uint8_t num_ref_idx_default_active_minus1[2]; /* of lists 0 and 1 */
    int8_t init_qp_minus26;
    size_t defaults_begin, defaults_end; /* the last three */
    uint8_t transform_skip_enabled_flag;
    uint8_t cu_qp_delta_enabled_flag;
    uint8_t diff_cu_qp_delta_depth;
    uint8_t pps_slice_chroma_qp_offsets_present_flag;
    uint8_t weighted_pred_flag;
    uint8_t weighted_bipred_flag;
    uint8_t transquant_bypass_enabled_flag;
    size_t transquant_bypass_position; /* of that flag, in bits from the beginning of the RBSP */
    uint8_t tiles_enabled_flag;
    uint8_t entropy_coding_sync_enabled_flag;
    uint8_t pps_loop_filter_across_slices_enabled_flag;
    uint8_t deblocking_filter_override_enabled_flag;
    uint8_t pps_deblocking_filter_disabled_flag;
    uint8_t lists_modification_present_flag;
    uint8_t slice_segment_header_extension_present_flag;
    uint8_t pps_range_extension_flag;
    uint8_t chroma_qp_offset_list_enabled_flag; /* of pps_range_extension() */
    uint8_t scc_extension;                      /* pps_scc_extension() present */
} ffh_pps;

/* Each parses one whole NAL unit and returns 0, FFH_EDATA or FFH_ENOMEM. An SPS or PPS without extensions but
 * that of range has to end where its RBSP does. */
int ffh_parse_vps(const uint8_t *nal, size_t size, ffh_vps *vps);
int ffh_parse_sps(const uint8_t *nal, size_t size, ffh_sps *sps);
int ffh_parse_pps(const uint8_t *nal, size_t size, ffh_pps *pps);

/* Appends a copy of a VPS or SPS in which nothing but general_level_idc is another. */
int ffh_write_with_level(const uint8_t *nal, size_t size, uint8_t general_level_idc, ffh_buf *out);

/* Ends an RBSP, appends it to `out` as a NAL unit, and frees it. */
int ffh_finish_nal(ffh_bitwriter *w, ffh_buf *rbsp, int nal_unit_type, ffh_buf *out);

/* Appends a NAL unit to `out`. The SPS carries exactly what ffh_sps holds: one sub-layer, no VUI. */
int ffh_write_vps(const ffh_sps *sps, ffh_buf *out);
int ffh_write_sps(const ffh_sps *sps, ffh_buf *out);
int ffh_write_pps(const ffh_pps *pps, ffh_buf *out);

/* Appends a copy of an SPS or PPS that makes slice headers short: with fewer bits for picture order counts and the
 * reference picture sets that x265 uses most, and with the numbers of reference pictures and the QP that low rates
 * have. Nothing else changes but what is named. */
int ffh_write_compact_sps(const uint8_t *nal, size_t size, ffh_buf *out);
int ffh_write_compact_pps(const uint8_t *nal, size_t size, uint8_t pps_pic_parameter_set_id,
                        uint8_t transquant_bypass_enabled_flag, ffh_buf *out);

/* The SPS of the neural track: 64x64, 8 bits, Main profile, one CTU. */
void ffh_neural_track_sps(ffh_sps *sps);

#endif
