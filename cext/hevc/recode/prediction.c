#include "hevc/recode/internal.h"

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

void ffh_recode_merge_idx(ffh_recoder *e)
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
        ffh_recode_merge_idx(e);
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

int ffh_recode_inter_prediction(ffh_recoder *e, const ffh_coding_block *cb)
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

void ffh_recode_intra_prediction(ffh_recoder *e, ffh_coding_block *cb)
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
