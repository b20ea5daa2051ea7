/*
 * Block structure, modes and residuals of a lossless intra picture, chosen by the sum of absolute residuals.
 *
 * References are source samples, so that every block can be searched without the ones before it. Small blocks
 * everywhere give fewer bytes than a quadtree weighed by that sum does; larger ones are left to flat areas.
 */
#ifndef FFH_HEVC_INTRA_SEARCH_H
#define FFH_HEVC_INTRA_SEARCH_H

#include "hevc/intra/cu_map.h"

/* How many bytes may be saved at which price. */
typedef enum ffh_effort {
    FFH_EFFORT_FAST,   /* 8x8 blocks, few modes, chroma follows luma */
    FFH_EFFORT_MEDIUM, /* 8x8 blocks, all modes near the best of some */
    FFH_EFFORT_SLOW,   /* 4x4 blocks */
    FFH_EFFORTS
} ffh_effort;

typedef struct ffh_source {
    ffh_plane planes[3]; /* Y, Cb, Cr at the coded size */
    int strong_intra_smoothing;
    ffh_effort effort;
} ffh_source;

/* What is left of one row of CTUs after prediction, in tiles of 4x4 samples. */
typedef struct ffh_residual_row {
    int16_t *tiles[3]; /* owned through tiles[0] */
    int stride[3];     /* in tiles */
    int log2_ctb;
} ffh_residual_row;

int ffh_residual_row_init(ffh_residual_row *row, const ffh_cu_map *map);
void ffh_residual_row_free(ffh_residual_row *row);

/* The tile at (x, y) in samples of a plane. */
static inline int16_t *ffh_residual_tile(const ffh_residual_row *row, int plane, int x, int y)
{
    int mask = (1 << (row->log2_ctb - (plane ? 1 : 0))) - 1;
    return row->tiles[plane] + (((y & mask) >> 2) * row->stride[plane] + (x >> 2)) * 16;
}

/* Fills the map and the residual of the row of CTUs that begins at luma row `y`. Rows do not depend on each other. */
void ffh_search_ctu_row(const ffh_source *source, ffh_cu_map *map, ffh_residual_row *residual, int y);

#endif
