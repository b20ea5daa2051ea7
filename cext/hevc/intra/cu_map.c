#include "hevc/intra/cu_map.h"

#include <stdlib.h>
#include <string.h>

int ffh_cu_map_init(ffh_cu_map *map, const ffh_sps *sps)
{
    memset(map, 0, sizeof(*map));
    map->width = sps->pic_width_in_luma_samples;
    map->height = sps->pic_height_in_luma_samples;
    map->stride = map->width >> 2;
    map->log2_ctb = sps->log2_ctb_size;
    map->log2_min_cb = sps->log2_min_luma_coding_block_size;
    map->log2_max_tb = sps->log2_max_luma_transform_block_size;

    size_t blocks = (size_t)map->stride * (size_t)(map->height >> 2);
    map->log2_pu = calloc(blocks, 3);
    if (!map->log2_pu)
        return FFH_ENOMEM;
    map->luma_mode = map->log2_pu + blocks;
    map->chroma_mode = map->luma_mode + blocks;
    return 0;
}

void ffh_cu_map_free(ffh_cu_map *map)
{
    free(map->log2_pu);
    memset(map, 0, sizeof(*map));
}

void ffh_cu_map_set(ffh_cu_map *map, int x, int y, int log2_size, int luma_mode)
{
    size_t side = (size_t)1 << (log2_size - 2);
    size_t at = ffh_cu_at(map, x, y);

    for (size_t row = 0; row < side; row++, at += (size_t)map->stride) {
        memset(map->log2_pu + at, log2_size, side);
        memset(map->luma_mode + at, luma_mode, side);
    }
}

/* Bits of x and y in turn: the z-scan order of 4x4 blocks inside a CTB. */
static unsigned z_order(int x, int y)
{
    static const uint8_t spread[16] = { 0, 1, 4, 5, 16, 17, 20, 21, 64, 65, 68, 69, 80, 81, 84, 85 };
    return (unsigned)spread[(x >> 2) & 15] | (unsigned)spread[(y >> 2) & 15] << 1;
}

/* Clause 6.4.1 for one slice and one tile. */
static int is_decoded(const ffh_cu_map *map, int x, int y, int neighbour_x, int neighbour_y)
{
    if (neighbour_x < 0 || neighbour_y < 0 || neighbour_x >= map->width || neighbour_y >= map->height)
        return 0;
    int ctb_y = y >> map->log2_ctb, ctb_x = x >> map->log2_ctb;
    int other_y = neighbour_y >> map->log2_ctb, other_x = neighbour_x >> map->log2_ctb;
    if (other_y != ctb_y)
        return other_y < ctb_y;
    if (other_x != ctb_x)
        return other_x < ctb_x;
    int mask = (1 << map->log2_ctb) - 1;
    return z_order(neighbour_x & mask, neighbour_y & mask) < z_order(x & mask, y & mask);
}

void ffh_cu_available(const ffh_cu_map *map, int x, int y, int size, int is_luma, ffh_intra_available *a)
{
    int shift = is_luma ? 0 : 1;
    int luma_x = x << shift, luma_y = y << shift, side = size << shift;

    /* Blocks lie on the grid of their size, so that a neighbour of that size is decoded before as a whole or not. */
    a->left = x > 0 ? size : 0;
    a->above = y > 0 ? size : 0;
    a->corner = x > 0 && y > 0;
    a->below_left = is_decoded(map, luma_x, luma_y, luma_x - 1, luma_y + side)
                        ? FFH_MIN(size, (map->height - luma_y - side) >> shift)
                        : 0;
    a->above_right = is_decoded(map, luma_x, luma_y, luma_x + side, luma_y - 1)
                         ? FFH_MIN(size, (map->width - luma_x - side) >> shift)
                         : 0;
}

void ffh_cu_most_probable_modes(const ffh_cu_map *map, int x, int y, int candidates[3])
{
    int is_in_ctb_row = y & ((1 << map->log2_ctb) - 1);
    int left = x > 0 ? map->luma_mode[ffh_cu_at(map, x - 1, y)] : FFH_INTRA_DC;
    int above = is_in_ctb_row ? map->luma_mode[ffh_cu_at(map, x, y - 1)] : FFH_INTRA_DC;

    candidates[0] = left;
    candidates[1] = above;
    if (left != above) {
        candidates[2] = left && above                                   ? FFH_INTRA_PLANAR
                        : left != FFH_INTRA_DC && above != FFH_INTRA_DC ? FFH_INTRA_DC
                                                                        : FFH_INTRA_VERTICAL;
        return;
    }
    if (left <= FFH_INTRA_DC) {
        candidates[0] = FFH_INTRA_PLANAR;
        candidates[1] = FFH_INTRA_DC;
        candidates[2] = FFH_INTRA_VERTICAL;
        return;
    }
    candidates[1] = 2 + ((left + 29) & 31);
    candidates[2] = 2 + ((left - 2 + 1) & 31);
}

int ffh_cu_chroma_pred_mode(int intra_chroma_pred_mode, int luma_mode)
{
    static const uint8_t modes[] = { FFH_INTRA_PLANAR, FFH_INTRA_VERTICAL, FFH_INTRA_HORIZONTAL, FFH_INTRA_DC };
    if (intra_chroma_pred_mode == FFH_CHROMA_DERIVED)
        return luma_mode;
    int mode = modes[intra_chroma_pred_mode];
    return mode == luma_mode ? 34 : mode;
}
