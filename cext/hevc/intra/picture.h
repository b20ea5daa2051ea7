/*
 * IRAP pictures written under a stream's own SPS: any picture without loss, or the flat grey placeholder.
 */
#ifndef FFH_HEVC_INTRA_PICTURE_H
#define FFH_HEVC_INTRA_PICTURE_H

#include "hevc/slice.h"

/* Planes of an 8-bit (1 byte a sample) or deeper (2 bytes, little-endian) 4:2:0 picture at the size that the SPS
 * codes; strides in bytes. The caller keeps them alive. */
typedef struct ffh_picture {
    const uint8_t *planes[3];
    ptrdiff_t strides[3];
} ffh_picture;

/* The PPS under which lossless pictures are coded: transquant bypass, no QP deltas, no loop filters, and the same
 * entropy_coding_sync_enabled_flag as `base` has (H.265 clause 7.4.3.3.1 asks for one value in a CVS). */
void ffh_lossless_pps(const ffh_pps *base, uint8_t pps_pic_parameter_set_id, ffh_pps *pps);

/* Appends the slice NAL unit of an IDR or CRA picture that decodes to exactly `picture`; `pps` must enable transquant
 * bypass. `pic_order_cnt` is that of a CRA picture. `effort` is one of ffh_effort. Returns 0, the refusal of a tool that this coder does not write, or another
 * error. */
int ffh_write_lossless_irap(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, uint32_t pic_order_cnt,
                            const ffh_picture *picture, int effort, int threads, ffh_buf *out);

/* Appends the slice NAL unit of a mid-grey IDR picture under the stream's own parameter sets. */
int ffh_write_grey_idr(const ffh_sps *sps, const ffh_pps *pps, int nal_unit_type, ffh_buf *out);

#endif
