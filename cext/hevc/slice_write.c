#include "hevc/nal.h"
#include "hevc/slice.h"

/* Since substreams end in a one bit, escaping each of them alone gives the same bytes as escaping all together; their
 * sizes count emulation prevention bytes (7.4.7.1). */
int ffh_append_substreams(const ffh_buf *substreams, int count, uint32_t *sizes, ffh_buf *escaped)
{
    for (int i = 0; i < count; i++) {
        size_t before = escaped->size;
        ffh_append_escaped(escaped, substreams[i].data, substreams[i].size);
        if (escaped->error)
            return escaped->error;
        if (escaped->size - before > UINT32_MAX)
            return FFH_ENOMEM;
        sizes[i] = (uint32_t)(escaped->size - before);
    }
    return 0;
}

void ffh_put_entry_points(ffh_bitwriter *w, const uint32_t *sizes, uint32_t count)
{
    uint32_t largest = 1;
    for (uint32_t i = 0; i < count; i++)
        largest = FFH_MAX(largest, sizes[i]);
    unsigned bits = FFH_MAX(ffh_ceil_log2(largest), 1);

    ffh_put_ue(w, "num_entry_point_offsets", count);
    if (!count)
        return;
    ffh_put_ue(w, "offset_len_minus1", bits - 1);
    for (uint32_t i = 0; i < count; i++)
        ffh_put_u(w, "entry_point_offset_minus1", bits, sizes[i] - 1);
}

static void put_ref_idx(ffh_bitwriter *w, const ffh_slice_header *header, const ffh_pps *pps)
{
    int lists = header->slice_type == FFH_SLICE_B ? 2 : 1, overrides = 0;

    for (int list = 0; list < lists; list++)
        overrides |= header->num_ref_idx[list] != pps->num_ref_idx_default_active_minus1[list] + 1;
    ffh_put_u(w, "num_ref_idx_active_override_flag", 1, (unsigned)overrides);
    for (int list = 0; list < lists && overrides; list++)
        ffh_put_ue(w, "num_ref_idx_active_minus1", header->num_ref_idx[list] - 1u);
}

void ffh_copy_slice_header(ffh_bitwriter *w, ffh_bitreader *r, const ffh_slice_header *header, const ffh_sps *sps,
                           const ffh_pps *pps, const uint32_t *entry_points, uint32_t num_entry_point_offsets)
{
    unsigned poc_bits = sps->log2_max_pic_order_cnt_lsb;

    ffh_copy_bits(w, r, header->pps_id_begin);
    ffh_put_ue(w, "slice_pic_parameter_set_id", pps->pps_pic_parameter_set_id);
    ffh_skip_bits(r, header->pps_id_end - r->pos);
    if (!ffh_is_idr(header->nal_unit_type)) {
        ffh_copy_bits(w, r, header->references_begin);
        ffh_put_u(w, "slice_pic_order_cnt_lsb", poc_bits, header->slice_pic_order_cnt_lsb & ((1u << poc_bits) - 1));
        ffh_put_slice_ref_pic_set(w, sps->st_ref_pic_set, sps->num_short_term_ref_pic_sets,
                                  &header->short_term_ref_pic_set);
        ffh_skip_bits(r, header->references_end - r->pos);
        if (sps->sps_temporal_mvp_enabled_flag) {
            ffh_put_u(w, "slice_temporal_mvp_enabled_flag", 1, header->slice_temporal_mvp_enabled_flag);
            ffh_skip_bits(r, 1);
        }
    }
    if (header->slice_type != FFH_SLICE_I) {
        ffh_copy_bits(w, r, header->ref_idx_begin);
        put_ref_idx(w, header, pps);
        ffh_skip_bits(r, header->ref_idx_end - r->pos);
    }
    if (header->collocated_end && !header->slice_temporal_mvp_enabled_flag) {
        ffh_copy_bits(w, r, header->collocated_begin);
        ffh_skip_bits(r, header->collocated_end - r->pos);
    }
    ffh_copy_bits(w, r, header->qp_begin);
    ffh_put_se(w, "slice_qp_delta", header->slice_qp - 26 - pps->init_qp_minus26);
    ffh_skip_bits(r, header->qp_end - r->pos);
    if (entry_points) {
        ffh_copy_bits(w, r, header->entry_points_begin);
        ffh_put_entry_points(w, entry_points, num_entry_point_offsets);
        ffh_skip_bits(r, header->entry_points_end - r->pos);
    }
    ffh_copy_bits(w, r, header->end);
    ffh_put_trailing_bits(w);
}

void ffh_put_irap_slice_header(ffh_bitwriter *w, const ffh_slice_header *header, const ffh_sps *sps,
                               const ffh_pps *pps, const uint32_t *entry_points, uint32_t num_entry_point_offsets)
{
    static const ffh_ref_pic_set no_references = { 0 };
    unsigned poc_bits = sps->log2_max_pic_order_cnt_lsb;

    ffh_put_u(w, "first_slice_segment_in_pic_flag", 1, 1);
    ffh_put_u(w, "no_output_of_prior_pics_flag", 1, 0);
    ffh_put_ue(w, "slice_pic_parameter_set_id", pps->pps_pic_parameter_set_id);
    ffh_put_u(w, "slice_reserved_flag", pps->num_extra_slice_header_bits, 0);
    ffh_put_ue(w, "slice_type", FFH_SLICE_I);
    if (pps->output_flag_present_flag)
        ffh_put_u(w, "pic_output_flag", 1, 1);
    if (!ffh_is_idr(header->nal_unit_type)) {
        ffh_put_u(w, "slice_pic_order_cnt_lsb", poc_bits, header->slice_pic_order_cnt_lsb & ((1u << poc_bits) - 1));
        ffh_put_slice_ref_pic_set(w, sps->st_ref_pic_set, sps->num_short_term_ref_pic_sets, &no_references);
        if (sps->sps_temporal_mvp_enabled_flag)
            ffh_put_u(w, "slice_temporal_mvp_enabled_flag", 1, 0);
    }
    if (sps->sample_adaptive_offset_enabled_flag) {
        ffh_put_u(w, "slice_sao_luma_flag", 1, 0);
        ffh_put_u(w, "slice_sao_chroma_flag", 1, 0);
    }
    ffh_put_se(w, "slice_qp_delta", header->slice_qp - 26 - pps->init_qp_minus26);
    if (pps->pps_slice_chroma_qp_offsets_present_flag) {
        ffh_put_se(w, "slice_cb_qp_offset", 0);
        ffh_put_se(w, "slice_cr_qp_offset", 0);
    }
    if (pps->chroma_qp_offset_list_enabled_flag)
        ffh_put_u(w, "cu_chroma_qp_offset_enabled_flag", 1, 0);
    if (pps->deblocking_filter_override_enabled_flag)
        ffh_put_u(w, "deblocking_filter_override_flag", 1, 0);
    if (pps->pps_loop_filter_across_slices_enabled_flag && !pps->pps_deblocking_filter_disabled_flag)
        ffh_put_u(w, "slice_loop_filter_across_slices_enabled_flag", 1, 1);
    if (pps->entropy_coding_sync_enabled_flag)
        ffh_put_entry_points(w, entry_points, num_entry_point_offsets);
    if (pps->slice_segment_header_extension_present_flag)
        ffh_put_ue(w, "slice_segment_header_extension_length", 0);
    ffh_put_trailing_bits(w);
}
