/*
 * MD5 (RFC 1321) of picture planes as the decoded picture hash SEI defines it (H.265 clause D.3.20), and
 * CRC-32C (RFC 3720 appendix B.4).
 */
#ifndef FFH_UTIL_DIGEST_H
#define FFH_UTIL_DIGEST_H

#include "util/common.h"

typedef struct ffh_md5 {
    uint32_t state[4];
    uint64_t length;
    uint8_t block[64];
} ffh_md5;

void ffh_md5_init(ffh_md5 *md5);
void ffh_md5_update(ffh_md5 *md5, const uint8_t *data, size_t size);
void ffh_md5_final(ffh_md5 *md5, uint8_t digest[16]);

/* MD5 of one plane of `rows` rows of `row_bytes` bytes, `stride` bytes apart: one little-endian byte a sample at
 * 8 bits, two above. The host is little-endian (checked at build time). */
void ffh_plane_md5(const uint8_t *plane, size_t rows, size_t row_bytes, size_t stride, uint8_t digest[16]);

uint32_t ffh_crc32c(const uint8_t *data, size_t size);

#endif
