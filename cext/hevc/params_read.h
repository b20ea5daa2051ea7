/*
 * Parts of parameter sets, read by those who parse them (H.265 clauses 7.3.4 and E.2.1). The errors are the reader's.
 */
#ifndef FFH_HEVC_PARAMS_READ_H
#define FFH_HEVC_PARAMS_READ_H

#include "hevc/params.h"

/* Of the eight flags after sps_extension_present_flag and pps_extension_present_flag */
#define FFH_RANGE_EXTENSION 0x80u
#define FFH_SCC_EXTENSION 0x10u

/* Opens the RBSP of a NAL unit of the expected type; the caller frees `rbsp`, whatever is returned. */
int ffh_open_rbsp(const uint8_t *nal, size_t size, int type, ffh_buf *rbsp, ffh_bitreader *r);

/* scaling_list_data() */
void ffh_skip_scaling_list_data(ffh_bitreader *r);

/* rbsp_trailing_bits(), if nothing but they are left. */
void ffh_get_trailing_bits(ffh_bitreader *r);

/* vui_parameters(), of which `sps` keeps the location of chroma samples. */
void ffh_get_vui_parameters(ffh_bitreader *r, ffh_sps *sps);

#endif
