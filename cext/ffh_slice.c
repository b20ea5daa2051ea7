#include "ffh_slice.h"

#include <string.h>

#include "ffh_nal.h"

enum { HEADER_PREFIX = 64 }; /* bytes that hold everything up to slice_type */

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
    int error = ffh_nal_to_rbsp(nal, FFH_MIN(size, HEADER_PREFIX), rbsp);
    if (error < 0)
        return error;
    ffh_bitreader_init(r, rbsp->data, rbsp->size);

    header->nal_unit_type = (uint8_t)type;
    header->first_slice_segment_in_pic_flag = (uint8_t)ffh_get_u(r, 1);
    if (is_irap(type))
        ffh_skip_bits(r, 1); /* no_output_of_prior_pics_flag */
    header->slice_pic_parameter_set_id = (uint8_t)ffh_get_ue_range(r, 0, 63);
    return r->error;
}

int ffh_parse_slice_pps_id(const uint8_t *nal, size_t size, ffh_slice_header *header)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    int error = open_slice(nal, size, &rbsp, &r, header);
    ffh_buf_free(&rbsp);
    return error;
}

static unsigned ceil_log2(uint32_t value)
{
    unsigned bits = 0;
    while ((UINT64_C(1) << bits) < value)
        bits++;
    return bits;
}

static uint32_t pic_size_in_ctbs(const ffh_sps *sps)
{
    uint32_t ctb = 1u << sps->log2_ctb_size;
    return ((sps->pic_width_in_luma_samples + ctb - 1) / ctb) * ((sps->pic_height_in_luma_samples + ctb - 1) / ctb);
}

static int parse_to_slice_type(ffh_bitreader *r, const ffh_sps *sps, const ffh_pps *pps, ffh_slice_header *header)
{
    if (header->slice_pic_parameter_set_id != pps->pps_pic_parameter_set_id)
        return FFH_EINVAL;
    if (!header->first_slice_segment_in_pic_flag) {
        if (pps->dependent_slice_segments_enabled_flag)
            header->dependent_slice_segment_flag = (uint8_t)ffh_get_u(r, 1);
        ffh_get_u_range(r, ceil_log2(pic_size_in_ctbs(sps)), 1, pic_size_in_ctbs(sps) - 1);
    }
    if (header->dependent_slice_segment_flag)
        return r->error;
    ffh_skip_bits(r, pps->num_extra_slice_header_bits);
    header->slice_type = (uint8_t)ffh_get_ue_range(r, FFH_SLICE_B, FFH_SLICE_I);
    return r->error;
}

int ffh_parse_slice_header(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                           ffh_slice_header *header)
{
    ffh_buf rbsp = { 0 };
    ffh_bitreader r;
    int error = open_slice(nal, size, &rbsp, &r, header);
    if (error == 0)
        error = parse_to_slice_type(&r, sps, pps, header);
    ffh_buf_free(&rbsp);
    return error;
}

static void put_entry_points(ffh_bitwriter *w, const uint32_t *entry_points, uint32_t count)
{
    uint32_t largest = 1;
    for (uint32_t i = 0; i < count; i++)
        largest = FFH_MAX(largest, entry_points[i]);
    unsigned bits = FFH_MAX(ceil_log2(largest), 1);

    ffh_put_ue(w, "num_entry_point_offsets", count);
    if (!count)
        return;
    ffh_put_ue(w, "offset_len_minus1", bits - 1);
    for (uint32_t i = 0; i < count; i++)
        ffh_put_u(w, "entry_point_offset_minus1", bits, entry_points[i] - 1);
}

void ffh_put_idr_slice_header(ffh_bitwriter *w, const ffh_sps *sps, const ffh_pps *pps, int slice_qp,
                              const uint32_t *entry_points, uint32_t num_entry_point_offsets)
{
    ffh_put_u(w, "first_slice_segment_in_pic_flag", 1, 1);
    ffh_put_u(w, "no_output_of_prior_pics_flag", 1, 0);
    ffh_put_ue(w, "slice_pic_parameter_set_id", pps->pps_pic_parameter_set_id);
    ffh_put_u(w, "slice_reserved_flag", pps->num_extra_slice_header_bits, 0);
    ffh_put_ue(w, "slice_type", FFH_SLICE_I);
    if (pps->output_flag_present_flag)
        ffh_put_u(w, "pic_output_flag", 1, 1);
    if (sps->sample_adaptive_offset_enabled_flag) {
        ffh_put_u(w, "slice_sao_luma_flag", 1, 0);
        ffh_put_u(w, "slice_sao_chroma_flag", 1, 0);
    }
    ffh_put_se(w, "slice_qp_delta", slice_qp - 26 - pps->init_qp_minus26);
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
        put_entry_points(w, entry_points, num_entry_point_offsets);
    if (pps->slice_segment_header_extension_present_flag)
        ffh_put_ue(w, "slice_segment_header_extension_length", 0);
    ffh_put_trailing_bits(w);
}
