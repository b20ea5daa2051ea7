/*
 * One IRAP picture as one slice: slice data with its substreams, entry points, header and NAL unit
 * (H.265 clauses 7.3.8.1 and 9.3.1).
 */
#ifndef FFH_HEVC_INTRA_SLICE_DATA_H
#define FFH_HEVC_INTRA_SLICE_DATA_H

#include "hevc/intra/coding_tree.h"
#include "hevc/slice.h"

/* Appends the slice NAL unit of a picture: that of `source`, whose blocks are chosen here and left in `map`, or with a
 * NULL source the one without residual that `map` describes. `header` is as ffh_put_irap_slice_header() takes it.
 * The bytes do not depend on the number of threads.
 * Returns 0 or an error. */
int ffh_write_irap_slice(const ffh_sps *sps, const ffh_pps *pps, const ffh_slice_header *header,
                         const ffh_source *source, ffh_cu_map *map, int threads, ffh_buf *out);

#endif
