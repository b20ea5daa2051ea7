/*
 * Grids of tokens, as indices into the codebook of a vector-quantised autoencoder are. A token is one of the last that
 * followed its left neighbour, or one of the last that followed the one above it, or one seen before, by its frequency,
 * or a new one; which of them is coded with adaptive bits. Nothing has to be shared but the size of the codebook.
 */
#ifndef FFH_CODES_TOKENS_H
#define FFH_CODES_TOKENS_H

#include "util/common.h"

enum {
    FFH_TOKENS_MAX_KINDS = 1 << 15,
    FFH_TOKENS_MAX_COUNT = 1 << 22 /* tokens in a grid */
};

/* Appends a grid to `out`, tokens below `kinds`. Returns 0, FFH_EINVAL for what is out of bounds, or FFH_ENOMEM. */
int ffh_tokens_encode(const uint16_t *tokens, int rows, int columns, int kinds, ffh_buf *out);

/* Reads a grid of known size. Returns 0, FFH_EINVAL, FFH_ENOMEM or FFH_EDATA. */
int ffh_tokens_decode(const uint8_t *data, size_t size, int rows, int columns, int kinds, uint16_t *tokens);

#endif
