/*
 * Intra sample prediction, H.265 clause 8.4.4.2, from neighbours that are already exact: in a lossless picture
 * the reconstruction is the source, so references are read from the source itself.
 */
#ifndef FFH_HEVC_INTRA_PREDICTION_H
#define FFH_HEVC_INTRA_PREDICTION_H

#include "util/common.h"

enum {
    FFH_INTRA_PLANAR = 0,
    FFH_INTRA_DC = 1,
    FFH_INTRA_HORIZONTAL = 10,
    FFH_INTRA_VERTICAL = 26,
    FFH_INTRA_MODES = 35
};

enum { FFH_MAX_TB = 32, FFH_EDGE_SAMPLES = 4 * FFH_MAX_TB + 1 };

/* One plane of 16-bit samples. */
typedef struct ffh_plane {
    const uint16_t *samples;
    ptrdiff_t stride; /* in samples */
    int width, height;
    int bit_depth;
} ffh_plane;

/* The 4 * size + 1 neighbours of a block, from the bottom left p[-1][2*size-1] over the corner at index 2 * size
 * to the top right p[2*size-1][-1]; as they are and smoothed. */
typedef struct ffh_intra_edge {
    uint16_t plain[FFH_EDGE_SAMPLES];
    uint16_t smooth[FFH_EDGE_SAMPLES];
    int size;
    int is_luma;
    int bit_depth;
} ffh_intra_edge;

/* How many samples next to the block are decoded before it; multiples of 4, 0 where the side lies outside. */
typedef struct ffh_intra_available {
    int left, below_left, above, above_right;
    int corner;
} ffh_intra_available;

/* Gathers, substitutes (8.4.4.2.2) and smooths (8.4.4.2.3) the neighbours of the block at (x, y) of `plane`. */
void ffh_intra_gather(ffh_intra_edge *edge, const ffh_plane *plane, int x, int y, int size, int is_luma,
                      int strong_intra_smoothing, const ffh_intra_available *available);

/* Writes size * size predicted samples, row after row. */
void ffh_intra_predict(const ffh_intra_edge *edge, int mode, uint16_t *prediction);

#endif
