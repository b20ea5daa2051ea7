#include "hevc/slice.h"

#include <string.h>

#include "hevc/nal.h"
#include "hevc/tools.h"

enum { HEADER_PREFIX = 16 }; /* bytes that hold everything up to slice_pic_parameter_set_id */

static int is_irap(int nal_unit_type)
{
    return nal_unit_type >= FFH_NAL_BLA_W_LP && nal_unit_type <= 23;
}

static int open_slice(const uint8_t *nal, size_t size, ffh_buf *rbsp, ffh_bitreader *r, ffh_slice_header *header)
{
    memset(header, 0, sizeof(*header));
    int type = ffh_nal_unit_type(nal, size);
    if (type < 0 || type >= FFH_NAL_VPS)
        return FFH_EDATA;
    int error = ffh_nal_to_rbsp(nal, size, rbsp);
    if (error < 0)
        return error;
    ffh_bitreader_init(r, rbsp->data, rbsp->size);

    header->nal_unit_type = (uint8_t)type;
    header->first_slice_segment_in_pic_flag = (uint8_t)ffh_get_u(r, 1);
    if (is_irap(type))
        ffh_skip_bits(r, 1); /* no_output_of_prior_pics_flag */
    header->pps_id_begin = r->pos;
    header->slice_pic_parameter_set_id = (uint8_t)ffh_get_ue_range(r, 0, 63);
    header->pps_id_end = r->pos;
    return r->error;
}

int ffh_parse_slice_pps_id(const uint8_t *nal, size_t size, ffh_slice_header *header)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    int error = open_slice(nal, FFH_MIN(size, HEADER_PREFIX), &rbsp, &r, header);
    ffh_buf_free(&rbsp);
    return error;
}

static void reference_pictures(ffh_bitreader *r, const ffh_sps *sps, ffh_slice_header *header)
{
    header->references_begin = r->pos;
    header->slice_pic_order_cnt_lsb = ffh_get_u(r, sps->log2_max_pic_order_cnt_lsb);
    ffh_get_slice_ref_pic_set(r, sps->st_ref_pic_set, sps->num_short_term_ref_pic_sets,
                              &header->short_term_ref_pic_set);
    header->references_end = r->pos;
}

/* clause 7.3.6.3 */
static void skip_pred_weight_table(ffh_bitreader *r, const ffh_sps *sps, const ffh_slice_header *header)
{
    unsigned planes = sps->chroma_format_idc ? 2 : 1; /* luma, and both chroma planes */

    ffh_get_ue_range(r, 0, 7); /* luma_log2_weight_denom */
    if (planes > 1)
        ffh_get_se_range(r, -7, 7);
    for (int list = 0; list < (header->slice_type == FFH_SLICE_B ? 2 : 1); list++) {
        uint32_t has_weight[2] = { 0 };
        for (unsigned plane = 0; plane < planes; plane++)
            has_weight[plane] = ffh_get_u(r, header->num_ref_idx[list]);
        for (int i = header->num_ref_idx[list] - 1; i >= 0; i--)
            for (unsigned plane = 0; plane < planes; plane++)
                for (unsigned j = 0; j < (has_weight[plane] >> i & 1) * 2 * (plane + 1); j++)
                    ffh_get_se(r); /* weights and offsets */
    }
}

/* RefPicList0 or RefPicList1 at an index, as its difference in POC (clause 8.3.4): pictures of the list's own
 * direction, nearest first, then the others, again and again. */
static int32_t list_entry(const ffh_ref_pic_set *set, int list, unsigned index)
{
    int32_t deltas[FFH_MAX_DPB];
    unsigned count = 0;

    for (int other = 0; other < 2; other++) {
        int is_before = list == other;
        for (int i = is_before ? 0 : set->num_negative_pics;
             i < (is_before ? set->num_negative_pics : set->num_delta_pocs); i++)
            if (set->used_by_curr_pic[i])
                deltas[count++] = set->delta_poc[i];
    }
    return count ? deltas[index % count] : 0;
}

static void collocated_picture(ffh_bitreader *r, ffh_slice_header *header)
{
    int list = 0;
    unsigned index = 0;

    header->collocated_begin = r->pos;
    if (header->slice_type == FFH_SLICE_B)
        list = !ffh_get_u(r, 1); /* collocated_from_l0_flag */
    if (header->num_ref_idx[list] > 1)
        index = ffh_get_ue_range(r, 0, header->num_ref_idx[list] - 1u);
    header->collocated_end = r->pos;
    header->collocated_delta_poc = list_entry(&header->short_term_ref_pic_set, list, index);
    if (!header->collocated_delta_poc)
        r->error = FFH_EDATA;
}

static void inter_prediction(ffh_bitreader *r, const ffh_sps *sps, const ffh_pps *pps, ffh_slice_header *header)
{
    int lists = header->slice_type == FFH_SLICE_B ? 2 : 1;

    header->ref_idx_begin = r->pos;
    unsigned overrides = ffh_get_u(r, 1); /* num_ref_idx_active_override_flag */

    for (int list = 0; list < lists; list++) {
        unsigned minus1 =
            overrides ? ffh_get_ue_range(r, 0, FFH_MAX_REF_IDX - 1) : pps->num_ref_idx_default_active_minus1[list];
        header->num_ref_idx[list] = (uint8_t)(minus1 + 1);
    }
    header->ref_idx_end = r->pos;
    if (header->slice_type == FFH_SLICE_B)
        header->mvd_l1_zero_flag = (uint8_t)ffh_get_u(r, 1);
    if (pps->cabac_init_present_flag)
        header->cabac_init_flag = (uint8_t)ffh_get_u(r, 1);
    if (header->slice_temporal_mvp_enabled_flag)
        collocated_picture(r, header);
    if (header->slice_type == FFH_SLICE_P ? pps->weighted_pred_flag : pps->weighted_bipred_flag)
        skip_pred_weight_table(r, sps, header);
    header->max_num_merge_cand = (uint8_t)(5 - ffh_get_ue_range(r, 0, 4));
}

static void loop_filters(ffh_bitreader *r, const ffh_pps *pps, const ffh_slice_header *header)
{
    unsigned disabled = pps->pps_deblocking_filter_disabled_flag;

    if (pps->deblocking_filter_override_enabled_flag && ffh_get_u(r, 1)) { /* deblocking_filter_override_flag */
        disabled = ffh_get_u(r, 1);
        if (!disabled) {
            ffh_get_se_range(r, -6, 6);
            ffh_get_se_range(r, -6, 6);
        }
    }
    if (pps->pps_loop_filter_across_slices_enabled_flag && (header->has_sao || !disabled))
        ffh_skip_bits(r, 1);
}

static void entry_points(ffh_bitreader *r, const ffh_sps *sps, ffh_slice_header *header)
{
    uint32_t rows = ((uint32_t)sps->pic_height_in_luma_samples + (1u << sps->log2_ctb_size) - 1) >> sps->log2_ctb_size;

    header->num_entry_point_offsets = ffh_get_ue_range(r, 0, rows - 1);
    if (!header->num_entry_point_offsets)
        return;
    size_t bits = ffh_get_ue_range(r, 0, 31) + 1;
    ffh_skip_bits(r, bits * header->num_entry_point_offsets);
}

/* byte_alignment() */
static void alignment(ffh_bitreader *r)
{
    ffh_get_u_range(r, 1, 1, 1);
    ffh_get_u_range(r, (8 - r->pos % 8) % 8, 0, 0);
}

/* Those that change what a header has. */
static int check_tools(const ffh_sps *sps, const ffh_pps *pps, const ffh_slice_header *header)
{
    if (!header->first_slice_segment_in_pic_flag)
        return ffh_unsupported(FFH_TOOL_SEVERAL_SEGMENTS);
    if (header->slice_pic_parameter_set_id != pps->pps_pic_parameter_set_id)
        return ffh_unsupported(FFH_TOOL_OTHER_PPS);
    if (sps->chroma_format_idc == 3)
        return ffh_unsupported(FFH_TOOL_CHROMA_FORMAT);
    if (pps->tiles_enabled_flag)
        return ffh_unsupported(FFH_TOOL_TILES);
    if (sps->scc_extension || pps->scc_extension)
        return ffh_unsupported(FFH_TOOL_SCREEN_CONTENT);
    if (ffh_is_idr(header->nal_unit_type))
        return 0;
    if (sps->long_term_ref_pics_present_flag)
        return ffh_unsupported(FFH_TOOL_LONG_TERM_PICTURES);
    return pps->lists_modification_present_flag ? ffh_unsupported(FFH_TOOL_MODIFIED_LISTS) : 0;
}

static int parse_header(ffh_bitreader *r, const ffh_sps *sps, const ffh_pps *pps, ffh_slice_header *header)
{
    int error = check_tools(sps, pps, header);
    if (error < 0)
        return error;
    ffh_skip_bits(r, pps->num_extra_slice_header_bits);
    header->slice_type = (uint8_t)ffh_get_ue_range(r, FFH_SLICE_B, FFH_SLICE_I);
    if (pps->output_flag_present_flag)
        ffh_skip_bits(r, 1); /* pic_output_flag */
    if (!ffh_is_idr(header->nal_unit_type)) {
        reference_pictures(r, sps, header);
        header->slice_temporal_mvp_enabled_flag = sps->sps_temporal_mvp_enabled_flag && ffh_get_u(r, 1);
    }
    if (sps->sample_adaptive_offset_enabled_flag)
        header->has_sao = ffh_get_u(r, sps->chroma_format_idc ? 2 : 1) != 0;
    if (header->slice_type != FFH_SLICE_I)
        inter_prediction(r, sps, pps, header);
    header->qp_begin = r->pos;
    int32_t slice_qp = 26 + pps->init_qp_minus26 + ffh_get_se_range(r, -99, 99);
    header->qp_end = r->pos;
    if (slice_qp < -6 * (sps->bit_depth_luma - 8) || slice_qp > 51)
        return FFH_EDATA;
    header->slice_qp = (int8_t)slice_qp;
    if (pps->pps_slice_chroma_qp_offsets_present_flag) {
        ffh_get_se_range(r, -12, 12);
        ffh_get_se_range(r, -12, 12);
    }
    if (pps->chroma_qp_offset_list_enabled_flag)
        ffh_skip_bits(r, 1);
    loop_filters(r, pps, header);
    header->entry_points_begin = r->pos;
    if (pps->entropy_coding_sync_enabled_flag)
        entry_points(r, sps, header);
    header->entry_points_end = r->pos;
    if (pps->slice_segment_header_extension_present_flag)
        ffh_skip_bits(r, 8 * (size_t)ffh_get_ue_range(r, 0, 256));
    header->end = r->pos;
    alignment(r);
    return r->error;
}

int ffh_parse_slice_header(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                           ffh_slice_header *header)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    int error = open_slice(nal, size, &rbsp, &r, header);
    if (error == 0)
        error = parse_header(&r, sps, pps, header);
    ffh_buf_free(&rbsp);
    return error;
}
