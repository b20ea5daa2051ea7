#include "hevc/intra/coding_tree.h"

/* One transform block's place: a coding block at (cb_x, cb_y), the block itself in luma samples. */
typedef struct transform_node {
    int x, y, log2_size, depth, index;
    int parent_x, parent_y;
    int cbf_cb, cbf_cr;
} transform_node;

typedef struct coding_block {
    int x, y, log2_size, is_split; /* IntraSplitFlag */
} coding_block;

/* Whether a block of a plane differs from its prediction anywhere. */
static int has_residual(const ffh_tree_coder *e, int plane, int x, int y, int size)
{
    int16_t any = 0;
    if (!e->residual)
        return 0;
    for (int j = 0; j < size && !any; j += 4) {
        const int16_t *tiles = ffh_residual_tile(e->residual, plane, x, y + j);
        for (int i = 0; i < size * 4; i++)
            any |= tiles[i];
    }
    return any != 0;
}

static int luma_mode_at(const ffh_tree_coder *e, int x, int y)
{
    return e->map->luma_mode[ffh_cu_at(e->map, x, y)];
}

static int chroma_mode_of(const ffh_tree_coder *e, const coding_block *cb)
{
    int coded = e->map->chroma_mode[ffh_cu_at(e->map, cb->x, cb->y)];
    return ffh_cu_chroma_pred_mode(coded, luma_mode_at(e, cb->x, cb->y));
}

static void put_block(ffh_tree_coder *e, int plane, int x, int y, int log2_size, int mode)
{
    ffh_put_residual(&e->c, &e->contexts, ffh_residual_tile(e->residual, plane, x, y), e->residual->stride[plane],
                     log2_size, plane == 0, ffh_scan_of(mode, log2_size, plane == 0));
}

static void put_chroma(ffh_tree_coder *e, const coding_block *cb, const transform_node *node, int x, int y,
                       int log2_size)
{
    int mode = chroma_mode_of(e, cb);
    if (node->cbf_cb)
        put_block(e, 1, x / 2, y / 2, log2_size, mode);
    if (node->cbf_cr)
        put_block(e, 2, x / 2, y / 2, log2_size, mode);
}

/* transform_unit(), clause 7.3.8.10; cu_qp_delta is never coded: off in the lossless PPS, and grey has no residual */
static void put_transform_unit(ffh_tree_coder *e, const coding_block *cb, const transform_node *node)
{
    int cbf_luma = has_residual(e, 0, node->x, node->y, 1 << node->log2_size);

    ffh_cabac_put(&e->c, &e->contexts.cbf_luma[node->depth == 0], (unsigned)cbf_luma);
    if (cbf_luma)
        put_block(e, 0, node->x, node->y, node->log2_size, luma_mode_at(e, node->x, node->y));
    if (node->log2_size > 2)
        put_chroma(e, cb, node, node->x, node->y, node->log2_size - 1);
    else if (node->index == 3)
        put_chroma(e, cb, node, node->parent_x, node->parent_y, 2);
}

/* transform_tree(), clause 7.3.8.8; `node` arrives with the cbf_cb and cbf_cr of its parent */
static void put_transform_tree(ffh_tree_coder *e, const coding_block *cb, transform_node node)
{
    const ffh_sps *sps = e->sps;
    int max_depth = sps->max_transform_hierarchy_depth_intra + cb->is_split;
    int is_forced = node.log2_size > sps->log2_max_luma_transform_block_size || (cb->is_split && node.depth == 0);

    if (!is_forced && node.log2_size > sps->log2_min_luma_transform_block_size && node.depth < max_depth)
        ffh_cabac_put(&e->c, &e->contexts.split_transform_flag[5 - node.log2_size], 0);
    if (node.log2_size > 2) {
        if (node.cbf_cb) {
            node.cbf_cb = has_residual(e, 1, node.x / 2, node.y / 2, 1 << (node.log2_size - 1));
            ffh_cabac_put(&e->c, &e->contexts.cbf_chroma[node.depth], (unsigned)node.cbf_cb);
        }
        if (node.cbf_cr) {
            node.cbf_cr = has_residual(e, 2, node.x / 2, node.y / 2, 1 << (node.log2_size - 1));
            ffh_cabac_put(&e->c, &e->contexts.cbf_chroma[node.depth], (unsigned)node.cbf_cr);
        }
    }
    if (!is_forced) {
        put_transform_unit(e, cb, &node);
        return;
    }
    int half = 1 << (node.log2_size - 1);
    for (int i = 0; i < 4; i++) {
        transform_node child = node;
        child.x += (i & 1) * half;
        child.y += (i >> 1) * half;
        child.log2_size--;
        child.depth++;
        child.index = i;
        child.parent_x = node.x;
        child.parent_y = node.y;
        put_transform_tree(e, cb, child);
    }
}

/* mpm_idx of a mode, or -1 and in *rem_intra_luma_pred_mode its code */
static int most_probable_index(const ffh_tree_coder *e, int x, int y, int *rem_intra_luma_pred_mode)
{
    int candidates[3], mode = luma_mode_at(e, x, y);
    ffh_cu_most_probable_modes(e->map, x, y, candidates);

    *rem_intra_luma_pred_mode = mode;
    for (int i = 0; i < 3; i++) {
        if (candidates[i] == mode)
            return i;
        *rem_intra_luma_pred_mode -= candidates[i] < mode;
    }
    return -1;
}

static void put_luma_modes(ffh_tree_coder *e, const coding_block *cb)
{
    int parts = cb->is_split ? 4 : 1, half = 1 << (cb->log2_size - 1);
    int mpm_idx[4], rem_intra_luma_pred_mode[4];

    for (int i = 0; i < parts; i++) {
        mpm_idx[i] =
            most_probable_index(e, cb->x + (i & 1) * half, cb->y + (i >> 1) * half, &rem_intra_luma_pred_mode[i]);
        ffh_cabac_put(&e->c, &e->contexts.prev_intra_luma_pred_flag, mpm_idx[i] >= 0);
    }
    for (int i = 0; i < parts; i++) {
        if (mpm_idx[i] < 0)
            ffh_cabac_put_bypass(&e->c, (uint32_t)rem_intra_luma_pred_mode[i], 5);
        else /* truncated unary: 0, 10, 11 */
            ffh_cabac_put_bypass(&e->c, mpm_idx[i] ? (uint32_t)mpm_idx[i] + 1 : 0, mpm_idx[i] ? 2 : 1);
    }
}

/* coding_unit(), clause 7.3.8.5 */
static void put_coding_unit(ffh_tree_coder *e, int x, int y, int log2_size)
{
    coding_block cb = { x, y, log2_size, e->map->log2_pu[ffh_cu_at(e->map, x, y)] < log2_size };
    int chroma = e->map->chroma_mode[ffh_cu_at(e->map, x, y)];

    if (e->pps->transquant_bypass_enabled_flag)
        ffh_cabac_put(&e->c, &e->contexts.cu_transquant_bypass_flag, e->residual != NULL);
    if (log2_size == e->map->log2_min_cb)
        ffh_cabac_put(&e->c, &e->contexts.part_mode, !cb.is_split);
    put_luma_modes(e, &cb);
    ffh_cabac_put(&e->c, &e->contexts.intra_chroma_pred_mode, chroma != FFH_CHROMA_DERIVED);
    if (chroma != FFH_CHROMA_DERIVED)
        ffh_cabac_put_bypass(&e->c, (uint32_t)chroma, 2);

    transform_node root = { .x = x, .y = y, .log2_size = log2_size, .cbf_cb = 1, .cbf_cr = 1 };
    put_transform_tree(e, &cb, root);
}

static int split_ctx(const ffh_tree_coder *e, int x, int y, int log2_size)
{
    return (x > 0 && ffh_cu_log2(e->map, x - 1, y) < log2_size) + (y > 0 && ffh_cu_log2(e->map, x, y - 1) < log2_size);
}

/* coding_quadtree(), clause 7.3.8.4 */
void ffh_put_coding_quadtree(ffh_tree_coder *e, int x, int y, int log2_size)
{
    int size = 1 << log2_size, half = size >> 1;
    int fits = x + size <= e->map->width && y + size <= e->map->height;
    int splits = log2_size > e->map->log2_min_cb && (!fits || ffh_cu_log2(e->map, x, y) < log2_size);

    if (fits && log2_size > e->map->log2_min_cb)
        ffh_cabac_put(&e->c, &e->contexts.split_cu_flag[split_ctx(e, x, y, log2_size)], (unsigned)splits);
    if (!splits) {
        put_coding_unit(e, x, y, log2_size);
        return;
    }
    for (int i = 0; i < 4; i++) {
        int child_x = x + (i & 1) * half, child_y = y + (i >> 1) * half;
        if (child_x < e->map->width && child_y < e->map->height)
            ffh_put_coding_quadtree(e, child_x, child_y, log2_size - 1);
    }
}
