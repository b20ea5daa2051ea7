/*
 * Coding a slice anew under other parameter sets: its blocks stay what they are but for cu_transquant_bypass_flag.
 */
#ifndef FFH_HEVC_RECODE_RECODE_H
#define FFH_HEVC_RECODE_RECODE_H

#include "hevc/slice.h"

/* Parameter sets that slices are moved to: copies as hevc/params.h makes them. */
typedef struct ffh_compact_sets {
    ffh_sps sps;
    ffh_pps lossy, lossless; /* without and with transquant_bypass_enabled_flag */
} ffh_compact_sets;

/* Appends a slice that is its whole picture, from `sps` and `pps` moved to others: to the PPS that allows no lossless
 * blocks, or, copied but for its header, to the one that does where the slice has such blocks. `anchor`, if it is not 0,
 * is added to its picture order count: picture 0, an I picture here, is a P picture of that count there, and no motion
 * vectors are taken from it.
 * Returns 0, FFH_EDATA, FFH_ENOMEM or the refusal of a tool. */
int ffh_recode_slice(const uint8_t *nal, size_t size, const ffh_sps *sps, const ffh_pps *pps,
                     const ffh_compact_sets *to, uint32_t anchor, ffh_buf *out);

#endif
