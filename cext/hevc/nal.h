/*
 * NAL units: splitting byte streams, emulation prevention, headers (H.265 clauses 7.3.1 and Annex B).
 */
#ifndef FFH_HEVC_NAL_H
#define FFH_HEVC_NAL_H

#include "util/bits.h"

enum ffh_nal_type {
    FFH_NAL_BLA_W_LP = 16,
    FFH_NAL_IDR_W_RADL = 19,
    FFH_NAL_IDR_N_LP = 20,
    FFH_NAL_CRA = 21,
    FFH_NAL_VPS = 32,
    FFH_NAL_SPS = 33,
    FFH_NAL_PPS = 34,
    FFH_NAL_PREFIX_SEI = 39,
    FFH_NAL_SUFFIX_SEI = 40
};

/* Finds the next NAL unit of an Annex B stream at or after *pos.
 * Returns 1 with its extent (trailing zero bytes left out) and *pos moved behind it, or 0 at the end. */
int ffh_next_annexb(const uint8_t *data, size_t size, size_t *pos, size_t *start, size_t *length);

/* The same for NAL units that `length_size` (1, 2 or 4) big-endian bytes precede.
 * Returns FFH_EDATA where a length runs past the end, FFH_EINVAL for another length size. */
int ffh_next_length_prefixed(const uint8_t *data, size_t size, unsigned length_size, size_t *pos, size_t *start,
                             size_t *length);

static inline int ffh_is_idr(int nal_unit_type)
{
    return nal_unit_type == FFH_NAL_IDR_W_RADL || nal_unit_type == FFH_NAL_IDR_N_LP;
}

/* nal_unit_type, or FFH_EDATA for a unit too short or with a broken two-byte header. */
int ffh_nal_unit_type(const uint8_t *nal, size_t size);

/* Writes the two-byte header of layer 0, temporal sub-layer 0. */
void ffh_put_nal_header(ffh_buf *out, int nal_unit_type);

/* Appends the RBSP of `nal` (header skipped, emulation prevention removed) to `rbsp`. Returns 0 or an error. */
int ffh_nal_to_rbsp(const uint8_t *nal, size_t size, ffh_buf *rbsp);

/* Appends `rbsp` to `out` with emulation prevention bytes; `out` must end in a non-zero byte or be empty. */
void ffh_append_escaped(ffh_buf *out, const uint8_t *rbsp, size_t size);

#endif
