/*
 * The coding tree of a lossless or a grey intra picture: coding quadtree, coding units, transform tree
 * (H.265 clauses 7.3.8.4 to 7.3.8.11).
 */
#ifndef FFH_HEVC_INTRA_CODING_TREE_H
#define FFH_HEVC_INTRA_CODING_TREE_H

#include "hevc/intra/search.h"
#include "hevc/cabac/residual.h"

/* What the coding tree is written from and to; nothing in it is owned. */
typedef struct ffh_tree_coder {
    ffh_cabac c;
    ffh_contexts contexts;
    const ffh_sps *sps;
    const ffh_pps *pps;
    const ffh_residual_row *residual; /* NULL: every residual is zero */
    const ffh_cu_map *map;
} ffh_tree_coder;

/* Writes the block of 1 << log2_size luma samples at (x, y) and all blocks in it. */
void ffh_put_coding_quadtree(ffh_tree_coder *e, int x, int y, int log2_size);

#endif
