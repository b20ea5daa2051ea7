/*
 * Block structure and modes of a lossless intra picture, chosen by the sum of absolute residuals.
 */
#ifndef FFH_INTRA_SEARCH_H
#define FFH_INTRA_SEARCH_H

#include "ffh_cu_map.h"

typedef struct ffh_source {
    ffh_plane planes[3]; /* Y, Cb, Cr at the coded size */
    int strong_intra_smoothing;
} ffh_source;

/* Predicts one block from the source samples around it: `plane` 0..2, position and size in its samples. */
void ffh_predict_block(const ffh_source *source, const ffh_cu_map *map, int plane, int x, int y, int size, int mode,
                       uint16_t *prediction);

/* Fills the map for the CTU at (x, y). CTUs do not depend on each other. */
void ffh_search_ctu(const ffh_source *source, ffh_cu_map *map, int x, int y);

#endif
