/*
 * Slice segment headers (H.265 clause 7.3.6.1): reading those of all pictures, writing those of intra pictures.
 */
#ifndef FFH_HEVC_SLICE_H
#define FFH_HEVC_SLICE_H

#include "hevc/params.h"

enum ffh_slice_type { FFH_SLICE_B = 0, FFH_SLICE_P = 1, FFH_SLICE_I = 2 };

enum { FFH_MAX_REF_IDX = 15 };

/* What slice_segment_header() says of the slice data; positions are bits from the beginning of the RBSP. */
typedef struct ffh_slice_header {
    uint8_t nal_unit_type;
    uint8_t first_slice_segment_in_pic_flag;
    uint8_t slice_pic_parameter_set_id;
    uint8_t slice_type;
    uint8_t slice_temporal_mvp_enabled_flag;
    uint8_t has_sao;        /* slice_sao_luma_flag or slice_sao_chroma_flag */
    uint8_t num_ref_idx[2]; /* active ones of lists 0 and 1 */
    uint8_t mvd_l1_zero_flag;
    uint8_t cabac_init_flag;
    uint8_t max_num_merge_cand;
    int8_t slice_qp; /* SliceQpY */
    uint32_t num_entry_point_offsets;
    uint32_t slice_pic_order_cnt_lsb;
    ffh_ref_pic_set short_term_ref_pic_set;
    int32_t collocated_delta_poc; /* of the picture that temporal motion vectors come from; 0 where none do */
    size_t pps_id_begin, pps_id_end;             /* slice_pic_parameter_set_id */
    size_t references_begin, references_end;     /* slice_pic_order_cnt_lsb and the reference picture set */
    size_t ref_idx_begin, ref_idx_end;           /* num_ref_idx_active_override_flag and the numbers behind it */
    size_t collocated_begin, collocated_end;     /* collocated_from_l0_flag and collocated_ref_idx */
    size_t qp_begin, qp_end;                     /* slice_qp_delta */
    size_t entry_points_begin, entry_points_end; /* num_entry_point_offsets up to the last offset */
    size_t end;                                  /* of the header, byte_alignment() left out */
} ffh_slice_header;

/* Reads up to slice_pic_parameter_set_id, which no parameter set is needed for. */
int ffh_parse_slice_pps_id(const uint8_t *nal, size_t size, ffh_slice_header *header);

/* Reads the header of the first slice of a picture under the parameter sets that it names, up to the zeros of
 * byte_alignment(). Refuses one that is not the first and one of another PPS, 4:4:4, tiles, long-term reference
 * pictures, modified lists and screen content extensions. */
int ffh_parse_slice_header(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                           ffh_slice_header *header);

/* Appends substreams, each of which ends in the byte of its last one bit, with emulation prevention to `escaped`, and
 * gives the bytes that each of them takes there. Returns 0 or FFH_ENOMEM. */
int ffh_append_substreams(const ffh_buf *substreams, int count, uint32_t *sizes, ffh_buf *escaped);

/* Copies a header, byte_alignment() included, to other parameter sets: they may differ in what the copies of
 * hevc/params.h change. Its picture order count and its temporal motion vectors are as `header` says, which may have
 * been changed: those may be gone. `entry_points` are those of ffh_put_entry_points(), NULL to keep what there are. */
void ffh_copy_slice_header(ffh_bitwriter *w, ffh_bitreader *r, const ffh_slice_header *header, const ffh_sps *sps,
                           const ffh_pps *pps, const uint32_t *entry_points, uint32_t num_entry_point_offsets);

/* Writes num_entry_point_offsets and the offsets, from sizes in bytes (emulation prevention counted) of all substreams
 * but the last. */
void ffh_put_entry_points(ffh_bitwriter *w, const uint32_t *sizes, uint32_t num_entry_point_offsets);

/* Writes slice_segment_header() of an IRAP picture made of one I slice without SAO, byte_alignment() included, with
 * `nal_unit_type`, `slice_pic_order_cnt_lsb` (of which IDR pictures have none) and `slice_qp` of the header given.
 * `entry_points` are as ffh_put_entry_points takes them. */
void ffh_put_irap_slice_header(ffh_bitwriter *w, const ffh_slice_header *header, const ffh_sps *sps,
                               const ffh_pps *pps, const uint32_t *entry_points, uint32_t num_entry_point_offsets);

#endif
