/*
 * SEI messages: user_data_unregistered (H.265 clause D.2.7) and the MD5 decoded picture hash (D.2.20).
 */
#ifndef FFH_SEI_H
#define FFH_SEI_H

#include "ffh_bits.h"

#define FFH_UUID_SIZE 16
#define FFH_MD5_SIZE 16

enum { FFH_SEI_USER_DATA_UNREGISTERED = 5, FFH_SEI_DECODED_PICTURE_HASH = 132 };

/* One message inside an RBSP that the caller keeps alive. */
typedef struct ffh_sei_message {
    uint32_t payload_type;
    size_t offset; /* of the payload in the RBSP */
    size_t size;
} ffh_sei_message;

/* Reads the message at *pos of an sei_rbsp() and moves *pos behind it.
 * Returns 1, 0 after the last message, or FFH_EDATA. */
int ffh_next_sei_message(const uint8_t *rbsp, size_t size, size_t *pos, ffh_sei_message *message);

/* Appends a whole prefix SEI NAL unit. */
int ffh_write_user_data_sei(const uint8_t uuid[FFH_UUID_SIZE], const uint8_t *data, size_t size, ffh_buf *out);

/* Appends a whole suffix SEI NAL unit with the MD5 of Y, Cb and Cr one after the other. */
int ffh_write_picture_hash_sei(const uint8_t md5[3 * FFH_MD5_SIZE], ffh_buf *out);

#endif
