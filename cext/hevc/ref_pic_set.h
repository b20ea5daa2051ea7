/*
 * Short-term reference picture sets (H.265 clauses 7.3.7 and 7.4.8): read whole, written in the fewest bits.
 */
#ifndef FFH_HEVC_REF_PIC_SET_H
#define FFH_HEVC_REF_PIC_SET_H

#include "util/bits.h"

#define FFH_MAX_SHORT_TERM_RPS 64

enum { FFH_MAX_DPB = 16 };

/* Pictures before the current one in output order, nearest first, then those behind it, nearest first. */
typedef struct ffh_ref_pic_set {
    uint8_t num_negative_pics;
    uint8_t num_delta_pocs;
    int32_t delta_poc[FFH_MAX_DPB];
    uint8_t used_by_curr_pic[FFH_MAX_DPB];
} ffh_ref_pic_set;

/* Reads st_ref_pic_set( idx ), in an SPS or with idx = count in a slice header; `sets` are those of the SPS, of which
 * there are `count` in the end. */
void ffh_get_ref_pic_set(ffh_bitreader *r, unsigned idx, const ffh_ref_pic_set *sets, unsigned count,
                         ffh_ref_pic_set *set);

/* Writes st_ref_pic_set( idx ) without prediction. */
void ffh_put_ref_pic_set(ffh_bitwriter *w, unsigned idx, const ffh_ref_pic_set *set);

/* Reads what a slice header says of its set: one of the SPS's, or its own. */
void ffh_get_slice_ref_pic_set(ffh_bitreader *r, const ffh_ref_pic_set *sets, unsigned count, ffh_ref_pic_set *set);

/* Writes it: as one of the SPS's, predicted from one of them or on its own, whichever takes the fewest bits. */
void ffh_put_slice_ref_pic_set(ffh_bitwriter *w, const ffh_ref_pic_set *sets, unsigned count,
                               const ffh_ref_pic_set *set);

#endif
