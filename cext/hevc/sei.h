/*
 * SEI messages: reading any (H.265 clause 7.3.5), and writing NAL units of one.
 */
#ifndef FFH_HEVC_SEI_H
#define FFH_HEVC_SEI_H

#include "util/bits.h"

/* One message inside an RBSP that the caller keeps alive. */
typedef struct ffh_sei_message {
    uint32_t payload_type;
    size_t offset; /* of the payload in the RBSP */
    size_t size;
} ffh_sei_message;

/* Reads the message at *pos of an sei_rbsp() and moves *pos behind it.
 * Returns 1, 0 after the last message, or FFH_EDATA. */
int ffh_next_sei_message(const uint8_t *rbsp, size_t size, size_t *pos, ffh_sei_message *message);

/* Appends a whole SEI NAL unit, prefix or suffix, with one message of `size` bytes. */
int ffh_write_sei(int nal_unit_type, uint32_t payload_type, const uint8_t *data, size_t size, ffh_buf *out);

#endif
