#include "hevc/recode/internal.h"

static enum ffh_part_mode recode_part_mode(ffh_recoder *e, const ffh_coding_block *cb)
{
    ffh_cabac_ctx *later = e->contexts.inter_part_mode;
    int is_smallest = cb->log2_size == e->map.log2_min_cb;

    if (cb->is_intra && !is_smallest)
        return FFH_PART_2Nx2N;
    if (ffh_recode(e, &e->contexts.part_mode))
        return FFH_PART_2Nx2N;
    if (cb->is_intra)
        return FFH_PART_NxN;
    int is_horizontal = (int)ffh_recode(e, &later[0]);
    if (is_smallest) {
        if (is_horizontal)
            return FFH_PART_2NxN;
        return cb->log2_size == 3 || ffh_recode(e, &later[1]) ? FFH_PART_Nx2N : FFH_PART_NxN;
    }
    if (!e->sps->amp_enabled_flag || ffh_recode(e, &later[2]))
        return is_horizontal ? FFH_PART_2NxN : FFH_PART_Nx2N;
    int is_second = (int)ffh_recode_bypass(e, 1);
    return (is_horizontal ? FFH_PART_2NxnU : FFH_PART_nLx2N) + is_second;
}

static int recode_cu_skip_flag(ffh_recoder *e, int x, int y)
{
    int skipped_left = x > 0 && e->skipped[ffh_cu_at(&e->map, x - 1, y)];
    int skipped_above = y > 0 && e->skipped[ffh_cu_at(&e->map, x, y - 1)];
    return (int)ffh_recode(e, &e->contexts.cu_skip_flag[skipped_left + skipped_above]);
}

static void mark_skipped(ffh_recoder *e, const ffh_coding_block *cb, int skips)
{
    int side = 1 << (cb->log2_size - 2);
    uint8_t *at = e->skipped + ffh_cu_at(&e->map, cb->x, cb->y);

    for (int row = 0; row < side; row++, at += e->map.stride)
        for (int i = 0; i < side; i++)
            at[i] = (uint8_t)skips;
}

/* clause 7.3.8.5 */
static void recode_coding_unit(ffh_recoder *e, int x, int y, int log2_size)
{
    ffh_coding_block cb = { .x = x, .y = y, .log2_size = log2_size };
    int has_residual = 1, is_intra_slice = e->header->slice_type == FFH_SLICE_I;
    ffh_cabac_ctx *bypass = &e->contexts.cu_transquant_bypass_flag;
    unsigned is_lossless = ffh_cabac_get(&e->in, *bypass);

    *bypass = ffh_cabac_next_state[(*bypass ^ is_lossless) & 1][*bypass];
    if (is_lossless) {
        e->has_lossless_blocks = 1;
        return;
    }
    int skips = !is_intra_slice && recode_cu_skip_flag(e, x, y);
    mark_skipped(e, &cb, skips);
    ffh_cu_map_set(&e->map, x, y, log2_size, FFH_INTRA_DC);
    if (skips) {
        ffh_recode_merge_idx(e);
        return;
    }
    cb.is_intra = is_intra_slice || ffh_recode(e, &e->contexts.pred_mode_flag);
    cb.part_mode = recode_part_mode(e, &cb);
    if (cb.is_intra) {
        ffh_recode_intra_prediction(e, &cb);
    } else {
        int merges = ffh_recode_inter_prediction(e, &cb);
        if (!(merges && cb.part_mode == FFH_PART_2Nx2N))
            has_residual = (int)ffh_recode(e, &e->contexts.rqt_root_cbf);
    }
    if (has_residual)
        ffh_recode_transform_tree(e, &cb);
}

static int recode_split_cu(ffh_recoder *e, int x, int y, int log2_size)
{
    const ffh_cu_map *map = &e->map;
    int size = 1 << log2_size;

    if (log2_size == map->log2_min_cb)
        return 0;
    if (x + size > map->width || y + size > map->height)
        return 1;
    int deeper_left = x > 0 && ffh_cu_log2(map, x - 1, y) < log2_size;
    int deeper_above = y > 0 && ffh_cu_log2(map, x, y - 1) < log2_size;
    return (int)ffh_recode(e, &e->contexts.split_cu_flag[deeper_left + deeper_above]);
}

static void recode_coding_quadtree(ffh_recoder *e, int x, int y, int log2_size)
{
    int splits = recode_split_cu(e, x, y, log2_size), half = 1 << (log2_size - 1);

    if (log2_size >= e->map.log2_ctb - e->pps->diff_cu_qp_delta_depth)
        e->is_cu_qp_delta_coded = 0;
    if (!splits) {
        recode_coding_unit(e, x, y, log2_size);
        return;
    }
    for (int i = 0; i < 4 && !e->in.error && !e->has_lossless_blocks; i++) {
        int child_x = x + (i & 1) * half, child_y = y + (i >> 1) * half;
        if (child_x < e->map.width && child_y < e->map.height)
            recode_coding_quadtree(e, child_x, child_y, log2_size - 1);
    }
}

void ffh_recode_ctu(ffh_recoder *e, int x, int y)
{
    recode_coding_quadtree(e, x, y, e->map.log2_ctb);
}
