/*
 * Grids of indices into a palette whose neighbouring colours are alike (sorted by luma, say). An index is coded bit by
 * bit from the highest on; every bit is predicted from what came before in several contexts of neighbours, and the
 * predictions are mixed by weights that adapt by use (logistic mixing, Mahoney, 2005), all in integers. Nothing has to
 * be shared but the size of the grid and the bits of an index.
 */
#ifndef FFH_CODES_PALETTE_H
#define FFH_CODES_PALETTE_H

#include "util/common.h"

enum {
    FFH_PALETTE_MAX_DEPTH = 8,
    FFH_PALETTE_MAX_COUNT = 1 << 26 /* indices in a grid */
};

/* Appends a grid to `out`, indices below 2^depth. Returns 0, FFH_EINVAL for what is out of bounds, or FFH_ENOMEM. */
int ffh_palette_encode(const uint8_t *indices, int rows, int columns, int depth, ffh_buf *out);

/* Reads a grid of known size. Returns 0, FFH_EINVAL or FFH_ENOMEM: any bytes are some grid. */
int ffh_palette_decode(const uint8_t *data, size_t size, int rows, int columns, int depth, uint8_t *indices);

#endif
