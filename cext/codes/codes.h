/*
 * Arrays of small integers, as quantised latents of an autoencoder are: channels of rows of columns, coded without any
 * table that reader and writer would have to share. Every integer is predicted from those around it by weights
 * that adapt by use (normalised least mean squares, in integers), and so does the spread around the prediction.
 */
#ifndef FFH_CODES_CODES_H
#define FFH_CODES_CODES_H

#include "util/common.h"

enum {
    FFH_CODES_MAX_CHANNELS = 64,
    FFH_CODES_MAX_COUNT = 1 << 23 /* integers in an array */
};

/*
 * Appends the array, integers of -127 to 127, to `out`. Returns 0, FFH_EINVAL for a size beyond the bounds or an
 * integer out of range, or FFH_ENOMEM.
 */
int ffh_codes_encode(const int8_t *codes, int channels, int rows, int columns, ffh_buf *out);

/* Reads an array of known size. Returns 0, FFH_EINVAL, FFH_ENOMEM or FFH_EDATA. */
int ffh_codes_decode(const uint8_t *data, size_t size, int channels, int rows, int columns, int8_t *codes);

#endif
