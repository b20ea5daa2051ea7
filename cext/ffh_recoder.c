#include "ffh_recoder.h"

/* clause 7.3.8.9 */
static void recode_mvd(ffh_recoder *e)
{
    unsigned greater0[2], greater1[2];

    for (int i = 0; i < 2; i++)
        greater0[i] = ffh_recode(e, &e->contexts.abs_mvd_greater0_flag);
    for (int i = 0; i < 2; i++)
        greater1[i] = greater0[i] && ffh_recode(e, &e->contexts.abs_mvd_greater1_flag);
    for (int i = 0; i < 2; i++) {
        if (greater1[i])
            ffh_recode_exp_golomb(e, 1); /* abs_mvd_minus2 */
        if (greater0[i])
            ffh_recode_bypass(e, 1); /* mvd_sign_flag */
    }
}

static void recode_ref_idx(ffh_recoder *e, int active)
{
    int index = 0;

    while (index < FFH_MIN(active - 1, 2) && ffh_recode(e, &e->contexts.ref_idx[index]))
        index++;
    if (index < 2)
        return;
    while (index < active - 1 && ffh_recode_bypass(e, 1))
        index++;
}

static void recode_merge_idx(ffh_recoder *e)
{
    int index = 1, candidates = e->header->max_num_merge_cand;

    if (candidates < 2 || !ffh_recode(e, &e->contexts.merge_idx))
        return;
    while (index < candidates - 1 && ffh_recode_bypass(e, 1))
        index++;
}

/* Which lists a prediction block refers to: 1 for list 0, 2 for list 1, 3 for both */
static int recode_inter_pred_idc(ffh_recoder *e, int width, int height, int depth)
{
    enum { SMALLEST = 12 };

    if (e->header->slice_type == FFH_SLICE_P)
        return 1;
    if (width + height != SMALLEST && ffh_recode(e, &e->contexts.inter_pred_idc[depth]))
        return 3;
    return ffh_recode(e, &e->contexts.inter_pred_idc[4]) ? 2 : 1;
}

/* prediction_unit() of a block that is not skipped, clause 7.3.8.6; returns merge_flag */
static int recode_prediction_unit(ffh_recoder *e, int width, int height, int depth)
{
    if (ffh_recode(e, &e->contexts.merge_flag)) {
        recode_merge_idx(e);
        return 1;
    }
    int lists = recode_inter_pred_idc(e, width, height, depth);
    for (int list = 0; list < 2; list++) {
        if (!(lists >> list & 1))
            continue;
        recode_ref_idx(e, e->header->num_ref_idx[list]);
        if (!(list && lists == 3 && e->header->mvd_l1_zero_flag))
            recode_mvd(e);
        ffh_recode(e, &e->contexts.mvp_flag);
    }
    return 0;
}

/* Returns merge_flag of the last prediction block. */
static int recode_inter_prediction(ffh_recoder *e, const ffh_coding_block *cb)
{
    /* Quarters of the block's side: width and height of the first block, and of each of the others. */
    static const uint8_t quarters[][4] = {
        [FFH_PART_2Nx2N] = { 4, 4, 0, 0 }, [FFH_PART_2NxN] = { 4, 2, 4, 2 },  [FFH_PART_Nx2N] = { 2, 4, 2, 4 },
        [FFH_PART_NxN] = { 2, 2, 2, 2 },   [FFH_PART_2NxnU] = { 4, 1, 4, 3 }, [FFH_PART_2NxnD] = { 4, 3, 4, 1 },
        [FFH_PART_nLx2N] = { 1, 4, 3, 4 }, [FFH_PART_nRx2N] = { 3, 4, 1, 4 },
    };
    const uint8_t *q = quarters[cb->part_mode];
    int quarter = 1 << (cb->log2_size - 2), depth = e->map.log2_ctb - cb->log2_size;
    int parts = cb->part_mode == FFH_PART_2Nx2N ? 1 : cb->part_mode == FFH_PART_NxN ? 4 : 2;
    int merges = recode_prediction_unit(e, q[0] * quarter, q[1] * quarter, depth);

    for (int i = 1; i < parts; i++)
        merges = recode_prediction_unit(e, q[2] * quarter, q[3] * quarter, depth);
    return merges;
}

/* candModeList sorted, then the place of rem_intra_luma_pred_mode among the others (8.4.2) */
static int remaining_mode(int candidates[3], int mode)
{
    for (int i = 0; i < 2; i++)
        for (int j = i + 1; j < 3; j++)
            if (candidates[i] > candidates[j]) {
                int larger = candidates[i];
                candidates[i] = candidates[j];
                candidates[j] = larger;
            }
    for (int i = 0; i < 3; i++)
        mode += mode >= candidates[i];
    return mode;
}

static int recode_luma_mode(ffh_recoder *e, int x, int y, int is_most_probable)
{
    int candidates[3];

    ffh_cu_most_probable_modes(&e->map, x, y, candidates);
    if (!is_most_probable)
        return remaining_mode(candidates, (int)ffh_recode_bypass(e, 5));
    if (!ffh_recode_bypass(e, 1)) /* mpm_idx */
        return candidates[0];
    return candidates[1 + ffh_recode_bypass(e, 1)];
}

static void recode_intra_prediction(ffh_recoder *e, ffh_coding_block *cb)
{
    int parts = cb->part_mode == FFH_PART_NxN ? 4 : 1, log2_size = cb->log2_size - (parts > 1);
    unsigned is_most_probable[4];

    for (int i = 0; i < parts; i++)
        is_most_probable[i] = ffh_recode(e, &e->contexts.prev_intra_luma_pred_flag);
    for (int i = 0; i < 4; i++) {
        int x = cb->x + ((i & 1) << log2_size), y = cb->y + ((i >> 1) << log2_size);
        if (i >= parts) {
            cb->luma_modes[i] = cb->luma_modes[0];
            continue;
        }
        cb->luma_modes[i] = recode_luma_mode(e, x, y, (int)is_most_probable[i]);
        ffh_cu_map_set(&e->map, x, y, log2_size, cb->luma_modes[i]);
    }
    int coded = FFH_CHROMA_DERIVED;
    if (ffh_recode(e, &e->contexts.intra_chroma_pred_mode))
        coded = (int)ffh_recode_bypass(e, 2);
    cb->chroma_mode = ffh_cu_chroma_pred_mode(coded, cb->luma_modes[0]);
}

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
        recode_merge_idx(e);
        return;
    }
    cb.is_intra = is_intra_slice || ffh_recode(e, &e->contexts.pred_mode_flag);
    cb.part_mode = recode_part_mode(e, &cb);
    if (cb.is_intra) {
        recode_intra_prediction(e, &cb);
    } else {
        int merges = recode_inter_prediction(e, &cb);
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
