/*
 * HEVCDecoderConfigurationRecord ("hvcC", ISO/IEC 14496-15 clause 8.3.3.1).
 */
#ifndef FFH_HEVC_HVCC_H
#define FFH_HEVC_HVCC_H

#include "util/bits.h"

/* Where the next NAL unit of a record lies. Zero-initialise `pos` before the first call. */
typedef struct ffh_hvcc_iter {
    size_t pos;
    unsigned arrays_left;
    unsigned units_left;
} ffh_hvcc_iter;

/* Checks the fixed part; returns lengthSizeMinusOne + 1 (1, 2 or 4) and prepares `iter`, or FFH_EDATA. */
int ffh_read_hvcc(const uint8_t *data, size_t size, ffh_hvcc_iter *iter);

/* Returns 1 with the extent of the next NAL unit, 0 after the last, or FFH_EDATA. */
int ffh_next_hvcc_nal(const uint8_t *data, size_t size, ffh_hvcc_iter *iter, size_t *start, size_t *length);

/* Appends a record for NAL units given as one run of 4-byte big-endian lengths and units (VPS, SPS, PPS in any
 * order); the SPS gives profile, chroma format and bit depths. */
int ffh_write_hvcc(const uint8_t *prefixed, size_t size, ffh_buf *out);

#endif
