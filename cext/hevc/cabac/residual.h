/*
 * residual_coding() of a transquant-bypass block, H.265 clauses 7.3.8.11 and 9.3.4.2.4 to 9.3.4.2.7.
 */
#ifndef FFH_HEVC_CABAC_RESIDUAL_H
#define FFH_HEVC_CABAC_RESIDUAL_H

#include "hevc/cabac/scan.h"

/* Codes (1 << log2_size)^2 residual samples, at least one of which is not zero. They come as 4x4 tiles of 16 samples,
 * row after row; `stride` is the number of tiles from one row of tiles to the next. */
void ffh_put_residual(ffh_cabac *c, ffh_contexts *contexts, const int16_t *tiles, ptrdiff_t stride, int log2_size,
                      int is_luma, enum ffh_scan scan);

#endif
