/*
 * The block structure of one intra picture: for every 4x4 luma block the size and luma mode of the prediction block
 * that covers it, and for every coding block its chroma mode. The neighbour rules of the slice data read from it.
 */
#ifndef FFH_HEVC_INTRA_CU_MAP_H
#define FFH_HEVC_INTRA_CU_MAP_H

#include "hevc/intra/prediction.h"
#include "hevc/params.h"

/* intra_chroma_pred_mode */
enum { FFH_CHROMA_PLANAR, FFH_CHROMA_VERTICAL, FFH_CHROMA_HORIZONTAL, FFH_CHROMA_DC, FFH_CHROMA_DERIVED };

typedef struct ffh_cu_map {
    int width, height; /* of the picture in luma samples */
    int stride;        /* in 4x4 blocks */
    int log2_ctb, log2_min_cb, log2_max_tb;
    uint8_t *log2_pu; /* owned, as the next two */
    uint8_t *luma_mode;
    uint8_t *chroma_mode; /* kept at the first 4x4 block of a coding block */
} ffh_cu_map;

/* Allocates a map for a picture under `sps`; release it with ffh_cu_map_free. */
int ffh_cu_map_init(ffh_cu_map *map, const ffh_sps *sps);
void ffh_cu_map_free(ffh_cu_map *map);

static inline size_t ffh_cu_at(const ffh_cu_map *map, int x, int y)
{
    return (size_t)(y >> 2) * (size_t)map->stride + (size_t)(x >> 2);
}

/* Log2 of the coding block that covers a luma position. */
static inline int ffh_cu_log2(const ffh_cu_map *map, int x, int y)
{
    return FFH_MAX(map->log2_pu[ffh_cu_at(map, x, y)], map->log2_min_cb);
}

/* Sets one prediction block of 1 << log2_size luma samples. */
void ffh_cu_map_set(ffh_cu_map *map, int x, int y, int log2_size, int luma_mode);

/* Neighbours of the block at (x, y) of plane `is_luma` that are decoded before it (clauses 6.4.1 and 8.4.4.2.2). */
void ffh_cu_available(const ffh_cu_map *map, int x, int y, int size, int is_luma, ffh_intra_available *available);

/* candModeList of clause 8.4.2 for the prediction block at (x, y). */
void ffh_cu_most_probable_modes(const ffh_cu_map *map, int x, int y, int candidates[3]);

/* IntraPredModeC of clause 8.4.3 for the coding block at (x, y). */
int ffh_cu_chroma_pred_mode(int intra_chroma_pred_mode, int luma_mode);

#endif
