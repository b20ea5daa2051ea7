/*
 * Slice segment headers (H.265 clause 7.3.6.1): reading the beginning, writing whole headers of IDR pictures.
 */
#ifndef FFH_SLICE_H
#define FFH_SLICE_H

#include "ffh_params.h"

enum ffh_slice_type { FFH_SLICE_B = 0, FFH_SLICE_P = 1, FFH_SLICE_I = 2 };

typedef struct ffh_slice_header {
    uint8_t nal_unit_type;
    uint8_t first_slice_segment_in_pic_flag;
    uint8_t slice_pic_parameter_set_id;
    uint8_t dependent_slice_segment_flag;
    uint8_t slice_type; /* undefined for a dependent slice segment */
} ffh_slice_header;

/* Reads up to slice_pic_parameter_set_id, which no parameter set is needed for. */
int ffh_parse_slice_pps_id(const uint8_t *nal, size_t size, ffh_slice_header *header);

/* Reads up to slice_type under the parameter sets that the slice names. */
int ffh_parse_slice_header(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                           ffh_slice_header *header);

/* Writes slice_segment_header() of an IDR picture made of one I slice without SAO, byte_alignment() included;
 * `slice_qp` is SliceQpY.
 * `entry_points` are the substream sizes in bytes (emulation prevention counted), all but the last. */
void ffh_put_idr_slice_header(ffh_bitwriter *w, const ffh_sps *sps, const ffh_pps *pps, int slice_qp,
                              const uint32_t *entry_points, uint32_t num_entry_point_offsets);

#endif
